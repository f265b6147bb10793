package core_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

// TestTheLastTwoSeatsArePaidAtOnce lets the last two members pay at the same instant on two nodes, again and again.
func TestTheLastTwoSeatsArePaidAtOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newGroups(t, s, 3)
		nodes := []*core.Engine{l.Engine, l.another(s, nil)}
		var all []*core.Order
		for round := range 10 {
			name := func(i int) string { return fmt.Sprintf("r%d-%d", round, i) }
			first, id := l.opens(name(0))
			orders := []*core.Order{first, l.joins(name(1), id), l.joins(name(2), id)}
			l.pays(first)
			var rush sync.WaitGroup
			for i, o := range orders[1:] {
				l.topUp(o.Shopper, 1_000_000)
				rush.Go(func() {
					if _, err := nodes[i].Pay(context.Background(), payOf(o, "p")); err != nil {
						t.Error(err)
					}
				})
			}
			rush.Wait()
			all = append(all, orders...)
		}
		l.idle()
		for _, o := range all {
			wantCondition(t, l.wantState(o, core.OrderPaid, core.TakesSpent), core.ConditionMet)
		}
		l.audit()
	})
}

// TestTwoHundredShoppersJoinAtOnce lets them run for the seats of one group at two nodes.
func TestTwoHundredShoppersJoinAtOnce(t *testing.T) {
	const size, shoppers = 20, 200
	eachStore(t, func(t *testing.T, s store) {
		l := newGroups(t, s, size)
		nodes := []*core.Engine{l.Engine, l.another(s, nil)}
		_, id := l.opens("leader")
		var mu sync.Mutex
		joined := 1
		var rush sync.WaitGroup
		for i := range shoppers {
			rush.Go(func() {
				_, _, err := nodes[i%2].Place(context.Background(), joining(fmt.Sprintf("s%03d", i), id))
				if err != nil && core.CodeOf(err) != core.CodeGroupFull {
					t.Error(err)
				}
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					joined++
				}
			})
		}
		rush.Wait()
		if joined != size || l.left() != 1000-size {
			t.Errorf("%d joined a group of %d, %d left", joined, size, l.left())
		}
		l.wantGroup(id, core.GroupOpen, size)
		l.audit()
	})
}

// TestTwoNodesResolveTheSameGroup lets groups fail, and later their offers end, under the eyes of three nodes.
func TestTwoNodesResolveTheSameGroup(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newGroups(t, s, 3)
		nodes := []*core.Engine{l.Engine, l.another(s, nil), l.another(s, nil)}
		var orders []*core.Order
		for i := range 5 {
			o, id := l.opens(fmt.Sprintf("a%d", i))
			orders = append(orders, o, l.joins(fmt.Sprintf("b%d", i), id))
		}
		for _, o := range orders {
			l.pays(o)
		}
		for range 2 { // the groups' time is over, then that of their offers
			l.clock.advance(groupOffers)
			var sweeps sync.WaitGroup
			for _, node := range nodes {
				sweeps.Go(func() {
					if _, err := node.Work(context.Background(), "phone"); err != nil {
						t.Error(err)
					}
				})
			}
			sweeps.Wait()
			l.audit()
		}
		l.idle()
		for _, o := range orders {
			l.wantState(o, core.OrderRefunded, core.TakesReturned)
			l.wantBalance(o.Shopper, 1_000_000)
			if told := l.told(o.Shopper); len(told) != 2 {
				t.Errorf("%s was told %q", o.Shopper, told)
			}
		}
		l.audit()
	})
}

// TestANodeDiesBetweenAnyTwoSteps runs a group through completion, and another through failure, on nodes of which each
// dies at one more of the plans that it writes. Another node then finds everything that was left.
func TestANodeDiesBetweenAnyTwoSteps(t *testing.T) {
	for steps := range 10 {
		t.Run(fmt.Sprintf("after %d plans", steps), func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				l := newGroups(t, s, 2)
				first, complete := l.opens("a")
				second := l.joins("b", complete)
				alone, failing := l.opens("c")
				for _, o := range []*core.Order{first, second, alone} {
					l.topUp(o.Shopper, 1_000_000)
				}
				dying := &mortal{Store: s}
				written := 0
				dying.dies(func(*core.Plan) bool {
					written++
					return written > steps
				})
				node := l.another(dying, nil)
				for _, o := range []*core.Order{first, second, alone} {
					_, _ = node.Pay(t.Context(), payOf(o, "p"))
				}
				l.clock.advance(groupLasts / 2)
				_, _ = node.Work(t.Context(), "phone")
				node.Stop()
				_, err := l.SettlePayments(t.Context())
				must(t, err)
				l.idle()
				l.wantGroup(complete, core.GroupComplete, 2)
				l.clock.advance(groupLasts)
				dying2 := &mortal{Store: s}
				dying2.dies(func(*core.Plan) bool { return steps%2 == 0 })
				_, _ = l.another(dying2, nil).Work(t.Context(), "phone")
				l.idle()
				l.wantGroup(failing, core.GroupFailed, 1)
				l.clock.advance(groupOffers)
				l.idle()
				l.idle()
				for _, o := range []*core.Order{first, second} {
					wantCondition(t, l.wantState(o, core.OrderPaid, core.TakesSpent), core.ConditionMet)
					l.wantBalance(o.Shopper, 1_000_000-groupPrice)
				}
				l.wantState(alone, core.OrderRefunded, core.TakesReturned)
				l.wantBalance("c", 1_000_000)
				if granted := len(l.documents(core.DocumentVoucher)); granted != 2 {
					t.Errorf("%d vouchers", granted)
				}
				l.audit()
			})
		})
	}
}

// TestLateMoneyForASeatGoesBack lets the member's order expire while its money is on the way: its group has gone on
// without it.
func TestLateMoneyForASeatGoesBack(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newGroups(t, s, 2)
		o, id := l.opens("ann")
		l.topUp("ann", 1_000_000)
		node := l.another(s, func(p core.Provider) core.Provider {
			return &slowBank{Provider: p, meanwhile: func() {
				l.clock.advance(16 * time.Minute)
				_, err := l.Expire(context.Background(), "phone")
				must(t, err)
			}}
		})
		_, err := node.Pay(t.Context(), payOf(o, "p"))
		wantCode(t, err, core.CodeRefunded)
		l.idle()
		l.wantState(o, core.OrderExpired, core.TakesReturned)
		l.wantBalance("ann", 1_000_000)
		l.wantGroup(id, core.GroupOpen, 0)
		l.audit()
	})
}

// TestADifferenceOnItsWayWhenTheOfferEndsGoesBack refunds the order while the difference is being charged.
func TestADifferenceOnItsWayWhenTheOfferEndsGoesBack(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newGroups(t, s, 3)
		orders, _ := l.failed()
		node := l.another(s, func(p core.Provider) core.Provider {
			return &slowBank{Provider: p, meanwhile: func() {
				l.clock.advance(groupOffers)
				_, err := l.Work(context.Background(), "phone")
				must(t, err)
			}}
		})
		_, err := node.Pay(t.Context(), payOf(orders[0], "difference"))
		wantCode(t, err, core.CodeRefunded)
		l.idle()
		l.idle()
		for _, o := range orders {
			l.wantState(o, core.OrderRefunded, core.TakesReturned)
			l.wantBalance(o.Shopper, 1_000_000)
		}
		l.audit()
	})
}
