package api

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/sqlite"
)

// Live sends two points, waits for the stream to end if the engine is said to hang, and fails the way it is told.
func (e *scripted) Live(
	ctx context.Context, campaign string, after int64, staff core.Principal, send func(*core.LivePoint) error,
) error {
	e.asked.text, e.asked.who = campaign+" after "+strconv.FormatInt(after, 10), staff
	if err := e.call(); err != nil {
		return err
	}
	for second := after + 1; second <= after+2; second++ {
		if e.second != nil && second == after+2 {
			<-e.second
		}
		if err := send(&core.LivePoint{Campaign: campaign, Second: second, Orders: 1}); err != nil {
			return err
		}
	}
	if e.corrects {
		if err := send(&core.LivePoint{Campaign: campaign, Second: after + 1, Orders: 2, Corrected: true}); err != nil {
			return err
		}
	}
	if e.hangs != nil {
		close(e.hangs)
		<-ctx.Done()
	}
	return nil
}

// watching is a client that reads a stream.
type watching struct {
	t     *testing.T
	lines *bufio.Scanner
	last  string // the id of the last event
	// corrected says that corrections are looked at, too. Where they are not, they do not matter.
	corrected bool
	cancel    func()
}

// watch opens a stream; the answer has to be one.
func (c *client) watch(path string, headers ...string) *watching {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	for ; len(headers) > 0; headers = headers[2:] {
		request.Header.Set(headers[0], headers[1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		c.t.Fatal(err)
	}
	t, _ := c.t.(*testing.T)
	t.Cleanup(func() {
		cancel()
		_ = response.Body.Close()
	})
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != eventsType {
		t.Fatalf("the stream is answered with %s %v", response.Status, response.Header)
	}
	return &watching{t: t, lines: bufio.NewScanner(response.Body), cancel: cancel}
}

// next returns the next point; false when the stream has ended.
func (w *watching) next() (p core.LivePoint, more bool) {
	w.t.Helper()
	event := ""
	for w.lines.Scan() {
		name, value, _ := strings.Cut(w.lines.Text(), ": ")
		switch name {
		case "id":
			w.last = value
		case "event":
			event = value
		case "data":
			if err := json.Unmarshal([]byte(value), &p); err != nil {
				w.t.Fatal(err)
			}
			if p.Corrected && !w.corrected {
				p = core.LivePoint{}
				continue
			}
			if event != "point" || strconv.FormatInt(p.Second, 10) != w.last && !p.Corrected {
				w.t.Errorf("event %q of id %s is of second %d", event, w.last, p.Second)
			}
			return p, true
		}
	}
	return p, false
}

// until returns the first point for which found is true. Every second has to come, in its order.
func (w *watching) until(found func(p *core.LivePoint) bool) core.LivePoint {
	w.t.Helper()
	before := int64(0)
	for {
		p, more := w.next()
		if !more {
			w.t.Fatal("the stream has ended")
		}
		if before != 0 && p.Second != before+1 {
			w.t.Fatalf("after second %d came %d", before, p.Second)
		}
		if before = p.Second; found(&p) {
			return p
		}
	}
}

func TestACorrectionIsAPointWithoutAnID(t *testing.T) {
	engine, s, c := newScripted(t, false)
	engine.corrects = true
	w := c.withKey(s, "demo-operator").watch("/v1/campaigns/phone/live?after=6")
	w.corrected = true
	for range 2 {
		if p, more := w.next(); !more || p.Corrected {
			t.Fatalf("the points begin with %+v", p)
		}
	}
	if p, more := w.next(); !more || !p.Corrected || p.Second != 7 || p.Orders != 2 {
		t.Errorf("the correction is %+v", p)
	}
	if w.last != "8" {
		t.Errorf("who comes back after the correction goes on behind %s", w.last)
	}
}

func TestAStreamBeginsAfterTheEventThatWasReadLast(t *testing.T) {
	for name, tt := range map[string]struct {
		path    string
		headers []string
		want    string
	}{
		"now, without one":                  {"", nil, "phone after 0"},
		"after the header's":                {"", []string{"Last-Event-ID", "1356062400"}, "phone after 1356062400"},
		"after the parameter's":             {"?after=1356062400", nil, "phone after 1356062400"},
		"after the header's, if both stand": {"?after=7", []string{"Last-Event-ID", "1356062400"}, "phone after 1356062400"},
	} {
		t.Run(name, func(t *testing.T) {
			engine, s, c := newScripted(t, false)
			w := c.withKey(s, "demo-operator").watch("/v1/campaigns/phone/live"+tt.path, tt.headers...)
			first, _ := w.next()
			second, _ := w.next()
			if _, more := w.next(); more || second.Second != first.Second+1 || first.Orders != 1 {
				t.Errorf("points %+v and %+v, more: %v", first, second, more)
			}
			if engine.asked.text != tt.want || engine.asked.who.ID != "demo-operator" {
				t.Errorf("%s asked for %q, want %q", engine.asked.who.ID, engine.asked.text, tt.want)
			}
		})
	}
}

func TestWhoMayNotWatchIsToldSoBeforeTheStreamBegins(t *testing.T) {
	_, s, c := newScripted(t, false)
	operator := c.withKey(s, "demo-operator")
	const live = "/v1/campaigns/phone/live"
	(&client{t: t, url: c.url}).do(http.MethodGet, live, "").problem(t, CodeUnauthorized)
	c.as(s, alice).do(http.MethodGet, live, "").problem(t, CodeForbidden)
	c.withKey(s, "demo-meizu").do(http.MethodGet, live, "").problem(t, core.CodeNotFound)
	operator.do(http.MethodGet, "/v1/campaigns/No Such/live", "").problem(t, core.CodeNotFound)
	for _, id := range []string{"yesterday", "-1", "1.5", "9999999999999999999", "１"} {
		operator.do(http.MethodGet, live, "", "Last-Event-ID", id).problem(t, core.CodeInvalid)
	}
	operator.do(http.MethodGet, live+"?after=-1", "").problem(t, core.CodeInvalid)
	operator.do(http.MethodGet, live+"?since=1", "").problem(t, core.CodeInvalid)
}

// serveStreams serves on a real listener with the limits that the program has, and a short time to send a request in.
func serveStreams(t *testing.T, s *Server) *client {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config = s.HTTPServer()
	server.Config.ReadTimeout = 100 * time.Millisecond // a stream goes on all the same
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		if err := server.Config.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &client{t: t, url: server.URL}
}

func TestAStreamEndsWithTheKeyThatOpenedIt(t *testing.T) {
	d := newDeskOfKeys(t)
	engine := &scripted{second: make(chan struct{})}
	d.server.engine = engine
	root := d.withKey(d.server, "demo-admin")
	key := made(t, root.do(http.MethodPost, "/v1/keys", `{"person":"olga","role":"operator","reason":"on call"}`).wants(t, http.StatusCreated))
	w := d.holding(key.Secret).watch("/v1/campaigns/phone/live")
	if p, more := w.next(); !more || p.Second != 1 {
		t.Fatalf("the stream begins with %+v", p)
	}
	root.do(http.MethodPost, "/v1/keys/"+key.ID+"/revocations", `{"reason":"lost"}`).wants(t, http.StatusOK)
	close(engine.second)
	if p, more := w.next(); more {
		t.Errorf("after its key was revoked the stream says %+v", p)
	}
}

// hold opens a stream whose engine goes on, and returns once the place is taken.
func (d *door) hold(t *testing.T, credential string, n int) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var streams sync.WaitGroup
	for range n {
		hanging := &first{ResponseRecorder: httptest.NewRecorder(), written: make(chan struct{})}
		request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/campaigns/phone/live", nil)
		request.Header.Set("Authorization", "Bearer "+credential)
		streams.Go(func() { d.server.Handler().ServeHTTP(hanging, request) })
		<-hanging.written
	}
	return func() {
		cancel()
		streams.Wait()
	}
}

// first tells when something was written.
type first struct {
	*httptest.ResponseRecorder

	once    sync.Once
	written chan struct{}
}

func (f *first) Write(b []byte) (int, error) {
	f.once.Do(func() { close(f.written) })
	return f.ResponseRecorder.Write(b)
}

// watchedForEver is an engine whose streams last as long as they are watched.
type watchedForEver struct{ *scripted }

func (watchedForEver) Record(context.Context, string) (*core.CampaignRecord, error) {
	return sampleCampaign().Record, nil
}

func (watchedForEver) Live(ctx context.Context, _ string, _ int64, _ core.Principal, _ func(*core.LivePoint) error) error {
	<-ctx.Done()
	return nil
}

func TestAPersonWatchesSoManyStreamsWithAllOfTheirKeysAndNoMore(t *testing.T) {
	d := &door{t: t, engine: &scripted{}, keys: NewDemoKeys()}
	d.keys.Staff[1].Person = d.keys.Staff[0].ID
	s, _ := newServer(t, Options{Engine: watchedForEver{d.engine}, Keys: d.keys})
	d.server = s
	one, two, another := d.keys.Staff[0].Key, d.keys.Staff[1].Key, d.keys.Staff[2].Key
	endOne, endTwo := d.hold(t, one, streamsOfPerson-1), d.hold(t, two, 1)
	for _, key := range []string{one, two} {
		w := d.send("1.1.1.1:1", key, http.MethodGet, "/v1/campaigns/phone/live")
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "5" || !strings.Contains(w.Body.String(), "you watch 8 streams") {
			t.Errorf("one too many: %d, %s", w.Code, w.Body)
		}
	}
	d.hold(t, another, 1)()
	endTwo()
	d.hold(t, two, 1)()
	endOne()
	if s.streams.open != 0 || len(s.streams.of) != 0 {
		t.Errorf("places are left over: %d, %v", s.streams.open, s.streams.of)
	}
}

func TestANodeTakesSoManyStreamsAndNoMore(t *testing.T) {
	var places streamPlaces
	var releases []func()
	for i := range streamsOfNode {
		release, problem := places.take(&core.Principal{ID: strconv.Itoa(i / streamsOfPerson)})
		if problem != nil {
			t.Fatal(problem)
		}
		releases = append(releases, release)
	}
	stranger := &core.Principal{ID: "0", Brand: "meizu"} // somebody else than 0, who has none yet
	_, problem := places.take(stranger)
	if problem == nil || problem.Status != http.StatusServiceUnavailable || problem.Code != core.CodeOverloaded || problem.retryAfter != streamsFull {
		t.Fatalf("one too many: %v", problem)
	}
	releases[0]()
	if _, problem := places.take(stranger); problem != nil {
		t.Errorf("a place that is free: %v", problem)
	}
}

func TestADrainingServerEndsItsStreams(t *testing.T) {
	engine := &scripted{hangs: make(chan struct{})}
	s, _ := newServer(t, Options{Engine: engine, Rulesets: engine, Readiness: engine, Plugins: engine, Rules: inlineRules{}})
	server := s.HTTPServer()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	c := &client{t: t, url: "http://" + listener.Addr().String()}
	w := c.withKey(s, "demo-operator").watch("/v1/campaigns/phone/live")
	<-engine.hangs // both points are sent, and the engine would send more
	if err := server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	serving.Wait()
	w.next()
	w.next()
	if _, more := w.next(); more || w.last != "2" || w.lines.Err() != nil {
		t.Errorf("the stream ended with event %s, %v", w.last, w.lines.Err())
	}
}

// stuck is a client that does not read: what is written stays in the buffers until the deadline.
type stuck struct {
	*httptest.ResponseRecorder

	deadlines []time.Time
}

func (s *stuck) SetWriteDeadline(t time.Time) error {
	s.deadlines = append(s.deadlines, t)
	return nil
}

func (s *stuck) Write(b []byte) (int, error) {
	if s.Body.Len() > 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return s.ResponseRecorder.Write(b)
}

func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	engine, s, _ := newScripted(t, false)
	engine.hangs = make(chan struct{}) // if it got that far, it would stay there
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/campaigns/phone/live", nil)
	for _, key := range s.keys.Staff {
		if key.ID == "demo-operator" {
			request.Header.Set("Authorization", "Bearer "+key.Key)
		}
	}
	out := &stuck{ResponseRecorder: httptest.NewRecorder()}
	began := time.Now()
	s.Handler().ServeHTTP(out, request)
	if out.Body.String() != "retry: 1000\n\n" {
		t.Errorf("it was sent %q", out.Body)
	}
	if n := len(out.deadlines); n != 3 || out.deadlines[0].Before(began.Add(liveWrite)) || !out.deadlines[n-1].IsZero() {
		t.Errorf("the deadlines are %v", out.deadlines)
	}
}

