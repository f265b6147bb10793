package storetest

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
)

func testCampaigns(t *testing.T, store Store) {
	t.Run("a campaign comes back as it was saved, with its ruleset", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		definition := fullCampaign(s.campaign)
		s.record.Definition, s.record.Demo = definition, true
		s.record.Revision, s.record.Epoch = 2, 7
		s.record.Ruleset = core.Ruleset{
			Number: 2, Bindings: definition.Ruleset, Stacking: definition.Stacking, Digests: []string{"sha256:1"},
			CreatedAt: opening, CreatedBy: "staff-2",
		}
		s.record.Rulesets, s.record.Rollout = 2, fullRollout()
		s.record.Agreed = fullCampaign(s.campaign)
		s.record.Agreed.Items[0].Price++
		change := s.change()
		change.NewRuleset = true
		must(t, s.SaveCampaign(t.Context(), change))
		got, err := s.Campaign(t.Context(), s.campaign)
		must(t, err)
		same(t, "record", inJSON(t, got), inJSON(t, s.record))
		same(t, "demo", got.Demo, true)
		same(t, "highest ruleset", got.Rulesets, int64(2))
		same(t, "epoch of the counters", s.state(core.Query{Counters: true}).Epoch, int64(7))
	})

	t.Run("the file that people agreed on stays until another takes its place", func(t *testing.T) {
		s := openSale(t, store, nil)
		for _, agreed := range []*core.Campaign{nil, fullCampaign(s.campaign), nil} {
			s.record.Agreed = agreed
			s.next()
			got, err := s.Campaign(t.Context(), s.campaign)
			must(t, err)
			same(t, "what was agreed on", inJSON(t, got.Agreed), inJSON(t, agreed))
		}
	})

	t.Run("a campaign that is not is nil", func(t *testing.T) {
		got, err := store.Campaign(t.Context(), unique("none"))
		must(t, err)
		if got != nil {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("versions are listed by id", func(t *testing.T) {
		s, other := openSale(t, store, nil), openSale(t, store, nil)
		s.next()
		list, err := store.Campaigns(t.Context())
		must(t, err)
		byID := func(a, b core.CampaignVersion) int { return strings.Compare(a.ID, b.ID) }
		if !slices.IsSortedFunc(list, byID) {
			t.Errorf("not sorted: %v", list)
		}
		for _, want := range []core.CampaignVersion{
			{ID: s.campaign, Brand: brand, Epoch: 2, Revision: 2, Rulesets: 1},
			{ID: other.campaign, Brand: brand, Epoch: 1, Revision: 1, Rulesets: 1},
		} {
			if !slices.Contains(list, want) {
				t.Errorf("%+v is not in %v", want, list)
			}
		}
	})

	t.Run("every ruleset is kept under its number", func(t *testing.T) {
		s := openSale(t, store, nil)
		first := s.record.Ruleset
		s.record.Ruleset.Number, s.record.Ruleset.CreatedBy = 2, "staff-2"
		s.record.Revision++
		change := s.change()
		change.NewRuleset = true
		must(t, s.SaveCampaign(t.Context(), change))
		for _, want := range []core.Ruleset{first, s.record.Ruleset} {
			got, err := s.Ruleset(t.Context(), s.key(), want.Number)
			must(t, err)
			same(t, "ruleset", got, &want)
		}
		none, err := s.Ruleset(t.Context(), s.key(), 3)
		must(t, err)
		if none != nil {
			t.Errorf("got %+v", none)
		}
	})

	t.Run("artefacts are kept once and never change", func(t *testing.T) {
		first, other := openSale(t, store, nil), openSale(t, store, nil)
		digest := "sha256:" + unique("artefact")
		none, err := store.Artefact(t.Context(), digest)
		must(t, err)
		same(t, "artefact before", none == nil, true)
		want := core.Artefact{Digest: digest, Kind: "plugin", Bytes: []byte("\x00asm\xff\n")}
		for i, s := range []*sale{first, other, first} {
			stored := want
			if i > 0 {
				stored.Bytes = []byte("later")
			}
			s.record.Revision++
			change := s.change()
			change.Artefacts = []*core.Artefact{&stored, {Digest: digest + "/2", Kind: "rule", Bytes: []byte{}}}
			must(t, s.SaveCampaign(t.Context(), change))
		}
		got, err := store.Artefact(t.Context(), digest)
		must(t, err)
		same(t, "artefact", *got, want)
		empty, err := store.Artefact(t.Context(), digest+"/2")
		must(t, err)
		same(t, "kind of an empty artefact", empty.Kind, "rule")
	})

	t.Run("a change that is refused keeps no artefact", func(t *testing.T) {
		s := openSale(t, store, nil)
		digest := "sha256:" + unique("artefact")
		change := s.change()
		change.From, change.Artefacts = 99, []*core.Artefact{{Digest: digest, Kind: "rule", Bytes: []byte("x")}}
		if err := s.SaveCampaign(t.Context(), change); !errors.Is(err, core.ErrConflict) {
			t.Errorf("got the error %v", err)
		}
		none, err := store.Artefact(t.Context(), digest)
		must(t, err)
		same(t, "artefact", none == nil, true)
	})

	t.Run("the number of a ruleset is used once", func(t *testing.T) {
		s := openSale(t, store, nil)
		s.record.Revision++
		change := s.change()
		change.NewRuleset = true
		wantConflict(t, s.SaveCampaign(t.Context(), change))
		s.unchanged(1)
	})

	t.Run("a campaign that exists is not created again", func(t *testing.T) {
		s := openSale(t, store, nil)
		change := s.change()
		change.From, change.Record.Ruleset.Number, change.NewRuleset = 0, 2, true
		wantConflict(t, s.SaveCampaign(t.Context(), change))
		s.unchanged(1)
	})

	t.Run("a change from another revision is a conflict", func(t *testing.T) {
		for _, from := range []int64{1, 3} {
			s := openSale(t, store, nil)
			s.next()
			change := s.change()
			change.From, change.Record.Revision, change.Record.Epoch = from, from+1, 9
			wantConflict(t, s.SaveCampaign(t.Context(), change))
			s.unchanged(2)
		}
	})

	t.Run("a change of a campaign that is not is a conflict", func(t *testing.T) {
		s := openSale(t, store, nil)
		change := s.change()
		change.From, change.Record.Definition = 1, fullCampaign(unique("none"))
		wantConflict(t, s.SaveCampaign(t.Context(), change))
	})

	t.Run("a change's documents are inserted unless they are there", func(t *testing.T) {
		s := openSale(t, store, nil)
		phones, cars := document(core.DocumentDraw, "phones", ""), document(core.DocumentDraw, "cars", "")
		s.apply(s.documents(phones))
		s.apply(s.documents(at(phones, 1)))
		untouched := s.book()
		change := s.change()
		change.Documents = []*core.Document{phones, cars}
		wantConflict(t, s.SaveCampaign(t.Context(), change))
		same(t, "book after a conflict", s.book(), untouched)
		s.record.Revision++
		change = s.change()
		change.Documents, change.Limits[stock] = []*core.Document{phones, cars}, -1
		same(t, "code", core.CodeOf(s.SaveCampaign(t.Context(), change)), core.CodeBelowTaken)
		same(t, "book after a refusal", s.book(), untouched)
		change.Limits[stock] = 1
		must(t, s.SaveCampaign(t.Context(), change))
		same(t, "documents", s.book().Documents, []*core.Document{at(cars, 1), at(phones, 2)})
	})

	t.Run("of changes at once one is saved", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		s.record.Revision, s.record.Epoch = 2, 2
		var saved atomic.Int64
		inParallel(6, func(int) {
			switch err := s.SaveCampaign(t.Context(), s.change()); {
			case err == nil:
				saved.Add(1)
			case !errors.Is(err, core.ErrConflict):
				t.Error(err)
			}
		})
		same(t, "saved", saved.Load(), int64(1))
		s.unchanged(2)
	})

	t.Run("from the change's commit on no plan of the old epoch is applied", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 100000})
		old := s.record.Epoch
		var changed atomic.Bool
		inParallel(4, func(worker int) {
			if worker == 0 {
				s.next()
				changed.Store(true)
				return
			}
			for n, applied := 0, true; applied; n++ {
				late := changed.Load()
				plan := s.planUnder(old, s.order(shopperName(worker*100000+n)))
				if applied = s.tries(plan); applied && late {
					t.Error("a plan of the old epoch was applied after the change")
				}
			}
		})
		s.book().check(t)
	})
}

