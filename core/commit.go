package core

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// optimisticTries is how often a batch is planned without locks before it locks the counters.
const optimisticTries = 3

// lockedTries is how often a batch that locks the counters gives way to others.
const lockedTries = 10

// commit writes one batch of intents and gives each its verdict. A plan that the store refuses wrote nothing: the batch
// is then planned again with what the store has, and after three tries under locks, which always ends.
func (c *campaign) commit(intents []*intent) {
	snap := c.snapshot.Load()
	var state *State
	for range optimisticTries {
		plan := planBatch(snap, intents, state)
		err := c.apply(plan)
		if err == nil {
			c.begin(plan.Documents)
			return
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnavailable) {
			fail(intents, err)
			return
		}
		// After a lost connection the plan may have been committed or not; the orders' own ids tell.
		if state, err = c.query(batchQuery(c.key(), intents)); err != nil {
			fail(intents, err)
			return
		}
	}
	// Under locks a plan can still lose to one that holds what it needs and waits for its locks: it gives way and comes again.
	err := c.commitLocked(snap, intents)
	for try := 1; try < lockedTries && errors.Is(err, ErrConflict); try++ {
		err = c.commitLocked(snap, intents)
	}
	if err != nil {
		fail(intents, err)
	}
}

// apply commits the plan and remembers what it left.
func (c *campaign) apply(plan *Plan) error {
	if plan.empty() {
		return nil
	}
	began := c.engine.now()
	applied, err := c.engine.store.Apply(context.Background(), plan)
	if err == nil {
		c.committed(plan, applied, began)
	}
	return err //nolint:wrapcheck // callers compare it with ErrConflict
}

func (c *campaign) commitLocked(snap *snapshot, intents []*intent) error {
	began := c.engine.now()
	var plan *Plan
	build := func(state *State) (*Plan, error) {
		plan = planBatch(snap, intents, state)
		if plan.empty() {
			return nil, nil //nolint:nilnil // nothing to write
		}
		return plan, nil
	}
	applied, err := c.engine.store.ApplyLocked(context.Background(), batchQuery(c.key(), intents), build)
	if err == nil && applied != nil {
		c.committed(plan, applied, began)
		c.begin(plan.Documents)
	}
	return err //nolint:wrapcheck // fail turns it into the callers' error
}

// batchQuery asks for everything that planning the intents again has to know.
func batchQuery(of CampaignKey, intents []*intent) Query {
	q := Query{Campaign: of.ID, Brand: of.Brand, Counters: true}
	edited := map[DocumentKey]struct{}{}
	for _, in := range intents {
		q.Shoppers = append(q.Shoppers, in.shoppers()...)
		q.Arrivals = q.Arrivals || in.arrival != nil
		if in.order != nil {
			q.Orders = append(q.Orders, in.order.ID)
		}
		if in.replaces != nil {
			q.Orders = append(q.Orders, in.replaces.ID)
		}
		for _, e := range in.edits {
			edited[e.key] = struct{}{}
		}
	}
	q.Documents = slices.AppendSeq(q.Documents, maps.Keys(edited))
	slices.Sort(q.Shoppers)
	q.Shoppers = slices.Compact(q.Shoppers)
	return q
}

// fail refuses what the batch would have written; verdicts that need no write stay.
func fail(intents []*intent, err error) {
	for _, in := range intents {
		in.refuse(storeError(err))
	}
}

// submit puts the intent into the campaign's current batch and waits for its verdict.
func (c *campaign) submit(ctx context.Context, in *intent) error {
	done, ok := c.intents.add(in)
	if !ok {
		return overloaded()
	}
	select {
	case <-done:
		return in.err
	case <-ctx.Done():
		return storeError(ctx.Err())
	}
}
