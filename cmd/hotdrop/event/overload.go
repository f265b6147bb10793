package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"hotdrop/core"
)

const (
	// usualBound is the bound of accepted orders' p99 in a run with an overload, if none is named.
	usualBound = 500 * time.Millisecond
	// mostWires is how many connections those who come whatever they are answered have at most.
	mostWires = 8192
	// usualOverload is how long the overload is measured.
	usualOverload = 8 * time.Second
	// overloadLate is how long after it is due an order may be sent, so that it still counts as one that came by itself, and
	// mostLate the share of others that a run may have.
	overloadLate = 20 * time.Millisecond
	mostLate     = 0.01
	// mostStrangers is the share of the time that others may use the servers' processors.
	mostStrangers = 0.1
	// mostGoodput is how many times the highest rate may be accepted. More means that it was not the highest.
	mostGoodput = 1.25
)

// Overload is the phase in which more orders come than the servers can place. They come evenly, at a multiple of the highest
// rate, whatever became of those before them, each on a connection that is free. The latency of accepted orders counts from
// when they were due, so that nothing that held them up is left out.
//
// It says something about the servers only if the generator could send what was due. The two do not share processors.
type Overload struct {
	Times   float64       // of the highest rate
	Highest float64       // orders per second when every connection orders as fast as it can, in the best slice of the time
	Offered float64       // orders per second that came
	Bound   time.Duration // that the p99 of accepted orders has to stay under
	Cores   int           // that the servers had; 0 if they had all of them, like the generator
	Wires   int           // connections that orders came on
	// Strangers is the share of the time that somebody else used the servers' processors, 0 if not known.
	Strangers float64
	Accepted  int64   // of the time that counts
	Shed      int64   // of it: refused with overloaded
	Goodput   float64 // orders per second that were accepted
	Late      int64   // orders of it that the generator could not send when they were due
	Refused   int64   // orders refused with anything but overloaded
	Failed    int64   // orders without an answer
	Hasty     int64   // orders refused with overloaded, but without a Retry-After
	Lost      int64   // accepted orders that are not found afterwards
	Unbooked  int64   // by how many units the stock that is left differs from what was accepted

	accepted, answered histogram // of accepted orders: from when they were due, and from when they were sent
	shed               histogram // from when they were sent
}

// lateShare is the share of orders that were sent late.
func (o *Overload) lateShare() float64 { return float64(o.Late) / float64(max(1, o.Shed+o.Accepted)) }

// fields lists the figures of the overload; there are none in a run without.
func (o *Overload) fields() []field {
	if o == nil {
		return nil
	}
	return []field{
		{"overload_times", thousandths(o.Times)},
		{"overload_highest_orders_per_second", int64(math.Round(o.Highest))},
		{"overload_offered_per_second", int64(math.Round(o.Offered))},
		{"overload_server_cores", int64(o.Cores)},
		{"overload_strangers_share", thousandths(o.Strangers)},
		{"overload_connections", int64(o.Wires)},
		{"overload_accepted", o.Accepted},
		{"overload_shed", o.Shed},
		{"overload_shed_share", thousandths(float64(o.Shed) / float64(max(1, o.Shed+o.Accepted)))},
		{"overload_accepted_per_second", int64(math.Round(o.Goodput))},
		{"overload_accepted_ratio_to_highest", thousandths(o.Goodput / max(1, o.Highest))},
		{"overload_bound_ms", milliseconds(o.Bound)},
		{"overload_accepted_p50_ms", milliseconds(o.accepted.quantile(0.5))},
		{"overload_accepted_p99_ms", milliseconds(o.accepted.quantile(0.99))},
		{"overload_accepted_p99_since_sent_ms", milliseconds(o.answered.quantile(0.99))},
		{"overload_shed_p50_ms", milliseconds(o.shed.quantile(0.5))},
		{"overload_shed_p99_ms", milliseconds(o.shed.quantile(0.99))},
		{"overload_sent_late_share", thousandths(o.lateShare())},
		{"overload_lost", o.Lost},
	}
}

// problems lists what is wrong with the overload, one sentence each.
func (o *Overload) problems() []string {
	if o == nil {
		return nil
	}
	problems := o.wrong()
	switch p99 := o.accepted.quantile(0.99); {
	case o.lateShare() > mostLate:
		problems = append(problems, fmt.Sprintf("the generator was overloaded and not the servers: it sent %.1f %% of the orders over %s late, "+
			"so that the latencies are its own; repeat the run with more processors or fewer who use them", 100*o.lateShare(), overloadLate))
	case o.Strangers > mostStrangers:
		problems = append(problems, fmt.Sprintf("others used the servers' processors %.0f %% of the time, so that what was offered was more "+
			"than %g times what could be done; repeat the run when they do not", 100*o.Strangers, o.Times))
	case o.Goodput > mostGoodput*o.Highest:
		problems = append(problems, fmt.Sprintf("%.0f orders were accepted per second and %.0f measured as the highest rate: something else "+
			"slowed the servers then, so that this was no overload of %g times; repeat the run", o.Goodput, o.Highest, o.Times))
	case p99 > o.Bound:
		problems = append(problems, fmt.Sprintf("the p99 of accepted orders is %s, over the bound of %s", p99, o.Bound))
	}
	return problems
}

