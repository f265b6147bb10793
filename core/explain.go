package core

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// pinnedQuote is what [decision.pin] keeps of a decision.
type pinnedQuote struct {
	Added      map[string]int64 `json:"added"` // list prices of the items that effects add
	Bindings   []pinnedStep     `json:"bindings"`
	BudgetLeft int64            `json:"budget_left"`
	Engine     string           `json:"engine"`
	Epoch      int64            `json:"epoch"`
	ErasedAt   int64            `json:"erased_at"` // when the shopper's facts were erased, Unix milliseconds; 0: they are there
	Facts      Facts            `json:"facts"`
	Floors     map[string]int64 `json:"floors"` // the min_price of items that have one of their own
	Schedule   string           `json:"fuel_schedule"`
	Guardrails Guardrails       `json:"guardrails"`
	LastGood   int64            `json:"last_good"` // the ruleset that a binding fell back to; 0 if none did
	Ruleset    int64            `json:"ruleset"`
	Total      int64            `json:"total"`
}

type pinnedStep struct {
	Digest   string   `json:"digest"`
	Effects  []Effect `json:"effects"`
	Failure  string   `json:"failure"`
	Fuel     int64    `json:"fuel"`
	LastGood bool     `json:"last_good"`
	Mechanic string   `json:"mechanic"`
	Outcome  string   `json:"outcome"`
}

// kept is a decision that is kept with what it was made for.
type kept struct {
	hook  Hook
	text  json.RawMessage // as [decision.pin] made it
	total int64           // of the order, minor units; 0 for what is no order
	lines []Line          // of the order
}

// Explain says why the order costs what it costs: it is decided again, from its pinned facts under its pinned ruleset, and
// compared with what is pinned. If the order is confirmed, it also says what the mechanics decided at the hook paid.
// Another brand's order is not_found for a principal of a brand, and every order for a shopper.
func (e *Engine) Explain(ctx context.Context, order string, staff Principal) (*Explanation, error) {
	if staff.Role == RoleShopper {
		return nil, noOrder(order)
	}
	c, o, err := e.orderFor(ctx, order, &staff)
	if err != nil {
		return nil, err
	}
	out := &Explanation{Campaign: c.id, Currency: o.Currency, Order: o.ID}
	if err := c.explainKept(ctx, kept{HookQuote, o.Quote, o.Total, o.Lines}, out); err != nil {
		return nil, err
	}
	if erasedAt(o.Quote) > 0 {
		return out, nil
	}
	out.Paid, err = c.explainPaid(ctx, o)
	return out, err
}

// explainKept fills the explanation with a decision that was made before.
func (c *campaign) explainKept(ctx context.Context, k kept, out *Explanation) error {
	var pinned pinnedQuote
	if err := json.Unmarshal(k.text, &pinned); err != nil {
		return storeError(fmt.Errorf("a pinned decision of %s: %w", c.id, err))
	}
	out.Hook, out.Ruleset, out.Engine, out.At = k.hook, pinned.Ruleset, pinned.Engine, pinned.Facts.Now
	out.Facts, out.Bindings = pinned.Facts.appendJSON(nil), []ExplainedBinding{}
	if pinned.ErasedAt > 0 {
		pinned.recite(k, out)
		out.Differences = []string{pinned.erased()}
		return nil
	}
	ruleset, err := c.asPinned(ctx, &pinned)
	switch {
	case err == nil:
		pinned.derive(ruleset, k, out)
	case CodeOf(err) == CodeUnavailable:
		return err
	default:
		pinned.recite(k, out)
		out.Differences = []string{"this node cannot decide it again: " + err.Error()}
	}
	return nil
}

// asPinned returns the ruleset as it was in the decision: with what its bindings fell back to, and the breakers open that
// were.
func (c *campaign) asPinned(ctx context.Context, p *pinnedQuote) (*compiled, error) {
	ruleset, err := c.pinned(ctx, p.Ruleset)
	if err != nil {
		return nil, err
	}
	if ruleset, err = c.fallingBack(ctx, ruleset, p.fellBackTo()); err != nil {
		return nil, err
	}
	return ruleset.openAs(p), nil
}

// fellBackTo is the number of the ruleset that a binding fell back to, 0 if none did. It was not pinned while it was always
// the one before.
func (p *pinnedQuote) fellBackTo() int64 {
	if p.LastGood == 0 && slices.ContainsFunc(p.Bindings, func(s pinnedStep) bool { return s.LastGood }) {
		return p.Ruleset - 1
	}
	return p.LastGood
}

