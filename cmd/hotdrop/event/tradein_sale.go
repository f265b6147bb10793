package event

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hotdrop/core"
)

// maxRounds is how often those who were sold out come back for what others cancelled.
const maxRounds = 10

// open opens the sale: everybody orders. Then some cancel, and those who had come too late come again, until everything
// is sold that anybody wants.
func (t *tradeIn) open(ctx context.Context) error {
	if err := t.enter(ctx, core.PhaseSale); err != nil {
		return err
	}
	seen, began := newCounter(), time.Now()
	if err := t.each(ctx, "orders", t.some(1000), t.buy(seen)); err != nil {
		return err
	}
	t.tale.took("order_seconds", time.Since(began).Seconds())
	sold := min(int64(t.config.Units), int64(len(t.reservers)))
	t.tale.expect("sold_at_once", seen.of("sold"), sold)
	strangers, late := seen.of(string(core.CodeReservationRequired)), seen.of(string(core.CodeSoldOut))
	t.tale.tell("refused_reservation_required", strangers) // or that it is sold out, to those who come after that
	t.tale.expect("refused_at_once", strangers+late, int64(len(t.tokens))-sold)
	cancelled, err := t.waver(ctx)
	if err != nil {
		return err
	}
	want := min(int64(t.config.Units), int64(len(t.reservers))-cancelled)
	for round := 0; round < maxRounds && seen.of("sold")-cancelled < want; round++ {
		wait(ctx, lookInterval)
		if err := t.each(ctx, "orders again", t.emptyHanded(), t.buy(seen)); err != nil {
			return err
		}
	}
	t.tale.tell("cancelled", cancelled)
	t.tale.expect("funnel_order", seen.of("sold")-cancelled, want)
	t.tale.tell("phones_not_taken_in", seen.of("not_taken_in"))
	t.tale.expect("phones_taken_in_by_mistake", seen.of("unlisted"), 0)
	t.tale.expect("totals_wrong", seen.of("wrong"), 0)
	t.tale.expect("broken_replays", seen.of("broken"), 0)
	t.tale.tell("refused_sold_out", seen.of(string(core.CodeSoldOut)))
	return nil
}

// emptyHanded are the reservers who have ordered nothing, in random order.
func (t *tradeIn) emptyHanded() []int {
	var without []int
	for _, n := range shuffledAgain(t.reservers, t.random) {
		if t.bought[n].ID == "" {
			without = append(without, n)
		}
	}
	return without
}

// buy has a shopper order the phone: some ask what it costs first, some devices send the order twice.
func (t *tradeIn) buy(seen *counter) func(context.Context, *shopper) error {
	return func(ctx context.Context, p *shopper) error {
		w, want := t.order(p.n)
		if p.n%(1000/quoting) == 3 {
			if err := t.quote(ctx, p, &w, seen); err != nil {
				return err
			}
		}
		o, code, err := p.place(ctx, "order", w)
		if code == string(core.CodeDenied) && t.unlisted(p.n) {
			seen.add("not_taken_in", 1)
			t.phones[p.n] = "" // then without it: a refusal has used up no key
			w, want = t.order(p.n)
			o, code, err = p.place(ctx, "order", w)
		}
		if err != nil {
			return err
		}
		if code != "" {
			seen.add(code, 1)
			return nil
		}
		seen.add("sold", 1)
		if t.unlisted(p.n) {
			seen.add("unlisted", 1)
		}
		if o.Total != want {
			seen.add("wrong", 1)
		}
		t.bought[p.n] = o
		t.note(p.n, o)
		if p.n%(1000/repeating) == 5 {
			again, _, err := p.place(ctx, "order", w)
			if again.ID != o.ID {
				seen.add("broken", 1)
			}
			return err
		}
		return nil
	}
}

// unlisted reports whether the shopper has an old phone that the mechanic does not take in.
func (t *tradeIn) unlisted(n int) bool { return t.phones[n] != "" && t.worth[t.phones[n]] == 0 }

// quote asks what the order costs and lets it be refused if that has changed.
func (t *tradeIn) quote(ctx context.Context, p *shopper, w *wish, seen *counter) error {
	var q struct {
		Total int64 `json:"total"`
	}
	code, err := p.call(ctx, post(p.token, p.here("/quotes"), "", w), &q)
	if err != nil || code != "" {
		return err
	}
	seen.add("quoted", 1)
	w.ExpectTotal = &q.Total
	return nil
}

