package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
)

// oddText is what a store must not take apart.
const oddText = "安 \"'\\%_{}, NULL; -- \n\t🧨 末日"

// document makes a document of the shopper's that is not stored yet.
func document(kind core.DocumentKind, id, shopper string) *core.Document {
	return &core.Document{Kind: kind, ID: id, Shopper: shopper, State: "kept", Content: json.RawMessage(`{"n":1}`)}
}

// documents is a plan that writes them and nothing else.
func (s *sale) documents(list ...*core.Document) *core.Plan {
	return &core.Plan{Campaign: s.campaign, Brand: brand, Documents: list}
}

// kept loads one document, nil if there is none.
func (s *sale) kept(d *core.Document) *core.Document {
	s.t.Helper()
	return s.state(core.Query{Documents: []core.DocumentKey{d.Key()}}).Documents[d.Key()]
}

// at is the document at another revision, as a plan that has read it names it.
func at(d *core.Document, revision int64) *core.Document {
	next := *d
	next.Revision = revision
	return &next
}

// gone is the document as a plan that deletes it names it.
func gone(d *core.Document, revision int64) *core.Document {
	next := at(d, revision)
	next.State = ""
	return next
}

func testDocuments(t *testing.T, store Store) {
	t.Run("a document comes back as it was written, at revision 1", func(t *testing.T) {
		s := openSale(t, store, nil)
		d := document(core.DocumentVoucher, "code", "ann")
		d.Due = opening
		s.apply(s.documents(d))
		want := at(d, 1)
		same(t, "by key", s.kept(d), want)
		same(t, "by shopper", s.state(core.Query{Shoppers: []string{"ann"}, Kinds: []core.DocumentKind{d.Kind}}).Shoppers["ann"],
			&core.ShopperState{Documents: []*core.Document{want}})
		same(t, "in the book", s.book().Documents, []*core.Document{want})
	})

	t.Run("one without shopper, due and content stays without", func(t *testing.T) {
		s := openSale(t, store, nil)
		d := &core.Document{Kind: core.DocumentDraw, ID: "phones", State: core.DrawOpen}
		s.apply(s.documents(d))
		same(t, "document", s.kept(d), at(d, 1))
	})

	t.Run("any characters come back as they were", func(t *testing.T) {
		s := openSale(t, store, nil)
		content, err := json.Marshal(oddText)
		must(t, err)
		d := &core.Document{Kind: oddText, ID: oddText + "/2", Shopper: oddText + "!", State: oddText + "?", Content: content}
		s.apply(s.documents(d))
		want := at(d, 1)
		same(t, "document", s.kept(d), want)
		state := s.state(core.Query{Shoppers: []string{d.Shopper}, Kinds: []core.DocumentKind{oddText}})
		same(t, "documents", state.Shoppers[d.Shopper].Documents, []*core.Document{want})
	})

	t.Run("who has read a document changes all of it but its key", func(t *testing.T) {
		s := openSale(t, store, nil)
		d := document(core.DocumentGroup, "g", "ann")
		s.apply(s.documents(d))
		next := &core.Document{Kind: d.Kind, ID: d.ID, Shopper: "bob", State: "complete", Due: 7, Revision: 1, Content: []byte(`[]`)}
		s.apply(s.documents(next))
		same(t, "document", s.kept(d), at(next, 2))
		state := s.state(core.Query{Shoppers: []string{"ann", "bob"}, Kinds: []core.DocumentKind{d.Kind}})
		same(t, "shoppers", state.Shoppers, map[string]*core.ShopperState{"bob": {Documents: []*core.Document{at(next, 2)}}})
	})

	t.Run("a document that was deleted is nowhere, and may be written anew", func(t *testing.T) {
		s := openSale(t, store, nil)
		d := document(core.DocumentTask, "refund/1", "ann")
		d.Due = opening
		s.apply(s.documents(d))
		s.apply(s.documents(gone(d, 1)))
		same(t, "book", len(s.book().Documents), 0)
		same(t, "shoppers", len(s.state(core.Query{Shoppers: []string{"ann"}, Kinds: []core.DocumentKind{d.Kind}}).Shoppers), 0)
		due, err := s.DueDocuments(t.Context(), s.key(), opening, 9)
		must(t, err)
		same(t, "due", len(due), 0)
		s.apply(s.documents(d))
		same(t, "document", s.kept(d), at(d, 1))
	})

	t.Run("a document of another kind or campaign with its id is another", func(t *testing.T) {
		s, other := openSale(t, store, nil), openSale(t, store, nil)
		tags, signup := document(core.DocumentTags, "ann", "ann"), document(core.DocumentSignup, "ann", "ann")
		s.apply(s.documents(tags, signup))
		other.apply(other.documents(tags))
		s.apply(s.documents(at(tags, 1)))
		s.apply(s.documents(gone(tags, 2)))
		same(t, "the other kind", s.kept(signup), at(signup, 1))
		same(t, "the other campaign", other.book().Documents, []*core.Document{at(tags, 1)})
	})

	t.Run("hundreds are inserted, changed and deleted by one plan, whatever their order in it", func(t *testing.T) {
		s := openSale(t, store, nil)
		var first, second []*core.Document
		for n := range 300 {
			d := document(core.DocumentEntry, fmt.Sprintf("d/%03d", n), shopperName(n))
			first = append(first, d)
			second = append(second, at(d, 1), document(core.DocumentEntry, fmt.Sprintf("e/%03d", n), ""))
			if n%3 == 0 {
				second[2*n] = gone(d, 1)
			}
		}
		s.apply(s.documents(first...))
		slices.Reverse(second)
		s.apply(s.documents(second...))
		b := s.book()
		same(t, "documents", len(b.Documents), 500)
		if !slices.IsSortedFunc(b.Documents, compareDocuments) {
			t.Error("the book's documents are not sorted")
		}
	})

	t.Run("under the lock they are seen and written", func(t *testing.T) {
		s := openSale(t, store, nil)
		d := document(core.DocumentTags, "ann", "ann")
		s.apply(s.documents(d))
		q := core.Query{
			Campaign: s.campaign, Brand: brand,
			Shoppers: []string{"ann"}, Kinds: []core.DocumentKind{d.Kind}, Documents: []core.DocumentKey{d.Key()},
		}
		_, err := s.ApplyLocked(t.Context(), q, func(state *core.State) (*core.Plan, error) {
			same(t, "by key", state.Documents, map[core.DocumentKey]*core.Document{d.Key(): at(d, 1)})
			same(t, "by shopper", state.Shoppers["ann"].Documents, []*core.Document{at(d, 1)})
			return s.documents(state.Documents[d.Key()]), nil
		})
		must(t, err)
		same(t, "document", s.kept(d), at(d, 2))
	})
}

