package core

import (
	"context"
	"errors"
)

// addFallbacks compiles, for the bindings of the record's campaign whose policy is last_good, what the ruleset before this
// one bound in their place. found is told of each.
func (e *Engine) addFallbacks(
	ctx context.Context, record *CampaignRecord, ruleset *compiled, found func(Binding, Mechanic),
) error {
	var previous *Ruleset
	for i, b := range ruleset.bindings {
		if b.policy != FailLastGood || ruleset.ruleset.Number <= 1 {
			continue
		}
		if previous == nil {
			var err error
			if previous, err = e.campaigns.Ruleset(ctx, record.Definition.ID, ruleset.ruleset.Number-1); err != nil {
				return storeError(err)
			}
		}
		if previous == nil || i >= len(previous.Bindings) || i >= len(previous.Digests) {
			continue
		}
		binding := previous.Bindings[i]
		binding.Brand = record.Definition.Brand
		fallback, kept, err := e.compileFallback(ctx, record.Definition.ID, binding, previous.Digests[i])
		if err != nil {
			return err
		}
		if fallback == nil {
			continue
		}
		if !kept {
			found(binding, fallback)
		}
		if fallback.Manifest().Digest == previous.Digests[i] {
			b.fallback = fallback
		}
	}
	return nil
}

// compileFallback compiles what was last good; nil if that is no longer here.
func (e *Engine) compileFallback(
	ctx context.Context, campaign string, binding Binding, digest string,
) (fallback Mechanic, kept bool, err error) {
	fallback, kept, err = e.compileInForce(ctx, campaign, binding, digest)
	if problems, ok := errors.AsType[*Problems](err); ok {
		e.log.Warn("last good mechanic does not compile", "campaign", campaign, "binding", binding.Mechanic, "error", problems)
		return nil, false, nil // there is none
	}
	return fallback, kept, err
}
