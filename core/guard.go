package core

import (
	"fmt"

	"hotdrop/core/money"
)

// GuardName names a guard, as the campaign file does. A guard measures one arm: the live ruleset since it went live, or the
// canary since it began. What was decided before, or while mechanics were off, is not its own. A campaign file that changes
// without its ruleset begins anew, too. Every guard trips when its value is above its limit.
type GuardName string

// The guards.
const (
	// GuardSpendPerMinute measures by how much the orders that were placed within the last 60 s, paid or not, cost less than
	// their list price, minor units. It needs no minimum: the first order that gives too much trips it. The canary's value
	// counts the live ruleset's orders too, so that the two together stay below the limit; the live ruleset answers for its own.
	GuardSpendPerMinute GuardName = "spend_per_minute"
	// GuardBudgetShare measures how much of guardrails.discount_budget is taken by orders that are paid or may be, basis points
	// of the budget. It trips when the share comes to be above the limit: a ruleset under which it has always been is not
	// taken back for it.
	GuardBudgetShare GuardName = "budget_share"
	// GuardErrorRate measures in how many of the order requests that the arm decided a mechanic failed when it was asked,
	// whatever the failure policy made of it, basis points. It looks at the last 10 s, or at as many more, up to 60 s, as it
	// takes for min_orders requests.
	GuardErrorRate GuardName = "error_rate"
	// GuardDenialRate measures how many of the order requests that the arm decided a mechanic denied, basis points, over the
	// same requests as the error rate.
	GuardDenialRate GuardName = "denial_rate"
	// GuardFuelP99 measures the fuel that 99 of 100 decisions do not exceed, all their mechanics together, over the same
	// requests as the error rate. The value is at most 1/32 above the exact one.
	GuardFuelP99 GuardName = "fuel_p99"
	// GuardOrderValueDrop measures by how much the arm's money per order (what placed orders cost, divided by their number) is
	// below that of what it is compared with, basis points: for the canary that is the live ruleset over the same 60 s; for
	// the live ruleset it is the one that was live before it, in the 60 s before the change, for 15 minutes from then on.
	// Either side needs min_orders orders. A ruleset that somebody or something went back to is not compared.
	GuardOrderValueDrop GuardName = "order_value_drop"
)

// GuardNames returns the names of all guards, in the order in which they are judged.
func GuardNames() []GuardName {
	return []GuardName{
		GuardSpendPerMinute, GuardBudgetShare, GuardErrorRate, GuardDenialRate, GuardFuelP99, GuardOrderValueDrop,
	}
}

const (
	guardMinute  = 60 // seconds: the longest that a guard looks back
	guardSeconds = 10 // as far as it looks back for shares, if that is enough
)

// evidence is what guards judge by, and nothing else: the same evidence is judged alike on every node.
type evidence struct {
	guards *Guards
	budget Counter     // of discounts
	armed  bool        // the share of the budget was not above its limit when what decides now came
	live   armEvidence // of the live ruleset
	canary *armEvidence
}

// armEvidence is what is known of one arm.
type armEvidence struct {
	ruleset int64
	minute  *ArmSample // the last 60 s
	latest  *ArmSample // as many of the last seconds as it takes
	seconds int64      // how many those are
	against takings    // what its money per order is compared with; nothing if it is not
}

// takings are what orders brought in.
type takings struct {
	orders, total int64 // total in minor units
}

// judgement is what a guard says about an arm.
type judgement struct {
	guard   GuardName
	canary  bool
	ruleset int64
	value   int64
	limit   int64
	of      int64 // how many orders or decisions the value is of
	seconds int64 // in which they were made; 0 if the value is of a moment
	silent  bool  // it has too little to go by
}

// tripped reports whether the arm is to be taken back.
func (v *judgement) tripped() bool { return !v.silent && v.value > v.limit }

// judgements judges by every guard that the campaign sets: the live ruleset first, so that a canary is not blamed for it.
func (e *evidence) judgements() []judgement {
	all := e.judge(&e.live, false)
	if e.canary != nil {
		all = append(all, e.judge(e.canary, true)...)
	}
	return all
}

// judge judges one arm.
func (e *evidence) judge(arm *armEvidence, canary bool) []judgement {
	g := e.guards
	found := []judgement{
		e.spend(arm, canary),
		e.budgetShare(canary),
		rate(GuardErrorRate, arm, arm.latest.Failed, g.ErrorRate, g.minOrders()),
		rate(GuardDenialRate, arm, arm.latest.Refusals[CodeDenied], g.DenialRate, g.minOrders()),
		fuel(arm, g),
		drop(arm, g),
	}
	set := found[:0]
	for _, v := range found {
		if v.limit > 0 {
			v.canary, v.ruleset = canary, arm.ruleset
			set = append(set, v)
		}
	}
	return set
}

