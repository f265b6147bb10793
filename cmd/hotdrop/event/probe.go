package event

import (
	"context"
	"fmt"
	"slices"

	"hotdrop/core"
)

// sizes is how long the bodies of a server's answers are, in bytes.
type sizes struct {
	reservation int
	order       int // an order that was placed
	refusal     int // an order that was refused
	payment     int
}

// rush is the mean size of the rush's answers when so many of the requests are to be orders.
func (s sizes) rush(requests, orders int) int {
	orders = min(orders, requests)
	return (orders*s.order + (requests-orders)*s.refusal) / max(requests, 1)
}

// probe goes through a sale of one unit under an id of its own, so that the floor knows how long answers are before the
// first phase, and nothing is taken from the sale that is measured.
func (r *runner) probe(ctx context.Context, file []byte) (sizes, error) {
	campaign := r.replay.campaign + "-probe"
	p, _, err := r.prepare(ctx, file, campaign, 1)
	if err != nil {
		return sizes{}, err
	}
	shoppers := []uint32{probeShopper, probeShopper + 1}
	tokens, err := signTokens(r.signer, shoppers)
	if err != nil {
		return sizes{}, err
	}
	prober := &prober{client: r.staff.nodes[0], replay: p, tokens: tokens}
	s := sizes{}
	s.reservation = prober.post(ctx, 0, "/v1/campaigns/"+campaign+"/reservations", nil, 201)
	prober.post(ctx, 1, "/v1/campaigns/"+campaign+"/reservations", nil, 201)
	if prober.failed == nil {
		prober.failed = r.staff.enter(ctx, campaign, core.PhaseSale)
	}
	s.order = prober.post(ctx, 0, "/v1/campaigns/"+campaign+"/orders", p.order, 201)
	id, _ := orderIn(prober.last, p.mark)
	s.refusal = prober.post(ctx, 1, "/v1/campaigns/"+campaign+"/orders", p.order, 409)
	prober.post(ctx, 0, "/v1/wallet/topups", p.funds, 200, 201)
	s.payment = prober.post(ctx, 0, "/v1/orders/"+campaign+"."+string(id[:])+"/pay", nil, 200)
	return s, prober.failed
}

// prober sends requests one by one until one of them fails.
type prober struct {
	*replay

	client *Client
	tokens []string
	last   Response
	failed error
}

// post sends a request and returns the size of its answer, whose status has to be one of those.
func (p *prober) post(ctx context.Context, shopper uint32, path string, body []byte, statuses ...int) int {
	if p.failed != nil {
		return 0
	}
	key := fmt.Sprintf("probe-%s-%s", p.run, shopperID(probeShopper+shopper))
	request := Request{Method: "POST", Path: path, Token: p.tokens[shopper], Key: key, Body: body}
	p.last, _, p.failed = p.client.Do(ctx, request)
	if p.failed == nil && !slices.Contains(statuses, p.last.Status) {
		p.failed = fmt.Errorf("POST %s: status %d: %s", path, p.last.Status, p.last.Body)
	}
	return len(p.last.Body)
}
