package core

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// noteEpoch counts the order for the epoch that it was decided under. One that pins none says nothing.
func (a *audit) noteEpoch(o *Order) {
	if epoch := decidedUnder(o.Quote); epoch > 0 {
		a.decided[epoch]++
	}
}

// decidedUnder returns the epoch of a pinned decision, 0 if it has none. It reads no further than that.
func decidedUnder(quote json.RawMessage) (epoch int64) {
	s := quoteScan{text: string(quote)}
	s.object(func(name string) bool {
		if name == "epoch" {
			s.intInto(&epoch)
			return false // which ends it
		}
		return s.skip(1)
	})
	if epoch > 0 || len(quote) == 0 {
		return epoch
	}
	var pinned struct {
		Epoch int64 `json:"epoch"`
	}
	_ = json.Unmarshal(quote, &pinned) // of a form that is not written today, or none at all
	return pinned.Epoch
}

// VisitRollout implements [BookVisitor].
func (a *audit) VisitRollout(row RolloutEntry) { a.rollouts = append(a.rollouts, row) }

// finishRollouts checks that no order came after a change that was decided under an epoch before it: of the orders of earlier
// epochs there may be no more than had been placed when the change was committed. It cannot tell which one is too many, and
// where several changes have some too many it counts the most.
func (a *audit) finishRollouts() {
	epochs := slices.Sorted(maps.Keys(a.decided))
	var earlier, stale int64
	for _, row := range a.rollouts {
		for len(epochs) > 0 && epochs[0] < row.Epoch {
			earlier += a.decided[epochs[0]]
			epochs = epochs[1:]
		}
		if excess := earlier - row.Orders; excess > 0 {
			a.find("rollout", strconv.FormatInt(row.Revision, 10),
				"epoch %d began with %d orders, and %d were decided under earlier ones", row.Epoch, row.Orders, earlier)
			stale = max(stale, excess)
		}
	}
	a.summary.StaleOrders += stale
}
