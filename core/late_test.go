package core_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"hotdrop/core"
)

// finds lets the jobs do what is due: first the holds, then, when they look at them, the payments.
func (l *life) finds() {
	l.t.Helper()
	_, err := l.Expire(l.t.Context(), "phone")
	must(l.t, err)
	l.clock.advance(31 * time.Second)
	_, err = l.SettlePayments(l.t.Context())
	allow(l.t, err, core.CodeInFlight) // the refund's task may be at it
	_, err = l.Expire(l.t.Context(), "phone")
	must(l.t, err)
	l.idle()
}

func TestABalanceThatWasChargedInTimeCountsWheneverTheOrderTakesNote(t *testing.T) {
	for _, tt := range []struct {
		name    string
		others  int // who buy what the order gave back
		state   core.OrderState
		balance int64
	}{
		{"it pays the order after the close", 0, core.OrderPaid, 1_000_000 - carTotal},
		{"it goes back with the forfeited deposit when the stock is gone", 1, core.OrderExpired, 1_000_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				l := newLife(t, s, ordering(), func(c *core.Campaign) {
					withDeposits(core.DepositTerms{Unpaid: core.UnpaidForfeit, BalanceUntil: opening.Add(20 * time.Minute)})(c)
					c.Items[0].Stock = 1
				})
				o := l.pays(l.place("ann"))
				l.clock.advance(20*time.Minute - time.Second)
				l.crashes(o, "p2")
				l.wantBalance("ann", 1_000_000-carTotal)
				l.clock.advance(2 * time.Second)
				_, err := l.Expire(t.Context(), "phone")
				must(t, err)
				if now := l.order(o); now.Dues[0].State != core.DueForfeited {
					t.Errorf("the deposit is %s before the balance is found", now.Dues[0].State)
				}
				_, err = l.apply(l.with(func(c *core.Campaign) { c.Deposits, c.Items[0].Phases = core.DepositTerms{}, core.Phases{} }))
				must(t, err)
				for range tt.others {
					other := l.pays(l.place("bob"))
					l.pay(other, "p2")
				}
				l.clock.advance(time.Hour) // the campaign is closed
				l.finds()
				if now := l.order(o); now.State != tt.state {
					t.Errorf("the order is %s: %+v", now.State, now.Dues)
				}
				l.wantBalance("ann", tt.balance)
				l.audit()
			})
		})
	}
}

func TestMoneyThatWasChargedTooLateGoesBackOnceTheCampaignIsClosed(t *testing.T) {
	l := newLife(t, sqliteStore(t), nil, nil)
	o := l.place("ann")
	l.topUp("ann", 1_000_000)
	l.clock.advance(16 * time.Minute)
	_, err := core.NewWallet(l.store, l.clock.now, nil).Charge(t.Context(), core.Payment{
		ID: "pay/" + o.ID + "/0", Campaign: o.Campaign, Order: o.ID, Shopper: "ann", Brand: o.Brand, Currency: o.Currency, Amount: o.Total,
	})
	must(t, err)
	l.clock.advance(time.Hour)
	l.finds()
	l.wantState(o, core.OrderExpired, core.TakesReturned)
	l.wantBalance("ann", 1_000_000)
	l.audit()
}

// TestADepositThatIsSettledWhenItsBalanceIsOverdueComesBack charges a deposit in time, and lets the jobs find it after the
// balance's time, before or after the order has expired.
func TestADepositThatIsSettledWhenItsBalanceIsOverdueComesBack(t *testing.T) {
	for name, expires := range map[string]bool{"the order has expired": true, "the order is still placed": false} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				l := newLife(t, s, ordering(), withDeposits(core.DepositTerms{
					BalanceUntil: opening.Add(16 * time.Minute), Unpaid: core.UnpaidForfeit,
				}))
				o := l.place("ann")
				l.topUp("ann", 1_000_000)
				l.clock.advance(15*time.Minute - time.Second)
				l.crashes(o, "p1")
				l.clock.advance(2 * time.Minute)
				if expires {
					_, err := l.Expire(t.Context(), "phone")
					must(t, err)
				}
				_, err := l.SettlePayments(t.Context())
				allow(t, err, core.CodeInFlight) // the refund's task may be at it
				l.finds()
				if now := l.wantState(o, core.OrderExpired, core.TakesReturned); now.Dues[0].State != core.DueRefunded {
					t.Errorf("dues = %+v", now.Dues)
				}
				l.wantBalance("ann", 1_000_000)
				l.audit()
			})
		})
	}
}

