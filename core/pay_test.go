package core_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

func (d *drop) topUp(shopper string, amount int64) {
	d.t.Helper()
	_, err := d.TopUp(context.Background(), core.TopUp{Shopper: shopper, Currency: "CNY", Amount: amount, Key: "topup"})
	must(d.t, err)
}

func (d *drop) balance(shopper string) int64 {
	d.t.Helper()
	balances, err := d.Wallet(context.Background(), shopper)
	must(d.t, err)
	return balances["CNY"]
}

func payOf(o *core.Order, key string) core.OrderAction {
	return core.OrderAction{Order: o.ID, Shopper: o.Shopper, Key: key}
}

func TestPayingTakesTheMoneyOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		o := d.place("ann")
		_, err := d.Pay(t.Context(), payOf(o, "p"))
		wantCode(t, err, core.CodeInsufficientFunds)
		d.topUp("ann", 500_000)
		paid, err := d.Pay(t.Context(), payOf(o, "p"))
		must(t, err)
		if paid.State != core.OrderPaid || paid.TakesState != core.TakesSpent || paid.Dues[0].State != core.DuePaid {
			t.Errorf("paid = %+v", paid)
		}
		again, err := d.Pay(t.Context(), payOf(o, "p"))
		must(t, err)
		if again.ID != o.ID || again.State != core.OrderPaid {
			t.Errorf("again = %+v", again)
		}
		_, err = d.Pay(t.Context(), payOf(o, "another"))
		wantCode(t, err, core.CodeWrongState)
		_, err = d.Pay(t.Context(), core.OrderAction{Order: o.ID, Shopper: "bob", Key: "p"})
		wantCode(t, err, core.CodeNotFound)
		_, err = d.Cancel(t.Context(), payOf(o, "c"))
		wantCode(t, err, core.CodeWrongState)
		if d.balance("ann") != 500_000-o.Total {
			t.Errorf("balance = %d", d.balance("ann"))
		}
		d.audit()
	})
}

func TestPayingAtManyPlacesAtOnceTakesTheMoneyOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		nodes := []*core.Engine{d.Engine, d.node(nil, nil)}
		var orders []*core.Order
		for i := range 8 {
			orders = append(orders, d.place(fmt.Sprintf("s%d", i)))
			d.topUp(fmt.Sprintf("s%d", i), 1_000_000)
		}
		var rush sync.WaitGroup
		for i := range 8 * 6 {
			rush.Go(func() {
				o := orders[i%8]
				_, err := nodes[i/8%2].Pay(context.Background(), payOf(o, fmt.Sprintf("k%d", i/16)))
				if code := core.CodeOf(err); code != "" && code != core.CodeInFlight && code != core.CodeWrongState {
					t.Error(err)
				}
			})
		}
		rush.Wait()
		for _, o := range orders {
			now, err := d.Order(t.Context(), o.ID, o.Shopper)
			must(t, err)
			if now.State != core.OrderPaid || d.balance(o.Shopper) != 1_000_000-o.Total {
				t.Errorf("%s is %s, balance %d", o.ID, now.State, d.balance(o.Shopper))
			}
		}
		d.audit()
	})
}

func TestAKeyOfAnotherOrdersPaymentIsRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, func(c *core.Campaign) { c.Items[0].Limit = 2 })
		first := d.place("ann")
		second, _, err := d.Place(t.Context(), buy("ann", "k2"))
		must(t, err)
		d.topUp("ann", 1_000_000)
		_, err = d.Pay(t.Context(), payOf(first, "p"))
		must(t, err)
		_, err = d.Pay(t.Context(), payOf(second, "p"))
		wantCode(t, err, core.CodeIdempotencyMismatch)
		d.audit()
	})
}

