package plugins

import "sync"

// pool hands out a plugin's guests. The one that was given back last is taken first: its memory is still in the
// processor's cache, and the others may never be needed.
type pool struct {
	mu     sync.Mutex
	freed  sync.Cond // a guest was given back, or the pool was closed
	idle   []*guest
	room   int // how many more may be taken
	most   int
	closed bool
}

func newPool(most int) *pool {
	p := &pool{room: most, most: most}
	p.freed.L = &p.mu
	return p
}

// take returns an idle guest, or nil for one that the caller is to instantiate; it waits while all are taken. Whatever
// it returned must be put back, unless the pool is closed.
func (p *pool) take() (g *guest, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.room == 0 && !p.closed {
		p.freed.Wait()
	}
	if p.closed {
		return nil, false
	}
	p.room--
	if last := len(p.idle) - 1; last >= 0 {
		g, p.idle = p.idle[last], p.idle[:last]
	}
	return g, true
}

// put gives a guest back, or nil for one that is no more.
func (p *pool) put(g *guest) {
	p.mu.Lock()
	if g != nil {
		p.idle = append(p.idle, g)
	}
	p.room++
	p.mu.Unlock()
	p.freed.Signal()
}

// close lets nobody take a guest any more, waits until all are back and returns them.
func (p *pool) close() []*guest {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.freed.Broadcast()
	for p.room < p.most {
		p.freed.Wait()
	}
	idle := p.idle
	p.idle = nil
	return idle
}
