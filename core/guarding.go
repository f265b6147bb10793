package core

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// guardEvery is how often a node judges what its campaigns decide.
	guardEvery = 250 * time.Millisecond
	// guardIdle is how long after the last decision on this node it goes on judging a campaign: as long as the decision is in
	// the window. Other nodes judge by what they decide, and by what this one did.
	guardIdle = guardMinute * time.Second
	// guardBound is how long one campaign may keep the others from being judged.
	guardBound = 5 * time.Second
)

// guarding is what a node remembers of a campaign to judge it by.
type guarding struct {
	decided atomic.Int64 // when a ruleset last decided here, Unix seconds
	reign   atomic.Pointer[reign]

	mu       sync.Mutex
	failures map[failedBinding]string // the last failure of each binding on this node
}

// failedBinding names a binding whose mechanic has failed.
type failedBinding struct {
	ruleset int64
	binding int
}

// maxFailures is how many bindings' failures are remembered; beyond it they are forgotten all, as the next is soon there.
const maxFailures = 256

// note takes note of a request that a ruleset decided.
func (g *guarding) note(seen *observed) {
	q := seen.quoted
	if q == nil || q.decision == nil {
		return
	}
	if second := seen.began.Unix(); g.decided.Load() != second {
		g.decided.Store(second)
	}
	for i := range q.decision.steps {
		if s := &q.decision.steps[i]; s.failure != "" && s.failure != breakerOpen {
			g.failed(failedBinding{q.decision.ruleset, i}, s.failure)
		}
	}
}

func (g *guarding) failed(binding failedBinding, failure string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failures == nil || len(g.failures) >= maxFailures {
		g.failures = map[failedBinding]string{}
	}
	g.failures[binding] = failure
}

func (g *guarding) failure(ruleset int64, binding int) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failures[failedBinding{ruleset, binding}]
}

// idle reports whether nothing was decided here for so long that there is nothing to judge by.
func (g *guarding) idle(now time.Time) bool {
	return now.Sub(time.Unix(g.decided.Load(), 0)) > guardIdle
}

// guard judges what the campaigns decide until ctx ends.
func (e *Engine) guard(ctx context.Context) {
	ticker := time.NewTicker(guardEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			e.guardAll(ctx)
		}
	}
}

// guardAll judges every campaign once.
func (e *Engine) guardAll(ctx context.Context) {
	for _, c := range *e.running.Load() {
		bounded, cancel := context.WithTimeout(ctx, guardBound)
		err := c.guard(bounded)
		cancel()
		if err != nil && ctx.Err() == nil {
			e.log.Warn("a campaign's guards could not do their work; it is tried again", "campaign", c.id, "error", err)
		}
	}
}

// guard closes the breakers that are due and takes back or breaks what must not go on.
func (c *campaign) guard(ctx context.Context) error {
	snap, now := c.snapshot.Load(), c.engine.now()
	if len(snap.record.Rollout.dueBreakers(now.UnixMilli())) > 0 {
		return c.intervene(ctx, snap, func(current *CampaignRecord) *swapPlan { return current.closing(now.UnixMilli()) })
	}
	if snap.record.Rollout.mechanicsOff() || c.guarding.idle(now) {
		return nil
	}
	w := c.recent()
	if len(w.Seconds) == 0 {
		return nil
	}
	judgements, err := c.judgements(ctx, snap, w)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(judgements, func(v judgement) bool { return v.tripped() }); i >= 0 {
		return c.takeBack(ctx, snap, &judgements[i])
	}
	return c.breakFailing(ctx, snap, w, now.UnixMilli())
}

// breakFailing opens the breakers of the bindings that fail too often.
func (c *campaign) breakFailing(ctx context.Context, snap *snapshot, w *Window, now int64) error {
	if len(w.failing(snap, &reign{}, now)) == 0 {
		return nil // nearly always, and without asking since when it decides
	}
	reign, err := c.reign(ctx, snap, w)
	if err != nil {
		return err
	}
	failing := w.failing(snap, reign, now)
	if len(failing) == 0 {
		return nil
	}
	for i := range failing {
		failing[i].failure = c.guarding.failure(failing[i].ruleset, failing[i].binding)
	}
	return c.intervene(ctx, snap, func(current *CampaignRecord) *swapPlan { return current.opened(failing, now) })
}

// judgements are what the guards say that the campaign sets.
func (c *campaign) judgements(ctx context.Context, snap *snapshot, w *Window) ([]judgement, error) {
	guards := &snap.definition().Guards
	if !guards.judge() {
		return nil, nil
	}
	reign, err := c.reign(ctx, snap, w)
	if err != nil {
		return nil, err
	}
	evidence := evidenceOf(snap, w, reign)
	evidence.budget, _ = c.view.left(CounterBudget)
	return evidence.judgements(), nil
}

