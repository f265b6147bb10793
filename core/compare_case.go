package core

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// saleTerms are what a decision depends on of the campaign file, beside what its effects name: as an order pins it.
type saleTerms struct {
	Guardrails Guardrails       `json:"guardrails"`
	Added      map[string]int64 `json:"added,omitempty"`  // list prices of items that effects added, by sku
	Floors     map[string]int64 `json:"floors,omitempty"` // the min_price of items that have one of their own
}

// termsOf returns the campaign's terms for an order of the item.
func termsOf(def *Campaign, sku string) saleTerms {
	terms := saleTerms{Guardrails: def.Guardrails}
	if item := def.Item(sku); item != nil && item.MinPrice > 0 {
		terms.Floors = map[string]int64{sku: item.MinPrice}
	}
	return terms
}

// campaign returns the campaign with these terms for orders of the item. What effects name beside that is looked up in the
// campaign as it is now: a candidate may name what is new. The definition itself comes back if it has these terms already.
func (t *saleTerms) campaign(def *Campaign, sku string) *Campaign {
	if t.isOf(def, sku) {
		return def
	}
	copied := *def
	copied.Guardrails, copied.Items = t.Guardrails, slices.Clone(def.Items)
	if item := copied.Item(sku); item != nil {
		item.MinPrice = t.Floors[sku]
	} else if t.Floors[sku] > 0 {
		copied.Items = append(copied.Items, Item{SKU: sku, MinPrice: t.Floors[sku]})
	}
	for name, price := range t.Added {
		item := copied.Item(name)
		if item == nil {
			copied.Items = append(copied.Items, Item{SKU: name})
			item = &copied.Items[len(copied.Items)-1]
		}
		item.Price, item.MinPrice = price, t.Floors[name]
	}
	return &copied
}

// isOf reports whether the campaign has these terms for orders of the item.
func (t *saleTerms) isOf(def *Campaign, sku string) bool {
	if t.Guardrails != def.Guardrails {
		return false
	}
	has := func(name string, price int64) bool {
		item := def.Item(name)
		return item != nil && item.Price == price && item.MinPrice == t.Floors[name]
	}
	for name, price := range t.Added {
		if !has(name, price) {
			return false
		}
	}
	item := def.Item(sku)
	if item == nil {
		return t.Floors[sku] == 0
	}
	return item.MinPrice == t.Floors[sku]
}

func (k *keptCase) show(kind CaseKind) ComparedCase {
	return ComparedCase{
		Kind: kind, Order: k.Order, Difference: k.Difference, Facts: k.Facts, Live: k.Live.show(), Candidate: k.Candidate.show(),
	}
}

func (v *keptSide) show() ComparedDecision {
	return ComparedDecision{Ruleset: v.Ruleset, Total: v.Total, Discount: v.Discount, Code: v.Code, Reason: v.Reason}
}

// explained is the tally's report with its cases: of every kind the first, then of every kind the second, and so on. Each is
// explained on both sides: derived once more, from the facts that were kept, by the rulesets that decided. candidate is nil if
// this node cannot decide by it.
func (c *campaign) explained(ctx context.Context, t *tally, candidate *compiled) *Comparison {
	def := c.snapshot.Load().definition()
	report := t.report()
	report.Campaign, report.Currency = c.id, def.Currency
	for rank := range maxCases {
		for _, kind := range caseKinds() {
			if kept := t.Cases[kind]; rank < len(kept) && len(report.Cases) < maxCases {
				report.Cases = append(report.Cases, c.explainCase(ctx, def, kind, &kept[rank], candidate))
			}
		}
	}
	return report
}

func (c *campaign) explainCase(ctx context.Context, def *Campaign, kind CaseKind, k *keptCase, candidate *compiled) ComparedCase {
	shown := k.show(kind)
	var facts Facts
	if err := json.Unmarshal(k.Facts, &facts); err != nil {
		shown.Live.Unexplained = "its facts cannot be read: " + err.Error()
		shown.Candidate.Unexplained = shown.Live.Unexplained
		return shown
	}
	shown.At = facts.Now
	again := derivation{campaign: c.id, def: def, terms: k.Terms.campaign(def, facts.Item.SKU), kept: k, facts: &facts}
	if candidate != nil {
		shown.Candidate.Explanation = again.by(candidate, EngineVersion, &k.Candidate)
	} else {
		shown.Candidate.Unexplained = "this node cannot decide by it"
	}
	live, err := c.pinned(ctx, k.Live.Ruleset)
	if err == nil {
		live, err = c.fallingBack(ctx, live, k.LastGood)
	}
	if err != nil {
		shown.Live.Unexplained = "this node cannot decide it again: " + err.Error()
		return shown
	}
	shown.Live.Explanation = again.by(live, k.Engine, &k.Live)
	return shown
}

// derivation is a case that is decided again.
type derivation struct {
	campaign string
	def      *Campaign // as it is now
	terms    *Campaign // with the terms of then
	kept     *keptCase
	facts    *Facts
}

// by explains what the ruleset makes of the case, by a version of the engine's rules, and whether that is what it was.
func (a *derivation) by(ruleset *compiled, engine string, was *keptSide) *Explanation {
	x := ruleset.examine(HookQuote, a.facts, a.terms, a.kept.BudgetLeft, engine)
	clear(x.micros) // the same report is the same text, however long it took
	out := &Explanation{
		Campaign: a.campaign, Currency: a.def.Currency, Order: a.kept.Order, Hook: HookQuote, Ruleset: was.Ruleset,
		Engine: engine, At: a.facts.Now, Facts: a.kept.Facts, Reproduced: true,
	}
	x.into(out)
	out.Shopper = told(x.refusal, out.Lines)
	code, reason := Code(""), ""
	if x.refusal != nil {
		out.Refusal = refusalOf(x.refusal, x.binding)
		code, reason = out.Refusal.Code, asError(x.refusal).Reason
	}
	if code != was.Code || reason != was.Reason || out.Total != was.Total {
		out.Reproduced = false
		out.Differences = []string{fmt.Sprintf("it was %s, and is %s now", outcomeText(was.Code, was.Reason, was.Total),
			outcomeText(code, reason, out.Total))}
	}
	return out
}

// outcomeText names an outcome for staff.
func outcomeText(code Code, reason string, total int64) string {
	switch {
	case code == "":
		return fmt.Sprintf("an order of %d", total)
	case reason == "":
		return string(code)
	default:
		return string(code) + " (" + reason + ")"
	}
}
