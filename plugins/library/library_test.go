package library_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/core/mechanictest"
	"hotdrop/plugins"
	"hotdrop/plugins/library"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// load returns the shipped plugin, loaded into a host that is closed with the test.
func load(tb testing.TB, name string) (*plugins.Plugin, *library.Entry) {
	tb.Helper()
	entry, err := library.Open(name)
	if err != nil {
		tb.Fatal(err)
	}
	host, err := plugins.NewHost(tb.Context(), plugins.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := host.Close(tb.Context()); err != nil {
			tb.Error(err)
		}
	})
	plugin, err := host.Load(tb.Context(), entry.Manifest, entry.Wasm)
	if err != nil {
		tb.Fatal(err)
	}
	return plugin, entry
}

func bind(tb testing.TB, plugin *plugins.Plugin, config core.Object) core.Mechanic {
	tb.Helper()
	mechanic, err := plugin.Bind(config)
	if err != nil {
		tb.Fatal(err)
	}
	return mechanic
}

// tradeInFacts are those of an order that hands in a Xiaomi of the model.
func tradeInFacts(model string) *core.Facts {
	return &core.Facts{
		Item: core.ItemFacts{SKU: "mx3", Price: 179900}, Quantity: 1,
		Input: core.Object{"trade_in": core.Object{"brand": "Xiaomi", "model": model, "condition": "good"}},
	}
}

func TestEveryShippedPluginPassesItsVectors(t *testing.T) {
	for _, name := range library.Names() {
		t.Run(name, func(t *testing.T) {
			plugin, entry := load(t, name)
			vectors, err := campaignfile.ParseVectors(entry.Vectors)
			if err != nil {
				t.Fatal(err)
			}
			if len(vectors.Vectors) < 8 {
				t.Errorf("%d vectors, want at least 8", len(vectors.Vectors))
			}
			mechanictest.Run(t, plugin.Bind, vectors)
		})
	}
}

// TestAPluginPassesTheVectorsOfTheRuleOfTheSameName holds the two forms of a mechanic together; the rules do the same.
func TestAPluginPassesTheVectorsOfTheRuleOfTheSameName(t *testing.T) {
	for _, name := range library.Names() {
		data, err := os.ReadFile("../../rules/library/" + name + ".vectors.yaml")
		if err != nil {
			t.Fatal(err)
		}
		vectors, err := campaignfile.ParseVectors(data)
		if err != nil {
			t.Fatal(err)
		}
		plugin, _ := load(t, name)
		mechanictest.Run(t, plugin.Bind, vectors)
	}
}

// TestEveryShippedModuleIsWhatItsSourceBuilds fails in a run that requires clang if there is none: see build.sh.
func TestEveryShippedModuleIsWhatItsSourceBuilds(t *testing.T) {
	readSources(t)
	folder := t.TempDir()
	talk, err := exec.CommandContext(t.Context(), "./build.sh", folder).CombinedOutput()
	if err != nil {
		t.Fatalf("build.sh: %v\n%s", err, talk)
	}
	if strings.HasPrefix(string(talk), "NOT BUILT") {
		t.Skipf("SKIPPED: %s", talk)
	}
	for _, name := range library.Names() {
		built, err := os.ReadFile(filepath.Join(folder, name+".wasm"))
		if err != nil {
			t.Fatal(err)
		}
		if entry, err := library.Open(name); err != nil || !bytes.Equal(built, entry.Wasm) {
			t.Errorf("%s.wasm is not what %s.c builds (%v): run go generate ./plugins/library", name, name, err)
		}
	}
}

