package core_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// ofBrand is a person of meizu.
func ofBrand(id string) core.Principal {
	return core.Principal{ID: id, Role: core.RoleBrand, Brand: "meizu", Credential: "key of " + id}
}

// sends has a person of the brand upload the module.
func (r *registry) sends(person, module string) *core.Plugin {
	r.t.Helper()
	p, _, err := r.Upload(r.t.Context(), core.PluginUpload{Actor: ofBrand(person), Body: strings.NewReader(module)})
	must(r.t, err)
	return p
}

// sendersOf are the people who have sent the plugin.
func sendersOf(p *core.Plugin) (people []string) {
	for _, s := range p.Senders {
		people = append(people, s.By+" "+string(s.Deed))
	}
	return people
}

// approversOf are the people whose approvals count.
func approversOf(p *core.Plugin) (people []string) {
	for _, a := range p.Approvals {
		people = append(people, a.By)
	}
	return people
}

func TestTwoPeopleWhoEachSendTheSameBytesCannotApproveEachOthers(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.sends("ann", "fit")
		r.clock.advance(time.Second)
		r.sends("bob", "fit")
		r.vet()
		for _, person := range []string{"ann", "bob", "Bob"} {
			_, err := r.approve("fit", platform(person, "another key"), nil)
			if wantCode(t, err, core.CodeApprovalRequired); !strings.Contains(err.Error(), "you have uploaded it: other people") {
				t.Errorf("%s is told %v", person, err)
			}
		}
		p := r.is("fit", core.PluginVetted)
		if people := sendersOf(p); !slices.Equal(people, []string{"ann upload", "bob upload"}) || p.UploadedBy != "ann" || p.Approvals != nil {
			t.Errorf("%q, %+v", people, p)
		}
		if again := r.sends("Bob", "fit"); again.Revision != p.Revision {
			t.Errorf("revision %d, was %d: nothing has changed", again.Revision, p.Revision)
		}
		must(t, r.decide(core.PluginApprove, "fit"))
		r.is("fit", core.PluginApproved)
	})
}

func TestWhoSendsWhatIsRefusedIsRememberedWhenItIsVettedAgain(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.vets.strict = true
		r.sends("ann", "fit")
		r.vet()
		r.sends("bob", "fit")
		r.vets.strict = false
		_, _, err := r.Upload(t.Context(), core.PluginUpload{Actor: ofBrand("cid"), Body: strings.NewReader("fit"), Again: true})
		must(t, err)
		r.vet()
		for _, person := range []string{"ann", "bob", "cid"} {
			_, err := r.approve("fit", platform(person, ""), nil)
			wantCode(t, err, core.CodeApprovalRequired)
		}
	})
}

func TestTheApprovalOfWhoeverSendsThePluginAfterwardsCountsNoMore(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		r := h.plugins
		h.sellsAt("ann", 99_950)
		must(t, r.decideAs(platform("third", ""), core.PluginApprove, module))
		before := h.record()

		p := r.sends("Third", module) // two others have approved it
		if p.State != core.PluginApproved || !slices.Equal(approversOf(r.is(module, core.PluginApproved)), []string{"approver", "second"}) || p.Notice == "" {
			t.Errorf("%+v", p)
		}
		h.later(0)
		h.sellsAt("bob", 99_950)
		if after := h.record(); after.Epoch != before.Epoch {
			t.Errorf("epoch %d, was %d: enough people approve it", after.Epoch, before.Epoch)
		}

		r.sends("second", module)
		if p = r.is(module, core.PluginVetted); !slices.Equal(approversOf(p), []string{"approver"}) || p.DecidedBy != "second" || p.Terms == nil {
			t.Errorf("%+v", p)
		}
		_, err := r.Loadable(t.Context(), "meizu", "phone", digestOf(module))
		wantCode(t, err, core.CodeWrongState)
		h.refuses("cid")
		if after := h.record(); after.Epoch != before.Epoch+1 {
			t.Errorf("epoch %d, was %d", after.Epoch, before.Epoch)
		}
		for _, person := range []string{"second", "third"} {
			wantCode(t, r.decideAs(platform(person, ""), core.PluginApprove, module), core.CodeApprovalRequired)
		}
		must(t, r.decideAs(platform("fourth", ""), core.PluginApprove, module))
		h.later(0)
		h.sellsAt("cid", 99_950)
		h.audit()
	})
}

