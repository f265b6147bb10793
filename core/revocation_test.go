package core_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

func TestFromItsRevocationOnNoOrderIsPricedByAPlugin(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		h.sellsAt("ann", 99_950)
		before := h.record()
		must(t, h.plugins.decide(core.PluginRevoke, module))
		h.refuses("bob")
		after := h.record()
		if after.Epoch != before.Epoch+1 || after.Revision != before.Revision+1 || after.Ruleset.Number != before.Ruleset.Number {
			t.Errorf("from %+v to %+v", before, after)
		}
		must(t, h.plugins.decide(core.PluginRevoke, module)) // whoever was cut short does it again
		if again := h.record(); again.Epoch != after.Epoch+1 {
			t.Errorf("the second revocation left epoch %d", again.Epoch)
		}
		h.refuses("bob")
		h.audit()
	})
}

func TestWhatABindingSaysAboutFailuresDecidesWithoutItsPlugin(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailSkip)
		must(t, h.plugins.decide(core.PluginRevoke, module))
		o := h.sellsAt("ann", 199_900)
		const want = `"failure":"unavailable: the plugin is revoked","fuel":0,"mechanic":"named","outcome":"skipped"`
		if pinned := string(o.Quote); !strings.Contains(pinned, digestOf(module)) || !strings.Contains(pinned, want) {
			t.Errorf("pinned as %s", pinned)
		}
		h.restart()
		h.sellsAt("bob", 199_900)
	})
}

func TestWhatWasLastGoodDecidesInPlaceOfARevokedPlugin(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailLastGood)
		_, err := h.apply(h.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "cheap", OnFailure: core.FailLastGood}} }))
		must(t, err)
		_, err = h.apply(h.def)
		must(t, err)
		must(t, h.plugins.decide(core.PluginRevoke, module))
		h.sellsAt("ann", 1)
	})
}

func TestARevokedPluginIsNotWhatWasLastGood(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailLastGood)
		h.compiler.mechanics["broken"] = func(*core.Facts, []core.Effect) ([]core.Effect, error) {
			return nil, &core.MechanicError{Code: "trap", Message: "always"}
		}
		_, err := h.apply(h.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "broken", OnFailure: core.FailLastGood}} }))
		must(t, err)
		h.sellsAt("ann", 99_950)
		before := h.record()
		must(t, h.plugins.decide(core.PluginRevoke, module))
		if after := h.record(); after.Epoch != before.Epoch+1 {
			t.Errorf("epoch %d, was %d", after.Epoch, before.Epoch)
		}
		h.refuses("bob")
	})
}

func TestACampaignLivesOnWithoutItsPlugin(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		paid, cancelled := h.sellsAt("ann", 99_950), h.sellsAt("bob", 99_950)
		h.sellsAt("cid", 99_950)
		h.topUp("ann", 99_950)
		must(t, h.plugins.decide(core.PluginRevoke, module))
		h.restart()
		view, err := h.Campaign(t.Context(), "phone")
		must(t, err)
		if view.Left["mi2"] != 7 || view.Record.Ruleset.Digests[0] != digestOf(module) {
			t.Errorf("seen as %+v", view)
		}
		h.refuses("dan")
		if again := h.sellsAt("ann", 99_950); again.ID != paid.ID { // the same key
			t.Errorf("order %s, was %s", again.ID, paid.ID)
		}
		if o, err := h.Pay(t.Context(), payOf(paid, "p")); err != nil || o.State != core.OrderPaid {
			t.Errorf("paid as %+v, %v", o, err)
		}
		if o, err := h.Cancel(t.Context(), payOf(cancelled, "c")); err != nil || o.State != core.OrderCancelled {
			t.Errorf("cancelled as %+v, %v", o, err)
		}
		h.clock.advance(16 * time.Minute)
		if n, err := h.Expire(t.Context(), "phone"); err != nil || n != 1 {
			t.Errorf("%d expired, %v", n, err)
		}
		h.audit()
	})
}

func TestOtherBindingsDecideAlthoughAPluginIsAbsent(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailSkip)
		_, err := h.apply(h.with(func(c *core.Campaign) {
			c.Ruleset = []core.Binding{{Mechanic: "cheap"}, {Plugin: digestOf(module), OnFailure: core.FailSkip}}
		}))
		must(t, err)
		h.sellsAt("ann", 99_950)
		must(t, h.plugins.decide(core.PluginRevoke, module))
		h.sellsAt("bob", 1)
	})
}

