package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

type explanationInput struct {
	CampaignPath

	Body ExplanationRequest
}

// ExplanationRequest is the order of a shopper who need not exist.
type ExplanationRequest struct {
	SKU      string       `json:"sku" pattern:"^[A-Za-z0-9._-]{1,64}$" doc:"the item" example:"mx3"`
	Quantity int64        `json:"quantity" minimum:"1" maximum:"100" doc:"units" example:"1"`
	Voucher  string       `json:"voucher,omitempty" pattern:"^[\\x21-\\x7e]{1,128}$" doc:"a voucher's code" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Group    string       `json:"group,omitempty" pattern:"^[\\x21-\\x7e]{1,128}$" doc:"the group to join" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Input    core.Object  `json:"input,omitempty" maxProperties:"16" doc:"what the campaign's inputs ask for: strings, integers, booleans" example:"{\"trade_in\":{\"brand\":\"Xiaomi\",\"model\":\"2S\",\"condition\":\"good\"}}"`
	Expect   *int64       `json:"expect_total,omitempty" minimum:"0" doc:"the total that the shopper saw, minor units" example:"129900"`
	Shopper  ShopperFacts `json:"shopper" doc:"whose order it would be"`
}

// ShopperFacts is what an identity provider states about a shopper.
type ShopperFacts struct {
	ID           string    `json:"id" pattern:"^[\\x21-\\x7e]{1,128}$" doc:"whose reservation, orders, shares and tags count" example:"alice"`
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
				"and the values they saw, its effects, what stacking and guardrails made of them, fuel and time.",
		},
		permission: staff(), refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.explain)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "explain-request", Method: http.MethodPost, Path: "/v1/campaigns/{campaign}/explanations", Tags: []string{"desk"},
			Summary:     "What an order would cost a shopper now, and why",
			Description: "Also for an order that is refused: it says by what. Nothing is taken.",
		},
		permission: staff(), refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.explainRequest)
}

func (s *Server) explain(ctx context.Context, in *OrderPath) (*explanationOutput, error) {
	return explanationResult(s.engine.Explain(ctx, in.Order, principalOf(ctx)))
}

func (s *Server) explainRequest(ctx context.Context, in *explanationInput) (*explanationOutput, error) {
	return explanationResult(s.engine.ExplainRequest(ctx, in.Body.request(in.Campaign), principalOf(ctx)))
}

func (r *ExplanationRequest) request(campaign string) core.OrderRequest {
	return core.OrderRequest{
		Campaign: campaign, SKU: r.SKU, Quantity: r.Quantity, Voucher: r.Voucher, Group: r.Group, Input: r.Input,
		ExpectTotal: r.Expect,
		Shopper: core.Principal{
			ID: r.Shopper.ID, Role: core.RoleShopper, Tier: r.Shopper.Tier, Tags: r.Shopper.Tags, Region: r.Shopper.Region,
			RegisteredAt: millisOf(r.Shopper.RegisteredAt),
		},
	}
}

func explanationResult(e *core.Explanation, err error) (*explanationOutput, error) {
	if err != nil {
		return nil, err
	}
	return &explanationOutput{Body: explanationView(e)}, nil
}
