package core

import (
	"errors"
	"slices"
)

// compiled is a ruleset that can decide.
type compiled struct {
	ruleset  Ruleset
	bindings []*bound
	groups   []stackGroup
	lastGood int64 // the number of the ruleset that bindings fall back to; 0 without one
}

// bound is one binding with its mechanic.
type bound struct {
	mechanic Mechanic
	fallback Mechanic // the same binding in the previous live ruleset, for last_good
	policy   FailurePolicy
	open     bool // its breaker is: it is not asked
	kept     bool // the mechanic is not this binary's own, but as it was stored with the ruleset
}

// outcome is what became of one binding in a decision.
type outcome string

const (
	outcomeApplied outcome = "applied"  // its effects count
	outcomeNoMatch outcome = "no_match" // it asked for nothing
	outcomeStacked outcome = "stacked"  // another binding of its group won
	outcomeFailed  outcome = "failed"   // its mechanic failed, and the order with it
	outcomeSkipped outcome = "skipped"  // its mechanic failed, and the policy is skip or nothing can be denied at the hook
	outcomeGuarded outcome = "guarded"  // it adds a line below its list price, and the guardrails have no room for that
)

// step is one binding's part in a decision.
type step struct {
	manifest *Manifest
	effects  []Effect
	usage    Usage
	outcome  outcome
	lastGood bool   // the mechanic failed and the previous ruleset's decided
	failure  string // why the mechanic failed; for logs and staff
	nanos    int64  // how long it took, nanoseconds; 0 if nobody looked at the clock
}

// decision is what a ruleset decided for one set of facts.
type decision struct {
	campaign   *Campaign // whose guardrails bound the price
	engine     string    // by which version of the engine's rules, see EngineVersion
	ruleset    int64     // the number of the ruleset that decided
	lastGood   int64     // the number of the ruleset that its bindings could fall back to; 0 without one
	budgetLeft int64     // of the discount budget when it was decided, minor units; −1 without one

	steps    []step
	priced   bool // the hook makes a price; everything about money is zero where it does not
	price    price
	total    int64
	off      int64  // list price − total, when positive
	rendered []Line // see lines
	takes    []Take // of quotas; the lines take their items' stock beside them
	once     []string
	duties   []Condition // what the order has to do before it ships

	deposit   *depositTerms // nil unless a deposit is paid now and the rest later; its amount is below the total
	group     *groupTerms   // nil unless the order needs a group
	ungrouped int64         // what the order would cost without the group's price; zero without a group
	notes     []note        // effects that write documents: grant, enter, tag, notify and reply, of the steps that apply
}

// depositTerms are what a mechanic's deposit effect asks for, minor units.
type depositTerms struct {
	amount, credit int64
}

// note is an effect that writes a document, and the mechanic that asked for it.
type note struct {
	effect   Effect
	manifest *Manifest
}

// decide runs every binding that knows the hook once, stacks the effects and, at the hook quote, bounds the price.
// budgetLeft is what is left of the discount budget, negative for no budget. The error is the refusal; the decision beside it
// is what was decided up to there, and makes no price.
func (r *compiled) decide(hook Hook, facts *Facts, c *Campaign, budgetLeft int64) (*decision, error) {
	d := r.newDecision(hook, facts, c, budgetLeft)
	if err := d.ask(r.bindings, hook, facts, c); err != nil {
		return d, err
	}
	if err := d.denial(); err != nil {
		return d, err
	}
	if err := d.settle(r.groups); err != nil {
		return d, failedPrice(err)
	}
	return d, nil
}

func (r *compiled) newDecision(hook Hook, facts *Facts, c *Campaign, budgetLeft int64) *decision {
	d := &decision{
		campaign: c, engine: EngineVersion, ruleset: r.ruleset.Number, lastGood: r.lastGood, budgetLeft: budgetLeft,
		steps: make([]step, 0, len(r.bindings)), priced: hook == HookQuote,
	}
	if d.priced {
		d.price = price{
			sku: facts.Item.SKU, quantity: facts.Quantity,
			list: facts.Item.Price, least: c.minPrice(facts.Item.SKU), unit: facts.Item.Price,
		}
	}
	return d
}

// ask runs every binding; one that fails, and whose policy lets the order fail with it, ends the decision.
func (d *decision) ask(bindings []*bound, hook Hook, facts *Facts, c *Campaign) error {
	effects := make([]Effect, 0, 4)
	for _, b := range bindings {
		var s step
		s, effects = b.run(hook, facts, effects, c)
		d.steps = append(d.steps, s)
		if s.outcome == outcomeFailed {
			return s.refusal()
		}
	}
	return nil
}

// refusal is the error of an order whose mechanic failed.
func (s *step) refusal() error {
	return &Error{
		Code: CodeMechanicFailed, Message: "a promotion of this campaign could not be decided",
		Err: errors.New(s.manifest.Name + ": " + s.failure),
	}
}

func failedPrice(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Code: CodeMechanicFailed, Message: "the price could not be computed", Err: err}
}

// denies reports whether a mechanic may still refuse what is asked for at the hook. Elsewhere it has happened already, and a
// mechanic that fails must not keep the others from their part.
func (h Hook) denies() bool { return EffectDeny.Allowed(h) }

// run asks the mechanic, then its fallback if the policy has one. The step's effects are appended to buffer, which is
// returned for the next binding.
func (b *bound) run(hook Hook, facts *Facts, buffer []Effect, c *Campaign) (step, []Effect) {
	var s step
	extended := buffer
	if b.open && slices.Contains(b.mechanic.Manifest().Hooks, hook) {
		s = step{manifest: b.mechanic.Manifest(), outcome: outcomeFailed, failure: breakerOpen}
	} else {
		s, extended = ask(b.mechanic, hook, facts, buffer, c)
	}
	if s.outcome == outcomeFailed && b.policy == FailLastGood && b.fallback != nil {
		failure := s.failure
		s, extended = ask(b.fallback, hook, facts, buffer, c)
		s.lastGood, s.failure = true, failure
	}
	if s.outcome == outcomeFailed && (b.policy == FailSkip || !hook.denies()) {
		s.outcome = outcomeSkipped
	}
	return s, extended
}

func ask(m Mechanic, hook Hook, facts *Facts, buffer []Effect, c *Campaign) (step, []Effect) {
	s := step{manifest: m.Manifest(), outcome: outcomeNoMatch}
	if !slices.Contains(s.manifest.Hooks, hook) {
		return s, buffer
	}
	clock := stopwatch()
	extended, usage, err := m.Decide(hook, facts, buffer)
	s.usage, s.nanos = usage, clock.nanos()
	if err == nil {
		s.effects = slices.Clip(extended[len(buffer):])
		if !hook.denies() {
			c = nil // what has left the campaign file since is left out where the effects are carried out
		}
		err = checkEffects(hook, s.effects, c)
	}
	if err != nil {
		s.outcome, s.failure, s.effects = outcomeFailed, plainFailure(err.Error()), nil
		return s, buffer
	}
	if len(s.effects) > 0 {
		s.outcome = outcomeApplied
	}
	return s, extended
}

// denial returns the first deny effect as the refusal. A deny counts whatever the stacking: no group can vote it away.
func (d *decision) denial() error {
	for _, s := range d.steps {
		for i := range s.effects {
			if e := &s.effects[i]; e.Kind == EffectDeny {
				return &Error{Code: CodeDenied, Reason: e.Name, Text: e.Text, Message: denialText(e)}
			}
		}
	}
	return nil
}

func denialText(e *Effect) string {
	if text := e.Text.In("en"); text != "" {
		return text
	}
	return "this order is not possible: " + e.Name
}
