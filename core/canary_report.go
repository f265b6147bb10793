package core

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// CanaryReport compares the two arms of a canary since it began. Amounts are minor units of Currency, times Unix milliseconds.
// Every interval is one of 95 %.
type CanaryReport struct {
	Campaign string            `json:"campaign"`
	Currency string            `json:"currency"`
	Canary   Canary            `json:"canary"`
	Began    int64             `json:"began"` // when the canary began
	Nodes    int               `json:"nodes"` // how many nodes have counted
	Live     CanaryArm         `json:"live"`
	Trial    CanaryArm         `json:"trial"` // the shoppers whom the canary decides for
	Differ   CanaryDifferences `json:"differences"`
}

// CanaryArm is what became of the shoppers of one arm.
type CanaryArm struct {
	Ruleset  int64 `json:"ruleset"`
	Requests int64 `json:"requests"` // order requests that the arm's ruleset decided, again and again sent ones counted once each time
	Orders   int64 `json:"orders"`   // of them became orders
	Paid     int64 `json:"paid"`     // of these orders were paid, whole or a deposit
	Money    int64 `json:"money"`    // what the orders cost together
	Discount int64 `json:"discount"` // what they cost less than their list price
	Denied   int64 `json:"denied"`   // requests that a mechanic refused
	Errors   int64 `json:"errors"`   // requests in which a mechanic failed, whatever its failure policy made of that

	Refusals map[Code]int64   `json:"refusals"` // by code
	Reasons  map[string]int64 `json:"reasons"`  // of those that a mechanic denied, by its reason

	Conversion *Estimate `json:"conversion,omitempty"`  // the share of requests that became orders; nil without requests
	PaidShare  *Estimate `json:"paid_share,omitempty"`  // the share of orders that were paid; nil without orders
	DenialRate *Estimate `json:"denial_rate,omitempty"` // the share of requests that were denied
	ErrorRate  *Estimate `json:"error_rate,omitempty"`  // the share of requests with an error
	PerOrder   *Estimate `json:"per_order,omitempty"`   // what an order costs in the mean; nil below two orders
}

// CanaryDifferences are the canary's figures less the live ones; nil where one arm has too little to say. One whose interval
// leaves zero out is more than chance.
type CanaryDifferences struct {
	Conversion *Estimate `json:"conversion,omitempty"`
	PaidShare  *Estimate `json:"paid_share,omitempty"`
	DenialRate *Estimate `json:"denial_rate,omitempty"`
	ErrorRate  *Estimate `json:"error_rate,omitempty"`
	PerOrder   *Estimate `json:"per_order,omitempty"`
	// Decided names those that are more than chance.
	Decided []string `json:"decided"`
}

// trialTally is what one or several nodes counted of a canary's arms. It writes itself as JSON.
type trialTally struct {
	Live  armTally `json:"live"`
	Trial armTally `json:"trial"`
}

type armTally struct {
	Requests int64            `json:"requests"`
	Paid     int64            `json:"paid"`
	Discount int64            `json:"discount"`
	Errors   int64            `json:"errors"`
	Money    moments          `json:"money"` // of the orders
	Refusals map[Code]int64   `json:"refusals,omitempty"`
	Reasons  map[string]int64 `json:"reasons,omitempty"` // at most maxReasons, the others under otherReasons
}

func (t *trialTally) arm(canary bool) *armTally {
	if canary {
		return &t.Trial
	}
	return &t.Live
}

// request counts a request that the arm decided.
func (a *armTally) request(seen *observed) {
	a.Requests++
	d := seen.quoted.decision
	if d != nil && slices.ContainsFunc(d.steps, func(s step) bool { return s.failure != "" }) || CodeOf(seen.err) == CodeMechanicFailed {
		a.Errors++
	}
	if seen.err == nil && seen.order != nil {
		a.Money.add(seen.order.Total)
		if d != nil {
			a.Discount = addCapped(a.Discount, d.off)
		}
		return
	}
	e := asError(seen.err)
	countIn(&a.Refusals, e.Code, 1)
	if e.Code == CodeDenied {
		a.deny(e.Reason, 1)
	}
}

// countIn adds to one of the counts.
func countIn[K comparable](counts *map[K]int64, key K, n int64) {
	if *counts == nil {
		*counts = map[K]int64{}
	}
	(*counts)[key] += n
}

// deny counts denials for the reason.
func (a *armTally) deny(reason string, n int64) {
	if _, known := a.Reasons[reason]; !known && len(a.Reasons) >= maxReasons {
		reason = otherReasons
	}
	countIn(&a.Reasons, reason, n)
}

