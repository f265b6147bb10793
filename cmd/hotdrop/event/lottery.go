package event

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"

	"hotdrop/core"
)

// draw closes the sale, and the draw with it, waits for the winners and verifies them as anybody can: with
// `hotdrop draw verify`, from the export and the hash that was published before.
func (l *lottery) draw(ctx context.Context) error {
	before, err := l.read(ctx)
	if err != nil {
		return err
	}
	if err := l.enter(ctx, core.PhaseClosed); err != nil {
		return err
	}
	drawn := before
	if err := until(ctx, "the draw", func() (bool, error) {
		drawn, err = l.read(ctx)
		return drawn.State == core.DrawDrawn, err
	}); err != nil {
		return err
	}
	shoppers := int64(0)
	for _, n := range l.want {
		shoppers += min(n, 1)
	}
	l.winners = min(drawn.Places, shoppers)
	l.tale.expect("draw_weight", drawn.Weight, l.total)
	l.tale.expect("draw_shoppers", drawn.Entries, shoppers)
	l.tale.expect("draw_winners", int64(len(drawn.Winners)), l.winners)
	if err := l.verify(ctx, before); err != nil {
		return err
	}
	if err := l.late(ctx); err != nil {
		return err
	}
	return l.prizes(ctx)
}

// read reads the draw, as anybody may.
func (l *lottery) read(ctx context.Context) (drawView, error) {
	var v drawView
	err := l.once(ctx, func(ctx context.Context, p *shopper) error {
		return p.must(ctx, get(p.token, p.here("/draws/"+repostDraw)), &v)
	})
	return v, err
}

// once has one shopper do something.
func (l *lottery) once(ctx context.Context, do func(context.Context, *shopper) error) error {
	return l.each(ctx, "draw", []int{0}, do)
}

// verify draws again from the export.
func (l *lottery) verify(ctx context.Context, published drawView) error {
	var export json.RawMessage
	err := l.once(ctx, func(ctx context.Context, p *shopper) error {
		return p.must(ctx, get(p.token, p.here("/draws/"+repostDraw+"/export")), &export)
	})
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, l.config.Binary, "draw", "verify", "-", "--seed-hash", published.SeedHash) //nolint:gosec // our own binary
	cmd.Env, cmd.Stdin = environment(), bytes.NewReader(export)
	out, failed := cmd.CombinedOutput()
	verified := int64(1)
	if failed != nil {
		verified = 0
		_, _ = fmt.Fprintf(l.config.Err, "hotdrop draw verify: %v\n%s", failed, out)
	}
	l.tale.expect("draw_verified", verified, 1)
	return nil
}

// late has one more repost reported: it counts, and enters nothing.
func (l *lottery) late(ctx context.Context) error {
	entered := l.outcome.of("entries")
	event := socialEvent{ID: l.replay.run + "-late", Kind: "repost", Share: l.codes[len(l.codes)-1], By: "late-" + l.replay.run}
	err := l.everybody(ctx, "a late repost", 1, func(ctx context.Context, on *caller, _ int) error {
		return l.send(ctx, on, []socialEvent{event}, false)
	})
	l.tale.expect("late_entries", l.outcome.of("entries")-entered, 0)
	return err
}

// prizes has every owner of a link look whether it has won. Each winner has been granted the prize.
func (l *lottery) prizes(ctx context.Context) error {
	won := newCounter()
	err := l.each(ctx, "winners", l.owners(), func(ctx context.Context, p *shopper) error {
		var entry struct {
			Place int64 `json:"place"`
		}
		if err := p.must(ctx, get(p.token, p.here("/draws/"+repostDraw+"/entry")), &entry); err != nil || entry.Place == 0 {
			return err
		}
		won.add("places", entry.Place)
		return until(ctx, "a prize", func() (bool, error) {
			mine, err := p.vouchers(ctx)
			prizes := 0
			for _, v := range mine {
				if strings.HasPrefix(v.Pool, "repost") {
					prizes++
				}
			}
			won.add("prizes", int64(prizes))
			return prizes > 0, err
		})
	})
	l.tale.expect("winners_places_sum", won.of("places"), l.winners*(l.winners+1)/2)
	l.tale.expect("prizes_granted", won.of("prizes"), l.winners)
	return err
}
