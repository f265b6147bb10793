package core

import (
	"context"
	"errors"
	"slices"
	"time"
)

// maxVisits is how many links one shopper's visits count for in one campaign: it bounds what loading a shopper costs.
const maxVisits = 100

// maxHeard is how many notifications a link's counts bring its owner: it bounds what is written because others repost.
const maxHeard = 1_000

// count is one event that may let a link's count rise: a repost, a visit or a reservation through it.
type count struct {
	code      string      // of the link
	what      string      // countRepost, countVisitor or countReservation
	visitor   string      // who came through it, "" if that is no shopper
	claims    []Claim     // the event's once-only keys
	edits     []edit      // what is written together with it
	documents []*Document // what these edit

	intent *intent // of the current round; nil if there is nothing to write

	// What became of it.
	result  countResult
	entered int64 // the weight that it entered into draws
	closed  bool  // a draw that it would have entered takes no more entries
	err     error // counted or not, unless the result says so
}

// countResult says what became of an event.
type countResult string

// What may become of an event. The first three are also what a social source reads.
const (
	countDone     countResult = "counted"
	countRepeated countResult = "repeated" // it had been counted before
	countUnknown  countResult = "unknown"  // there is no such link
	countOwn      countResult = "own"      // a link's owner counts nothing
	countFull     countResult = "full"     // the visitor came through too many links
)

// countAll has the events counted, together with whatever else is to be counted at the moment, and waits. What became of
// each is in it; the error is that of waiting.
func (c *campaign) countAll(ctx context.Context, events ...*count) error {
	waits, ok := c.counts.addAll(events)
	if !ok {
		return overloaded()
	}
	for _, done := range waits {
		select {
		case <-done:
		case <-ctx.Done():
			return storeError(ctx.Err())
		}
	}
	return nil
}

// count handles one batch of events. There is one batch at a time on a node, so that events of one link, which all
// change the same document, do not send each other back.
func (c *campaign) count(events []*count) {
	left := events
	for try := range maxDecisions {
		if left = c.countOnce(left, try > 0); len(left) == 0 {
			return
		}
	}
	for _, n := range left {
		n.err = storeError(ErrConflict)
	}
}

// countOnce decides and commits the events and returns those that have to be decided afresh. Events that are tried again
// are more likely repeats: their keys are then read beforehand.
func (c *campaign) countOnce(events []*count, again bool) []*count {
	r, err := c.newRound(events, again)
	if err != nil {
		for _, n := range events {
			n.err = err
		}
		return nil
	}
	var left []*count
	var intents []*intent
	for _, n := range events {
		n.intent, n.entered, n.closed = nil, 0, false // what an overtaken try would have entered counts for nothing
		switch {
		case r.isSettled(n):
		case r.waits(n):
			left = append(left, n)
		default:
			r.decide(n)
			intents = append(intents, n.intent)
		}
	}
	c.submitAll(intents)
	for _, n := range events {
		if n.intent != nil && !n.settle() {
			left = append(left, n)
			c.view.outdate() // with the counters comes a later epoch, and that a draw is closed
		}
	}
	return left
}

// submitAll puts the intents into one batch and waits for their verdicts.
func (c *campaign) submitAll(intents []*intent) {
	waits, ok := c.intents.addAll(intents)
	if !ok {
		fail(intents, overloaded())
	}
	for _, done := range waits {
		<-done
	}
}

// errOvertaken refuses a count that was decided for another number of counts than the link has.
var errOvertaken = errors.New("the link has counted in the meantime")

// settle takes in the verdict; false if the event has to be decided afresh.
func (n *count) settle() bool {
	switch in := n.intent; {
	case in.verdict == verdictWrite:
		n.result = countDone
	case in.verdict == verdictDone:
		n.result, n.entered, n.closed = countRepeated, 0, false
	case in.verdict == verdictAgain, errors.Is(in.err, errOvertaken), CodeOf(in.err) == CodeDrawClosed:
		return false
	default:
		n.err = in.err
	}
	return true
}

