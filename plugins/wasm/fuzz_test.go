package wasm

import (
	"errors"
	"path/filepath"
	"testing"
)

// FuzzDecode holds, for any bytes: no panic; errors of the three kinds, with an offset within the bytes; and whatever is
// accepted is also accepted by wazero, and encodes to a module that both accept. Large inputs take long to be minimised:
// run it with -fuzzminimizetime 20x.
func FuzzDecode(f *testing.F) {
	for _, wasm := range guests(f) {
		if len(wasm) < 16<<10 {
			f.Add(wasm)
		}
	}
	for _, file := range filesIn(f, filepath.Join(integrationTests(f), "spectest", "v2", "testdata", "*.0.wasm")) {
		if wasm := readFile(f, file); len(wasm) < 2_048 {
			f.Add(wasm)
		}
	}
	f.Add(sampleModule(f).Encode())
	for _, wasm := range denseModules(200) {
		f.Add(wasm)
	}
	r := newReferee(f)
	f.Fuzz(func(t *testing.T, wasm []byte) {
		m, err := Decode(wasm, sampleLimits())
		if err == nil {
			checkAccepted(t, r, wasm, m)
			return
		}
		var e *Error
		if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(wasm) || e.Message == "" {
			t.Errorf("%#v is not a proper error for %d bytes", err, len(wasm))
		}
		switch e.Code {
		case CodeDecode, CodeTooLarge, CodeMemory, CodeUnsupported:
		default:
			t.Errorf("%q is not one of the codes", e.Code)
		}
	})
}

func checkAccepted(t *testing.T, r *referee, wasm []byte, m *Module) {
	t.Helper()
	if importsFromNamelessModule(m) {
		return
	}
	m.Customs = nil // wazero refuses empty ones, which the specification allows
	if err := r.refuses(m.Encode()); err != nil {
		t.Errorf("wazero refuses what was accepted: %v\n% x", err, wasm)
	}
	checkEncoding(t, r, "the input", m)
}
