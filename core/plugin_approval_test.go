package core_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

const day = 24 * time.Hour

// approve has a person approve the module on terms.
func (r *registry) approve(module string, who core.Principal, change func(d *core.PluginDecision)) (*core.Plugin, error) {
	r.t.Helper()
	d := core.PluginDecision{Actor: who, Digest: digestOf(module), Action: core.PluginApprove, Reason: "read"}
	if change != nil {
		change(&d)
	}
	return r.Decide(r.t.Context(), d)
}

func platform(id, credential string) core.Principal {
	return core.Principal{ID: id, Role: core.RolePlatform, Credential: credential}
}

func TestAPersonWithTwoKeysIsOnePerson(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.upload("fit")
		r.vet()
		first, err := r.approve("fit", platform("ann", "key-1"), nil)
		must(t, err)
		again, err := r.approve("fit", platform("ann", "key-1"), nil) // the answer was lost
		if err != nil || again.Revision != first.Revision || again.Notice == "" || again.State != core.PluginVetted {
			t.Errorf("%+v, %v", again, err)
		}
		_, err = r.approve("fit", platform("ann", "key-2"), nil)
		wantCode(t, err, core.CodeApprovalRequired)
		_, err = r.approve("fit", platform("Ann", "key-4"), nil) // as somebody else has written it
		wantCode(t, err, core.CodeApprovalRequired)
		if p := r.is("fit", core.PluginVetted); len(p.Approvals) != 1 || p.Approvals[0].Credential != "key-1" || p.Needed != 2 {
			t.Errorf("%+v", p)
		}
		_, err = r.approve("fit", platform("bob", "key-3"), nil)
		must(t, err)
		r.is("fit", core.PluginApproved)
	})
}

func TestNobodyApprovesWhatTheyMade(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.vets.author = "Ann Lee <ann@meizu.example>, Bob-2 (李娜)"
		r.upload("fit")
		r.vet()
		if p := r.is("fit", core.PluginVetted); p.Author != r.vets.author {
			t.Errorf("the author is %q", p.Author)
		}
		for person, theirs := range map[string]bool{
			"author": true, "AUTHOR": true, // who uploaded it
			"ann": true, "ANN LEE": true, "ann@meizu.example": true, "bob-2": true, "李娜": true, r.vets.author: true, "meizu": true,
			"an": false, "nn": false, "bob-22": false, "annlee": false, "bobby": false, "李": false, "carol": false,
		} {
			p, err := r.approve("fit", platform(person, ""), nil)
			if theirs != (core.CodeOf(err) == core.CodeApprovalRequired) || (err == nil) == theirs {
				t.Errorf("%s: %v", person, err)
			}
			if err == nil {
				p.Terms, p.Approvals, p.State = nil, nil, core.PluginVetted
				must(t, r.store.SavePlugin(t.Context(), &core.PluginChange{Plugin: p, Void: &core.PluginVoid{Why: "test"}}))
			}
		}
	})
}

func TestAsManyPeopleApproveAsAreAskedFor(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		for needed := 1; needed <= core.MaxApprovals; needed++ {
			r := newRegistry(t, s).with(func(o *core.PluginOptions) { o.Approvals = needed })
			module := fmt.Sprint("fit for ", needed)
			r.upload(module)
			r.vet()
			for i := range needed {
				r.is(module, core.PluginVetted)
				_, err := r.Loadable(t.Context(), "meizu", "phone", digestOf(module))
				wantCode(t, err, core.CodeWrongState)
				must(t, r.decideAs(platform(fmt.Sprint("person-", i), ""), core.PluginApprove, module))
			}
			if p := r.is(module, core.PluginApproved); len(p.Approvals) != needed || p.Needed != needed {
				t.Errorf("%d needed: %+v", needed, p)
			}
			more := r.with(func(o *core.PluginOptions) { o.Approvals = needed + 1 })
			_, err := more.Loadable(t.Context(), "meizu", "phone", digestOf(module))
			wantCode(t, err, map[bool]core.Code{true: core.CodeWrongState, false: ""}[needed < core.MaxApprovals])
		}
	})
}

