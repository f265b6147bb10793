package api

import (
	"cmp"
	"context"
	"net/http"
	"regexp"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

type explanationInput struct {
	CampaignPath

	Body ExplanationRequest
}

// ExplanationRequest is what a shopper, who need not exist, might do. Which of the fields mean something depends on the
// hook.
type ExplanationRequest struct {
	Hook     core.Hook    `json:"hook,omitempty" enum:"quote,reserve,share,message" default:"quote" doc:"the moment that the mechanics are asked at: an order, a sign-up, something counted for the shopper's link, or a message"`
	SKU      string       `json:"sku,omitempty" pattern:"^[A-Za-z0-9._-]{1,64}$" patternDescription:"1 to 64 letters, digits, dots, underscores and hyphens" doc:"at quote: the item" example:"mx3"`
	Quantity int64        `json:"quantity,omitempty" minimum:"1" maximum:"100" doc:"at quote: units" example:"1"`
	Voucher  string       `json:"voucher,omitempty" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"at quote: a voucher's code" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Group    string       `json:"group,omitempty" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"at quote: the group to join" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Input    core.Object  `json:"input,omitempty" maxProperties:"16" doc:"at quote: what the campaign's inputs ask for: strings, integers, booleans" example:"{\"trade_in\":{\"brand\":\"Xiaomi\",\"model\":\"2S\",\"condition\":\"good\"}}"`
	Expect   *int64       `json:"expect_total,omitempty" minimum:"0" nullable:"false" doc:"at quote: the total that the shopper saw, minor units" example:"129900"`
	Shares   *LinkCounts  `json:"shares,omitempty" nullable:"false" doc:"at share: how often the shopper's link was counted, the last time included"`
	Text     string       `json:"text,omitempty" minLength:"1" maxLength:"1000" doc:"at message: what the shopper writes" example:"Where is my order?"`
	Order    string       `json:"order,omitempty" pattern:"^[a-z0-9-]{1,63}\\.[0-9a-hjkmnp-tv-z]{26}$" patternDescription:"a campaign's id, a dot and 26 characters of 0-9 and a-z without i, l, o and u" doc:"at message: which of the shopper's orders it is about; absent: the latest" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Shopper  ShopperFacts `json:"shopper" doc:"who it would be; at share the owner of the link, of whom only the id counts"`
}

// LinkCounts is what came of a shopper's link.
type LinkCounts struct {
	Counted      string `json:"counted" enum:"repost,visitor,reservation" doc:"what has just been counted" example:"repost"`
	Reposts      int64  `json:"reposts,omitempty" minimum:"0" maximum:"1000000000" example:"3"`
	Visitors     int64  `json:"visitors,omitempty" minimum:"0" maximum:"1000000000" example:"10"`
	Reservations int64  `json:"reservations,omitempty" minimum:"0" maximum:"1000000000" example:"1"`
}

// Resolve implements huma.ResolverWithPath: each hook has its own fields.
func (r *ExplanationRequest) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	var problems []error
	for _, field := range []struct {
		name            string
		given, required bool
		hook            core.Hook
	}{
		{"sku", r.SKU != "", true, core.HookQuote},
		{"quantity", r.Quantity != 0, true, core.HookQuote},
		{"voucher", r.Voucher != "", false, core.HookQuote},
		{"group", r.Group != "", false, core.HookQuote},
		{"input", r.Input != nil, false, core.HookQuote},
		{"expect_total", r.Expect != nil, false, core.HookQuote},
		{"shares", r.Shares != nil, true, core.HookShare},
		{"text", r.Text != "", true, core.HookMessage},
		{"order", r.Order != "", false, core.HookMessage},
	} {
		switch hook := cmp.Or(r.Hook, core.HookQuote); {
		case field.given && field.hook != hook:
			problems = append(problems, &huma.ErrorDetail{
				Location: at.With(field.name), Message: "means nothing at the hook " + string(hook),
			})
		case !field.given && field.required && field.hook == hook:
			problems = append(problems, &huma.ErrorDetail{
				Location: at.With(field.name), Message: "is required at the hook " + string(hook),
			})
		}
	}
	return problems
}

type signupInput struct {
	CampaignPath

	Shopper string `path:"shopper" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"the shopper's id" example:"alice"`
}

// shopperPattern is the shape of a shopper's id.
var shopperPattern = regexp.MustCompile(`^[\x21-\x7e]{1,128}$`)

// ShopperFacts is what an identity provider states about a shopper.
type ShopperFacts struct {
	ID           string    `json:"id" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"whose reservation, orders, shares and tags count" example:"alice"`
	Tier         string    `json:"tier,omitempty" maxLength:"64" doc:"as their token would have it" example:"gold"`
	Tags         []string  `json:"tags,omitempty" maxItems:"32" nullable:"false" doc:"as their token would have them"`
	Region       string    `json:"region,omitempty" maxLength:"64" doc:"as their token would have it" example:"CN-GD"`
	RegisteredAt time.Time `json:"registered_at,omitzero" doc:"as their token would have it" example:"2011-03-01T00:00:00Z"`
}

type explanationOutput struct{ Body Explanation }

func (s *Server) registerExplain() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "explain-order", Method: http.MethodGet, Path: "/v1/orders/{order}/explain", Tags: []string{"desk"},
			Summary: "Why an order has its price",
			Description: "The decision, derived once more from what the order pins: each mechanic with the clauses that held or not " +
				"and the values they saw, its effects, what stacking and guardrails made of them, fuel and time. Of an order that is " +
				"paid, also what the mechanics decided then, and if that waits, why.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.explain)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "explain-request", Method: http.MethodPost, Path: "/v1/campaigns/{campaign}/explanations", Tags: []string{"desk"},
			Summary: "What an order would cost a shopper now, or what mechanics would say at another hook, and why",
			Description: "Also for what is refused: it says by what. Nothing is taken, counted or written. A message is written " +
				"even if a mechanic fails at it; it then has no replies.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.explainRequest)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "explain-reservation", Method: http.MethodGet, Tags: []string{"desk"},
			Path:    "/v1/campaigns/{campaign}/reservations/{shopper}/explain",
			Summary: "What mechanics decided when a shopper signed up",
			Description: "The decision, derived once more from what the sign-up pins. One for which no mechanic asked for anything pins " +
				"nothing: it has no facts and no bindings, and its ruleset is 0.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.explainReservation)
}

func (s *Server) explainReservation(ctx context.Context, in *signupInput) (*explanationOutput, error) {
	return explanationResult(s.engine.ExplainReservation(ctx, in.Campaign, in.Shopper, principalOf(ctx)))
}

func (s *Server) explain(ctx context.Context, in *OrderPath) (*explanationOutput, error) {
	return explanationResult(s.engine.Explain(ctx, in.Order, principalOf(ctx)))
}

func (s *Server) explainRequest(ctx context.Context, in *explanationInput) (*explanationOutput, error) {
	if in.Body.Hook == "" || in.Body.Hook == core.HookQuote {
		return explanationResult(s.engine.ExplainRequest(ctx, in.Body.orderRequest(in.Campaign), principalOf(ctx)))
	}
	return explanationResult(s.engine.ExplainHook(ctx, in.Body.hookRequest(in.Campaign), principalOf(ctx)))
}

func (r *ExplanationRequest) orderRequest(campaign string) core.OrderRequest {
	return core.OrderRequest{
		Campaign: campaign, SKU: r.SKU, Quantity: r.Quantity, Voucher: r.Voucher, Group: r.Group, Input: r.Input,
		ExpectTotal: r.Expect, Shopper: r.Shopper.principal(),
	}
}

func (r *ExplanationRequest) hookRequest(campaign string) core.HookRequest {
	request := core.HookRequest{
		Campaign: campaign, Hook: r.Hook, Shopper: r.Shopper.principal(), Message: r.Text, Order: r.Order,
	}
	if n := r.Shares; n != nil {
		request.Shares = core.SharesFacts{
			Counted: n.Counted, Reposts: n.Reposts, Visitors: n.Visitors, Reservations: n.Reservations,
		}
	}
	return request
}

func (f *ShopperFacts) principal() core.Principal {
	return core.Principal{
		ID: f.ID, Role: core.RoleShopper, Tier: f.Tier, Tags: f.Tags, Region: f.Region, RegisteredAt: millisOf(f.RegisteredAt),
	}
}

func explanationResult(e *core.Explanation, err error) (*explanationOutput, error) {
	if err != nil {
		return nil, err
	}
	return &explanationOutput{Body: explanationView(e)}, nil
}
