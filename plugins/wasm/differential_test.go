package wasm

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shipped returns every module that is shipped or built beside an SDK, by path.
func shipped(t testing.TB) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for _, root := range []string{"../library", "../sdk"} {
		err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".wasm") {
				return err
			}
			found[path], err = os.ReadFile(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) == 0 {
		t.Fatal("no guest was found")
	}
	return found
}

// generous are limits under which every guest of ours can be decoded, a Go guest included.
func generous() Limits {
	l := DefaultLimits()
	l.Module, l.MemoryPages, l.TableEntries, l.Body, l.BranchTargets, l.Segments = 16<<20, 256, 100_000, 1<<20, 100_000, 100_000
	return l
}

func mustDecode(t testing.TB, wasm []byte) *Module {
	t.Helper()
	m, err := Decode(wasm, generous())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryGuestBurnsWhatTheOracleChargesOnBothEngines(t *testing.T) {
	for path, wasm := range shipped(t) {
		if len(wasm) > 10<<20/(share*share) {
			continue // a Go guest under the race detector takes a minute
		}
		t.Run(path, func(t *testing.T) {
			m := mustDecode(t, wasm)
			p := freely(m)
			p.MemoryPages = 256
			tr := newTrio(t, m, p, compiler)
			defer tr.close()
			names, types := exported(m)
			if _, ok := types["_initialize"]; ok {
				if o, ok := tr.call("_initialize", 1<<40); !ok {
					t.Fatalf("_initialize %s: %+v", o.ended(), o)
				}
			}
			calls := 0
			for _, name := range names {
				if len(types[name].Params) > 0 || name == "_initialize" {
					continue
				}
				for range 1 + 5/share {
					if o, ok := tr.call(name, 1<<40); !ok {
						t.Logf("%s %s: %s", name, o.ended(), o.trap)
						tr.reset()
						break
					}
					calls++
				}
			}
			if calls == 0 {
				t.Error("no call returned")
			}
			t.Log(tr.ends)
		})
	}
}

// generatedModules is how many random modules a run compares, e.g. go test -run Generated -args -generated 100000.
var generatedModules = flag.Int("generated", 300/share, "random modules to compare")

func TestGeneratedModulesBurnWhatTheOracleChargesOnBothEngines(t *testing.T) {
	ends := map[ended]int{}
	for seed := range uint64(*generatedModules) {
		compareGenerated(t, seed, ends)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Log(ends)
	for end, least := range map[ended]int{returned: *generatedModules, trapped: 100 / share, outOfFuel: 50 / share, outOfDepth: 10 / share} {
		if ends[end] < least {
			t.Errorf("only %d calls %s: the generator no longer reaches what it is for", ends[end], end)
		}
	}
}

// compareGenerated compares every function of a generated module.
func compareGenerated(t *testing.T, seed uint64, ends map[ended]int) {
	t.Helper()
	encoded := generate(seed).Encode()
	m, err := Decode(encoded, DefaultLimits())
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	compareExports(t, m, seed, ends)
}

// compareExports calls every export with random arguments, in a new instance whenever a call did not return. The oracle
// runs on the interpreter: one seed in some thousand is the compiler's to lose.
func compareExports(t *testing.T, m *Module, seed uint64, ends map[ended]int) {
	t.Helper()
	tr := newTrio(t, m, freely(m), interpreter)
	defer tr.close()
	tr.ends = ends
	arguments := newGenerator(seed)
	names, types := exported(m)
	for _, name := range names {
		var args []uint64
		for _, p := range types[name].Params {
			v := arguments.Uint64() >> arguments.IntN(64)
			if p == I32 || p == F32 {
				v = uint64(uint32(v))
			}
			args = append(args, v)
		}
		if _, same := tr.call(name, 300_000, args...); !same {
			tr.reset()
		}
	}
}
