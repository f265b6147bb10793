package bench

import (
	"context"
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"time"

	extism "github.com/extism/go-sdk"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/library"
)

// facts are those of an order that hands in a Xiaomi.
func facts() *core.Facts {
	return &core.Facts{
		Item: core.ItemFacts{SKU: "mx3", Price: 179900}, Quantity: 1,
		Input: core.Object{"trade_in": core.Object{"brand": "Xiaomi", "model": "2S"}},
	}
}

// request is the same facts and the binding's parameters as guest/extism.c reads them.
func request() []byte {
	var b []byte
	add := func(path string, kind byte, value []byte) {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(path)))
		b = binary.LittleEndian.AppendUint32(append(b, kind), uint32(len(value)))
		b = append(append(b, path...), value...)
	}
	number := func(path string, kind byte, n uint64) { add(path, kind, binary.LittleEndian.AppendUint64(nil, n)) }
	add("item.sku", 2, []byte("mx3"))
	number("quantity", 1, 1)
	add("input.trade_in.brand", 2, []byte("Xiaomi"))
	add("input.trade_in.model", 2, []byte("2S"))
	number("config.brands", 4, 2)
	add("config.brands.0", 2, []byte("Samsung"))
	add("config.brands.1", 2, []byte("Xiaomi"))
	number("config.amount", 1, 50000)
	return b
}

// hotdrop returns the trade-in plugin as it decides in a sale.
func hotdrop(tb testing.TB) core.Mechanic {
	tb.Helper()
	entry, err := library.Open("trade-in")
	if err != nil {
		tb.Fatal(err)
	}
	host, err := plugins.NewHost(tb.Context(), plugins.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = host.Close(context.Background()) })
	plugin, err := host.Load(tb.Context(), entry.Manifest, entry.Wasm)
	if err != nil {
		tb.Fatal(err)
	}
	mechanic, err := plugin.Bind(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return mechanic
}

// other returns the same source, compiled by Extism.
func other(tb testing.TB) *extism.CompiledPlugin {
	tb.Helper()
	wasm, err := os.ReadFile("guest/trade-in.wasm")
	if err != nil {
		tb.Fatal(err)
	}
	compiled, err := extism.NewCompiledPlugin(tb.Context(), extism.Manifest{Wasm: []extism.Wasm{extism.WasmData{Data: wasm}}},
		extism.PluginConfig{}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = compiled.Close(context.Background()) })
	return compiled
}

func instance(tb testing.TB, compiled *extism.CompiledPlugin) *extism.Plugin {
	tb.Helper()
	plugin, err := compiled.Instance(tb.Context(), extism.PluginInstanceConfig{})
	if err != nil {
		tb.Fatal(err)
	}
	return plugin
}

func decide(tb testing.TB, mechanic core.Mechanic, facts *core.Facts, effects []core.Effect) []core.Effect {
	effects, _, err := mechanic.Decide(core.HookQuote, facts, effects)
	if err != nil || len(effects) != 3 {
		tb.Fatalf("got %v, %v", effects, err)
	}
	return effects
}

func call(tb testing.TB, plugin *extism.Plugin, input []byte) []byte {
	_, output, err := plugin.Call("decide", input)
	if err != nil || len(output) == 0 {
		tb.Fatalf("got %q, %v", output, err)
	}
	return output
}

func TestBothDecideTheSame(t *testing.T) {
	ours := decide(t, hotdrop(t), facts(), nil)
	plugin := instance(t, other(t))
	defer plugin.Close(t.Context())
	for range 3 {
		theirs := string(call(t, plugin, request()))
		for _, e := range ours {
			word := string(e.Kind) + " "
			switch e.Kind {
			case core.EffectDiscount:
				word += string(binary.LittleEndian.AppendUint64(nil, uint64(e.Amount))) + e.Text.EN + "\x1f" + e.Text.ZH
			case core.EffectTake:
				word += string(binary.LittleEndian.AppendUint64(nil, uint64(e.Units))) + e.Name
			default:
				word += e.Name + " " + e.Data
			}
			if !strings.Contains(theirs, word+"\n") {
				t.Errorf("Extism's output %q lacks %q", theirs, word)
			}
		}
	}
}

// BenchmarkTradeIn runs the three in turns, so that whatever else the machine does befalls them alike. Ours is metered
// and starts from the same state each time; Extism's pooled instance is neither, its input is encoded once and its output
// not decoded.
func BenchmarkTradeIn(b *testing.B) {
	mechanic, compiled := hotdrop(b), other(b)
	pooled := instance(b, compiled)
	defer pooled.Close(b.Context())
	order, input, effects := facts(), request(), make([]core.Effect, 0, 8)
	var ours, theirs, fresh time.Duration
	const ourTurns, theirTurns, freshTurns = 200, 20, 5
	for b.Loop() {
		begin := time.Now()
		for range ourTurns {
			decide(b, mechanic, order, effects)
		}
		second := time.Now()
		for range theirTurns {
			call(b, pooled, input)
		}
		third := time.Now()
		for range freshTurns {
			one := instance(b, compiled)
			call(b, one, input)
			if err := one.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		ours, theirs, fresh = ours+second.Sub(begin), theirs+third.Sub(second), fresh+time.Since(third)
	}
	each := func(d time.Duration, turns int) float64 { return float64(d.Nanoseconds()) / float64(b.N*turns) }
	b.ReportMetric(each(ours, ourTurns), "hotdrop-ns")
	b.ReportMetric(each(theirs, theirTurns), "extism-pooled-ns")
	b.ReportMetric(each(fresh, freshTurns), "extism-fresh-ns")
	b.ReportMetric(each(theirs, theirTurns)/each(ours, ourTurns), "times-pooled")
	b.ReportMetric(each(fresh, freshTurns)/each(ours, ourTurns), "times-fresh")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkAllocations counts those of one call.
func BenchmarkAllocations(b *testing.B) {
	b.Run("hotdrop", func(b *testing.B) {
		mechanic, order, effects := hotdrop(b), facts(), make([]core.Effect, 0, 8)
		b.ReportAllocs()
		for b.Loop() {
			decide(b, mechanic, order, effects)
		}
	})
	b.Run("extism-pooled", func(b *testing.B) {
		pooled, input := instance(b, other(b)), request()
		defer pooled.Close(b.Context())
		b.ReportAllocs()
		for b.Loop() {
			call(b, pooled, input)
		}
	})
}
