package core_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

// BenchmarkSocial counts reposts in batches of a thousand for a hundred links, a mechanic being asked about each.
func BenchmarkSocial(b *testing.B) {
	for _, asks := range []bool{false, true} {
		b.Run(fmt.Sprintf("asks=%v", asks), func(b *testing.B) { benchmarkSocial(b, asks) })
	}
}

func benchmarkSocial(b *testing.B, asks bool) {
	s, clock := benchStore(b), &clock{at: opening}
	m := sharer{&sync.Mutex{}, &[]core.SharesFacts{}, func(f *core.Facts) []core.Effect {
		return []core.Effect{{Kind: core.EffectEnter, Name: "prizes", Units: 1}, {Kind: core.EffectTag, Name: "last", Value: f.Shares.Counted}}
	}}
	e := core.NewEngine(core.Options{Store: s, Campaigns: s, Ledger: s, Compiler: one{m}, Now: clock.now})
	must(b, e.Start(b.Context()))
	defer e.Stop()
	def := &core.Campaign{
		ID: "phone", Brand: "xiaomi", Currency: "CNY", Title: core.Text{EN: "Phone"},
		Phases: core.Phases{Sale: opening, Closed: opening.Add(time.Hour)},
		Items:  []core.Item{{SKU: "mi2", Title: core.Text{EN: "Mi 2"}, Price: 1, Stock: 1, Hold: core.Duration(time.Minute)}},
	}
	withDraw(def)
	if asks {
		def.Ruleset = []core.Binding{{Mechanic: "sharer"}}
	}
	_, err := e.ApplyCampaign(b.Context(), core.ApplyRequest{Definition: def})
	must(b, err)
	codes := make([]string, 100)
	for i := range codes {
		view, _, err := e.Share(b.Context(), "phone", aShopper(fmt.Sprintf("s%d", i)))
		must(b, err)
		codes[i] = view.Code
	}
	sent := 0
	b.ResetTimer()
	for b.Loop() {
		events := make([]core.SocialEvent, 1000)
		for i := range events {
			sent++
			events[i] = repost(fmt.Sprintf("e%d", sent), fmt.Sprintf("u%d", sent*7919%1_000_003), codes[sent%len(codes)])
		}
		answers, err := e.Social(b.Context(), "weibo", events)
		must(b, err)
		if answers[999].Result != "counted" {
			b.Fatalf("%+v", answers[999])
		}
	}
	b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "events/s")
}
