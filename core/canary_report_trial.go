package core

import (
	"context"
	"encoding/json"
	"math"
	"sync"
	"time"
)

// trial is a canary as this node counts it.
type trial struct {
	campaign *campaign
	since    int64 // the rollout that began it

	mu      sync.Mutex
	tally   trialTally
	changed bool  // since it was last written down
	epoch   int64 // under which it began; 0 until that is known
}

// trialOf returns what this node counts of the canary, and begins with it; nil if it is over.
func (c *campaign) trialOf(canary *Canary) *trial {
	if t := c.comparing.canary.Load(); t != nil && t.since == canary.Since {
		return t
	}
	c.comparing.mu.Lock()
	defer c.comparing.mu.Unlock()
	latest := c.comparing.canary.Load()
	switch {
	case latest != nil && latest.since == canary.Since:
		return latest
	case latest != nil && latest.since > canary.Since, c.comparing.closed:
		return nil
	}
	t := &trial{campaign: c, since: canary.Since}
	c.comparing.canary.Store(t)
	c.comparing.work.Go(t.run)
	return t
}

// request counts a request that one of the arms decided.
func (t *trial) request(seen *observed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tally.arm(seen.quoted.canary).request(seen)
	t.changed = true
}

// paidInTrial counts the first payment of an order that was placed since the campaign's canary began. Which arm it is of, its
// pinned ruleset says.
func (c *campaign) paidInTrial(o *Order) {
	canary := c.snapshot.Load().record.Rollout.Canary
	if canary == nil || o.payments() != 1 {
		return
	}
	t := c.trialOf(canary)
	if t == nil || pinnedEpoch(o.Quote) < t.began() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tally.arm(o.rulesetNumber() == canary.Ruleset).Paid++
	t.changed = true
}

// payments is how many of the order's dues are paid.
func (o *Order) payments() int {
	n := 0
	for i := range o.Dues {
		if o.Dues[i].State == DuePaid {
			n++
		}
	}
	return n
}

// pinnedEpoch returns the epoch that a decision is pinned to, without decoding the rest of it; 0 if it cannot be told.
func pinnedEpoch(quote []byte) int64 {
	var epoch int64
	s := quoteScan{text: string(quote)}
	if s.object(func(name string) bool {
		if name == "epoch" {
			return s.intInto(&epoch)
		}
		return s.skip(maxScanDepth)
	}) {
		return epoch
	}
	return 0
}

// began returns the epoch under which the canary began: orders of earlier ones are none of its arms'. If that cannot be told
// now, no order is.
func (t *trial) began() int64 {
	t.mu.Lock()
	epoch := t.epoch
	t.mu.Unlock()
	if epoch != 0 {
		return epoch
	}
	ctx, cancel := context.WithTimeout(context.Background(), reportPatience)
	defer cancel()
	entry, err := t.campaign.engine.campaigns.Rollout(ctx, t.campaign.key(), t.since)
	if err != nil || entry == nil {
		return math.MaxInt64
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.epoch = entry.Epoch
	return t.epoch
}

// run writes down every second what was counted, until the canary is over or the node stops.
func (t *trial) run() {
	t.resume()
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	for {
		select {
		case <-t.campaign.engine.background.Done():
			t.write()
			return
		case <-ticker.C:
			t.write()
			if current := t.campaign.snapshot.Load().record.Rollout.Canary; current == nil || current.Since != t.since {
				return
			}
		}
	}
}

// resume takes in what this node had counted before it was started again under the same id.
func (t *trial) resume() {
	ctx, cancel := context.WithTimeout(t.campaign.engine.background, reportPatience)
	defer cancel()
	own, _, err := t.campaign.reports(ctx, subject("canary", t.since))
	if err != nil || own == nil {
		return
	}
	var before trialTally
	if json.Unmarshal(own.Content, &before) == nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.tally.merge(&before)
	}
}

// write writes down what was counted, if there is anything new.
func (t *trial) write() {
	if content := t.content(false); content != nil && !t.campaign.save(subject("canary", t.since), content) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.changed = true
	}
}

// content is the tally as JSON; nil if it is what it was when it was last asked for, unless always is set.
func (t *trial) content(always bool) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.changed && !always {
		return nil
	}
	if !always {
		t.changed = false
	}
	content, _ := json.Marshal(&t.tally) // plain data always encodes
	return content
}
