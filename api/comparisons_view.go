package api

import (
	"encoding/json"
	"time"

	"hotdrop/core"
)

// Comparison says what a candidate ruleset would have made of decisions that another ruleset made, by the same facts and
// guardrails. Amounts are minor units of Currency.
type Comparison struct {
	Campaign string     `json:"campaign" example:"trade-in"`
	Currency string     `json:"currency" doc:"ISO 4217" example:"CNY"`
	Ruleset  int64      `json:"ruleset" doc:"the candidate's number; 0 for bindings that are not stored" example:"3"`
	Since    int64      `json:"since,omitempty" doc:"the rollout that began the shadow; absent for a backtest" example:"7"`
	Nodes    int        `json:"nodes,omitempty" doc:"of a shadow: how many nodes have compared" example:"3"`
	From     *time.Time `json:"from,omitempty" nullable:"false" doc:"when the first decision was made; absent without any"`
	Until    *time.Time `json:"until,omitempty" nullable:"false" doc:"when the last one was"`

	Recorded  []core.ComparedRuleset `json:"recorded" nullable:"false" doc:"how many of the decisions which ruleset made"`
	Decisions int64                  `json:"decisions" doc:"how many were compared" example:"100000"`
	Refusals  int64                  `json:"refusals" doc:"how many of them were refused by what decided; those that were recorded are a sample" example:"120"`
	Dropped   int64                  `json:"dropped" doc:"decisions that were not compared, as there was no time or a mechanic was broken" example:"0"`
	Unread    int64                  `json:"unread" doc:"recordings that this version cannot read" example:"0"`
	Cut       bool                   `json:"cut" doc:"there is more in the time that was asked for than the limit allows"`

	Differing    int64 `json:"differing" doc:"decisions whose outcome is another" example:"1200"`
	Both         int64 `json:"both" doc:"orders on both sides: money is compared of these" example:"99000"`
	NewlyDenied  int64 `json:"newly_denied" doc:"orders that the candidate refuses" example:"300"`
	NewlyAllowed int64 `json:"newly_allowed" doc:"refusals of which the candidate makes orders" example:"20"`
	Winners      int64 `json:"winners" doc:"orders for which the shopper would pay less" example:"700"`
	Losers       int64 `json:"losers" doc:"orders for which the shopper would pay more" example:"180"`
	Won          int64 `json:"won" doc:"how much less the winners would pay together" example:"3500000"`
	Lost         int64 `json:"lost" doc:"how much more the losers would" example:"900000"`
	OtherTerms   int64 `json:"other_terms" doc:"orders of the same total that take, owe or write something else" example:"0"`

	Live      core.ComparedSide `json:"live" doc:"what was decided"`
	Candidate core.ComparedSide `json:"candidate" doc:"what the candidate decides"`
	Cases     []ComparedCase    `json:"cases" nullable:"false" doc:"at most 20 that differ the most, of every kind"`
	Failure   string            `json:"failure,omitempty" doc:"why a node cannot decide by the candidate"`
}

