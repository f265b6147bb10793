package core

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// DecisionKind is what became of a request that was decided.
type DecisionKind string

// The kinds.
const (
	DecisionOrders   DecisionKind = "orders"   // every order has its decision
	DecisionRefusals DecisionKind = "refusals" // refusals are all counted, and kept now and then
)

// maxScanned is how many refusals one page looks through for those of its code.
const maxScanned = 5_000

// DecisionQuery asks for a page of a campaign's decisions, the newest first.
type DecisionQuery struct {
	Campaign string
	Kind     DecisionKind
	Code     Code   // only refusals of this code; "" for every one
	Cursor   string // the id that the page before ended with, "" for the first page
	Limit    int
	Staff    Principal
}

// Decision is one entry of the log of decisions.
type Decision struct {
	ID      string // the order's, or the refusal's own
	Kind    DecisionKind
	At      int64           // Unix milliseconds
	Code    Code            // of the refusal; "" for an order
	Reason  string          // the mechanic's, if it denied
	Ruleset int64           // that decided; 0 if no mechanic was asked
	Epoch   int64           // of the campaign when it was decided
	Total   int64           // of the order, minor units; 0 for a refusal
	Content json.RawMessage // the decision as it is pinned: facts, bindings with effects, digests and fuel, and the refusal
}

// Decisions returns a page of the campaign's log of decisions. Another brand's campaign is not_found for a principal of a
// brand. A page of one code may be short of its limit, and even empty, though it has a cursor: the next goes on behind it.
func (e *Engine) Decisions(ctx context.Context, q DecisionQuery) (Page[*Decision], error) {
	page := Page[*Decision]{Data: []*Decision{}}
	if q.Staff.Role == RoleShopper {
		return page, Errorf(CodeNotFound, "there is no campaign %q", q.Campaign)
	}
	c, err := e.servedCampaign(ctx, q.Campaign, &q.Staff)
	if err != nil {
		return page, err
	}
	if q.Cursor != "" && !ValidOrderID(q.Cursor) {
		return page, foreignCursor()
	}
	switch q.Kind {
	case DecisionOrders:
		return e.decidedOrders(ctx, c.key(), &q)
	case DecisionRefusals:
		return e.decidedRefusals(ctx, c.key(), &q)
	default:
		return page, Errorf(CodeInvalid, "decisions are orders or refusals, not %q", q.Kind)
	}
}

func (e *Engine) decidedOrders(ctx context.Context, of CampaignKey, q *DecisionQuery) (Page[*Decision], error) {
	page := Page[*Decision]{Data: []*Decision{}}
	orders, err := e.store.ListOrders(ctx, of, "", q.Cursor, q.Limit+1)
	if err != nil {
		return page, storeError(err)
	}
	if len(orders) > q.Limit {
		orders = orders[:q.Limit]
		page.Next = orders[q.Limit-1].ID
	}
	for _, o := range orders {
		page.Data = append(page.Data, newDecision(DecisionOrders, o.ID, o.PlacedAt, o.Quote))
	}
	return page, nil
}

func (e *Engine) decidedRefusals(ctx context.Context, of CampaignKey, q *DecisionQuery) (Page[*Decision], error) {
	page := Page[*Decision]{Data: []*Decision{}}
	if e.refusalLog.journal == nil {
		return page, nil
	}
	for scanned, after := 0, q.Cursor; scanned < maxScanned; {
		records, err := e.refusalLog.journal.Refusals(ctx, of, after, refusalBatch)
		if err != nil {
			return page, storeError(err)
		}
		for _, r := range records {
			if q.Code != "" && q.Code != r.Code {
				continue
			}
			if len(page.Data) == q.Limit {
				page.Next = page.Data[q.Limit-1].ID
				return page, nil
			}
			page.Data = append(page.Data, r.decision())
		}
		if len(records) < refusalBatch { // that was the last of them
			page.Next = ""
			return page, nil
		}
		scanned += len(records)
		after = records[len(records)-1].ID
		page.Next = after
	}
	return page, nil
}

func (r *RefusalRecord) decision() *Decision {
	d := newDecision(DecisionRefusals, r.ID, r.At, slices.Clone(r.Content))
	d.Code, d.Reason = r.Code, r.Reason
	return d
}

func newDecision(kind DecisionKind, id string, at int64, content json.RawMessage) *Decision {
	var pinned struct {
		Epoch   int64 `json:"epoch"`
		Ruleset int64 `json:"ruleset"`
		Total   int64 `json:"total"`
	}
	_ = json.Unmarshal(content, &pinned) // what cannot be read is shown as it is
	return &Decision{
		ID: id, Kind: kind, At: at, Ruleset: pinned.Ruleset, Epoch: pinned.Epoch, Total: pinned.Total, Content: content,
	}
}

// Retention is how long what is no part of an order is kept.
type Retention struct {
	Samples  time.Duration // what nodes measured
	Refusals time.Duration // the log of refusals
}

// Forget deletes what is older than the retention. Orders keep their decisions for ever. Every node may do it.
func (e *Engine) Forget(ctx context.Context, keep Retention) error {
	if e.refusalLog.journal == nil {
		return nil
	}
	now := e.now()
	return storeError(e.refusalLog.journal.Forget(ctx, now.Add(-keep.Samples).Unix(), now.Add(-keep.Refusals).UnixMilli()))
}
