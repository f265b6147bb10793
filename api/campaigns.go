package api

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

type campaignsInput struct {
	Cursor string `query:"cursor" maxLength:"63" doc:"next of the previous page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"rows of a page"`
}

type campaignsOutput struct{ Body Page[Campaign] }

type campaignOutput struct{ Body Campaign }

// Quota is a bounded quantity that mechanics take from.
type Quota struct {
	Name  string `json:"name" doc:"its name in the campaign file" example:"trade-ins"`
	Limit int64  `json:"limit" doc:"units in all" example:"500"`
	Left  int64  `json:"left" doc:"units left, at most 100 ms old" example:"312"`
}

// VoucherPool is a pool that vouchers are granted from.
type VoucherPool struct {
	Name      string     `json:"name" doc:"its name in the campaign file" example:"flyme"`
	Value     int64      `json:"value" doc:"what a voucher is worth, minor units" example:"5000"`
	Count     int64      `json:"count" doc:"vouchers in all" example:"2099"`
	Left      int64      `json:"left" doc:"vouchers left to be granted, at most 100 ms old" example:"1203"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" nullable:"false" doc:"when its vouchers stop being worth anything; absent if they do not"`
}

func (s *Server) registerCampaigns() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "list-campaigns", Method: http.MethodGet, Path: "/v1/campaigns", Tags: []string{"campaigns"},
			Summary: "Every campaign as it stands",
		},
	}, s.listCampaigns)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-campaign", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}", Tags: []string{"campaigns"},
			Summary: "One campaign as it stands", Description: "`left` is honest: what can be bought, at most 100 ms old.",
		},
		refuses: []core.Code{core.CodeNotFound},
	}, s.campaign)
}

func (s *Server) listCampaigns(ctx context.Context, in *campaignsInput) (*campaignsOutput, error) {
	all, err := s.engine.Campaigns(ctx)
	if err != nil {
		return nil, err
	}
	page := pageAfter(all, in.Cursor, in.Limit)
	out := &campaignsOutput{Body: pageOf(page, func(*core.CampaignView) Campaign { return Campaign{} })}
	for i, v := range page.Data {
		if out.Body.Data[i], err = s.campaignView(ctx, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// pageAfter cuts a page out of campaigns sorted by id; the cursor is the last id of the page before.
func pageAfter(all []*core.CampaignView, cursor string, limit int) core.Page[*core.CampaignView] {
	from, found := slices.BinarySearchFunc(all, cursor, func(v *core.CampaignView, id string) int {
		return cmp.Compare(v.Record.Definition.ID, id)
	})
	if found {
		from++
	}
	rest := all[from:]
	if len(rest) <= limit {
		return core.Page[*core.CampaignView]{Data: rest}
	}
	return core.Page[*core.CampaignView]{Data: rest[:limit], Next: rest[limit-1].Record.Definition.ID}
}

func (s *Server) campaign(ctx context.Context, in *CampaignPath) (*campaignOutput, error) {
	v, err := s.engine.Campaign(ctx, in.Campaign)
	if err != nil {
		return nil, err
	}
	view, err := s.campaignView(ctx, v)
	if err != nil {
		return nil, err
	}
	return &campaignOutput{Body: view}, nil
}

// campaignView renders a campaign as whoever asks may see it.
func (s *Server) campaignView(ctx context.Context, v *core.CampaignView) (Campaign, error) {
	own := principalOf(ctx).Role != core.RoleShopper && ownBrand(ctx, v.Record) == nil
	view := campaignView(v, own)
	var err error
	if view.Draws, err = s.drawsOf(ctx, v.Record.Definition); err != nil {
		return view, err
	}
	view.Waiting, err = s.waitingRoomOf(ctx, v.Record.Definition)
	return view, err
}

func quotaViews(v *core.CampaignView) []Quota {
	quotas := v.Record.Definition.Quotas
	return views(slices.Sorted(maps.Keys(quotas)), func(name string) Quota {
		return Quota{Name: name, Limit: quotas[name], Left: v.Quotas[name]}
	})
}

func poolViews(v *core.CampaignView) []VoucherPool {
	pools := v.Record.Definition.VoucherPools
	return views(slices.Sorted(maps.Keys(pools)), func(name string) VoucherPool {
		pool := pools[name]
		return VoucherPool{Name: name, Value: pool.Value, Count: pool.Count, Left: v.Pools[name], ExpiresAt: set(pool.Expires)}
	})
}
