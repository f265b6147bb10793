package wasm

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// referee asks another implementation whether a module is valid, with the proposals that Decode supports.
type referee struct {
	runtime wazero.Runtime
}

func newReferee(t testing.TB) *referee {
	t.Helper()
	features := api.CoreFeaturesV2.SetEnabled(api.CoreFeatureSIMD, false)
	config := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features)
	runtime := wazero.NewRuntimeWithConfig(context.Background(), config)
	t.Cleanup(func() {
		if err := runtime.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &referee{runtime: runtime}
}

// refuses returns why the other implementation refuses the module, nil if it accepts it.
func (r *referee) refuses(wasm []byte) error {
	compiled, err := r.runtime.CompileModule(context.Background(), wasm)
	if err != nil {
		return err
	}
	return compiled.Close(context.Background())
}

// integrationTests returns the folder of wazero's module that carries the specification's tests and fuzz regressions.
func integrationTests(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test")
}

func filesIn(t testing.TB, patterns ...string) []string {
	t.Helper()
	var files []string
	for _, pattern := range patterns {
		some, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			t.Fatalf("no file is called %s", pattern)
		}
		files = append(files, some...)
	}
	return files
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// corpusLimits accept whatever the outside corpora hold, so that only the specification decides.
func corpusLimits() Limits {
	return Limits{
		Module: 64 << 20, Types: 1 << 20, Params: 1 << 20, Imports: 1 << 20, Functions: 1 << 20, Globals: 1 << 20,
		Exports: 1 << 20, Segments: 1 << 20, Customs: 1 << 20, Tables: 1 << 20, TableEntries: 1 << 32, MemoryPages: 1 << 16,
		Locals: 1 << 20, Body: 64 << 20, Nesting: 1 << 20, BranchTargets: 1 << 20, Operands: 1 << 20,
	}
}
