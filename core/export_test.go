package core

import "context"

// Follow lets a test have a node poll when the test wants it to.
func (e *Engine) Follow(ctx context.Context) error { return e.follow(ctx) }

// MovesBeyond lets a test hold the comparison against arithmetic without bounds.
func MovesBeyond(from, to, limit int64) bool { return movesBeyond(from, to, limit) }

// MoreOf lets a test hold the comparison of shares against arithmetic without bounds.
func MoreOf(part, whole, otherPart, otherWhole int64) bool {
	return moreOf(part, whole, otherPart, otherWhole)
}

// MakePending lets a test have a node look to the change that waits when the test wants it to.
func (e *Engine) MakePending(ctx context.Context, campaign string) error {
	c, err := e.campaign(ctx, campaign)
	if err != nil {
		return err
	}
	return e.makePending(ctx, c)
}
