package core

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// readyWithin is how long a change waits for nodes that are still compiling. It is longer than nodeLost, so that a node that
	// died a moment ago keeps nobody from the change.
	readyWithin = 5 * time.Second
	// lookEvery is how often the nodes are asked again while somebody waits for them.
	lookEvery = 10 * time.Millisecond
)

// NotReady is a node that cannot decide by a ruleset yet, or at all.
type NotReady struct {
	Node   string `json:"node"`
	Reason string `json:"reason"`
}

// NodeFollowed is how far a node follows a change.
type NodeFollowed struct {
	Node     string `json:"node"`
	Revision int64  `json:"revision"`           // that it decides under
	At       int64  `json:"followed_at"`        // since when it has decided under the change or a later one, Unix milliseconds; 0 for not yet
	Unserved string `json:"unserved,omitempty"` // why it serves the campaign no more
}

// AwaitReady has the ruleset prepared by every node that is alive and waits until all are ready, one says that it cannot be,
// or the time is over. It returns the nodes that are not ready, sorted by id, with their reasons. Where the ruleset is ready
// already it does not wait, nor write anything.
func (e *Engine) AwaitReady(ctx context.Context, campaign string, ruleset int64, wait time.Duration) ([]NotReady, error) {
	missing, _, err := e.unready(ctx, campaign, ruleset)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	defer e.preparer.ask(campaign, ruleset)()
	e.presence.sayNow(ctx)
	e.notify(ctx, campaign)
	err = e.await(ctx, wait, func() (bool, error) {
		var refused bool
		missing, refused, err = e.unready(ctx, campaign, ruleset)
		return refused || len(missing) == 0, err
	})
	return missing, err
}

// unready returns the living nodes that are not ready for the ruleset, and whether one of them cannot be.
func (e *Engine) unready(ctx context.Context, campaign string, ruleset int64) (missing []NotReady, refused bool, err error) {
	nodes, err := e.Nodes(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, n := range nodes {
		said := n.Campaigns[campaign]
		switch {
		case said == nil:
			missing = append(missing, NotReady{n.ID, "it does not serve the campaign yet"})
		case said.Refused[ruleset] != "":
			refused = true
			missing = append(missing, NotReady{n.ID, said.Refused[ruleset]})
		case slices.Contains(said.Ready, ruleset):
		case said.Unserved != "":
			missing = append(missing, NotReady{n.ID, "it has not compiled the ruleset yet, and cannot serve what is live: " + said.Unserved})
		default:
			missing = append(missing, NotReady{n.ID, "it has not compiled the ruleset yet"})
		}
	}
	return missing, refused, nil
}

// await looks again and again until what is waited for has come, or the time is over; it looks at least once.
func (e *Engine) await(ctx context.Context, wait time.Duration, look func() (bool, error)) error {
	over := time.NewTimer(wait)
	defer over.Stop()
	again := time.NewTicker(lookEvery)
	defer again.Stop()
	for {
		if done, err := look(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return storeError(ctx.Err())
		case <-over.C:
			return nil
		case <-again.C:
		}
	}
}

// requireReady refuses a change to a ruleset that a living node is not ready for, unless the change is forced.
func (e *Engine) requireReady(ctx context.Context, campaign string, change *Change) error {
	if change.Force {
		return nil
	}
	if err := e.requirePlugins(ctx, campaign, change.Ruleset); err != nil {
		return err
	}
	missing, err := e.AwaitReady(ctx, campaign, change.Ruleset, readyWithin)
	if err != nil || len(missing) == 0 {
		return err
	}
	reasons := make([]string, len(missing))
	for i, one := range missing {
		reasons[i] = fmt.Sprintf("node %s: %s", one.Node, one.Reason)
	}
	return Errorf(CodeNotReady, "ruleset %d is not ready on %d nodes: %s", change.Ruleset, len(missing), strings.Join(reasons, "; "))
}

// requirePlugins refuses a ruleset one of whose plugins was withdrawn since the nodes prepared it.
func (e *Engine) requirePlugins(ctx context.Context, campaign string, number int64) error {
	c, err := e.campaign(ctx, campaign)
	if err != nil {
		return err
	}
	ruleset, err := c.pinned(ctx, number)
	if err != nil || !ruleset.uploaded() {
		return nil //nolint:nilerr // that it does not compile here this node says like every other
	}
	if ruleset, err = c.rulesets.compiled(ctx, c.snapshot.Load().record, &ruleset.ruleset); err != nil {
		return storeError(err)
	}
	if gone := ruleset.withdrawn(); gone != nil {
		return Errorf(CodeWrongState, "ruleset %d would decide without its plugin %s: %s. It does not help to wait: %s",
			number, gone.manifest.Digest, gone.why.words(), gone.why.Next())
	}
	return ruleset.requirePlugins()
}

// AwaitFollowed waits until every living node decides under the campaign's revision or a later one, or the time is over, and
// returns how far each has come, sorted by id. A node that does not serve the campaign is not waited for.
func (e *Engine) AwaitFollowed(
	ctx context.Context, campaign string, revision int64, wait time.Duration,
) (followed []NodeFollowed, err error) {
	err = e.await(ctx, wait, func() (bool, error) {
		nodes, err := e.Nodes(ctx)
		if err != nil {
			return false, err
		}
		followed = make([]NodeFollowed, 0, len(nodes))
		all := true
		for _, n := range nodes {
			one := n.followed(campaign, revision)
			followed = append(followed, one)
			all = all && (one.At != 0 || one.Unserved != "")
		}
		return all, nil
	})
	return followed, err
}

// followed is how far the node follows the change that made the revision.
func (n *Node) followed(campaign string, revision int64) NodeFollowed {
	one := NodeFollowed{Node: n.ID}
	if said := n.Campaigns[campaign]; said != nil {
		one.Revision, one.Unserved = said.Revision, said.Unserved
		if said.Revision >= revision {
			one.At = said.FollowedAt
		}
	}
	return one
}

// Ready returns nil when the store answers and this node serves every campaign that was changed although this node was not
// ready for it.
func (e *Engine) Ready(ctx context.Context) error {
	if _, err := e.campaigns.Campaigns(ctx); err != nil {
		return storeError(err)
	}
	return e.forcedOut()
}

// forcedOut returns why this node is out of service since a change was forced, nil if it is not.
func (e *Engine) forcedOut() error {
	e.changing.Lock()
	defer e.changing.Unlock()
	for id, u := range e.unserved {
		if u.forced {
			return fmt.Errorf("campaign %s was changed although this node cannot serve it: %w", id, u.err)
		}
	}
	return nil
}
