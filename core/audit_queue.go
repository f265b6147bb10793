package core

import "strconv"

// auditedQueue is what the audit remembers of a campaign's waiting room.
type auditedQueue struct {
	arrivals int64
	last     int64 // the highest number
	numbers  int64 // the sum of all
	used     int64 // the highest place that has let an order in
}

func (q *auditedQueue) visit(arrival Arrival) {
	q.arrivals++
	q.last = max(q.last, arrival.Number)
	q.numbers += arrival.Number
}

// useTicket takes note of the place of an order that was let in, which its order must hold nothing of: a place is used up.
func (a *audit) useTicket(c Claim) {
	place, err := strconv.ParseInt(c.Key, 10, 64)
	if _, ok := a.orders[c.Owner]; !ok || err != nil || place < 1 {
		a.find("claim", c.Shopper+" "+c.Key, "place %q has let in the order %s, which does not exist", c.Key, c.Owner)
		return
	}
	a.queue.used = max(a.queue.used, place)
}

// visitRoom checks that no more were shuffled than had come.
func (a *audit) visitRoom(d *Document, room *Room) {
	switch {
	case d.State == RoomOpen && len(room.Rates) == 0:
		a.find(string(d.Kind), d.ID, "it is open and lets nobody in")
	case room.Early > a.queue.arrivals:
		a.find(string(d.Kind), d.ID, "%d came before it opened, and %d came at all", room.Early, a.queue.arrivals)
	}
}

// finishQueue checks that arrivals are numbered without gaps, and that nobody was let in from a place that nobody has.
func (a *audit) finishQueue() {
	q := a.queue
	if q.last != q.arrivals || q.numbers != q.arrivals*(q.arrivals+1)/2 {
		a.find("arrival", a.campaign, "%d arrivals, the last number is %d", q.arrivals, q.last)
	}
	if q.used > q.arrivals {
		a.find("claim", a.campaign, "place %d has let an order in, and there are %d", q.used, q.arrivals)
	}
}
