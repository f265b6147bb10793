package core

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// anyAmount draws amounts of every size, among them many that are near the prices of the tests.
func anyAmount() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(0, 3_000), rapid.Int64Range(0, 300_000), rapid.Int64Range(0, maxAmount))
}

// anyEffect draws effects that concern money and are within what checkEffects lets through.
func anyEffect() *rapid.Generator[Effect] {
	kinds := []EffectKind{
		EffectDiscount, EffectDiscountPercent, EffectPrice, EffectAdd, EffectDeposit, EffectGroup, EffectOnce, EffectTake, EffectTag,
	}
	return rapid.Custom(func(t *rapid.T) Effect {
		e := sound(rapid.SampledFrom(kinds).Draw(t, "kind"))
		e.Amount = anyAmount().Draw(t, "amount")
		switch e.Kind {
		case EffectDiscountPercent:
			e.Amount = rapid.Int64Range(0, maxBasisPoints).Draw(t, "basis points")
		case EffectAdd:
			e.Name = rapid.SampledFrom([]string{"phone", "case"}).Draw(t, "sku")
			e.Units = rapid.Int64Range(1, maxQuantity).Draw(t, "units")
		case EffectDeposit:
			e.Amount = max(1, e.Amount)
			e.Credit = min(maxAmount, e.Amount+anyAmount().Draw(t, "bonus"))
		case EffectGroup:
			e.Units = rapid.Int64Range(minGroup, maxGroup).Draw(t, "size")
		}
		return e
	})
}

// anything draws effects of which most are nonsense.
func anything() *rapid.Generator[Effect] {
	return rapid.Custom(func(t *rapid.T) Effect {
		number := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-2, 200))
		name := rapid.SampledFrom([]string{"", "q", "case", "phone", "group", "k", "a\x00", "thanks"})
		return Effect{
			Kind:   rapid.SampledFrom(append(EffectKinds(), "teleport")).Draw(t, "kind"),
			Name:   name.Draw(t, "name"),
			Amount: number.Draw(t, "amount"), Credit: number.Draw(t, "credit"), Units: number.Draw(t, "units"), Seconds: number.Draw(t, "seconds"),
			Text: Text{EN: anyText().Draw(t, "text")}, Value: anyText().Draw(t, "value"),
			Data: rapid.SampledFrom([]string{"", "{}", "[", `{"a":1}`, `{"a":null}`}).Draw(t, "data"),
		}
	})
}

// sale is one decision to be made.
type sale struct {
	campaign  *Campaign
	facts     *Facts
	budget    int64
	stacking  map[string]Stacking
	groups    []string
	proposals []*proposal
}

// anySale draws a sale whose bindings propose what one draws.
func anySale(one *rapid.Generator[Effect]) *rapid.Generator[*sale] {
	return rapid.Custom(func(t *rapid.T) *sale {
		campaign := *testCampaign
		campaign.Items = []Item{
			{SKU: "phone", Price: rapid.Int64Range(0, 3_000).Draw(t, "list")}, {SKU: "case", Price: rapid.Int64Range(0, 300).Draw(t, "case")},
		}
		for i := range campaign.Items {
			campaign.Items[i].MinPrice = rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, campaign.Items[i].Price)).Draw(t, "floor")
		}
		campaign.Guardrails = Guardrails{
			MinPrice:    rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 3_000)).Draw(t, "min_price"),
			MaxDiscount: rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 5_000)).Draw(t, "max_discount"),
		}
		s := &sale{campaign: &campaign, budget: rapid.OneOf(rapid.Just(int64(-1)), rapid.Int64Range(0, 5_000)).Draw(t, "budget")}
		s.facts = &Facts{
			Quantity: rapid.OneOf(rapid.Int64Range(1, 3), rapid.Int64Range(1, maxQuantity)).Draw(t, "quantity"),
			Item:     ItemFacts{SKU: "phone", Price: campaign.Items[0].Price},
		}
		modes := rapid.SampledFrom([]Stacking{StackAll, StackBest, StackFirst})
		s.stacking = map[string]Stacking{"a": modes.Draw(t, "a"), "b": modes.Draw(t, "b"), "c": StackBest}
		for i, effects := range rapid.SliceOfN(rapid.SliceOfN(one, 0, 4), 1, 6).Draw(t, "bindings") {
			s.groups = append(s.groups, rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "group"))
			s.proposals = append(s.proposals, &proposal{name: string(rune('a' + i)), effects: effects})
		}
		return s
	})
}

