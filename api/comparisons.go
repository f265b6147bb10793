package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// Comparer compares what rulesets decide. What is not of the principal's brand does not exist for it.
type Comparer interface {
	// ShadowReport says what the campaign's shadow would have decided since it began.
	ShadowReport(ctx context.Context, campaign string, staff core.Principal) (*core.Comparison, error)
	// CanaryReport compares the two arms of the campaign's canary since it began.
	CanaryReport(ctx context.Context, campaign string, staff core.Principal) (*core.CanaryReport, error)
	// Backtest says what a ruleset, which need not be stored, would have made of recorded decisions. What is wrong with it is a
	// *[core.Problems] with paths into a campaign file.
	Backtest(ctx context.Context, request core.BacktestRequest) (*core.Comparison, error)
}

// BacktestRequest asks what a ruleset would have made of recorded decisions: a stored one, or one that is sent along.
type BacktestRequest struct {
	Ruleset  int64                    `json:"ruleset,omitempty" minimum:"1" doc:"the number of a stored ruleset; this or bindings" example:"3"`
	Bindings []core.Binding           `json:"bindings,omitempty" maxItems:"256" nullable:"false" doc:"the mechanics of a ruleset that is not stored, in the order they run"`
	Stacking map[string]core.Stacking `json:"stacking,omitempty" doc:"with bindings: how each stacking group combines" example:"{\"sale\":\"best\"}"`
	From     *time.Time               `json:"from,omitempty" nullable:"false" doc:"decisions that were made then or later"`
	Until    *time.Time               `json:"until,omitempty" nullable:"false" doc:"decisions that were made before"`
	Limit    int                      `json:"limit,omitempty" minimum:"1" maximum:"10000000" doc:"how many orders at most, the earliest first; a million if absent" example:"100000"`
}

type backtestInput struct {
	CampaignPath

	Body BacktestRequest
}

type comparisonOutput struct{ Body Comparison }

type canaryReportOutput struct{ Body CanaryReport }

func (s *Server) registerComparisons() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-shadow", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/rollout/shadow", Tags: []string{"rollout"},
			Summary: "What the shadow would have decided otherwise",
			Description: "The shadow decides what the live ruleset decides, on the same facts and beside the requests: orders, and " +
				"requests that mechanics refused. Quotes, and what the stock, a limit or the expected total refused, are left out, as " +
				"are the canary's shoppers. What there was no time for is counted as `dropped`.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.shadow)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-canary", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/rollout/canary", Tags: []string{"rollout"},
			Summary: "The canary's shoppers beside the others",
			Description: "Since the canary began, on all nodes, with 95 % confidence intervals: Wilson's for shares, Newcombe's for their " +
				"differences, Student's and Welch's for the mean of an order. Requests are counted, not shoppers: one who tries again " +
				"counts again.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.canary)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "backtest", Method: http.MethodPost, Path: "/v1/campaigns/{campaign}/backtests", Tags: []string{"rollout"},
			Summary: "What a ruleset would have made of recorded decisions",
			Description: "Decides the facts of recorded orders, and of those refusals by mechanics that were kept, again, and changes " +
				"nothing. Facts that nobody recorded are absent: what only the candidate reads was not loaded then. The same recordings " +
				"and ruleset give the same answer. A node makes one backtest of a campaign at a time; another is `overloaded`.",
		},
		takes:   intake{limit: maxCampaignFile},
		refuses: []core.Code{core.CodeNotFound, core.CodeOverloaded, core.CodeUnavailable},
	}, s.backtest)
}

func (s *Server) shadow(ctx context.Context, in *CampaignPath) (*comparisonOutput, error) {
	return comparisonResult(s.engine.ShadowReport(ctx, in.Campaign, principalOf(ctx)))
}

func (s *Server) canary(ctx context.Context, in *CampaignPath) (*canaryReportOutput, error) {
	report, err := s.engine.CanaryReport(ctx, in.Campaign, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	return &canaryReportOutput{Body: canaryView(report)}, nil
}

func (s *Server) backtest(ctx context.Context, in *backtestInput) (*comparisonOutput, error) {
	b := &in.Body
	request := core.BacktestRequest{
		Campaign: in.Campaign, Ruleset: b.Ruleset, Bindings: b.Bindings, Stacking: b.Stacking, Limit: b.Limit, Staff: principalOf(ctx),
	}
	for _, one := range []struct {
		given *time.Time
		into  *int64
	}{{b.From, &request.From}, {b.Until, &request.Until}} {
		if one.given != nil {
			*one.into = one.given.UnixMilli()
		}
	}
	out, err := comparisonResult(s.engine.Backtest(ctx, request))
	if err != nil {
		return nil, inBody(err)
	}
	return out, nil
}

func comparisonResult(c *core.Comparison, err error) (*comparisonOutput, error) {
	if err != nil {
		return nil, err
	}
	return &comparisonOutput{Body: comparisonView(c)}, nil
}
