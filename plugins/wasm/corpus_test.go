package wasm

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// specScript is one file of the specification's tests, as its reference interpreter writes it: binary modules in files
// of their own, and what is asserted of them.
type specScript struct {
	Commands []struct {
		Type     string `json:"type"`
		Line     int    `json:"line"`
		Filename string `json:"filename"`
		Text     string `json:"text"`
	} `json:"commands"`
}

// validSince names what the first version of the specification calls invalid and the second, whose proposals are
// supported here, does not.
func validSince() map[string]string {
	const (
		values     = "several results: the multi-value proposal"
		tables     = "several tables: the reference-types proposal"
		unreached  = "br_table to labels of different types in code that cannot be reached: the reference-types proposal"
		spectestV1 = "v1/testdata/"
	)
	return map[string]string{
		spectestV1 + "func.20.wasm": values, spectestV1 + "func.21.wasm": values,
		spectestV1 + "type.3.wasm": values, spectestV1 + "type.4.wasm": values,
		spectestV1 + "imports.47.wasm": tables, spectestV1 + "imports.48.wasm": tables, spectestV1 + "imports.49.wasm": tables,
		spectestV1 + "unreached-invalid.87.wasm": unreached,
	}
}

// verdicts counts how a corpus fared.
type verdicts struct {
	accepted, refused, unsupported int
}

func TestSpecification(t *testing.T) {
	root := filepath.Join(integrationTests(t), "spectest")
	r := newReferee(t)
	total := verdicts{}
	for _, script := range filesIn(t, filepath.Join(root, "*", "testdata", "*.json")) {
		var parsed specScript
		if err := json.Unmarshal(readFile(t, script), &parsed); err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		for _, c := range parsed.Commands {
			if !strings.HasSuffix(c.Filename, ".wasm") {
				continue // the text format is not ours to judge
			}
			file := filepath.Join(filepath.Dir(script), c.Filename)
			name, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			invalid := c.Type == "assert_invalid" || c.Type == "assert_malformed"
			verdict := judge(t, r, filepath.ToSlash(name), readFile(t, file), &total)
			if problem := disagrees(filepath.ToSlash(name), invalid, verdict); problem != "" {
				t.Errorf("%s (%s:%d, %q): %s: %v", name, filepath.Base(script), c.Line, c.Text, problem, verdict)
			}
		}
	}
	t.Logf("%d modules accepted, %d refused, %d refused by the name of their proposal", total.accepted, total.refused, total.unsupported)
	if total.accepted < 2_300 || total.refused < 4_000 || total.unsupported < 1_300 {
		t.Error("the corpus is smaller than it was: is it still found?")
	}
}

// disagrees says how a verdict differs from what the specification asserts, "" if it does not.
func disagrees(name string, invalid bool, verdict *Error) string {
	switch {
	case invalid && verdict == nil && validSince()[name] == "":
		return "accepted what the specification refuses"
	case !invalid && verdict != nil && verdict.Code != CodeUnsupported:
		return "refused what the specification accepts"
	case !invalid && verdict == nil && strings.HasPrefix(name, "threads"):
		return "accepted what needs threads"
	}
	return ""
}

// judge decodes a module; one that is accepted must survive being encoded.
func judge(t *testing.T, r *referee, name string, wasm []byte, v *verdicts) *Error {
	t.Helper()
	m, err := Decode(wasm, corpusLimits())
	if err == nil {
		v.accepted++
		checkEncoding(t, r, name, m)
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: %v is no *Error", name, err)
	}
	if e.Offset < 0 || e.Offset > len(wasm) {
		t.Errorf("%s: offset %d is outside of its %d bytes", name, e.Offset, len(wasm))
	}
	if e.Code == CodeUnsupported {
		v.unsupported++
	} else {
		v.refused++
	}
	return e
}

// checkEncoding holds that a decoded module encodes to one that is accepted here and elsewhere, and encodes to itself.
func checkEncoding(t testing.TB, r *referee, name string, m *Module) {
	t.Helper()
	encoded := m.Encode()
	again, err := Decode(encoded, corpusLimits())
	if err != nil {
		t.Fatalf("%s: refused once encoded: %v", name, err)
	}
	if !bytes.Equal(again.Encode(), encoded) {
		t.Errorf("%s: encodes to other bytes the second time", name)
	}
	if err := r.refuses(encoded); err != nil && !importsFromNamelessModule(m) {
		t.Errorf("%s: wazero refuses what was encoded: %v", name, err)
	}
}

// importsFromNamelessModule reports what wazero refuses though the specification allows it.
func importsFromNamelessModule(m *Module) bool {
	return slices.ContainsFunc(m.Imports, func(i Import) bool { return i.Module == "" })
}

// The module's zip also carries fuzz regressions and what compilers wrote: C, Go, Rust, Zig, AssemblyScript.
func TestOtherModulesOfWazero(t *testing.T) {
	r := newReferee(t)
	total := verdicts{}
	root := filepath.Dir(filepath.Dir(integrationTests(t)))
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".wasm" || strings.Contains(path, "spectest") {
			return err
		}
		if verdict := judge(t, r, entry.Name(), readFile(t, path), &total); verdict != nil && verdict.Code != CodeUnsupported {
			t.Errorf("%s is valid, but refused: %v", entry.Name(), verdict)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d modules accepted, %d refused by the name of their proposal", total.accepted, total.unsupported)
	if total.accepted < 80 || total.unsupported < 35 {
		t.Error("the corpus is smaller than it was: is it still found?")
	}
}
