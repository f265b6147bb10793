package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"hotdrop/core"
)

func testDocumentConcurrency(t *testing.T, store Store) {
	t.Run("of twenty writers who compare and swap one document none is lost", func(t *testing.T) {
		s := openSale(t, store, nil)
		CountTogether(t, s.campaign, store)
	})

	t.Run("of those who insert, change or delete one document at once one does", func(t *testing.T) {
		s := openSale(t, store, nil)
		d := document(core.DocumentTask, "refund/1", "")
		for _, one := range []*core.Document{d, at(d, 1), gone(d, 2)} {
			won := make([]bool, 8)
			inParallel(len(won), func(worker int) { won[worker] = s.tries(s.documents(one)) })
			won = slices.DeleteFunc(won, func(w bool) bool { return !w })
			same(t, "writers", len(won), 1)
		}
		same(t, "documents", len(s.book().Documents), 0)
	})

	t.Run("documents are of the same snapshot as claims and counters while others write", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 1000})
		q := core.Query{Counters: true, Kinds: []core.DocumentKind{core.DocumentTags}}
		var plans []*core.Plan
		for n := range 60 {
			plan, tags := s.plan(s.order(shopperName(n))), document(core.DocumentTags, shopperName(n), shopperName(n))
			plan.Documents = []*core.Document{tags}
			plans, q.Shoppers, q.Documents = append(plans, plan), append(q.Shoppers, tags.Shopper), append(q.Documents, tags.Key())
		}
		whileWriting(t, func() {
			for _, plan := range plans {
				s.apply(plan)
			}
		}, func() {
			state := s.state(q)
			taken := state.Counters[stock].Limit - state.Counters[stock].Remaining
			same(t, "documents by key", int64(len(state.Documents)), taken)
			same(t, "shoppers", int64(len(state.Shoppers)), taken)
			for name, shopper := range state.Shoppers {
				same(t, name+"'s claims and documents", []int{len(shopper.Claims), len(shopper.Documents)}, []int{1, 1})
			}
			b := s.book()
			same(t, "documents in the book", len(b.Documents), len(b.Orders))
		})
	})

	t.Run("a plan made under locks finds its documents as it read them, whoever else writes them", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 1})
		key := core.DocumentKey{Kind: core.DocumentShare, ID: "link"}
		counted := func(next *core.Document) *core.Plan {
			plan := s.documents(next)
			plan.Epoch, plan.Counters = s.record.Epoch, []core.Delta{{Counter: stock}} // the last lock of every plan
			return plan
		}
		s.apply(counted(s.oneMore(key)))
		whileWriting(t, func() {
			for range 60 {
				q := core.Query{Campaign: s.campaign, Brand: brand, Documents: []core.DocumentKey{key}}
				_, err := s.ApplyLocked(t.Context(), q, func(state *core.State) (*core.Plan, error) {
					next := *state.Documents[key]
					return counted(&next), nil
				})
				if err != nil {
					t.Errorf("under locks: %v", err)
				}
			}
		}, func() { s.tries(counted(s.oneMore(key))) })
	})

	t.Run("plans that name the same documents in opposite order never deadlock", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10000})
		inParallel(4, func(worker int) {
			for range 40 {
				s.tries(s.shuffled(worker))
			}
		})
		for _, d := range s.book().Documents {
			same(t, "content of "+d.ID, string(d.Content), fmt.Sprintf(`{"revision":%d}`, d.Revision))
		}
	})
}

// shuffled is a plan that changes, deletes or inserts each of some documents, as they were a moment ago.
func (s *sale) shuffled(worker int) *core.Plan {
	plan := s.plan(s.order(unique("shopper")))
	var keys []core.DocumentKey
	for n := range 10 {
		keys = append(keys, core.DocumentKey{Kind: core.DocumentTags, ID: shopperName(n)})
	}
	state := s.state(core.Query{Documents: keys})
	for n, key := range keys {
		d := core.Document{Kind: key.Kind, ID: key.ID, State: "kept"}
		if known := state.Documents[key]; known != nil {
			d.Revision = known.Revision
			if (n+worker)%3 == 0 {
				d.State = ""
			}
		}
		d.Content = fmt.Appendf(nil, `{"revision":%d}`, d.Revision+1)
		plan.Documents = append(plan.Documents, &d)
	}
	if worker%2 == 0 {
		slices.Reverse(plan.Documents)
	}
	return plan
}

// CountTogether has twenty writers add to one document of the campaign, through the stores in turns, and checks that
// every addition counts once. The stores are nodes on one database.
func CountTogether(t *testing.T, campaign string, stores ...Store) {
	t.Helper()
	const writers, each = 20, 5
	key := core.DocumentKey{Kind: core.DocumentShare, ID: "link"}
	inParallel(writers, func(writer int) {
		s := &sale{t: t, Store: stores[writer%len(stores)], brand: brand, campaign: campaign}
		for counted := 0; counted < each; {
			if s.tries(s.documents(s.oneMore(key))) {
				counted++
			}
		}
	})
	s := &sale{t: t, Store: stores[0], brand: brand, campaign: campaign}
	d := s.state(core.Query{Documents: []core.DocumentKey{key}}).Documents[key]
	same(t, "revision", d.Revision, int64(writers*each))
	same(t, "counted", string(d.Content), fmt.Sprint(writers*each))
}

// oneMore is the document with its content, a number, one higher.
func (s *sale) oneMore(key core.DocumentKey) *core.Document {
	next := &core.Document{Kind: key.Kind, ID: key.ID, State: "kept"}
	count := 0
	if d := s.state(core.Query{Documents: []core.DocumentKey{key}}).Documents[key]; d != nil {
		next.Revision = d.Revision
		if err := json.Unmarshal(d.Content, &count); err != nil {
			s.t.Error(err)
		}
	}
	next.Content = fmt.Append(nil, count+1)
	return next
}
