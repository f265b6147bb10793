package core

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// pinnedQuote is what [decision.pin] keeps of a decision.
type pinnedQuote struct {
	Added      map[string]int64 `json:"added"` // list prices of the items that effects add
	Bindings   []pinnedStep     `json:"bindings"`
	BudgetLeft int64            `json:"budget_left"`
	Engine     string           `json:"engine"`
	Epoch      int64            `json:"epoch"`
	Facts      Facts            `json:"facts"`
	Floors     map[string]int64 `json:"floors"` // their min_price, where they have one of their own
	Schedule   string           `json:"fuel_schedule"`
	Guardrails Guardrails       `json:"guardrails"`
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

// Explain says why the order costs what it costs: it is decided again, from its pinned facts under its pinned ruleset, and
// compared with what is pinned. Another brand's order is not_found for a principal of a brand, and every order for a
// shopper.
func (e *Engine) Explain(ctx context.Context, order string, staff Principal) (*Explanation, error) {
	if staff.Role == RoleShopper {
		return nil, noOrder(order)
	}
	c, o, err := e.orderFor(ctx, order, &staff)
	if err != nil {
		return nil, err
	}
	var pinned pinnedQuote
	if err := json.Unmarshal(o.Quote, &pinned); err != nil {
		return nil, storeError(fmt.Errorf("the pinned decision of %s: %w", o.ID, err))
	}
	out := &Explanation{
		Campaign: c.id, Currency: o.Currency, Order: o.ID, Hook: HookQuote, Ruleset: pinned.Ruleset, Engine: pinned.Engine,
		At: pinned.Facts.Now, Facts: pinned.Facts.appendJSON(nil), Bindings: []ExplainedBinding{},
	}
	ruleset, err := c.pinned(ctx, pinned.Ruleset)
	switch {
	case err == nil:
		pinned.derive(ruleset, o, out)
	case CodeOf(err) == CodeUnavailable:
		return nil, err
	default:
		pinned.recite(o, out)
		out.Differences = []string{"this node cannot decide it again: " + err.Error()}
	}
	return out, nil
}

// recite fills the explanation with what is pinned, where the ruleset cannot be had any more.
func (p *pinnedQuote) recite(o *Order, out *Explanation) {
	for _, s := range p.Bindings {
		out.Bindings = append(out.Bindings, ExplainedBinding{
			Mechanic: s.Mechanic, Digest: s.Digest, Outcome: s.Outcome, LastGood: s.LastGood, Failure: s.Failure,
			Effects: s.Effects, Fuel: s.Fuel,
		})
	}
	out.Total, out.Lines = o.Total, o.Lines
	out.Shopper = told(nil, o.Lines)
}

// derive decides again and compares.
func (p *pinnedQuote) derive(ruleset *compiled, o *Order, out *Explanation) {
	x := ruleset.examine(&p.Facts, p.campaign(), p.BudgetLeft, p.Engine)
	x.into(out)
	out.Shopper = told(x.refusal, out.Lines)
	if x.refusal != nil {
		out.Refusal = refusalOf(x.refusal, x.binding)
		out.Differences = append(out.Differences, "it is refused now: "+x.refusal.Error())
	}
	out.Differences = append(out.Differences, p.differences(x.decision, o)...)
	again := x.decision.pin(&p.Facts, p.Ruleset, p.Epoch)
	out.Reproduced = len(out.Differences) == 0 && bytes.Equal(again, o.Quote)
	if !out.Reproduced && len(out.Differences) == 0 {
		out.Differences = []string{"the pinned text is another, though effects and total are the same"}
	}
}

// campaign returns what the decision depended on of the campaign file as it was then: what the effects name was there.
func (p *pinnedQuote) campaign() *Campaign {
	c := &Campaign{Guardrails: p.Guardrails, Quotas: map[string]int64{}, Templates: map[string]Text{}}
	maps.Copy(c.Quotas, p.Facts.Quota)
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
			}
		}
	}
	return c
}