func TestUntilEnoughPeopleAgreeOnOtherTermsThoseInForceStay(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		r := h.plugins
		usual := r.is(module, core.PluginApproved).Terms
		if usual.ExpiresAt != opening.Add(90*day).UnixMilli() || usual.Campaigns != nil || string(usual.Limits) != `{"pages":1}` {
			t.Errorf("the terms are %+v", usual)
		}
		h.sellsAt("ann", 99_950)
		before := h.record()
		longer := func(d *core.PluginDecision) { d.ExpiresAt = opening.Add(200 * day).UnixMilli() }
		p, err := r.approve(module, approver, longer)
		must(t, err)
		if p.State != core.PluginApproved || len(p.Approvals) != 2 || p.Terms.ExpiresAt != usual.ExpiresAt || len(p.Proposed.Approvals) != 1 ||
			p.Proposed.Terms.ExpiresAt != opening.Add(200*day).UnixMilli() || !strings.Contains(p.Notice, "are proposed") {
			t.Errorf("%+v", p)
		}
		h.sellsAt("bob", 99_950)
		shown := r.is(module, core.PluginApproved)
		if shown.Proposed == nil || shown.Proposed.Approvals[0].By != "approver" {
			t.Errorf("%+v", shown)
		}
		p, err = r.approve(module, second, nil) // agrees to what is proposed
		must(t, err)
		if p.State != core.PluginApproved || p.Proposed != nil || p.Terms.ExpiresAt != opening.Add(200*day).UnixMilli() || len(p.Approvals) != 2 {
			t.Errorf("%+v", p)
		}
		if after := h.record(); after.Epoch != before.Epoch {
			t.Errorf("epoch %d, was %d: nothing that decides has changed", after.Epoch, before.Epoch)
		}
		h.clock.advance(100 * day)
		if n, err := r.LapseExpired(t.Context()); n != 0 || err != nil {
			t.Errorf("%d lapsed, %v", n, err)
		}
		h.audit()
	})
}

func TestAnApprovalForFewerCampaignsFencesThoseThatLoseIt(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		r := h.plugins
		other := *h.def
		other.ID = "car"
		_, err := h.apply(&other)
		must(t, err)
		only := func(ids ...string) func(d *core.PluginDecision) {
			return func(d *core.PluginDecision) { d.Campaigns = ids }
		}
		_, err = r.approve(module, approver, only("car", "phone", "car"))
		must(t, err)
		_, err = r.approve(module, second, nil)
		must(t, err)
		if p := r.is(module, core.PluginApproved); !slices.Equal(p.Terms.Campaigns, []string{"car", "phone"}) {
			t.Errorf("%+v", p.Terms)
		}
		h.sellsAt("bob", 99_950)
		epoch := h.record().Epoch
		_, err = r.approve(module, approver, only("car"))
		must(t, err)
		h.sellsAt("eve", 99_950)
		_, err = r.approve(module, second, only("car"))
		must(t, err)
		if after := h.record(); after.Epoch != epoch+1 {
			t.Errorf("epoch %d, was %d", after.Epoch, epoch)
		}
		h.later(0)
		h.refuses("cid") // it is approved, and not for this campaign
		all := func(d *core.PluginDecision) { d.Campaigns = []string{} }
		_, err = r.approve(module, approver, all)
		must(t, err)
		_, err = r.approve(module, second, all)
		must(t, err)
		h.later(0)
		h.sellsAt("cid", 99_950)
		h.audit()
	})
}

func TestApprovalsOfDifferentTermsNeverAddUp(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s).with(func(o *core.PluginOptions) { o.Approvals = 3 })
		r.upload("fit")
		r.vet()
		until := func(days int) func(d *core.PluginDecision) {
			return func(d *core.PluginDecision) { d.ExpiresAt = opening.Add(time.Duration(days) * day).UnixMilli() }
		}
		for i, person := range []string{"ann", "bob", "cid"} { // nothing is in force: other terms begin anew
			p, err := r.approve("fit", platform(person, ""), until(10+i))
			must(t, err)
			if p.State != core.PluginVetted || len(p.Approvals) != 1 || p.Proposed != nil {
				t.Errorf("%+v", p)
			}
		}
		for _, person := range []string{"ann", "bob"} {
			_, err := r.approve("fit", platform(person, ""), nil)
			must(t, err)
		}
		first := r.is("fit", core.PluginApproved)
		for i, person := range []string{"ann", "bob", "dan", "eve"} { // each proposes something else
			p, err := r.approve("fit", platform(person, ""), until(20+i))
			must(t, err)
			if len(p.Proposed.Approvals) != 1 || p.Terms.ExpiresAt != first.Terms.ExpiresAt || len(p.Approvals) != 3 {
				t.Errorf("%s: %+v, %+v", person, p, p.Proposed)
			}
		}
		p, err := r.approve("fit", platform("ann", ""), until(23)) // what eve proposed
		must(t, err)
		_, err = r.approve("fit", platform("Ann", "another"), nil)
		wantCode(t, err, core.CodeApprovalRequired)
		if again, err := r.approve("fit", platform("ann", ""), nil); err != nil || again.Revision != p.Revision || again.Notice == "" {
			t.Errorf("%+v, %v", again, err)
		}
		one, err := r.approve("fit", platform("fay", ""), func(d *core.PluginDecision) { d.ExpiresAt = first.Terms.ExpiresAt })
		must(t, err) // to what is in force
		if len(one.Approvals) != 4 || len(one.Proposed.Approvals) != 2 {
			t.Errorf("%+v, %+v", one, one.Proposed)
		}
		_, err = r.approve("fit", platform("fay", ""), until(23))
		must(t, err)
		if p := r.is("fit", core.PluginApproved); p.Terms.ExpiresAt != opening.Add(23*day).UnixMilli() || len(p.Approvals) != 3 || p.Proposed != nil {
			t.Errorf("%+v", p)
		}
	})
}

