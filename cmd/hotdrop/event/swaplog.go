package event

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// logPage is how many decisions are read at a time.
const logPage = 100

// logged is what the log of decisions says of an order.
type logged struct {
	ID      string `json:"id"`
	Ruleset int64  `json:"ruleset"`
	Total   int64  `json:"total"`
}

// checkLog reads the log of decisions as the operator: every order has to be in it, at the total that it was acknowledged at,
// and that total has to be the one which the ruleset gives that is named there.
func (r *runner) checkLog(ctx context.Context, orders []placement) error {
	if r.config.Swaps == 0 {
		return nil
	}
	totals := make(map[string]int64, len(orders))
	for _, o := range orders {
		totals[r.replay.campaign+"."+string(o.id[:])] = o.total
	}
	for cursor := ""; ; {
		one, err := r.logPage(ctx, cursor)
		if err != nil {
			return err
		}
		for _, row := range one.Data {
			total, ours := totals[row.ID]
			if !ours {
				continue // of a request whose answer was never read
			}
			delete(totals, row.ID)
			r.result.Swaps.Logged++
			if row.Total != total || r.gives[row.Ruleset] != total {
				r.result.Swaps.Mislogged++
			}
		}
		if one.Next == nil {
			r.result.Swaps.Unlogged = int64(len(totals))
			return nil
		}
		cursor = "&cursor=" + url.QueryEscape(*one.Next)
	}
}

// logPage reads one page of the log.
func (r *runner) logPage(ctx context.Context, cursor string) (one page[logged], err error) {
	path := fmt.Sprintf("/v1/campaigns/%s/decisions?kind=orders&limit=%d%s", r.replay.campaign, logPage, cursor)
	answer, _, err := r.staff.nodes[0].Do(ctx, Request{Method: http.MethodGet, Path: path, Token: r.staff.token})
	if err != nil {
		return one, fmt.Errorf("the log of decisions: %w", err)
	}
	if answer.Status != http.StatusOK {
		return one, fmt.Errorf("the log of decisions: status %d: %s", answer.Status, answer.Body)
	}
	if err := json.Unmarshal(answer.Body, &one); err != nil {
		return one, fmt.Errorf("the log of decisions: %w", err)
	}
	return one, nil
}
