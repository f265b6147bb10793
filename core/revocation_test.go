package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

func TestANodeTriesEverLessOftenToLoadWhatItCannot(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		h.compiler.breakWith(&core.NotLoadable{Plugin: h.plugins.is(module, core.PluginApproved), Err: errors.New("damaged")})
		h.restart()
		h.refuses("ann")
		before, asked := h.record(), h.compiler.count()
		for range 100 { // requests and polls, no time
			h.refuses("ann")
			must(t, h.Follow(t.Context()))
		}
		if n := h.compiler.count() - asked; n != 0 {
			t.Errorf("%d tries within the pause", n)
		}
		var gaps []int
		for second := range 200 {
			asked = h.compiler.count()
			h.later(time.Second)
			if h.compiler.count() > asked {
				gaps = append(gaps, second)
			}
		}
		if got := fmt.Sprint(gaps); got != "[0 2 6 14 30 62 122 182]" {
			t.Errorf("tried in the seconds %s", got)
		}
		if n := strings.Count(h.log.String(), "runs without one of its plugins"); n != 1 {
			t.Errorf("logged %d times\n%s", n, h.log)
		}
		h.compiler.breakWith(nil)
		h.later(time.Minute)
		h.sellsAt("ann", 99_950)
		if after := h.record(); after.Epoch != before.Epoch {
			t.Errorf("what one node cannot load has fenced the campaign: epoch %d, was %d", after.Epoch, before.Epoch)
		}
	})
}

func TestANodeFencesWhatARevocationThatWasCutShortLeft(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		h.sellsAt("ann", 99_950)
		short := h.plugins.with(func(*core.PluginOptions) {}) // it knows no campaigns, as if it had died before them
		must(t, short.decide(core.PluginRevoke, module))
		before := h.record()
		h.later(time.Second)
		h.refuses("bob")
		if after := h.record(); after.Epoch != before.Epoch+1 || after.Revision != before.Revision+1 {
			t.Errorf("from %+v to %+v", before, after)
		}
		h.later(time.Hour / 2)
		if again := h.record(); again.Epoch != before.Epoch+1 {
			t.Errorf("fenced again: epoch %d, was %d", again.Epoch, before.Epoch)
		}
	})
}

// TestANodeNoticesByItselfThatApprovalsHoldNoMore has nobody sweep: the nodes that do may be down, or ask for less.
func TestANodeNoticesByItselfThatApprovalsHoldNoMore(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		for _, who := range []string{"ann", "bob"} {
			_, err := h.plugins.approve(module, platform(who, ""), func(d *core.PluginDecision) {
				d.ExpiresAt = h.clock.now().Add(time.Minute).UnixMilli()
			})
			must(t, err)
		}
		must(t, h.Follow(t.Context()))
		h.sellsAt("ann", 99_950)
		before := h.record()
		h.later(time.Minute)
		h.refuses("bob")
		after := h.record()
		if after.Epoch != before.Epoch+1 {
			t.Errorf("from %+v to %+v", before, after)
		}
		h.later(time.Hour / 4)
		if again := h.record(); again.Epoch != after.Epoch {
			t.Errorf("fenced again: epoch %d, was %d", again.Epoch, after.Epoch)
		}
		rows, err := logOf(t, s).StaffLogRows(t.Context(), core.LogFilter{Action: "campaign.fence", Latest: true, Limit: 1})
		must(t, err)
		if len(rows) != 1 || rows[0].Actor != "system" || !strings.Contains(rows[0].Reason, " is withheld") {
			t.Errorf("the staff log has %+v", rows)
		}
	})
}

func TestAPluginThatANodeHasLoadedDecidesAlthoughItCouldNotBeLoadedAgain(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		before := h.record()
		h.compiler.breakWith(&core.NotLoadable{Plugin: h.plugins.is(module, core.PluginApproved), Err: errors.New("damaged")})
		h.later(time.Second)
		h.sellsAt("ann", 99_950)
		if after := h.record(); after.Epoch != before.Epoch {
			t.Errorf("what one node cannot load has fenced the campaign: epoch %d, was %d", after.Epoch, before.Epoch)
		}
	})
}

func TestAStoreThatDoesNotAnswerSwitchesNothingOff(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailSkip)
		h.compiler.breakWith(&core.Error{Code: core.CodeUnavailable, Message: "the store does not answer", Err: core.ErrUnavailable})
		h.later(time.Second)
		h.sellsAt("ann", 99_950)
		h.restart()
		asked := h.compiler.count()
		for range 50 {
			_, err := h.Campaign(t.Context(), "phone")
			wantCode(t, err, core.CodeUnavailable)
			must(t, h.Follow(t.Context()))
		}
		if n := h.compiler.count() - asked; n != 0 {
			t.Errorf("compiled %d times within the pause", n)
		}
		if n := strings.Count(h.log.String(), "cannot be served by this node"); n != 1 {
			t.Errorf("logged %d times\n%s", n, h.log)
		}
		h.compiler.breakWith(nil)
		h.later(time.Second)
		h.sellsAt("bob", 99_950)
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
