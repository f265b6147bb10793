package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

type shoppersInput struct {
	CampaignPath
	PageQuery

	Tag string `query:"tag" maxLength:"512" doc:"only shoppers with this tag: key for any value of it, key=value for one"`
}

type shoppersOutput struct{ Body Page[Shopper] }

// Shopper is what a campaign knows of a shopper whom its mechanics have noted something about.
type Shopper struct {
	ID         string            `json:"id" doc:"as the identity provider names the shopper" example:"alice"`
	Tags       map[string]string `json:"tags" doc:"what mechanics noted, by key; the value may be empty" example:"{\"trade_in\":\"Xiaomi\"}"`
	ReservedAt *time.Time        `json:"reserved_at,omitempty" nullable:"false" doc:"absent if the shopper has not reserved"`
	Orders     int64             `json:"orders" doc:"orders that were ever placed in the campaign" example:"1"`
}

func (s *Server) registerShoppers() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "list-campaign-shoppers", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/shoppers", Tags: []string{"desk"},
			Summary: "The shoppers that a campaign's mechanics have tagged, by id",
			Description: "The customer data that a campaign leaves behind. A page may be shorter than `limit`, or empty, and not be the " +
				"last: read on while there is a `next`.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.shoppers)
}

func (s *Server) shoppers(ctx context.Context, in *shoppersInput) (*shoppersOutput, error) {
	page, err := s.engine.Shoppers(ctx, in.Campaign, in.Tag, in.Cursor, in.Limit, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	return &shoppersOutput{Body: pageOf(page, shopperView)}, nil
}

func shopperView(v *core.ShopperView) Shopper {
	return Shopper{ID: v.ID, Tags: v.Tags, ReservedAt: pastTime(v.ReservedAt), Orders: v.Orders}
}