func TestWhoSendsThePluginTakesNothingBackThatOthersProposed(t *testing.T) {
	longer := func(d *core.PluginDecision) { d.ExpiresAt = opening.Add(200 * day).UnixMilli() }
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s).with(func(o *core.PluginOptions) { o.Approvals = 3 })
		r.upload("fit")
		r.vet()
		for _, person := range []string{"ann", "bob", "cid"} {
			must(t, r.decideAs(platform(person, ""), core.PluginApprove, "fit"))
		}
		for _, person := range []string{"cid", "dan"} {
			_, err := r.approve("fit", platform(person, ""), longer)
			must(t, err)
		}
		r.sends("cid", "fit")
		p := r.is("fit", core.PluginVetted)
		if people := approversOf(p); !slices.Equal(people, []string{"ann", "bob"}) || p.Proposed == nil || len(p.Proposed.Approvals) != 1 {
			t.Errorf("%q, %+v", people, p.Proposed)
		}
		r.sends("ann", "fit")
		r.sends("bob", "fit")
		p = r.is("fit", core.PluginVetted)
		if people := approversOf(p); !slices.Equal(people, []string{"dan"}) || p.Proposed != nil || p.Terms.ExpiresAt != opening.Add(200*day).UnixMilli() {
			t.Errorf("%q, %+v", people, p)
		}
		r.sends("dan", "fit")
		if p = r.is("fit", core.PluginVetted); p.Approvals != nil || p.Terms != nil {
			t.Errorf("%+v", p)
		}
	})
}

func TestNobodyApprovesWhatTheySignedOrRegisteredTheKeyOf(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		key := newSigner(r, "meizu", 1) // of author
		r.sends("ann", "fit")
		r.vet()
		sign := func(person string) *core.Plugin {
			p, err := r.Sign(t.Context(), core.PluginSigning{Actor: ofBrand(person), Digest: digestOf("fit"), SignedBy: *key.of("fit")})
			must(t, err)
			return p
		}
		sign("bob")
		if again := sign("cid"); again.Revision != r.is("fit", core.PluginVetted).Revision || len(again.Senders) != 3 {
			t.Errorf("the same signature by somebody else: %+v", again)
		}
		for person, why := range map[string]string{
			"ann": "you have uploaded it", "bob": "you have signed it", "cid": "you have signed it",
			"author": "you have registered the key that it is signed by",
		} {
			_, err := r.approve("fit", platform(person, ""), nil)
			if wantCode(t, err, core.CodeApprovalRequired); !strings.Contains(err.Error(), why+": other people") {
				t.Errorf("%s is told %v", person, err)
			}
		}
		p := r.is("fit", core.PluginVetted)
		if people := sendersOf(p); !slices.Equal(people, []string{"ann upload", "bob sign", "cid sign"}) {
			t.Errorf("%q", people)
		}
		must(t, r.decide(core.PluginApprove, "fit"))
		if p = sign("second"); p.State != core.PluginVetted || !slices.Equal(approversOf(p), []string{"approver"}) {
			t.Errorf("the same signature by somebody who has approved it: %+v", p)
		}
	})
}

func TestTheStaffLogHasWhoSendsWhatIsThereAlready(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.sends("ann", "fit")
		r.sends("bob", "fit")
		r.sends("bob", "fit")
		rows, err := logOf(t, s).StaffLogRows(t.Context(), core.LogFilter{Brand: "meizu", Action: "plugin.upload", Limit: 10})
		must(t, err)
		if len(rows) != 2 || rows[1].Actor != "bob" || rows[1].Credential != "key of bob" || !strings.Contains(string(rows[1].After), `"by":"bob"`) {
			t.Errorf("%+v", rows)
		}
	})
}
