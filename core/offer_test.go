package core_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

// newOffered starts a drop whose price fell while ann holds an order at the old one.
func newOffered(t *testing.T, s store, holds core.Holds, change func(*core.Campaign)) (d *drop, held *core.Order) {
	t.Helper()
	m := mechanics{"dear": priceOf(150_000), "cheap": bargain}
	d = newDrop(t, s, m, func(c *core.Campaign) {
		c.Ruleset = []core.Binding{{Mechanic: "dear"}}
		c.Items[0].Stock = 1
		c.Quotas = map[string]int64{"few": 1}
		c.Guardrails.DiscountBudget = 120_000
		if change != nil {
			change(c)
		}
	})
	held = d.place("ann")
	d.offers(holds, core.Binding{Mechanic: "cheap"})
	return d, held
}

// bargain is a price that can be had once, and takes from a quota.
func bargain(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
	if f.Shopper.Orders > 0 || f.Item.Left < f.Quantity || f.Quota["few"] < 1 {
		return append(effects, core.Effect{Kind: core.EffectDeny, Name: "gone"}), nil
	}
	return append(effects, core.Effect{Kind: core.EffectPrice, Amount: 99_900}, core.Effect{Kind: core.EffectOnce, Name: "bargain"},
		core.Effect{Kind: core.EffectTake, Name: "few", Units: 1}), nil
}

// offers makes a ruleset of the bindings live, with what becomes of holds.
func (d *drop) offers(holds core.Holds, bindings ...core.Binding) {
	d.t.Helper()
	ruleset, err := d.AddRuleset(context.Background(), core.RulesetRequest{Campaign: "phone", Bindings: bindings, Reason: "test", Actor: operator})
	must(d.t, err)
	record, err := d.Record(context.Background(), "phone")
	must(d.t, err)
	_, err = d.ChangeRollout(context.Background(), core.RolloutRequest{
		Campaign: "phone", Expect: record.Rollout.Number, Reason: "test", Actor: operator,
		Change: core.Change{Mode: core.ModeLive, Ruleset: ruleset.Number, Holds: holds},
	})
	must(d.t, err)
}

// offer returns what is offered in place of the order, nil if nothing is.
func (d *drop) offer(o *core.Order) *core.Offer {
	d.t.Helper()
	now, err := d.Order(context.Background(), o.ID, o.Shopper)
	must(d.t, err)
	offered, err := d.Offer(context.Background(), now, core.Principal{ID: o.Shopper, Role: core.RoleShopper})
	must(d.t, err)
	return offered
}

// instead asks for an order in place of the other.
func instead(o *core.Order, key string) core.OrderRequest {
	req := buy(o.Shopper, key)
	req.Replaces = o.ID
	return req
}

func TestAHoldIsOfferedANewQuoteAndMayTakeIt(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, held := newOffered(t, s, core.HoldsOffer, nil)
		offered := d.offer(held)
		if offered == nil || offered.Total != 99_900 || offered.Until != held.HoldUntil || offered.Ruleset != 2 || len(offered.Lines) != 1 {
			t.Fatalf("it is offered %+v", offered)
		}
		req := instead(held, "again")
		req.ExpectTotal = &offered.Total
		next, replayed, err := d.Place(t.Context(), req) // the only unit, the limit of one, and most of the budget are the old order's
		must(t, err)
		if replayed || next.Total != 99_900 || next.ID == held.ID {
			t.Errorf("%+v", next)
		}
		old, err := d.Order(t.Context(), held.ID, "ann")
		must(t, err)
		if old.State != core.OrderCancelled || old.TakesState != core.TakesReturned || d.left() != 0 {
			t.Errorf("the old order is %s, its takes %s, %d left", old.State, old.TakesState, d.left())
		}
		again, replayed, err := d.Place(t.Context(), req)
		must(t, err)
		if !replayed || again.ID != next.ID {
			t.Errorf("the same key placed %s, then %s", next.ID, again.ID)
		}
		other := buy("ann", "again")
		other.ExpectTotal = req.ExpectTotal
		_, _, err = d.Place(t.Context(), other)
		wantCode(t, err, core.CodeIdempotencyMismatch)
		if d.offer(next) != nil {
			t.Error("what was taken up is offered again")
		}
		d.audit()
	})
}

