package wasm

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// binaryenModules is how many modules of Binaryen's generator a run compares.
const binaryenModules = 30 / share

// TestModulesOfBinaryenBurnWhatTheOracleCharges compares modules that a generator of others made: wasm-opt turns random
// bytes into a valid module.
func TestModulesOfBinaryenBurnWhatTheOracleCharges(t *testing.T) {
	generator, err := exec.LookPath("wasm-opt")
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("HOTDROP_REQUIRE"), ","), "wasm-opt") {
			t.Fatal("HOTDROP_REQUIRE asks for wasm-opt: install binaryen")
		}
		t.Skip("NOT CHECKED: modules of Binaryen's generator; install binaryen")
	}
	ends := map[ended]int{}
	refused := map[string]int{}
	for seed := range uint64(binaryenModules) {
		wasm := translateToFuzz(t, generator, seed)
		m, err := Decode(wasm, generous())
		if err == nil {
			_, err = Rewrite(m, freely(m))
		}
		if problem, ok := errors.AsType[*Error](err); ok {
			refused[problem.Code]++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		compareExports(t, m, seed, ends)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Log(ends, "refused:", refused)
	if ends[returned] < 10 {
		t.Error("hardly a call returned")
	}
}

// translateToFuzz lets Binaryen's generator make a module out of random bytes.
func translateToFuzz(t *testing.T, generator string, seed uint64) []byte {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0xb1))
	bytes := make([]byte, 2_000+random.IntN(6_000))
	for i := range bytes {
		bytes[i] = byte(random.Uint32())
	}
	folder := t.TempDir()
	in, out := filepath.Join(folder, "in"), filepath.Join(folder, "out.wasm")
	if err := os.WriteFile(in, bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), generator, "-ttf", in, "-o", out, "--mvp-features", "--enable-mutable-globals",
		"--enable-sign-ext", "--enable-nontrapping-float-to-int", "--enable-bulk-memory", "--enable-multivalue")
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("wasm-opt: %v\n%s", err, said)
	}
	return readFile(t, out)
}
