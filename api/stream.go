package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

const wasmType = "application/wasm"

// uploadTime is how long the body of an upload may take to arrive.
const uploadTime = 5 * time.Minute

// open checks what can be said of a streamed body before it arrives, and gives it time.
func (in intake) open(ctx huma.Context) *Problem {
	if !in.takes(ctx.Header("Content-Type")) {
		return in.otherType()
	}
	if err := ctx.SetReadDeadline(time.Now().Add(uploadTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return newProblem(CodeMalformed, "the body could not be read")
	}
	return nil
}

// arriving is a request whose body its handler reads while it arrives.
type arriving struct{ requestContext }

// Header returns a request header; Accept is not looked at, as for any other request.
func (a arriving) Header(name string) string {
	return (&exchange{requestContext: a.requestContext}).Header(name)
}

// upload is a body that is read while it is stored. What is wrong with reading it is kept, as whoever reads knows only
// that it failed.
type upload struct {
	reader  io.Reader
	read    int
	problem *Problem
}

// drained is how much of what is too long is read and dropped, bytes.
const drained = 4 * core.MaxPluginBytes

// errTooLong ends the reading of a body that is longer than it may be.
var errTooLong = errors.New("the body is too long")

// Read implements io.Reader.
func (u *upload) Read(b []byte) (int, error) {
	if u.reader == nil {
		return 0, io.EOF
	}
	n, err := u.reader.Read(b)
	if u.read += n; u.read > core.MaxPluginBytes {
		_, _ = io.CopyN(io.Discard, u.reader, drained) // so that a client who is still sending reads the answer
		u.problem = newProblem(CodeTooLarge, fmt.Sprintf("the body is longer than %d bytes", core.MaxPluginBytes))
		return 0, errTooLong
	}
	if err != nil && !errors.Is(err, io.EOF) {
		u.problem = unread(err)
	}
	return n, err
}
