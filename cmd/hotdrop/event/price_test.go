package event

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// phoneSale is the phone's campaign file.
func phoneSale(t *testing.T) *core.Campaign {
	t.Helper()
	file, err := campaignFile(Phone)
	if err != nil {
		t.Fatal(err)
	}
	sale, err := parseSale(file)
	if err != nil {
		t.Fatal(err)
	}
	return sale
}

// TestNoTwoHalvesOfRulesetsMakeATotal takes the price of one ruleset and the discount of another.
func TestNoTwoHalvesOfRulesetsMakeATotal(t *testing.T) {
	t.Parallel()
	sale := phoneSale(t)
	var totals []int64
	for k := range int64(variants + 1) {
		totals = append(totals, variantTotal(sale, k))
	}
	for i := range int64(variants + 1) {
		for j := range int64(variants + 1) {
			mixed := sale.Items[0].Price - i*priceStep - j*discountStep
			if slices.Contains(totals, mixed) != (i == j) {
				t.Errorf("the price of ruleset %d and the discount of ruleset %d make %d", i, j, mixed)
			}
		}
	}
}

func TestAVariantIsTheCampaignsOwnRulesetAtAnotherPrice(t *testing.T) {
	t.Parallel()
	sale := phoneSale(t)
	before, _ := json.Marshal(sale) // plain data always encodes
	bindings, err := variantBindings(sale, 3, "sha256:large")
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := json.Marshal(sale); !bytes.Equal(after, before) {
		t.Error("the campaign itself was changed")
	}
	if len(bindings) != len(sale.Ruleset)+1 || bindings[0].Config["price"] != int64(199_900-3*priceStep) ||
		bindings[0].Config["reservers_only"] != sale.Ruleset[0].Config["reservers_only"] || bindings[1].Plugin != "sha256:large" {
		t.Errorf("the bindings are %+v", bindings)
	}
	if rule := string(bindings[len(bindings)-1].Rule); !json.Valid([]byte(rule)) || sale.Ruleset[1].Plugin != "trade-in" {
		t.Errorf("the rule is %s", rule)
	}
	sale.Ruleset = sale.Ruleset[1:]
	if _, err := variantBindings(sale, 1, ""); err == nil {
		t.Error("a campaign without a flash price has one to be swapped")
	}
}

// TestAPlanOfSwapsIsWhatOperatorsDo whatever its length: what an undo goes back to is what decided before the change before it.
func TestAPlanOfSwapsIsWhatOperatorsDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		plan := planSwaps(rapid.IntRange(0, 300).Draw(t, "swaps"))
		states := []state{{}}
		for i, to := range plan {
			now := states[len(states)-1]
			switch {
			case to.mode == "" && (len(states) < 2 || plan[i-1].mode == "" || to.state != states[len(states)-2]):
				t.Fatalf("swap %d goes back to %+v after %+v", i, to.state, states)
			case to.mode == core.ModeCanary && (to.live != now.live || to.canary == to.live || to.canary == 0):
				t.Fatalf("swap %d makes %+v of %+v", i, to.state, now)
			case to.mode == core.ModeLive && (to.live == now.live || to.live == 0 || to.canary != 0):
				t.Fatalf("swap %d makes %+v of %+v", i, to.state, now)
			case to.live > variants || to.canary > variants:
				t.Fatalf("swap %d names a ruleset that there is not: %+v", i, to.state)
			}
			states = append(states, to.state)
		}
	})
	modes := map[core.Mode]int{}
	for _, to := range planSwaps(200) {
		modes[to.mode]++
	}
	if modes[""] != 40 || modes[core.ModeCanary] != 20 || modes[core.ModeLive] != 140 {
		t.Errorf("of 200 swaps there are %v", modes)
	}
}

func TestAnOrdersTotalIsThatOfARulesetThatDecidedMeanwhile(t *testing.T) {
	t.Parallel()
	known := []variant{{1, 100}, {2, 90}, {3, 80}, {4, 70}}
	plan := []change{
		{mode: core.ModeLive, state: state{live: 1}},
		{mode: core.ModeCanary, state: state{live: 1, canary: 2}},
		{mode: core.ModeLive, state: state{live: 3}},
	}
	for name, test := range map[string]struct {
		asked, since, total int64
		stale, mixed        int64
	}{
		"before any swap": {0, 0, 100, 0, 0},
		"before any swap, at a price that is to be":   {0, 0, 90, 1, 0},
		"while a swap is under way, the old one":      {1, 0, 100, 0, 0},
		"while a swap is under way, the new one":      {1, 0, 90, 0, 0},
		"after a swap, the old one":                   {1, 1, 100, 1, 0},
		"under a canary, one of the others":           {2, 2, 90, 0, 0},
		"under a canary, one of those":                {2, 2, 80, 0, 0},
		"after a canary has ended":                    {3, 3, 80, 1, 0},
		"an answer that came late, of any in between": {3, 1, 80, 0, 0},
		"an answer that came late, of none":           {3, 1, 100, 1, 0},
		"half of one and half of another":             {3, 0, 85, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPrices(known, plan)
			p.asked.Store(test.asked)
			p.judge(test.since, test.total)
			if p.stale.Load() != test.stale || p.mixed.Load() != test.mixed {
				t.Errorf("%d stale, %d mixed", p.stale.Load(), p.mixed.Load())
			}
		})
	}
}

