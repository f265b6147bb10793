package storetest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"hotdrop/core"
)

func testLoad(t *testing.T, store Store) {
	t.Run("a query for nothing finds nothing", func(t *testing.T) {
		state := openSale(t, store, map[string]int64{stock: 1}).state(core.Query{})
		same(t, "found", len(state.Counters)+len(state.Shoppers)+len(state.Orders), 0)
	})

	t.Run("a campaign that is not has nothing", func(t *testing.T) {
		state, err := store.Load(t.Context(), core.Query{
			Campaign: unique("none"), Counters: true, Shoppers: []string{"ann"}, Orders: []string{"none"},
		})
		must(t, err)
		same(t, "found", len(state.Counters)+len(state.Shoppers)+len(state.Orders), 0)
	})

	t.Run("counters come all, with the epoch", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 3, "quota/a": 4})
		s.next()
		s.apply(s.plan(s.order("ann")))
		state := s.state(core.Query{Counters: true})
		same(t, "epoch", state.Epoch, int64(2))
		same(t, "counters", state.Counters, map[string]core.Counter{
			stock: {Limit: 3, Remaining: 2}, "quota/a": {Limit: 4, Remaining: 4},
			core.CounterReservations: {Limit: core.Unbounded, Remaining: core.Unbounded},
		})
	})

	t.Run("a shopper without rows is absent", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 3})
		s.apply(s.reserve("ann"))
		s.apply(s.plan(s.order("bob")))
		state := s.state(core.Query{Shoppers: []string{"ann", "bob", "cid"}})
		same(t, "shoppers", len(state.Shoppers), 2)
		same(t, "ann's claims", len(state.Shoppers["ann"].Claims), 0)
		if state.Shoppers["bob"].Reservation != nil {
			t.Error("bob did not reserve")
		}
	})

	t.Run("a shopper who is asked for twice is one", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 3})
		order := s.order("ann")
		s.apply(s.plan(order))
		state := s.state(core.Query{Shoppers: []string{"ann", "bob", "ann"}, Orders: []string{order.ID, order.ID}})
		same(t, "claims", state.Shoppers["ann"].Claims, order.Claims)
		same(t, "orders", len(state.Orders), 1)
	})

	t.Run("every order is listed with its shopper, and no other claim", func(t *testing.T) {
		s, other := openSale(t, store, map[string]int64{stock: 3}), openSale(t, store, map[string]int64{stock: 3})
		var want []core.Claim
		for _, shopper := range []string{"ann", "bob"} {
			order := s.order(shopper)
			plan := s.plan(order)
			claim := core.Claim{Shopper: shopper, Kind: core.ClaimOrder, Key: "k", Owner: order.ID, Fingerprint: "f"}
			plan.Claims = sortedClaims(append(plan.Claims, claim))
			s.apply(plan)
			want = append(want, core.Claim{Shopper: shopper, Kind: core.ClaimOrder, Owner: order.ID})
		}
		state := s.state(core.Query{Placed: true})
		same(t, "placed", sortedClaims(state.Placed), want)
		same(t, "placed elsewhere", len(other.state(core.Query{Placed: true}).Placed), 0)
	})

	t.Run("an order that is not there is absent", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 3})
		order := s.order("ann")
		s.apply(s.plan(order))
		state := s.state(core.Query{Orders: []string{s.order("bob").ID, order.ID}})
		same(t, "orders", state.Orders, map[string]*core.Order{order.ID: order})
	})

	t.Run("nothing of another campaign is seen", func(t *testing.T) {
		s, other := openSale(t, store, map[string]int64{stock: 3}), openSale(t, store, nil)
		order := s.order("ann")
		s.apply(s.plan(order))
		s.apply(s.reserve("ann"))
		state := other.state(core.Query{Shoppers: []string{"ann"}, Orders: []string{order.ID}})
		same(t, "found", len(state.Shoppers)+len(state.Orders), 0)
	})

	t.Run("hundreds of shoppers come in one query", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 1000})
		var shoppers []string
		var orders []*core.Order
		for n := range 600 {
			shoppers = append(shoppers, shopperName(n))
			if n%3 == 0 {
				orders = append(orders, s.order(shopperName(n)))
			}
		}
		s.apply(s.reserve(shoppers...))
		s.apply(s.plan(orders...))
		state := s.state(core.Query{Shoppers: shoppers})
		for n, shopper := range shoppers {
			found := state.Shoppers[shopper]
			same(t, shopper+"'s position", found.Reservation.Position, int64(n)+1)
			same(t, shopper+"'s claims", len(found.Claims), map[bool]int{true: 1}[n%3 == 0])
		}
	})

	t.Run("a context that ended is the error", func(t *testing.T) {
		s := openSale(t, store, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Load(ctx, core.Query{Campaign: s.campaign, Brand: brand, Shoppers: []string{"ann"}})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got the error %v", err)
		}
	})

	t.Run("every answer is from one snapshot while others write", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 1000})
		var orders []*core.Order
		var shoppers, ids []string
		for n := range 120 {
			order := s.order(shopperName(n))
			orders, shoppers, ids = append(orders, order), append(shoppers, order.Shopper), append(ids, order.ID)
		}
		whileWriting(t, func() {
			for i := 0; i < len(orders); i += 3 {
				s.apply(s.plan(orders[i : i+3]...))
			}
		}, func() {
			state := s.state(core.Query{Counters: true, Shoppers: shoppers, Orders: ids})
			taken := state.Counters[stock].Limit - state.Counters[stock].Remaining
			same(t, "orders", int64(len(state.Orders)), taken)
			same(t, "shoppers with claims", int64(len(state.Shoppers)), taken)
		})
	})
}

