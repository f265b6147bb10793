package core

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	// liveReach is how many seconds back a stream can begin. Samples are kept for as long by default.
	liveReach = 15 * 60
	// liveAhead is how many seconds a client may be ahead of this node: those of another node whose clock is.
	liveAhead = 60
	// liveMemory is how many of the last complete seconds are surely in memory.
	liveMemory = windowSeconds - 10
)

// Live sends a point for each second after the given one (Unix seconds; 0, or one that no node can have sent yet, begins with
// the last complete one), in their order, until ctx ends or the engine stops, which is no error. A second is sent two seconds
// after it began, also one in which nothing happened. It does not matter which node sent the seconds before. A stream can
// begin 15 minutes ago at most: from an earlier second it begins there. An error of send ends it.
//
// A node that does not write down what it counted within sampleSettled of a second's end is left out of that second's point.
// If it does within sampleLate, the second is sent again, as a correction.
func (e *Engine) Live(ctx context.Context, campaignID string, after int64, staff Principal, send func(*LivePoint) error) error {
	c, err := e.campaign(ctx, campaignID)
	if err != nil {
		return err
	}
	if brand := c.brand; staff.Brand != "" && staff.Brand != brand {
		return Errorf(CodeNotFound, "there is no campaign %q", campaignID)
	}
	defer c.sampling.watch()()
	feed := &liveFeed{campaign: c, send: send, sent: map[int64]sentSecond{}}
	if after > 0 && after <= e.now().Unix()+liveAhead {
		feed.next = after + 1
	}
	for {
		through, live, news := c.sampling.progress()
		if err := feed.advance(ctx, through, live); err != nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-e.sampler.done:
			return nil
		case <-news:
		}
	}
}

// liveFeed is one stream of points.
type liveFeed struct {
	campaign *campaign
	send     func(*LivePoint) error
	next     int64              // the second to be sent next; 0 for the last complete one
	left     map[string]Sighted // as the last point that knew it said
	// sent is what was sent of the seconds that may still be corrected.
	sent map[int64]sentSecond
}

// sentSecond is a second as it was sent.
type sentSecond struct {
	known   *WindowSecond
	through int64 // the last complete second then
	live    *liveState
}

// advance sends the seconds up to the last complete one.
func (f *liveFeed) advance(ctx context.Context, through int64, live *liveState) error {
	if live == nil {
		return nil
	}
	if f.next == 0 {
		f.next = through
	}
	f.next = max(f.next, through-liveReach)
	if err := f.correct(through); err != nil {
		return err
	}
	for f.next <= through && ctx.Err() == nil {
		if f.next > through-liveMemory {
			second := f.campaign.sampling.at(f.next)
			f.sent[f.next] = sentSecond{known: second, through: through, live: live}
			if err := f.point(second, through, live); err != nil {
				return err
			}
			continue
		}
		if err := f.remembered(ctx, min(f.next+windowSeconds, through-liveMemory+1), through, live); err != nil {
			return err
		}
	}
	return nil
}

// correct sends those seconds again of which more is known than when they were sent. The rest is as it was then.
func (f *liveFeed) correct(through int64) error {
	for _, second := range slices.Sorted(maps.Keys(f.sent)) {
		if second <= through-int64(sampleLate/time.Second) {
			delete(f.sent, second)
			continue
		}
		sent, known := f.sent[second], f.campaign.sampling.at(second)
		if known == sent.known {
			continue
		}
		sent.known = known
		f.sent[second] = sent
		left := f.left
		if known.Left != nil {
			left = known.Left
		}
		p := sent.live.point(f.campaign.id, known, left, sent.through)
		p.Corrected = true
		if err := f.send(p); err != nil {
			return err
		}
	}
	return nil
}

// remembered sends seconds before until that are not in memory any more.
func (f *liveFeed) remembered(ctx context.Context, until, through int64, live *liveState) error {
	var samples []Sample
	if journal := f.campaign.engine.journal; journal != nil {
		var err error
		if samples, err = journal.Samples(ctx, f.campaign.key(), f.next, until); err != nil {
			return storeError(err)
		}
	}
	for f.next < until {
		second := &WindowSecond{Second: f.next}
		for ; len(samples) > 0 && samples[0].Second == f.next; samples = samples[1:] {
			var content SampleContent
			if err := json.Unmarshal(samples[0].Content, &content); err != nil {
				return storeError(fmt.Errorf("sample of second %d of node %s: %w", f.next, samples[0].Node, err))
			}
			second.Merge(&content)
		}
		if err := f.point(second, through, live); err != nil {
			return err
		}
	}
	return nil
}

