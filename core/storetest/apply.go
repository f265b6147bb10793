package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"hotdrop/core"
)

func testApply(t *testing.T, store Store) {
	t.Run("what a plan writes is found as it was written", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		order := s.order("ann")
		plan := s.plan(order)
		plan.Claims = append(plan.Claims, core.Claim{
			Shopper: "ann", Kind: core.ClaimOrder, Key: "request-1", Owner: order.ID, Fingerprint: "0123456789abcdef",
		})
		s.apply(plan)
		state := s.state(core.Query{Orders: []string{order.ID}, Shoppers: []string{"ann"}})
		same(t, "order", state.Orders[order.ID], order)
		same(t, "claims", sortedClaims(state.Shoppers["ann"].Claims), sortedClaims(plan.Claims))
	})

	t.Run("an order without takes, claims, dues and conditions stays without", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		order := s.order("ann")
		plan := s.plan(order)
		order.Takes, order.Claims, order.Dues, order.Conditions, order.Quote = nil, nil, nil, nil, nil
		plan.Claims = nil
		s.apply(plan)
		same(t, "order", s.stored(order), order)
	})

	t.Run("it answers what remains of each counter of the plan and of no other", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10, "quota/a": 5, "quota/b": 5})
		applied := s.apply(s.plan(s.order("ann"), s.order("bob"), s.order("cid", stock, "quota/a")))
		same(t, "remaining", applied.Remaining, map[string]int64{stock: 7, "quota/a": 4})
	})

	t.Run("many orders go in one plan", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 2000})
		orders := make([]*core.Order, 0, 1000)
		for n := range cap(orders) {
			orders = append(orders, s.order(shopperName(n)))
		}
		slices.Reverse(orders)
		s.apply(s.plan(orders...))
		same(t, "remaining", s.remaining(stock), int64(1000))
	})

	t.Run("a plan that was applied is a conflict when it comes again", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		order := s.order("ann")
		placed, reserved := s.plan(order), s.reserve("ann")
		for _, plan := range []*core.Plan{placed, reserved, s.giveBack(order)} {
			s.apply(plan)
			s.refused(plan)
		}
		state := s.state(core.Query{Counters: true})
		same(t, "stock", state.Counters[stock].Remaining, int64(10))
		same(t, "reservations", core.Unbounded-state.Counters[core.CounterReservations].Remaining, int64(1))
	})

	t.Run("a context that ended before is the error and nothing is written", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Apply(ctx, s.plan(s.order("ann"))); !errors.Is(err, context.Canceled) {
			t.Fatalf("got the error %v", err)
		}
		same(t, "remaining", s.remaining(stock), int64(10))
	})
}

func sortedClaims(claims []core.Claim) []core.Claim {
	return slices.SortedFunc(slices.Values(claims), compareClaims)
}

