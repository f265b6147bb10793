package core

import (
	"maps"
	"slices"
	"time"
)

// Start returns when the phase starts, the zero time if the campaign does not have it.
func (p Phases) Start(phase Phase) time.Time {
	for _, s := range p.all() {
		if s.phase == phase {
			return s.at
		}
	}
	return time.Time{}
}

// Shifted returns a copy of the campaign with every time that is set moved by the same amount, so that all distances
// stay what they are.
func (c *Campaign) Shifted(by time.Duration) *Campaign {
	copied := *c
	copied.Phases = c.Phases.shifted(by)
	copied.Items = slices.Clone(c.Items)
	for i := range copied.Items {
		copied.Items[i].Phases = copied.Items[i].Phases.shifted(by)
	}
	copied.VoucherPools = maps.Clone(c.VoucherPools)
	for name, pool := range copied.VoucherPools {
		pool.Expires = shifted(pool.Expires, by)
		copied.VoucherPools[name] = pool
	}
	copied.Draws = maps.Clone(c.Draws)
	for name, draw := range copied.Draws {
		draw.Closes = shifted(draw.Closes, by)
		copied.Draws[name] = draw
	}
	copied.Reminders = slices.Clone(c.Reminders)
	for i := range copied.Reminders {
		copied.Reminders[i].At = shifted(copied.Reminders[i].At, by)
	}
	copied.WaitingRoom.Opens = shifted(c.WaitingRoom.Opens, by)
	copied.Deposits.BalanceUntil = shifted(c.Deposits.BalanceUntil, by)
	return &copied
}

func (p Phases) shifted(by time.Duration) Phases {
	return Phases{
		Teaser: shifted(p.Teaser, by), Reservation: shifted(p.Reservation, by),
		Sale: shifted(p.Sale, by), Closed: shifted(p.Closed, by),
	}
}

// shifted leaves the zero time alone: it means that there is no such moment.
func shifted(t time.Time, by time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(by)
}