// point sends the second.
func (f *liveFeed) point(second *WindowSecond, through int64, live *liveState) error {
	switch {
	case second.Left != nil:
		f.left = second.Left
	case second.Second == through || f.left == nil:
		f.left = live.left
	}
	f.next = second.Second + 1
	return f.send(live.point(f.campaign.id, second, f.left, through))
}

// liveState is what points say beside what was counted.
type liveState struct {
	record  *CampaignRecord
	history liveHistory
	left    map[string]Sighted
	nodes   []LiveNode
	guards  []GuardState
}

// liveState looks at the campaign as it stands. before is what it looked like, nil if that is not known.
func (c *campaign) liveState(ctx context.Context, before *liveState) (*liveState, error) {
	if c.view.stale() {
		if _, err := c.fetch(ctx, "", ""); err != nil {
			return nil, err
		}
	}
	nodes, err := c.engine.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	state := &liveState{record: c.snapshot.Load().record, left: c.leftNow(), guards: c.guardStates(), nodes: []LiveNode{}}
	if before == nil {
		before = &liveState{}
	}
	if state.history, err = c.liveHistory(ctx, state.record, before.history); err != nil {
		return nil, err
	}
	for _, n := range nodes {
		if said := n.Campaigns[c.id]; said != nil {
			state.nodes = append(state.nodes, state.node(n.ID, said))
		}
	}
	return state, nil
}

// node is what a node says of itself.
func (l *liveState) node(id string, said *NodeCampaign) LiveNode {
	n := LiveNode{ID: id, Rollout: said.Rollout, Revision: said.Revision, Ready: said.Unserved == ""}
	if said.Rollout == l.record.Rollout.Number {
		n.Ruleset = l.record.Rollout.Live
	}
	return n
}

// point puts the second together; through is the last complete one.
func (l *liveState) point(campaign string, second *WindowSecond, left map[string]Sighted, through int64) *LivePoint {
	p := &LivePoint{
		Campaign: campaign, Second: second.Second, Reservations: second.Reservations, Orders: second.Orders,
		Replayed: second.Replayed, Paid: second.Paid, PaidTotal: second.PaidTotal,
		Refusals: second.Refusals, Denied: second.Denied,
		P50: second.Latency.Quantile(0.5), P99: second.Latency.Quantile(0.99),
		Arms: []LiveArm{}, Bindings: []LiveBinding{}, Stock: map[string]int64{},
	}
	if entry := l.history.at(second.Second); entry != nil {
		p.Revision, p.Rollout = entry.Revision, &entry.Rollout
	}
	if second.Second > through-liveYoung {
		p.Nodes, p.Guards = l.nodes, l.guards
	}
	if p.Refusals == nil {
		p.Refusals = map[Code]int64{}
	}
	if p.Denied == nil {
		p.Denied = map[string]int64{}
	}
	p.show(second.Arms)
	p.showLeft(left)
	return p
}

// show adds up what each ruleset decided, whichever rollout made it decide.
func (p *LivePoint) show(arms []*ArmSample) {
	sum := (&SampleContent{Arms: arms}).byRuleset()
	slices.SortFunc(sum.Arms, func(a, b *ArmSample) int { return cmp.Compare(a.order(), b.order()) })
	for _, arm := range sum.Arms {
		p.Arms = append(p.Arms, LiveArm{
			Ruleset: arm.Ruleset, Canary: arm.Canary, Decided: arm.Decided, Failed: arm.Failed, Orders: arm.Orders,
			Total: arm.Total, Discount: arm.Discount,
		})
		for i, b := range arm.Bindings {
			p.Bindings = append(p.Bindings, LiveBinding{
				Ruleset: arm.Ruleset, Binding: i, Mechanic: b.Mechanic, Canary: arm.Canary, Asked: b.Asked, Failed: b.Failed,
				Open: b.Open, Fuel: b.Burned / max(1, b.Asked), FuelP99: b.Fuel.Quantile(0.99), Nanos: b.Nanos / max(1, b.Timed),
			})
		}
	}
}

// order sorts live rulesets before canaries.
func (a *ArmSample) order() int64 {
	if a.Canary {
		return a.Ruleset + 1<<62
	}
	return a.Ruleset
}

// showLeft says what is left, and how much of what only grows there is.
func (p *LivePoint) showLeft(left map[string]Sighted) {
	for key, c := range left {
		taken := c.Limit - c.Remaining
		switch sku, isStock := strings.CutPrefix(key, StockCounter("")); {
		case isStock:
			p.Stock[sku] = c.Remaining
		case key == CounterReservations:
			p.Reserved = taken
		case key == CounterOrders:
			p.Placed = taken
		case key == CounterBudget:
			p.DiscountSpent, p.DiscountBudget = taken, c.Limit
		}
	}
}
