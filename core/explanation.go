package core

import "encoding/json"

// Explanation says why an order costs what it costs, or why a request is refused. It is for staff: it shows facts,
// clauses and failures. What a shopper may be told is in Shopper alone. Amounts are minor units.
type Explanation struct {
	Campaign string          `json:"campaign"`
	Currency string          `json:"currency"`
	Order    string          `json:"order,omitempty"` // "" for a request that was not placed
	Hook     Hook            `json:"hook"`
	Ruleset  int64           `json:"ruleset"` // the number of the ruleset that decided
	Engine   string          `json:"engine"`  // the version of the engine's rules that it was decided by
	At       int64           `json:"at"`      // when it was decided, Unix milliseconds
	Facts    json.RawMessage `json:"facts"`   // what the mechanics knew; null for a request that was refused before that

	Bindings []ExplainedBinding `json:"bindings"`        // in ruleset order
	Price    []PriceStep        `json:"price,omitempty"` // from the list price to the total; none if a mechanic refused
	List     int64              `json:"list"`            // what the lines cost without mechanics
	Total    int64              `json:"total"`
	Lines    []Line             `json:"lines,omitempty"`

	Refusal *ExplainedRefusal `json:"refusal,omitempty"` // nil for an order, and for a request that would be one
	// Reproduced says whether deciding the order again, from its pinned facts under its pinned ruleset, gave what is
	// pinned, byte for byte. It is true for a request, which has nothing pinned. Where it is false, Differences says what
	// is another, and bindings, price and lines show what was found now.
	Reproduced  bool     `json:"reproduced"`
	Differences []string `json:"differences,omitempty"`
	Shopper     Told     `json:"shopper"`

	// Paid is what the mechanics decided when the order was confirmed; nil for an order that is not, and where no mechanic
	// has something to say at the hook paid.
	Paid *ExplainedPaid `json:"paid,omitempty"`
}

// The states of what the mechanics decide at the hook paid.
const (
	PaidOpen = "open" // it is still to be done: at once, or, after a failure, again and again
	PaidDone = "done" // what they asked for is there
)

// ExplainedPaid is the decision at the hook paid, derived from the facts that the order pins, and from the order as it was
// when it was paid, under the ruleset that the order pins. While it is open it shows what the next try would decide.
type ExplainedPaid struct {
	State    string             `json:"state"`
	At       int64              `json:"at"`    // when the order was paid, Unix milliseconds
	Facts    json.RawMessage    `json:"facts"` // what the mechanics know
	Bindings []ExplainedBinding `json:"bindings"`
	Refusal  *ExplainedRefusal  `json:"refusal,omitempty"` // what the decision fails with
	Tries    int                `json:"tries,omitempty"`   // how often it has failed
	Failure  string             `json:"failure,omitempty"` // why, the last time
}

// ExplainedBinding is one binding's part in a decision.
type ExplainedBinding struct {
	Mechanic string `json:"mechanic"`
	Kind     string `json:"kind,omitempty"` // rule or plugin
	Version  string `json:"version,omitempty"`
	Digest   string `json:"digest"` // of the artefact that decided
	// Outcome is applied; no_match (it asked for nothing); stacked (another binding of its stacking group won); guarded (the
	// guardrails have no room for the line that it adds); failed; skipped (it failed, and its policy is skip); denied (it
	// refused); proposed (it asked for effects in vain, as the request is refused).
	Outcome  string   `json:"outcome"`
	Group    string   `json:"group,omitempty"`     // its stacking group
	LostTo   *int     `json:"lost_to,omitempty"`   // the binding that it is stacked away by, from 0
	LastGood bool     `json:"last_good,omitempty"` // it failed, and the same binding of the previous ruleset decided
	Failure  string   `json:"failure,omitempty"`   // why it failed
	Clauses  []Clause `json:"clauses,omitempty"`   // of a rule; a plugin has none
	Clause   string   `json:"clause,omitempty"`    // the clause that was false, if none matched
	Effects  []Effect `json:"effects"`             // what it asks for
	Fuel     int64    `json:"fuel"`                // of a plugin, in the units of its meter
	Micros   int64    `json:"microseconds"`        // how long it took to decide again for this explanation; not when the order was placed
}

// PriceStep is one step from the list price to the total.
type PriceStep struct {
	// What is list, the kind of the effect that changed the running total, or the guardrail that is held against it:
	// min_price, max_discount or discount_budget.
	What    string  `json:"what"`
	Binding *int    `json:"binding,omitempty"` // whose effect it is, from 0
	Effect  *Effect `json:"effect,omitempty"`
	Limit   *int64  `json:"limit,omitempty"` // of a guardrail: the least total that it allows
	Before  int64   `json:"before"`          // the running total
	After   int64   `json:"after"`           // the difference is what a guardrail took back
}

// ExplainedRefusal is which check refused a request.
type ExplainedRefusal struct {
	// Check is request, phase, stock, reservation, limit, voucher, group, mechanic, quota, once, expect_total or engine.
	Check   string `json:"check"`
	Code    Code   `json:"code"`
	Binding *int   `json:"binding,omitempty"` // which one, from 0, if Check is mechanic
	Cause   string `json:"cause"`             // for staff
}

// Told is what a shopper may be told, and is.
type Told struct {
	Code    Code   `json:"code,omitempty"`   // of the refusal; "" if there is none
	Reason  string `json:"reason,omitempty"` // the stable code of a mechanic that refused
	Message string `json:"message,omitempty"`
	Text    Text   `json:"text,omitzero"`    // what the mechanic that refused wants to be shown
	Labels  []Text `json:"labels,omitempty"` // why the price is what it is
}

// told is what the shopper reads of a decision or its refusal.
func told(refusal error, lines []Line) Told {
	var t Told
	for i := range lines {
		t.Labels = append(t.Labels, lines[i].Labels...)
	}
	if refusal != nil {
		e := asError(refusal)
		t.Code, t.Reason, t.Message, t.Text = e.Code, e.Reason, e.Message, e.Text
	}
	return t
}
