package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// Decisions is the log of what was decided. What is not of the principal's brand does not exist for it.
type Decisions interface {
	// Decisions lists a campaign's decisions, the newest first.
	Decisions(ctx context.Context, query core.DecisionQuery) (core.Page[*core.Decision], error)
	// Recording returns all that it takes to derive an order's decision again.
	Recording(ctx context.Context, order string, staff core.Principal) (*core.Recording, error)
}

// Offers is what orders may be replaced by after a swap.
type Offers interface {
	// Offer returns what the shopper is offered in place of the order, nil if nothing is.
	Offer(ctx context.Context, order *core.Order, shopper core.Principal) (*core.Offer, error)
}

type decisionsInput struct {
	CampaignPath
	PageQuery

	Kind core.DecisionKind `query:"kind" enum:"orders,refusals" default:"orders" doc:"every order has its decision; refusals are all counted, and kept now and then"`
	Code core.Code         `query:"code" maxLength:"64" doc:"only refusals with this code" example:"denied"`
}

type decisionsOutput struct{ Body Page[LoggedDecision] }

// LoggedDecision is one entry of the log of decisions.
type LoggedDecision struct {
	ID       string            `json:"id" doc:"the order's, or the refusal's own" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Kind     core.DecisionKind `json:"kind" enum:"orders,refusals" doc:"what became of the request"`
	At       time.Time         `json:"at" doc:"when it was decided"`
	Code     core.Code         `json:"code,omitempty" doc:"of a refusal" example:"denied"`
	Reason   string            `json:"reason,omitempty" doc:"of the mechanic that denied" example:"members_only"`
	Ruleset  int64             `json:"ruleset" doc:"the number of the ruleset that decided; 0 if no mechanic was asked" example:"2"`
	Epoch    int64             `json:"epoch" doc:"of the campaign when it was decided" example:"7"`
	Total    int64             `json:"total" doc:"of an order, minor units; 0 for a refusal" example:"129900"`
	Decision json.RawMessage   `json:"decision" doc:"what is pinned: facts, and of each mechanic its digest, effects, fuel and outcome; of a refusal as far as it was decided, with the check that refused"`
}

// Recording is all that it takes to derive an order's decision again, on any machine.
type Recording struct {
	Recording int64              `json:"recording" doc:"the version of this form" example:"1"`
	Campaign  string             `json:"campaign" example:"trade-in"`
	Currency  string             `json:"currency" doc:"ISO 4217" example:"CNY"`
	Order     string             `json:"order" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Total     int64              `json:"total" doc:"of the order, minor units" example:"129900"`
	Lines     []json.RawMessage  `json:"lines" nullable:"false" doc:"of the order, as they are stored"`
	Quote     string             `json:"quote" doc:"the pinned decision, letter for letter"`
	Rulesets  []json.RawMessage  `json:"rulesets" nullable:"false" doc:"the one that decided, and the one that a binding fell back to; none if the mechanics were off"`
	Artefacts []RecordedArtefact `json:"artefacts" nullable:"false" doc:"the bytes of what the rulesets name by digest"`
	Sums      map[string]string  `json:"sums" doc:"SHA-256 of the parts, hex"`
}

// RecordedArtefact is the bytes of a mechanic.
type RecordedArtefact struct {
	Digest string `json:"digest" doc:"of the mechanic" example:"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Kind   string `json:"kind" enum:"rule,plugin,uploaded" doc:"how the bytes are to be read"`
	Bytes  []byte `json:"bytes" doc:"base 64"`
}

type recordingOutput struct{ Body Recording }

func (s *Server) registerDecisions() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "list-decisions", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/decisions", Tags: []string{"desk"},
			Summary: "What was decided in a campaign, the newest first",
			Description: "Of orders every one, with facts, effects, digests and fuel; of refusals, in each second and on each node, the first " +
				"ten of each code and reason and one in a hundred beyond. A page of one code may be short, and have a cursor.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.decisions)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-recording", Method: http.MethodGet, Path: "/v1/orders/{order}/recording", Tags: []string{"desk"},
			Summary:     "All that it takes to derive an order's decision again",
			Description: "What `hotdrop mechanic replay` reads: it derives effects and price on any machine, byte for byte.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.recording)
}

func (s *Server) decisions(ctx context.Context, in *decisionsInput) (*decisionsOutput, error) {
	page, err := s.engine.Decisions(ctx, core.DecisionQuery{
		Campaign: in.Campaign, Kind: in.Kind, Code: in.Code, Cursor: in.Cursor, Limit: in.Limit, Staff: principalOf(ctx),
	})
	if err != nil {
		return nil, cursorProblem(err)
	}
	return &decisionsOutput{Body: pageOf(page, decisionView)}, nil
}

func decisionView(d *core.Decision) LoggedDecision {
	return LoggedDecision{
		ID: d.ID, Kind: d.Kind, At: timeOf(d.At), Code: d.Code, Reason: d.Reason, Ruleset: d.Ruleset, Epoch: d.Epoch,
		Total: d.Total, Decision: d.Content,
	}
}

func (s *Server) recording(ctx context.Context, in *OrderPath) (*recordingOutput, error) {
	r, err := s.engine.Recording(ctx, in.Order, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	return &recordingOutput{Body: recordingView(r)}, nil
}

func recordingView(r *core.Recording) Recording {
	return Recording{
		Recording: r.Form, Campaign: r.Campaign, Currency: r.Currency, Order: r.Order, Total: r.Total, Quote: r.Quote,
		Lines: views(r.Lines, asStored[core.Line]), Rulesets: views(r.Rulesets, asStored[core.Ruleset]),
		Artefacts: views(r.Artefacts, func(a core.RecordedArtefact) RecordedArtefact { return RecordedArtefact(a) }),
		Sums:      r.Sums,
	}
}

// asStored is core's own form of a part of a recording, by which it is compared.
func asStored[T any](part T) json.RawMessage {
	text, _ := json.Marshal(part) // plain data always encodes
	return text
}

// ExplanationOf is an explanation as the API answers it, for whoever derives one without a server.
func ExplanationOf(e *core.Explanation) Explanation { return explanationView(e) }
