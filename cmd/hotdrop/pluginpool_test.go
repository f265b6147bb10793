package main

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hotdrop/core"
)

// opened counts what a pool opens and closes.
type opened struct {
	mu     sync.Mutex
	made   int
	closed []string
}

func (o *opened) open(name string) func() (string, error) {
	return func() (string, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.made++
		return name, nil
	}
}

func (o *opened) close(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = append(o.closed, name)
}

func (o *opened) seen() (made int, closed []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.made, slices.Clone(o.closed)
}

func TestWhatIsSharedIsMadeOnceAndClosedOnceNobodyUsesItForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opened{}
		p := newPool[string](time.Minute, o.close)
		var releases []func()
		for range 3 {
			value, release, err := p.use(t.Context(), "a", o.open("a"))
			if value != "a" || err != nil {
				t.Fatalf("%q, %v", value, err)
			}
			releases = append(releases, release)
		}
		for _, release := range releases {
			time.Sleep(time.Hour)
			release()
			release() // ending a use twice is ending it once
		}
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if made, closed := o.seen(); made != 1 || len(closed) != 0 {
			t.Errorf("made %d times, closed %v while it might be used again", made, closed)
		}
		_, release, err := p.use(t.Context(), "a", o.open("a"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if made, closed := o.seen(); made != 1 || len(closed) != 0 {
			t.Errorf("made %d times, closed %v while it was used", made, closed)
		}
		release()
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, closed := o.seen(); len(closed) != 1 {
			t.Errorf("closed %v", closed)
		}
		if _, release, err = p.use(t.Context(), "a", o.open("a")); err != nil {
			t.Fatal(err)
		}
		release()
		p.stop()
		time.Sleep(time.Hour)
		if made, closed := o.seen(); made != 2 || len(closed) != 1 {
			t.Errorf("made %d times, closed %v: a pool that has stopped leaves closing to others", made, closed)
		}
	})
}

func TestWhatCannotBeMadeIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool[string](time.Minute, func(string) {})
		why := errors.New("no")
		for range 2 {
			var users sync.WaitGroup
			tries := 0
			for range 4 {
				users.Go(func() {
					_, _, err := p.use(t.Context(), "a", func() (string, error) {
						tries++
						time.Sleep(time.Second) // the others wait for this try
						return "", why
					})
					if !errors.Is(err, why) {
						t.Errorf("%v", err)
					}
				})
			}
			users.Wait()
			if tries != 1 {
				t.Errorf("%d tries", tries)
			}
		}
	})
}

func TestWhoWaitsForSomethingSharedMayGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opened{}
		p := newPool[string](time.Minute, o.close)
		go func() {
			_, release, err := p.use(t.Context(), "a", func() (string, error) {
				time.Sleep(time.Hour)
				return o.open("a")()
			})
			if err != nil {
				t.Errorf("%v", err)
				return
			}
			release()
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := p.use(ctx, "a", o.open("b")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		time.Sleep(2 * time.Hour)
		if _, closed := o.seen(); len(closed) != 1 || closed[0] != "a" {
			t.Errorf("closed %v", closed)
		}
	})
}

func TestManyUsersOfManyValuesNeverMeetAClosedOne(t *testing.T) {
	type value struct {
		mu     sync.Mutex
		closed bool
	}
	p := newPool[int](time.Nanosecond, func(v *value) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.closed = true
	})
	var users sync.WaitGroup
	for user := range 8 {
		users.Go(func() {
			for i := range 2000 {
				v, release, err := p.use(t.Context(), (user+i)%3, func() (*value, error) { return &value{}, nil })
				if err != nil {
					t.Errorf("%v", err)
					return
				}
				v.mu.Lock()
				if v.closed {
					t.Error("it is closed")
				}
				v.mu.Unlock()
				release()
			}
		})
	}
	users.Wait()
	p.stop()
}

// silent is a mechanic that asks for nothing.
type silent struct{ core.Mechanic }

func TestAMechanicThatNobodyCanReachEndsItsUse(t *testing.T) {
	released := make(chan struct{})
	mechanic := hold(silent{}, func() { close(released) })
	runtime.GC()
	select {
	case <-released:
		t.Fatal("released while it could be reached")
	default:
	}
	runtime.KeepAlive(mechanic)
	for range 100 {
		runtime.GC()
		select {
		case <-released:
			return
		default:
			runtime.Gosched()
		}
	}
	<-released // the collector's own goroutine is late: the test's timeout bounds this
}