// differences returns what the decision has that is not what is pinned.
func (p *pinnedQuote) differences(d *decision, o *Order) []string {
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
	differ("total of the order", o.Total, d.total)
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

// ExplainRequest says how the request would be decided now, whoever asks for it, and if it would be refused, by which
// check. It takes, counts and writes nothing. The refusals are in the explanation; the error is for the caller: another
// brand's campaign is not_found.
func (e *Engine) ExplainRequest(ctx context.Context, req OrderRequest, staff Principal) (*Explanation, error) {
	c, err := e.campaign(ctx, req.Campaign)
	if err != nil {
		return nil, err
	}
	def := c.snapshot.Load().definition()
	if staff.Role == RoleShopper || !staff.serves(def.Brand) {
		return nil, Errorf(CodeNotFound, "there is no campaign %q", req.Campaign)
	}
	known, err := c.fetchAll(ctx, req.wants())
	if err != nil {
		return nil, err
	}
	out := &Explanation{
		Campaign: c.id, Currency: def.Currency, Hook: HookQuote, Ruleset: c.snapshot.Load().record.Ruleset.Number,
		Engine: EngineVersion, At: e.now().UnixMilli(), Facts: json.RawMessage("null"), Bindings: []ExplainedBinding{},
		Reproduced: true,
	}
	return out, c.explainRequest(ctx, &req, known, out)
}

// explainRequest fills the explanation; its error is a store that does not answer, or a defect.
func (c *campaign) explainRequest(ctx context.Context, req *OrderRequest, known *load, out *Explanation) error {
	q, refusal := c.quoteUncounted(ctx, req, known)
	if code := CodeOf(refusal); code == CodeUnavailable || code == CodeInternal {
		return refusal
	}
	binding := -1
	if q != nil {
		def := q.snapshot.definition()
		x := q.snapshot.ruleset.examine(&q.facts, def, c.budgetLeft(def), EngineVersion)
		x.into(out)
		out.Facts, out.At, out.Ruleset = q.facts.appendJSON(nil), q.facts.Now, q.snapshot.record.Ruleset.Number
		switch {
		case x.refusal != nil && checkOf(CodeOf(refusal)) != "voucher":
			refusal, binding = x.refusal, x.binding
		case refusal == nil:
			refusal = c.unplaceable(req, q, known.state)
		}
	}
	out.Shopper = told(refusal, out.Lines)
	if refusal != nil {
		out.Refusal = refusalOf(refusal, binding)
	}
	return nil
}

// quoteUncounted is quote without the one thing that it writes: a wrong voucher code is refused, and not counted against
// the shopper. The decision is then the one without a voucher.
func (c *campaign) quoteUncounted(ctx context.Context, req *OrderRequest, known *load) (*quoted, error) {
	_, wrong := voucherFacts(known, req.Voucher, c.engine.now())
	if req.Voucher == "" || CodeOf(wrong) != CodeVoucherInvalid {
		return c.quote(ctx, req, known)
	}
	plain := *req
	plain.Voucher, plain.Group = "", ""
	q, err := c.quote(ctx, &plain, known)
	if q != nil {
		err = wrong
	}
	return q, err
}

// unplaceable returns what would refuse the decided request when its order is to be placed, as far as this node knows.
func (c *campaign) unplaceable(req *OrderRequest, q *quoted, shopper *ShopperState) error {
	d := q.decision
	if req.ExpectTotal != nil && *req.ExpectTotal != d.total {
		return &Error{Code: CodePriceChanged, Total: d.total, Message: "the price is " + strconv.FormatInt(d.total, 10) + " now"}
	}
	for _, key := range d.once {
		if shopper.claim(ClaimOnce, key) != nil {
			return &Error{
				Code: CodeAlreadyUsed, Message: "this is possible once per shopper",
				Err: fmt.Errorf("the shopper has used the key %q", key),
			}
		}
	}
	for _, take := range q.takes() {
		counter, _ := c.view.left(take.Counter)
		switch {
		case counter.Remaining >= take.Units:
		case strings.HasPrefix(take.Counter, StockCounter("")):
			return soldOut(counter.Remaining)
		default:
			return Errorf(CodeQuotaExhausted, "%s has run out", take.Counter)
		}
	}
	return nil
}
