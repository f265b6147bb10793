package main

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/core/storetest"
)

// logged is a database whose staff log grew while its heads were exported.
type logged struct {
	folder string
	heads  string
	key    string // the public one
}

// log appends so many rows to the database and exports a head after the last.
func (l *logged) log(t *testing.T, db *database, key *core.LogKey, rows int) {
	t.Helper()
	for n := range rows {
		if err := db.staffLog.AppendStaffEntry(t.Context(), &core.StaffEntry{At: int64(n), Actor: "ann", Action: "campaign.apply"}); err != nil {
			t.Fatal(err)
		}
	}
	staffLog := core.NewStaffLog(db.staffLog, key, nil)
	export, err := newHeadExport(headSettings{to: l.heads, every: time.Minute}, staffLog, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(export.export(t.Context()), export.out.Close()); err != nil {
		t.Fatal(err)
	}
}

// fill logs a hundred rows and takes a backup of them, then twenty more.
func (l *logged) fill(t *testing.T, settings *databaseSettings, backup func()) {
	t.Helper()
	key, err := core.NewLogKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	l.heads, l.key = filepath.Join(l.folder, "heads.jsonl"), key.Public().String()
	for _, rows := range []int{100, 20} {
		db, err := settings.openMigrated(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l.log(t, db, key, rows)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if rows == 100 {
			backup()
		}
	}
}

// verify runs log verify on the database that the flags name.
func (l *logged) verify(t *testing.T, more ...string) result {
	t.Helper()
	return run(t, l.folder, append([]string{"log", "verify", "--heads", l.heads, "--public-key", l.key}, more...)...)
}

// wantLost checks what is said of the backup, and that all is well with the database itself.
func (l *logged) wantLost(t *testing.T, database, backup []string) {
	t.Helper()
	if r := l.verify(t, database...); r.code != exitOK || !strings.Contains(r.stdout, "0 findings in 120 rows, the last of which is 120: every row is as it was written, and none is missing between them. It was held against 2 signed heads, which vouch up to row 120.") {
		t.Errorf("the database: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	r := l.verify(t, backup...)
	if r.code != exitFailed || !strings.HasPrefix(r.stdout, "removed\trows 101–120 are missing: the head of 20") ||
		!strings.Contains(r.stdout, "heads.jsonl:2) says that the log had 120 rows; the last one here is row 100 (") {
		t.Errorf("the backup: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

func TestARestoredFolderLacksWhatTheHeadsSay(t *testing.T) {
	l := &logged{folder: t.TempDir()}
	data, backup := filepath.Join(l.folder, "data"), filepath.Join(l.folder, "backup")
	l.fill(t, &databaseSettings{data: data}, func() {
		if err := os.CopyFS(backup, os.DirFS(data)); err != nil {
			t.Fatal(err)
		}
	})
	l.wantLost(t, []string{"--data", data}, []string{"--data", backup})

	t.Run("and without heads it looks whole", func(t *testing.T) {
		if r := run(t, l.folder, "log", "verify", "--data", backup); r.code != exitOK || !strings.Contains(r.stdout, "No heads were given") {
			t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	})
	t.Run("what goes on after it is another history", func(t *testing.T) {
		db, err := (&databaseSettings{data: backup}).openMigrated(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		other := *l
		other.heads = filepath.Join(l.folder, "other.jsonl")
		key, _ := core.NewLogKey(bytes.Repeat([]byte{7}, 32))
		if err := db.staffLog.AppendStaffEntry(t.Context(), &core.StaffEntry{Actor: "bob", Action: "campaign.apply"}); err != nil {
			t.Fatal(err)
		}
		other.log(t, db, key, 30)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		r := l.verify(t, "--data", backup)
		if want := "rewritten\trows 101–120 are not all as they were: the head of "; r.code != exitFailed || !strings.HasPrefix(r.stdout, want) {
			t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	})
	t.Run("a file of heads without one vouches for nothing", func(t *testing.T) {
		empty := *l
		empty.heads = os.DevNull
		r := empty.verify(t, "--data", data)
		if want := "bad_head\t" + os.DevNull + ": no valid signed head of this log is in it"; r.code != exitFailed || !strings.HasPrefix(r.stdout, want) {
			t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	})
	t.Run("a server on the backup appends no head to the file", func(t *testing.T) { l.wantNoHead(t, backup) })
	t.Run("heads that are none of this log's", func(t *testing.T) { l.wantBadHeads(t, data) })
}

// wantNoHead exports heads of the backup to the file of the database's heads: at once, and when the backup has grown past them.
func (l *logged) wantNoHead(t *testing.T, backup string) {
	t.Helper()
	before := readText(t, l.heads)
	db, err := (&databaseSettings{data: backup}).openMigrated(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	key, _ := core.NewLogKey(bytes.Repeat([]byte{7}, 32))
	for rows := range 2 {
		var log bytes.Buffer
		export, err := newHeadExport(headSettings{to: l.heads, every: time.Minute}, core.NewStaffLog(db.staffLog, key, nil), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		export.try(t.Context())
		export.try(t.Context())
		if said := log.String(); strings.Count(said, "level=ERROR") != 2 || !strings.Contains(said, "head_row=120") || !strings.Contains(said, "log_ends_with_row=1") {
			t.Errorf("the log says\n%s", said)
		}
		if x := export.exported()(); !x.Lost || x.Failures != 2 || x.Seq != 120 {
			t.Errorf("the metrics say %+v", x)
		}
		if err := export.out.Close(); err != nil {
			t.Fatal(err)
		}
		for range 60 * (1 - rows) {
			if err := db.staffLog.AppendStaffEntry(t.Context(), &core.StaffEntry{Actor: "bob", Action: "campaign.apply"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if after := readText(t, l.heads); after != before {
		t.Errorf("the file of heads has grown by %q", strings.TrimPrefix(after, before))
	}
}

func TestAnEmptyLogOfADatabaseInUseIsAFinding(t *testing.T) {
	folder := t.TempDir()
	db, err := (&databaseSettings{data: filepath.Join(folder, "data")}).openMigrated(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if r := run(t, folder, "log", "verify"); r.code != exitOK || !strings.Contains(r.stdout, "0 findings") {
		t.Errorf("a database that nobody has used: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	tamper(t, folder, `UPDATE staff_key_revision SET revision = 3`)
	r := run(t, folder, "log", "verify")
	if want := "removed\tthe log has no rows, but there are 0 campaigns and 3 changes of staff keys"; r.code != exitFailed || !strings.HasPrefix(r.stdout, want) {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// wantBadHeads verifies with heads that were changed, stripped, signed by another key, or of another deployment.
func (l *logged) wantBadHeads(t *testing.T, data string) {
	t.Helper()
	text, err := os.ReadFile(l.heads)
	if err != nil {
		t.Fatal(err)
	}
	var head core.SignedHead
	if err := json.Unmarshal(bytes.SplitN(text, []byte("\n"), 2)[0], &head); err != nil {
		t.Fatal(err)
	}
	var lines []string
	add := func(h core.SignedHead) {
		line, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	forged, stripped := head, head
	forged.Hash, stripped.Signature = strings.Repeat("0", 64), ""
	add(forged)
	add(stripped)
	key, _ := core.NewLogKey(make([]byte, 32))
	add(*key.Sign(head.Deployment, core.LogHead{Seq: 5, Hash: forged.Hash}, time.UnixMilli(0)))
	own, _ := core.NewLogKey(bytes.Repeat([]byte{7}, 32))
	add(*own.Sign("another", core.LogHead{Seq: 5, Hash: forged.Hash}, time.UnixMilli(0)))
	lines = append(lines, `{"seq":1}`, strings.Repeat("x", 3*maxHeadLine), lines[0][:40]) // the last is cut off, as by a crash
	r := l.verify(t, "--data", data, "--heads", writeFile(t, l.folder, "bad.jsonl", strings.Join(lines, "\n")))
	findings := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if r.code != exitFailed || len(findings) != 8 {
		t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	for i, want := range []string{
		"1: its signature does not fit", "2: it is not signed", "3: it is signed with another key", `4: it is of the deployment "another"`,
		"5: it is not a signed head", "6: it is not a signed head",
		"bad.jsonl: no valid signed head of this log is in it", "7 findings",
	} {
		if !strings.Contains(findings[i], want) {
			t.Errorf("got %q, want %q", findings[i], want)
		}
	}
}

func TestARestoredDumpLacksWhatTheHeadsSay(t *testing.T) {
	l := &logged{folder: t.TempDir()}
	live, restored := storetest.PostgresURL(t), storetest.PostgresURL(t)
	l.fill(t, &databaseSettings{url: live}, func() {
		dump, err := exec.CommandContext(t.Context(), "pg_dump", "--no-owner", "--dbname", live).Output()
		if errors.Is(err, exec.ErrNotFound) {
			storetest.Missing(t, "postgres", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		restore := exec.CommandContext(t.Context(), "psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", restored)
		restore.Stdin = bytes.NewReader(dump)
		if said, err := restore.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
	})
	l.wantLost(t, []string{"--database-url", live}, []string{"--database-url", restored})
	connection, err := pgx.Connect(t.Context(), live)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close(t.Context()) }()
	for _, statement := range []string{"DROP RULE staff_log_keeps ON staff_log", "UPDATE staff_log SET actor = 'bob' WHERE seq = 50"} {
		if _, err := connection.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	r := l.verify(t, "--database-url", live, "-o", "json")
	if r.code != exitFailed || !strings.HasPrefix(r.stderr, "changed\trow 50 does not fit") || !strings.Contains(r.stdout, `"findings": 1`) {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// TestAServersLogIsShownExportedAndVerified goes the whole way: a demo that exports heads, a change, reading, tampering.
func TestAServersLogIsShownExportedAndVerified(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo", "--log-heads", "heads.jsonl", "--log-heads-every", "1s")
	keys, err := api.LoadKeys(filepath.Join(folder, "data", demoKeysFile))
	if err != nil {
		t.Fatal(err)
	}
	request(t, http.StatusOK, http.MethodPost, s.url+"/v1/campaigns/phone/stop", keyOf(keys, core.RoleOperator), "",
		`{"level":"mechanics","reason":"prices are wrong"}`)
	shown := requireRun(t, folder, "log", "show", "phone", "--server", s.url, "--since", "1h")
	if !strings.Contains(shown, "demo-operator (operator) from 127.0.0.1\trollout.stop\txiaomi\tphone\t-\tprices are wrong\n") {
		t.Errorf("shown is\n%s", shown)
	}
	if again := requireRun(t, folder, "log", "show", "--server", s.url, "-o", "json", "--action", core.ActionLogRead); !strings.Contains(again, `"demo-auditor"`) {
		t.Errorf("the reading is not logged:\n%s", again)
	}
	for _, role := range []core.Role{core.RoleOperator, core.RolePlatform} {
		request(t, http.StatusForbidden, http.MethodGet, s.url+"/v1/audit", keyOf(keys, role), "", "")
	}
	if code := s.signal(t, syscall.SIGTERM); code != exitOK {
		t.Fatalf("exit %d\n%s", code, s.log())
	}
	public := strings.TrimSpace(requireRun(t, folder, "log", "key", filepath.Join("data", demoKeysFile)))
	verify := []string{"log", "verify", "--heads", "heads.jsonl", "--public-key", public}
	if said := requireRun(t, folder, verify...); !strings.Contains(said, "0 findings in ") {
		t.Error(said)
	}
	last := lastHead(t, filepath.Join(folder, "heads.jsonl"))
	tamper(t, folder, `DROP TRIGGER staff_log_loses_nothing`, fmt.Sprintf(`DELETE FROM staff_log WHERE seq = %d`, last),
		fmt.Sprintf(`UPDATE staff_log_head SET seq = %d, hash = (SELECT hash FROM staff_log WHERE seq = %d)`, last-1, last-1))
	if r := run(t, folder, verify...); r.code != exitFailed || !strings.Contains(r.stdout, fmt.Sprintf("removed\trow %d is missing: the head of ", last)) {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// lastHead is the row of the last head in the file.
func lastHead(t *testing.T, path string) int64 {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var head core.SignedHead
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
			t.Fatal(err)
		}
	}
	return head.Seq
}

// tamper runs statements on a folder's database.
func tamper(t *testing.T, folder string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "data", "hotdrop.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func TestLogCommandsRefuseWhatCannotBeMeant(t *testing.T) {
	folder := t.TempDir()
	for _, test := range [][]string{
		{"log"}, {"log", "verify", "--heads", "h"}, {"log", "verify", "--public-key", "?"}, {"log", "show", "--since", "noon"},
		{"log", "show", "--limit", "-1"}, {"serve", "--demo", "--log-heads-every", "1ms"},
	} {
		if r := run(t, folder, test...); r.code != exitUsage || r.stderr == "" {
			t.Errorf("%v: exit %d, %s", test, r.code, r.stderr)
		}
	}
}

func TestARowSaysWhatItIsAbout(t *testing.T) {
	at := time.Date(2014, 4, 8, 4, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct{ after, want string }{
		"a plugin on terms":     {fmt.Sprintf(`{"plugin":"sha256:9f86d081884c7d65","terms":{"campaigns":["phone","car"],"expires_at":%d}}`, at.UnixMilli()), "sha256:9f86d081884c for phone, car until 2014-04-08T04:00:00Z"},
		"one for all":           {fmt.Sprintf(`{"plugin":"sha256:9f86d081884c7d65","terms":{"expires_at":%d}}`, at.UnixMilli()), "sha256:9f86d081884c for all campaigns until 2014-04-08T04:00:00Z"},
		"a plugin":              {`{"plugin":"sha256:9f86d081884c7d65","name":"trade-in"}`, "sha256:9f86d081884c"},
		"a staff key":           {`{"key":"key.1","person":"olga","role":"operator"}`, "key.1 of olga"},
		"a signing key":         {`{"key":"k1","name":"build"}`, "k1"},
		"a campaign":            {`{"id":"phone","title":{"en":"x"}}`, ""},
		"a document of no kind": {`[1]`, ""},
		"nothing":               {"", ""},
	} {
		if got := aboutText(&api.LoggedEntry{After: []byte(tt.after)}); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
