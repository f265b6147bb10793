package storetest

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"hotdrop/core"
)

// inParallel runs work once for each worker and waits for all.
func inParallel(workers int, work func(worker int)) {
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() { work(worker) })
	}
	all.Wait()
}

func testApplyLocked(t *testing.T, store Store) {
	t.Run("build sees every counter without asking, and what else was asked for", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 3})
		order := s.order("ann")
		s.apply(s.plan(order))
		q := core.Query{Campaign: s.campaign, Brand: brand, Shoppers: []string{"ann", "bob"}, Orders: []string{order.ID}}
		applied, err := s.ApplyLocked(t.Context(), q, func(state *core.State) (*core.Plan, error) {
			same(t, "epoch", state.Epoch, int64(1))
			same(t, "stock", state.Counters[stock], core.Counter{Limit: 3, Remaining: 2})
			same(t, "orders", state.Orders, map[string]*core.Order{order.ID: order})
			same(t, "shoppers", state.Shoppers, map[string]*core.ShopperState{"ann": {Claims: order.Claims}})
			return s.plan(s.order("bob")), nil
		})
		must(t, err)
		same(t, "remaining", applied.Remaining, map[string]int64{stock: 1})
		same(t, "stored", s.remaining(stock), int64(1))
	})

	t.Run("reservations get their positions", func(t *testing.T) {
		s := openSale(t, store, nil)
		s.apply(s.reserve("ann"))
		plan := s.reserve("bob", "cid")
		applied, err := s.ApplyLocked(t.Context(), core.Query{Campaign: s.campaign, Brand: brand}, func(*core.State) (*core.Plan, error) {
			return plan, nil
		})
		must(t, err)
		same(t, "reserved before", applied.Reserved, int64(1))
		same(t, "position", plan.Reservations[1].Position, int64(3))
	})

	t.Run("without a plan nothing is committed", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 3})
		applied, err := s.ApplyLocked(t.Context(), core.Query{Campaign: s.campaign, Brand: brand}, func(*core.State) (*core.Plan, error) {
			return nil, nil
		})
		must(t, err)
		if applied != nil {
			t.Errorf("no plan answers %+v", applied)
		}
		s.apply(s.plan(s.order("ann"))) // and no lock is left
	})

	t.Run("an error of build is the error, and nothing is committed", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 3})
		refusal := core.Errorf(core.CodeSoldOut, "sold out")
		_, err := s.ApplyLocked(t.Context(), core.Query{Campaign: s.campaign, Brand: brand}, func(*core.State) (*core.Plan, error) {
			return s.plan(s.order("ann")), refusal
		})
		if !errors.Is(err, refusal) {
			t.Fatalf("got the error %v", err)
		}
		same(t, "remaining", s.remaining(stock), int64(3))
		s.apply(s.plan(s.order("bob")))
	})

	t.Run("a plan that does not fit is a conflict, and nothing is committed", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 1})
		untouched := s.book()
		_, err := s.ApplyLocked(t.Context(), core.Query{Campaign: s.campaign, Brand: brand}, func(*core.State) (*core.Plan, error) {
			return s.plan(s.order("ann"), s.order("bob")), nil
		})
		wantConflict(t, err)
		same(t, "book", s.book(), untouched)
		s.apply(s.plan(s.order("cid")))
	})

	t.Run("nobody writes between what build saw and what it plans", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 25})
		var sold atomic.Int64
		inParallel(6, func(worker int) {
			for n := range 10 {
				order := s.order(shopperName(worker*10 + n))
				applied, err := s.ApplyLocked(t.Context(), core.Query{Campaign: s.campaign, Brand: brand}, func(state *core.State) (*core.Plan, error) {
					if state.Counters[stock].Remaining == 0 {
						return nil, nil
					}
					return s.plan(order), nil
				})
				if err != nil {
					t.Error(err)
				}
				if applied != nil {
					sold.Add(1)
				}
			}
		})
		same(t, "sold", sold.Load(), int64(25))
		s.book().check(t)
	})
}

