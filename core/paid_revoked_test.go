package core_test

import (
	"context"
	"log/slog"
	"testing"

	"hotdrop/core"
)

// thanking compiles uploaded plugins that grant a voucher for what is paid.
type thanking struct{ *uploads }

func (u thanking) Compile(ctx context.Context, b core.Binding) (core.Mechanic, error) {
	m, err := u.uploads.Compile(ctx, b)
	if err != nil || !core.ValidDigest(b.Plugin) {
		return m, err
	}
	return show{m.Manifest().Name, hooks{
		core.HookQuote: asking(core.Effect{Kind: core.EffectPrice, Amount: 99_950}),
		core.HookPaid:  asking(core.Effect{Kind: core.EffectGrant, Name: "thanks", Units: 1}),
	}}, nil
}

// TestARevokedPluginGrantsNothingForWhatWasOrderedUnderAnEarlierRuleset has somebody pay, after the revocation, what was ordered while the plugin was live.
func TestARevokedPluginGrantsNothingForWhatWasOrderedUnderAnEarlierRuleset(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailSkip)
		h.Stop()
		h.Engine = core.NewEngine(core.Options{
			Store: h.store, Campaigns: h.store, Ledger: h.store, Compiler: thanking{h.compiler}, Now: h.clock.now, Log: slog.New(slog.DiscardHandler),
		})
		must(t, h.Start(t.Context()))
		t.Cleanup(h.Stop)
		withPool(10)(h.def)
		_, err := h.apply(h.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "list"}} }))
		must(t, err)
		_, err = h.apply(h.def)
		must(t, err)
		o := h.sellsAt("ann", 99_950)
		for _, name := range []string{"list", "cheap"} { // the plugin's ruleset is not even what was last good
			_, err = h.apply(h.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: name}} }))
			must(t, err)
		}
		must(t, h.plugins.decide(core.PluginRevoke, module))
		must(t, h.Follow(t.Context()))
		h.topUp("ann", 1_000_000)
		_, err = h.Pay(t.Context(), payOf(o, "p"))
		must(t, err)
		_, err = h.Work(t.Context(), "phone")
		must(t, err)
		(&life{drop: h.drop}).idle()
		v, err := s.ListDocuments(t.Context(), core.DocumentQuery{Campaign: "phone", Brand: "meizu", Kind: core.DocumentVoucher, Limit: 10})
		must(t, err)
		if len(v) != 0 {
			t.Errorf("the revoked plugin has granted %d vouchers", len(v))
		}
	})
}
