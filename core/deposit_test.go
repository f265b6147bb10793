package core_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

const depositPaid = 20_000

// ordering is a mechanic by which an order is paid in two parts.
func ordering() shows {
	return shows{"deposit": {core.HookQuote: asking(core.Effect{Kind: core.EffectDeposit, Amount: depositPaid, Credit: depositPaid + 5_000})}}
}

// carTotal is the price less what the deposit counts for beyond its amount.
const carTotal = 199_900 - 5_000

func withDeposits(terms core.DepositTerms) func(*core.Campaign) {
	return func(c *core.Campaign) {
		c.Deposits = terms
		if until := terms.BalanceUntil; !until.IsZero() && until.Before(c.Phases.Closed) {
			c.Items[0].Phases = core.Phases{Sale: c.Phases.Sale, Closed: until}
		}
	}
}

func TestADepositHoldsTheOrderUntilItsBalanceIsDue(t *testing.T) {
	until := opening.Add(40 * time.Minute)
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, ordering(), withDeposits(core.DepositTerms{BalanceUntil: until}))
		o := l.place("ann")
		if len(o.Dues) != 2 || o.Dues[0].Kind != core.DueDeposit || o.Dues[0].Amount != depositPaid ||
			o.Dues[1].Amount != carTotal-depositPaid || o.Dues[1].DueAt != until.UnixMilli() || o.Total != carTotal {
			t.Fatalf("placed = %+v", o)
		}
		l.topUp("ann", 1_000_000)
		first := l.pay(o, "p1")
		if first.State != core.OrderPlaced || first.TakesState != core.TakesOutstanding || first.HoldUntil != until.UnixMilli() {
			t.Errorf("after the deposit: %+v", first)
		}
		l.wantBalance("ann", 1_000_000-depositPaid)
		l.audit()
		l.clock.advance(39 * time.Minute) // longer than the hold
		_, err := l.Expire(t.Context(), "phone")
		must(t, err)
		second := l.pay(o, "p2")
		if second.State != core.OrderPaid || second.TakesState != core.TakesSpent || second.Dues[0].PaidAt == second.Dues[1].PaidAt {
			t.Errorf("after the balance: %+v", second)
		}
		again, _, err := l.Place(t.Context(), buy("ann", "k-ann"))
		must(t, err)
		if again.State != core.OrderPlaced || again.HoldUntil != o.HoldUntil || again.Dues[0] != o.Dues[0] || again.Dues[1] != o.Dues[1] {
			t.Errorf("the answer to the first request is now %+v, was %+v", again, o)
		}
		l.wantBalance("ann", 1_000_000-carTotal)
		l.audit()
	})
}

func TestABalanceIsByDefaultDueWhenTheCampaignCloses(t *testing.T) {
	l := newLife(t, sqliteStore(t), ordering(), nil)
	if o := l.place("ann"); o.Dues[1].DueAt != opening.Add(time.Hour).UnixMilli() {
		t.Errorf("due at %s", time.UnixMilli(o.Dues[1].DueAt))
	}
}

func TestADepositThatCoversTheTotalIsOnePayment(t *testing.T) {
	l := newLife(t, sqliteStore(t), ordering(), func(c *core.Campaign) { c.Items[0].Price = 10_000 })
	o := l.place("ann")
	if len(o.Dues) != 1 || o.Dues[0].Kind != core.DueFull || o.Dues[0].Amount != o.Total {
		t.Errorf("dues = %+v", o.Dues)
	}
}

func TestWhatBecomesOfADepositWhoseBalanceIsNotPaid(t *testing.T) {
	for _, tt := range []struct {
		name    string
		unpaid  core.Unpaid
		state   string
		balance int64
	}{
		{"it comes back by default", "", core.DueRefunded, 1_000_000},
		{"it comes back where the file says so", core.UnpaidRefund, core.DueRefunded, 1_000_000},
		{"it is kept where the file said so when the order was placed", core.UnpaidForfeit, core.DueForfeited, 1_000_000 - depositPaid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				l := newLife(t, s, ordering(), withDeposits(core.DepositTerms{Unpaid: tt.unpaid}))
				expiring, cancelled, untouched := l.place("ann"), l.place("bob"), l.place("eve")
				for _, o := range []*core.Order{expiring, cancelled} {
					l.topUp(o.Shopper, 1_000_000)
					l.pay(o, "p")
				}
				l.def = l.with(withDeposits(core.DepositTerms{Unpaid: core.UnpaidForfeit})) // which changes nothing for them
				_, err := l.apply(l.def)
				must(t, err)
				_, err = l.Cancel(t.Context(), payOf(cancelled, "c"))
				must(t, err)
				l.clock.advance(time.Hour + time.Second)
				for range 2 {
					_, err := l.Expire(t.Context(), "phone")
					must(t, err)
				}
				l.idle()
				if o := l.wantState(expiring, core.OrderExpired, core.TakesReturned); o.Dues[0].State != tt.state || o.Dues[1].State != core.DueOpen {
					t.Errorf("dues = %+v", o.Dues)
				}
				l.wantTold("ann", map[string]string{core.DueRefunded: " 元。", core.DueForfeited: " 元 不予退还"}[tt.state])
				l.wantState(cancelled, core.OrderCancelled, core.TakesReturned)
				l.wantState(untouched, core.OrderExpired, core.TakesReturned)
				l.wantBalance("ann", tt.balance)
				l.wantBalance("bob", tt.balance)
				if l.left() != 10 {
					t.Errorf("%d left", l.left())
				}
				l.audit()
			})
		})
	}
}

