package core

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// examine examines the sale as it would be explained.
func (s *sale) examine() *examined {
	r := rulesetOf(s.stacking, s.groups, s.proposals...)
	return r.examine(HookQuote, s.facts, s.campaign, s.budget, EngineVersion)
}

func TestWhatIsExaminedIsWhatIsDecided(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySale(rapid.OneOf(anything(), anyEffect(), anyEffect())).Draw(t, "sale")
		d, err := s.decide()
		x := s.examine()
		if CodeOf(err) != CodeOf(x.refusal) {
			t.Fatalf("decided %v, examined %v", err, x.refusal)
		}
		if err != nil {
			return
		}
		if d.total != x.decision.total || string(d.pin(s.facts, 1)) != string(x.decision.pin(s.facts, 1)) {
			t.Fatalf("decided %+v, examined %+v", d, x.decision)
		}
		steps := x.prices()
		for i, step := range steps[1:] {
			if step.Before != steps[i].After {
				t.Fatalf("step %d begins at %d, the one before ends at %d", i+1, step.Before, steps[i].After)
			}
		}
		if steps[0].What != "list" || steps[len(steps)-1].After != d.total {
			t.Fatalf("the steps %+v end at another total than %d", steps, d.total)
		}
	})
}

func TestAnOrderIsReproducedFromItsPinAndAnyChangeIsTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySale(anyEffect()).Draw(t, "sale")
		d, err := s.decide()
		if err != nil {
			return
		}
		o := &Order{ID: "o", Total: d.total, Lines: d.lines(), Quote: d.pin(s.facts, 7)}
		r := rulesetOf(s.stacking, s.groups, s.proposals...)
		if out := explainPin(t, r, o); !out.Reproduced || out.Total != d.total {
			t.Fatalf("not reproduced: %v", out.Differences)
		}
		other := *o
		other.Total++
		if out := explainPin(t, r, &other); out.Reproduced {
			t.Fatal("another total went unnoticed")
		}
		changed := slices.Clone(s.proposals)
		first := *changed[0]
		first.effects = append(slices.Clip(first.effects), Effect{Kind: EffectOnce, Name: "another"})
		changed[0] = &first
		if out := explainPin(t, rulesetOf(s.stacking, s.groups, changed...), o); out.Reproduced || len(out.Differences) == 0 {
			t.Fatal("another effect went unnoticed")
		}
	})
}

func explainPin(t interface{ Fatal(...any) }, r *compiled, o *Order) *Explanation {
	var pinned pinnedQuote
	if err := json.Unmarshal(o.Quote, &pinned); err != nil {
		t.Fatal(err)
	}
	out := &Explanation{}
	pinned.derive(r, kept{HookQuote, o.Quote, o.Total, o.Lines}, out)
	return out
}

// TestAnOrderOfAnOlderEngineIsReproducedByItsRules has a tie in best, which went to the earlier binding once.
func TestAnOrderOfAnOlderEngineIsReproducedByItsRules(t *testing.T) {
	r := rulesetOf(map[string]Stacking{"g": StackBest}, []string{"g", "g", ""},
		&proposal{name: "off", effects: []Effect{discount(500)}},
		&proposal{name: "price", effects: []Effect{{Kind: EffectPrice, Amount: 500}}},
		&proposal{name: "later", effects: []Effect{{Kind: EffectPrice, Amount: 300}}})
	facts := &Facts{Quantity: 1, Item: ItemFacts{SKU: "phone", Price: 1000}}
	for engine, want := range map[string]int64{"1": 0, EngineVersion: 300} {
		x := r.examine(HookQuote, facts, testCampaign, -1, engine)
		if x.refusal != nil || x.decision.total != want {
			t.Fatalf("engine %s: total %d, %v, want %d", engine, x.decision.total, x.refusal, want)
		}
		o := &Order{Total: want, Quote: x.decision.pin(facts, 1)}
		if out := explainPin(t, r, o); !out.Reproduced {
			t.Errorf("engine %s: %v", engine, out.Differences)
		}
	}
}