func compareDocuments(a, b *core.Document) int {
	if a.Kind != b.Kind {
		return strings.Compare(string(a.Kind), string(b.Kind))
	}
	return strings.Compare(a.ID, b.ID)
}

// testDocumentConflicts writes a plan that no longer fits into a campaign with one document, which is at revision 2.
func testDocumentConflicts(t *testing.T, store Store) {
	there, other := document(core.DocumentVoucher, "there", "ann"), document(core.DocumentVoucher, "other", "bob")
	for name, list := range map[string][]*core.Document{
		"inserting one that is there":                  {there},
		"changing one that is not":                     {at(other, 1)},
		"changing from an older revision":              {at(there, 1)},
		"changing from a later revision":               {at(there, 3)},
		"deleting one that is not":                     {gone(other, 1)},
		"deleting what nobody has read":                {gone(other, 0)},
		"deleting an older revision":                   {gone(there, 1)},
		"deleting a later revision":                    {gone(there, 3)},
		"inserting one twice":                          {other, other},
		"changing one twice":                           {at(there, 2), at(there, 2)},
		"deleting one twice":                           {gone(there, 2), gone(there, 2)},
		"changing and deleting one":                    {at(there, 2), gone(there, 2)},
		"deleting and inserting one":                   {gone(there, 2), there},
		"one that fits and one that does not":          {other, at(there, 1)},
		"a deletion that fits and one that does not":   {gone(there, 2), gone(other, 1)},
		"a change that fits and an insert that is not": {at(there, 2), other, other},
	} {
		t.Run(name+" is a conflict, and nothing is written", func(t *testing.T) {
			s := openSale(t, store, map[string]int64{stock: 10})
			s.apply(s.documents(there))
			s.apply(s.documents(at(there, 1)))
			plan := s.plan(s.order("cid"))
			plan.Documents = list
			untouched := s.book()
			s.refused(plan)
			same(t, "book", s.book(), untouched)
		})
	}

	t.Run("what else does not fit keeps the documents as they are", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		s.apply(s.documents(there))
		plan := s.plan(s.order("cid"))
		plan.Documents = []*core.Document{gone(there, 1), other}
		plan.Epoch++
		untouched := s.book()
		s.refused(plan)
		same(t, "book", s.book(), untouched)
	})
}

