package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

// How often and how long a node is asked whether it knows of a change yet.
const (
	nodeInterval = 20 * time.Millisecond
	nodePatience = 30 * time.Second
)

// terms is what the generator has to know of a campaign.
type terms struct {
	sku      string
	currency string
	price    int64 // list price of a unit, minor units; no order costs more
}

// parseSale reads a campaign file whose first item is the one that is sold.
func parseSale(file []byte) (*core.Campaign, error) {
	sale, _, err := campaignfile.Parse(file)
	if err != nil {
		return nil, fmt.Errorf("campaign file: %w", err)
	}
	if len(sale.Items) == 0 {
		return nil, errors.New("campaign file: it has no items")
	}
	return sale, nil
}

// termsOf returns what the generator has to know.
func termsOf(sale *core.Campaign) terms {
	return terms{sku: sale.Items[0].SKU, currency: sale.Currency, price: sale.Items[0].Price}
}

// replayed returns the sale's file under another id: its first phase begins now, the others follow as they did, units are
// for sale, and budget, quotas and pools are raised to what that many units may need.
func replayed(sale *core.Campaign, id string, units int, now time.Time) *core.Campaign {
	copied := sale.Shifted(now.Sub(sale.Phases.Start(firstPhase(sale))))
	copied.ID = id
	stock := copied.Items[0].Stock
	copied.Items[0].Stock = int64(units)
	if int64(units) > stock && stock > 0 {
		raise(copied, int64(units), stock)
	}
	return copied
}

// firstPhase is the phase that a sale begins with.
func firstPhase(sale *core.Campaign) core.Phase {
	for _, phase := range []core.Phase{core.PhaseTeaser, core.PhaseReservation} {
		if !sale.Phases.Start(phase).IsZero() {
			return phase
		}
	}
	return core.PhaseSale
}

// raise scales quotas, pools and discount budget from the file's stock to the units.
func raise(sale *core.Campaign, units, stock int64) {
	scaled := func(limit int64) int64 { return limit/stock*units + limit%stock*units/stock }
	sale.Guardrails.DiscountBudget = scaled(sale.Guardrails.DiscountBudget)
	quotas := make(map[string]int64, len(sale.Quotas))
	for name, limit := range sale.Quotas {
		quotas[name] = scaled(limit)
	}
	sale.Quotas = quotas
	for name, pool := range sale.VoucherPools { // the map is Shifted's own
		pool.Count = scaled(pool.Count)
		sale.VoucherPools[name] = pool
	}
}

// staff calls the API as an operator, on every node.
type staff struct {
	nodes []*Client
	token string
}

// newStaff returns an operator's clients.
func newStaff(signer Signer, patience time.Duration, servers []string) (*staff, error) {
	token, err := signer.Sign(operator(), tokenLife)
	if err != nil {
		return nil, fmt.Errorf("sign the operator's token: %w", err)
	}
	s := &staff{token: token}
	for _, server := range servers {
		client, err := NewClient(server)
		if err != nil {
			return nil, err
		}
		client.Patience = patience
		s.nodes = append(s.nodes, client)
	}
	return s, nil
}

// close closes the connections.
func (s *staff) close() error {
	var failed error
	for _, node := range s.nodes {
		failed = errors.Join(failed, node.Close())
	}
	return failed
}

// call sends a request to the first node and requires a success.
func (s *staff) call(ctx context.Context, method, path string, body []byte) error {
	r, _, err := s.nodes[0].Do(ctx, Request{Method: method, Path: path, Token: s.token, Body: body})
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if r.Status >= 300 {
		return fmt.Errorf("%s %s: status %d: %s", method, path, r.Status, r.Body)
	}
	return nil
}

// apply creates the campaign and waits until every node has it in the phase.
func (s *staff) apply(ctx context.Context, sale *core.Campaign, phase core.Phase) error {
	file, err := json.Marshal(sale)
	if err != nil {
		return err
	}
	if err := s.call(ctx, http.MethodPut, "/v1/campaigns/"+sale.ID, file); err != nil {
		return err
	}
	return s.enter(ctx, sale.ID, phase)
}

// enter moves the campaign into the phase and waits until every node says so.
func (s *staff) enter(ctx context.Context, id string, phase core.Phase) error {
	body, err := json.Marshal(map[string]core.Phase{"phase": phase})
	if err != nil {
		return err
	}
	if err := s.call(ctx, http.MethodPost, "/v1/demo/campaigns/"+id+"/phase", body); err != nil {
		return err
	}
	for i := range s.nodes {
		if err := s.await(ctx, i, id, phase); err != nil {
			return err
		}
	}
	return nil
}

// await waits until a node says that the campaign is in the phase.
func (s *staff) await(ctx context.Context, node int, id string, phase core.Phase) error {
	var seen Response
	for until := time.Now().Add(nodePatience); time.Now().Before(until); wait(ctx, nodeInterval) {
		r, _, err := s.nodes[node].Do(ctx, Request{Method: http.MethodGet, Path: "/v1/campaigns/" + id, Token: s.token})
		if err != nil {
			return fmt.Errorf("wait for %s: %w", phase, err)
		}
		var view struct {
			Phase core.Phase `json:"phase"`
		}
		if r.Status == http.StatusOK && json.Unmarshal(r.Body, &view) == nil && view.Phase == phase {
			return nil
		}
		seen = r
	}
	return fmt.Errorf("node %d does not see %s in phase %s: status %d: %s", node+1, id, phase, seen.Status, seen.Body)
}