func TestWhatIsProposedCountsOnWhenWhatWasInForceExpires(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		r := h.plugins
		_, err := r.approve(module, approver, func(d *core.PluginDecision) { d.ExpiresAt = opening.Add(200 * day).UnixMilli() })
		must(t, err)
		h.clock.advance(90 * day)
		if n, err := r.LapseExpired(t.Context()); n != 1 || err != nil {
			t.Errorf("%d lapsed, %v", n, err)
		}
		if p := r.is(module, core.PluginVetted); len(p.Approvals) != 1 || p.Proposed != nil {
			t.Errorf("%+v", p)
		}
		_, err = r.approve(module, second, nil)
		must(t, err)
		if p := r.is(module, core.PluginApproved); p.Terms.ExpiresAt != opening.Add(200*day).UnixMilli() {
			t.Errorf("%+v", p.Terms)
		}
	})
}

func TestWhatVoidsApprovalsVoidsWhatIsProposed(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.approved("fit")
		p, err := r.approve("fit", approver, func(d *core.PluginDecision) { d.ExpiresAt = opening.Add(2 * day).UnixMilli() })
		must(t, err)
		if p.Proposed == nil {
			t.Errorf("%+v", p)
		}
		r.vets.grants = "2"
		if n, err := r.Lapse(t.Context()); n != 1 || err != nil {
			t.Errorf("%d lapsed, %v", n, err)
		}
		if p := r.is("fit", core.PluginVetted); p.Terms != nil || p.Approvals != nil || p.Proposed != nil {
			t.Errorf("%+v", p)
		}
	})
}

func TestAnApprovalSaysWhichOfItsCampaignsTheBrandDoesNotHave(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		p, err := h.plugins.approve(module, approver, func(d *core.PluginDecision) { d.Campaigns = []string{"phone", "fone"} })
		must(t, err)
		if !strings.Contains(p.Notice, "the brand meizu has no campaign fone yet") || p.Proposed == nil {
			t.Errorf("%q, %+v", p.Notice, p)
		}
		if p := h.plugins.is(module, core.PluginApproved); len(p.Approvals) != 2 {
			t.Errorf("%+v", p)
		}
	})
}

func problemsOf(err error) []core.Problem {
	problems, _ := err.(*core.Problems) //nolint:errorlint // it comes back bare
	if problems == nil {
		return nil
	}
	return problems.List
}

func TestTermsThatNobodyCanAgreeToAreRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.upload("fit")
		r.vet()
		for name, change := range map[string]func(d *core.PluginDecision){
			"now":           func(d *core.PluginDecision) { d.ExpiresAt = opening.UnixMilli() },
			"long ago":      func(d *core.PluginDecision) { d.ExpiresAt = -1 },
			"too late":      func(d *core.PluginDecision) { d.ExpiresAt = opening.Add(365*day).UnixMilli() + 1 },
			"no campaign":   func(d *core.PluginDecision) { d.Campaigns = []string{"No Campaign"} },
			"too many":      func(d *core.PluginDecision) { d.Campaigns = manyCampaigns(101) },
			"an empty name": func(d *core.PluginDecision) { d.Campaigns = []string{""} },
		} {
			if _, err := r.approve("fit", approver, change); core.CodeOf(err) != core.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		longest := func(d *core.PluginDecision) {
			d.ExpiresAt, d.Campaigns = opening.Add(365*day).UnixMilli(), manyCampaigns(100)
		}
		_, err := r.approve("fit", approver, longest)
		must(t, err)
	})
}

func manyCampaigns(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint("campaign-", i)
	}
	return list
}

