package core_test

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// booksOfEpochs are books with orders that pin these quotes, and this history.
func booksOfEpochs(rollouts []core.RolloutEntry, quotes ...string) *books {
	b := &books{rollouts: rollouts}
	for n, quote := range quotes {
		b.orders = append(b.orders, &core.Order{
			ID: fmt.Sprintf("c.%d", n), Campaign: "c", State: core.OrderExpired, TakesState: core.TakesReturned, Quote: []byte(quote),
		})
	}
	return b
}

func underEpoch(epoch int64) string {
	return fmt.Sprintf(`{"bindings":[{"digest":"\"epoch\":9","effects":[{"name":{"epoch":9}}]}],"engine":"2","epoch":%d,"facts":{"epoch":9}}`, epoch)
}

// staleOf audits the books and returns the stale orders, and the revisions that have findings.
func staleOf(t rapid.TB, b *books) (stale int64, revisions []string) {
	t.Helper()
	summary, err := core.Audit(context.Background(), b, []core.CampaignKey{{Brand: "b", ID: "c"}}, func(f core.Finding) {
		if f.Kind == "rollout" {
			revisions = append(revisions, f.Subject)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return summary.StaleOrders, revisions
}

func TestStaleOrders(t *testing.T) {
	history := []core.RolloutEntry{
		{Revision: 1, Epoch: 1}, {Revision: 2, Epoch: 2, Orders: 1}, {Revision: 3, Epoch: 2, Orders: 2}, {Revision: 4, Epoch: 5, Orders: 3},
	}
	for _, tt := range []struct {
		name      string
		quotes    []string
		stale     int64
		revisions string
	}{
		{"each order was decided before the next epoch came", []string{underEpoch(1), underEpoch(2), underEpoch(3), underEpoch(5)}, 0, "[]"},
		{"a change that keeps the epoch ends nothing", []string{underEpoch(1), underEpoch(2), underEpoch(2), underEpoch(5)}, 0, "[]"},
		{"one was decided under the epoch before", []string{underEpoch(1), underEpoch(1), underEpoch(2), underEpoch(5)}, 1, "[2]"},
		{"one was decided under an epoch that had been over for long", []string{underEpoch(1), underEpoch(2), underEpoch(2), underEpoch(1)}, 1, "[2 4]"},
		{"two changes came too late", []string{underEpoch(1), underEpoch(1), underEpoch(1), underEpoch(2)}, 2, "[2 3 4]"},
		{"an order of another form counts too", []string{`{ "total": 1, "epoch": 1 }`, underEpoch(1)}, 1, "[2]"},
		{"an order that says nothing of an epoch does not count", []string{underEpoch(1), `{}`, ``, `[1]`, `{"facts":{"epoch":1}}`}, 0, "[]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stale, revisions := staleOf(t, booksOfEpochs(history, tt.quotes...))
			if stale != tt.stale || fmt.Sprint(revisions) != tt.revisions {
				t.Errorf("%d stale, revisions %v", stale, revisions)
			}
		})
	}
}

// TestStaleOrdersOfAnyHistory places orders and swaps in any order: without a stale one there is no finding, and with some the
// count is at least one and no more than there are.
func TestStaleOrdersOfAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rollouts := []core.RolloutEntry{{Revision: 1, Epoch: 1}}
		var quotes []string
		planted := int64(0)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			last := rollouts[len(rollouts)-1]
			if rapid.IntRange(0, 3).Draw(t, "step") == 0 {
				rollouts = append(rollouts, core.RolloutEntry{
					Revision: last.Revision + 1, Epoch: last.Epoch + rapid.Int64Range(0, 2).Draw(t, "fence"), Orders: int64(len(quotes)),
				})
				continue
			}
			epoch := last.Epoch
			if epoch > 1 && rapid.IntRange(0, 9).Draw(t, "plant") == 0 {
				epoch = rapid.Int64Range(1, epoch-1).Draw(t, "epoch")
				planted++
			}
			quotes = append(quotes, underEpoch(epoch))
		}
		stale, revisions := staleOf(t, booksOfEpochs(rollouts, quotes...))
		if (stale > 0) != (planted > 0) || stale > planted || (stale > 0) != (len(revisions) > 0) {
			t.Fatalf("%d stale orders were planted, %d found in %v", planted, stale, revisions)
		}
	})
}
