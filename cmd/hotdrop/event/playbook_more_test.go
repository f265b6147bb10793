package event

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotdrop/api"
	"hotdrop/core"
)

// always answers everything alike.
func always(status int, body string) func(string, int, string) (int, string) {
	return func(string, int, string) (int, string) { return status, body }
}

func TestASecondVoucherForOneCentIsNoticed(t *testing.T) {
	t.Parallel()
	got := against(t, 1, func(_ string, _ int, _ string) (int, string) {
		return http.StatusCreated, `{"id":"sale.1","state":"placed","total":1}`
	}, func(ctx context.Context, s *show) error { return buying(s, "").sellVouchers(ctx) })
	requireTold(t, got, "one_cent_second_refused", "one-cent vouchers: unexpected answer: a second one-cent voucher")
}

func TestAVoucherThatCostsMoreThanACentIsTold(t *testing.T) {
	t.Parallel()
	for total, want := range map[string][]string{"1": nil, "2": {"one_cent_orders is 2, should be 1"}} {
		got := against(t, 1, func(path string, n int, _ string) (int, string) {
			if strings.HasSuffix(path, "/orders") && n > 1 {
				return http.StatusConflict, `{"code":"limit_reached"}`
			}
			return http.StatusCreated, `{"id":"sale.1","state":"placed","total":` + total + `}`
		}, func(ctx context.Context, s *show) error { return buying(s, "").sellVouchers(ctx) })
		requireTold(t, got, want...)
	}
}

func TestAnOrderThatIsNotPaidAfterItWasPaidIsTold(t *testing.T) {
	t.Parallel()
	for state, want := range map[string][]string{"paid": nil, "placed": {"funnel_pay is 0, should be 2"}} {
		got := against(t, 2, always(http.StatusOK, `{"id":"sale.1","state":"`+state+`"}`),
			func(ctx context.Context, s *show) error {
				return buying(s, `{"id":"sale.1","state":"placed","total":5}`).settle(ctx)
			})
		requireTold(t, got, want...)
	}
}

func TestAVoucherThatIsStillGoodAfterItWasUsedIsTold(t *testing.T) {
	t.Parallel()
	for state, want := range map[string][]string{
		"redeemed": nil, "granted": {"vouchers_redeemed is 0, should be 1"}, "held": {"vouchers_redeemed is 0, should be 1"},
	} {
		got := against(t, 1, func(path string, _ int, _ string) (int, string) {
			switch path {
			case "GET vouchers":
				return http.StatusOK, `{"data":[{"code":"sale.a","state":"` + state + `"}],"next":null}`
			case "GET wallet":
				return http.StatusOK, `{"balances":{}}`
			default:
				return http.StatusOK, `{"id":"sale.1","state":"paid"}`
			}
		}, func(ctx context.Context, s *show) error {
			in := buying(s, `{"id":"sale.1","state":"paid","voucher":"sale.a"}`)
			in.codes[0] = "sale.a"
			return in.close(ctx)
		})
		requireTold(t, got, want...)
	}
}

func TestACarThatIsSoldTwiceIsTold(t *testing.T) {
	t.Parallel()
	placed := `{"id":"sale.1","state":"placed","total":179900,"dues":[` +
		`{"kind":"deposit","amount":100,"state":"open"},{"kind":"balance","amount":179800,"state":"open"}]}`
	got := against(t, 3, func(path string, _ int, _ string) (int, string) {
		switch {
		case strings.HasPrefix(path, "GET"):
			return http.StatusOK, `{"phase":"sale"}`
		case strings.HasSuffix(path, "/cancel"):
			return http.StatusOK, `{"id":"sale.1","state":"cancelled"}`
		default:
			return http.StatusCreated, placed
		}
	}, func(ctx context.Context, s *show) error {
		s.config.Units = 2
		s.staff.nodes = s.crew.clients
		return owning(s, `{}`).open(ctx)
	})
	requireTold(t, got, "sold_at_once is 3, should be 2", "sold is 3, should be 2")
}