// testAllOrNothing breaks one part of a plan that uses every part, and finds nothing of the others written.
func testAllOrNothing(t *testing.T, store Store) {
	for name, spoil := range map[string]func(s *sale, plan *core.Plan){
		"a claim that is taken": func(s *sale, plan *core.Plan) {
			s.apply(&core.Plan{Campaign: s.campaign, Brand: brand, Claims: plan.Claims[:1]})
		},
		"the same claim twice":           func(_ *sale, plan *core.Plan) { plan.Claims = append(plan.Claims, plan.Claims[0]) },
		"an order that exists":           func(s *sale, plan *core.Plan) { s.apply(withoutClaims(s.plan(plan.Orders[0]))) },
		"the same order twice":           func(_ *sale, plan *core.Plan) { plan.Orders = append(plan.Orders, plan.Orders[0]) },
		"too many units":                 func(_ *sale, plan *core.Plan) { plan.Counters[0].Units = 11 },
		"too many units back":            func(_ *sale, plan *core.Plan) { plan.Counters[0].Units = -11 },
		"a counter that is not":          func(_ *sale, plan *core.Plan) { plan.Counters[0].Counter = "quota/none" },
		"another epoch":                  func(_ *sale, plan *core.Plan) { plan.Epoch++ },
		"a reservation that is":          func(s *sale, _ *core.Plan) { s.apply(s.reserve("cid")) },
		"a move of no order":             func(_ *sale, plan *core.Plan) { plan.Moves[0].Order.ID += "0" },
		"a move of a later one":          func(_ *sale, plan *core.Plan) { plan.Moves[0].Order.Revision-- },
		"a move of an older one":         func(_ *sale, plan *core.Plan) { plan.Moves[0].Order.Revision++ },
		"the same move twice":            func(_ *sale, plan *core.Plan) { plan.Moves = append(plan.Moves, plan.Moves[0]) },
		"a document that exists":         func(s *sale, plan *core.Plan) { s.apply(s.documents(plan.Documents[0])) },
		"a document of no such revision": func(_ *sale, plan *core.Plan) { plan.Documents[0].Revision = 7 },
		"releasing what it does not own": func(_ *sale, plan *core.Plan) {
			plan.Moves[0].Order.Claims = []core.Claim{{Kind: core.ClaimLimit, Key: "other/1"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openSale(t, store, map[string]int64{stock: 10, "quota/z": 10})
			s.apply(s.plan(s.order("old", "quota/z")))
			before := s.order("bob", "quota/z")
			s.apply(s.plan(before))
			plan := s.everything(before)
			spoil(s, plan)
			untouched := s.book()
			s.refused(plan)
			same(t, "book", s.book(), untouched)
		})
	}
	t.Run("and unspoilt it goes through", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10, "quota/z": 10})
		before := s.order("bob", "quota/z")
		s.apply(s.plan(before))
		s.apply(s.everything(before))
		same(t, "orders", len(s.book().Orders), 2)
	})
}

// everything is a plan that uses every part: it gives the order back, places another one and signs a shopper up.
func (s *sale) everything(order *core.Order) *core.Plan {
	plan := s.plan(s.order("ann"))
	plan.Moves = s.giveBack(order).Moves
	plan.Reservations = []*core.Reservation{{Shopper: "cid", At: opening}}
	plan.Documents = []*core.Document{document(core.DocumentTask, "paid/"+order.ID, "")}
	plan.Counters = append(plan.Counters, deltas(map[string]int64{"quota/z": -1, core.CounterReservations: 1})...)
	return plan
}

func withoutClaims(plan *core.Plan) *core.Plan {
	plan.Claims = nil
	return plan
}

func testFence(t *testing.T, store Store) {
	t.Run("a plan of an older epoch is refused after a change", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		plan := s.plan(s.order("ann"))
		s.next()
		s.refused(plan)
		same(t, "remaining", s.remaining(stock), int64(10))
	})

	t.Run("decided again under the new epoch it is applied", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		order := s.order("ann")
		s.next()
		s.apply(s.plan(order))
		same(t, "remaining", s.remaining(stock), int64(9))
	})

	t.Run("a plan of an epoch that is not yet is refused", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		plan := s.plan(s.order("ann"))
		plan.Epoch++
		s.refused(plan)
	})

	t.Run("a delta of no units fences and takes nothing", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		plan := s.plan()
		plan.Counters = []core.Delta{{Counter: stock}}
		same(t, "remaining", s.apply(plan).Remaining, map[string]int64{stock: 10})
		s.next()
		s.refused(plan)
	})

	t.Run("a plan without an epoch follows a pinned quote and is not fenced", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		order := s.order("ann")
		s.apply(s.plan(order))
		s.next()
		s.apply(s.giveBack(order))
		same(t, "remaining", s.remaining(stock), int64(10))
		s.apply(s.plan(s.order("bob")))
	})
}

