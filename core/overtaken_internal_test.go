package core

import (
	"testing"
	"time"
)

// overtakenCampaign is a campaign whose ruleset of epoch 1 reads facts of a shopper's links at the hook; loading is what its
// store does.
func overtakenCampaign(hook Hook, loading func(c *campaign, l *load)) *campaign {
	sale := time.UnixMilli(1_000_000)
	now := sale
	if hook == HookReserve {
		now = sale.Add(-time.Minute)
	}
	def := *testCampaign
	def.Phases = Phases{Reservation: sale.Add(-time.Hour), Sale: sale, Closed: sale.Add(time.Hour)}
	c := &campaign{id: "c", engine: &Engine{now: func() time.Time { return now }}}
	c.view = &view{now: c.engine.now, counters: map[string]sighting{}}
	c.loads = batcher[*load]{lanes: 1, most: 1, bound: 1, run: func(items []*load) { loading(c, items[0]) }}
	mechanic := &proposal{name: "reads", effects: []Effect{discount(100)}}
	reads := rulesetOf(nil, []string{""}, mechanic)
	reads.bindings[0].mechanic = reader{mechanic}
	record := &CampaignRecord{Definition: &def, Epoch: 1}
	c.snapshot.Store(&snapshot{record: record, ruleset: reads, kinds: []DocumentKind{DocumentShare}, hooks: []Hook{hook}})
	return c
}

func TestAReservationIsNotDecidedWithoutTheFactsThatItsRulesetReads(t *testing.T) {
	loads := 0
	c := overtakenCampaign(HookReserve, func(c *campaign, l *load) {
		loads++
		record := *c.snapshot.Load().record
		record.Epoch = 2
		c.snapshot.Store(&snapshot{record: &record, ruleset: noRuleset()}) // a swap, before the load asked what to read
		l.kinds, l.state = c.snapshot.Load().kinds, &ShopperState{}
	})
	in, err := c.decideReservation(t.Context(), &Principal{ID: "ann"})
	if err != nil || in.epoch != 2 || loads != 1 {
		t.Errorf("%+v, %v after %d loads", in, err, loads)
	}
}

func TestAnOrderIsNotDecidedWithoutTheFactsThatItsRulesetReads(t *testing.T) {
	loads := 0
	c := overtakenCampaign(HookQuote, func(c *campaign, l *load) {
		loads++
		l.kinds = c.snapshot.Load().kinds
		l.state = &ShopperState{Claims: []Claim{{Shopper: "ann", Kind: ClaimOrder, Key: "k"}}}
	})
	c.view.saw(map[string]Counter{StockCounter("phone"): {Limit: 10, Remaining: 10}}, c.engine.now())
	req := &OrderRequest{Campaign: "c", Shopper: Principal{ID: "ann"}, SKU: testCampaign.Items[0].SKU, Quantity: 1}
	known := &load{state: &ShopperState{}} // what a node remembers, for a ruleset that read nothing
	for _, want := range []int{1, 1} {     // what has been loaded is not loaded again
		q, err := c.quote(t.Context(), req, known)
		if err != nil || q.facts.Shopper.Orders != 1 || loads != want {
			t.Fatalf("%+v, %v after %d loads", q, err, loads)
		}
	}
}
