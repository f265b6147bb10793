package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// How often and how long something is looked at that has to happen by itself.
const (
	lookInterval = 100 * time.Millisecond
	lookPatience = 2 * time.Minute
)

// errand is what shopper, order or batch i needs done, on whichever connection is free.
type errand func(ctx context.Context, on *caller, i int) error

// caller makes requests on one connection, one after another, and reads their answers. Other than a [worker] it may make
// any number of them for one errand; the speed of what it does is no figure that is compared with anything.
type caller struct {
	client  *Client
	retried int64 // tries that ended in a transport error or a 5xx
}

// everybody runs n errands, each once, spread over the connections, and returns when all are done. The first that fails
// ends the run.
func (r *runner) everybody(ctx context.Context, name string, n int, do errand) error {
	return r.on(ctx, r.crew.clients, name, n, do)
}

// on is everybody on some of the connections only.
func (r *runner) on(ctx context.Context, clients []*Client, name string, n int, do errand) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	stopBar := r.bar(name, 0, n).follow(n, &next)
	defer stopBar()
	callers := make([]caller, len(clients))
	var all sync.WaitGroup
	for i, client := range clients {
		on := &callers[i]
		on.client = client
		all.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(ctx, on, i); err != nil {
					cancel(fmt.Errorf("%s: %w", name, err))
				}
			}
		})
	}
	all.Wait()
	for i := range callers {
		r.result.Retried += callers[i].retried
	}
	return context.Cause(ctx)
}

// call sends the request until it is no longer being worked on, decodes a success into out unless that is nil, and
// returns the code of a refusal, "" for a success. An answer that never came is an error.
func (on *caller) call(ctx context.Context, request Request, out any) (code string, err error) {
	for range maxRepeats {
		answer, retries, err := on.client.Do(ctx, request)
		on.retried += int64(retries)
		switch {
		case err != nil:
			return "", fmt.Errorf("%s %s: %w", request.Method, request.Path, err)
		case answer.Status >= 500:
			return "", fmt.Errorf("%s %s: status %d: %s", request.Method, request.Path, answer.Status, answer.Body)
		case answer.Status < 300 && out == nil:
			return "", nil
		case answer.Status < 300:
			if err := json.Unmarshal(answer.Body, out); err != nil {
				return "", fmt.Errorf("%s %s: %w: %s", request.Method, request.Path, err, answer.Body)
			}
			return "", nil
		}
		if code := problemCode(answer); string(code) != codeInFlight {
			return string(code), nil
		}
		wait(ctx, inFlightPause)
	}
	return codeInFlight, nil
}

// errUnexpected is an answer that nothing in the sale explains.
var errUnexpected = errors.New("unexpected answer")

// must is [caller.call] for requests that nothing may refuse.
func (on *caller) must(ctx context.Context, request Request, out any) error {
	code, err := on.call(ctx, request, out)
	if err == nil && code != "" {
		err = fmt.Errorf("%w: %s %s: %s", errUnexpected, request.Method, request.Path, code)
	}
	return err
}

// until looks again and again until what it looks at has happened.
func until(ctx context.Context, what string, look func() (bool, error)) error {
	happened, err := by(ctx, time.Now().Add(lookPatience), look)
	if err == nil && !happened {
		err = fmt.Errorf("%s has not happened within %s", what, lookPatience)
	}
	return err
}

// by looks again and again, at least once, and reports whether what it looks at has happened by the end.
func by(ctx context.Context, end time.Time, look func() (bool, error)) (bool, error) {
	for {
		happened, err := look()
		if err != nil || happened || !time.Now().Before(end) {
			return happened, err
		}
		if wait(ctx, lookInterval); ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
	}
}

// get and post are requests of the API.
func get(token, path string) Request {
	return Request{Method: http.MethodGet, Path: path, Token: token}
}

func post(token, path, key string, body any) Request {
	request := Request{Method: http.MethodPost, Path: path, Token: token, Key: key}
	if body != nil {
		request.Body, _ = json.Marshal(body) // plain data always encodes
	}
	return request
}
