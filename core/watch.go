package core

import (
	"context"
	"errors"
	"time"
)

const (
	// watchEvery is how often a node asks whether an uploaded plugin that it decides with may still be loaded, and the
	// first pause before it tries again to load one that is absent.
	watchEvery = time.Second
	// watchLongest is the longest pause between two tries: each may read and check the whole module.
	watchLongest = time.Minute
	// recompileEvery is how soon a node tries again to serve a campaign that it could not compile.
	recompileEvery = time.Second
)

// watched is an uploaded plugin that a snapshot binds. Only one look at it is under way at a time.
type watched struct {
	binding Binding
	ruleset int64 // the number of the one that binds it
	place   int   // among its bindings, from 0
	absent  bool  // was, when the snapshot was compiled
	pause   time.Duration
	next    time.Time // when to look again
}

// watch makes the plugin of the ruleset's binding one to look after, if it can change at all: if it is not part of this binary.
func (s *snapshot) watch(r *compiled, place int, now time.Time) {
	binding, mechanic := r.bindingOf(place, s.record), r.bindings[place].mechanic
	if !ValidDigest(binding.Plugin) {
		return
	}
	_, gone := mechanic.(*absent)
	s.plugins = append(s.plugins, &watched{
		binding: binding, ruleset: r.ruleset.Number, place: place, absent: gone, pause: watchEvery, next: now.Add(watchEvery),
	})
}

// look asks whether the plugin has come or gone since the snapshot was compiled. why is set when it is gone.
func (w *watched) look(ctx context.Context, compiler Compiler, now time.Time) (changed bool, why *NotLoadable) {
	if now.Before(w.next) {
		return false, nil
	}
	_, err := compiler.Compile(ctx, w.binding)
	why, gone := errors.AsType[*NotLoadable](err)
	if gone && w.absent {
		w.pause = min(2*w.pause, watchLongest)
	}
	w.next = now.Add(w.pause)
	if gone {
		return !w.absent && why.withdrawn(), why
	}
	return w.absent && err == nil, nil
}

// watchPlugins brings the campaign in line with what may be loaded now. A plugin that came back is taken in. One that was
// withdrawn while this node decides with it, by somebody who did not come to fence the campaign, is fenced here.
func (e *Engine) watchPlugins(ctx context.Context, c *campaign) error {
	defer e.watchEndings(ctx, c)
	snap := c.snapshot.Load()
	stale := false
	for _, w := range snap.plugins {
		changed, why := w.look(ctx, e.compiler, e.now())
		stale = stale || changed
		if !changed || why == nil {
			continue
		}
		entry := fenceEntry(snap.record, w.binding.Plugin, why, systemPrincipal(), e.now().UnixMilli())
		err := e.campaigns.SaveCampaign(ctx, fenced(snap.record, entry))
		if err != nil && !errors.Is(err, ErrConflict) {
			return storeError(err)
		}
		break // one fence is enough, and after a conflict another's change is
	}
	if !stale {
		return nil
	}
	_, err := e.reload(ctx, c.id, true)
	return err
}

// unserved is why a campaign could not be compiled on this node.
type unserved struct {
	revision int64
	forced   bool // the campaign was changed although it was known that not every node can serve it
	err      error
	until    time.Time // nobody tries that revision again before
}

// refused returns why the campaign cannot be served, while it is too early to try again.
func (e *Engine) refused(id string) *unserved {
	e.changing.Lock()
	defer e.changing.Unlock()
	if u := e.unserved[id]; u != nil && e.now().Before(u.until) {
		return u
	}
	return nil
}

// cannotServe remembers and returns why the campaign cannot be served, in words that are fit for shoppers; the cause is
// for the log, which gets it once for each revision.
func (e *Engine) cannotServe(ctx context.Context, record *CampaignRecord, err error) error {
	refusal := &Error{
		Code: CodeUnavailable, Message: "this campaign cannot be served right now; try again", RetryAfter: retryAfter, Err: err,
	}
	if ctx.Err() != nil {
		return refusal
	}
	e.changing.Lock()
	defer e.changing.Unlock()
	id := record.Definition.ID
	if u := e.unserved[id]; u == nil || u.revision != record.Revision {
		e.log.Error("campaign cannot be served by this node", "campaign", id, "revision", record.Revision, "error", err)
	}
	e.unserved[id] = &unserved{record.Revision, record.Rollout.Forced, refusal, e.now().Add(recompileEvery)}
	e.presence.tell(id, func(n *NodeCampaign) bool {
		why := plainFailure(err.Error())
		changed := n.Unserved != why
		n.Unserved = why
		return changed
	})
	return refusal
}
