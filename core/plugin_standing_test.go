package core_test

import (
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

func TestAFileThatKeepsARevokedPluginChangesEverythingElse(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailSkip)
		must(t, h.plugins.decide(core.PluginRevoke, module))
		h.later(0)
		same, err := h.apply(h.def) // what export prints
		must(t, err)
		if same.Revision != h.record().Revision {
			t.Errorf("revision %d: nothing has changed", same.Revision)
		}
		more, err := h.apply(h.with(func(c *core.Campaign) { c.Items[0].Stock = 20 }))
		must(t, err)
		if len(more.Ruleset.Warnings) != 1 || !strings.Contains(more.Ruleset.Warnings[0], "ruleset[0] is in force without its plugin") ||
			h.record().Definition.Items[0].Stock != 20 {
			t.Errorf("%+v", more.Ruleset.Warnings)
		}
		for name, change := range map[string]func(c *core.Campaign){
			"changed": func(c *core.Campaign) {
				c.Ruleset = []core.Binding{{Plugin: digestOf(module), OnFailure: core.FailDeny}}
			},
			"once more": func(c *core.Campaign) {
				c.Ruleset = []core.Binding{{Plugin: digestOf(module), OnFailure: core.FailSkip}, {Plugin: digestOf(module), OnFailure: core.FailSkip}}
			},
		} {
			if _, err := h.apply(h.with(change)); len(problemsOf(err)) != 1 {
				t.Errorf("%s: %v", name, err)
			}
		}
		h.restart()
		if _, err := h.apply(h.with(func(c *core.Campaign) { c.Items[0].Stock = 30 })); err != nil {
			t.Errorf("after a restart: %v", err)
		}
		h.sellsAt("ann", 199_900)
		h.audit()
	})
}

func TestWhoAsksHowARolloutStandsSeesWhichBindingsDoNotDecide(t *testing.T) {
	for want, end := range map[core.IdleWhy]func(h *halved) error{
		core.IdleRevoked: func(h *halved) error { return h.plugins.decide(core.PluginRevoke, module) },
		core.IdleExpired: func(h *halved) error {
			h.clock.advance(90 * day)
			_, err := h.plugins.LapseExpired(h.t.Context())
			return err
		},
		core.IdleVoid: func(h *halved) error {
			h.plugins.vets.grants = "2"
			_, err := h.plugins.Lapse(h.t.Context())
			return err
		},
	} {
		t.Run(string(want), func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				h := newHalved(t, s, core.FailSkip)
				if idle, err := h.IdleBindings(t.Context(), "phone"); err != nil || len(idle) != 0 {
					t.Errorf("%+v, %v", idle, err)
				}
				must(t, end(h))
				h.later(0)
				idle, err := h.IdleBindings(t.Context(), "phone")
				must(t, err)
				if len(idle) != 1 || idle[0].Why != want || idle[0].Ruleset != 1 || idle[0].Binding != 0 || idle[0].Plugin != digestOf(module) ||
					idle[0].Policy != core.FailSkip || idle[0].Message == "" {
					t.Errorf("%+v", idle)
				}
			})
		})
	}
}

func TestWhoBindsAPluginWhoseApprovalEndsBeforeTheCampaignIsWarned(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		longer := func(c *core.Campaign) { c.Phases.Closed = opening.Add(91 * day) }
		applied, err := h.apply(h.with(longer))
		must(t, err)
		renew := "hotdrop review approve " + digestOf(module) + " --brand meizu --expires " + opening.Add(91*day).UTC().Format(time.RFC3339) + " --reason WHY"
		if w := applied.Ruleset.Warnings; len(w) != 1 || !strings.Contains(w[0], "ends at 2") || !strings.HasSuffix(w[0], renew) {
			t.Errorf("%q", w)
		}
		added, err := h.AddRuleset(t.Context(), core.RulesetRequest{
			Campaign: "phone", Bindings: []core.Binding{{Plugin: digestOf(module), OnFailure: core.FailSkip}}, Reason: "skip",
			Actor: core.Principal{ID: "op", Role: core.RoleOperator},
		})
		must(t, err)
		live, err := h.ChangeRollout(t.Context(), core.RolloutRequest{
			Campaign: "phone", Change: core.Change{Mode: core.ModeLive, Ruleset: added.Number, Force: true}, Expect: h.record().Rollout.Number,
			Reason: "skip", Actor: core.Principal{ID: "op", Role: core.RoleOperator},
		})
		must(t, err)
		if len(added.Warnings) != 1 || len(live.Warnings) != 1 {
			t.Errorf("%q, %q", added.Warnings, live.Warnings)
		}
		applied, err = h.apply(h.with(func(c *core.Campaign) { c.Phases.Closed = opening.Add(time.Hour) }))
		must(t, err)
		if len(applied.Ruleset.Warnings) != 0 {
			t.Errorf("%q", applied.Ruleset.Warnings)
		}
	})
}

// TestARulesetWhosePluginIsNotApprovedIsNotWaitedFor has a change refused with what helps: neither waiting nor force does.
func TestARulesetWhosePluginIsNotApprovedIsNotWaitedFor(t *testing.T) {
	for name, test := range map[string]struct {
		withdraw func(h *halved)
		says     []string
	}{
		"its approval has expired": {func(h *halved) { h.clock.advance(91 * day) }, []string{
			"its approval has expired", "have it approved", "hotdrop review approve " + digestOf(module) + " --brand meizu --reason WHY",
		}},
		"it is revoked": {func(h *halved) { must(h.t, h.plugins.decide(core.PluginRevoke, module)) }, []string{
			"is revoked", "it does not come back",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				h := newHalved(t, s, core.FailDeny)
				added := h.add(core.Binding{Plugin: digestOf(module), OnFailure: core.FailDeny, Config: core.Object{}})
				test.withdraw(h)
				_, err := h.change(core.Change{Mode: core.ModeLive, Ruleset: added})
				wantCode(t, err, core.CodeWrongState)
				for _, part := range append(test.says, "It does not help to wait") {
					if err == nil || !strings.Contains(err.Error(), part) {
						t.Errorf("%v, should say %s", err, part)
					}
				}
			})
		})
	}
}

func TestAFileThatIsInForceWithoutItsPluginIsAppliedAgainWithAWarningAndNoRevision(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		must(t, h.plugins.decide(core.PluginRevoke, module))
		before := h.record()
		for range 2 {
			again, err := h.apply(h.def)
			must(t, err)
			if w := again.Ruleset.Warnings; len(w) != 1 || !strings.Contains(w[0], "in force without its plugin") || !strings.Contains(w[0], "is revoked") {
				t.Errorf("warned of %q", w)
			}
			if again.Revision != before.Revision || h.record().Revision != before.Revision {
				t.Errorf("revision %d, was %d", again.Revision, before.Revision)
			}
		}
	})
}
