package api

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// wire is a connection whose client sends one piece after the other, each once the server waits for it, and then no more.
// While something is answered only impatient clients send: one byte of the next piece comes then, as net/http asks for one.
type wire struct {
	pieces  [][]byte
	hasty   bool
	answers bytes.Buffer
	past    bool          // reading is to fail at once
	aborted chan struct{} // closed while it is
	mu      sync.Mutex
}

func (w *wire) Read(p []byte) (int, error) {
	w.mu.Lock()
	if len(p) > 1 || w.hasty {
		defer w.mu.Unlock()
		if len(w.pieces) == 0 {
			return 0, io.EOF
		}
		n := copy(p, w.pieces[0])
		if w.pieces[0] = w.pieces[0][n:]; len(w.pieces[0]) == 0 {
			w.pieces = w.pieces[1:]
		}
		return n, nil
	}
	aborted := w.aborted
	w.mu.Unlock()
	<-aborted
	return 0, os.ErrDeadlineExceeded
}

// SetReadDeadline is how net/http ends a read of its own.
func (w *wire) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	past := !t.IsZero() && t.Before(time.Now())
	if past == w.past {
		return nil
	}
	if w.past = past; past {
		close(w.aborted)
	} else {
		w.aborted = make(chan struct{})
	}
	return nil
}

func (w *wire) Write(p []byte) (int, error)      { return w.answers.Write(p) }
func (w *wire) Close() error                     { return w.SetReadDeadline(time.Unix(1, 0)) }
func (w *wire) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
func (w *wire) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9} }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// once is a listener of one connection.
type once struct {
	conn net.Conn
	done chan struct{} // closed when the connection is
}

func (o *once) Accept() (net.Conn, error) {
	conn := o.conn
	if o.conn = nil; conn == nil {
		<-o.done
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (o *once) Close() error   { return nil }
func (o *once) Addr() net.Addr { return &net.TCPAddr{} }

// answersTo returns what a server answers to the pieces in which nobody is let in: the statuses, and how many were refused
// before net/http. The bytes that follow what net/http reads as answers are an error.
func answersTo(t *rapid.T, s *Server, pieces [][]byte, hasty, onSteps bool) (statuses []int, early int) {
	w := &wire{hasty: hasty, aborted: make(chan struct{})}
	for _, piece := range pieces {
		w.pieces = append(w.pieces, bytes.Clone(piece))
	}
	w.pieces = append(w.pieces, []byte("the end")) // net/http says nothing of fewer than four bytes between two requests
	listener := &once{conn: w, done: make(chan struct{})}
	if onSteps {
		listener.conn = &doorstep{Conn: w, door: s.admission}
	}
	h := s.HTTPServer()
	h.ConnState = func(conn net.Conn, state http.ConnState) {
		if onDoorstep(conn, state); state == http.StateClosed {
			close(listener.done)
		}
	}
	if err := h.Serve(listener); !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
	rest := bufio.NewReader(&w.answers)
	for {
		if _, err := rest.Peek(1); errors.Is(err, io.EOF) {
			return statuses, early
		}
		r, err := http.ReadResponse(rest, nil)
		if err != nil {
			t.Fatalf("%v after %v", err, statuses)
		}
		_, err = io.Copy(io.Discard, r.Body)
		if err := errors.Join(err, r.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if statuses = append(statuses, r.StatusCode); r.StatusCode == http.StatusServiceUnavailable && r.Header.Get("Date") == "" {
			early++
		}
	}
}

// Whatever comes, and in whatever pieces: with a doorstep as many answers of the same kinds come as without one.
func TestWhateverComesIsAnsweredAsWithoutADoorstep(t *testing.T) {
	o := Options{Engine: &scripted{}, Rulesets: &scripted{}, Readiness: &scripted{}, Keys: NewDemoKeys(), OrderLatency: never}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.admission.limit.Store(0)
	early := 0
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.Custom(drawPiece), 1, 5).Draw(t, "pieces")
		hasty := rapid.Bool().Draw(t, "hasty")
		want, _ := answersTo(t, s, pieces, hasty, false)
		got, here := answersTo(t, s, pieces, hasty, true)
		early += here
		if !slices.Equal(got, want) {
			t.Fatalf("%q: %v, without a doorstep %v", pieces, got, want)
		}
	})
	if early == 0 {
		t.Error("nothing was refused on the doorstep")
	}
}

