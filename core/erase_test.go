package core_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"hotdrop/core"
	"hotdrop/core/storetest"
)

func TestAShopperWhoDidEverythingIsExportedAndErasedAndTheBooksStay(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		x := newEverything(t, s)
		before := s.dump()
		_, err := x.erase()
		wantCode(t, err, core.CodeWrongState) // the wallet has money
		if s.dump() != before {
			t.Error("a refused erasure has changed something")
		}
		x.empties()
		x.exportsAll()
		before, books := s.dump(), x.books()
		export, err := x.DrawExport(t.Context(), "phone", "prizes")
		must(t, err)
		shuffledExport := *export
		done, err := x.erase()
		must(t, err)
		if !slices.Equal(done.Campaigns, []string{"phone"}) || done.Kept["orders"] != int64(len(x.orders)) || done.Deleted["message"] == 0 {
			t.Errorf("it says that it did %+v", done)
		}
		after := s.dump()
		for _, text := range []string{erased, zebra, imei, "Hangzhou", "SF123"} {
			if len(linesWith(before, text)) == 0 && text != "SF123" {
				t.Errorf("%q was nowhere before, so that nothing is shown", text)
			}
		}
		for _, text := range []string{erased, zebra, imei, "Hangzhou"} {
			for _, line := range linesWith(after, text) {
				t.Errorf("%q is still in: %s", text, line)
			}
		}
		if lion := linesWith(after, "Lion"); len(lion) != 1 {
			t.Errorf("the other shopper's case is in %v", lion)
		}
		if now := x.books(); !maps.Equal(now, books) {
			t.Errorf("the books were %v, and are %v", books, now)
		}
		x.staysProven(&shuffledExport, done)
	})
}

// exportsAll holds the export against the tables: it names every row that names the shopper.
func (x *everything) exportsAll() {
	x.t.Helper()
	data, err := x.ShopperData(x.t.Context(), asked("xiaomi", officer()))
	must(x.t, err)
	text, err := json.Marshal(data)
	must(x.t, err)
	for _, o := range x.orders {
		if !strings.Contains(string(text), o.ID) {
			x.t.Errorf("the order %s is not exported", o.ID)
		}
	}
	for _, figure := range []string{"budget_left", "guardrails", "floors", "sold", "stock", "left"} {
		if strings.Contains(string(text), `"`+figure+`":`) {
			x.t.Errorf("the export tells the brand's %s", figure)
		}
	}
	c := data.Campaigns[0]
	kinds := map[core.DocumentKind]int{}
	for _, d := range c.Documents {
		kinds[d.Kind]++
	}
	for _, kind := range []core.DocumentKind{"voucher", "share", "entry", "tags", "message", "signup", "lockout"} {
		if stored := len(slices.DeleteFunc(x.documents(kind), func(d *core.Document) bool { return d.Shopper != erased })); kinds[kind] != stored || stored == 0 {
			x.t.Errorf("%d of %d documents of the kind %s are exported", kinds[kind], stored, kind)
		}
	}
	if c.Reservation == nil || len(c.Groups) != 1 || len(c.Wins) != 1 || len(c.Refusals) != 2 || len(c.Reports) != 1 ||
		len(c.Orders) != len(x.orders) || len(c.Claims) == 0 || data.Wallet == nil || len(data.Wallet.Transfers) < 6 {
		x.t.Errorf("the export is %s", text)
	}
}

// staysProven checks everything that can be proven of what stayed.
func (x *everything) staysProven(before *core.DrawExport, done *core.Erased) {
	x.t.Helper()
	x.audit()
	fresh := x.serving("node-2")
	export, err := fresh.DrawExport(x.t.Context(), "phone", "prizes")
	must(x.t, err)
	if found := export.Verify(); len(found) > 0 || export.Digest != before.Digest || !slices.Equal(export.Winners, before.Winners) {
		x.t.Errorf("drawn again: %v", found)
	}
	verifier := &core.LogVerifier{Store: x.s, Found: func(f core.LogFinding) { x.t.Errorf("the staff log: %+v", f) }}
	_, err = verifier.Verify(x.t.Context())
	must(x.t, err)
	if rows := linesWith(x.s.dump(), "shopper.erase"); len(rows) < 2 || !strings.Contains(rows[0], core.ShopperHash("xiaomi", erased)) {
		x.t.Errorf("the staff log has %v", rows)
	}
	for _, o := range x.orders {
		stayed := x.order(&core.Order{ID: o.ID, Shopper: done.Tombstone})
		if stayed.Total != o.Total || stayed.Shopper != done.Tombstone {
			x.t.Errorf("the order was %+v, and is %+v", o, stayed)
		}
		explained, err := fresh.Explain(x.t.Context(), o.ID, officer())
		must(x.t, err)
		if explained.Reproduced || len(explained.Differences) != 1 || !strings.Contains(explained.Differences[0], "erased") {
			x.t.Errorf("it is explained by %v", explained.Differences)
		}
		_, err = fresh.Recording(x.t.Context(), o.ID, officer())
		wantCode(x.t, err, core.CodeWrongState)
	}
	_, err = x.erase()
	wantCode(x.t, err, core.CodeNotFound)
	_, err = x.ShopperData(x.t.Context(), asked("xiaomi", officer()))
	wantCode(x.t, err, core.CodeNotFound)
	_, created, err := x.Reserve(x.t.Context(), "phone", person(erased), "")
	if core.CodeOf(err) != core.CodeNotInPhase && !created {
		x.t.Errorf("a shopper who comes back is known: %v", err)
	}
}

