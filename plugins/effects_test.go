package plugins_test

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

// proposals is every effect with the parameters that a guest hands over for it: an int64 by its place in the signature
// as i32 or i64, a string as pointer and length.
func proposals() map[string]struct {
	hook   core.Hook
	params []any
	want   core.Effect
} {
	both := core.Text{EN: "Trade-in", ZH: "折抵"}
	const far = int64(1) << 40
	return map[string]struct {
		hook   core.Hook
		params []any
		want   core.Effect
	}{
		abi.Deny:            {core.HookReserve, []any{"too_late", "Come earlier"}, core.Effect{Name: "too_late", Text: core.Text{EN: "Come earlier"}}},
		abi.Discount:        {core.HookQuote, []any{far, "Trade-in\x1f折抵"}, core.Effect{Amount: far, Text: both}},
		abi.DiscountPercent: {core.HookQuote, []any{int64(1250), "\x1f折抵"}, core.Effect{Amount: 1250, Text: core.Text{ZH: "折抵"}}},
		abi.Price:           {core.HookQuote, []any{int64(-7), "x\x1f"}, core.Effect{Amount: -7, Text: core.Text{EN: "x"}}},
		abi.Add:             {core.HookQuote, []any{"case", int64(2), far, ""}, core.Effect{Name: "case", Units: 2, Amount: far}},
		abi.Deposit:         {core.HookQuote, []any{far, far + 1}, core.Effect{Amount: far, Credit: far + 1}},
		abi.Group:           {core.HookQuote, []any{int64(3), int64(7200), far}, core.Effect{Units: 3, Seconds: 7200, Amount: far}},
		abi.Take:            {core.HookQuote, []any{"trade-in", int64(-1)}, core.Effect{Name: "trade-in", Units: -1}},
		abi.Once:            {core.HookReserve, []any{"key"}, core.Effect{Name: "key"}},
		abi.Oblige:          {core.HookQuote, []any{"trade_in", `{"brand":"M"}`}, core.Effect{Name: "trade_in", Data: `{"brand":"M"}`}},
		abi.Grant:           {core.HookPaid, []any{"flyme-50", int64(1)}, core.Effect{Name: "flyme-50", Units: 1}},
		abi.Enter:           {core.HookShare, []any{"phone", far}, core.Effect{Name: "phone", Units: far}},
		abi.Tag:             {core.HookMessage, []any{"vip", "yes"}, core.Effect{Name: "vip", Value: "yes"}},
		abi.Notify:          {core.HookPaid, []any{"shipped", `{}`}, core.Effect{Name: "shipped", Data: `{}`}},
		abi.Reply:           {core.HookMessage, []any{"It is on its way\x1f已发货"}, core.Effect{Text: core.Text{EN: "It is on its way", ZH: "已发货"}}},
	}
}

// push returns the code that pushes the parameters in the types that the signature wants.
func push(m *module, f abi.Function, params []any) []byte {
	var code []byte
	at := 0
	for _, p := range params {
		switch v := p.(type) {
		case string:
			code = append(code, m.text(v)...)
			at += 2
		case int64:
			if f.Params[at] == abi.I64 {
				code = append(code, i64(v)...)
			} else {
				code = append(code, i32(v)...)
			}
			at++
		}
	}
	return code
}

func TestEveryEffectArrivesAsItWasProposed(t *testing.T) {
	cases := proposals()
	for _, f := range abi.Effects() {
		t.Run(f.Name, func(t *testing.T) {
			c, ok := cases[f.Name]
			if !ok {
				t.Fatal("the effect has no case")
			}
			c.want.Kind = core.EffectKind(f.Name)
			m := newModule()
			m.export(string(c.hook), push(m, f, c.params), m.use(f.Name))
			manifest := &core.Manifest{Name: "fixture", Hooks: []core.Hook{c.hook}, Effects: []core.EffectKind{c.want.Kind}}
			earlier := []core.Effect{{Kind: core.EffectTag, Name: "earlier"}}
			got, usage, err := bind(t, load(t, manifest, m.bytes()), nil).Decide(c.hook, &core.Facts{}, earlier)
			if err != nil || len(got) != 2 || got[0] != earlier[0] || got[1] != c.want {
				t.Errorf("got %+v, %v; want %+v behind the earlier one", got, err, c.want)
			}
			if usage.Fuel < f.Fuel || usage.Fuel > f.Fuel+100 {
				t.Errorf("%d fuel, want the import's %d and a little", usage.Fuel, f.Fuel)
			}
		})
	}
}

