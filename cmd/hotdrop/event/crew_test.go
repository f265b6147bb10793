package event

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// counting serves and counts how often each path was asked for; answer decides the status by path and count.
type counting struct {
	mu     sync.Mutex
	seen   map[string]int
	answer func(path string, n int) int
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.seen[r.URL.Path]++
	n := c.seen[r.URL.Path]
	c.mu.Unlock()
	w.WriteHeader(c.answer(r.URL.Path, n))
	_, _ = w.Write([]byte("12345"))
}

func countingServer(t *testing.T, answer func(path string, n int) int) (*counting, *httptest.Server) {
	t.Helper()
	handler := &counting{seen: map[string]int{}, answer: answer}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return handler, server
}

// walker asks for /0, /1, … and does with each answer what verdicts says about its status.
type walker struct {
	client   *Client
	verdicts map[int]verdict
	statuses map[int]int
}

func (w *walker) request(b []byte, i int) []byte {
	return w.client.appendRequest(b, Request{Method: "POST", Path: "/" + strconv.Itoa(i)})
}

func (w *walker) answered(_ int, r Response) verdict {
	w.statuses[r.Status]++
	return w.verdicts[r.Status]
}

func TestEveryRequestOfAWorkloadIsSentOnce(t *testing.T) {
	t.Parallel()
	handler, server := countingServer(t, func(string, int) int { return http.StatusCreated })
	_, other := countingServer(t, func(string, int) int { return http.StatusOK })
	team, err := newCrew(8, time.Minute, server.URL, server.URL, other.URL)
	if err != nil {
		t.Fatal(err)
	}
	m, err := team.run(t.Context(), 1000, func(c *Client) worker {
		return &walker{client: c, statuses: map[int]int{}}
	}, nil)
	if err := errors.Join(err, team.close()); err != nil {
		t.Fatal(err)
	}
	if m.requests != 1000 || m.bytes != 5000 || m.latency.total != 1000 || m.errors+m.retried != 0 || m.meanSize() != 5 {
		t.Errorf("%d requests, %d bytes, %d errors, %d retried", m.requests, m.bytes, m.errors, m.retried)
	}
	if m.created.total != uint64(len(handler.seen)) {
		t.Errorf("%d created, %d seen", m.created.total, len(handler.seen))
	}
	for path, n := range handler.seen {
		if n != 1 {
			t.Errorf("%s was asked for %d times", path, n)
		}
	}
	if m.rate() <= 0 {
		t.Errorf("the rate is %v", m.rate())
	}
}

