package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"hotdrop/core"
)

const (
	// usualBound is the bound of accepted orders' p99 in a run with an overload, if none is named.
	usualBound = 500 * time.Millisecond
	// overloadConnections is how many connections more than usual those who come whatever they are answered have: enough that
	// one is free whenever somebody comes.
	overloadConnections = 8
	// usualOverload is how long the overload is measured.
	usualOverload = 8 * time.Second
	// overloadLate is how long after it is due an order may be sent, so that it still counts as one that came by itself.
	overloadLate = 20 * time.Millisecond
)

// Overload is the phase in which more orders come than the servers can place. They come evenly, at a multiple of the highest
// rate, whatever became of those before them, each on a connection that is free; latencies count from when an order was due.
type Overload struct {
	Times    float64       // of the highest rate
	Highest  float64       // orders per second when every connection orders as fast as it can
	Offered  float64       // orders per second that came
	Bound    time.Duration // that the p99 of accepted orders has to stay under
	Accepted int64         // of the time that counts
	Shed     int64         // of it: refused with overloaded
	Goodput  float64       // orders per second that were accepted
	Late     int64         // orders that the generator could not send when they were due
	Refused  int64         // orders refused with anything but overloaded
	Failed   int64         // orders without an answer
	Hasty    int64         // orders refused with overloaded, but without a Retry-After
	Lost     int64         // accepted orders that are not found afterwards
	Unbooked int64         // by how many units the stock that is left differs from what was accepted

	accepted, shed histogram
}

// fields lists the figures of the overload; there are none in a run without.
func (o *Overload) fields() []field {
	if o == nil {
		return nil
	}
	return []field{
		{"overload_times", thousandths(o.Times)},
		{"overload_highest_orders_per_second", int64(math.Round(o.Highest))},
		{"overload_offered_per_second", int64(math.Round(o.Offered))},
		{"overload_accepted", o.Accepted},
		{"overload_shed", o.Shed},
		{"overload_shed_share", thousandths(float64(o.Shed) / float64(max(1, o.Shed+o.Accepted)))},
		{"overload_accepted_per_second", int64(math.Round(o.Goodput))},
		{"overload_accepted_ratio_to_highest", thousandths(o.Goodput / max(1, o.Highest))},
		{"overload_bound_ms", milliseconds(o.Bound)},
		{"overload_accepted_p50_ms", milliseconds(o.accepted.quantile(0.5))},
		{"overload_accepted_p99_ms", milliseconds(o.accepted.quantile(0.99))},
		{"overload_shed_p50_ms", milliseconds(o.shed.quantile(0.5))},
		{"overload_shed_p99_ms", milliseconds(o.shed.quantile(0.99))},
		{"overload_sent_late", o.Late},
		{"overload_lost", o.Lost},
	}
}

// problems lists what is wrong with the overload, one sentence each.
func (o *Overload) problems() []string {
	if o == nil {
		return nil
	}
	var problems []string
	if p99 := o.accepted.quantile(0.99); p99 > o.Bound {
		problems = append(problems, fmt.Sprintf("the p99 of accepted orders is %s, over the bound of %s", p99, o.Bound))
	}
	if o.Accepted == 0 {
		problems = append(problems, "no order was accepted under overload")
	}
	for _, wrong := range []struct {
		n    int64
		what string
	}{
		{o.Refused, "orders refused otherwise than with overloaded"},
		{o.Failed, "orders without an answer"},
		{o.Hasty, "orders shed without a Retry-After"},
		{o.Lost, "accepted orders of the overload lost"},
		{o.Unbooked, "units of stock that no accepted order took, or the other way round"},
	} {
		if wrong.n != 0 {
			problems = append(problems, fmt.Sprintf("%d %s", wrong.n, wrong.what))
		}
	}
	return problems
}

// overloadSettles is how long the overload lasts before it counts: servers have to find out what they can do.
func (c Config) overloadSettles() time.Duration { return c.OverloadLasts / 4 }

// latencyBound is the bound that servers are started with: none in a run that offers no more than they can do.
func (c Config) latencyBound() time.Duration {
	if c.Overload == 0 {
		return 0
	}
	return c.OrderLatency
}

// overload offers more orders than the servers can place, in a campaign of its own.
func (r *runner) overload(ctx context.Context) error {
	if r.config.Overload == 0 {
		return nil
	}
	file, err := campaignFile(r.config.Name)
	if err != nil {
		return err
	}
	sale, err := parseSale(file)
	if err != nil {
		return err
	}
	sale = calmSale(sale, r.replay.campaign+"-over")
	if err := r.staff.apply(ctx, sale, core.PhaseReservation); err != nil {
		return err
	}
	o := &overloadPhase{calmPhase: calmPhase{runner: r}, figures: &Overload{Times: r.config.Overload, Bound: r.config.OrderLatency}}
	r.result.Overload = o.figures
	if o.replay, err = newReplay(r.replay.run, sale.ID, termsOf(sale)); err != nil {
		return err
	}
	if err := r.staff.enter(ctx, sale.ID, core.PhaseSale); err != nil {
		return err
	}
	return o.play(ctx)
}

// overloadPhase is the overload under way. Finding the highest rate is what it has from the calm phase.
type overloadPhase struct {
	calmPhase

	figures *Overload
}

