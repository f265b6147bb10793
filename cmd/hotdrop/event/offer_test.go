package event

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
)

// offering returns an offer of n orders, all due at once, on so many connections to a server that answers like this.
func offering(t *testing.T, wires, n int, answer http.HandlerFunc) *offer {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	crowd, err := newCrew(wires, time.Minute, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	shared := &replay{campaign: "phone-x", mark: orderMark("phone-x"), order: []byte(`{}`), tokens: make([]string, n)}
	plan := make([]entry, n)
	for i := range plan {
		plan[i].shopper = uint32(i)
	}
	list := make([]*wire, wires)
	for i, client := range crowd.clients {
		list[i] = &wire{buyer: &buyer{replay: shared, client: client, plan: plan, tally: tally{}}, asked: make(chan offered, 1)}
	}
	return newOffer(&pace{rate: 1e9}, n, 0, list)
}

// outcome is what became of the orders of an offer that has ended.
func outcome(o *offer) (seen Overload, placed int) {
	for _, l := range o.lanes {
		seen.add(&l.seen)
		placed += len(l.placed)
	}
	return seen, placed
}

// place answers that order n was placed.
func place(w http.ResponseWriter, n int64) {
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"id":"phone-x.%026d","total":1}`, n)
}

func TestAnOrderComesWhateverBecameOfThoseBeforeIt(t *testing.T) {
	t.Parallel()
	const n = 8
	var came atomic.Int64
	all := make(chan struct{})
	o := offering(t, n, n, func(w http.ResponseWriter, _ *http.Request) {
		i := came.Add(1)
		if i == n {
			close(all)
		}
		<-all // nobody is answered before everybody came
		place(w, i)
	})
	if err := o.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seen, placed := outcome(o); placed != n || seen.Accepted != n || seen.Failed != 0 || o.sent.Load() != n {
		t.Errorf("%d placed, %+v", placed, seen)
	}
}

func TestAConnectionThatEndsIsOpenedAgain(t *testing.T) {
	t.Parallel()
	const n = 40
	var came atomic.Int64
	o := offering(t, 3, n, func(w http.ResponseWriter, _ *http.Request) {
		switch i := came.Add(1); i % 4 {
		case 0:
			panic(http.ErrAbortHandler)
		case 1:
			w.Header().Set("Connection", "close")
			place(w, i)
		default:
			place(w, i)
		}
	})
	if err := o.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seen, placed := outcome(o); placed != n*3/4 || seen.Failed != n/4 {
		t.Errorf("%d placed, %d failed", placed, seen.Failed)
	}
}

func TestAnOfferEndsWithItsRun(t *testing.T) {
	t.Parallel()
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	o := offering(t, 2, 100, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server sees that the connection ends
		cancel(stopped)
		<-r.Context().Done()
	})
	if err := o.run(ctx); !errors.Is(err, stopped) {
		t.Errorf("it ended with %v", err)
	}
}

func TestAnAnswerThatNobodyAskedForEndsTheOffer(t *testing.T) {
	t.Parallel()
	c := &wire{asked: make(chan offered, 1)}
	if _, _, err := c.answered(t.Context(), Response{Status: http.StatusOK}, nil, time.Now()); !errors.Is(err, errUnexpected) {
		t.Errorf("it is %v", err)
	}
}

func TestOnlyWhatTheGeneratorHeldUpIsLate(t *testing.T) {
	t.Parallel()
	due := time.Now()
	for _, one := range []struct {
		what       string
		held, sent time.Duration // after it was due
		want       bool
	}{
		{"sent at once", -time.Hour, 0, false},
		{"sent a little later", -time.Hour, overloadLate, false},
		{"sent too late", -time.Hour, overloadLate + 1, true},
		{"no connection was free", time.Second, time.Second, false},
		{"no connection was free, and then it was late", time.Second, time.Second + overloadLate + 1, true},
	} {
		l := &lane{held: due.Add(one.held)}
		if got := l.isLate(offered{due: due, sent: due.Add(one.sent)}); got != one.want {
			t.Errorf("%s: late is %t", one.what, got)
		}
	}
}

func TestAnOfferLastsFromWhatCountsToWhatWasSentLast(t *testing.T) {
	t.Parallel()
	start := time.Now()
	o := &offer{pace: &pace{start: start}, settles: time.Second}
	o.lanes = []*lane{{last: start.Add(5 * time.Second)}, {last: start.Add(4 * time.Second)}}
	if got := o.lasted(); got != 4*time.Second {
		t.Errorf("it lasts %s", got)
	}
}

func TestAnOverloadRefusesNobodyBehindTheDoor(t *testing.T) {
	t.Parallel()
	refusedWith := func(code string) *gang[*buyer] {
		w := &buyer{tally: tally{}, placed: make([]placement, 2)}
		w.tally.refuse(answer(503, `{"code":"`+code+`"}`))
		return &gang[*buyer]{workers: []*buyer{w}}
	}
	o := &sideSale{phase: "overload", door: codeOverloaded}
	if err := o.keep(refusedWith(codeOverloaded)); err != nil || len(o.orders) != 2 {
		t.Errorf("%d kept, %v", len(o.orders), err)
	}
	if err := o.keep(refusedWith(string(core.CodeSoldOut))); !errors.Is(err, errUnexpected) {
		t.Errorf("a sold-out order is %v", err)
	}
}
