package core

import (
	"maps"
	"slices"
)

// Counted is what this node has counted of a campaign since it runs.
type Counted struct {
	SampleContent

	Campaign     string
	ApprovalEnds int64 // when the first of the approvals ends that it decides with, Unix milliseconds; 0 where none is known
}

// Counted returns what this node has counted of its campaigns since it runs, up to the last quarter of a second, sorted by
// campaign. Nothing in it ever falls, but Left and ApprovalEnds, which are what was last seen.
func (e *Engine) Counted() []Counted {
	running := *e.running.Load()
	all := make([]Counted, 0, len(running))
	for _, id := range slices.Sorted(maps.Keys(running)) {
		all = append(all, running[id].counted())
	}
	return all
}

func (c *campaign) counted() Counted {
	sum := Counted{Campaign: c.id, ApprovalEnds: c.approvalEnds()}
	c.sampling.mu.Lock()
	defer c.sampling.mu.Unlock()
	sum.Merge(&c.sampling.total)
	sum.Left = c.leftNow()
	return sum
}
