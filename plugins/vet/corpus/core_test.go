package corpus

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/sqlite"
	"hotdrop/plugins"
)

const stock = 100

// campaign is what the deputies attack.
func campaign() *core.Campaign {
	now := time.UnixMilli(Now)
	return &core.Campaign{
		ID: "sale", Brand: "brand", Currency: "CNY", Title: core.Text{EN: "Sale"},
		Phases: core.Phases{Sale: now.Add(-time.Hour), Closed: now.Add(time.Hour)},
		Items: []core.Item{
			{SKU: "phone", Title: core.Text{EN: "Phone"}, Price: listPrice, Stock: stock, Limit: 2, Hold: core.Duration(15 * time.Minute)},
			{SKU: "case", Title: core.Text{EN: "Case"}, Price: 15_000, Stock: stock, Hold: core.Duration(15 * time.Minute)},
		},
		Inputs:     map[string]core.Input{"note": {Field: core.Field{Type: "string"}}},
		Quotas:     map[string]int64{"q": quotaUnits},
		Guardrails: core.Guardrails{MinPrice: minPrice, MaxDiscount: maxDiscount, DiscountBudget: budget},
		Ruleset:    []core.Binding{{Mechanic: "hostile"}},
	}
}

// compiler binds one plugin, whatever the binding says.
type compiler struct{ plugin *plugins.Plugin }

func (c compiler) Compile(_ context.Context, b core.Binding) (core.Mechanic, error) {
	return c.plugin.Bind(b.Config)
}

// sell starts a sale in which the module decides.
func sell(t *testing.T, host *plugins.Host, m *Module) (*core.Engine, *sqlite.Store, error) {
	t.Helper()
	plugin, err := host.Load(t.Context(), m.Manifest, m.Wasm())
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), t.TempDir())
	if err == nil {
		t.Cleanup(func() { _ = store.Close() })
		err = store.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	engine := core.NewEngine(core.Options{
		Store: store, Campaigns: store, Ledger: store, Compiler: compiler{plugin}, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.UnixMilli(Now) },
	})
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Stop)
	_, err = engine.ApplyCampaign(t.Context(), core.ApplyRequest{
		Definition: campaign(), Actor: core.Principal{ID: "op", Role: core.RoleOperator}, Reason: "test",
	})
	return engine, store, err
}

func TestTheEngineBoundsWhatMechanicsAskFor(t *testing.T) {
	host := newHost(t, plugins.Options{Guests: 1})
	each(t, func(t *testing.T, m *Module) {
		engine, store, err := sell(t, host, m)
		if err != nil {
			if string(core.CodeOf(err)) != m.Want {
				t.Errorf("the campaign: got %v, want %s", err, m.Want)
			}
			return
		}
		var placed, given int64
		for i, shopper := range []string{"shopper-1", "shopper-2", "shopper-3"} {
			order, _, err := engine.Place(t.Context(), core.OrderRequest{
				Campaign: "sale", Shopper: core.Principal{ID: shopper, Role: core.RoleShopper}, SKU: "phone", Quantity: 1, Key: "k",
			})
			if m.Want != Bounded && m.Want != AboveLine {
				if order != nil || string(core.CodeOf(err)) != m.Want {
					t.Errorf("got %+v, %v, want %s", order, err, m.Want)
				}
				continue
			}
			if err != nil {
				t.Fatalf("the order of %s: %v", shopper, err)
			}
			if i == 0 && order.Total != m.Total {
				t.Errorf("the first order costs %d, want %d", order.Total, m.Total)
			}
			if floor := max(int64(minPrice), listPrice-maxDiscount); order.Total < floor {
				t.Errorf("order %d costs %d, below the floor of %d", i, order.Total, floor)
			}
			if order.Total > listPrice && m.Want != AboveLine {
				t.Errorf("order %d costs %d, above the list price of %d", i, order.Total, int64(listPrice))
			}
			placed, given = placed+1, given+max(0, listPrice-order.Total)
		}
		if given > budget {
			t.Errorf("%d were given away, of a budget of %d", given, int64(budget))
		}
		wantBooks(t, store, placed)
	}, StageCore)
}

// wantBooks fails the test unless the books are clean and exactly the placed orders took stock.
func wantBooks(t *testing.T, store *sqlite.Store, placed int64) {
	t.Helper()
	if _, err := core.Audit(t.Context(), store, []core.CampaignKey{{Brand: "brand", ID: "sale"}}, func(f core.Finding) { t.Errorf("audit: %+v", f) }); err != nil {
		t.Fatal(err)
	}
	state, err := store.Load(t.Context(), core.Query{Campaign: "sale", Brand: "brand", Counters: true})
	if err != nil {
		t.Fatal(err)
	}
	if left := state.Counters[core.StockCounter("phone")].Remaining; left != stock-placed {
		t.Errorf("%d units are left after %d orders", left, placed)
	}
	if left := state.Counters[core.QuotaCounter("q")].Remaining; left != quotaUnits {
		t.Errorf("%d units of the quota are left", left)
	}
}
