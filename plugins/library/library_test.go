package library_test

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/core/mechanictest"
	"hotdrop/plugins"
	"hotdrop/plugins/library"
)

// cache is where the tests share compiled modules: that of Go takes a while.
var cache string

func TestMain(m *testing.M) {
	var err error
	if cache, err = os.MkdirTemp("", "library"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(cache) // what is left is the system's to clean
		os.Exit(code)
	}))
}

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

func TestADecisionAllocatesAtMostTwice(t *testing.T) {
	orders := make([]*core.Facts, 500) // more than the host remembers strings
	for i := range orders {
		orders[i] = tradeInFacts(fmt.Sprintf("model %d", i))
	}
	for _, f := range formsOf(t, "trade-in") {
		mechanic := bind(t, f.load(t, f.committed(t)), nil)
		effects, next := make([]core.Effect, 0, 8), 0
		allocs := testing.AllocsPerRun(1000, func() {
			if _, _, err := mechanic.Decide(core.HookQuote, orders[next%len(orders)], effects); err != nil {
				t.Error(err)
			}
			next++
		})
		if allocs > 2 {
			t.Errorf("%s: %v allocations per decision, want at most 2", f.Language, allocs)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, f := range formsOf(b, "trade-in") {
		mechanic := bind(b, f.load(b, f.committed(b)), nil)
		facts := tradeInFacts("2S")
		b.Run(f.Language+"/alone", func(b *testing.B) {
			b.ReportAllocs()
			effects := make([]core.Effect, 0, 8)
			for b.Loop() {
				if _, _, err := mechanic.Decide(core.HookQuote, facts, effects); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(f.Language+"/parallel", func(b *testing.B) {
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
}
