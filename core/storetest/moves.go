package storetest

import (
	"testing"

	"hotdrop/core"
)

func testMoves(t *testing.T, store Store) {
	t.Run("a move changes what may change and raises the revision", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		order := s.order("ann")
		s.apply(s.plan(order))
		moved := *order
		moved.State, moved.TakesState, moved.HoldUntil, moved.UpdatedAt = core.OrderPaid, core.TakesSpent, opening+1, opening+2
		moved.Dues = []core.Due{{Kind: "full", Amount: price, DueAt: opening, State: core.DuePaid, Payment: "pay-1"}}
		moved.Conditions = []core.Condition{{Kind: "group", State: "met"}}
		moved.Shipment = &core.Shipment{Carrier: "顺丰", Tracking: `SF "1"`, ShippedAt: opening + 3, DeliveredAt: opening + 4}
		s.apply(&core.Plan{Campaign: s.campaign, Brand: brand, Moves: []core.Move{{Order: &moved}}})
		moved.Revision++
		same(t, "order", s.stored(order), &moved)
		moved.Shipment = &core.Shipment{Carrier: "SF", Tracking: "2", ShippedAt: opening + 5}
		s.apply(&core.Plan{Campaign: s.campaign, Brand: brand, Moves: []core.Move{{Order: &moved}}})
		same(t, "shipment", s.stored(order).Shipment, moved.Shipment)
	})

	t.Run("a move does not touch what is pinned", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		order := s.order("ann")
		s.apply(s.plan(order))
		forged := *order
		forged.Total, forged.Shopper, forged.Lines, forged.Quote, forged.Claims = 1, "eve", nil, nil, nil
		s.apply(&core.Plan{Campaign: s.campaign, Brand: brand, Moves: []core.Move{{Order: &forged}}})
		want := *order
		want.Revision++
		same(t, "order", s.stored(order), &want)
	})

	t.Run("moves follow one another by revision", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		order := s.order("ann")
		s.apply(s.plan(order))
		for range 3 {
			s.apply(&core.Plan{Campaign: s.campaign, Brand: brand, Moves: []core.Move{{Order: order}}})
			s.refused(&core.Plan{Campaign: s.campaign, Brand: brand, Moves: []core.Move{{Order: order}}})
			order = s.stored(order)
		}
		same(t, "revision", order.Revision, int64(4))
	})

	t.Run("an order of another campaign is not moved", func(t *testing.T) {
		s, other := openSale(t, store, map[string]int64{stock: 10}), openSale(t, store, nil)
		order := s.order("ann")
		s.apply(s.plan(order))
		other.refused(&core.Plan{Campaign: other.campaign, Brand: brand, Moves: []core.Move{{Order: order}}})
	})

	t.Run("giving back returns units and claims, and another order may have them", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 1})
		order := s.order("ann")
		s.apply(s.plan(order))
		s.refused(s.plan(s.order("ann")))
		s.apply(s.giveBack(order))
		s.apply(s.plan(s.order("ann")))
		same(t, "remaining", s.remaining(stock), int64(0))
	})

	t.Run("only the owner releases a claim", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		order, later := s.order("ann"), s.order("ann")
		s.apply(s.plan(order))
		s.apply(s.giveBack(order))
		s.apply(s.plan(later))
		s.refused(s.giveBack(s.stored(order)))
		same(t, "claims", s.state(core.Query{Shoppers: []string{"ann"}}).Shoppers["ann"].Claims, later.Claims)
	})

	t.Run("a claim that is released may be inserted by the same plan", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 1})
		order, next := s.order("ann"), s.order("ann")
		s.apply(s.plan(order))
		plan := s.plan(next)
		plan.Moves = s.giveBack(order).Moves
		plan.Counters = []core.Delta{{Counter: stock, Units: 0}}
		s.apply(plan)
		same(t, "claims", s.state(core.Query{Shoppers: []string{"ann"}}).Shoppers["ann"].Claims, next.Claims)
	})

	t.Run("a claim outside the shopper's range is given back and taken again there", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 2})
		order := s.order("ann")
		code := core.Claim{Shopper: " sale.code", Kind: core.ClaimVoucher, Key: "sale.code", Owner: order.ID}
		order.Claims = append(order.Claims, code)
		s.apply(s.plan(order))
		same(t, "stored", s.stored(order).Claims, order.Claims)
		voucher := core.Query{Shoppers: []string{code.Shopper}}
		same(t, "held", s.state(voucher).Shoppers[code.Shopper].Claims, []core.Claim{code})
		bobs := s.order("bob")
		bobs.Claims = []core.Claim{{Shopper: code.Shopper, Kind: code.Kind, Key: code.Key, Owner: bobs.ID}}
		s.refused(s.plan(bobs))
		s.apply(s.giveBack(s.stored(order)))
		same(t, "claims of all", len(s.book().Claims), 0)
		s.apply(s.takeBack(s.stored(order)))
		same(t, "held again", s.state(voucher).Shoppers[code.Shopper].Claims, []core.Claim{code})
		s.refused(s.plan(bobs))
	})

	t.Run("late money takes everything again", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 2, "quota/a": 2})
		order := s.order("ann", stock, "quota/a")
		s.apply(s.plan(order))
		s.apply(s.giveBack(order))
		s.apply(s.takeBack(s.stored(order)))
		state := s.state(core.Query{Counters: true, Shoppers: []string{"ann"}, Orders: []string{order.ID}})
		same(t, "stock", state.Counters[stock].Remaining, int64(1))
		same(t, "quota", state.Counters["quota/a"].Remaining, int64(1))
		same(t, "claims", state.Shoppers["ann"].Claims, order.Claims)
		same(t, "state", state.Orders[order.ID].State, core.OrderPaid)
	})

	t.Run("or nothing, when a claim is gone", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 2})
		order := s.order("ann")
		s.apply(s.plan(order))
		s.apply(s.giveBack(order))
		s.apply(s.plan(s.order("ann")))
		untouched := s.book()
		s.refused(s.takeBack(s.stored(order)))
		same(t, "book", s.book(), untouched)
	})

	t.Run("or nothing, when units are gone", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 1})
		order := s.order("ann")
		s.apply(s.plan(order))
		s.apply(s.giveBack(order))
		s.apply(s.plan(s.order("bob")))
		untouched := s.book()
		s.refused(s.takeBack(s.stored(order)))
		same(t, "book", s.book(), untouched)
	})

	t.Run("many orders move in one plan, whatever their order in it", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 300})
		var orders []*core.Order
		for n := range 300 {
			orders = append([]*core.Order{s.order(shopperName(n))}, orders...)
		}
		s.apply(s.plan(orders...))
		s.apply(s.giveBack(orders...))
		same(t, "remaining", s.remaining(stock), int64(300))
		same(t, "claims", len(s.book().Claims), 0)
	})
}
