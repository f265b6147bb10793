package storetest

import (
	"slices"
	"testing"

	"hotdrop/core"
)

func testReservations(t *testing.T, store Store) {
	t.Run("positions count from 1 in the plan's order and are written into the plan", func(t *testing.T) {
		s := openSale(t, store, nil)
		plan := s.reserve("zoe", "ann", "mia")
		applied := s.apply(plan)
		same(t, "reserved before", applied.Reserved, int64(0))
		state := s.state(core.Query{Shoppers: []string{"ann", "mia", "zoe"}})
		for i, want := range []core.Reservation{{Shopper: "zoe", At: opening, Position: 1}, {Shopper: "ann", At: opening, Position: 2},
			{Shopper: "mia", At: opening, Position: 3}} {
			same(t, "in the plan", *plan.Reservations[i], want)
			same(t, "in the store", *state.Shoppers[want.Shopper].Reservation, want)
		}
	})

	t.Run("the next plan goes on where the last one ended", func(t *testing.T) {
		s := openSale(t, store, nil)
		s.apply(s.reserve("ann", "bob"))
		plan := s.reserve("cid")
		same(t, "reserved before", s.apply(plan).Reserved, int64(2))
		same(t, "position", plan.Reservations[0].Position, int64(3))
	})

	t.Run("a refused plan uses up no position", func(t *testing.T) {
		s := openSale(t, store, nil)
		s.apply(s.reserve("ann"))
		refused := s.reserve("bob", "ann")
		s.refused(refused)
		same(t, "position", refused.Reservations[0].Position, int64(0))
		plan := s.reserve("cid")
		s.apply(plan)
		same(t, "position", plan.Reservations[0].Position, int64(2))
	})

	t.Run("the same shopper twice in a plan is refused", func(t *testing.T) {
		s := openSale(t, store, nil)
		s.refused(s.reserve("ann", "ann"))
	})

	t.Run("a shopper may reserve in two campaigns", func(t *testing.T) {
		for _, s := range []*sale{openSale(t, store, nil), openSale(t, store, nil)} {
			s.apply(s.reserve("ann"))
		}
	})

	t.Run("reservations that are not counted are a defect and not written", func(t *testing.T) {
		s := openSale(t, store, nil)
		plan := s.reserve("ann", "bob")
		plan.Counters[0].Units = 1
		if _, err := s.Apply(t.Context(), plan); err == nil {
			t.Fatal("the plan was applied")
		}
		same(t, "reservations", len(s.book().Reservations), 0)
	})

	t.Run("positions have no gaps when many plans are applied at once", func(t *testing.T) {
		s := openSale(t, store, nil)
		const workers, plans, each = 6, 10, 7
		inParallel(workers, func(worker int) {
			for n := range plans {
				var shoppers []string
				for i := range each {
					shoppers = append(shoppers, shopperName((worker*plans+n)*each+i))
				}
				if _, err := s.Apply(t.Context(), s.reserve(shoppers...)); err != nil {
					t.Error(err)
				}
			}
		})
		var positions []int64
		for _, r := range s.book().Reservations {
			positions = append(positions, r.Position)
		}
		slices.Sort(positions)
		same(t, "reservations", len(positions), workers*plans*each)
		for i, position := range positions {
			same(t, "position", position, int64(i)+1)
		}
	})
}
