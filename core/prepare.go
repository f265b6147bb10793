package core

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// warmItems is of how many items a ruleset is warmed with the facts: enough for what depends on the item.
const warmItems = 8

// prepare makes the ruleset of the number ready to decide on this node: it is compiled, and its mechanics have been asked
// once, so that their code and instances are there. It fails if the ruleset would have to decide without one of its plugins.
func (c *campaign) prepare(ctx context.Context, number int64) error {
	ruleset, err := c.pinned(ctx, number)
	if err != nil {
		return err
	}
	if err := ruleset.requirePlugins(); err != nil {
		return err
	}
	if c.rulesets.isWarm(number) {
		return nil
	}
	if snap := c.snapshot.Load(); !snap.record.Rollout.decides(number) { // what decides is asked about facts that are
		ruleset.warm(snap, c.engine.now().UnixMilli())
	}
	c.rulesets.keepWarm(number)
	return nil
}

// requirePlugins refuses a ruleset that would have to decide without one of its plugins.
func (r *compiled) requirePlugins() error {
	for _, b := range r.bindings {
		if gone, ok := b.mechanic.(*absent); ok {
			return Errorf(CodeNotReady, "%s: %s", gone.manifest.Name, gone.failure.Message)
		}
	}
	return nil
}

// withdrawn returns the ruleset's first plugin that no node may load, nil for none.
func (r *compiled) withdrawn() *absent {
	for _, b := range r.bindings {
		if gone, ok := b.mechanic.(*absent); ok && gone.why.withdrawn() {
			return gone
		}
	}
	return nil
}

// isWarm reports whether the ruleset's mechanics have been asked since it was compiled.
func (r *rulesets) isWarm(number int64) bool { return r.ready(number) != nil }

// ready returns the ruleset if it is compiled and its mechanics have been asked since, nil otherwise. It compiles nothing.
func (r *rulesets) ready(number int64) *compiled {
	known := r.get(number)
	r.mu.Lock()
	defer r.mu.Unlock()
	if known == nil || !r.warm[number] {
		return nil
	}
	return known.ruleset
}

// keepWarm notes that they have been; what is no longer compiled is not warm.
func (r *rulesets) keepWarm(number int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for other := range r.warm {
		if r.known[other] == nil {
			delete(r.warm, other)
		}
	}
	r.warm[number] = true
}

// warm asks every mechanic about made-up facts, as many times at once as orders may, and returns what failed, for people. A
// mechanic that has no answer to what nobody asked may still be a good one: a failure refuses nothing.
func (r *compiled) warm(s *snapshot, now int64) (failures []string) {
	var asked sync.WaitGroup
	for range runtime.GOMAXPROCS(0) - 1 {
		asked.Go(func() { r.askMadeUp(s, now) })
	}
	failures = r.askMadeUp(s, now)
	asked.Wait()
	return failures
}

// askMadeUp asks every mechanic once about each of the made-up facts.
func (r *compiled) askMadeUp(s *snapshot, now int64) (failures []string) {
	all := s.madeUp(now)
	for _, b := range r.bindings {
		var failed []string // each way to fail, in the order in which they came
		on := map[string][]string{}
		for i := range all {
			failure := b.failsOn(&all[i])
			if failure == "" {
				continue
			}
			if on[failure] == nil {
				failed = append(failed, failure)
			}
			on[failure] = append(on[failure], all[i].Item.SKU)
		}
		for _, failure := range failed {
			failures = append(failures, b.mechanic.Manifest().Name+" fails on "+strings.Join(on[failure], ", ")+": "+failure)
		}
	}
	return failures
}

// failsOn asks the mechanic about the facts at each of its hooks, and returns its first failure, "" if there is none.
func (b *bound) failsOn(facts *Facts) (failure string) {
	for _, hook := range b.mechanic.Manifest().Hooks {
		if _, _, err := b.mechanic.Decide(hook, facts, nil); err != nil && failure == "" {
			failure = plainFailure(err.Error())
		}
	}
	return failure
}

// madeUp returns facts that might be: of somebody who orders one unit of each of the first items.
func (s *snapshot) madeUp(now int64) []Facts {
	def := s.definition()
	items := def.Items[:min(len(def.Items), warmItems)]
	all := make([]Facts, 0, len(items))
	for i := range items {
		all = append(all, Facts{
			Now: now, Quantity: 1, Shopper: ShopperFacts{ID: "nobody"},
			Campaign: CampaignFacts{
				ID: def.ID, Brand: def.Brand, Currency: def.Currency, Phase: string(PhaseSale),
				SaleOpens: def.Phases.Sale.UnixMilli(), SaleCloses: def.Phases.Closed.UnixMilli(),
			},
			Item: ItemFacts{SKU: items[i].SKU, Price: items[i].Price, Stock: items[i].Stock, Left: items[i].Stock},
		})
	}
	return all
}

// mayDecide lists the rulesets that may come to decide next, the most urgent first: those that somebody waits for, those
// beside the live one, those that a rollback or an undo goes back to, and those that are newer than any that decided.
func (s *snapshot) mayDecide(asked []int64, undo *Rollout, newest int64) []int64 {
	rollout := &s.record.Rollout
	numbers := append(slices.Clone(asked), rollout.Live, rollout.LastGood)
	numbers = append(numbers, rollout.beside()...)
	if undo != nil {
		numbers = append(append(numbers, undo.Live, undo.LastGood), undo.beside()...)
	}
	for number := newest; number > rollout.Live && len(numbers) < 2*maxPrepared; number-- {
		numbers = append(numbers, number)
	}
	wanted := make([]int64, 0, maxPrepared)
	for _, number := range numbers {
		if number > 0 && len(wanted) < maxPrepared && !slices.Contains(wanted, number) {
			wanted = append(wanted, number)
		}
	}
	return wanted
}

// decides reports whether the ruleset decides for somebody.
func (r *Rollout) decides(number int64) bool {
	return r.Live == number || r.Canary != nil && r.Canary.Ruleset == number
}

// beside lists the rulesets that the rollout has beside the live one.
func (r *Rollout) beside() []int64 {
	var numbers []int64
	if r.Pending != nil {
		numbers = append(numbers, r.Pending.Change.Ruleset)
	}
	if r.Canary != nil {
		numbers = append(numbers, r.Canary.Ruleset)
	}
	if r.Shadow != nil {
		numbers = append(numbers, r.Shadow.Ruleset)
	}
	return numbers
}