func (s *sale) decide() (*decision, error) {
	return rulesetOf(s.stacking, s.groups, s.proposals...).decide(HookQuote, s.facts, s.campaign, s.budget)
}

// listPrices returns what each line would cost without mechanics.
func (s *sale) listPrices(lines []Line) []int64 {
	prices := make([]int64, len(lines))
	for i := range lines {
		prices[i] = s.campaign.Item(lines[i].SKU).Price * lines[i].Units
	}
	return prices
}

// dearer reports whether an effect that applies says that something costs more than its list price.
func (s *sale) dearer(d *decision) bool {
	return slices.ContainsFunc(d.steps, func(s2 step) bool {
		return s2.outcome == outcomeApplied && slices.ContainsFunc(s2.effects, func(e Effect) bool {
			return e.Kind == EffectPrice && e.Amount > s.facts.Item.Price || e.Kind == EffectAdd && e.Amount > s.campaign.Item(e.Name).Price
		})
	})
}

// wantSound fails the test unless the decision keeps every promise about money.
func (s *sale) wantSound(t *rapid.T, d *decision) {
	lines := d.lines()
	var sum, list, floor int64
	for i, whole := range s.listPrices(lines) {
		l := &lines[i]
		if l.Amount < 0 || l.Discount < 0 || l.UnitPrice < 0 || l.Units*l.UnitPrice-l.Discount != l.Amount {
			t.Fatalf("line %+v does not add up", *l)
		}
		least := s.campaign.Item(l.SKU).MinPrice
		if least == 0 {
			least = s.campaign.Guardrails.MinPrice
		}
		sum, list, floor = sum+l.Amount, list+whole, floor+min(least*l.Units, whole)
	}
	g := s.campaign.Guardrails
	switch {
	case sum != d.total:
		t.Fatalf("the lines %+v are %d, the total is %d", lines, sum, d.total)
	case d.total < floor:
		t.Fatalf("total %d is below the floor of %d", d.total, floor)
	case g.MaxDiscount > 0 && list-d.total > g.MaxDiscount:
		t.Fatalf("total %d is more than %d below %d", d.total, g.MaxDiscount, list)
	case s.budget >= 0 && list-d.total > s.budget:
		t.Fatalf("total %d gives away more than the %d that are left", d.total, s.budget)
	case d.off != max(0, list-d.total):
		t.Fatalf("%d are taken from the budget, %d is the total of %d", d.off, d.total, list)
	case d.total > list && !s.dearer(d):
		t.Fatalf("total %d is above the list price %d though no effect said so", d.total, list)
	case d.deposit != nil && (d.deposit.amount <= 0 || d.deposit.amount >= d.total):
		t.Fatalf("deposit %+v of a total of %d", *d.deposit, d.total)
	}
	s.wantNoForcedPurchase(t, d)
}

// wantNoForcedPurchase fails the test if a guardrail makes somebody pay for what was to be a gift.
func (s *sale) wantNoForcedPurchase(t *rapid.T, d *decision) {
	asked, err := d.price.total()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range d.price.added {
		if d.total > asked && a.unit < a.list {
			t.Fatalf("a guardrail raised the total from %d to %d, with %+v in it", asked, d.total, a)
		}
	}
}

func TestWhateverSoundEffectsComeInThePriceKeepsEveryPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySale(anyEffect()).Draw(t, "sale")
		d, err := s.decide()
		if err == nil {
			s.wantSound(t, d)
			return
		}
		if CodeOf(err) != CodeMechanicFailed {
			t.Fatal(err)
		}
	})
}

func TestWhateverNonsenseComesInItIsRefusedOrThePriceIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySale(rapid.OneOf(anything(), anyEffect())).Draw(t, "sale")
		d, err := s.decide()
		switch code := CodeOf(err); {
		case err == nil:
			s.wantSound(t, d)
		case code != CodeMechanicFailed && code != CodeDenied:
			t.Fatal(err)
		}
	})
}