// round is one try to count a batch of events.
type round struct {
	campaign *campaign
	snapshot *snapshot
	now      time.Time
	asks     bool // a mechanic has something to say
	links    map[string]*link
	visits   map[string]int64          // by visitor
	claims   map[claimKey]struct{}     // of the events of this round
	taken    map[claimKey]struct{}     // before it, as far as it was read
	owned    map[DocumentKey]*Document // tags and entries of the links' owners
}

// link is a shopper's link as the events before left it.
type link struct {
	document *Document
	now      Share
}

// newRound reads what the events are about: their links and visitors with one query, and, if a mechanic is to be asked,
// the documents that it is likely to write with another. With keys it reads whether the events' keys are taken, too.
func (c *campaign) newRound(events []*count, keys bool) (*round, error) {
	q := Query{Campaign: c.id, Brand: c.brand, Counters: c.view.stale()}
	for _, n := range events {
		q.Documents = append(q.Documents, DocumentKey{DocumentShare, n.code})
		if n.visitor != "" {
			q.Shoppers = append(q.Shoppers, n.visitor)
		}
		for i := 0; keys && i < len(n.claims); i++ {
			q.Shoppers = append(q.Shoppers, n.claims[i].Shopper)
		}
	}
	q.Documents, q.Shoppers = distinct(q.Documents), distinct(q.Shoppers)
	state, err := c.query(q)
	if err != nil {
		return nil, err
	}
	snap := c.snapshot.Load() // after the query: it notices a later epoch
	r := &round{
		campaign: c, snapshot: snap, now: c.engine.now(), asks: snap.asks(HookShare),
		links: make(map[string]*link, len(q.Documents)), visits: map[string]int64{},
		claims: map[claimKey]struct{}{}, taken: map[claimKey]struct{}{},
	}
	if err = r.take(state); err == nil && r.asks {
		err = r.loadOwned()
	}
	return r, err
}

// distinct returns each value once, in no order.
func distinct[T comparable](values []T) []T {
	seen := make(map[T]struct{}, len(values))
	return slices.DeleteFunc(values, func(v T) bool {
		_, known := seen[v]
		seen[v] = struct{}{}
		return known
	})
}

// take takes in the links and what the visitors have visited.
func (r *round) take(state *State) error {
	for key, d := range state.Documents {
		content, err := read[Share](d)
		if err != nil {
			return storeError(err)
		}
		r.links[key.ID] = &link{document: d, now: *content}
	}
	for shopper, s := range state.Shoppers {
		r.visits[shopper] = s.count(ClaimVisit, "")
		for i := range s.Claims {
			r.taken[s.Claims[i].id()] = struct{}{}
		}
	}
	return nil
}

// loadOwned reads the tags and the entries of the links' owners.
func (r *round) loadOwned() error {
	var keys []DocumentKey
	for _, l := range r.links {
		owner := l.document.Shopper
		keys = append(keys, DocumentKey{DocumentTags, owner})
		for name := range r.snapshot.definition().Draws {
			keys = append(keys, DocumentKey{DocumentEntry, entryID(name, owner)})
		}
	}
	state, err := r.campaign.query(Query{Campaign: r.campaign.id, Brand: r.campaign.brand, Documents: keys})
	if err == nil {
		r.owned = state.Documents
	}
	return err
}

// isSettled gives the event its result if nothing has to be written for it.
func (r *round) isSettled(n *count) bool {
	l := r.links[n.code]
	switch {
	case l == nil:
		n.result = countUnknown
	case n.visitor != "" && n.visitor == l.document.Shopper:
		n.result = countOwn
	case r.isTaken(n):
		n.result = countRepeated
	case n.visitor != "" && r.visits[n.visitor] >= maxVisits:
		n.result = countFull
	default:
		return false
	}
	return true
}

// waits reports whether the event has a key in common with one before it in this round. If that one counts, it is a
// repeat; so it waits for the next round.
func (r *round) waits(n *count) bool {
	return slices.ContainsFunc(n.claims, func(claim Claim) bool {
		_, used := r.claims[claim.id()]
		return used
	})
}

