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
	funded *counter // what was put into the wallets
	orders [][]string
	random *rand.Rand
	began  time.Time
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
		runner: r, terms: termsOf(staged), sale: staged, tokens: tokens, tale: &r.result.tale, funded: newCounter(),
		orders: make([][]string, r.config.Shoppers), began: time.Now(),
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
	states map[string]int64 // orders of the item that is sold first, by state
	kept   int64            // what was paid online and not given back, minor units
	held   int64            // what is in the wallets
}

// settled reads every order and every wallet of everybody, as their owners, once nothing more happens by itself.
func (s *show) settled(ctx context.Context) (*books, error) {
	sums, states := newCounter(), newCounter()
	everyone := make([]int, len(s.tokens))
	for i := range everyone {
		everyone[i] = i
	}
	err := s.each(ctx, "books", everyone, func(ctx context.Context, p *shopper) error {
		for _, id := range s.orders[p.n] {
			o, err := p.look(ctx, id)
			if err != nil {
				return err
			}
			states.add(o.State, 1)
			sums.add("kept", o.kept(s.sale.Deposits.BalanceAt == core.BalanceDealer))
		}
		var wallet struct {
			Balances map[string]int64 `json:"balances"`
		}
		err := p.must(ctx, get(p.token, "/v1/wallet"), &wallet)
		sums.add("held", wallet.Balances[s.terms.currency])
		return err
	})
	return &books{states: states.n, kept: sums.of("kept"), held: sums.of("held")}, err
}

// money tells of the money: what was put into the wallets is in them or was paid for an order, to the last fen.
func (s *show) money(b *books) {
	funded := s.funded.of("")
	s.tale.tell("money_in", funded)
	s.tale.tell("money_kept", b.kept)
	s.tale.expect("money_left", b.held, funded-b.kept)
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
	return v, p.must(ctx, get(p.token, p.here("")), &v)
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
