package event

import "sync"

// counter counts by name, from any connection.
type counter struct {
	mu sync.Mutex
	n  map[string]int64
}

func newCounter() *counter { return &counter{n: map[string]int64{}} }

// add counts one more, or as many more.
func (c *counter) add(name string, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[name] += n
}

// of returns the count of a name.
func (c *counter) of(name string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[name]
}
