package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/sqlite"

	"pgregory.net/rapid"
)

// never is a bound that nothing in a test reaches, so that the limit stays where it is put.
const never = 100 * time.Hour

func TestWhatARequestIsAbout(t *testing.T) {
	for request, want := range map[string]string{
		"POST /v1/campaigns/phone/orders": "order phone", "POST /v1/campaigns/phone/quotes": "quote phone",
		"POST /v1/campaigns/phone/reservations": "reservation phone", "POST /v1/orders/phone.1/pay": "own_order ",
		"POST /v1/orders/phone.1/cancel": "own_order ", "GET /v1/orders/phone.1": "own_order ",
		"GET /v1/campaigns/phone/orders": "else ", "GET /v1/campaigns/phone": "else ", "POST /v1/campaigns/phone/stop": "else ",
		"POST /v1/campaigns/a%2Fb/orders": "else ", "POST /v1/campaigns/phone/orders/": "else ", "GET /v1/orders/phone.1/explain": "else ",
		"POST /v1/orders/phone.1/ship": "else ", "GET /v1/orders": "else ", "GET /docs": "else ", "POST /campaigns/phone/orders": "else ",
	} {
		method, path, _ := strings.Cut(request, " ")
		about, campaign := askOf(httptest.NewRequest(method, path, nil))
		if got := about.String() + " " + campaign; got != want {
			t.Errorf("%s is %q, want %q", request, got, want)
		}
	}
}

func TestEveryAskIsAnOperationThatExists(t *testing.T) {
	paths := newDoor(t, Options{}).server.api.OpenAPI().Paths
	for _, path := range []string{"/v1/campaigns/{campaign}/orders", "/v1/campaigns/{campaign}/quotes", "/v1/campaigns/{campaign}/reservations", "/v1/orders/{order}/pay", "/v1/orders/{order}/cancel"} {
		op := paths[path].Post
		if about, _ := askOf(httptest.NewRequest(http.MethodPost, path, nil)); about == asksElse {
			t.Errorf("%s is about nothing", path)
		}
		if r := op.Responses["503"]; r == nil || !strings.Contains(r.Description, "overloaded") || r.Headers["Retry-After"] == nil {
			t.Errorf("%s does not document that it may be overloaded", path)
		}
	}
	if r := paths["/v1/orders/{order}"].Get.Responses["503"]; r == nil || !strings.Contains(r.Description, "overloaded") {
		t.Error("to look at an order does not document that it may be overloaded")
	}
}

// heldStore commits nothing until it is let go.
type heldStore struct {
	core.Store

	hold chan struct{}
}

func (s *heldStore) Apply(ctx context.Context, plan *core.Plan) (*core.Applied, error) {
	<-s.hold
	return s.Store.Apply(ctx, plan)
}

func (s *heldStore) ApplyLocked(ctx context.Context, q core.Query, build func(*core.State) (*core.Plan, error)) (*core.Applied, error) {
	<-s.hold
	return s.Store.ApplyLocked(ctx, q, build)
}

// rush is a real engine on a store that is held back, behind a door with little room. It sells a hundred cases.
type rush struct {
	*door

	store   *sqlite.Store
	held    *heldStore
	tokens  []string
	answers chan *httptest.ResponseRecorder
}

