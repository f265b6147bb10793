package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotdrop/plugins"
	"hotdrop/plugins/vet"
)

func TestAPackedPluginIsReproducibleAndWholeByItself(t *testing.T) {
	files(t, shippedPlugin(t))
	first := do(t, "mechanic", "pack")
	if first.code != exitOK {
		t.Fatalf("exit %d\n%s", first.code, first.stderr)
	}
	digest, path, ok := strings.Cut(strings.TrimSpace(first.stdout), "  ")
	if !ok || path != "trade-in.packed.wasm" {
		t.Fatalf("stdout %q", first.stdout)
	}
	module, err := os.ReadFile(path)
	if err != nil || plugins.Digest(module) != digest {
		t.Fatalf("the digest is %s, %v; %s was printed", plugins.Digest(module), err, digest)
	}
	again := do(t, "mechanic", "pack", "-o", "again.wasm")
	other, err := os.ReadFile("again.wasm")
	if err != nil || !bytes.Equal(other, module) || !strings.HasPrefix(again.stdout, digest) {
		t.Errorf("packed again it is another file: %s, %v", again.stdout, err)
	}
	repacked := do(t, "mechanic", "pack", path, "-o", "repacked.wasm")
	if other, err = os.ReadFile("repacked.wasm"); err != nil || !bytes.Equal(other, module) {
		t.Errorf("packed from what was packed it is another file: %s%v", repacked.stderr, err)
	}
	alone := filepath.Join(t.TempDir(), "alone.wasm")
	if err := os.WriteFile(alone, module, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"check", "test", "run", "bench", "inspect"} {
		if r := do(t, "mechanic", command, alone); r.code != exitOK {
			t.Errorf("%s of the file alone: exit %d\n%s%s", command, r.code, r.stdout, r.stderr)
		}
	}
}

func TestAFailedPackLeavesNothingBehind(t *testing.T) {
	files(t, with(toy(), "toy/toy.vectors.yaml", strings.Replace(toyVectors, "5", "6", 1)))
	if r := do(t, "mechanic", "pack", "toy"); r.code != exitFailed || r.stdout != "" {
		t.Errorf("exit %d, stdout %q", r.code, r.stdout)
	}
	if err := writeWhole("toy", []byte("x")); err == nil { // a folder has that name
		t.Error("a folder was replaced")
	}
	if err := writeWhole(filepath.Join("none", "x"), []byte("x")); err == nil {
		t.Error("a file was written into no folder")
	}
	left, err := filepath.Glob("*")
	hidden, _ := filepath.Glob(".*")
	if err != nil || len(left) != 1 || len(hidden) != 0 {
		t.Errorf("left behind: %v %v", left, hidden)
	}
}

func TestAFileThatWasPackedIsReadableByOthers(t *testing.T) {
	files(t, nil)
	if err := writeWhole("x", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat("x"); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestInspectingShowsWhatPackingWillMake(t *testing.T) {
	files(t, toy())
	var report vet.Report
	if err := json.Unmarshal([]byte(do(t, "mechanic", "inspect", "toy", "-o", "json").stdout), &report); err != nil {
		t.Fatal(err)
	}
	if r := do(t, "mechanic", "pack", "toy"); !strings.HasPrefix(r.stdout, report.Digest+"  ") {
		t.Errorf("inspect says %s, pack %s", report.Digest, r.stdout)
	}
	before := do(t, "mechanic", "inspect", "toy")
	if after := do(t, "mechanic", "inspect", "toy/toy.packed.wasm"); after.stdout != before.stdout || strings.Contains(after.stderr, "note") {
		t.Errorf("before packing\n%safter\n%s%s", before.stdout, after.stdout, after.stderr)
	}
}

func TestABrokenModuleIsWorthAReport(t *testing.T) {
	files(t, map[string]string{"a.wasm": packed(t) + "\x01", "b.wasm": "not a module"})
	for _, name := range []string{"a.wasm", "b.wasm"} {
		r := do(t, "mechanic", "inspect", name)
		if r.code != exitFailed || !strings.Contains(r.stdout, "decode_error") || !strings.Contains(r.stdout, "refused") {
			t.Errorf("%s: exit %d\n%s%s", name, r.code, r.stdout, r.stderr)
		}
	}
}
