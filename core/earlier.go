package core

import (
	"context"
	"slices"
	"sync"
	"time"
)

// maxRulesets is how many rulesets of a campaign a node keeps compiled: those that decide, those that orders are pinned to,
// and those that may come.
const maxRulesets = 32

// rulesets are a campaign's rulesets as this node knows them, whether they decide, did, or may. It is safe for concurrent
// use.
type rulesets struct {
	engine   *Engine
	campaign CampaignKey

	mu    sync.Mutex
	known map[int64]*knownRuleset
	warm  map[int64]bool // those whose mechanics have been asked since they were compiled
	uses  int64
}

// knownRuleset is one of them. It is replaced, never changed, but for used.
type knownRuleset struct {
	stored  *Ruleset
	ruleset *compiled // nil if it has not been compiled, or cannot be
	err     error     // why it cannot be compiled
	until   time.Time // when to try again, if it cannot be compiled or lacks a plugin; zero for never
	used    int64     // when it was last asked for, in uses
}

func newRulesets(e *Engine, campaign CampaignKey) *rulesets {
	return &rulesets{engine: e, campaign: campaign, known: map[int64]*knownRuleset{}, warm: map[int64]bool{}}
}

// get returns what is known of the ruleset, or nil.
func (r *rulesets) get(number int64) *knownRuleset {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.known[number]
	if known != nil {
		r.uses++
		known.used = r.uses
	}
	return known
}

// put replaces what is known of the ruleset, and forgets the one that nobody has asked for the longest if there are too many.
func (r *rulesets) put(next *knownRuleset) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.uses++
	next.used = r.uses
	r.known[next.stored.Number] = next
	if len(r.known) <= maxRulesets {
		return
	}
	oldest := next
	for _, known := range r.known {
		if known.used < oldest.used {
			oldest = known
		}
	}
	delete(r.known, oldest.stored.Number)
}

// stored returns the ruleset of the number as it is stored, which is read once.
func (r *rulesets) stored(ctx context.Context, number int64) (*Ruleset, error) {
	if known := r.get(number); known != nil {
		return known.stored, nil
	}
	stored, err := r.engine.Ruleset(ctx, r.campaign, number)
	if err != nil {
		return nil, err
	}
	r.put(&knownRuleset{stored: stored})
	return stored, nil
}

// compiled returns the ruleset compiled, without what its bindings fall back to. That it cannot be compiled, or lacks a
// plugin, is remembered for a while only; that all its plugins may be loaded is asked every time.
func (r *rulesets) compiled(ctx context.Context, record *CampaignRecord, stored *Ruleset) (*compiled, error) {
	known := r.get(stored.Number)
	if known != nil && known.ruleset != nil && !known.ruleset.uploaded() {
		return known.ruleset, nil
	}
	ruleset, err := r.engine.compileStored(ctx, record, stored)
	if err != nil && passes(ctx, err) {
		return nil, err
	}
	next := &knownRuleset{stored: stored, ruleset: ruleset, err: err}
	if err != nil || ruleset.lacks() {
		next.until = r.engine.now().Add(watchLongest)
	}
	r.put(next)
	return ruleset, err
}

// uploaded reports whether any binding names a plugin that somebody uploaded, and may withdraw.
func (r *compiled) uploaded() bool {
	return slices.ContainsFunc(r.ruleset.Bindings, func(b Binding) bool { return ValidDigest(b.Plugin) })
}

// pinned returns the campaign's ruleset of that number, whether it decides now or did: compiled once, with what its bindings
// fell back to. That one cannot be compiled is remembered for a while, too. Number 0 is that of no mechanics.
func (c *campaign) pinned(ctx context.Context, number int64) (*compiled, error) {
	if number == 0 {
		return noRuleset(), nil
	}
	known := c.rulesets.get(number)
	now := c.engine.now()
	if known != nil && (known.ruleset != nil || known.err != nil) && (known.until.IsZero() || now.Before(known.until)) {
		return known.ruleset, known.err
	}
	stored, err := c.rulesets.stored(ctx, number)
	if err != nil {
		return nil, err
	}
	return c.rulesets.compiled(ctx, c.snapshot.Load().record, stored)
}

// allowed returns the campaign's ruleset of that number like pinned, but without the plugins that may not be loaded any more:
// they are absent from it.
func (c *campaign) allowed(ctx context.Context, number int64) (*compiled, error) {
	ruleset, err := c.pinned(ctx, number)
	if err != nil || !ruleset.uploaded() || ruleset.lacks() { // whether one is back is asked now and then
		return ruleset, err
	}
	return c.rulesets.compiled(ctx, c.snapshot.Load().record, &ruleset.ruleset)
}

// fallingBack returns the ruleset with the fallbacks that it had in a decision: those of the ruleset of that number, 0 for
// none.
func (c *campaign) fallingBack(ctx context.Context, ruleset *compiled, lastGood int64) (*compiled, error) {
	if lastGood == 0 {
		return ruleset, nil
	}
	previous, err := c.pinned(ctx, lastGood)
	if err != nil {
		return nil, err
	}
	return ruleset.withFallbacks(previous), nil
}

// current returns the campaign's ruleset of that number with the plugins that may be loaded now. What decides is compiled
// anew by the fence of a revocation; of all others it is asked.
func (c *campaign) current(ctx context.Context, number int64) (*compiled, error) {
	if r := &c.snapshot.Load().record.Rollout; r.decides(number) && !r.mechanicsOff() {
		return c.pinned(ctx, number)
	}
	return c.allowed(ctx, number)
}

// pinnedPaid returns the ruleset that decides at the hook paid for orders that are pinned to the number. It falls back to
// what was live when it was made, as long after the order its own rollout may be gone. A plugin that may not be loaded any
// more is absent from both.
func (c *campaign) pinnedPaid(ctx context.Context, number int64) (*compiled, error) {
	ruleset, err := c.current(ctx, number)
	if err != nil || !slices.ContainsFunc(ruleset.bindings, func(b *bound) bool { return b.policy == FailLastGood }) {
		return ruleset, err
	}
	previous := ruleset.ruleset.Previous
	if previous == 0 {
		previous = number - 1 // it was stored before that was
	}
	if previous == 0 {
		return ruleset, nil
	}
	earlier, err := c.current(ctx, previous)
	switch {
	case err == nil:
		return ruleset.withFallbacks(earlier), nil
	case passes(ctx, err):
		return nil, err
	default:
		return ruleset, nil // there is nothing to fall back to
	}
}

// withFallbacks returns a copy of the ruleset whose bindings of the policy last_good fall back to those of previous.
func (r *compiled) withFallbacks(previous *compiled) *compiled {
	copied := *r
	copied.lastGood = previous.ruleset.Number
	copied.bindings = slices.Clone(r.bindings)
	for i, b := range copied.bindings {
		if b.policy == FailLastGood && i < len(previous.bindings) {
			own := *b
			own.fallback = previous.bindings[i].mechanic
			copied.bindings[i] = &own
		}
	}
	return &copied
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
	number := o.rulesetNumber()
	if number == 0 {
		return false // no mechanic was asked for its price
	}
	stored, err := c.rulesets.stored(context.Background(), number)
	if err != nil {
		return true
	}
	if stored.Hooks != nil {
		return slices.Contains(stored.Hooks, HookPaid)
	}
	ruleset, err := c.pinned(context.Background(), number) // it was stored before the hooks were stored with it
	return err != nil || slices.Contains(ruleset.hooks(), HookPaid)
}
