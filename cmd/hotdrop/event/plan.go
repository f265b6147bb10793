package event

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// The shares of the rush, per thousand shoppers: requests sent again under their own key, and second attempts by the
// same shopper under a key of their own.
const (
	retriesPerMille = 50
	secondsPerMille = 5
)

// attempt is what a request of the rush is to its shopper.
type attempt uint8

const (
	first  attempt = iota // the shopper's order
	again                 // the shopper's order; sent once more, after its answer, by a client that lost it
	twin                  // a copy of the shopper's order, under the same key, at the same time on another connection
	second                // another order, under another key: refused, or the only one that is not
)

// entry is one request of the rush.
type entry struct {
	shopper uint32
	attempt attempt
}

// planRush returns the requests of the rush in the order they start: every shopper once in random order, 5 % of them
// retried (half after the answer, half at the same time) and 0.5 % with a second attempt at some later point. The same
// seed gives the same plan.
func planRush(shoppers int, seed uint64) []entry {
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a load plan is no secret
	order := shuffled(shoppers, random)
	retries, seconds := share(shoppers, retriesPerMille), share(shoppers, secondsPerMille)
	type placed struct {
		entry

		at int // position in order, times two: a twin stands right behind its original
	}
	plan := make([]placed, 0, shoppers+retries-retries/2+seconds)
	for at, shopper := range order {
		plan = append(plan, placed{entry{shopper, first}, 2 * at})
	}
	for i, at := range random.Perm(shoppers)[:retries] {
		if i < retries/2 {
			plan[at].attempt = again
			continue
		}
		plan = append(plan, placed{entry{order[at], twin}, 2*at + 1})
	}
	for _, at := range random.Perm(shoppers)[:seconds] {
		later := at + random.IntN(shoppers-at)
		plan = append(plan, placed{entry{order[at], second}, 2*later + 1})
	}
	slices.SortStableFunc(plan, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	entries := make([]entry, len(plan))
	for i, p := range plan {
		entries[i] = p.entry
	}
	return entries
}

// share returns the given thousandths of n, rounded half up.
func share(n, perMille int) int { return (n*perMille + 500) / 1000 }

// shuffled returns 0 … n-1 in random order.
func shuffled(n int, random *rand.Rand) []uint32 {
	list := numbers(n)
	random.Shuffle(n, func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}
