package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

const (
	eventsType = "text/event-stream"
	// liveWrite is how long a client may leave an event unread once the buffers between are full. Nothing is kept for it: it
	// comes back and asks for what it lacks.
	liveWrite = 5 * time.Second
	// liveBeat is how often a stream says that it is alive, if nothing else does.
	liveBeat = 5 * time.Second
	// liveRetry is when clients come back whose stream has ended.
	liveRetry = time.Second
)

// Watcher watches campaigns.
type Watcher interface {
	// Live sends a point for each second after the given one (Unix seconds, 0: the last complete one), until ctx ends. What is
	// not of the principal's brand does not exist for it.
	Live(ctx context.Context, campaign string, after int64, staff core.Principal, send func(*core.LivePoint) error) error
	// Counted returns what this node has counted of its campaigns since it runs, sorted by campaign.
	Counted() []core.Counted
}

type liveInput struct {
	CampaignPath

	LastEventID string `header:"Last-Event-ID" pattern:"^[0-9]{1,18}$" patternDescription:"the id of an event" doc:"the last event that was read: those after it are sent, by whichever node; at most the last 15 minutes" example:"1356062400"`
	After       int64  `query:"after" minimum:"0" doc:"the same, for clients that cannot set the header; the header wins" example:"1356062400"`
}

// after is the second after which the stream begins; 0 if it begins now.
func (in *liveInput) after() int64 {
	if in.LastEventID == "" {
		return in.After
	}
	second, _ := strconv.ParseInt(in.LastEventID, 10, 64) // its pattern is that of a number
	return second
}

func (s *Server) registerLive() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "watch-campaign", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/live", Tags: []string{"staff"},
			Summary: "What happens in a campaign, every second",
			Description: "Server-sent events: each second is one event `point`, whose id is the second (Unix seconds) and whose data is " +
				"a JSON object, sent two seconds after the second began and also if nothing happened in it. If a node tells later, " +
				"but within ten seconds, what it counted, the whole second is sent again as an event `point` without an id and with " +
				"`corrected`: true. It takes the place of the one before. A point is what all nodes " +
				"together counted: sign-ups, orders, payments and refusals, what each ruleset decided and each mechanic cost, what " +
				"is left, the discount budget, and the rollout that was in force at the second's end. Nodes and guards are as they " +
				"stand when the point is sent: of seconds older than the last three they are left out. A guard's value is of what decides now; " +
				"`tripped` says that the rollout in force is what it made of the one before, and `tripped_at`, `tripped_value` and " +
				"`tripped_ruleset` are of the last time that it tripped. Amounts are minor " +
				"units, p50 and p99 microseconds, moments Unix milliseconds. A stream that ends, because a node stops or the " +
				"client was too slow to read, is resumed on any node with Last-Event-ID, and loses nothing. A person watches at most " +
				strconv.Itoa(streamsOfPerson) + " streams of a node at once (rate_limited), and all people together " +
				strconv.Itoa(streamsOfNode) + " (overloaded).",
			Responses: map[string]*huma.Response{"200": {
				Description: "OK", Content: map[string]*huma.MediaType{eventsType: {Schema: &huma.Schema{Type: huma.TypeString}}},
			}},
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable, core.CodeOverloaded},
	}, s.live)
}

func (s *Server) live(ctx context.Context, in *liveInput) (*huma.StreamResponse, error) {
	if _, err := s.ownRecord(ctx, in.Campaign); err != nil {
		return nil, err
	}
	staff := principalOf(ctx)
	release, problem := s.streams.take(&staff)
	if problem != nil {
		return nil, problem
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer release()
		ctx.SetHeader("Content-Type", eventsType)
		ctx.SetHeader("X-Accel-Buffering", "no") // a proxy in between passes on each event at once
		ctx.SetStatus(http.StatusOK)
		s.stream(ctx, in.Campaign, in.after())
	}}, nil
}

// errNoMore ends a stream whose key or session does not hold any more.
var errNoMore = errors.New("the credential that opened it has ended")

// stream sends points until the client leaves or is too slow, its key or session ends, or this node drains.
func (s *Server) stream(hctx huma.Context, campaign string, after int64) {
	ctx, end := context.WithCancel(hctx.Context())
	events := newEventStream(hctx, end)
	var beating sync.WaitGroup
	beating.Go(func() { events.beat(ctx, s.draining) })
	defer func() {
		end()
		beating.Wait()
		events.release()
	}()
	if events.write("retry: "+strconv.FormatInt(liveRetry.Milliseconds(), 10)+"\n\n") != nil {
		return
	}
	err := s.engine.Live(ctx, campaign, after, principalOf(ctx), func(p *core.LivePoint) error {
		if !stillHolds(ctx) {
			return errNoMore
		}
		return events.point(p)
	})
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "a live stream has ended", "campaign", campaign, "error", err.Error())
	}
}

// eventStream writes server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
type eventStream struct {
	out     http.ResponseWriter
	control *http.ResponseController
	end     func() // the stream, when nothing can be written any more

	mu     sync.Mutex
	silent bool // nothing was written since the last beat
}

// newEventStream prepares a response for a stream of unknown length: the server's own deadlines do not end it.
func newEventStream(ctx huma.Context, end func()) *eventStream {
	out := responseOf(ctx)
	e := &eventStream{out: out, control: http.NewResponseController(out), end: end}
	_ = e.control.SetReadDeadline(time.Time{}) // what cannot have deadlines has none to lift
	return e
}

// point sends one point. A correction has no id: the client is still where it was.
func (e *eventStream) point(p *core.LivePoint) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err //nolint:wrapcheck // plain data always encodes
	}
	var event bytes.Buffer
	if !p.Corrected {
		event.WriteString("id: " + strconv.FormatInt(p.Second, 10) + "\n")
	}
	event.WriteString("event: point\ndata: ")
	event.Write(data)
	event.WriteString("\n\n")
	return e.write(event.String())
}

// write sends a whole event, or ends the stream.
func (e *eventStream) write(event string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.silent = false
	if err := e.control.SetWriteDeadline(time.Now().Add(liveWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		e.end()
		return err //nolint:wrapcheck // nobody reads it
	}
	_, err := e.out.Write([]byte(event))
	if err == nil {
		err = e.control.Flush()
	}
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		e.end()
		return err //nolint:wrapcheck // the client is gone: nobody reads it
	}
	return nil
}

// beat tells the client from time to time that the stream is alive, and ends it when the node drains.
func (e *eventStream) beat(ctx context.Context, draining <-chan struct{}) {
	ticker := time.NewTicker(liveBeat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-draining:
			e.end()
			return
		case <-ticker.C:
			if e.wasSilent() {
				_ = e.write(": alive\n\n") // which ends the stream if it cannot
			}
		}
	}
}

// wasSilent reports whether nothing was written since it was asked the last time.
func (e *eventStream) wasSilent() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	was := e.silent
	e.silent = true
	return was
}

// release lifts the deadline again: the connection may serve other requests.
func (e *eventStream) release() { _ = e.control.SetWriteDeadline(time.Time{}) }
