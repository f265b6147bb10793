package core

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// shadowRoom is how many decisions may wait for the shadow; more are dropped, and counted.
	shadowRoom = 4096
	// shadowBurst is how long the shadow decides at a stretch, and shadowRest how many times as long it rests after that: it
	// takes a fifth of one processor at most, however much there is to decide.
	shadowBurst = time.Millisecond
	shadowRest  = 4
)

// shadowing is a candidate that decides again what the live ruleset decided on this node, off the requests' path.
type shadowing struct {
	campaign *campaign
	shadow   Shadow
	queue    chan shadowed
	dropped  atomic.Int64

	kinds []DocumentKind // that the candidate reads; only run looks at it, as at what follows
	seen  *snapshot      // that the candidate was made under

	mu      sync.Mutex
	tally   tally
	changed bool // since it was last written down
}

// shadowed is one request that the live ruleset decided. What it refers to is not changed any more.
type shadowed struct {
	quoted *quoted
	err    error  // the refusal, nil for an order
	order  string // the order's id, "" for a refusal
	key    string // what names the request beside the shopper and the moment
}

// addShadowKinds has the documents loaded that the rollout's shadow reads facts of, so that it knows what it would know if it
// were live. What decides does not wait for what is compared: a shadow that is not ready reads nothing until the preparer is
// done with it.
func (s *snapshot) addShadowKinds(cache *rulesets) {
	shadow := s.record.Rollout.Shadow
	if shadow == nil {
		return
	}
	candidate := cache.ready(shadow.Ruleset)
	if candidate == nil {
		s.unready = true
		return
	}
	for _, kind := range candidate.kinds() {
		if !slices.Contains(s.kinds, kind) {
			s.kinds = append(s.kinds, kind)
		}
	}
}

// shadowed offers the request to the shadow. It never waits.
func (c *campaign) shadowed(seen *observed, shadow *Shadow) {
	q := seen.quoted
	if q.canary || q.decision == nil || q.ruleset.ruleset.Number == 0 || !q.madeByMechanics(seen) {
		return
	}
	s := c.shadowOf(shadow)
	if s == nil {
		return
	}
	one := shadowed{quoted: q, err: seen.err, key: seen.request.Key}
	if seen.order != nil {
		one.order = seen.order.ID
	}
	select {
	case s.queue <- one:
	default:
		s.dropped.Add(1)
	}
}

// madeByMechanics reports whether the answer is the mechanics': an order, or their refusal. What the stock, a limit or an
// expected price refuses is refused whatever a ruleset says.
func (q *quoted) madeByMechanics(seen *observed) bool {
	if seen.err == nil {
		return seen.order != nil
	}
	code := CodeOf(seen.err)
	return code == CodeDenied || code == CodeMechanicFailed
}

// shadowOf returns what this node compares with the shadow, and begins with it; nil if it is over.
func (c *campaign) shadowOf(shadow *Shadow) *shadowing {
	if s := c.comparing.shadow.Load(); s != nil && s.shadow == *shadow {
		return s
	}
	c.comparing.mu.Lock()
	defer c.comparing.mu.Unlock()
	latest := c.comparing.shadow.Load()
	if latest != nil && latest.shadow.Since >= shadow.Since || c.comparing.closed {
		if latest != nil && latest.shadow == *shadow {
			return latest
		}
		return nil
	}
	s := &shadowing{campaign: c, shadow: *shadow, queue: make(chan shadowed, shadowRoom)}
	c.comparing.shadow.Store(s)
	c.comparing.work.Go(s.run)
	return s
}

func (s *shadowing) subject() string { return subject("shadow", s.shadow.Since) }