func testCounters(t *testing.T, store Store) {
	for name, test := range map[string]struct {
		units     int64
		ok        bool
		remaining int64
	}{
		"the last units can be taken":               {6, true, 0},
		"one more than is left cannot":              {7, false, 6},
		"what was taken can be returned":            {-4, true, 10},
		"one more than was taken cannot":            {-5, false, 6},
		"no number of units wraps around downwards": {-core.Unbounded, false, 6},
		"no number of units wraps around upwards":   {core.Unbounded, false, 6},
	} {
		t.Run(name, func(t *testing.T) {
			s := openSale(t, store, map[string]int64{stock: 10})
			plan := s.plan()
			plan.Counters = []core.Delta{{Counter: stock, Units: 4}}
			s.apply(plan)
			plan.Counters[0].Units = test.units
			_, err := s.Apply(t.Context(), plan)
			if (err == nil) != test.ok || (err != nil && !errors.Is(err, core.ErrConflict)) {
				t.Fatalf("got the error %v", err)
			}
			same(t, "counter", s.state(core.Query{Counters: true}).Counters[stock], core.Counter{Limit: 10, Remaining: test.remaining})
		})
	}

	t.Run("more cannot be returned to a counter without bound than was taken", func(t *testing.T) {
		s := openSale(t, store, nil)
		plan := s.plan()
		plan.Counters = []core.Delta{{Counter: core.CounterReservations, Units: -1}}
		s.refused(plan)
	})

	t.Run("a counter of another campaign is none", func(t *testing.T) {
		s, other := openSale(t, store, map[string]int64{stock: 10}), openSale(t, store, map[string]int64{"quota/a": 10})
		plan := s.plan()
		plan.Counters = []core.Delta{{Counter: "quota/a", Units: 1}}
		s.refused(plan)
		same(t, "remaining", other.remaining("quota/a"), int64(10))
	})
}

func testClaims(t *testing.T, store Store) {
	first := core.Claim{Shopper: "ann", Kind: core.ClaimOnce, Key: "seckill", Owner: "order-1", Fingerprint: "f"}
	for name, test := range map[string]struct {
		change func(claim *core.Claim)
		ok     bool
	}{
		"is refused again":                           {func(*core.Claim) {}, false},
		"is refused for another owner":               {func(c *core.Claim) { c.Owner = "order-2" }, false},
		"is refused with another fingerprint":        {func(c *core.Claim) { c.Fingerprint = "g" }, false},
		"is free for another shopper":                {func(c *core.Claim) { c.Shopper = "bob" }, true},
		"is free for a shopper that begins the same": {func(c *core.Claim) { c.Shopper = "an" }, true},
		"is free for another kind":                   {func(c *core.Claim) { c.Kind = core.ClaimPay }, true},
		"is free for another key":                    {func(c *core.Claim) { c.Key = "Seckill" }, true},
	} {
		t.Run("a claim "+name, func(t *testing.T) {
			s := openSale(t, store, nil)
			second := first
			test.change(&second)
			s.apply(&core.Plan{Campaign: s.campaign, Brand: brand, Claims: []core.Claim{first}})
			_, err := s.Apply(t.Context(), &core.Plan{Campaign: s.campaign, Brand: brand, Claims: []core.Claim{second}})
			if (err == nil) != test.ok || (err != nil && !errors.Is(err, core.ErrConflict)) {
				t.Fatalf("got the error %v", err)
			}
		})
	}

	t.Run("a claim is free in another campaign", func(t *testing.T) {
		for _, s := range []*sale{openSale(t, store, nil), openSale(t, store, nil)} {
			s.apply(&core.Plan{Campaign: s.campaign, Brand: brand, Claims: []core.Claim{first}})
		}
	})

	t.Run("an owner and keys of any characters come back as they were", func(t *testing.T) {
		s := openSale(t, store, nil)
		claim := core.Claim{Shopper: `安 "'\%_`, Kind: core.ClaimOnce, Key: "{}, NULL ' \" \\ \n 末日", Owner: "-", Fingerprint: ""}
		s.apply(&core.Plan{Campaign: s.campaign, Brand: brand, Claims: []core.Claim{claim}})
		state := s.state(core.Query{Shoppers: []string{claim.Shopper}})
		same(t, "claims", state.Shoppers[claim.Shopper], &core.ShopperState{Claims: []core.Claim{claim}})
	})
}
