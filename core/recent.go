package core

import "sync"

// recentReservations is how many reservations one generation of [recent] holds.
const recentReservations = 50_000

// recent remembers the reservations that this node wrote last. A reservation never changes and is never withdrawn, so
// what is remembered may be answered without asking the store. Two generations bound it without an order of use.
type recent struct {
	mu         sync.Mutex
	young, old map[string]Reservation
}

// get returns the shopper's reservation, if it is remembered.
func (r *recent) get(shopper string) (Reservation, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.young[shopper]; ok {
		return known, true
	}
	known, ok := r.old[shopper]
	return known, ok
}

// add remembers a reservation that is durable.
func (r *recent) add(reservation Reservation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.young == nil || len(r.young) >= recentReservations {
		r.young, r.old = make(map[string]Reservation, recentReservations), r.young
	}
	r.young[reservation.Shopper] = reservation
}
