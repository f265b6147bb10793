package core_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

// uploads compiles a digest to the plugin of a registry, which prices at half, and names to mechanics.
type uploads struct {
	mechanics

	registry *registry

	mu     sync.Mutex
	broken error // instead of loading
	asked  int   // how often a plugin was asked for
	known  bool  // the plugin's hooks are known, and only quote
}

func (u *uploads) Compile(ctx context.Context, b core.Binding) (core.Mechanic, error) {
	if !core.ValidDigest(b.Plugin) {
		return u.mechanics.Compile(ctx, b)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asked++
	p, err := u.registry.Loadable(ctx, b.Brand, b.Campaign, b.Plugin)
	why, withheld := errors.AsType[*core.NotLoadable](err)
	switch {
	case withheld && core.CodeOf(err) != core.CodeUnavailable:
		problem := core.Problem{Path: "plugin", Message: why.Error(), Hint: "staff know more"}
		why.Err = &core.Problems{List: []core.Problem{problem}}
		if u.known {
			why.Hooks = []core.Hook{core.HookQuote}
		}
		return nil, why
	case err == nil && u.broken != nil:
		return nil, u.broken
	case err != nil:
		return nil, err
	}
	return mechanic{strings.TrimPrefix(p.Digest, "sha256:"), priceOf(99_950)}, nil
}

func (u *uploads) breakWith(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.broken = err
}

func (u *uploads) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.asked
}

// halved is a campaign of meizu whose one binding is an approved plugin.
type halved struct {
	*drop

	plugins  *registry
	compiler *uploads
	log      *bytes.Buffer // of the latest node
}

const module = "fit to halve prices"

// newHalved starts it with this failure policy; "list" is a rule that asks for nothing but the list price.
func newHalved(t *testing.T, s store, policy core.FailurePolicy) *halved {
	t.Helper()
	r := newRegistry(t, s).with(func(o *core.PluginOptions) { o.Campaigns = s })
	r.approved(module)
	h := &halved{plugins: r, compiler: &uploads{mechanics: mechanics{"list": priceOf(199_900), "cheap": priceOf(1)}, registry: r}}
	h.drop = &drop{t: t, store: s, clock: r.clock, def: &core.Campaign{
		ID: "phone", Brand: "meizu", Currency: "CNY", Title: core.Text{EN: "Phone"},
		Phases: core.Phases{Reservation: opening.Add(-time.Hour), Sale: opening, Closed: opening.Add(time.Hour)},
		Items: []core.Item{{
			SKU: "mi2", Title: core.Text{EN: "Mi 2"}, Price: 199_900, Stock: 10, Limit: 1, Hold: core.Duration(15 * time.Minute),
		}},
		Ruleset: []core.Binding{{Plugin: digestOf(module), OnFailure: policy}},
	}}
	h.restart()
	_, err := h.apply(h.def)
	must(t, err)
	return h
}

// restart ends the node, if there is one, and starts another.
func (h *halved) restart() {
	h.t.Helper()
	if h.Engine != nil {
		h.Stop()
	}
	h.log = &bytes.Buffer{}
	h.Engine = core.NewEngine(core.Options{
		Store: h.store, Campaigns: h.store, Ledger: h.store, Compiler: h.compiler, Plugins: h.plugins, Now: h.clock.now,
		Log: slog.New(slog.NewTextHandler(&locked{to: h.log}, nil)),
	})
	must(h.t, h.Start(h.t.Context()))
	h.t.Cleanup(h.Stop)
}

// locked lets several goroutines write.
type locked struct {
	mu sync.Mutex
	to *bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(b)
}

// sellsAt checks the price of an order of a shopper who has none.
func (h *halved) sellsAt(shopper string, want int64) *core.Order {
	h.t.Helper()
	o, _, err := h.Place(h.t.Context(), buy(shopper, "k-"+shopper))
	if err != nil || o.Total != want {
		h.t.Fatalf("%s: order %+v, %v; want %d", shopper, o, err, want)
	}
	return o
}

// refuses checks that an order fails as one whose mechanic failed, without a word that is for staff.
func (h *halved) refuses(shopper string) {
	h.t.Helper()
	_, _, err := h.Place(h.t.Context(), buy(shopper, "k-"+shopper))
	refusal, _ := errors.AsType[*core.Error](err)
	if refusal == nil || refusal.Code != core.CodeMechanicFailed || strings.Contains(refusal.Message, "plugin") {
		h.t.Fatalf("%s: %v", shopper, err)
	}
	if _, ok := errors.AsType[*core.Problems](err); ok {
		h.t.Errorf("%s is told what staff should know: %v", shopper, err)
	}
}

func (h *halved) record() *core.CampaignRecord {
	h.t.Helper()
	record, err := h.Record(h.t.Context(), "phone")
	must(h.t, err)
	return record
}

// later lets the node follow, when so much time has passed.
func (h *halved) later(d time.Duration) {
	h.t.Helper()
	h.clock.advance(d)
	must(h.t, h.Follow(h.t.Context()))
}

// newRules makes the node one whose registry vets by rules of another version, by which a strict vetter finds nothing fit.
func (h *halved) newRules(version string, strict bool) {
	h.t.Helper()
	vets := &vetting{version: version, strict: strict}
	h.plugins = h.plugins.with(func(o *core.PluginOptions) { o.Campaigns, o.Vetter = h.store, vets })
	h.plugins.vets = vets
	h.compiler = &uploads{mechanics: h.compiler.mechanics, registry: h.plugins}
	h.restart()
}
