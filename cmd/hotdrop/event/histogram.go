package event

import (
	"math"
	"math/bits"
	"time"
)

// The buckets of a histogram are one microsecond wide up to 63 µs; from there on every power of two is cut into 32, so
// that a quantile is at most 1/32 above the exact one. 2^40 µs (12 days) and everything longer share the last bucket.
const (
	histogramExact   = 64
	histogramHalf    = histogramExact / 2
	histogramLongest = 1<<40 - 1
	histogramBuckets = 36 * histogramHalf
)

// histogram counts latencies in buckets of growing width. It is not safe for concurrent use: every connection has its
// own, and they are merged at the end.
type histogram struct {
	counts [histogramBuckets]uint64
	total  uint64
}

// observe counts one latency.
func (h *histogram) observe(d time.Duration) {
	h.counts[bucketOf(d.Microseconds())]++
	h.total++
}

// merge adds everything the other histogram has counted.
func (h *histogram) merge(other *histogram) {
	for i, n := range &other.counts {
		h.counts[i] += n
	}
	h.total += other.total
}

// quantile returns the smallest bucket edge that at least the share q of all latencies do not exceed; 0 when there are
// none.
func (h *histogram) quantile(q float64) time.Duration {
	rank := max(1, uint64(math.Ceil(q*float64(h.total))))
	var seen uint64
	for i, n := range &h.counts {
		if seen += n; seen >= rank {
			return time.Duration(bucketEdge(i)) * time.Microsecond
		}
	}
	return 0
}

// bucketOf returns the index of the bucket that holds the microseconds.
func bucketOf(us int64) int {
	us = min(max(us, 0), histogramLongest)
	if us < histogramExact {
		return int(us)
	}
	exponent := bits.Len64(uint64(us)) - bits.Len64(histogramExact-1)
	return exponent*histogramHalf + int(us>>exponent)
}

// bucketEdge returns the largest number of microseconds that the bucket holds.
func bucketEdge(index int) int64 {
	if index < histogramExact {
		return int64(index)
	}
	exponent := index/histogramHalf - 1
	return int64(index-exponent*histogramHalf+1)<<exponent - 1
}
