package core_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hotdrop/core"
)

// notebook is a journal that keeps refusals in memory. It writes when its gate lets it: every write takes one from it, and
// fails with what it takes. A nil gate lets everything through.
type notebook struct {
	core.Journal

	gate chan error

	mu      sync.Mutex
	batches []int
	kept    []*core.RefusalRecord
	forgot  [2]int64
}

func (n *notebook) AddRefusals(_ context.Context, refusals []*core.RefusalRecord) error {
	if n.gate != nil {
		if err := <-n.gate; err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.batches = append(n.batches, len(refusals))
	n.kept = append(n.kept, refusals...)
	return nil
}

func (n *notebook) Refusals(_ context.Context, of core.CampaignKey, after string, limit int) ([]*core.RefusalRecord, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var page []*core.RefusalRecord
	for _, r := range n.kept {
		if r.Campaign == of.ID && (after == "" || r.ID < after) {
			page = append(page, r)
		}
	}
	slices.SortFunc(page, func(a, b *core.RefusalRecord) int { return cmp.Compare(b.ID, a.ID) })
	return page[:min(limit, len(page))], nil
}

func (n *notebook) Forget(_ context.Context, samples, refusals int64) error {
	n.forgot = [2]int64{samples, refusals}
	return nil
}

// SaveSamples keeps none: these tests are about refusals.
func (*notebook) SaveSamples(context.Context, []core.Sample) error { return nil }

func (*notebook) Samples(context.Context, core.CampaignKey, int64, int64) ([]core.Sample, error) {
	return nil, nil
}

// newLogged starts a drop whose refusals are kept in the journal.
func newLogged(t *testing.T, s store, m mechanics, j core.Journal, change func(*core.Campaign)) *drop {
	t.Helper()
	d := newDrop(t, s, m, change)
	d.Stop()
	d.Engine = core.NewEngine(core.Options{
		Store: s, Campaigns: s, Ledger: s, Journal: j, Compiler: m, Now: d.clock.now, Log: slog.New(slog.DiscardHandler),
	})
	must(t, d.Start(t.Context()))
	t.Cleanup(d.Stop)
	return d
}

// choosy denies by the shopper's tier, after a discount.
func choosy() mechanics {
	return mechanics{
		"off": func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			return append(effects, core.Effect{Kind: core.EffectDiscount, Amount: 100}), nil
		},
		"choosy": func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			switch f.Shopper.Tier {
			case "":
				return effects, nil
			case "fails":
				return effects, &core.MechanicError{Code: "failed", Message: "no idea"}
			default:
				return append(effects, core.Effect{Kind: core.EffectDeny, Name: f.Shopper.Tier, Text: core.Text{EN: "No"}}), nil
			}
		},
	}
}

func bindChoosy(c *core.Campaign) {
	c.Ruleset = []core.Binding{{Mechanic: "off"}, {Mechanic: "choosy"}}
}

// refuse asks for an order that is refused with the code.
func (d *drop) refuse(shopper, tier string, want core.Code) {
	d.t.Helper()
	req := buy(shopper, "k-"+shopper)
	req.Shopper.Tier = tier
	_, _, err := d.Place(context.Background(), req)
	wantCode(d.t, err, want)
}

func (d *drop) decisions(q core.DecisionQuery) core.Page[*core.Decision] {
	d.t.Helper()
	q.Campaign, q.Staff, q.Limit = "phone", operator, max(q.Limit, 1)
	page, err := d.Decisions(context.Background(), q)
	must(d.t, err)
	return page
}

