package main

import (
	"context"
	"runtime"
	"sync"
	"time"

	"hotdrop/core"
)

// idlePlugin is how long a plugin stays loaded that no ruleset of this node binds any more: a change that is undone, or
// made twice, does not compile it again.
const idlePlugin = time.Minute

// pool keeps what several users share, made once and counted, and closes what nobody has used for a while. It is safe
// for concurrent use.
type pool[K comparable, V any] struct {
	idle    time.Duration
	close   func(V)
	mu      sync.Mutex
	entries map[K]*pooled[V]
	closing sync.WaitGroup
}

// pooled is one shared value.
type pooled[V any] struct {
	made   chan struct{} // closed once value and err are set
	value  V
	err    error
	users  int
	expiry *time.Timer // runs while nobody uses the value; nil before that
}

// newPool returns an empty pool that closes values which were idle for so long.
func newPool[K comparable, V any](idle time.Duration, closeValue func(V)) *pool[K, V] {
	return &pool[K, V]{idle: idle, close: closeValue, entries: map[K]*pooled[V]{}}
}

// use returns the value of the key, made by the first who asks for it, and a function that ends this use. A value that
// cannot be made is not kept.
func (p *pool[K, V]) use(ctx context.Context, key K, open func() (V, error)) (value V, release func(), err error) {
	e, first := p.enter(key)
	if first {
		e.value, e.err = open()
		close(e.made)
	}
	select {
	case <-e.made:
		err = e.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	release = sync.OnceFunc(func() { p.leave(key, e) })
	if err != nil {
		release()
		return value, nil, err
	}
	return e.value, release, nil
}

// enter counts one more user of the key's entry; first says that it has yet to be made.
func (p *pool[K, V]) enter(key K) (e *pooled[V], first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e = p.entries[key]
	if e == nil {
		e, first = &pooled[V]{made: make(chan struct{})}, true
		p.entries[key] = e
	}
	e.users++
	if e.expiry != nil {
		e.expiry.Stop()
	}
	return e, first
}

// leave counts one user less; the last one of a value starts its time to expire, of a failure forgets it.
func (p *pool[K, V]) leave(key K, e *pooled[V]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.users--
	switch {
	case e.users > 0 || p.entries[key] != e:
	case e.err != nil:
		delete(p.entries, key)
	default:
		e.expiry = time.AfterFunc(p.idle, func() { p.expire(key, e) })
	}
}

// expire closes the value unless somebody uses it again.
func (p *pool[K, V]) expire(key K, e *pooled[V]) {
	p.mu.Lock()
	idle := e.users == 0 && p.entries[key] == e
	if idle {
		delete(p.entries, key)
		p.closing.Add(1)
	}
	p.mu.Unlock()
	if idle {
		defer p.closing.Done()
		p.close(e.value)
	}
}

// stop forgets every value without closing it, for whoever closes them all, and waits for those being closed.
func (p *pool[K, V]) stop() {
	p.mu.Lock()
	for _, e := range p.entries {
		if e.expiry != nil {
			e.expiry.Stop()
		}
	}
	clear(p.entries)
	p.mu.Unlock()
	p.closing.Wait()
}

// held is a mechanic that ends its use of something when nothing refers to it any more.
type held struct{ core.Mechanic }

// hold returns the mechanic so that release is called once the collector finds that nobody can decide with it any more.
// A ruleset that was replaced may be deciding still, and only the collector knows when the last of its decisions is over;
// a count kept by hand would also have to be right on every way on which a change can fail.
func hold(mechanic core.Mechanic, release func()) core.Mechanic {
	h := &held{mechanic}
	runtime.AddCleanup(h, func(release func()) { release() }, release)
	return h
}