// whileWriting calls read again and again until write has returned, and once after.
func whileWriting(t *testing.T, write, read func()) {
	t.Helper()
	var done atomic.Bool
	inParallel(2, func(worker int) {
		if worker == 0 {
			defer done.Store(true)
			write()
			return
		}
		for !done.Load() {
			read()
		}
	})
	read()
}

func testDue(t *testing.T, store Store) {
	place := func(s *sale, shopper string, holdUntil int64) *core.Order {
		order := s.order(shopper)
		order.HoldUntil = holdUntil
		s.apply(s.plan(order))
		return order
	}
	due := func(s *sale, now int64, limit int) (shoppers []string) {
		orders, err := s.Due(t.Context(), s.key(), now, limit)
		must(t, err)
		for _, order := range orders {
			shoppers = append(shoppers, order.Shopper)
		}
		return shoppers
	}
	s, other := openSale(t, store, map[string]int64{stock: 10}), openSale(t, store, map[string]int64{stock: 10})
	late := place(s, "late", opening+3)
	place(s, "early", opening+1)
	middle := place(s, "middle", opening+2)
	place(s, "future", opening+9)
	place(other, "elsewhere", opening+1)

	t.Run("a hold that ends now has not ended before now", func(t *testing.T) {
		same(t, "due", due(s, opening+1, 10), []string(nil))
		same(t, "due", due(s, opening+2, 10), []string{"early"})
	})
	t.Run("the earliest come first", func(t *testing.T) {
		same(t, "due", due(s, opening+4, 10), []string{"early", "middle", "late"})
	})
	t.Run("no more come than were asked for", func(t *testing.T) {
		same(t, "due", due(s, opening+4, 2), []string{"early", "middle"})
	})
	t.Run("they are whole orders", func(t *testing.T) {
		orders, err := s.Due(t.Context(), s.key(), opening+4, 3)
		must(t, err)
		same(t, "order", orders[2], late)
	})
	t.Run("an order that is no longer placed is not due", func(t *testing.T) {
		s.apply(s.giveBack(middle))
		same(t, "due", due(s, opening+4, 10), []string{"early", "late"})
	})
	t.Run("an order that is held longer is due later", func(t *testing.T) {
		longer := *late
		longer.HoldUntil = opening + 20
		s.apply(&core.Plan{Campaign: s.campaign, Brand: brand, Moves: []core.Move{{Order: &longer}}})
		same(t, "due", due(s, opening+30, 10), []string{"early", "future", "late"})
	})
}
