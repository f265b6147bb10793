package event

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"hotdrop/core/storetest"
)

// fullSize is the environment variable that has the sales replayed in full size: `make long` sets it.
const fullSize = "HOTDROP_LONG"

// builtBinary builds the real binary.
func builtBinary(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "hotdrop")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "hotdrop/cmd/hotdrop")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// figure returns a figure of the result that is a number.
func figure(t *testing.T, r *Result, key string) int64 {
	t.Helper()
	for _, f := range r.fields() {
		if n, ok := f.value.(int64); ok && f.key == key {
			return n
		}
	}
	t.Fatalf("the result has no %s", key)
	return 0
}

// TestTheSalesBalanceOnBothStores replays each sale over HTTP on each store, on Postgres with two nodes: small, or with
// HOTDROP_LONG in full size. Every figure that follows from others has to be what follows, and the audit has to be clean.
func TestTheSalesBalanceOnBothStores(t *testing.T) {
	binary := builtBinary(t)
	for _, sale := range []struct {
		small Config
		least map[string]int64 // what the small sale must have had at least, so that it shows anything
	}{
		{
			Config{Name: TradeIn, Shoppers: 150, Units: 40},
			map[string]int64{"vouchers_granted": 20, "vouchers_redeemed": 1, "not_shipped_without_trade_in": 1, "cancelled": 1, "visits": 3, "reminded": 135},
		},
		{
			Config{Name: Car, Shoppers: 60, Units: 20},
			map[string]int64{"balances_paid_at_the_dealer": 16, "deposits_forfeited": 3, "receipts_again_refused": 3, "late_balances_refused": 3},
		},
		{
			Config{Name: Group, Shoppers: 120},
			map[string]int64{"groups_complete": 15, "groups_failed": 15, "refused_group_full": 15, "refunded": 10, "confirmed_at_full_price": 5},
		},
		{
			Config{Name: Phone, Shoppers: 200, Reservations: 1000, Reposts: 2500, Units: 30},
			map[string]int64{"reposts": 2500, "prizes_granted": 1, "draw_verified": 1, "sold": 30},
		},
	} {
		for _, store := range []string{"sqlite", "postgres"} {
			t.Run(sale.small.Name+" on "+store, func(t *testing.T) {
				config := sale.small
				config.Connections = 12
				if os.Getenv(fullSize) != "" {
					config, sale.least = Config{Name: config.Name}, nil
				} else {
					t.Parallel() // they mostly wait
				}
				if store == "postgres" {
					config.Store, config.Nodes = storetest.PostgresURL(t), 2
				}
				requireSale(t, binary, config, sale.least)
			})
		}
	}
}

// requireSale replays the sale and requires what every sale has to show.
func requireSale(t *testing.T, binary string, config Config, least map[string]int64) {
	t.Helper()
	config.Binary, config.Patience = binary, time.Minute
	result, err := Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Err(); err != nil {
		t.Error(err)
	}
	for key, n := range least {
		if got := figure(t, result, key); got < n {
			t.Errorf("%s is %d, should be at least %d", key, got, n)
		}
	}
	if result.Audit == nil || result.Audit.Orders == 0 {
		t.Errorf("the audit saw %+v", result.Audit)
	}
	if testing.Verbose() {
		if err := result.writeTable(os.Stderr); err != nil {
			t.Error(err)
		}
	}
}