func newRush(t *testing.T, room int64, shoppers int) *rush {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	store, err := sqlite.Open(ctx, t.TempDir())
	if err == nil {
		err = store.Migrate(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := &rush{store: store, held: &heldStore{Store: store, hold: make(chan struct{})}, answers: make(chan *httptest.ResponseRecorder, shoppers)}
	engine := core.NewEngine(core.Options{Store: r.held, Campaigns: store, Ledger: store, Compiler: inlineRules{}})
	if err := engine.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		engine.Stop()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	r.door = &door{t: t, clock: &handClock{}, keys: NewDemoKeys("xiaomi")}
	var c *client
	r.server, c = newServer(t, Options{
		Engine: engine, Rulesets: store, Readiness: engine, Keys: r.keys, Demo: true, OrderLatency: never, clock: r.clock.now,
	})
	r.server.admission.limit.Store(room)
	openDrop(t, r.server, c, core.PhaseSale)
	for i := range shoppers {
		r.tokens = append(r.tokens, r.shopperNamed("s"+strconv.Itoa(i)))
	}
	return r
}

// order lets a shopper order a case.
func (r *rush) order(shopper int) *httptest.ResponseRecorder {
	body := strings.NewReader(`{"sku":"case","quantity":1}`)
	request := httptest.NewRequestWithContext(r.t.Context(), http.MethodPost, phoneOrders, body)
	request.Header = orderHeader("Authorization", "Bearer "+r.tokens[shopper])
	w := httptest.NewRecorder()
	r.server.Handler().ServeHTTP(w, request)
	return w
}

// everybody orders at once; the answers come as they are made.
func (r *rush) everybody() {
	for i := range r.tokens {
		go func() { r.answers <- r.order(i) }()
	}
}

// requireBooks requires that so many cases were sold, by as many orders, and that the audit finds nothing.
func (r *rush) requireBooks(sold int64) {
	r.t.Helper()
	summary, err := core.Audit(r.t.Context(), r.store, []core.CampaignKey{{Brand: "xiaomi", ID: "phone"}}, func(f core.Finding) { r.t.Errorf("audit: %+v", f) })
	if err != nil || summary.Orders != sold {
		r.t.Errorf("%d orders are in the books, want %d (%v)", summary.Orders, sold, err)
	}
	state, err := r.store.Load(r.t.Context(), core.Query{Brand: "xiaomi", Campaign: "phone", Counters: true})
	if err != nil {
		r.t.Fatal(err)
	}
	if left := state.Counters[core.StockCounter("case")].Remaining; left != 100-sold {
		r.t.Errorf("%d cases are left, want %d", left, 100-sold)
	}
}

func TestTheRushIsRefusedAtTheDoorBeforeAnythingIsTaken(t *testing.T) {
	const room, shoppers = 4, 30
	r := newRush(t, room, shoppers)
	r.everybody()
	for range shoppers - room { // who has no room is answered while the store answers nobody
		w := <-r.answers
		seconds, err := strconv.Atoi(w.Header().Get("Retry-After"))
		if w.Code != http.StatusServiceUnavailable || err != nil || seconds < 1 || seconds > longestRetry {
			t.Errorf("%d, Retry-After %q: %s", w.Code, w.Header().Get("Retry-After"), w.Body)
		}
		for _, part := range []string{`"code":"overloaded"`, "Idempotency-Key", "请在"} {
			if !strings.Contains(w.Body.String(), part) || w.Header().Get("Content-Type") != problemType {
				t.Errorf("%q is not in %s", part, w.Body)
			}
		}
	}
	r.requireBooks(0)
	if n := r.server.admission.underWay.Load(); n != room {
		t.Errorf("%d requests are under way", n)
	}
	close(r.held.hold)
	for range room {
		if w := <-r.answers; w.Code != http.StatusCreated {
			t.Errorf("who was let in is answered %d: %s", w.Code, w.Body)
		}
	}
	r.requireBooks(room)
	if n := r.server.admission.refused[asksOrder].Load(); n != shoppers-room {
		t.Errorf("%d refusals are counted", n)
	}
}

func TestWhoWasRefusedAtTheDoorOrdersLaterUnderTheSameKey(t *testing.T) {
	const room, shoppers = 2, 12
	r := newRush(t, room, shoppers)
	r.everybody()
	for range shoppers - room {
		<-r.answers
	}
	close(r.held.hold)
	for range room {
		<-r.answers
	}
	replayed := 0
	for i := range shoppers {
		w := r.order(i)
		if w.Code != http.StatusCreated {
			t.Errorf("shopper %d: %d %s", i, w.Code, w.Body)
		}
		if w.Header().Get("Idempotent-Replayed") == "true" {
			replayed++
		}
	}
	if replayed != room {
		t.Errorf("%d orders had been placed before, want %d", replayed, room)
	}
	r.requireBooks(shoppers)
	if n := r.server.admission.underWay.Load(); n != 0 {
		t.Errorf("%d requests are under way after all were answered", n)
	}
}

// With the door full of orders, what finishes an order is let in, and so is the staff; the rest waits.
func TestWhatFinishesAnOrderComesBeforeNewOnes(t *testing.T) {
	const room = 4
	d := newDoor(t, Options{OrderLatency: never})
	a := d.server.admission
	a.limit.Store(room)
	ann := d.shopperNamed("ann")
	order := "/v1/orders/" + sampleOrderID
	send := map[string]func() int{
		"quote":       func() int { return d.send("1.1.1.1:1", ann, http.MethodPost, "/v1/campaigns/phone/quotes").Code },
		"reservation": func() int { return d.send("1.1.1.1:1", ann, http.MethodPost, "/v1/campaigns/phone/reservations").Code },
		"order":       func() int { return d.send("1.1.1.1:1", ann, http.MethodPost, phoneOrders).Code },
		"pay":         func() int { return d.send("1.1.1.1:1", ann, http.MethodPost, order+"/pay").Code },
		"cancel":      func() int { return d.send("1.1.1.1:1", ann, http.MethodPost, order+"/cancel").Code },
		"look":        func() int { return d.send("1.1.1.1:1", ann, http.MethodGet, order).Code },
		"browse":      func() int { return d.send("1.1.1.1:1", ann, http.MethodGet, "/v1/campaigns/phone").Code },
		"staff":       func() int { return d.send("1.1.1.1:1", d.keys.Staff[0].Key, http.MethodGet, order).Code },
	}
	for underWay, refused := range map[int64]string{
		0: "", 2: "quote", 3: "quote reservation", 4: "order quote reservation", 7: "order quote reservation",
		8: "cancel look order pay quote reservation", 1000: "cancel look order pay quote reservation",
	} {
		a.underWay.Store(underWay)
		var got []string
		for what, do := range send {
			if do() == http.StatusServiceUnavailable {
				got = append(got, what)
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != refused {
			t.Errorf("%d under way, room for %d: refused are %q, want %q", underWay, room, got, refused)
		}
		if n := a.underWay.Load(); n != underWay {
			t.Errorf("%d under way afterwards, want %d", n, underWay)
		}
	}
}

func TestAHandlerThatPanicsGivesItsPlaceBack(t *testing.T) {
	a := newAdmission(never, func() int64 { return 0 })
	handler := a.admit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	func() {
		defer func() { _ = recover() }()
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, phoneOrders, nil))
	}()
	if n := a.underWay.Load(); n != 0 {
		t.Errorf("%d under way", n)
	}
}

func TestWithoutABoundNothingStandsInFront(t *testing.T) {
	if newAdmission(0, nil) != nil {
		t.Error("a bound of 0 is a bound")
	}
}

// queue is a server that answers one order after the other at its speed, a door in front of it, and shoppers who come at a
// rate of their own, whatever they are answered. Time is a number.
type queue struct {
	*admission

	clock    *handClock
	under    []*visit // in the order they will be answered
	answered []int64  // when each will be
	last     int64    // when the last one will be
	took     []time.Duration
	refusals int
}

func newQueue(bound time.Duration) *queue {
	q := &queue{clock: &handClock{}}
	q.admission = newAdmission(bound, q.clock.now)
	q.waiting = func() time.Duration { return 0 }
	return q
}

// arrive lets an order come at the time, to a server that needs so long for one.
func (q *queue) arrive(at, needs int64) {
	for len(q.under) > 0 && q.answered[0] <= at {
		q.clock.at = q.answered[0]
		q.took = append(q.took, time.Duration(q.clock.at-q.under[0].began))
		q.leave(q.under[0])
		q.under, q.answered = q.under[1:], q.answered[1:]
	}
	q.clock.at = at
	if !q.enter(asksOrder) {
		q.refusals++
		q.met.Store(true)
		return
	}
	q.last = max(q.last, at) + needs
	q.under = append(q.under, &visit{about: asksOrder, began: at, status: http.StatusCreated})
	q.answered = append(q.answered, q.last)
}

// offer lets orders come evenly at a multiple of what the server can do, for so long, and returns the p99 of those that were
// answered and their share of what the server can do.
func (q *queue) offer(times float64, needs int64, lasts time.Duration) (p99 time.Duration, share float64) {
	q.took, q.refusals = nil, 0
	begin := q.clock.at
	for i := 0; ; i++ {
		at := begin + int64(float64(i)*float64(needs)/times)
		if at-begin > int64(lasts) {
			break
		}
		q.arrive(at, needs)
	}
	slices.Sort(q.took)
	return q.took[len(q.took)*99/100], float64(len(q.took)) * float64(needs) / float64(lasts)
}

func TestThreeTimesTheCapacityIsAnsweredWithinTheBoundAndAtFullSpeed(t *testing.T) {
	for _, perSecond := range []int64{100, 1_000, 20_000} {
		for _, bound := range []time.Duration{100 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second} {
			if int64(bound)/2*perSecond < leastUnderWay*int64(time.Second) {
				continue // fewer at once than a door lets in at least
			}
			q, needs := newQueue(bound), int64(time.Second)/perSecond
			used := 5*time.Second + 8*bound // to what the server can do
			q.offer(3, needs, used)
			p99, share := q.offer(3, needs, 10*time.Second)
			if p99 > bound || share < 0.97 || q.refusals == 0 {
				t.Errorf("%d/s, bound %s: p99 %s, %.2f of what it can do, %d refused", perSecond, bound, p99, share, q.refusals)
			}
			q.offer(3, 4*needs, used) // from now on it is four times as slow
			p99, share = q.offer(3, 4*needs, 10*time.Second)
			if int64(bound)/2*perSecond/4 >= leastUnderWay*int64(time.Second) && (p99 > bound || share < 0.97) {
				t.Errorf("%d/s after it became slower, bound %s: p99 %s, %.2f of what it can do", perSecond, bound, p99, share)
			}
			if q.offer(0.9, needs, 10*time.Second); perSecond >= 1000 && q.refusals > int(perSecond) {
				t.Errorf("%d/s, bound %s: %d are refused although there is room", perSecond, bound, q.refusals)
			}
		}
	}
}

// judged lets the door look at its limit when it is due, after so many orders took so long, and returns the limit.
func judged(a *admission, clock *handClock, took time.Duration, orders int, met bool) int64 {
	if a.settling {
		for range enoughToTell { // what was let in before does not count any more
			a.orders.observe(int64(time.Hour))
		}
		clock.at = a.due.Load()
		a.judge(clock.at)
	}
	for range orders {
		a.orders.observe(int64(took))
	}
	a.met.Store(met)
	clock.at = max(clock.at, a.due.Load())
	a.underWay.Add(1)
	a.leave(&visit{about: asksOrder, began: clock.at, status: http.StatusConflict}) // which is not measured
	return a.limit.Load()
}

func TestTheLimitFollowsWhatIsMeasured(t *testing.T) {
	clock, waited := &handClock{}, time.Duration(0)
	a := newAdmission(2*time.Second, clock.now)
	a.waiting = func() time.Duration { return waited }
	for _, step := range []struct {
		what   string
		took   time.Duration
		orders int
		met    bool
		waited time.Duration
		want   int64
	}{
		{"nobody was refused", time.Millisecond, 200, false, 0, 256},
		{"somebody was", time.Millisecond, 200, true, 0, 288},
		{"far too slow", 5 * time.Second, 200, true, 0, 72},
		{"a little too slow", 620 * time.Millisecond, 200, false, 0, 54},
		{"the processor is what they wait for", time.Microsecond, 200, true, time.Second, 26},
		{"nobody refused, and fast", time.Millisecond, 200, false, 0, 26},
		{"too few to tell", 5 * time.Second, 3, true, 0, 26},
		{"too slow for the least", time.Hour, 200, true, 0, leastUnderWay},
		{"it is let in again", time.Millisecond, 200, true, 0, leastUnderWay + 1},
	} {
		waited = step.waited
		if got := judged(a, clock, step.took, step.orders, step.met); got != step.want {
			t.Errorf("%s: %d, want %d", step.what, got, step.want)
		}
	}
	clock.at += int64(judgeAfter)
	if got := judged(a, clock, 5*time.Second, 3, true); got != leastUnderWay {
		t.Errorf("a few after a while: %d", got)
	}
	for _, step := range []struct{ limit, broke, want int64 }{
		{600, 1000, 675}, {800, 1000, 812}, {1600, 1000, 1625}, {2400, 1000, 2700}, // it grows slowly near where it broke
	} {
		a.limit.Store(step.limit)
		a.broke = step.broke
		if got := judged(a, clock, time.Millisecond, 200, true); got != step.want {
			t.Errorf("%d, where %d was too high, becomes %d, want %d", step.limit, step.broke, got, step.want)
		}
	}
	a.limit.Store(mostUnderWay - 1)
	if got := judged(a, clock, time.Millisecond, 200, true); got != mostUnderWay {
		t.Errorf("the limit grows to %d", got)
	}
}

func TestTheLimitIsLookedAtOnlyWhenItIsTime(t *testing.T) {
	clock := &handClock{}
	a := newAdmission(time.Second, clock.now)
	a.waiting = func() time.Duration { return 0 }
	if got := judged(a, clock, 5*time.Second, 200, true); got != 64 {
		t.Fatalf("far too slow: %d", got)
	}
	for _, after := range []time.Duration{time.Second, 4 * time.Second} { // those from before still come out
		clock.at = int64(after)
		a.orders.observe(int64(9 * time.Second))
		a.underWay.Add(1)
		a.leave(&visit{about: asksOrder, began: clock.at, status: http.StatusCreated})
		if got := a.limit.Load(); got != 64 {
			t.Errorf("after %s: %d", after, got)
		}
	}
}

// Where something else makes everything slow, fewer orders are no faster: the door does not close on the sale.
func TestWhatIsLetInIsNotLoweredInVain(t *testing.T) {
	clock := &handClock{}
	a := newAdmission(time.Second, clock.now)
	a.waiting = func() time.Duration { return 3 * time.Second }
	var limits []int64
	for range 13 {
		for range 2 * enoughToTell {
			a.orders.observe(int64(time.Millisecond))
		}
		a.met.Store(true)
		clock.at = a.due.Load()
		a.judge(clock.at)
		limits = append(limits, a.limit.Load())
	}
	if want := []int64{64, 64, 16, 16, 256, 256, 64, 64, 16, 16, 256, 256, 64}; !slices.Equal(limits, want) {
		t.Errorf("the limits are %v, want %v", limits, want)
	}
	if rest := a.due.Load() - clock.at; rest <= 0 {
		t.Errorf("it is looked at again after %d", rest)
	}
}

// Somebody else has the processors, now more and now less: whatever seems to help by chance, the door opens again.
func TestChanceDoesNotCloseTheDoor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := &handClock{}
		a := newAdmission(time.Second, clock.now)
		waits := rapid.SliceOfN(rapid.Int64Range(int64(600*time.Millisecond), int64(4*time.Second)), 2, 30).Draw(t, "waits")
		judgements, open := 0, 0
		a.waiting = func() time.Duration { return time.Duration(waits[judgements%len(waits)]) }
		for ; judgements < 120; judgements++ {
			for range 2 * enoughToTell {
				a.orders.observe(int64(time.Millisecond))
			}
			clock.at = a.due.Load()
			a.judge(clock.at)
			if a.limit.Load() == firstUnderWay {
				open++
			}
		}
		if open < 8 {
			t.Fatalf("the door was open in %d of 120 moments", open)
		}
	})
}

