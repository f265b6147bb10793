package core

import (
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
)

// The buckets of a histogram are one unit wide up to 63; from there on every power of two is cut into 32, so that a quantile
// is at most 1/32 above the exact one.
const (
	histogramExact   = 64
	histogramHalf    = histogramExact / 2
	histogramBuckets = (64-7)*histogramHalf + histogramExact
)

// Histogram counts values, such as microseconds or fuel, in buckets of growing width. Its zero value is empty. Histograms of
// different nodes and seconds are added up without loss. It is not safe for concurrent use.
type Histogram struct {
	counts []int64 // by bucket, as far as values have come
	total  int64
}

// Observe counts one value; a negative one counts as 0. It allocates only while the histogram meets larger values than
// before.
func (h *Histogram) Observe(value int64) {
	bucket := bucketOf(value)
	h.reach(bucket)
	h.counts[bucket]++
	h.total++
}

// Merge adds everything that the other histogram has counted.
func (h *Histogram) Merge(other *Histogram) {
	h.reach(len(other.counts) - 1)
	for bucket, n := range other.counts {
		h.counts[bucket] += n
	}
	h.total += other.total
}

// Count returns how many values were counted.
func (h *Histogram) Count() int64 { return h.total }

// Quantile returns the smallest edge of a bucket that at least the share q (0 to 1) of all values do not exceed; 0 when there
// are none.
func (h *Histogram) Quantile(q float64) int64 {
	rank := max(1, int64(math.Ceil(q*float64(h.total))))
	var seen int64
	for bucket, n := range h.counts {
		if seen += n; seen >= rank {
			return bucketEdge(bucket)
		}
	}
	return 0
}

// AtMost returns how many values lie in buckets that end at the limit or below it.
func (h *Histogram) AtMost(limit int64) int64 {
	var seen int64
	for bucket, n := range h.counts {
		if bucketEdge(bucket) > limit {
			break
		}
		seen += n
	}
	return seen
}

// MarshalJSON writes the buckets that are not empty as a flat list: bucket, count, bucket, count …
func (h *Histogram) MarshalJSON() ([]byte, error) {
	pairs := []int64{}
	for bucket, n := range h.counts {
		if n != 0 {
			pairs = append(pairs, int64(bucket), n)
		}
	}
	return json.Marshal(pairs)
}

// UnmarshalJSON reads what MarshalJSON writes; buckets and counts that no histogram has are an error.
func (h *Histogram) UnmarshalJSON(text []byte) error {
	var pairs []int64
	if err := json.Unmarshal(text, &pairs); err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	if len(pairs)%2 != 0 {
		return fmt.Errorf("histogram: %d numbers are not pairs", len(pairs))
	}
	var read Histogram
	for ; len(pairs) > 0; pairs = pairs[2:] {
		bucket, n := pairs[0], pairs[1]
		if bucket < 0 || bucket >= histogramBuckets || n < 0 || n > math.MaxInt64-read.total {
			return fmt.Errorf("histogram: bucket %d cannot have counted %d", bucket, n)
		}
		read.reach(int(bucket))
		read.counts[bucket] += n
		read.total += n
	}
	*h = read
	return nil
}

// reach makes room for the bucket.
func (h *Histogram) reach(bucket int) {
	if more := bucket + 1 - len(h.counts); more > 0 {
		h.counts = append(h.counts, make([]int64, more)...)
	}
}

// bucketOf returns the index of the bucket that holds the value.
func bucketOf(value int64) int {
	if value < histogramExact {
		return int(max(value, 0))
	}
	exponent := bits.Len64(uint64(value)) - bits.Len64(histogramExact-1)
	return exponent*histogramHalf + int(value>>exponent)
}

// bucketEdge returns the largest value that the bucket holds.
func bucketEdge(bucket int) int64 {
	if bucket < histogramExact {
		return int64(bucket)
	}
	exponent := bucket/histogramHalf - 1
	return int64(bucket-exponent*histogramHalf)<<exponent | (1<<exponent - 1)
}