// readSources opens what the build reads, because go test takes a result from its cache unless a file changed that the
// test itself opened.
func readSources(t *testing.T) {
	t.Helper()
	sources, err := filepath.Glob("*/*.c")
	if err != nil || len(sources) < len(library.Names()) {
		t.Fatalf("sources %v, %v", sources, err)
	}
	for _, source := range append(sources, "build.sh", "../sdk/c/build.sh", "../sdk/c/hotdrop.h") {
		if _, err := os.ReadFile(source); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNamesAreTheManifestsOwn(t *testing.T) {
	if !slices.Contains(library.Names(), "trade-in") {
		t.Errorf("%v lacks trade-in", library.Names())
	}
	for _, name := range library.Names() {
		entry, err := library.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		m := entry.Manifest
		if m.Name != name || m.Version == "" || m.Author == "" || m.Title.EN == "" || m.Title.ZH == "" {
			t.Errorf("%s: incomplete manifest %+v", name, m)
		}
	}
}

func TestOpenRefusesANameThatIsNotShipped(t *testing.T) {
	for _, name := range []string{"", ".", "..", "trade", "library.go", "../abi"} {
		if _, err := library.Open(name); core.CodeOf(err) != core.CodeNotFound {
			t.Errorf("%q: got %v, want not_found", name, err)
		}
	}
}

// TestWhateverTheShopperWritesStaysData proves the SDK's JSON: any model, also with zero bytes, quotes and control
// characters, arrives in the duty as it was submitted.
func TestWhateverTheShopperWritesStaysData(t *testing.T) {
	plugin, _ := load(t, "trade-in")
	mechanic := bind(t, plugin, nil)
	rapid.Check(t, func(t *rapid.T) {
		model := rapid.StringN(0, 160, 600).Draw(t, "model")
		effects, _, err := mechanic.Decide(core.HookQuote, tradeInFacts(model), nil)
		if err != nil || len(effects) != 3 {
			t.Fatalf("got %v, %v", effects, err)
		}
		var duty struct {
			Brand string `json:"brand"`
			Model string `json:"model"`
		}
		if err := json.Unmarshal([]byte(effects[2].Data), &duty); err != nil || duty.Brand != "Xiaomi" || duty.Model != model {
			t.Fatalf("got %q, %v; want the model %q", effects[2].Data, err, model)
		}
	})
}

func TestABrandWithAZeroByteIsAnotherBrand(t *testing.T) {
	plugin, _ := load(t, "trade-in")
	facts := tradeInFacts("2S")
	facts.Input = core.Object{"trade_in": core.Object{"brand": "Xiaomi\x00", "model": "2S"}}
	effects, _, err := bind(t, plugin, nil).Decide(core.HookQuote, facts, nil)
	if err != nil || len(effects) != 0 {
		t.Errorf("got %v, %v; want no effects", effects, err)
	}
}

func TestWhatDoesNotFitFailsTheDecision(t *testing.T) {
	plugin, _ := load(t, "trade-in")
	mechanic := bind(t, plugin, nil)
	long, escaped, many := tradeInFacts(strings.Repeat("x", 1025)), tradeInFacts(strings.Repeat("\x01", 1000)), tradeInFacts("2S")
	many.Quantity = 1 << 31
	for want, facts := range map[string]*core.Facts{
		"failed: a string is longer than its buffer":  long,
		"failed: JSON data is longer than 4096 bytes": escaped,
		"failed: a count does not fit 32 bits":        many,
	} {
		if _, _, err := mechanic.Decide(core.HookQuote, facts, nil); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if effects, _, err := mechanic.Decide(core.HookQuote, tradeInFacts("2S"), nil); err != nil || len(effects) != 3 {
		t.Errorf("after failures: %v, %v", effects, err)
	}
}

func TestADecisionAllocatesAtMostTwice(t *testing.T) {
	plugin, _ := load(t, "trade-in")
	mechanic := bind(t, plugin, nil)
	orders := make([]*core.Facts, 500) // more than the host remembers strings
	for i := range orders {
		orders[i] = tradeInFacts(fmt.Sprintf("model %d", i))
	}
	effects, next := make([]core.Effect, 0, 8), 0
	allocs := testing.AllocsPerRun(1000, func() {
		if _, _, err := mechanic.Decide(core.HookQuote, orders[next%len(orders)], effects); err != nil {
			t.Error(err)
		}
		next++
	})
	if allocs > 2 {
		t.Errorf("%v allocations per decision, want at most 2", allocs)
	}
}

func BenchmarkDecide(b *testing.B) {
	plugin, _ := load(b, "trade-in")
	mechanic := bind(b, plugin, nil)
	facts := tradeInFacts("2S")
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		effects := make([]core.Effect, 0, 8)
		for b.Loop() {
			if _, _, err := mechanic.Decide(core.HookQuote, facts, effects); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			effects := make([]core.Effect, 0, 8)
			for pb.Next() {
				if _, _, err := mechanic.Decide(core.HookQuote, facts, effects); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}
