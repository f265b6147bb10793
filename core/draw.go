package core

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"hotdrop/core/drawing"
)

// The states of a draw, and of an entry.
const (
	DrawOpen     = "open"
	DrawClosed   = "closed" // no entry can come any more; the winners are being drawn
	DrawDrawn    = "drawn"
	EntryEntered = "entered"
)

// Draw is the content of a draw. The hash of the seed is published before entries open, the seed after they close. What
// the campaign file says of the draw is pinned when it closes.
type Draw struct {
	SeedHash string   `json:"seed_hash"`         // SHA-256 of the seed, hex
	Seed     string   `json:"seed"`              // hex; nobody sees it before the draw is drawn
	ClosesAt int64    `json:"closes_at"`         // Unix milliseconds
	Places   int64    `json:"places"`            // how many win
	Title    Text     `json:"title,omitzero"`    // what shoppers read
	Pool     string   `json:"pool,omitempty"`    // what each winner is granted a code from
	Rest     int64    `json:"rest,omitempty"`    // what closing took from the draw's counter
	DrawnAt  int64    `json:"drawn_at"`          // Unix milliseconds
	Entries  int64    `json:"entries,omitempty"` // how many shoppers entered
	Weight   int64    `json:"weight,omitempty"`  // of all entries
	Digest   string   `json:"digest,omitempty"`  // drawing.Record.Sum, hex
	Winners  []string `json:"winners,omitempty"` // shoppers, the first prize first
	Told     int64    `json:"told,omitempty"`    // how many winners have been told and granted their prize
	// Erased are the ids of the entries of winners whose data was erased, by what stands for them among the winners.
	Erased map[string]drawing.ID `json:"erased,omitempty"`
}

// Entry is the content of one shopper's entry into a draw.
type Entry struct {
	Weight int64 `json:"weight"`
	At     int64 `json:"at"` // of the first one, Unix milliseconds
	// Erased is the id under which it is in the export, if its shopper's data was erased: nobody can derive it any more.
	Erased drawing.ID `json:"erased,omitzero"`
}

// entryID is the id of the shopper's entry. A draw's name has no slash.
func entryID(draw, shopper string) string { return draw + "/" + shopper }

// enterEdit adds the weight to the shopper's entry, and takes it from the draw's counter: which has nothing left once the
// draw is closed.
func enterEdit(draw, shopper string, weight, now int64) (edit, Take) {
	fresh := Document{Kind: DocumentEntry, ID: entryID(draw, shopper), Shopper: shopper}
	return edit{key: fresh.Key(), apply: func(current *Document) (*Document, error) {
		if current == nil {
			return fresh.write(EntryEntered, 0, Entry{Weight: weight, At: now}), nil
		}
		entry, err := read[Entry](current)
		if err != nil {
			return nil, err
		}
		entry.Weight += weight // cannot wrap: the counter of all weights holds no more than an int64
		return current.write(EntryEntered, 0, entry), nil
	}}, Take{Counter: DrawCounter(draw), Units: weight}
}

// isOpen reports whether the weight may still enter the draw: by the clock, and by what was last seen of its counter, which
// has nothing left once it is closed.
func (c *campaign) isOpen(def *Campaign, draw string, weight int64, now time.Time) bool {
	left, _ := c.view.left(DrawCounter(draw))
	return now.Before(def.Draws[draw].Closes) && left.Remaining >= weight
}

// newDraws returns the documents of the draws that the changed file names and the one before did not, which may be nil:
// each gets its seed here, 256 random bits, and from here on its hash is public. A draw that exists all the same stays as
// it is.
func newDraws(before, after *Campaign) []*Document {
	var draws []*Document
	for _, name := range slices.Sorted(maps.Keys(after.Draws)) {
		if before != nil && before.Draws[name] != (DrawTerms{}) {
			continue
		}
		seed := make([]byte, drawing.SeedLength)
		_, _ = rand.Read(seed) // never fails: crypto/rand ends the process instead
		content := Draw{SeedHash: drawing.HashSeed(seed), Seed: hex.EncodeToString(seed)}
		content = content.follow(after.Draws[name])
		draws = append(draws, (&Document{Kind: DocumentDraw, ID: name}).write(DrawOpen, content.ClosesAt, content))
	}
	return draws
}

// follow returns the draw with what the campaign file says of it.
func (d *Draw) follow(terms DrawTerms) Draw {
	next := *d
	next.ClosesAt, next.Places, next.Title, next.Pool = terms.Closes.UnixMilli(), terms.Winners, terms.Title, terms.Pool
	return next
}