func testLoadDocuments(t *testing.T, store Store) {
	s, elsewhere := openSale(t, store, nil), openSale(t, store, nil)
	tags, message := document(core.DocumentTags, "ann", "ann"), document(core.DocumentMessage, "1", "ann")
	later, bobs := document(core.DocumentMessage, "2", "ann"), document(core.DocumentMessage, "3", "bob")
	nobodys := document(core.DocumentMessage, "4", "")
	s.apply(s.documents(later, message, tags, bobs, nobodys))
	elsewhere.apply(elsewhere.documents(document(core.DocumentMessage, "5", "ann")))

	for name, test := range map[string]struct {
		q    core.Query
		want map[string]*core.ShopperState
	}{
		"of the kinds that are asked for": {
			core.Query{Shoppers: []string{"ann", "bob", "cid"}, Kinds: []core.DocumentKind{core.DocumentMessage}},
			map[string]*core.ShopperState{
				"ann": {Documents: []*core.Document{at(message, 1), at(later, 1)}}, "bob": {Documents: []*core.Document{at(bobs, 1)}},
			},
		},
		"by kind and id": {
			core.Query{Shoppers: []string{"ann"}, Kinds: []core.DocumentKind{core.DocumentTags, core.DocumentMessage}},
			map[string]*core.ShopperState{"ann": {Documents: []*core.Document{at(message, 1), at(later, 1), at(tags, 1)}}},
		},
		"once, who and what is asked for twice": {
			core.Query{Shoppers: []string{"bob", "bob"}, Kinds: []core.DocumentKind{core.DocumentMessage, core.DocumentMessage}},
			map[string]*core.ShopperState{"bob": {Documents: []*core.Document{at(bobs, 1)}}},
		},
		"and nobody's are nobody's": {
			core.Query{Shoppers: []string{""}, Kinds: []core.DocumentKind{core.DocumentMessage}}, map[string]*core.ShopperState{},
		},
		"and none without shoppers": {core.Query{Kinds: []core.DocumentKind{core.DocumentMessage}}, map[string]*core.ShopperState{}},
		"and none without kinds":    {core.Query{Shoppers: []string{"ann", "bob"}}, map[string]*core.ShopperState{}},
	} {
		t.Run("shoppers' documents come "+name, func(t *testing.T) {
			same(t, "shoppers", s.state(test.q).Shoppers, test.want)
		})
	}

	t.Run("beside a shopper's reservation and claims", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 1})
		order := s.order("ann")
		s.apply(s.plan(order))
		s.apply(s.reserve("ann"))
		s.apply(s.documents(tags))
		same(t, "ann", s.state(core.Query{Shoppers: []string{"ann"}, Kinds: []core.DocumentKind{tags.Kind}}).Shoppers["ann"],
			&core.ShopperState{
				Reservation: &core.Reservation{Shopper: "ann", At: opening, Position: 1}, Claims: order.Claims,
				Documents: []*core.Document{at(tags, 1)},
			})
	})

	t.Run("by key come those that are there, of the campaign, whatever their kind", func(t *testing.T) {
		keys := []core.DocumentKey{
			later.Key(), nobodys.Key(), {Kind: core.DocumentMessage, ID: "5"}, {Kind: "none"}, {Kind: core.DocumentMessage, ID: tags.ID}, later.Key(),
		}
		same(t, "documents", s.state(core.Query{Documents: keys}).Documents,
			map[core.DocumentKey]*core.Document{later.Key(): at(later, 1), nobodys.Key(): at(nobodys, 1)})
	})
}

