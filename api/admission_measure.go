package api

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// latencies counts durations in buckets that are an eighth of a power of two wide, from a microsecond on, without a lock.
type latencies struct {
	count   atomic.Int64
	buckets [latencyBuckets]atomic.Int64
}

const (
	latencyParts   = 8
	latencyBuckets = 32 * latencyParts // up to more than half an hour
)

func (l *latencies) observe(nanoseconds int64) {
	l.buckets[latencyBucket(nanoseconds/int64(time.Microsecond))].Add(1)
	l.count.Add(1)
}

// latencyBucket is the bucket of so many microseconds.
func latencyBucket(micros int64) int {
	value := uint64(max(micros, 1)) * latencyParts
	power := bits.Len64(value) - bits.Len64(latencyParts)                           // of two, in the value's leading part
	return min(power*latencyParts+int(value>>power)-latencyParts, latencyBuckets-1) //nolint:gosec // below twice latencyParts
}

// latencyEdge is how long at most what is in the bucket took.
func latencyEdge(bucket int) time.Duration {
	power, part := bucket/latencyParts, bucket%latencyParts
	return time.Duration((latencyParts+part+1)<<power) * time.Microsecond / latencyParts
}

// drain returns what 99 of 100 took at most, 0 if nothing was counted, and begins anew.
func (l *latencies) drain() time.Duration {
	var counts [latencyBuckets]int64
	var total int64
	for i := range counts {
		counts[i] = l.buckets[i].Swap(0)
		total += counts[i]
	}
	l.count.Add(-total)
	beyond := total / 100
	for i := latencyBuckets - 1; i >= 0 && total > 0; i-- {
		if beyond -= counts[i]; beyond < 0 {
			return latencyEdge(i)
		}
	}
	return 0
}
