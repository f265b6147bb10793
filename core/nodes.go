package core

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// nodeLost is how long a node counts as alive after it was last seen. Nodes go by their own clocks, as phases and holds
	// do: clocks that are seconds apart make living nodes look dead.
	nodeLost = 3 * time.Second
	// beatEvery is how often a node says that it is alive. What has changed it says at once.
	beatEvery = time.Second
	// nodeForgotten is how long the row of a node that died without a word is kept.
	nodeForgotten = time.Minute
	// farewell is how long a node that stops may take to take its row back.
	farewell = 2 * time.Second
)

// presence is what this node says of itself. It is safe for concurrent use.
type presence struct {
	store NodeStore // nil: the node is alone, and says it to itself
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex
	node    Node
	changed chan struct{} // holds one token while something is to be said at once
	saving  sync.Mutex    // so that a row is never replaced by an older one
}

// newPresence returns that of a node; one without an id gets another one at each start.
func newPresence(o *Options, now func() time.Time, log *slog.Logger) *presence {
	return &presence{
		store: o.Nodes, now: now, log: log, changed: make(chan struct{}, 1),
		node: Node{ID: cmp.Or(o.NodeID, newNodeID()), Version: o.Version, Campaigns: map[string]*NodeCampaign{}},
	}
}

// newNodeID returns 8 random bytes in hex.
func newNodeID() string {
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(raw[:])
}

// id returns the node's.
func (p *presence) id() string { return p.node.ID } // never changes

// tell lets change say something else of the campaign, and has it written at once if it did.
func (p *presence) tell(campaign string, change func(n *NodeCampaign) (changed bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := NodeCampaign{}
	if said := p.node.Campaigns[campaign]; said != nil {
		next = *said
	}
	if !change(&next) {
		return
	}
	p.node.Campaigns[campaign] = &next // the one before may be with a reader
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// campaign returns what the node says of the campaign.
func (p *presence) campaign(id string) NodeCampaign {
	p.mu.Lock()
	defer p.mu.Unlock()
	if said := p.node.Campaigns[id]; said != nil {
		return *said
	}
	return NodeCampaign{}
}

// look returns the node as it is now.
func (p *presence) look() *Node {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.node
	seen.SeenAt = p.now().UnixMilli()
	seen.Campaigns = maps.Clone(p.node.Campaigns)
	return &seen
}

// save writes the node's row.
func (p *presence) save(ctx context.Context) error {
	p.saving.Lock()
	defer p.saving.Unlock()
	return p.store.SaveNode(ctx, p.look())
}

// sayNow writes the node's row, if anybody can read it. That it cannot be written is no more than that others see it late.
func (p *presence) sayNow(ctx context.Context) {
	if p.store == nil {
		return
	}
	if err := p.save(ctx); err != nil {
		p.log.Warn("the other nodes do not see this one yet", "error", err)
	}
}

// begin says for the first time that the node is there. That it cannot be said yet keeps nobody from serving.
func (p *presence) begin(ctx context.Context) {
	p.mu.Lock()
	p.node.StartedAt = p.now().UnixMilli()
	p.mu.Unlock()
	p.sayNow(ctx)
}

// beat says that the node is there until ctx ends, and forgets nodes that died without a word.
func (p *presence) beat(ctx context.Context) {
	ticker, sweep := time.NewTicker(beatEvery), time.NewTicker(nodeForgotten)
	defer ticker.Stop()
	defer sweep.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-p.changed:
		case <-sweep.C:
			_ = p.store.DropNodes(ctx, p.forgotten(), "") // the next sweep tries again
			continue
		}
		err := p.save(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			p.log.Warn("the other nodes do not see this one", "error", err)
		}
		failing = err != nil
	}
}

// end takes the node's row back, so that nobody waits for it.
func (p *presence) end() {
	if p.store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if err := p.store.DropNodes(ctx, p.forgotten(), p.id()); err != nil {
		p.log.Warn("the other nodes will miss this one for a moment", "error", err)
	}
}

func (p *presence) forgotten() int64 { return p.now().Add(-nodeForgotten).UnixMilli() }

// Nodes returns the nodes that are alive, sorted by id: this one, and those that were seen within the last three seconds.
func (e *Engine) Nodes(ctx context.Context) ([]*Node, error) {
	own := e.presence.look()
	if e.nodes == nil {
		return []*Node{own}, nil
	}
	seen, err := e.nodes.Nodes(ctx, e.now().Add(-nodeLost).UnixMilli())
	if err != nil {
		return nil, storeError(err)
	}
	all := slices.DeleteFunc(seen, func(n *Node) bool { return n.ID == own.ID }) // which may be of before
	all = append(all, own)
	slices.SortFunc(all, func(a, b *Node) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Lost returns the nodes that are no longer alive and said no farewell, sorted by id: those that were seen within the last
// minute, and not within the last three seconds.
func (e *Engine) Lost(ctx context.Context) ([]*Node, error) {
	if e.nodes == nil {
		return nil, nil
	}
	now := e.now()
	seen, err := e.nodes.Nodes(ctx, now.Add(-nodeForgotten).UnixMilli())
	if err != nil {
		return nil, storeError(err)
	}
	own, alive := e.presence.id(), now.Add(-nodeLost).UnixMilli()
	return slices.DeleteFunc(seen, func(n *Node) bool { return n.ID == own || n.SeenAt >= alive }), nil
}

// NodeID returns the id under which this node is among [Engine.Nodes].
func (e *Engine) NodeID() string { return e.presence.id() }