func TestAWorkerMayHaveItsRequestRepeated(t *testing.T) {
	t.Parallel()
	handler, server := countingServer(t, func(_ string, n int) int {
		return []int{http.StatusAccepted, http.StatusConflict, http.StatusOK}[min(n, 3)-1]
	})
	team, err := newCrew(2, time.Minute, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	m, err := team.run(t.Context(), 10, func(c *Client) worker {
		verdicts := map[int]verdict{http.StatusAccepted: repeat, http.StatusConflict: repeatLater, http.StatusOK: done}
		return &walker{client: c, verdicts: verdicts, statuses: map[int]int{}}
	}, nil)
	if err := errors.Join(err, team.close()); err != nil {
		t.Fatal(err)
	}
	if m.requests != 30 || len(handler.seen) != 10 {
		t.Errorf("%d requests for %d paths", m.requests, len(handler.seen))
	}
}

func TestWhatIsGivenUpCountsAsAnError(t *testing.T) {
	t.Parallel()
	_, server := countingServer(t, func(path string, _ int) int {
		if path == "/3" {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	team, err := newCrew(1, time.Nanosecond, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var w *walker
	m, err := team.run(t.Context(), 5, func(c *Client) worker {
		w = &walker{client: c, statuses: map[int]int{}}
		return w
	}, nil)
	if err := errors.Join(err, team.close()); err != nil {
		t.Fatal(err)
	}
	if m.errors != 1 || m.requests != 5 || w.statuses[http.StatusServiceUnavailable] != 1 {
		t.Errorf("%d errors, %d requests, statuses %v", m.errors, m.requests, w.statuses)
	}
	server.Close()
	m, _ = team.run(t.Context(), 5, func(c *Client) worker { return &walker{client: c} }, nil)
	if m.errors != 5 || m.requests != 0 {
		t.Errorf("without a server: %d errors, %d requests", m.errors, m.requests)
	}
}

func TestAWorkloadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("stopped")
	_, server := countingServer(t, func(path string, _ int) int {
		if path == "/50" {
			cancel(why)
		}
		return http.StatusOK
	})
	team, err := newCrew(4, time.Minute, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	m, err := team.run(ctx, 1_000_000, func(c *Client) worker { return &walker{client: c, statuses: map[int]int{}} }, nil)
	if closed := team.close(); !errors.Is(err, why) || closed != nil {
		t.Errorf("%v, %v; want %v", err, closed, why)
	}
	if m.requests >= 1_000_000 || m.errors != 0 {
		t.Errorf("%d requests, %d errors", m.requests, m.errors)
	}
}

func TestAProgressBarIsDrawnUntilThePhaseEnds(t *testing.T) {
	t.Parallel()
	_, server := countingServer(t, func(string, int) int { return http.StatusOK })
	team, err := newCrew(1, time.Minute, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var drawn strings.Builder
	b := &bar{out: &drawn, name: "rush", of: 20}
	_, err = team.run(t.Context(), 10, func(c *Client) worker { return &walker{client: c, statuses: map[int]int{}} }, b)
	if err := errors.Join(err, team.close()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(drawn.String(), "rush") || !strings.HasSuffix(drawn.String(), "\r") {
		t.Errorf("the line is left as %q", drawn.String())
	}
}

// testReplay is a replay of three shoppers.
func testReplay(t *testing.T) *replay {
	t.Helper()
	p, err := newReplay("run", "phone-run", terms{sku: "mi2", currency: "CNY", price: 199_900})
	if err != nil {
		t.Fatal(err)
	}
	p.tokens = []string{"a", "b", "c"}
	return p
}

const (
	oneOrder     = "06fmxw9z3k8q7v5t2s1r0p4n6m"
	anotherOrder = "06fmxw9z3k8q7v5t2s1r0p4n6n"
)

// testBuyer is a buyer with the plan, who is not connected.
func testBuyer(t *testing.T, plan ...entry) *buyer {
	t.Helper()
	return &buyer{replay: testReplay(t), client: clientOf(t, "http://localhost"), plan: plan, tally: tally{}}
}

func placedAs(id string) Response { return answer(201, `{"id":"phone-run.`+id+`"}`) }

func TestABuyerComparesTheAnswersToARepeatedRequest(t *testing.T) {
	t.Parallel()
	sold, flying := answer(409, `{"code":"sold_out"}`), answer(409, `{"code":"in_flight"}`)
	for _, test := range []struct {
		name    string
		answers []Response
		broken  int64
		placed  int
	}{
		{"the same order twice", []Response{placedAs(oneOrder), placedAs(oneOrder)}, 0, 2},
		{"another order", []Response{placedAs(oneOrder), placedAs(anotherOrder)}, 1, 2},
		{"an order, then a refusal", []Response{placedAs(oneOrder), sold}, 1, 1},
		{"a refusal twice", []Response{sold, sold}, 0, 0},
		{"a refusal, then an order: stock came back", []Response{sold, placedAs(oneOrder)}, 0, 1},
		{"in flight in between", []Response{placedAs(oneOrder), flying, placedAs(oneOrder)}, 0, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := testBuyer(t, entry{1, again})
			w.request(nil, 0)
			for i, r := range test.answers {
				last := i == len(test.answers)-1
				if verdict := w.answered(0, r); (verdict == done) != last {
					t.Fatalf("answer %d: verdict %d", i, verdict)
				}
			}
			if w.broken != test.broken || len(w.placed) != test.placed {
				t.Errorf("%d broken, %d placed; want %d, %d", w.broken, len(w.placed), test.broken, test.placed)
			}
		})
	}
}

func TestAnAnswerThatNeverCameIsNotComparedWithTheNextRequests(t *testing.T) {
	t.Parallel()
	w := testBuyer(t, entry{1, again}, entry{2, again})
	w.request(nil, 0)
	w.answered(0, placedAs(oneOrder)) // its repetition is given up
	w.request(nil, 1)
	if verdict := w.answered(1, placedAs(anotherOrder)); verdict != repeat {
		t.Errorf("verdict %d", verdict)
	}
	if verdict := w.answered(1, placedAs(anotherOrder)); verdict != done || w.broken != 0 {
		t.Errorf("verdict %d, %d broken", verdict, w.broken)
	}
}

func TestRetriesShareTheirKeyAndSecondAttemptsDoNot(t *testing.T) {
	t.Parallel()
	plan := []entry{{1, first}, {1, twin}, {1, second}, {2, first}}
	w := testBuyer(t, plan...)
	requests := make([]string, len(plan))
	for i := range plan {
		requests[i] = string(w.request(nil, i))
	}
	if requests[0] != requests[1] {
		t.Errorf("a twin is sent as\n%s\nits original as\n%s", requests[1], requests[0])
	}
	if requests[0] == requests[2] || requests[0] == requests[3] {
		t.Error("two orders have one key")
	}
	if len(requests[0]) != len(requests[2]) || len(requests[0]) != len(requests[3]) {
		t.Error("requests differ in length")
	}
	if !strings.Contains(requests[0], "\r\nIdempotency-Key: order-run-s00000001\r\n") {
		t.Errorf("the request is %q", requests[0])
	}
	_, body, _ := strings.Cut(requests[0], "\r\n\r\n")
	var order map[string]any
	if err := json.Unmarshal([]byte(body), &order); err != nil || order["sku"] != "mi2" || order["quantity"] != 1.0 {
		t.Errorf("the body is %s, %v", body, err)
	}
}

func TestAReserverCountsWhoWillBeInTheRush(t *testing.T) {
	t.Parallel()
	w := &reserver{
		replay: testReplay(t), client: clientOf(t, "http://localhost"),
		shoppers: []uint32{5, 1, 2}, tokens: []string{"f", "b", "c"}, rush: 2, tally: tally{},
	}
	want := "POST /v1/campaigns/phone-run/reservations HTTP/1.1\r\nHost: localhost:80\r\nAuthorization: Bearer f\r\n" +
		"Content-Length: 0\r\n\r\n"
	if got := string(w.request(nil, 0)); got != want {
		t.Errorf("the request is %q, want %q", got, want)
	}
	for i, r := range []Response{answer(201, ""), answer(200, ""), answer(409, `{"code":"not_in_phase"}`)} {
		if verdict := w.answered(i, r); verdict != done {
			t.Errorf("verdict %d", verdict)
		}
	}
	if w.reserved != 2 || w.eligible != 1 || w.tally["not_in_phase"].n != 1 {
		t.Errorf("%d reserved, %d eligible, refusals %v", w.reserved, w.eligible, w.tally)
	}
}

func TestOnlyOrdersThatStandAsPaidArePaid(t *testing.T) {
	t.Parallel()
	orders := []placement{{1, orderID([]byte(oneOrder)), 199900}, {2, orderID([]byte(anotherOrder)), 199900}}
	client := clientOf(t, "http://localhost")
	w := &finder{payer{replay: testReplay(t), client: client, orders: orders, step: find, tally: tally{}}}
	requireStart(t, w.request(nil, 1), "GET /v1/orders/phone-run."+anotherOrder+" HTTP/1.1\r\n")
	w.answered(0, answer(200, `{"state":"paid"}`))
	w.answered(1, answer(200, `{"state":"placed"}`))
	w.answered(1, answer(404, `{"code":"not_found"}`))
	if w.found != 2 || w.paid != 1 {
		t.Errorf("%d found, %d paid", w.found, w.paid)
	}
	payer := &payer{replay: testReplay(t), client: client, orders: orders, step: pay, tally: tally{}}
	requireStart(t, payer.request(nil, 0), "POST /v1/orders/phone-run."+oneOrder+"/pay HTTP/1.1\r\n")
	if verdict := payer.answered(0, answer(409, `{"code":"in_flight"}`)); verdict != repeatLater {
		t.Errorf("verdict %d", verdict)
	}
	payer.step = topUp
	if got := string(payer.request(nil, 0)); !strings.HasSuffix(got, `{"currency":"CNY","amount":199900}`) {
		t.Errorf("the request is %q", got)
	}
}

func requireStart(t *testing.T, request []byte, start string) {
	t.Helper()
	if !strings.HasPrefix(string(request), start) {
		t.Errorf("the request is %q, want %q first", request, start)
	}
}

func TestARequestOfTheRushAllocatesNothing(t *testing.T) {
	w := testBuyer(t, entry{1, first}, entry{2, second})
	raw := []byte("HTTP/1.1 409 Conflict\r\nContent-Type: application/problem+json\r\nContent-Length: 19\r\n\r\n" +
		`{"code":"sold_out"}`)
	b := make([]byte, 0, 4096)
	step := func() {
		b = w.request(b[:0], 1)
		r, _, err := parseResponse(raw, nil, false)
		if err != nil || w.answered(1, r) != done {
			t.Error(err)
		}
	}
	step() // the first refusal of a code makes its counter
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
