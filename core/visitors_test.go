package core_test

import (
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// vouched is a shopper whom the brand's identity provider vouched for.
func vouched(brand string) core.Principal {
	return core.Principal{ID: "s_ann", Role: core.RoleShopper, Brand: brand}
}

// attempts is all that a shopper can try to do at the campaign phone, as the same errors that a campaign without it gives.
func attempts(t *testing.T, e *core.Engine, p core.Principal, code string) map[string]error {
	t.Helper()
	request := func() core.OrderRequest {
		r := buy(p.ID, "key")
		r.Shopper = p
		return r
	}
	tried := map[string]error{}
	_, _, tried["reserve"] = e.Reserve(t.Context(), "phone", p, "")
	_, tried["quote"] = e.Quote(t.Context(), request())
	_, _, tried["order"] = e.Place(t.Context(), request())
	_, _, tried["share"] = e.Share(t.Context(), "phone", p)
	_, tried["visit"] = e.Visit(t.Context(), code, p)
	_, _, tried["write"] = e.Write(t.Context(), "phone", p, "hello")
	return tried
}

func TestTheCampaignsOfOtherBrandsAreNotThereForAShopper(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, nil, nil)
		code := d.link("bob")
		for what, err := range attempts(t, d.Engine, vouched("meizu"), code) {
			if core.CodeOf(err) != core.CodeNotFound {
				t.Errorf("%s: %v", what, err)
			}
		}
		if counts := d.counts("bob"); counts != (core.Share{}) {
			t.Errorf("the link counted %+v", counts)
		}
		d.audit()
		for what, err := range attempts(t, d.Engine, vouched("xiaomi"), code) {
			if code := core.CodeOf(err); code != "" && (what != "reserve" || code != core.CodeNotInPhase) {
				t.Errorf("a shopper of the brand, %s: %v", what, err)
			}
		}
	})
}

func TestACampaignOfAnotherBrandIsRefusedLikeOneThatIsNotThere(t *testing.T) {
	d := newDrop(t, sqliteStore(t), nil, nil)
	d.clock.advance(-30 * time.Minute)
	_, _, err := d.Reserve(t.Context(), "phone", vouched("meizu"), "")
	if want := `there is no campaign "phone"`; core.CodeOf(err) != core.CodeNotFound || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}
