package core

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// sound returns an effect of the kind that testCampaign can carry out.
func sound(kind EffectKind) Effect {
	e := Effect{Kind: kind, Name: "n", Units: 1, Amount: 10, Credit: 10, Text: Text{EN: "text"}}
	switch kind {
	case EffectAdd:
		e.Name = "case"
	case EffectGroup:
		e.Units, e.Seconds = 2, 60
	case EffectTake:
		e.Name = "q"
	case EffectGrant:
		e.Name = "pool"
	case EffectEnter:
		e.Name = "draw"
	case EffectNotify:
		e.Name = "thanks"
	}
	return e
}

func TestEveryEffectIsCarriedOutExactlyWhereTheTableAllowsIt(t *testing.T) {
	for _, hook := range Hooks() {
		for _, kind := range append(EffectKinds(), "teleport") {
			err := checkEffects(hook, []Effect{sound(kind)}, testCampaign)
			if failure, _ := errors.AsType[*MechanicError](err); (err == nil) != kind.Allowed(hook) || err != nil && failure.Code != "bad_effect" {
				t.Errorf("%s at %s: %v", kind, hook, err)
			}
		}
	}
}

// changed returns a sound effect of the kind after a change.
func changed(kind EffectKind, change func(e *Effect)) Effect {
	e := sound(kind)
	change(&e)
	return e
}

func TestEffectsThatNoMechanicMayAskFor(t *testing.T) {
	for _, tt := range []struct {
		name   string
		effect Effect
		want   string
	}{
		{"a negative discount", discount(-1), "out of range"},
		{"an amount at the end of int64", discount(1<<63 - 1), "out of range"},
		{"a negative price", changed(EffectPrice, func(e *Effect) { e.Amount = -5 }), "out of range"},
		{"a negative number of units", changed(EffectTake, func(e *Effect) { e.Units = -1 }), "out of range"},
		{"a credit at the end of int64", changed(EffectDeposit, func(e *Effect) { e.Credit = 1<<63 - 1 }), "out of range"},
		{"a group for longer than there is time", changed(EffectGroup, func(e *Effect) { e.Seconds = -1 }), "out of range"},
		{"more than everything off", changed(EffectDiscountPercent, func(e *Effect) { e.Amount = 10_001 }), "basis_points is 10001, must be 0 to 10000"},
		{"no units of a line", changed(EffectAdd, func(e *Effect) { e.Units = 0 }), "no units"},
		{"a line of more units than an order may have", changed(EffectAdd, func(e *Effect) { e.Units = 101 }), "units is 101, must be 1 to 100"},
		{"a line without an item", changed(EffectAdd, func(e *Effect) { e.Name = "" }), "the name is missing"},
		{"a line of another campaign's item", changed(EffectAdd, func(e *Effect) { e.Name = "tv" }), `there is no item "tv" in this campaign`},
		{"a deposit of nothing", changed(EffectDeposit, func(e *Effect) { e.Amount, e.Credit = 0, 0 }), "no amount"},
		{"a deposit that counts for less than it is", changed(EffectDeposit, func(e *Effect) { e.Credit = 9 }), "the credit of 9 is below the amount of 10"},
		{"a group of one", changed(EffectGroup, func(e *Effect) { e.Units = 1 }), "size is 1, must be 2 to 100"},
		{"a group of 101", changed(EffectGroup, func(e *Effect) { e.Units = 101 }), "size is 101"},
		{"a group without time", changed(EffectGroup, func(e *Effect) { e.Seconds = 0 }), "no seconds"},
		{"a group for more than 30 days", changed(EffectGroup, func(e *Effect) { e.Seconds = 2_592_001 }), "seconds is 2592001"},
		{"a quota the campaign lacks", changed(EffectTake, func(e *Effect) { e.Name = "other" }), `there is no quota "other" in this campaign`},
		{"no units of a quota", changed(EffectTake, func(e *Effect) { e.Units = 0 }), "no units"},
		{"a once without a key", changed(EffectOnce, func(e *Effect) { e.Name = "" }), "the name is missing"},
		{"a deny without a reason", changed(EffectDeny, func(e *Effect) { e.Name = "" }), "the name is missing"},
		{"a deny with a novel", changed(EffectDeny, func(e *Effect) { e.Text.ZH = strings.Repeat("x", 4_097) }), "the text is too long"},
		{"the engine's own duty", changed(EffectOblige, func(e *Effect) { e.Name = "group" }), `the kind "group" is the engine's own`},
		{"data that is no object", changed(EffectOblige, func(e *Effect) { e.Data = `[1]` }), "not a JSON object"},
		{"data with a float", changed(EffectNotify, func(e *Effect) { e.Data = `{"a":1.5}` }), "not a JSON object"},
		{"data of a megabyte", changed(EffectNotify, func(e *Effect) { e.Data = `{"a":"` + strings.Repeat("x", 1<<20) + `"}` }), "the data are too long"},
		{"a template the campaign lacks", changed(EffectNotify, func(e *Effect) { e.Name = "other" }), `there is no template "other"`},
		{"a tag whose key could pass for another's", changed(EffectTag, func(e *Effect) { e.Name = "tier=gold" }), `the key has a "="`},
		{"a tag whose value is a novel", changed(EffectTag, func(e *Effect) { e.Value = strings.Repeat("x", 257) }), "the value is too long"},
		{"a tag that moves a cursor", changed(EffectTag, func(e *Effect) { e.Value = "\x1b[2J" }), "not plain text"},
		{"an effect of another hook", sound(EffectGrant), "is not allowed at the hook quote"},
		{"an effect that does not exist", sound("teleport"), "is not allowed at the hook quote"},
		{"a name with a zero character", changed(EffectOnce, func(e *Effect) { e.Name = "a\x00b" }), "not plain text"},
		{"a name as long as a short novel", changed(EffectOnce, func(e *Effect) { e.Name = strings.Repeat("n", 129) }), "too long"},
	} {
		t.Run(tt.name, func(t *testing.T) { wantRefused(t, HookQuote, tt.want, tt.effect) })
	}
}