// TestMoneyThatComesTooLateForABalance lets the order expire while its balance is on the way.
func TestMoneyThatComesTooLateForABalance(t *testing.T) {
	for _, tt := range []struct {
		name    string
		unpaid  core.Unpaid
		stock   int64
		want    core.Code
		state   core.OrderState
		balance int64
	}{
		{"pays the order after all while a forfeited deposit still counts", core.UnpaidForfeit, 2, "", core.OrderPaid, 1_000_000 - carTotal},
		{"goes back with the deposit when the stock is gone", core.UnpaidForfeit, 1, core.CodeRefunded, core.OrderExpired, 1_000_000},
		{"goes back when the deposit went back", core.UnpaidRefund, 2, core.CodeRefunded, core.OrderExpired, 1_000_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				l := newLife(t, s, ordering(), func(c *core.Campaign) {
					withDeposits(core.DepositTerms{Unpaid: tt.unpaid, BalanceUntil: opening.Add(20 * time.Minute)})(c)
					c.Items[0].Stock = tt.stock
				})
				o := l.place("ann")
				l.topUp("ann", 1_000_000)
				l.pay(o, "p1")
				bank := &slowBank{meanwhile: func() {
					l.clock.advance(21 * time.Minute)
					_, err := l.Expire(context.Background(), "phone")
					must(t, err)
					_, err = l.apply(l.with(func(c *core.Campaign) { c.Deposits, c.Items[0].Phases = core.DepositTerms{}, core.Phases{} }))
					must(t, err)
					l.place("bob")
				}}
				node := l.another(s, func(p core.Provider) core.Provider {
					bank.Provider = p
					return bank
				})
				_, err := node.Pay(t.Context(), payOf(o, "p2"))
				wantCode(t, err, tt.want)
				l.idle()
				if now := l.order(o); now.State != tt.state {
					t.Errorf("the order is %s: %+v", now.State, now.Dues)
				}
				l.wantBalance("ann", tt.balance)
				l.audit()
			})
		})
	}
}

func TestABalanceAtTheDealerIsConfirmedByStaffOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, ordering(), withDeposits(core.DepositTerms{BalanceAt: core.BalanceDealer}))
		o, other := l.place("ann"), l.place("bob")
		confirm := func(o *core.Order, reference string) (*core.Order, error) {
			return l.ConfirmDue(context.Background(), core.StaffAction{
				Order: o.ID, Actor: core.Principal{ID: "dealer", Role: core.RoleBrand, Brand: "xiaomi"}, Kind: core.DueBalance,
				Reference: reference, Reason: "paid at the counter",
			})
		}
		_, err := confirm(o, "receipt 7")
		wantCode(t, err, core.CodeWrongState) // before the deposit
		for _, o := range []*core.Order{o, other} {
			l.topUp(o.Shopper, 1_000_000)
			l.pay(o, "p1")
		}
		_, err = l.Pay(t.Context(), payOf(o, "p2"))
		wantCode(t, err, core.CodeWrongState)
		for range 2 {
			paid, err := confirm(o, "receipt 7")
			must(t, err)
			if paid.State != core.OrderPaid || paid.TakesState != core.TakesSpent || paid.Dues[1].Payment != "dealer/receipt 7" {
				t.Errorf("paid = %+v", paid)
			}
		}
		_, err = confirm(o, "receipt 8")
		wantCode(t, err, core.CodeWrongState)
		_, err = confirm(other, "receipt 7")
		wantCode(t, err, core.CodeAlreadyUsed)
		_, err = confirm(other, " ")
		wantCode(t, err, core.CodeInvalid)
		l.wantBalance("ann", 1_000_000-depositPaid)
		l.audit()
		l.clock.advance(2 * time.Hour)
		_, err = confirm(other, "receipt 9")
		wantCode(t, err, core.CodeWrongState) // too late
		l.audit()
	})
}

// TestAReferenceConfirmsOneBalanceHoweverManyClaimIt lets dealers at two nodes enter one receipt for ten orders at once.
func TestAReferenceConfirmsOneBalanceHoweverManyClaimIt(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, ordering(), withDeposits(core.DepositTerms{BalanceAt: core.BalanceDealer}))
		nodes := []*core.Engine{l.Engine, l.another(s, nil)}
		var orders []*core.Order
		for i := range 10 {
			o := l.place(fmt.Sprintf("s%d", i))
			l.pays(o)
			orders = append(orders, o)
		}
		var rush sync.WaitGroup
		for i, o := range orders {
			rush.Go(func() {
				a := clerk(o)
				a.Kind, a.Reference = core.DueBalance, "receipt"
				if _, err := nodes[i%2].ConfirmDue(context.Background(), a); err != nil && core.CodeOf(err) != core.CodeAlreadyUsed {
					t.Error(err)
				}
			})
		}
		rush.Wait()
		paid := 0
		for _, o := range orders {
			if l.order(o).State == core.OrderPaid {
				paid++
			}
		}
		if paid != 1 {
			t.Errorf("one receipt paid for %d orders", paid)
		}
		l.audit()
	})
}

func TestADepositOfADealersOrderComesBackOverTheCounterItCameFrom(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, ordering(), withDeposits(core.DepositTerms{BalanceAt: core.BalanceDealer}))
		o := l.place("ann")
		l.pays(o)
		a := clerk(o)
		a.Kind, a.Reference = core.DueBalance, "receipt"
		_, err := l.ConfirmDue(t.Context(), a)
		must(t, err)
		refunded, err := l.RefundOrder(t.Context(), clerk(o))
		must(t, err)
		for _, due := range refunded.Dues {
			if due.State != core.DueRefunded {
				t.Errorf("due = %+v", due)
			}
		}
		l.idle()
		l.wantBalance("ann", 1_000_000) // the deposit; the balance was never the wallet's
		l.audit()
	})
}
