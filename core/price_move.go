package core

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"
)

const (
	// maxMadeUp is how many made-up orders a change of prices is measured on, beside one of each item.
	maxMadeUp = 4000
	// maxProfiles is how many kinds of shoppers who have ordered are taken to order every item.
	maxProfiles = 16
)

// pricing is what an order costs under a campaign file and a ruleset.
type pricing struct {
	def     *Campaign
	ruleset *compiled
}

// priceMove is how far the price of one order moves between two pricings, minor units.
type priceMove struct {
	sku      string
	from, to int64
}

// total returns what an order of these facts costs, minor units; false if it cannot be placed. The facts are the caller's.
func (p pricing) total(facts Facts) (int64, bool) {
	item := p.def.Item(facts.Item.SKU)
	if item == nil {
		return 0, false
	}
	facts.Item.Price, facts.Quota = item.Price, maps.Clone(facts.Quota)
	facts.Item.Stock = item.Stock
	facts.Campaign.SaleOpens, facts.Campaign.SaleCloses = p.def.Phases.Sale.UnixMilli(), p.def.Phases.Closed.UnixMilli()
	d, err := p.ruleset.decide(HookQuote, &facts, p.def, -1)
	if err != nil {
		return 0, false
	}
	return d.total, true
}

// orders are the facts that prices are measured on: made-up orders of each item, and the given decisions.
func (p pricing) orders(next *Campaign, decisions []Facts, now time.Time) iter.Seq[Facts] {
	return func(yield func(Facts) bool) {
		for i := range p.def.Items { // whatever else is left out, this is not
			if !yield(*p.def.plainFacts(&p.def.Items[i])) {
				return
			}
		}
		for _, facts := range decisions {
			if !yield(facts) {
				return
			}
		}
		left, known := maxMadeUp, profiles(decisions)
		for i := range p.def.Items {
			for _, facts := range p.def.variants(&p.def.Items[i], next, known, now) {
				if left--; left < 0 || !yield(facts) {
					return
				}
			}
		}
	}
}

// variants are orders of the item that mechanics may decide differently: at several moments of its sale, as it is and as it
// will be, of one unit and of as many as a shopper may have, by somebody who has signed up and somebody who has not, and by
// the given shoppers.
func (c *Campaign) variants(item *Item, next *Campaign, shoppers []ShopperFacts, now time.Time) []Facts {
	plain, window := *c.plainFacts(item), c.Window(item)
	moments := window.moments(now)
	if after := next.Item(item.SKU); after != nil {
		moments = append(moments, next.Window(after).moments(now)...)
	}
	slices.Sort(moments)
	var all []Facts
	for _, at := range slices.Compact(moments) {
		for _, units := range slices.Compact([]int64{1, max(item.Limit, 1)}) {
			for _, signedUp := range []ReservationFacts{{}, {At: window.Sale.UnixMilli(), Position: 1}} {
				facts := plain
				facts.Now, facts.Quantity, facts.Reservation = at, units, signedUp
				all = append(all, facts)
			}
		}
	}
	for _, shopper := range shoppers {
		facts := plain
		facts.Shopper = shopper
		if window.sells(now) {
			facts.Now = now.UnixMilli()
		}
		all = append(all, facts)
	}
	return all
}

// moments are those of the sale at which prices are measured: its first, its middle, its last, and now if it is on. Unix
// milliseconds.
func (p Phases) moments(now time.Time) []int64 {
	opens, closes := p.Sale.UnixMilli(), p.Closed.UnixMilli()
	moments := []int64{opens}
	if closes > opens {
		moments = append(moments, opens+(closes-opens)/2, closes-1)
	}
	if p.sells(now) {
		moments = append(moments, now.UnixMilli())
	}
	return moments
}

// sells reports whether the moment is within the sale.
func (p Phases) sells(at time.Time) bool { return !at.Before(p.Sale) && at.Before(p.Closed) }

// profiles are the kinds of shoppers who ordered last: one for each tier, region and set of tags.
func profiles(decisions []Facts) []ShopperFacts {
	var found []ShopperFacts
	seen := map[string]bool{}
	for i := range decisions {
		s := &decisions[i].Shopper
		kind := strings.Join(append([]string{s.Tier, s.Region}, s.Tags...), "\x00")
		if seen[kind] {
			continue
		}
		seen[kind] = true
		if found = append(found, *s); len(found) == maxProfiles {
			break
		}
	}
	return found
}

// movesBeyond reports whether to is more than limit basis points of from away from it.
func movesBeyond(from, to, limit int64) bool {
	return shareBeyond(max(from, to)-min(from, to), from, limit)
}

// shareBeyond reports whether part is more than limit basis points of whole. None of them is negative.
func shareBeyond(part, whole, limit int64) bool {
	high, low := bits.Mul64(uint64(part), WholeShare)             //nolint:gosec // amounts are not negative
	mostHigh, mostLow := bits.Mul64(uint64(whole), uint64(limit)) //nolint:gosec // neither is
	return cmp.Or(cmp.Compare(high, mostHigh), cmp.Compare(low, mostLow)) > 0
}

// moreOf reports whether part of whole is a larger share than otherPart of otherWhole. None of them is negative.
func moreOf(part, whole, otherPart, otherWhole int64) bool {
	high, low := bits.Mul64(uint64(part), uint64(otherWhole))           //nolint:gosec // amounts are not negative
	otherHigh, otherLow := bits.Mul64(uint64(otherPart), uint64(whole)) //nolint:gosec // neither is
	return cmp.Or(cmp.Compare(high, otherHigh), cmp.Compare(low, otherLow)) > 0
}

// needed says why somebody else has to approve.
func (m *priceMove) needed(limit int64) string {
	return fmt.Sprintf("the price of an order of %s moves from %d to %d, by more than %d.%02d %%",
		m.sku, m.from, m.to, limit/100, limit%100)
}
