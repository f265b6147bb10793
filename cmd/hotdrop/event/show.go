package event

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"hotdrop/core"
)

// show is a sale under way that has more to it than a rush: every shopper does what people do, over as many requests as
// that takes, and what came of it is counted.
type show struct {
	*runner

	terms  terms
	sale   *core.Campaign // as it was applied
	tokens []string       // of the shoppers, by number
	tale   *tale
	funded []int64 // what each shopper has put into the wallet, minor units
	orders [][]string
	random *rand.Rand
	began  time.Time
	late   time.Duration // how long money may take to be back in a wallet
}

// stage opens the sale under the campaign's id in its first phase, with change made to its file.
func (r *runner) stage(ctx context.Context, change func(*core.Campaign)) (*show, error) {
	file, err := campaignFile(r.config.Name)
	if err != nil {
		return nil, err
	}
	sale, err := parseSale(file)
	if err != nil {
		return nil, err
	}
	tokens, err := signTokens(r.signer, numbers(r.config.Shoppers))
	if err != nil {
		return nil, err
	}
	staged := replayed(sale, r.replay.campaign, r.config.Units, time.Now())
	change(staged)
	s := &show{
		runner: r, terms: termsOf(staged), sale: staged, tokens: tokens, tale: &r.result.tale, funded: make([]int64, r.config.Shoppers),
		orders: make([][]string, r.config.Shoppers), began: time.Now(), late: lookPatience,
		random: rand.New(rand.NewPCG(r.config.Seed, 3)), //nolint:gosec // a load plan is no secret
	}
	return s, r.staff.apply(ctx, staged, firstPhase(staged))
}

// enter moves the sale into the phase, on every node.
func (s *show) enter(ctx context.Context, phase core.Phase) error {
	return s.staff.enter(ctx, s.replay.campaign, phase)
}

// some returns that many thousandths of the shoppers, at least one, in random order.
func (s *show) some(perMille int) []int {
	return s.random.Perm(len(s.tokens))[:max(1, share(len(s.tokens), perMille))]
}

// each runs an errand for every one of the shoppers.
func (s *show) each(ctx context.Context, name string, shoppers []int, do func(ctx context.Context, p *shopper) error) error {
	return s.everybody(ctx, name, len(shoppers), func(ctx context.Context, on *caller, i int) error {
		return do(ctx, s.as(on, shoppers[i]))
	})
}

// desk does something for each of the orders as staff; what is the path below the order, body what is sent. It returns
// how often it was refused, by code.
func (s *show) desk(ctx context.Context, name, path string, orders []string, body func(i int) any) (map[string]int64, error) {
	refused := newCounter()
	err := s.everybody(ctx, name, len(orders), func(ctx context.Context, on *caller, i int) error {
		code, err := on.call(ctx, post(s.staff.token, "/v1/orders/"+orders[i]+path, "", body(i)), nil)
		if code != "" {
			refused.add(code, 1)
		}
		return err
	})
	return refused.n, err
}

// note keeps an order that shopper n has. One shopper's errands are made one after another.
func (s *show) note(n int, o order) { s.orders[n] = append(s.orders[n], o.ID) }

// books is what the orders and the wallets say in the end.
type books struct {
	states              map[string]int64 // orders, by state
	funded, kept, owned int64            // put into wallets, paid for orders and not given back, and in wallets: minor units
	wrong               int64            // wallets that do not hold what their orders leave
}

// settled reads every order and every wallet, as their owners. What is given back comes a moment after the order says so;
// so a wallet may be late, but not for long.
func (s *show) settled(ctx context.Context) (*books, error) {
	sums, states := newCounter(), newCounter()
	end := time.Now().Add(s.late)
	err := s.each(ctx, "books", s.some(1000), func(ctx context.Context, p *shopper) error {
		kept := int64(0)
		for _, id := range s.orders[p.n] {
			o, err := p.look(ctx, id)
			if err != nil {
				return err
			}
			states.add(o.State, 1)
			kept += o.kept(s.sale.Deposits.BalanceAt == core.BalanceDealer)
		}
		owned := int64(0)
		right, err := by(ctx, end, func() (_ bool, err error) {
			owned, err = p.wallet(ctx)
			return owned == s.funded[p.n]-kept, err
		})
		if !right {
			sums.add("wrong", 1)
		}
		sums.add("funded", s.funded[p.n])
		sums.add("kept", kept)
		sums.add("owned", owned)
		return err
	})
	return &books{
		states: states.n, funded: sums.of("funded"), kept: sums.of("kept"), owned: sums.of("owned"), wrong: sums.of("wrong"),
	}, err
}

// money tells of the money: what was put into each wallet is in it or was paid for an order, to the last fen.
func (s *show) money(b *books) {
	s.tale.tell("money_in", b.funded)
	s.tale.tell("money_kept", b.kept)
	s.tale.expect("money_left", b.owned, b.funded-b.kept)
	s.tale.expect("wallets_wrong", b.wrong, 0)
}

// wallet returns what is in the shopper's wallet, minor units.
func (p *shopper) wallet(ctx context.Context) (int64, error) {
	var wallet struct {
		Balances map[string]int64 `json:"balances"`
	}
	err := p.must(ctx, get(p.token, "/v1/wallet"), &wallet)
	return wallet.Balances[p.show.terms.currency], err
}

// view is the campaign as a shopper sees it.
type view struct {
	Phase string `json:"phase"`
	Items []struct {
		SKU  string `json:"sku"`
		Left int64  `json:"left"`
	} `json:"items"`
}

// left returns how many units of the item are left, as the page says.
func (v *view) left(sku string) int64 {
	for _, item := range v.Items {
		if item.SKU == sku {
			return item.Left
		}
	}
	return -1
}

// page looks at the campaign as a shopper.
func (p *shopper) page(ctx context.Context) (v view, err error) {
	err = p.must(ctx, get(p.token, p.here("")), &v)
	return v, err
}

// awaitLeft waits until the page says that so many units of the item are left.
func (s *show) awaitLeft(ctx context.Context, sku string, want int64) error {
	return s.everybody(ctx, "stock", 1, func(ctx context.Context, on *caller, _ int) error {
		return until(ctx, fmt.Sprintf("%d units of %s left", want, sku), func() (bool, error) {
			v, err := s.as(on, 0).page(ctx)
			return v.left(sku) == want, err
		})
	})
}
