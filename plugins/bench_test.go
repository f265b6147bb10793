package plugins_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

// shipped are the trade-in plugins of all languages, which pass the same vectors.
func shipped() map[string]string {
	const folder = "library/trade-in/"
	return map[string]string{
		"c": folder + "trade-in.wasm", "assemblyscript": folder + "assemblyscript/trade-in.wasm",
		"rust": folder + "rust/trade-in.wasm", "go": folder + "go/trade-in.wasm",
	}
}

// tradeIn loads the trade-in plugin of a language, Go's with the limits of Go.
func tradeIn(tb testing.TB, language string, options plugins.Options) *plugins.Plugin {
	tb.Helper()
	if language == "go" {
		options.Limits = plugins.GoLimits()
	}
	manifest := &core.Manifest{}
	text, err := os.ReadFile("library/trade-in/mechanic.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := campaignfile.Decode(text, manifest); err != nil {
		tb.Fatal(err)
	}
	wasm, err := os.ReadFile(shipped()[language])
	if err != nil {
		tb.Fatal(err)
	}
	plugin, err := newHost(tb, options).Load(tb.Context(), manifest, wasm)
	if err != nil {
		tb.Fatal(err)
	}
	return plugin
}

// tradeInFacts are those of an order that hands in a Xiaomi.
func tradeInFacts() *core.Facts {
	return &core.Facts{
		Item: core.ItemFacts{SKU: "mx3", Price: 179900}, Quantity: 1,
		Input: core.Object{"trade_in": core.Object{"brand": "Xiaomi", "model": "2S", "condition": "good"}},
	}
}

// TestADecisionBurnsTheSameFuelEverywhere compares both engines, several guests, and guests that decided before.
func TestADecisionBurnsTheSameFuelEverywhere(t *testing.T) {
	for language := range shipped() {
		t.Run(language, func(t *testing.T) {
			fuel := map[int64]int{}
			for _, interpreter := range []bool{false, true} {
				plugin := tradeIn(t, language, plugins.Options{Interpreter: interpreter})
				mechanic := bind(t, plugin, nil)
				for range 3 {
					effects, usage, err := mechanic.Decide(core.HookQuote, tradeInFacts(), nil)
					if err != nil || len(effects) != 3 {
						t.Fatalf("got %v, %v", effects, err)
					}
					fuel[usage.Fuel]++
				}
				t.Logf("interpreter %v: %d fuel to start", interpreter, plugin.StartFuel())
			}
			if len(fuel) != 1 {
				t.Errorf("decisions burned %v fuel", fuel)
			}
			t.Logf("fuel: %v", fuel)
		})
	}
}

func TestADecisionAllocatesAtMostTwice(t *testing.T) {
	for language := range shipped() {
		mechanic, facts := bind(t, tradeIn(t, language, plugins.Options{}), nil), tradeInFacts()
		effects := make([]core.Effect, 0, 8)
		allocations := testing.AllocsPerRun(500, func() {
			if _, _, err := mechanic.Decide(core.HookQuote, facts, effects); err != nil {
				t.Error(err)
			}
		})
		if allocations > 2 {
			t.Errorf("%s: %v allocations a decision, want at most 2", language, allocations)
		}
	}
}

