package api

import (
	"encoding/json"
	"time"

	"hotdrop/core"
)

// Explanation says why an order costs what it costs, what mechanics said at another hook, or why a request is refused. It
// is for staff; what a shopper may be told of it stands in Shopper alone. Amounts are minor units of Currency.
type Explanation struct {
	Campaign    string             `json:"campaign" example:"trade-in"`
	Order       string             `json:"order,omitempty" doc:"absent for a request that was not placed" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Currency    string             `json:"currency" doc:"ISO 4217" example:"CNY"`
	Hook        core.Hook          `json:"hook" doc:"the moment that the mechanics were asked at" example:"quote"`
	Ruleset     int64              `json:"ruleset" doc:"the number of the ruleset that decided; 0 for a sign-up that pins nothing" example:"2"`
	Engine      string             `json:"engine" doc:"the version of the engine's rules that it was decided by" example:"1"`
	At          time.Time          `json:"at" doc:"when it was decided"`
	Facts       json.RawMessage    `json:"facts" doc:"what the mechanics knew; null for a request that was refused before they were asked"`
	Bindings    []ExplainedBinding `json:"bindings" nullable:"false" doc:"the mechanics, in the order that they run"`
	Price       []PriceStep        `json:"price" nullable:"false" doc:"from the list price to the total; none if the request is refused before there is one"`
	List        int64              `json:"list" doc:"what the lines cost without mechanics" example:"179900"`
	Total       int64              `json:"total" example:"129900"`
	Lines       []Line             `json:"lines" nullable:"false"`
	Refusal     *ExplainedRefusal  `json:"refusal,omitempty" doc:"absent for an order, and for a request that would be one"`
	Reproduced  bool               `json:"reproduced" doc:"deciding an order again, from what it pins, gave what it pins, byte for byte; true for a request, which pins nothing"`
	Differences []string           `json:"differences,omitempty" nullable:"false" doc:"what came out differently if it did not"`
	Shopper     Told               `json:"shopper" doc:"what the shopper may be told"`
	Paid        *ExplainedPaid     `json:"paid,omitempty" nullable:"false" doc:"what the mechanics decided once the order was paid; absent for an order that is not, and if no mechanic has something to say then"`
}

// ExplainedPaid is what the mechanics decided at the hook paid, derived once more from what the order pins.
type ExplainedPaid struct {
	State    string             `json:"state" enum:"open,done" doc:"done: what the mechanics asked for is there; open: it is tried again until it is" example:"done"`
	At       time.Time          `json:"at" doc:"when the order was paid"`
	Facts    json.RawMessage    `json:"facts" doc:"what the mechanics know"`
	Bindings []ExplainedBinding `json:"bindings" nullable:"false" doc:"the mechanics, in the order that they run"`
	Refusal  *ExplainedRefusal  `json:"refusal,omitempty" doc:"what the decision fails with"`
	Tries    int                `json:"tries" doc:"how often it has failed" example:"0"`
	Failure  string             `json:"failure,omitempty" doc:"why it failed the last time"`
}

// ExplainedBinding is one mechanic's part in a decision.
type ExplainedBinding struct {
	Mechanic     string            `json:"mechanic" example:"trade-in"`
	Kind         string            `json:"kind,omitempty" doc:"rule or plugin" example:"rule"`
	Version      string            `json:"version,omitempty" example:"1.1.0"`
	Digest       string            `json:"digest" doc:"of the artefact that decided"`
	Outcome      string            `json:"outcome" doc:"applied; no_match: it asked for nothing; stacked: another of its stacking group won; guarded: the guardrails have no room for its line; failed; skipped: it failed, and its policy is skip; denied: it refused; proposed: in vain, as the request is refused" example:"applied"`
	Group        string            `json:"group,omitempty" doc:"its stacking group"`
	LostTo       *int              `json:"lost_to,omitempty" nullable:"false" doc:"the mechanic that won in its stead, from 0"`
	LastGood     bool              `json:"last_good,omitempty" doc:"it failed, and the same binding of the previous ruleset decided"`
	Failure      string            `json:"failure,omitempty" doc:"why it failed"`
	Clauses      []Clause          `json:"clauses" nullable:"false" doc:"of a rule, in the order of evaluation, until one held; a plugin has none"`
	Clause       string            `json:"clause,omitempty" doc:"the clause that was false, if none matched"`
	Effects      []json.RawMessage `json:"effects" nullable:"false" doc:"what it asks for, each as {kind: fields}"`
	Fuel         int64             `json:"fuel" doc:"of a plugin, in the units of its meter" example:"812"`
	Microseconds int64             `json:"microseconds" doc:"how long it took to decide for this explanation, not when the order was placed" example:"3"`
}

// Clause is one condition of a rule.
type Clause struct {
	Case   int            `json:"case" doc:"the alternative that it belongs to, from 0"`
	Text   string         `json:"text" doc:"as the author wrote it; true for an alternative without a condition" example:"input.trade_in.brand in config.brands"`
	Held   bool           `json:"held"`
	Values map[string]any `json:"values" doc:"what it looked at, by path; null for what was absent" example:"{\"input.trade_in.brand\":\"Xiaomi\"}"`
}

// PriceStep is one step from the list price to the total.
type PriceStep struct {
	What    string          `json:"what" doc:"list; the kind of the effect that changed the price; or the guardrail that held against it: min_price, max_discount or discount_budget" example:"discount"`
	Binding *int            `json:"binding,omitempty" nullable:"false" doc:"whose effect it is, from 0"`
	Effect  json.RawMessage `json:"effect,omitempty" doc:"the effect, as {kind: fields}"`
	Limit   *int64          `json:"limit,omitempty" nullable:"false" doc:"of a guardrail: the least total that it allows, minor units"`
	Before  int64           `json:"before" doc:"minor units" example:"179900"`
	After   int64           `json:"after" doc:"minor units" example:"129900"`
}

// ExplainedRefusal is the check that refused a request.
type ExplainedRefusal struct {
	Check   string    `json:"check" doc:"request, phase, stock, reservation, limit, voucher, group, mechanic, quota, once, expect_total or engine" example:"mechanic"`
	Code    core.Code `json:"code" doc:"what the shopper's client would switch on" example:"denied"`
	Binding *int      `json:"binding,omitempty" nullable:"false" doc:"which one, from 0, if the check is mechanic"`
	Cause   string    `json:"cause" doc:"for staff"`
}

// Told is what a shopper may be told.
type Told struct {
	Code    core.Code `json:"code,omitempty" doc:"of the refusal" example:"denied"`
	Reason  string    `json:"reason,omitempty" doc:"the stable reason of the mechanic that refused" example:"members_only"`
	Message string    `json:"message,omitempty"`
	Text    *Text     `json:"text,omitempty" doc:"what the mechanic that refused wants to be shown"`
	Labels  []Text    `json:"labels" nullable:"false" doc:"why the price is what it is"`
}

func explanationView(e *core.Explanation) Explanation {
	view := Explanation{
		Campaign: e.Campaign, Order: e.Order, Currency: e.Currency, Hook: e.Hook, Ruleset: e.Ruleset, Engine: e.Engine,
		At: timeOf(e.At), Facts: e.Facts, Bindings: views(e.Bindings, bindingView), Price: views(e.Price, stepView),
		List: e.List, Total: e.Total, Lines: views(e.Lines, lineView), Reproduced: e.Reproduced, Differences: e.Differences,
		Shopper: Told{
			Code: e.Shopper.Code, Reason: e.Shopper.Reason, Message: e.Shopper.Message, Text: optionalText(e.Shopper.Text),
			Labels: views(e.Shopper.Labels, func(t core.Text) Text { return Text{t} }),
		},
	}
	view.Refusal = refusalView(e.Refusal)
	if p := e.Paid; p != nil {
		view.Paid = &ExplainedPaid{
			State: p.State, At: timeOf(p.At), Facts: p.Facts, Bindings: views(p.Bindings, bindingView),
			Refusal: refusalView(p.Refusal), Tries: p.Tries, Failure: p.Failure,
		}
	}
	return view
}

func refusalView(r *core.ExplainedRefusal) *ExplainedRefusal {
	if r == nil {
		return nil
	}
	return &ExplainedRefusal{Check: r.Check, Code: r.Code, Binding: r.Binding, Cause: r.Cause}
}

func bindingView(b core.ExplainedBinding) ExplainedBinding {
	return ExplainedBinding{
		Mechanic: b.Mechanic, Kind: b.Kind, Version: b.Version, Digest: b.Digest, Outcome: b.Outcome, Group: b.Group,
		LostTo: b.LostTo, LastGood: b.LastGood, Failure: b.Failure, Clauses: views(b.Clauses, clauseView), Clause: b.Clause,
		Effects: views(b.Effects, effectJSON), Fuel: b.Fuel, Microseconds: b.Micros,
	}
}

func clauseView(c core.Clause) Clause {
	view := Clause{Case: c.Case, Text: c.Text, Held: c.Held, Values: make(map[string]any, len(c.Values))}
	for _, v := range c.Values {
		view.Values[v.Path] = json.RawMessage(v.Value)
	}
	return view
}

func stepView(s core.PriceStep) PriceStep {
	view := PriceStep{What: s.What, Binding: s.Binding, Limit: s.Limit, Before: s.Before, After: s.After}
	if s.Effect != nil {
		view.Effect = effectJSON(*s.Effect)
	}
	return view
}

func effectJSON(e core.Effect) json.RawMessage {
	data, _ := json.Marshal(e) // plain data always encodes
	return data
}
