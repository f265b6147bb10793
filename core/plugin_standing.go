package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// IdleWhy says why a binding's mechanic is not asked.
type IdleWhy string

// The reasons.
const (
	IdleRevoked IdleWhy = "revoked" // the platform has revoked the plugin
	IdleExpired IdleWhy = "expired" // its approval has ended by itself
	IdleVoid    IdleWhy = "void"    // its approvals do not hold any more, or are not for this campaign
	IdleAbsent  IdleWhy = "absent"  // this node cannot load it now, or the brand has none of that digest
	IdleBreaker IdleWhy = "breaker" // its breaker is open
)

// IdleBinding is a binding whose mechanic is not asked now: its failure policy decides.
type IdleBinding struct {
	Ruleset  int64
	Binding  int // from 0; texts for people count from 1
	Mechanic string
	Plugin   string // "" where it binds none
	Policy   FailurePolicy
	Why      IdleWhy
	Message  string // for people
}

// IdleBindings returns the bindings of the rulesets that decide in the campaign whose mechanics this node does not ask now.
func (e *Engine) IdleBindings(ctx context.Context, id string) ([]IdleBinding, error) {
	c, err := e.campaign(ctx, id)
	if err != nil {
		return nil, err
	}
	snap := c.snapshot.Load()
	idle := snap.idle(snap.ruleset)
	if snap.canary != nil {
		idle = append(idle, snap.idle(snap.canary)...)
	}
	return idle, nil
}

// idle returns the ruleset's bindings whose mechanics are not asked.
func (s *snapshot) idle(r *compiled) []IdleBinding {
	var idle []IdleBinding
	for i, b := range r.bindings {
		one := IdleBinding{
			Ruleset: r.ruleset.Number, Binding: i, Mechanic: b.mechanic.Manifest().Name, Plugin: r.ruleset.Bindings[i].Plugin, Policy: b.policy,
		}
		open := slices.IndexFunc(s.record.Rollout.Breakers, func(o Breaker) bool { return o.Ruleset == one.Ruleset && o.Binding == i })
		gone, isAbsent := b.mechanic.(*absent)
		switch {
		case isAbsent:
			one.Why, one.Message = gone.why.idle(), gone.why.words()
		case open >= 0:
			one.Why, one.Message = IdleBreaker, "it kept failing: "+s.record.Rollout.Breakers[open].Failure
		default:
			continue
		}
		idle = append(idle, one)
	}
	return idle
}

// idle is why a binding of the plugin is not asked.
func (n *NotLoadable) idle() IdleWhy {
	p := n.Plugin
	switch {
	case p == nil:
		return IdleAbsent
	case p.State == PluginRevoked:
		return IdleRevoked
	case p.State == PluginVetted && p.Reason == approvalExpired, n.Withheld && n.Expired:
		return IdleExpired
	case n.withdrawn():
		return IdleVoid
	default:
		return IdleAbsent
	}
}

// words are what keeps the plugin out, in one line for people, with staff's own words.
func (n *NotLoadable) words() string {
	text := n.Err.Error()
	if problems, ok := errors.AsType[*Problems](n.Err); ok && len(problems.List) > 0 {
		text = problems.List[0].Message
	}
	if n.Plugin != nil && n.Plugin.State != PluginApproved && n.Plugin.Reason != "" {
		text += ": " + n.Plugin.Reason
	}
	return text
}

// compileFile compiles the ruleset of a campaign file. A binding that is in force as it stands may stay, also where its
// plugin may not be loaded any more: the file changes nothing about that, and a warning says so. Another one has to load.
func (e *Engine) compileFile(ctx context.Context, current *CampaignRecord, def *Campaign, r *Ruleset) (*compiled, []string, error) {
	var warnings []string
	stays := current.Ruleset.bound()
	ruleset, err := compileRuleset(def, r, func(b Binding, i int) (Mechanic, error) {
		mechanic, err := e.compiler.Compile(ctx, b)
		why, gone := errors.AsType[*NotLoadable](err)
		text := bindingText(&r.Bindings[i])
		if !gone || stays[text] == 0 {
			return mechanic, err
		}
		stays[text]--
		warnings = append(warnings, fmt.Sprintf("ruleset[%d] is in force without its plugin, and stays so: %s", i, why.words()))
		return newAbsent(b.Plugin, why), nil
	})
	if err != nil {
		return nil, nil, err
	}
	if err := ruleset.checkSuits(def); err != nil {
		return nil, nil, err
	}
	return ruleset, append(warnings, e.endsBefore(ctx, def, r)...), nil
}

// bound counts the ruleset's bindings of plugins, by what they say.
func (r *Ruleset) bound() map[string]int {
	bound := map[string]int{}
	for i := range r.Bindings {
		if r.Bindings[i].Plugin != "" {
			bound[bindingText(&r.Bindings[i])]++
		}
	}
	return bound
}

// bindingText is all that a file says of a binding.
func bindingText(b *Binding) string {
	text, _ := json.Marshal(b) // plain data always encodes
	return string(text)
}

// PluginStandings tells which plugins may be loaded: [PluginRegistry].
type PluginStandings interface {
	// Loadable returns the brand's plugin if the campaign may load it now.
	Loadable(ctx context.Context, brand, campaign, digest string) (*Plugin, error)
}

// endsBefore warns of each plugin that the ruleset binds whose approval ends before the campaign closes. That a store does
// not answer is no reason to refuse what is warned of.
func (e *Engine) endsBefore(ctx context.Context, def *Campaign, r *Ruleset) []string {
	closes := def.Phases.Closed
	if e.plugins == nil || closes.IsZero() {
		return nil
	}
	var warnings []string
	for i := range r.Bindings {
		digest := r.Bindings[i].Plugin
		if !ValidDigest(digest) {
			continue
		}
		p, err := e.plugins.Loadable(ctx, def.Brand, def.ID, digest)
		if err != nil || p.ExpiresAt() == 0 || p.ExpiresAt() >= closes.UnixMilli() {
			continue
		}
		warnings = append(warnings, fmt.Sprintf(
			"ruleset[%d]: the approval of the plugin %s ends at %s, before the campaign closes at %s: have it approved for longer, "+
				"hotdrop review approve %s --brand %s --expires %s --reason WHY", i, p.Name, instantText(p.ExpiresAt()),
			instantText(closes.UnixMilli()), digest, def.Brand, instantText(closes.UnixMilli())))
	}
	return warnings
}

// instantText is an instant as people and commands read it.
func instantText(millis int64) string { return time.UnixMilli(millis).UTC().Format(time.RFC3339) }
