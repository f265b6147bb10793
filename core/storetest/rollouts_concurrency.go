package storetest

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"hotdrop/core"
)

// counting are the limits of a sale that counts its orders.
func counting(units int64) map[string]int64 {
	return map[string]int64{stock: units, core.CounterOrders: core.Unbounded}
}

// placing is a plan with one order, which pins the epoch that it was decided under, and counts it.
func (s *sale) placing(epoch int64) *core.Plan {
	order := s.order(unique("shopper"))
	order.Quote = fmt.Appendf(nil, `{"engine":"2","epoch":%d,"facts":{"quantity":1}}`, epoch)
	plan := s.planUnder(epoch, order)
	plan.Counters = append([]core.Delta{{Counter: core.CounterOrders, Units: 1}}, plan.Counters...)
	return plan
}

func testRolloutFences(t *testing.T, store Store) {
	t.Run("a change that keeps epoch and limits leaves the counters alone", func(t *testing.T) {
		s := openSale(t, store, counting(10))
		s.apply(s.placing(1))
		before := s.book()
		s.record.Revision, s.record.Rollout = 2, fullRollout()
		must(t, s.SaveCampaign(t.Context(), s.change()))
		after := s.book()
		after.Rollouts = before.Rollouts
		same(t, "book", after, before)
		s.apply(s.placing(1))
		wantConflict(t, s.SaveCampaign(t.Context(), s.change()))
		rows, err := s.Rollouts(t.Context(), s.key(), 0, 9)
		must(t, err)
		same(t, "history", rows[0], s.entry(1))
	})

	t.Run("a change that keeps the epoch makes counters that are new", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		s.limits["quota/new"] = 3
		s.record.Revision = 2
		must(t, s.SaveCampaign(t.Context(), s.change()))
		same(t, "counter", s.book().Counters["quota/new"], counterRow{core.Counter{Limit: 3, Remaining: 3}, 1, 1})
	})

	t.Run("an audit finds an order that was decided under an epoch that was over", func(t *testing.T) {
		s := openSale(t, store, counting(10))
		s.apply(s.placing(1))
		s.next()
		s.apply(s.placing(2))
		same(t, "stale orders", s.stale(), int64(0))
		planted := s.placing(1)
		planted.Epoch = 2 // which nothing but a defect would say of it
		s.apply(planted)
		same(t, "stale orders", s.stale(), int64(1))
	})

	t.Run("every swap comes through while orders are placed, and its row says how many there were", func(t *testing.T) {
		s := openSale(t, store, counting(1_000_000))
		const swaps, placers = 40, 8
		var epoch, placed atomic.Int64
		epoch.Store(1)
		stop := make(chan struct{})
		inParallel(placers+1, func(worker int) {
			if worker == 0 {
				defer close(stop)
				s.swapOften(swaps, &epoch, &placed)
				return
			}
			for !closed(stop) {
				if s.tries(s.placing(epoch.Load())) {
					placed.Add(1)
				}
			}
		})
		s.checkHistory(swaps + 1)
		same(t, "stale orders", s.stale(), int64(0))
		if placed.Load() < swaps {
			t.Errorf("only %d orders were placed", placed.Load())
		}
	})
}

// stale audits the sale and returns how many orders came too late.
func (s *sale) stale() int64 {
	s.t.Helper()
	summary, err := core.Audit(s.t.Context(), s, []core.CampaignKey{s.key()}, func(core.Finding) {})
	must(s.t, err)
	return summary.StaleOrders
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// swapOften saves changes, two of three of them fenced, each as soon as an order was placed after the one before. None may
// ever be refused.
func (s *sale) swapOften(swaps int, epoch, placed *atomic.Int64) {
	for n := range swaps {
		for before := placed.Load(); placed.Load() == before; {
			continue
		}
		s.record.Revision++
		s.record.Rollout.Number++
		if n%3 > 0 {
			s.record.Epoch++
		}
		if err := s.SaveCampaign(s.t.Context(), s.change()); err != nil {
			s.t.Errorf("swap %d: %v", n, err)
			return
		}
		epoch.Store(s.record.Epoch)
	}
}

// checkHistory holds the rows of the history against the orders: before the first row of an epoch were placed exactly the orders
// that were decided under earlier ones.
func (s *sale) checkHistory(rows int) {
	s.t.Helper()
	history, err := s.Rollouts(s.t.Context(), s.key(), 0, rows+1)
	must(s.t, err)
	same(s.t, "rows", len(history), rows)
	slices.Reverse(history)
	b := s.book()
	b.check(s.t)
	for i, row := range history {
		earlier := int64(0)
		for _, order := range b.Orders {
			if epochOf(s.t, order) < row.Epoch {
				earlier++
			}
		}
		first := i == 0 || history[i-1].Epoch < row.Epoch
		if earlier > row.Orders || first && earlier != row.Orders {
			s.t.Errorf("revision %d came with %d orders, %d were decided before it", row.Revision, row.Orders, earlier)
		}
	}
}

// epochOf returns the epoch that the order pins.
func epochOf(t reporter, order *core.Order) (epoch int64) {
	t.Helper()
	_, err := fmt.Sscanf(string(order.Quote), `{"engine":"2","epoch":%d,`, &epoch)
	must(t, err)
	return epoch
}