// TestTheOrderOfBindingsInsideBestNeverMatters shuffles the bindings of the group c among their places in the ruleset.
func TestTheOrderOfBindingsInsideBestNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySale(anyEffect()).Draw(t, "sale")
		var places []int
		for i, g := range s.groups {
			if g == "c" {
				places = append(places, i)
			}
		}
		shuffled := *s
		shuffled.proposals = slices.Clone(s.proposals)
		for n, from := range rapid.Permutation(places).Draw(t, "order") {
			shuffled.proposals[places[n]] = s.proposals[from]
		}
		a, errA := s.decide()
		b, errB := shuffled.decide()
		if CodeOf(errA) != CodeOf(errB) {
			t.Fatalf("%v and %v", errA, errB)
		}
		if errA == nil && (a.total != b.total || !reflect.DeepEqual(amounts(a.lines()), amounts(b.lines()))) {
			t.Fatalf("totals %d and %d, lines %+v and %+v", a.total, b.total, a.lines(), b.lines())
		}
	})
}

// amounts returns the lines without their labels.
func amounts(lines []Line) []Line {
	bare := slices.Clone(lines)
	for i := range bare {
		bare[i].Labels = nil
	}
	return bare
}

func TestADenialIsNeverTradedForADiscount(t *testing.T) {
	harmonious := func(e Effect) bool { return e.Kind != EffectDeposit && e.Kind != EffectGroup } // of which there can be one
	rapid.Check(t, func(t *rapid.T) {
		s := anySale(anyEffect().Filter(harmonious)).Draw(t, "sale")
		deny := &proposal{name: "deny", effects: []Effect{{Kind: EffectDeny, Name: "no"}}}
		at := rapid.IntRange(0, len(s.proposals)).Draw(t, "place")
		s.proposals = slices.Insert(s.proposals, at, deny)
		s.groups = slices.Insert(s.groups, at, rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "its group"))
		if _, err := s.decide(); CodeOf(err) != CodeDenied {
			t.Fatal(err)
		}
	})
}

// TestAnItemsOwnFloorHoldsInPlaceOfTheCampaigns sells a voucher for a cent beside a phone that never costs less than half.
func TestAnItemsOwnFloorHoldsInPlaceOfTheCampaigns(t *testing.T) {
	campaign := *testCampaign
	campaign.Guardrails = Guardrails{MinPrice: 500}
	campaign.Items = []Item{{SKU: "phone", Price: 1_000}, {SKU: "code", Price: 100, MinPrice: 1}, {SKU: "case", Price: 900, MinPrice: 800}}
	for _, tt := range []struct {
		sku     string
		effects []Effect
		want    int64
	}{
		{"phone", []Effect{{Kind: EffectPrice, Amount: 1}}, 500},
		{"code", []Effect{{Kind: EffectPrice, Amount: 1}}, 1},
		{"case", []Effect{{Kind: EffectPrice, Amount: 1}}, 800},
		{"code", []Effect{add("case", 1, 900), {Kind: EffectDiscount, Amount: 5_000}}, 801},
	} {
		ruleset := rulesetOf(nil, []string{""}, &proposal{name: "m", effects: tt.effects})
		facts := &Facts{Quantity: 1, Item: ItemFacts{SKU: tt.sku, Price: campaign.Item(tt.sku).Price}}
		d, err := ruleset.decide(HookQuote, facts, &campaign, -1)
		if err != nil || d.total != tt.want {
			t.Fatalf("%s costs %d, not %d: %v", tt.sku, d.total, tt.want, err)
		}
		var pinned pinnedQuote
		if err := json.Unmarshal(d.pin(facts, 1), &pinned); err != nil {
			t.Fatal(err)
		}
		again, err := ruleset.decide(HookQuote, &pinned.Facts, pinned.campaign(), pinned.BudgetLeft)
		if err != nil || again.total != tt.want {
			t.Errorf("%s costs %d when it is decided from its pin, not %d: %v", tt.sku, again.total, tt.want, err)
		}
	}
}

func add(sku string, units, unitPrice int64) Effect {
	return Effect{Kind: EffectAdd, Name: sku, Units: units, Amount: unitPrice, Text: Text{EN: sku}}
}

