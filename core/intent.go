package core

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// intent is what one decided request wants to write: an order, a reservation, or an event that is neither, all of them
// perhaps with changes of documents. The planner fits it into a batch.
type intent struct {
	epoch       int64
	order       *Order       // nil for everything else
	replaces    *Order       // the order, as it was read, that this one takes the place of; nil if it takes none's
	reservation *Reservation // nil for everything else
	arrival     *Arrival     // nil for everything else
	claims      []Claim      // once-only keys beside an order's own: an event whose key is taken is done already
	takes       []Take       // beside an order's own
	edits       []edit       // of documents
	documents   []*Document  // those to be edited, as they were when the intent was decided
	ticket      Claim        // that lets an order in through the waiting room, whatever becomes of it; zero if it needs none
	request     Claim        // the request's idempotency claim; zero for a reservation
	known       []Claim      // the shopper's claims as they were loaded
	limits      []int64      // units per shopper of each of the order's lines, 0 for none
	last        bool         // a lost quota is final: the intent has been decided afresh already

	// What the planner or the commit made of it.
	verdict  verdict
	existing *Reservation // the shopper's earlier reservation
	err      error
}

// verdict is what became of an intent in a batch.
type verdict int

const (
	verdictWrite   verdict = iota // in the plan
	verdictDone                   // already in the store, by this very intent
	verdictAgain                  // must be decided afresh: fenced, or a quota is gone
	verdictRefused                // err says why
)

// shoppers returns in whose ranges of keys the intent's claims are.
func (in *intent) shoppers() []string {
	var all []string
	switch {
	case in.order != nil:
		all = append(all, in.order.Shopper)
	case in.reservation != nil:
		all = append(all, in.reservation.Shopper)
	case in.arrival != nil:
		all = append(all, in.arrival.Shopper)
	}
	for i := range in.claims {
		all = append(all, in.claims[i].Shopper)
	}
	if in.order != nil {
		for i := range in.order.Claims {
			all = append(all, in.order.Claims[i].Shopper)
		}
	}
	return all
}

func (in *intent) refuse(err error) { in.verdict, in.err = verdictRefused, err }

// claimKey identifies a claim within a campaign.
type claimKey struct {
	shopper string
	kind    ClaimKind
	key     string
}

func (c *Claim) id() claimKey { return claimKey{c.Shopper, c.Kind, c.Key} }

// planner fits intents into one plan, in the order of their arrival. Without a state it is optimistic: it knows only
// what the intents were decided with and what the batch itself takes; the store's constraints decide whether that was
// right.
type planner struct {
	plan      *Plan
	state     *State // nil at the first try
	claims    map[claimKey]string
	taken     map[string]int64 // units the plan takes, by counter
	reserved  map[string]*Reservation
	joined    map[string]int64 // the last turn of shoppers in the waiting room
	documents drafts
}

// planBatch returns the plan of everything that fits and gives every intent its verdict.
func planBatch(campaign *snapshot, intents []*intent, state *State) *Plan {
	p := &planner{
		plan:   &Plan{Campaign: campaign.definition().ID, Brand: campaign.definition().Brand},
		state:  state,
		claims: make(map[claimKey]string, 2*len(intents)), taken: map[string]int64{}, reserved: map[string]*Reservation{},
		joined: map[string]int64{},
	}
	for _, in := range intents {
		p.plan.Epoch = max(p.plan.Epoch, in.epoch)
		if state == nil {
			p.documents.know(in.documents)
		}
	}
	if state != nil {
		p.plan.Epoch = state.Epoch
		p.know(state)
	}
	for _, in := range intents {
		in.verdict, in.err, in.existing = verdictWrite, nil, nil
		switch {
		case in.epoch != p.plan.Epoch:
			in.verdict = verdictAgain
		case in.order != nil:
			p.addOrder(in)
		case in.reservation != nil:
			p.addReservation(in)
		case in.arrival != nil:
			p.addArrival(in)
		default:
			p.addEvent(in)
		}
	}
	p.finish()
	return p.plan
}

// know takes in the claims, reservations and documents that the store has.
func (p *planner) know(state *State) {
	for _, d := range state.Documents {
		p.documents.know([]*Document{d})
	}
	for shopper, s := range state.Shoppers {
		for i := range s.Claims {
			p.claims[s.Claims[i].id()] = s.Claims[i].Owner
		}
		if s.Reservation != nil {
			p.reserved[shopper] = s.Reservation
		}
		if s.Arrival != nil {
			p.joined[shopper] = s.Arrival.Turn
		}
	}
}