// spend judges what was given away within a minute.
func (e *evidence) spend(arm *armEvidence, canary bool) judgement {
	v := judgement{
		guard: GuardSpendPerMinute, value: arm.minute.Discount, limit: e.guards.SpendPerMinute, of: arm.minute.Orders,
		seconds: guardMinute,
	}
	if canary {
		v.silent = v.value == 0 // it has given nothing: it is not what spends
		v.value += e.live.minute.Discount
		v.of += e.live.minute.Orders
	}
	return v
}

// budgetShare judges how much of the discount budget is taken. While there is a canary it is the canary's to go first.
func (e *evidence) budgetShare(canary bool) judgement {
	return judgement{
		guard: GuardBudgetShare, value: share(e.budget.Limit-e.budget.Remaining, e.budget.Limit), limit: e.guards.BudgetShare,
		silent: !e.armed || canary != (e.canary != nil),
	}
}

// rate judges how many of the latest decisions something is true of.
func rate(guard GuardName, arm *armEvidence, n, limit, least int64) judgement {
	return judgement{
		guard: guard, value: share(n, arm.latest.Decided), limit: limit, of: arm.latest.Decided, seconds: arm.seconds,
		silent: arm.latest.Decided < least,
	}
}

// fuel judges what the latest decisions burned.
func fuel(arm *armEvidence, g *Guards) judgement {
	return judgement{
		guard: GuardFuelP99, value: arm.latest.Fuel.Quantile(0.99), limit: g.FuelP99, of: arm.latest.Fuel.Count(), seconds: arm.seconds,
		silent: arm.latest.Fuel.Count() < g.minOrders(),
	}
}

// drop judges the money per order.
func drop(arm *armEvidence, g *Guards) judgement {
	own := takings{arm.minute.Orders, arm.minute.Total}
	return judgement{
		guard: GuardOrderValueDrop, value: own.below(arm.against), limit: g.OrderValueDrop, of: own.orders, seconds: guardMinute,
		silent: min(own.orders, arm.against.orders) < g.minOrders(),
	}
}

// below returns by how much the money per order is below the other's, basis points; 0 if it is not, or cannot be told.
func (t takings) below(other takings) int64 {
	if t.orders <= 0 || other.orders <= 0 || other.total <= 0 {
		return 0
	}
	now, before := t.total/t.orders, other.total/other.orders
	return share(max(0, before-now), before)
}

// share returns n of all in basis points, rounded down; 0 of nothing.
func share(n, all int64) int64 {
	if all <= 0 {
		return 0
	}
	points, err := money.MulDiv(n, WholeShare, all, money.Down)
	if err != nil {
		return WholeShare // only what is far beyond all of it does not fit
	}
	return points
}

// states are what guards say, for people who watch: one line for each guard that is set, of the arm that is worse off.
func states(judgements []judgement, rollout *Rollout) []GuardState {
	worst := map[GuardName]judgement{}
	for _, v := range judgements {
		known, met := worst[v.guard]
		if !met || known.silent && !v.silent || known.silent == v.silent && v.value > known.value {
			worst[v.guard] = v
		}
	}
	found := make([]GuardState, 0, len(worst))
	for _, name := range GuardNames() {
		if v, set := worst[name]; set {
			last := rollout.lastTrip(name)
			found = append(found, GuardState{
				Name: string(name), Value: v.value, Limit: v.limit, Tripped: rollout.guardedBy(name),
				TrippedAt: last.At, TrippedValue: last.Value, TrippedRuleset: last.Ruleset,
			})
		}
	}
	return found
}

// String says what the guard found, for operators: "error_rate is 12.50 % of 400 decisions within 10 s, above the limit of
// 2.00 %".
func (v *judgement) words(currency string) string {
	render := func(n int64) string { return fmt.Sprintf("%d.%02d %%", n/100, n%100) }
	subject := "decisions"
	switch v.guard {
	case GuardSpendPerMinute:
		render, subject = func(n int64) string { return money.Format(n, currency) }, "orders"
	case GuardFuelP99:
		render = func(n int64) string { return fmt.Sprint(n) }
	case GuardOrderValueDrop:
		subject = "orders"
	}
	said := string(v.guard) + " is " + render(v.value)
	if v.seconds > 0 {
		said += fmt.Sprintf(" of %d %s within %d s", v.of, subject, v.seconds)
	}
	return said + ", above the limit of " + render(v.limit)
}
