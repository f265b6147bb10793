package core

import (
	"context"
	"errors"
)

// delay is a document that is to be looked at later.
type delay struct {
	document *Document
	err      error
}

// delay writes the document with its later moment, together with others at the same time. One that somebody else has changed
// meanwhile stays as it is.
func (c *campaign) delay(ctx context.Context, d *Document) error {
	one := &delay{document: d}
	done, ok := c.delays.add(one)
	if !ok {
		return overloaded()
	}
	select {
	case <-done:
		return one.err
	case <-ctx.Done():
		return storeError(ctx.Err())
	}
}

// delayAll writes one batch of documents with one plan. If one of them is not any more what it was, they are written one by
// one.
func (c *campaign) delayAll(delays []*delay) {
	plan := &Plan{Campaign: c.id, Brand: c.brand}
	planned := make(map[DocumentKey]struct{}, len(delays))
	for _, one := range delays {
		if _, twice := planned[one.document.Key()]; !twice {
			planned[one.document.Key()] = struct{}{}
			plan.Documents = append(plan.Documents, one.document)
		}
	}
	plan.sort()
	err := c.apply(plan)
	for _, one := range delays {
		one.err = err
		if errors.Is(err, ErrConflict) && len(plan.Documents) > 1 {
			one.err = c.apply(c.documentPlan(one.document))
		}
		if errors.Is(one.err, ErrConflict) {
			one.err = nil
		}
		one.err = storeError(one.err)
	}
}
