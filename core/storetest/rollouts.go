package storetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"hotdrop/core"
)

// fullRollout uses every part of a rollout.
func fullRollout() core.Rollout {
	return core.Rollout{
		Number: 7, Live: 2, LastGood: 1, Agreed: 1, LastGoodAgreed: 4, Canary: &core.Canary{Ruleset: 3, Percent: 5, Since: 6, Agreed: true},
		Shadow: &core.Shadow{Ruleset: 4, Since: 5}, Stop: core.StopReservations,
		Breakers: core.Breakers{{Ruleset: 2, Binding: 1, Until: opening + minute, Trips: 2, Failure: "timeout \"末日\""}},
		Offer:    3, Draining: true, Forced: true, Undo: 4, Action: core.ActionCanary, At: opening, By: "staff-2",
		Pending: &core.Pending{
			Change: core.Change{Mode: core.ModeLive, Ruleset: 5, Holds: core.HoldsOffer}, At: opening + 2*minute, By: "staff-3",
			Asked: opening, Reason: "at noon",
		},
		Role: core.RoleOperator, Reason: "试试",
	}
}

// added is a ruleset of the sale with the number.
func (s *sale) added(number int64) *core.AddedRuleset {
	return &core.AddedRuleset{
		Campaign: s.campaign, Brand: s.brand,
		Ruleset: core.Ruleset{
			Number: number, Bindings: []core.Binding{{Mechanic: "trade-in", Group: "main"}}, Digests: []string{"sha256:1"},
			Reason: "more", CreatedAt: opening, CreatedBy: "staff-2",
		},
		Artefacts: []*core.Artefact{{Digest: fmt.Sprintf("sha256:%s/%d", s.campaign, number), Kind: "rule", Bytes: []byte("x")}},
		Entry: core.StaffEntry{
			At: opening, Actor: "staff-2", Role: "operator", Brand: s.brand, Campaign: s.campaign, Action: "ruleset.add",
			After: []byte(`{"ruleset":2}`),
		},
	}
}

func testAddRuleset(t *testing.T, store Store) {
	t.Run("a ruleset that is added is kept with its artefacts and decides nothing", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		before := s.book()
		added := s.added(2)
		must(t, s.AddRuleset(t.Context(), added))
		got, err := s.Ruleset(t.Context(), s.key(), 2)
		must(t, err)
		same(t, "ruleset", inJSON(t, got), inJSON(t, added.Ruleset))
		artefact, err := s.Artefact(t.Context(), added.Artefacts[0].Digest)
		must(t, err)
		same(t, "artefact", *artefact, *added.Artefacts[0])
		record, err := s.Campaign(t.Context(), s.campaign)
		must(t, err)
		s.record.Rulesets = 2
		same(t, "record", inJSON(t, record), inJSON(t, s.record))
		same(t, "book", s.book(), before)
		s.unchanged(1)
	})

	t.Run("a ruleset with another number than the next is a conflict and leaves nothing", func(t *testing.T) {
		s := openSale(t, store, nil)
		for _, number := range []int64{0, 1, 3} {
			added := s.added(number)
			wantConflict(t, s.AddRuleset(t.Context(), added))
			none, err := s.Artefact(t.Context(), added.Artefacts[0].Digest)
			must(t, err)
			same(t, "artefact", none == nil, true)
		}
		s.numbered(1)
		elsewhere := s.added(1)
		elsewhere.Campaign = unique("none")
		wantConflict(t, s.AddRuleset(t.Context(), elsewhere))
	})

	t.Run("of rulesets at once one gets the number", func(t *testing.T) {
		s := openSale(t, store, nil)
		var saved atomic.Int64
		inParallel(6, func(int) {
			switch err := s.AddRuleset(t.Context(), s.added(2)); {
			case err == nil:
				saved.Add(1)
			case !errors.Is(err, core.ErrConflict):
				t.Error(err)
			}
		})
		same(t, "saved", saved.Load(), int64(1))
		s.numbered(2)
	})

	t.Run("a file and a ruleset that was added never share a number", func(t *testing.T) {
		s := openSale(t, store, nil)
		must(t, s.AddRuleset(t.Context(), s.added(2)))
		s.record.Revision, s.record.Ruleset.Number = 2, 2
		change := s.change()
		change.NewRuleset = true
		wantConflict(t, s.SaveCampaign(t.Context(), change))
		s.numbered(2)
		change.Record.Ruleset.Number = 3
		must(t, s.SaveCampaign(t.Context(), change))
		s.numbered(3)
		wantConflict(t, s.AddRuleset(t.Context(), s.added(3)))
		must(t, s.AddRuleset(t.Context(), s.added(4)))
	})

	t.Run("a change that read an earlier highest number does not lower it", func(t *testing.T) {
		s := openSale(t, store, nil)
		must(t, s.AddRuleset(t.Context(), s.added(2)))
		s.record.Rulesets = 1
		s.next()
		s.numbered(2)
	})
}