func TestTopUpsCountOncePerKey(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		top := core.TopUp{Shopper: "ann", Currency: "CNY", Amount: 700, Key: "k"}
		var rush sync.WaitGroup
		for range 10 {
			rush.Go(func() {
				if _, err := d.TopUp(context.Background(), top); err != nil && core.CodeOf(err) != core.CodeInFlight {
					t.Error(err)
				}
			})
		}
		rush.Wait()
		if got := d.balance("ann"); got != 700 {
			t.Errorf("balance = %d", got)
		}
		top.Amount = 800
		_, err := d.TopUp(t.Context(), top)
		wantCode(t, err, core.CodeIdempotencyMismatch)
		for _, none := range []string{"RMB", "XYZ", "cny", ""} {
			_, err = d.TopUp(t.Context(), core.TopUp{Shopper: "ann", Currency: none, Amount: 1, Key: "k" + none})
			wantCode(t, err, core.CodeInvalid)
		}
		top.Amount, top.Key = 0, "other"
		_, err = d.TopUp(t.Context(), top)
		wantCode(t, err, core.CodeInvalid)
		d.audit()
	})
}

func TestHoldsExpireOnceAndGiveEverythingBack(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		nodes := []*core.Engine{d.Engine, d.node(nil, nil), d.node(nil, nil)}
		for i := range 10 {
			d.place(fmt.Sprintf("s%d", i))
		}
		_, _, err := d.Place(t.Context(), buy("late", "k"))
		wantCode(t, err, core.CodeSoldOut)
		d.clock.advance(16 * time.Minute)
		var sweeps sync.WaitGroup
		var mu sync.Mutex
		expired := 0
		for _, node := range nodes {
			sweeps.Go(func() {
				n, err := node.Expire(context.Background(), "phone")
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				expired += n
			})
		}
		sweeps.Wait()
		if expired != 10 || d.left() != 10 {
			t.Errorf("expired %d, left %d", expired, d.left())
		}
		d.audit()
		d.place("late") // and what came back is on sale
		again, _, err := d.Place(t.Context(), buy("s1", "second"))
		must(t, err) // the limit's slot came back too
		if again.State != core.OrderPlaced {
			t.Errorf("again = %+v", again)
		}
		d.audit()
	})
}

func TestCancelGivesBackOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		o := d.place("ann")
		for range 2 {
			cancelled, err := d.Cancel(t.Context(), payOf(o, "c"))
			must(t, err)
			if cancelled.State != core.OrderCancelled || d.left() != 10 {
				t.Errorf("%s, %d left", cancelled.State, d.left())
			}
		}
		_, err := d.Cancel(t.Context(), payOf(o, "c2"))
		wantCode(t, err, core.CodeWrongState)
		_, err = d.Pay(t.Context(), payOf(o, "p"))
		wantCode(t, err, core.CodeWrongState)
		d.audit()
	})
}

// slowBank charges like the wallet and then lets something happen before the money is there.
type slowBank struct {
	core.Provider
	meanwhile func()
}

func (b *slowBank) Charge(ctx context.Context, p core.Payment) (string, error) {
	request, err := b.Provider.Charge(ctx, p)
	b.meanwhile()
	return request, err //nolint:wrapcheck // the wallet's own
}

func TestLateMoney(t *testing.T) {
	for _, tt := range []struct {
		name      string
		meanwhile func(d *drop)
		want      core.Code
		state     core.OrderState
		balance   int64
	}{
		{"takes everything again while it is there", func(*drop) {}, "", core.OrderPaid, 0},
		{"is refunded when the stock is gone", func(d *drop) { d.place("bob") }, core.CodeRefunded, core.OrderExpired, 199_900},
		{"is refunded when the shopper's limit went to another order", func(d *drop) {
			d.def = d.with(func(c *core.Campaign) { c.Items[0].Stock = 5 })
			_, err := d.apply(d.def)
			must(d.t, err)
			_, _, err = d.Place(context.Background(), buy("ann", "newer"))
			must(d.t, err)
		}, core.CodeRefunded, core.OrderExpired, 199_900},
		{"that was charged in time counts when the campaign is closed", func(d *drop) { d.clock.advance(time.Hour) }, "", core.OrderPaid, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				d := newDrop(t, s, nil, func(c *core.Campaign) { c.Items[0].Stock = 1 })
				o := d.place("ann")
				d.topUp("ann", 199_900)
				bank := &slowBank{meanwhile: func() {
					d.clock.advance(16 * time.Minute)
					_, err := d.Expire(context.Background(), "phone")
					must(t, err)
					tt.meanwhile(d)
				}}
				node := d.node(nil, func(p core.Provider) core.Provider {
					bank.Provider = p
					return bank
				})
				_, err := node.Pay(t.Context(), payOf(o, "p"))
				wantCode(t, err, tt.want)
				now, err := d.Order(t.Context(), o.ID, "ann")
				must(t, err)
				if now.State != tt.state || d.balance("ann") != tt.balance {
					t.Errorf("order %s, balance %d", now.State, d.balance("ann"))
				}
				d.audit()
			})
		})
	}
}