func TestADepositThatIsNeitherKeptNorGivenBackIsTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy core.Unpaid
		state  string
		want   []string
	}{
		"forfeited, as the file says":  {core.UnpaidForfeit, "forfeited", nil},
		"forfeited, which nobody said": {core.UnpaidRefund, "forfeited", []string{"deposits_refunded is 0, should be 1"}},
		"refunded, as the file says":   {core.UnpaidRefund, "refunded", nil},
		"still paid":                   {core.UnpaidForfeit, "paid", []string{"deposits_forfeited is 0, should be 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := against(t, 1, func(path string, _ int, _ string) (int, string) {
				switch path {
				case "GET wallet":
					return http.StatusOK, `{"balances":{}}`
				case "GET campaigns/sale":
					return http.StatusOK, `{"items":[{"sku":"mx3","left":1}]}`
				default:
					return http.StatusOK, `{"id":"sale.1","state":"expired","dues":[{"kind":"deposit","amount":5,"state":"` + test.state + `"}]}`
				}
			}, func(ctx context.Context, s *show) error {
				s.sale.Deposits.Unpaid = test.policy
				c := owning(s, `{"id":"sale.1","state":"placed"}`)
				c.seen.add("deposits", 1)
				return c.close(ctx)
			})
			requireTold(t, got, test.want...)
		})
	}
}

// gathering is a group-buy with one group of three that completes.
func gathering(s *show) *groupBuy {
	s.sale.Items = []core.Item{{SKU: "mx3"}, {SKU: "headset"}}
	return &groupBuy{
		show: s, bought: make([]order, len(s.tokens)), seen: newCounter(),
		complete: []*party{{leader: 0, comers: []int{1, 2, 3}}},
	}
}

func TestASeatTooManyIsTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		seats int
		want  []string
	}{
		"as many as there are": {3, nil},
		"one too many":         {4, []string{"refused_group_full is 0, should be 1"}},
		"one too few":          {2, []string{"refused_group_full is 2, should be 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := against(t, 4, func(path string, n int, _ string) (int, string) {
				if strings.HasSuffix(path, "sale/orders") && n > test.seats {
					return http.StatusConflict, `{"code":"group_full"}`
				}
				return http.StatusOK, `{"id":"sale.1","group":"sale.g","state":"paid"}`
			}, func(ctx context.Context, s *show) error { return gathering(s).gatherEnough(ctx) })
			requireTold(t, got, test.want...)
		})
	}
}

func TestAnOrderThatOpensNoGroupIsNoticed(t *testing.T) {
	t.Parallel()
	got := against(t, 4, always(http.StatusOK, `{"id":"sale.1","state":"placed"}`),
		func(ctx context.Context, s *show) error { return gathering(s).gatherEnough(ctx) })
	requireTold(t, got, "groups of mx3: unexpected answer: an order that opens no group")
}

func TestAMemberOfACompleteGroupWhoIsNotConfirmedIsTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		state, order string
		want         []string
	}{
		"as it should be":  {"complete", `{"id":"sale.1","state":"paid","conditions":[{"kind":"group","state":"met"}]}`, nil},
		"still waiting":    {"complete", `{"id":"sale.1","state":"paid","conditions":[{"kind":"group","state":"open"}]}`, []string{"confirmed_at_group_price is 0, should be 3"}},
		"refunded":         {"complete", `{"id":"sale.1","state":"refunded"}`, []string{"confirmed_at_group_price is 0, should be 3"}},
		"its group failed": {"failed", `{"id":"sale.1","state":"paid","conditions":[{"kind":"group","state":"met"}]}`, []string{"groups_complete is 0, should be 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := against(t, 4, func(path string, _ int, _ string) (int, string) {
				switch {
				case strings.HasPrefix(path, "GET groups/"):
					return http.StatusOK, `{"state":"` + test.state + `"}`
				case path == "GET inbox":
					return http.StatusOK, `{"data":[{"campaign":"sale","template":"group_complete","text":{"en":"sale.1 is confirmed"}}],"next":null}`
				default:
					return http.StatusOK, test.order
				}
			}, func(ctx context.Context, s *show) error {
				g := gathering(s)
				g.complete[0].members = []int{0, 1, 2}
				return g.celebrate(ctx)
			})
			requireTold(t, got, test.want...)
		})
	}
}

// reposting is a lottery with one link.
func reposting(s *show) *lottery {
	s.signer = api.NewDemoKeys()
	s.config.Reposts = 3
	return &lottery{show: s, codes: []string{"sale.link"}, want: make([]int64, 1), cap: 2, outcome: newCounter()}
}

func TestAForgeryThatIsTakenIsTold(t *testing.T) {
	t.Parallel()
	for status, want := range map[int][]string{
		http.StatusUnauthorized: nil, http.StatusOK: {"forgeries_refused is 0, should be 1"},
	} {
		got := against(t, 1, always(status, `{"results":[]}`), func(ctx context.Context, s *show) error {
			return s.everybody(ctx, "forgery", 1, func(ctx context.Context, on *caller, _ int) error {
				return reposting(s).forge(ctx, on, []socialEvent{{ID: "e", Share: "sale.link", By: "u"}})
			})
		})
		requireTold(t, got, want...)
	}
}