func testDueDocuments(t *testing.T, store Store) {
	s, other := openSale(t, store, nil), openSale(t, store, nil)
	place := func(s *sale, kind core.DocumentKind, id string, due int64) *core.Document {
		d := document(kind, id, "")
		d.Due = due
		s.apply(s.documents(d))
		return at(d, 1)
	}
	due := func(now int64, limit int) (ids []string) {
		list, err := s.DueDocuments(t.Context(), s.key(), now, limit)
		must(t, err)
		for _, d := range list {
			ids = append(ids, d.ID)
		}
		return ids
	}
	late := place(s, core.DocumentGroup, "late", opening+3)
	place(s, core.DocumentVoucher, "early", opening+1)
	middle := place(s, core.DocumentTask, "middle", opening+2)
	place(s, core.DocumentTask, "future", opening+9)
	place(s, core.DocumentTask, "never", 0)
	place(other, core.DocumentTask, "elsewhere", opening+1)

	t.Run("what falls due now is due", func(t *testing.T) {
		same(t, "due", due(opening, 9), []string(nil))
		same(t, "due", due(opening+1, 9), []string{"early"})
	})
	t.Run("the earliest come first, of every kind", func(t *testing.T) {
		same(t, "due", due(opening+4, 9), []string{"early", "middle", "late"})
	})
	t.Run("no more come than were asked for", func(t *testing.T) {
		same(t, "due", due(opening+4, 2), []string{"early", "middle"})
	})
	t.Run("they are whole documents", func(t *testing.T) {
		list, err := s.DueDocuments(t.Context(), s.key(), opening+4, 9)
		must(t, err)
		same(t, "document", list[2], late)
	})
	t.Run("one that was put off is due later, one that is done never", func(t *testing.T) {
		later, done := *late, *middle
		later.Due, done.Due = opening+20, 0
		s.apply(s.documents(&later, &done))
		same(t, "due", due(opening+30, 9), []string{"early", "future", "late"})
	})
}

func testListDocuments(t *testing.T, store Store) {
	s, other := openSale(t, store, nil), openSale(t, store, nil)
	var list []*core.Document
	for _, id := range []string{"a/1", "a/2", "a/3", "a", "a/\U0010FFFF", "a0", "b/1", "A/1", "安/1", oddText} {
		list = append(list, document(core.DocumentEntry, id, map[bool]string{true: "ann"}[strings.HasSuffix(id, "1")]))
	}
	list = append(list, document(core.DocumentTags, "a/4", "ann"))
	s.apply(s.documents(list...))
	other.apply(other.documents(document(core.DocumentEntry, "a/5", "ann")))
	for name, test := range map[string]struct {
		q    core.DocumentQuery
		want []string
	}{
		"all of a kind, by the bytes of their ids": {
			core.DocumentQuery{}, []string{"A/1", "a", "a/1", "a/2", "a/3", "a/\U0010FFFF", "a0", "b/1", oddText, "安/1"},
		},
		"those with a prefix":          {core.DocumentQuery{Prefix: "a/"}, []string{"a/1", "a/2", "a/3", "a/\U0010FFFF"}},
		"a prefix that is an id":       {core.DocumentQuery{Prefix: "a/1"}, []string{"a/1"}},
		"a prefix that none has":       {core.DocumentQuery{Prefix: "c"}, nil},
		"a prefix of the last sign":    {core.DocumentQuery{Prefix: "a/\U0010FFFF"}, []string{"a/\U0010FFFF"}},
		"those after one":              {core.DocumentQuery{Prefix: "a", After: "a/2"}, []string{"a/3", "a/\U0010FFFF", "a0"}},
		"those after none":             {core.DocumentQuery{Prefix: "a/", After: "a/25"}, []string{"a/3", "a/\U0010FFFF"}},
		"those after what is before":   {core.DocumentQuery{Prefix: "a/", After: "A/1"}, []string{"a/1", "a/2", "a/3", "a/\U0010FFFF"}},
		"nothing after the last":       {core.DocumentQuery{Prefix: "a/", After: "b"}, nil},
		"as many as are asked for":     {core.DocumentQuery{Limit: 2}, []string{"A/1", "a"}},
		"a shopper's":                  {core.DocumentQuery{Shopper: "ann"}, []string{"A/1", "a/1", "b/1", "安/1"}},
		"a shopper's with a prefix":    {core.DocumentQuery{Shopper: "ann", Prefix: "a"}, []string{"a/1"}},
		"a page of a shopper's":        {core.DocumentQuery{Shopper: "ann", After: "a/1", Limit: 1}, []string{"b/1"}},
		"nothing of one who has none":  {core.DocumentQuery{Shopper: "bob"}, nil},
		"nothing of a kind of no size": {core.DocumentQuery{Kind: core.DocumentGroup}, nil},
		"those before one":             {core.DocumentQuery{Prefix: "a/", Before: "a/3"}, []string{"a/1", "a/2"}},
		"those before what is behind":  {core.DocumentQuery{Prefix: "a/", Before: "b"}, []string{"a/1", "a/2", "a/3", "a/\U0010FFFF"}},
		"nothing before the first":     {core.DocumentQuery{Prefix: "a/", Before: "A"}, nil},
		"those in between":             {core.DocumentQuery{After: "a", Before: "a/3"}, []string{"a/1", "a/2"}},
		"the last first":               {core.DocumentQuery{Prefix: "a/", Descending: true}, []string{"a/\U0010FFFF", "a/3", "a/2", "a/1"}},
		"the last before one":          {core.DocumentQuery{Before: "b", Descending: true, Limit: 2}, []string{"a0", "a/\U0010FFFF"}},
		"a shopper's last":             {core.DocumentQuery{Shopper: "ann", Descending: true, Limit: 2}, []string{"安/1", "b/1"}},
		"a shopper's last before one": {
			core.DocumentQuery{Shopper: "ann", Before: "b/1", Descending: true}, []string{"a/1", "A/1"},
		},
		"a quotation mark as it is": {core.DocumentQuery{Prefix: oddText[:5]}, []string{oddText}},
	} {
		t.Run("it lists "+name, func(t *testing.T) {
			test.q.Campaign, test.q.Brand = s.campaign, brand
			if test.q.Kind == "" {
				test.q.Kind = core.DocumentEntry
			}
			if test.q.Limit == 0 {
				test.q.Limit = 100
			}
			found, err := s.ListDocuments(t.Context(), test.q)
			must(t, err)
			var ids []string
			for _, d := range found {
				ids = append(ids, d.ID)
			}
			same(t, "ids", ids, test.want)
		})
	}

	t.Run("a context that ended is the error of every list", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, listed := s.ListDocuments(ctx, core.DocumentQuery{Campaign: s.campaign, Brand: brand, Kind: core.DocumentTags, Limit: 1})
		_, due := s.DueDocuments(ctx, s.key(), opening, 1)
		_, orders := s.ListOrders(ctx, s.key(), "", "", 1)
		for _, err := range []error{listed, due, orders} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got the error %v", err)
			}
		}
	})

	t.Run("they are whole documents", func(t *testing.T) {
		found, err := s.ListDocuments(t.Context(), core.DocumentQuery{Campaign: s.campaign, Brand: brand, Kind: core.DocumentTags, Limit: 1})
		must(t, err)
		same(t, "documents", found, []*core.Document{at(list[len(list)-1], 1)})
	})
}

