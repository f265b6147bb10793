package core_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

// toAdmission moves the clock to when the shopper is let in, and returns the token.
func (d *drop) toAdmission(shopper string) string {
	d.t.Helper()
	at := time.UnixMilli(d.standing(d.Engine, shopper).AdmittedAt)
	if at.After(d.clock.now()) {
		d.clock.advance(at.Sub(d.clock.now()))
	}
	place := d.standing(d.Engine, shopper)
	if place.State != core.QueueAdmitted || place.Token == "" {
		d.t.Fatalf("%s is not let in: %+v", shopper, place)
	}
	return place.Token
}

// buyWith orders with a token.
func (d *drop) buyWith(e *core.Engine, shopper, key, token string) (*core.Order, bool, error) {
	r := buy(shopper, key)
	r.QueueToken = token
	return e.Place(context.Background(), r)
}

func TestATokenLetsInOneOrderOfItsShopperInTime(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRoom(t, s, func(c *core.Campaign) { c.Items[0].Limit = 5 })
		other := *d.def
		other.ID, other.Items = "tablet", slices.Clone(d.def.Items)
		_, err := d.apply(&other)
		must(t, err)
		for _, shopper := range []string{"ann", "bob"} {
			d.join(d.Engine, shopper)
		}
		_, _, err = d.Join(t.Context(), "tablet", person("ann"))
		must(t, err)
		_, _, err = d.buyWith(d.Engine, "ann", "early", "")
		wantCode(t, err, core.CodeNotInPhase)
		d.toOpening()
		token, bobs := d.toAdmission("ann"), d.toAdmission("bob")
		elsewhere, err := d.QueuePlace(t.Context(), "tablet", person("ann"))
		must(t, err)

		refused := func(why, shopper, token string, want core.Code) {
			t.Helper()
			_, _, err := d.buyWith(d.Engine, shopper, "k-"+why, token)
			if core.CodeOf(err) != want {
				t.Errorf("%s: %v, want %s", why, err, want)
			}
		}
		refused("none", "ann", "", core.CodeQueueTokenRequired)
		refused("bob's", "ann", bobs, core.CodeQueueTokenInvalid)
		refused("anotherCampaigns", "ann", elsewhere.Token, core.CodeQueueTokenInvalid)
		for i := range len(token) {
			forged := []byte(token)
			forged[i] ^= 1
			refused(fmt.Sprintf("forged%d", i), "ann", string(forged), core.CodeQueueTokenInvalid)
		}
		part := strings.Split(token, ".")
		refused("longer", "ann", part[0]+"."+part[1]+".9999999999999."+part[3], core.CodeQueueTokenInvalid)
		refused("without a signature", "ann", part[0]+"."+part[1]+"."+part[2]+".", core.CodeQueueTokenInvalid)

		// A refused order does not use the token up.
		wrong := buy("ann", "wrong")
		price := int64(1)
		wrong.QueueToken, wrong.ExpectTotal = token, &price
		_, _, err = d.Place(t.Context(), wrong)
		wantCode(t, err, core.CodePriceChanged)
		order, _, err := d.buyWith(d.Engine, "ann", "k", token)
		must(t, err)
		refused("again", "ann", token, core.CodeQueueTokenInvalid)
		if place := d.standing(d.Engine, "ann"); place.State != core.QueueUsed || place.Token != "" {
			t.Errorf("after the order: %+v", place)
		}
		// Nor does cancelling give it back: whoever cancels does not stand before those who wait.
		_, err = d.Cancel(t.Context(), core.OrderAction{Order: order.ID, Shopper: "ann", Key: "c"})
		must(t, err)
		refused("after cancelling", "ann", token, core.CodeQueueTokenInvalid)

		d.clock.advance(2 * time.Minute)
		refused("expired", "bob", bobs, core.CodeQueueTokenInvalid)
		if place := d.standing(d.Engine, "bob"); place.State != core.QueueExpired || place.Token != "" {
			t.Errorf("after the ticket: %+v", place)
		}
		again, replayed, err := d.buyWith(d.Engine, "ann", "k", token)
		must(t, err)
		if !replayed || again.ID != order.ID {
			t.Errorf("a retry after the token has expired: %+v, %v", again, replayed)
		}
		d.audit()
	})
}

func TestWhoHasUsedATokenOrLetItExpireJoinsAgainAtTheEnd(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRoom(t, s, func(c *core.Campaign) { c.Items[0].Limit = 5 })
		d.join(d.Engine, "ann")
		d.join(d.Engine, "bob")
		d.toOpening()
		used := d.toAdmission("ann")
		_, _, err := d.buyWith(d.Engine, "ann", "k1", used)
		must(t, err)
		_, again, err := d.Join(t.Context(), "phone", person("bob"))
		must(t, err)
		if again {
			t.Error("bob, who waits, has joined twice")
		}
		if place := d.join(d.Engine, "ann"); place.Place != 3 {
			t.Errorf("ann's second place is %+v", place)
		}
		d.clock.advance(5 * time.Minute)
		if place := d.join(d.Engine, "bob"); place.Place != 4 {
			t.Errorf("bob's second place is %+v", place)
		}
		token := d.toAdmission("bob")
		if _, _, err = d.buyWith(d.node(mechanics{}, nil), "bob", "k2", token); err != nil {
			t.Error(err)
		}
		shuffle, err := d.Shuffle(t.Context(), "phone")
		must(t, err)
		fresh, err := d.node(mechanics{}, nil).Shuffle(t.Context(), "phone")
		must(t, err)
		if len(fresh.Arrivals) != 2 || fresh.Digest != shuffle.Digest {
			t.Errorf("who came early is another set once they came again: %+v and %+v", shuffle, fresh)
		}
		d.audit()
	})
}

func TestTwoOrdersRaceWithOneTokenAtTwoNodes(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRoom(t, s, func(c *core.Campaign) { c.Items[0].Limit = 0 })
		for i := range 6 {
			d.join(d.Engine, fmt.Sprintf("s%d", i))
		}
		d.toOpening()
		nodes := []*core.Engine{d.Engine, d.node(mechanics{}, nil)}
		for i := range 6 {
			shopper := fmt.Sprintf("s%d", i)
			token := d.toAdmission(shopper)
			errs := make([]error, 8)
			var all sync.WaitGroup
			for k := range errs {
				all.Go(func() { _, _, errs[k] = d.buyWith(nodes[k%2], shopper, fmt.Sprintf("k%d", k), token) })
			}
			all.Wait()
			placed := 0
			for _, err := range errs {
				if err == nil {
					placed++
				} else {
					wantCode(t, err, core.CodeQueueTokenInvalid)
				}
			}
			if placed != 1 {
				t.Errorf("%s placed %d orders with one token: %v", shopper, placed, errs)
			}
		}
		if d.left() != 4 {
			t.Errorf("left = %d", d.left())
		}
		d.audit()
	})
}
