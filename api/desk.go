package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

type deskInput struct {
	CampaignPath
	PageQuery

	State string `query:"state" enum:"placed,paid,shipped,delivered,expired,cancelled,refunded" doc:"only orders in this state"`
}

// Version is the header by which staff say which version of an order they have seen.
type Version struct {
	IfMatch string `header:"If-Match" maxLength:"64" doc:"the ETag you have seen: refuse if the order has changed since"`
}

type conditionInput struct {
	OrderPath
	Version

	Kind string `path:"kind" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"1 to 64 letters, digits, underscores and hyphens" doc:"the condition's kind, as the order has it" example:"trade_in"`
	Body ConditionMove
}

// ConditionMove says what became of a duty that an order carries.
type ConditionMove struct {
	State  string `json:"state" enum:"received,waived,failed" doc:"from open: any; from received: waived or failed" example:"received"`
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"why, for the staff log" example:"handed in at the shop in Zhuhai"`
}

type confirmationInput struct {
	OrderPath
	Version

	Kind string `path:"kind" enum:"balance" doc:"which due" example:"balance"`
	Body Confirmation
}

// Confirmation says that a due was paid elsewhere.
type Confirmation struct {
	Reference string `json:"reference" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"the dealer's receipt; each counts once" example:"ZH-2013-000431"`
	Reason    string `json:"reason" minLength:"1" maxLength:"500" doc:"for the staff log" example:"paid at the dealer in Zhuhai"`
}

type shipmentInput struct {
	OrderPath
	Version

	Body ShipmentRequest
}

// ShipmentRequest says how an order was sent.
type ShipmentRequest struct {
	Carrier  string `json:"carrier" minLength:"1" maxLength:"128" doc:"who carries it" example:"SF Express"`
	Tracking string `json:"tracking" minLength:"1" maxLength:"128" doc:"the carrier's number" example:"SF1357924680"`
	Reason   string `json:"reason,omitempty" maxLength:"500" doc:"for the staff log" example:"first batch"`
}

type refundInput struct {
	OrderPath
	Version

	Body RefundRequest
}

type deliveryInput struct {
	OrderPath
	Version
}

// RefundRequest says why an order is refunded.
type RefundRequest struct {
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"why, for the staff log" example:"the case was cracked"`
}

// registerDesk adds what staff do with orders. A move that was made already changes nothing.
func (s *Server) registerDesk() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "list-campaign-orders", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/orders", Tags: []string{"desk"},
			Summary: "A campaign's orders, the newest first",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.campaignOrders)
	registerMove(s, "move-condition", "conditions/{kind}", "Note what became of a duty that an order carries",
		"Such as the old phone that was to be handed in. An order ships when no condition is open or failed.",
		s.engine.MoveCondition, (*conditionInput).action)
	registerMove(s, "confirm-due", "dues/{kind}/confirmations", "Note that a balance was paid at the dealer",
		"Only where the campaign file says that balances are paid at the dealer. A reference confirms one payment ever.",
		s.engine.ConfirmDue, (*confirmationInput).action, core.CodeAlreadyUsed)
	registerMove(s, "ship-order", "shipments", "Note that an order was sent",
		"Only one that is paid and whose conditions are met. The shopper is told.", s.engine.Ship, (*shipmentInput).action)
	registerMove(s, "deliver-order", "deliveries", "Note that an order has arrived", "Only one that was sent.",
		s.engine.Deliver, (*deliveryInput).action)
	registerMove(s, "refund-order", "refunds", "Give back all that was paid for an order",
		"What an order took that was not sent goes back as well; what was sent stays sold. The shopper is told.",
		s.engine.RefundOrder, (*refundInput).action)
}

// registerMove adds the route of one thing that staff may do with an order: action says what the request asks for.
func registerMove[I any](
	s *Server, id, path, summary, description string, move func(context.Context, core.StaffAction) (*core.Order, error),
	action func(*I) (version string, action core.StaffAction), refuses ...core.Code,
) {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: id, Method: http.MethodPost, Path: "/v1/orders/{order}/" + path, Tags: []string{"desk"},
			Summary: summary, Description: description,
		},
		refuses: append(refuses, core.CodeNotFound, core.CodeWrongState, core.CodePreconditionFailed, core.CodeUnavailable),
	}, func(ctx context.Context, in *I) (*orderOutput, error) {
		version, asked := action(in)
		asked.Actor = principalOf(ctx)
		var err error
		if asked.IfMatch, err = revisionIn(version, "order"); err != nil {
			return nil, err
		}
		return staffOrderResult(move(ctx, asked))
	})
}

func (in *conditionInput) action() (string, core.StaffAction) {
	return in.IfMatch, core.StaffAction{Order: in.Order, Kind: in.Kind, State: in.Body.State, Reason: in.Body.Reason}
}

func (in *confirmationInput) action() (string, core.StaffAction) {
	return in.IfMatch, core.StaffAction{Order: in.Order, Kind: in.Kind, Reference: in.Body.Reference, Reason: in.Body.Reason}
}

func (in *shipmentInput) action() (string, core.StaffAction) {
	return in.IfMatch, core.StaffAction{
		Order: in.Order, Carrier: in.Body.Carrier, Tracking: in.Body.Tracking, Reason: in.Body.Reason,
	}
}

func (in *deliveryInput) action() (string, core.StaffAction) {
	return in.IfMatch, core.StaffAction{Order: in.Order}
}

func (in *refundInput) action() (string, core.StaffAction) {
	return in.IfMatch, core.StaffAction{Order: in.Order, Reason: in.Body.Reason}
}

// revisionIn returns the revision that an ETag of ours names; 0 if any will do. An ETag that is not ours matches nothing.
func revisionIn(version, what string) (int64, error) {
	if version == "" || version == "*" {
		return 0, nil
	}
	tag := etagPattern.FindStringSubmatch(version)
	if tag == nil {
		return 0, core.Errorf(core.CodePreconditionFailed, "the %s has no version %s", what, version)
	}
	return strconv.ParseInt(tag[1], 10, 64) // the pattern allows nothing else
}

func (s *Server) campaignOrders(ctx context.Context, in *deskInput) (*ordersOutput, error) {
	page, err := s.engine.StaffOrders(ctx, in.Campaign, in.State, in.Cursor, in.Limit, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	return &ordersOutput{Body: pageOf(page, staffOrderView)}, nil
}

// staffOrderView is an order as staff see it: with whose it is.
func staffOrderView(o *core.Order) Order {
	view := orderView(o)
	view.Shopper = o.Shopper
	return view
}

func staffOrderResult(o *core.Order, err error) (*orderOutput, error) {
	if err != nil {
		return nil, err
	}
	return &orderOutput{ETag: fmt.Sprintf("%q", strconv.FormatInt(o.Revision, 10)), Body: staffOrderView(o)}, nil
}