// drawPiece draws what comes at once: a request, often an odd one, or several, or a part of one.
func drawPiece(t *rapid.T) []byte {
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		return []byte(rawOrder)
	case 1:
		return []byte(strings.Replace(rawOrder, "Host: drops.example\r\n", drawField(t), 1))
	case 2:
		return []byte(withField(strings.TrimSuffix(drawField(t), endOfLine)))
	}
	var b strings.Builder
	for range rapid.IntRange(1, 2).Draw(t, "requests") {
		if b.Len() > 0 {
			b.WriteString(rapid.SampledFrom([]string{"", "", "", "", "\r\n", "\n", "\r\n\r\n", "\r", " "}).Draw(t, "before"))
		}
		b.WriteString(rapid.SampledFrom([]string{"POST", "POST", "POST", "GET", "OPTIONS", "CONNECT", "PRI", "post"}).Draw(t, "method"))
		b.WriteString(rapid.SampledFrom([]string{" ", " ", " ", "  ", "\t", "\x00 "}).Draw(t, "gap"))
		b.WriteString(rapid.SampledFrom([]string{
			"/v1/campaigns/phone/orders", "/v1/campaigns/phone/quotes", "/v1/campaigns/phone/reservations", "/v1/campaigns//orders", "//v1/campaigns/phone/orders",
			"http://a/v1/campaigns/phone/orders", "/v1/campaigns/ph%6fne/orders", "/v1/orders/phone.1/pay", "/v1/campaigns/phone/orders?a", "*", "/docs", "",
		}).Draw(t, "path"))
		b.WriteString(rapid.SampledFrom([]string{" HTTP/1.1", " HTTP/1.1", " HTTP/1.1", " HTTP/1.0", " HTTP/2.0", " HTTP/1.1 ", "", " HTTP/1.2"}).Draw(t, "protocol"))
		drawEnd(t, &b)
		for range rapid.IntRange(0, 4).Draw(t, "fields") {
			b.WriteString(drawField(t))
		}
		drawEnd(t, &b)
		b.WriteString(rapid.SampledFrom([]string{"", oneCase, oneCase, oneCase + "x", rawOrder, "1\r\na\r\n0\r\n\r\n", oneCase[:3]}).Draw(t, "body"))
	}
	piece := b.String()
	return []byte(piece[:rapid.IntRange(1, len(piece)).Draw(t, "upTo")])
}

// drawField draws a field of a header.
func drawField(t *rapid.T) string {
	var b strings.Builder
	b.WriteString(rapid.SampledFrom([]string{
		"Host", "Host", "Host", "Content-Length", "Content-Length", "content-length", "Content-Length ", "Transfer-Encoding", "Connection", "Expect", "Upgrade", "X", "X_Y", "X\x00",
		"", " X", "Trailer", "TE", "HTTP2-Settings",
	}).Draw(t, "name"))
	b.WriteString(rapid.SampledFrom([]string{":", ": ", ": ", ":\t", "", " : "}).Draw(t, "colon"))
	b.WriteString(rapid.SampledFrom([]string{
		"a", "a", "27", "27", "27 ", "0", "", "027", "+27", "0x1b", "2_7", "27, 27", "chunked", "identity", "close", "keep-alive", "100-continue", "h2c", "websocket",
		"a\x00b", "a\x7fb", "a\xffb", "a b", "a\rb", "a\nContent-Length: 3", "a\r\n b", "a/b", "a@b", "\x0b", "99999999999999999999", "4294967323", "-1",
	}).Draw(t, "value"))
	drawEnd(t, &b)
	return b.String()
}

// drawEnd writes the end of a line, which nearly always is one.
func drawEnd(t *rapid.T, b *strings.Builder) {
	if rapid.IntRange(0, 9).Draw(t, "oddEnd") > 0 {
		b.WriteString(endOfLine)
		return
	}
	b.WriteString(rapid.SampledFrom([]string{"\n", "\r", "\r\r\n", "\r\n ", "", "\n\r\n"}).Draw(t, "end"))
}
