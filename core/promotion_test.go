package core_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"hotdrop/core"
)

// promotion is a mechanic with a manifest of its own, so that it reads facts of vouchers, orders and messages.
type promotion struct {
	is     core.Manifest
	decide func(hook core.Hook, f *core.Facts) []core.Effect
}

func (p *promotion) Manifest() *core.Manifest { return &p.is }

func (p *promotion) Decide(hook core.Hook, f *core.Facts, effects []core.Effect) ([]core.Effect, core.Usage, error) {
	return append(effects, p.decide(hook, f)...), core.Usage{}, nil
}

// promotions compiles bindings by looking their names up.
type promotions map[string]*promotion

func (p promotions) Compile(_ context.Context, b core.Binding) (core.Mechanic, error) {
	return p[b.Mechanic], nil
}

// promoting makes one promotion, whose name is "promo".
func promoting(hooks []core.Hook, facts []string, decide func(hook core.Hook, f *core.Facts) []core.Effect) promotions {
	return promotions{"promo": {decide: decide, is: core.Manifest{
		Name: "promo", Kind: "rule", Digest: "sha256:promo", Hooks: hooks, Facts: facts,
	}}}
}

// newPromotion starts a campaign whose ruleset is the promotion, with a pool of three vouchers worth 50.00 each, at two
// engines on one store.
func newPromotion(t *testing.T, s store, compiler promotions, change func(*core.Campaign)) (d *drop, other *core.Engine) {
	t.Helper()
	d = &drop{t: t, store: s, clock: &clock{at: opening}, def: &core.Campaign{
		ID: "phone", Brand: "xiaomi", Currency: "CNY", Title: core.Text{EN: "Phone"},
		Phases: core.Phases{Reservation: opening.Add(-time.Hour), Sale: opening, Closed: opening.Add(time.Hour)},
		Items: []core.Item{{
			SKU: "mi2", Title: core.Text{EN: "Mi 2"}, Price: 199_900, Stock: 1000, Hold: core.Duration(15 * time.Minute),
		}},
		VoucherPools: map[string]core.VoucherPool{"fifty": {Count: 3, Value: 5_000, Expires: opening.Add(30 * time.Minute)}},
		Ruleset:      []core.Binding{{Mechanic: "promo"}},
	}}
	if change != nil {
		change(d.def)
	}
	d.Engine = d.engine(compiler, nil)
	_, err := d.apply(d.def)
	must(t, err)
	other = d.engine(compiler, nil)
	return d, other
}

// engine starts one more engine on the drop's store; change adjusts its options first.
func (d *drop) engine(compiler promotions, change func(*core.Options)) *core.Engine {
	d.t.Helper()
	o := core.Options{
		Store: d.store, Campaigns: d.store, Ledger: d.store, Compiler: compiler, Now: d.clock.now, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&o)
	}
	e := core.NewEngine(o)
	must(d.t, e.Start(d.t.Context()))
	d.t.Cleanup(e.Stop)
	return e
}
