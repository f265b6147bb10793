package core

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxDecisions is how often one request is decided before it gives up: the fence sends it back at every swap that
	// overtakes it, a lost quota once. Only changes that follow each other as fast as orders commit can use it up.
	maxDecisions = 100
	// maxOrders is how many orders one shopper may place in one campaign, whatever became of them. It bounds what a
	// shopper's facts cost to load.
	maxOrders = 200
)

// Place places an order, or returns the one that the same Idempotency-Key placed before, as it was then (replayed).
// The order is durable when Place returns. Refusals are *[Error] and write nothing.
func (e *Engine) Place(ctx context.Context, req OrderRequest) (order *Order, replayed bool, err error) {
	c, err := e.shopperCampaign(ctx, req.Campaign, &req.Shopper)
	if err != nil {
		return nil, false, err
	}
	seen := observed{request: &req, began: e.now()}
	seen.order, seen.replayed, seen.err = c.place(ctx, &req, &seen)
	seen.took = e.now().Sub(seen.began)
	return seen.order, seen.replayed, c.observe(ctx, &seen)
}

// place decides and commits until neither the fence nor a lost quota sends the request back.
func (c *campaign) place(ctx context.Context, req *OrderRequest, seen *observed) (order *Order, replayed bool, err error) {
	if err := c.engine.refusalLog.admit(); err != nil {
		return nil, false, err
	}
	if _, err := c.checkTicket(ctx, c.snapshot.Load().definition(), req, c.engine.now(), true); err != nil {
		return nil, false, err
	}
	leave, err := c.enter(req.Shopper.ID, ClaimOrder, req.Key)
	if err != nil {
		return nil, false, err
	}
	defer leave()
	in, err := c.recall(ctx, req, seen)
	if err != nil {
		return nil, false, err
	}
	request := Claim{Shopper: req.Shopper.ID, Kind: ClaimOrder, Key: req.Key, Fingerprint: req.fingerprint()}
	lostQuota := false
	for range maxDecisions {
		if in == nil {
			loaded, err := c.fetchAll(ctx, req.wants())
			if err != nil {
				return nil, false, err
			}
			if prior := loaded.state.claim(ClaimOrder, req.Key); prior != nil {
				order, err := c.replay(ctx, prior, &request)
				return order, err == nil, err
			}
			if in, err = c.decideOrder(ctx, req, loaded, seen); err != nil {
				return nil, false, err
			}
		}
		request.Owner = in.order.ID
		in.request, in.last = request, lostQuota
		if err := c.submit(ctx, in); err != nil {
			return nil, false, err
		}
		if in.verdict != verdictAgain {
			return in.order, false, nil
		}
		c.view.outdate()
		if u := c.engine.refused(c.id); u != nil { // this node cannot follow the change that overtook the order
			return nil, false, u.err
		}
		lostQuota = in.epoch == c.snapshot.Load().record.Epoch
		in = nil
	}
	return nil, false, storeError(ErrConflict)
}

// replay returns the order that an earlier request with the same key placed, as that request was answered.
func (c *campaign) replay(ctx context.Context, prior, request *Claim) (*Order, error) {
	if prior.Fingerprint != request.Fingerprint {
		return nil, Errorf(CodeIdempotencyMismatch, "this Idempotency-Key was used with another body")
	}
	loaded, err := c.fetch(ctx, "", prior.Owner)
	if err != nil {
		return nil, err
	}
	if loaded.found == nil {
		return nil, &Error{Code: CodeInternal, Message: "the order of this key is missing"}
	}
	return loaded.found.asPlaced(), nil
}

// asPlaced returns the order as the request that placed it was answered, from what is pinned.
func (o *Order) asPlaced() *Order {
	placed := *o
	placed.State, placed.TakesState, placed.Revision, placed.UpdatedAt = OrderPlaced, TakesOutstanding, 1, o.PlacedAt
	placed.HoldUntil, placed.Shipment = o.Dues[0].DueAt, nil
	placed.Dues = make([]Due, 0, len(o.Dues))
	for _, due := range o.Dues {
		if due.Kind != DueDifference { // which came later
			placed.Dues = append(placed.Dues, Due{
				Kind: due.Kind, Amount: due.Amount, DueAt: due.DueAt, State: DueOpen, Unpaid: due.Unpaid,
			})
		}
	}
	placed.Conditions = make([]Condition, len(o.Conditions))
	for i, condition := range o.Conditions {
		placed.Conditions[i] = Condition{Kind: condition.Kind, Data: condition.Data, State: ConditionOpen}
	}
	return &placed
}

// claim returns the shopper's claim, or nil.
func (s *ShopperState) claim(kind ClaimKind, key string) *Claim {
	if s == nil {
		return nil
	}
	for i := range s.Claims {
		if s.Claims[i].Kind == kind && s.Claims[i].Key == key {
			return &s.Claims[i]
		}
	}
	return nil
}

// count returns how many claims of the kind the shopper has whose key starts with the prefix.
func (s *ShopperState) count(kind ClaimKind, prefix string) int64 {
	if s == nil {
		return 0
	}
	var n int64
	for i := range s.Claims {
		if s.Claims[i].Kind == kind && strings.HasPrefix(s.Claims[i].Key, prefix) {
			n++
		}
	}
	return n
}

