package event

import "encoding/json"

// replay is what every worker knows: the campaign, its shoppers' tokens and the bytes that all requests share. It is
// read only while workers run.
type replay struct {
	run      string // in every Idempotency-Key, so that a run never meets the keys of another
	campaign string
	terms    terms
	tokens   []string // of the rush's shoppers, by number
	order    []byte   // the body of every order
	funds    []byte   // the body of every top-up
	mark     []byte
}

var (
	_ worker = (*reserver)(nil)
	_ worker = (*buyer)(nil)
	_ worker = (*payer)(nil)
	_ worker = (*finder)(nil)
)

// gang is the workers of one phase.
type gang[W worker] struct {
	make    func(*Client) W
	workers []W
}

// hire returns a worker whose counts matter.
func (g *gang[W]) hire(c *Client) worker {
	w := g.make(c)
	g.workers = append(g.workers, w)
	return w
}

// spare returns a worker that sends the same requests to the floor.
func (g *gang[W]) spare(c *Client) worker { return g.make(c) }

// newReplay returns the replay of a sale in the campaign.
func newReplay(run, campaign string, t terms) (*replay, error) {
	order, err := json.Marshal(struct {
		SKU      string `json:"sku"`
		Quantity int64  `json:"quantity"`
	}{t.sku, 1})
	if err != nil {
		return nil, err
	}
	funds, err := json.Marshal(struct {
		Currency string `json:"currency"`
		Amount   int64  `json:"amount"`
	}{t.currency, t.price})
	if err != nil {
		return nil, err
	}
	return &replay{run: run, campaign: campaign, terms: t, order: order, funds: funds, mark: orderMark(campaign)}, nil
}

// appendKey appends the header of an Idempotency-Key: what is done, by whom, in which run.
func (p *replay) appendKey(b []byte, verb string, shopper uint32) []byte {
	b = append(append(append(b, keyHeader...), verb...), '-')
	b = append(append(b, p.run...), '-')
	return appendShopper(b, shopper)
}

// reserver signs shoppers up.
type reserver struct {
	*replay

	client   *Client
	shoppers []uint32
	tokens   []string // of shoppers, in their order
	rush     uint32   // shoppers below this number take part in the rush
	reserved int64
	eligible int64 // of them, those who take part in the rush
	tally    tally
}

func (w *reserver) request(b []byte, i int) []byte {
	b = w.client.appendStart(b, "POST", w.tokens[i], "/v1/campaigns/", w.campaign, "/reservations")
	return appendEnd(b, "", nil)
}

func (w *reserver) answered(i int, r Response) verdict {
	if r.Status != 200 && r.Status != 201 {
		w.tally.refuse(r)
		return done
	}
	w.reserved++
	if w.shoppers[i] < w.rush {
		w.eligible++
	}
	return done
}

// buyer places the orders of the rush.
type buyer struct {
	*replay

	client *Client
	plan   []entry
	placed []placement
	tally  tally
	broken int64 // orders whose repeated request was not answered with the same order
	// What the request under way was answered with before it was repeated.
	repeated bool
	had      bool
	before   orderID
	// market is nil in a sale without swaps; since is the swap that was committed when the request under way began.
	market *market
	since  int64
}

func (w *buyer) request(b []byte, i int) []byte {
	w.repeated = false
	if w.market != nil {
		w.since = w.market.committed.Load()
	}
	verb := "order"
	if w.plan[i].attempt == second {
		verb = "other"
	}
	shopper := w.plan[i].shopper
	b = w.client.appendStart(b, "POST", w.tokens[shopper], "/v1/campaigns/", w.campaign, "/orders")
	b = w.appendKey(b, verb, shopper)
	return appendEnd(b, "", w.order)
}

func (w *buyer) answered(i int, r Response) verdict {
	id, ok := orderIn(r, w.mark)
	if ok {
		o := placement{w.plan[i].shopper, id, orderTotal(r.Body)}
		w.placed = append(w.placed, o)
		w.judge(i, o.total)
	} else if code := w.tally.refuse(r); code == codeInFlight {
		return repeatLater
	} else if w.market != nil && code == codeSoldOut {
		w.market.over.Store(true)
	}
	if w.plan[i].attempt != again {
		return done
	}
	if !w.repeated {
		w.repeated, w.had, w.before = true, ok, id
		return repeat
	}
	if w.had && (!ok || id != w.before) {
		w.broken++
	}
	return done
}

// judge holds an order's total against the rulesets that may have decided it. An answer that may be a replay of what another
// request has placed says nothing about them.
func (w *buyer) judge(i int, total int64) {
	if w.market == nil || w.repeated {
		return
	}
	w.market.sell()
	hasTwin := i+1 < len(w.plan) && w.plan[i+1] == (entry{w.plan[i].shopper, twin})
	if w.plan[i].attempt != twin && !hasTwin {
		w.market.judge(w.since, total)
	}
}

// step is one thing that is done for an order: its method, path and body, behind the token of its shopper.
type step func(w *payer, b []byte, o placement) []byte

// payer takes the same step for every order: it fills its shopper's wallet, pays it, or looks at it.
type payer struct {
	*replay

	client *Client
	orders []placement
	step   step
	found  int64 // answers that are no refusals
	paid   int64 // orders read that are paid
	other  int64 // orders read that cost another total than they were acknowledged at
	tally  tally
}

func (w *payer) request(b []byte, i int) []byte { return w.step(w, b, w.orders[i]) }

func (w *payer) answered(_ int, r Response) verdict {
	if r.Status >= 300 {
		if w.tally.refuse(r) == codeInFlight {
			return repeatLater
		}
		return done
	}
	w.found++
	return done
}

// finder reads every order.
type finder struct{ payer }

func (w *finder) answered(i int, r Response) verdict {
	if r.Status == 200 && orderState(r.Body) == "paid" {
		w.paid++
	}
	if r.Status == 200 && orderTotal(r.Body) != w.orders[i].total {
		w.other++
	}
	return w.payer.answered(i, r)
}

// orderState returns the state of the order in an answer, "" if it holds none.
func orderState(body []byte) string {
	var order struct {
		State string `json:"state"`
	}
	if json.Unmarshal(body, &order) != nil {
		return ""
	}
	return order.State
}

// topUp puts the price of one unit into the wallet of an order's shopper.
func topUp(w *payer, b []byte, o placement) []byte {
	b = w.client.appendStart(b, "POST", w.tokens[o.shopper], "/v1/wallet/topups")
	return appendEnd(w.appendKey(b, "topup", o.shopper), "", w.funds)
}

// pay pays an order from its shopper's wallet.
func pay(w *payer, b []byte, o placement) []byte {
	b = w.client.appendStart(b, "POST", w.tokens[o.shopper], "/v1/orders/", w.campaign, ".", string(o.id[:]), "/pay")
	return appendEnd(w.appendKey(b, "pay", o.shopper), "", nil)
}

// find reads an order as its shopper.
func find(w *payer, b []byte, o placement) []byte {
	b = w.client.appendStart(b, "GET", w.tokens[o.shopper], "/v1/orders/", w.campaign, ".", string(o.id[:]))
	return appendEnd(b, "", nil)
}
