package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"hotdrop/core"
)

// sample is what the node counted in the second.
func (s *sale) sample(second int64, node, content string) core.Sample {
	return core.Sample{Campaign: s.campaign, Brand: brand, Second: second, Node: node, Content: []byte(content)}
}

func (s *sale) samples(from, until int64) []core.Sample {
	s.t.Helper()
	list, err := s.Samples(s.t.Context(), s.key(), from, until)
	must(s.t, err)
	return list
}

func testSamples(t *testing.T, store Store) {
	t.Run("samples come back by second and node, of the campaign and the seconds", func(t *testing.T) {
		s, other := openSale(t, store, nil), openSale(t, store, nil)
		must(t, store.SaveSamples(t.Context(), []core.Sample{
			s.sample(11, "b", `{"orders":4}`), s.sample(10, "b", "2"), other.sample(10, "a", "9"), s.sample(10, "a", `"末日"`),
			s.sample(12, "a", "5"), s.sample(11, "a", "3"), s.sample(9, "a", "0"),
		}))
		same(t, "samples", s.samples(10, 12), []core.Sample{
			s.sample(10, "a", `"末日"`), s.sample(10, "b", "2"), s.sample(11, "a", "3"), s.sample(11, "b", `{"orders":4}`),
		})
		same(t, "none", len(s.samples(13, 99)), 0)
	})

	t.Run("a sample of the same second and node is replaced, also within one call", func(t *testing.T) {
		s := openSale(t, store, nil)
		must(t, store.SaveSamples(t.Context(), []core.Sample{s.sample(1, "a", "1"), s.sample(1, "b", "1"), s.sample(1, "a", "2")}))
		must(t, store.SaveSamples(t.Context(), []core.Sample{s.sample(1, "b", "3")}))
		same(t, "samples", s.samples(0, 9), []core.Sample{s.sample(1, "a", "2"), s.sample(1, "b", "3")})
	})

	t.Run("many at once are written, and none are", func(t *testing.T) {
		s := openSale(t, store, nil)
		var list []core.Sample
		for n := range 100 {
			list = append(list, s.sample(int64(n), "a", fmt.Sprint(n)))
		}
		must(t, store.SaveSamples(t.Context(), list))
		must(t, store.SaveSamples(t.Context(), nil))
		same(t, "samples", s.samples(0, 100), list)
	})

	t.Run("nodes write the same second at once", func(t *testing.T) {
		s := openSale(t, store, nil)
		inParallel(4, func(worker int) {
			for n := range 20 {
				must(t, store.SaveSamples(t.Context(), []core.Sample{
					s.sample(2, fmt.Sprint(worker), fmt.Sprint(n)), s.sample(1, fmt.Sprint(worker), fmt.Sprint(n)),
				}))
			}
		})
		same(t, "samples", len(s.samples(0, 9)), 8)
		for _, m := range s.samples(0, 9) {
			same(t, "the last", string(m.Content), "19")
		}
	})
}

func testReports(t *testing.T, store Store) {
	s, other := openSale(t, store, nil), openSale(t, store, nil)
	report := func(s *sale, subject, node, content string) core.Report {
		return core.Report{Campaign: s.campaign, Brand: brand, Subject: subject, Node: node, Content: []byte(content)}
	}
	must(t, store.SaveReports(t.Context(), nil))
	must(t, store.SaveReports(t.Context(), []core.Report{
		report(s, "shadow/2", "b", "1"), report(s, "shadow/2", "a", "2"), report(s, "canary/2", "a", "3"),
		report(other, "shadow/2", "a", "4"), report(s, "shadow/2", "b", `{"末日":5}`),
	}))
	must(t, store.SaveReports(t.Context(), []core.Report{report(s, "shadow/2", "a", "6")}))
	for _, test := range []struct {
		name, subject string
		of            *sale
		want          []core.Report
	}{
		{
			"every node's last report of the subject, by node", "shadow/2", s,
			[]core.Report{report(s, "shadow/2", "a", "6"), report(s, "shadow/2", "b", `{"末日":5}`)},
		},
		{"another subject is another's", "canary/2", s, []core.Report{report(s, "canary/2", "a", "3")}},
		{"another campaign is another's", "shadow/2", other, []core.Report{report(other, "shadow/2", "a", "4")}},
		{"a subject that is not has none", "shadow/3", s, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := store.Reports(t.Context(), test.of.key(), test.subject)
			must(t, err)
			same(t, "reports", got, test.want)
		})
	}
}

// refusal is one that was kept at the moment.
func (s *sale) refusal(n int, at int64) *core.RefusalRecord {
	return &core.RefusalRecord{
		Campaign: s.campaign, ID: fmt.Sprintf("%026d", n), Brand: brand, At: at, Code: core.CodeDenied, Reason: "not a fan",
		Content: []byte(`{"facts":{"name":"末日"}}`),
	}
}

// refusals reads all, in pages.
func (s *sale) refusals(limit int) (all []*core.RefusalRecord) {
	s.t.Helper()
	for after := ""; ; {
		page, err := s.Refusals(s.t.Context(), s.key(), after, limit)
		must(s.t, err)
		if all = append(all, page...); len(page) < limit {
			return all
		}
		after = page[len(page)-1].ID
	}
}