func TestWhatCannotBeReplacedStaysAsItIs(t *testing.T) {
	for name, test := range map[string]struct {
		holds core.Holds
		makes func(d *drop, held *core.Order, req *core.OrderRequest)
		want  core.Code
	}{
		"an order that keeps its quote": {core.HoldsHonour, nil, core.CodeWrongState},
		"another shopper's order": {
			core.HoldsOffer, func(_ *drop, _ *core.Order, req *core.OrderRequest) { req.Shopper.ID = "bob" }, core.CodeNotFound,
		},
		"no order":      {core.HoldsOffer, func(_ *drop, _ *core.Order, req *core.OrderRequest) { req.Replaces = "x\x00" }, core.CodeNotFound},
		"another item":  {core.HoldsOffer, func(_ *drop, _ *core.Order, req *core.OrderRequest) { req.SKU = "case" }, core.CodeWrongState},
		"another price": {core.HoldsOffer, func(_ *drop, held *core.Order, req *core.OrderRequest) { req.ExpectTotal = &held.Total }, core.CodePriceChanged},
		"two units of a limit of one": {
			core.HoldsOffer, func(_ *drop, _ *core.Order, req *core.OrderRequest) { req.Quantity = 2 }, core.CodeSoldOut,
		},
		"a cancelled order": {core.HoldsOffer, func(d *drop, held *core.Order, _ *core.OrderRequest) {
			_, err := d.Cancel(context.Background(), payOf(held, "c"))
			must(d.t, err)
		}, core.CodeWrongState},
		"a paid order": {core.HoldsOffer, func(d *drop, held *core.Order, _ *core.OrderRequest) { d.paysFor(held) }, core.CodeWrongState},
		"an order whose hold has run out": {
			core.HoldsOffer, func(d *drop, _ *core.Order, _ *core.OrderRequest) { d.clock.advance(16 * time.Minute) }, core.CodeWrongState,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, held := newOffered(t, sqliteStore(t), test.holds, func(c *core.Campaign) {
				c.Items = append(c.Items, core.Item{SKU: "case", Title: core.Text{EN: "Case"}, Price: 1, Stock: 1, Hold: core.Duration(time.Minute)})
			})
			req := instead(held, "again")
			if test.makes != nil {
				test.makes(d, held, &req)
			}
			before, err := d.Order(t.Context(), held.ID, "ann")
			must(t, err)
			_, _, err = d.Place(t.Context(), req)
			wantCode(t, err, test.want)
			after, err := d.Order(t.Context(), held.ID, "ann")
			must(t, err)
			if after.State != before.State || after.Revision != before.Revision {
				t.Errorf("it was %s, it is %s", before.State, after.State)
			}
			d.audit()
		})
	}
}

// paysFor gives the shopper money and has the order paid.
func (d *drop) paysFor(o *core.Order) {
	d.t.Helper()
	_, err := d.TopUp(context.Background(), core.TopUp{Shopper: o.Shopper, Currency: "CNY", Amount: 1_000_000, Key: "t"})
	must(d.t, err)
	_, err = d.Pay(context.Background(), payOf(o, "p"))
	must(d.t, err)
}

// TestOfPayingAndReplacingOneWins lets two nodes pay for an order and replace it at the same moment.
func TestOfPayingAndReplacingOneWins(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, _ := newOffered(t, s, core.HoldsOffer, func(c *core.Campaign) { c.Items[0].Stock, c.Guardrails.DiscountBudget = 100, 0; c.Quotas["few"] = 100 })
		other := d.node(mechanics{"dear": priceOf(150_000), "cheap": bargain}, nil)
		var held []*core.Order
		d.offers(core.HoldsHonour, core.Binding{Mechanic: "dear"})
		for i := range 20 {
			shopper := string(rune('a' + i))
			held = append(held, d.place(shopper))
			_, err := d.TopUp(t.Context(), core.TopUp{Shopper: shopper, Currency: "CNY", Amount: 1_000_000, Key: "t"})
			must(t, err)
		}
		d.offers(core.HoldsOffer, core.Binding{Mechanic: "cheap"})
		var race sync.WaitGroup
		paid, replaced := make([]error, len(held)), make([]error, len(held))
		for i, o := range held {
			race.Go(func() { _, paid[i] = d.Pay(context.Background(), payOf(o, "p")) })
			race.Go(func() { _, _, replaced[i] = other.Place(context.Background(), instead(o, "again")) })
		}
		race.Wait()
		for i, o := range held {
			if (paid[i] == nil) == (replaced[i] == nil) {
				t.Errorf("%s: paying %v, replacing %v", o.Shopper, paid[i], replaced[i])
			}
			allow(t, paid[i], core.CodeWrongState, core.CodeRefunded)
			allow(t, replaced[i], core.CodeWrongState)
			balances, err := d.Wallet(t.Context(), o.Shopper)
			must(t, err)
			want := int64(1_000_000)
			if paid[i] == nil {
				want -= o.Total
			}
			if balances["CNY"] != want {
				t.Errorf("%s has %d, want %d", o.Shopper, balances["CNY"], want)
			}
		}
		d.audit()
	})
}

// TestAnOrderIsReplacedOnce has one order replaced by many requests at once, in one batch and in several.
func TestAnOrderIsReplacedOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, held := newOffered(t, s, core.HoldsOffer, func(c *core.Campaign) { c.Items[0].Stock, c.Items[0].Limit = 50, 0 })
		other := d.node(mechanics{"dear": priceOf(150_000), "cheap": bargain}, nil)
		errs := make([]error, 12)
		var race sync.WaitGroup
		for i := range errs {
			race.Go(func() {
				_, _, errs[i] = []*core.Engine{d.Engine, other}[i%2].Place(context.Background(), instead(held, string(rune('a'+i))))
			})
		}
		race.Wait()
		won := 0
		for _, err := range errs {
			allow(t, err, core.CodeWrongState, core.CodeDenied) // denied: it saw what the one that won had taken
			if err == nil {
				won++
			}
		}
		if won != 1 || d.left() != 49 {
			t.Errorf("%d of 12 replaced it, %d left", won, d.left())
		}
		d.audit()
	})
}
