package api

import (
	"net/http"

	"hotdrop/core"
)

// The hot paths answer the common form of the three requests a rush is made of. They return false, having done nothing,
// for any request they do not understand at once; huma then decides about it, with the same handlers behind. So a hot
// path refuses nothing itself: it only has to accept nothing that huma would not.

func (s *Server) hotReserve(x *exchange) bool {
	if !x.bare() || len(x.body) > 0 {
		return false
	}
	campaign := x.Param("campaign")
	r, created, err := s.engine.Reserve(x.Context(), campaign, principalOf(x.Context()), "")
	if err != nil {
		x.refuse(s.problem(x.Context(), err))
		return true
	}
	buffer := takeBuffer()
	defer buffer.release()
	buffer.b = appendReservation(buffer.b, campaign, r)
	x.answer(reserveStatus(created), jsonType, buffer.b)
	return true
}

func (s *Server) hotPlace(x *exchange) bool {
	key, token := x.Header("Idempotency-Key"), x.Header("Queue-Token")
	var body OrderRequest
	if !x.bare() || !hotKey(key) || !hotToken(token) || !scanOrder(x.body, &body) {
		return false
	}
	ctx := x.Context()
	o, replayed, err := s.engine.Place(ctx, body.request(x.Param("campaign"), key, token, principalOf(ctx)))
	if replayed && err == nil {
		x.SetHeader("Idempotent-Replayed", "true")
	}
	s.answerOrder(x, http.StatusCreated, o, err)
	return true
}

func (s *Server) hotPay(x *exchange) bool {
	key := x.Header("Idempotency-Key")
	if !x.bare() || !hotKey(key) {
		return false
	}
	ctx := x.Context()
	o, err := s.engine.Pay(ctx, core.OrderAction{Order: x.Param("order"), Shopper: principalOf(ctx).ID, Key: key})
	s.answerOrder(x, http.StatusOK, o, err)
	return true
}

func (s *Server) answerOrder(x *exchange, status int, o *core.Order, err error) {
	if err != nil {
		x.refuse(s.problem(x.Context(), err))
		return
	}
	buffer := takeBuffer()
	defer buffer.release()
	buffer.b = appendOrder(buffer.b, o)
	x.answer(status, jsonType, buffer.b)
}

// bare reports whether the request has no query: none of the hot routes knows a parameter.
func (x *exchange) bare() bool {
	url := x.URL()
	return url.RawQuery == ""
}

// hotKey reports whether an Idempotency-Key keeps its contract. One that is missing does: core refuses it.
func hotKey(key string) bool { return len(key) <= 128 && visible(key) }

// hotToken reports whether a Queue-Token keeps its contract. Whether one is needed is core's to say.
func hotToken(token string) bool { return len(token) <= 256 && visible(token) }

// scanOrder decodes the body of an order; false means that huma has to look at it.
func scanOrder(body []byte, o *OrderRequest) bool {
	s := newScanner(body)
	s.object(func(name []byte) bool { return o.scan(&s, string(name)) })
	return s.end() && hotSKU(o.SKU) && 1 <= o.Quantity && o.Quantity <= 100 && (o.ExpectTotal == nil || *o.ExpectTotal >= 0)
}

func (r *OrderRequest) scan(s *scanner, name string) bool {
	switch name {
	case "sku":
		r.SKU = s.string()
	case "quantity":
		r.Quantity = s.integer()
	case "voucher":
		r.Voucher = s.string()
		return hotCode(r.Voucher)
	case "group":
		r.Group = s.string()
		return hotCode(r.Group)
	case "input":
		r.Input = s.input()
		return len(r.Input) <= 16
	case "expect_total":
		total := s.integer()
		r.ExpectTotal = &total
	default:
		return false
	}
	return true
}

// input reads the input of an order; core checks it against what the campaign declares.
func (s *scanner) input() core.Object {
	if s.next() != '{' {
		s.failed = true
		return nil
	}
	return s.values(2)
}

func hotCode(code string) bool { return code != "" && len(code) <= 128 && visible(code) }

func hotSKU(sku string) bool {
	for i := range len(sku) {
		c := sku[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return sku != "" && len(sku) <= 64
}
