package core_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"hotdrop/core"
)

// naming is a compiler of mechanics that say what they name, and ask for it at the hooks that allow it.
type naming map[string][]core.Name

func (n naming) Compile(_ context.Context, b core.Binding) (core.Mechanic, error) {
	return named{b.Mechanic, n[b.Mechanic]}, nil
}

type named struct {
	name  string
	names []core.Name
}

func (m named) Manifest() *core.Manifest {
	return &core.Manifest{Name: m.name, Kind: "rule", Digest: "sha256:" + m.name, Hooks: core.Hooks()}
}

func (m named) Decide(hook core.Hook, _ *core.Facts, effects []core.Effect) ([]core.Effect, core.Usage, error) {
	for _, name := range m.names {
		if name.Kind.Allowed(hook) {
			effects = append(effects, core.Effect{Kind: name.Kind, Name: name.Name, Units: 1})
		}
	}
	return effects, core.Usage{}, nil
}

func (m named) Names() []core.Name { return m.names }

// applied applies a campaign that declares one thing of each kind, with mechanics that name these.
func applied(t *testing.T, names ...[]core.Name) (*core.CampaignRecord, error) {
	t.Helper()
	compiler := naming{}
	d := newDrop(t, sqliteStore(t), nil, nil)
	def := d.with(func(c *core.Campaign) {
		c.Quotas = map[string]int64{"trade-in": 5}
		c.VoucherPools = map[string]core.VoucherPool{"thanks": {Count: 1, Value: 1}}
		c.Templates = map[string]core.Text{"hello": {EN: "Hello"}}
		for i := range names {
			name := string(rune('a' + i))
			compiler[name] = names[i]
			c.Ruleset = append(c.Ruleset, core.Binding{Mechanic: name})
		}
	})
	e := core.NewEngine(core.Options{Store: d.store, Campaigns: d.store, Ledger: d.store, Compiler: compiler, Now: d.clock.now})
	must(t, e.Start(t.Context()))
	t.Cleanup(e.Stop)
	return e.ApplyCampaign(t.Context(), core.ApplyRequest{Definition: def, Actor: operator, Reason: "test"})
}

func TestACampaignIsAppliedWithWhatItsMechanicsName(t *testing.T) {
	_, err := applied(t, []core.Name{
		{Kind: core.EffectTake, Name: "trade-in", Path: "mechanic"}, {Kind: core.EffectGrant, Name: "thanks", Path: "config.pool"},
		{Kind: core.EffectNotify, Name: "hello", Path: "mechanic"}, {Kind: core.EffectAdd, Name: "mi2", Path: "mechanic"},
	})
	must(t, err)
}

func TestWhatAMechanicNamesAndTheCampaignLacksIsAProblemOfTheFile(t *testing.T) {
	first := []core.Name{
		{Kind: core.EffectGrant, Name: "thank", Path: "rule.then[0].grant.pool"},
		{Kind: core.EffectTake, Name: "tradein", Path: "config.quota"},
		{Kind: core.EffectTake, Name: "tradein", Path: "config.quota"},
	}
	second := []core.Name{
		{Kind: core.EffectEnter, Name: "lottery", Path: "mechanic"}, {Kind: core.EffectNotify, Name: "hallo", Path: "mechanic"},
		{Kind: core.EffectAdd, Name: "case", Path: "mechanic"},
	}
	_, err := applied(t, first, second)
	problems, ok := errors.AsType[*core.Problems](err)
	if !ok {
		t.Fatalf("applied with %v", err)
	}
	var got []string
	for _, p := range problems.List {
		got = append(got, p.Path+": "+p.Message+" ("+p.Hint+")")
	}
	want := `ruleset[0].rule.then[0].grant.pool: grant: there is no voucher pool "thank" in this campaign (did you mean thanks?)
ruleset[0].config.quota: take: there is no quota "tradein" in this campaign (did you mean trade-in?)
ruleset[1].mechanic: enter: there is no draw "lottery" in this campaign (declare it under draws)
ruleset[1].mechanic: notify: there is no template "hallo" in this campaign (did you mean hello?)
ruleset[1].mechanic: add: there is no item "case" in this campaign (declare it under items)`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// strange asks for a pool that is another campaign's, and says nothing of it beforehand.
func strange(hook core.Hook, kind core.EffectKind) shows {
	return shows{"strange": {hook: asking(core.Effect{Kind: kind, Name: "others", Units: 1})}}
}

func TestAnOrderThatWouldTakeWhatTheCampaignLacksTakesNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, strange(core.HookQuote, core.EffectTake), nil)
		_, _, err := l.Place(t.Context(), buy("ann", "k"))
		wantCode(t, err, core.CodeMechanicFailed)
		if l.left() != 10 {
			t.Errorf("%d are left", l.left())
		}
		x, err := l.ExplainRequest(t.Context(), buy("ann", ""), operator)
		must(t, err)
		if got := x.Bindings[0].Failure; got != `bad_effect: take: there is no quota "others" in this campaign` {
			t.Errorf("explained by %q", got)
		}
		l.audit()
	})
}

func TestAPaidOrderThatWouldGrantFromAnotherCampaignsPoolWaitsAndSaysWhy(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, strange(core.HookPaid, core.EffectGrant), withPool(10))
		o := l.place("ann")
		l.topUp("ann", 1_000_000)
		l.pay(o, "p")
		l.Idle()
		const why = `not_found: the campaign has no voucher pool "others"`
		tasks := l.tasks()
		if len(tasks) != 1 || tasks[0].Failure != why {
			t.Fatalf("tasks %+v", tasks)
		}
		if vouchers := l.documents(core.DocumentVoucher); len(vouchers) != 0 {
			t.Errorf("vouchers %+v", vouchers)
		}
		x, err := l.Explain(t.Context(), o.ID, operator)
		must(t, err)
		if x.Paid == nil || x.Paid.State != core.PaidOpen || x.Paid.Failure != why {
			t.Errorf("explained %+v", x.Paid)
		}
		l.audit()
	})
}
