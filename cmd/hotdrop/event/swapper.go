package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"hotdrop/core"
)

// followPatience is how long a swap that waits for the nodes waits for them.
const followPatience = 10 * time.Second

// canaryPercent is the share of shoppers for whom a canary decides.
const canaryPercent = 10

// swapper changes a campaign's rollout as its operator, on one node after the other.
type swapper struct {
	campaign string
	token    string
	nodes    []*Client
	rollout  int64 // the number of the rollout in force
	variants []variant
	plan     []change
	next     int // of the plan
	prices   *prices
	swaps    *Swaps // what is measured
	made     *int64 // swaps
}

// newSwapper adds the variants' rulesets to the campaign and connects to every node.
func (r *runner) newSwapper(ctx context.Context, sale *core.Campaign, plan []change) (*swapper, error) {
	officers, err := newStaff(r.signer, r.config.Patience, r.urls)
	if err != nil {
		return nil, err
	}
	s := &swapper{
		campaign: sale.ID, token: officers.token, nodes: officers.nodes, plan: plan, swaps: r.result.Swaps, made: &r.result.Swaps.Swaps,
		variants: []variant{{total: variantTotal(sale, 0)}},
	}
	for k := int64(1); k <= variants; k++ {
		if err := s.add(ctx, sale, k, r.plugin); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	s.prices = newPrices(s.variants, plan)
	err = s.look(ctx)
	return s, err
}

// close closes the connections.
func (s *swapper) close() error { return (&staff{nodes: s.nodes}).close() }

// path is a path below the campaign.
func (s *swapper) path(below string) string { return "/v1/campaigns/" + s.campaign + below }

// ask sends a request to one of the nodes, requires a success and decodes it.
func (s *swapper) ask(ctx context.Context, node int, method, below string, body, out any) error {
	request := Request{Method: method, Path: s.path(below), Token: s.token}
	if body != nil {
		request.Body, _ = json.Marshal(body) // plain data always encodes
	}
	r, _, err := s.nodes[node%len(s.nodes)].Do(ctx, request)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, request.Path, err)
	}
	if r.Status >= 300 {
		return fmt.Errorf("%s %s: status %d: %s", method, request.Path, r.Status, r.Body)
	}
	if err := json.Unmarshal(r.Body, out); err != nil {
		return fmt.Errorf("%s %s: %w: %s", method, request.Path, err, r.Body)
	}
	return nil
}

// add adds the ruleset of variant k.
func (s *swapper) add(ctx context.Context, sale *core.Campaign, k int64, plugin string) error {
	bindings, err := variantBindings(sale, k, plugin)
	if err != nil {
		return err
	}
	var added struct {
		Ruleset int64 `json:"ruleset"`
	}
	err = s.ask(ctx, 0, http.MethodPost, "/rulesets", map[string]any{
		"bindings": bindings, "stacking": sale.Stacking, "reason": fmt.Sprintf("variant %d", k),
	}, &added)
	if err == nil && added.Ruleset == 0 {
		err = fmt.Errorf("%w: a ruleset without a number", errUnexpected)
	}
	s.variants = append(s.variants, variant{added.Ruleset, variantTotal(sale, k)})
	return err
}

// gives returns what an order costs under each of the rulesets.
func (s *swapper) gives() map[int64]int64 {
	totals := make(map[int64]int64, len(s.variants))
	for _, v := range s.variants {
		totals[v.ruleset] = v.total
	}
	return totals
}

// inForce is what an answer says of the rollout.
type inForce struct {
	Rollout     int64     `json:"rollout"`
	CommittedAt time.Time `json:"committed_at"`
	State       struct {
		Live   int64 `json:"live"`
		Canary *struct {
			Ruleset int64 `json:"ruleset"`
		} `json:"canary"`
	} `json:"state"`
	Nodes []struct {
		Node       string     `json:"node"`
		FollowedAt *time.Time `json:"followed_at"`
	} `json:"nodes"`
}

// look learns the rollout in force, and with it the number of the campaign's own ruleset.
func (s *swapper) look(ctx context.Context) error {
	var now inForce
	if err := s.ask(ctx, 0, http.MethodGet, "/rollout", nil, &now); err != nil {
		return err
	}
	s.rollout, s.variants[0].ruleset = now.Rollout, now.State.Live
	return nil
}

// swap makes the next swap of the plan. One that waits is answered when every node has followed it.
func (s *swapper) swap(ctx context.Context, waits bool) error {
	i := s.next
	s.next++
	to := s.plan[i]
	path, body := "/rollout", map[string]any{"expect": s.rollout, "reason": fmt.Sprintf("swap %d", i+1)}
	switch to.mode {
	case core.ModeLive:
		body["mode"], body["ruleset"] = to.mode, s.variants[to.live].ruleset
	case core.ModeCanary:
		if err := s.shadow(ctx, to.canary); err != nil {
			return err
		}
		body["expect"], body["mode"], body["ruleset"], body["percent"] = s.rollout, to.mode, s.variants[to.canary].ruleset, canaryPercent
	default:
		path = "/undo"
	}
	if waits {
		body["wait"] = followPatience.Milliseconds()
	}
	var answer inForce
	s.prices.asked.Store(int64(i + 1))
	began := time.Now()
	if err := s.ask(ctx, i, http.MethodPost, path, body, &answer); err != nil {
		return err
	}
	took := time.Since(began)
	s.prices.committed.Store(int64(i + 1))
	s.rollout = answer.Rollout
	s.measure(to, &answer, took, waits)
	return s.require(i, to, &answer)
}

