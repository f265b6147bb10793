package core_test

import (
	"encoding/json"
	"strings"
	"testing"

	"hotdrop/core"
)

// queueBooks are clean books of a campaign with a waiting room: ann and bob came early, cid late, and ann was let in.
func queueBooks(t *testing.T) *books {
	t.Helper()
	b := cleanBooks()
	b.counters[core.CounterQueue] = core.Counter{Limit: core.Unbounded, Remaining: core.Unbounded - 3}
	b.arrivals = []core.Arrival{
		{Shopper: "ann", Turn: 1, Number: 1}, {Shopper: "bob", Turn: 1, Number: 2}, {Shopper: "cid", Turn: 1, Number: 3},
	}
	b.claims = append(b.claims, core.Claim{Shopper: "ann", Kind: core.ClaimQueue, Key: "2", Owner: "c.1"})
	content, err := json.Marshal(core.Room{Early: 2, OpenedAt: 1, Rates: []core.Rate{{At: 1, PerMinute: 1}}})
	must(t, err)
	b.documents = append(b.documents, &core.Document{Kind: core.DocumentRoom, ID: "room", State: core.RoomOpen, Content: content})
	return b
}

func TestTheAuditKnowsWaitingRooms(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(b *books)
		says  string
	}{
		{"clean books", func(*books) {}, ""},
		{"an arrival that is lost", func(b *books) { b.arrivals = b.arrivals[:2] }, "queue"},
		{"a number twice", func(b *books) { b.arrivals[2].Number = 2 }, "3 arrivals, the last number is 2"},
		{"an arrival that nobody counted", func(b *books) { delete(b.counters, core.CounterQueue) }, "3 are taken from a counter that does not exist"},
		{"a place that nobody has", func(b *books) { b.claims[len(b.claims)-1].Key = "4" }, "place 4 has let an order in, and there are 3"},
		{"a place that is no number", func(b *books) { b.claims[len(b.claims)-1].Key = "x" }, `place "x"`},
		{"an order that does not exist", func(b *books) { b.claims[len(b.claims)-1].Owner = "c.9" }, "has let in the order c.9"},
		{"more shuffled than came", func(b *books) {
			b.arrivals = nil
			b.counters[core.CounterQueue] = core.Counter{Limit: core.Unbounded, Remaining: core.Unbounded}
			b.claims = b.claims[:len(b.claims)-1]
		}, "2 came before it opened, and 0 came at all"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := queueBooks(t)
			tt.spoil(b)
			var found []string
			report := func(f core.Finding) { found = append(found, f.Subject+": "+f.Detail) }
			_, err := core.Audit(t.Context(), b, []core.CampaignKey{{Brand: "b", ID: "c"}}, report)
			must(t, err)
			if all := strings.Join(found, "\n"); (tt.says == "") != (all == "") || !strings.Contains(all, tt.says) {
				t.Errorf("found %q, want %q", all, tt.says)
			}
		})
	}
}