func testRefusals(t *testing.T, store Store) {
	t.Run("refusals come back in pages, the newest first", func(t *testing.T) {
		s, other := openSale(t, store, nil), openSale(t, store, nil)
		var want []*core.RefusalRecord
		for n := range 25 {
			want = append(want, s.refusal(n, opening+int64(n)))
		}
		must(t, store.AddRefusals(t.Context(), want[:20]))
		must(t, store.AddRefusals(t.Context(), nil))
		must(t, store.AddRefusals(t.Context(), append(want[20:], other.refusal(99, opening))))
		slices.Reverse(want)
		for _, limit := range []int{1, 5, 7, 100} {
			same(t, "refusals", s.refusals(limit), want)
		}
	})

	t.Run("what is added again is there once, as it was", func(t *testing.T) {
		s := openSale(t, store, nil)
		first, again := s.refusal(1, opening), s.refusal(1, opening+1)
		must(t, store.AddRefusals(t.Context(), []*core.RefusalRecord{first}))
		must(t, store.AddRefusals(t.Context(), []*core.RefusalRecord{again, s.refusal(2, opening)}))
		same(t, "refusals", s.refusals(9), []*core.RefusalRecord{s.refusal(2, opening), first})
	})
}

// quotes reads the recorded decisions after the order, and what they say.
func (s *sale) quotes(from string) (orders, quotes []string) {
	s.t.Helper()
	must(s.t, s.Quotes(s.t.Context(), s.key(), from, func(q core.RecordedQuote) error {
		orders, quotes = append(orders, q.Order), append(quotes, string(q.Quote))
		return nil
	}))
	return orders, quotes
}

// manyOrders are so many that no store reads their decisions at once.
const manyOrders = 5000

func testQuotes(t *testing.T, store Store) {
	s, other := openSale(t, store, counting(2*manyOrders)), openSale(t, store, counting(1))
	other.apply(other.placing(1))
	var orders, quotes []string
	for range 10 {
		var batch []*core.Order
		for range manyOrders / 10 {
			order := s.order(unique("shopper"))
			order.Quote = fmt.Appendf(nil, `{"epoch":1,"facts":{"n":"%d 末日"}}`, len(orders))
			orders, quotes, batch = append(orders, order.ID), append(quotes, string(order.Quote)), append(batch, order)
		}
		s.apply(s.plan(batch...))
	}
	errEnough := errors.New("enough")

	t.Run("every order's decision comes in the order of ids", func(t *testing.T) {
		gotOrders, gotQuotes := s.quotes("")
		same(t, "orders", gotOrders, orders)
		same(t, "quotes", gotQuotes, quotes)
	})

	t.Run("they begin after the order that is named", func(t *testing.T) {
		for _, n := range []int{0, 17, manyOrders - 2, manyOrders - 1} {
			got, _ := s.quotes(orders[n])
			same(t, "how many", len(got), manyOrders-1-n)
			if len(got) > 0 {
				same(t, "first", got[0], orders[n+1])
			}
		}
	})

	t.Run("a visit that fails ends it with its error", func(t *testing.T) {
		for _, last := range []int{1, manyOrders / 2, manyOrders} {
			visited := 0
			err := s.Quotes(t.Context(), s.key(), "", func(core.RecordedQuote) error {
				if visited++; visited == last {
					return errEnough
				}
				return nil
			})
			if !errors.Is(err, errEnough) || visited != last {
				t.Errorf("%d visits, got the error %v", visited, err)
			}
		}
	})

	t.Run("orders are placed while decisions are visited", func(t *testing.T) {
		visited := 0
		err := s.Quotes(t.Context(), s.key(), orders[manyOrders-3], func(core.RecordedQuote) error {
			s.apply(s.plan(s.order(unique("shopper"))))
			if visited++; visited > 5 {
				return errEnough // what comes while it reads may be visited too
			}
			return nil
		})
		if visited < 2 || err != nil && !errors.Is(err, errEnough) {
			t.Errorf("%d were visited, got the error %v", visited, err)
		}
	})

	t.Run("a campaign without orders has none", func(t *testing.T) {
		got, _ := openSale(t, store, nil).quotes("")
		same(t, "orders", len(got), 0)
	})
}

func testForget(t *testing.T, store Store) {
	s, other := openSale(t, store, nil), openSale(t, store, nil)
	const many = 2500 // more than any store deletes at once
	var samples []core.Sample
	var refusals []*core.RefusalRecord
	for n := range many {
		samples = append(samples, s.sample(int64(n), "a", "1"))
		refusals = append(refusals, s.refusal(n, int64(n)))
	}
	must(t, store.SaveSamples(t.Context(), append(samples, other.sample(5, "a", "1"), other.sample(many, "a", "1"))))
	must(t, store.AddRefusals(t.Context(), append(refusals, other.refusal(5, 5), other.refusal(many, many))))

	t.Run("what is old goes, of every campaign, and no more", func(t *testing.T) {
		must(t, store.Forget(t.Context(), many-10, many-20))
		same(t, "samples", s.samples(0, many), samples[many-10:])
		same(t, "other samples", len(other.samples(0, many+1)), 1)
		left := s.refusals(100)
		slices.Reverse(left)
		same(t, "refusals", left, refusals[many-20:])
		same(t, "other refusals", len(other.refusals(9)), 1)
	})

	t.Run("nothing old is nothing to do, by many at once", func(t *testing.T) {
		inParallel(4, func(int) { must(t, store.Forget(t.Context(), many-10, many-20)) })
		same(t, "samples", len(s.samples(0, many)), 10)
		inParallel(4, func(int) { must(t, store.Forget(t.Context(), many, many)) })
		same(t, "samples", len(s.samples(0, many)), 0)
	})
}