func TestAnApprovalEndsWhenItsTimeIsOver(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		other := h.plugins.with(func(o *core.PluginOptions) { o.Campaigns = s })
		h.sellsAt("ann", 99_950)
		before := h.record()
		h.clock.advance(90*day - time.Millisecond)
		if n, err := other.LapseExpired(t.Context()); n != 0 || err != nil {
			t.Errorf("%d lapsed, %v", n, err)
		}
		_, err := other.Loadable(t.Context(), "meizu", "phone", digestOf(module))
		must(t, err)
		h.clock.advance(time.Millisecond)
		_, err = other.Loadable(t.Context(), "meizu", "phone", digestOf(module))
		wantCode(t, err, core.CodeWrongState)
		h.plugins.is(module, core.PluginApproved) // nobody has looked yet
		lapsed := make([]int, 4)
		var sweeping sync.WaitGroup
		for i := range lapsed {
			sweeping.Go(func() {
				node := []*registry{h.plugins, other}[i%2]
				n, err := node.LapseExpired(t.Context())
				if err != nil {
					t.Error(err)
				}
				lapsed[i] = n
			})
		}
		sweeping.Wait()
		if slices.Sort(lapsed); !slices.Equal(lapsed, []int{0, 0, 0, 1}) {
			t.Errorf("%v lapsed", lapsed)
		}
		if p := h.plugins.is(module, core.PluginVetted); p.Approvals != nil || p.Terms != nil || p.Reason != "its approval has expired" {
			t.Errorf("%+v", p)
		}
		if after := h.record(); after.Epoch != before.Epoch+1 {
			t.Errorf("epoch %d, was %d", after.Epoch, before.Epoch)
		}
	})
}

// voided tells when approvals are ended.
type voided struct {
	core.PluginStore

	entries chan core.StaffEntry
}

func (v voided) SavePlugin(ctx context.Context, change *core.PluginChange) error {
	err := v.PluginStore.SavePlugin(ctx, change)
	if err == nil && change.Void != nil {
		v.entries <- *change.Entry
	}
	return err
}

func TestANodeEndsApprovalsByItself(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.approved("fit")
		r.clock.advance(90 * day)
		log := voided{r.store, make(chan core.StaffEntry, 1)}
		node := r.with(func(o *core.PluginOptions) { o.Store = log })
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { node.Run(ctx) })
		entry := <-log.entries
		stop()
		running.Wait()
		if entry.Action != "plugin.void" || entry.Actor != "system" || entry.Reason != "its approval has expired" || entry.Brand != "meizu" ||
			!strings.Contains(string(entry.Before), `"by":"approver"`) || strings.Contains(string(entry.After), "approvals") {
			t.Errorf("%+v", entry)
		}
	})
}

func TestAChangeOfWhatAnApprovalIsBoundToEndsIt(t *testing.T) {
	for name, test := range map[string]struct {
		change func(o *core.PluginOptions)
		why    string
	}{
		"its limits":          {func(o *core.PluginOptions) { o.Vetter = &vetting{version: "1", grants: "2"} }, "its limits have changed"},
		"how many approve":    {func(o *core.PluginOptions) { o.Approvals = 3 }, "it needs the approvals of 3 people and has 2"},
		"it has to be signed": {func(o *core.PluginOptions) { o.RequireSignatures = true }, "it is not signed"},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				h := newHalved(t, s, core.FailDeny)
				h.sellsAt("ann", 99_950)
				next := h.plugins.with(func(o *core.PluginOptions) {
					o.Campaigns = s
					test.change(o)
				})
				_, err := next.Loadable(t.Context(), "meizu", "phone", digestOf(module))
				wantCode(t, err, core.CodeWrongState)
				if n, err := next.Lapse(t.Context()); n != 1 || err != nil {
					t.Errorf("%d lapsed, %v", n, err)
				}
				if n, err := next.Lapse(t.Context()); n != 0 || err != nil {
					t.Errorf("%d lapsed again, %v", n, err)
				}
				if p := h.plugins.is(module, core.PluginVetted); !strings.HasPrefix(p.Reason, test.why) {
					t.Errorf("because %q", p.Reason)
				}
				h.refuses("bob")
			})
		})
	}
}

func TestApprovalsThatAreTooFewYetEndAsWell(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.upload("fit")
		r.vet()
		must(t, r.decideAs(approver, core.PluginApprove, "fit"))
		r.clock.advance(90 * day)
		p, err := r.approve("fit", second, nil) // before the sweep: what has expired is no terms to agree to
		must(t, err)
		if p.State != core.PluginVetted || len(p.Approvals) != 1 || p.Notice == "" {
			t.Errorf("%+v", p)
		}
		r.clock.advance(90 * day)
		if n, err := r.LapseExpired(t.Context()); n != 1 || err != nil {
			t.Errorf("%d lapsed, %v", n, err)
		}
	})
}