// torn is a store on which the erasure of one campaign fails, or that of the wallet, as if the node died before it.
type torn struct {
	storetest.Store

	campaign string // "" for none
	wallet   bool
}

func (s *torn) EraseAccount(ctx context.Context, e *core.AccountErasure) error {
	if s.wallet {
		return core.ErrUnavailable
	}
	return s.Store.EraseAccount(ctx, e)
}

func (s *torn) Erase(ctx context.Context, e *core.Erasure) error {
	if e.Campaign == s.campaign {
		return core.ErrUnavailable
	}
	return s.Store.Erase(ctx, e)
}

func TestAnErasureThatWasInterruptedGoesOnUnderTheSameTombstone(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		d := newDrop(t, s, nil, func(c *core.Campaign) { c.Phases.Sale = opening.Add(time.Minute) })
		_, err := d.apply(d.with(func(c *core.Campaign) { c.ID = "watch" }))
		must(t, err)
		broken := &torn{Store: s.Store, campaign: "watch"}
		e := core.NewEngine(core.Options{
			Store: s, Campaigns: s, Ledger: s, Journal: s, Shoppers: broken, Compiler: mechanics{}, Now: d.clock.now,
			Log: slog.New(slog.DiscardHandler),
		})
		must(t, e.Start(t.Context()))
		t.Cleanup(e.Stop)
		for _, campaign := range []string{"phone", "watch"} {
			_, _, err := e.Reserve(t.Context(), campaign, person(erased), "")
			must(t, err)
		}
		request := core.EraseRequest{Shopper: erased, Actor: officer(), Reason: "asked for"}
		_, err = e.EraseShopper(t.Context(), request)
		wantCode(t, err, core.CodeUnavailable)
		first := linesWith(linesOf(s.dump(), "reservations"), core.TombstonePrefix)
		broken.campaign = ""
		done, err := e.EraseShopper(t.Context(), request)
		must(t, err)
		if len(first) != 1 || !strings.Contains(first[0], done.Tombstone) || !slices.Equal(done.Campaigns, []string{"watch"}) {
			t.Errorf("it went on with %+v after %v", done, first)
		}
		if left := append(linesWith(s.dump(), erased), linesWith(s.dump(), "open/")...); len(left) > 0 {
			t.Errorf("still there: %v", left)
		}
		_, created, err := e.Reserve(t.Context(), "watch", person(erased), "")
		must(t, err)
		again, err := e.EraseShopper(t.Context(), request)
		must(t, err)
		if !created || again.Tombstone == done.Tombstone {
			t.Errorf("who came back is known: created %t, %+v", created, again)
		}
		d.audit()
	})
}

// TestMoneyThatComesBetweenTwoHalvesOfAnErasureIsPaidOut has a shopper put money into the wallet when the campaigns have forgotten
// whose it is, and the wallet has not.
func TestMoneyThatComesBetweenTwoHalvesOfAnErasureIsPaidOut(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		d := newDrop(t, s, nil, func(c *core.Campaign) { c.Phases.Sale = opening.Add(time.Minute) })
		broken := &torn{Store: s.Store, wallet: true}
		e := core.NewEngine(core.Options{
			Store: s, Campaigns: s, Ledger: s, Journal: s, Shoppers: broken, Compiler: mechanics{}, Now: d.clock.now,
			Log: slog.New(slog.DiscardHandler),
		})
		must(t, e.Start(t.Context()))
		t.Cleanup(e.Stop)
		fills := func(key string) {
			_, err := e.TopUp(t.Context(), core.TopUp{Shopper: erased, Currency: "CNY", Amount: 900, Key: key})
			must(t, err)
		}
		_, _, err := e.Reserve(t.Context(), "phone", person(erased), "")
		must(t, err)
		fills("before")
		_, err = e.PayOut(t.Context(), paying(nil))
		must(t, err)
		request := core.EraseRequest{Brand: "xiaomi", Shopper: erased, Actor: officer(), Reason: "asked for"}
		_, err = e.EraseShopper(t.Context(), request)
		wantCode(t, err, core.CodeUnavailable)
		broken.wallet = false
		fills("between")
		_, err = e.EraseShopper(t.Context(), request)
		wantCode(t, err, core.CodeWrongState)
		_, err = e.PayOut(t.Context(), paying(func(r *core.PayoutRequest) { r.Brand, r.Key = "meizu", "other" }))
		wantCode(t, err, core.CodeNotFound)
		_, err = e.PayOut(t.Context(), paying(func(r *core.PayoutRequest) { r.Key = "rest" }))
		must(t, err)
		_, err = e.EraseShopper(t.Context(), request)
		must(t, err)
		if left := append(linesWith(s.dump(), erased), linesWith(s.dump(), "open/")...); len(left) > 0 {
			t.Errorf("still there: %v", left)
		}
		d.audit()
	})
}

