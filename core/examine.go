package core

import (
	"errors"
	"slices"
	"time"
)

// examined is a decision that was made to be looked at: nothing ends it early, and every binding is timed.
type examined struct {
	ruleset  *compiled
	decision *decision
	micros   []int64    // how long each binding took
	clauses  [][]Clause // of each binding
	refusal  error      // what deciding would have answered
	binding  int        // the one that refused, -1 if none did
}

// examine decides at the hook as decide does, by the given version of the engine's rules, and keeps what decide forgets. At
// a hook without a price the campaign may be nil: then it has whatever effects name.
func (r *compiled) examine(hook Hook, facts *Facts, c *Campaign, budgetLeft int64, engine string) *examined {
	x := &examined{ruleset: r, decision: r.newDecision(hook, facts, c, budgetLeft), binding: -1}
	x.decision.engine = engine
	for _, b := range r.bindings {
		began := time.Now()
		s, _ := b.run(hook, facts, nil, c)
		x.micros = append(x.micros, time.Since(began).Microseconds())
		x.decision.steps = append(x.decision.steps, s)
		x.clauses = append(x.clauses, b.explain(hook, facts, s.lastGood))
	}
	if x.refuse(); x.refusal == nil {
		x.refusal = failedPrice(x.decision.settle(r.groups))
	}
	return x
}

// explain returns the clauses of the mechanic that decided, if it can name them.
func (b *bound) explain(hook Hook, facts *Facts, lastGood bool) []Clause {
	m := b.mechanic
	if lastGood {
		m = b.fallback
	}
	if e, ok := m.(Explainer); ok && slices.Contains(m.Manifest().Hooks, hook) {
		return e.Explain(hook, facts)
	}
	return nil
}

// refuse finds the binding that ends the decision: the first that failed, else the first that denies.
func (x *examined) refuse() {
	steps := x.decision.steps
	x.binding = slices.IndexFunc(steps, func(s step) bool { return s.outcome == outcomeFailed })
	if x.binding >= 0 {
		x.refusal = steps[x.binding].refusal()
		return
	}
	x.binding = slices.IndexFunc(steps, func(s step) bool { return slices.ContainsFunc(s.effects, denies) })
	x.refusal = x.decision.denial()
}

// denies reports whether the effect is a deny.
func denies(e Effect) bool { return e.Kind == EffectDeny }

// into writes what was examined into the explanation.
func (x *examined) into(out *Explanation) {
	out.Bindings = x.steps()
	if x.refusal != nil {
		return
	}
	out.Price, out.Total, out.Lines = x.prices(), x.decision.total, x.decision.lines()
	out.List, _ = x.decision.price.listTotal() // was computed for the total
}

// steps returns every binding's part.
func (x *examined) steps() []ExplainedBinding {
	steps := make([]ExplainedBinding, 0, len(x.decision.steps))
	for i := range x.decision.steps {
		steps = append(steps, x.bindingAt(i))
	}
	return steps
}

func (x *examined) bindingAt(i int) ExplainedBinding {
	s := &x.decision.steps[i]
	return ExplainedBinding{
		Mechanic: s.manifest.Name, Kind: s.manifest.Kind, Version: s.manifest.Version, Digest: s.manifest.Digest,
		Outcome: x.outcomeOf(i), Group: x.groupOf(i), LostTo: x.lostTo(i), LastGood: s.lastGood, Failure: s.failure,
		Clauses: x.clauses[i], Clause: s.usage.Clause, Effects: slices.Concat([]Effect{}, s.effects), Fuel: s.usage.Fuel,
		Micros: x.micros[i],
	}
}

// outcomeOf is the step's outcome: in a decision that was refused nothing was applied.
func (x *examined) outcomeOf(i int) string {
	s := &x.decision.steps[i]
	switch {
	case x.refusal == nil || s.outcome != outcomeApplied && s.outcome != outcomeStacked && s.outcome != outcomeGuarded:
		return string(s.outcome)
	case slices.ContainsFunc(s.effects, denies):
		return "denied"
	default:
		return "proposed"
	}
}