// decideOrder refuses what cannot be, lets the ruleset decide and returns the order that would result. seen takes note of
// the decision.
func (c *campaign) decideOrder(ctx context.Context, req *OrderRequest, known *load, seen *observed) (*intent, error) {
	placed := known.state.count(ClaimOrder, "")
	if req.Replaces != "" {
		var err error
		if known, err = c.replacing(req, known); err != nil {
			return nil, err
		}
	}
	q, err := c.quote(ctx, req, known)
	seen.quoted = q
	if err != nil {
		return nil, err
	}
	if req.ExpectTotal != nil && *req.ExpectTotal != q.decision.total {
		return nil, &Error{
			Code: CodePriceChanged, Total: q.decision.total,
			Message: "the price is " + strconv.FormatInt(q.decision.total, 10) + " now",
		}
	}
	if req.Replaces != "" && q.decision.group != nil {
		return nil, Errorf(CodeWrongState, "what is offered in place of the order now needs a group: cancel it and order again")
	}
	if placed >= maxOrders {
		return nil, Errorf(CodeLimitReached, "at most %d orders per shopper and campaign", maxOrders)
	}
	in, err := c.orderIntent(req, q, known)
	if err != nil {
		return nil, err
	}
	return in, c.letIn(ctx, in, q, req, known)
}

// orderIntent is the intent of a decided request: its order, and what the decision writes beside it.
func (c *campaign) orderIntent(req *OrderRequest, q *quoted, known *load) (*intent, error) {
	def, o := q.snapshot.definition(), q.order(req)
	in := &intent{epoch: q.snapshot.record.Epoch, order: o, replaces: req.replaced, limits: make([]int64, len(o.Lines))}
	for i := range o.Lines {
		in.limits[i] = def.Item(o.Lines[i].SKU).Limit
	}
	if known.state != nil {
		in.known = known.state.Claims
	}
	if q.decision.group != nil {
		in.edits = append(in.edits, q.seat(req, o))
		if group := known.documents[DocumentKey{DocumentGroup, req.Group}]; group != nil {
			in.documents = append(in.documents, group)
		}
	}
	beside, err := c.consequences(q.snapshot, &q.facts, q.decision.notes, o.Shopper, o.ID, q.now)
	in.edits, in.takes = append(in.edits, beside.edits...), beside.takes
	return in, err
}

// order makes the order of a decided request.
func (q *quoted) order(req *OrderRequest) *Order {
	def := q.snapshot.definition()
	now := q.facts.Now
	o := &Order{
		Campaign: def.ID, ID: newID(def.ID, q.now), Brand: def.Brand, Shopper: req.Shopper.ID, Currency: def.Currency,
		Total: q.decision.total, Lines: q.decision.lines(), Takes: q.takes(),
		Quote:    q.decision.pin(&q.facts, q.snapshot.record.Epoch),
		PlacedAt: now, Revision: 1, State: OrderPlaced, TakesState: TakesOutstanding, UpdatedAt: now,
		HoldUntil: q.holdUntil(), Dues: q.dues(), Conditions: slices.Clip(q.decision.duties),
	}
	for _, key := range q.decision.once {
		o.Claims = append(o.Claims, Claim{Shopper: o.Shopper, Kind: ClaimOnce, Key: key, Owner: o.ID})
	}
	if req.Voucher != "" {
		o.Claims = append(o.Claims, Claim{
			Shopper: voucherScope(req.Voucher), Kind: ClaimVoucher, Key: req.Voucher, Owner: o.ID,
		})
	}
	if q.decision.group != nil {
		q.join(o, cmp.Or(req.Group, newID(def.ID, q.now)))
	}
	return o
}

// join makes the order one that waits for a group. What it is offered if the group fails is pinned with it.
func (q *quoted) join(o *Order, group string) {
	data := q.seatTerms(group).appendJSON(nil)
	o.Conditions = append(o.Conditions, Condition{Kind: ConditionGroup, Data: data, State: ConditionOpen})
	o.Claims = append(o.Claims, Claim{Shopper: o.Shopper, Kind: ClaimGroup, Key: group, Owner: o.ID})
}

// seat is the edit by which the order gets its seat: in the group that it names, or in one that it opens.
func (q *quoted) seat(req *OrderRequest, o *Order) edit {
	if req.Group != "" {
		return joinGroup(req.Group, o, *q.decision.group, q.facts.Now)
	}
	opened := o.Claims[len(o.Claims)-1].Key
	return openGroup(opened, o, *q.decision.group, q.facts.Now)
}

// fingerprint identifies the request's body: the same key with another fingerprint is a client's mistake.
func (r *OrderRequest) fingerprint() string {
	b := appendString(nil, r.SKU)
	b = strconv.AppendInt(append(b, ' '), r.Quantity, 10)
	b = appendString(append(b, ' '), r.Voucher)
	b = appendString(append(b, ' '), r.Group)
	b = appendObject(append(b, ' '), r.Input)
	if r.ExpectTotal != nil {
		b = strconv.AppendInt(append(b, ' '), *r.ExpectTotal, 10)
	}
	if r.Replaces != "" {
		b = appendString(append(b, " replaces "...), r.Replaces)
	}
	return fingerprint(b)
}

// fingerprint returns the first 16 bytes of the SHA-256, in hex.
func fingerprint(canonical []byte) string {
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:16])
}
