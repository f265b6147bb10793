package api

import (
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// doorstep is a connection on which what comes in a rush is refused while there is no room, before net/http has read it. The
// answer is the same as at the door. Reading a request, making what a handler needs and writing an answer cost net/http about
// as much as an order does altogether when it is committed in a batch: a node that is asked for three times as many orders as
// it can place could not even refuse them all, and those that it accepts would wait behind the refusals. See RATIONALE.md.
//
// Only a request that came whole and alone, between two others, and says nothing unusual is refused here. All else is
// net/http's. The connection's framing says where requests begin, net/http that it has answered all that came before.
type doorstep struct {
	net.Conn

	door    *admission
	framing framing
	between bool  // net/http has answered what it has read
	begun   bool  // net/http has read a request
	kept    int64 // until when the connection surely is kept open while nothing comes, nanoseconds of the door's clock
}

// idleTimeout is how long a connection is kept open on which nothing comes, readTimeout how long a request may take to arrive.
const (
	idleTimeout = 2 * time.Minute
	readTimeout = 15 * time.Second
)

// OnDoorstep returns the listener for [Server.HTTPServer] to serve: a node that has more to do than it can refuses on its
// connections what it can. Encrypted connections are as they were.
func (s *Server) OnDoorstep(listener net.Listener) net.Listener {
	if s.admission == nil {
		return listener
	}
	return &doorstepListener{listener, s.admission}
}

type doorstepListener struct {
	net.Listener

	door *admission
}

// Accept implements net.Listener.
func (l *doorstepListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if _, plain := conn.(*net.TCPConn); !plain {
		return conn, err
	}
	return &doorstep{Conn: conn, door: l.door}, nil
}

// onDoorstep is told by net/http what it does with a connection. When that is closed net/http may still be reading.
func onDoorstep(conn net.Conn, state http.ConnState) {
	d, ok := conn.(*doorstep)
	if !ok {
		return
	}
	switch state {
	case http.StateNew, http.StateIdle:
		d.between = true
	case http.StateActive:
		d.between, d.begun = false, true
	case http.StateHijacked, http.StateClosed:
	}
}

// Read implements net.Conn for net/http, which reads in one goroutine at a time.
func (d *doorstep) Read(p []byte) (int, error) {
	for {
		n, err := d.Conn.Read(p)
		head := d.framing.next(p[:n])
		if err != nil || !d.between || head == nil {
			d.between = false
			return n, err
		}
		about := rushIn(head)
		if about == asksElse || d.door.underWay.Load() < about.room(d.door.limit.Load()) {
			d.between = false
			return n, nil
		}
		if err := d.refuse(about); err != nil {
			return 0, err
		}
	}
}

// SetReadDeadline implements net.Conn. For net/http a connection's first request begins when the connection does. It would have no
// time left for a body if others were refused before it for long: it has what all have, from when its head was read.
func (d *doorstep) SetReadDeadline(t time.Time) error {
	if refused := d.kept != 0; refused && !d.begun && !t.IsZero() {
		t = time.Now().Add(readTimeout)
	}
	return d.Conn.SetReadDeadline(t)
}

// CloseWrite ends what is sent. With it net/http sees to it that who is refused while still sending can read the answer.
func (d *doorstep) CloseWrite() error {
	if conn, ok := d.Conn.(*net.TCPConn); ok {
		return conn.CloseWrite()
	}
	return nil
}

// refuse answers overloaded, and keeps the connection.
func (d *doorstep) refuse(about ask) error {
	d.door.turnedAway(about)
	if now := d.door.now(); now > d.kept {
		if err := d.Conn.SetReadDeadline(time.Now().Add(idleTimeout)); err != nil {
			return err
		}
		d.kept = now + int64(time.Second)
	}
	_, err := d.Write(d.door.refusals[rand.IntN(longestRetry)]) //nolint:gosec // nobody gains by guessing it
	return err
}

// appendRefusal appends the answer as it goes over the wire.
func appendRefusal(b []byte, body []byte, retry string) []byte {
	b = append(b, "HTTP/1.1 503 Service Unavailable\r\nCache-Control: no-store\r\nContent-Type: "+problemType+
		"\r\nRetry-After: "+retry+"\r\nX-Content-Type-Options: nosniff\r\nContent-Length: "...)
	b = append(strconv.AppendInt(b, int64(len(body)), 10), "\r\n\r\n"...)
	return append(b, body...)
}
