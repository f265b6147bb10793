package event

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"hotdrop/core"
)

// What the shoppers of the trade-in drop do, in thousandths of those who could: assumed, as nothing was published.
const (
	interested  = 950 // of all, who look at the item once it is announced
	reserving   = 900 // of all, who sign up: those who do not are refused in the sale
	vouchering  = 250 // of the reservers, who buy the one-cent voucher
	wavering    = 50  // of those who order, who cancel instead of paying
	trading     = 400 // of all, who have an old phone
	quoting     = 100 // of all, who ask for the price first
	repeating   = 50  // of all, whose device sends the order twice
	sharing     = 100 // of the buyers, who pass their link on
	visitsEach  = 3   // other shoppers who come through a link
	remindAfter = 5 * time.Second
)

// What staff do with the old phones, in thousandths of the orders that carry one.
const (
	phonesReceived = 900
	phonesWaived   = 50
)

const (
	voucherItem      = "flyme-code" // and the quota of it
	voucherPool      = "flyme-50"
	reminderTemplate = "sale-opens"
	handIn           = "trade_in" // the condition
)

// tradeIn is the trade-in drop under way.
type tradeIn struct {
	*show

	reservers []int
	codes     []string // of vouchers, by shopper; "" for none
	phones    []string // the brand of the old phone, by shopper; "" for none
	bought    []order  // of the phone, by shopper; without id for none
	price     int64
	worth     map[string]int64 // what is off the price: by brand, and for a voucher
}

