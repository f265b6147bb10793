package core

import (
	"runtime"
	"sync"
)

// batcher batches naturally: whatever arrives while a batch is under way forms the next one. Nothing ever waits for a
// batch to fill, so a lone request pays no delay and a rush gets large batches.
type batcher[T any] struct {
	run   func([]T) // handles one batch; the batch's waiters wake when it returns
	lanes int       // batches under way at once
	most  int       // items in one batch
	bound int       // items waiting at once; more are refused

	mu      sync.Mutex
	queue   []*batch[T]
	waiting int
	busy    int
	idle    sync.WaitGroup
}

type batch[T any] struct {
	items []T
	done  chan struct{}
}

// add puts the item into the current batch and returns the channel that is closed when the batch has been handled, or
// false when too much is waiting.
func (b *batcher[T]) add(item T) (<-chan struct{}, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting >= b.bound {
		return nil, false
	}
	if n := len(b.queue); n == 0 || len(b.queue[n-1].items) >= b.most {
		b.queue = append(b.queue, &batch[T]{done: make(chan struct{})})
	}
	last := b.queue[len(b.queue)-1]
	last.items = append(last.items, item)
	b.waiting++
	if b.busy < b.lanes {
		b.busy++
		b.idle.Go(b.work)
	}
	return last.done, true
}

// work handles batches until none is waiting. Before it takes one it lets those run who are ready to: on few processors they
// would get to join only once the batch has gone, which then has one item in it, and so has the next one.
func (b *batcher[T]) work() {
	for runtime.Gosched(); ; runtime.Gosched() {
		next := b.next()
		if next == nil {
			return
		}
		b.run(next.items)
		close(next.done)
	}
}

func (b *batcher[T]) next() *batch[T] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		b.busy--
		return nil
	}
	next := b.queue[0]
	b.queue = b.queue[1:]
	b.waiting -= len(next.items)
	return next
}

// drain waits until everything that was added has been handled.
func (b *batcher[T]) drain() { b.idle.Wait() }

// addAll is add for items that belong together: they come into one batch, in their order, unless they are more than one
// holds. They are refused together.
func (b *batcher[T]) addAll(items []T) ([]<-chan struct{}, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(items) > 0 && b.waiting+len(items) > b.bound {
		return nil, false
	}
	var waits []<-chan struct{}
	for len(items) > 0 {
		n := min(len(items), b.most)
		if last := len(b.queue) - 1; last < 0 || len(b.queue[last].items)+n > b.most {
			b.queue = append(b.queue, &batch[T]{done: make(chan struct{})})
		}
		last := b.queue[len(b.queue)-1]
		last.items = append(last.items, items[:n]...)
		b.waiting += n
		waits, items = append(waits, last.done), items[n:]
	}
	if len(waits) > 0 && b.busy < b.lanes {
		b.busy++
		b.idle.Go(b.work)
	}
	return waits, true
}
