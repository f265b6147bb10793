package api

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// step is a real server, and one connection to it.
type step struct {
	*testing.T

	server  *Server
	conn    net.Conn
	answers *bufio.Reader
	idle    chan struct{} // gets one whenever net/http has done with a request
}

func newStep(t *testing.T, bound time.Duration, change ...func(*http.Server)) *step {
	t.Helper()
	o := Options{Engine: &scripted{}, Rulesets: &scripted{}, Readiness: &scripted{}, Keys: NewDemoKeys(), OrderLatency: bound}
	server, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h, done, idle := server.HTTPServer(), make(chan error, 1), make(chan struct{}, 16)
	told := h.ConnState
	h.ConnState = func(conn net.Conn, state http.ConnState) {
		told(conn, state)
		if state == http.StateIdle {
			idle <- struct{}{}
		}
	}
	for _, one := range change {
		one(h)
	}
	go func() { done <- h.Serve(server.OnDoorstep(listener)) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(conn.Close(), h.Close()); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return &step{T: t, server: server, conn: conn, answers: bufio.NewReader(conn), idle: idle}
}

// send sends the bytes as they are.
func (s *step) send(bytes string) {
	s.Helper()
	if _, err := io.WriteString(s.conn, bytes); err != nil {
		s.Fatal(err)
	}
}

// answer reads the next answer. Those of the doorstep are known by having no Date, which an answer of the kind 5xx may leave out.
func (s *step) answer() (status int, onDoorstep bool, header http.Header, body string) {
	s.Helper()
	r, err := http.ReadResponse(s.answers, nil)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		s.Fatal(err)
	}
	return r.StatusCode, r.Header.Get("Date") == "", r.Header, string(b)
}

// wants requires that the next answer has the status, and comes from the doorstep or not. It returns when the next request
// may be refused on the doorstep.
func (s *step) wants(status int, onDoorstep bool) {
	s.Helper()
	if got, from, _, body := s.answer(); got != status || from != onDoorstep {
		s.Fatalf("%d, on the doorstep: %t; want %d, %t: %s", got, from, status, onDoorstep, body)
	}
	if !onDoorstep {
		<-s.idle
	}
}

func TestTheDoorstepAnswersAsTheDoorDoes(t *testing.T) {
	s := newStep(t, never)
	s.server.admission.limit.Store(0)
	s.send(rawOrder)
	status, onDoorstep, header, body := s.answer()
	if status != http.StatusServiceUnavailable || !onDoorstep {
		t.Fatalf("%d, on the doorstep: %t", status, onDoorstep)
	}
	if retry := header.Get("Retry-After"); len(retry) != 1 || retry < "1" || retry > "5" {
		t.Errorf("Retry-After is %q", retry)
	}
	s.send(strings.Replace(rawOrder, "phone", "ph%6fne", 1)) // which is net/http's
	status, onDoorstep, atDoor, same := s.answer()
	if status != http.StatusServiceUnavailable || onDoorstep || body != same || !strings.Contains(body, string(core.CodeOverloaded)) {
		t.Errorf("%d, on the doorstep: %t: %s, want %s", status, onDoorstep, same, body)
	}
	for _, one := range []http.Header{header, atDoor} {
		one.Del("Retry-After")
		one.Del("Date")
	}
	if len(header) != len(atDoor) {
		t.Errorf("the headers are %v, at the door %v", header, atDoor)
	}
	for name, values := range atDoor {
		if header.Get(name) != values[0] {
			t.Errorf("%s is %q, at the door %q", name, header.Get(name), values[0])
		}
	}
	if n := s.server.admission.refused[asksOrder].Load(); n != 2 {
		t.Errorf("%d refusals are counted", n)
	}
}

func TestWhoIsRefusedOnTheDoorstepKeepsTheConnection(t *testing.T) {
	s := newStep(t, never)
	s.server.admission.limit.Store(0)
	for range 3 {
		s.send(rawOrder)
		s.wants(http.StatusServiceUnavailable, true)
	}
	s.send("GET /docs HTTP/1.1\r\nHost: a\r\n\r\n")
	s.wants(http.StatusOK, false)
	s.send(rawOrder)
	s.wants(http.StatusServiceUnavailable, true)
	s.server.admission.limit.Store(8)
	s.send(rawOrder) // without credentials
	s.wants(http.StatusUnauthorized, false)
	s.server.admission.limit.Store(0)
	s.send(rawOrder)
	s.wants(http.StatusServiceUnavailable, true)
}

