package core

// LivePoint is one second of a campaign, as all nodes together saw it. Amounts are minor units of the campaign's currency.
// What was counted is of that second. The rollout is the one that was in force at its end. Nodes and guards are as they stand
// when the point is sent, and nobody knows them of a second that is older than the last three complete ones. What is left is
// as it was last seen in the second or before it; as it stands, if that is not known.
type LivePoint struct {
	Campaign string `json:"campaign"`
	Second   int64  `json:"second"` // Unix seconds
	// Corrected says that the second was sent before, and that a node has told since what it counted in it.
	Corrected bool `json:"corrected,omitempty"`

	Reservations int64            `json:"reservations"` // sign-ups
	Orders       int64            `json:"orders"`       // placed
	Replayed     int64            `json:"replayed"`     // order requests that were answered as an earlier one
	Paid         int64            `json:"paid"`         // payments that an order took note of
	PaidTotal    int64            `json:"paid_total"`   // their sum
	Refusals     map[Code]int64   `json:"refusals"`     // refused order requests, by code
	Denied       map[string]int64 `json:"denied"`       // those of the code denied, by the mechanic's reason
	P50          int64            `json:"p50"`          // of the time that an order request took, microseconds
	P99          int64            `json:"p99"`
	Arms         []LiveArm        `json:"arms"`     // what each ruleset decided
	Bindings     []LiveBinding    `json:"bindings"` // what each mechanic cost

	Stock          map[string]int64 `json:"stock"`           // left, by item
	Reserved       int64            `json:"reserved"`        // sign-ups so far
	Placed         int64            `json:"placed"`          // orders so far
	DiscountSpent  int64            `json:"discount_spent"`  // of the discount budget so far: taken by orders that are paid or may be
	DiscountBudget int64            `json:"discount_budget"` // 0 if there is none

	Revision int64        `json:"revision"`        // of the campaign, at the end of the second
	Rollout  *Rollout     `json:"rollout"`         // that was in force then; null if there was no campaign yet
	Nodes    []LiveNode   `json:"nodes,omitzero"`  // the ones that serve, sorted by id; left out of older seconds
	Guards   []GuardState `json:"guards,omitzero"` // those that the campaign file sets; left out of older seconds
}

// LiveArm is what one ruleset decided in a second, as the live one or as the canary.
type LiveArm struct {
	Ruleset  int64 `json:"ruleset"` // 0 while mechanics are off
	Canary   bool  `json:"canary"`
	Decided  int64 `json:"decided"` // order requests
	Failed   int64 `json:"failed"`  // of those, the ones in which a mechanic failed
	Orders   int64 `json:"orders"`  // of those, the ones that were placed
	Total    int64 `json:"total"`   // what they cost
	Discount int64 `json:"discount"`
}

// LiveBinding is what one binding of a ruleset cost in a second. Each figure is of one time that its mechanic was asked.
type LiveBinding struct {
	Ruleset  int64  `json:"ruleset"`
	Binding  int    `json:"binding"` // its place in the ruleset, from 0
	Mechanic string `json:"mechanic"`
	Canary   bool   `json:"canary"`
	Asked    int64  `json:"asked"`
	Failed   int64  `json:"failed"`
	Open     int64  `json:"open"`     // decisions in which it was not asked, because its breaker was open
	Fuel     int64  `json:"fuel"`     // on average
	FuelP99  int64  `json:"fuel_p99"` // at most 1/32 above the exact one
	Nanos    int64  `json:"nanos"`    // on average, of about one time in 16
}

// LiveNode is how far one node follows the campaign.
type LiveNode struct {
	ID       string `json:"id"`
	Ruleset  int64  `json:"ruleset"` // the live one that it decides by; 0 if that is not known
	Rollout  int64  `json:"rollout"` // the number of the rollout that it decides under
	Revision int64  `json:"revision"`
	Ready    bool   `json:"ready"` // it serves the campaign
}

// GuardState is what a guard measures now, and when it tripped last. What the values and the limit are of depends on the
// guard: minor units, basis points or fuel.
type GuardState struct {
	Name  string `json:"name"`
	Value int64  `json:"value"` // of what decides now
	Limit int64  `json:"limit"`
	// Tripped says that the rollout in force is what this guard made of the one before: until the next change.
	Tripped        bool  `json:"tripped"`
	TrippedAt      int64 `json:"tripped_at,omitempty"`      // when it tripped last, Unix milliseconds; left out if it never has
	TrippedValue   int64 `json:"tripped_value,omitempty"`   // what it measured then
	TrippedRuleset int64 `json:"tripped_ruleset,omitempty"` // of what
}
