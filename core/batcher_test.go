package core

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

func TestWhatArrivesDuringABatchFormsTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches [][]int
		gate := make(chan struct{})
		b := batcher[int]{lanes: 1, most: 3, bound: 100, run: func(items []int) {
			batches = append(batches, slices.Clone(items))
			<-gate
		}}
		b.add(1)
		synctest.Wait() // 1 is under way alone: nothing waits for a batch to fill
		for i := 2; i <= 6; i++ {
			b.add(i)
		}
		close(gate)
		b.drain()
		want := [][]int{{1}, {2, 3, 4}, {5, 6}}
		if !slices.EqualFunc(batches, want, slices.Equal[[]int]) {
			t.Errorf("batches = %v, want %v", batches, want)
		}
	})
}

func TestTooMuchWaitingIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		b := batcher[int]{lanes: 1, most: 1, bound: 2, run: func([]int) { <-gate }}
		b.add(1)
		synctest.Wait()
		for i := range 2 {
			if _, ok := b.add(i); !ok {
				t.Fatal("refused below the bound")
			}
		}
		if _, ok := b.add(9); ok {
			t.Error("accepted beyond the bound")
		}
		close(gate)
		b.drain()
		if _, ok := b.add(10); !ok {
			t.Error("refused after the backlog was gone")
		}
		b.drain()
	})
}

func TestEveryWaiterWakesAfterItsOwnBatch(t *testing.T) {
	type item struct{ handled bool }
	b := batcher[*item]{lanes: 2, most: 7, bound: 10_000, run: func(items []*item) {
		for _, it := range items {
			it.handled = true
		}
	}}
	var waiters sync.WaitGroup
	for range 32 {
		waiters.Go(func() {
			for range 100 {
				it := &item{}
				done, ok := b.add(it)
				if !ok {
					t.Error("refused")
					return
				}
				if <-done; !it.handled {
					t.Error("woken before its batch was handled")
					return
				}
			}
		})
	}
	waiters.Wait()
	b.drain()
}

// On one processor the goroutine that handles batches would run as soon as the first item has come.
func TestOnOneProcessorWhoIsReadyComesIntoTheBatch(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	batches, all := 0, sync.WaitGroup{}
	b := &batcher[int]{run: func([]int) { batches++ }, lanes: 1, most: 1000, bound: 1000}
	for i := range 32 {
		all.Go(func() {
			done, _ := b.add(i)
			<-done
		})
	}
	all.Wait()
	b.drain()
	if batches > 4 { // one, unless the runtime takes the processor away from somebody
		t.Errorf("32 items that were ready together came into %d batches", batches)
	}
}
