package core

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

const (
	// maxRemembered is how many reservations, and how many orders, a node remembers of one campaign: at most 64 MB and
	// 96 MB. What there is beyond it is asked of the store.
	maxRemembered = 1 << 21
	// recollectPause is how long a node waits before it reads once more who has ordered from other nodes.
	recollectPause = time.Second
)

// memory is what a node remembers of a campaign's shoppers, so that it need not ask the store about each of them in a
// rush: who reserved here, and who has ordered at all. Reservations and orders are never withdrawn, so what is
// remembered stays true; whether it is everything is told by the counter of orders. Shoppers and orders are remembered
// by 128 bits of a keyed hash, which nobody can make collide.
type memory struct {
	seeds [2]maphash.Seed

	mu           sync.RWMutex
	reservations map[identity]ticket
	orders       map[identity]struct{} // known by their ids
	shoppers     map[identity]struct{} // who placed them
	signed       int64                 // how many reservations there are, as last seen
	placed       int64                 // how many orders there are, as last seen
	recollected  time.Time
}

// identity is the hash of a shopper's or an order's id.
type identity [2]uint64

// ticket is a remembered reservation.
type ticket struct{ at, position int64 }

func newMemory() *memory {
	return &memory{
		seeds:        [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		reservations: map[identity]ticket{}, orders: map[identity]struct{}{}, shoppers: map[identity]struct{}{},
	}
}

func (m *memory) identify(id string) identity {
	return identity{maphash.String(m.seeds[0], id), maphash.String(m.seeds[1], id)}
}

// reservation returns the shopper's reservation if it is remembered, and whether that is certain: none is remembered of
// a shopper who certainly has none.
func (m *memory) reservation(shopper string) (r *Reservation, certain bool) {
	id := m.identify(shopper)
	m.mu.RLock()
	defer m.mu.RUnlock()
	if t, ok := m.reservations[id]; ok {
		return &Reservation{Shopper: shopper, At: t.at, Position: t.position}, true
	}
	return nil, int64(len(m.reservations)) == m.signed
}

// unordered reports whether it is certain that the shopper had no order when the counter of orders was last seen. The
// orders that are remembered are among those that were counted; if they are as many, they are the same.
func (m *memory) unordered(shopper string) bool {
	id := m.identify(shopper)
	m.mu.RLock()
	defer m.mu.RUnlock()
	if int64(len(m.orders)) != m.placed {
		return false
	}
	_, ordered := m.shoppers[id]
	return !ordered
}

// remember takes in what was seen at once: how many reservations and orders there are by their counters, and some of
// them, which are durable and were counted. Of an order it takes the claim of its request. It is one step for readers: in
// a rush they would otherwise find orders that were counted and not remembered all the time.
func (m *memory) remember(counted map[string]int64, placed []Claim, reservations []*Reservation) {
	orders, shoppers, signed := make([]identity, len(placed)), make([]identity, len(placed)), make([]identity, len(reservations))
	for i := range placed {
		orders[i], shoppers[i] = m.identify(placed[i].Owner), m.identify(placed[i].Shopper)
	}
	for i, r := range reservations {
		signed[i] = m.identify(r.Shopper)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signed = max(m.signed, counted[CounterReservations])
	m.placed = max(m.placed, counted[CounterOrders])
	for i := 0; i < len(orders) && len(m.orders) < maxRemembered; i++ {
		m.orders[orders[i]], m.shoppers[shoppers[i]] = struct{}{}, struct{}{}
	}
	for i := 0; i < len(signed) && len(m.reservations) < maxRemembered; i++ {
		m.reservations[signed[i]] = ticket{reservations[i].At, reservations[i].Position}
	}
}

// forget drops what was remembered of reservations: one of them is its shopper's no more. From then on the store is asked who
// has reserved, as no memory can be whole again.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reservations = map[identity]ticket{}
}

// incomplete reports whether there are orders that the memory could hold and does not, and lets the caller read them
// if nobody has for a while.
func (m *memory) incomplete(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if int64(len(m.orders)) == m.placed || m.placed > maxRemembered || now.Sub(m.recollected) < recollectPause {
		return false
	}
	m.recollected = now
	return true
}

// learn takes in what was read of the counters, and of the orders if they were asked for, in one snapshot.
func (c *campaign) learn(state *State, began time.Time) {
	c.view.saw(state.Counters, began)
	counted := make(map[string]int64, len(state.Counters))
	for key, counter := range state.Counters {
		counted[key] = counter.Limit - counter.Remaining
	}
	c.memory.remember(counted, state.Placed, nil)
}

// committed takes in what a plan wrote and left, whose commit began at the given time and has been acknowledged.
func (c *campaign) committed(plan *Plan, applied *Applied, began time.Time) {
	c.view.committed(applied.Remaining, began, c.engine.now())
	counted := make(map[string]int64, len(applied.Remaining))
	for key, left := range applied.Remaining {
		counted[key] = Unbounded - left // of the counters without a bound, the only ones that memory asks for
	}
	placed := make([]Claim, len(plan.Orders))
	for i, o := range plan.Orders {
		placed[i] = Claim{Shopper: o.Shopper, Owner: o.ID}
	}
	c.memory.remember(counted, placed, plan.Reservations)
}

// recollect reads who has ordered, unless it is known.
func (c *campaign) recollect(ctx context.Context) error {
	began := c.engine.now()
	if !c.memory.incomplete(began) {
		return nil
	}
	state, err := c.engine.store.Load(ctx, Query{Campaign: c.id, Brand: c.brand, Counters: true, Placed: true})
	if err != nil {
		return storeError(err)
	}
	c.learn(state, began)
	return nil
}

// recall decides a request by what this node remembers, nil and no error if that is not certain to be enough. It is for
// shoppers who have no order yet, so that none can have been acknowledged under this request's key: they are refused
// what needs no data, or place their order, which its claims and takes guard like any other: a memory that is out of
// date costs another try and nothing else. Every other refusal is left to what the store says.
func (c *campaign) recall(ctx context.Context, req *OrderRequest, seen *observed) (*intent, error) {
	if req.Voucher != "" || req.Group != "" || req.Replaces != "" || len(c.snapshot.Load().kinds) > 0 { // of which a node remembers nothing
		return nil, nil
	}
	if !c.glance() || !c.memory.unordered(req.Shopper.ID) {
		return nil, nil
	}
	if _, err := c.admit(req); err != nil {
		return nil, err
	}
	reservation, certain := c.memory.reservation(req.Shopper.ID)
	if !certain {
		return nil, nil
	}
	in, err := c.decideOrder(ctx, req, &load{state: &ShopperState{Reservation: reservation}}, seen)
	if err != nil {
		return nil, nil //nolint:nilerr // decided anew by what the store says
	}
	return in, nil
}
