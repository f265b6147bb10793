package storetest

import (
	_ "embed" // the rows of earlier releases are files of their own
	"testing"

	"hotdrop/core"
)

var (
	//go:embed first_release.sql
	firstRelease string
	//go:embed previous_release.sql
	previousRelease string
	//go:embed release_before_rollouts.sql
	releaseBeforeRollouts string
	//go:embed release_before_senders.sql
	releaseBeforeSenders string
)

// Release is an earlier release whose databases have to be migrated.
type Release struct {
	Schema int64
	Rows   string // statements that fill a database of this schema with what a shop held then
	// Check holds a store that was migrated against the rows: nothing is lost, what later releases count is counted, the
	// books are clean, and the campaign still sells.
	Check func(t *testing.T, store Store)
}

// Releases returns the earlier releases by their names.
func Releases() map[string]Release {
	return map[string]Release{
		"the first":    {Schema: 1, Rows: firstRelease, Check: checkFirstRelease},
		"the previous": {Schema: 3, Rows: previousRelease, Check: checkPreviousRelease},

		"the one before rollouts":                {Schema: 6, Rows: releaseBeforeRollouts, Check: checkReleaseBeforeRollouts},
		"the one that knew first uploaders only": {Schema: 11, Rows: releaseBeforeSenders, Check: checkReleaseBeforeSenders},
	}
}

func checkFirstRelease(t *testing.T, store Store) {
	t.Helper()
	s := &sale{t: t, Store: store, brand: "acme", campaign: "old"}
	state := s.state(core.Query{Counters: true, Placed: true, Shoppers: []string{"ann"}, Orders: []string{"old.1", "old.2"}})
	same(t, "counters", state.Counters, map[string]core.Counter{
		"stock/mi2":              {Limit: 5, Remaining: 4},
		core.CounterReservations: {Limit: core.Unbounded, Remaining: core.Unbounded - 1},
		core.CounterOrders:       {Limit: core.Unbounded, Remaining: core.Unbounded - 2},
	})
	same(t, "epoch", state.Epoch, int64(3))
	same(t, "orders", len(state.Orders)+len(state.Placed), 4)
	same(t, "ann's payment", state.Orders["old.1"].Dues[0].Payment, "pay/old.1")
	same(t, "ann's reservation", *state.Shoppers["ann"].Reservation, core.Reservation{Shopper: "ann", At: 1, Position: 1})
	s.audit(2)
	s.sells(3)
}

func checkPreviousRelease(t *testing.T, store Store) {
	t.Helper()
	s := &sale{t: t, Store: store, brand: "acme", campaign: "recent"}
	state := s.state(core.Query{Counters: true, Orders: []string{"recent.1"}})
	same(t, "counters", state.Counters, map[string]core.Counter{
		"stock/mi2":              {Limit: 5, Remaining: 4},
		core.CounterReservations: {Limit: core.Unbounded, Remaining: core.Unbounded - 1},
		core.CounterOrders:       {Limit: core.Unbounded, Remaining: core.Unbounded - 1},
		"pool/fifty":             {Limit: 10, Remaining: 10},
		`pool/a b/"末日"`:          {Limit: 9007199254740993, Remaining: 9007199254740993},
	})
	same(t, "epoch", state.Epoch, int64(5))
	s.audit(1)
	s.sells(5)
	order := state.Orders["recent.1"]
	order.Shipment = &core.Shipment{Carrier: "SF", Tracking: "1", ShippedAt: 3}
	s.apply(&core.Plan{Campaign: s.campaign, Brand: "acme", Moves: []core.Move{{Order: order}}, Documents: []*core.Document{
		{Kind: core.DocumentTags, ID: "ann", Shopper: "ann", State: core.TagsKept, Content: []byte(`{}`)},
	}})
	same(t, "shipment", s.stored(order).Shipment, order.Shipment)
	ruleset, err := s.Ruleset(t.Context(), s.key(), 1)
	must(t, err)
	same(t, "hooks of a ruleset that was stored without", ruleset.Hooks == nil, true)
	none, err := s.Artefact(t.Context(), "sha256:1")
	must(t, err)
	same(t, "artefacts", none == nil, true)
	for _, campaign := range []string{"bare", "null"} {
		for key := range (&sale{t: t, Store: store, brand: "acme", campaign: campaign}).state(core.Query{Counters: true}).Counters {
			same(t, "counter of a campaign without pools", key, core.CounterOrders)
		}
	}
}

func checkReleaseBeforeRollouts(t *testing.T, store Store) {
	t.Helper()
	s := &sale{t: t, Store: store, brand: "acme", campaign: "steady", limits: map[string]int64{
		core.CounterReservations: core.Unbounded, core.CounterOrders: core.Unbounded, "stock/mi2": 5,
	}}
	record, err := s.Campaign(t.Context(), s.campaign)
	must(t, err)
	same(t, "what is in force", record.Rollout, core.Rollout{Number: 1, Live: 3, Action: core.ActionApply, At: 7})
	same(t, "rulesets", []int64{record.Ruleset.Number, record.Rulesets}, []int64{3, 3})
	first := core.RolloutEntry{Campaign: s.campaign, Revision: 9, Epoch: 12, Rollout: record.Rollout, At: 7, Orders: 2}
	history, err := s.Rollouts(t.Context(), s.key(), 0, 9)
	must(t, err)
	same(t, "history", history, []core.RolloutEntry{first})
	s.audit(2)
	same(t, "stale orders", s.stale(), int64(0))
	must(t, s.AddRuleset(t.Context(), s.added(4)))
	s.record = *record
	s.record.Rollout.Number, s.record.Rollout.Live, s.record.Ruleset = 2, 4, s.added(4).Ruleset
	s.sells(12)
	s.next()
	s.sells(13)
	second := s.entry(3)
	found, err := s.Rollout(t.Context(), s.key(), 2)
	must(t, err)
	same(t, "the next rollout", *found, second)
	checkSealed(t, store)
	uncounted, err := store.Rollout(t.Context(), core.CampaignKey{Brand: "acme", ID: "uncounted"}, 1)
	must(t, err)
	same(t, "orders that nothing counted", uncounted.Orders, int64(1))
}

func checkReleaseBeforeSenders(t *testing.T, store Store) {
	t.Helper()
	senders := map[string][]core.PluginSender{}
	plugins, err := store.FindPlugins(t.Context(), core.PluginFilter{Brand: "acme", Limit: 10})
	must(t, err)
	for _, p := range plugins {
		senders[p.Digest] = p.Senders
	}
	same(t, "senders", senders, map[string][]core.PluginSender{
		"sha256:1": {{By: "ann", Deed: core.DeedUpload, At: 10}, {By: "zoe", Deed: core.DeedSign, At: 20}},
		"sha256:2": {{By: "bob", Deed: core.DeedUpload, At: 11}},
	})
}

// audit checks that the campaign's books are clean and how many orders they have.
func (s *sale) audit(orders int64) {
	s.t.Helper()
	summary, err := core.Audit(s.t.Context(), s, []core.CampaignKey{s.key()}, func(f core.Finding) { s.t.Errorf("audit: %+v", f) })
	must(s.t, err)
	same(s.t, "orders audited", summary.Orders, orders)
}

// sells takes what an order takes, under the epoch.
func (s *sale) sells(epoch int64) {
	s.t.Helper()
	s.apply(&core.Plan{Campaign: s.campaign, Brand: "acme", Epoch: epoch, Counters: deltas(map[string]int64{
		core.CounterOrders: 1, "stock/mi2": 1,
	})})
}
