package core

import (
	"strconv"
	"testing"
	"time"
)

// counted, ordered and reserved are what one commit tells a memory.
func (m *memory) counted(counter string, there int64) {
	m.remember(map[string]int64{counter: there}, nil, nil)
}

func (m *memory) ordered(shopper, order string) {
	m.remember(nil, []Claim{{Shopper: shopper, Owner: order}}, nil)
}

func (m *memory) reserved(r *Reservation) { m.remember(nil, nil, []*Reservation{r}) }

func TestAReservationIsRememberedAndItsAbsenceWhenAllAreKnown(t *testing.T) {
	m := newMemory()
	if r, certain := m.reservation("ann"); r != nil || !certain {
		t.Errorf("of a campaign without reservations: %v, %v", r, certain)
	}
	m.counted(CounterReservations, 2)
	m.reserved(&Reservation{Shopper: "ann", At: 7, Position: 2})
	if r, certain := m.reservation("ann"); r == nil || *r != (Reservation{Shopper: "ann", At: 7, Position: 2}) || !certain {
		t.Errorf("ann: %v, %v", r, certain)
	}
	if r, certain := m.reservation("bob"); r != nil || certain {
		t.Errorf("bob, with one of two reservations known: %v, %v", r, certain)
	}
	m.reserved(&Reservation{Shopper: "cid", At: 6, Position: 1})
	if r, certain := m.reservation("bob"); r != nil || !certain {
		t.Errorf("bob, with both known: %v, %v", r, certain)
	}
}

func TestNobodyIsKnownToHaveNoOrderUntilEveryOrderIsKnown(t *testing.T) {
	m := newMemory()
	m.counted(CounterOrders, 3)
	m.ordered("ann", "o1")
	m.ordered("ann", "o2")
	m.ordered("ann", "o2")
	if m.unordered("bob") {
		t.Error("bob may be who placed the third")
	}
	m.ordered("cid", "o3")
	if m.unordered("ann") || m.unordered("cid") || !m.unordered("bob") {
		t.Errorf("ann %v, cid %v, bob %v", m.unordered("ann"), m.unordered("cid"), m.unordered("bob"))
	}
	m.counted(CounterOrders, 2) // a slow read
	if !m.unordered("bob") {
		t.Error("a count from earlier took effect")
	}
	m.counted(CounterOrders, 4) // another node's
	if m.unordered("bob") {
		t.Error("bob may be who placed the fourth")
	}
}

func TestOrdersAreReadAnewAtMostOnceASecondAndOnlyWhenSomeAreMissing(t *testing.T) {
	m, now := newMemory(), time.UnixMilli(1_000_000)
	if m.incomplete(now) {
		t.Error("nothing is missing")
	}
	m.counted(CounterOrders, 1)
	if !m.incomplete(now) || m.incomplete(now.Add(recollectPause-1)) || !m.incomplete(now.Add(recollectPause)) {
		t.Error("the pause is not kept")
	}
	m.ordered("ann", "o1")
	if m.incomplete(now.Add(time.Hour)) {
		t.Error("nothing is missing any more")
	}
	m.counted(CounterOrders, maxRemembered+1)
	if m.incomplete(now.Add(time.Hour)) {
		t.Error("more than can be remembered would be read")
	}
}

func TestAFullMemoryForgetsNothingAndTakesNoMore(t *testing.T) {
	m := newMemory()
	for i := range maxRemembered {
		m.orders[identity{uint64(i)}] = struct{}{}
	}
	m.counted(CounterOrders, maxRemembered+1)
	m.ordered("ann", strconv.Itoa(maxRemembered))
	if len(m.orders) != maxRemembered || m.unordered("bob") {
		t.Errorf("%d orders are held, and bob is known to have none: %v", len(m.orders), m.unordered("bob"))
	}
}
