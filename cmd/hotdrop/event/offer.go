package event

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// offer is orders that come evenly, whatever became of those before them: each on a connection that is free, so that nobody
// waits for an answer to send the next. One goroutine per processor of the generator sends, and one per connection reads.
type offer struct {
	pace    *pace
	n       int
	settles time.Duration // what is due in it does not count
	until   time.Time     // when nobody waits for an answer any more
	lanes   []*lane
	sent    atomic.Int64
}

// lane is the orders that one goroutine sends, on connections of its own.
type lane struct {
	*offer

	number int // of the lane: it has the orders number, number + the number of lanes, and so on
	wires  []*wire
	free   chan *wire
	held   time.Time // when the sender last got a connection that it had to wait for
	last   time.Time // when the last order was sent
	over   atomic.Bool
	late   int64

	mu     sync.Mutex // guards what the readers of all connections take note of
	seen   Overload
	placed []placement
}

// wire is one connection. Its order under way is in asked; nothing else may be asked meanwhile.
type wire struct {
	*buyer

	mu    sync.Mutex // so that nothing is asked while the connection is opened again
	asked chan offered
}

// offered is an order that was sent.
type offered struct {
	i         int
	due, sent time.Time
	counts    bool
}

// newOffer deals the connections out to lanes.
func newOffer(p *pace, n int, settles time.Duration, wires []*wire) *offer {
	o := &offer{pace: p, n: n, settles: settles, lanes: make([]*lane, min(runtime.GOMAXPROCS(0), len(wires)))}
	for i := range o.lanes {
		o.lanes[i] = &lane{offer: o, number: i, free: make(chan *wire, len(wires))}
	}
	for i, one := range wires {
		l := o.lanes[i%len(o.lanes)]
		l.wires = append(l.wires, one)
		l.free <- one
	}
	return o
}

// run sends every order and returns when all are answered, or given up. Connections are open before the first one is due.
func (o *offer) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	o.until = time.Now().Add(o.pace.takes(o.n) + 2*answerTimeout)
	for _, l := range o.lanes {
		if err := l.open(ctx); err != nil {
			return err
		}
	}
	o.pace.start = time.Now().Add(100 * time.Millisecond)
	var all sync.WaitGroup
	for _, l := range o.lanes {
		for _, one := range l.wires {
			all.Go(func() {
				if err := l.read(ctx, one); err != nil {
					cancel(err)
				}
			})
		}
		all.Go(func() {
			if err := l.send(ctx); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// lasted is how long orders came that count.
func (o *offer) lasted() time.Duration {
	var last time.Time
	for _, l := range o.lanes {
		if l.last.After(last) {
			last = l.last
		}
	}
	return last.Sub(o.pace.start) - o.settles
}

// open opens the lane's connections.
func (l *lane) open(ctx context.Context) error {
	for _, one := range l.wires {
		if err := one.open(ctx, l.until); err != nil {
			return err
		}
	}
	return nil
}

// send sends the lane's orders when they are due, waits for the last answers, and ends the readers.
func (l *lane) send(ctx context.Context) error {
	defer l.end()
	for i := l.number; i < l.n; i += len(l.lanes) {
		due := l.pace.due(i)
		if ahead := time.Until(due); ahead > 0 {
			wait(ctx, ahead)
		}
		one, err := l.next(ctx)
		if err != nil {
			return err
		}
		o := offered{i: i, due: due, sent: time.Now(), counts: due.Sub(l.pace.start) >= l.settles}
		if o.counts && l.isLate(o) {
			l.late++
		}
		l.last = o.sent
		one.ask(o)
		l.sent.Add(1)
	}
	for range l.wires {
		if _, err := l.next(ctx); err != nil {
			return err
		}
	}
	return nil
}

// isLate reports whether the order was sent too late although there was a connection for it.
func (l *lane) isLate(o offered) bool {
	could := o.due
	if l.held.After(could) {
		could = l.held
	}
	return o.sent.Sub(could) > overloadLate
}

// end closes the connections, which is what their readers wait for.
func (l *lane) end() {
	l.over.Store(true)
	for _, one := range l.wires {
		one.client.interrupt()
	}
}

// next returns a connection that is free.
func (l *lane) next(ctx context.Context) (*wire, error) {
	select {
	case one := <-l.free:
		return one, nil
	default:
	}
	select {
	case one := <-l.free:
		l.held = time.Now()
		return one, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// open opens the connection. What has not been answered on it by then never will be.
func (c *wire) open(ctx context.Context, until time.Time) error {
	if err := c.client.connect(ctx); err != nil {
		return err
	}
	return c.client.conn.SetDeadline(until)
}

// ask sends the order. If that fails, the reader is told by its connection.
func (c *wire) ask(o offered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client.conn == nil { // the run ends
		return
	}
	c.client.out = c.request(c.client.out[:0], o.i)
	c.asked <- o
	if _, err := c.client.conn.Write(c.client.out); err != nil {
		c.client.interrupt()
	}
}

// read takes note of one answer after another until the lane is over.
func (l *lane) read(ctx context.Context, c *wire) (err error) {
	defer context.AfterFunc(ctx, c.client.interrupt)()
	defer func() { err = errors.Join(err, c.close()) }()
	for {
		response, failed := c.client.receive()
		if ctx.Err() != nil || failed != nil && l.over.Load() {
			return nil
		}
		o, asked, err := c.answered(ctx, response, failed, l.until)
		if err != nil {
			return err
		}
		if asked {
			l.note(c, o, response, failed)
			l.free <- c
		}
	}
}

// answered returns the order that the connection was about. A connection that ended is opened again; it fails when that does.
func (c *wire) answered(ctx context.Context, r Response, failed error, until time.Time) (o offered, asked bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case o = <-c.asked:
		asked = true
	default:
	}
	if failed == nil && !r.closing {
		if !asked {
			err = fmt.Errorf("%w: status %d, and nothing was asked", errUnexpected, r.Status)
		}
		return o, asked, err
	}
	_ = c.client.Close() // that it ended is known
	return o, asked, c.open(ctx, until)
}

// close closes the connection.
func (c *wire) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.client.Close()
}

// note takes note of an answer. What is wrong counts at any time; how fast it was, only once it counts.
func (l *lane) note(c *wire, o offered, r Response, failed error) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch id, placed := orderIn(r, c.mark); {
	case failed != nil:
		l.seen.Failed++
	case placed:
		l.placed = append(l.placed, placement{c.plan[o.i].shopper, id, orderTotal(r.Body)})
		if o.counts {
			l.seen.Accepted++
			l.seen.accepted.observe(now.Sub(o.due))
			l.seen.answered.observe(now.Sub(o.sent))
		}
	case r.Status == http.StatusServiceUnavailable && string(problemCode(r)) == codeOverloaded:
		if r.RetryAfter <= 0 {
			l.seen.Hasty++
		}
		if o.counts {
			l.seen.Shed++
			l.seen.shed.observe(now.Sub(o.sent))
		}
	default:
		l.seen.Refused++
	}
}