func TestARefusalIsKeptWithWhatWasDecided(t *testing.T) {
	j := &notebook{}
	d := newLogged(t, sqliteStore(t), choosy(), j, bindChoosy)
	d.refuse("ann", "banned", core.CodeDenied)
	d.refuse("bob", "fails", core.CodeMechanicFailed)
	d.clock.advance(2 * time.Hour)
	d.refuse("cid", "", core.CodeNotInPhase)
	d.Stop()
	if len(j.kept) != 3 {
		t.Fatalf("%d refusals are kept", len(j.kept))
	}
	type content struct {
		Bindings []struct {
			Mechanic string        `json:"mechanic"`
			Outcome  string        `json:"outcome"`
			Failure  string        `json:"failure"`
			Effects  []core.Effect `json:"effects"`
		} `json:"bindings"`
		Facts   core.Facts `json:"facts"`
		Ruleset int64      `json:"ruleset"`
		Refusal struct {
			Check  string `json:"check"`
			Code   string `json:"code"`
			Reason string `json:"reason"`
		} `json:"refusal"`
	}
	read := func(r *core.RefusalRecord) (c content) {
		must(t, json.Unmarshal(r.Content, &c))
		if canonical, err := core.CanonicalData(string(r.Content)); err != nil || canonical != string(r.Content) {
			t.Errorf("%v: it is not canonical:\n%s\n%s", err, r.Content, canonical)
		}
		return c
	}
	denied := read(j.kept[0])
	if len(denied.Bindings) != 2 || denied.Bindings[0].Effects[0].Amount != 100 || denied.Bindings[1].Effects[0].Name != "banned" ||
		denied.Facts.Shopper.ID != "ann" || denied.Ruleset != 1 || denied.Refusal.Check != "mechanic" || denied.Refusal.Reason != "banned" {
		t.Errorf("denied: %+v", denied)
	}
	if r := j.kept[0]; r.Code != core.CodeDenied || r.Reason != "banned" || r.Brand != "xiaomi" || r.At != opening.UnixMilli() {
		t.Errorf("denied: %+v", r)
	}
	failed := read(j.kept[1])
	if len(failed.Bindings) != 2 || failed.Bindings[1].Failure != "failed: no idea" || failed.Bindings[1].Outcome != "failed" {
		t.Errorf("failed: %+v", failed)
	}
	late := read(j.kept[2])
	if len(late.Bindings) != 0 || late.Facts.Shopper.ID != "cid" || late.Facts.Item.SKU != "mi2" || late.Refusal.Code != "not_in_phase" {
		t.Errorf("refused before mechanics were asked: %+v", late)
	}
}

func TestTheFirstTenOfASecondAreKeptAndThenOneInAHundred(t *testing.T) {
	j := &notebook{}
	d := newLogged(t, sqliteStore(t), choosy(), j, bindChoosy)
	for i := range 250 {
		d.refuse(fmt.Sprintf("s%d", i), "banned", core.CodeDenied)
	}
	d.refuse("other", "sober", core.CodeDenied) // another reason counts by itself
	d.clock.advance(time.Second)
	d.refuse("next", "banned", core.CodeDenied) // and so does the next second
	d.Stop()
	if len(j.kept) != 10+2+1+1 {
		t.Errorf("%d are kept of 252", len(j.kept))
	}
}

func TestReasonsWithoutEndAreKeptWithinBounds(t *testing.T) {
	j := &notebook{}
	d := newLogged(t, sqliteStore(t), choosy(), j, bindChoosy)
	for i := range 400 {
		d.refuse(fmt.Sprintf("s%d", i), fmt.Sprintf("reason-%d", i), core.CodeDenied)
	}
	d.Stop()
	if want := 64 + 10 + 3; len(j.kept) != want {
		t.Errorf("%d are kept of 400, want %d", len(j.kept), want)
	}
}

func TestAStoreThatIsAwayFillsNoLog(t *testing.T) {
	j, s := &notebook{}, sqliteStore(t)
	d := newLogged(t, s, nil, j, nil)
	d.Stop()
	e := core.NewEngine(core.Options{
		Store: broken{s, core.ErrUnavailable}, Campaigns: s, Ledger: s, Journal: j, Compiler: mechanics{}, Now: d.clock.now,
		Log: slog.New(slog.DiscardHandler),
	})
	must(t, e.Start(t.Context()))
	_, _, err := e.Place(t.Context(), buy("ann", "k"))
	wantCode(t, err, core.CodeUnavailable)
	e.Stop()
	if len(j.kept) != 0 {
		t.Errorf("kept: %+v", j.kept[0])
	}
}

func TestWhatAnswersAnEarlierRequestIsNoRefusal(t *testing.T) {
	j := &notebook{}
	d := newLogged(t, sqliteStore(t), choosy(), j, bindChoosy)
	d.place("ann")
	d.place("ann")
	d.Stop()
	if len(j.kept) != 0 {
		t.Errorf("kept: %s", j.kept[0].Content)
	}
}