func (a *armTally) merge(other *armTally) {
	a.Requests += other.Requests
	a.Paid += other.Paid
	a.Errors += other.Errors
	a.Discount = addCapped(a.Discount, other.Discount)
	a.Money.merge(other.Money)
	for code, n := range other.Refusals {
		countIn(&a.Refusals, code, n)
	}
	for _, reason := range slices.Sorted(maps.Keys(other.Reasons)) {
		a.deny(reason, other.Reasons[reason])
	}
}

func (t *trialTally) merge(other *trialTally) {
	t.Live.merge(&other.Live)
	t.Trial.merge(&other.Trial)
}

// report is the tally as people read it.
func (a *armTally) report(ruleset int64) CanaryArm {
	denied := a.Refusals[CodeDenied]
	arm := CanaryArm{
		Ruleset: ruleset, Requests: a.Requests, Orders: a.Money.N, Paid: a.Paid, Money: a.Money.Sum, Discount: a.Discount,
		Denied: denied, Errors: a.Errors, Refusals: map[Code]int64{}, Reasons: map[string]int64{},
		Conversion: wilson(a.Money.N, a.Requests), PaidShare: wilson(min(a.Paid, a.Money.N), a.Money.N),
		DenialRate: wilson(denied, a.Requests), ErrorRate: wilson(a.Errors, a.Requests), PerOrder: a.Money.estimate(),
	}
	maps.Copy(arm.Refusals, a.Refusals)
	maps.Copy(arm.Reasons, a.Reasons)
	return arm
}

// differences compares the canary with the live arm.
func (t *trialTally) differences() CanaryDifferences {
	trial, live := &t.Trial, &t.Live
	share := func(of func(*armTally) (hits, n int64)) *Estimate {
		hits1, n1 := of(trial)
		hits2, n2 := of(live)
		return newcombe(hits1, n1, hits2, n2)
	}
	d := CanaryDifferences{
		Conversion: share(func(a *armTally) (int64, int64) { return a.Money.N, a.Requests }),
		PaidShare:  share(func(a *armTally) (int64, int64) { return min(a.Paid, a.Money.N), a.Money.N }),
		DenialRate: share(func(a *armTally) (int64, int64) { return a.Refusals[CodeDenied], a.Requests }),
		ErrorRate:  share(func(a *armTally) (int64, int64) { return a.Errors, a.Requests }),
		PerOrder:   welch(&trial.Money, &live.Money), Decided: []string{},
	}
	for _, one := range []struct {
		name     string
		estimate *Estimate
	}{
		{"conversion", d.Conversion}, {"paid_share", d.PaidShare}, {"denial_rate", d.DenialRate},
		{"error_rate", d.ErrorRate}, {"per_order", d.PerOrder},
	} {
		if one.estimate.decided() {
			d.Decided = append(d.Decided, one.name)
		}
	}
	return d
}

// CanaryReport compares the arms of the campaign's canary since it began, on all nodes: on this one up to now, on the others up
// to the last second. Without a canary it is not_found, as is another brand's campaign.
func (e *Engine) CanaryReport(ctx context.Context, campaign string, staff Principal) (*CanaryReport, error) {
	c, err := e.campaignFor(ctx, campaign, &staff)
	if err != nil {
		return nil, err
	}
	record := c.snapshot.Load().record
	canary := record.Rollout.Canary
	if canary == nil {
		return nil, Errorf(CodeNotFound, "campaign %q has no canary now", campaign)
	}
	entry, err := e.campaigns.Rollout(ctx, c.key(), canary.Since)
	if err != nil {
		return nil, storeError(err)
	}
	all, nodes, err := c.trialTally(ctx, canary)
	if err != nil {
		return nil, err
	}
	report := &CanaryReport{
		Campaign: c.id, Currency: record.Definition.Currency, Canary: *canary, Nodes: nodes, Live: all.Live.report(record.Rollout.Live),
		Trial: all.Trial.report(canary.Ruleset), Differ: all.differences(),
	}
	if entry != nil {
		report.Began = entry.At
	}
	return report, nil
}

// trialTally merges what all nodes have counted.
func (c *campaign) trialTally(ctx context.Context, canary *Canary) (*trialTally, int, error) {
	own, others, err := c.reports(ctx, subject("canary", canary.Since))
	if err != nil {
		return nil, 0, err
	}
	if t := c.comparing.canary.Load(); t != nil && t.since == canary.Since {
		others = append(others, Report{Content: t.content(true)})
	} else if own != nil {
		others = append(others, *own)
	}
	all := &trialTally{}
	for i := range others {
		var one trialTally
		if err := json.Unmarshal(others[i].Content, &one); err != nil {
			return nil, 0, storeError(fmt.Errorf("a report of %s: %w", c.id, err))
		}
		all.merge(&one)
	}
	return all, len(others), nil
}
