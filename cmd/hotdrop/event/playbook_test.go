package event

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"hotdrop/core"
)

// liar is a server that answers by path and body, and counts what it was asked.
type liar struct {
	mu     sync.Mutex
	asked  map[string]int
	answer func(path string, n int, body string) (status int, answer string)
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body json.RawMessage
	_ = json.NewDecoder(r.Body).Decode(&body) // many requests have none
	path := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/v1/")
	l.mu.Lock()
	l.asked[path]++
	n := l.asked[path]
	l.mu.Unlock()
	status, answer := l.answer(path, n, string(body))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(answer))
}

// against plays a part of a sale of so many shoppers against a server that answers so, and returns what is told to be
// wrong. An error of the part itself is one more of these.
func against(
	t *testing.T, shoppers int, answer func(path string, n int, body string) (int, string), play func(context.Context, *show) error,
) []string {
	t.Helper()
	r := crowdAt(t, 1, &liar{asked: map[string]int{}, answer: answer})
	r.config.Units = shoppers
	r.staff = &staff{token: "staff"}
	s := showOf(r, shoppers)
	s.sale = &core.Campaign{VoucherPools: map[string]core.VoucherPool{"flyme-50": {Value: 5_000}}}
	if err := play(t.Context(), s); err != nil {
		s.tale.wrong = append(s.tale.wrong, err.Error())
	}
	return s.tale.wrong
}

// requireTold requires exactly these sentences; each of them may be the beginning.
func requireTold(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("told is %q, want %q", got, want)
	}
}

// buying is the trade-in drop, in which everybody has reserved and bought the order of that JSON.
func buying(s *show, bought string) *tradeIn {
	people := len(s.tokens)
	in := &tradeIn{
		show: s, codes: make([]string, people), phones: make([]string, people), bought: make([]order, people), price: s.terms.price,
	}
	in.cast()
	clear(in.phones)
	for n := range people {
		in.reservers = append(in.reservers, n)
		if bought != "" {
			_ = json.Unmarshal([]byte(bought), &in.bought[n]) // a constant of a test
			in.note(n, in.bought[n])
		}
	}
	return in
}

func TestATeaserThatShowsTheItemIsTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		page, reservation string
		status            int
		want              []string
	}{
		"as it should be":      {`{"items":[]}`, `{"code":"not_in_phase"}`, http.StatusConflict, nil},
		"an item is shown":     {`{"items":[{"sku":"mx3"}]}`, `{"code":"not_in_phase"}`, http.StatusConflict, []string{"hidden_items_seen is 3, should be 0"}},
		"somebody can sign up": {`{"items":[]}`, `{}`, http.StatusCreated, []string{"early_reservations_refused is 0, should be 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := against(t, 3, func(path string, _ int, _ string) (int, string) {
				if strings.HasSuffix(path, "/reservations") {
					return test.status, test.reservation
				}
				return http.StatusOK, test.page
			}, func(ctx context.Context, s *show) error { return buying(s, "").tease(ctx) })
			requireTold(t, got, test.want...)
		})
	}
}

func TestPositionsThatHaveAGapAreTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		positions []string
		want      []string
	}{
		"one after the other": {[]string{"2", "1", "3"}, nil},
		"a gap":               {[]string{"1", "2", "4"}, []string{"positions_sum is 7, should be 6"}},
		"one twice":           {[]string{"1", "2", "2"}, []string{"positions_sum is 5, should be 6"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := against(t, 3, func(_ string, n int, _ string) (int, string) {
				return http.StatusCreated, `{"position":` + test.positions[n-1] + `}`
			}, func(ctx context.Context, s *show) error { return buying(s, "").signUp(ctx) })
			requireTold(t, got, test.want...)
		})
	}
}

func TestAVoucherTooManyIsTold(t *testing.T) {
	t.Parallel()
	for list, want := range map[string][]string{
		`{"data":[{"code":"sale.a"}],"next":null}`:                    nil,
		`{"data":[{"code":"sale.a"},{"code":"other.b"}],"next":null}`: nil, // of another sale
		`{"data":[{"code":"sale.a"},{"code":"sale.b"}],"next":null}`:  {"vouchers_granted is 2, should be 1"},
		`{"data":[{"code":"sale.a"}],"next":"sale.a"}`:                {"vouchers_granted is 2, should be 1"},
	} {
		got := against(t, 1, func(_ string, n int, _ string) (int, string) {
			if n > 1 {
				return http.StatusOK, `{"data":[{"code":"sale.z"}],"next":null}`
			}
			return http.StatusOK, list
		}, func(ctx context.Context, s *show) error {
			in := buying(s, "")
			in.codes[0] = "paid"
			return in.readCodes(ctx)
		})
		requireTold(t, got, want...)
	}
}