// decide gives the event its intent.
func (r *round) decide(n *count) {
	n.intent = r.write(n, r.links[n.code])
	for i := range n.claims {
		r.claims[n.claims[i].id()] = struct{}{}
	}
}

func (r *round) isTaken(n *count) bool {
	return slices.ContainsFunc(n.claims, func(claim Claim) bool {
		_, taken := r.taken[claim.id()]
		return taken
	})
}

// write returns the intent that counts the event and carries out what the mechanics want because of it.
func (r *round) write(n *count, l *link) *intent {
	in := &intent{
		epoch: r.snapshot.record.Epoch, claims: n.claims,
		edits: slices.Clone(n.edits), documents: append(slices.Clone(n.documents), l.document),
	}
	var decidedFor *Share // nil: whatever the link has counted
	if r.asks {
		before := l.now
		decidedFor = &before
		r.ask(n, l, in)
	}
	in.edits = append(in.edits, countEdit(n.code, n.what, decidedFor, l.now.Heard))
	l.now = l.now.count(n.what)
	if n.visitor != "" {
		r.visits[n.visitor]++
	}
	return in
}

// heard returns the notes without the notifications that are too many for the link's owner, and counts those that are left.
func (l *link) heard(notes []note) []note {
	return slices.DeleteFunc(slices.Clone(notes), func(n note) bool {
		if n.effect.Kind != EffectNotify {
			return false
		}
		l.now.Heard = min(l.now.Heard+1, maxHeard+1)
		return l.now.Heard > maxHeard
	})
}

// countEdit lets the link count one more, if it has counted as much as was decided for; heard is how many notifications its
// owner has then got.
func countEdit(code, what string, decidedFor *Share, heard int64) edit {
	return edit{key: DocumentKey{DocumentShare, code}, apply: func(current *Document) (*Document, error) {
		if current == nil {
			return nil, noLink(code)
		}
		content, err := read[Share](current)
		if err != nil {
			return nil, err
		}
		if decidedFor != nil && *content != *decidedFor {
			return nil, errOvertaken
		}
		next := content.count(what)
		if decidedFor != nil {
			next.Heard = heard
		}
		return current.write(ShareActive, 0, next), nil
	}}
}

// ask asks the mechanics at the hook share, with the counts as they are once the event is counted, which it is whatever
// becomes of them.
func (r *round) ask(n *count, l *link, in *intent) {
	c, def, owner := r.campaign, r.snapshot.definition(), l.document.Shopper
	after := l.now.count(n.what)
	facts := c.shareHookFacts(r.snapshot, r.now, owner, after.facts(n.what), r.owned[DocumentKey{DocumentTags, owner}])
	ruleset, _ := r.snapshot.arm(&facts.Shopper)
	d, err := ruleset.decide(HookShare, &facts, def, -1)
	var beside consequences
	if err == nil {
		c.remarkSteps(HookShare, d)
		beside, err = c.consequences(r.snapshot, &facts, l.heard(d.notes), owner, n.code, r.now)
	}
	if err != nil {
		c.remark("what counts has no consequences", string(HookShare), err)
		return
	}
	n.closed, n.entered = beside.closed, beside.entered
	in.edits, in.takes = append(in.edits, beside.edits...), beside.takes
	for _, e := range beside.edits {
		if d := r.owned[e.key]; d != nil {
			in.documents = append(in.documents, d)
		}
	}
}

// shareHookFacts are the facts of the hook share. Who counts is not there, so all that is known of the owner is what
// mechanics noted; tags is nil if that is nothing.
func (c *campaign) shareHookFacts(snap *snapshot, now time.Time, owner string, shares SharesFacts, tags *Document) Facts {
	facts := Facts{
		Now: now.UnixMilli(), Campaign: snap.campaignFacts(now), Shopper: ShopperFacts{ID: owner},
		Shares: shares, Quota: c.quotas(snap.definition()),
	}
	if tags != nil {
		facts.Shopper.Tags = tagsOf([]*Document{tags})
	}
	return facts
}
