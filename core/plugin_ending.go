package core

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// endingEvery is how often a node asks when the approvals end that its campaigns decide with.
const endingEvery = time.Minute

// endingWarnings are how long before an approval ends every node that decides with it says so in its log.
func endingWarnings() []time.Duration { return []time.Duration{24 * time.Hour, time.Hour} }

// ending is the end of an approval that one binding decides with.
type ending struct {
	ruleset int64
	binding int // from 0
	plugin  string
	at      int64 // Unix milliseconds
}

// endings is what a node knows of the ends of the approvals that a campaign decides with.
type endings struct {
	mu    sync.Mutex
	known map[string]int64 // when the approval of the plugin ends, by digest, Unix milliseconds; only under mu

	of   *snapshot      // whose plugins are known; this and what follows is for whoever looks after them
	next time.Time      // when to ask again
	said map[ending]int // how many of the warnings are in the log
}

// approvalEnds is when the first of the approvals ends that the campaign decides with, Unix milliseconds; 0 where none is known.
func (c *campaign) approvalEnds() int64 {
	snap := c.snapshot.Load()
	c.endings.mu.Lock()
	defer c.endings.mu.Unlock()
	first := int64(0)
	for _, w := range snap.plugins {
		if at := c.endings.known[w.binding.Plugin]; at != 0 && (first == 0 || at < first) {
			first = at
		}
	}
	return first
}

// watchEndings asks when the approvals end that the campaign decides with, and warns of those that end soon. It is called by
// one goroutine at a time.
func (e *Engine) watchEndings(ctx context.Context, c *campaign) {
	snap, now, s := c.snapshot.Load(), e.now(), &c.endings
	if e.plugins == nil || s.of == snap && now.Before(s.next) {
		return
	}
	known := e.endingsOf(ctx, snap, s.known)
	s.mu.Lock()
	s.known = known
	s.mu.Unlock()
	s.of, s.next = snap, now.Add(endingEvery)
	e.warnOfEndings(s, now)
}

// endingsOf returns when the approvals of the snapshot's plugins end, as far as they may be loaded. Where the store does not
// answer it is what was known before; a campaign that has closed decides with none.
func (e *Engine) endingsOf(ctx context.Context, snap *snapshot, before map[string]int64) map[string]int64 {
	known := map[string]int64{}
	if closed := snap.definition().Phases.Closed; !closed.IsZero() && !e.now().Before(closed) {
		return known
	}
	for _, w := range snap.plugins {
		digest := w.binding.Plugin
		if known[digest] != 0 {
			continue
		}
		p, err := e.plugins.Loadable(ctx, w.binding.Brand, w.binding.Campaign, digest)
		_, gone := errors.AsType[*NotLoadable](err)
		switch {
		case err == nil:
			known[digest] = p.ExpiresAt()
		case !gone:
			known[digest] = before[digest]
		}
	}
	return known
}

// warnOfEndings logs what ends soon: of each binding's approval every warning once, the last that is due where several are.
func (e *Engine) warnOfEndings(s *endings, now time.Time) {
	said := map[ending]int{}
	for past, n := range s.said {
		if past.at > now.UnixMilli() {
			said[past] = n
		}
	}
	for _, w := range s.of.plugins {
		at := ending{w.ruleset, w.place, w.binding.Plugin, s.known[w.binding.Plugin]}
		due := warningsDue(time.UnixMilli(at.at).Sub(now))
		if at.at == 0 || due <= said[at] {
			continue
		}
		said[at] = due
		e.log.Warn("the approval of a plugin that decides ends soon; then on_failure decides in its place", "campaign", w.binding.Campaign,
			"ruleset", at.ruleset, "binding", at.binding, "plugin", at.plugin, "ends", instantText(at.at),
			"on_failure", cmp.Or(w.binding.OnFailure, FailDeny), "renew", renewCommand(&w.binding),
			"then", "others of the platform approve what is proposed, without --expires")
	}
	s.said = said
}

// warningsDue is how many of the warnings are due so long before an end.
func warningsDue(left time.Duration) (due int) {
	for _, before := range endingWarnings() {
		if left <= before {
			due++
		}
	}
	return due
}

// renewCommand is what the first person of the platform types so that a plugin stays approved.
func renewCommand(b *Binding) string {
	return "hotdrop review approve " + b.Plugin + " --brand " + b.Brand + " --expires 90d --reason WHY"
}