func testListOrders(t *testing.T, store Store) {
	s, other := openSale(t, store, map[string]int64{stock: 10}), openSale(t, store, map[string]int64{stock: 10})
	var orders []*core.Order
	for _, shopper := range []string{"ann", "bob", "cid", "dan"} {
		orders = append(orders, s.order(shopper))
	}
	s.apply(s.plan(orders...))
	s.apply(s.giveBack(orders[1]))
	other.apply(other.plan(other.order("eve")))
	list := func(state core.OrderState, after string, limit int) (shoppers []string) {
		t.Helper()
		found, err := s.ListOrders(t.Context(), s.key(), string(state), after, limit)
		must(t, err)
		for _, order := range found {
			shoppers = append(shoppers, order.Shopper)
		}
		return shoppers
	}

	t.Run("the newest come first", func(t *testing.T) {
		same(t, "orders", list("", "", 9), []string{"dan", "cid", "bob", "ann"})
	})
	t.Run("page after page", func(t *testing.T) {
		same(t, "first", list("", "", 2), []string{"dan", "cid"})
		same(t, "second", list("", orders[2].ID, 2), []string{"bob", "ann"})
		same(t, "third", list("", orders[0].ID, 2), []string(nil))
	})
	t.Run("of one state", func(t *testing.T) {
		same(t, "placed", list(core.OrderPlaced, "", 9), []string{"dan", "cid", "ann"})
		same(t, "placed", list(core.OrderPlaced, orders[2].ID, 9), []string{"ann"})
		same(t, "expired", list(core.OrderExpired, "", 9), []string{"bob"})
		same(t, "none", list("none", "", 9), []string(nil))
	})
	t.Run("they are whole orders", func(t *testing.T) {
		found, err := s.ListOrders(t.Context(), s.key(), "", orders[1].ID, 1)
		must(t, err)
		same(t, "orders", found, orders[:1])
	})
}