// wrong lists what is wrong however fast anything was.
func (o *Overload) wrong() []string {
	var problems []string
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
	side, err := r.besides(ctx, "-over", "overload", codeOverloaded)
	if err != nil {
		return err
	}
	o := &overloadPhase{sideSale: side, figures: &Overload{Times: r.config.Overload, Bound: r.config.OrderLatency}}
	r.result.Overload = o.figures
	if err := r.staff.enter(ctx, o.sale.ID, core.PhaseSale); err != nil {
		return err
	}
	return o.play(ctx)
}

// overloadPhase is the overload under way.
type overloadPhase struct {
	*sideSale

	figures *Overload
}

// play finds the highest rate, offers a multiple of it, and looks at stock and orders.
func (o *overloadPhase) play(ctx context.Context) (err error) {
	if err := o.apart(ctx); err != nil {
		return err
	}
	seen, err := o.look(ctx, o.replay, o.orders)
	if err != nil {
		return err
	}
	o.figures.Lost = int64(len(o.orders)) - seen.found
	left, err := o.staff.left(ctx, o.replay.campaign)
	o.figures.Unbooked = sideUnits - left - int64(len(o.orders))
	return err
}

// apart measures with processors of the generator's own.
func (o *overloadPhase) apart(ctx context.Context) (err error) {
	cores := o.config.coreSplit()
	o.figures.Cores = len(cores.servers)
	free, err := keepTo(cores.generator)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, free()) }()
	if o.figures.Highest, err = o.best(ctx, o.config.OverloadLasts/2); err != nil {
		return err
	}
	before := occupancyNow(cores.servers, o.nodes)
	if err := o.offer(ctx, o.figures.Times*o.figures.Highest); err != nil {
		return err
	}
	if o.config.Store == "" { // a database on this machine is no stranger
		o.figures.Strangers = occupancyNow(cores.servers, o.nodes).strangers(before)
	}
	return nil
}

// best returns the highest number of orders per second that are accepted in a slice of the time when every connection orders
// as fast as it can. A slice in which something else had the processors, or in which the door still finds out what it can let
// in, says nothing about what the servers can do.
func (o *overloadPhase) best(ctx context.Context, least time.Duration) (best float64, err error) {
	eager, err := newCrew(o.config.Connections, time.Nanosecond, o.urls...) // who is refused does not pause
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, eager.close()) }()
	slice := 4 * o.config.Connections
	for start := time.Now(); time.Since(start) < least || best == 0; {
		team, err := o.team(slice)
		if err != nil {
			return 0, err
		}
		before := len(o.orders)
		m, err := eager.run(ctx, slice, team.hire, nil)
		if err := errors.Join(err, o.keep(team)); err != nil {
			return 0, err
		}
		best = max(best, float64(len(o.orders)-before)/m.elapsed.Seconds())
		slice = max(slice, int(best*least.Seconds()/16))
	}
	return best, nil
}

// wires returns connections for what comes at the rate: so many that one is free whenever somebody comes, if all that are
// accepted are answered within half again the bound.
func (o *overloadPhase) wires(n int) ([]*wire, error) {
	bound := min(o.figures.Bound, usualOverload).Seconds()
	count := max(8*o.config.Connections, int(1.5*bound*o.figures.Highest))
	crowd, err := newCrew(min(count, n, mostWires), o.config.Patience, o.urls...)
	if err != nil {
		return nil, err
	}
	team, err := o.team(n)
	if err != nil {
		return nil, err
	}
	wires := make([]*wire, len(crowd.clients))
	for i, client := range crowd.clients {
		team.hire(client)
		wires[i] = &wire{buyer: team.workers[i], asked: make(chan offered, 1)}
	}
	return wires, nil
}

// offer sends orders when they are due, whatever became of those before them.
func (o *overloadPhase) offer(ctx context.Context, rate float64) error {
	n := int(rate * (o.config.overloadSettles() + o.config.OverloadLasts).Seconds())
	wires, err := o.wires(n)
	if err != nil {
		return err
	}
	crowd := newOffer(&pace{rate: rate}, n, o.config.overloadSettles(), wires)
	stopBar := o.bar("overload", 0, n).follow(n, &crowd.sent)
	err = crowd.run(ctx)
	stopBar()
	if err != nil {
		return err
	}
	lasted := crowd.lasted()
	for _, l := range crowd.lanes {
		o.orders = append(o.orders, l.placed...)
		o.figures.add(&l.seen)
		o.figures.Late += l.late
	}
	counted := o.figures.Accepted + o.figures.Shed + o.figures.Refused + o.figures.Failed
	o.figures.Offered, o.figures.Goodput = float64(counted)/lasted.Seconds(), float64(o.figures.Accepted)/lasted.Seconds()
	o.figures.Wires = len(wires)
	return nil
}

// add adds what one lane has seen.
func (o *Overload) add(seen *Overload) {
	o.Accepted += seen.Accepted
	o.Shed += seen.Shed
	o.Refused += seen.Refused
	o.Failed += seen.Failed
	o.Hasty += seen.Hasty
	o.accepted.merge(&seen.accepted)
	o.answered.merge(&seen.answered)
	o.shed.merge(&seen.shed)
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
