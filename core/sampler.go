package core

import "sync/atomic"

// sampling is what a node knows of what all nodes counted of a campaign lately.
type sampling struct {
	window atomic.Pointer[Window]
	asked  atomic.Int64 // when somebody last asked for the window, Unix milliseconds
}

// recent returns what all nodes counted of the campaign in the last minute. Asking for it is what keeps it up to date, every
// 250 ms; it is empty when nobody has asked for it lately.
func (c *campaign) recent() *Window {
	c.sampling.asked.Store(c.engine.now().UnixMilli())
	if w := c.sampling.window.Load(); w != nil {
		return w
	}
	return &Window{}
}