// newShop serves one more node on the store.
func newNode(t *testing.T, store *sqlite.Store) (*Server, *client) {
	t.Helper()
	engine := core.NewEngine(core.Options{
		Store: store, Campaigns: store, Ledger: store, Journal: store, Nodes: store, Compiler: inlineRules{},
		Log: slog.New(slog.DiscardHandler),
	})
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Stop)
	s, _ := newServer(t, Options{Engine: engine, Rulesets: store, Readiness: engine, Demo: true})
	return s, serveStreams(t, s)
}

// TestAStreamIsResumedOnAnotherNode sells on one node, watches on it, and goes on watching on another.
func TestAStreamIsResumedOnAnotherNode(t *testing.T) {
	store, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	one, here := newNode(t, store)
	other, there := newNode(t, store)
	operator := openDrop(t, one, here, core.PhaseSale)
	w := operator.watch("/v1/campaigns/phone/live")
	first := w.until(func(*core.LivePoint) bool { return true })
	shopper, same := here.as(one, alice), there.as(other, alice)
	shopper.order(`{"sku":"case","quantity":2}`, "a").wants(t, http.StatusCreated)
	shopper.order(`{"sku":"case","quantity":1,"input":{"colour":"black"}}`, "b").problem(t, core.CodeDenied)
	same.order(`{"sku":"case","quantity":1}`, "c").wants(t, http.StatusCreated)

	var orders, denied int64
	counts := func(p *core.LivePoint) bool {
		orders, denied = orders+p.Orders, denied+p.Denied["no_black"]
		return orders == 2 && denied == 1
	}
	sold := w.until(counts)
	if sold.Stock["case"] != 97 || len(sold.Nodes) != 2 || sold.Rollout.Live != 1 || sold.P99 < sold.P50 || sold.Placed != 2 {
		t.Errorf("the point is %+v", sold)
	}
	w.cancel()

	orders, denied = 0, 0
	before := strconv.FormatInt(first.Second, 10)
	again := there.withKey(other, "demo-operator").watch("/v1/campaigns/phone/live", "Last-Event-ID", before)
	resumed := again.until(counts)
	if resumed.Second != sold.Second || resumed.Stock["case"] != 97 {
		t.Errorf("on the other node the point is %+v", resumed)
	}
	there.withKey(other, "demo-meizu").do(http.MethodGet, "/v1/campaigns/phone/live", "").problem(t, core.CodeNotFound)
}
