package api

import (
	"math/bits"
	"runtime/metrics"
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

// schedulerLatencies is the runtime's histogram of how long goroutines waited for a processor.
const schedulerLatencies = "/sched/latencies:seconds"

// newSchedulerWait returns a function that tells the p99 of how long goroutines had to wait for a processor since it was
// last called. It stands for what a request waits before a handler can take its time: between the arrival of its bytes and
// the door, everything that is ready to run is in the same queue.
func newSchedulerWait() func() time.Duration {
	sample := []metrics.Sample{{Name: schedulerLatencies}}
	var before []uint64
	return func() time.Duration {
		metrics.Read(sample)
		if sample[0].Value.Kind() != metrics.KindFloat64Histogram {
			return 0 // another runtime
		}
		histogram := sample[0].Value.Float64Histogram()
		wait := p99Since(before, histogram)
		before = append(before[:0], histogram.Counts...)
		return wait
	}
}

// p99Since is the p99 of what came into the histogram after it had the counts; none are no counts.
func p99Since(before []uint64, histogram *metrics.Float64Histogram) time.Duration {
	added := func(i int) uint64 {
		if i < len(before) {
			return histogram.Counts[i] - before[i]
		}
		return histogram.Counts[i]
	}
	var total uint64
	for i := range histogram.Counts {
		total += added(i)
	}
	beyond := total / 100
	for i := len(histogram.Counts) - 1; i >= 0 && total > 0; i-- {
		n := added(i)
		if n > beyond {
			return time.Duration(histogram.Buckets[i] * float64(time.Second)) // its lower edge: the last one's upper is infinite
		}
		beyond -= n
	}
	return 0
}
