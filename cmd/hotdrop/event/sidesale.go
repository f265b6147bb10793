package event

import (
	"context"
	"fmt"
	"time"

	"hotdrop/core"
)

const (
	// sideShopper is the number of the first shopper of a side sale, beyond all others.
	sideShopper = 60_000_000
	// sideUnits is how many units are for sale in a side sale: more than can be sold.
	sideUnits = 5_000_000
)

// sideSale is a sale beside the one that is replayed, in a campaign of its own: the same items and mechanics, but nobody has to
// reserve. Orders come to it at a rate, which shows what the servers do then.
type sideSale struct {
	*runner

	phase  string // as sentences call it
	door   string // the code with which orders may be refused; "" for none
	sale   *core.Campaign
	replay *replay
	watch  *market // nil without swaps
	orders []placement
	made   int // shoppers
}

// besides applies the side sale's campaign, named after the replayed one. Its sale phase is still to be entered.
func (r *runner) besides(ctx context.Context, suffix, phase, door string) (*sideSale, error) {
	file, err := campaignFile(r.config.Name)
	if err != nil {
		return nil, err
	}
	sale, err := parseSale(file)
	if err != nil {
		return nil, err
	}
	s := &sideSale{runner: r, phase: phase, door: door, sale: withoutReserving(sale, r.replay.campaign+suffix)}
	if err := r.staff.apply(ctx, s.sale, core.PhaseReservation); err != nil {
		return nil, err
	}
	s.replay, err = newReplay(r.replay.run, s.sale.ID, termsOf(s.sale))
	return s, err
}

// withoutReserving is the sale's file as a side sale needs it: nobody has to reserve.
func withoutReserving(sale *core.Campaign, id string) *core.Campaign {
	side := replayed(sale, id, sideUnits, time.Now())
	side.Items[0].NeedsReservation = false
	bindings := append([]core.Binding(nil), side.Ruleset...)
	for i := range bindings {
		if bindings[i].Mechanic == flashSale {
			bindings[i].Config = core.Object{"price": sale.Items[0].Price, "reservers_only": false}
		}
	}
	side.Ruleset = bindings
	return side
}

// team returns the workers of n orders by as many shoppers who have not ordered yet.
func (s *sideSale) team(n int) (*gang[*buyer], error) {
	shoppers := make([]uint32, n)
	plan := make([]entry, n)
	for i := range shoppers {
		shoppers[i] = uint32(sideShopper + s.made + i) //nolint:gosec // there are fewer shoppers than that
		plan[i].shopper = uint32(s.made + i)           //nolint:gosec // the same
	}
	tokens, err := signTokens(s.signer, shoppers)
	if err != nil {
		return nil, err
	}
	s.made += n
	s.replay.tokens = append(s.replay.tokens, tokens...)
	return &gang[*buyer]{make: func(client *Client) *buyer {
		return &buyer{replay: s.replay, client: client, plan: plan, tally: tally{}, market: s.watch}
	}}, nil
}

// keep keeps what the workers have placed. Nothing may be refused but at the door.
func (s *sideSale) keep(team *gang[*buyer]) error {
	refused := map[string]int64{}
	for _, w := range team.workers {
		s.orders = append(s.orders, w.placed...)
		w.tally.addTo(refused)
	}
	if s.door != "" {
		delete(refused, s.door)
	}
	if len(refused) > 0 {
		return fmt.Errorf("%w: orders of the %s were refused: %v", errUnexpected, s.phase, refused)
	}
	return nil
}

// pace says when each order is due.
type pace struct {
	start time.Time
	rate  float64 // orders per second
}

func (p *pace) due(i int) time.Time { return p.start.Add(p.takes(i)) }

// takes is how long n orders take to come.
func (p *pace) takes(n int) time.Duration {
	return time.Duration(float64(n) / p.rate * float64(time.Second))
}
