package core

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	// meterShares is how many shares a meter has at most.
	meterShares = 8
	// maxReasons is how many reasons of mechanics are told apart within a second: they may make up any number.
	maxReasons = 64
	// otherReasons is what the others are counted under.
	otherReasons = "other"
)

// meter counts what happens in a campaign on this node, by second. Whatever is counted goes to one of several shares, so
// that requests seldom wait for one another. A second that has begun is counted in without allocating.
type meter struct {
	now    func() time.Time
	shares []meterShare
}

// meterShare is what some of the requests came to since it was last taken.
type meterShare struct {
	mu      sync.Mutex
	current secondCount
	earlier []secondCount // of other seconds; empty most of the time
	_       [64]byte      // two shares have no cache line in common
}

// secondCount is what was counted in one second (Unix seconds).
type secondCount struct {
	second  int64
	content *SampleContent
}

func newMeter(now func() time.Time) *meter {
	return &meter{now: now, shares: make([]meterShare, min(runtime.GOMAXPROCS(0), meterShares))}
}

// order counts an order request, once it is known what it is answered.
func (m *meter) order(seen *observed) {
	s := m.share()
	s.mu.Lock()
	defer s.mu.Unlock()
	content := s.at(seen.began.Add(seen.took).Unix())
	content.Latency.Observe(seen.took.Microseconds())
	content.Took += seen.took.Microseconds()
	switch {
	case seen.err == nil && seen.replayed:
		content.Replayed++
		return
	case seen.err == nil:
		content.Orders++
	default:
		content.Refusals, content.Denied = countRefusal(content.Refusals, content.Denied, seen.err)
	}
	if seen.quoted != nil {
		content.arm(seen.quoted.armOf()).decided(seen)
	}
}

// armOf says which arm decided, under which rollout.
func (q *quoted) armOf() (rollout, ruleset int64, canary bool) {
	return q.snapshot.record.Rollout.Number, q.ruleset.ruleset.Number, q.canary
}

// reserved counts a request to sign up: code is that of its refusal, "" if it was taken in.
func (m *meter) reserved(code Code) {
	second := m.now().Unix()
	s := m.share()
	s.mu.Lock()
	defer s.mu.Unlock()
	content := s.at(second)
	if code == "" {
		content.Reservations++
		return
	}
	content.Unreserved = count1(content.Unreserved, code)
}

// paid counts a payment that an order took note of, minor units.
func (m *meter) paid(total int64) {
	second := m.now().Unix()
	s := m.share()
	s.mu.Lock()
	defer s.mu.Unlock()
	content := s.at(second)
	content.Paid++
	content.PaidTotal += total
}

// take returns what was counted since the last time, by second, and forgets it.
func (m *meter) take() []secondCount {
	var taken []secondCount
	for i := range m.shares {
		taken = m.shares[i].take(taken)
	}
	return taken
}

func (s *meterShare) take(taken []secondCount) []secondCount {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken = append(taken, s.earlier...)
	if s.current.content != nil {
		taken = append(taken, s.current)
	}
	s.current, s.earlier = secondCount{}, nil
	return taken
}

// share returns one of the shares, any.
func (m *meter) share() *meterShare { return &m.shares[rand.IntN(len(m.shares))] } //nolint:gosec // no secret depends on it

// at returns the count of the second. The caller holds the lock.
func (s *meterShare) at(second int64) *SampleContent {
	if s.current.content != nil && s.current.second == second {
		return s.current.content
	}
	if i := slices.IndexFunc(s.earlier, func(c secondCount) bool { return c.second == second }); i >= 0 {
		return s.earlier[i].content
	}
	made := secondCount{second, &SampleContent{}}
	switch {
	case s.current.content == nil:
		s.current = made
	case s.current.second < second:
		s.earlier = append(s.earlier, s.current)
		s.current = made
	default:
		s.earlier = append(s.earlier, made)
	}
	return made.content
}

// decided counts a request that the arm decided.
func (a *ArmSample) decided(seen *observed) {
	a.Decided++
	d := seen.quoted.decision
	if seen.err != nil {
		a.Refusals, a.Denied = countRefusal(a.Refusals, a.Denied, seen.err)
	} else {
		a.Orders++
		a.Total += d.total
		a.Discount += d.off
		list, _ := d.price.listTotal() // it was summed up for the order
		a.List += list
	}
	if d != nil {
		a.cost(d, &seen.quoted.ruleset.ruleset)
	}
}

// cost counts what the decision's mechanics cost.
func (a *ArmSample) cost(d *decision, ruleset *Ruleset) {
	var fuel int64
	failed := false
	for i := range d.steps {
		step := &d.steps[i]
		fuel += step.usage.Fuel
		failed = failed || step.failure != "" && step.failure != breakerOpen
		if !slices.Contains(step.manifest.Hooks, HookQuote) || i >= len(ruleset.Bindings) {
			continue
		}
		a.binding(i, step.manifest.Name).cost(step)
	}
	if failed {
		a.Failed++
	}
	if len(d.steps) > 0 {
		a.Fuel.Observe(fuel)
	}
}

// cost counts one time that the binding's mechanic was to be asked.
func (b *BindingSample) cost(s *step) {
	if s.failure == breakerOpen {
		b.Open++
		return
	}
	b.Asked++
	if s.nanos > 0 {
		b.Timed++
		b.Nanos += s.nanos
	}
	b.Burned += s.usage.Fuel
	b.Fuel.Observe(s.usage.Fuel)
	if s.failure != "" {
		b.Failed++
	}
}

// countRefusal counts a refusal by its code and, if a mechanic denied, by its reason.
func countRefusal(codes map[Code]int64, reasons map[string]int64, err error) (map[Code]int64, map[string]int64) {
	refusal := refusedAs(err)
	codes = count1(codes, refusal.Code)
	if refusal.Code != CodeDenied {
		return codes, reasons
	}
	reason := refusal.Reason
	if _, known := reasons[reason]; !known && len(reasons) >= maxReasons {
		reason = otherReasons
	}
	return codes, count1(reasons, reason)
}

// refusedAs returns the error with its code.
func refusedAs(err error) *Error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // nearly every refusal is bare, and this is the hot path
		return e
	}
	return &Error{Code: CodeOf(err)}
}

// count1 adds one to the key of a map, which is made if need be.
func count1[K ~string](counts map[K]int64, key K) map[K]int64 {
	if counts == nil {
		counts = make(map[K]int64, 4)
	}
	counts[key]++
	return counts
}
