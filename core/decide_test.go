package core

import (
	"errors"
	"slices"
	"testing"
)

// proposal is a mechanic that proposes the same effects whatever the facts; what it proposes is the test's input.
type proposal struct {
	name    string
	hooks   []Hook
	effects []Effect
	err     error
}

func (p *proposal) Manifest() *Manifest {
	hooks := p.hooks
	if hooks == nil {
		hooks = []Hook{HookQuote}
	}
	return &Manifest{Name: p.name, Kind: "rule", Digest: "sha256:" + p.name, Hooks: hooks}
}

func (p *proposal) Decide(_ Hook, _ *Facts, effects []Effect) ([]Effect, Usage, error) {
	if p.err != nil {
		return append(effects, Effect{Kind: "leftover"}), Usage{}, p.err
	}
	return append(effects, p.effects...), Usage{}, nil
}

func discount(amount int64) Effect { return Effect{Kind: EffectDiscount, Amount: amount} }

// rulesetOf binds each proposal into the group of the same index.
func rulesetOf(stacking map[string]Stacking, groups []string, proposals ...*proposal) *compiled {
	r := &compiled{}
	var bindings []Binding
	for i, p := range proposals {
		r.bindings = append(r.bindings, &bound{mechanic: p, policy: FailDeny})
		bindings = append(bindings, Binding{Mechanic: p.name, Group: groups[i]})
	}
	r.groups = groupBindings(bindings, stacking)
	return r
}

var testCampaign = &Campaign{
	ID: "c", Items: []Item{{SKU: "phone", Price: 1000}, {SKU: "case", Price: 100}}, Quotas: map[string]int64{"q": 5},
	VoucherPools: map[string]VoucherPool{"pool": {}}, Draws: map[string]DrawTerms{"draw": {}}, Templates: map[string]Text{"thanks": {}},
}

func decideTest(t *testing.T, r *compiled) *decision {
	t.Helper()
	d, err := r.decide(HookQuote, &Facts{Quantity: 1, Item: ItemFacts{Price: 1000}}, testCampaign, -1)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestStacking(t *testing.T) {
	small, large := &proposal{name: "small", effects: []Effect{discount(100)}}, &proposal{name: "large", effects: []Effect{discount(300)}}
	none := &proposal{name: "none"}
	percent := &proposal{name: "percent", effects: []Effect{{Kind: EffectDiscountPercent, Amount: 1000}}}
	one := map[string]Stacking{"g": StackAll, "b": StackBest, "f": StackFirst}
	for _, tt := range []struct {
		name     string
		groups   []string
		bindings []*proposal
		want     int64
	}{
		{"all adds up", []string{"g", "g"}, []*proposal{small, large}, 600},
		{"bindings without a group add up", []string{"", ""}, []*proposal{small, large}, 600},
		{"best takes the lowest total", []string{"b", "b"}, []*proposal{small, large}, 700},
		{"first takes the first that proposes", []string{"f", "f", "f"}, []*proposal{none, small, large}, 900},
		{"groups apply in the order of their first binding", []string{"g", "b", "g"}, []*proposal{small, percent, large}, 540},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := decideTest(t, rulesetOf(one, tt.groups, tt.bindings...)); got.total != tt.want {
				t.Errorf("total = %d, want %d", got.total, tt.want)
			}
		})
	}
}

func TestALosingBindingLeavesNothingBehind(t *testing.T) {
	loser := &proposal{name: "loser", effects: []Effect{discount(1), {Kind: EffectTake, Name: "q", Units: 1}, {Kind: EffectOnce, Name: "k"}}}
	winner := &proposal{name: "winner", effects: []Effect{discount(2)}}
	d := decideTest(t, rulesetOf(map[string]Stacking{"g": StackBest}, []string{"g", "g"}, loser, winner))
	if len(d.takes) != 0 || len(d.once) != 0 {
		t.Errorf("takes %v, once %v", d.takes, d.once)
	}
	if d.steps[0].outcome != outcomeStacked || d.steps[1].outcome != outcomeApplied {
		t.Errorf("outcomes %s, %s", d.steps[0].outcome, d.steps[1].outcome)
	}
}

