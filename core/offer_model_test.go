//go:build !race

// It is one goroutine, which takes the race detector a minute and can show it nothing.

package core_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core"
	"hotdrop/core/postgres"
	"hotdrop/core/storetest"
)

// TestHoldsAndOffersKeepTheBooks swaps the price with and without an offer while shoppers order, pay, replace, cancel and let
// their holds run out. At every look the books are clean, nobody holds more than the limit, and what a replaced order held is
// free again exactly once. It runs on two nodes, of which one hears of a swap only when the fence tells it.
func TestHoldsAndOffersKeepTheBooks(t *testing.T) {
	tick := &clock{at: opening}
	other, err := postgres.Open(t.Context(), storetest.PostgresURL(t))
	must(t, err)
	t.Cleanup(func() { _ = other.Close() })
	must(t, other.Migrate(t.Context()))
	stores := []store{sqliteStore(t), other}
	nodes := make([][]*core.Engine, len(stores))
	for i, s := range stores {
		for range 2 {
			e := core.NewEngine(core.Options{
				Store: s, Campaigns: s, Ledger: s, Compiler: mechanics{"plain": priceOf(1000), "bargain": cheaper}, Now: tick.now,
				Log: slog.New(slog.DiscardHandler),
			})
			must(t, e.Start(t.Context()))
			t.Cleanup(e.Stop)
			nodes[i] = append(nodes[i], e)
		}
	}
	campaigns := 0
	rapid.Check(t, func(t *rapid.T) {
		campaigns++
		n := rapid.IntRange(0, len(stores)-1).Draw(t, "store")
		o := &offers{nodes: nodes[n], clock: tick, store: stores[n], campaign: fmt.Sprintf("o%d", campaigns)}
		o.open(t)
		t.Repeat(map[string]func(*rapid.T){
			"place": o.place, "replace": o.replace, "pay": o.pay, "cancel": o.cancel, "wait": o.wait, "swap": o.swap, "": o.check,
		})
	})
}

// cheaper takes from a quota and the budget what only so many can have, once each.
func cheaper(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
	if f.Quota["few"] < 1 {
		return effects, nil
	}
	return append(effects, core.Effect{Kind: core.EffectDiscount, Amount: 300}, core.Effect{Kind: core.EffectOnce, Name: "bargain"},
		core.Effect{Kind: core.EffectTake, Name: "few", Units: 1}), nil
}

// offers is one campaign whose price changes.
type offers struct {
	nodes    []*core.Engine
	clock    *clock
	store    store
	campaign string
	orders   []*core.Order // as they were placed
	keys     int
	bargain  bool
}

func (o *offers) node(t *rapid.T) *core.Engine { return rapid.SampledFrom(o.nodes).Draw(t, "node") }

func (o *offers) key() string {
	o.keys++
	return fmt.Sprintf("k%d", o.keys)
}

func (o *offers) open(t *rapid.T) {
	now := o.clock.now()
	_, err := o.nodes[0].ApplyCampaign(context.Background(), core.ApplyRequest{
		Actor: operator, Reason: "model",
		Definition: &core.Campaign{
			ID: o.campaign, Brand: "xiaomi", Currency: "CNY", Title: core.Text{EN: "Model"},
			Phases: core.Phases{Sale: now, Closed: now.Add(24 * time.Hour)},
			Items: []core.Item{{
				SKU: "mi2", Title: core.Text{EN: "Mi 2"}, Price: 1000, Stock: 3, Limit: 1, Hold: core.Duration(15 * time.Minute),
			}},
			Quotas: map[string]int64{"few": 2}, Guardrails: core.Guardrails{DiscountBudget: 700},
			Ruleset: []core.Binding{{Mechanic: "plain"}},
		},
	})
	allow(t, err)
	for _, shopper := range o.shoppers() {
		_, err := o.nodes[0].TopUp(context.Background(), core.TopUp{Shopper: shopper, Currency: "CNY", Amount: modelMoney, Key: "t"})
		allow(t, err)
	}
}

func (o *offers) shoppers() []string {
	return []string{o.campaign + "-a", o.campaign + "-b", o.campaign + "-c", o.campaign + "-d"}
}

