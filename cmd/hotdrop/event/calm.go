package event

import (
	"context"
	"errors"
	"math"
	"time"

	"hotdrop/core"
)

// Calm is the phase that shows what a swap costs those who order meanwhile: orders come at half of the highest rate, evenly,
// and every other second there is a swap in its middle. A second's orders are those that were due in it; their latency counts
// from when they were due, so that a server which holds others up does not hide it.
type Calm struct {
	Swaps    int64   // in it
	Orders   int64   // acknowledged
	Lost     int64   // of them, those that are not found afterwards
	Repriced int64   // of them, those that are found at another price
	Highest  float64 // orders per second when every connection orders as fast as it can
	Rate     float64 // orders per second while it was measured

	swapped, others histogram // of the seconds around a swap, and of those without one
}

// Ratio is the p99 of the seconds around a swap in terms of that of the seconds without one; 0 if nothing was measured.
func (c *Calm) Ratio() float64 {
	if c.others.total == 0 {
		return 0
	}
	return float64(c.swapped.quantile(0.99)) / float64(c.others.quantile(0.99))
}

// fields lists the figures of the calm phase.
func (c *Calm) fields() []field {
	return []field{
		{"calm_swaps", c.Swaps},
		{"calm_orders", c.Orders},
		{"calm_orders_lost", c.Lost},
		{"calm_highest_orders_per_second", int64(math.Round(c.Highest))},
		{"calm_orders_per_second", int64(math.Round(c.Rate))},
		{"calm_p99_ms", milliseconds(c.others.quantile(0.99))},
		{"calm_swap_p99_ms", milliseconds(c.swapped.quantile(0.99))},
		{"calm_swap_p99_ratio", thousandths(c.Ratio())},
	}
}

// calmPairs is how many seconds around a swap the calm phase has, and as many without.
func calmPairs(swaps int) int { return min(max(swaps/20, 2), 15) }

// calmPhase is the calm phase under way.
type calmPhase struct {
	*sideSale

	swapper *swapper
}

// calm measures what swaps cost those who order at half of the highest rate, in a campaign of its own.
func (r *runner) calm(ctx context.Context) (err error) {
	if r.config.Swaps == 0 {
		return nil
	}
	side, err := r.besides(ctx, "-calm", "calm phase", "")
	if err != nil {
		return err
	}
	c := &calmPhase{sideSale: side}
	pairs := calmPairs(r.config.Swaps)
	plan := make([]change, pairs)
	for i := range plan {
		plan[i] = change{mode: core.ModeLive, state: state{live: i%variants + 1}}
	}
	if c.swapper, err = r.newSwapper(ctx, c.sale, plan); err != nil {
		return err
	}
	c.swapper.made = &r.result.Swaps.Calm.Swaps
	defer func() { err = errors.Join(err, c.swapper.close()) }()
	c.watch = &market{prices: c.swapper.prices, every: math.MaxInt64}
	if err := r.staff.enter(ctx, c.sale.ID, core.PhaseSale); err != nil {
		return err
	}
	return c.play(ctx, pairs)
}

// play finds the highest rate, orders at half of it, and looks at every order.
func (c *calmPhase) play(ctx context.Context, pairs int) error {
	figures := &c.result.Swaps.Calm
	highest, err := c.highest(ctx, time.Duration(pairs)*200*time.Millisecond)
	if err != nil {
		return err
	}
	figures.Highest = highest
	if err := c.paced(ctx, pairs, highest/2); err != nil {
		return err
	}
	figures.Orders = int64(len(c.orders))
	found, err := c.look(ctx, c.replay, c.orders)
	figures.Lost, figures.Repriced = figures.Orders-found.found, found.repriced
	c.result.Swaps.StaleAnswers += c.swapper.prices.stale.Load()
	c.result.Swaps.Mixed += c.swapper.prices.mixed.Load()
	return err
}

// highest returns how many orders per second there are when every connection orders as fast as it can, for at least so
// long. What comes first is not measured.
func (c *calmPhase) highest(ctx context.Context, least time.Duration) (float64, error) {
	slice := min(max(c.config.Shoppers/10, 4*c.config.Connections), 20_000)
	var total measured
	for i := 0; total.elapsed < least; i++ {
		team, err := c.team(slice)
		if err != nil {
			return 0, err
		}
		m, err := c.run(ctx, slice, team.hire, nil)
		if err := errors.Join(err, c.keep(team)); err != nil {
			return 0, err
		}
		if i > 0 {
			total.add(&m)
			total.elapsed += m.elapsed
		}
	}
	return total.rate(), nil
}

// pacedBuyer is a buyer who orders when it is due.
type pacedBuyer struct {
	*buyer

	pace            *pace
	due             time.Time
	swapped, others histogram
}

func (w *pacedBuyer) request(b []byte, i int) []byte {
	w.due = w.pace.due(i)
	time.Sleep(time.Until(w.due))
	return w.buyer.request(b, i)
}

func (w *pacedBuyer) answered(i int, r Response) verdict {
	if r.Status == 201 {
		took := time.Since(w.due)
		switch second := int(w.due.Sub(w.pace.start) / time.Second); {
		case second == 0: // connections and caches have to get used to the pace
		case second%2 == 1:
			w.swapped.observe(took)
		default:
			w.others.observe(took)
		}
	}
	return w.buyer.answered(i, r)
}

// paced orders at the rate, evenly: one second to get used to it, then as many pairs of a second with a swap in its middle
// and one without.
func (c *calmPhase) paced(ctx context.Context, pairs int, rate float64) error {
	n := int(rate * float64(2*pairs+1))
	team, err := c.team(n)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &pace{start: time.Now().Add(100 * time.Millisecond), rate: rate}
	swapped := make(chan error, 1)
	go func() { swapped <- c.swapAt(ctx, p.start, pairs) }()
	var workers []*pacedBuyer
	m, err := c.run(ctx, n, func(client *Client) worker {
		team.hire(client)
		w := &pacedBuyer{buyer: team.workers[len(team.workers)-1], pace: p}
		workers = append(workers, w)
		return w
	}, c.bar("calm", 0, n))
	if err != nil {
		cancel()
	}
	figures := &c.result.Swaps.Calm
	figures.Rate = m.rate()
	for _, w := range workers {
		figures.swapped.merge(&w.swapped)
		figures.others.merge(&w.others)
	}
	return errors.Join(err, <-swapped, c.keep(team))
}

// swapAt makes a swap in the middle of every other second, from the second second on.
func (c *calmPhase) swapAt(ctx context.Context, start time.Time, pairs int) error {
	for i := range pairs {
		wait(ctx, time.Until(start.Add(time.Duration(2*i+1)*time.Second+time.Second/2)))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := c.swapper.swap(ctx, true); err != nil {
			return err
		}
	}
	return nil
}
