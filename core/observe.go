package core

import (
	"context"
	"time"
)

// observed is one order request and what it was answered. What looks at it counts, compares and keeps, and must not keep the
// shopper waiting.
type observed struct {
	request  *OrderRequest
	began    time.Time
	took     time.Duration
	quoted   *quoted // the last decision; nil if no mechanic was asked
	order    *Order  // nil if it was refused
	replayed bool    // the answer of an earlier request
	err      error   // the refusal
}

// observe shows the request to everything that looks at requests, and returns what it was answered.
func (c *campaign) observe(ctx context.Context, seen *observed) error {
	c.meter.order(seen)
	c.guarding.note(seen)
	c.compare(seen)
	c.keepRefusal(ctx, seen)
	return seen.err
}
