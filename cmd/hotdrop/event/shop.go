package event

import (
	"context"
	"strings"

	"hotdrop/core"
)

// order is an order as the API shows it. Amounts are minor units.
type order struct {
	ID         string      `json:"id"`
	State      string      `json:"state"`
	Total      int64       `json:"total"`
	Currency   string      `json:"currency"`
	Voucher    string      `json:"voucher"`
	Group      string      `json:"group"`
	Dues       []due       `json:"dues"`
	Conditions []condition `json:"conditions"`
	Lines      []line      `json:"lines"`
}

type due struct {
	Kind   string `json:"kind"`
	Amount int64  `json:"amount"`
	State  string `json:"state"`
}

type condition struct {
	Kind  string `json:"kind"`
	State string `json:"state"`
}

type line struct {
	SKU string `json:"sku"`
}

// open returns the order's open due of the kind, nil if there is none.
func (o *order) open(kind string) *due {
	for i := range o.Dues {
		if o.Dues[i].Kind == kind && o.Dues[i].State == "open" {
			return &o.Dues[i]
		}
	}
	return nil
}

// kept is what the shopper has paid for the order online and not got back, minor units. A balance that the campaign lets
// be paid at the dealer never was in a wallet.
func (o *order) kept(dealer bool) int64 {
	var sum int64
	for _, d := range o.Dues {
		if (d.State == "paid" || d.State == "forfeited") && (!dealer || d.Kind != "balance") {
			sum += d.Amount
		}
	}
	return sum
}

// has reports whether the order carries a condition of the kind, and in which state it is.
func (o *order) has(kind string) (state string, ok bool) {
	for _, c := range o.Conditions {
		if c.Kind == kind {
			return c.State, true
		}
	}
	return "", false
}

type voucher struct {
	Code  string `json:"code"`
	Value int64  `json:"value"`
	State string `json:"state"`
	Pool  string `json:"pool"`
}

type message struct {
	Campaign string    `json:"campaign"`
	State    string    `json:"state"`
	Template string    `json:"template"`
	Text     core.Text `json:"text"`
}

type page[T any] struct {
	Data []T     `json:"data"`
	Next *string `json:"next"`
}

type link struct {
	Code     string `json:"code"`
	Reposts  int64  `json:"reposts"`
	Visitors int64  `json:"visitors"`
}

// wish is the body of an order.
type wish struct {
	SKU         string         `json:"sku"`
	Quantity    int64          `json:"quantity"`
	Voucher     string         `json:"voucher,omitempty"`
	Group       string         `json:"group,omitempty"`
	Input       map[string]any `json:"input,omitempty"`
	ExpectTotal *int64         `json:"expect_total,omitempty"`
}

// shopper is one shopper of the sale, on some connection.
type shopper struct {
	*caller

	show  *show
	n     int // the shopper's number
	token string
}

// as lets shopper n use the connection.
func (s *show) as(on *caller, n int) *shopper { return &shopper{on, s, n, s.tokens[n]} }

// key is an Idempotency-Key of the shopper's: what is done, in which run.
func (p *shopper) key(verb string) string {
	return verb + "-" + p.show.replay.run + "-" + shopperID(uint32(p.n)) //nolint:gosec // Config.check bounds it
}

// here is a path below the campaign.
func (p *shopper) here(path string) string { return "/v1/campaigns/" + p.show.replay.campaign + path }

// place orders, under a key of its own for each verb.
func (p *shopper) place(ctx context.Context, verb string, w wish) (o order, code string, err error) {
	code, err = p.call(ctx, post(p.token, p.here("/orders"), p.key(verb), w), &o)
	return o, code, err
}

// fund puts money into the shopper's wallet.
func (p *shopper) fund(ctx context.Context, verb string, amount int64) error {
	p.show.funded[p.n] += amount // one shopper's errands are made one after another
	return p.must(ctx, post(p.token, "/v1/wallet/topups", p.key(verb), map[string]any{
		"currency": p.show.terms.currency, "amount": amount,
	}), nil)
}

// pay pays what is due of an order.
func (p *shopper) pay(ctx context.Context, verb, id string) (o order, code string, err error) {
	code, err = p.call(ctx, post(p.token, "/v1/orders/"+id+"/pay", p.key(verb), nil), &o)
	return o, code, err
}

// cancel cancels an order, or declines what is offered for it.
func (p *shopper) cancel(ctx context.Context, verb, id string) (o order, code string, err error) {
	code, err = p.call(ctx, post(p.token, "/v1/orders/"+id+"/cancel", p.key(verb), nil), &o)
	return o, code, err
}

// look reads an order.
func (p *shopper) look(ctx context.Context, id string) (o order, err error) {
	err = p.must(ctx, get(p.token, "/v1/orders/"+id), &o)
	return o, err
}

// vouchers lists the shopper's vouchers in this campaign.
func (p *shopper) vouchers(ctx context.Context) ([]voucher, error) {
	all, err := list[voucher](ctx, p, "/v1/vouchers")
	mine := all[:0]
	for _, v := range all {
		if strings.HasPrefix(v.Code, p.show.replay.campaign+".") {
			mine = append(mine, v)
		}
	}
	return mine, err
}

// inbox lists the shopper's messages in this campaign.
func (p *shopper) inbox(ctx context.Context) ([]message, error) {
	all, err := list[message](ctx, p, "/v1/inbox")
	mine := all[:0]
	for _, m := range all {
		if m.Campaign == p.show.replay.campaign {
			mine = append(mine, m)
		}
	}
	return mine, err
}

// list reads every page of a list.
func list[T any](ctx context.Context, p *shopper, path string) ([]T, error) {
	var all []T
	for cursor := ""; ; {
		var one page[T]
		if err := p.must(ctx, get(p.token, path+"?limit=100"+cursor), &one); err != nil {
			return nil, err
		}
		all = append(all, one.Data...)
		if one.Next == nil {
			return all, nil
		}
		cursor = "&cursor=" + *one.Next
	}
}

// ask writes to the campaign and returns what it answered.
func (p *shopper) ask(ctx context.Context, words string) ([]message, error) {
	var talk struct {
		Replies []message `json:"replies"`
	}
	body := map[string]string{"campaign": p.show.replay.campaign, "text": words}
	err := p.must(ctx, post(p.token, "/v1/inbox", "", body), &talk)
	return talk.Replies, err
}