// BenchmarkDecide is one decision of the trade-in plugin, metered and put back, everything included.
func BenchmarkDecide(b *testing.B) {
	for _, language := range []string{"c", "assemblyscript", "rust", "go"} {
		b.Run(language, func(b *testing.B) {
			mechanic, facts := bind(b, tradeIn(b, language, plugins.Options{}), nil), tradeInFacts()
			b.Run("alone", func(b *testing.B) {
				b.ReportAllocs()
				effects := make([]core.Effect, 0, 8)
				fuel, before := int64(0), processorTime(b)
				for b.Loop() {
					_, usage, err := mechanic.Decide(core.HookQuote, facts, effects)
					if err != nil {
						b.Fatal(err)
					}
					fuel = usage.Fuel
				}
				b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
				b.ReportMetric(float64(fuel), "fuel/op")
			})
			b.Run("parallel", func(b *testing.B) {
				b.ReportAllocs()
				before := processorTime(b)
				defer func() { b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op") }()
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
		})
	}
}

// processorTime returns how long the process has computed, nanoseconds: what a busy machine leaves comparable.
func processorTime(tb testing.TB) int64 {
	tb.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		tb.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

// BenchmarkLoad is loading the trade-in plugin: everything, and with its code in the cache on disk.
func BenchmarkLoad(b *testing.B) {
	for _, language := range []string{"c", "go"} {
		for _, way := range []string{"compiled", "cached"} {
			b.Run(language+"/"+way, func(b *testing.B) {
				options := plugins.Options{}
				if way == "cached" {
					options.CacheDir = b.TempDir()
					tradeIn(b, language, options)
				}
				for b.Loop() {
					if err := tradeIn(b, language, options).Close(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkImports is what the constants of the fuel schedule stand for: every import at the most it may be asked, a
// hundred times in one decision. A nanosecond of it should cost about a unit of fuel, or more.
func BenchmarkImports(b *testing.B) {
	const calls = 50
	for _, f := range append(abi.Functions(), abi.WASI()...) {
		if f.Name == abi.Fail || f.Name == abi.ProcExit {
			continue
		}
		b.Run(f.Name, func(b *testing.B) {
			m, manifest, hook := dearest(f, calls)
			mechanic := bind(b, load(b, manifest, m), nil)
			facts := &core.Facts{Quantity: 1, Input: core.Object{"blob": worst}}
			effects := make([]core.Effect, 0, calls)
			fuel := int64(0)
			for b.Loop() {
				_, usage, err := mechanic.Decide(hook, facts, effects)
				if err != nil {
					b.Fatal(err)
				}
				fuel = usage.Fuel
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(fuel), "ns/fuel")
		})
	}
}

// worst is text that is slow to check: characters of three bytes.
var worst = strings.Repeat("退", abi.MaxString/3)

// dearest returns a module whose hook calls an import so often with the longest strings that it takes.
func dearest(f abi.Function, calls int) ([]byte, *core.Manifest, core.Hook) {
	m, hook := newModule(), core.HookQuote
	c, isEffect := proposals()[f.Name]
	var call []byte
	if isEffect {
		hook = c.hook
		call = push(m, f, longest(f.Name, c.params))
	} else {
		call = dearestCall(m, f.Name)
	}
	call = append(call, m.useForeign(moduleOf(f), f)...)
	if len(f.Results) > 0 {
		call = append(call, drop...)
	}
	m.pages = 2
	for _, exported := range core.Hooks() {
		m.export(string(exported), bytes.Repeat(call, calls))
	}
	manifest := &core.Manifest{
		Name: "fixture", Hooks: core.Hooks(), Effects: core.EffectKinds(), Facts: []string{"quantity", "shopper.tags", "input.blob"},
	}
	return m.bytes(), manifest, hook
}

// longest replaces the strings of an effect's parameters by the longest.
func longest(name string, params []any) []any {
	long, strings := slices.Clone(params), 0
	for i, p := range params {
		if _, ok := p.(string); !ok {
			continue
		}
		most := abi.MaxName
		switch {
		case name == abi.Reply || strings == 1 && name != abi.Add:
			most = abi.MaxString
		case strings == 1 || len(params) == 2 && i == 1 && name != abi.Grant && name != abi.Take:
			most = abi.MaxLabel
		}
		strings++
		long[i] = worst[:most/3*3]
	}
	return long
}

// dearestCall pushes the parameters of an import that is no effect.
func dearestCall(m *module, name string) []byte {
	const at, vectors = 1<<16 + 256, 1<<16 + 32768
	switch name {
	case abi.FactKind:
		return m.text("input.blob")
	case abi.FactI64:
		return m.text("quantity")
	case abi.FactLen:
		return m.text("shopper.tags")
	case abi.FactStr:
		return concat(m.text("input.blob"), i32(at), i32(abi.MaxString))
	case abi.Log:
		return m.text(worst)
	case abi.RandomGet:
		return concat(i32(at), i32(abi.MaxString))
	case abi.FdWrite:
		return concat(word(vectors, abi.MaxString<<32|at), i32(1), i32(vectors), i32(abi.MaxVectors), i32(at))
	case abi.PollOneoff:
		return concat(i32(at), i32(vectors), i32(abi.MaxVectors), i32(at))
	case abi.ClockTimeGet:
		return concat(i32(0), i64(0), i32(at))
	case abi.SchedYield:
		return nil
	case abi.FdClose:
		return i32(1)
	case abi.FdSeek:
		return concat(i32(1), i64(1), i32(1), i32(1))
	default:
		return concat(i32(at), i32(at))
	}
}