// waver has some of those who ordered cancel, which gives back the phone, the discount and the voucher.
func (t *tradeIn) waver(ctx context.Context) (cancelled int64, err error) {
	var some []int
	for n := range t.bought {
		if t.bought[n].ID != "" {
			some = append(some, n)
		}
	}
	some = some[:share(len(some), wavering)]
	return int64(len(some)), t.each(ctx, "cancellations", some, func(ctx context.Context, p *shopper) error {
		o, code, err := p.cancel(ctx, "cancel", t.bought[p.n].ID)
		t.bought[p.n] = o
		return unless(code, err)
	})
}

// buyers are the shoppers whose order stands.
func (t *tradeIn) buyers() []int {
	var list []int
	for n := range t.bought {
		if t.bought[n].ID != "" && t.bought[n].State != string(core.OrderCancelled) {
			list = append(list, n)
		}
	}
	return list
}

// settle has every buyer pay.
func (t *tradeIn) settle(ctx context.Context) error {
	seen := newCounter()
	err := t.each(ctx, "payments", t.buyers(), func(ctx context.Context, p *shopper) error {
		o := t.bought[p.n]
		if err := p.fund(ctx, "topup", o.Total); err != nil {
			return err
		}
		paid, code, err := p.pay(ctx, "pay", o.ID)
		if err := unless(code, err); err != nil {
			return err
		}
		t.bought[p.n] = paid
		seen.add(paid.State, 1)
		if paid.Voucher != "" {
			seen.add("vouchers", 1)
		}
		if _, ok := paid.has(handIn); ok {
			seen.add("phones", 1)
		}
		return nil
	})
	t.tale.expect("funnel_pay", seen.of(string(core.OrderPaid)), int64(len(t.buyers())))
	t.tale.tell("orders_with_trade_in", seen.of("phones"))
	t.tale.tell("orders_with_voucher", seen.of("vouchers"))
	return err
}

// parcel is the number under which the order of shopper n travels.
func parcel(n int) string { return fmt.Sprintf("SF%08d", n) }

// ship has staff take note of the old phones, send what may be sent, and note what has arrived.
func (t *tradeIn) ship(ctx context.Context) error {
	var orders, phones []string
	var numbers []int
	for _, n := range t.buyers() {
		orders, numbers = append(orders, t.bought[n].ID), append(numbers, n)
		if _, ok := t.bought[n].has(handIn); ok {
			phones = append(phones, t.bought[n].ID)
		}
	}
	received, waived := share(len(phones), phonesReceived), share(len(phones), phonesWaived)
	received = max(0, min(received, len(phones)-waived-1)) // there is always one that does not come
	handled := phones[:min(len(phones), received+waived)]
	refused, err := t.desk(ctx, "old phones", "/conditions/"+handIn, handled, func(i int) any {
		if i < received {
			return map[string]string{"state": "received", "reason": "handed in at the shop"}
		}
		return map[string]string{"state": "waived", "reason": "lost in the post, our fault"}
	})
	if err != nil {
		return err
	}
	t.tale.tell("trade_ins_received", int64(received))
	t.tale.tell("trade_ins_waived", int64(waived))
	t.tale.expect("trade_ins_refused", int64(len(refused)), 0)
	refused, err = t.desk(ctx, "parcels", "/shipments", orders, func(i int) any {
		return map[string]string{"carrier": "SF Express", "tracking": parcel(numbers[i])}
	})
	if err != nil {
		return err
	}
	waiting := int64(len(phones) - len(handled))
	t.tale.expect("not_shipped_without_trade_in", refused[string(core.CodeWrongState)], waiting)
	return t.arrive(ctx, orders[:len(orders)/2])
}

// arrive has staff note that parcels have arrived, and reads every buyer's order as it is then.
func (t *tradeIn) arrive(ctx context.Context, orders []string) error {
	refused, err := t.desk(ctx, "deliveries", "/deliveries", orders, func(int) any { return nil })
	if err != nil {
		return err
	}
	seen := newCounter()
	err = t.each(ctx, "orders' states", t.buyers(), func(ctx context.Context, p *shopper) error {
		o, err := p.look(ctx, t.bought[p.n].ID)
		t.bought[p.n] = o
		seen.add(o.State, 1)
		return err
	})
	delivered := int64(len(orders)) - refused[string(core.CodeWrongState)]
	t.tale.tell("shipped", seen.of(string(core.OrderShipped))+seen.of(string(core.OrderDelivered)))
	t.tale.expect("delivered", seen.of(string(core.OrderDelivered)), delivered)
	return err
}