func TestAReminderTooManyIsTold(t *testing.T) {
	t.Parallel()
	reminder := `{"campaign":"sale","template":"sale-opens","text":{"en":"soon"}}`
	for list, want := range map[string][]string{
		reminder: nil,
		reminder + `,{"campaign":"sale","template":"shipped","text":"on its way"}`:      nil,
		reminder + `,{"campaign":"other","template":"sale-opens","text":{"en":"soon"}}`: nil,
	} {
		got := against(t, 2, func(string, int, string) (int, string) { return http.StatusOK, `{"data":[` + list + `],"next":null}` },
			func(ctx context.Context, s *show) error { return buying(s, "").remind(ctx) })
		requireTold(t, got, want...)
	}
	got := against(t, 1, func(_ string, n int, _ string) (int, string) {
		if n == 1 {
			return http.StatusOK, `{"data":[` + reminder + `],"next":null}`
		}
		return http.StatusOK, `{"data":[` + reminder + `,` + reminder + `],"next":null}`
	}, func(ctx context.Context, s *show) error { return buying(s, "").remind(ctx) })
	requireTold(t, got, "reminded is 2, should be 1")
}

func TestAnOrderAtAnotherPriceIsTold(t *testing.T) {
	t.Parallel()
	for total, want := range map[string]int64{`179900`: 0, `179899`: 1, `1`: 1} {
		seen := newCounter()
		got := against(t, 1, func(string, int, string) (int, string) {
			return http.StatusCreated, `{"id":"sale.1","total":` + total + `}`
		}, func(ctx context.Context, s *show) error {
			return s.each(ctx, "orders", []int{0}, buying(s, "").buy(seen))
		})
		requireTold(t, got)
		if seen.of("wrong") != want || seen.of("sold") != 1 {
			t.Errorf("%s: %d wrong of %d", total, seen.of("wrong"), seen.of("sold"))
		}
	}
}

func TestADeviceThatSendsTwiceMustGetTheSameOrder(t *testing.T) {
	t.Parallel()
	for second, want := range map[string]int64{`sale.1`: 0, `sale.2`: 1} {
		seen := newCounter()
		against(t, 6, func(_ string, n int, _ string) (int, string) {
			id := []string{"sale.1", second}[n-1]
			return http.StatusCreated, `{"id":"` + id + `","total":179900}`
		}, func(ctx context.Context, s *show) error {
			return s.each(ctx, "orders", []int{5}, buying(s, "").buy(seen))
		})
		if seen.of("broken") != want {
			t.Errorf("%s: %d broken", second, seen.of("broken"))
		}
	}
}

func TestAParcelWithoutTheOldPhoneIsTold(t *testing.T) {
	t.Parallel()
	bought := `{"id":"sale.1","state":"paid","conditions":[{"kind":"trade_in","state":"open"}]}`
	for name, test := range map[string]struct {
		status int
		want   []string
	}{
		"it is refused": {http.StatusConflict, nil},
		"it is sent":    {http.StatusOK, []string{"not_shipped_without_trade_in is 0, should be 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := against(t, 1, func(path string, _ int, _ string) (int, string) {
				if strings.HasSuffix(path, "/shipments") {
					return test.status, `{"code":"wrong_state"}`
				}
				return http.StatusOK, bought
			}, func(ctx context.Context, s *show) error { return buying(s, bought).ship(ctx) })
			requireTold(t, got, test.want...)
		})
	}
}

func TestAnAnswerThatDoesNotNameTheOrderIsTold(t *testing.T) {
	t.Parallel()
	for replies, want := range map[string][]string{
		`{"text":{"en":"Your order sale.1 is paid."}}`: nil,
		`{"text":"Your order sale.1 is paid."}`:        nil,
		`{"text":{"en":"Thank you."}}`:                 {"answered is 0, should be 1"},
		``:                                             {"answered is 0, should be 1"},
	} {
		got := against(t, 2, func(string, int, string) (int, string) { return http.StatusOK, `{"replies":[` + replies + `]}` },
			func(ctx context.Context, s *show) error {
				in := buying(s, `{"id":"sale.1","state":"paid"}`)
				in.bought[0].ID = "" // the other one asks
				return in.converse(ctx)
			})
		requireTold(t, got, want...)
	}
}

func TestAVisitThatShouldNotCountIsTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		own, again, visitors string
		want                 []string
	}{
		"as it should be":       {`{"code":"own_link"}`, `{"counted":false}`, "2", nil},
		"one's own visit":       {`{"counted":true}`, `{"counted":false}`, "3", []string{"own_visits_refused is 0", "visits_counted is 3"}},
		"the same visitor's":    {`{"code":"own_link"}`, `{"counted":true}`, "3", []string{"repeated_visits_counted is 1", "visits_counted is 3"}},
		"fewer than there were": {`{"code":"own_link"}`, `{"counted":false}`, "1", []string{"visits_counted is 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := against(t, 3, func(path string, n int, _ string) (int, string) {
				visit := []string{test.own, `{"counted":true}`, `{"counted":true}`, test.again}
				switch {
				case strings.HasSuffix(path, "/shares"):
					return http.StatusOK, `{"code":"sale.link","visitors":` + test.visitors + `}`
				case strings.Contains(visit[n-1], "code"):
					return http.StatusConflict, visit[n-1]
				default:
					return http.StatusOK, visit[n-1]
				}
			}, func(ctx context.Context, s *show) error {
				in := buying(s, `{"id":"sale.1","state":"paid"}`)
				in.bought[1].ID, in.bought[2].ID = "", "" // one buyer
				return in.share(ctx)
			})
			requireTold(t, got, test.want...)
		})
	}
}

// owning is the car sale, in which everybody has the order of that JSON.
func owning(s *show, bought string) *carSale {
	c := &carSale{show: s, bought: make([]order, len(s.tokens)), seen: newCounter()}
	for n := range c.bought {
		_ = json.Unmarshal([]byte(bought), &c.bought[n]) // a constant of a test
	}
	return c
}

func TestACarIsPaidInTwoPartsThatAddUp(t *testing.T) {
	t.Parallel()
	for dues, want := range map[string]int64{
		`{"kind":"deposit","amount":100,"state":"open"},{"kind":"balance","amount":179800,"state":"open"}`: 0,
		`{"kind":"deposit","amount":100,"state":"open"},{"kind":"balance","amount":179799,"state":"open"}`: 1,
		`{"kind":"full","amount":179900,"state":"open"}`:                                                   1,
	} {
		var c *carSale
		against(t, 1, func(string, int, string) (int, string) {
			return http.StatusCreated, `{"id":"sale.1","state":"placed","total":179900,"dues":[` + dues + `]}`
		}, func(ctx context.Context, s *show) error {
			c = owning(s, `{}`)
			return s.each(ctx, "orders", []int{0}, c.buy)
		})
		if c.seen.of("wrong") != want {
			t.Errorf("%s: %d wrong", dues, c.seen.of("wrong"))
		}
	}
}

func TestAReceiptThatCountsForTwoCarsIsTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		code   string
		want   []string
	}{
		"it is refused":            {http.StatusConflict, "already_used", nil},
		"it is taken":              {http.StatusOK, "", []string{"receipts_again_refused is 0, should be 1"}},
		"it is refused as unknown": {http.StatusNotFound, "not_found", []string{"receipts_again_refused is 0, should be 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			seen := map[string]bool{}
			got := against(t, 5, func(_ string, _ int, body string) (int, string) {
				mu.Lock()
				defer mu.Unlock()
				if again := seen[body]; again {
					return test.status, `{"code":"` + test.code + `"}`
				}
				seen[body] = true
				return http.StatusOK, `{}`
			}, func(ctx context.Context, s *show) error {
				return owning(s, `{"id":"sale.1","state":"placed"}`).collect(ctx)
			})
			requireTold(t, got, test.want...)
		})
	}
}

func TestMembersOfAFailedGroupThatAreLeftHangingAreTold(t *testing.T) {
	t.Parallel()
	offer := `"dues":[{"kind":"full","amount":1,"state":"paid"},{"kind":"difference","amount":2,"state":"open"}]`
	for name, test := range map[string]struct {
		end  string
		want []string
	}{
		"given back":                           {`{"id":"sale.1","state":"refunded"}`, nil},
		"kept at the group price, for nothing": {`{"id":"sale.1","state":"paid"}`, []string{"confirmed_at_full_price is 1, should be 0", "refunded is 0, should be 1"}},
		"ended, and not given back":            {`{"id":"sale.1","state":"cancelled"}`, []string{"refunded is 0, should be 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := against(t, 3, func(_ string, n int, _ string) (int, string) {
				if n == 1 {
					return http.StatusOK, `{"id":"sale.1","state":"paid",` + offer + `}`
				}
				return http.StatusOK, test.end
			}, func(ctx context.Context, s *show) error {
				g := &groupBuy{show: s, bought: make([]order, 3), seen: newCounter()}
				g.bought[2] = order{ID: "sale.1", State: "paid"} // shopper 2 does not answer
				g.failing = []*party{{members: []int{2}}}
				return g.answer(ctx)
			})
			requireTold(t, got, test.want...)
		})
	}
}
