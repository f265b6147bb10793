package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// CampaignPath is the campaign that a path names. It is exported because huma does not see embedded types that are not.
type CampaignPath struct {
	Campaign string `path:"campaign" pattern:"^[a-z0-9-]{1,63}$" patternDescription:"1 to 63 characters of a-z, 0-9 and hyphen" doc:"the campaign's id" example:"trade-in"`
}

// OrderPath is the order that a path names.
type OrderPath struct {
	Order string `path:"order" pattern:"^[a-z0-9-]{1,63}\\.[0-9a-hjkmnp-tv-z]{26}$" patternDescription:"a campaign's id, a dot and 26 characters of 0-9 and a-z without i, l, o and u" doc:"the order's id" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
}

// Idempotency is the header of a POST that moves stock or money. That it is there is checked by core, whose code for it
// clients know; the document says that it is required.
type Idempotency struct {
	Key string `header:"Idempotency-Key" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"a name of your own for this request: sent again with the same name it has no second effect" example:"6f1c2a58"`
}

// QuoteRequest asks what an order would cost.
type QuoteRequest struct {
	SKU      string      `json:"sku" pattern:"^[A-Za-z0-9._-]{1,64}$" patternDescription:"1 to 64 letters, digits, dots, underscores and hyphens" doc:"the item" example:"mx3"`
	Quantity int64       `json:"quantity" minimum:"1" maximum:"100" doc:"units" example:"1"`
	Voucher  string      `json:"voucher,omitempty" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"a voucher's code" example:"trade-in.FLYME50"`
	Group    string      `json:"group,omitempty" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"the group to join"`
	Input    core.Object `json:"input,omitempty" maxProperties:"16" doc:"what the campaign's inputs ask for: strings, integers, booleans" example:"{\"trade_in\":{\"brand\":\"Xiaomi\",\"model\":\"2S\",\"condition\":\"good\"}}"`
}

// OrderRequest places an order: a quote's request, and the total the shopper saw.
type OrderRequest struct {
	SKU         string      `json:"sku" pattern:"^[A-Za-z0-9._-]{1,64}$" patternDescription:"1 to 64 letters, digits, dots, underscores and hyphens" doc:"the item" example:"mx3"`
	Quantity    int64       `json:"quantity" minimum:"1" maximum:"100" doc:"units" example:"1"`
	Voucher     string      `json:"voucher,omitempty" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"a voucher's code" example:"trade-in.FLYME50"`
	Group       string      `json:"group,omitempty" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"the group to join"`
	Input       core.Object `json:"input,omitempty" maxProperties:"16" doc:"what the campaign's inputs ask for: strings, integers, booleans" example:"{\"trade_in\":{\"brand\":\"Xiaomi\",\"model\":\"2S\",\"condition\":\"good\"}}"`
	ExpectTotal *int64      `json:"expect_total,omitempty" minimum:"0" doc:"refuse with price_changed if the total is another, minor units" example:"129900"`
	Replaces    string      `json:"replaces,omitempty" pattern:"^[a-z0-9-]{1,63}\\.[0-9a-hjkmnp-tv-z]{26}$" patternDescription:"a campaign's id, a dot and 26 characters of 0-9 and a-z without i, l, o and u" doc:"an order of one's own, of the same item and not paid, that this one takes the place of: it has to have an offer" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
}

func (r *OrderRequest) request(campaign, key, token string, shopper core.Principal) core.OrderRequest {
	return core.OrderRequest{
		Campaign: campaign, Shopper: shopper, SKU: r.SKU, Quantity: r.Quantity, Voucher: r.Voucher, Group: r.Group,
		Input: r.Input, ExpectTotal: r.ExpectTotal, Replaces: r.Replaces, Key: key,
		QueueToken: token,
	}
}