// TestAWalletPaymentOfABalanceThatWasPaidAtTheDealerGoesBackAlone lets the dealer confirm a balance whose charge is on its
// way: the order stays paid by the dealer.
func TestAWalletPaymentOfABalanceThatWasPaidAtTheDealerGoesBackAlone(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, ordering(), nil)
		o := l.pays(l.place("ann"))
		l.crashes(o, "p2")
		l.wantBalance("ann", 1_000_000-carTotal)
		_, err := l.apply(l.with(withDeposits(core.DepositTerms{BalanceAt: core.BalanceDealer})))
		must(t, err)
		a := clerk(o)
		a.Kind, a.Reference = core.DueBalance, "r7"
		_, err = l.ConfirmDue(t.Context(), a)
		must(t, err)
		l.finds()
		if now := l.wantState(o, core.OrderPaid, core.TakesSpent); now.Dues[1].State != core.DuePaid || now.Dues[1].Payment != "dealer/r7" {
			t.Errorf("the dealer's due is now %+v", now.Dues[1])
		}
		l.wantBalance("ann", 1_000_000-depositPaid)
		l.audit()
	})
}

func TestAPaymentThatIsForNoneOfTheOrdersDuesGoesBack(t *testing.T) {
	l := newLife(t, sqliteStore(t), nil, nil)
	o := l.pays(l.place("ann"))
	_, err := core.NewWallet(l.store, l.clock.now, nil).Charge(t.Context(), core.Payment{
		ID: "pay/" + o.ID + "/7", Campaign: o.Campaign, Order: o.ID, Shopper: "ann", Brand: o.Brand, Currency: o.Currency, Amount: 5,
	})
	must(t, err)
	l.finds()
	l.wantState(o, core.OrderPaid, core.TakesSpent)
	l.wantBalance("ann", 1_000_000-o.Total)
	l.audit()
}

func TestTheKeyThatPaidTheDepositNeverPaysTheBalance(t *testing.T) {
	l := newLife(t, sqliteStore(t), ordering(), nil)
	o := l.place("ann")
	l.topUp("ann", 1_000_000)
	for range 2 {
		paid := l.pay(o, "same")
		if paid.Dues[0].State != core.DuePaid || paid.Dues[1].State != core.DueOpen {
			t.Errorf("dues = %+v", paid.Dues)
		}
	}
	l.wantBalance("ann", 1_000_000-depositPaid)
	l.audit()
}

// earlier is a store of campaigns whose balances are due five minutes after the opening, as files of earlier versions could
// say.
type earlier struct{ core.CampaignStore }

func (e earlier) Campaign(ctx context.Context, id string) (*core.CampaignRecord, error) {
	record, err := e.CampaignStore.Campaign(ctx, id)
	if record != nil {
		record.Definition.Deposits.BalanceUntil = opening.Add(5 * time.Minute)
	}
	return record, err //nolint:wrapcheck // the store's own
}

func TestAnOrderWithADepositNeedsTimeForItsBalance(t *testing.T) {
	l := newLife(t, sqliteStore(t), ordering(), nil)
	node := core.NewEngine(core.Options{
		Store: l.store, Campaigns: earlier{l.store}, Ledger: l.store, Compiler: l.shows, Now: l.clock.now, Log: slog.New(slog.DiscardHandler),
	})
	must(t, node.Start(t.Context()))
	t.Cleanup(node.Stop)
	_, _, err := node.Place(t.Context(), buy("ann", "k"))
	must(t, err)
	l.clock.advance(5 * time.Minute)
	_, _, err = node.Place(t.Context(), buy("bob", "k"))
	wantCode(t, err, core.CodeNotInPhase)
	_, err = node.Quote(t.Context(), buy("bob", "k"))
	wantCode(t, err, core.CodeNotInPhase)
}
