package vet

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// allowed is what a child says of itself.
type allowed struct {
	Env    []string `json:"env"`
	Files  []string `json:"files"` // open descriptors, without the one that lists them
	Folder string   `json:"folder"`
	Limits string   `json:"limits"` // /proc/self/limits
	Stat   string   `json:"stat"`   // /proc/self/stat
	OOM    string   `json:"oom"`
	Write  string   `json:"write"` // how it fails to write a file once a module is loaded
}

// reportConfinement confines this process as the child does, and writes what it is allowed into its last words.
func reportConfinement() error {
	text, err := readOnly(os.Stdin, frameConfinement, maxConfinement)
	if err != nil {
		return err
	}
	var c Confinement
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	if _, err := c.confine(); err != nil {
		return err
	}
	a := allowed{Env: os.Environ(), Limits: contents("/proc/self/limits"), Stat: contents("/proc/self/stat"), OOM: contents("/proc/self/oom_score_adj")}
	if a.Folder, err = os.Getwd(); err != nil {
		return err
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil {
			a.Files = append(a.Files, entry.Name()+" "+strings.TrimRight(target, "0123456789[]"))
		}
	}
	if err := writeNoFiles(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(os.TempDir(), "hotdrop-vet-reporter"), []byte("x"), 0o600); err != nil {
		a.Write = err.Error()
	}
	return json.NewEncoder(os.Stderr).Encode(a)
}

func contents(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// confined returns what a child that was started as usual is allowed.
func confined(t *testing.T, c Confinement) allowed {
	t.Helper()
	return confinedAs(t, as(asReporter), c)
}

// confinedAs is confined with another command line.
func confinedAs(t *testing.T, command []string, c Confinement) allowed {
	t.Helper()
	kid := &child{options: &Options{Child: command, Confinement: c.complete()}, request: &request{Manifest: quoting()}}
	if _, err := kid.run(t.Context()); err == nil || !strings.Contains(err.Error(), "never got ready") {
		t.Fatalf("a child that only talks is %v", err)
	}
	var a allowed
	if err := json.Unmarshal(kid.last.text, &a); err != nil {
		t.Fatalf("%v in %s", err, kid.last.text)
	}
	return a
}

func TestTheChildInheritsNothing(t *testing.T) {
	t.Setenv("HOTDROP_SECRET", "hunter2")
	secret, err := os.CreateTemp(t.TempDir(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close()
	a := confined(t, Confinement{})
	if len(a.Env) != 0 || a.Folder != "/" {
		t.Errorf("environment %q, folder %s", a.Env, a.Folder)
	}
	for _, file := range a.Files {
		if strings.Contains(file, "secret") || strings.Contains(file, "socket") {
			t.Errorf("it has %s open", file)
		}
	}
}
