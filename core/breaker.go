package core

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ClosedBreaker is one that has closed lately. If it opens again before Until, that is one more trip in a row, and it stays
// open twice as long; after that the binding has answered well for as long as it was not asked, and is as if it had never
// failed.
type ClosedBreaker struct {
	Ruleset int64 `json:"ruleset"`
	Binding int   `json:"binding"` // from 0
	Rollout int64 `json:"rollout"` // the number of the rollout that closed it: older failures do not count again
	Trips   int64 `json:"trips"`   // how often it had opened in a row
	Until   int64 `json:"until"`   // Unix milliseconds
}

// pause is how long a breaker stays open that opens for the nth time in a row.
func (b BreakerTerms) pause(trips int64) time.Duration {
	pause := time.Duration(b.terms().Pause)
	for ; trips > 1 && pause < time.Duration(MaxPause); trips-- {
		pause *= 2
	}
	return min(pause, time.Duration(MaxPause))
}

// trips reports whether so many failures open a breaker.
func (b BreakerTerms) trips(asked, failed int64) bool {
	terms := b.terms()
	return asked >= terms.Min && failed > 0 && share(failed, asked) >= terms.Failures
}

// closedBreaker returns the binding's, if it has closed so lately that it counts.
func (r *Rollout) closedBreaker(ruleset int64, binding int, now int64) ClosedBreaker {
	for _, b := range r.Closed {
		if b.Ruleset == ruleset && b.Binding == binding && now < b.Until {
			return b
		}
	}
	return ClosedBreaker{}
}

// failing is a binding whose breaker is to open.
type failing struct {
	ruleset       int64
	binding       int
	mechanic      string
	asked, failed int64
	failure       string // one of its failures; "" if none happened on this node
}

// failing returns the bindings of the arms that fail too often to be asked any more. What was decided before what decides
// now began does not count; with an empty reign, all of it does.
func (w *Window) failing(snap *snapshot, r *reign, now int64) []failing {
	found := w.failingOf(snap, snap.ruleset, r.rollout, now)
	if snap.canary != nil {
		found = append(found, w.failingOf(snap, snap.canary, r.canary, now)...)
	}
	return found
}

// failingOf returns the bindings of one arm, which decides since the rollout of that number.
func (w *Window) failingOf(snap *snapshot, arm *compiled, since, now int64) []failing {
	var found []failing
	ruleset, terms := arm.ruleset.Number, snap.definition().Guards.Breaker
	for i, b := range arm.bindings {
		if b.open {
			continue
		}
		asked, failed := w.bindingOf(ruleset, i, max(since, snap.record.Rollout.closedBreaker(ruleset, i, now).Rollout))
		if terms.trips(asked, failed) {
			found = append(found, failing{
				ruleset: ruleset, binding: i, mechanic: b.mechanic.Manifest().Name, asked: asked, failed: failed,
			})
		}
	}
	return found
}

// opened is the swap that opens the breakers of the bindings.
func (r *CampaignRecord) opened(bindings []failing, now int64) *swapPlan {
	next := r.Rollout
	next.Breakers = slices.Clone(next.Breakers)
	said := make([]string, 0, len(bindings))
	for _, f := range bindings {
		trips := next.closedBreaker(f.ruleset, f.binding, now).Trips + 1
		until := now + r.Definition.Guards.Breaker.pause(trips).Milliseconds()
		next.Breakers = append(next.Breakers, Breaker{
			Ruleset: f.ruleset, Binding: f.binding, Until: until, Trips: trips, Failure: f.failure,
		})
		said = append(said, f.words(until))
	}
	next.Closed = slices.DeleteFunc(slices.Clone(next.Closed), func(b ClosedBreaker) bool {
		return now >= b.Until || next.Breakers.open(b.Ruleset, b.Binding)
	})
	return &swapPlan{rollout: next, fenced: true, action: ActionBreaker, reason: strings.Join(said, "; "), undo: r.Rollout.Undo}
}

// words say why the breaker opens, for operators, who count bindings from 1.
func (f *failing) words(until int64) string {
	said := fmt.Sprintf("binding %d of ruleset %d (%s) is not asked before %s: it failed in %d of %d decisions within %d s",
		f.binding+1, f.ruleset, f.mechanic, rfc3339(until), f.failed, f.asked, guardSeconds)
	if f.failure != "" {
		said += ", such as: " + f.failure
	}
	return said
}

// dueBreakers returns the open breakers whose mechanics are to be asked again.
func (r *Rollout) dueBreakers(now int64) Breakers {
	return slices.DeleteFunc(slices.Clone(r.Breakers), func(b Breaker) bool { return now < b.Until })
}

// closing is the swap that closes the breakers that are due.
func (r *CampaignRecord) closing(now int64) *swapPlan {
	next := r.Rollout
	due := next.dueBreakers(now)
	if len(due) == 0 {
		return nil
	}
	next.Breakers = slices.DeleteFunc(slices.Clone(next.Breakers), func(b Breaker) bool { return now >= b.Until })
	next.Closed = slices.DeleteFunc(slices.Clone(next.Closed), func(b ClosedBreaker) bool { return now >= b.Until })
	said := make([]string, 0, len(due))
	for _, b := range due {
		next.Closed = append(next.Closed, ClosedBreaker{
			Ruleset: b.Ruleset, Binding: b.Binding, Rollout: next.Number + 1, Trips: b.Trips,
			Until: now + r.Definition.Guards.Breaker.pause(b.Trips).Milliseconds(),
		})
		said = append(said, fmt.Sprintf("binding %d of ruleset %d is asked again", b.Binding+1, b.Ruleset))
	}
	return &swapPlan{rollout: next, fenced: true, action: ActionBreaker, reason: strings.Join(said, "; "), undo: r.Rollout.Undo}
}

// rfc3339 renders Unix milliseconds for people, in UTC and to the second.
func rfc3339(millis int64) string { return time.UnixMilli(millis).UTC().Format(time.RFC3339) }