func (o *offers) swap(t *rapid.T) {
	o.bargain = !o.bargain
	name := map[bool]string{true: "bargain", false: "plain"}[o.bargain]
	ctx := context.Background()
	ruleset, err := o.nodes[0].AddRuleset(ctx, core.RulesetRequest{
		Campaign: o.campaign, Bindings: []core.Binding{{Mechanic: name}}, Reason: "model", Actor: operator,
	})
	allow(t, err)
	record, err := o.nodes[0].Record(ctx, o.campaign)
	allow(t, err)
	_, err = o.nodes[0].ChangeRollout(ctx, core.RolloutRequest{
		Campaign: o.campaign, Expect: record.Rollout.Number, Reason: "model", Actor: operator,
		Change: core.Change{
			Mode: core.ModeLive, Ruleset: ruleset.Number, Force: true,
			Holds: rapid.SampledFrom([]core.Holds{core.HoldsOffer, core.HoldsHonour}).Draw(t, "holds"),
		},
	})
	allow(t, err)
}

func (o *offers) placed(t *rapid.T, req core.OrderRequest, codes ...core.Code) {
	req.Campaign = o.campaign
	placed, _, err := o.node(t).Place(context.Background(), req)
	allow(t, err, append(codes, core.CodeSoldOut, core.CodeLimitReached, core.CodeAlreadyUsed, core.CodeQuotaExhausted)...)
	if err == nil {
		o.orders = append(o.orders, placed)
	}
}

func (o *offers) place(t *rapid.T) {
	o.placed(t, buy(rapid.SampledFrom(o.shoppers()).Draw(t, "shopper"), o.key()))
}

// any returns one of the orders as it stands.
func (o *offers) any(t *rapid.T) *core.Order {
	if len(o.orders) == 0 {
		t.Skip("nothing was ordered")
	}
	one := rapid.SampledFrom(o.orders).Draw(t, "order")
	now, err := o.nodes[0].Order(context.Background(), one.ID, one.Shopper)
	allow(t, err)
	return now
}

// replace takes up what is offered in place of an order, or tries to although nothing is.
func (o *offers) replace(t *rapid.T) {
	held := o.any(t)
	node := o.node(t)
	offered, err := node.Offer(context.Background(), held, core.Principal{ID: held.Shopper, Role: core.RoleShopper})
	allow(t, err)
	req := instead(held, o.key())
	if offered != nil {
		req.ExpectTotal = &offered.Total
	}
	o.placed(t, req, core.CodeWrongState, core.CodePriceChanged)
}

func (o *offers) pay(t *rapid.T) {
	_, err := o.node(t).Pay(context.Background(), payOf(o.any(t), o.key()))
	allow(t, err, core.CodeWrongState, core.CodeRefunded)
}

func (o *offers) cancel(t *rapid.T) {
	_, err := o.node(t).Cancel(context.Background(), payOf(o.any(t), o.key()))
	allow(t, err, core.CodeWrongState)
}

func (o *offers) wait(t *rapid.T) {
	o.clock.advance(time.Duration(rapid.IntRange(1, 600).Draw(t, "seconds")) * time.Second)
	_, err := o.node(t).Expire(context.Background(), o.campaign)
	allow(t, err)
}

// check looks at the books, and at what every shopper holds.
func (o *offers) check(t *rapid.T) {
	_, err := core.Audit(context.Background(), o.store, []core.CampaignKey{{Brand: "xiaomi", ID: o.campaign}}, func(f core.Finding) { t.Errorf("audit: %+v", f) })
	allow(t, err)
	held := map[string][]string{}
	paid := map[string]int64{}
	for _, placed := range o.orders {
		now, err := o.nodes[0].Order(context.Background(), placed.ID, placed.Shopper)
		allow(t, err)
		if slices.Contains([]core.OrderState{core.OrderPlaced, core.OrderPaid}, now.State) {
			held[now.Shopper] = append(held[now.Shopper], now.ID)
		}
		paid[now.Shopper] += keptOf(now)
	}
	for _, shopper := range o.shoppers() {
		if len(held[shopper]) > 1 {
			t.Errorf("%s holds %v, and the limit is 1", shopper, held[shopper])
		}
		balances, err := o.nodes[0].Wallet(context.Background(), shopper)
		allow(t, err)
		if balances["CNY"] != modelMoney-paid[shopper] {
			t.Errorf("%s has %d and paid %d", shopper, balances["CNY"], paid[shopper])
		}
	}
}