// TestWhenTheLogCannotKeepUpRequestsWait holds the writes of the log until its room is used up: whoever comes then waits until
// there is room, and nothing is lost.
func TestWhenTheLogCannotKeepUpRequestsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &notebook{gate: make(chan error)}
		log := core.NewRefusalLog(j, 3, 100)
		added := make(chan int, 10)
		for i := range 10 {
			go func() {
				log.Add(t.Context(), &core.RefusalRecord{ID: fmt.Sprint(i)})
				added <- i
			}()
			synctest.Wait()
		}
		if len(added) != 3 {
			t.Errorf("%d were answered while the log had room for 3", len(added))
		}
		j.gate <- errors.New("the disk is slow") // what fails is written again
		synctest.Wait()
		if len(added) != 3 {
			t.Errorf("%d were answered by a write that failed", len(added))
		}
		j.gate <- nil
		synctest.Wait()
		if len(added) <= 3 || len(added) == 10 {
			t.Errorf("%d were answered after one write", len(added))
		}
		close(j.gate)
		synctest.Wait()
		log.Stop()
		if len(added) != 10 || len(j.kept) != 10 {
			t.Errorf("%d were answered, %d are kept", len(added), len(j.kept))
		}
	})
}

func TestWhatArrivesDuringAWriteIsWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &notebook{gate: make(chan error)}
		log := core.NewRefusalLog(j, 1000, 100)
		for i := range 700 {
			log.Add(t.Context(), &core.RefusalRecord{ID: fmt.Sprint(i)})
			synctest.Wait() // the first is on its way
		}
		close(j.gate)
		log.Stop()
		if want := []int{1, 500, 199}; !slices.Equal(j.batches, want) {
			t.Errorf("written as %v, want %v", j.batches, want)
		}
	})
}

func TestANodeThatStopsWritesWhatItHasAndGivesUpOnlyInTheEnd(t *testing.T) {
	for name, test := range map[string]struct {
		failures int
		kept     int
	}{"a store that comes back": {3, 1}, "a store that stays away": {100, 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &notebook{gate: make(chan error, 100)}
				for range test.failures {
					j.gate <- core.ErrUnavailable
				}
				if test.kept > 0 {
					close(j.gate)
				}
				log := core.NewRefusalLog(j, 10, 100)
				log.Add(t.Context(), &core.RefusalRecord{ID: "1"})
				log.Stop()
				if len(j.kept) != test.kept {
					t.Errorf("%d are kept", len(j.kept))
				}
			})
		})
	}
}

func TestDecisionsAreListedByKindAndCode(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		j, ok := s.(core.Journal)
		if !ok {
			t.Fatal("the store is no journal")
		}
		listDecisions(t, s, j)
	})
}

func listDecisions(t *testing.T, s store, j core.Journal) {
	t.Helper()
	d := newLogged(t, s, choosy(), j, func(c *core.Campaign) { bindChoosy(c); c.Items[0].Stock = 100 })
	for i := range 5 {
		d.place(fmt.Sprintf("s%d", i))
		d.refuse(fmt.Sprintf("d%d", i), "banned", core.CodeDenied)
		d.refuse(fmt.Sprintf("f%d", i), "fails", core.CodeMechanicFailed)
		d.clock.advance(time.Second)
	}
	d.flushed(10)
	for name, test := range map[string]struct {
		q    core.DecisionQuery
		want int
	}{
		"orders":              {core.DecisionQuery{Kind: core.DecisionOrders, Limit: 2}, 5},
		"refusals":            {core.DecisionQuery{Kind: core.DecisionRefusals, Limit: 3}, 10},
		"refusals of a code":  {core.DecisionQuery{Kind: core.DecisionRefusals, Code: core.CodeDenied, Limit: 2}, 5},
		"refusals of no code": {core.DecisionQuery{Kind: core.DecisionRefusals, Code: core.CodeSoldOut, Limit: 2}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var all []*core.Decision
			for {
				page := d.decisions(test.q)
				all = append(all, page.Data...)
				if test.q.Cursor = page.Next; page.Next == "" {
					break
				}
			}
			if len(all) != test.want || !slices.IsSortedFunc(all, func(a, b *core.Decision) int { return cmp.Compare(b.ID, a.ID) }) {
				t.Errorf("%d decisions", len(all))
			}
			for _, one := range all {
				isOrder := one.Kind == core.DecisionOrders
				if one.Ruleset != 1 || one.Epoch == 0 || (one.Total > 0) != isOrder || (one.Code == "") != isOrder ||
					!strings.Contains(string(one.Content), `"bindings"`) {
					t.Errorf("%+v", one)
				}
			}
		})
	}
}