// addOrder puts the order into the plan if its claims are free and its takes fit.
func (p *planner) addOrder(in *intent) {
	if p.state != nil && p.state.Orders[in.order.ID] != nil {
		in.verdict = verdictDone
		return
	}
	if owner, used := p.claims[in.request.id()]; used && owner != in.order.ID {
		// Another node, or this one before a crash, served the same key: loading the shopper again finds its order.
		in.verdict = verdictAgain
		return
	}
	undo, ok := p.give(in)
	if !ok {
		in.verdict = verdictAgain
		return
	}
	if !p.addFreed(in) {
		undo()
	}
}

// addFreed is addOrder once the plan has what the order takes the place of; false, with the intent refused or sent back, if
// it does not fit.
func (p *planner) addFreed(in *intent) bool {
	if in.ticket.Key != "" && p.isUsed(in.ticket) {
		in.refuse(tokenUsed())
		return false
	}
	claims, ok := p.slots(in)
	if !ok {
		return false
	}
	for _, claim := range in.order.Claims {
		if claim.Kind == ClaimLimit {
			continue // chosen by an earlier try
		}
		if _, used := p.claims[claim.id()]; used {
			in.refuse(usedBefore(claim.Kind, claim.Key))
			return false
		}
		claims = append(claims, claim)
	}
	if !p.fits(in, in.order.Takes) || !p.edit(in) {
		return false
	}
	if in.replaces != nil {
		p.plan.Moves = append(p.plan.Moves, in.replacement())
	}
	in.order.Claims = claims
	for i := range claims {
		p.claim(claims[i])
	}
	p.claim(in.request)
	if in.ticket.Key != "" {
		p.claim(in.ticket)
	}
	p.take(in.order.Takes)
	p.taken[CounterOrders]++
	p.plan.Orders = append(p.plan.Orders, in.order)
	return true
}

// usedBefore is the refusal of an order whose once-only key is taken; key is the mechanic's own name for what is possible once.
func usedBefore(kind ClaimKind, key string) error {
	switch kind {
	case ClaimVoucher:
		return Errorf(CodeVoucherUsed, "this voucher is in another order")
	case ClaimGroup:
		return Errorf(CodeAlreadyUsed, "a shopper has one seat in a group, and an order of yours has it")
	default:
		return Errorf(CodeAlreadyUsed, "this is possible once per shopper (%s); an order of yours may hold it", key)
	}
}

func (p *planner) take(takes []Take) {
	for _, take := range takes {
		p.taken[take.Counter] += take.Units
	}
}

func (p *planner) claim(c Claim) {
	p.claims[c.id()] = c.Owner
	p.plan.Claims = append(p.plan.Claims, c)
}

// slots chooses one free slot of the limit per unit of each line, the lowest first; false, with the intent refused, if
// there are not enough.
func (p *planner) slots(in *intent) ([]Claim, bool) {
	var slots []Claim
	for i := range in.limits {
		line := &in.order.Lines[i]
		if in.limits[i] == 0 {
			continue
		}
		before := len(slots)
		for n := int64(1); n <= in.limits[i] && int64(len(slots)-before) < line.Units; n++ {
			claim := Claim{
				Shopper: in.order.Shopper, Kind: ClaimLimit, Key: line.SKU + "/" + strconv.FormatInt(n, 10), Owner: in.order.ID,
			}
			_, used := p.claims[claim.id()]
			if !used && !holds(slots, claim) && (p.state != nil || !holds(in.known, claim)) {
				slots = append(slots, claim)
			}
		}
		if int64(len(slots)-before) < line.Units {
			in.refuse(limitReached(line.SKU, in.limits[i]))
			return nil, false
		}
	}
	return slots, true
}

func limitReached(sku string, limit int64) error {
	return Errorf(CodeLimitReached, "the limit of %s is %d per shopper", sku, limit)
}

// holds reports whether the claim's key is among the claims.
func holds(claims []Claim, claim Claim) bool {
	return slices.ContainsFunc(claims, func(c Claim) bool { return c.Kind == claim.Kind && c.Key == claim.Key })
}

// fits checks the intent's takes, and those beside them, against what the state says is left; the intent gets its verdict
// when they do not fit.
func (p *planner) fits(in *intent, takes []Take) bool {
	if p.state == nil {
		return true
	}
	wanted := make(map[string]int64, len(takes)+len(in.takes))
	for _, take := range slices.Concat(takes, in.takes) {
		wanted[take.Counter] += take.Units
		left := p.state.Counters[take.Counter].Remaining - p.taken[take.Counter]
		if left < wanted[take.Counter] {
			p.lacks(in, take.Counter, left)
			return false
		}
	}
	return true
}