// converse has every buyer ask the inbox where the order is, and some what to do with the old phone. The answers name the
// parcel or the order.
func (t *tradeIn) converse(ctx context.Context) error {
	seen := newCounter()
	err := t.each(ctx, "questions", t.buyers(), func(ctx context.Context, p *shopper) error {
		o := t.bought[p.n]
		words, want := "Where is my parcel?", o.ID
		switch {
		case p.n%20 == 0:
			words, want = "How does the trade-in work?", "courier"
		case o.State == string(core.OrderShipped):
			want = parcel(p.n)
		}
		replies, err := p.ask(ctx, words)
		seen.add("asked", 1)
		if len(replies) == 1 && strings.Contains(replies[0].Text.EN, want) {
			seen.add("answered", 1)
		}
		if err != nil || o.State == string(core.OrderPaid) {
			return err
		}
		told, err := p.received(ctx, "shipped", parcel(p.n))
		seen.add("shipped", 1)
		seen.add("told", told)
		return err
	})
	t.tale.tell("questions", seen.of("asked"))
	t.tale.expect("answered", seen.of("answered"), seen.of("asked"))
	t.tale.expect("told_of_shipping", seen.of("told"), seen.of("shipped"))
	return err
}

// share has some buyers pass their links on. Others come through them; the owner's own visits and repeated ones count
// nothing.
func (t *tradeIn) share(ctx context.Context) error {
	buyers := t.buyers()
	sharers := buyers[:min(len(buyers), max(1, share(len(buyers), sharing)))]
	seen := newCounter()
	err := t.each(ctx, "links", sharers, func(ctx context.Context, p *shopper) error {
		return t.pass(ctx, p, seen)
	})
	t.tale.tell("funnel_share", int64(len(sharers)))
	t.tale.tell("visits", seen.of("visits"))
	t.tale.expect("own_visits_refused", seen.of(string(core.CodeOwnLink)), int64(len(sharers)))
	t.tale.expect("repeated_visits_counted", seen.of("repeated"), 0)
	t.tale.expect("visits_counted", seen.of("counted"), seen.of("visits"))
	return err
}

// pass makes the shopper's link, has others and its owner come through it, and reads what it has counted.
func (t *tradeIn) pass(ctx context.Context, p *shopper, seen *counter) error {
	var made link
	if err := p.must(ctx, post(p.token, p.here("/shares"), "", nil), &made); err != nil {
		return err
	}
	visit := func(n int) (counted bool, code string, err error) {
		var v struct {
			Counted bool `json:"counted"`
		}
		code, err = p.call(ctx, post(t.tokens[n], "/v1/shares/"+made.Code+"/visits", "", nil), &v)
		return v.Counted, code, err
	}
	_, code, err := visit(p.n)
	if err != nil {
		return err
	}
	seen.add(code, 1)
	friends := min(visitsEach, len(t.tokens)-1)
	for i := range friends {
		if counted, code, err := visit((p.n + 1 + i) % len(t.tokens)); err != nil || !counted {
			return fmt.Errorf("%w: a visit: %s %w", errUnexpected, code, err)
		}
	}
	if friends > 0 {
		again, _, err := visit((p.n + 1) % len(t.tokens))
		if err != nil {
			return err
		}
		if again {
			seen.add("repeated", 1)
		}
	}
	seen.add("visits", int64(friends))
	err = p.must(ctx, post(p.token, p.here("/shares"), "", nil), &made)
	seen.add("counted", made.Visitors)
	return err
}

// close reads the vouchers and the books.
func (t *tradeIn) close(ctx context.Context) error {
	seen := newCounter()
	err := t.each(ctx, "vouchers", t.reservers, func(ctx context.Context, p *shopper) error {
		if t.codes[p.n] == "" {
			return nil
		}
		mine, err := p.vouchers(ctx)
		for _, v := range mine {
			seen.add(v.State, 1)
		}
		return err
	})
	if err != nil {
		return err
	}
	var used int64
	for _, n := range t.buyers() {
		if t.bought[n].Voucher != "" {
			used++
		}
	}
	t.tale.expect("vouchers_redeemed", seen.of(core.VoucherRedeemed), used)
	t.tale.tell("vouchers_left", seen.of(core.VoucherGranted))
	b, err := t.settled(ctx)
	if err != nil {
		return err
	}
	t.money(b)
	t.tale.took("seconds", time.Since(t.began).Seconds())
	return nil
}
