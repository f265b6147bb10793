package event

import (
	"os"
	"testing"
	"time"

	"hotdrop/core/storetest"
)

// fullSize is the environment variable that has the sales replayed in full size: `make long` sets it.
const fullSize = "HOTDROP_LONG"

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

// smallSale is a sale in a size that takes seconds, and what it must have had at least, so that it shows anything.
type smallSale struct {
	Config

	least map[string]int64
}

func smallSales() []smallSale {
	return []smallSale{
		{
			Config{Name: TradeIn, Shoppers: 150, Units: 40},
			map[string]int64{
				"vouchers_granted": 20, "vouchers_redeemed": 1, "not_shipped_without_trade_in": 1, "cancelled": 1, "visits": 3,
				"reminded": 135,
			},
		},
		{
			Config{Name: Car, Shoppers: 60, Units: 20},
			map[string]int64{
				"balances_paid_at_the_dealer": 16, "deposits_forfeited": 3, "receipts_again_refused": 3, "late_balances_refused": 3,
			},
		},
		{
			Config{Name: Group, Shoppers: 120},
			map[string]int64{
				"groups_complete": 15, "groups_failed": 15, "refused_group_full": 15, "refunded": 10, "confirmed_at_full_price": 5,
			},
		},
		{
			Config{Name: Phone, Shoppers: 200, Reservations: 1000, Reposts: 2500, Units: 30},
			map[string]int64{"reposts": 2500, "prizes_granted": 1, "draw_verified": 1, "sold": 30},
		},
	}
}

// everySaleOnSQLite replays each sale over HTTP: small, or with HOTDROP_LONG in full size. Every figure that follows from
// others has to be what follows, and the audit has to be clean.
func everySaleOnSQLite(t *testing.T, binary string) {
	t.Helper()
	requireSales(t, binary, func() Config { return Config{} })
}

func everySaleOnTwoNodes(t *testing.T, binary string) {
	t.Helper()
	requireSales(t, binary, func() Config { return Config{Store: storetest.PostgresURL(t), Nodes: 2} })
}

// played is what came of a sale.
type played struct {
	result *Result
	err    error
}

// requireSales replays every sale where the configuration says. The small ones are replayed at the same time, as they
// mostly wait.
func requireSales(t *testing.T, binary string, where func() Config) {
	t.Helper()
	play := func(sale smallSale) <-chan played {
		config := where()
		config.Binary, config.Name, config.Patience = binary, sale.Name, time.Minute
		if os.Getenv(fullSize) == "" {
			config.Shoppers, config.Reservations, config.Reposts, config.Units = sale.Shoppers, sale.Reservations, sale.Reposts, sale.Units
			config.Connections = 12
		}
		done := make(chan played, 1)
		go func() {
			result, err := Run(t.Context(), config)
			done <- played{result, err}
		}()
		return done
	}
	if os.Getenv(fullSize) != "" {
		for _, sale := range smallSales() {
			t.Run(sale.Name, func(t *testing.T) { requireSale(t, <-play(sale), nil) })
		}
		return
	}
	var all []<-chan played
	for _, sale := range smallSales() {
		all = append(all, play(sale))
	}
	for i, sale := range smallSales() {
		came := <-all[i]
		t.Run(sale.Name, func(t *testing.T) { requireSale(t, came, sale.least) })
	}
}

// requireSale requires what every sale has to show.
func requireSale(t *testing.T, came played, least map[string]int64) {
	t.Helper()
	if came.err != nil {
		t.Fatal(came.err)
	}
	result := came.result
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