// openAs returns the ruleset with the breakers open that were when the decision was pinned.
func (r *compiled) openAs(p *pinnedQuote) *compiled {
	if !slices.ContainsFunc(p.Bindings, func(s pinnedStep) bool { return s.Failure == breakerOpen }) {
		return r
	}
	copied := *r
	copied.bindings = slices.Clone(r.bindings)
	for i := range min(len(copied.bindings), len(p.Bindings)) {
		own := *copied.bindings[i]
		own.open = p.Bindings[i].Failure == breakerOpen
		copied.bindings[i] = &own
	}
	return &copied
}

// recite fills the explanation with what is pinned, where the ruleset cannot be had any more.
func (p *pinnedQuote) recite(k kept, out *Explanation) {
	for _, s := range p.Bindings {
		out.Bindings = append(out.Bindings, ExplainedBinding{
			Mechanic: s.Mechanic, Digest: s.Digest, Outcome: s.Outcome, LastGood: s.LastGood, Failure: s.Failure,
			Effects: s.Effects, Fuel: s.Fuel,
		})
	}
	out.Total, out.Lines = k.total, k.lines
	out.Shopper = told(nil, k.lines)
}

// derive decides again and compares.
func (p *pinnedQuote) derive(ruleset *compiled, k kept, out *Explanation) {
	x := ruleset.examine(k.hook, &p.Facts, p.campaign(), p.BudgetLeft, p.Engine)
	x.into(out)
	out.Shopper = told(x.refusal, out.Lines)
	if x.refusal != nil {
		out.Refusal = refusalOf(x.refusal, x.binding)
		out.Differences = append(out.Differences, "it is refused now: "+x.refusal.Error())
	}
	out.Differences = append(out.Differences, p.differences(x.decision, k.total)...)
	again := x.decision.pin(&p.Facts, p.Epoch)
	out.Reproduced = len(out.Differences) == 0 && bytes.Equal(again, k.text)
	if !out.Reproduced && len(out.Differences) == 0 {
		out.Differences = []string{"the pinned text is another, though effects and total are the same"}
	}
}

// campaign returns what the decision depended on of the campaign file as it was then: what the effects name was there.
func (p *pinnedQuote) campaign() *Campaign {
	c := &Campaign{
		Guardrails: p.Guardrails, Quotas: map[string]int64{}, Templates: map[string]Text{}, Draws: map[string]DrawTerms{},
	}
	maps.Copy(c.Quotas, p.Facts.Quota)
	if item := p.Facts.Item; p.Floors[item.SKU] > 0 {
		c.Items = []Item{{SKU: item.SKU, Price: item.Price, MinPrice: p.Floors[item.SKU]}}
	}
	for _, s := range p.Bindings {
		for i := range s.Effects {
			if sku := s.Effects[i].Name; s.Effects[i].Kind == EffectAdd && c.Item(sku) == nil {
				c.Items = append(c.Items, Item{SKU: sku, Price: p.Added[sku], MinPrice: p.Floors[sku]})
			}
		}
	}
	for _, s := range p.Bindings {
		for i := range s.Effects {
			switch e := &s.Effects[i]; e.Kind { //nolint:exhaustive // the effects that name something that has no price
			case EffectNotify:
				c.Templates[e.Name] = Text{}
			case EffectTake:
				c.Quotas[e.Name] = 0
			case EffectEnter:
				c.Draws[e.Name] = DrawTerms{}
			}
		}
	}
	return c
}

// differences returns what the decision has that is not what is pinned.
func (p *pinnedQuote) differences(d *decision, total int64) []string {
	var found []string
	differ := func(what string, pinned, now any) {
		if was, is := fmt.Sprint(pinned), fmt.Sprint(now); was != is {
			found = append(found, what+": pinned "+was+", now "+is)
		}
	}
	differ("the number of bindings", len(p.Bindings), len(d.steps))
	for i := range min(len(p.Bindings), len(d.steps)) {
		was, is, at := &p.Bindings[i], &d.steps[i], "binding "+strconv.Itoa(i)+": "
		differ(at+"digest", was.Digest, is.manifest.Digest)
		differ(at+"outcome", was.Outcome, is.outcome)
		differ(at+"last_good", was.LastGood, is.lastGood)
		differ(at+"effects", string(effectsJSON(was.Effects)), string(effectsJSON(is.effects)))
		if p.Schedule == FuelSchedule {
			differ(at+"fuel", was.Fuel, is.usage.Fuel)
		}
	}
	if p.Schedule != FuelSchedule {
		differ("fuel schedule", p.Schedule, FuelSchedule)
	}
	differ("total", p.Total, d.total)
	differ("total of the order", total, d.total)
	return found
}

func effectsJSON(effects []Effect) []byte {
	b := []byte{'['}
	for i := range effects {
		if i > 0 {
			b = append(b, ',')
		}
		b = effects[i].appendJSON(b)
	}
	return append(b, ']')
}
