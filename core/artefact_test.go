package core_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
)

// binary is a compiler of a version of the shipped mechanics, whose bytes it can keep and compile again, whichever version
// they are of.
type binary struct {
	versions []shows // what each version's mechanics do; a stored one is compiled by its own
	version  int     // this binary's
	keeps    bool
	compiled *atomic.Int64 // how often a stored one was
}

func (b binary) Compile(ctx context.Context, binding core.Binding) (core.Mechanic, error) {
	return b.of(ctx, binding, b.version)
}

func (b binary) of(ctx context.Context, binding core.Binding, version int) (core.Mechanic, error) {
	m, err := b.versions[version].Compile(ctx, binding)
	if err != nil {
		return nil, err
	}
	return versioned{m, version}, nil
}

func (b binary) Artefact(ctx context.Context, binding core.Binding) (*core.Artefact, error) {
	if !b.keeps {
		return nil, nil //nolint:nilnil // a binary of before
	}
	m, err := b.Compile(ctx, binding)
	if err != nil {
		return nil, err
	}
	return &core.Artefact{Digest: m.Manifest().Digest, Kind: "rule", Bytes: fmt.Append(nil, b.version)}, nil
}

func (b binary) CompileArtefact(ctx context.Context, binding core.Binding, a *core.Artefact) (core.Mechanic, error) {
	b.compiled.Add(1)
	var version int
	if _, err := fmt.Sscan(string(a.Bytes), &version); err != nil || version >= len(b.versions) {
		return nil, errors.New("these bytes are of no version")
	}
	return b.of(ctx, binding, version)
}

// versioned is a mechanic of a version: its digest says which.
type versioned struct {
	core.Mechanic

	version int
}

func (v versioned) Manifest() *core.Manifest {
	m := *v.Mechanic.Manifest()
	m.Digest = fmt.Sprintf("%s/%d", m.Digest, v.version)
	return &m
}

// deploy stops the node and starts the binary in its place.
func (l *life) deploy(b binary) {
	l.t.Helper()
	l.Stop()
	e := core.NewEngine(core.Options{
		Store: l.store, Campaigns: l.store, Ledger: l.store, Compiler: b, Now: l.clock.now, Log: slog.New(slog.DiscardHandler),
	})
	must(l.t, e.Start(l.t.Context()))
	l.t.Cleanup(e.Stop)
	l.Engine = e
}

// newDeployed starts the first of the versions, with a campaign that binds what it has, and returns the second.
func newDeployed(t *testing.T, s store, keeps bool, versions ...shows) (l *life, next binary) {
	t.Helper()
	l = newLife(t, s, nil, func(c *core.Campaign) { withPool(10)(c); c.Items[0].Stock = 1000 })
	next = binary{versions: versions, keeps: keeps, compiled: &atomic.Int64{}}
	l.deploy(next)
	l.def = l.with(func(c *core.Campaign) {
		for name := range versions[0] {
			c.Ruleset = append(c.Ruleset, core.Binding{Mechanic: name})
		}
	})
	_, err := l.apply(l.def)
	must(t, err)
	next.version = 1
	return l, next
}

// off is a mechanic that takes the amount off and grants a voucher for what was paid.
func off(amount int64) shows {
	return shows{"grant": {
		core.HookQuote: asking(core.Effect{Kind: core.EffectDiscount, Amount: amount}),
		core.HookPaid:  asking(core.Effect{Kind: core.EffectGrant, Name: "thanks", Units: 1}),
	}}
}

// dull is a later version of off that grants nothing.
func dull(amount int64) shows {
	return shows{"grant": {core.HookQuote: asking(core.Effect{Kind: core.EffectDiscount, Amount: amount})}}
}

func TestABinaryWithOtherMechanicsGoesOnWithTheStoredRuleset(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l, next := newDeployed(t, s, true, off(100), dull(500))
		before := l.place("ann")
		l.deploy(next)
		after := l.place("bob")
		if before.Total != after.Total || after.Total != 199_800 {
			t.Errorf("before the deploy it cost %d, after it %d under the same ruleset", before.Total, after.Total)
		}
		_, err := l.apply(l.def)
		must(t, err)
		if late := l.place("cid"); late.Total != 199_400 {
			t.Errorf("applied again it costs %d", late.Total)
		}
		l.pays(before)
		l.pays(after)
		l.idle()
		if vouchers, tasks := l.documents(core.DocumentVoucher), l.tasks(); len(vouchers) != 2 || len(tasks) > 0 {
			t.Errorf("%d vouchers for the two orders of the ruleset that grants them, tasks %+v", len(vouchers), tasks)
		}
		explained, err := l.Explain(t.Context(), before.ID, core.Principal{ID: "root", Role: core.RolePlatform})
		must(t, err)
		if !explained.Reproduced {
			t.Errorf("the order cannot be explained any more: %v", explained.Differences)
		}
		l.audit()
	})
}

