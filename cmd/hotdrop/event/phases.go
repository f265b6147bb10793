package event

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
)

// timed measures a phase of n requests between two slices of the floor, whose answers have the size that the probe
// expects before the phase and the one that was seen after it.
func (r *runner) timed(
	ctx context.Context, n, expected int, spare func(*Client) worker, phase func() (measured, error),
) (measured, Speed, error) {
	before, err := r.floor(ctx, n, expected, spare)
	if err != nil {
		return measured{}, Speed{}, err
	}
	runtime.GC() // not while time is measured
	m, err := phase()
	if err != nil {
		return measured{}, Speed{}, err
	}
	after, err := r.floor(ctx, n, m.meanSize(), spare)
	return m, Speed{Seconds: m.elapsed.Seconds(), PerSecond: m.rate(), Floor: (before + after) / 2}, err
}

// run sends the requests of one phase, or of a slice of it, to the servers.
func (r *runner) run(ctx context.Context, n int, hire func(*Client) worker, b *bar) (measured, error) {
	m, err := r.crew.run(ctx, n, hire, b)
	r.result.Retried += m.retried
	r.result.Errors += m.errors
	return m, err
}

// bar returns the progress bar of a phase, or of the slice of it that begins at base.
func (r *runner) bar(name string, base, of int) *bar {
	if !r.config.Progress {
		return nil
	}
	return &bar{out: r.config.Err, name: name, base: base, of: of}
}

// reserve signs everybody up, in random order. Tokens are made slice by slice, outside the time that is measured.
func (r *runner) reserve(ctx context.Context) error {
	random := rand.New(rand.NewPCG(r.config.Seed, 2)) //nolint:gosec // a load plan is no secret
	order := shuffled(r.config.Reservations, random)
	opening, err := r.reservers(order[:min(len(order), floorSlice)])
	if err != nil {
		return err
	}
	r.result.ReservationsRefused = map[string]int64{}
	_, speed, err := r.timed(ctx, len(order), r.sizes.reservation, opening.spare, func() (measured, error) {
		return r.reserveSlices(ctx, order, opening)
	})
	r.result.Reserving = speed
	return err
}

// reserveSlices signs up the shoppers in their order, opening being the workers of the first slice.
func (r *runner) reserveSlices(ctx context.Context, order []uint32, opening *gang[*reserver]) (measured, error) {
	var total measured
	base := 0
	for shoppers := range slices.Chunk(order, floorSlice) {
		team := opening
		if base > 0 {
			var err error
			if team, err = r.reservers(shoppers); err != nil {
				return total, err
			}
		}
		m, err := r.run(ctx, len(shoppers), team.hire, r.bar("reservations", base, len(order)))
		if err != nil {
			return total, err
		}
		total.add(&m)
		total.elapsed += m.elapsed
		base += len(shoppers)
		for _, w := range team.workers {
			r.result.Reservations += w.reserved
			r.result.Eligible += w.eligible
			w.tally.addTo(r.result.ReservationsRefused)
		}
	}
	return total, nil
}

// reservers returns the workers that sign the shoppers up.
func (r *runner) reservers(shoppers []uint32) (*gang[*reserver], error) {
	tokens, err := signTokens(r.signer, shoppers)
	if err != nil {
		return nil, err
	}
	return &gang[*reserver]{make: func(c *Client) *reserver {
		return &reserver{
			replay: r.replay, client: c, shoppers: shoppers, tokens: tokens,
			rush: uint32(r.config.Shoppers), tally: tally{}, //nolint:gosec // Config.check bounds it
		}
	}}, nil
}

