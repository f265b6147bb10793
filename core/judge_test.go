package core

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestEffectsAreJudgedAsTheEngineWouldJudgeThem(t *testing.T) {
	for name, c := range map[string]struct {
		hook   Hook
		effect Effect
		want   string // of the failure; "" for none
	}{
		"a discount":                            {HookQuote, Effect{Kind: EffectDiscount, Amount: 100}, ""},
		"a discount above any price":            {HookQuote, Effect{Kind: EffectDiscount, Amount: maxAmount}, ""},
		"a negative discount":                   {HookQuote, Effect{Kind: EffectDiscount, Amount: -1}, "out of range"},
		"the lowest price there is":             {HookQuote, Effect{Kind: EffectPrice, Amount: math.MinInt64}, "out of range"},
		"more than the whole":                   {HookQuote, Effect{Kind: EffectDiscountPercent, Amount: 10_001}, "basis_points"},
		"units of a quota, which may exist":     {HookQuote, Effect{Kind: EffectTake, Name: "gift", Units: 1}, ""},
		"no units of a quota":                   {HookQuote, Effect{Kind: EffectTake, Name: "gift"}, "no units"},
		"a key without a name":                  {HookQuote, Effect{Kind: EffectOnce}, "missing"},
		"a name that is not plain text":         {HookQuote, Effect{Kind: EffectOnce, Name: "a\x00"}, "plain text"},
		"data that is no object":                {HookQuote, Effect{Kind: EffectOblige, Name: "duty", Data: "[]"}, "not a JSON object"},
		"an effect that no engine has at quote": {HookQuote, Effect{Kind: EffectReply}, "not allowed at the hook quote"},
		"vouchers of a pool, which may exist":   {HookPaid, Effect{Kind: EffectGrant, Name: "pool", Units: 1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := JudgeEffects(c.hook, []Effect{{Kind: EffectTag, Name: "k"}, c.effect})
			failure, _ := errors.AsType[*MechanicError](err)
			if c.want == "" {
				if err != nil {
					t.Errorf("it fails with %v", err)
				}
				return
			}
			if failure == nil || failure.Code != "bad_effect" || !strings.Contains(failure.Message, c.want) {
				t.Errorf("got %v, want bad_effect with %q", err, c.want)
			}
		})
	}
}

func TestJudgingChecksTheNumberOfEffectsAndLeavesThemAlone(t *testing.T) {
	many := make([]Effect, maxEffects+1)
	for i := range many {
		many[i] = Effect{Kind: EffectOblige, Name: "duty", Data: `{"b": 1, "a": 2}`}
	}
	if err := JudgeEffects(HookQuote, many); err == nil || !strings.Contains(err.Error(), "more than 64") {
		t.Errorf("65 effects: %v", err)
	}
	if err := JudgeEffects(HookQuote, many[:maxEffects]); err != nil || many[0].Data != `{"b": 1, "a": 2}` {
		t.Errorf("64 effects: %v, data %s", err, many[0].Data)
	}
}
