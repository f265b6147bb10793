package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"hotdrop/core/drawing"
)

const (
	// entryPage is how many entries are read at once.
	entryPage = 10_000
	// toldAtOnce is how many winners are told, and granted their prize, in one transaction.
	toldAtOnce = 100
	// prizePause is how long a draw whose pool can grant nothing waits before it tries again: the pool may be raised.
	prizePause = time.Minute
)

// drawDue does what is due of a draw: it closes it, draws the winners, and tells them, each step in a transaction of its
// own that compares and swaps the draw. So a node that dies leaves a draw that another one goes on with, and of several
// nodes one takes each step. A draw that another node is faster with is no error.
func (c *campaign) drawDue(ctx context.Context, d *Document) error {
	for d != nil && d.Due != 0 && d.Due <= c.engine.now().UnixMilli() {
		next, err := c.drawStep(ctx, d)
		if errors.Is(err, ErrConflict) {
			return nil
		}
		if err != nil {
			return storeError(err)
		}
		d = next
	}
	return nil
}

// drawStep takes the draw one step further and returns it as it is then; nil if somebody else does.
func (c *campaign) drawStep(ctx context.Context, d *Document) (*Document, error) {
	draw, err := read[Draw](d)
	if err != nil {
		return nil, err
	}
	switch d.State {
	case DrawOpen:
		return c.closeDraw(ctx, d, draw)
	case DrawClosed:
		return c.drawWinners(ctx, d, draw)
	default:
		return c.tellWinners(d, draw)
	}
}

// closeDraw takes all that is left of the draw's counter, so that no entry can commit after it, under locks, because
// entries may come faster than it could read how much that is. If the campaign file has moved the closing time, the draw
// waits for that.
func (c *campaign) closeDraw(ctx context.Context, d *Document, draw *Draw) (*Document, error) {
	snap, now := c.snapshot.Load(), c.engine.now()
	content := *draw
	if terms, ok := snap.definition().Draws[d.ID]; ok {
		content = content.follow(terms)
	}
	if content.ClosesAt > now.UnixMilli() {
		return c.writeDraw(d.write(DrawOpen, content.ClosesAt, content))
	}
	var closed *Document
	var epoch int64
	q := Query{Campaign: c.id, Brand: c.brand, Documents: []DocumentKey{d.Key()}}
	applied, err := c.engine.store.ApplyLocked(ctx, q, func(s *State) (*Plan, error) {
		epoch, closed = s.Epoch, s.Documents[d.Key()]
		if closed == nil || closed.Revision != d.Revision || s.Epoch != snap.record.Epoch {
			return nil, nil //nolint:nilnil // somebody else has closed it, or moved when it closes
		}
		counter := s.Counters[DrawCounter(d.ID)]
		content.Rest, content.Weight = counter.Remaining, counter.Limit-counter.Remaining
		closed = d.write(DrawClosed, now.UnixMilli(), content)
		return &Plan{
			Campaign: c.id, Brand: snap.definition().Brand, Epoch: s.Epoch, Documents: []*Document{closed},
			Counters: []Delta{{Counter: DrawCounter(d.ID), Units: content.Rest}},
		}, nil
	})
	if err != nil || applied == nil {
		c.catchUp(epoch)
		return nil, err
	}
	c.view.committed(applied.Remaining, now, c.engine.now())
	closed.Revision++
	return closed, nil
}

// writeDraw commits the draw's next content and returns it as it is stored then.
func (c *campaign) writeDraw(next *Document) (*Document, error) {
	plan := &Plan{Campaign: c.id, Brand: c.brand, Documents: []*Document{next}}
	if err := c.apply(plan); err != nil {
		return nil, err
	}
	stored := *next
	stored.Revision++
	return &stored, nil
}

// drawWinners draws the winners from the entries, which are all there are, as the draw is closed.
func (c *campaign) drawWinners(ctx context.Context, d *Document, draw *Draw) (*Document, error) {
	shoppers, entries, err := c.entries(ctx, d.ID, draw)
	if err != nil {
		return nil, err
	}
	total, err := drawing.Total(entries)
	if err != nil || total != draw.Weight {
		return nil, fmt.Errorf("the entries of the draw %s weigh %d, its counter says %d: %w", d.ID, total, draw.Weight, err)
	}
	drawn, err := drawing.Winners(draw.seed(), entries, draw.Places)
	if err != nil {
		return nil, err
	}
	content, now := *draw, c.engine.now().UnixMilli()
	content.DrawnAt, content.Entries = now, int64(len(entries))
	content.Digest = (&drawing.Record{
		Campaign: c.id, Draw: d.ID, Places: draw.Places, ClosesAt: draw.ClosesAt, Entries: entries,
	}).Sum()
	for _, i := range drawn {
		content.Winners = append(content.Winners, shoppers[i])
	}
	due := now
	if len(drawn) == 0 {
		due = 0
	}
	next, err := c.writeDraw(d.write(DrawDrawn, due, content))
	if err == nil {
		c.engine.log.Info("the winners of a draw are drawn",
			slog.String("campaign", c.id), slog.String("draw", d.ID), slog.Int64("entries", content.Entries), slog.Int("winners", len(drawn)))
	}
	return next, err
}