// evidenceOf puts together what the window says about the arms.
func evidenceOf(snap *snapshot, w *Window, r *reign) *evidence {
	guards := &snap.definition().Guards
	e := &evidence{guards: guards, armed: r.armed, live: armEvidence{ruleset: snap.ruleset.ruleset.Number}}
	e.live.minute = w.lately(guardMinute, r.from, r.rollout, false)
	e.live.latest, e.live.seconds = w.latest(r.from, r.rollout, false, guards.minOrders())
	if w.At < r.at+comparedFor.Milliseconds() {
		e.live.against = r.against
	}
	canary := snap.record.Rollout.Canary
	if snap.canary == nil || canary == nil {
		return e
	}
	e.canary = &armEvidence{ruleset: canary.Ruleset, minute: w.lately(guardMinute, r.from, canary.Since, true)}
	e.canary.latest, e.canary.seconds = w.latest(r.from, canary.Since, true, guards.minOrders())
	beside := w.lately(guardMinute, r.from, max(r.rollout, canary.Since), false)
	e.canary.against = takings{beside.Orders, beside.Total}
	return e
}

// judge reports whether there is any guard that takes back a ruleset.
func (g *Guards) judge() bool {
	return g.SpendPerMinute > 0 || g.BudgetShare > 0 || g.ErrorRate > 0 || g.DenialRate > 0 || g.FuelP99 > 0 || g.OrderValueDrop > 0
}

// guardStates are what the guards measure now, for people who watch; empty without guards.
func (c *campaign) guardStates() []GuardState {
	snap := c.snapshot.Load()
	known := c.guarding.reign.Load()
	if known == nil || known.revision != snap.record.Revision { // nobody has judged this here yet: say what is certain
		known = &reign{rollout: snap.record.Rollout.Number, at: snap.record.Rollout.At}
	}
	e := evidenceOf(snap, c.recent(), known)
	e.budget, _ = c.view.left(CounterBudget)
	return states(e.judgements(), &snap.record.Rollout)
}

// intervene changes the rollout that was judged. If it is not in force any more, somebody else has changed it, perhaps for
// the same reason, and what is in force then is judged the next time.
func (c *campaign) intervene(ctx context.Context, judged *snapshot, plan func(current *CampaignRecord) *swapPlan) error {
	var made *swapPlan
	_, err := c.engine.swap(ctx, c.id, &Principal{ID: systemActor}, func(current *CampaignRecord) (*swapPlan, error) {
		made = nil
		if current.Rollout.Number == judged.record.Rollout.Number {
			made = plan(current)
		}
		return made, nil
	})
	if err == nil && made != nil {
		c.engine.log.Warn("the rollout has changed by itself", "campaign", c.id, "action", made.action, "reason", made.reason)
	}
	return err
}

// takeBack aborts the canary or goes back to what was live before, as the judgement says.
func (c *campaign) takeBack(ctx context.Context, judged *snapshot, v *judgement) error {
	good := judged.record.Rollout.LastGood
	if good != 0 && c.engine.checkSuitsAgain(ctx, judged.record, good) != nil {
		good = 0 // the campaign file has outgrown it
	}
	return c.intervene(ctx, judged, func(current *CampaignRecord) *swapPlan {
		if v.canary {
			return current.aborted(v)
		}
		return current.wentBack(v, good, judged.ruleset.gates())
	})
}

// aborted is the swap that ends the canary.
func (r *CampaignRecord) aborted(v *judgement) *swapPlan {
	plan := r.guardedBy(v, fmt.Sprintf("the canary, ruleset %d, is aborted", v.ruleset))
	plan.rollout.Canary = nil
	plan.rollout.takeBack(v.ruleset)
	return plan
}

// wentBack is the swap that goes back to the ruleset that was good; without one nothing but the list price is left, or, if
// the ruleset keeps people from buying, nothing at all.
func (r *CampaignRecord) wentBack(v *judgement, good int64, gates bool) *swapPlan {
	switch {
	case good != 0:
		plan := r.guardedBy(v, fmt.Sprintf("ruleset %d decides again instead of ruleset %d", good, v.ruleset))
		plan.rollout.decideBy(good)
		plan.rollout.Agreed = r.Rollout.LastGoodAgreed // as an undo would
		plan.rollout.takeBack(v.ruleset)
		plan.rollout.LastGood, plan.rollout.LastGoodAgreed, plan.rollout.Forced = 0, 0, false // what was taken back is not good
		return plan
	case gates || r.Rollout.Stop == StopReservations:
		plan := r.guardedBy(v, fmt.Sprintf("there is nothing to go back to from ruleset %d: the campaign is stopped", v.ruleset))
		plan.rollout.Stop = StopCampaign
		return plan
	default:
		plan := r.guardedBy(v, fmt.Sprintf("there is nothing to go back to from ruleset %d: mechanics are off", v.ruleset))
		plan.rollout.Stop = StopMechanics
		return plan
	}
}

// guardedBy is a swap by the guard, and says so.
func (r *CampaignRecord) guardedBy(v *judgement, effect string) *swapPlan {
	return &swapPlan{
		rollout: r.Rollout, fenced: true, action: ActionGuard, guard: v.guard, undo: r.Rollout.Number,
		trip:   Trip{Guard: v.guard, Ruleset: v.ruleset, Value: v.value, Limit: v.limit},
		reason: v.words(r.Definition.Currency) + ": " + effect,
	}
}

// gates reports whether any of the ruleset's mechanics may deny an order.
func (r *compiled) gates() bool {
	return slices.ContainsFunc(r.bindings, func(b *bound) bool { return slices.Contains(b.mechanic.Manifest().Effects, EffectDeny) })
}
