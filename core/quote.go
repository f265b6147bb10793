package core

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// maxQuantity is how many units one order may have.
const maxQuantity = 100

// admission is what a request that was not refused at once is decided by.
type admission struct {
	snapshot *snapshot
	item     *Item
	now      time.Time
	stock    Counter // of the item, as last seen
	request  *OrderRequest
}

// quoted is a request that was decided.
type quoted struct {
	admission

	facts    Facts
	ruleset  *compiled // that decides for the shopper
	canary   bool      // it is the canary's
	decision *decision
	joins    *Group // that the request names; nil if it names none
}

// Quote says what an order would cost now. It is decided by the same path as the order itself and holds nothing.
func (e *Engine) Quote(ctx context.Context, req OrderRequest) (*Quote, error) {
	c, err := e.shopperCampaign(ctx, req.Campaign, &req.Shopper)
	if err != nil {
		return nil, err
	}
	loaded, err := c.fetchAll(ctx, req.wants())
	if err != nil {
		return nil, err
	}
	q, err := c.quote(ctx, &req, loaded)
	if err != nil {
		return nil, err
	}
	list, err := q.decision.price.listTotal()
	if err != nil {
		return nil, failedPrice(err)
	}
	return &Quote{
		Campaign: c.id, Currency: q.snapshot.definition().Currency, Total: q.decision.total, List: list,
		Lines: q.decision.lines(), Conditions: q.decision.duties, Group: q.terms(),
		Dues: q.dues(), Ruleset: q.decision.ruleset, Left: q.facts.Item.Left,
	}, nil
}

// terms is what the order needs a group for; nil if it needs none.
func (q *quoted) terms() *QuotedGroup {
	g := q.decision.group
	if g == nil {
		return nil
	}
	terms := &QuotedGroup{Size: g.size, ClosesAt: q.facts.Now + g.seconds*1000, Joined: q.facts.Group.Joined}
	if q.facts.Group.ID != "" {
		terms.Size, terms.ClosesAt = q.facts.Group.Size, q.facts.Group.ClosesAt
	}
	return terms
}

// wants is what deciding the request has to load.
func (r *OrderRequest) wants() *load {
	l := &load{shopper: r.Shopper.ID}
	if ValidOrderID(r.Replaces) {
		l.order = r.Replaces
	}
	if r.Voucher != "" {
		l.wanted = voucherKeys(r.Voucher, r.Shopper.ID)
	}
	if ValidCode(r.Voucher) { // anything else is no key that a store should see
		l.voucher = r.Voucher
	}
	if ValidOrderID(r.Group) {
		l.wanted = append(l.wanted, DocumentKey{DocumentGroup, r.Group})
	}
	return l
}

// quote refuses what needs no mechanic, then asks the ruleset. What a mechanic refused comes back with its facts. If known was
// loaded for a ruleset that reads less than the one that decides now, it is loaded again.
func (c *campaign) quote(ctx context.Context, req *OrderRequest, known *load) (*quoted, error) {
	admitted, err := c.admit(req)
	for err == nil && !known.covers(admitted.snapshot.kinds) {
		if err = c.loadAgain(ctx, req, known); err == nil {
			admitted, err = c.admit(req)
		}
	}
	if err != nil {
		return nil, err
	}
	q := &quoted{admission: admitted}
	if err := q.admitShopper(req, known.state); err != nil {
		return nil, err
	}
	c.fillFacts(q, req, known.state)
	if err := c.present(ctx, q, req, known); err != nil {
		return nil, err
	}
	if err := c.decide(q); err != nil {
		return q, err
	}
	return q, c.withstand(q, req, known.state)
}

// loadAgain loads what the request is decided by once more, for the ruleset that decides now.
func (c *campaign) loadAgain(ctx context.Context, req *OrderRequest, known *load) error {
	fresh, err := c.fetchAll(ctx, req.wants())
	if err == nil && req.replaced != nil {
		fresh, err = c.replacing(req, fresh)
	}
	if err == nil {
		*known = *fresh
	}
	return err
}

// admitShopper refuses who has not reserved, and who has as many as there are for one.
func (q *quoted) admitShopper(req *OrderRequest, shopper *ShopperState) error {
	if q.item.NeedsReservation && (shopper == nil || shopper.Reservation == nil) {
		return Errorf(CodeReservationRequired, "this item is for shoppers who reserved")
	}
	if taken := shopper.count(ClaimLimit, q.item.SKU+"/"); q.item.Limit > 0 && taken+req.Quantity > q.item.Limit {
		return limitReached(q.item.SKU, q.item.Limit)
	}
	return nil
}

// present tells the mechanics about the voucher and the group that the request names, or refuses them.
func (c *campaign) present(ctx context.Context, q *quoted, req *OrderRequest, known *load) error {
	if req.Voucher != "" {
		var err error
		if q.facts.Voucher, err = c.voucherFor(ctx, known, req.Voucher, req.Shopper.ID, q.now); err != nil {
			return err
		}
	}
	if req.Group != "" {
		return q.enterGroup(known.documents[DocumentKey{DocumentGroup, req.Group}])
	}
	return nil
}