// TestAPinOfTheFirstReleaseIsReproduced holds the text that the first release wrote, as it is in its databases.
func TestAPinOfTheFirstReleaseIsReproduced(t *testing.T) {
	const pinned = `{"bindings":[{"digest":"sha256:m","effects":[{"discount":{"amount":100,"label":"Off"}}],"fuel":0,"mechanic":"m","outcome":"applied"}],"budget_left":-1,` +
		`"engine":"1","epoch":7,"facts":{"campaign":{"brand":"b","currency":"CNY","id":"c","phase":"sale","sale_closes":2,"sale_opens":1},` +
		`"item":{"left":9,"price":1000,"sku":"s","sold":1,"stock":10},"now":1,"quantity":2,"shopper":{"id":"ann"}},"fuel_schedule":"2","guardrails":{"discount_budget":0,"max_discount":50,"min_price":10},"ruleset":3,"total":1950}`
	r := rulesetOf(nil, []string{""}, &proposal{name: "m", effects: []Effect{{Kind: EffectDiscount, Amount: 100, Text: Text{EN: "Off"}}}})
	r.ruleset.Number = 3
	out := explainPin(t, r, &Order{Total: 1950, Quote: json.RawMessage(pinned)})
	if !out.Reproduced {
		t.Error(out.Differences)
	}
}

// followed writes the steps as "what before>after", with the binding where it is one's effect.
func followed(steps []PriceStep) string {
	var lines []string
	for _, s := range steps {
		who := ""
		if s.Binding != nil {
			who = string(rune('a'+*s.Binding)) + " "
		}
		lines = append(lines, who+s.What+" "+string(appendInt(appendInt(nil, "", s.Before), ">", s.After)))
	}
	return strings.Join(lines, ", ")
}

func TestAPriceIsFollowedStepByStep(t *testing.T) {
	campaign := *testCampaign
	campaign.Guardrails = Guardrails{MinPrice: 700, MaxDiscount: 250, DiscountBudget: 5_000}
	s := &sale{
		campaign: &campaign, budget: 240, stacking: map[string]Stacking{"best": StackBest}, groups: []string{"best", "", "best", ""},
		facts: &Facts{Quantity: 1, Item: ItemFacts{SKU: "phone", Price: 1_000}},
		proposals: []*proposal{
			{name: "a", effects: []Effect{discount(100)}},
			{name: "b", effects: []Effect{{Kind: EffectDiscountPercent, Amount: 5_000}, {Kind: EffectOnce, Name: "k"}}},
			{name: "c", effects: []Effect{{Kind: EffectPrice, Amount: 800}}},
			{name: "d"},
		},
	}
	out := &Explanation{}
	s.examine().into(out)
	const want = "list 1000>1000, c price 1000>800, b discount_percent 800>400, min_price 400>700, max_discount 700>750, discount_budget 750>760"
	if got := followed(out.Price); got != want {
		t.Errorf("the steps are\n%s, want\n%s", got, want)
	}
	if out.Total != 760 || out.List != 1_000 || len(out.Lines) != 1 {
		t.Errorf("%+v", out)
	}
	for i, wanted := range []string{"stacked", "applied", "applied", "no_match"} {
		if b := out.Bindings[i]; b.Outcome != wanted || b.Mechanic != s.proposals[i].name || (b.LostTo != nil) != (i == 0) {
			t.Errorf("binding %d: %+v, want %s", i, b, wanted)
		}
	}
	if lost := out.Bindings[0].LostTo; *lost != 2 {
		t.Errorf("a lost to binding %d", *lost)
	}
}