func TestRepostsThatAreCountedTwiceAreTold(t *testing.T) {
	t.Parallel()
	got := against(t, 1, func(_ string, _ int, body string) (int, string) {
		result := `,{"result":"counted","entries":1}`
		if strings.Contains(body, "forge") {
			return http.StatusUnauthorized, `{"code":"unauthorized"}`
		}
		return http.StatusOK, `{"results":[` + strings.Repeat(result, strings.Count(body, `"id"`))[1:] + `]}`
	}, func(ctx context.Context, s *show) error { return reposting(s).report(ctx) })
	requireTold(t, got, "reposts_answered is 6, should be 3") // the one batch is sent twice
}

func TestALinkThatHasCountedSomethingElseIsTold(t *testing.T) {
	t.Parallel()
	for link, want := range map[string][]string{
		`{"code":"sale.link","reposts":3}`:  nil,
		`{"code":"sale.link","reposts":4}`:  {"reposts is 4, should be 3", "links_miscounted is 1, should be 0"},
		`{"code":"sale.other","reposts":3}`: {"links_miscounted is 1, should be 0"},
	} {
		got := against(t, 1, always(http.StatusOK, link), func(ctx context.Context, s *show) error {
			l := reposting(s)
			l.want[0], l.exact = 3, true
			l.outcome.add("entries", 2) // as many as a shopper may have
			return l.count(ctx)
		})
		requireTold(t, got, want...)
	}
}

func TestAPlaceThatIsWonTwiceIsTold(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string][]string{
		`{"place":1}`: nil,
		`{"place":2}`: {"winners_places_sum is 2, should be 1"},
		`{}`:          {"winners_places_sum is 0, should be 1", "prizes_granted is 0, should be 1"},
	} {
		got := against(t, 1, func(path string, _ int, _ string) (int, string) {
			if path == "GET vouchers" {
				return http.StatusOK, `{"data":[{"code":"sale.a","pool":"repost-prize"}],"next":null}`
			}
			return http.StatusOK, entry
		}, func(ctx context.Context, s *show) error {
			l := reposting(s)
			l.winners = 1
			return l.prizes(ctx)
		})
		requireTold(t, got, want...)
	}
}

// programme writes a shell script that a test can run as the binary. Such a test is not run beside others: a process that
// another one starts meanwhile may still hold the file open, and then it cannot be run.
func programme(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hotdrop")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestADrawThatCannotBeVerifiedIsTold(t *testing.T) {
	for script, want := range map[string][]string{
		`test "$*" = "draw verify - --seed-hash abc" && grep -q exported`: nil,
		`echo differs; exit 1`: {"draw_verified is 0, should be 1"},
	} {
		got := against(t, 1, always(http.StatusOK, `{"draw":"exported"}`), func(ctx context.Context, s *show) error {
			s.config.Binary, s.config.Err = programme(t, script), t.Output()
			return reposting(s).verify(ctx, drawView{SeedHash: "abc"})
		})
		requireTold(t, got, want...)
	}
}

func TestTheAuditIsOfTheServersDatabase(t *testing.T) {
	f := &fleet{store: "sqlite", keys: filepath.Join("folder", "1", demoKeys)}
	for name, test := range map[string]struct {
		script, store           string
		orders, findings, stale int64
		rows                    string
		fails                   bool
	}{
		"clean":             {`test "$*" = "audit -o json --data folder/1" && echo '{"orders":7,"findings":0}'`, "", 7, 0, 0, "", false},
		"of a Postgres":     {`test "$6 $7" = "--database-url postgres://x" && echo '{"orders":7}'`, "postgres://x", 7, 0, 0, "", false},
		"with findings":     {`echo "a row" >&2; echo '{"orders":7,"findings":1}'; exit 1`, "", 7, 1, 0, "a row\n", false},
		"with stale orders": {`echo '{"orders":7,"findings":3,"stale_orders":2}'; exit 1`, "", 7, 3, 2, "", false},
		"without a report":  {`echo "no such folder" >&2; exit 1`, "", 0, 0, 0, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			audit, err := f.audit(t.Context(), Config{Binary: programme(t, test.script), Store: test.store})
			if (err != nil) != test.fails {
				t.Fatal(err)
			}
			if err == nil && *audit != (Audit{test.orders, test.findings, test.stale, test.rows}) {
				t.Errorf("the audit is %+v", audit)
			}
		})
	}
	if audit, err := (&fleet{store: remoteStore}).audit(t.Context(), Config{}); audit != nil || err != nil {
		t.Errorf("a server that ran already was audited: %+v, %v", audit, err)
	}
}