func TestRefusingCostsNoAllocationOfItsOwn(t *testing.T) {
	a := newAdmission(never, since(time.Now()))
	a.limit.Store(0)
	handler := a.admit(http.NotFoundHandler())
	r, w := httptest.NewRequest(http.MethodPost, phoneOrders, nil), &sink{header: http.Header{}}
	if n := testing.AllocsPerRun(100, func() { clear(w.header); handler.ServeHTTP(w, r) }); n > 0 || w.status != http.StatusServiceUnavailable {
		t.Errorf("%v allocations, status %d", n, w.status)
	}
}

// BenchmarkAdmission is what the door costs an order that is let in, and what one costs that is not.
func BenchmarkAdmission(b *testing.B) {
	keys := NewDemoKeys()
	token, err := keys.Sign(alice, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	for _, one := range []struct {
		name  string
		bound time.Duration
		room  int64
		want  int
	}{{"door=none", 0, 0, http.StatusCreated}, {"door=open", never, 1000, http.StatusCreated}, {"door=full", never, 0, http.StatusServiceUnavailable}} {
		b.Run(one.name, func(b *testing.B) {
			s, err := New(Options{Engine: &scripted{}, Rulesets: &scripted{}, Readiness: &scripted{}, Keys: keys, OrderLatency: one.bound})
			if err != nil {
				b.Fatal(err)
			}
			if s.admission != nil {
				s.admission.limit.Store(one.room)
			}
			serveMany(b, s.Handler(), phoneOrders, benchOrder, token, one.want)
		})
	}
}
