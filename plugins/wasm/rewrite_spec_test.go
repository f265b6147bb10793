package wasm

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// assertion is one command of a specification script that does something.
type assertion struct {
	Type     string `json:"type"`
	Line     int    `json:"line"`
	Filename string `json:"filename"`
	Action   struct {
		Type   string      `json:"type"`
		Module string      `json:"module"`
		Field  string      `json:"field"`
		Args   []specValue `json:"args"`
	} `json:"action"`
	Expected []specValue `json:"expected"`
}

// specValue is a number by its bits in decimal, "nan:canonical", "nan:arithmetic", or a reference.
type specValue struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

func (v specValue) text() string { return strings.Trim(string(v.Value), `"`) }

// bits returns the number, of an outside reference one more, since null is 0. A function cannot be made outside.
func (v specValue) bits() (uint64, bool) {
	if v.text() == "null" {
		return 0, true
	}
	n, err := strconv.ParseUint(v.text(), 10, 64)
	if v.Type == "externref" {
		n++
	}
	return n, err == nil && v.Type != "funcref"
}

// is reports whether the bits are what the specification wants. NaNs have to be canonical and positive, which it allows
// for every NaN that is computed.
func (v specValue) is(bits uint64) bool {
	switch text := v.text(); {
	case strings.HasPrefix(text, "nan:") && v.Type == "f32":
		return bits == canonicalNaN32
	case strings.HasPrefix(text, "nan:"):
		return bits == canonicalNaN64
	}
	want, ok := v.bits()
	return !ok || bits == want
}

// specPolicy lets scripts import the functions that their host has, and grow memories as far as they try to.
func specPolicy(m *Module) Policy {
	p := freely(m)
	p.MemoryPages, p.TableEntries = 1_000, 10_000
	for name := range p.ImportFuel {
		if !strings.HasPrefix(name, "spectest.") {
			delete(p.ImportFuel, name)
		}
	}
	return p
}

// specRun runs scripts against rewritten modules.
type specRun struct {
	*testing.T

	current   *trio // nil if the module was refused
	asserted  int
	modules   int
	refused   map[string]int
	ends      map[ended]int
	allLimits Limits
}

func (s *specRun) script(path string) {
	s.Helper()
	var parsed struct {
		Commands []assertion `json:"commands"`
	}
	if err := json.Unmarshal(readFile(s, path), &parsed); err != nil {
		s.Fatalf("%s: %v", path, err)
	}
	for _, c := range parsed.Commands {
		switch {
		case c.Type == "module":
			s.leave()
			s.enter(readFile(s, filepath.Join(filepath.Dir(path), c.Filename)))
		case c.Action.Type == "invoke" && c.Action.Module == "" && s.current != nil:
			s.assert(filepath.Base(path), c)
		}
		if s.Failed() {
			s.Fatalf("%s:%d", filepath.Base(path), c.Line)
		}
	}
	s.leave()
}

func (s *specRun) enter(wasm []byte) {
	s.Helper()
	m, err := Decode(wasm, s.allLimits)
	if err == nil {
		_, err = Rewrite(m, specPolicy(m))
	}
	if problem, ok := errors.AsType[*Error](err); ok {
		s.refused[problem.Code]++
		if problem.Code == CodeTooLarge {
			s.Log(problem)
		}
		return
	}
	if err != nil {
		s.Fatal(err)
	}
	if len(m.Exports) == 0 {
		return // nothing to run
	}
	s.modules++
	s.current = newTrio(s, m, specPolicy(m), compiler)
	s.current.ends = s.ends
}

func (s *specRun) leave() {
	if s.current != nil {
		s.current.close()
		s.current = nil
	}
}

func (s *specRun) assert(script string, c assertion) {
	s.Helper()
	var args []uint64
	for _, a := range c.Action.Args {
		bits, ok := a.bits()
		if !ok {
			s.leave() // what follows depends on it
			return
		}
		args = append(args, bits)
	}
	o, same := s.current.call(c.Action.Field, 1<<40, args...)
	s.asserted++
	switch c.Type {
	case "assert_return":
		ok := o.trap == "" && len(o.results) == len(c.Expected)
		for i := range o.results {
			ok = ok && c.Expected[i].is(o.results[i])
		}
		if !ok {
			s.Errorf("%s:%d: %s%v: got %+v, want %s", script, c.Line, c.Action.Field, args, o, c.Expected)
		}
	case "assert_trap", "assert_exhaustion":
		if o.trap == "" {
			s.Errorf("%s:%d: %s%v did not trap", script, c.Line, c.Action.Field, args)
		}
	}
	if !same && o.ended() != trapped {
		s.current.reset()
	}
}

// TestTheSpecificationHoldsForRewrittenModules runs the specification's scripts on rewritten modules: results and traps
// are what they assert, and fuel is what the oracle charges.
func TestTheSpecificationHoldsForRewrittenModules(t *testing.T) {
	limits := generous()
	limits.MemoryPages, limits.Tables, limits.Locals, limits.Params = 1_000, 10, 2_000, 128
	s := &specRun{T: t, refused: map[string]int{}, ends: map[ended]int{}, allLimits: limits}
	for i, script := range filesIn(t, filepath.Join(integrationTests(t), "spectest", "v2", "testdata", "*.json")) {
		if i%share == 0 {
			s.script(script)
		}
	}
	t.Logf("%d calls into %d modules: %v; modules refused: %v", s.asserted, s.modules, s.ends, s.refused)
	if share == 1 && (s.asserted < 20_000 || s.modules < 700) {
		t.Error("the corpus is smaller than it was: is it still found?")
	}
}