func TestTheTotalOfAnOrderIsFoundInItsAnswer(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int64{
		`{"id":"a.b","total":199900,"lines":[]}`: 199_900,
		`{"id":"a.b","total":0}`:                 0,
		`{"id":"a.b","total": 12 }`:              12,
		`{"id":"a.b"}`:                           -1,
		`{"total":"x"}`:                          -1,
		`{"total":1`:                             -1,
		``:                                       -1,
	} {
		if got := orderTotal([]byte(body)); got != want {
			t.Errorf("%s: %d, want %d", body, got, want)
		}
	}
}

// TestOnlyFirstAnswersSayWhatDecided has answers that may be replays of an order that another request has placed.
func TestOnlyFirstAnswersSayWhatDecided(t *testing.T) {
	t.Parallel()
	w := testBuyer(t, entry{1, first}, entry{1, twin}, entry{2, again}, entry{3, second}, entry{4, first})
	due := make(chan struct{}, 9)
	w.tokens = []string{"a", "b", "c", "d", "e"}
	w.market = &market{prices: newPrices([]variant{{1, 100}}, nil), every: 2, due: due}
	placed := answer(201, `{"id":"phone-run.`+oneOrder+`","total":5}`)
	for i := range w.plan {
		w.request(nil, i)
		if w.answered(i, placed) == repeat {
			w.answered(i, placed)
		}
	}
	if judged := w.market.mixed.Load(); judged != 3 {
		t.Errorf("%d answers were judged, want those of shoppers 2, 3 and 4", judged)
	}
	if sold := w.market.sold.Load(); sold != 5 || len(due) != 2 {
		t.Errorf("%d orders, and %d swaps are due", sold, len(due))
	}
	if w.market.over.Load() {
		t.Error("the sale is over")
	}
	w.answered(4, answer(409, `{"code":"sold_out"}`))
	if !w.market.over.Load() {
		t.Error("sold out, and the sale is not over")
	}
}

func TestOrdersOfTheCalmPhaseAreDueEvenly(t *testing.T) {
	t.Parallel()
	p := pace{start: time.Unix(100, 0), rate: 400}
	for i, want := range map[int]time.Duration{0: 0, 1: 2500 * time.Microsecond, 400: time.Second, 4001: 10*time.Second + 2500*time.Microsecond} {
		if got := p.due(i).Sub(p.start); (got - want).Abs() > time.Microsecond {
			t.Errorf("order %d is due after %s, want %s", i, got, want)
		}
	}
	for swaps, want := range map[int]int{1: 2, 20: 2, 200: 10, 500: 15, 10_000: 15} {
		if got := calmPairs(swaps); got != want {
			t.Errorf("%d swaps: %d pairs of seconds, want %d", swaps, got, want)
		}
	}
}

// TestOrdersAreCountedToTheSecondInWhichTheyWereDue and the first second to none.
func TestOrdersAreCountedToTheSecondInWhichTheyWereDue(t *testing.T) {
	t.Parallel()
	plan := make([]entry, 10)
	w := &pacedBuyer{buyer: testBuyer(t, plan...), pace: &pace{start: time.Now().Add(-time.Minute), rate: 2}}
	for i := range plan { // two a second, all of them late
		w.request(nil, i)
		w.answered(i, answer(201, `{"id":"phone-run.`+oneOrder+`","total":5}`))
	}
	w.answered(9, answer(503, `{"code":"unavailable"}`))
	if w.swapped.total != 4 || w.others.total != 4 {
		t.Errorf("%d in seconds around a swap, %d in others", w.swapped.total, w.others.total)
	}
	if least := w.swapped.quantile(0); least < 50*time.Second {
		t.Errorf("an order that was due almost a minute ago took %s", least)
	}
}

func TestTheCalmPhaseSellsToEverybody(t *testing.T) {
	t.Parallel()
	sale := phoneSale(t)
	calm := withoutReserving(sale, "calm")
	if calm.ID != "calm" || calm.Items[0].NeedsReservation || calm.Ruleset[0].Config["reservers_only"] != false || calm.Items[0].Stock != sideUnits {
		t.Errorf("the campaign is %+v", calm)
	}
	if !sale.Items[0].NeedsReservation || sale.Ruleset[0].Config["reservers_only"] == false {
		t.Error("the sale itself was changed")
	}
}