func TestAShuffleStaysTheSameWhenSomebodyInItIsErased(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		d := newRoom(t, s, nil)
		for _, id := range []string{erased, "bob", "cid"} {
			d.join(d.Engine, id)
		}
		d.toOpening()
		before := d.standing(d.Engine, "bob")
		node := func() *core.Engine {
			e := core.NewEngine(core.Options{
				Store: s, Campaigns: s, Ledger: s, Shoppers: s, Compiler: mechanics{}, Now: d.clock.now, Log: slog.New(slog.DiscardHandler),
			})
			must(t, e.Start(t.Context()))
			t.Cleanup(e.Stop)
			return e
		}
		_, err := node().EraseShopper(t.Context(), core.EraseRequest{Brand: "xiaomi", Shopper: erased, Actor: officer(), Reason: "asked for"})
		must(t, err)
		fresh := node()
		if after := d.standing(fresh, "bob"); after.Place != before.Place {
			t.Errorf("bob stood at %d, and stands at %d", before.Place, after.Place)
		}
		shuffle, err := fresh.Shuffle(t.Context(), "phone")
		must(t, err)
		if found := shuffle.Verify(); len(found) > 0 {
			t.Errorf("shuffled again: %v", found)
		}
		if left := linesWith(s.dump(), erased); len(left) > 0 {
			t.Errorf("still there: %v", left)
		}
		d.audit()
	})
}

func TestAGroupThatEverybodyHasLeftEndsWithItsLeadersErasure(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		x := &everything{life: newLife(t, s, nosy(), withEverything), s: s}
		x.Stop()
		x.Engine = x.serving("node-1")
		x.clock.advance(2 * time.Minute)
		grouped := func(r *core.OrderRequest) { r.Shopper.Tier = "grouped" }
		led := x.buys(erased, "led", grouped)
		joined := x.buys(another, "joined", func(r *core.OrderRequest) { grouped(r); r.Group = groupID(t, led) })
		_, err := x.Cancel(t.Context(), payOf(led, "c"))
		must(t, err)
		x.idle()
		if _, err := x.erase(); core.CodeOf(err) != core.CodeWrongState || !strings.Contains(err.Error(), "is under way, until") {
			t.Errorf("while somebody else is in it: %v", err)
		}
		_, err = x.Cancel(t.Context(), payOf(joined, "c"))
		must(t, err)
		x.idle()
		_, err = x.erase()
		must(t, err)
		group, err := x.Group(t.Context(), groupID(t, led), person(another))
		must(t, err)
		if group.State != core.GroupFailed {
			t.Errorf("the group is %s", group.State)
		}
		late := buy(another, "late")
		grouped(&late)
		late.Group = groupID(t, led)
		_, _, err = x.Place(t.Context(), late)
		wantCode(t, err, core.CodeGroupClosed)
		x.clock.advance(time.Hour)
		x.idle()
		if left := linesWith(s.dump(), erased); len(left) > 0 {
			t.Errorf("still there: %v", left)
		}
		x.audit()
	})
}

func TestOnlyStaffOfTheBrandEraseAndNobodyLearnsWhoIsThere(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		x := &everything{life: newLife(t, s, nosy(), withEverything), s: s}
		e := x.serving("node-1")
		_, _, err := e.Reserve(t.Context(), "phone", person(erased), "")
		must(t, err)
		before := s.dump()
		for _, tt := range []struct {
			name    string
			request core.EraseRequest
			want    core.Code
		}{
			{"of another brand", core.EraseRequest{Brand: "meizu", Actor: core.Principal{Role: core.RoleBrand, Brand: "meizu"}}, core.CodeNotFound},
			{"for another brand", core.EraseRequest{Brand: "xiaomi", Actor: core.Principal{Role: core.RoleBrand, Brand: "meizu"}}, core.CodeNotFound},
			{"for all brands", core.EraseRequest{Actor: core.Principal{Role: core.RoleBrand, Brand: "xiaomi"}}, core.CodeNotFound},
			{"a shopper", core.EraseRequest{Brand: "xiaomi", Actor: person(erased)}, core.CodeNotFound},
			{"who names the shopper in the reason", core.EraseRequest{Brand: "xiaomi", Actor: officer(), Reason: "for " + erased}, core.CodeInvalid},
		} {
			tt.request.Shopper = erased
			if tt.request.Reason == "" {
				tt.request.Reason = "asked for"
			}
			_, err := e.EraseShopper(t.Context(), tt.request)
			if core.CodeOf(err) != tt.want {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
			}
			if tt.want == core.CodeNotFound {
				_, err = e.ShopperData(t.Context(), asked(tt.request.Brand, tt.request.Actor))
				wantCode(t, err, tt.want)
			}
		}
		if s.dump() != before {
			t.Error("somebody changed something")
		}
	})
}
