package core

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	// patientFor is how long a change whose moment has come waits for nodes that are not ready: one that starts again, or that
	// compiles late.
	patientFor = 30 * time.Second
	// drainPage is how many placed orders are looked at in one go.
	drainPage = 500
)

// dueChange is what this node knows of the change that waits, now that its moment has come.
type dueChange struct {
	making   sync.Mutex // held by whoever makes it; the rest is theirs
	pending  Pending
	unready  time.Time // when nodes were first found not to be ready for it
	epoch    int64     // of the drain that it looks at
	paidFrom string    // every order from this one on has been paid, or is placed no more; "" if nobody has looked yet
}

// readyFor reports whether the change may be tried: every node is ready, or has had the time to become so.
func (e *Engine) readyFor(ctx context.Context, c *campaign, pending *Pending) (bool, error) {
	if m := &c.due; m.pending != *pending {
		m.pending, m.unready = *pending, time.Time{}
	}
	if pending.Change.Force || pending.Change.Mode == ModeAbort || pending.Change.Mode == ModeShadow {
		return true, nil
	}
	missing, _, err := e.unready(ctx, c.id, pending.Change.Ruleset)
	if err != nil {
		return false, err
	}
	m, now := &c.due, e.now()
	switch {
	case len(missing) == 0:
		m.unready = time.Time{}
		return true, nil
	case m.unready.IsZero():
		m.unready = now
		e.log.Warn("a pending change waits for nodes", "campaign", c.id, "ruleset", pending.Change.Ruleset, "nodes", missing)
		return false, nil
	default:
		return now.Sub(m.unready) >= patientFor, nil
	}
}

// drained reports whether every hold has ended: what has run out is ended here, so that nobody waits for the next sweep. The
// epoch is that of the drain: within it no order is placed.
func (e *Engine) drained(ctx context.Context, c *campaign, epoch int64) (bool, error) {
	if _, err := e.Expire(ctx, c.id); err != nil {
		return false, err
	}
	due, err := e.store.Due(ctx, c.key(), math.MaxInt64, drainPage)
	switch {
	case err != nil:
		return false, storeError(err)
	case slices.ContainsFunc(due, (*Order).holds):
		return false, nil
	case len(due) < drainPage:
		return true, nil
	default:
		return e.noHolds(ctx, c, epoch, drainPage)
	}
}

// noHolds looks through the placed orders, the newest first, until it finds a hold. The next look begins there: what was paid
// stays paid, so that each order is looked at about once however long the drain takes.
func (e *Engine) noHolds(ctx context.Context, c *campaign, epoch int64, page int) (bool, error) {
	m := &c.due
	if m.epoch != epoch {
		m.epoch, m.paidFrom = epoch, ""
	}
	for {
		placed, err := e.store.ListOrders(ctx, c.key(), string(OrderPlaced), m.paidFrom, page)
		if err != nil {
			return false, storeError(err)
		}
		hold := slices.IndexFunc(placed, (*Order).holds)
		if paid := placed[:max(hold, 0)]; hold >= 0 {
			if len(paid) > 0 {
				m.paidFrom = paid[len(paid)-1].ID
			}
			return false, nil
		}
		if len(placed) < page {
			return true, nil
		}
		m.paidFrom = placed[len(placed)-1].ID
	}
}

// holds reports whether the placed order holds stock for somebody who has paid nothing. Who has paid a deposit, or a part for
// a group that waits for company, has bought at the price of the quote and may take long with the rest.
func (o *Order) holds() bool { return o.paidSum() == 0 }
