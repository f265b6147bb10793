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

func TestAViewKeepsTheLaterOfTwoSightings(t *testing.T) {
	start := time.UnixMilli(1_000_000)
	v := &view{now: func() time.Time { return start }, counters: map[string]sighting{}}
	v.saw(map[string]Counter{"a": {Limit: 10, Remaining: 5}, "b": {Limit: 10, Remaining: 5}}, start)
	v.committed(map[string]int64{"a": 3, "unknown": 1}, start.Add(10*time.Millisecond))
	v.saw(map[string]Counter{"a": {Limit: 10, Remaining: 5}, "b": {Limit: 10, Remaining: 4}}, start.Add(5*time.Millisecond))
	if c, _ := v.left("a"); c.Remaining != 3 {
		t.Errorf("a slow read replaced a later commit: %+v", c)
	}
	if c, _ := v.left("b"); c.Remaining != 4 {
		t.Errorf("b = %+v", c)
	}
	v.committed(map[string]int64{"a": 9}, start)
	if c, _ := v.left("a"); c.Remaining != 3 {
		t.Errorf("an old commit replaced a later one: %+v", c)
	}
}
