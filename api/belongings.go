package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// PageQuery is the query of a list that comes in pages.
type PageQuery struct {
	Cursor string `query:"cursor" maxLength:"256" doc:"next of the previous page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"rows of a page"`
}

type vouchersOutput struct{ Body Page[Voucher] }

// Voucher is a voucher that was granted to the shopper. Whoever has its code can use it, once.
type Voucher struct {
	ID        string     `json:"id" doc:"its code" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Code      string     `json:"code" doc:"the same: send it as voucher with an order" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Campaign  string     `json:"campaign" example:"trade-in"`
	Pool      string     `json:"pool" doc:"the pool of the campaign file that it is from" example:"flyme"`
	Currency  string     `json:"currency" doc:"ISO 4217" example:"CNY"`
	Value     int64      `json:"value" doc:"minor units" example:"5000"`
	State     string     `json:"state" doc:"held: it is in an order that is not paid yet; redeemed: in one that is; void: the order that it was granted for was refunded" enum:"granted,held,redeemed,expired,void"`
	Order     string     `json:"order,omitempty" doc:"one's own order that it is in; absent if somebody else was given the code" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Source    string     `json:"source" doc:"the order or draw that it was granted for" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	GrantedAt time.Time  `json:"granted_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" nullable:"false" doc:"absent if it does not expire"`
}

type inboxOutput struct{ Body Page[Message] }

// Message is a message in a shopper's inbox.
type Message struct {
	ID       string    `json:"id" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Campaign string    `json:"campaign" example:"trade-in"`
	State    string    `json:"state" doc:"sent by the shopper, or received from the campaign" enum:"sent,received"`
	At       time.Time `json:"at"`
	Text     Text      `json:"text"`
	Template string    `json:"template,omitempty" doc:"the template of a notification" example:"sale-opens"`
	Reply    string    `json:"reply,omitempty" doc:"the id of the message that it answers" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
}

type writeInput struct{ Body MessageRequest }

// MessageRequest writes to a campaign.
type MessageRequest struct {
	Campaign string `json:"campaign" pattern:"^[a-z0-9-]{1,63}$" patternDescription:"1 to 63 characters of a-z, 0-9 and hyphen" doc:"whom to write to" example:"trade-in"`
	Text     string `json:"text" minLength:"1" maxLength:"1000" doc:"what to say" example:"Where is my order?"`
}

type writeOutput struct{ Body Conversation }

// Conversation is a message and what the campaign's mechanics answered.
type Conversation struct {
	Message Message   `json:"message"`
	Replies []Message `json:"replies" nullable:"false" doc:"none if no mechanic knows an answer"`
}

// GroupPath is the group that a path names.
type GroupPath struct {
	Group string `path:"group" pattern:"^[a-z0-9-]{1,63}\\.[0-9a-hjkmnp-tv-z]{26}$" patternDescription:"a campaign's id, a dot and 26 characters of 0-9 and a-z without i, l, o and u" doc:"the group's id" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
}

type groupOutput struct{ Body Group }

// Group is a group of orders that get their price together.
type Group struct {
	ID       string    `json:"id" doc:"send it as group with an order to join" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Campaign string    `json:"campaign" example:"trade-in"`
	SKU      string    `json:"sku" doc:"the item that it is for" example:"mx3"`
	State    string    `json:"state" doc:"complete: as many as it needs have paid; failed: its time ran out before" enum:"open,complete,failed"`
	Size     int64     `json:"size" doc:"how many orders have to be paid" example:"3"`
	Joined   int64     `json:"joined" doc:"seats that are taken" example:"2"`
	Currency string    `json:"currency" doc:"ISO 4217" example:"CNY"`
	Price    int64     `json:"price" doc:"per unit for its members, minor units" example:"149900"`
	ClosesAt time.Time `json:"closes_at" doc:"until when"`
}

func (s *Server) registerBelongings() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "list-vouchers", Method: http.MethodGet, Path: "/v1/vouchers", Tags: []string{"shop"},
			Summary: "The vouchers that one was granted, by campaign, the newest first within one",
		},
		refuses: []core.Code{core.CodeUnavailable},
	}, s.vouchers)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "read-inbox", Method: http.MethodGet, Path: "/v1/inbox", Tags: []string{"inbox"},
			Summary: "One's own messages in every campaign, the latest first",
		},
		refuses: []core.Code{core.CodeUnavailable},
	}, s.inbox)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "write-message", Method: http.MethodPost, Path: "/v1/inbox", Tags: []string{"inbox"},
			Summary: "Write to a campaign, and read what it answers by itself", DefaultStatus: http.StatusCreated,
		},
		refuses: []core.Code{
			core.CodeNotFound, core.CodeLimitReached, core.CodeMechanicFailed, core.CodeUnavailable, core.CodeOverloaded,
			core.CodeStorageFull,
		},
	}, s.write)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-group", Method: http.MethodGet, Path: "/v1/groups/{group}", Tags: []string{"shop"},
			Summary: "A group as it stands", Description: "For whoever was given its id; it does not say who the others are.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.group)
}

func (s *Server) vouchers(ctx context.Context, in *PageQuery) (*vouchersOutput, error) {
	page, err := s.engine.Vouchers(ctx, principalOf(ctx).ID, in.Cursor, in.Limit)
	if err != nil {
		return nil, cursorProblem(err)
	}
	return &vouchersOutput{Body: pageOf(page, voucherView)}, nil
}

func voucherView(v *core.VoucherView) Voucher {
	return Voucher{
		ID: v.Code, Code: v.Code, Campaign: v.Campaign, Pool: v.Pool, Currency: v.Currency, Value: v.Value, State: v.State,
		Order: v.Order, Source: v.Source, GrantedAt: timeOf(v.GrantedAt), ExpiresAt: pastTime(v.ExpiresAt),
	}
}

func (s *Server) inbox(ctx context.Context, in *PageQuery) (*inboxOutput, error) {
	page, err := s.engine.Inbox(ctx, principalOf(ctx).ID, in.Cursor, in.Limit)
	if err != nil {
		return nil, cursorProblem(err)
	}
	return &inboxOutput{Body: pageOf(page, messageView)}, nil
}

func (s *Server) write(ctx context.Context, in *writeInput) (*writeOutput, error) {
	sent, replies, err := s.engine.Write(ctx, in.Body.Campaign, principalOf(ctx), in.Body.Text)
	if err != nil {
		return nil, err
	}
	return &writeOutput{Body: Conversation{Message: messageView(sent), Replies: views(replies, messageView)}}, nil
}

func messageView(m *core.MessageView) Message {
	return Message{
		ID: m.ID, Campaign: m.Campaign, State: m.State, At: timeOf(m.At), Text: Text{m.Text}, Template: m.Template, Reply: m.Reply,
	}
}

func (s *Server) group(ctx context.Context, in *GroupPath) (*groupOutput, error) {
	g, err := s.engine.Group(ctx, in.Group, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	return &groupOutput{Body: Group{
		ID: g.ID, Campaign: g.Campaign, SKU: g.SKU, State: g.State, Size: g.Size, Joined: g.Joined,
		Currency: g.Currency, Price: g.Price, ClosesAt: timeOf(g.ClosesAt),
	}}, nil
}
