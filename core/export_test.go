package core

import "context"

// Follow lets a test have a node poll when the test wants it to.
func (e *Engine) Follow(ctx context.Context) error { return e.follow(ctx) }

// MovesBeyond lets a test hold the comparison against arithmetic without bounds.
func MovesBeyond(from, to, limit int64) bool { return movesBeyond(from, to, limit) }
