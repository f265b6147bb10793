package core_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"hotdrop/core"
)

var errAway = errors.New("the store is away")

// away is a journal whose store does not take refusals until it is told to.
func away() *notebook {
	j := &notebook{gate: make(chan error, 1000)}
	for range 500 {
		j.gate <- errAway
	}
	return j
}

// back lets the store take refusals again.
func (n *notebook) back() {
	for len(n.gate) > 0 {
		select {
		case err := <-n.gate: // it does not fail any more
			_ = err
		default: // somebody else took it
		}
	}
	close(n.gate)
}

// adds has requests add so many entries, and returns what tells how many were answered.
func adds(ctx context.Context, log core.RefusalLog, from, entries int) (answered chan struct{}) {
	answered = make(chan struct{}, entries)
	for i := range entries {
		go func() {
			log.Add(ctx, &core.RefusalRecord{ID: fmt.Sprint(from + i)})
			answered <- struct{}{}
		}()
	}
	synctest.Wait()
	return answered
}

func TestARefusalThatWaitsForTheLogEndsWithItsRequestAndIsKeptAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := away()
		log := core.NewRefusalLog(j, 2, 100)
		stay := adds(t.Context(), log, 0, 4)
		leaving, leave := context.WithCancel(t.Context())
		left := adds(leaving, log, 4, 3)
		if len(stay) != 2 || len(left) != 0 {
			t.Errorf("%d and %d were answered while there was room for 2", len(stay), len(left))
		}
		leave()
		synctest.Wait()
		if len(stay) != 2 || len(left) != 3 {
			t.Errorf("after 3 clients had left, %d of the others and %d of them were answered", len(stay), len(left))
		}
		j.back()
		log.Stop()
		synctest.Wait()
		if len(stay) != 4 || len(j.kept) != 7 {
			t.Errorf("%d were answered, and %d of 7 are kept", len(stay), len(j.kept))
		}
	})
}

func TestADrainLetsNoRequestWaitForTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := away()
		log := core.NewRefusalLog(j, 2, 100)
		answered := adds(t.Context(), log, 0, 5)
		log.Drain()
		synctest.Wait()
		if len(answered) != 5 {
			t.Errorf("%d of 5 were answered", len(answered))
		}
		later := adds(t.Context(), log, 5, 1) // a request that was still being decided
		if len(later) != 1 {
			t.Error("a request waits on a node that drains")
		}
		j.back()
		log.Stop()
		if len(j.kept) != 6 {
			t.Errorf("%d of 6 are kept", len(j.kept))
		}
	})
}

func TestWhenTooManyWaitForTheLogNoRequestIsDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := away()
		log := core.NewRefusalLog(j, 2, 3)
		adds(t.Context(), log, 0, 4)
		if err := log.Admit(); err != nil {
			t.Errorf("with 2 waiting of 3: %v", err)
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		adds(gone, log, 4, 1) // whose entry waits without it
		wantCode(t, log.Admit(), core.CodeOverloaded)
		j.back()
		time.Sleep(time.Minute) // in the bubble: it is tried again
		if err := log.Admit(); err != nil {
			t.Errorf("when everything was written: %v", err)
		}
		log.Stop()
	})
}

// TestAnOrderIsRefusedBeforeItIsDecidedWhenTooManyWait fills the log of a node whose store takes no refusals.
func TestAnOrderIsRefusedBeforeItIsDecidedWhenTooManyWait(t *testing.T) {
	j := away()
	asked := 0
	d := newLogged(t, sqliteStore(t), mechanics{"asked": func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
		asked++
		return effects, nil
	}}, j, func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "asked"}} })
	d.Crowd(14_096 + 1)
	before := asked
	_, _, err := d.Place(t.Context(), buy("ann", "k"))
	wantCode(t, err, core.CodeOverloaded)
	if asked != before {
		t.Error("a mechanic was asked")
	}
	d.Drain()
	j.back()
}

func TestANodeThatStopsTriesAFewTimesInAllHoweverMuchWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := away()
		log := core.NewRefusalLog(j, 5000, 100)
		adds(t.Context(), log, 0, 4000) // 8 batches
		before := len(j.gate)
		log.Stop()
		if tries := before - len(j.gate); tries > 6 {
			t.Errorf("a node that stops tried %d times", tries)
		}
	})
}
