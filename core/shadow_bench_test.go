package core_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"hotdrop/core"
)

// BenchmarkPlaceBesideAShadow measures orders without and with a shadow, in turns, so that both meet the same machine. See
// orders/s of both: a shadow may cost a tenth of them.
//
//	go test -run '^$' -bench BesideAShadow -benchtime 20000x -count 6 ./core
func BenchmarkPlaceBesideAShadow(b *testing.B) {
	for _, shadow := range []bool{false, true} {
		b.Run(map[bool]string{false: "alone", true: "shadow"}[shadow], func(b *testing.B) {
			s := benchStore(b)
			clock := &clock{at: opening}
			e := core.NewEngine(core.Options{
				Store: s, Campaigns: s, Ledger: s, Journal: s, Compiler: trialMechanics(), Now: clock.now, Log: slog.New(slog.DiscardHandler),
			})
			must(b, e.Start(b.Context()))
			defer e.Stop()
			sellBeside(b, e, shadow)
			b.SetParallelism(128)
			next := make(chan int)
			go func() {
				for i := range b.N {
					next <- i
				}
				close(next)
			}()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					request := buy(fmt.Sprintf("s%d", <-next), "k")
					request.Shopper.Tier = "gold"
					if _, _, err := e.Place(b.Context(), request); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
		})
	}
}

// sellBeside opens a sale by the mechanic live, with or without the mechanic candidate as its shadow.
func sellBeside(b *testing.B, e *core.Engine, shadow bool) {
	b.Helper()
	record, err := e.ApplyCampaign(b.Context(), core.ApplyRequest{Actor: operator, Definition: &core.Campaign{
		ID: "phone", Brand: "xiaomi", Currency: "CNY", Title: core.Text{EN: "Phone"},
		Phases: core.Phases{Sale: opening, Closed: opening.Add(time.Hour)},
		Items: []core.Item{{
			SKU: "mi2", Title: core.Text{EN: "Mi 2"}, Price: 199_900, Stock: 1_000_000_000, Limit: 1, Hold: core.Duration(time.Minute),
		}},
		Ruleset: []core.Binding{{Mechanic: "live"}},
	}})
	must(b, err)
	if !shadow {
		return
	}
	candidate, err := e.AddRuleset(b.Context(), core.RulesetRequest{
		Campaign: "phone", Bindings: []core.Binding{{Mechanic: "candidate"}}, Reason: "bench", Actor: operator,
	})
	must(b, err)
	_, err = e.ChangeRollout(b.Context(), core.RolloutRequest{
		Campaign: "phone", Change: core.Change{Mode: core.ModeShadow, Ruleset: candidate.Number}, Expect: record.Rollout.Number,
		Reason: "bench", Actor: operator,
	})
	must(b, err)
}
