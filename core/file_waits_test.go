package core_test

import (
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// TestAFileThatWaitsSaysWhyAlsoWithoutAReason has two operators apply a file before the campaign opens, when nobody has to say why.
func TestAFileThatWaitsSaysWhyAlsoWithoutAReason(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		const why = "the file was changed before the campaign opened"
		d := newDrop(t, s, prices(), func(c *core.Campaign) {
			guarded(c)
			c.Phases.Reservation, c.Phases.Sale = time.Time{}, opening.Add(time.Minute)
		})
		dear := d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "p200"}} })
		by := func(id string) error {
			_, err := d.ApplyCampaign(t.Context(), core.ApplyRequest{Definition: dear, Actor: operatorCalled(id)})
			return err
		}
		wantCode(t, by("op"), core.CodeApprovalRequired)
		if p := d.rollout().Pending; p == nil || p.Reason != why {
			t.Errorf("it waits with %+v", p)
		}
		must(t, by("second"))
		if r := d.rollout(); r.Reason != why+" (asked by op: "+why+")" {
			t.Errorf("it is in force because %q", r.Reason)
		}
		rows, err := s.StaffLogRows(t.Context(), core.LogFilter{Limit: 9})
		must(t, err)
		agreed := false
		for _, row := range rows {
			if row.Reason == "" {
				t.Errorf("the row %s by %s has no reason", row.Action, row.Actor)
			}
			agreed = agreed || row.Action == "campaign.apply" && strings.Contains(row.Reason, "(asked by op: ")
		}
		if !agreed {
			t.Error("no row of a file says who asked for it")
		}
	})
}

// TestAFileThatIsInForceWaitsNoMore has more orders make so little of a file's move that who asked for it applies it.
func TestAFileThatIsInForceWaitsNoMore(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		dear := func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			amount := int64(100)
			if f.Shopper.ID == "ann" {
				amount = 200
			}
			return append(effects, core.Effect{Kind: core.EffectPrice, Amount: amount}), nil
		}
		d := newDrop(t, s, mechanics{"p100": priceOf(100), "dear": dear}, func(c *core.Campaign) {
			at100(c)
			c.Guards.MaxMoneyChange = 2000
		})
		next := d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "dear"}} })
		d.place("ann")
		_, err := d.apply(next)
		wantCode(t, err, core.CodeApprovalRequired)
		for _, id := range []string{"bob", "cid", "dan", "eve", "fay", "gus"} {
			d.place(id)
		}
		_, err = d.apply(next)
		must(t, err)
		if r := d.rollout(); r.Live != 2 || r.Pending != nil {
			t.Errorf("in force is ruleset %d, and %+v waits", r.Live, r.Pending)
		}
	})
}