func TestEffectsOfAMatchingBindingBecomeTakesClaimsAndConditions(t *testing.T) {
	d := decideTest(t, rulesetOf(nil, []string{""}, &proposal{name: "m", effects: []Effect{
		{Kind: EffectTake, Name: "q", Units: 2},
		{Kind: EffectOnce, Name: "k"},
		{Kind: EffectOnce, Name: "k"},
		{Kind: EffectOblige, Name: "trade_in", Data: `{ "model": "2S", "brand": "Xiaomi" }`},
	}}))
	if want := []Take{{Counter: "quota/q", Units: 2}}; !slices.Equal(d.takes, want) {
		t.Errorf("takes = %v, want %v", d.takes, want)
	}
	if want := []string{"k"}; !slices.Equal(d.once, want) {
		t.Errorf("once = %v, want %v", d.once, want)
	}
	if len(d.duties) != 1 || string(d.duties[0].Data) != `{"brand":"Xiaomi","model":"2S"}` || d.duties[0].State != ConditionOpen {
		t.Errorf("conditions = %+v", d.duties)
	}
}

func TestADenyCountsWhateverTheStacking(t *testing.T) {
	deny := &proposal{name: "deny", effects: []Effect{{Kind: EffectDeny, Name: "not_you", Text: Text{EN: "Not you", ZH: "不行"}}}}
	better := &proposal{name: "better", effects: []Effect{discount(900)}}
	for _, mode := range []Stacking{StackAll, StackBest, StackFirst} {
		r := rulesetOf(map[string]Stacking{"g": mode}, []string{"g", "g"}, better, deny)
		_, err := r.decide(HookQuote, &Facts{Quantity: 1, Item: ItemFacts{Price: 1000}}, testCampaign, -1)
		denied, ok := errors.AsType[*Error](err)
		if !ok || denied.Code != CodeDenied || denied.Reason != "not_you" || denied.Text.ZH != "不行" {
			t.Errorf("%s: err = %v", mode, err)
		}
	}
}

func TestFailurePolicies(t *testing.T) {
	failing := &proposal{name: "failing", err: &MechanicError{Code: "trap", Message: "unreachable"}}
	other := &proposal{name: "other", effects: []Effect{discount(100)}}
	lastGood := &proposal{name: "good", effects: []Effect{discount(500)}}
	for _, tt := range []struct {
		name     string
		policy   FailurePolicy
		fallback Mechanic
		want     int64
		code     Code
	}{
		{"deny refuses the order", FailDeny, lastGood, 0, CodeMechanicFailed},
		{"skip goes on without the binding", FailSkip, lastGood, 900, ""},
		{"last_good asks the previous ruleset's binding", FailLastGood, lastGood, 400, ""},
		{"last_good without a previous ruleset refuses", FailLastGood, nil, 0, CodeMechanicFailed},
		{"last_good whose fallback fails too refuses", FailLastGood, failing, 0, CodeMechanicFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rulesetOf(nil, []string{"", ""}, failing, other)
			r.bindings[0].policy, r.bindings[0].fallback = tt.policy, tt.fallback
			d, err := r.decide(HookQuote, &Facts{Quantity: 1, Item: ItemFacts{Price: 1000}}, testCampaign, -1)
			if CodeOf(err) != tt.code {
				t.Fatalf("err = %v, want %q", err, tt.code)
			}
			if tt.code == "" && d.total != tt.want {
				t.Errorf("total = %d, want %d", d.total, tt.want)
			}
		})
	}
}

func TestAMechanicOfAnotherHookIsNotAsked(t *testing.T) {
	r := rulesetOf(nil, []string{""}, &proposal{name: "m", hooks: []Hook{HookPaid}, effects: []Effect{discount(1)}})
	if d := decideTest(t, r); d.total != 1000 || d.steps[0].outcome != outcomeNoMatch {
		t.Errorf("total %d, outcome %s", d.total, d.steps[0].outcome)
	}
}

