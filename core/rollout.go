package core

import "slices"

// Rollout says which ruleset decides for whom: one is live, and beside it there may be one canary, which decides for some
// shoppers, and one shadow, which decides for nobody and is compared. It is one numbered, immutable state; every change
// makes the next. Times are Unix milliseconds.
type Rollout struct {
	Number   int64 `json:"rollout"`             // rises by one with each change of the rollout, from 1
	Live     int64 `json:"live"`                // the number of the ruleset that decides
	LastGood int64 `json:"last_good,omitempty"` // the ruleset that was live before it: what the policy last_good falls back to
	// Agreed is the ruleset that two people agreed on last, if one person has made another live since; LastGoodAgreed is that
	// of LastGood. 0 says that it is the ruleset itself. What one person changes is measured against it too.
	Agreed         int64 `json:"agreed,omitempty"`
	LastGoodAgreed int64 `json:"last_good_agreed,omitempty"`

	Canary   *Canary  `json:"canary,omitempty"`
	Shadow   *Shadow  `json:"shadow,omitempty"`
	Stop     Stop     `json:"stop,omitempty"`
	Breakers Breakers `json:"breakers,omitempty"` // bindings that are not asked for now
	// Closed are breakers that were open until lately.
	Closed []ClosedBreaker `json:"closed_breakers,omitempty"`
	// Offer is the epoch from which on holds are offered a new quote: orders that were decided under an earlier one, and are
	// not paid, may be replaced at today's price. 0 means that every hold keeps its quote and no other.
	Offer int64 `json:"offer,omitempty"`
	// Draining says that no orders are placed until every hold has ended and Pending comes into force.
	Draining bool     `json:"draining,omitempty"`
	Pending  *Pending `json:"pending,omitempty"` // the change that waits for its moment
	// Forced says that the change was made although not every node was ready for it: a node that cannot compile what decides
	// is not ready to serve.
	Forced bool `json:"forced,omitempty"`
	// TakenBack are the rulesets that a guard took back and nobody has let decide since: an undo goes to none of them.
	TakenBack []int64   `json:"taken_back,omitempty"`
	Trips     []Trip    `json:"trips,omitempty"` // the last time that each guard tripped, in the order of that
	Undo      int64     `json:"undo,omitempty"`  // the rollout that an undo goes back to; 0 if there is none
	Action    Action    `json:"action"`          // what made it
	Guard     GuardName `json:"guard,omitempty"` // the guard that made it, if one did; a fence keeps it
	At        int64     `json:"at"`              // when it was made
	By        string    `json:"by"`              // the principal who made it
	Role      Role      `json:"role,omitempty"`
	Reason    string    `json:"reason,omitempty"`
}

// Canary is a ruleset that decides for some shoppers. Who they are depends on their id and the ruleset alone, so that a
// shopper stays with it for as long as it lasts, and a larger percentage only adds others.
type Canary struct {
	Ruleset int64  `json:"ruleset"`
	Percent int64  `json:"percent,omitempty"` // of the shoppers, 1 to 99; 0 if it goes by tag
	Tag     string `json:"tag,omitempty"`     // the shoppers who have it
	Since   int64  `json:"since"`             // the rollout that began it
	Agreed  bool   `json:"agreed,omitempty"`  // a second person agreed that it decides for some, or nobody had to
}

// Shadow is a ruleset that decides what the live one decides, beside it, and is only compared.
type Shadow struct {
	Ruleset int64 `json:"ruleset"`
	Since   int64 `json:"since"` // the rollout that began it
}

// Trip is one time that a guard tripped.
type Trip struct {
	Guard   GuardName `json:"guard"`
	Ruleset int64     `json:"ruleset"` // that it took back, or stopped
	Value   int64     `json:"value"`   // then; of what depends on the guard, as in [GuardState]
	Limit   int64     `json:"limit"`   // then
	At      int64     `json:"at"`
}

// Stop is how far a campaign is stopped.
type Stop string

// The levels. Each does what it says and nothing more; holds can be paid at every one of them.
const (
	StopNothing      Stop = ""
	StopReservations Stop = "reservations" // nobody can sign up any more
	StopMechanics    Stop = "mechanics"    // no mechanic is asked: everything costs its list price
	StopCampaign     Stop = "campaign"     // nothing is sold and nobody can sign up, as if the campaign were closed
)

// Breaker is an open one: the binding's mechanic is not asked, its failure policy decides at once.
type Breaker struct {
	Ruleset int64  `json:"ruleset"`
	Binding int    `json:"binding"` // from 0; texts for people count from 1
	Until   int64  `json:"until"`   // when the mechanic is asked again
	Trips   int64  `json:"trips"`   // how often it has opened in a row; each time it stays open longer
	Failure string `json:"failure"` // the last one
}