func TestAGiftThatAGuardrailHasNoRoomForIsTold(t *testing.T) {
	campaign := *testCampaign
	campaign.Guardrails = Guardrails{MaxDiscount: 50}
	s := &sale{
		campaign: &campaign, budget: -1, groups: []string{"", ""}, facts: &Facts{Quantity: 1, Item: ItemFacts{SKU: "phone", Price: 1_000}},
		proposals: []*proposal{{name: "gift", effects: []Effect{add("case", 1, 0)}}, {name: "off", effects: []Effect{discount(20)}}},
	}
	out := &Explanation{}
	s.examine().into(out)
	if out.Bindings[0].Outcome != "guarded" || out.Bindings[1].Outcome != "applied" || out.Total != 980 || len(out.Lines) != 1 {
		t.Errorf("%+v", out)
	}
}

func TestARefusalNamesItsBindingAndNothingIsApplied(t *testing.T) {
	for name, tt := range map[string]struct {
		second   *proposal
		binding  int
		code     Code
		outcomes []string
	}{
		"a mechanic that denies": {
			&proposal{name: "no", effects: []Effect{{Kind: EffectDeny, Name: "not_you", Text: Text{EN: "Not you"}}}}, 1, CodeDenied,
			[]string{"proposed", "denied", "no_match"},
		},
		"a mechanic that fails": {
			&proposal{name: "broken", err: &MechanicError{Code: "trap", Message: "unreachable"}}, 1, CodeMechanicFailed,
			[]string{"proposed", "failed", "no_match"},
		},
		"mechanics that contradict each other": {
			&proposal{name: "again", effects: []Effect{sound(EffectDeposit)}}, -1, CodeMechanicFailed,
			[]string{"proposed", "proposed", "no_match"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			first := &proposal{name: "first", effects: []Effect{sound(EffectDeposit)}}
			r := rulesetOf(nil, []string{"", "", ""}, first, tt.second, &proposal{name: "third"})
			x := r.examine(HookQuote, &Facts{Quantity: 1, Item: ItemFacts{Price: 1000}}, testCampaign, -1, EngineVersion)
			out := &Explanation{}
			x.into(out)
			if CodeOf(x.refusal) != tt.code || x.binding != tt.binding || out.Price != nil || out.Total != 0 {
				t.Errorf("%v by %d: %+v", x.refusal, x.binding, out)
			}
			for i, want := range tt.outcomes {
				if out.Bindings[i].Outcome != want {
					t.Errorf("binding %d: %s, want %s", i, out.Bindings[i].Outcome, want)
				}
			}
		})
	}
}

// telling is a mechanic that can name its clauses.
type telling struct{ proposal }

func (telling) Explain(_ Hook, facts *Facts) []Clause {
	return []Clause{{Text: "quantity > 1", Held: facts.Quantity > 1, Values: []FactValue{{Path: "quantity", Value: intValue(facts.Quantity).JSON()}}}}
}

func TestClausesAreThoseOfTheMechanicThatDecided(t *testing.T) {
	good := &telling{proposal{name: "good", effects: []Effect{discount(1)}}}
	r := rulesetOf(nil, []string{"", ""}, &proposal{name: "failing", err: &MechanicError{Code: "trap"}}, &proposal{name: "mute"})
	r.bindings[0].policy, r.bindings[0].fallback = FailLastGood, good
	x := r.examine(HookQuote, &Facts{Quantity: 2, Item: ItemFacts{Price: 1000}}, testCampaign, -1, EngineVersion)
	out := &Explanation{}
	x.into(out)
	b := out.Bindings[0]
	if !b.LastGood || b.Failure == "" || b.Mechanic != "good" || len(b.Clauses) != 1 || !b.Clauses[0].Held || b.Clauses[0].Values[0].Value != "2" {
		t.Errorf("%+v", b)
	}
	if out.Bindings[1].Clauses != nil {
		t.Errorf("%+v", out.Bindings[1])
	}
}

func TestEveryCodeOfARefusalHasACheck(t *testing.T) {
	for code, want := range map[Code]string{
		CodeInvalid: "request", CodeNotInPhase: "phase", CodeSoldOut: "stock", CodeDenied: "mechanic", CodeLockedOut: "voucher",
		CodeGroupFull: "group", CodeAlreadyUsed: "once", CodeOverloaded: "engine",
	} {
		if got := checkOf(code); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
}