// ReservationRequest says how the shopper came to sign up. It may be left out.
type ReservationRequest struct {
	Share string `json:"share,omitempty" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"the code of the link that the shopper came through; it counts for its owner" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
}

type reserveInput struct {
	CampaignPath

	Body *ReservationRequest
}

type reserveOutput struct {
	Status int
	Body   Reservation
}

type quoteInput struct {
	CampaignPath

	Body QuoteRequest
}

type quoteOutput struct{ Body Quote }

type placeInput struct {
	CampaignPath
	Idempotency
	QueueToken

	Body OrderRequest
}

type placeOutput struct {
	Replayed string `header:"Idempotent-Replayed" doc:"true when this key had placed the order before"`
	Body     Order
}

type actionInput struct {
	OrderPath
	Idempotency
}

type orderOutput struct {
	ETag string `header:"ETag" doc:"the order's revision, for staff; send it as If-Match"`
	Body Order
}

type ordersInput struct {
	Cursor string `query:"cursor" maxLength:"256" doc:"next of the previous page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"rows of a page"`
}

type ordersOutput struct{ Body Page[Order] }

// orderRefusals is what an order can be refused with, beyond what every operation can.
func orderRefusals() []core.Code {
	return []core.Code{
		core.CodeNotFound, core.CodeDenied, core.CodeSoldOut, core.CodeLimitReached, core.CodePriceChanged, core.CodeNotInPhase,
		core.CodeDraining, core.CodeStopped, core.CodeReservationRequired, core.CodeQuotaExhausted, core.CodeAlreadyUsed, core.CodeVoucherInvalid,
		core.CodeVoucherExpired, core.CodeVoucherUsed, core.CodeLockedOut, core.CodeGroupClosed, core.CodeGroupFull,
		core.CodeMechanicFailed, core.CodeUnavailable, core.CodeOverloaded, core.CodeStorageFull,
	}
}

// placeRefusals is what placing an order can be refused with: what a quote can, and what has to do with the key.
func placeRefusals() []core.Code {
	return append(orderRefusals(), core.CodeQueueTokenRequired, core.CodeQueueTokenInvalid, core.CodeWrongState,
		core.CodeIdempotencyMissing, core.CodeIdempotencyMismatch, core.CodeInFlight)
}

func actionRefusals(more ...core.Code) []core.Code {
	return append(more, core.CodeNotFound, core.CodeWrongState, core.CodeIdempotencyMissing, core.CodeIdempotencyMismatch,
		core.CodeInFlight, core.CodeUnavailable)
}

func (s *Server) registerShop() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "reserve", Method: http.MethodPost, Path: "/v1/campaigns/{campaign}/reservations", Tags: []string{"shop"},
			Summary: "Sign up for a sale",
			Description: "201 the first time, 200 with the same reservation again. The body may be left out; `share` counts only " +
				"with the first sign-up, and never for oneself.",
			DefaultStatus: http.StatusCreated,
		},
		hot: s.hotReserve,
		refuses: []core.Code{
			core.CodeNotFound, core.CodeDenied, core.CodeNotInPhase, core.CodeQuotaExhausted, core.CodeAlreadyUsed,
			core.CodeMechanicFailed, core.CodeUnavailable, core.CodeOverloaded, core.CodeStorageFull,
		},
	}, s.reserve)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "quote", Method: http.MethodPost, Path: "/v1/campaigns/{campaign}/quotes", Tags: []string{"shop"},
			Summary: "What an order would cost now",
		},
		refuses: orderRefusals(),
	}, s.quote)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "place-order", Method: http.MethodPost, Path: "/v1/campaigns/{campaign}/orders", Tags: []string{"shop"},
			Summary: "Place an order", Description: "The order holds its stock until hold_until; pay it before. " +
				"In a campaign with a waiting room it needs the Queue-Token of GET /v1/campaigns/{campaign}/queue from the sale's opening on.",
			DefaultStatus: http.StatusCreated,
		},
		hot: s.hotPlace, refuses: placeRefusals(),
	}, s.place)
	s.registerOrders()
}