// lacks gives the intent its verdict when the counter has too little left.
func (p *planner) lacks(in *intent, counter string, left int64) {
	kind, name, _ := strings.Cut(counter, "/")
	switch {
	case kind == "stock":
		in.refuse(soldOut(left))
	case kind == "draw":
		in.refuse(Errorf(CodeDrawClosed, "the draw %s takes no more entries", name))
	case kind == "pool":
		in.refuse(poolExhausted(name))
	case in.last:
		in.refuse(hasRunOut(counter))
	default:
		in.verdict = verdictAgain
	}
}

// hasRunOut is the refusal of what needs more of a counter, such as quota/trade-in, than is left.
func hasRunOut(counter string) error {
	kind, name, _ := strings.Cut(counter, "/")
	return Errorf(CodeQuotaExhausted, "the %s %s has run out", kind, name)
}

func poolExhausted(pool string) error {
	return Errorf(CodePoolExhausted, "the pool %s has no vouchers left", pool)
}

func soldOut(left int64) error {
	if left <= 0 {
		return Errorf(CodeSoldOut, "sold out")
	}
	return Errorf(CodeSoldOut, "only %d left", left)
}

// addReservation puts the reservation into the plan unless the shopper has one.
func (p *planner) addReservation(in *intent) {
	if existing := p.reserved[in.reservation.Shopper]; existing != nil {
		in.verdict, in.existing = verdictDone, existing
		return
	}
	if i := slices.IndexFunc(in.claims, p.isUsed); i >= 0 {
		in.refuse(usedBefore(ClaimOnce, in.claims[i].Key))
		return
	}
	if !p.fits(in, nil) || !p.edit(in) {
		return
	}
	p.reserved[in.reservation.Shopper] = in.reservation
	p.taken[CounterReservations]++
	p.plan.Reservations = append(p.plan.Reservations, in.reservation)
	p.addBeside(in)
}

// addArrival puts the arrival into the plan unless the shopper has joined for this turn.
func (p *planner) addArrival(in *intent) {
	if p.joined[in.arrival.Shopper] >= in.arrival.Turn {
		in.verdict = verdictDone
		return
	}
	p.joined[in.arrival.Shopper] = in.arrival.Turn
	p.taken[CounterQueue]++
	p.plan.Arrivals = append(p.plan.Arrivals, in.arrival)
}

// addEvent puts what is neither order nor reservation into the plan, unless it happened before: one of its keys is taken.
func (p *planner) addEvent(in *intent) {
	if slices.ContainsFunc(in.claims, p.isUsed) {
		in.verdict = verdictDone
		return
	}
	if p.fits(in, nil) && p.edit(in) {
		p.addBeside(in)
	}
}

func (p *planner) isUsed(c Claim) bool {
	_, used := p.claims[c.id()]
	return used
}

// addBeside puts the intent's own claims and takes into the plan.
func (p *planner) addBeside(in *intent) {
	for _, claim := range in.claims {
		p.claim(claim)
	}
	p.take(in.takes)
}

// edit applies the intent's edits to the batch's drafts; false, with the intent refused, if one of them refuses.
func (p *planner) edit(in *intent) bool {
	err := p.documents.edit(in.edits)
	if err != nil {
		in.refuse(err)
	}
	return err == nil
}

// finish sorts what the store writes in lock order.
func (p *planner) finish() {
	p.plan.Documents = p.documents.changed()
	p.plan.sort()
	if len(p.taken) == 0 && !p.plan.empty() {
		p.taken[CounterOrders] = 0 // whatever was decided is fenced
	}
	for counter, units := range p.taken {
		p.plan.Counters = append(p.plan.Counters, Delta{Counter: counter, Units: units})
	}
	slices.SortFunc(p.plan.Counters, func(a, b Delta) int { return cmp.Compare(a.Counter, b.Counter) })
}

// sort brings moves, claims and orders into lock order.
func (p *Plan) sort() {
	slices.SortFunc(p.Moves, func(a, b Move) int { return cmp.Compare(a.Order.ID, b.Order.ID) })
	slices.SortFunc(p.Claims, compareClaims)
	slices.SortFunc(p.Orders, func(a, b *Order) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(p.Documents, compareDocuments)
}

func compareDocuments(a, b *Document) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

func compareClaims(a, b Claim) int {
	return cmp.Or(cmp.Compare(a.Shopper, b.Shopper), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key))
}

// empty reports whether there is nothing to write.
func (p *Plan) empty() bool {
	return len(p.Orders) == 0 && len(p.Reservations) == 0 && len(p.Moves) == 0 && len(p.Claims) == 0 &&
		len(p.Documents) == 0 && len(p.Arrivals) == 0
}
