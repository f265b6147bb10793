package core_test

import (
	"fmt"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/sqlite"
)

// BenchmarkPlace measures one order from request to commit with 256 shoppers at once, on the embedded store: what the
// engine costs without HTTP and without a real mechanic.
func BenchmarkPlace(b *testing.B) {
	s := benchStore(b)
	clock := &clock{at: opening}
	e := core.NewEngine(core.Options{Store: s, Campaigns: s, Ledger: s, Compiler: mechanics{"p": priceOf(1)}, Now: clock.now})
	must(b, e.Start(b.Context()))
	defer e.Stop()
	_, err := e.ApplyCampaign(b.Context(), core.ApplyRequest{Definition: &core.Campaign{
		ID: "phone", Brand: "xiaomi", Currency: "CNY", Title: core.Text{EN: "Phone"},
		Phases: core.Phases{Sale: opening, Closed: opening.Add(time.Hour)},
		Items: []core.Item{{
			SKU: "mi2", Title: core.Text{EN: "Mi 2"}, Price: 199_900, Stock: 1_000_000_000, Limit: 1, Hold: core.Duration(time.Minute),
		}},
		Ruleset: []core.Binding{{Mechanic: "p"}},
	}})
	must(b, err)
	b.SetParallelism(128)
	b.ReportAllocs()
	next := make(chan int)
	go func() {
		for i := range b.N {
			next <- i
		}
		close(next)
	}()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := e.Place(b.Context(), buy(fmt.Sprintf("s%d", <-next), "k")); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func benchStore(b *testing.B) *sqlite.Store {
	b.Helper()
	s, err := sqlite.Open(b.Context(), b.TempDir())
	must(b, err)
	b.Cleanup(func() { _ = s.Close() })
	must(b, s.Migrate(b.Context()))
	return s
}