// play finds the highest rate, offers a multiple of it, and looks at stock and orders.
func (o *overloadPhase) play(ctx context.Context) (err error) {
	if o.figures.Highest, err = o.highest(ctx, o.config.overloadSettles()); err != nil {
		return err
	}
	if err := o.offer(ctx, o.figures.Times*o.figures.Highest); err != nil {
		return err
	}
	seen, err := o.look(ctx, o.replay, o.orders)
	if err != nil {
		return err
	}
	o.figures.Lost = int64(len(o.orders)) - seen.found
	left, err := o.staff.left(ctx, o.replay.campaign)
	o.figures.Unbooked = calmUnits - left - int64(len(o.orders))
	return err
}

// offer sends orders when they are due, whatever became of those before them.
func (o *overloadPhase) offer(ctx context.Context, rate float64) (err error) {
	n := int(rate * (o.config.overloadSettles() + o.config.OverloadLasts).Seconds())
	team, err := o.team(n)
	if err != nil {
		return err
	}
	crowd, err := newCrew(overloadConnections*o.config.Connections, o.config.Patience, o.urls...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, crowd.close()) }()
	for _, client := range crowd.clients {
		if err := client.connect(ctx); err != nil {
			return err
		}
	}
	var next atomic.Int64
	stopBar := o.bar("overload", 0, n).follow(n, &next)
	p := &pace{start: time.Now().Add(100 * time.Millisecond), rate: rate}
	workers := make([]*offerer, len(crowd.clients))
	var all sync.WaitGroup
	for i, client := range crowd.clients {
		team.hire(client)
		w := &offerer{buyer: team.workers[i], pace: p, settles: o.config.overloadSettles()}
		workers[i] = w
		all.Go(func() { w.work(ctx, n, &next) })
	}
	all.Wait()
	lasted := time.Since(p.start) - o.config.overloadSettles()
	stopBar()
	for _, w := range workers {
		o.orders = append(o.orders, w.placed...)
		o.figures.add(&w.seen)
	}
	counted := o.figures.Accepted + o.figures.Shed + o.figures.Refused + o.figures.Failed
	o.figures.Offered, o.figures.Goodput = float64(counted)/lasted.Seconds(), float64(o.figures.Accepted)/lasted.Seconds()
	return context.Cause(ctx)
}

// add adds what one connection has seen.
func (o *Overload) add(seen *Overload) {
	o.Accepted += seen.Accepted
	o.Shed += seen.Shed
	o.Late += seen.Late
	o.Refused += seen.Refused
	o.Failed += seen.Failed
	o.Hasty += seen.Hasty
	o.accepted.merge(&seen.accepted)
	o.shed.merge(&seen.shed)
}

// offerer is one connection of those who come whatever they are answered. Nothing is tried again.
type offerer struct {
	*buyer

	pace    *pace
	settles time.Duration
	seen    Overload
}

// work takes one order after another, each when it is due, until there are none.
func (w *offerer) work(ctx context.Context, n int, next *atomic.Int64) {
	defer w.client.watch(ctx)()
	for ctx.Err() == nil {
		i := int(next.Add(1)) - 1
		if i >= n {
			return
		}
		due := w.pace.due(i)
		wait(ctx, time.Until(due))
		counts := due.Sub(w.pace.start) >= w.settles
		if counts && time.Since(due) > overloadLate {
			w.seen.Late++
		}
		w.client.out = w.request(w.client.out[:0], i)
		response, err := w.client.exchange(ctx)
		if ctx.Err() == nil {
			w.take(i, response, err, time.Since(due), counts)
		}
	}
}

// take takes note of an answer. What is wrong counts at any time; how fast it was, only once it counts.
func (w *offerer) take(i int, r Response, failed error, took time.Duration, counts bool) {
	switch id, placed := orderIn(r, w.mark); {
	case failed != nil:
		w.seen.Failed++
	case placed:
		w.placed = append(w.placed, placement{w.plan[i].shopper, id, orderTotal(r.Body)})
		if counts {
			w.seen.Accepted++
			w.seen.accepted.observe(took)
		}
	case r.Status == http.StatusServiceUnavailable && string(problemCode(r)) == codeOverloaded:
		if r.RetryAfter <= 0 {
			w.seen.Hasty++
		}
		if counts {
			w.seen.Shed++
			w.seen.shed.observe(took)
		}
	default:
		w.seen.Refused++
	}
}

// left is how many units of the campaign's first item are left, once that no longer changes.
func (s *staff) left(ctx context.Context, campaign string) (int64, error) {
	before := int64(-1)
	var now int64
	err := until(ctx, "the stock standing still", func() (bool, error) {
		r, _, err := s.nodes[0].Do(ctx, get(s.token, "/v1/campaigns/"+campaign))
		if err != nil {
			return false, err
		}
		var view struct {
			Items []struct {
				Left int64 `json:"left"`
			} `json:"items"`
		}
		if err := json.Unmarshal(r.Body, &view); err != nil || len(view.Items) == 0 {
			return false, fmt.Errorf("%w: status %d: %s", errUnexpected, r.Status, r.Body)
		}
		before, now = now, view.Items[0].Left
		return before == now, nil
	})
	return now, err
}
