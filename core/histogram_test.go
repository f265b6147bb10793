package core

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// values draws what histograms count: mostly small, sometimes anything.
func histogramValues() *rapid.Generator[[]int64] {
	return rapid.SliceOf(rapid.OneOf(rapid.Int64Range(0, 200), rapid.Int64Range(0, 5_000_000), rapid.Int64()))
}

func histogramOf(values []int64) *Histogram {
	h := &Histogram{}
	for _, v := range values {
		h.Observe(v)
	}
	return h
}

func TestAQuantileIsAtMostOneThirtySecondAboveTheExactOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := histogramValues().Filter(func(v []int64) bool { return len(v) > 0 }).Draw(t, "values")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		got := histogramOf(values).Quantile(q)
		for i := range values {
			values[i] = max(values[i], 0)
		}
		slices.Sort(values)
		exact := values[max(1, int(math.Ceil(q*float64(len(values)))))-1]
		if got < exact || got-exact > exact/histogramHalf {
			t.Fatalf("the quantile %v of %v is %d, the histogram says %d", q, values, exact, got)
		}
	})
}

func TestHistogramsAddUpWithoutLoss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, two := histogramValues().Draw(t, "one"), histogramValues().Draw(t, "two")
		merged, whole := histogramOf(one), histogramOf(append(slices.Clone(one), two...))
		merged.Merge(histogramOf(two))
		left, _ := json.Marshal(merged)
		right, _ := json.Marshal(whole)
		if !bytes.Equal(left, right) || merged.Count() != int64(len(one)+len(two)) {
			t.Fatalf("merged %s (%d), whole %s", left, merged.Count(), right)
		}
	})
}

func TestAHistogramIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := histogramValues().Draw(t, "values")
		written, err := json.Marshal(histogramOf(values))
		if err != nil {
			t.Fatal(err)
		}
		var read Histogram
		if err := json.Unmarshal(written, &read); err != nil {
			t.Fatal(err)
		}
		again, _ := json.Marshal(&read)
		if !bytes.Equal(again, written) || read.Count() != int64(len(values)) {
			t.Fatalf("wrote %s, read %s with %d values", written, again, read.Count())
		}
	})
}

func TestTheEmptyHistogramKnowsNothing(t *testing.T) {
	var h Histogram
	text, _ := json.Marshal(&h)
	if h.Count() != 0 || h.Quantile(0.99) != 0 || h.AtMost(math.MaxInt64) != 0 || string(text) != "[]" {
		t.Errorf("%d values, p99 %d, %s", h.Count(), h.Quantile(0.99), text)
	}
}

func TestAtMostCountsWholeBuckets(t *testing.T) {
	h := histogramOf([]int64{-5, 0, 10, 63, 64, 1000, math.MaxInt64})
	for limit, want := range map[int64]int64{-1: 0, 0: 2, 9: 2, 10: 3, 63: 4, 64: 4, 65: 5, 10_000: 6, math.MaxInt64: 7} {
		if got := h.AtMost(limit); got != want {
			t.Errorf("%d values are at most %d, want %d", got, limit, want)
		}
	}
}

// TestWhatIsNoHistogramIsRefused reads what no node has written.
func TestWhatIsNoHistogramIsRefused(t *testing.T) {
	for _, text := range []string{
		`{}`, `[1]`, `[-1,1]`, `[1,-1]`, `[1888,1]`, `[1,1.5]`, `[1,9223372036854775807,2,1]`, `["1",1]`, `[0,1`,
	} {
		h := histogramOf([]int64{7})
		if err := json.Unmarshal([]byte(text), h); err == nil {
			t.Errorf("%s is read as a histogram", text)
		}
		if h.Count() != 1 || h.Quantile(1) != 7 {
			t.Errorf("%s has changed the histogram", text)
		}
	}
}

func FuzzHistogram(f *testing.F) {
	for _, seed := range []string{`[]`, `[0,1,1887,2]`, `[64,9223372036854775807]`, `[1`, `[-1,0]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var h Histogram
		if json.Unmarshal(text, &h) != nil {
			return
		}
		if h.Count() < 0 || len(h.counts) > histogramBuckets || h.AtMost(math.MaxInt64) != h.Count() {
			t.Errorf("%q has %d values in %d buckets", text, h.Count(), len(h.counts))
		}
		written, err := json.Marshal(&h)
		var again Histogram
		if err != nil || json.Unmarshal(written, &again) != nil || again.Count() != h.Count() {
			t.Errorf("%q was written as %q", text, written)
		}
	})
}