// What comes before the answer to what came before it is not answered before that.
func TestRequestsThatComeTogetherAreAnsweredInTheirOrder(t *testing.T) {
	s := newStep(t, never)
	s.server.admission.limit.Store(0)
	s.send("GET /docs HTTP/1.1\r\nHost: a\r\n\r\n" + rawOrder)
	s.wants(http.StatusOK, false)
	s.wants(http.StatusServiceUnavailable, false)
	s.send(rawOrder)
	s.wants(http.StatusServiceUnavailable, false) // where requests begin is not known any more
}

func TestABodyThatLooksLikeAnOrderIsABody(t *testing.T) {
	s := newStep(t, never)
	s.server.admission.limit.Store(0)
	s.send("POST /v1/tokens HTTP/1.1\r\nHost: a\r\nContent-Length: " + strconv.Itoa(len(rawOrder)) + "\r\n\r\n")
	s.send(rawOrder)
	if status, _, _, _ := s.answer(); status == http.StatusServiceUnavailable {
		t.Error("a body is taken for an order")
	}
}

// net/http reads one byte at a time while a handler runs; were that ever more, an order in it is still not answered before the
// one before it.
func TestNothingIsRefusedWhileSomethingElseIsAnswered(t *testing.T) {
	client, server := net.Pipe()
	defer func() { _ = client.Close() }()
	door := newAdmission(never, (&handClock{}).now)
	door.limit.Store(0)
	d := &doorstep{Conn: server, door: door}
	onDoorstep(d, http.StateActive)
	go func() { _, _ = io.WriteString(client, rawOrder) }()
	if n, err := d.Read(make([]byte, 4096)); err != nil || n != len(rawOrder) {
		t.Errorf("%d bytes were handed over (%v)", n, err)
	}
	if n := door.refused[asksOrder].Load(); n != 0 {
		t.Errorf("%d were refused", n)
	}
}

// The time of a connection's first request is over at once here, as if the connection had come long ago.
func TestARequestAfterRefusalsHasAllItsTimeToArrive(t *testing.T) {
	begun, arrived := make(chan struct{}), make(chan error, 1)
	s := newStep(t, never, func(h *http.Server) {
		h.ReadTimeout = time.Nanosecond
		h.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(begun)
			_, err := io.ReadAll(r.Body)
			arrived <- err
		})
	})
	s.server.admission.limit.Store(0)
	s.send(rawOrder)
	s.wants(http.StatusServiceUnavailable, true)
	s.server.admission.limit.Store(8)
	s.send(strings.TrimSuffix(rawOrder, oneCase))
	<-begun
	s.send(oneCase)
	if err := <-arrived; err != nil {
		t.Error(err)
	}
}

// Closed at once, the connection would be reset under who is still sending, and the answer lost.
func TestWhoSendsTooMuchReadsTheAnswerToItsEnd(t *testing.T) {
	s := newStep(t, never)
	s.send("GET /docs HTTP/1.1\r\nHost: a\r\nX-Long: " + strings.Repeat("a", 4*maxHeader))
	if answer, err := io.ReadAll(s.answers); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 431 ") {
		t.Errorf("%q (%v)", answer, err)
	}
}

func TestWithoutABoundThereIsNoDoorstep(t *testing.T) {
	s := newStep(t, 0)
	s.send(rawOrder)
	s.wants(http.StatusUnauthorized, false)
}

func TestTheLagIsThatOfWhatArrives(t *testing.T) {
	l := &lag{now: since(time.Now())}
	ctx, cancel := context.WithCancel(t.Context())
	measured := make(chan error, 1)
	go func() { measured <- l.measure(ctx) }()
	for l.took.count.Load() < 3 {
		runtime.Gosched()
	}
	cancel()
	if err := <-measured; err != nil {
		t.Error(err)
	}
	if p99 := l.p99(); p99 <= 0 || p99 > time.Minute {
		t.Errorf("the lag is %s", p99)
	}
	if p99 := l.p99(); p99 != 0 {
		t.Errorf("nothing was measured since, and the lag is %s", p99)
	}
}

func TestAByteThatCouldNotBeSentIsNotUnderWay(t *testing.T) {
	clock := &handClock{at: 5}
	l := &lag{now: clock.now}
	_, out := io.Pipe()
	if err := errors.Join(out.Close(), l.ping(out, nil)); !errors.Is(err, io.ErrClosedPipe) {
		t.Fatal(err)
	}
	clock.at = int64(2 * time.Second)
	if got := l.p99(); got != 0 {
		t.Errorf("the lag is %s", got)
	}
}

func TestAByteThatHasNotComeCountsForAsLongAsItIsUnderWay(t *testing.T) {
	clock := &handClock{at: 5}
	l := &lag{now: clock.now}
	l.took.observe(int64(time.Millisecond))
	l.pending.Store(5)
	clock.at = int64(2 * time.Second)
	if got := l.p99(); got < time.Second {
		t.Errorf("a byte that was sent two seconds ago makes the lag %s", got)
	}
}
