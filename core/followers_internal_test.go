package core

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatIsAskedForWhileItIsDoneIsDoneOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f followers
		var mu sync.Mutex
		done, atOnce, most := 0, 0, 0
		work := func() {
			mu.Lock()
			atOnce++
			most = max(most, atOnce)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			atOnce--
			done++
			mu.Unlock()
		}
		first := f.start("a", work)
		time.Sleep(time.Millisecond)
		for range 5 {
			f.start("a", work)
		}
		<-first
		if done != 2 || most != 1 {
			t.Errorf("done %d times, %d at once", done, most)
		}
		began := time.Now()
		for _, over := range []<-chan struct{}{f.start("a", work), f.start("b", work), f.start("c", work)} {
			<-over
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("different campaigns took %s", took)
		}
		last := f.start("a", work)
		f.close()
		<-last
		before := done
		<-f.start("a", work)
		if done != before {
			t.Error("something was done after the end")
		}
	})
}

func TestAlarmsRingAtTheirInstantAndOnlyTheLastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a alarms
		began := time.Now()
		rung := map[string]time.Duration{}
		var mu sync.Mutex
		ring := func(name string) func() {
			return func() {
				mu.Lock()
				defer mu.Unlock()
				rung[name] = time.Since(began)
			}
		}
		a.ring("phone", time.Second, ring("replaced"))
		a.ring("phone", 3*time.Second, ring("phone"))
		a.ring("car", 2*time.Second, ring("car"))
		a.ring("silenced", time.Second, ring("silenced"))
		a.silence("silenced")
		a.silence("unknown")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(rung) != 2 || rung["phone"] != 3*time.Second || rung["car"] != 2*time.Second {
			t.Errorf("rung: %v", rung)
		}
		a.ring("late", time.Second, ring("late"))
		a.close()
		a.ring("later", time.Second, ring("later"))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(rung) != 2 {
			t.Errorf("rung after the end: %v", rung)
		}
	})
}

// TestANodeWakesForAPendingChangeAtItsInstant has the clock and the timers be the same, as outside of tests.
func TestANodeWakesForAPendingChangeAtItsInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := NewEngine(Options{})
		began := time.Now()
		var woken []time.Duration
		c := &campaign{id: "phone", engine: e}
		wait := func(p *Pending) {
			c.snapshot.Store(&snapshot{record: &CampaignRecord{Rollout: Rollout{Pending: p}}})
			e.attend(c)
		}
		busy := make(chan struct{}) // takes the place of making the change
		e.changers.start(c.id, func() {
			woken = append(woken, time.Since(began))
			<-busy
		})
		asked := func() bool {
			e.changers.mu.Lock()
			defer e.changers.mu.Unlock()
			return e.changers.busy[c.id].again
		}
		synctest.Wait()
		wait(&Pending{At: began.Add(time.Minute).UnixMilli(), Approval: "somebody has to"})
		time.Sleep(2 * time.Minute)
		wait(&Pending{At: began.Add(3 * time.Minute).UnixMilli()})
		time.Sleep(time.Minute - time.Millisecond)
		synctest.Wait()
		if asked() {
			t.Error("it wakes before the instant")
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if !asked() {
			t.Error("it sleeps through the instant")
		}
		e.stop()
		e.alarms.close()
		close(busy)
		e.changers.close()
		if len(woken) == 0 {
			t.Error("nothing was done")
		}
	})
}

func TestTheMostUrgentRulesetsArePreparedFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		rollout Rollout
		asked   []int64
		undo    *Rollout
		newest  int64
		want    []int64
	}{
		"the live one":                 {Rollout{Live: 1}, nil, nil, 1, []int64{1}},
		"those that are newer":         {Rollout{Live: 1}, nil, nil, 4, []int64{1, 4, 3, 2}},
		"none that are older":          {Rollout{Live: 4, LastGood: 2}, nil, nil, 4, []int64{4, 2}},
		"somebody waits for one":       {Rollout{Live: 4}, []int64{2, 2}, nil, 5, []int64{2, 4, 5}},
		"canary, shadow and pending":   {Rollout{Live: 9, Canary: &Canary{Ruleset: 2}, Shadow: &Shadow{Ruleset: 3}, Pending: &Pending{Change: Change{Ruleset: 4}}}, nil, nil, 9, []int64{9, 4, 2, 3}},
		"what an undo goes back to":    {Rollout{Live: 9, LastGood: 8}, nil, &Rollout{Live: 5, LastGood: 4, Canary: &Canary{Ruleset: 6}}, 9, []int64{9, 8, 5, 4, 6}},
		"an abort waits for its time":  {Rollout{Live: 1, Pending: &Pending{Change: Change{Mode: ModeAbort}}}, nil, nil, 1, []int64{1}},
		"more than a node keeps ready": {Rollout{Live: 1}, nil, nil, 99, []int64{1, 99, 98, 97, 96, 95, 94, 93, 92, 91, 90, 89, 88, 87, 86, 85}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &snapshot{record: &CampaignRecord{Rollout: tt.rollout}}
			if got := s.mayDecide(tt.asked, tt.undo, tt.newest); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
