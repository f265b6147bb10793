//go:build ignore

// Update writes the vulnerability database that make check falls back to where vuln.go.dev cannot be reached: of every known
// vulnerability of the Go toolchain, its standard library and the modules that this one is built of, the affected versions,
// packages and symbols, in the form that govulncheck reads.
//
//	go run .ci/vulndb/update.go                       from vuln.go.dev
//	go run .ci/vulndb/update.go DIR/osv 2026-08-20    from a checkout of github.com/golang/vulndb, which does not say how
//	                                                  new its entries are: its folder data/osv and the day of its commit
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"io"
	"io/fs"
	"log"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	database = "https://vuln.go.dev"
	target   = ".ci/vulndb"
)

// entry is a vulnerability without what is written for people; the database has that.
type entry struct {
	SchemaVersion string     `json:"schema_version"`
	ID            string     `json:"id"`
	Modified      time.Time  `json:"modified"`
	Published     time.Time  `json:"published"`
	Withdrawn     *time.Time `json:"withdrawn,omitempty"`
	Aliases       []string   `json:"aliases,omitempty"`
	Affected      []affected `json:"affected"`
	Database      struct {
		URL string `json:"url"`
	} `json:"database_specific"`
}

type affected struct {
	Package struct {
		Name      string `json:"name"`
		Ecosystem string `json:"ecosystem"`
	} `json:"package"`
	Ranges   []versions      `json:"ranges,omitempty"`
	Specific json.RawMessage `json:"ecosystem_specific,omitempty"`
}

type versions struct {
	Type   string              `json:"type"`
	Events []map[string]string `json:"events"`
}

// oldest is the oldest Go that builds this module: what was fixed before it is no concern.
const oldest = "go1.26"

// counts reports whether a version that may be in use is affected.
func (a *affected) counts(used map[string]bool) bool {
	if !used[a.Package.Name] {
		return false
	}
	if a.Package.Name != "stdlib" && a.Package.Name != "toolchain" {
		return true
	}
	for _, r := range a.Ranges {
		fixed := r.Events[len(r.Events)-1]["fixed"]
		if fixed == "" || version.Compare("go"+strings.Replace(fixed, "-rc.", "rc", 1), oldest) > 0 {
			return true
		}
	}
	return len(a.Ranges) == 0
}

type module struct {
	Path  string       `json:"path"`
	Vulns []moduleVuln `json:"vulns"`
}

type moduleVuln struct {
	ID       string    `json:"id"`
	Modified time.Time `json:"modified"`
	Fixed    string    `json:"fixed,omitempty"`
}

func main() {
	log.SetFlags(0)
	if err := update(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func update(args []string) error {
	used, err := modules()
	if err != nil {
		return err
	}
	var entries []entry
	var asOf time.Time
	switch len(args) {
	case 0:
		entries, err = fromDatabase(used)
	case 2:
		if asOf, err = time.Parse(time.DateOnly, args[1]); err == nil {
			entries, err = fromFolder(args[0], used)
		}
	default:
		err = errors.New("name a folder and a day, or nothing")
	}
	if err != nil {
		return err
	}
	return write(entries, used, asOf)
}

// modules are those whose vulnerabilities count.
func modules() (map[string]bool, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Path}}", "all").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	used := map[string]bool{"stdlib": true, "toolchain": true}
	for path := range strings.FieldsSeq(string(out)) {
		used[path] = true
	}
	return used, nil
}

func fromFolder(folder string, used map[string]bool) ([]entry, error) {
	files, err := filepath.Glob(filepath.Join(folder, "GO-*.json"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, fmt.Errorf("there are no vulnerabilities in %s", folder))
	}
	var entries []entry
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if entries, err = appendUsed(entries, text, used); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return entries, nil
}

func fromDatabase(used map[string]bool) ([]entry, error) {
	text, err := get("index/modules.json")
	if err != nil {
		return nil, err
	}
	var index []module
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, m := range index {
		for _, v := range m.Vulns {
			if used[m.Path] {
				ids[v.ID] = true
			}
		}
	}
	var entries []entry
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		text, err := get("ID/" + id + ".json")
		if err == nil {
			entries, err = appendUsed(entries, text, used)
		}
		if err != nil {
			return nil, err
		}
	}
	return entries, nil
}

func get(path string) ([]byte, error) {
	response, err := http.Get(database + "/" + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, response.Status)
	}
	return io.ReadAll(response.Body)
}

// appendUsed adds the vulnerability, without what it says of modules that are not used.
func appendUsed(entries []entry, text []byte, used map[string]bool) ([]entry, error) {
	var e entry
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, err
	}
	e.Affected = slices.DeleteFunc(e.Affected, func(a affected) bool { return !a.counts(used) })
	if len(e.Affected) == 0 || e.Withdrawn != nil {
		return entries, nil
	}
	return append(entries, e), nil
}

// write writes the database. It is as new as its newest entry, or as asOf.
func write(entries []entry, used map[string]bool, asOf time.Time) error {
	for _, folder := range []string{"ID", "index"} {
		if err := errors.Join(os.RemoveAll(filepath.Join(target, folder)), os.MkdirAll(filepath.Join(target, folder), 0o755)); err != nil {
			return err
		}
	}
	byPath := map[string]*module{}
	modified := asOf
	for _, e := range entries {
		if e.Modified.After(modified) {
			modified = e.Modified
		}
		for _, a := range e.Affected {
			m := byPath[a.Package.Name]
			if m == nil {
				m = &module{Path: a.Package.Name}
				byPath[m.Path] = m
			}
			m.Vulns = append(m.Vulns, moduleVuln{ID: e.ID, Modified: e.Modified})
		}
		if err := save("ID/"+e.ID, e); err != nil {
			return err
		}
	}
	index := []*module{}
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		m := byPath[path]
		m.Vulns = slices.CompactFunc(m.Vulns, func(a, b moduleVuln) bool { return a.ID == b.ID })
		index = append(index, m)
	}
	log.Printf("%d vulnerabilities of %d of the %d modules", len(entries), len(index), len(used))
	return errors.Join(save("index/modules", index), save("index/db", map[string]time.Time{"modified": modified}))
}

func save(name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(target, name+".json"), append(text, '\n'), fs.FileMode(0o644))
}