// withstand refuses a decision that cannot become an order.
func (c *campaign) withstand(q *quoted, req *OrderRequest, shopper *ShopperState) error {
	if err := q.overdue(); err != nil {
		return err
	}
	if err := c.useless(q, req, shopper); err != nil {
		return err
	}
	return q.repeated(req, shopper)
}

// repeated refuses what is known to be possible no more: the shopper has an order with one of the decision's once-only
// keys. The planner would find it out at the commit, with a plan that the store refuses, and everybody else's in it.
func (q *quoted) repeated(req *OrderRequest, shopper *ShopperState) error {
	for _, key := range q.decision.once {
		if shopper.claim(ClaimOnce, key) != nil {
			return usedBefore(ClaimOnce, key)
		}
	}
	if req.Group != "" && shopper.claim(ClaimGroup, req.Group) != nil {
		return usedBefore(ClaimGroup, req.Group)
	}
	return nil
}

// enterGroup refuses a group that the order cannot join, and tells the mechanics about the group that it can. The seat
// itself is taken at the commit.
func (q *quoted) enterGroup(group *Document) error {
	var err error
	if q.joins, err = mayJoin(group, "", q.item.SKU, q.facts.Now); err != nil {
		return err
	}
	q.facts.Group = groupFacts(group)
	return nil
}

// useless refuses a voucher and a group that the decision makes nothing of: neither is used up for nothing.
func (c *campaign) useless(q *quoted, req *OrderRequest, shopper *ShopperState) error {
	switch {
	case req.Voucher != "" && !c.gives(q, req, shopper):
		return Errorf(CodeVoucherInvalid, "this voucher gives nothing on this order")
	case req.Group != "" && q.decision.group == nil:
		return Errorf(CodeGroupClosed, "this order needs no group")
	case req.Group != "" && !q.joins.has(*q.decision.group):
		return groupClosed(groupOther)
	}
	return nil
}

// gives reports whether the order is another one for its voucher: it would be refused without it, or cost or hold
// something else. What is only said about it does not count. It decides once more, without the voucher: that a
// mechanic reads it says nothing of what stacking and the guardrails leave of its discount.
func (c *campaign) gives(q *quoted, req *OrderRequest, shopper *ShopperState) bool {
	plain := &quoted{admission: q.admission, facts: q.facts}
	plain.facts.Voucher = VoucherFacts{}
	return c.decide(plain) != nil || plain.repeated(req, shopper) != nil || !plain.matches(q)
}

// matches reports whether two decisions come to the same order, whatever they call its discounts.
func (q *quoted) matches(other *quoted) bool {
	one, two := q.decision, other.decision
	return one.total == two.total && slices.EqualFunc(one.lines(), two.lines(), sameLine) &&
		slices.Equal(q.dues(), other.dues()) && slices.EqualFunc(one.duties, two.duties, sameDuty) &&
		(one.group == nil) == (two.group == nil) && (one.group == nil || *one.group == *two.group)
}

func sameLine(a, b Line) bool {
	return a.SKU == b.SKU && a.Units == b.Units && a.UnitPrice == b.UnitPrice && a.Amount == b.Amount
}

func sameDuty(a, b Condition) bool { return a.Kind == b.Kind && bytes.Equal(a.Data, b.Data) }

// reads reports whether the mechanic reads a fact whose path begins with the prefix.
func (m *Manifest) reads(prefix string) bool {
	return slices.ContainsFunc(m.Facts, func(path string) bool { return strings.HasPrefix(path, prefix) })
}

// admit refuses what needs no data: what is malformed, not on sale or sold out.
func (c *campaign) admit(req *OrderRequest) (admission, error) {
	a := admission{snapshot: c.snapshot.Load(), now: c.engine.now(), request: req}
	def := a.snapshot.definition()
	if err := a.snapshot.record.Rollout.refusesOrders(); err != nil {
		return a, err
	}
	if a.item = def.Item(req.SKU); a.item == nil {
		return a, Errorf(CodeInvalid, "there is no item %q in this campaign", req.SKU)
	}
	if req.Quantity < 1 || req.Quantity > maxQuantity {
		return a, Errorf(CodeInvalid, "quantity must be between 1 and %d", maxQuantity)
	}
	if err := def.checkInput(req.Input); err != nil {
		return a, err
	}
	window, phase := a.snapshot.phaseOf(a.item, a.now)
	if phase != PhaseSale {
		return a, notOnSale(window, a.now)
	}
	stock, trusted := c.view.left(StockCounter(a.item.SKU))
	stock.Remaining += req.frees(StockCounter(a.item.SKU))
	if trusted && stock.Remaining < req.Quantity {
		return a, soldOut(stock.Remaining)
	}
	a.stock = stock
	return a, nil
}