func (s *Server) registerOrders() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "list-orders", Method: http.MethodGet, Path: "/v1/orders", Tags: []string{"shop"},
			Summary: "One's own orders, the newest first",
		},
	}, s.orders)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-order", Method: http.MethodGet, Path: "/v1/orders/{order}", Tags: []string{"shop"},
			Summary: "One order", Description: "A shopper's own; staff see those of their brand, with whose it is.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.order)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "pay-order", Method: http.MethodPost, Path: "/v1/orders/{order}/pay", Tags: []string{"shop"},
			Summary: "Pay what is due, from the wallet",
			Description: "The earliest due that is open: all, or a deposit and later its balance, or the difference to the price " +
				"without the group that is offered when a group has failed. An Idempotency-Key pays one due: the same key again " +
				"answers with the order as it is and pays nothing, so the balance and the difference each need a new one.",
		},
		hot:     s.hotPay,
		refuses: actionRefusals(core.CodeInsufficientFunds, core.CodeRefunded),
	}, s.pay)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "cancel-order", Method: http.MethodPost, Path: "/v1/orders/{order}/cancel", Tags: []string{"shop"},
			Summary: "Cancel an order that is not paid",
			Description: "Also the way to decline the difference to the full price that is offered when a group has failed: what " +
				"was paid then goes back.",
		},
		refuses: actionRefusals(),
	}, s.cancel)
}

func (s *Server) reserve(ctx context.Context, in *reserveInput) (*reserveOutput, error) {
	share := ""
	if in.Body != nil {
		share = in.Body.Share
	}
	r, created, err := s.engine.Reserve(ctx, in.Campaign, principalOf(ctx), share)
	if err != nil {
		return nil, err
	}
	return &reserveOutput{Status: reserveStatus(created), Body: reservationView(in.Campaign, r)}, nil
}

func reserveStatus(created bool) int {
	if created {
		return http.StatusCreated
	}
	return http.StatusOK
}

func (s *Server) quote(ctx context.Context, in *quoteInput) (*quoteOutput, error) {
	order := OrderRequest{
		SKU: in.Body.SKU, Quantity: in.Body.Quantity, Voucher: in.Body.Voucher, Group: in.Body.Group, Input: in.Body.Input,
	}
	q, err := s.engine.Quote(ctx, order.request(in.Campaign, "", "", principalOf(ctx)))
	if err != nil {
		return nil, err
	}
	return &quoteOutput{Body: quoteView(q)}, nil
}

func (s *Server) place(ctx context.Context, in *placeInput) (*placeOutput, error) {
	o, replayed, err := s.engine.Place(ctx, in.Body.request(in.Campaign, in.Key, in.Token, principalOf(ctx)))
	if err != nil {
		return nil, err
	}
	out := &placeOutput{Body: orderView(o)}
	if replayed {
		out.Replayed = "true"
	}
	return out, nil
}

func (s *Server) orders(ctx context.Context, in *ordersInput) (*ordersOutput, error) {
	page, err := s.engine.Orders(ctx, principalOf(ctx).ID, in.Cursor, in.Limit)
	if err != nil {
		return nil, cursorProblem(err)
	}
	return &ordersOutput{Body: pageOf(page, orderView)}, nil
}

func (s *Server) order(ctx context.Context, in *OrderPath) (*orderOutput, error) {
	if p := principalOf(ctx); p.Role != core.RoleShopper {
		return staffOrderResult(s.engine.StaffOrder(ctx, in.Order, p))
	}
	return s.offered(ctx, in.Order)
}

// offered is the shopper's own order, with what is offered in its place.
func (s *Server) offered(ctx context.Context, id string) (*orderOutput, error) {
	shopper := principalOf(ctx)
	order, err := s.engine.Order(ctx, id, shopper.ID)
	if err != nil {
		return nil, err
	}
	offer, err := s.engine.Offer(ctx, order, shopper)
	if err != nil {
		return nil, err
	}
	out, err := orderResult(order, nil)
	out.Body.Offer = offerView(offer)
	return out, err
}

func (s *Server) pay(ctx context.Context, in *actionInput) (*orderOutput, error) {
	return orderResult(s.engine.Pay(ctx, in.action(ctx)))
}

func (s *Server) cancel(ctx context.Context, in *actionInput) (*orderOutput, error) {
	return orderResult(s.engine.Cancel(ctx, in.action(ctx)))
}

func (in *actionInput) action(ctx context.Context) core.OrderAction {
	return core.OrderAction{Order: in.Order, Shopper: principalOf(ctx).ID, Key: in.Key}
}

func orderResult(o *core.Order, err error) (*orderOutput, error) {
	if err != nil {
		return nil, err
	}
	return &orderOutput{Body: orderView(o)}, nil
}
