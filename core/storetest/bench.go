package storetest

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"slices"
	"testing"

	"hotdrop/core"
)

// How large the benchmarks are: orders or reservations a plan, shoppers a query, and a quote's bytes.
const (
	benchBatch    = 500
	benchShoppers = 256
	benchQuote    = 1024
)

// BenchmarkApply measures plans of 500 orders, each with a row of about 1 KB, two claims and a unit of one counter. The
// shoppers come in the order of their names, or scattered over the claims as hashes would be.
func BenchmarkApply(b *testing.B, store Store, inScatteredOrder bool) {
	b.Helper()
	s := openSale(b, store, map[string]int64{stock: core.Unbounded})
	name := shopperName
	if inScatteredOrder {
		name = scattered
	}
	n := 0
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		plan := s.benchPlan(name, n)
		n += benchBatch
		b.StartTimer()
		s.apply(plan)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "orders/s")
}

// benchPlan places 500 orders of the shoppers from n on.
func (s *sale) benchPlan(name func(int) string, n int) *core.Plan {
	quote := slices.Concat([]byte(`{"facts":"`), bytes.Repeat([]byte("f"), benchQuote), []byte(`"}`))
	orders := make([]*core.Order, 0, benchBatch)
	for i := range benchBatch {
		order := s.order(name(n + i))
		order.Quote = quote
		order.Conditions = nil
		orders = append(orders, order)
	}
	plan := s.plan(orders...)
	for _, order := range orders {
		plan.Claims = append(plan.Claims, core.Claim{
			Shopper: order.Shopper, Kind: core.ClaimOrder, Key: order.ID[len(order.ID)-26:], Owner: order.ID,
			Fingerprint: "0123456789abcdef0123456789abcdef",
		})
	}
	plan.Claims = sortedClaims(plan.Claims)
	return plan
}

// BenchmarkReserve measures plans of 500 reservations of scattered shoppers.
func BenchmarkReserve(b *testing.B, store Store) {
	b.Helper()
	s := openSale(b, store, nil)
	n := 0
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		shoppers := make([]string, 0, benchBatch)
		for i := range benchBatch {
			shoppers = append(shoppers, scattered(n+i))
		}
		plan := s.reserve(shoppers...)
		n += benchBatch
		b.StartTimer()
		s.apply(plan)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "reservations/s")
}

// BenchmarkSweep measures plans that give 500 orders back, with their claims, of 50,000 that were placed.
func BenchmarkSweep(b *testing.B, store Store) {
	b.Helper()
	const placed = 100
	s := openSale(b, store, map[string]int64{stock: core.Unbounded})
	var batches [][]*core.Order
	n := 0
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		for len(batches) < placed {
			plan := s.benchPlan(scattered, n)
			s.apply(plan)
			n += benchBatch
			batches = append(batches, plan.Orders)
		}
		plan := s.giveBack(batches[0]...)
		batches = batches[1:]
		b.StartTimer()
		s.apply(plan)
	}
	b.ReportMetric(float64(b.N*benchBatch)/b.Elapsed().Seconds(), "orders/s")
}

// BenchmarkLoad measures queries for 256 scattered shoppers of 100,000 who reserved; one in ten has an order.
func BenchmarkLoad(b *testing.B, store Store) {
	b.Helper()
	const reserved = 200 * benchBatch
	s := openSale(b, store, map[string]int64{stock: core.Unbounded})
	for n := 0; n < reserved; n += benchBatch {
		shoppers := make([]string, 0, benchBatch)
		for i := range benchBatch {
			shoppers = append(shoppers, scattered(n+i))
		}
		s.apply(s.reserve(shoppers...))
		if n%(10*benchBatch) == 0 {
			s.apply(s.benchPlan(scattered, n))
		}
	}
	n := 0
	b.ResetTimer()
	for b.Loop() {
		q := core.Query{Shoppers: make([]string, 0, benchShoppers)}
		for i := range benchShoppers {
			q.Shoppers = append(q.Shoppers, scattered((n+i)%reserved))
		}
		n += benchShoppers
		if found := len(s.state(q).Shoppers); found != benchShoppers {
			b.Fatalf("found %d shoppers", found)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/shopper")
}

// scattered names shoppers so that neighbours are far apart in a key.
func scattered(n int) string {
	hash := fnv.New64a()
	_, _ = fmt.Fprint(hash, n) // never fails
	return fmt.Sprintf("%016x", hash.Sum64())
}

// BenchmarkQuotes measures reading the decisions of 50,000 orders, of 1 KB each.
func BenchmarkQuotes(b *testing.B, store Store) {
	b.Helper()
	s := openSale(b, store, map[string]int64{stock: core.Unbounded})
	const plans = 100
	for n := range plans {
		s.apply(s.benchPlan(shopperName, n*benchBatch))
	}
	n := 0
	b.ResetTimer()
	for b.Loop() {
		must(b, s.Quotes(b.Context(), s.key(), "", func(core.RecordedQuote) error {
			n++
			return nil
		}))
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "quotes/s")
}
