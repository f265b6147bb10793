package event

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestABucketHoldsWhatLiesBetweenItsEdges(t *testing.T) {
	t.Parallel()
	previous := int64(-1)
	for i := range histogramBuckets {
		edge := bucketEdge(i)
		if edge <= previous {
			t.Fatalf("bucket %d ends at %d, the one before at %d", i, edge, previous)
		}
		if low, high := bucketOf(previous+1), bucketOf(edge); low != i || high != i {
			t.Fatalf("bucket %d is %d … %d, which lie in %d and %d", i, previous+1, edge, low, high)
		}
		previous = edge
	}
	if previous != histogramLongest {
		t.Errorf("the last bucket ends at %d, want %d", previous, int64(histogramLongest))
	}
	if last := bucketOf(math.MaxInt64); last != histogramBuckets-1 {
		t.Errorf("what is longer lies in bucket %d", last)
	}
	if bucketOf(-1) != 0 {
		t.Error("a clock that went back is not counted as nothing")
	}
}

func TestAQuantileIsAtMostOneThirtySecondAboveTheExactOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.SliceOfN(rapid.Int64Range(0, histogramLongest), 1, 200).Draw(t, "us")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		var h histogram
		for _, one := range us {
			h.observe(time.Duration(one) * time.Microsecond)
		}
		slices.Sort(us)
		exact := us[max(1, int(math.Ceil(q*float64(len(us)))))-1]
		if got := h.quantile(q).Microseconds(); got < exact || got > exact+exact/32 {
			t.Fatalf("quantile %v of %v is %d, want %d or 1/32 more", q, us, got, exact)
		}
	})
}

func TestMergedHistogramsAreOneHistogram(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.SliceOfN(rapid.Int64Range(0, 1<<30), 0, 100).Draw(t, "us")
		var whole, merged histogram
		parts := make([]histogram, 3)
		for i, one := range us {
			d := time.Duration(one) * time.Microsecond
			whole.observe(d)
			parts[i%len(parts)].observe(d)
		}
		for i := range parts {
			merged.merge(&parts[i])
		}
		if whole != merged {
			t.Fatal("the merged histogram is another one")
		}
	})
}

func TestAnEmptyHistogramHasNoLatency(t *testing.T) {
	t.Parallel()
	if got := new(histogram).quantile(0.99); got != 0 {
		t.Errorf("p99 is %s", got)
	}
}
