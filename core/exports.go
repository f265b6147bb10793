package core

import (
	"context"
	"slices"
	"sync"
)

// maxExported is how many entries the exports have together that a node keeps: each takes 24 bytes.
const maxExported = 1 << 21

// exports are the exports of draws that a node has made. What is drawn never changes again, and a draw may have a million
// entries, which anybody may ask for: so they are read once, and one draw at a time.
type exports struct {
	turn chan struct{} // of capacity 1: held while one is made

	mu   sync.Mutex
	kept []*DrawExport // the latest last
}

func newExports() *exports { return &exports{turn: make(chan struct{}, 1)} }

// of returns the export of the draw, which it makes unless it has one. What fails is not kept.
func (x *exports) of(ctx context.Context, campaign, draw string, export func() (*DrawExport, error)) (*DrawExport, error) {
	if kept := x.find(campaign, draw); kept != nil {
		return kept, nil
	}
	select {
	case x.turn <- struct{}{}:
		defer func() { <-x.turn }()
	case <-ctx.Done():
		return nil, storeError(ctx.Err())
	}
	if kept := x.find(campaign, draw); kept != nil { // made while this one waited
		return kept, nil
	}
	made, err := export()
	if err == nil {
		x.keep(made)
	}
	return made, err
}

func (x *exports) find(campaign, draw string) *DrawExport {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := slices.IndexFunc(x.kept, func(one *DrawExport) bool { return one.Campaign == campaign && one.Draw == draw })
	if i < 0 {
		return nil
	}
	return x.kept[i]
}

// keep keeps the export, and of the earlier ones, the latest first, as many as there is room for.
func (x *exports) keep(made *DrawExport) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.kept = append(x.kept, made)
	entries, from := len(made.Entries), len(x.kept)-1
	for from > 0 && entries+len(x.kept[from-1].Entries) <= maxExported {
		from--
		entries += len(x.kept[from].Entries)
	}
	x.kept = slices.Clone(x.kept[from:])
}
