package core_test

import (
	"context"
	"log/slog"
	"testing"

	"hotdrop/core"
)

// beside starts another node of the same campaign.
func (h *halved) beside() *core.Engine {
	h.t.Helper()
	e := core.NewEngine(core.Options{
		Store: h.store, Campaigns: h.store, Ledger: h.store, Compiler: h.compiler, Now: h.clock.now, Log: slog.New(slog.DiscardHandler),
	})
	must(h.t, e.Start(h.t.Context()))
	h.t.Cleanup(e.Stop)
	return e
}

// sale is what a node answers a shopper who has no order yet: the total, or the code of the refusal.
func sale(ctx context.Context, e *core.Engine, shopper string) (int64, core.Code) {
	o, _, err := e.Place(ctx, buy(shopper, "k-"+shopper))
	if err != nil {
		return 0, core.CodeOf(err)
	}
	return o.Total, ""
}

// No clock moves and nobody polls in this test: the fence of the revocation's own transaction makes every node decide anew.
func TestARevocationReachesACanaryAShadowAndWhatWasLastGoodOnEveryNode(t *testing.T) {
	const list, half = 199_900, 99_950
	type outcome struct {
		total int64
		code  core.Code
	}
	denied, plain := outcome{code: core.CodeMechanicFailed}, outcome{total: list}
	for name, test := range map[string]struct {
		mode   core.Mode
		policy core.FailurePolicy
		before outcome
		after  outcome
	}{
		"a canary that denies":              {core.ModeCanary, core.FailDeny, outcome{total: half}, denied},
		"a canary that skips":               {core.ModeCanary, core.FailSkip, outcome{total: half}, plain},
		"a canary that falls back on live":  {core.ModeCanary, core.FailLastGood, outcome{total: half}, plain},
		"live that denies":                  {core.ModeLive, core.FailDeny, outcome{total: half}, denied},
		"live that skips":                   {core.ModeLive, core.FailSkip, outcome{total: half}, plain},
		"live that falls back on last good": {core.ModeLive, core.FailLastGood, outcome{total: half}, plain},
		"a shadow, which decides nothing":   {core.ModeShadow, core.FailDeny, plain, plain},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				h := newHalved(t, s, core.FailDeny)
				_, err := h.apply(h.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "list", OnFailure: test.policy}} }))
				must(t, err)
				change := core.Change{Mode: test.mode, Ruleset: h.add(core.Binding{Plugin: digestOf(module), OnFailure: test.policy})}
				if test.mode == core.ModeCanary {
					change.Percent = 99
				}
				h.mustChange(change)
				nodes := []*core.Engine{h.Engine, h.beside(), h.beside()}
				for i, node := range nodes {
					_, err := node.Campaign(t.Context(), "phone")
					must(t, err)
					if total, code := sale(t.Context(), node, "before-"+string(rune('a'+i))); (outcome{total, code}) != test.before {
						t.Errorf("node %d before: %d %s, want %+v", i, total, code, test.before)
					}
				}
				before := h.record()
				must(t, h.plugins.decide(core.PluginRevoke, module))
				if after := h.record(); after.Epoch != before.Epoch+1 {
					t.Errorf("epoch %d, was %d", after.Epoch, before.Epoch)
				}
				for i, node := range nodes {
					if total, code := sale(t.Context(), node, "after-"+string(rune('a'+i))); (outcome{total, code}) != test.after {
						t.Errorf("node %d after: %d %s, want %+v", i, total, code, test.after)
					}
				}
				h.audit()
			})
		})
	}
}
