package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"

	"hotdrop/core"
)

// The rulesets that are swapped: so many beside the campaign's own. Ruleset k takes k price steps off the unit price in one
// binding and k discount steps off the order in another, so that each gives a total of its own, and a decision of which one
// half was made by one and the other half by another gives the total of none.
const (
	variants     = 8
	priceStep    = 1000 // minor units
	discountStep = 10   // minor units
)

// variant is a ruleset of which it is known what an order costs under it.
type variant struct {
	ruleset int64
	total   int64 // of an order of one unit, minor units
}

// flashSale is the mechanic whose price the variants change.
const flashSale = "seckill"

// variantBindings are the campaign's bindings with the price of variant k; plugin, unless it is "", is bound instead of the
// campaign's own plugin.
func variantBindings(sale *core.Campaign, k int64, plugin string) ([]core.Binding, error) {
	bindings := slices.Clone(sale.Ruleset)
	found := false
	for i := range bindings {
		b := &bindings[i]
		if b.Plugin != "" && plugin != "" {
			b.Plugin = plugin
		}
		if b.Mechanic != flashSale {
			continue
		}
		found = true
		changed := core.Object{"price": sale.Items[0].Price - k*priceStep}
		for name, value := range b.Config {
			if name != "price" {
				changed[name] = value
			}
		}
		b.Config = changed
	}
	if !found {
		return nil, fmt.Errorf("the campaign binds no %s, whose price could be swapped", flashSale)
	}
	rule, err := json.Marshal(map[string]any{
		"hook": core.HookQuote, "rule": fmt.Sprintf("swap-%d", k), "when": "quantity > 0",
		"then": []any{map[string]any{"discount": map[string]string{"amount": strconv.FormatInt(k*discountStep, 10), "label": "Swap"}}},
	})
	if err != nil {
		return nil, err
	}
	return append(bindings, core.Binding{Rule: rule}), nil
}

// variantTotal is what one unit costs under variant k; variant 0 is the campaign's own ruleset, of the list price.
func variantTotal(sale *core.Campaign, k int64) int64 {
	return sale.Items[0].Price - k*(priceStep+discountStep)
}

// state is what decides between two swaps: a variant for everybody, and perhaps one for some.
type state struct {
	live   int // index of a variant
	canary int // index of a variant, 0 for none: the campaign's own ruleset is never a canary
}

// change is one change of the rollout, and what decides after it.
type change struct {
	state

	mode core.Mode // "" for an undo
}

// planSwaps returns n swaps. Most make another ruleset live; in ten of them two are undone, and one ruleset is a canary
// before everybody has it.
func planSwaps(n int) []change {
	plan := make([]change, 0, n)
	now, before := state{}, state{}
	for i := range n {
		next := change{mode: core.ModeLive, state: state{live: now.live%variants + 1}}
		switch i % 10 {
		case 3, 8:
			next = change{state: before}
		case 4:
			next = change{mode: core.ModeCanary, state: state{live: now.live, canary: now.live%variants + 1}}
		case 5:
			next = change{mode: core.ModeLive, state: state{live: now.canary}}
			if now.canary == 0 {
				next.live = now.live%variants + 1
			}
		}
		plan = append(plan, next)
		before, now = now, next.state
	}
	return plan
}

// prices is what orders may cost while rulesets are swapped. It is told of every swap and asked about every order.
type prices struct {
	totals []int64 // of the variants
	states []state // states[i] decides from swap i on; the first before any

	asked     atomic.Int64 // the last swap that was asked for
	committed atomic.Int64 // the last one that was answered
	stale     atomic.Int64 // orders at the price of a ruleset that was not in force any more, or not yet
	mixed     atomic.Int64 // orders at the price of none
}

// newPrices returns the prices of a plan of swaps.
func newPrices(known []variant, plan []change) *prices {
	p := &prices{states: make([]state, 1, len(plan)+1)}
	for _, v := range known {
		p.totals = append(p.totals, v.total)
	}
	for _, s := range plan {
		p.states = append(p.states, s.state)
	}
	return p
}

// judge looks at the total of an order that was asked for after the swap since was committed.
func (p *prices) judge(since, total int64) {
	for i := since; i <= p.asked.Load(); i++ {
		now := p.states[i]
		if p.totals[now.live] == total || now.canary != 0 && p.totals[now.canary] == total {
			return
		}
	}
	if slices.Contains(p.totals, total) {
		p.stale.Add(1)
		return
	}
	p.mixed.Add(1)
}

// orderTotal returns the total of the order in an answer, minor units; -1 if it holds none.
func orderTotal(body []byte) int64 {
	_, rest, _ := bytes.Cut(body, []byte(`"total":`))
	end := bytes.IndexAny(rest, ",}")
	if end < 0 {
		return -1
	}
	total, err := strconv.ParseInt(string(bytes.TrimSpace(rest[:end])), 10, 64)
	if err != nil {
		return -1
	}
	return total
}