func (x *examined) groupOf(i int) string {
	if i < len(x.ruleset.ruleset.Bindings) {
		return x.ruleset.ruleset.Bindings[i].Group
	}
	return ""
}

// lostTo returns the binding that won over this one in its stacking group, nil if none did.
func (x *examined) lostTo(i int) *int {
	if x.refusal != nil || x.decision.steps[i].outcome != outcomeStacked {
		return nil
	}
	for _, g := range x.ruleset.groups {
		if !slices.Contains(g.members, i) {
			continue
		}
		for _, other := range g.members {
			if x.decision.steps[other].outcome == outcomeApplied {
				return &other
			}
		}
	}
	return nil
}

// prices follows the running total from the list price over every effect and guardrail to the total.
func (x *examined) prices() []PriceStep {
	d := x.decision
	if !d.priced {
		return nil
	}
	running := d.price.plain()
	total, _ := running.total() // each of these sums was computed for the decision, so none overflows
	steps := []PriceStep{{What: "list", Before: total, After: total}}
	for i := range d.applied(x.ruleset.groups) {
		steps = append(steps, effectSteps(&running, i, d.steps[i].effects, d.campaign)...)
	}
	return append(steps, guardrailSteps(&running, d.campaign.Guardrails, d.budgetLeft)...)
}

// effectSteps applies a binding's effects to the price, and returns a step for each of those that are about money.
func effectSteps(running *price, binding int, effects []Effect, c *Campaign) []PriceStep {
	var steps []PriceStep
	for n := range effects {
		before, _ := running.total()
		_ = running.apply(&effects[n], c)
		if after, _ := running.total(); after != before || effects[n].Kind.concernsPrice() {
			steps = append(steps, PriceStep{
				What: string(effects[n].Kind), Binding: &binding, Effect: &effects[n], Before: before, After: after,
			})
		}
	}
	return steps
}

// concernsPrice reports whether effects of the kind are about money.
func (k EffectKind) concernsPrice() bool {
	switch k {
	case EffectDiscount, EffectDiscountPercent, EffectPrice, EffectAdd, EffectDeposit, EffectGroup:
		return true
	default:
		return false
	}
}

// guardrailSteps holds every guardrail that is set against the price.
func guardrailSteps(running *price, g Guardrails, budgetLeft int64) []PriceStep {
	var steps []PriceStep
	before, _ := running.total()
	list, _ := running.listTotal()
	floor, _ := running.floor()
	for _, rail := range []struct {
		what  string
		set   bool
		least int64
	}{
		{"min_price", floor > 0, floor},
		{"max_discount", g.MaxDiscount > 0, max(0, list-g.MaxDiscount)},
		{"discount_budget", budgetLeft >= 0, max(0, list-budgetLeft)},
	} {
		if !rail.set {
			continue
		}
		after := max(before, rail.least)
		steps = append(steps, PriceStep{What: rail.what, Limit: &rail.least, Before: before, After: after})
		before = after
	}
	return steps
}

// refusalOf says which check a request failed at.
func refusalOf(err error, binding int) *ExplainedRefusal {
	e := asError(err)
	refusal := &ExplainedRefusal{Check: checkOf(e.Code), Code: e.Code, Cause: err.Error()}
	if binding >= 0 {
		refusal.Binding = &binding
	}
	return refusal
}

// asError returns err as what the layers above core see.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeOf(err), Message: "the request could not be decided", Err: err}
}

// checkOf names the check that refuses with the code.
func checkOf(code Code) string {
	checks := map[Code]string{
		CodeInvalid: "request", CodeNotInPhase: "phase", CodeSoldOut: "stock", CodeReservationRequired: "reservation", CodeDraining: "rollout",
		CodeLimitReached: "limit", CodeVoucherInvalid: "voucher", CodeVoucherExpired: "voucher", CodeVoucherUsed: "voucher",
		CodeLockedOut: "voucher", CodeGroupClosed: "group", CodeGroupFull: "group", CodeDenied: "mechanic",
		CodeMechanicFailed: "mechanic", CodeQuotaExhausted: "quota", CodeAlreadyUsed: "once", CodePriceChanged: "expect_total",
	}
	if check, ok := checks[code]; ok {
		return check
	}
	return "engine"
}
