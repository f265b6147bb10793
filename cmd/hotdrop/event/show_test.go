package event

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// showOf is a sale of so many shoppers and units that has not begun.
func showOf(r *runner, shoppers int) *show {
	tokens := make([]string, shoppers)
	return &show{
		runner: r, terms: terms{sku: "mx3", currency: "CNY", price: 179_900}, sale: &core.Campaign{}, tokens: tokens,
		tale: &r.result.tale, funded: make([]int64, shoppers), orders: make([][]string, shoppers),
		random: rand.New(rand.NewPCG(1, 2)),
	}
}

func TestEveryWalletHasToHoldWhatItsOrdersLeave(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, wallet, order string
		wrong               int
	}{
		{"paid", `{"balances":{"CNY":5}}`, `{"state":"paid","dues":[{"kind":"full","amount":95,"state":"paid"}]}`, 0},
		{"given back", `{"balances":{"CNY":100}}`, `{"state":"refunded","dues":[{"kind":"full","amount":95,"state":"refunded"}]}`, 0},
		{"not given back", `{"balances":{"CNY":5}}`, `{"state":"refunded","dues":[{"kind":"full","amount":95,"state":"refunded"}]}`, 2},
		{"given back twice", `{"balances":{"CNY":195}}`, `{"state":"refunded","dues":[{"kind":"full","amount":95,"state":"refunded"}]}`, 2},
		{"of another currency", `{"balances":{"EUR":5}}`, `{"state":"paid","dues":[{"kind":"full","amount":95,"state":"paid"}]}`, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := crowdAt(t, 1, scripted{"/v1/wallet": test.wallet, "/v1/orders/sale.1": test.order})
			s := showOf(r, 1)
			s.funded[0] = 100
			s.note(0, order{ID: "sale.1"})
			b, err := s.settled(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s.money(b)
			if len(s.tale.wrong) != test.wrong {
				t.Errorf("wrong are %q", s.tale.wrong)
			}
		})
	}
}

func TestGroupsAreFormedOfDistinctShoppersAndWithinTheUnits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, units := rapid.IntRange(1, 500).Draw(t, "shoppers"), rapid.IntRange(1, 300).Draw(t, "units")
		g := &groupBuy{show: showOf(&runner{config: Config{Units: units}, result: &Result{}}, n)}
		g.form()
		seen := make([]bool, n)
		for _, one := range slices.Concat(g.complete, g.failing) {
			for _, member := range append([]int{one.leader}, one.comers...) {
				if seen[member] {
					t.Fatalf("shopper %d is in two groups", member)
				}
				seen[member] = true
			}
		}
		if 3*len(g.complete) > units {
			t.Fatalf("%d groups of three for %d units", len(g.complete), units)
		}
		for _, one := range g.complete {
			if len(one.comers) != rivals {
				t.Fatalf("%d come for two seats", len(one.comers))
			}
		}
		for _, one := range g.failing {
			if size := 1 + len(one.comers); size < 2 || size > 4 {
				t.Fatalf("a group of %d of five that is meant to fail", size)
			}
		}
	})
}

func TestTheRepostsThatCountAreAsManyAsAskedFor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		reposts, links := rapid.IntRange(1, 3000).Draw(t, "reposts"), rapid.IntRange(1, 40).Draw(t, "links")
		l := &lottery{
			show:  showOf(&runner{config: Config{Reposts: reposts}, result: &Result{}, replay: &replay{run: "run"}}, 1),
			codes: make([]string, links), want: make([]int64, links),
		}
		for i := range l.codes {
			l.codes[i] = fmt.Sprintf("sale.%026d", i)
		}
		l.plan()
		events, pairs, perLink := map[string]bool{}, map[string]bool{}, map[string]int64{}
		for _, e := range l.events {
			if !events[e.ID] && !pairs[e.By+e.Share] {
				perLink[e.Share]++
			}
			events[e.ID], pairs[e.By+e.Share] = true, true
		}
		counted := int64(0)
		for i, code := range l.codes {
			counted += perLink[code]
			if perLink[code] != l.want[i] {
				t.Fatalf("link %d has %d reposts, planned are %d", i, perLink[code], l.want[i])
			}
		}
		if counted != int64(reposts) {
			t.Fatalf("%d of %d events count", counted, len(l.events))
		}
	})
}

func TestWhatTheTradeInHasToCostIsReadFromTheCampaignFile(t *testing.T) {
	t.Parallel()
	file, err := campaignFile(TradeIn)
	if err != nil {
		t.Fatal(err)
	}
	sale, err := parseSale(file)
	if err != nil {
		t.Fatal(err)
	}
	s := showOf(&runner{result: &Result{}}, 4)
	s.sale = sale
	in := &tradeIn{show: s, codes: []string{"", "code", "", "code"}, phones: make([]string, 4), price: 179_900}
	in.cast()
	in.phones = []string{"", "", "Nokia", "Samsung"}
	for n, want := range []int64{179_900, 174_900, 179_900, 124_900} {
		w, total := in.order(n)
		if total != want || w.Voucher != in.codes[n] || (w.Input == nil) != (in.phones[n] == "") {
			t.Errorf("shopper %d: %+v for %d, want %d", n, w, total, want)
		}
	}
}
