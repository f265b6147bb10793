package api

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

const oneCase = `{"sku":"case","quantity":1}`

// slowBody is the body of an order that does not come before it is let go.
type slowBody struct {
	io.Reader

	asked chan struct{} // closed when the server begins to wait for it
	comes chan struct{}
	began bool
}

func newSlowBody() *slowBody {
	return &slowBody{Reader: strings.NewReader(oneCase), asked: make(chan struct{}), comes: make(chan struct{})}
}

// Read waits at the first call.
func (s *slowBody) Read(p []byte) (int, error) {
	if !s.began {
		s.began = true
		close(s.asked)
		<-s.comes
	}
	return s.Reader.Read(p)
}

// orderSlowly begins an order whose body is slow; it is answered on answers.
func (r *rush) orderSlowly(shopper int) *slowBody {
	body := newSlowBody()
	request := httptest.NewRequestWithContext(context.Background(), http.MethodPost, phoneOrders, body)
	request.Header = orderHeader("Authorization", "Bearer "+r.tokens[shopper])
	go func() {
		w := httptest.NewRecorder()
		r.server.Handler().ServeHTTP(w, request)
		r.answers <- w
	}()
	<-body.asked
	return body
}

func TestWhoIsStillSendingTakesNoRoomFromThoseWhoHaveSent(t *testing.T) {
	r := newRush(t, 1, 2)
	close(r.held.hold)
	slow := r.orderSlowly(0)
	if w := r.order(1); w.Code != http.StatusCreated {
		t.Errorf("beside an order that has not arrived, one that has is answered %d: %s", w.Code, w.Body)
	}
	close(slow.comes)
	if w := <-r.answers; w.Code != http.StatusCreated {
		t.Errorf("the order that arrived late is answered %d: %s", w.Code, w.Body)
	}
	r.requireBooks(2)
	if n := r.server.admission.underWay.Load(); n != 0 {
		t.Errorf("%d requests are under way after all were answered", n)
	}
}

func TestTheTimeThatAClientTakesToSendIsNoLatency(t *testing.T) {
	r := newRush(t, 8, 1)
	close(r.held.hold)
	slow := r.orderSlowly(0)
	r.clock.at += int64(10 * time.Second)
	close(slow.comes)
	if w := <-r.answers; w.Code != http.StatusCreated {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	if p99 := time.Duration(r.server.admission.p99.Load()); p99 == 0 || p99 > 5*time.Second {
		t.Errorf("an order that a client sent for ten seconds counts as one that took %v", p99)
	}
}

// Whoever begins orders, keeps them back and lets them all go at once is asked for room like everybody else.
func TestWhoWasLongInSendingNeedsRoomAgain(t *testing.T) {
	r := newRush(t, 1, 2)
	slow := r.orderSlowly(0)
	r.clock.at += int64(10 * time.Second)
	go func() { r.answers <- r.order(1) }()
	for r.server.admission.underWay.Load() == 0 { // until the other one holds the only place
		runtime.Gosched()
	}
	close(slow.comes)
	w := <-r.answers
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), string(core.CodeOverloaded)) {
		t.Errorf("%d, Retry-After %q: %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	r.requireBooks(0)
	close(r.held.hold)
	if w := <-r.answers; w.Code != http.StatusCreated {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	r.requireBooks(1)
	if n := r.server.admission.underWay.Load(); n != 0 {
		t.Errorf("%d requests are under way after all were answered", n)
	}
}
