package core

import (
	"testing"
	"time"
)

func TestSoldOutIsNeverTrustedLongerThan100Milliseconds(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	v := &view{now: func() time.Time { return now }, counters: map[string]sighting{}}
	if _, trusted := v.left("stock/a"); trusted {
		t.Fatal("trusted before anything was seen")
	}
	v.saw(map[string]Counter{"stock/a": {Limit: 10, Remaining: 0}}, now)
	now = now.Add(100 * time.Millisecond)
	if c, trusted := v.left("stock/a"); !trusted || c.Remaining != 0 {
		t.Errorf("after 100 ms: %+v, %v", c, trusted)
	}
	now = now.Add(time.Millisecond)
	if _, trusted := v.left("stock/a"); trusted {
		t.Error("trusted after 101 ms")
	}
}

func TestAReadThatMayHaveSeenWhatWasBeforeACommitDoesNotReplaceWhatItLeft(t *testing.T) {
	start := time.UnixMilli(1_000_000)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	v := &view{now: func() time.Time { return start }, counters: map[string]sighting{}}
	v.saw(map[string]Counter{"a": {Limit: 10, Remaining: 5}}, start)
	v.committed(map[string]int64{"a": 4}, at(1), at(9))
	v.saw(map[string]Counter{"a": {Limit: 10, Remaining: 5}}, at(2)) // it began after the commit began, and before it ended
	if c, _ := v.left("a"); c.Remaining != 4 {
		t.Errorf("the commit's count is gone: %+v", c)
	}
	v.committed(map[string]int64{"a": 5}, at(3), at(8))
	if c, _ := v.left("a"); c.Remaining != 4 {
		t.Errorf("a commit that ended before replaced it: %+v", c)
	}
	v.saw(map[string]Counter{"a": {Limit: 10, Remaining: 3}}, at(10))
	if c, _ := v.left("a"); c.Remaining != 3 {
		t.Errorf("a later read does not count: %+v", c)
	}
}

func TestANewLimitIsSeenHoweverManyCommitsThereAre(t *testing.T) {
	start := time.UnixMilli(1_000_000)
	v := &view{now: func() time.Time { return start }, counters: map[string]sighting{}}
	v.saw(map[string]Counter{"a": {Limit: 10, Remaining: 5}}, start)
	v.committed(map[string]int64{"a": 4}, start, start.Add(9*time.Millisecond))
	v.saw(map[string]Counter{"a": {Limit: 20, Remaining: 14}}, start.Add(time.Millisecond))
	if c, _ := v.left("a"); c != (Counter{Limit: 20, Remaining: 14}) {
		t.Errorf("seen %+v", c)
	}
}

func TestWhatACommitLeftRefusesNobodyForLongerThan100MillisecondsFromItsBeginning(t *testing.T) {
	start := time.UnixMilli(1_000_000)
	now := start
	v := &view{now: func() time.Time { return now }, counters: map[string]sighting{}}
	v.saw(map[string]Counter{"stock/a": {Limit: 10, Remaining: 1}}, start)
	v.committed(map[string]int64{"stock/a": 0}, start, start.Add(80*time.Millisecond))
	now = start.Add(100 * time.Millisecond)
	if c, trusted := v.left("stock/a"); !trusted || c.Remaining != 0 {
		t.Errorf("after 100 ms: %+v, %v", c, trusted)
	}
	now = now.Add(time.Millisecond) // somebody may have given it back while the commit's answer was on its way
	if _, trusted := v.left("stock/a"); trusted {
		t.Error("trusted 101 ms after the commit began")
	}
}

func TestAViewKeepsTheLaterOfTwoSightings(t *testing.T) {
	start := time.UnixMilli(1_000_000)
	v := &view{now: func() time.Time { return start }, counters: map[string]sighting{}}
	v.saw(map[string]Counter{"a": {Limit: 10, Remaining: 5}, "b": {Limit: 10, Remaining: 5}}, start)
	v.committed(map[string]int64{"a": 3, "unknown": 1}, start, start.Add(10*time.Millisecond))
	v.saw(map[string]Counter{"a": {Limit: 10, Remaining: 5}, "b": {Limit: 10, Remaining: 4}}, start.Add(5*time.Millisecond))
	if c, _ := v.left("a"); c.Remaining != 3 {
		t.Errorf("a slow read replaced a later commit: %+v", c)
	}
	if c, _ := v.left("b"); c.Remaining != 4 {
		t.Errorf("b = %+v", c)
	}
	v.committed(map[string]int64{"a": 9}, start, start)
	if c, _ := v.left("a"); c.Remaining != 3 {
		t.Errorf("an old commit replaced a later one: %+v", c)
	}
}
