package core

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
)

// ExplainRequest says how the request would be decided now, whoever asks for it, and if it would be refused, by which
// check. It takes, counts and writes nothing. The refusals are in the explanation; the error is for the caller: another
// brand's campaign is not_found.
func (e *Engine) ExplainRequest(ctx context.Context, req OrderRequest, staff Principal) (*Explanation, error) {
	c, err := e.campaignFor(ctx, req.Campaign, &staff)
	if err != nil {
		return nil, err
	}
	known, err := c.fetchAll(ctx, req.wants())
	if err != nil {
		return nil, err
	}
	out := c.blank(HookQuote)
	return out, c.explainRequest(ctx, &req, known, out)
}

// campaignFor returns the running campaign, if explanations of it are the principal's business.
func (e *Engine) campaignFor(ctx context.Context, id string, staff *Principal) (*campaign, error) {
	c, err := e.campaign(ctx, id)
	if err != nil {
		return nil, err
	}
	if staff.Role == RoleShopper || !staff.serves(c.brand) {
		return nil, Errorf(CodeNotFound, "there is no campaign %q", id)
	}
	return c, nil
}

// blank is an explanation of something that nobody has been asked about.
func (c *campaign) blank(hook Hook) *Explanation {
	snap := c.snapshot.Load()
	return &Explanation{
		Campaign: c.id, Currency: snap.definition().Currency, Hook: hook, Ruleset: snap.record.Ruleset.Number,
		Engine: EngineVersion, At: c.engine.now().UnixMilli(), Facts: json.RawMessage("null"), Bindings: []ExplainedBinding{},
		Reproduced: true,
	}
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
		x := q.ruleset.examine(HookQuote, &q.facts, def, c.budgetLeft(def), EngineVersion)
		x.into(out)
		out.Facts, out.At, out.Ruleset = q.facts.appendJSON(nil), q.facts.Now, q.ruleset.ruleset.Number
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
	return c.untakeable(d.once, q.takes(), shopper)
}

// untakeable returns what would refuse the once-only keys and the takes of a decision about the shopper.
func (c *campaign) untakeable(once []string, takes []Take, shopper *ShopperState) error {
	for _, key := range once {
		if shopper.claim(ClaimOnce, key) != nil {
			return usedBefore(ClaimOnce, key)
		}
	}
	for _, take := range takes {
		counter, _ := c.view.left(take.Counter)
		switch {
		case counter.Remaining >= take.Units:
		case strings.HasPrefix(take.Counter, StockCounter("")):
			return soldOut(counter.Remaining)
		default:
			return hasRunOut(take.Counter)
		}
	}
	return nil
}
