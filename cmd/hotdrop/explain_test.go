package main

import (
	"log/slog"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/core/sqlite"
)

// explainedFile binds the same two promotions as plugins and as rules.
const explainedFile = `
campaign: phone
brand: xiaomi
currency: CNY
title: Explained
phases: {sale: 2012-12-21T12:00:00+08:00, closed: 2012-12-22T12:00:00+08:00}
items: [{sku: mi2, title: Mi 2, price: 199900, stock: 9, hold: 15m}]
inputs: {trade_in: {brand: {type: string, max: 40}, model: {type: string, max: 60}, condition: {type: string, max: 20}}}
quotas: {trade-in: 5}
draws: {lots: {closes: 2012-12-22T12:00:00+08:00, winners: 1, title: Lots}}
stacking: {one: best}
ruleset:
  - {plugin: repost-lottery, config: {draw: lots, weight: 7}}
  - {mechanic: repost-lottery, config: {draw: lots, weight: 7}}
  - {plugin: trade-in, group: one}
  - {mechanic: trade-in, group: one}
`

// newExplained starts an engine that has every shipped mechanic, and the campaign in its sale.
func newExplained(t *testing.T) *core.Engine {
	t.Helper()
	c, err := newCompiler(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	e := core.NewEngine(core.Options{
		Store: store, Campaigns: store, Ledger: store, Compiler: c, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Date(2012, 12, 21, 4, 0, 1, 0, time.UTC) },
	})
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.Stop()
		_ = store.Close()
		_ = c.close(t.Context())
	})
	def, _, err := campaignfile.Parse([]byte(explainedFile))
	if err != nil {
		t.Fatal(err)
	}
	actor := core.Principal{ID: "op", Role: core.RoleOperator}
	if _, err := e.ApplyCampaign(t.Context(), core.ApplyRequest{Definition: def, Actor: actor, Reason: "test"}); err != nil {
		t.Fatal(err)
	}
	return e
}

// TestARuleAndAPluginAreExplainedAlike holds that the two forms of a mechanic ask for the same at the hooks that they have,
// and that each shows what only it has: the plugin its fuel, the rule its clauses.
func TestARuleAndAPluginAreExplainedAlike(t *testing.T) {
	e := newExplained(t)
	operator := core.Principal{ID: "op", Role: core.RoleOperator}
	ann := core.Principal{ID: "ann", Role: core.RoleShopper}
	share, err := e.ExplainHook(t.Context(), core.HookRequest{
		Campaign: "phone", Hook: core.HookShare, Shopper: ann, Shares: core.SharesFacts{Counted: "repost", Reposts: 10},
	}, operator)
	if err != nil {
		t.Fatal(err)
	}
	req := core.OrderRequest{
		Campaign: "phone", Shopper: ann, SKU: "mi2", Quantity: 1, Input: core.Object{"trade_in": core.Object{"brand": "Xiaomi"}}, Key: "k",
	}
	order, _, err := e.Place(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	quote, err := e.Explain(t.Context(), order.ID, operator)
	if err != nil {
		t.Fatal(err)
	}
	if !quote.Reproduced {
		t.Errorf("the order is not reproduced: %v", quote.Differences)
	}
	for _, pair := range [][2]core.ExplainedBinding{
		{share.Bindings[0], share.Bindings[1]}, {quote.Bindings[2], quote.Bindings[3]},
	} {
		plugin, rule := pair[0], pair[1]
		if plugin.Kind != "plugin" || plugin.Fuel == 0 || len(plugin.Clauses) != 0 || plugin.Outcome != "applied" {
			t.Errorf("the plugin %+v", plugin)
		}
		if rule.Kind != "rule" || rule.Fuel != 0 || len(rule.Clauses) == 0 || len(rule.Effects) == 0 {
			t.Errorf("the rule %+v", rule)
		}
		for i := range rule.Effects {
			if i >= len(plugin.Effects) || plugin.Effects[i] != rule.Effects[i] {
				t.Errorf("the plugin asks for %v, the rule for %v", plugin.Effects, rule.Effects)
			}
		}
	}
}