// ComparedCase is one decision that differs, with both sides explained.
type ComparedCase struct {
	Kind       core.CaseKind    `json:"kind" enum:"price,newly_denied,newly_allowed,terms,refusal" doc:"terms: the same total on other terms; refusal: refused on both sides, for another reason" example:"price"`
	Order      string           `json:"order,omitempty" doc:"absent for a refusal" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	At         time.Time        `json:"at" doc:"when it was decided"`
	Difference int64            `json:"difference" doc:"between the totals; what is refused counts as nothing" example:"5000"`
	Facts      json.RawMessage  `json:"facts" doc:"what the mechanics knew"`
	Live       ComparedDecision `json:"live"`
	Candidate  ComparedDecision `json:"candidate"`
}

// ComparedDecision is what one side decided in a case.
type ComparedDecision struct {
	Ruleset     int64        `json:"ruleset" doc:"0 for bindings that are not stored" example:"2"`
	Total       int64        `json:"total" doc:"0 for a refusal" example:"129900"`
	Discount    int64        `json:"discount" doc:"below the list price" example:"50000"`
	Code        core.Code    `json:"code,omitempty" doc:"of the refusal; absent for an order"`
	Reason      string       `json:"reason,omitempty" doc:"the mechanic's, if it denied"`
	Explanation *Explanation `json:"explanation,omitempty" doc:"derived again for this answer, without its time; absent if this node cannot"`
	Unexplained string       `json:"unexplained,omitempty" doc:"why this node cannot derive it"`
}

// CanaryReport compares the two arms of a canary since it began. Amounts are minor units of Currency, shares are between 0
// and 1, intervals those of 95 %.
type CanaryReport struct {
	Campaign    string                 `json:"campaign" example:"trade-in"`
	Currency    string                 `json:"currency" doc:"ISO 4217" example:"CNY"`
	Ruleset     int64                  `json:"ruleset" doc:"the canary's" example:"3"`
	Percent     int64                  `json:"percent,omitempty" doc:"of the shoppers; absent if it goes by tag" example:"5"`
	Tag         string                 `json:"tag,omitempty" doc:"the shoppers who have it" example:"staff"`
	Since       int64                  `json:"since" doc:"the rollout that began it" example:"7"`
	Began       time.Time              `json:"began"`
	Nodes       int                    `json:"nodes" doc:"how many nodes have counted" example:"3"`
	Live        core.CanaryArm         `json:"live" doc:"the shoppers whom the live ruleset decides for. Conversion is the share of order requests, decided by the arm's ruleset, that became orders; paid is how many of these orders were paid, whole or a deposit"`
	Canary      core.CanaryArm         `json:"canary" doc:"the shoppers whom the canary decides for"`
	Differences core.CanaryDifferences `json:"differences" doc:"the canary's figures less the live ones; absent where one arm has too little to say"`
}

func comparisonView(c *core.Comparison) Comparison {
	view := Comparison{
		Campaign: c.Campaign, Currency: c.Currency, Ruleset: c.Ruleset, Since: c.Since, Nodes: c.Nodes,
		Recorded: c.Recorded, Decisions: c.Decisions, Refusals: c.Refusals, Dropped: c.Dropped, Unread: c.Unread, Cut: c.Cut,
		Differing: c.Differing, Both: c.Both, NewlyDenied: c.NewlyDenied, NewlyAllowed: c.NewlyAllowed, Winners: c.Winners,
		Losers: c.Losers, Won: c.Won, Lost: c.Lost, OtherTerms: c.OtherTerms, Live: c.Live, Candidate: c.Candidate,
		Cases: views(c.Cases, caseView), Failure: c.Failure,
	}
	if c.Decisions > 0 {
		from, until := timeOf(c.From), timeOf(c.Until)
		view.From, view.Until = &from, &until
	}
	return view
}

func caseView(c core.ComparedCase) ComparedCase {
	return ComparedCase{
		Kind: c.Kind, Order: c.Order, At: timeOf(c.At), Difference: c.Difference, Facts: c.Facts, Live: sideView(c.Live),
		Candidate: sideView(c.Candidate),
	}
}

func sideView(d core.ComparedDecision) ComparedDecision {
	view := ComparedDecision{
		Ruleset: d.Ruleset, Total: d.Total, Discount: d.Discount, Code: d.Code, Reason: d.Reason, Unexplained: d.Unexplained,
	}
	if d.Explanation != nil {
		explained := explanationView(d.Explanation)
		view.Explanation = &explained
	}
	return view
}

func canaryView(r *core.CanaryReport) CanaryReport {
	return CanaryReport{
		Campaign: r.Campaign, Currency: r.Currency, Ruleset: r.Canary.Ruleset, Percent: r.Canary.Percent, Tag: r.Canary.Tag,
		Since: r.Canary.Since, Began: timeOf(r.Began), Nodes: r.Nodes, Live: r.Live, Canary: r.Trial, Differences: r.Differ,
	}
}
