package core_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"hotdrop/core"
)

// readers compiles like another compiler, but those mechanics whose names begin with "by_tags" read the shopper's tags.
type readers struct{ core.Compiler }

func (r readers) Compile(ctx context.Context, b core.Binding) (core.Mechanic, error) {
	m, err := r.Compiler.Compile(ctx, b)
	if err != nil || !strings.HasPrefix(b.Mechanic, "by_tags") {
		return m, err //nolint:wrapcheck // it is the compiler's own
	}
	return tagReader{m}, nil
}

type tagReader struct{ core.Mechanic }

func (r tagReader) Manifest() *core.Manifest {
	m := *r.Mechanic.Manifest()
	m.Facts = []string{"shopper.tags"}
	return &m
}

// byTags asks for 50 of those who are noted, and for 500 of others.
func byTags(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
	amount := int64(500)
	if len(f.Shopper.Tags) > 0 {
		amount = 50
	}
	return append(effects, core.Effect{Kind: core.EffectPrice, Amount: amount}), nil
}

// note notes the shopper as a very important one.
func (d *drop) note(shopper string) {
	d.t.Helper()
	_, err := d.store.Apply(context.Background(), &core.Plan{Campaign: "phone", Brand: "xiaomi", Documents: []*core.Document{{
		Kind: core.DocumentTags, ID: shopper, Shopper: shopper, State: "tags", Content: []byte(`{"vip":""}`),
	}}})
	must(d.t, err)
}

// interrupted is a store that lets something happen after it has read about a shopper.
type interrupted struct {
	core.Store

	then atomic.Pointer[func()]
}

func (s *interrupted) Load(ctx context.Context, q core.Query) (*core.State, error) {
	state, err := s.Store.Load(ctx, q)
	if len(q.Shoppers) > 0 {
		if then := s.then.Swap(nil); then != nil {
			(*then)()
		}
	}
	return state, err //nolint:wrapcheck // it is the store's own
}

func TestARulesetThatComesWhileFactsAreLoadedDecidesByTheFactsThatItReads(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		m := mechanics{"p100": priceOf(100), "by_tags": byTags}
		d := newDrop(t, s, m, func(c *core.Campaign) { at100(c); c.Items[0].Limit = 0 })
		d.Stop()
		between := &interrupted{Store: s}
		d.Engine = core.NewEngine(core.Options{
			Store: between, Campaigns: s, Ledger: s, Compiler: readers{m}, Now: d.clock.now, Log: slog.New(slog.DiscardHandler),
		})
		must(t, d.Start(t.Context()))
		t.Cleanup(d.Stop)
		d.note("ann")
		next := d.add(core.Binding{Mechanic: "by_tags"})
		d.place("ann") // so that her next order is not one of a shopper who is known to have none
		swap := func() { d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: next}) }
		between.then.Store(&swap)
		quoted, err := d.Quote(t.Context(), buy("ann", ""))
		if err != nil || quoted.Total != 50 || between.then.Load() != nil {
			t.Errorf("quoted %+v, %v", quoted, err)
		}
		_, err = d.undo()
		must(t, err)
		between.then.Store(&swap)
		o, _, err := d.Place(t.Context(), buy("ann", "second"))
		if err != nil || o.Total != 50 || between.then.Load() != nil {
			t.Errorf("ordered %+v, %v", o, err)
		}
		d.audit()
	})
}
