package main

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core"
)

func at(text string) time.Time {
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return parsed
}

func exampleCampaign() *core.Campaign {
	return &core.Campaign{
		ID: "example",
		Phases: core.Phases{
			Teaser: at("2014-03-26T10:00:00+08:00"), Reservation: at("2014-03-28T10:00:00+08:00"),
			Sale: at("2014-04-03T12:00:00+08:00"), Closed: at("2014-04-06T00:00:00+08:00"),
		},
		Items: []core.Item{
			{SKU: "with-window", Phases: core.Phases{Sale: at("2014-03-28T10:00:00+08:00"), Closed: at("2014-04-03T12:00:00+08:00")}},
			{SKU: "without"},
		},
		VoucherPools: map[string]core.VoucherPool{
			"expires": {Expires: at("2014-05-01T00:00:00+08:00")}, "never": {},
		},
	}
}

func TestShiftingPutsNowIntoThePhaseAndKeepsEveryDistance(t *testing.T) {
	phases := []core.Phase{core.PhaseTeaser, core.PhaseReservation, core.PhaseSale, core.PhaseClosed}
	rapid.Check(t, func(t *rapid.T) {
		phase := rapid.SampledFrom(phases).Draw(t, "phase")
		now := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "now"), 0)
		c := exampleCampaign()
		got := shifted(c, phase, now)
		if in := got.Phases.At(now); in != phase {
			t.Fatalf("in %s, want %s", in, phase)
		}
		by := got.Phases.Closed.Sub(c.Phases.Closed)
		for _, pair := range [][2]time.Time{
			{c.Phases.Teaser, got.Phases.Teaser}, {c.Phases.Sale, got.Phases.Sale},
			{c.Items[0].Phases.Sale, got.Items[0].Phases.Sale}, {c.Items[0].Phases.Closed, got.Items[0].Phases.Closed},
			{c.VoucherPools["expires"].Expires, got.VoucherPools["expires"].Expires},
		} {
			if pair[1].Sub(pair[0]) != by {
				t.Fatalf("%s moved by %s, the others by %s", pair[0], pair[1].Sub(pair[0]), by)
			}
		}
	})
}

func TestShiftingLeavesAbsentTimesAndTheOriginalAlone(t *testing.T) {
	c := exampleCampaign()
	got := shifted(c, core.PhaseSale, at("2026-01-02T03:04:05Z"))
	if got.Items[1].Phases != (core.Phases{}) || !got.Items[0].Phases.Teaser.IsZero() || !got.VoucherPools["never"].Expires.IsZero() {
		t.Errorf("an absent time was shifted: %+v", got)
	}
	if c.Phases != exampleCampaign().Phases || c.Items[0].Phases != exampleCampaign().Items[0].Phases ||
		c.VoucherPools["expires"] != exampleCampaign().VoucherPools["expires"] {
		t.Error("the original was changed")
	}
}

func TestACampaignWithoutThePhaseIsNotShifted(t *testing.T) {
	c := exampleCampaign()
	c.Phases.Teaser = time.Time{}
	if got := shifted(c, core.PhaseTeaser, time.Now()); got != c {
		t.Errorf("got %+v", got)
	}
}
