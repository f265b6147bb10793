package core

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// prepareEvery is how often a node looks whether there is a ruleset to prepare, beside what it hears.
	prepareEvery = time.Second
	// maxPrepared is how many rulesets of a campaign a node keeps ready. It is below maxRulesets, so that those which orders
	// are pinned to do not push them out.
	maxPrepared = 16
)

// preparer makes rulesets ready on this node before they decide: one at a time, and off the path of requests.
type preparer struct {
	engine *Engine
	woken  chan struct{} // holds one token while a campaign is to be looked at

	mu     sync.Mutex
	due    map[string]bool      // campaigns that are to be looked at
	newest map[string]int64     // the highest ruleset of each campaign that this node has heard of
	asked  map[string][]int64   // the rulesets that somebody waits for at this node
	idle   map[string]*campaign // that this node cannot run; what it could run by is prepared all the same

	undo map[string]*Rollout // that an undo of each campaign goes back to; only run looks at it
}

func newPreparer(e *Engine) *preparer {
	return &preparer{
		engine: e, woken: make(chan struct{}, 1), due: map[string]bool{}, newest: map[string]int64{},
		asked: map[string][]int64{}, idle: map[string]*campaign{}, undo: map[string]*Rollout{},
	}
}

// wake has the campaign looked at.
func (p *preparer) wake(campaign string) {
	p.mu.Lock()
	p.due[campaign] = true
	p.mu.Unlock()
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// saw takes note of the highest ruleset that the campaign has.
func (p *preparer) saw(campaign string, newest int64) {
	p.mu.Lock()
	risen := newest > p.newest[campaign]
	p.newest[campaign] = max(newest, p.newest[campaign])
	p.mu.Unlock()
	if risen {
		p.wake(campaign)
	}
}

// ask has the ruleset prepared before others, by every node, until the caller calls done.
func (p *preparer) ask(campaign string, number int64) (done func()) {
	p.mu.Lock()
	p.asked[campaign] = append(slices.Clone(p.asked[campaign]), number)
	p.mu.Unlock()
	p.tellAsked(campaign)
	p.wake(campaign)
	return func() {
		p.mu.Lock()
		left := slices.Clone(p.asked[campaign])
		if i := slices.Index(left, number); i >= 0 {
			left = slices.Delete(left, i, i+1)
		}
		p.asked[campaign] = left
		p.mu.Unlock()
		p.tellAsked(campaign)
	}
}

// tellAsked tells the other nodes what is waited for.
func (p *preparer) tellAsked(campaign string) {
	p.engine.presence.tell(campaign, func(n *NodeCampaign) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		n.Asked = p.asked[campaign]
		return true
	})
}

// run prepares until ctx ends.
func (p *preparer) run(ctx context.Context) {
	ticker := time.NewTicker(prepareEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.wakeAll()
			continue
		case <-p.woken:
		}
		p.round(ctx)
	}
}

// wakeAll has every campaign looked at.
func (p *preparer) wakeAll() {
	for campaign := range *p.engine.running.Load() {
		p.wake(campaign)
	}
	p.mu.Lock()
	idle := slices.Collect(maps.Keys(p.idle))
	p.mu.Unlock()
	for _, campaign := range idle {
		p.wake(campaign)
	}
}

// cannotRun has rulesets prepared of a campaign that this node does not run, as it cannot decide by what is live: so the node
// keeps nobody from a change to what it could decide by.
func (p *preparer) cannotRun(record *CampaignRecord, cache *rulesets) {
	c := newCampaign(p.engine, &snapshot{record: record, ruleset: noRuleset()}, cache)
	p.mu.Lock()
	p.idle[c.id] = c
	p.mu.Unlock()
	p.wake(c.id)
}

// campaign returns the campaign as this node runs it, or as it would; nil if it does not know it. One that runs is idle no
// more.
func (p *preparer) campaign(id string) *campaign {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := (*p.engine.running.Load())[id]; c != nil {
		delete(p.idle, id)
		return c
	}
	return p.idle[id]
}

// round prepares one ruleset of each campaign that is due, and another one of each at the next round.
func (p *preparer) round(ctx context.Context) {
	p.mu.Lock()
	due := slices.Sorted(maps.Keys(p.due))
	clear(p.due)
	p.mu.Unlock()
	asked := p.askedAnywhere(ctx, due)
	for _, id := range due {
		c := p.campaign(id)
		if c != nil && ctx.Err() == nil && p.one(ctx, c, asked[id]) {
			p.wake(id)
		}
	}
}