// rush lets everybody order at once and returns the orders that were acknowledged.
func (r *runner) rush(ctx context.Context) ([]placement, error) {
	plan := planRush(r.config.Shoppers, r.config.Seed)
	var shared *market
	team := &gang[*buyer]{make: func(c *Client) *buyer {
		return &buyer{replay: r.replay, client: c, plan: plan, tally: tally{}, market: shared}
	}}
	orders := min(r.config.Units, int(r.result.Eligible))
	expected := r.sizes.rush(len(plan), orders)
	m, speed, err := r.timed(ctx, len(plan), expected, team.spare, func() (measured, error) {
		return r.whileSwapping(ctx, orders, func(watch *market) (measured, error) {
			shared = watch
			return r.whileUploading(ctx, len(plan), team.hire, func(hire func(*Client) worker) (measured, error) {
				return r.run(ctx, len(plan), hire, r.bar("rush", 0, len(plan)))
			})
		})
	})
	if err != nil {
		return nil, err
	}
	result := r.result
	result.Rush, result.Requests = speed, m.requests
	result.P50, result.P99, result.OrderP99 = m.latency.quantile(0.5), m.latency.quantile(0.99), m.created.quantile(0.99)
	result.Refused = map[string]int64{}
	var acknowledged []placement
	for _, w := range team.workers {
		result.BrokenReplays += w.broken
		w.tally.addTo(result.Refused)
		acknowledged = append(acknowledged, w.placed...)
	}
	placed, duplicates := distinct(acknowledged)
	result.Sold, result.DuplicateOrders = int64(len(placed)), duplicates
	result.Oversold = max(0, result.Sold-result.Units)
	return placed, nil
}

// distinct returns every order once, and how many there are beyond the first of each shopper. An order is acknowledged
// more than once when its request was repeated.
func distinct(acknowledged []placement) (orders []placement, duplicates int64) {
	seen := make(map[placement]struct{}, len(acknowledged))
	shoppers := make(map[uint32]struct{}, len(acknowledged))
	for _, o := range acknowledged {
		order := placement{shopper: o.shopper, id: o.id}
		if _, again := seen[order]; again {
			continue
		}
		if _, another := shoppers[o.shopper]; another {
			duplicates++
		}
		seen[order] = struct{}{}
		shoppers[o.shopper] = struct{}{}
		orders = append(orders, o)
	}
	return orders, duplicates
}

// settle fills the wallets of those who ordered, pays every order, and looks at each of them afterwards.
func (r *runner) settle(ctx context.Context, orders []placement) error {
	result := r.result
	result.TopUpsRefused, result.PayRefused = map[string]int64{}, map[string]int64{}
	filling := r.payers(orders, topUp)
	filled, err := r.run(ctx, len(orders), filling.hire, r.bar("top-ups", 0, len(orders)))
	if err != nil {
		return err
	}
	result.TopUpSeconds = filled.elapsed.Seconds()
	addTallies(filling, result.TopUpsRefused)

	paying := r.payers(orders, pay)
	_, result.Paying, err = r.timed(ctx, len(orders), r.sizes.payment, paying.spare, func() (measured, error) {
		return r.run(ctx, len(orders), paying.hire, r.bar("payments", 0, len(orders)))
	})
	if err != nil {
		return err
	}
	addTallies(paying, result.PayRefused)
	return r.verify(ctx, orders)
}

// verify looks at every order as its shopper.
func (r *runner) verify(ctx context.Context, orders []placement) error {
	seen, err := r.look(ctx, r.replay, orders)
	r.result.Lost, r.result.Paid, r.result.Repriced = int64(len(orders))-seen.found, seen.paid, seen.repriced
	return err
}

// sights is how many of the orders there are, how many are paid, and how many cost another total than acknowledged.
type sights struct{ found, paid, repriced int64 }

// look reads every order of the replay as its shopper.
func (r *runner) look(ctx context.Context, of *replay, orders []placement) (seen sights, err error) {
	team := &gang[*finder]{make: func(c *Client) *finder {
		return &finder{payer{replay: of, client: c, orders: orders, step: find, tally: tally{}}}
	}}
	if _, err := r.run(ctx, len(orders), team.hire, r.bar("verification", 0, len(orders))); err != nil {
		return seen, fmt.Errorf("verify: %w", err)
	}
	for _, w := range team.workers {
		seen.found += w.found
		seen.paid += w.paid
		seen.repriced += w.other
	}
	return seen, nil
}

// payers returns workers that do one thing for every order.
func (r *runner) payers(orders []placement, step step) *gang[*payer] {
	return &gang[*payer]{make: func(c *Client) *payer {
		return &payer{replay: r.replay, client: c, orders: orders, step: step, tally: tally{}}
	}}
}

// addTallies adds the refusals that the workers have met.
func addTallies(team *gang[*payer], sum map[string]int64) {
	for _, w := range team.workers {
		w.tally.addTo(sum)
	}
}