// entries reads the entries of a closed draw, sorted as they are drawn from, and whose each is.
func (c *campaign) entries(ctx context.Context, name string, draw *Draw) ([]string, []drawing.Entry, error) {
	type entrant struct {
		drawing.Entry

		shopper string
	}
	var all []entrant
	identify := draw.name(c.id, name)
	q := DocumentQuery{Campaign: c.id, Brand: c.brand, Kind: DocumentEntry, Prefix: entryID(name, ""), Limit: entryPage}
	for more := true; more; {
		page, err := c.engine.store.ListDocuments(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		for _, d := range page {
			entry, err := read[Entry](d)
			if err != nil {
				return nil, nil, err
			}
			id := entry.Erased
			if id == (drawing.ID{}) {
				id = identify(d.Shopper)
			}
			all = append(all, entrant{drawing.Entry{ID: id, Weight: entry.Weight}, d.Shopper})
		}
		if more = len(page) == entryPage; more {
			q.After = page[len(page)-1].ID
		}
	}
	slices.SortFunc(all, func(a, b entrant) int { return drawing.Compare(a.Entry, b.Entry) })
	shoppers, entries := make([]string, len(all)), make([]drawing.Entry, len(all))
	for i := range all {
		shoppers[i], entries[i] = all[i].shopper, all[i].Entry
	}
	return shoppers, entries, nil
}

// tellWinners tells the next winners, and grants each a voucher if the draw has a pool. If the pool has none left, or they
// have expired, the draw waits for somebody to raise it.
func (c *campaign) tellWinners(d *Document, draw *Draw) (*Document, error) {
	snap, now := c.snapshot.Load(), c.engine.now()
	content := *draw
	many := min(toldAtOnce, int64(len(draw.Winners))-draw.Told)
	if draw.Pool != "" {
		state, err := c.query(Query{Campaign: c.id, Brand: c.brand, Counters: true})
		if err != nil {
			return nil, err
		}
		many = min(many, state.Counters[PoolCounter(draw.Pool)].Remaining)
	}
	told, err := c.tell(snap, d.ID, draw, many, now)
	if many == 0 || CodeOf(err) == CodePoolExhausted {
		c.engine.log.Warn("the prizes of a draw wait for their pool",
			slog.String("campaign", c.id), slog.String("draw", d.ID), slog.String("pool", draw.Pool))
		return c.writeDraw(d.write(DrawDrawn, now.Add(prizePause).UnixMilli(), content))
	}
	if err != nil {
		return nil, err
	}
	due := now.UnixMilli()
	if content.Told += many; content.Told == int64(len(draw.Winners)) {
		due = 0
	}
	next := d.write(DrawDrawn, due, content)
	told.Documents = append(told.Documents, next)
	told.sort()
	if err := c.apply(told); err != nil {
		return nil, err
	}
	stored := *next
	stored.Revision++
	return &stored, nil
}

// tell returns the plan that tells so many winners, those after the ones who have been told.
func (c *campaign) tell(snap *snapshot, name string, draw *Draw, many int64, now time.Time) (*Plan, error) {
	def := snap.definition()
	plan := &Plan{Campaign: c.id, Brand: def.Brand}
	var written drafts
	for _, winner := range draw.Winners[draw.Told : draw.Told+many] {
		edits := []edit{messageEdit(newID(c.id, now), winner, Message{At: now.UnixMilli(), Text: congratulation(draw.Title)}, MessageReceived)}
		if draw.Pool != "" {
			granted, _, err := grantEdits(def, draw.Pool, 1, winner, "draw/"+name, now)
			if err != nil {
				return nil, err
			}
			edits = append(edits, granted...)
		}
		if err := written.edit(edits); err != nil {
			return nil, err
		}
	}
	plan.Documents = written.changed()
	if draw.Pool != "" {
		plan.Counters = []Delta{{Counter: PoolCounter(draw.Pool), Units: many}}
	}
	return plan, nil
}

// congratulation is what a winner reads.
func congratulation(title Text) Text {
	return Text{EN: "You have won: " + title.In("en"), ZH: "恭喜您中奖：" + title.In("zh")}
}

// DrawExport is everything that is needed to draw a campaign's draw again: package drawing says how.
type DrawExport = drawing.Record

// DrawExport returns a draw whose winners are drawn; before that it is refused with wrong_state. Callers share what it
// returns and must not change it.
func (e *Engine) DrawExport(ctx context.Context, campaignID, name string) (*DrawExport, error) {
	c, err := e.campaign(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	return e.exports.of(ctx, c.id, name, func() (*DrawExport, error) { return c.export(ctx, name) })
}

// export reads everything that there is to export of a draw.
func (c *campaign) export(ctx context.Context, name string) (*DrawExport, error) {
	draw, _, err := c.loadDraw(ctx, name, "")
	if err != nil {
		return nil, err
	}
	if draw.state != DrawDrawn {
		return nil, Errorf(CodeWrongState, "the winners of %s are not drawn yet: it closes at %s",
			name, time.UnixMilli(draw.ClosesAt).UTC().Format(time.RFC3339))
	}
	_, entries, err := c.entries(ctx, name, &draw.Draw)
	if err != nil {
		return nil, storeError(err)
	}
	return &DrawExport{
		Campaign: c.id, Draw: name, SeedHash: draw.SeedHash, Seed: draw.Seed, ClosesAt: draw.ClosesAt, DrawnAt: draw.DrawnAt,
		Places: draw.Places, Digest: draw.Digest, Winners: draw.winners(c.id, name), Entries: entries,
	}, nil
}