// fullCampaign uses every part of a campaign file.
func fullCampaign(id string) *core.Campaign {
	at := time.Date(2014, 4, 3, 12, 0, 0, 0, time.FixedZone("", 8*60*60))
	return &core.Campaign{
		ID: id, Brand: brand, Currency: currency, Title: core.Text{EN: "Cool down", ZH: "退个烧"},
		Phases: core.Phases{Reservation: at.AddDate(0, 0, -6), Sale: at, Closed: at.AddDate(0, 0, 3)},
		Items: []core.Item{{
			SKU: sku, Title: core.Text{EN: "MX3"}, Price: price, Stock: 10, Limit: 1, Hold: core.Duration(15 * time.Minute),
			NeedsReservation: true,
		}},
		Inputs:       map[string]core.Input{"trade_in": {Fields: map[string]core.Field{"brand": {Type: "string", Max: 40}}}},
		Quotas:       map[string]int64{"trade-in": 2099},
		VoucherPools: map[string]core.VoucherPool{"fifty": {Count: 10, Value: 5000}},
		Guardrails:   core.Guardrails{MinPrice: 1, MaxDiscount: 60000},
		Ruleset:      []core.Binding{{Mechanic: "trade-in", Config: core.Object{"amount": int64(50000)}, Group: "main"}},
		Stacking:     map[string]core.Stacking{"main": core.StackBest},
	}
}

func inJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}

// unchanged checks that the campaign is still at the revision, with the epoch of openSale and next.
func (s *sale) unchanged(revision int64) {
	s.t.Helper()
	got, err := s.Campaign(s.t.Context(), s.campaign)
	must(s.t, err)
	same(s.t, "revision", got.Revision, revision)
	same(s.t, "epoch", got.Epoch, revision)
	same(s.t, "epoch of the counters", s.state(core.Query{Counters: true}).Epoch, revision)
}

// testLimits changes the limits of a campaign of which 4 units of stock are taken.
func testLimits(t *testing.T, store Store) {
	for name, test := range map[string]struct {
		limits map[string]int64
		want   map[string]core.Counter
	}{
		"raised": {
			map[string]int64{stock: 15, "quota/a": 5},
			map[string]core.Counter{stock: {Limit: 15, Remaining: 11}, "quota/a": {Limit: 5, Remaining: 5}},
		},
		"lowered": {
			map[string]int64{stock: 5, "quota/a": 0},
			map[string]core.Counter{stock: {Limit: 5, Remaining: 1}, "quota/a": {Limit: 0, Remaining: 0}},
		},
		"lowered to what is taken": {
			map[string]int64{stock: 4, "quota/a": 5},
			map[string]core.Counter{stock: {Limit: 4, Remaining: 0}, "quota/a": {Limit: 5, Remaining: 5}},
		},
		"made": {
			map[string]int64{stock: 10, "quota/a": 5, "quota/b": 6},
			map[string]core.Counter{
				stock: {Limit: 10, Remaining: 6}, "quota/a": {Limit: 5, Remaining: 5}, "quota/b": {Limit: 6, Remaining: 6},
			},
		},
		"no longer named": {
			map[string]int64{},
			map[string]core.Counter{stock: {Limit: 4, Remaining: 0}, "quota/a": {Limit: 0, Remaining: 0}},
		},
	} {
		t.Run("a limit that is "+name, func(t *testing.T) {
			s := saleWithFourTaken(t, store)
			s.limits = test.limits
			s.limits[core.CounterReservations] = core.Unbounded
			s.next()
			test.want[core.CounterReservations] = core.Counter{Limit: core.Unbounded, Remaining: core.Unbounded - 1}
			state := s.state(core.Query{Counters: true})
			same(t, "counters", state.Counters, test.want)
			for key, row := range s.book().Counters {
				same(t, "epoch of "+key, []int64{row.Epoch, row.Seen}, []int64{2, 2})
			}
		})
	}

	t.Run("a limit below what is taken is refused by name and nothing is written", func(t *testing.T) {
		s := saleWithFourTaken(t, store)
		untouched := s.book()
		s.limits[stock], s.limits["quota/a"] = 3, 9
		s.record.Revision, s.record.Epoch = 2, 2
		err := s.SaveCampaign(t.Context(), s.change())
		same(t, "code", core.CodeOf(err), core.CodeBelowTaken)
		if err == nil || !strings.Contains(err.Error(), stock) {
			t.Errorf("the error does not name %s: %v", stock, err)
		}
		same(t, "book", s.book(), untouched)
		s.unchanged(1)
		s.record.Epoch = 1
		s.apply(s.plan(s.order("zoe"))) // no lock is left
	})

	t.Run("a counter that was no longer named comes back", func(t *testing.T) {
		s := saleWithFourTaken(t, store)
		delete(s.limits, stock)
		s.next()
		s.limits[stock] = 10
		s.next()
		same(t, "stock", s.state(core.Query{Counters: true}).Counters[stock], core.Counter{Limit: 10, Remaining: 6})
	})

	t.Run("limits change while orders are placed, and the equation holds", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 500})
		whileWriting(t, func() {
			for n := range 30 {
				s.limits[stock] = 500 + int64(n)
				s.record.Revision++
				must(t, s.SaveCampaign(t.Context(), s.change()))
			}
		}, func() { s.tries(s.plan(s.order(unique("shopper")))) })
		b := s.book()
		b.check(t)
		same(t, "limit", b.Counters[stock].Limit, int64(529))
	})
}

func saleWithFourTaken(t *testing.T, store Store) *sale {
	t.Helper()
	s := openSale(t, store, map[string]int64{stock: 10, "quota/a": 5})
	s.apply(s.plan(s.order("ann"), s.order("bob"), s.order("cid"), s.order("dan")))
	s.apply(s.reserve("ann"))
	return s
}
