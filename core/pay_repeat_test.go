package core_test

import (
	"context"
	"testing"
	"time"

	"hotdrop/core"
)

// crashes sends a payment to a node that dies when the money is taken and the order has not taken note of it.
func (l *life) crashes(o *core.Order, key string) {
	l.t.Helper()
	m := &mortal{Store: l.store}
	m.dies(func(*core.Plan) bool { return true })
	if _, err := l.another(m, nil).Pay(context.Background(), payOf(o, key)); err == nil {
		l.t.Fatal("the node lives")
	}
}

// paysMeanwhile pays with a key, and with another key between the charge and the note that the order takes of it.
func (l *life) paysMeanwhile(o *core.Order, key, other string) {
	l.t.Helper()
	bank := &slowBank{meanwhile: func() { l.pay(o, other) }}
	node := l.another(l.store, func(p core.Provider) core.Provider {
		bank.Provider = p
		return bank
	})
	_, err := node.Pay(context.Background(), payOf(o, key))
	must(l.t, err)
}

// sweeps lets a job finish what crashes left.
func (l *life) sweeps() {
	l.t.Helper()
	l.clock.advance(time.Minute)
	_, err := l.SettlePayments(context.Background())
	must(l.t, err)
}

func TestAPaymentThatAJobFinishedAnswersItsRepeat(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, nil, nil)
		o := l.place("ann")
		l.topUp("ann", 1_000_000)
		l.crashes(o, "p")
		l.sweeps()
		l.wantState(o, core.OrderPaid, core.TakesSpent)
		for range 2 {
			if again := l.pay(o, "p"); again.State != core.OrderPaid || again.Dues[0].State != core.DuePaid {
				t.Errorf("the repeat was answered with %+v", again)
			}
		}
		_, err := l.Pay(t.Context(), payOf(o, "another"))
		wantCode(t, err, core.CodeWrongState)
		l.wantBalance("ann", 1_000_000-o.Total)
		l.audit()
	})
}

// TestARepeatNeverPaysWhatIsDueNext pays a deposit in every way that can leave its request without an answer, and repeats
// the request: the balance is another payment, which needs another key.
func TestARepeatNeverPaysWhatIsDueNext(t *testing.T) {
	for _, tt := range []struct {
		name string
		pays func(l *life, o *core.Order)
		keys []string
	}{
		{"after a crash that a job has finished", func(l *life, o *core.Order) {
			l.crashes(o, "p1")
			l.sweeps()
		}, []string{"p1"}},
		{"after a crash that its own repeat has finished", func(l *life, o *core.Order) {
			l.crashes(o, "p1")
			l.pay(o, "p1")
		}, []string{"p1"}},
		{"after a crash that a request with another key has finished", func(l *life, o *core.Order) {
			l.crashes(o, "p1")
			l.pay(o, "p2")
			l.sweeps()
		}, []string{"p1", "p2"}},
		{"after two keys at once, of which the first one's payment comes to the order first", func(l *life, o *core.Order) {
			l.crashes(o, "p1")
			l.paysMeanwhile(o, "p2", "p1")
		}, []string{"p1", "p2"}},
		{"after two keys at once, of which the second one's payment comes to the order first", func(l *life, o *core.Order) {
			l.paysMeanwhile(o, "p1", "p2")
		}, []string{"p1", "p2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				l := newLife(t, s, ordering(), withDeposits(core.DepositTerms{}))
				o := l.place("ann")
				l.topUp("ann", 1_000_000)
				deposit := o.Dues[0].Amount
				tt.pays(l, o)
				for _, key := range append(tt.keys, tt.keys...) {
					again := l.pay(o, key)
					if again.Dues[0].State != core.DuePaid || again.Dues[1].State != core.DueOpen {
						t.Fatalf("the repeat of %s left %+v", key, again.Dues)
					}
					l.wantBalance("ann", 1_000_000-deposit)
				}
				if paid := l.pay(o, "balance"); paid.State != core.OrderPaid {
					t.Errorf("with the balance it is %s", paid.State)
				}
				for _, key := range append(tt.keys, "balance") {
					if again := l.pay(o, key); again.State != core.OrderPaid {
						t.Errorf("the repeat of %s is answered with %s", key, again.State)
					}
				}
				l.wantBalance("ann", 1_000_000-o.Total)
				l.audit()
			})
		})
	}
}

// TestAKeyThatWentToAnotherOrderStaysThere uses the key of a payment that crashed once more before a job finishes it.
func TestAKeyThatWentToAnotherOrderStaysThere(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, nil, func(c *core.Campaign) { c.Items[0].Limit = 2 })
		first := l.place("ann")
		second, _, err := l.Place(t.Context(), buy("ann", "k2"))
		must(t, err)
		l.topUp("ann", 1_000_000)
		l.crashes(first, "p")
		l.pay(second, "p")
		l.sweeps()
		l.wantState(first, core.OrderPaid, core.TakesSpent)
		if again := l.pay(second, "p"); again.ID != second.ID {
			t.Errorf("the key is of %s", again.ID)
		}
		_, err = l.Pay(t.Context(), payOf(first, "p"))
		wantCode(t, err, core.CodeIdempotencyMismatch)
		l.wantBalance("ann", 1_000_000-first.Total-second.Total)
		l.audit()
	})
}

func TestAPaymentIsOfTheRequestThatChargedItFirst(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		d.topUp("ann", 100)
		wallet := core.NewWallet(s, d.clock.now, nil)
		payment := core.Payment{ID: "pay/x/0", Campaign: "phone", Order: "x", Shopper: "ann", Brand: "xiaomi", Currency: "CNY", Amount: 60}
		for _, key := range []string{"first", "second", "first"} {
			payment.Request = key
			request, err := wallet.Charge(t.Context(), payment)
			if must(t, err); request != "first" {
				t.Errorf("charged for %q, the ledger says %q", key, request)
			}
		}
		d.clock.advance(time.Second)
		unsettled, err := wallet.Unsettled(t.Context(), d.clock.now().UnixMilli(), 10)
		if must(t, err); len(unsettled) != 1 || unsettled[0].Request != "first" {
			t.Errorf("unsettled %+v", unsettled)
		}
		payment.Amount = 1000
		_, err = wallet.Charge(t.Context(), payment)
		wantCode(t, err, core.CodeIdempotencyMismatch)
		if d.balance("ann") != 40 {
			t.Errorf("ann has %d", d.balance("ann"))
		}
	})
}
