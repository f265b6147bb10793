package api

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hotdrop/core"
)

// How many requests are under way at least, at first and at most, whatever was measured.
const (
	leastUnderWay = 8
	firstUnderWay = 256
	mostUnderWay  = 1 << 15
)

// aimed is which part of the bound the p99 is steered to: that of the next tenth of a second is not that of the last one, and what
// was let in meanwhile has to stay under the bound as well.
const aimed = 4

// How often the limit is looked at: so long after the last time, once there are enough answers to tell a p99 by; but not
// much later, however few there are.
const (
	judgeEvery   = 100 * time.Millisecond
	judgeAfter   = time.Second
	enoughToTell = 100
)

// To which part of itself the limit is lowered before it is looked at whether that helps, and how long it stays where it was before
// that if it does not.
const (
	loweredInVain = 16
	restInVain    = 5 * time.Second
)

// longestRetry is the most seconds that Retry-After asks for. Each is told another number, so that those who were refused
// together do not come back together.
const longestRetry = 5

// admission keeps the latency of what is accepted under a bound, by how many requests it lets be under way at once. What
// comes beyond that is refused at the door: before anybody is authenticated, and long before anything is taken. What was let
// in is never refused by it again, unless its body is long in coming: see [arrival].
//
// The limit is lowered by as much as the latency is too high, to a quarter at most, when the p99 is over a quarter of the bound, and
// raised by an eighth when it is not and somebody was refused; near where it last was too high by a 64th, as latency does not rise
// with the limit, it jumps once there is no processor time left.
//
// If lowering it to a 16th makes nothing faster, what is let in is not what makes it slow: refusing costs all that there is, say,
// or somebody else has the processors. To let in even less would then only end the sale, so the limit goes back.
type admission struct {
	target  time.Duration
	now     func() int64 // nanoseconds of a clock that never goes back
	lag     *lag
	waiting func() time.Duration // how long requests wait for their handlers, at their p99, since it was last asked

	underWay atomic.Int64
	limit    atomic.Int64
	met      atomic.Bool // somebody was refused since the limit was last looked at
	refused  [asks]atomic.Int64

	orders, others latencies // of what was accepted since the limit was last looked at
	due            atomic.Int64
	judging        sync.Mutex
	judged         int64         // when the limit was last looked at; guarded by judging, like the next five
	settling       bool          // it was lowered then
	broke          int64         // what it was when it was last too high
	before         int64         // what it was when the p99 was last within the bound; 0 while it is
	slow           time.Duration // the p99 when it was last looked at whether lowering the limit helps
	slowAt         int64         // what the limit was then
	p99            atomic.Int64  // as it was when the limit was last looked at, nanoseconds

	visits sync.Pool
	body   []byte
	retry  [longestRetry][]string
	// refusals are whole answers of HTTP/1.1, for those who are refused on the doorstep.
	refusals [longestRetry][]byte
}

// newAdmission returns the door of a node whose orders are answered within the bound; nil for a bound of 0.
func newAdmission(bound time.Duration, now func() int64) *admission {
	if bound <= 0 {
		return nil
	}
	a := &admission{
		target: bound / aimed, now: now, visits: sync.Pool{New: func() any { return &visit{} }},
		body: newProblem(core.CodeOverloaded, "more people ask than can be served at this moment").appendJSON(nil),
	}
	a.lag = &lag{now: now}
	a.waiting = a.lag.p99
	a.limit.Store(firstUnderWay)
	for i := range a.retry {
		a.retry[i] = []string{strconv.Itoa(i + 1)}
		a.refusals[i] = appendRefusal(nil, a.body, a.retry[i][0])
	}
	return a
}

// room is how many requests may be under way when one that is about this comes: an order that is placed is finished before
// others are begun, an order comes before a sign-up, which can be sent again for hours, and a sign-up before a price.
func (ask ask) room(limit int64) int64 {
	switch ask {
	case asksOwnOrder:
		return 2 * limit
	case asksReservation:
		return limit * 3 / 4
	case asksQuote:
		return limit / 2
	default:
		return limit
	}
}

// admit lets requests through to next while there is room, and measures how long they take. What is about nothing that comes
// in a rush is let through, and so is the staff.
func (a *admission) admit(next http.Handler) http.Handler {
	if a == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		about, _ := askOf(r)
		if about == asksElse || about == asksOwnOrder && byStaff(r.Header) {
			next.ServeHTTP(w, r)
			return
		}
		if !a.enter(about) {
			a.refuse(w, r, about)
			return
		}
		v := a.visits.Get().(*visit) //nolint:errcheck,forcetypeassert // it holds nothing else
		*v = visit{ResponseWriter: w, about: about, began: a.now(), status: http.StatusOK}
		v.arrive(a, r)
		defer a.leave(v)
		next.ServeHTTP(v, r)
	})
}

