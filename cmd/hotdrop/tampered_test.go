package main

import (
	"bytes"
	"database/sql"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
)

// change changes the database of a server that does not run, as somebody with a database tool would.
func (a *author) change(statement string, args ...any) {
	a.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(a.folder, "data", "hotdrop.db"))
	if err != nil {
		a.t.Fatal(err)
	}
	defer db.Close()
	done, err := db.ExecContext(a.t.Context(), statement, args...)
	if err != nil {
		a.t.Fatal(err)
	}
	if rows, err := done.RowsAffected(); err != nil || rows == 0 {
		a.t.Fatalf("%d rows were changed, %v", rows, err)
	}
}

// TestAModuleThatWasChangedInTheDatabaseIsNotRun changes the stored bytes of an approved plugin between two starts: once by
// a bit, once into those of another module that vetting would find fit.
func TestAModuleThatWasChangedInTheDatabaseIsNotRun(t *testing.T) {
	const list = float64(179900)
	for name, tamper := range map[string]func(a *author, digest string){
		"a bit": func(a *author, digest string) {
			a.change(`UPDATE plugin_parts SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'00' AS BLOB)
				WHERE upload = (SELECT upload FROM plugins WHERE digest = ?)`, digest)
		},
		"into another module": func(a *author, digest string) {
			other := packedTradeIn(a.t, "# another\n")
			a.change(`UPDATE plugin_parts SET bytes = ? WHERE upload = (SELECT upload FROM plugins WHERE digest = ?)`, other, digest)
			a.change(`UPDATE plugins SET size = ? WHERE digest = ?`, len(other), digest)
		},
		"into nothing": func(a *author, digest string) {
			a.change(`DELETE FROM plugin_parts WHERE upload = (SELECT upload FROM plugins WHERE digest = ?)`, digest)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAuthor(t)
			s := &shop{a}
			module := packedTradeIn(t, "")
			digest := plugins.Digest(module)
			if r := a.submit(module); r.code != exitOK {
				t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			a.decide(http.StatusOK, digest, "approvals")
			for id, policy := range map[string]string{"denies": "deny", "skips": "skip"} {
				file := tradeInCampaign(id, "meizu", digest) + "    on_failure: " + policy + "\n"
				requireRun(t, a.folder, "campaign", "apply", "--reason", "a test", writeFile(t, a.folder, id+".yaml", file), "--server", a.server.url)
			}
			if code := a.server.signal(t, syscall.SIGINT); code != exitOK {
				t.Fatalf("exit %d\n%s", code, a.server.log())
			}
			tamper(a, digest)
			a.server = serve(t, a.folder, "--demo")
			if got := s.order(http.StatusServiceUnavailable, "ann", "denies"); got.code() != string(core.CodeMechanicFailed) {
				t.Errorf("refused as %s", got.text)
			}
			if got := s.order(http.StatusCreated, "ann", "skips"); got.body["total"] != list {
				t.Errorf("the changed plugin decided %s", got.text)
			}
			if log := a.server.log(); !strings.Contains(log, "the stored plugin is damaged") || !strings.Contains(log, digest+" reads as sha256:") {
				t.Errorf("the log is\n%s", log)
			}
		})
	}
}

// TestCompiledCodeIsSealedByTheKeysFile starts a server again on the compiled code of a server with other keys, and of one
// with the same.
func TestCompiledCodeIsSealedByTheKeysFile(t *testing.T) {
	folder := t.TempDir()
	entries := func() map[string]fs.FileInfo {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(folder, "data", "compiled", "*", "*"))
		if err != nil || len(found) == 0 {
			t.Fatalf("the cache of compiled plugins has %v, %v", found, err)
		}
		infos := map[string]fs.FileInfo{}
		for _, path := range found {
			if infos[path], err = os.Stat(path); err != nil {
				t.Fatal(err)
			}
		}
		return infos
	}
	start := func(keys string) {
		t.Helper()
		if s := serve(t, folder, "--demo", "--keys", keys); s.signal(t, syscall.SIGINT) != exitOK {
			t.Fatal(s.log())
		}
	}
	for _, keys := range []string{"one.json", "two.json"} {
		requireRun(t, folder, "keys", "new", keys, "--brand", "meizu")
	}
	start("one.json")
	first := entries()
	start("one.json")
	for path, info := range entries() {
		if !os.SameFile(info, first[path]) {
			t.Errorf("%s was compiled again under the same keys", path)
		}
	}
	start("two.json")
	for path, info := range entries() {
		if os.SameFile(info, first[path]) {
			t.Errorf("%s is used under other keys", path)
		}
	}
}

func TestTheKeyOfAUsersCompiledCodeIsTheirs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hotdrop", "compiled.key")
	made, err := codeKey(path)
	if err != nil || len(made) != plugins.CacheKeySize {
		t.Fatalf("%d bytes, %v", len(made), err)
	}
	if again, err := codeKey(path); err != nil || !bytes.Equal(again, made) {
		t.Errorf("the second time it is another key, %v", err)
	}
	for name, spoil := range map[string]func() error{
		"others could read it": func() error { return os.Chmod(path, 0o644) },
		"it is damaged":        func() error { return os.WriteFile(path, []byte("short"), 0o600) },
		"it is a link":         func() error { return errors.Join(os.Rename(path, path+"2"), os.Symlink(path+"2", path)) },
	} {
		before, err := codeKey(path)
		if err == nil {
			err = spoil()
		}
		if err != nil {
			t.Fatal(err)
		}
		after, err := codeKey(path)
		if info, stat := os.Lstat(path); stat != nil || info.Mode() != 0o600 || err != nil || bytes.Equal(after, before) {
			t.Errorf("%s: it is used, %v, %v", name, err, stat)
		}
	}
}
