package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that runs the migrations of the earlier release
	"github.com/pressly/goose/v3"

	"hotdrop/core/storetest"
)

const (
	beforeTheChain = 6     // the schema of the last release whose staff log was no chain
	oldRows        = 4_000 // four times what one transaction seals
)

// earlier is a database of a release from before the staff log was a chain.
type earlier struct {
	flags []string // that name it to hotdrop
	db    *sql.DB  // past the store

	// stall has whoever seals the row wait in the middle of the transaction. It returns what tells that somebody does, and what
	// lets the next one through.
	stall func(t *testing.T, row int) (stalled func() bool, release func())
}

// fill has the release's schema, and rows in the staff log of two brands.
func (e *earlier) fill(t *testing.T, dialect goose.Dialect, migrations string) {
	t.Helper()
	provider, err := goose.NewProvider(dialect, e.db, os.DirFS(migrations), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), beforeTheChain); err != nil {
		t.Fatal(err)
	}
	e.exec(t, fmt.Sprintf(`
		WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d)
		INSERT INTO staff_log (brand, campaign, at, actor, role, action, reason, before_, after_)
		SELECT CASE WHEN n %% 3 = 0 THEN 'acme' ELSE 'meizu' END, 'phone', n, 'staff-1', 'operator', 'campaign.apply', 'change ' || n, NULL, '{}'
		FROM numbers ORDER BY n`, oldRows))
}

func (e *earlier) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := e.db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// count is a number that a query gives.
func (e *earlier) count(t *testing.T, query string) (n int) {
	t.Helper()
	if err := e.db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// killWhileSealing starts to migrate, and kills the process in the transaction that seals the row. The part before stays.
func (e *earlier) killWhileSealing(t *testing.T, folder string, row int) {
	t.Helper()
	stalled, release := e.stall(t, row)
	cmd := hotdrop(t.Context(), folder, append([]string{"migrate"}, e.flags...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for late := time.After(patience); !stalled(); {
		select {
		case err := <-ended:
			t.Fatalf("it ended without sealing row %d, %v", row, err)
		case <-late:
			t.Fatalf("nobody seals row %d", row)
		default:
		}
	}
	_ = cmd.Process.Kill() // it waits, so it is there
	if err := <-ended; err == nil {
		t.Errorf("it ended as if nothing had happened while it sealed row %d", row)
	}
	release()
	sealed := e.count(t, "SELECT seq FROM staff_log_head")
	if numbered := e.count(t, "SELECT count(*) FROM staff_log WHERE seq > 0"); numbered != sealed || sealed == 0 || sealed >= oldRows {
		t.Errorf("killed while it sealed row %d: %d of %d rows have a number, and the chain ends with row %d", row, numbered, oldRows, sealed)
	}
}

// TestAKillWhileOldRowsAreSealedLeavesAChainThatGoesOn kills what migrates the log of an earlier release, more than once, and
// then starts a server, which seals the rest.
func TestAKillWhileOldRowsAreSealedLeavesAChainThatGoesOn(t *testing.T) {
	for name, made := range map[string]func(t *testing.T, folder string) *earlier{
		"on SQLite": earlierSQLite, "on Postgres": earlierPostgres,
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			e := made(t, folder)
			e.killWhileSealing(t, folder, 1_500)
			e.killWhileSealing(t, folder, 3_001)
			if s := serve(t, folder, append([]string{"--demo"}, e.flags...)...); s.signal(t, syscall.SIGINT) != exitOK {
				t.Fatal(s.log())
			}
			if r := run(t, folder, append([]string{"log", "verify"}, e.flags...)...); r.code != exitOK || !strings.Contains(r.stdout, "0 findings") {
				t.Errorf("log verify: exit %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			inPlace := e.count(t, "SELECT count(*) FROM staff_log WHERE seq = at AND reason = 'change ' || seq AND hash <> ''")
			if inPlace != oldRows {
				t.Errorf("%d of %d old rows are in the chain, each in its place", inPlace, oldRows)
			}
		})
	}
}

// longLock is how long a lock is waited for until whoever has it is taken to be stalled: many times what a part takes.
const longLock = 2 * time.Second

func earlierSQLite(t *testing.T, folder string) *earlier {
	t.Helper()
	data := filepath.Join(folder, "data")
	made, err := (&databaseSettings{data: data}).open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Close(); err != nil {
		t.Fatal(err)
	}
	e := &earlier{flags: []string{"--data", data}}
	e.db = past(t, "sqlite", fmt.Sprintf("file:%s/hotdrop.db?_pragma=busy_timeout(%d)&_txlock=immediate", data, longLock.Milliseconds()))
	e.fill(t, goose.DialectSQLite3, "../../core/sqlite/migrations")
	e.stall = func(t *testing.T, row int) (stalled func() bool, release func()) {
		t.Helper()
		e.exec(t, fmt.Sprintf(`CREATE TRIGGER stalls AFTER UPDATE ON staff_log WHEN new.id = %d
			BEGIN SELECT count(*) FROM staff_log a, staff_log b, staff_log c WHERE a.at + b.at + c.at < 0; END`, row))
		return func() bool { return e.locked(t) }, func() { e.exec(t, "DROP TRIGGER stalls") }
	}
	return e
}

// locked reports whether somebody keeps the SQLite file locked for long.
func (e *earlier) locked(t *testing.T) bool {
	t.Helper()
	tx, err := e.db.BeginTx(t.Context(), nil)
	if err != nil && strings.Contains(err.Error(), "locked") {
		return true
	}
	if err == nil {
		err = tx.Rollback()
	}
	if err != nil {
		t.Fatal(err)
	}
	return false
}

func earlierPostgres(t *testing.T, _ string) *earlier {
	t.Helper()
	database := storetest.PostgresURL(t)
	e := &earlier{flags: []string{"--database-url", database}, db: past(t, "pgx", database)}
	e.fill(t, goose.DialectPostgres, "../../core/postgres/migrations")
	e.exec(t, `CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN new; END'`)
	e.stall = func(t *testing.T, row int) (stalled func() bool, release func()) {
		t.Helper()
		e.exec(t, fmt.Sprintf("CREATE TRIGGER stalls BEFORE UPDATE ON staff_log FOR EACH ROW WHEN (new.id = %d) EXECUTE FUNCTION stall()", row))
		held, err := e.db.BeginTx(t.Context(), nil)
		if err == nil {
			_, err = held.ExecContext(t.Context(), "SELECT pg_advisory_xact_lock(1)")
		}
		if err != nil {
			t.Fatal(err)
		}
		return func() bool { return e.count(t, waitsForTest) > 0 }, func() {
			if err := held.Rollback(); err != nil {
				t.Fatal(err)
			}
			e.exec(t, "DROP TRIGGER stalls ON staff_log") // after the transaction that was stalled
		}
	}
	return e
}

// waitsForTest asks Postgres how many wait for the lock that the test holds.
const waitsForTest = `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

// past is a connection past the store.
func past(t *testing.T, driver, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
