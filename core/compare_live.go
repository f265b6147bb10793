package core

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// reportEvery is how often a node writes down what it has counted of a shadow or a canary.
	reportEvery = time.Second
	// reportPatience is how long writing it down may take.
	reportPatience = 5 * time.Second
)

// comparing is what this node counts of a campaign's shadow and canary. Each begins with the first decision under a rollout
// that has it, in a goroutine of its own, and ends with the rollout that has it no more, or with the node. The zero value
// counts nothing yet.
type comparing struct {
	shadow atomic.Pointer[shadowing] // the latest; it may be over
	canary atomic.Pointer[trial]     // the latest; it may be over

	mu     sync.Mutex // held while either is replaced
	closed bool
	work   sync.WaitGroup

	testing sync.Mutex // held by a backtest
}

// compare looks at an order request for the campaign's shadow and canary.
func (c *campaign) compare(seen *observed) {
	if seen.quoted == nil || seen.replayed {
		return
	}
	rollout := &seen.quoted.snapshot.record.Rollout
	if rollout.Shadow != nil {
		c.shadowed(seen, rollout.Shadow)
	}
	if rollout.Canary != nil {
		if t := c.trialOf(rollout.Canary); t != nil {
			t.request(seen)
		}
	}
}

// drain waits until what is counted has been written down. The engine's background has ended.
func (c *comparing) drain() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.work.Wait()
}

// subject names what a report is about, and the rollout that began it.
func subject(kind string, since int64) string { return kind + "/" + strconv.FormatInt(since, 10) }

// save writes down what this node has counted of the subject, and reports whether it is written.
func (c *campaign) save(subject string, content []byte) bool {
	if c.engine.journal == nil {
		return true // there is nowhere to write it
	}
	ctx, cancel := context.WithTimeout(context.Background(), reportPatience)
	defer cancel()
	err := c.engine.journal.SaveReports(ctx, []Report{{
		Campaign: c.id, Brand: c.brand, Subject: subject, Node: c.engine.presence.id(), Content: content,
	}})
	if err != nil {
		c.engine.log.Warn("a report could not be written down; it is tried again", "campaign", c.id, "subject", subject, "error", err)
	}
	return err == nil
}

// reports returns what the nodes have written down of the subject: this one before it was started again, and the others.
func (c *campaign) reports(ctx context.Context, subject string) (own *Report, others []Report, err error) {
	if c.engine.journal == nil {
		return nil, nil, nil
	}
	all, err := c.engine.journal.Reports(ctx, c.key(), subject)
	if err != nil {
		return nil, nil, storeError(err)
	}
	for i := range all {
		if all[i].Node == c.engine.presence.id() {
			own = &all[i]
			continue
		}
		others = append(others, all[i])
	}
	return own, others, nil
}