// forgetful loses every mark that a payment is settled, as a crash right after the refund does.
type forgetful struct{ core.Provider }

func (forgetful) Settled(string) {}

func TestARefundIsNeverUndone(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, func(c *core.Campaign) { c.Items[0].Stock = 1 })
		o := d.place("ann")
		d.topUp("ann", 199_900)
		var bobs *core.Order
		node := d.node(nil, func(p core.Provider) core.Provider {
			return &slowBank{Provider: forgetful{p}, meanwhile: func() {
				d.clock.advance(16 * time.Minute)
				_, err := d.Expire(context.Background(), "phone")
				must(t, err)
				bobs = d.place("bob")
			}}
		})
		_, err := node.Pay(t.Context(), payOf(o, "p"))
		wantCode(t, err, core.CodeRefunded)
		_, err = node.Pay(t.Context(), payOf(o, "p"))
		wantCode(t, err, core.CodeRefunded)
		_, err = d.Cancel(t.Context(), payOf(bobs, "c")) // the unit is back, and the payment still looks unsettled
		must(t, err)
		d.clock.advance(time.Minute)
		for _, sweeper := range []*core.Engine{d.Engine, node} {
			_, err := sweeper.SettlePayments(t.Context())
			must(t, err)
		}
		now, err := d.Order(t.Context(), o.ID, "ann")
		must(t, err)
		if now.State != core.OrderExpired || now.Dues[0].State != core.DueRefunded || d.balance("ann") != 199_900 || d.left() != 1 {
			t.Errorf("order %s, due %s, balance %d, %d left", now.State, now.Dues[0].State, d.balance("ann"), d.left())
		}
		d.audit()
	})
}

func TestAPaymentThatACrashLeftIsFinished(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, func(c *core.Campaign) { c.Items[0].Limit = 2 })
		paid := d.place("ann")
		cancelled, _, err := d.Place(t.Context(), buy("ann", "k2"))
		must(t, err)
		d.topUp("ann", 1_000_000)
		wallet := core.NewWallet(s, d.clock.now, nil)
		for _, o := range []*core.Order{paid, cancelled} {
			_, err := wallet.Charge(t.Context(), core.Payment{
				ID: "pay/" + o.ID + "/0", Campaign: "phone", Order: o.ID, Shopper: "ann", Brand: "xiaomi", Currency: "CNY", Amount: o.Total,
			})
			must(t, err)
		}
		_, err = d.Cancel(t.Context(), payOf(cancelled, "c"))
		must(t, err)
		if n, err := d.SettlePayments(t.Context()); n != 0 || err != nil {
			t.Errorf("a payment of this moment was looked at: %d, %v", n, err)
		}
		d.clock.advance(time.Minute)
		for _, node := range []*core.Engine{d.Engine, d.node(nil, nil)} {
			_, err := node.SettlePayments(t.Context())
			must(t, err)
		}
		now, err := d.Order(t.Context(), paid.ID, "ann")
		must(t, err)
		if now.State != core.OrderPaid || d.balance("ann") != 1_000_000-paid.Total {
			t.Errorf("order %s, balance %d", now.State, d.balance("ann"))
		}
		d.audit()
	})
}
