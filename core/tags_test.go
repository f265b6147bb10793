package core_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

// noting keeps every "key=value" of a message as a tag, and answers with what it is told of the shopper.
func noting() promotions {
	return promoting([]core.Hook{core.HookMessage}, []string{"message.text", "shopper.tags"}, func(_ core.Hook, f *core.Facts) []core.Effect {
		var effects []core.Effect
		for pair := range strings.FieldsSeq(f.Message.Text) {
			key, value, _ := strings.Cut(pair, "=")
			if key != "?" {
				effects = append(effects, core.Effect{Kind: core.EffectTag, Name: key, Value: value})
			}
		}
		return append(effects, core.Effect{Kind: core.EffectReply, Text: core.Text{EN: strings.Join(f.Shopper.Tags, " ")}})
	})
}

// tags returns what mechanics are told of the shopper's tags.
func (d *drop) tags(e *core.Engine, id string) string {
	d.t.Helper()
	d.clock.advance(time.Second)
	_, replies, err := e.Write(d.t.Context(), "phone", shopper(id), "?")
	must(d.t, err)
	return replies[0].Text.EN
}

func TestTagsStandBesideThoseOfTheIdentityProvider(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, noting(), nil)
		if got := d.tags(d.Engine, "ann"); got != "vip" {
			t.Errorf("at first %q", got)
		}
		d.write("ann", "wants=red gift city=Wuhan")
		d.write("ann", "wants=blue")
		if got := d.tags(other, "ann"); got != "vip city=Wuhan gift wants=blue" {
			t.Errorf("ann has %q", got)
		}
		if got := d.tags(other, "bob"); got != "vip" {
			t.Errorf("bob has %q", got)
		}
	})
}

func TestTheSixtyFifthTagIsNotTakenIn(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, noting(), nil)
		for from := 0; from < 70; from += 10 {
			var text []string
			for i := range 10 {
				text = append(text, fmt.Sprintf("k%02d", from+i))
			}
			d.write("ann", strings.Join(text, " "))
		}
		d.write("ann", "k00=known k99=new")
		got := strings.Fields(d.tags(other, "ann"))
		if len(got) != 1+64 || got[1] != "k00=known" || got[64] != "k63" {
			t.Errorf("%d tags: %q", len(got), got)
		}
	})
}

func TestTagsOfOneMomentAreAllKept(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, noting(), nil)
		var rush sync.WaitGroup
		for i := range 40 {
			rush.Go(func() {
				_, _, err := []*core.Engine{d.Engine, other}[i%2].Write(context.Background(), "phone", shopper("ann"), fmt.Sprintf("k%02d=v", i))
				if err != nil {
					t.Errorf("message %d: %v", i, err)
				}
			})
		}
		rush.Wait()
		if got := strings.Fields(d.tags(d.Engine, "ann")); len(got) != 1+40 {
			t.Errorf("%d tags: %q", len(got), got)
		}
	})
}
