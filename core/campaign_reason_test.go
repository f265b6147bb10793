package core_test

import (
	"testing"
	"time"

	"hotdrop/core"
)

// TestAChangeThatShoppersNoticeSaysWhy applies files before a campaign, in its phases and after them.
func TestAChangeThatShoppersNoticeSaysWhy(t *testing.T) {
	op := core.Principal{ID: "op", Role: core.RoleOperator}
	hours := func(n int) time.Time { return opening.Add(time.Duration(n) * time.Hour) }
	for name, c := range map[string]struct {
		phases core.Phases // when the first file is in force; the change is at the opening
		after  core.Phases // by the second file
		why    string      // what is kept with a change without a reason; "": it is refused
	}{
		"before it opens":         {core.Phases{Sale: hours(1), Closed: hours(2)}, core.Phases{Sale: hours(1), Closed: hours(2)}, "the file was changed before the campaign opened"},
		"in the teaser":           {core.Phases{Teaser: hours(-1), Sale: hours(1), Closed: hours(2)}, core.Phases{Teaser: hours(-1), Sale: hours(1), Closed: hours(3)}, "the file was changed before the campaign opened"},
		"while people sign up":    {core.Phases{Reservation: hours(-1), Sale: hours(1), Closed: hours(2)}, core.Phases{Reservation: hours(-1), Sale: hours(1), Closed: hours(2)}, ""},
		"in the sale":             {core.Phases{Sale: hours(-1), Closed: hours(2)}, core.Phases{Sale: hours(-1), Closed: hours(2)}, ""},
		"that opens it at once":   {core.Phases{Sale: hours(1), Closed: hours(2)}, core.Phases{Sale: hours(-1), Closed: hours(2)}, ""},
		"after it has closed":     {core.Phases{Sale: hours(-2), Closed: hours(-1)}, core.Phases{Sale: hours(-2), Closed: hours(-1)}, "the file was changed after the campaign had closed"},
		"that opens a closed one": {core.Phases{Sale: hours(-2), Closed: hours(-1)}, core.Phases{Sale: hours(-2), Closed: hours(1)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				d := newDrop(t, s, mechanics{"a": priceOf(1)}, nil)
				file := func(price int64, p core.Phases) *core.Campaign {
					return d.with(func(c *core.Campaign) { c.ID, c.Phases, c.Items[0].Price = "other", p, price })
				}
				first, err := d.ApplyCampaign(t.Context(), core.ApplyRequest{Definition: file(100, c.phases), Actor: op})
				must(t, err)
				if first.Rollout.Reason != "the campaign's first file" {
					t.Errorf("the first file is kept with %q", first.Rollout.Reason)
				}
				change := core.ApplyRequest{Definition: file(200, c.after), Actor: op, DryRun: true}
				_, err = d.ApplyCampaign(t.Context(), change)
				must(t, err)
				change.DryRun = false
				if want := c.why; want != "" {
					second, err := d.ApplyCampaign(t.Context(), change)
					if err != nil || second.Rollout.Reason != want {
						t.Errorf("without a reason: %v, %+v", err, second)
					}
				} else {
					d.needsReason(change)
				}
				again, err := d.ApplyCampaign(t.Context(), core.ApplyRequest{Definition: file(200, c.after), Actor: op})
				if err != nil || again.Revision != 2 {
					t.Errorf("what changes nothing needs no reason: %v", err)
				}
			})
		})
	}
}

// needsReason checks that the change is refused without a reason, and kept with one.
func (d *drop) needsReason(change core.ApplyRequest) {
	d.t.Helper()
	_, err := d.ApplyCampaign(d.t.Context(), change)
	wantCode(d.t, err, core.CodeReasonRequired)
	before, err := d.Record(d.t.Context(), change.Definition.ID)
	must(d.t, err)
	change.Reason = "cheaper"
	after, err := d.ApplyCampaign(d.t.Context(), change)
	must(d.t, err)
	if before.Revision != 1 || after.Revision != 2 || after.Rollout.Reason != "cheaper" {
		d.t.Errorf("revision %d became %d because %q", before.Revision, after.Revision, after.Rollout.Reason)
	}
}