func TestAnAbsentPluginIsAskedAtTheHooksItHas(t *testing.T) {
	for name, test := range map[string]struct {
		known bool
		want  core.Code
	}{"its hooks are known": {true, ""}, "its hooks are not known": {false, core.CodeMechanicFailed}} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				h := newHalved(t, s, core.FailDeny)
				h.compiler.known = test.known
				must(t, h.plugins.decide(core.PluginRevoke, module))
				h.restart()
				h.clock.advance(-time.Minute)
				_, _, err := h.Reserve(t.Context(), "phone", core.Principal{ID: "ann", Role: core.RoleShopper}, "")
				wantCode(t, err, test.want)
			})
		})
	}
}

func TestAFileThatBindsARevokedPluginAnewIsRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailSkip)
		must(t, h.plugins.decide(core.PluginRevoke, module))
		_, err := h.apply(h.with(func(c *core.Campaign) {
			c.Ruleset = []core.Binding{{Plugin: digestOf(module), OnFailure: core.FailDeny}}
		}))
		problems, ok := errors.AsType[*core.Problems](err)
		if !ok || problems.List[0].Path != "ruleset[0].plugin" || problems.List[0].Hint == "" {
			t.Errorf("%v", err)
		}
	})
}

func TestAPluginThatNewRulesRefuseIsSwitchedOffUntilItIsApprovedAgain(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		old := h.Engine
		h.Engine = nil // goes on, beside the new one
		h.newRules("2", true)
		o, _, err := old.Place(t.Context(), buy("ann", "k-ann"))
		if err != nil || o.Total != 99_950 {
			t.Fatalf("the old node sold %+v, %v", o, err)
		}
		before := h.record()
		h.plugins.vet()
		h.plugins.is(module, core.PluginRefused)
		if after := h.record(); after.Epoch != before.Epoch+1 {
			t.Errorf("epoch %d, was %d", after.Epoch, before.Epoch)
		}
		_, _, err = old.Place(t.Context(), buy("bob", "k-bob"))
		wantCode(t, err, core.CodeMechanicFailed)
		h.refuses("bob")

		h.plugins.vets.strict = false
		_, _, err = h.plugins.Upload(t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader(module), Again: true})
		must(t, err)
		h.plugins.vet()
		h.refuses("bob")
		must(t, h.plugins.decide(core.PluginApprove, module))
		h.later(0) // a refusal commits nothing that the fence could stop
		h.sellsAt("bob", 99_950)
	})
}

func TestAPluginIsLoadedWhenVettingByNewRulesHasFoundItFit(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		h.newRules("2", false)
		h.refuses("ann")
		before := h.record()
		h.plugins.vet()
		h.later(time.Second)
		h.sellsAt("ann", 99_950)
		if after := h.record(); after.Epoch != before.Epoch {
			t.Errorf("epoch %d, was %d", after.Epoch, before.Epoch)
		}
	})
}

func TestTheStaffLogNamesTheRevocationOfACampaignsPlugin(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		changes := &recorded{CampaignStore: s}
		h := newHalved(t, s, core.FailDeny)
		h.plugins = h.plugins.with(func(o *core.PluginOptions) { o.Campaigns = changes })
		must(t, h.plugins.decide(core.PluginRevoke, module))
		if len(changes.entries) != 1 {
			t.Fatalf("%d entries", len(changes.entries))
		}
		e := changes.entries[0]
		if e.Action != "campaign.fence" || e.Campaign != "phone" || e.Brand != "meizu" || e.Actor != "approver" ||
			e.Reason != "the plugin "+digestOf(module)+" is revoked: because" || !strings.Contains(string(e.After), `"state":"revoked"`) {
			t.Errorf("entry %+v", e)
		}
	})
}

// recorded remembers what the staff log gets.
type recorded struct {
	core.CampaignStore

	entries []core.StaffEntry
}

func (r *recorded) SaveCampaign(ctx context.Context, change *core.CampaignChange) error {
	err := r.CampaignStore.SaveCampaign(ctx, change)
	if err == nil {
		r.entries = append(r.entries, change.Entry)
	}
	return err
}

func TestOnlyCampaignsThatBindAPluginAreFenced(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		for id, change := range map[string]func(c *core.Campaign){
			"without":   func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "list"}} },
			"last-good": func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "list", OnFailure: core.FailLastGood}} },
			"theirs":    func(c *core.Campaign) { c.Brand, c.Ruleset = "xiaomi", nil },
		} {
			_, err := h.apply(h.with(func(c *core.Campaign) { c.ID = id; change(c) }))
			must(t, err)
		}
		must(t, h.plugins.decide(core.PluginRevoke, module))
		for id, want := range map[string]int64{"phone": 2, "without": 1, "last-good": 1, "theirs": 1} {
			record, err := h.Record(t.Context(), id)
			must(t, err)
			if record.Epoch != want {
				t.Errorf("%s is at epoch %d, want %d", id, record.Epoch, want)
			}
		}
	})
}