// run compares until the shadow is over or the node stops, and writes down every second what has been compared.
func (s *shadowing) run() {
	s.resume()
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	stopped := s.campaign.engine.background.Done()
	candidate := s.candidate()
	for {
		select {
		case <-stopped:
			s.finish(candidate)
			return
		case <-ticker.C:
			if s.over() {
				s.finish(candidate)
				return
			}
			candidate = s.candidate() // a plugin may have come back
			s.write()
		case one := <-s.queue:
			if s.seen != s.campaign.snapshot.Load() {
				candidate = s.candidate() // a plugin may have been withdrawn, or something else be live
			}
			rest(stopped, s.burst(candidate, one))
		}
	}
}

// rest waits, unless the node stops.
func rest(stopped <-chan struct{}, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-stopped:
	case <-timer.C:
	}
}

// burst decides what waits, beginning with one, and returns how long to rest after it.
func (s *shadowing) burst(candidate *compiled, one shadowed) time.Duration {
	began := time.Now()
	for {
		s.compare(candidate, &one)
		worked := time.Since(began)
		if worked > shadowBurst {
			return shadowRest * worked
		}
		select {
		case one = <-s.queue:
		default:
			return shadowRest * worked
		}
	}
}

// finish compares what waits, and writes everything down for the last time.
func (s *shadowing) finish(candidate *compiled) {
	for range len(s.queue) {
		one := <-s.queue
		s.compare(candidate, &one)
	}
	s.write()
}

// over reports whether the campaign's rollout has another shadow, or none.
func (s *shadowing) over() bool {
	current := s.campaign.snapshot.Load().record.Rollout.Shadow
	return current == nil || *current != s.shadow
}

// resume takes in what this node had compared before it was started again under the same id.
func (s *shadowing) resume() {
	ctx, cancel := context.WithTimeout(s.campaign.engine.background, reportPatience)
	defer cancel()
	own, _, err := s.campaign.reports(ctx, s.subject())
	if err != nil || own == nil {
		return
	}
	var before tally
	if json.Unmarshal(own.Content, &before) == nil {
		before.Failure = ""
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tally.merge(&before)
	}
}

// candidate returns the shadow's ruleset, with what its bindings would fall back to; nil if this node cannot decide by it.
func (s *shadowing) candidate() *compiled {
	ctx, cancel := context.WithTimeout(s.campaign.engine.background, reportPatience)
	defer cancel()
	s.seen = s.campaign.snapshot.Load()
	candidate, err := s.campaign.candidate(ctx, s.shadow.Ruleset)
	s.kinds = nil
	if err == nil {
		s.kinds = candidate.kinds()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	failure := ""
	if err != nil {
		failure = "this node cannot decide by it: " + err.Error()
	}
	s.changed = s.changed || s.tally.Failure != failure
	s.tally.Failure = failure
	return candidate
}

// candidate returns the ruleset as it would decide if it were live now.
func (c *campaign) candidate(ctx context.Context, number int64) (*compiled, error) {
	ruleset, err := c.allowed(ctx, number)
	if err != nil {
		return nil, err
	}
	live := c.snapshot.Load().record.Rollout.Live
	if live == number {
		live = c.snapshot.Load().record.Rollout.LastGood
	}
	falling, err := c.fallingBack(ctx, ruleset, live)
	if err != nil {
		return ruleset, nil //nolint:nilerr // there is nothing to fall back to
	}
	return falling, nil
}

// compare lets the candidate decide what the live ruleset decided, if the facts that it reads were loaded.
func (s *shadowing) compare(candidate *compiled, one *shadowed) {
	q := one.quoted
	if candidate == nil || !contains(q.snapshot.kinds, s.kinds) {
		s.dropped.Add(1)
		return
	}
	def, budget := q.snapshot.definition(), q.decision.budgetLeft
	other, failure := decideSafely(candidate, &q.facts, def, budget)
	live := comparedOf(q.ruleset, q.decision, one.err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = true
	if failure != "" {
		s.tally.Failure = failure
		s.dropped.Add(1)
		return
	}
	key := one.order
	if key == "" {
		key = strconv.FormatInt(q.facts.Now, 10) + " " + q.facts.Shopper.ID + " " + one.key
	}
	s.tally.add(q.facts.Now, key, &live, &other, func() keptCase {
		return keptCase{
			Order: one.order, Facts: q.facts.appendJSON(nil), BudgetLeft: budget, Engine: EngineVersion,
			LastGood: q.decision.usedLastGood(), Terms: termsOf(def, q.facts.Item.SKU),
		}
	})
}

// usedLastGood is the ruleset that a binding of the decision fell back to; 0 if none did.
func (d *decision) usedLastGood() int64 {
	for i := range d.steps {
		if d.steps[i].lastGood {
			return d.lastGood
		}
	}
	return 0
}

// decideSafely decides by a ruleset that decides for nobody: a mechanic that panics must not take the node with it.
func decideSafely(r *compiled, facts *Facts, def *Campaign, budget int64) (decided compared, failure string) {
	defer func() {
		if v := recover(); v != nil {
			failure = fmt.Sprintf("one of its mechanics is broken: %v", v)
		}
	}()
	d, err := r.decide(HookQuote, facts, def, budget)
	return comparedOf(r, d, err), ""
}

// forget drops the cases that are about a shopper.
func (s *shadowing) forget(about func(*keptCase) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for kind, cases := range s.tally.Cases {
		s.tally.Cases[kind] = slices.DeleteFunc(cases, func(one keptCase) bool { return about(&one) })
	}
	s.changed = true
}

// write writes down what has been compared, if there is anything new.
func (s *shadowing) write() {
	if content := s.content(false); content != nil && !s.campaign.save(s.subject(), content) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed = true
	}
}

// content is the tally as JSON; nil if it is what it was when it was last asked for, unless always is set.
func (s *shadowing) content(always bool) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if dropped := s.dropped.Swap(0); dropped > 0 {
		s.tally.Dropped += dropped
		s.changed = true
	}
	if !s.changed && !always {
		return nil
	}
	if !always {
		s.changed = false
	}
	content, _ := json.Marshal(&s.tally) // plain data always encodes
	return content
}