func TestEffectsThatWriteDocumentsBecomeNotes(t *testing.T) {
	for hook, effects := range map[Hook][]Effect{
		HookReserve: {{Kind: EffectTag, Name: "k", Value: "v"}, {Kind: EffectNotify, Name: "thanks"}, {Kind: EffectEnter, Name: "draw", Units: 1}},
		HookShare:   {{Kind: EffectTag, Name: "k"}, {Kind: EffectNotify, Name: "thanks", Data: `{"a":1}`}, {Kind: EffectEnter, Name: "draw", Units: 2}},
		HookQuote:   {{Kind: EffectTag, Name: "k"}, {Kind: EffectNotify, Name: "thanks"}},
		HookPaid:    {{Kind: EffectGrant, Name: "pool", Units: 1}, {Kind: EffectEnter, Name: "draw", Units: 1_000_000}},
		HookMessage: {{Kind: EffectReply, Text: Text{EN: "On its way to {order.id}"}}, {Kind: EffectTag, Name: "asked"}},
	} {
		p := &proposal{name: "m", hooks: []Hook{hook}, effects: effects}
		loser := &proposal{name: "loser", hooks: []Hook{hook}, effects: []Effect{{Kind: EffectTag, Name: "lost"}}}
		r := rulesetOf(map[string]Stacking{"g": StackFirst}, []string{"g", "g"}, p, loser)
		d, err := r.decide(hook, &Facts{Quantity: 1, Item: ItemFacts{Price: 1000}}, testCampaign, -1)
		if err != nil || len(d.notes) != len(effects) {
			t.Errorf("%s: %+v, %v", hook, d, err)
			continue
		}
		for i, n := range d.notes {
			if n.effect != effects[i] || n.manifest.Name != "m" {
				t.Errorf("%s: note %d is %+v", hook, i, n)
			}
		}
	}
}

func TestAHookWithoutAPriceMakesNone(t *testing.T) {
	for _, hook := range []Hook{HookReserve, HookShare, HookPaid, HookMessage} {
		tag := &proposal{name: "tag", hooks: []Hook{hook}, effects: []Effect{{Kind: EffectTag, Name: "first"}}}
		other := &proposal{name: "other", hooks: []Hook{hook}, effects: []Effect{{Kind: EffectTag, Name: "second"}}}
		r := rulesetOf(map[string]Stacking{"g": StackBest}, []string{"g", "g"}, tag, other)
		facts := &Facts{Quantity: 1, Item: ItemFacts{SKU: "phone", Price: 1000}}
		d, err := r.decide(hook, facts, &Campaign{Guardrails: Guardrails{MinPrice: 100}}, 0)
		if err != nil {
			t.Fatal(hook, err)
		}
		if d.total != 0 || d.off != 0 || d.lines() != nil || d.group != nil || d.deposit != nil {
			t.Errorf("%s: %+v", hook, d)
		}
		if len(d.notes) != 1 || d.notes[0].effect.Name != "first" {
			t.Errorf("%s: best without a price is not the first: %+v", hook, d.notes)
		}
	}
}

func TestMechanicsThatContradictEachOtherRefuseTheOrder(t *testing.T) {
	deposit := &proposal{name: "deposit", effects: []Effect{{Kind: EffectDeposit, Amount: 100, Credit: 150}}}
	group := &proposal{name: "group", effects: []Effect{{Kind: EffectGroup, Units: 3, Seconds: 60, Amount: 500}}}
	gifts := &proposal{name: "gifts", effects: slices.Repeat([]Effect{{Kind: EffectAdd, Name: "case", Units: 1, Amount: 100}}, maxLines-1)}
	for name, proposals := range map[string][]*proposal{
		"two deposits":        {deposit, deposit},
		"two groups":          {group, group},
		"more than 32 lines":  {gifts, {name: "one more", effects: []Effect{{Kind: EffectAdd, Name: "case", Units: 1, Amount: 100}}}},
		"also inside of best": {group, {name: "other", effects: []Effect{discount(1)}}, group},
	} {
		groups := []string{"", "g", "g"}[:len(proposals)]
		r := rulesetOf(map[string]Stacking{"g": StackBest}, groups, proposals...)
		_, err := r.decide(HookQuote, &Facts{Quantity: 1, Item: ItemFacts{Price: 1000}}, testCampaign, -1)
		if CodeOf(err) != CodeMechanicFailed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// BenchmarkDecide measures one decision of three bindings, one of them in a group of its own, without their mechanics.
func BenchmarkDecide(b *testing.B) {
	r := rulesetOf(map[string]Stacking{"g": StackBest}, []string{"g", "g", ""},
		&proposal{name: "small", effects: []Effect{discount(100)}}, &proposal{name: "large", effects: []Effect{discount(300)}},
		&proposal{name: "once", effects: []Effect{{Kind: EffectOnce, Name: "k"}}})
	facts := &Facts{Quantity: 1, Item: ItemFacts{SKU: "phone", Price: 1000}}
	b.ReportAllocs()
	for b.Loop() {
		d, err := r.decide(HookQuote, facts, testCampaign, -1)
		if err != nil || len(d.lines()) != 1 {
			b.Fatal(err)
		}
	}
}
