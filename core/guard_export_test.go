package core

import "context"

// Turn does once what a running node does by itself every 250 ms: it follows changes, exchanges what was counted with the
// others, and judges.
func (e *Engine) Turn(ctx context.Context) error {
	if err := e.follow(ctx); err != nil {
		return err
	}
	e.Count(ctx)
	e.Guard(ctx)
	return nil
}

// Count exchanges what was counted with the other nodes.
func (e *Engine) Count(ctx context.Context) { e.sampler.tick(ctx) }

// Guard judges every campaign once.
func (e *Engine) Guard(ctx context.Context) { e.guardAll(ctx) }

// GuardStates are what the campaign's guards measure on this node.
func (e *Engine) GuardStates(ctx context.Context, id string) ([]GuardState, error) {
	c, err := e.campaign(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.guardStates(), nil
}