// flushed stops the node, which writes what it has, and requires so many refusals.
func (d *drop) flushed(want int) {
	d.t.Helper()
	d.Stop()
	if got := len(d.decisions(core.DecisionQuery{Kind: core.DecisionRefusals, Limit: 100}).Data); got != want {
		d.t.Fatalf("%d refusals are written, want %d", got, want)
	}
}

func TestOnlyTheBrandsStaffReadDecisions(t *testing.T) {
	d := newLogged(t, sqliteStore(t), nil, &notebook{}, nil)
	for name, tt := range map[string]struct {
		q    core.DecisionQuery
		want core.Code
	}{
		"an operator":   {core.DecisionQuery{Kind: core.DecisionRefusals, Staff: operator}, ""},
		"the brand":     {core.DecisionQuery{Kind: core.DecisionOrders, Staff: core.Principal{Role: core.RoleBrand, Brand: "xiaomi"}}, ""},
		"another brand": {core.DecisionQuery{Kind: core.DecisionOrders, Staff: core.Principal{Role: core.RoleBrand, Brand: "meizu"}}, core.CodeNotFound},
		"a shopper":     {core.DecisionQuery{Kind: core.DecisionOrders, Staff: core.Principal{ID: "ann", Role: core.RoleShopper}}, core.CodeNotFound},
		"another kind":  {core.DecisionQuery{Kind: "dreams", Staff: operator}, core.CodeInvalid},
		"a cursor that is none": {
			core.DecisionQuery{Kind: core.DecisionRefusals, Cursor: "x\x00", Staff: operator}, core.CodeInvalid,
		},
	} {
		t.Run(name, func(t *testing.T) {
			tt.q.Campaign, tt.q.Limit = "phone", 10
			_, err := d.Decisions(t.Context(), tt.q)
			wantCode(t, err, tt.want)
		})
	}
	_, err := d.Decisions(t.Context(), core.DecisionQuery{Campaign: "none", Kind: core.DecisionOrders, Staff: operator})
	wantCode(t, err, core.CodeNotFound)
}

func TestWhatIsOlderThanTheRetentionIsForgotten(t *testing.T) {
	j := &notebook{}
	d := newLogged(t, sqliteStore(t), nil, j, nil)
	must(t, d.Forget(t.Context(), core.Retention{Samples: time.Minute, Refusals: time.Hour}))
	if want := [2]int64{opening.Unix() - 60, opening.UnixMilli() - 3_600_000}; j.forgot != want {
		t.Errorf("forgotten before %v, want %v", j.forgot, want)
	}
	d.Stop()
	must(t, newDrop(t, sqliteStore(t), nil, nil).Forget(t.Context(), core.Retention{})) // without a journal there is nothing to forget
}

func TestRefusalsOfACodeAreListedOnceThoughOthersLieBetween(t *testing.T) {
	j := &notebook{}
	d := newLogged(t, sqliteStore(t), nil, j, nil)
	for i := range 1200 { // more than one read of the log
		code := core.CodeSoldOut
		if i < 3 || i == 700 {
			code = core.CodeDenied
		}
		j.kept = append(j.kept, &core.RefusalRecord{
			Campaign: "phone", ID: fmt.Sprintf("phone.%026d", i), Brand: "xiaomi", At: int64(i), Code: code, Content: []byte("{}"),
		})
	}
	for _, limit := range []int{1, 2, 3, 4, 50} {
		listed := map[string]int{}
		for q := (core.DecisionQuery{Kind: core.DecisionRefusals, Code: core.CodeDenied, Limit: limit}); ; {
			page := d.decisions(q)
			for _, one := range page.Data {
				listed[one.ID]++
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
			if len(listed) > 4 || len(page.Data) == 0 {
				t.Fatalf("%d a page: %v goes on behind %s", limit, listed, q.Cursor)
			}
		}
		for id, times := range listed {
			if times != 1 {
				t.Errorf("%d a page: %s is listed %d times", limit, id, times)
			}
		}
		if len(listed) != 4 {
			t.Errorf("%d a page: %d are listed of 4", limit, len(listed))
		}
	}
}