// Breakers are the open ones of a rollout.
type Breakers []Breaker

// open reports whether the binding of the ruleset is not to be asked.
func (b Breakers) open(ruleset int64, binding int) bool {
	return slices.ContainsFunc(b, func(one Breaker) bool { return one.Ruleset == ruleset && one.Binding == binding })
}

// Pending is a change of the rollout that waits: for an instant, for the holds to end, or for somebody else to approve.
type Pending struct {
	Change   Change `json:"change"`
	At       int64  `json:"at,omitempty"`       // the instant; 0 for none
	Drain    bool   `json:"drain,omitempty"`    // when no hold is left
	Approval string `json:"approval,omitempty"` // why somebody other than By has to approve it; "" if nobody has to
	// ApprovedBy is who has approved it; "" if nobody had to: then prices are measured again when its moment comes.
	ApprovedBy string `json:"approved_by,omitempty"`
	// File is the digest of the campaign file that waits, instead of Change, until somebody else applies the same file.
	File string `json:"file,omitempty"`
	// Definition is that file, so that others can see what waits; nil for one that an earlier release had wait.
	Definition *Campaign `json:"definition,omitempty"`
	By         string    `json:"by"`
	Role       Role      `json:"role,omitempty"`
	Asked      int64     `json:"asked"` // when it was asked for
	Reason     string    `json:"reason,omitempty"`
}

// Change is what a change of the rollout makes of it.
type Change struct {
	Mode    Mode   `json:"mode"`
	Ruleset int64  `json:"ruleset,omitempty"`
	Percent int64  `json:"percent,omitempty"` // of a canary by percent, 1 to 99
	Tag     string `json:"tag,omitempty"`     // of a canary by tag
	Holds   Holds  `json:"holds,omitempty"`
	Force   bool   `json:"force,omitempty"` // also if not every node is ready
}

// Mode is what becomes of the ruleset of a change.
type Mode string

// The modes.
const (
	ModeLive   Mode = "live"   // it decides for everybody; a canary or shadow of the same ruleset ends
	ModeCanary Mode = "canary" // it decides for some
	ModeShadow Mode = "shadow" // it is compared
	ModeAbort  Mode = "abort"  // canary, shadow and pending change end; it names no ruleset
)

// Holds says what becomes of orders that were placed before a swap and are not paid.
type Holds string

// What may become of them. The default is honour.
const (
	HoldsHonour Holds = "honour" // they keep their quote
	HoldsOffer  Holds = "offer"  // they keep it, and are offered a new one beside it until the hold ends
	HoldsDrain  Holds = "drain"  // the swap waits until they have ended; meanwhile nothing is sold
)

// Action is what made a rollout.
type Action string

// The actions.
const (
	ActionApply    Action = "apply"    // a campaign file
	ActionLive     Action = "live"     // a ruleset was made live, or a canary promoted
	ActionCanary   Action = "canary"   // a canary was begun or changed
	ActionShadow   Action = "shadow"   // a shadow was begun
	ActionAbort    Action = "abort"    // canary, shadow or pending change were ended
	ActionUndo     Action = "undo"     // the rollout before came back
	ActionStop     Action = "stop"     // the campaign was stopped, or goes on
	ActionPropose  Action = "propose"  // a change waits for its instant, for holds, or for approval
	ActionDrain    Action = "drain"    // nothing is sold until the holds have ended
	ActionBreaker  Action = "breaker"  // a breaker opened or closed
	ActionGuard    Action = "guard"    // a guard tripped
	ActionFence    Action = "fence"    // a plugin came or went
	ActionFallback Action = "fallback" // a pending change could not be made
)

// RolloutRequest asks for a change of the rollout.
type RolloutRequest struct {
	Campaign string
	Change   Change
	Expect   int64 // the number of the rollout that the caller has seen; another one in force is precondition_failed
	At       int64 // when it is to come into force, Unix milliseconds; 0 means now
	Reason   string
	Actor    Principal
}

// UndoRequest asks for the rollout before.
type UndoRequest struct {
	Campaign string
	Expect   int64 // as in [RolloutRequest]; 0 means whichever is in force
	Reason   string
	Actor    Principal
}

// StopRequest stops a campaign or lets it go on.
type StopRequest struct {
	Campaign string
	Level    Stop // StopNothing lets it go on
	Reason   string
	Actor    Principal
}

