package core

import (
	"encoding/json"
	"maps"
	"slices"
)

// Comparison says what a candidate ruleset would have made of decisions that another ruleset made: of the traffic of a live
// campaign beside which it is the shadow, or of decisions that were recorded. Both sides decide the same facts, with the
// same guardrails and the same rest of the discount budget. Amounts are minor units of Currency, times Unix milliseconds.
type Comparison struct {
	Campaign string `json:"campaign"`
	Currency string `json:"currency"`
	Ruleset  int64  `json:"ruleset"`         // the candidate's number; 0 for bindings that are not stored
	Since    int64  `json:"since,omitempty"` // the rollout that began the shadow; 0 for a backtest
	Nodes    int    `json:"nodes,omitempty"` // how many nodes have compared
	From     int64  `json:"from"`            // when the first decision that is compared was made; 0 without any
	Until    int64  `json:"until"`           // … and the last

	Recorded  []ComparedRuleset `json:"recorded"`  // which rulesets made the decisions that the candidate is compared with, sorted
	Decisions int64             `json:"decisions"` // how many were compared
	Refusals  int64             `json:"refusals"`  // how many of them were refused by what decided; those that were recorded are a sample
	Dropped   int64             `json:"dropped"`   // decisions that were not compared, as there was no time for them
	Unread    int64             `json:"unread"`    // recordings that this version of the engine cannot read
	Cut       bool              `json:"cut"`       // there is more in the time that was asked for than was compared

	Differing    int64 `json:"differing"`     // decisions whose outcome is another
	Both         int64 `json:"both"`          // decisions that make an order on both sides: money is compared of these
	NewlyDenied  int64 `json:"newly_denied"`  // an order that the candidate refuses
	NewlyAllowed int64 `json:"newly_allowed"` // a refusal of which the candidate makes an order
	Winners      int64 `json:"winners"`       // orders for which the shopper would pay less
	Losers       int64 `json:"losers"`        // … and more
	Won          int64 `json:"won"`           // how much less the winners would pay together
	Lost         int64 `json:"lost"`          // how much more the losers would
	OtherTerms   int64 `json:"other_terms"`   // orders of the same total that take, owe or write something else

	Live      ComparedSide `json:"live"`      // what was decided
	Candidate ComparedSide `json:"candidate"` // what the candidate decides

	Cases   []ComparedCase `json:"cases"`             // the decisions that differ most, of every kind
	Failure string         `json:"failure,omitempty"` // why a node cannot decide by the candidate
}

// ComparedRuleset is how many of the decisions a ruleset made.
type ComparedRuleset struct {
	Ruleset   int64 `json:"ruleset"`
	Decisions int64 `json:"decisions"`
}

// ComparedSide is what one side made of all the decisions.
type ComparedSide struct {
	Orders   int64 `json:"orders"`    // decisions that make an order
	Denied   int64 `json:"denied"`    // refused by a mechanic
	Failed   int64 `json:"failed"`    // refused because a mechanic failed
	Errors   int64 `json:"errors"`    // decisions in which a mechanic failed, whatever its failure policy made of that
	Money    int64 `json:"money"`     // what the orders cost that both sides make
	PerOrder int64 `json:"per_order"` // … each of them, in the mean
	Discount int64 `json:"discount"`  // what all its orders cost less than their list price: the budget that they burn
	FuelP50  int64 `json:"fuel_p50"`  // of a decision, in the units of the plugins' meter; 0 without plugins
	FuelP99  int64 `json:"fuel_p99"`
}

// CaseKind says in what a decision differs.
type CaseKind string

// The kinds.
const (
	CaseNewlyDenied  CaseKind = "newly_denied"
	CaseNewlyAllowed CaseKind = "newly_allowed"
	CasePrice        CaseKind = "price"   // another total
	CaseTerms        CaseKind = "terms"   // the same total on other terms
	CaseRefusal      CaseKind = "refusal" // refused on both sides, for another reason
)

// caseKinds is the order in which a report takes its cases from the kinds.
func caseKinds() []CaseKind {
	return []CaseKind{CasePrice, CaseNewlyDenied, CaseNewlyAllowed, CaseTerms, CaseRefusal}
}

// ComparedCase is one decision that differs, with an explanation of both sides.
type ComparedCase struct {
	Kind       CaseKind         `json:"kind"`
	Order      string           `json:"order,omitempty"` // "" for a refusal
	At         int64            `json:"at"`              // when it was decided
	Difference int64            `json:"difference"`      // between the totals; what is refused counts as nothing
	Facts      json.RawMessage  `json:"facts"`           // what the mechanics knew
	Live       ComparedDecision `json:"live"`
	Candidate  ComparedDecision `json:"candidate"`
}

// ComparedDecision is what one side decided in a case.
type ComparedDecision struct {
	Ruleset  int64  `json:"ruleset"`
	Total    int64  `json:"total"` // 0 for a refusal
	Discount int64  `json:"discount"`
	Code     Code   `json:"code,omitempty"` // of the refusal; "" for an order
	Reason   string `json:"reason,omitempty"`
	// Explanation derives the decision again, for this report; nil if this node cannot, which Unexplained then says why.
	Explanation *Explanation `json:"explanation,omitempty"`
	Unexplained string       `json:"unexplained,omitempty"`
}

// report is the tally as people read it, without its cases.
func (t *tally) report() *Comparison {
	r := &Comparison{
		From: t.From, Until: t.Until, Recorded: []ComparedRuleset{}, Decisions: t.Decisions, Refusals: t.Refusals,
		Dropped: t.Dropped, Unread: t.Unread, Failure: t.Failure,
		Differing: t.Differing, Both: t.Both, NewlyDenied: t.NewlyDenied, NewlyAllowed: t.NewlyAllowed,
		Winners: t.Winners, Losers: t.Losers, Won: t.Won, Lost: t.Lost, OtherTerms: t.OtherTerms,
		Live: t.Live.report(t.Both), Candidate: t.Candidate.report(t.Both), Cases: []ComparedCase{},
	}
	for _, number := range slices.Sorted(maps.Keys(t.Recorded)) {
		r.Recorded = append(r.Recorded, ComparedRuleset{Ruleset: number, Decisions: t.Recorded[number]})
	}
	return r
}

func (s *tallySide) report(both int64) ComparedSide {
	r := ComparedSide{
		Orders: s.Orders, Denied: s.Denied, Failed: s.Failed, Errors: s.Errors, Money: s.Money, Discount: s.Discount,
		FuelP50: s.Fuel.Quantile(0.5), FuelP99: s.Fuel.Quantile(0.99),
	}
	if both > 0 {
		r.PerOrder = s.Money / both
		if rest := s.Money % both; rest >= both-rest {
			r.PerOrder++ // half up
		}
	}
	return r
}
