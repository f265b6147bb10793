package event

import (
	"context"
	"slices"
	"time"

	"hotdrop/core"
)

// What the buyers of a car do, in thousandths: assumed.
const (
	regretting = 30  // of those who order, who cancel before they pay the deposit
	collecting = 800 // of those who paid the deposit, who pay the rest at the dealer and drive home
)

// carSale is the car sale under way.
type carSale struct {
	*show

	bought []order // by shopper; without id for none
	seen   *counter
}

// balanceWindow is how long after the opening the rest may be paid: long enough for as many shoppers to order and pay
// the deposit, and for the dealers, and short enough to be waited for.
func balanceWindow(shoppers int) time.Duration {
	return 8*time.Second + time.Duration(shoppers)*4*time.Millisecond
}

// playCar is the car sale: the deposit online, the rest at the dealer, and those who never come.
func playCar(ctx context.Context, r *runner) error {
	window := balanceWindow(r.config.Shoppers)
	s, err := r.stage(ctx, func(sale *core.Campaign) {
		sale.Items[0].Hold = core.Duration(window / 2)
		until := sale.Phases.Sale.Add(window)
		sale.Deposits.BalanceUntil = until // before which the cars have to be sold
		for i := range sale.Items {
			sale.Items[i].Phases = core.Phases{Sale: sale.Phases.Sale, Closed: until}
		}
	})
	if err != nil {
		return err
	}
	c := &carSale{show: s, bought: make([]order, len(s.tokens)), seen: newCounter()}
	for _, act := range []func(context.Context) error{c.open, c.deposit, c.collect, c.handOver, c.lapse, c.close} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// open opens the sale: everybody orders, some regret it, and others have what those gave back.
func (c *carSale) open(ctx context.Context) error {
	if err := c.enter(ctx, core.PhaseSale); err != nil {
		return err
	}
	began := time.Now()
	if err := c.each(ctx, "orders", c.some(1000), c.buy); err != nil {
		return err
	}
	c.tale.took("order_seconds", time.Since(began).Seconds())
	most := min(c.config.Units, len(c.tokens))
	c.tale.expect("sold_at_once", c.seen.of("sold"), int64(most))
	buyers := c.holding("placed")
	regret := buyers[:share(len(buyers), regretting)]
	err := c.each(ctx, "cancellations", regret, func(ctx context.Context, p *shopper) error {
		o, code, err := p.cancel(ctx, "cancel", c.bought[p.n].ID)
		c.bought[p.n] = o
		return unless(code, err)
	})
	want := int64(min(c.config.Units, len(c.tokens)-len(regret)))
	for round := 0; err == nil && round < maxRounds && int64(len(c.holding("placed"))) < want; round++ {
		wait(ctx, lookInterval)
		err = c.each(ctx, "orders again", shuffledAgain(c.holding(""), c.random), c.buy)
	}
	c.tale.tell("cancelled", int64(len(regret)))
	c.tale.expect("sold", int64(len(c.holding("placed"))), want)
	c.tale.expect("dues_wrong", c.seen.of("wrong"), 0)
	c.tale.tell("refused_sold_out", c.seen.of(string(core.CodeSoldOut)))
	return err
}

// holding lists the shoppers whose order is in the state; "" is for those without an order.
func (c *carSale) holding(state string) []int {
	var list []int
	for n := range c.bought {
		if c.bought[n].State == state {
			list = append(list, n)
		}
	}
	return list
}

// buy has a shopper order a car, which is to be paid in two parts.
func (c *carSale) buy(ctx context.Context, p *shopper) error {
	o, code, err := p.place(ctx, "order", wish{SKU: c.terms.sku, Quantity: 1})
	if err != nil || code != "" {
		c.seen.add(code, 1)
		return err
	}
	c.seen.add("sold", 1)
	deposit, balance := o.open(core.DueDeposit), o.open(core.DueBalance)
	if deposit == nil || balance == nil || deposit.Amount+balance.Amount != o.Total || o.Total != c.terms.price {
		c.seen.add("wrong", 1)
	}
	c.bought[p.n] = o
	c.note(p.n, o)
	return nil
}

// deposit has everybody pay the deposit; some try before there is anything in their wallet.
func (c *carSale) deposit(ctx context.Context) error {
	buyers := c.holding("placed")
	err := c.each(ctx, "deposits", buyers, func(ctx context.Context, p *shopper) error {
		o := c.bought[p.n]
		if p.n%50 == 1 {
			_, code, err := p.pay(ctx, "early", o.ID)
			c.seen.add("early", 1)
			c.seen.add(code, 1)
			if err != nil {
				return err
			}
		}
		if err := p.fund(ctx, "deposit", o.open(core.DueDeposit).Amount); err != nil {
			return err
		}
		paid, code, err := p.pay(ctx, "paydeposit", o.ID)
		if paid.open(core.DueDeposit) == nil && paid.open(core.DueBalance) != nil {
			c.seen.add("deposits", 1)
		}
		c.bought[p.n] = paid
		return unless(code, err)
	})
	c.tale.expect("deposits_paid", c.seen.of("deposits"), int64(len(buyers)))
	c.tale.expect("refused_insufficient_funds", c.seen.of(string(core.CodeInsufficientFunds)), c.seen.of("early"))
	return err
}

// receipt is the body by which a dealer says that the rest was paid.
func receipt(reference string) any {
	return map[string]string{"reference": reference, "reason": "paid at the dealer"}
}

// collect has staff confirm the balances that were paid at the dealer. A dealer's receipt counts for one car.
func (c *carSale) collect(ctx context.Context) error {
	buyers := c.holding("placed")
	coming := buyers[:share(len(buyers), collecting)]
	orders := c.idsOf(coming)
	refused, err := c.desk(ctx, "balances", "/dues/balance/confirmations", orders, func(i int) any { return receipt(parcel(coming[i])) })
	if err != nil {
		return err
	}
	c.tale.expect("balances_paid_at_the_dealer", int64(len(orders))-refused[string(core.CodeWrongState)], int64(len(orders)))
	never := c.idsOf(buyers[len(coming):])
	twice := never[:min(len(never), len(coming))]
	refused, err = c.desk(ctx, "receipts again", "/dues/balance/confirmations", twice, func(i int) any { return receipt(parcel(coming[i])) })
	c.tale.expect("receipts_again_refused", refused[string(core.CodeAlreadyUsed)], int64(len(twice)))
	return err
}

// idsOf returns the orders of the shoppers.
func (c *carSale) idsOf(shoppers []int) []string {
	ids := make([]string, len(shoppers))
	for i, n := range shoppers {
		ids[i] = c.bought[n].ID
	}
	return ids
}

// refresh reads the orders of everybody who has one.
func (c *carSale) refresh(ctx context.Context, name string) error {
	var having []int
	for n := range c.bought {
		if c.bought[n].ID != "" {
			having = append(having, n)
		}
	}
	return c.each(ctx, name, having, func(ctx context.Context, p *shopper) error {
		o, err := p.look(ctx, c.bought[p.n].ID)
		c.bought[p.n] = o
		return err
	})
}

// handOver hands the cars over that are paid.
func (c *carSale) handOver(ctx context.Context) error {
	if err := c.refresh(ctx, "orders' states"); err != nil {
		return err
	}
	paid := c.holding(string(core.OrderPaid))
	orders := c.idsOf(paid)
	if _, err := c.desk(ctx, "cars ready", "/shipments", orders, func(i int) any {
		return map[string]string{"carrier": "smart center", "tracking": parcel(paid[i])}
	}); err != nil {
		return err
	}
	_, err := c.desk(ctx, "cars handed over", "/deliveries", orders, func(int) any { return nil })
	return err
}

// lapse waits until the orders whose balance was never paid have ended, and tries to pay one of them after all.
func (c *carSale) lapse(ctx context.Context) error {
	waiting := c.holding("placed")
	err := c.each(ctx, "balances that are never paid", waiting, func(ctx context.Context, p *shopper) error {
		return until(ctx, "the end of an order without its balance", func() (bool, error) {
			o, err := p.look(ctx, c.bought[p.n].ID)
			c.bought[p.n] = o
			return o.State != "placed", err
		})
	})
	if err != nil {
		return err
	}
	ended := c.idsOf(waiting)
	late := ended[:min(len(ended), 10)]
	refused, err := c.desk(ctx, "late balances", "/dues/balance/confirmations", late, func(i int) any {
		return receipt("late-" + late[i][len(late[i])-len(orderID{}):])
	})
	c.tale.expect("late_balances_refused", refused[string(core.CodeWrongState)], int64(len(late)))
	return err
}

// close reads the books: who drove home, who forfeited the deposit or got it back, and how many cars are left.
func (c *carSale) close(ctx context.Context) error {
	if err := c.refresh(ctx, "orders' states"); err != nil {
		return err
	}
	delivered, lapsed := c.holding(string(core.OrderDelivered)), c.holding(string(core.OrderExpired))
	c.tale.expect("delivered", int64(len(delivered)), c.seen.of("deposits")-int64(len(lapsed)))
	c.tale.tell("never_paid", int64(len(lapsed)))
	policy, dealer := core.DueRefunded, int64(0)
	if c.sale.Deposits.Unpaid == core.UnpaidForfeit {
		policy = core.DueForfeited
	}
	kept := 0
	for _, n := range lapsed {
		if slices.ContainsFunc(c.bought[n].Dues, func(d due) bool { return d.Kind == core.DueDeposit && d.State == policy }) {
			kept++
		}
	}
	for _, n := range delivered {
		dealer += c.bought[n].Total - c.bought[n].kept(true)
	}
	c.tale.expect("deposits_"+policy, int64(kept), int64(len(lapsed)))
	b, err := c.settled(ctx)
	if err != nil {
		return err
	}
	c.money(b)
	c.tale.tell("money_at_the_dealer", dealer)
	left := int64(c.config.Units - len(delivered))
	err = c.awaitLeft(ctx, c.terms.sku, left)
	c.tale.tell("left", left)
	c.tale.took("seconds", time.Since(c.began).Seconds())
	return err
}