// ApprovalRequest approves the change that waits for it.
type ApprovalRequest struct {
	Campaign string
	Expect   int64 // the number of the rollout whose pending change is approved
	Reason   string
	Actor    Principal // somebody other than who asked for it
}

// RulesetRequest asks for a new immutable ruleset.
type RulesetRequest struct {
	Campaign string
	Bindings []Binding
	Stacking map[string]Stacking
	Reason   string
	Actor    Principal
}

// Swapped is a change of the rollout that is in force, or waits.
type Swapped struct {
	Rollout  *Rollout
	Revision int64 // of the campaign; nodes that have followed are at it or beyond
	Epoch    int64
	At       int64    // when it was committed, Unix milliseconds
	Warnings []string // what is amiss with the plugins of the ruleset, for people
}

// RolloutEntry is one row of a campaign's history: every change that was made to the campaign, whether or not it changed the
// rollout.
type RolloutEntry struct {
	Campaign string
	Revision int64
	Epoch    int64
	Rollout  Rollout
	At       int64 // when it was committed, Unix milliseconds
	Orders   int64 // how many orders had been placed when it was committed: no later one was decided under an earlier epoch
}

// guardedBy reports whether the guard has made the rollout; a plugin that came or went since changes nothing about that.
func (r *Rollout) guardedBy(guard GuardName) bool {
	return r.Guard == guard && (r.Action == ActionGuard || r.Action == ActionFence)
}

// refusesOrders returns why no order can be placed under the rollout, nil if they can.
func (r *Rollout) refusesOrders() error {
	switch {
	case r.Stop == StopCampaign:
		return Errorf(CodeStopped, "the sale is stopped for now")
	case r.Draining:
		return &Error{Code: CodeDraining, Message: "the sale changes as soon as open orders have ended", RetryAfter: retryAfter}
	default:
		return nil
	}
}

// refusesReservations returns why nobody can sign up under the rollout, nil if they can.
func (r *Rollout) refusesReservations() error {
	if r.Stop == StopCampaign || r.Stop == StopReservations {
		return Errorf(CodeStopped, "reservations are stopped for now")
	}
	return nil
}

// inPlay returns the rulesets that a decision may ask, or is compared with.
func (r *Rollout) inPlay() []int64 {
	numbers := []int64{r.Live}
	if r.LastGood > 0 {
		numbers = append(numbers, r.LastGood)
	}
	if r.Canary != nil {
		numbers = append(numbers, r.Canary.Ruleset)
	}
	if r.Shadow != nil {
		numbers = append(numbers, r.Shadow.Ruleset)
	}
	return numbers
}

// takeBack notes that a guard took the ruleset back.
func (r *Rollout) takeBack(ruleset int64) {
	if !slices.Contains(r.TakenBack, ruleset) {
		r.TakenBack = append(slices.Clone(r.TakenBack), ruleset)
	}
}

// trip notes that a guard tripped; it forgets when that guard did before.
func (r *Rollout) trip(t Trip) {
	r.Trips = append(slices.DeleteFunc(slices.Clone(r.Trips), func(other Trip) bool { return other.Guard == t.Guard }), t)
}

// lastTrip returns when the guard tripped last; the zero value if it never has.
func (r *Rollout) lastTrip(guard GuardName) Trip {
	if i := slices.IndexFunc(r.Trips, func(t Trip) bool { return t.Guard == guard }); i >= 0 {
		return r.Trips[i]
	}
	return Trip{}
}

// letDecide notes that somebody wants the ruleset to decide, whatever a guard did with it before.
func (r *Rollout) letDecide(ruleset int64) {
	r.TakenBack = slices.DeleteFunc(slices.Clone(r.TakenBack), func(other int64) bool { return other == ruleset })
}

// wasTakenBack reports whether a ruleset decides under the rollout that is among those that a guard took back.
func (r *Rollout) wasTakenBack(takenBack []int64) bool {
	return slices.ContainsFunc(takenBack, r.decides)
}

// chooses reports whether the same ruleset is live, and the same ones are canary and shadow of the same shoppers.
func (r *Rollout) chooses(other *Rollout) bool {
	return r.Live == other.Live && r.Canary.isLike(other.Canary) && r.Shadow.isLike(other.Shadow)
}

func (c *Canary) isLike(other *Canary) bool {
	if c == nil || other == nil {
		return c == other
	}
	return c.Ruleset == other.Ruleset && c.Percent == other.Percent && c.Tag == other.Tag
}

func (s *Shadow) isLike(other *Shadow) bool {
	if s == nil || other == nil {
		return s == other
	}
	return s.Ruleset == other.Ruleset
}
