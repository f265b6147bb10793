package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hotdrop/api"
	"hotdrop/core"
)

// swappedResult is a result of a sale with swaps in which everything is as it should be.
func swappedResult() *Result {
	r := balanced()
	r.Nodes, r.Store = 3, "postgres"
	r.Swaps = &Swaps{
		Swaps: 200, WhileSelling: 198, Undos: 40, Canaries: 20, Shadows: 20,
		Slowest: 31 * time.Millisecond, SlowestFollow: 44 * time.Millisecond, DatabaseConnections: 51,
		Calm: Calm{Swaps: 10, Orders: 60_000, Highest: 8000.4, Rate: 4000.2},
	}
	for range 100 {
		r.Swaps.commit.observe(5 * time.Millisecond)
		r.Swaps.follow.observe(20 * time.Millisecond)
		r.Swaps.Calm.others.observe(4 * time.Millisecond)
		r.Swaps.Calm.swapped.observe(5 * time.Millisecond)
	}
	return r
}

func TestSwapsAreReportedWhereThereWereAny(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := swappedResult().writeJSON(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"swaps": 200,`, `"stale_orders": 0,`, `"stale_answers": 0,`, `"mixed_prices": 0,`, `"swap_max_ms": 31,`, `"follow_max_ms": 44,`,
		`"database_connections": 51,`, `"calm_orders_per_second": 4000,`, `"calm_highest_orders_per_second": 8000,`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %s in\n%s", want, out.String())
		}
	}
	if ratio := swappedResult().Swaps.Calm.Ratio(); ratio < 1.2 || ratio > 1.3 {
		t.Errorf("5 ms are %v of 4 ms", ratio)
	}
	if ratio := (&Calm{}).Ratio(); ratio != 0 {
		t.Errorf("nothing is %v of nothing", ratio)
	}
}

func TestSwapsThatWentWrongUnbalanceTheBooks(t *testing.T) {
	t.Parallel()
	if err := swappedResult().Err(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Result){
		"1 orders at the price of a ruleset that did not decide": func(r *Result) { r.Swaps.StaleAnswers++ },
		"2 orders at the price of no ruleset":                    func(r *Result) { r.Swaps.Mixed = 2 },
		"2 orders that are not in the log of decisions":          func(r *Result) { r.Swaps.Unlogged = 2 },
		"1 orders whose total in the log of decisions":           func(r *Result) { r.Swaps.Mislogged = 1 },
		"1 swaps that a node did not follow in time":             func(r *Result) { r.Swaps.NotFollowed++ },
		"1 acknowledged orders of the calm phase lost":           func(r *Result) { r.Swaps.Calm.Lost++ },
		"1 orders of the calm phase at another price":            func(r *Result) { r.Swaps.Calm.Repriced++ },
		"3 orders at another price than they were":               func(r *Result) { r.Repriced = 3 },
		"61 connections to the database, should be at most 60":   func(r *Result) { r.Swaps.DatabaseConnections = 61 },
		"4 orders were decided under an earlier epoch":           func(r *Result) { r.Audit.Stale = 4 },
	} {
		r := swappedResult()
		spoil(r)
		if problems := r.Problems(); len(problems) != 1 || !strings.HasPrefix(problems[0], want) {
			t.Errorf("the problems are %q, want %q", problems, want)
		}
	}
}

// rolloutServer is a server with nothing but a rollout, which answers swaps as the real one does; spoil changes its answers.
type rolloutServer struct {
	mu       sync.Mutex
	number   int64
	live     []int64 // one entry for each rollout
	canary   []int64
	rulesets int64
	asked    []string
	spoil    func(path string, answer map[string]any) int
}

func (s *rolloutServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var body struct {
		Mode    core.Mode `json:"mode"`
		Ruleset int64     `json:"ruleset"`
		Expect  int64     `json:"expect"`
		Wait    int64     `json:"wait"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body) // some have none
	path := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/v1/campaigns/sale")
	s.asked = append(s.asked, path+" "+string(body.Mode))
	status, answer := http.StatusOK, map[string]any{}
	switch path {
	case "POST /rulesets":
		s.rulesets++
		status, answer = http.StatusCreated, map[string]any{"ruleset": s.rulesets}
	case "POST /rollout", "POST /undo":
		if body.Expect != s.number {
			status = http.StatusPreconditionFailed
			break
		}
		s.change(path, body.Mode, body.Ruleset)
		answer = s.answer()
		if body.Wait > 0 {
			at := time.Date(2012, 12, 21, 12, 0, 0, 7e6, time.UTC)
			answer["nodes"] = []any{map[string]any{"node": "a", "followed_at": at}}
		}
	default:
		answer = s.answer()
	}
	if s.spoil != nil {
		if changed := s.spoil(path, answer); changed != 0 {
			status = changed
		}
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

func (s *rolloutServer) change(path string, mode core.Mode, ruleset int64) {
	s.number++
	live, canary := s.live[len(s.live)-1], s.canary[len(s.canary)-1]
	switch {
	case path == "POST /undo":
		live, canary = s.live[len(s.live)-2], s.canary[len(s.canary)-2]
	case mode == core.ModeLive:
		live, canary = ruleset, 0
	case mode == core.ModeCanary:
		canary = ruleset
	}
	s.live, s.canary = append(s.live, live), append(s.canary, canary)
}

func (s *rolloutServer) answer() map[string]any {
	state := map[string]any{"live": s.live[len(s.live)-1]}
	if canary := s.canary[len(s.canary)-1]; canary != 0 {
		state["canary"] = map[string]any{"ruleset": canary}
	}
	return map[string]any{
		"rollout": s.number, "state": state, "nodes": []any{}, "committed_at": time.Date(2012, 12, 21, 12, 0, 0, 0, time.UTC),
	}
}

// swapperAt is a swapper of so many swaps against the server.
func swapperAt(t *testing.T, handler *rolloutServer, swaps int) (*swapper, error) {
	t.Helper()
	handler.number, handler.live, handler.canary, handler.rulesets = 5, []int64{1}, []int64{0}, 1
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	r := crowdAt(t, 1, handler)
	r.urls, r.signer, r.result.Swaps = []string{server.URL}, api.NewDemoKeys("xiaomi"), &Swaps{}
	r.config.Patience = time.Millisecond
	sale := phoneSale(t)
	sale.ID = "sale"
	s, err := r.newSwapper(t.Context(), sale, planSwaps(swaps))
	if err == nil {
		t.Cleanup(func() { _ = s.close() })
	}
	return s, err
}

func TestEverySwapOfThePlanIsMade(t *testing.T) {
	t.Parallel()
	server := &rolloutServer{}
	s, err := swapperAt(t, server, 20)
	if err != nil {
		t.Fatal(err)
	}
	due := make(chan struct{}, 3)
	for range cap(due) {
		due <- struct{}{}
	}
	close(due)
	selling := 4
	if err := s.run(t.Context(), due, func() bool { selling--; return selling >= 0 }); err != nil {
		t.Fatal(err)
	}
	want := Swaps{Swaps: 20, WhileSelling: 4, Undos: 4, Canaries: 2, Shadows: 2, SlowestFollow: 7 * time.Millisecond}
	got := *s.swaps
	if got.commit.total != 18 || got.follow.total != 2 || got.Slowest <= 0 {
		t.Errorf("%d commits and %d followings were measured", got.commit.total, got.follow.total)
	}
	got.commit, got.follow, got.Slowest = histogram{}, histogram{}, 0
	if got != want {
		t.Errorf("the swaps are %+v", got)
	}
	if s.variants[0].ruleset != 1 || s.variants[variants].ruleset != variants+1 {
		t.Errorf("the rulesets are %v", s.variants)
	}
	if n := len(slices.DeleteFunc(server.asked, func(what string) bool { return what != "POST /undo " })); n != 4 {
		t.Errorf("%d times it was undone", n)
	}
}

func TestASwapThatIsNotWhatWasAskedForEndsTheRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(path string, answer map[string]any) int
		want  string
	}{
		"another ruleset is live": {func(path string, answer map[string]any) int {
			if path == "POST /rollout" {
				answer["state"] = map[string]any{"live": 99}
			}
			return 0
		}, "after swap 1 rulesets 99 and 0 decide"},
		"it is refused": {func(path string, _ map[string]any) int {
			if path == "POST /rollout" {
				return http.StatusConflict
			}
			return 0
		}, "status 409"},
		"a ruleset without a number": {func(path string, answer map[string]any) int {
			if path == "POST /rulesets" {
				answer["ruleset"] = 0
			}
			return 0
		}, "a ruleset without a number"},
		"the rollout is not found": {func(path string, _ map[string]any) int {
			if path == "GET /rollout" {
				return http.StatusNotFound
			}
			return 0
		}, "status 404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := swapperAt(t, &rolloutServer{spoil: test.spoil}, 3)
			if err == nil {
				due := make(chan struct{})
				close(due)
				err = s.run(t.Context(), due, func() bool { return false })
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func TestANodeThatDoesNotFollowIsTold(t *testing.T) {
	t.Parallel()
	for name, nodes := range map[string][]any{
		"no node is named":   {},
		"one has not yet":    {map[string]any{"node": "a"}},
		"one of two has not": {map[string]any{"node": "a", "followed_at": time.Unix(1, 0)}, map[string]any{"node": "b"}},
	} {
		s, err := swapperAt(t, &rolloutServer{spoil: func(_ string, answer map[string]any) int {
			if _, rollout := answer["nodes"]; rollout {
				answer["nodes"] = nodes
			}
			return 0
		}}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.swap(t.Context(), true); err != nil || s.swaps.NotFollowed != 1 || s.swaps.follow.total != 0 {
			t.Errorf("%s: %v, %d not followed, %d measured", name, err, s.swaps.NotFollowed, s.swaps.follow.total)
		}
	}
}

func TestSwapsStopWithTheRun(t *testing.T) {
	t.Parallel()
	s, err := swapperAt(t, &rolloutServer{}, 3)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the operator went home")
	cancel(why)
	if err := s.run(ctx, make(chan struct{}), func() bool { return true }); !errors.Is(err, why) {
		t.Errorf("%v, want %v", err, why)
	}
}

// connectionsOf is a gauge that shows one number after the other and then fails.
type connectionsOf struct {
	shows  []int64
	closed chan struct{}
}

func (c *connectionsOf) Connections(context.Context) (int64, error) {
	if len(c.shows) == 0 {
		return 0, errors.New("nothing is left to count")
	}
	n := c.shows[0]
	c.shows = c.shows[1:]
	return n, nil
}

func (c *connectionsOf) Close() error {
	close(c.closed)
	return nil
}

func TestTheMostConnectionsAreReported(t *testing.T) {
	t.Parallel()
	config := Config{Swaps: 1, Store: "postgres://x"}
	counting := &connectionsOf{shows: []int64{3, 17, 5}, closed: make(chan struct{})}
	config.Gauge = func(context.Context, string) (Gauge, error) { return counting, nil }
	r := &runner{config: config, result: &Result{Swaps: &Swaps{}}}
	err := r.counted(t.Context(), func(context.Context, *runner) error {
		<-counting.closed
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "nothing is left to count") {
		t.Errorf("a gauge that failed: %v", err)
	}
	if r.result.Swaps.DatabaseConnections != 17 {
		t.Errorf("%d connections", r.result.Swaps.DatabaseConnections)
	}
	config.Gauge = func(context.Context, string) (Gauge, error) { return nil, errors.New("no such database") }
	if err := (&runner{config: config}).counted(t.Context(), nil); err == nil {
		t.Error("a database that cannot be reached is counted")
	}
	config.Store = ""
	played := errors.New("played")
	err = (&runner{config: config, result: &Result{}}).counted(t.Context(), func(context.Context, *runner) error { return played })
	if !errors.Is(err, played) {
		t.Errorf("without a database: %v", err)
	}
}

// TestTheLogOfDecisionsIsHeldAgainstTheAcknowledgements on two pages, for one order that is as it should be and three that are
// not.
func TestTheLogOfDecisionsIsHeldAgainstTheAcknowledgements(t *testing.T) {
	t.Parallel()
	id := func(n int) string { return strings.Repeat(strconv.Itoa(n), len(orderID{})) }
	row := func(n int, ruleset, total int64) string {
		return fmt.Sprintf(`{"id":"sale.%s","ruleset":%d,"total":%d,"decision":{}}`, id(n), ruleset, total)
	}
	pages := []string{
		`{"data":[` + row(1, 7, 100) + `,` + row(2, 7, 90) + `],"next":"more of it"}`,
		`{"data":[` + row(3, 8, 100) + `,` + row(9, 7, 1) + `],"next":null}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := r.URL.Query().Get("cursor") == ""
		if !first && r.URL.Query().Get("cursor") != "more of it" || r.URL.Query().Get("kind") != "orders" {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
		_, _ = w.Write([]byte(pages[map[bool]int{true: 0, false: 1}[first]]))
	}))
	t.Cleanup(server.Close)
	client, err := NewClient(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	r := &runner{
		config: Config{Swaps: 1}, replay: &replay{campaign: "sale"}, result: &Result{Swaps: &Swaps{}},
		staff: &staff{nodes: []*Client{client}}, gives: map[int64]int64{7: 100, 8: 90},
	}
	var orders []placement
	for n := range 4 {
		orders = append(orders, placement{id: orderID([]byte(id(n + 1))), total: 100})
	}
	if err := r.checkLog(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	if s := r.result.Swaps; s.Logged != 3 || s.Unlogged != 1 || s.Mislogged != 2 {
		t.Errorf("%d in the log, %d not, %d wrong", s.Logged, s.Unlogged, s.Mislogged)
	}
	pages[0] = `{"data":[],"next":"another"}`
	if err := r.checkLog(t.Context(), orders); err == nil || !strings.Contains(err.Error(), "status 422") {
		t.Errorf("a log that cannot be read: %v", err)
	}
}