// DrawView is a draw as everybody may see it. Shoppers appear as the ids of their entries, which package drawing derives.
type DrawView struct {
	Campaign string
	Draw     string
	Title    Text
	State    string       // DrawOpen, DrawClosed or DrawDrawn
	SeedHash string       // SHA-256 of the seed, hex: from the first moment on
	Seed     string       // hex; "" until the winners are drawn
	ClosesAt int64        // Unix milliseconds
	Places   int64        // how many can win
	Weight   int64        // of all entries so far
	Entries  int64        // how many shoppers entered; 0 until the winners are drawn
	DrawnAt  int64        // Unix milliseconds; 0 until then
	Digest   string       // of what decides who wins; "" until then
	Winners  []drawing.ID // the first prize first; empty until then
}

// EntryView is a shopper's own entry into a draw.
type EntryView struct {
	Weight int64  // 0 for no entry
	At     int64  // of the first one, Unix milliseconds
	ID     string // under which it is in the export; "" until the winners are drawn
	Place  int64  // that it won, from 1; 0 for none
}

// Draw returns a draw of the campaign.
func (e *Engine) Draw(ctx context.Context, campaignID, name string) (*DrawView, error) {
	c, err := e.campaign(ctx, campaignID)
	if err != nil {
		return nil, err
	}
	found, _, err := c.loadDraw(ctx, name, "")
	if err != nil {
		return nil, err
	}
	view := &DrawView{
		Campaign: c.id, Draw: name, Title: found.Title, State: found.state, SeedHash: found.SeedHash, ClosesAt: found.ClosesAt,
		Places: found.Places, Entries: found.Entries, DrawnAt: found.DrawnAt, Digest: found.Digest, Weight: found.Weight,
	}
	if terms, ok := c.snapshot.Load().definition().Draws[name]; ok {
		view.Title = terms.Title
		if found.state == DrawOpen {
			view.ClosesAt, view.Places = terms.Closes.UnixMilli(), terms.Winners
		}
	}
	if found.state == DrawOpen {
		counter, _ := c.view.left(DrawCounter(name))
		view.Weight = counter.Limit - counter.Remaining
	}
	if found.state == DrawDrawn {
		view.Seed, view.Winners = found.Seed, found.winners(c.id, name)
	}
	return view, nil
}

// DrawEntry returns the shopper's own entry into a draw, with weight 0 if there is none.
func (e *Engine) DrawEntry(ctx context.Context, campaignID, name string, shopper Principal) (*EntryView, error) {
	c, err := e.shopperCampaign(ctx, campaignID, &shopper)
	if err != nil {
		return nil, err
	}
	draw, document, err := c.loadDraw(ctx, name, shopper.ID)
	if err != nil || document == nil {
		return &EntryView{}, err
	}
	entry, err := read[Entry](document)
	if err != nil {
		return nil, storeError(err)
	}
	view := &EntryView{Weight: entry.Weight, At: entry.At}
	if draw.state == DrawDrawn {
		view.ID = draw.name(c.id, name)(shopper.ID).String()
		view.Place = int64(slices.Index(draw.Winners, shopper.ID)) + 1
	}
	return view, nil
}

// storedDraw is a draw as it was read.
type storedDraw struct {
	Draw

	state string
}

// name returns the function that derives the ids of the draw's entries.
func (d *Draw) name(campaign, draw string) func(shopper string) drawing.ID {
	return drawing.Namer(d.seed(), campaign, draw)
}

// seed returns the seed's bytes.
func (d *Draw) seed() []byte {
	seed, _ := hex.DecodeString(d.Seed) // newDraws encoded it
	return seed
}

// winners returns the ids of the entries that won.
func (d *Draw) winners(campaign, draw string) []drawing.ID {
	name, ids := d.name(campaign, draw), make([]drawing.ID, len(d.Winners))
	for i, shopper := range d.Winners {
		id, erased := d.Erased[shopper]
		if !erased {
			id = name(shopper)
		}
		ids[i] = id
	}
	return ids
}

func noDraw(name string) error { return Errorf(CodeNotFound, "there is no draw %q", name) }

// loadDraw loads a draw and, unless shopper is empty, the shopper's entry, which is nil if there is none.
func (c *campaign) loadDraw(ctx context.Context, name, shopper string) (*storedDraw, *Document, error) {
	if !isStorable(name) {
		return nil, nil, noDraw(name)
	}
	key, entry := DocumentKey{DocumentDraw, name}, DocumentKey{DocumentEntry, entryID(name, shopper)}
	wanted := []DocumentKey{key}
	if shopper != "" {
		wanted = append(wanted, entry)
	}
	loaded, err := c.fetchAll(ctx, &load{wanted: wanted})
	if err != nil {
		return nil, nil, err
	}
	d := loaded.documents[key]
	if d == nil {
		return nil, nil, noDraw(name)
	}
	content, err := read[Draw](d)
	if err != nil {
		return nil, nil, storeError(err)
	}
	return &storedDraw{*content, d.State}, loaded.documents[entry], nil
}
