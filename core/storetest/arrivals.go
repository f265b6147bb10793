package storetest

import (
	"testing"

	"hotdrop/core"
)

// join lets the shoppers join the waiting room for the turn.
func (s *sale) join(turn int64, shoppers ...string) *core.Plan {
	plan := &core.Plan{Campaign: s.campaign, Brand: brand, Epoch: s.record.Epoch}
	for _, shopper := range shoppers {
		plan.Arrivals = append(plan.Arrivals, &core.Arrival{Shopper: shopper, Turn: turn, At: opening + turn})
	}
	plan.Counters = []core.Delta{{Counter: core.CounterQueue, Units: int64(len(shoppers))}}
	return plan
}

// openQueue is a sale whose arrivals are counted.
func openQueue(t *testing.T, store Store) *sale {
	t.Helper()
	return openSale(t, store, map[string]int64{core.CounterQueue: core.Unbounded})
}

// arrivals lists the sale's arrivals.
func (s *sale) arrivals(after int64, limit int) []core.Arrival {
	s.t.Helper()
	list, err := s.ListArrivals(s.t.Context(), core.CampaignKey{Brand: brand, ID: s.campaign}, after, limit)
	must(s.t, err)
	arrivals := []core.Arrival{}
	for _, a := range list {
		arrivals = append(arrivals, *a)
	}
	return arrivals
}

func testArrivals(t *testing.T, store Store) {
	t.Run("numbers count from 1 in the plan's order and are written into the plan", func(t *testing.T) {
		s := openQueue(t, store)
		plan := s.join(1, "zoe", "ann")
		same(t, "arrived before", s.apply(plan).Arrived, int64(0))
		want := []core.Arrival{
			{Shopper: "zoe", Turn: 1, Number: 1, At: opening + 1}, {Shopper: "ann", Turn: 1, Number: 2, At: opening + 1},
		}
		same(t, "in the plan", []core.Arrival{*plan.Arrivals[0], *plan.Arrivals[1]}, want)
		same(t, "in the store", s.arrivals(0, 10), want)
		same(t, "arrived before the next", s.apply(s.join(1, "mia")).Arrived, int64(2))
	})

	t.Run("a shopper joins once for each turn, and is found with the last one", func(t *testing.T) {
		s := openQueue(t, store)
		s.apply(s.join(1, "ann", "bob"))
		s.refused(s.join(1, "cid", "ann"))
		s.apply(s.join(2, "ann"))
		same(t, "arrivals", len(s.arrivals(0, 10)), 3)
		query := core.Query{Shoppers: []string{"ann", "bob", "cid"}, Arrivals: true}
		state := s.state(query)
		same(t, "shoppers", len(state.Shoppers), 2)
		same(t, "ann's", *state.Shoppers["ann"].Arrival, core.Arrival{Shopper: "ann", Turn: 2, Number: 3, At: opening + 2})
		same(t, "bob's", state.Shoppers["bob"].Arrival.Number, int64(2))
		query.Arrivals = false
		same(t, "without being asked for", len(s.state(query).Shoppers), 0)
	})

	t.Run("a list begins after a number and ends at its limit", func(t *testing.T) {
		s, other := openQueue(t, store), openQueue(t, store)
		s.apply(s.join(1, "ann", "bob", "cid", "dan"))
		other.apply(other.join(1, "eve"))
		page := s.arrivals(1, 2)
		same(t, "shoppers", []string{page[0].Shopper, page[1].Shopper}, []string{"bob", "cid"})
		same(t, "after the last", len(s.arrivals(4, 2)), 0)
	})

	t.Run("arrivals that are not counted are a defect and not written", func(t *testing.T) {
		s := openQueue(t, store)
		plan := s.join(1, "ann", "bob")
		plan.Counters[0].Units = 1
		if _, err := s.Apply(t.Context(), plan); err == nil {
			t.Fatal("the plan was applied")
		}
		same(t, "arrivals", len(s.book().Arrivals), 0)
	})

	t.Run("an arrival that was decided before a change is fenced", func(t *testing.T) {
		s := openQueue(t, store)
		plan := s.join(1, "ann")
		s.next()
		s.refused(plan)
	})

	t.Run("reservations, arrivals and orders share a plan", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{core.CounterQueue: core.Unbounded, stock: 1})
		plan := s.plan(s.order("ann"))
		plan.Reservations, plan.Arrivals = s.reserve("bob").Reservations, s.join(1, "cid", "dan").Arrivals
		plan.Counters = deltas(map[string]int64{core.CounterQueue: 2, core.CounterReservations: 1, stock: 1})
		s.apply(plan)
		book := s.book()
		same(t, "rows", []int{len(book.Orders), len(book.Reservations), len(book.Arrivals)}, []int{1, 1, 2})
	})

	t.Run("a list never has a gap while many join at once", func(t *testing.T) {
		s := openQueue(t, store)
		const workers, plans, each = 4, 8, 5
		done := make(chan struct{})
		go func() {
			defer close(done)
			inParallel(workers, func(worker int) {
				for n := range plans {
					var shoppers []string
					for i := range each {
						shoppers = append(shoppers, shopperName((worker*plans+n)*each+i))
					}
					if _, err := s.Apply(t.Context(), s.join(1, shoppers...)); err != nil {
						t.Error(err)
					}
				}
			})
		}()
		var seen []core.Arrival
		for isLast := false; !isLast; {
			select {
			case <-done:
				isLast = true
			default:
			}
			seen = append(seen, s.arrivals(int64(len(seen)), 1000)...)
			for i := range seen {
				same(t, "number", seen[i].Number, int64(i)+1)
			}
		}
		same(t, "arrivals", len(seen), workers*plans*each)
	})
}
