package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"hotdrop/core"
)

// SaveNode writes the node's row.
func (s *Store) SaveNode(ctx context.Context, n *core.Node) error {
	content, err := encode(n)
	if err != nil {
		return err
	}
	return s.write(ctx, func(c *conn) error {
		_, err := c.exec(saveNode, n.ID, n.SeenAt, content)
		return err
	})
}

// Nodes returns the nodes that were seen at since or later.
func (s *Store) Nodes(ctx context.Context, since int64) (list []*core.Node, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			n := &core.Node{}
			list = append(list, n)
			return json.Unmarshal([]byte(r.text()), n)
		}, listNodes, since)
	})
	return list, err
}

// DropNodes forgets nodes.
func (s *Store) DropNodes(ctx context.Context, before int64, id string) error {
	return s.write(ctx, func(c *conn) error {
		_, err := c.exec(dropNodes, before, id)
		return err
	})
}

// Notify tells everybody in this process who listens: no other process uses the folder.
func (s *Store) Notify(ctx context.Context, campaign string) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	s.news.tell(campaign)
	return nil
}

// usable fails when the context has ended or the store is closed.
func (s *Store) usable(ctx context.Context) error {
	select {
	case <-s.readers.closed:
		return fmt.Errorf("%w: %w", core.ErrUnavailable, errClosed)
	default:
		return ctx.Err()
	}
}

// Listen calls heard for every campaign that is notified of, until ctx ends or the store is closed.
func (s *Store) Listen(ctx context.Context, heard func(campaign string)) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	l := s.news.join()
	defer s.news.leave(l)
	heard("")
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.readers.closed:
			return fmt.Errorf("%w: %w", core.ErrUnavailable, errClosed)
		case <-l.told:
			for _, campaign := range l.take() {
				heard(campaign)
			}
		}
	}
}

// news tells listeners which campaigns have changed. It never waits for them: what a listener has not heard yet is a set. The
// zero value has no listeners.
type news struct {
	mu        sync.Mutex
	listeners map[*listener]struct{}
}

// listener is one who listens.
type listener struct {
	told chan struct{} // holds one when there is something to take

	mu      sync.Mutex
	unheard map[string]struct{}
}

func (n *news) join() *listener {
	l := &listener{told: make(chan struct{}, 1), unheard: map[string]struct{}{}}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners == nil {
		n.listeners = map[*listener]struct{}{}
	}
	n.listeners[l] = struct{}{}
	return l
}

func (n *news) leave(l *listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.listeners, l)
}

func (n *news) tell(campaign string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for l := range n.listeners {
		l.note(campaign)
	}
}

func (l *listener) note(campaign string) {
	l.mu.Lock()
	l.unheard[campaign] = struct{}{}
	l.mu.Unlock()
	select {
	case l.told <- struct{}{}:
	default: // it was told already, and has yet to take
	}
}

// take returns what was not heard yet, sorted.
func (l *listener) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	campaigns := slices.Sorted(maps.Keys(l.unheard))
	clear(l.unheard)
	return campaigns
}
