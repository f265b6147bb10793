package core

import (
	"context"
	"slices"
	"time"
)

// earlier is a ruleset that orders are pinned to and that is not live any more, as this node knows it.
type earlier struct {
	stored  *Ruleset
	ruleset *compiled // nil if it has not been compiled, or cannot be
	err     error     // why it cannot be compiled
	until   time.Time // when to try again, if it cannot be compiled or lacks a plugin; zero for never
}

// storedRuleset returns an earlier ruleset of that number as it is stored, which is read once.
func (c *campaign) storedRuleset(ctx context.Context, number int64) (*earlier, error) {
	c.mu.Lock()
	known := c.earlier[number]
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	stored, err := c.engine.Ruleset(ctx, c.id, number)
	if err != nil {
		return nil, err
	}
	known = &earlier{stored: stored}
	c.remember(number, known)
	return known, nil
}

func (c *campaign) remember(number int64, known *earlier) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.earlier) >= maxEarlier {
		clear(c.earlier)
	}
	c.earlier[number] = known
}

// pinned returns the campaign's ruleset of that number: the live one, or an earlier one, which is compiled once. That one
// cannot be compiled is remembered for a while, too.
func (c *campaign) pinned(ctx context.Context, number int64) (*compiled, error) {
	snap := c.snapshot.Load()
	if snap.record.Ruleset.Number == number {
		return snap.ruleset, nil
	}
	known, err := c.storedRuleset(ctx, number)
	if err != nil {
		return nil, err
	}
	now := c.engine.now()
	if (known.ruleset != nil || known.err != nil) && (known.until.IsZero() || now.Before(known.until)) {
		return known.ruleset, known.err
	}
	next := &earlier{stored: known.stored}
	next.ruleset, next.err = c.engine.compileEarlier(ctx, snap.record, known.stored)
	switch {
	case next.err != nil && passes(ctx, next.err):
		return nil, next.err
	case next.err != nil || next.ruleset.lacks():
		next.until = now.Add(watchLongest)
	}
	c.remember(number, next)
	return next.ruleset, next.err
}

// compileEarlier compiles a ruleset that is not live any more, with its fallbacks.
func (e *Engine) compileEarlier(ctx context.Context, record *CampaignRecord, stored *Ruleset) (*compiled, error) {
	ruleset, err := e.compileStored(ctx, record, stored)
	if err != nil {
		return nil, err
	}
	if err := e.addFallbacks(ctx, record, ruleset, func(Binding, Mechanic) {}); err != nil {
		return nil, err
	}
	return ruleset, nil
}

// passes reports whether a failure says nothing about what failed: the store is away or too busy, or nobody waits any more.
func passes(ctx context.Context, err error) bool {
	switch CodeOf(storeError(err)) {
	case CodeUnavailable, CodeOverloaded, CodeStorageFull:
		return true
	default:
		return ctx.Err() != nil
	}
}

// lacks reports whether one of the ruleset's plugins cannot be loaded now.
func (r *compiled) lacks() bool {
	return slices.ContainsFunc(r.bindings, func(b *bound) bool {
		_, gone := b.mechanic.(*absent)
		return gone
	})
}

// asksPaid reports whether the ruleset that priced the order has something to say at the hook paid. If that cannot be
// told now it may have: the task then finds out.
func (c *campaign) asksPaid(o *Order) bool {
	snap, number := c.snapshot.Load(), o.rulesetNumber()
	if number == snap.record.Ruleset.Number {
		return snap.asks(HookPaid)
	}
	known, err := c.storedRuleset(context.Background(), number)
	if err != nil {
		return true
	}
	if known.stored.Hooks != nil {
		return slices.Contains(known.stored.Hooks, HookPaid)
	}
	ruleset, err := c.pinned(context.Background(), number) // it was stored before the hooks were stored with it
	return err != nil || slices.Contains(ruleset.hooks(), HookPaid)
}