// ShadowReport says what the campaign's shadow would have decided otherwise since it began, on all nodes: on this one up to now,
// on the others up to the last second. Without a shadow it is not_found, as is another brand's campaign.
func (e *Engine) ShadowReport(ctx context.Context, campaign string, staff Principal) (*Comparison, error) {
	c, err := e.campaignFor(ctx, campaign, &staff)
	if err != nil {
		return nil, err
	}
	shadow := c.snapshot.Load().record.Rollout.Shadow
	if shadow == nil {
		return nil, Errorf(CodeNotFound, "campaign %q has no shadow now", campaign)
	}
	all, nodes, err := c.shadowTally(ctx, shadow)
	if err != nil {
		return nil, err
	}
	candidate, err := c.candidate(ctx, shadow.Ruleset)
	if err != nil {
		candidate = nil
		all.Failure = max(all.Failure, "this node cannot decide by it: "+err.Error())
	}
	report := c.explained(ctx, all, candidate)
	report.Ruleset, report.Since, report.Nodes = shadow.Ruleset, shadow.Since, nodes
	return report, nil
}

// shadowTally merges what all nodes have compared.
func (c *campaign) shadowTally(ctx context.Context, shadow *Shadow) (*tally, int, error) {
	own, others, err := c.reports(ctx, subject("shadow", shadow.Since))
	if err != nil {
		return nil, 0, err
	}
	if s := c.comparing.shadow.Load(); s != nil && s.shadow == *shadow {
		others = append(others, Report{Content: s.content(true)})
	} else if own != nil {
		others = append(others, *own)
	}
	all := &tally{}
	for i := range others {
		var one tally
		if err := json.Unmarshal(others[i].Content, &one); err != nil {
			return nil, 0, storeError(fmt.Errorf("a report of %s: %w", c.id, err))
		}
		all.merge(&one)
	}
	return all, len(others), nil
}