// playTradeIn is the trade-in drop: teaser, reservations, the one-cent voucher, the reminder, the sale, the parcels, the
// inbox and the links.
func playTradeIn(ctx context.Context, r *runner) error {
	s, err := r.stage(ctx, func(sale *core.Campaign) {
		// The reminder comes in the reservation phase, so that shoppers find it before the sale opens.
		sale.Reminders[0].At = sale.Phases.Reservation.Add(remindAfter)
		// A voucher for everybody who may want one, however many come.
		pool := sale.VoucherPools[voucherPool]
		pool.Count = max(pool.Count, int64(r.config.Shoppers))
		sale.VoucherPools[voucherPool], sale.Quotas[voucherItem] = pool, pool.Count
	})
	if err != nil {
		return err
	}
	people := len(s.tokens)
	t := &tradeIn{
		show: s, reservers: s.some(reserving), codes: make([]string, people), phones: make([]string, people),
		bought: make([]order, people), price: s.terms.price,
	}
	t.cast()
	for _, act := range []func(context.Context) error{
		t.tease, t.announce, t.signUp, t.sellVouchers, t.readCodes, t.remind, t.open, t.settle, t.ship, t.converse, t.share, t.close,
	} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// cast gives out the old phones, and reads from the campaign file what they and a voucher are worth.
func (t *tradeIn) cast() {
	t.worth = map[string]int64{"voucher": t.sale.VoucherPools[voucherPool].Value}
	for _, binding := range t.sale.Ruleset {
		if binding.Plugin != handInPlugin {
			continue
		}
		amount, _ := binding.Config["amount"].(int64)
		brands, _ := binding.Config["brands"].([]any)
		for _, brand := range brands {
			t.worth[fmt.Sprint(brand)] = amount
		}
	}
	for i, n := range t.some(trading) {
		t.phones[n] = []string{"Samsung", "Xiaomi", "Samsung", "Nokia"}[i%4]
	}
}

// handInPlugin is the mechanic that takes old phones in.
const handInPlugin = "trade-in"

// tease has everybody look at the poster, which shows no item, and some try to sign up already.
func (t *tradeIn) tease(ctx context.Context) error {
	seen := newCounter()
	everyone := t.some(1000)
	err := t.each(ctx, "teaser", everyone, func(ctx context.Context, p *shopper) error {
		v, err := p.page(ctx)
		seen.add("items", int64(len(v.Items)))
		seen.add("looked", 1)
		if err != nil || p.n%100 != 0 {
			return err
		}
		code, err := p.call(ctx, post(p.token, p.here("/reservations"), "", nil), nil)
		seen.add("early", 1)
		seen.add(code, 1)
		return err
	})
	t.tale.tell("funnel_attention", seen.of("looked"))
	t.tale.expect("hidden_items_seen", seen.of("items"), 0)
	t.tale.expect("early_reservations_refused", seen.of(string(core.CodeNotInPhase)), seen.of("early"))
	return err
}

// announce opens the reservation phase and has those who are interested look at the items.
func (t *tradeIn) announce(ctx context.Context) error {
	if err := t.enter(ctx, core.PhaseReservation); err != nil {
		return err
	}
	seen, looking := newCounter(), t.some(interested)
	err := t.each(ctx, "interest", looking, func(ctx context.Context, p *shopper) error {
		v, err := p.page(ctx)
		if len(v.Items) == len(t.sale.Items) {
			seen.add("", 1)
		}
		return err
	})
	t.tale.expect("funnel_interest", seen.of(""), int64(len(looking)))
	return err
}

// signUp has the reservers reserve. Their positions have no gap.
func (t *tradeIn) signUp(ctx context.Context) error {
	taken := newCounter()
	err := t.each(ctx, "reservations", t.reservers, func(ctx context.Context, p *shopper) error {
		var r struct {
			Position int64 `json:"position"`
		}
		err := p.must(ctx, post(p.token, p.here("/reservations"), "", nil), &r)
		taken.add("sum", r.Position)
		return err
	})
	n := int64(len(t.reservers))
	t.tale.tell("funnel_reservation", n)
	t.tale.expect("positions_sum", taken.of("sum"), n*(n+1)/2)
	return err
}

// sellVouchers has some reservers buy the one-cent voucher, so that they try paying before the sale. Some cancel, some
// try to have another one.
func (t *tradeIn) sellVouchers(ctx context.Context) error {
	buyers := t.reservers[:max(1, share(len(t.reservers), vouchering))]
	seen := newCounter()
	err := t.each(ctx, "one-cent vouchers", buyers, func(ctx context.Context, p *shopper) error {
		o, code, err := p.place(ctx, "voucher", wish{SKU: voucherItem, Quantity: 1})
		if err != nil || code != "" {
			return fmt.Errorf("%w: a one-cent voucher: %s %w", errUnexpected, code, err)
		}
		t.note(p.n, o)
		seen.add("total", o.Total)
		if p.n%10 == 0 {
			_, code, err := p.place(ctx, "second", wish{SKU: voucherItem, Quantity: 1})
			seen.add("second", 1)
			if err != nil || code == "" {
				return fmt.Errorf("%w: a second one-cent voucher: %w", errUnexpected, err)
			}
			seen.add(code, 1)
		}
		if p.n%20 == 7 {
			_, code, err = p.cancel(ctx, "uncent", o.ID)
			seen.add("cancelled", 1)
			return unless(code, err)
		}
		if err := p.fund(ctx, "cent", o.Total); err != nil {
			return err
		}
		_, code, err = p.pay(ctx, "paycent", o.ID)
		seen.add("paid", 1)
		t.codes[p.n] = "paid"
		return unless(code, err)
	})
	t.tale.expect("one_cent_orders", seen.of("total"), int64(len(buyers))) // a fen each
	t.tale.tell("one_cent_cancelled", seen.of("cancelled"))
	t.tale.tell("one_cent_paid", seen.of("paid"))
	t.tale.expect("one_cent_second_refused", seen.of("limit_reached")+seen.of("already_used"), seen.of("second"))
	return err
}

// unless turns a refusal that nothing explains into an error.
func unless(code string, err error) error {
	if err == nil && code != "" {
		err = fmt.Errorf("%w: %s", errUnexpected, code)
	}
	return err
}

// readCodes waits until everybody who paid a one-cent voucher has been granted a code, and looks whether anybody else has.
func (t *tradeIn) readCodes(ctx context.Context) error {
	seen := newCounter()
	err := t.each(ctx, "codes", t.reservers, func(ctx context.Context, p *shopper) error {
		if t.codes[p.n] == "" {
			return nil
		}
		return until(ctx, "a voucher's grant", func() (bool, error) {
			mine, err := p.vouchers(ctx)
			if len(mine) > 0 {
				t.codes[p.n] = mine[0].Code
				seen.add("granted", int64(len(mine)))
				seen.add("paid", 1)
			}
			return len(mine) > 0, err
		})
	})
	t.tale.expect("vouchers_granted", seen.of("granted"), seen.of("paid"))
	return err
}

// remind waits for the reminder, which every reserver finds in the inbox, once, and nobody else.
func (t *tradeIn) remind(ctx context.Context) error {
	err := t.each(ctx, "reminder", t.reservers[:1], func(ctx context.Context, p *shopper) error {
		return until(ctx, "the reminder", func() (bool, error) {
			n, err := p.received(ctx, reminderTemplate, "")
			return n == 1, err
		})
	})
	if err != nil {
		return err
	}
	seen := newCounter()
	err = t.each(ctx, "reminders", t.some(1000), func(ctx context.Context, p *shopper) error {
		n, err := p.received(ctx, reminderTemplate, "")
		seen.add("", n)
		return err
	})
	t.tale.expect("reminded", seen.of(""), int64(len(t.reservers)))
	return err
}

// received counts the shopper's messages of the template whose text has the words in it.
func (p *shopper) received(ctx context.Context, template, words string) (int64, error) {
	messages, err := p.inbox(ctx)
	var n int64
	for _, m := range messages {
		if m.Template == template && strings.Contains(m.Text.EN, words) {
			n++
		}
	}
	return n, err
}

// order is what shopper n orders, and what that has to cost.
func (t *tradeIn) order(n int) (w wish, total int64) {
	w, total = wish{SKU: t.terms.sku, Quantity: 1, Voucher: t.codes[n]}, t.price
	if w.Voucher != "" {
		total -= t.worth["voucher"]
	}
	if brand := t.phones[n]; brand != "" {
		w.Input = map[string]any{"trade_in": map[string]any{"brand": brand, "model": "One", "condition": "good"}}
		total -= t.worth[brand]
	}
	return w, total
}

// shuffledAgain is the shoppers in another order, who come to the sale.
func shuffledAgain(shoppers []int, random *rand.Rand) []int {
	again := append([]int(nil), shoppers...)
	random.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
	return again
}