func TestAnEffectThatTheRunningHookMayNotUseTraps(t *testing.T) {
	m := newModule()
	body := [][]byte{m.text("pool"), i32(1), m.use(abi.Grant)}
	m.export("quote", body...).export("paid", body...)
	manifest := &core.Manifest{
		Name: "fixture", Hooks: []core.Hook{core.HookQuote, core.HookPaid}, Effects: []core.EffectKind{core.EffectGrant},
	}
	mechanic := bind(t, load(t, manifest, m.bytes()), nil)
	_, _, err := mechanic.Decide(core.HookQuote, &core.Facts{}, nil)
	wantCode(t, err, abi.CodeBadEffect)
	if effects, _, err := mechanic.Decide(core.HookPaid, &core.Facts{}, nil); err != nil || len(effects) != 1 {
		t.Errorf("at paid: %v, %v", effects, err)
	}
}

func TestAGuestMayProposeSixtyFourEffectsAndNoMore(t *testing.T) {
	for count, code := range map[int]string{abi.MaxEffects: "", abi.MaxEffects + 1: abi.CodeBadEffect} {
		m := newModule()
		var body [][]byte
		for range count {
			body = append(body, m.text("k"), m.use(abi.Once))
		}
		m.export("quote", body...)
		earlier := make([]core.Effect, 3)
		effects, _, err := bind(t, load(t, everything(), m.bytes()), nil).Decide(core.HookQuote, &core.Facts{}, earlier)
		if code != "" {
			wantCode(t, err, code)
			count = 0
		}
		if len(effects) != len(earlier)+count {
			t.Errorf("%d effects, want %d", len(effects), len(earlier)+count)
		}
	}
}

func TestFailEndsTheDecisionWithItsText(t *testing.T) {
	m := newModule()
	m.export("quote", m.text("k"), m.use(abi.Once), m.text("配置错了"), m.use(abi.Fail), trap)
	earlier := []core.Effect{{Kind: core.EffectTag}}
	effects, _, err := bind(t, load(t, everything(), m.bytes()), nil).Decide(core.HookQuote, &core.Facts{}, earlier)
	wantCode(t, err, abi.CodeFailed)
	if err.Error() != "failed: 配置错了" || len(effects) != 1 {
		t.Errorf("got %v and %d effects", err, len(effects))
	}
}

func TestATrapNamesItsReasonAndNothingElse(t *testing.T) {
	_, err := quote(t, newModule().export("quote", trap), everything(), &core.Facts{})
	if err == nil || err.Error() != "trap: unreachable" {
		t.Errorf("got %v", err)
	}
}

func TestAHookThatTheManifestDoesNotNameAsksForNothing(t *testing.T) {
	mechanic := bind(t, load(t, everything(), newModule().export("quote", trap).bytes()), nil)
	effects, _, err := mechanic.Decide(core.HookPaid, &core.Facts{}, make([]core.Effect, 1))
	if err != nil || len(effects) != 1 {
		t.Errorf("got %v, %v", effects, err)
	}
}

// lines collects what is logged.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(b))
	return len(b), nil
}

func TestTheLogIsBoundedPerDecision(t *testing.T) {
	var got lines
	host := newHost(t, plugins.Options{Logger: slog.New(slog.NewTextHandler(&got, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	m := newModule()
	var body [][]byte
	for range 7 {
		body = append(body, m.text(strings.Repeat("x", 999)), m.use(abi.Log))
	}
	m.export("quote", body...).export(abi.ExportInitialize, m.text("starting"), m.use(abi.Log))
	plugin, err := host.Load(t.Context(), everything(), m.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := bind(t, plugin, nil).Decide(core.HookQuote, &core.Facts{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(got.all[0], "msg=starting plugin=fixture") {
		t.Errorf("line %q", got.all[0])
	}
	var lengths []int
	for _, line := range got.all[1:] {
		lengths = append(lengths, strings.Count(line, "x")-1) // one is the fixture's
	}
	if want := []int{999, 999, 999, 999, 95, 999, 999, 999, 999, 95}; !slices.Equal(lengths, want) {
		t.Errorf("lines of %v, want %v", lengths, want)
	}
}
