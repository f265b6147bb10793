package core

import (
	"context"
	"hash/fnv"
	"slices"
	"strconv"
)

// breakerOpen is the failure of a mechanic that is not asked because its breaker is open.
const breakerOpen = "breaker_open"

// noRuleset decides while mechanics are off: everything costs its list price. Orders pin its number, 0.
func noRuleset() *compiled { return &compiled{} }

// arm returns the ruleset that decides for the shopper, and whether it is the canary's.
func (s *snapshot) arm(shopper *ShopperFacts) (ruleset *compiled, canary bool) {
	if s.canary != nil && s.record.Rollout.Canary.includes(s.record.Definition.ID, shopper) {
		return s.canary, true
	}
	return s.ruleset, false
}

// includes reports whether the canary decides for the shopper.
func (c *Canary) includes(campaign string, shopper *ShopperFacts) bool {
	if c.Tag != "" {
		return slices.Contains(shopper.Tags, c.Tag)
	}
	return c.bucket(campaign, shopper.ID) < c.Percent*100
}

// bucket is a number from 0 to 9,999 that the shopper keeps for as long as the canary's ruleset is a canary. Another
// ruleset draws other shoppers, so that it is not always the same ones who try what is new.
func (c *Canary) bucket(campaign, shopper string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(campaign + "/" + strconv.FormatInt(c.Ruleset, 10) + "/" + shopper))
	mixed := h.Sum64() // its low bits depend on the last bytes only: spread them
	mixed ^= mixed >> 33
	mixed *= 0xff51afd7ed558ccd
	mixed ^= mixed >> 33
	return int64(mixed % 10_000)
}

// compile makes a snapshot of the record, with every mechanic compiled that decides under its rollout.
func (e *Engine) compile(ctx context.Context, record *CampaignRecord, cache *rulesets) (*snapshot, error) {
	snap := &snapshot{record: record, ruleset: noRuleset()}
	rollout := &record.Rollout
	if rollout.Stop == StopMechanics || rollout.Stop == StopCampaign {
		return snap, nil // what cannot be compiled cannot keep anybody from stopping it
	}
	live, err := e.compileArm(ctx, snap, cache, &record.Ruleset, rollout.LastGood)
	if err != nil {
		return nil, err
	}
	snap.ruleset = live
	if rollout.Canary != nil {
		stored, err := cache.stored(ctx, rollout.Canary.Ruleset)
		if err != nil {
			return nil, err
		}
		if snap.canary, err = e.compileArm(ctx, snap, cache, stored, rollout.Live); err != nil {
			return nil, err
		}
	}
	snap.kinds, snap.hooks = snap.usedKinds(), snap.usedHooks()
	snap.addShadowKinds(cache)
	return snap, nil
}

// compileArm returns a ruleset that decides: with what its bindings fall back to, and its breakers open that are.
func (e *Engine) compileArm(
	ctx context.Context, snap *snapshot, cache *rulesets, stored *Ruleset, lastGood int64,
) (*compiled, error) {
	ruleset, err := cache.compiled(ctx, snap.record, stored)
	if err != nil {
		return nil, err
	}
	arm := *ruleset
	arm.bindings = make([]*bound, len(ruleset.bindings))
	for i, b := range ruleset.bindings {
		own := *b
		own.open = snap.record.Rollout.Breakers.open(stored.Number, i)
		arm.bindings[i] = &own
		if !own.kept {
			snap.watch(ruleset, i, e.now())
		}
	}
	return &arm, e.addFallbacks(ctx, snap, cache, &arm, lastGood)
}

// bindingOf returns the binding as it is compiled: with its campaign and the brand whose that is.
func (r *compiled) bindingOf(i int, record *CampaignRecord) Binding {
	binding := r.ruleset.Bindings[i]
	binding.Brand, binding.Campaign = record.Definition.Brand, record.Definition.ID
	return binding
}

// addFallbacks gives the bindings whose policy is last_good what the ruleset of that number binds in their place.
func (e *Engine) addFallbacks(ctx context.Context, snap *snapshot, cache *rulesets, arm *compiled, lastGood int64) error {
	wanted := slices.ContainsFunc(arm.bindings, func(b *bound) bool { return b.policy == FailLastGood })
	if !wanted || lastGood == 0 || lastGood == arm.ruleset.Number {
		return nil
	}
	stored, err := cache.stored(ctx, lastGood)
	if CodeOf(err) == CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	previous, err := cache.compiled(ctx, snap.record, stored)
	if err != nil {
		if passes(ctx, err) {
			return err
		}
		e.log.Warn("last good ruleset does not compile", "campaign", cache.campaign, "ruleset", lastGood, "error", err)
		return nil // there is none
	}
	for i, b := range arm.bindings {
		if b.policy != FailLastGood || i >= len(previous.bindings) {
			continue
		}
		other := previous.bindings[i]
		if !other.kept {
			snap.watch(previous, i, e.now())
		}
		if _, gone := other.mechanic.(*absent); !gone {
			b.fallback, arm.lastGood = other.mechanic, lastGood
		}
	}
	return nil
}

// usedHooks returns the hooks at which a mechanic of either arm has something to say.
func (s *snapshot) usedHooks() []Hook {
	hooks := s.ruleset.hooks()
	if s.canary == nil {
		return hooks
	}
	other := s.canary.hooks()
	return slices.DeleteFunc(Hooks(), func(h Hook) bool { return !slices.Contains(hooks, h) && !slices.Contains(other, h) })
}

// usedKinds returns the kinds of a shopper's documents that either arm reads facts of, or that tell who is in the canary.
func (s *snapshot) usedKinds() []DocumentKind {
	kinds := s.ruleset.kinds()
	if s.canary == nil {
		return kinds
	}
	for _, kind := range s.canary.kinds() {
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	if s.record.Rollout.Canary.Tag != "" && !slices.Contains(kinds, DocumentTags) {
		kinds = append(kinds, DocumentTags)
	}
	return kinds
}