func TestEffectsThatNoMechanicMayAskForAtOtherHooks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		hook   Hook
		effect Effect
		want   string
	}{
		{"a pool of another campaign", HookPaid, changed(EffectGrant, func(e *Effect) { e.Name = "flyme" }), `there is no voucher pool "flyme" in this campaign`},
		{"no vouchers", HookPaid, changed(EffectGrant, func(e *Effect) { e.Units = 0 }), "no count"},
		{"more vouchers than one transaction should write", HookPaid, changed(EffectGrant, func(e *Effect) { e.Units = 101 }), "count is 101, must be 1 to 100"},
		{"a draw of another campaign", HookShare, changed(EffectEnter, func(e *Effect) { e.Name = "car" }), `there is no draw "car" in this campaign`},
		{"an entry without weight", HookShare, changed(EffectEnter, func(e *Effect) { e.Units = 0 }), "no weight"},
		{"an entry that outweighs everybody", HookShare, changed(EffectEnter, func(e *Effect) { e.Units = 1_000_001 }), "weight is 1000001"},
		{"an empty reply", HookMessage, changed(EffectReply, func(e *Effect) { e.Text = Text{} }), "the text is missing"},
		{"a reply that is a novel", HookMessage, changed(EffectReply, func(e *Effect) { e.Text.EN = strings.Repeat("x", 4_097) }), "the text is too long"},
		{"a reply that is not UTF-8", HookMessage, changed(EffectReply, func(e *Effect) { e.Text.EN = "\xff" }), "not UTF-8"},
		{"a discount without a price", HookPaid, discount(1), "is not allowed at the hook paid"},
	} {
		t.Run(tt.name, func(t *testing.T) { wantRefused(t, tt.hook, tt.want, tt.effect) })
	}
}

// wantRefused holds the failure of a mechanic that asks for the effects, and that its binding's policy decides.
func wantRefused(t *testing.T, hook Hook, want string, effects ...Effect) {
	t.Helper()
	failure, _ := errors.AsType[*MechanicError](checkEffects(hook, slices.Clone(effects), testCampaign))
	if failure == nil || failure.Code != "bad_effect" || !strings.Contains(failure.Message, want) {
		t.Errorf("%v, want bad_effect with %q", failure, want)
	}
	r := rulesetOf(nil, []string{""}, &proposal{name: "m", hooks: []Hook{hook}, effects: effects})
	if _, err := r.decide(hook, &Facts{Quantity: 1, Item: ItemFacts{Price: 1000}}, testCampaign, -1); hook.denies() != (CodeOf(err) == CodeMechanicFailed) {
		t.Errorf("the decision: %v", err)
	}
	if !hook.denies() && judgeEffects(hook, slices.Clone(effects)) == nil {
		return // what the campaign does not have is left out where the effects are carried out
	}
	r.bindings[0].policy = FailSkip
	d, err := r.decide(hook, &Facts{Quantity: 1, Item: ItemFacts{Price: 1000}}, testCampaign, -1)
	if err != nil || d.steps[0].outcome != outcomeSkipped || len(d.notes)+len(d.takes)+len(d.once)+len(d.duties) > 0 {
		t.Errorf("skipped: %+v, %v", d, err)
	}
}

func TestOneMechanicMayAskForSomeThingsOnlyOnce(t *testing.T) {
	wantRefused(t, HookQuote, "more than 64 effects", slices.Repeat([]Effect{discount(1)}, 65)...)
	wantRefused(t, HookQuote, "deposit: it is asked for twice", sound(EffectDeposit), sound(EffectDeposit))
	wantRefused(t, HookQuote, "group: it is asked for twice", sound(EffectGroup), discount(1), sound(EffectGroup))
	if err := checkEffects(HookQuote, []Effect{sound(EffectGroup), sound(EffectAdd), sound(EffectAdd)}, testCampaign); err != nil {
		t.Error(err)
	}
}

func TestDataIsPinnedInItsCanonicalForm(t *testing.T) {
	effects := []Effect{changed(EffectOblige, func(e *Effect) { e.Data = `{ "b": 1, "a": [true] }` })}
	if err := checkEffects(HookQuote, effects, testCampaign); err != nil || effects[0].Data != `{"a":[true],"b":1}` {
		t.Errorf("%s, %v", effects[0].Data, err)
	}
}