func testConcurrency(t *testing.T, store Store) {
	t.Run("no more is sold than there is, and everything that there is", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 40})
		var sold atomic.Int64
		inParallel(8, func(worker int) {
			for n := range 12 {
				if s.tries(s.plan(s.order(shopperName(worker*100 + n)))) {
					sold.Add(1)
				}
			}
		})
		same(t, "sold", sold.Load(), int64(40))
		s.book().check(t)
	})

	t.Run("of the same claim at once one plan wins", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 1000})
		var won [20]atomic.Int64
		inParallel(6, func(int) {
			for n := range won {
				if s.tries(s.plan(s.order(shopperName(n)))) {
					won[n].Add(1)
				}
			}
		})
		for n := range won {
			same(t, shopperName(n)+"'s orders", won[n].Load(), int64(1))
		}
		s.book().check(t)
	})

	t.Run("plans that name the same keys in opposite order never deadlock", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10000, "quota/a": 10000})
		inParallel(4, func(worker int) {
			for round := range 15 {
				var orders []*core.Order
				for n := range 20 {
					orders = append(orders, s.order(shopperName(round*20+n), "quota/a", stock))
				}
				plan := s.plan(orders...)
				if worker%2 == 0 {
					slices.Reverse(plan.Orders)
					slices.Reverse(plan.Claims)
					slices.Reverse(plan.Counters)
				}
				s.tries(plan)
			}
		})
		b := s.book()
		b.check(t)
		same(t, "orders", len(b.Orders), 300)
	})

	t.Run("two sweepers of the same orders give back once", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 200})
		var orders []*core.Order
		for n := range 200 {
			orders = append(orders, s.order(shopperName(n)))
		}
		s.apply(s.plan(orders...))
		var swept atomic.Int64
		inParallel(4, func(worker int) {
			for at := 0; at < len(orders); at += 20 {
				some := slices.Clone(orders[at : at+20])
				if worker%2 == 0 {
					slices.Reverse(some)
				}
				if s.tries(s.giveBack(some...)) {
					swept.Add(20)
				}
			}
		})
		same(t, "given back", swept.Load(), int64(200))
		same(t, "remaining", s.remaining(stock), int64(200))
		s.book().check(t)
	})

	t.Run("payment and expiry of an order: one of them happens", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 40})
		for n := range 20 {
			order := s.order(shopperName(n))
			s.apply(s.plan(order))
			paid := *order
			paid.State, paid.TakesState = core.OrderPaid, core.TakesSpent
			plans := []*core.Plan{
				s.giveBack(order),
				{Campaign: s.campaign, Brand: brand, Moves: []core.Move{{Order: &paid}}},
			}
			var won atomic.Int64
			inParallel(2, func(worker int) {
				if s.tries(plans[worker]) {
					won.Add(1)
				}
			})
			same(t, "moves", won.Load(), int64(1))
		}
		s.book().check(t)
	})

	t.Run("locked and unlocked plans, sweeps and changes at once keep the books", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 60})
		inParallel(4, func(worker int) {
			for n := range 20 {
				s.mixed(worker, n)
			}
		})
		s.book().check(t)
	})
}

// tries applies the plan and reports whether it was; anything but a conflict fails the test.
func (s *sale) tries(plan *core.Plan) bool {
	_, err := s.Apply(s.t.Context(), plan)
	if err != nil && !errors.Is(err, core.ErrConflict) {
		s.t.Errorf("got the error %v, want none or a conflict", err)
	}
	return err == nil
}

// mixed is one step of the last test of concurrency.
func (s *sale) mixed(worker, n int) {
	order := s.order(shopperName(n)) // the same shoppers for every worker
	switch worker {
	case 0:
		if s.tries(s.plan(order)) && n%2 == 0 {
			s.tries(s.giveBack(order))
		}
	case 1:
		_, err := s.ApplyLocked(s.t.Context(), core.Query{Campaign: s.campaign, Brand: brand, Shoppers: []string{order.Shopper}},
			func(state *core.State) (*core.Plan, error) {
				if state.Counters[stock].Remaining == 0 || state.Shoppers[order.Shopper] != nil {
					return nil, nil
				}
				plan := s.plan(order)
				plan.Epoch = state.Epoch
				return plan, nil
			})
		if err != nil && !errors.Is(err, core.ErrConflict) {
			s.t.Error(err)
		}
	case 2:
		due, err := s.Due(s.t.Context(), s.key(), opening+20*minute, 3)
		if err != nil {
			s.t.Error(err)
		}
		s.tries(s.giveBack(due...))
	default:
		s.tries(s.reserve(order.Shopper))
	}
}
