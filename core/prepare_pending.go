package core

import "context"

// prepare compiles and warms the ruleset of the number on this node.
func (c *campaign) prepare(ctx context.Context, number int64) error {
	_, err := c.pinned(ctx, number)
	return err
}

// requireReady refuses a change that a node is not ready for.
func (e *Engine) requireReady(context.Context, string, *Change) error { return nil }
