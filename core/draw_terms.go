package core

import (
	"context"
	"maps"
	"slices"
	"time"
)

// checkDraws refuses, as *[Problems], a change of the campaign file that would be unfair to who entered a draw:
//
//   - Before the first entry everything may change, and the draw may go.
//   - From the first entry on, while it is open, its closing time may only move to later, there may only be more winners,
//     the pool of the prizes stays, and so does the draw.
//   - Once it is closed nothing changes but its title. It may go from the file; its name is then used up.
//
// In a demo, whose times may be shifted in any direction, the closing time of an open draw is free.
func (e *Engine) checkDraws(ctx context.Context, before, after *Campaign, demo bool) error {
	if before == nil {
		before = &Campaign{}
	}
	names := map[string]struct{}{}
	for _, def := range []*Campaign{before, after} {
		for name := range def.Draws {
			names[name] = struct{}{}
		}
	}
	if len(names) == 0 {
		return nil
	}
	q := Query{Campaign: after.ID, Brand: after.Brand, Counters: true}
	for name := range names {
		q.Documents = append(q.Documents, DocumentKey{DocumentDraw, name})
	}
	state, err := e.store.Load(ctx, q)
	if err != nil {
		return storeError(err)
	}
	problems := &Problems{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if d := state.Documents[DocumentKey{DocumentDraw, name}]; d != nil {
			counter := state.Counters[DrawCounter(name)]
			change := drawChange{
				path: "draws." + name, state: d.State, entered: counter.Limit > counter.Remaining, demo: demo, now: e.now(),
			}
			change.before, change.named = before.Draws[name]
			change.after, change.keeps = after.Draws[name]
			change.check(problems)
		}
	}
	return problems.Err()
}

// drawChange is what a changed campaign file does to a draw that exists.
type drawChange struct {
	path          string
	state         string
	entered       bool // there are entries
	demo          bool
	now           time.Time
	before, after DrawTerms
	named, keeps  bool // by the file as it was, and as it shall be
}

func (d *drawChange) check(problems *Problems) {
	switch {
	case d.state != DrawOpen:
		d.checkClosed(problems)
	case d.entered && d.keeps:
		d.checkOpen(problems)
	case d.entered:
		problems.Add(d.path, "cannot go: shoppers have entered this draw")
	}
}

func (d *drawChange) checkClosed(problems *Problems) {
	switch before := d.before; {
	case !d.keeps:
	case !d.named:
		problems.Add(d.path, "this draw was closed before; a new one needs another name")
	case !before.Closes.Equal(d.after.Closes) && !d.demo, before.Winners != d.after.Winners, before.Pool != d.after.Pool:
		problems.Add(d.path, "this draw is closed: only its title can change")
	}
}

func (d *drawChange) checkOpen(problems *Problems) {
	before, after := d.before, d.after
	if !d.named { // a file that lost it while the first shopper entered
		return
	}
	if !d.demo && after.Closes.Before(before.Closes) {
		problems.Add(d.path+".closes", "cannot be earlier: shoppers have entered this draw")
	}
	if !d.demo && !after.Closes.Equal(before.Closes) && !d.now.Before(before.Closes) {
		problems.Add(d.path+".closes", "cannot move: this draw is being closed")
	}
	if after.Winners < before.Winners {
		problems.Add(d.path+".winners", "cannot be fewer than %d: shoppers have entered this draw", before.Winners)
	}
	if after.Pool != before.Pool {
		problems.Add(d.path+".pool", "cannot change: shoppers have entered this draw")
	}
}

// followDraws lets the campaign's open draws close when its file says. A draw whose closing time moved to later finds out
// by itself when it is due; this is for those that close earlier.
func (c *campaign) followDraws(ctx context.Context) error {
	def := c.snapshot.Load().definition()
	if len(def.Draws) == 0 {
		return nil
	}
	var wanted []DocumentKey
	for name := range def.Draws {
		wanted = append(wanted, DocumentKey{DocumentDraw, name})
	}
	loaded, err := c.fetchAll(ctx, &load{wanted: wanted})
	if err != nil {
		return err
	}
	for _, key := range wanted {
		d := loaded.documents[key]
		if d == nil || d.State != DrawOpen || d.Due <= def.Draws[key.ID].Closes.UnixMilli() {
			continue
		}
		draw, err := read[Draw](d)
		if err != nil {
			return storeError(err)
		}
		next := draw.follow(def.Draws[key.ID])
		if _, err := c.writeDraw(d.write(DrawOpen, next.ClosesAt, next)); err != nil {
			return storeError(err)
		}
	}
	return nil
}
