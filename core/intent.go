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
	reservation *Reservation // nil for everything else
	claims      []Claim      // once-only keys beside an order's own: an event whose key is taken is done already
	takes       []Take       // beside an order's own
	edits       []edit       // of documents
	documents   []*Document  // those to be edited, as they were when the intent was decided
	request     Claim        // the request's idempotency claim; zero for a reservation
	known       []Claim      // the shopper's claims as they were loaded
	limit       int64        // units per shopper, 0 for none
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

// shopper returns whose intent it is.
func (in *intent) shopper() string {
	if in.order != nil {
		return in.order.Shopper
	}
	return in.reservation.Shopper
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
	plan     *Plan
	state    *State // nil at the first try
	claims   map[claimKey]string
	taken    map[string]int64 // units the plan takes, by counter
	reserved map[string]*Reservation
}

// planBatch returns the plan of everything that fits and gives every intent its verdict.
func planBatch(campaign *snapshot, intents []*intent, state *State) *Plan {
	p := &planner{
		plan:   &Plan{Campaign: campaign.definition().ID, Brand: campaign.definition().Brand},
		state:  state,
		claims: make(map[claimKey]string, 2*len(intents)), taken: map[string]int64{}, reserved: map[string]*Reservation{},
	}
	for _, in := range intents {
		p.plan.Epoch = max(p.plan.Epoch, in.epoch)
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
		default:
			p.addReservation(in)
		}
	}
	p.finish()
	return p.plan
}

// know takes in the claims and reservations that the store has.
func (p *planner) know(state *State) {
	for shopper, s := range state.Shoppers {
		for i := range s.Claims {
			p.claims[s.Claims[i].id()] = s.Claims[i].Owner
		}
		if s.Reservation != nil {
			p.reserved[shopper] = s.Reservation
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
	slots, ok := p.slots(in)
	if !ok {
		in.refuse(Errorf(CodeLimitReached, "the limit is %d per shopper", in.limit))
		return
	}
	claims := slots
	for _, claim := range in.order.Claims {
		if claim.Kind == ClaimLimit {
			continue // chosen by an earlier try
		}
		if _, used := p.claims[claim.id()]; used {
			in.refuse(Errorf(CodeAlreadyUsed, "this is possible once per shopper"))
			return
		}
		claims = append(claims, claim)
	}
	if !p.fits(in) {
		return
	}
	in.order.Claims = claims
	for i := range claims {
		p.claim(claims[i])
	}
	p.claim(in.request)
	for _, take := range in.order.Takes {
		p.taken[take.Counter] += take.Units
	}
	p.taken[CounterOrders]++
	p.plan.Orders = append(p.plan.Orders, in.order)
}

func (p *planner) claim(c Claim) {
	p.claims[c.id()] = c.Owner
	p.plan.Claims = append(p.plan.Claims, c)
}

// slots chooses one free slot of the limit per unit, the lowest first; false if there are not enough.
func (p *planner) slots(in *intent) ([]Claim, bool) {
	if in.limit == 0 {
		return nil, true
	}
	line := in.order.Lines[0]
	slots := make([]Claim, 0, line.Units+1)
	for n := int64(1); n <= in.limit && int64(len(slots)) < line.Units; n++ {
		claim := Claim{
			Shopper: in.order.Shopper, Kind: ClaimLimit, Key: line.SKU + "/" + strconv.FormatInt(n, 10), Owner: in.order.ID,
		}
		_, used := p.claims[claim.id()]
		if !used && (p.state != nil || !holds(in.known, claim)) {
			slots = append(slots, claim)
		}
	}
	return slots, int64(len(slots)) == line.Units
}

// holds reports whether the claim's key is among the claims.
func holds(claims []Claim, claim Claim) bool {
	return slices.ContainsFunc(claims, func(c Claim) bool { return c.Kind == claim.Kind && c.Key == claim.Key })
}

// fits checks the takes against what the state says is left; the intent gets its verdict when they do not fit.
func (p *planner) fits(in *intent) bool {
	if p.state == nil {
		return true
	}
	for _, take := range in.order.Takes {
		if p.state.Counters[take.Counter].Remaining-p.taken[take.Counter] >= take.Units {
			continue
		}
		switch {
		case strings.HasPrefix(take.Counter, StockCounter("")):
			in.refuse(soldOut(p.state.Counters[take.Counter].Remaining - p.taken[take.Counter]))
		case in.last:
			in.refuse(Errorf(CodeQuotaExhausted, "%s has run out", take.Counter))
		default:
			in.verdict = verdictAgain
		}
		return false
	}
	return true
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
	p.reserved[in.reservation.Shopper] = in.reservation
	p.taken[CounterReservations]++
	p.plan.Reservations = append(p.plan.Reservations, in.reservation)
}

// finish sorts what the store writes in lock order.
func (p *planner) finish() {
	p.plan.sort()
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
}

func compareClaims(a, b Claim) int {
	return cmp.Or(cmp.Compare(a.Shopper, b.Shopper), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key))
}

// empty reports whether there is nothing to write.
func (p *Plan) empty() bool {
	return len(p.Orders) == 0 && len(p.Reservations) == 0 && len(p.Moves) == 0 && len(p.Claims) == 0
}