// askedAnywhere returns what is waited for at any node, by campaign.
func (p *preparer) askedAnywhere(ctx context.Context, due []string) map[string][]int64 {
	asked := map[string][]int64{}
	if len(due) == 0 {
		return asked
	}
	nodes, err := p.engine.Nodes(ctx)
	if err != nil {
		return asked // it is looked for again
	}
	for _, n := range nodes {
		for campaign, said := range n.Campaigns {
			asked[campaign] = append(asked[campaign], said.Asked...)
		}
	}
	return asked
}

// one prepares the most urgent ruleset of the campaign that is not ready, says which are, and reports whether there was one
// to prepare. Those that cannot be prepared are tried again as often as the cache of rulesets lets them.
func (p *preparer) one(ctx context.Context, c *campaign, asked []int64) (prepared bool) {
	wanted := c.snapshot.Load().mayDecide(asked, p.undone(ctx, c), p.newestOf(c.id))
	if rollout := c.snapshot.Load().record.Rollout; (*p.engine.running.Load())[c.id] != c { // what decides is tried by who follows
		wanted = slices.DeleteFunc(wanted, rollout.decides)
	}
	refused := map[int64]string{}
	for number, why := range p.engine.presence.campaign(c.id).Refused {
		if slices.Contains(wanted, number) {
			refused[number] = why
		}
	}
	for _, number := range wanted {
		if c.rulesets.isWarm(number) {
			continue
		}
		err := c.prepare(ctx, number)
		if err == nil {
			delete(refused, number)
			prepared = true
			break // others may be more urgent by now
		}
		if !passes(ctx, err) {
			p.refuse(c, refused, number, err)
		}
	}
	p.tell(c, wanted, refused)
	p.takeShadowIn(ctx, c)
	return prepared
}

// takeShadowIn has the documents loaded that the campaign's shadow reads, once it is ready. That this cannot be done now is
// no more than that the shadow compares nothing yet.
func (p *preparer) takeShadowIn(ctx context.Context, c *campaign) {
	snap := c.snapshot.Load()
	if !snap.unready || !c.rulesets.isWarm(snap.record.Rollout.Shadow.Ruleset) {
		return
	}
	if _, err := p.engine.reload(ctx, c.id, true); err != nil {
		p.engine.log.Warn("a shadow is ready and not compared yet; it is tried again", "campaign", c.id, "error", err)
	}
}

// refuse takes note of why the ruleset cannot be prepared.
func (p *preparer) refuse(c *campaign, refused map[int64]string, number int64, err error) {
	why := plainFailure(err.Error())
	if refused[number] != why {
		p.engine.log.Warn("a ruleset cannot be prepared by this node", "campaign", c.id, "ruleset", number, "error", err)
	}
	refused[number] = why
}

// tell says which of the rulesets are ready here, and why others are not.
func (p *preparer) tell(c *campaign, wanted []int64, refused map[int64]string) {
	ready := slices.DeleteFunc(slices.Clone(wanted), func(number int64) bool { return !c.rulesets.isWarm(number) })
	slices.Sort(ready)
	p.engine.presence.tell(c.id, func(n *NodeCampaign) bool {
		if slices.Equal(n.Ready, ready) && maps.Equal(n.Refused, refused) {
			return false
		}
		n.Ready, n.Refused = ready, refused
		return true
	})
}

// tellReady says that the ruleset, which is new, is ready here.
func (p *preparer) tellReady(campaign string, number int64) {
	p.saw(campaign, number)
	p.engine.presence.tell(campaign, func(n *NodeCampaign) bool {
		if !slices.Contains(n.Ready, number) {
			n.Ready = append(slices.Clone(n.Ready), number) // it is the highest one
		}
		return true
	})
}

// undone returns the rollout that an undo would go back to, nil if there is none or it cannot be read now.
func (p *preparer) undone(ctx context.Context, c *campaign) *Rollout {
	number := c.snapshot.Load().record.Rollout.Undo
	if number == 0 {
		return nil
	}
	if known := p.undo[c.id]; known != nil && known.Number == number {
		return known
	}
	entry, err := p.engine.campaigns.Rollout(ctx, c.key(), number)
	if err != nil || entry == nil {
		return nil
	}
	p.undo[c.id] = &entry.Rollout
	return &entry.Rollout
}

func (p *preparer) newestOf(campaign string) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.newest[campaign]
}
