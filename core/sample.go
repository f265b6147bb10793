package core

// SampleContent is what one node counted of a campaign in one second, or what several of them counted in several seconds,
// added up. Amounts are minor units of the campaign's currency.
type SampleContent struct {
	Reservations int64            `json:"reservations,omitempty"` // sign-ups; repeats are none
	Unreserved   map[Code]int64   `json:"unreserved,omitempty"`   // refused sign-ups
	Orders       int64            `json:"orders,omitempty"`       // placed
	Replayed     int64            `json:"replayed,omitempty"`     // order requests that were answered as an earlier one
	Paid         int64            `json:"paid,omitempty"`         // payments that an order took note of
	PaidTotal    int64            `json:"paid_total,omitempty"`   // their sum
	Refusals     map[Code]int64   `json:"refusals,omitempty"`     // refused order requests
	Denied       map[string]int64 `json:"denied,omitempty"`       // those of the code denied, by the mechanic's reason
	Latency      Histogram        `json:"latency"`                // of order requests, whatever they were answered, microseconds
	Took         int64            `json:"took,omitempty"`         // their sum
	Arms         []*ArmSample     `json:"arms,omitempty"`         // order requests that a ruleset decided, by ruleset
	// Left is what was last seen of each counter of stock, of the discount budget, of sign-ups and of orders.
	Left map[string]Sighted `json:"left,omitempty"`
}

// Sighted is what was seen of a counter at a moment.
type Sighted struct {
	Limit     int64 `json:"limit"`
	Remaining int64 `json:"remaining"`
	At        int64 `json:"at"` // Unix milliseconds
}

// before reports whether the other is the later sighting; of two in one moment it is the one with less left.
func (s Sighted) before(other Sighted) bool {
	return s.At < other.At || s.At == other.At && s.Remaining > other.Remaining
}

// ArmSample is what one ruleset decided about order requests: as the live one or as the canary, under one rollout. A request
// that was decided more than once, because a change overtook it, counts as what was decided last.
type ArmSample struct {
	Rollout  int64            `json:"rollout"` // its number
	Ruleset  int64            `json:"ruleset"` // 0 while mechanics are off
	Canary   bool             `json:"canary,omitempty"`
	Decided  int64            `json:"decided"`            // requests, whatever became of them
	Failed   int64            `json:"failed,omitempty"`   // of those, the ones in which a mechanic failed, whatever the policy made of it
	Orders   int64            `json:"orders,omitempty"`   // of those, the ones that were placed
	Refusals map[Code]int64   `json:"refusals,omitempty"` // the others
	Denied   map[string]int64 `json:"denied,omitempty"`   // those of the code denied, by the mechanic's reason
	List     int64            `json:"list,omitempty"`     // what the placed orders cost by their list prices
	Total    int64            `json:"total,omitempty"`    // what they cost
	Discount int64            `json:"discount,omitempty"` // by how much they cost less
	Fuel     Histogram        `json:"fuel"`               // of a decision, all its mechanics together
	Bindings []*BindingSample `json:"bindings,omitempty"` // by their place in the ruleset
}

// BindingSample is what one binding of a ruleset cost.
type BindingSample struct {
	Mechanic string    `json:"mechanic"` // its name
	Asked    int64     `json:"asked,omitempty"`
	Failed   int64     `json:"failed,omitempty"` // of those, the ones in which it failed
	Open     int64     `json:"open,omitempty"`   // decisions in which it was not asked, because its breaker was open
	Burned   int64     `json:"burned,omitempty"` // fuel
	Fuel     Histogram `json:"fuel"`             // of each time it was asked
	Timed    int64     `json:"timed,omitempty"`  // how often its time was taken: about one time in 16
	Nanos    int64     `json:"nanos,omitempty"`  // the sum of those times, nanoseconds
}

// Merge adds what the other content counted.
func (s *SampleContent) Merge(other *SampleContent) {
	s.Reservations += other.Reservations
	s.Orders += other.Orders
	s.Replayed += other.Replayed
	s.Paid += other.Paid
	s.PaidTotal += other.PaidTotal
	s.Took += other.Took
	s.Unreserved = addCounts(s.Unreserved, other.Unreserved)
	s.Refusals = addCounts(s.Refusals, other.Refusals)
	s.Denied = addCounts(s.Denied, other.Denied)
	s.Latency.Merge(&other.Latency)
	for _, arm := range other.Arms {
		s.arm(arm.Rollout, arm.Ruleset, arm.Canary).merge(arm)
	}
	for key, seen := range other.Left {
		s.sight(key, seen)
	}
}