// shadow compares the variant before some shoppers get it. That changes no decision, so it is not counted as a swap.
func (s *swapper) shadow(ctx context.Context, k int) error {
	var answer inForce
	err := s.ask(ctx, 0, http.MethodPost, "/rollout", map[string]any{
		"expect": s.rollout, "mode": core.ModeShadow, "ruleset": s.variants[k].ruleset, "reason": "compare first",
	}, &answer)
	s.rollout = answer.Rollout
	s.swaps.Shadows++
	return err
}

// measure takes note of what a swap cost.
func (s *swapper) measure(to change, answer *inForce, took time.Duration, waited bool) {
	*s.made++
	switch to.mode {
	case core.ModeCanary:
		s.swaps.Canaries++
	case "":
		s.swaps.Undos++
	}
	if !waited {
		s.swaps.commit.observe(took)
		s.swaps.Slowest = max(s.swaps.Slowest, took)
		return
	}
	var last time.Time
	for _, node := range answer.Nodes {
		if node.FollowedAt == nil || node.FollowedAt.IsZero() {
			s.swaps.NotFollowed++
			return
		}
		if last.Before(*node.FollowedAt) {
			last = *node.FollowedAt
		}
	}
	if len(answer.Nodes) < len(s.nodes) {
		s.swaps.NotFollowed++
		return
	}
	behind := max(0, last.Sub(answer.CommittedAt))
	s.swaps.follow.observe(behind)
	s.swaps.SlowestFollow = max(s.swaps.SlowestFollow, behind)
}

// require requires that what the swap answered is what it was asked for.
func (s *swapper) require(i int, to change, answer *inForce) error {
	canary := int64(0)
	if answer.State.Canary != nil {
		canary = answer.State.Canary.Ruleset
	}
	want := int64(0)
	if to.canary != 0 {
		want = s.variants[to.canary].ruleset
	}
	if answer.State.Live != s.variants[to.live].ruleset || canary != want {
		return fmt.Errorf("%w: after swap %d rulesets %d and %d decide, should be %d and %d",
			errUnexpected, i+1, answer.State.Live, canary, s.variants[to.live].ruleset, want)
	}
	return nil
}

// waitsEvery is how many swaps of the rush there are to one that waits for the nodes.
const waitsEvery = 10

// run makes a swap whenever one is due, and those that are left when no more are.
func (s *swapper) run(ctx context.Context, due <-chan struct{}, selling func() bool) error {
	for s.next < len(s.plan) {
		select {
		case <-due: // a value, or closed: what is left then is due at once
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if selling() {
			s.swaps.WhileSelling++
		}
		if err := s.swap(ctx, s.next%waitsEvery == waitsEvery-1); err != nil {
			return err
		}
	}
	return nil
}

// whileSwapping runs the rush, with the configured swaps spread evenly over as many orders as will be sold.
func (r *runner) whileSwapping(ctx context.Context, orders int, rush func(*market) (measured, error)) (m measured, err error) {
	if r.config.Swaps == 0 {
		return rush(nil)
	}
	s, err := r.newSwapper(ctx, r.sale, planSwaps(r.config.Swaps))
	if err != nil {
		return m, err
	}
	r.gives = s.gives()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	due := make(chan struct{}, r.config.Swaps)
	watch := &market{prices: s.prices, every: int64(max(1, orders/(r.config.Swaps+1))), due: due}
	swapped := make(chan error, 1)
	go func() {
		swapped <- s.run(ctx, due, func() bool { return !watch.over.Load() })
	}()
	m, err = rush(watch)
	if err != nil {
		cancel()
	}
	watch.over.Store(true)
	close(due)
	err = errors.Join(err, <-swapped, s.close())
	r.result.Swaps.StaleAnswers += s.prices.stale.Load()
	r.result.Swaps.Mixed += s.prices.mixed.Load()
	return m, err
}

// market is what the workers of a sale under swaps share: the prices, and when the next swap is due.
type market struct {
	*prices

	every int64        // orders from one swap to the next
	sold  atomic.Int64 // orders
	over  atomic.Bool  // nothing is left to be sold
	due   chan<- struct{}
}

// sell takes note of an order.
func (s *market) sell() {
	if s.sold.Add(1)%s.every == 0 {
		select {
		case s.due <- struct{}{}:
		default: // as many as there are swaps have been due
		}
	}
}
