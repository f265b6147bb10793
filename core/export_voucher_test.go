package core

import (
	"context"
	"slices"
)

// Grant lets a test grant vouchers as the decision on a paid order does, and returns their codes.
func (e *Engine) Grant(ctx context.Context, campaign, pool string, count int64, shopper string) ([]string, error) {
	c, err := e.campaign(ctx, campaign)
	if err != nil {
		return nil, err
	}
	for range maxDecisions {
		snap := c.snapshot.Load()
		edits, take, err := grantEdits(snap.definition(), pool, count, shopper, "test", e.now())
		if err != nil {
			return nil, err
		}
		in := &intent{epoch: snap.record.Epoch, edits: edits, takes: []Take{take}}
		if err := c.submit(ctx, in); err != nil {
			return nil, err
		}
		if in.verdict == verdictWrite {
			codes := make([]string, len(edits))
			for i := range edits {
				codes[i] = edits[i].key.ID
			}
			slices.Sort(codes)
			return codes, nil
		}
		c.view.outdate()
		if _, err := c.fetch(ctx, "", ""); err != nil {
			return nil, err
		}
	}
	return nil, storeError(ErrConflict)
}

// VoucherDue lets a test have the sweep look at a voucher.
func (e *Engine) VoucherDue(ctx context.Context, d *Document) error {
	c, err := e.campaign(ctx, CampaignOf(d.ID))
	if err != nil {
		return err
	}
	return c.voucherDue(ctx, d)
}

// WorkOn lets a test have a node work on documents that it saw at another time.
func (e *Engine) WorkOn(ctx context.Context, campaign string, due []*Document) error {
	c, err := e.campaign(ctx, campaign)
	if err != nil {
		return err
	}
	_, err = c.workOn(ctx, due)
	return err
}