// byStaff reports whether the credentials are of the staff's kind: an API key, or a session's cookie. Nobody is
// authenticated here; those who pretend are turned away by what stands behind.
func byStaff(header http.Header) bool {
	values := header["Authorization"]
	if len(values) == 0 {
		return len(header["Cookie"]) > 0
	}
	return strings.HasPrefix(values[0], "Bearer hd_")
}

// enter takes a place for the request, if there is one.
func (a *admission) enter(about ask) bool {
	if a.underWay.Add(1) <= about.room(a.limit.Load()) {
		return true
	}
	a.underWay.Add(-1)
	return false
}

// turnedAway takes note of somebody who is refused.
func (a *admission) turnedAway(about ask) {
	a.refused[about].Add(1)
	if !a.met.Load() { // most find it set, and writing it would take the line from the others
		a.met.Store(true)
	}
}

// refuse answers overloaded. In a rush most requests end here: nothing is made for one of them.
func (a *admission) refuse(w http.ResponseWriter, r *http.Request, about ask) {
	a.turnedAway(about)
	header := w.Header()
	secure(header, true, r.TLS != nil)
	header["Content-Type"] = problemContent
	header["Retry-After"] = a.retry[rand.IntN(longestRetry)] //nolint:gosec // nobody gains by guessing it
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write(a.body) // an error means that the client left
}

// leave gives the place back, takes note of how long an accepted request took, and looks at the limit when it is time.
func (a *admission) leave(v *visit) {
	a.underWay.Add(-1)
	now := a.now()
	if v.status < http.StatusMultipleChoices {
		measured := &a.others
		if v.about == asksOrder {
			measured = &a.orders
		}
		measured.observe(now - v.began - v.body.took)
	}
	v.ResponseWriter, v.body.ReadCloser = nil, nil
	a.visits.Put(v)
	if now >= a.due.Load() && a.judging.TryLock() {
		a.judge(now)
		a.judging.Unlock()
	}
}

// judge sets the limit by what was measured. What was let in under the limit before goes on coming out for as long as
// requests take: until then nothing is judged again.
func (a *admission) judge(now int64) {
	if a.settling { // what came out meanwhile was let in before
		a.orders.drain()
		a.others.drain()
		a.waiting()
		a.settling, a.judged = false, now
	}
	if a.orders.count.Load()+a.others.count.Load() < enoughToTell && now-a.judged < int64(judgeAfter) {
		a.due.Store(now + int64(judgeEvery))
		return
	}
	p99 := max(a.orders.drain(), a.others.drain())
	if p99 > 0 {
		p99 += a.waiting()
	}
	limit, pause, met := a.limit.Load(), max(judgeEvery, p99), a.met.Swap(false)
	switch {
	case p99 <= a.target:
		a.before = 0
		if met && p99 > 0 {
			limit = min(mostUnderWay, limit+max(limit/a.growth(limit), 1))
		}
	case a.inVain(p99, limit):
		limit, pause = a.before, restInVain
		a.before = 0
	default:
		a.broke = limit
		share := max(0.25, float64(a.target)/float64(p99))
		limit = max(leastUnderWay, int64(share*float64(limit)))
	}
	a.settling = p99 > a.target
	a.limit.Store(limit)
	a.p99.Store(int64(p99))
	a.judged = now
	a.due.Store(now + int64(pause))
}

// growth is which part of the limit is added to it: less from shortly below where it last was too high until far above that.
func (a *admission) growth(limit int64) int64 {
	if limit > a.broke*3/4 && limit < a.broke*2 {
		return 64
	}
	return 8
}

// inVain reports whether lowering the limit does not help. That is looked at only when it has come down to a 16th of what it was
// when that was last looked at: where something else makes everything slow, now more and now less, what seems to help by chance on
// the way would close the door a little more each time.
func (a *admission) inVain(p99 time.Duration, limit int64) bool {
	if a.before == 0 {
		a.before, a.slow, a.slowAt = limit, p99, limit
		return false
	}
	if limit*loweredInVain > a.slowAt && limit > leastUnderWay {
		return false
	}
	helped := p99 < a.slow*4/5
	a.slow, a.slowAt = p99, limit
	return !helped
}

// visit is an accepted request's way to its answer, whose status it remembers.
type visit struct {
	http.ResponseWriter

	about  ask
	began  int64
	status int
	body   arrival
}

// WriteHeader remembers the status.
func (v *visit) WriteHeader(status int) {
	v.status = status
	v.ResponseWriter.WriteHeader(status)
}

// Unwrap returns what [http.ResponseController] asks for.
func (v *visit) Unwrap() http.ResponseWriter { return v.ResponseWriter }
