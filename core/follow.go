package core

import (
	"context"
	"maps"
	"time"
)

const (
	// pollEvery is how often a node asks for campaign versions. It bounds how long a node that hears of nothing lags behind a
	// change; one that sells notices at the next load of counters, and the fence keeps both correct.
	pollEvery = 250 * time.Millisecond
	// listenAgain is how soon a node listens again after it lost the connection; it doubles up to listenLongest.
	listenAgain   = 100 * time.Millisecond
	listenLongest = 5 * time.Second
)

// poll looks for changes on a clock until ctx ends, whatever else is heard of them.
func (e *Engine) poll(ctx context.Context) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			e.catchUpAll(ctx)
		}
	}
}

// listen hears of changes as they are committed, until ctx ends. When the connection is lost, polling goes on.
func (e *Engine) listen(ctx context.Context) {
	pause := listenAgain
	for ctx.Err() == nil {
		began := time.Now()
		err := e.nodes.Listen(ctx, func(campaign string) { e.heard(ctx, campaign) })
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > listenLongest {
			pause = listenAgain
		}
		e.log.Warn("this node hears of no changes for a moment; it looks for them", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, listenLongest)
	}
}

// heard follows the campaign, or all of them if some may have been missed.
func (e *Engine) heard(ctx context.Context, campaign string) {
	if campaign == "" {
		e.followers.start("", func() { e.catchUpAll(ctx) })
		return
	}
	e.followers.start(campaign, func() { e.followLogged(ctx, campaign) })
}

// followLogged follows the campaign, and logs why it could not.
func (e *Engine) followLogged(ctx context.Context, campaign string) {
	if _, err := e.refresh(ctx, campaign); err != nil && e.refused(campaign) == nil && ctx.Err() == nil { // which is in the log
		e.log.Warn("campaign could not be followed; it is tried again", "campaign", campaign, "error", err)
	}
	e.preparer.wake(campaign)
}

// watchLogged looks after the campaign's plugins, and logs why it could not.
func (e *Engine) watchLogged(ctx context.Context, c *campaign) {
	if err := e.watchPlugins(ctx, c); err != nil && e.refused(c.id) == nil && ctx.Err() == nil {
		e.log.Warn("plugins could not be looked after; it is tried again", "campaign", c.id, "error", err)
	}
}

// catchUpAll begins to follow every campaign that is behind, and waits for none.
func (e *Engine) catchUpAll(ctx context.Context) {
	if _, err := e.followAll(ctx); err != nil && ctx.Err() == nil {
		e.log.Warn("campaigns could not be polled", "error", err)
	}
}

// follow brings every campaign to the version that the store has, and its plugins to what may be loaded.
func (e *Engine) follow(ctx context.Context) error {
	begun, err := e.followAll(ctx)
	for _, over := range begun {
		<-over
	}
	return err
}

// followAll begins what there is to do about every campaign; each channel is closed when one thing has been done.
func (e *Engine) followAll(ctx context.Context) (begun []<-chan struct{}, err error) {
	versions, err := e.campaigns.Campaigns(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	for _, version := range versions {
		e.preparer.saw(version.ID, version.Rulesets)
		c := (*e.running.Load())[version.ID]
		if c == nil || c.snapshot.Load().record.Revision < version.Revision {
			begun = append(begun, e.followers.start(version.ID, func() { e.followLogged(ctx, version.ID) }))
			continue
		}
		if len(c.snapshot.Load().plugins) > 0 {
			begun = append(begun, e.watchers.start(c.id, func() { e.watchLogged(ctx, c) }))
		}
		e.attend(c)
	}
	return begun, nil
}

// refresh loads, compiles and swaps in one campaign, unless this node decides under its revision already; nil means that the
// store does not know it.
func (e *Engine) refresh(ctx context.Context, id string) (*campaign, error) {
	return e.reload(ctx, id, false)
}

// reload is refresh that, if again, also compiles the revision that this node decides under already: with other plugins,
// perhaps.
func (e *Engine) reload(ctx context.Context, id string, again bool) (*campaign, error) {
	record, err := e.campaigns.Campaign(ctx, id)
	if err != nil {
		return nil, storeError(err)
	}
	if record == nil {
		return nil, nil //nolint:nilnil // an absent campaign is an answer, not a failure
	}
	e.preparer.saw(id, record.Rulesets)
	c := (*e.running.Load())[id]
	if c != nil && !again && c.snapshot.Load().record.Revision >= record.Revision {
		return c, nil
	}
	if u := e.refused(id); u != nil && u.revision >= record.Revision {
		return nil, u.err
	}
	cache := e.rulesetsOf(record.Definition.Key())
	next, err := e.compile(ctx, record, cache)
	if err != nil {
		if c == nil {
			e.preparer.cannotRun(record, cache)
		}
		return nil, e.cannotServe(ctx, record, err)
	}
	if c != nil {
		return c, e.advance(ctx, c, next)
	}
	return e.begin(ctx, next, cache)
}

// advance lets the campaign decide by the next snapshot, unless it has a later one by now.
func (e *Engine) advance(ctx context.Context, c *campaign, next *snapshot) error {
	var err error
	if !maps.Equal(c.snapshot.Load().definition().Limits(), next.definition().Limits()) {
		err = c.readCounters(ctx) // the change may have made new ones
	}
	e.changing.Lock()
	if c.snapshot.Load().record.Revision <= next.record.Revision {
		c.snapshot.Store(next)
		delete(e.unserved, c.id)
	}
	e.changing.Unlock()
	e.followed(c)
	return err
}

// begin runs a campaign that this node did not run.
func (e *Engine) begin(ctx context.Context, next *snapshot, cache *rulesets) (*campaign, error) {
	c := newCampaign(e, next, cache)
	if err := c.readCounters(ctx); err != nil {
		return nil, err
	}
	if err := c.recollect(ctx); err != nil {
		return nil, err
	}
	other := e.run(c)
	if other != nil { // somebody else began it at the same moment
		return other, e.advance(ctx, other, next)
	}
	e.followed(c)
	return c, nil
}

// run makes the campaign one that runs, or returns the one of its id that does.
func (e *Engine) run(c *campaign) (other *campaign) {
	e.changing.Lock()
	defer e.changing.Unlock()
	known := *e.running.Load()
	if other := known[c.id]; other != nil {
		return other
	}
	delete(e.unserved, c.id)
	extended := maps.Clone(known)
	extended[c.id] = c
	e.running.Store(&extended)
	return nil
}

// followed says under which revision this node decides now, and looks to what may come next.
func (e *Engine) followed(c *campaign) {
	record := c.snapshot.Load().record
	e.presence.tell(c.id, func(n *NodeCampaign) bool {
		if n.Revision >= record.Revision && n.Unserved == "" {
			return false
		}
		if n.Revision != record.Revision {
			n.FollowedAt = e.now().UnixMilli()
		}
		n.Revision, n.Epoch, n.Rollout, n.Unserved = record.Revision, record.Epoch, record.Rollout.Number, ""
		return true
	})
	e.preparer.wake(c.id)
	e.attend(c)
}

// rulesetsOf returns what is known of the campaign's rulesets; of one that is new to this node that is nothing.
func (e *Engine) rulesetsOf(of CampaignKey) *rulesets {
	if c := e.preparer.campaign(of.ID); c != nil {
		return c.rulesets
	}
	return newRulesets(e, of)
}