// sight takes in what was seen of a counter, unless something later is known.
func (s *SampleContent) sight(counter string, seen Sighted) {
	if s.Left == nil {
		s.Left = map[string]Sighted{}
	}
	if known, ok := s.Left[counter]; !ok || known.before(seen) {
		s.Left[counter] = seen
	}
}

// byRuleset returns the content with the arms of each ruleset added up, whichever rollout made it decide.
func (s *SampleContent) byRuleset() *SampleContent {
	flat := *s
	flat.Arms = nil
	for _, arm := range s.Arms {
		flat.arm(0, arm.Ruleset, arm.Canary).merge(arm)
	}
	return &flat
}

// arm returns the arm's share, and makes it the first time.
func (s *SampleContent) arm(rollout, ruleset int64, canary bool) *ArmSample {
	for _, arm := range s.Arms {
		if arm.Rollout == rollout && arm.Ruleset == ruleset && arm.Canary == canary {
			return arm
		}
	}
	made := &ArmSample{Rollout: rollout, Ruleset: ruleset, Canary: canary}
	s.Arms = append(s.Arms, made)
	return made
}

// merge adds what the other arm counted; the bindings of another ruleset are left out.
func (a *ArmSample) merge(other *ArmSample) {
	a.Decided += other.Decided
	a.Failed += other.Failed
	a.Orders += other.Orders
	a.List += other.List
	a.Total += other.Total
	a.Discount += other.Discount
	a.Refusals = addCounts(a.Refusals, other.Refusals)
	a.Denied = addCounts(a.Denied, other.Denied)
	a.Fuel.Merge(&other.Fuel)
	if a.Ruleset != other.Ruleset {
		return
	}
	for i, b := range other.Bindings {
		a.binding(i, b.Mechanic).merge(b)
	}
}

// binding returns the share of the binding of that place in the ruleset, and makes it the first time.
func (a *ArmSample) binding(i int, mechanic string) *BindingSample {
	for len(a.Bindings) <= i {
		a.Bindings = append(a.Bindings, &BindingSample{})
	}
	a.Bindings[i].Mechanic = mechanic
	return a.Bindings[i]
}

// merge adds what the other binding cost.
func (b *BindingSample) merge(other *BindingSample) {
	b.Asked += other.Asked
	b.Failed += other.Failed
	b.Open += other.Open
	b.Burned += other.Burned
	b.Timed += other.Timed
	b.Nanos += other.Nanos
	b.Fuel.Merge(&other.Fuel)
}

// addCounts adds the counts of another map to those of a map, which is made if need be.
func addCounts[K ~string](to, from map[K]int64) map[K]int64 {
	if to == nil && len(from) > 0 {
		to = make(map[K]int64, len(from))
	}
	for key, n := range from {
		to[key] += n
	}
	return to
}

// WindowSecond is what all nodes counted in one second.
type WindowSecond struct {
	SampleContent

	Second int64 // Unix seconds
}

// Window is what all nodes counted of a campaign lately. It is not changed any more once somebody has it.
type Window struct {
	At      int64           // when it was put together, Unix milliseconds
	Seconds []*WindowSecond // of the last 60 s, in their order, those in which something happened; the last ones may still grow
}

// arm adds up what was decided from the second on (Unix seconds), under rollouts of that number and later, as the canary or
// as the live ruleset. Its Rollout and Ruleset are the latest; bindings are added up for that ruleset only.
func (w *Window) arm(from, rollout int64, canary bool) *ArmSample {
	sum := &ArmSample{Canary: canary}
	var arms []*ArmSample
	for _, second := range w.Seconds {
		for _, arm := range second.Arms {
			if second.Second < from || arm.Rollout < rollout || arm.Canary != canary {
				continue
			}
			arms = append(arms, arm)
			if arm.Rollout >= sum.Rollout {
				sum.Rollout, sum.Ruleset = arm.Rollout, arm.Ruleset
			}
		}
	}
	for _, arm := range arms {
		sum.merge(arm)
	}
	return sum
}
