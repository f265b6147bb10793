package api

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTheP99IsThatOfWhatWasCountedToAnEighth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		took := rapid.SliceOfN(rapid.Int64Range(int64(time.Microsecond), int64(time.Hour/4)), 1, 500).Draw(t, "took")
		l := &latencies{}
		for _, one := range took {
			l.observe(one)
		}
		if n := l.count.Load(); n != int64(len(took)) {
			t.Fatalf("%d are counted, want %d", n, len(took))
		}
		slices.Sort(took)
		exact := time.Duration(took[len(took)-1-len(took)/100])
		if got := l.drain(); got < exact-time.Microsecond || float64(got) > 1.13*float64(exact)+float64(time.Microsecond) {
			t.Fatalf("the p99 of %d is %s, want %s", len(took), got, exact)
		}
		if l.drain() != 0 || l.count.Load() != 0 {
			t.Fatal("it does not begin anew")
		}
	})
}

func TestAnyDurationHasABucket(t *testing.T) {
	for _, d := range []time.Duration{-time.Hour, 0, 1, time.Microsecond, time.Second, 1<<63 - 1} {
		l := &latencies{}
		l.observe(int64(d))
		if got := l.drain(); got <= 0 {
			t.Errorf("%s is counted as %s", d, got)
		}
	}
}
