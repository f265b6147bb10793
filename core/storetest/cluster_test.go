package storetest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run executes the statement and returns the one number it answers, or 0.
func run(t *testing.T, url, statement string) (answer int) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	must(t, err)
	err = connection.QueryRow(t.Context(), statement).Scan(&answer)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	must(t, errors.Join(err, connection.Close(t.Context())))
	return answer
}

func TestAKilledClusterKeepsWhatWasCommitted(t *testing.T) {
	c := NewCluster(t, "")
	url := c.URL("postgres")
	run(t, url, "CREATE TABLE kept (n int)")
	for n := range 3 {
		run(t, url, "INSERT INTO kept VALUES (1)")
		must(t, c.Restart())
		same(t, "rows", run(t, url, "SELECT count(*) FROM kept"), n+1)
	}
}

func TestAKilledClusterCutsItsClientsOffAndNothingOfItGoesOn(t *testing.T) {
	c := NewCluster(t, "")
	connection, err := pgx.Connect(t.Context(), c.URL("postgres"))
	must(t, err)
	must(t, c.Kill())
	if err := connection.Ping(t.Context()); err == nil {
		t.Error("the connection still works")
	}
	if c.answers() {
		t.Error("the server still answers")
	}
	must(t, connection.Close(t.Context()))
}

func TestAClusterStopsAndStartsAndIsStoppedTwice(t *testing.T) {
	c := NewCluster(t, "")
	must(t, c.Stop())
	must(t, c.Stop())
	if c.answers() {
		t.Error("a stopped server answers")
	}
	must(t, c.Start())
	same(t, "answer", run(t, c.URL("postgres"), "SELECT 7"), 7)
}

func TestAClusterLeavesNothingBehind(t *testing.T) {
	var folder string
	t.Run("while it runs", func(t *testing.T) { folder = NewCluster(t, "").folder })
	if t.Failed() || folder == "" {
		t.SkipNow() // the subtest said why
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", folder)
	}
}

func TestAServerEndsWithItsHolder(t *testing.T) {
	c := NewCluster(t, "")
	must(t, c.held.Close()) // as the kernel does when the test process ends
	if !c.exitsWithin(0) {
		t.Error("the server did not exit")
	}
	must(t, c.running.Wait())
	c.running = nil
	if _, err := os.Stat(c.folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", c.folder)
	}
}

func TestEveryTestGetsAnEmptyDatabaseThatGoesWithIt(t *testing.T) {
	const tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
	var first string
	t.Run("the first", func(t *testing.T) {
		first = PostgresURL(t)
		run(t, first, "CREATE TABLE mess (n int)")
		same(t, "tables", run(t, first, tables), 1)
	})
	second := PostgresURL(t)
	same(t, "tables", run(t, second, tables), 0)
	if _, err := pgx.Connect(t.Context(), first); err == nil {
		t.Error("the first test's database is still there")
	}
}

func TestADatabaseIsNamedInEitherFormOfAConnectionString(t *testing.T) {
	for admin, want := range map[string]string{
		"postgres://u:p@h:5/postgres?sslmode=disable": "postgres://u:p@h:5/other?sslmode=disable",
		"postgres:///postgres?host=%2Ftmp&user=u":     "postgres:///other?host=%2Ftmp&user=u",
		"host=h user=u": "host=h user=u dbname=other",
	} {
		got, err := withDatabase(admin, "other")
		must(t, err)
		same(t, admin, got, want)
	}
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	c, err := newCluster("")
	if errors.Is(err, ErrNoPostgres) {
		Missing(t, "postgres", err)
	}
	must(t, err)
	defer func() { must(t, os.RemoveAll(c.folder)) }()
	must(t, os.WriteFile(filepath.Join(c.data, "postgresql.conf"), []byte("no_such_setting = 1\n"), 0o600))
	must(t, c.own(filepath.Join(c.data, "postgresql.conf")))
	c.patience = time.Second
	if err := c.Start(); err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("got the error %v", err)
	}
}
