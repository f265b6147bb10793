package api

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestLimitsAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]Limit{
		"off": {}, "10/s,burst 20": {10, time.Second, 20}, "600/m, burst 5": {600, time.Minute, 5}, "7/h": {7, time.Hour, 7},
		"1000000/s": {1_000_000, time.Second, 1_000_000},
	} {
		var read, again Limit
		if err := read.UnmarshalText([]byte(text)); err != nil || read != want {
			t.Errorf("%q is %+v (%v), want %+v", text, read, err, want)
		}
		written, err := read.MarshalText()
		if err == nil {
			err = again.UnmarshalText(written)
		}
		if err != nil || again != read {
			t.Errorf("%q is written as %q and read as %+v (%v)", text, written, again, err)
		}
	}
	for _, wrong := range []string{"", "10", "0/s", "-1/s", "10/d", "10/s burst 20", "10/s,burst 0", "1/h,burst 25", "1000001/s", "9999999999/s,burst 9999999999", "OFF"} {
		read := Limit{Requests: 3}
		if err := read.UnmarshalText([]byte(wrong)); err == nil || !strings.Contains(err.Error(), "is no limit") {
			t.Errorf("%q is accepted: %+v (%v)", wrong, read, err)
		}
		if read != (Limit{Requests: 3}) {
			t.Errorf("%q changed the limit", wrong)
		}
	}
	for _, limits := range []Limits{DefaultLimits(), DemoLimits()} {
		for _, limit := range []Limit{limits.Shopper, limits.Staff, limits.Address, limits.Campaign} {
			written, _ := limit.MarshalText()
			var read Limit
			if err := read.UnmarshalText(written); err != nil || read != limit {
				t.Errorf("the default %q is none: %v", written, err)
			}
		}
	}
}

func FuzzLimitsThatAreReadCanBeKept(f *testing.F) {
	f.Add("10/s,burst 20")
	f.Add("9999999999/h,burst 9999999999")
	f.Fuzz(func(t *testing.T, text string) {
		var limit Limit
		if limit.UnmarshalText([]byte(text)) != nil || limit.Requests == 0 {
			return
		}
		b := newBuckets(limit, 1, func() int64 { return 0 })
		if first := b.take(1); !first.allowed || first.left != limit.Burst-1 || first.whole <= 0 {
			t.Errorf("%q: %+v", text, first)
		}
	})
}

// handClock is a clock that stands still until it is moved, nanoseconds.
type handClock struct{ at int64 }

func (c *handClock) now() int64 { return c.at }

func TestABucketAllowsItsBurstAndThenItsRate(t *testing.T) {
	clock := &handClock{at: 5}
	b := newBuckets(Limit{10, time.Second, 3}, 100, clock.now)
	for left := int64(2); left >= 0; left-- {
		if got := b.take(7); !got.allowed || got.left != left || got.whole != time.Duration(3-left)*100*time.Millisecond {
			t.Fatalf("%d left: %+v", left, got)
		}
	}
	for range 3 { // asking in vain costs nothing
		if got := b.take(7); got.allowed || got.left != 0 || got.wait != 100*time.Millisecond || got.whole != 300*time.Millisecond {
			t.Fatalf("empty: %+v", got)
		}
	}
	if !b.take(8).allowed {
		t.Error("somebody else's bucket is empty, too")
	}
	clock.at += int64(100*time.Millisecond) - 1
	if b.take(7).allowed {
		t.Error("a token is there a nanosecond too early")
	}
	clock.at++
	if !b.take(7).allowed || b.take(7).allowed {
		t.Error("after a tenth of a second there is not exactly one token")
	}
	clock.at += int64(time.Hour)
	if got := b.take(7); got.left != 2 {
		t.Errorf("after an hour there is more than the burst: %+v", got)
	}
}

// Whoever asks, however often and under however many names that share their places, gets no more than the places' buckets
// hold; and one who alone has a place gets exactly what the limit says.
func TestNoNumberOfNamesResetsABucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := Limit{rapid.Int64Range(1, 1000).Draw(t, "requests"), time.Second, rapid.Int64Range(1, 50).Draw(t, "burst")}
		clock := &handClock{}
		b := newBuckets(limit, 1, clock.now)
		names := rapid.SliceOfN(rapid.Uint64Range(1, 40), 1, 300).Draw(t, "names")
		var allowed int64
		for _, name := range names {
			clock.at += rapid.Int64Range(0, int64(30*time.Millisecond)).Draw(t, "pause")
			if b.take(name).allowed {
				allowed++
			}
		}
		if most := bucketWays * (limit.Burst + clock.at/int64(limit.interval())); allowed > most {
			t.Fatalf("%d requests were allowed, %d at most may be", allowed, most)
		}
	})
}

func TestABucketIsWhatItsLimitSaysAtEveryMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := Limit{rapid.Int64Range(1, 1000).Draw(t, "requests"), time.Second, rapid.Int64Range(1, 50).Draw(t, "burst")}
		clock := &handClock{}
		b := newBuckets(limit, 1, clock.now)
		interval := int64(limit.interval())
		tokens := limit.Burst * interval // of the model, in nanoseconds
		for range rapid.IntRange(1, 200).Draw(t, "requests made") {
			pause := rapid.Int64Range(0, 3*interval).Draw(t, "pause")
			clock.at += pause
			tokens = min(tokens+pause, limit.Burst*interval)
			got := b.take(1)
			if got.allowed != (tokens >= interval) {
				t.Fatalf("%+v with %d ns of tokens, %d a token", got, tokens, interval)
			}
			if got.allowed {
				tokens -= interval
			} else if int64(got.wait) != interval-tokens {
				t.Fatalf("wait %d, want %d", got.wait, interval-tokens)
			}
			if got.left != tokens/interval*b2i(got.allowed) || int64(got.whole) != limit.Burst*interval-tokens {
				t.Fatalf("%+v with %d ns of tokens", got, tokens)
			}
		}
	})
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// A place goes to the bucket that is whole first, so that those who wait keep theirs.
func TestTheBucketThatIsWholeGivesWay(t *testing.T) {
	clock := &handClock{}
	b := newBuckets(Limit{1, time.Second, 2}, 1, clock.now)
	for name := range uint64(bucketWays) {
		b.take(name + 1)
		b.take(name + 1)
	}
	if got := b.take(100); got.allowed {
		t.Errorf("a newcomer got a fresh bucket while nobody's was whole: %+v", got)
	}
	clock.at = int64(time.Second)
	if !b.take(2).allowed || b.take(2).allowed {
		t.Error("one of those who wait lost the bucket")
	}
	clock.at = int64(time.Minute)
	b.take(2)
	for range 2 {
		b.take(50)
		b.take(51)
	}
	if got := b.take(2); !got.allowed || got.left != 0 {
		t.Errorf("newcomers took a place that was not whole: %+v", got)
	}
}

func TestTakingATokenAllocatesNothing(t *testing.T) {
	b := newBuckets(Limit{1_000_000, time.Second, 1_000_000}, 100, since(time.Now()))
	if n := testing.AllocsPerRun(100, func() { b.take(1) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTake(b *testing.B) {
	table := newBuckets(Limit{1_000_000, time.Second, 1_000_000_000}, shopperPlaces, since(time.Now()))
	for i := uint64(0); b.Loop(); i++ {
		table.take(i * 0x9e3779b97f4a7c15)
	}
}
