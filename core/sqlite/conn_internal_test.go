package sqlite

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"hotdrop/core"
)

func TestEveryConnectionIsDurableAndReadsWhileOthersWrite(t *testing.T) {
	s := openTest(t)
	for name, pool := range map[string]*pool{"writer": s.writer, "reader": s.readers} {
		for pragma, want := range map[string]string{
			"synchronous": "2", "journal_mode": "wal", "wal_autocheckpoint": fmt.Sprint(checkpointPages),
			"busy_timeout": fmt.Sprint(busyTimeout), "journal_size_limit": fmt.Sprint(walLimit),
		} {
			err := pool.with(t.Context(), func(c *conn) error {
				return c.query(func(r *row) error {
					if got := fmt.Sprint(r.values[0]); got != want {
						t.Errorf("%s: %s is %s, want %s", name, pragma, got, want)
					}
					return nil
				}, "PRAGMA "+pragma)
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
}

func openTest(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestATransactionThatFailsLeavesNothingAndTheNextOneWorks(t *testing.T) {
	s := openTest(t)
	run := func(statement string, after error) error {
		return s.write(t.Context(), func(c *conn) error {
			_, err := c.exec(statement)
			return errors.Join(err, after)
		})
	}
	if err := run("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT", nil); err != nil {
		t.Fatal(err)
	}
	if err := run("INSERT INTO t VALUES (1)", io.EOF); !errors.Is(err, io.EOF) {
		t.Fatalf("got the error %v", err)
	}
	if err := run("INSERT INTO t VALUES (1)", nil); err != nil {
		t.Fatalf("the first insert is still there: %v", err)
	}
	if err := run("INSERT INTO t VALUES (1)", nil); !errors.Is(err, core.ErrConflict) {
		t.Fatalf("got the error %v", err)
	}
	if err := run("INSERT INTO t VALUES (2)", nil); err != nil {
		t.Fatal(err)
	}
}

func TestWhatErrorsMean(t *testing.T) {
	s := openTest(t)
	for statement, want := range map[string]error{
		"CREATE TABLE t (n INTEGER CHECK (n < 5)) STRICT":         nil,
		"INSERT INTO t VALUES (5)":                                core.ErrConflict,
		"INSERT INTO t VALUES ('five')":                           core.ErrConflict,
		"ATTACH '" + filepath.Join(s.dir, "none", "x") + "' AS x": core.ErrUnavailable,
		"SELECT * FROM nowhere":                                   nil,
	} {
		err := s.writer.with(t.Context(), func(c *conn) error {
			_, err := c.exec("CREATE TABLE IF NOT EXISTS t (n INTEGER CHECK (n < 5)) STRICT")
			if err == nil {
				_, err = c.exec(statement)
			}
			return err
		})
		for _, kind := range []error{core.ErrConflict, core.ErrFull, core.ErrUnavailable} {
			if errors.Is(err, kind) != errors.Is(want, kind) {
				t.Errorf("%s: got the error %v, want %v", statement, err, want)
			}
		}
	}
}
