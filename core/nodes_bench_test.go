package core_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/postgres"
	"hotdrop/core/storetest"
)

// threeNodes starts three nodes on one Postgres, which sell by the machine's clock, and makes rulesets 2 and 3 ready.
func threeNodes(b *testing.B) []*core.Engine {
	b.Helper()
	url := storetest.PostgresURL(b)
	w, now := newWorkshop(3), time.Now()
	nodes := make([]*core.Engine, 3)
	for i := range nodes {
		s, err := postgres.Open(b.Context(), url)
		must(b, err)
		b.Cleanup(func() { _ = s.Close() })
		must(b, s.Migrate(b.Context()))
		nodes[i] = core.NewEngine(core.Options{
			Store: s, Campaigns: s, Ledger: s, Nodes: s, Compiler: w, NodeID: string(rune('a' + i)), Log: slog.New(slog.DiscardHandler),
		})
		must(b, nodes[i].Start(b.Context()))
		b.Cleanup(nodes[i].Stop)
	}
	_, err := nodes[0].ApplyCampaign(b.Context(), core.ApplyRequest{Actor: operator, Reason: "bench", Definition: &core.Campaign{
		ID: "phone", Brand: "xiaomi", Currency: "CNY", Title: core.Text{EN: "Phone"}, Ruleset: []core.Binding{{Mechanic: "v1"}},
		Phases: core.Phases{Reservation: now.Add(-time.Hour), Sale: now, Closed: now.Add(time.Hour)},
		Items: []core.Item{{
			SKU: "mi2", Title: core.Text{EN: "Mi 2"}, Price: 199_900, Stock: 10, Hold: core.Duration(15 * time.Minute),
		}},
	}})
	must(b, err)
	for _, mechanic := range []string{"v2", "v3"} {
		r, err := nodes[0].AddRuleset(b.Context(), core.RulesetRequest{
			Campaign: "phone", Bindings: []core.Binding{{Mechanic: mechanic}}, Reason: "bench", Actor: operator,
		})
		must(b, err)
		_, err = nodes[0].AwaitReady(b.Context(), "phone", r.Number, patience)
		must(b, err)
	}
	return nodes
}

// swapTo makes ruleset 2 or 3 live, at the instant if it is not 0.
func swapTo(b *testing.B, nodes []*core.Engine, i int, at int64) *core.Swapped {
	b.Helper()
	record, err := nodes[0].Record(b.Context(), "phone")
	must(b, err)
	swapped, err := nodes[i%3].ChangeRollout(b.Context(), core.RolloutRequest{
		Campaign: "phone", Change: core.Change{Mode: core.ModeLive, Ruleset: int64(2 + i%2)}, Expect: record.Rollout.Number, At: at,
		Reason: "bench", Actor: operator,
	})
	must(b, err)
	return swapped
}

// lastFollowed is when the last node followed the revision.
func lastFollowed(b *testing.B, nodes []*core.Engine, revision int64) int64 {
	b.Helper()
	followed, err := nodes[0].AwaitFollowed(context.Background(), "phone", revision, patience)
	must(b, err)
	last := int64(0)
	for _, n := range followed {
		if n.At == 0 || len(followed) != 3 {
			b.Fatalf("followed: %+v", followed)
		}
		last = max(last, n.At)
	}
	return last
}

func report(b *testing.B, delays []int64, what string) {
	b.Helper()
	slices.Sort(delays)
	b.ReportMetric(float64(delays[len(delays)/2]), what+"-p50-ms")
	b.ReportMetric(float64(delays[len(delays)-1]), what+"-max-ms")
}

// BenchmarkFollowing measures, with three nodes on one Postgres, how long it takes from just before a swap's commit until the
// last node decides by it.
func BenchmarkFollowing(b *testing.B) {
	nodes := threeNodes(b)
	var delays []int64
	for i := 0; b.Loop(); i++ {
		swapped := swapTo(b, nodes, i, 0)
		delays = append(delays, lastFollowed(b, nodes, swapped.Revision)-swapped.Rollout.At)
	}
	report(b, delays, "follow")
}

// BenchmarkInstant measures how late a change is committed that waits for an instant, on the same nodes.
func BenchmarkInstant(b *testing.B) {
	nodes := threeNodes(b)
	var late []int64
	for i := 0; b.Loop(); i++ {
		at := time.Now().Add(100 * time.Millisecond).UnixMilli()
		waiting := swapTo(b, nodes, i, at)
		lastFollowed(b, nodes, waiting.Revision+1)
		record, err := nodes[0].Record(b.Context(), "phone")
		must(b, err)
		if record.Rollout.At < at {
			b.Fatalf("%d ms early", at-record.Rollout.At)
		}
		late = append(late, record.Rollout.At-at)
	}
	report(b, late, "late")
}