// TestPrice buys two phones whose list price is 1000; a case is 100.
func TestPrice(t *testing.T) {
	percent := func(basisPoints int64) Effect { return Effect{Kind: EffectDiscountPercent, Amount: basisPoints} }
	priced := func(amount int64) Effect { return Effect{Kind: EffectPrice, Amount: amount} }
	group := func(amount int64) Effect { return Effect{Kind: EffectGroup, Units: 3, Seconds: 60, Amount: amount} }
	for _, tt := range []struct {
		name    string
		effects []Effect
		rails   Guardrails
		budget  int64
		want    []int64 // the amounts of the lines
	}{
		{"without effects is the list price", nil, Guardrails{}, -1, []int64{2_000}},
		{"a price effect is per unit", []Effect{priced(900)}, Guardrails{}, -1, []int64{1_800}},
		{"a discount is off the order", []Effect{discount(1)}, Guardrails{}, -1, []int64{1_999}},
		{"a percentage is of the running total", []Effect{discount(1_000), percent(1_000)}, Guardrails{}, -1, []int64{900}},
		{"a percentage rounds half up", []Effect{priced(25), percent(5_000), percent(5_000)}, Guardrails{}, -1, []int64{12}},
		{"never falls below 0", []Effect{discount(3_000)}, Guardrails{}, -1, []int64{0}},
		{"stops at the discount cap", []Effect{discount(3_000)}, Guardrails{MaxDiscount: 500}, -1, []int64{1_500}},
		{"stops at the price floor", []Effect{priced(1)}, Guardrails{MinPrice: 100}, -1, []int64{200}},
		{"gives no more than the budget has", []Effect{discount(500)}, Guardrails{}, 200, []int64{1_800}},
		{"gives nothing once the budget is spent", []Effect{priced(1)}, Guardrails{}, 0, []int64{2_000}},
		{"a floor above the list price does not make it dearer", nil, Guardrails{MinPrice: 5_000}, -1, []int64{2_000}},
		{"a price above the list price is one, if an effect says so", []Effect{priced(1_500)}, Guardrails{}, -1, []int64{3_000}},
		{"a line is added at its price", []Effect{add("case", 3, 40)}, Guardrails{}, -1, []int64{2_000, 120}},
		{"buy two, get one", []Effect{add("phone", 1, 0)}, Guardrails{}, -1, []int64{2_000, 0}},
		{"a discount is allocated by what the lines cost", []Effect{add("case", 1, 100), discount(1_000)}, Guardrails{}, -1, []int64{1_048, 52}},
		{"a gift gets no part of a discount", []Effect{add("case", 1, 0), discount(1_000)}, Guardrails{}, -1, []int64{1_000, 0}},
		{"a percentage knows the lines before it", []Effect{add("case", 10, 100), percent(5_000)}, Guardrails{}, -1, []int64{1_000, 500}},
		{"a gift counts as a discount of its list price", []Effect{add("case", 1, 0), discount(100)}, Guardrails{MaxDiscount: 200}, -1, []int64{1_900, 0}},
		{"a gift that the cap has no room for is not given", []Effect{add("case", 1, 0)}, Guardrails{MaxDiscount: 99}, -1, []int64{2_000}},
		{"a gift that the budget has no room for is not given", []Effect{add("case", 1, 0)}, Guardrails{}, 0, []int64{2_000}},
		{"a line at its list price stays when a guardrail binds", []Effect{add("case", 1, 100), priced(1)}, Guardrails{MinPrice: 500}, -1, []int64{1_000, 100}},
		{"a floor is kept by everything together", []Effect{add("case", 1, 0)}, Guardrails{MinPrice: 950}, -1, []int64{2_000, 0}},
		{"units added for nothing count for the floor", []Effect{add("phone", 8, 0)}, Guardrails{MinPrice: 500}, -1, []int64{2_000}},
		{"the group's price is per unit", []Effect{group(800)}, Guardrails{}, -1, []int64{1_600}},
		{"a group never makes it dearer", []Effect{priced(700), group(800)}, Guardrails{}, -1, []int64{1_400}},
		{"a deposit that counts for more is money off", []Effect{{Kind: EffectDeposit, Amount: 100, Credit: 300}}, Guardrails{}, -1, []int64{1_800}},
		{"what a deposit counts for is bounded too", []Effect{{Kind: EffectDeposit, Amount: 100, Credit: 300}}, Guardrails{}, 50, []int64{1_950}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &sale{campaign: testCampaign, budget: tt.budget, groups: []string{""}, proposals: []*proposal{{name: "m", effects: tt.effects}}}
			campaign := *testCampaign
			campaign.Guardrails = tt.rails
			s.campaign, s.facts = &campaign, &Facts{Quantity: 2, Item: ItemFacts{SKU: "phone", Price: 1_000}}
			d, err := s.decide()
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, l := range d.lines() {
				got = append(got, l.Amount)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("the lines are %+v, want %v", d.lines(), tt.want)
			}
		})
	}
}