func notOnSale(window Phases, now time.Time) error {
	if now.Before(window.Sale) {
		return Errorf(CodeNotInPhase, "the sale opens at %s", window.Sale.Format(time.RFC3339))
	}
	return Errorf(CodeNotInPhase, "the sale is over")
}

// fillFacts gathers what the mechanics may know.
func (c *campaign) fillFacts(q *quoted, req *OrderRequest, shopper *ShopperState) {
	q.facts = Facts{
		Campaign: q.snapshot.campaignFacts(q.now), Now: q.now.UnixMilli(), Quantity: req.Quantity, Input: req.Input,
		Item: ItemFacts{
			SKU: q.item.SKU, Price: q.item.Price, Stock: q.item.Stock,
			Left: q.stock.Remaining, Sold: q.stock.Limit - q.stock.Remaining,
		},
		Shopper: req.Shopper.facts(shopper.count(ClaimOrder, "")),
		Quota:   c.quotas(q.snapshot.definition()),
	}
	for name := range q.facts.Quota {
		q.facts.Quota[name] += req.frees(QuotaCounter(name))
	}
	q.facts.fillShopper(shopper)
}

// fillShopper takes in what the campaign knows of the shopper.
func (f *Facts) fillShopper(shopper *ShopperState) {
	if shopper == nil {
		return
	}
	if shopper.Reservation != nil {
		f.Reservation = ReservationFacts{At: shopper.Reservation.At, Position: shopper.Reservation.Position}
	}
	if len(shopper.Documents) > 0 {
		f.Shares = shareFacts(shopper.Documents)
		f.Shopper.Tags = append(slices.Clip(f.Shopper.Tags), tagsOf(shopper.Documents)...)
	}
}

func (s *snapshot) campaignFacts(now time.Time) CampaignFacts {
	def := s.definition()
	return CampaignFacts{
		ID: def.ID, Brand: def.Brand, Currency: def.Currency, Phase: string(def.Phases.At(now)),
		SaleOpens: def.Phases.Sale.UnixMilli(), SaleCloses: def.Phases.Closed.UnixMilli(),
	}
}

func (p *Principal) facts(orders int64) ShopperFacts {
	return ShopperFacts{
		ID: p.ID, Tier: p.Tier, Tags: p.Tags, Region: p.Region, RegisteredAt: p.RegisteredAt, Orders: orders,
	}
}

// quotas returns what was last seen to be left of each quota; nil when the campaign has none.
func (c *campaign) quotas(def *Campaign) map[string]int64 {
	if len(def.Quotas) == 0 {
		return nil
	}
	left := make(map[string]int64, len(def.Quotas))
	for name := range def.Quotas {
		counter, _ := c.view.left(QuotaCounter(name))
		left[name] = counter.Remaining
	}
	return left
}

// decide asks the ruleset about the facts.
func (c *campaign) decide(q *quoted) error {
	var err error
	def := q.snapshot.definition()
	budget := c.budgetLeft(def)
	if budget >= 0 {
		budget += q.request.frees(CounterBudget)
	}
	q.ruleset, q.canary = q.snapshot.arm(&q.facts.Shopper)
	q.decision, err = q.ruleset.decide(HookQuote, &q.facts, def, budget)
	return err
}

// budgetLeft is what was last seen to be left of the discount budget, minor units; −1 without one.
func (c *campaign) budgetLeft(def *Campaign) int64 {
	if def.Guardrails.DiscountBudget == 0 {
		return -1
	}
	budget, _ := c.view.left(CounterBudget)
	return budget.Remaining
}

// takes returns everything the order takes, one entry per counter, sorted.
func (q *quoted) takes() []Take {
	takes := slices.Clip(q.decision.takes)
	for _, line := range q.decision.lines() {
		takes = append(takes, Take{Counter: StockCounter(line.SKU), Units: line.Units})
	}
	if q.decision.off > 0 && q.snapshot.definition().Guardrails.DiscountBudget > 0 {
		takes = append(takes, Take{Counter: CounterBudget, Units: q.decision.off})
	}
	slices.SortFunc(takes, func(a, b Take) int { return cmp.Compare(a.Counter, b.Counter) })
	merged := takes[:1]
	for _, take := range takes[1:] {
		if last := &merged[len(merged)-1]; last.Counter == take.Counter {
			last.Units += take.Units
			continue
		}
		merged = append(merged, take)
	}
	return merged
}

// holdUntil is when the order gives its stock back unless it is paid, Unix milliseconds.
func (q *quoted) holdUntil() int64 { return q.now.Add(time.Duration(q.item.Hold)).UnixMilli() }

// dues is what is to be paid.
func (q *quoted) dues() []Due {
	if q.decision.deposit != nil {
		return depositDues(q.snapshot.definition(), q.item, q.decision.total, *q.decision.deposit, q.now, q.holdUntil())
	}
	return []Due{{Kind: DueFull, Amount: q.decision.total, DueAt: q.holdUntil(), State: DueOpen}}
}
