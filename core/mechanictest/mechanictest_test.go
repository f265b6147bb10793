package mechanictest

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

const vectors = `
mechanic: trade-in
vectors:
  - name: a Xiaomi takes 500 yuan off
    hook: quote
    config: {brand: Xiaomi, amount: 50000}
    facts: {quantity: 2, shopper: {tags: [vip, new]}, quota: {trade-in: 3}, input: {trade_in: {brand: Xiaomi, parts: [case]}}}
    effects:
      - discount: {amount: 50000, label: Trade-in}
      - oblige: {kind: trade_in, data: {b: 1, a: x}}
      - take: {quota: trade-in, units: 2}
  - name: another brand takes nothing off
    hook: quote
    config: {brand: Xiaomi, amount: 50000}
    facts: {quantity: 1, input: {trade_in: {brand: Nokia}}}
  - name: nothing handed in is denied
    hook: quote
    config: {brand: Xiaomi, amount: 50000}
    facts: {quantity: 1}
    denied: no_device
  - name: an amount of nothing is a failure
    hook: quote
    config: {brand: Xiaomi, amount: 0}
    facts: {quantity: 1, input: {trade_in: {brand: Xiaomi}}}
    error: overflow
`

func parsed(t *testing.T) *campaignfile.Vectors {
	t.Helper()
	v, err := campaignfile.ParseVectors([]byte(vectors))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// tradeIn is a mechanic as the contract wants it, written in Go, with a place for a fault after its decision.
type tradeIn struct {
	manifest core.Manifest
	brand    string
	amount   int64
	fault    fault
	calls    atomic.Int64
	closed   *atomic.Int64
}

// fault may change what a decision answers; call counts from 1.
type fault func(call int64, hook core.Hook, facts *core.Facts, earlier []core.Effect, a *decided)

type decided struct {
	effects []core.Effect
	usage   core.Usage
	err     error
}

func (m *tradeIn) Manifest() *core.Manifest { return &m.manifest }

func (m *tradeIn) Close() error {
	m.closed.Add(1)
	return nil
}

func (m *tradeIn) Decide(hook core.Hook, facts *core.Facts, earlier []core.Effect) ([]core.Effect, core.Usage, error) {
	a := &decided{effects: earlier, usage: core.Usage{Fuel: 7}}
	if hook == core.HookQuote {
		a.effects, a.err = m.quote(facts, earlier)
	}
	if m.fault != nil {
		m.fault(m.calls.Add(1), hook, facts, earlier, a)
	}
	return a.effects, a.usage, a.err
}

func (m *tradeIn) quote(facts *core.Facts, effects []core.Effect) ([]core.Effect, error) {
	device, _ := facts.Input["trade_in"].(core.Object)
	switch {
	case device == nil:
		return append(effects, core.Effect{Kind: core.EffectDeny, Name: "no_device", Text: core.Text{EN: "Hand in a phone"}}), nil
	case m.amount <= 0:
		return nil, &core.MechanicError{Code: "overflow", Message: "nothing to give"}
	case device["brand"] != m.brand:
		return effects, nil
	}
	return append(effects,
		core.Effect{Kind: core.EffectDiscount, Amount: m.amount, Text: core.Text{EN: "Trade-in", ZH: "折抵"}},
		core.Effect{Kind: core.EffectOblige, Name: "trade_in", Data: `{"b": 1, "a": "x"}`},
		core.Effect{Kind: core.EffectTake, Name: "trade-in", Units: facts.Quantity},
	), nil
}

func compile(config core.Object) *tradeIn {
	brand, _ := config["brand"].(string)
	amount, _ := config["amount"].(int64)
	return &tradeIn{brand: brand, amount: amount, closed: &atomic.Int64{}, manifest: core.Manifest{
		Name: "trade-in", Kind: "rule", Digest: "sha256:00", Hooks: []core.Hook{core.HookQuote},
		Facts:   []string{"quantity", "input.trade_in.brand"},
		Effects: []core.EffectKind{core.EffectDeny, core.EffectDiscount, core.EffectOblige, core.EffectTake},
	}}
}

func TestAMechanicThatKeepsItsContractPassesAndIsClosedOncePerConfig(t *testing.T) {
	closed, compiled := &atomic.Int64{}, 0
	t.Run("run", func(t *testing.T) {
		Run(t, func(config core.Object) (core.Mechanic, error) {
			m := compile(config)
			m.closed = closed
			compiled++
			return m, nil
		}, parsed(t))
	})
	if compiled != 2 || closed.Load() != 2 {
		t.Errorf("compiled %d times, closed %d times, want 2", compiled, closed.Load())
	}
}

func TestEveryBreachOfTheContractIsFound(t *testing.T) {
	for _, tc := range []struct {
		name  string
		also  core.Hook // where the fault is too, beside quote
		fault fault
		want  string
	}{
		{"another amount", "", func(_ int64, _ core.Hook, _ *core.Facts, _ []core.Effect, a *decided) {
			a.effects[len(a.effects)-3].Amount++
		}, "effects[0] differs:\n- want discount: {amount: 50000, label: Trade-in}\n+ got  discount: {amount: 50001, label: Trade-in}\n"},
		{"one effect too many", "", func(_ int64, _ core.Hook, _ *core.Facts, _ []core.Effect, a *decided) {
			a.effects = append(a.effects, core.Effect{Kind: core.EffectTake, Name: "trade-in"})
		}, "effects differs:\n- want nothing\n+ got  take: {quota: trade-in, units: 0}\n"},
		{"a decision where a failure belongs", "", func(_ int64, _ core.Hook, _ *core.Facts, _ []core.Effect, a *decided) {
			a.effects, a.err = nil, &core.MechanicError{Code: "trap", Message: "unreachable"}
		}, "+ got  error: trap: unreachable\n"},
		{"an error that is not a mechanic's", "", func(_ int64, _ core.Hook, _ *core.Facts, _ []core.Effect, a *decided) {
			a.err = errors.New("odd")
		}, "not a *core.MechanicError"},
		{"another answer the second time", "", func(call int64, _ core.Hook, _ *core.Facts, _ []core.Effect, a *decided) {
			if call == 2 {
				a.effects = a.effects[:1]
			}
		}, "asked again it answered differently"},
		{"another cost the second time", "", func(call int64, _ core.Hook, _ *core.Facts, _ []core.Effect, a *decided) {
			a.usage.Fuel = min(call, 2)
		}, "asked again it answered differently"},
		{"another answer among many", "", func(call int64, _ core.Hook, _ *core.Facts, _ []core.Effect, a *decided) {
			if call == 20 {
				a.effects = nil
			}
		}, "asked by several at once it answered differently"},
		{"a changed tag", "", func(_ int64, _ core.Hook, facts *core.Facts, _ []core.Effect, _ *decided) {
			facts.Shopper.Tags[0] = "none"
		}, "it changed the facts"},
		{"a changed quota", "", func(_ int64, _ core.Hook, facts *core.Facts, _ []core.Effect, _ *decided) {
			facts.Quota["trade-in"]--
		}, "it changed the facts"},
		{"a changed input", "", func(_ int64, _ core.Hook, facts *core.Facts, _ []core.Effect, _ *decided) {
			device, _ := facts.Input["trade_in"].(core.Object)
			parts, _ := device["parts"].([]any)
			parts[0] = "screen"
		}, "it changed the facts"},
		{"earlier effects dropped", "", func(_ int64, _ core.Hook, _ *core.Facts, earlier []core.Effect, a *decided) {
			a.effects = a.effects[len(earlier):]
		}, "it did not keep the effects"},
		{"earlier effects rewritten", "", func(_ int64, _ core.Hook, _ *core.Facts, earlier []core.Effect, a *decided) {
			for i := range earlier {
				a.effects[i].Value = "mine"
			}
		}, "it did not keep the effects"},
		{"an answer at a hook it does not have", core.HookPaid, func(_ int64, hook core.Hook, _ *core.Facts, _ []core.Effect, a *decided) {
			if hook == core.HookPaid {
				a.effects = append(a.effects, core.Effect{Kind: core.EffectTag, Name: "k"})
			}
		}, "it does not have the hook paid, but answered it"},
		{"a failure at a hook it does not have", core.HookShare, func(_ int64, hook core.Hook, _ *core.Facts, _ []core.Effect, a *decided) {
			if hook == core.HookShare {
				a.err = &core.MechanicError{Code: "trap"}
			}
		}, "it does not have the hook share, but answered it"},
		{"an effect that is not in the manifest", "", func(_ int64, _ core.Hook, _ *core.Facts, _ []core.Effect, a *decided) {
			a.effects[len(a.effects)-1] = core.Effect{Kind: core.EffectOnce, Name: "k"}
		}, "the effect once is not in the manifest"},
		{"an effect that is not allowed at the hook", "", func(_ int64, _ core.Hook, _ *core.Facts, _ []core.Effect, a *decided) {
			a.effects[len(a.effects)-1] = core.Effect{Kind: core.EffectReply}
		}, "the effect reply is not allowed at the hook quote"},
		{"data that is no object", "", func(_ int64, _ core.Hook, _ *core.Facts, _ []core.Effect, a *decided) {
			a.effects[len(a.effects)-2].Data = `{"a":1.5}`
		}, "the data of oblige"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			vector := &parsed(t).Vectors[0]
			m := compile(vector.Config)
			m.fault = func(call int64, hook core.Hook, facts *core.Facts, earlier []core.Effect, a *decided) {
				if hook == core.HookQuote || hook == tc.also {
					tc.fault(call, hook, facts, earlier, a)
				}
			}
			if verdict := Check(compile(vector.Config), vector); !verdict.Passed() {
				t.Fatal("the mechanic fails without the fault")
			}
			verdict := Check(m, vector)
			if complaints := append(told(verdict.Differences), verdict.Complaints...); !slices.ContainsFunc(complaints, func(c string) bool { return strings.Contains(c, tc.want) }) {
				t.Errorf("want a complaint with %q, got\n%s", tc.want, strings.Join(complaints, "\n"))
			}
		})
	}
}

func TestAManifestThatDoesNotHoldIsFound(t *testing.T) {
	m := compile(core.Object{})
	if complaints := checkManifest(m, "trade-in"); len(complaints) != 0 {
		t.Errorf("complaints %q", complaints)
	}
	m.manifest.Hooks, m.manifest.Name = nil, "swap"
	complaints := strings.Join(checkManifest(m, "trade-in"), "\n")
	for _, want := range []string{"the manifest: hooks: names no hook", "the vectors are for trade-in, the manifest is of swap"} {
		if !strings.Contains(complaints, want) {
			t.Errorf("want %q in\n%s", want, complaints)
		}
	}
	if complaints := checkManifest(bare{}, "trade-in"); !slices.Equal(complaints, []string{"it has no manifest"}) {
		t.Errorf("complaints %q", complaints)
	}
}

// bare is a mechanic without a manifest.
type bare struct{ core.Mechanic }

func (bare) Manifest() *core.Manifest { return nil }
