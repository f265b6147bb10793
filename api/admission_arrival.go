package api

import (
	"errors"
	"io"
	"net/http"

	"hotdrop/core"
)

// sentAtOnce is how long a body may take to arrive and still keep its request's place, nanoseconds.
const sentAtOnce = int64(judgeEvery)

// arrival is the body of an accepted request while it arrives. How long that takes is the client's doing: so it is no latency
// of ours, and takes no place from those whose requests are here. Otherwise a few accounts that begin orders and send nothing
// more would fill the door. Whoever was long in sending needs room again, or they would keep many orders back and let them
// all go at once.
type arrival struct {
	io.ReadCloser

	door *admission
	of   ask
	took int64 // nanoseconds so far
}

// arrive has the visit look on while the request's body arrives.
func (v *visit) arrive(a *admission, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	v.body = arrival{ReadCloser: r.Body, door: a, of: v.about}
	r.Body = &v.body
}

// Read implements io.Reader. It fails with a *[Problem] where there is no room any more.
func (b *arrival) Read(p []byte) (int, error) {
	began := b.door.now()
	b.door.underWay.Add(-1)
	n, err := b.ReadCloser.Read(p)
	underWay := b.door.underWay.Add(1)
	b.took += b.door.now() - began
	if came := err == nil || errors.Is(err, io.EOF); came && b.took > sentAtOnce && underWay > b.of.room(b.door.limit.Load()) {
		b.door.turnedAway(b.of)
		return n, newProblem(core.CodeOverloaded, "more people ask than can be served at this moment")
	}
	return n, err
}