// numbered checks the highest number of the campaign's rulesets.
func (s *sale) numbered(want int64) {
	s.t.Helper()
	record, err := s.Campaign(s.t.Context(), s.campaign)
	must(s.t, err)
	same(s.t, "highest ruleset", record.Rulesets, want)
}

// entry is the row of the history that s's record makes.
func (s *sale) entry(orders int64) core.RolloutEntry {
	return core.RolloutEntry{
		Campaign: s.campaign, Revision: s.record.Revision, Epoch: s.record.Epoch, Rollout: s.record.Rollout, At: opening,
		Orders: orders,
	}
}

func testRollouts(t *testing.T, store Store) {
	t.Run("every change is a row of the history, the newest first, in pages", func(t *testing.T) {
		s := openSale(t, store, nil)
		openSale(t, store, nil) // whose history is another
		want := []core.RolloutEntry{s.entry(0)}
		for range 4 {
			s.record.Rollout = fullRollout()
			s.record.Rollout.Number += s.record.Revision
			s.next()
			want = append([]core.RolloutEntry{s.entry(0)}, want...)
		}
		var got []core.RolloutEntry
		for below := int64(0); ; {
			page, err := s.Rollouts(t.Context(), s.key(), below, 2)
			must(t, err)
			if got = append(got, page...); len(page) < 2 {
				break
			}
			below = page[1].Revision
		}
		same(t, "history", got, want)
	})

	t.Run("a rollout is found in the first row that has it", func(t *testing.T) {
		s := openSale(t, store, nil)
		s.next()
		s.record.Rollout.Number = 2
		s.next()
		want := s.entry(0)
		s.next()
		got, err := s.Rollout(t.Context(), s.key(), 2)
		must(t, err)
		same(t, "row", *got, want)
		first, err := s.Rollout(t.Context(), s.key(), 1)
		must(t, err)
		same(t, "revision of the first", first.Revision, int64(1))
		none, err := s.Rollout(t.Context(), s.key(), 3)
		must(t, err)
		same(t, "a rollout that is not", none == nil, true)
		empty, err := s.Rollouts(t.Context(), core.CampaignKey{Brand: brand, ID: unique("none")}, 0, 9)
		must(t, err)
		same(t, "rows of a campaign that is not", len(empty), 0)
	})

	t.Run("a change that is refused is no row", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 1})
		s.apply(s.plan(s.order("ann")))
		change := s.change()
		change.From, change.Record.Revision = 1, 2
		change.Limits[stock] = 0
		same(t, "code", core.CodeOf(s.SaveCampaign(t.Context(), change)), core.CodeBelowTaken)
		change.From, change.Record.Revision = 2, 3
		wantConflict(t, s.SaveCampaign(t.Context(), change))
		rows, err := s.Rollouts(t.Context(), s.key(), 0, 9)
		must(t, err)
		same(t, "rows", len(rows), 1)
	})
}
