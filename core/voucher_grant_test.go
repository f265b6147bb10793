package core_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
)

// oneCent grants a voucher once an order is paid.
func oneCent() promotions {
	return promoting([]core.Hook{core.HookQuote, core.HookPaid}, nil, func(hook core.Hook, _ *core.Facts) []core.Effect {
		if hook == core.HookPaid {
			return []core.Effect{{Kind: core.EffectGrant, Name: "fifty", Units: 1}}
		}
		return []core.Effect{{Kind: core.EffectPrice, Amount: 1}}
	})
}

// oneCentDrop is a campaign that sells each shopper one thing for a cent, and keeps every task that is written.
func oneCentDrop(t *testing.T, s store, pool int64) (d *drop, other *core.Engine, tasks *taskRecorder) {
	t.Helper()
	tasks = &taskRecorder{Store: s}
	d, _ = newPromotion(t, s, oneCent(), func(c *core.Campaign) {
		c.Items[0].Limit = 1
		c.VoucherPools["fifty"] = core.VoucherPool{Count: pool, Value: 5_000}
	})
	recorded := func(o *core.Options) { o.Store = tasks }
	d.Engine = d.engine(oneCent(), recorded)
	other = d.engine(oneCent(), recorded)
	return d, other, tasks
}

// taskRecorder remembers the tasks that are written, as a node would that was held up after it read them.
type taskRecorder struct {
	core.Store

	mu   sync.Mutex
	seen []*core.Document
}

func (r *taskRecorder) Apply(ctx context.Context, plan *core.Plan) (*core.Applied, error) {
	var written []*core.Document
	for _, d := range plan.Documents {
		if d.Kind == core.DocumentTask && d.Revision == 0 {
			read := *d
			read.Revision = 1
			written = append(written, &read)
		}
	}
	applied, err := r.Store.Apply(ctx, plan)
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seen = append(r.seen, written...)
	}
	return applied, err
}

func (r *taskRecorder) all() []*core.Document {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

func (d *drop) fund(id string) {
	d.t.Helper()
	_, err := d.TopUp(d.t.Context(), core.TopUp{Shopper: id, Currency: "CNY", Amount: 1_000, Key: "t"})
	must(d.t, err)
}

// workAll lets both nodes sweep until nothing is due.
func (d *drop) workAll(nodes ...*core.Engine) {
	d.t.Helper()
	d.clock.advance(10 * time.Minute)
	var sweeps sync.WaitGroup
	for _, e := range nodes {
		sweeps.Go(func() {
			if _, err := e.Work(context.Background(), "phone"); err != nil {
				d.t.Error(err)
			}
		})
	}
	sweeps.Wait()
}

// TestPinduoduoAClaimWithoutLimitGrantsOneVoucherPerShopper is the incident of a marketplace whose 100-yuan coupon could be claimed
// again and again: one shopper claims 500 times at once at two nodes, pays 50 times at once, and what follows the payment
// is worked on 200 times.
func TestPinduoduoAClaimWithoutLimitGrantsOneVoucherPerShopper(t *testing.T) {
	const claims = 500
	eachStore(t, func(t *testing.T, s store) {
		d, other, tasks := oneCentDrop(t, s, 1000)
		nodes := []*core.Engine{d.Engine, other}
		var order atomic.Pointer[core.Order]
		var claimed, paid sync.WaitGroup
		for i := range claims {
			claimed.Go(func() {
				o, _, err := nodes[i%2].Place(context.Background(), buy("ann", fmt.Sprint("k", i)))
				switch core.CodeOf(err) {
				case "":
					if other := order.Swap(o); other != nil {
						t.Errorf("orders %s and %s", other.ID, o.ID)
					}
				case core.CodeLimitReached:
				default:
					t.Errorf("claim %d: %v", i, err)
				}
			})
		}
		claimed.Wait()
		d.fund("ann")
		for i := range 50 {
			paid.Go(func() { // most are told that there is nothing to pay
				_, _ = nodes[i%2].Pay(context.Background(), core.OrderAction{Order: order.Load().ID, Shopper: "ann", Key: fmt.Sprint("p", i)})
			})
		}
		paid.Wait()
		_, _ = d.Pay(t.Context(), core.OrderAction{Order: order.Load().ID, Shopper: "ann", Key: "again"})
		d.workAll(nodes...)
		if n := len(tasks.all()); n != 1 {
			t.Errorf("%d tasks for one payment", n)
		}
		var replays sync.WaitGroup
		for i := range 200 {
			replays.Go(func() {
				if err := nodes[i%2].WorkOn(context.Background(), "phone", tasks.all()); err != nil {
					t.Error(err)
				}
			})
		}
		replays.Wait()
		d.workAll(nodes...)
		got := d.vouchers("ann")
		if len(got) != 1 || got[0].Source != order.Load().ID || got[0].Value != 5_000 {
			t.Errorf("ann has %+v", got)
		}
		if pool := d.counter(core.PoolCounter("fifty")); pool.Limit-pool.Remaining != 1 {
			t.Errorf("%d granted", pool.Limit-pool.Remaining)
		}
		if wallet, err := d.Wallet(t.Context(), "ann"); err != nil || wallet["CNY"] != 999 {
			t.Errorf("the wallet holds %v: %v", wallet, err)
		}
		d.audit()
	})
}

func TestAPoolThatIsUsedUpGrantsAgainWhenItIsRaised(t *testing.T) {
	const shoppers, pool = 12, 5
	eachStore(t, func(t *testing.T, s store) {
		d, other, _ := oneCentDrop(t, s, pool)
		var rush sync.WaitGroup
		for i := range shoppers {
			id := fmt.Sprint("s", i)
			d.fund(id)
			rush.Go(func() {
				o := d.place(id)
				_, err := d.Pay(context.Background(), core.OrderAction{Order: o.ID, Shopper: id, Key: "p"})
				must(t, err)
			})
		}
		rush.Wait()
		granted := func() (n int) {
			for i := range shoppers {
				mine := len(d.vouchers(fmt.Sprint("s", i)))
				if mine > 1 {
					t.Errorf("s%d has %d vouchers", i, mine)
				}
				n += mine
			}
			return n
		}
		d.workAll(d.Engine, other)
		if n := granted(); n != pool {
			t.Errorf("%d of %d granted", n, pool)
		}
		d.audit()
		_, err := d.apply(d.with(func(c *core.Campaign) {
			c.VoucherPools = map[string]core.VoucherPool{"fifty": {Count: 2 * shoppers, Value: 5_000}}
		}))
		must(t, err)
		for range 3 {
			d.workAll(d.Engine, other)
		}
		if n := granted(); n != shoppers {
			t.Errorf("%d of %d granted after the pool was raised", n, shoppers)
		}
		d.audit()
	})
}