func TestAnOrderThatIsPaidAfterADeployIsGrantedItsVoucher(t *testing.T) {
	l, next := newDeployed(t, sqliteStore(t), true, off(100), dull(500))
	o := l.place("ann")
	l.deploy(next)
	_, err := l.apply(l.def)
	must(t, err)
	l.pays(o)
	l.idle()
	if vouchers, tasks := l.documents(core.DocumentVoucher), l.tasks(); len(vouchers) != 1 || len(tasks) > 0 {
		t.Errorf("%d vouchers, tasks %+v", len(vouchers), tasks)
	}
}

func TestAnOrderThatIsPaidAfterADeployLeavesNoTask(t *testing.T) {
	l, next := newDeployed(t, sqliteStore(t), false, dull(100), dull(500))
	o := l.place("ann")
	l.deploy(next)
	_, err := l.apply(l.def)
	must(t, err)
	l.topUp("ann", 1_000_000)
	l.pay(o, "p")
	l.Idle()
	if tasks := l.tasks(); len(tasks) > 0 {
		t.Errorf("nothing is to be asked, and there are the tasks %+v", tasks)
	}
}

func TestARulesetOfAnotherBinaryThatIsNotStoredIsNotServed(t *testing.T) {
	l, next := newDeployed(t, sqliteStore(t), false, off(100), dull(500))
	l.Stop()
	e := core.NewEngine(core.Options{
		Store: l.store, Campaigns: l.store, Ledger: l.store, Compiler: next, Now: l.clock.now, Log: slog.New(slog.DiscardHandler),
	})
	must(t, e.Start(t.Context()))
	t.Cleanup(e.Stop)
	_, _, err := e.Place(t.Context(), buy("bob", "k"))
	wantCode(t, err, core.CodeUnavailable)
}

// TestBytesOfAnotherDigestAreNotServed has the stored bytes be those of another version: what a ruleset says by its digests
// is decided, or nothing.
func TestBytesOfAnotherDigestAreNotServed(t *testing.T) {
	l, next := newDeployed(t, sqliteStore(t), false, off(100), dull(500))
	record, err := l.Record(t.Context(), "phone")
	must(t, err)
	record.Revision++
	record.Epoch++
	must(t, l.store.SaveCampaign(t.Context(), &core.CampaignChange{
		Record: *record, From: record.Revision - 1, Limits: record.Definition.Limits(),
		Artefacts: []*core.Artefact{{Digest: record.Ruleset.Digests[0], Kind: "rule", Bytes: []byte("1")}},
		Entry:     core.StaffEntry{Actor: "root", Brand: record.Definition.Brand, Campaign: "phone", Action: "campaign.apply"},
	}))
	l.deploy(next)
	_, _, err = l.Place(t.Context(), buy("bob", "k"))
	wantCode(t, err, core.CodeUnavailable)
	if next.compiled.Load() == 0 {
		t.Error("the stored bytes were never looked at")
	}
}

// TestARulesetThatCannotBeCompiledIsNotCompiledForEveryOrder has many orders wait for a ruleset of another binary.
func TestARulesetThatCannotBeCompiledIsNotCompiledForEveryOrder(t *testing.T) {
	const orders = 20
	l, next := newDeployed(t, sqliteStore(t), true, off(100), dull(500))
	var placed []*core.Order
	for i := range orders {
		placed = append(placed, l.place(fmt.Sprint("s", i)))
	}
	next.versions = []shows{{}, dull(500)} // the stored mechanic is beyond this binary
	l.deploy(next)
	_, err := l.apply(l.def)
	if err != nil && !strings.Contains(err.Error(), "served") {
		t.Fatal(err)
	}
	next.compiled.Store(0)
	for _, o := range placed {
		l.topUp(o.Shopper, 1_000_000)
		l.pay(o, "p")
	}
	l.Idle()
	tasks := l.tasks()
	if len(tasks) != orders || tasks[0].Failure == "" {
		t.Fatalf("%d tasks wait: %+v", len(tasks), tasks)
	}
	if n := next.compiled.Load(); n > 2 {
		t.Errorf("the ruleset was compiled %d times for %d orders", n, orders)
	}
	next.versions = []shows{off(100), dull(500)} // a binary that knows it
	l.deploy(next)
	l.clock.advance(10 * time.Minute)
	l.idle()
	if n := len(l.documents(core.DocumentVoucher)); n != 10 { // the pool has ten
		t.Errorf("%d vouchers", n)
	}
}
