package core_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

// statesOf returns in which states the shopper's vouchers are, as the shopper sees them.
func (l *life) statesOf(shopper string) []string {
	l.t.Helper()
	page, err := l.Vouchers(l.t.Context(), shopper, "", 100)
	must(l.t, err)
	var states []string
	for _, v := range page.Data {
		states = append(states, v.State)
	}
	slices.Sort(states)
	return states
}

func (l *life) refund(o *core.Order) {
	l.t.Helper()
	_, err := l.RefundOrder(l.t.Context(), clerk(o))
	must(l.t, err)
}

// giving is a campaign whose mechanic grants two vouchers for every order and takes off what they are worth.
func giving() shows {
	return shows{"give": {
		core.HookQuote: func(f *core.Facts) ([]core.Effect, error) {
			if f.Voucher.Code == "" {
				return nil, nil
			}
			return []core.Effect{{Kind: core.EffectDiscount, Amount: f.Voucher.Value}}, nil
		},
		core.HookPaid: asking(core.Effect{Kind: core.EffectGrant, Name: "thanks", Units: 2}),
	}}
}

func TestAVoucherOfARefundedOrderIsWorthNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, giving(), func(c *core.Campaign) { withPool(10)(c); c.Items[0].Limit = 0 })
		o := l.place("ann")
		l.pays(o)
		l.idle()
		codes := l.documents(core.DocumentVoucher)
		_, _, err := l.Place(t.Context(), redeem("bob", "k", codes[0].ID)) // ann gave it away
		must(t, err)
		l.refund(o)
		l.idle()
		if states := l.statesOf("ann"); !slices.Equal(states, []string{core.VoucherHeld, core.VoucherVoid}) {
			t.Errorf("the vouchers are %v", states)
		}
		for range 10 { // who holds a void code guesses nothing: it counts as no wrong one
			_, _, err = l.Place(t.Context(), redeem("cid", "k", codes[1].ID))
			wantCode(t, err, core.CodeVoucherInvalid)
		}
		if left := l.counter(core.PoolCounter("thanks")).Remaining; left != 8 {
			t.Errorf("the pool has %d left: what was granted stays spent", left)
		}
		if tasks := l.tasks(); len(tasks) > 0 {
			t.Errorf("tasks = %+v", tasks)
		}
		l.audit()
	})
}

func TestAPaidTaskOfARefundedOrderGrantsNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, granting("thanks"), withPool(1))
		first, o := l.place("ann"), l.place("bob")
		l.pays(first)
		l.idle() // takes the only voucher
		l.pays(o)
		l.idle()
		if tasks := l.tasks(); len(tasks) != 1 {
			t.Fatalf("tasks = %+v", tasks)
		}
		l.refund(o)
		l.Idle()
		if tasks := l.tasks(); len(tasks) != 0 {
			t.Errorf("there is still to do: %+v", tasks)
		}
		_, err := l.apply(l.with(withPool(5)))
		must(t, err)
		l.clock.advance(10 * time.Minute)
		l.idle()
		if states := l.statesOf("bob"); len(states) != 0 {
			t.Errorf("bob has vouchers: %v", states)
		}
		l.audit()
	})
}

// TestATaskThatIsLeftOfARefundedOrderIsDropped has the task survive, as it did before refunds removed it.
func TestATaskThatIsLeftOfARefundedOrderIsDropped(t *testing.T) {
	l := newLife(t, sqliteStore(t), granting("thanks"), withPool(10))
	o := l.place("ann")
	l.pays(o)
	l.idle()
	l.refund(o)
	l.idle()
	task := &core.Document{
		Kind: core.DocumentTask, ID: "paid/" + o.ID + "/again", State: core.TaskOpen, Due: 1,
		Content: []byte(`{"what":"paid","subject":"` + o.ID + `"}`),
	}
	_, err := l.store.Apply(t.Context(), &core.Plan{Campaign: "phone", Brand: "xiaomi", Documents: []*core.Document{task}})
	must(t, err)
	l.idle()
	if states, tasks := l.statesOf("ann"), l.tasks(); !slices.Equal(states, []string{core.VoucherVoid}) || len(tasks) != 0 {
		t.Errorf("vouchers %v, tasks %+v", states, tasks)
	}
}

// TestAVoucherIsRedeemedOrVoidHoweverItsOrderIsRefunded refunds orders while their vouchers are redeemed and their tasks are
// done on two nodes.
func TestAVoucherIsRedeemedOrVoidHoweverItsOrderIsRefunded(t *testing.T) {
	const orders = 8
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, giving(), func(c *core.Campaign) { withPool(100)(c); c.Items[0].Limit, c.Items[0].Stock = 0, 1000 })
		other := l.another(s, nil)
		ctx := context.Background()
		var placed []*core.Order
		for i := range orders {
			o := l.place(fmt.Sprint("s", i))
			l.topUp(o.Shopper, 1_000_000)
			l.pay(o, "p")
			if placed = append(placed, o); i < orders/2 {
				l.Idle() // of the others the task is under way
			}
		}
		var all sync.WaitGroup
		for i, d := range l.documents(core.DocumentVoucher) {
			all.Go(func() { _, _, _ = other.Place(ctx, redeem("bob", fmt.Sprint("k", i), d.ID)) })
		}
		for _, o := range placed {
			all.Go(func() {
				if _, err := l.RefundOrder(ctx, clerk(o)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		other.Idle()
		l.idle()
		for _, o := range placed {
			if states := l.statesOf(o.Shopper); slices.Contains(states, core.VoucherGranted) {
				t.Errorf("the vouchers of %s are %v", o.Shopper, states)
			}
		}
		l.audit()
	})
}

func TestTheAuditKnowsWhichVouchersAreVoid(t *testing.T) {
	for name, tt := range map[string]struct {
		refund bool
		change func(d *core.Document)
		want   string
	}{
		"void without a refund":        {false, func(d *core.Document) { d.State = core.VoucherVoid }, "not refunded"},
		"worth something after refund": {true, func(d *core.Document) { d.State = core.VoucherGranted }, "claims it"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t, sqliteStore(t), granting("thanks"), withPool(10))
			o := l.place("ann")
			l.pays(o)
			l.idle()
			if tt.refund {
				l.refund(o)
				l.idle()
			}
			d := l.documents(core.DocumentVoucher)[0]
			tt.change(d)
			_, err := l.store.Apply(t.Context(), &core.Plan{Campaign: "phone", Brand: "xiaomi", Documents: []*core.Document{d}})
			must(t, err)
			l.wantFinding(tt.want)
		})
	}
}

// wantFinding requires a finding of the audit that says so.
func (l *life) wantFinding(want string) {
	l.t.Helper()
	var found []string
	_, err := core.Audit(context.Background(), l.store, []core.CampaignKey{{Brand: "xiaomi", ID: "phone"}}, func(f core.Finding) { found = append(found, f.Detail) })
	must(l.t, err)
	if !slices.ContainsFunc(found, func(detail string) bool { return strings.Contains(detail, want) }) {
		l.t.Errorf("the audit finds %q, and nothing of %q", found, want)
	}
}
