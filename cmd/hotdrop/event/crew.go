package event

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// inFlightPause is how long a client waits before it repeats a request whose twin is still being worked on.
const inFlightPause = 10 * time.Millisecond

// maxRepeats bounds how often a worker may ask for the same request again.
const maxRepeats = 3000

// verdict is what a worker makes of an answer.
type verdict int

const (
	done        verdict = iota // on to the next request
	repeat                     // the same request at once: the client lost its answer
	repeatLater                // the same request after inFlightPause
)

// worker makes the requests of one connection and takes their answers. Each connection has its own, so that nothing is
// shared while time is measured.
type worker interface {
	// request appends the bytes of request i of the workload.
	request(b []byte, i int) []byte
	// answered takes the answer to request i.
	answered(i int, r Response) verdict
}

// measured is what one run of a workload cost.
type measured struct {
	requests int64 // answers, repeated requests included
	retried  int64 // tries that ended in a transport error or a 5xx and were made again
	errors   int64 // requests given up after that
	bytes    int64 // of the answers' bodies
	elapsed  time.Duration
	latency  histogram // of every answer; tries that failed count into the answer they led to
	created  histogram // of answers 201
}

// rate is the requests answered per second.
func (m *measured) rate() float64 {
	if m.elapsed <= 0 {
		return 0
	}
	return float64(m.requests) / m.elapsed.Seconds()
}

// meanSize is the mean size of an answer's body, in bytes.
func (m *measured) meanSize() int {
	if m.requests == 0 {
		return 0
	}
	return int((m.bytes + m.requests/2) / m.requests)
}

// add merges what another connection, or another slice of the same workload, has measured; elapsed is the caller's.
func (m *measured) add(other *measured) {
	m.requests += other.requests
	m.retried += other.retried
	m.errors += other.errors
	m.bytes += other.bytes
	m.latency.merge(&other.latency)
	m.created.merge(&other.created)
}

// crew is the connections of the generator.
type crew struct{ clients []*Client }

// newCrew makes connections, spread over the servers in turn.
func newCrew(connections int, patience time.Duration, servers ...string) (*crew, error) {
	c := &crew{clients: make([]*Client, connections)}
	for i := range c.clients {
		client, err := NewClient(servers[i%len(servers)])
		if err != nil {
			return nil, err
		}
		client.Patience = patience
		c.clients[i] = client
	}
	return c, nil
}

// close closes every connection.
func (c *crew) close() error {
	var failed error
	for _, client := range c.clients {
		failed = errors.Join(failed, client.Close())
	}
	return failed
}

// run sends the n requests of a workload, each on the next connection that is free, and returns when all are answered
// or given up. Connections are opened before time is measured. Every connection gets a worker of its own. bar is told
// how many have started.
func (c *crew) run(ctx context.Context, n int, newWorker func(client *Client) worker, bar *bar) (measured, error) {
	var next atomic.Int64
	var opened, finished sync.WaitGroup
	begin := make(chan struct{})
	results := make([]measured, len(c.clients))
	opened.Add(len(c.clients))
	for i, client := range c.clients {
		w := newWorker(client)
		finished.Go(func() {
			_ = client.connect(ctx) // a failure shows up, and is counted, with the first request
			opened.Done()
			<-begin
			client.work(ctx, w, n, &next, &results[i])
		})
	}
	opened.Wait()
	stopBar := bar.follow(n, &next)
	start := time.Now()
	close(begin)
	finished.Wait()
	total := measured{elapsed: time.Since(start)}
	stopBar()
	for i := range results {
		total.add(&results[i])
	}
	return total, context.Cause(ctx)
}

// work takes one request after another until there are none.
func (c *Client) work(ctx context.Context, w worker, n int, next *atomic.Int64, m *measured) {
	defer c.watch(ctx)()
	for ctx.Err() == nil {
		i := int(next.Add(1)) - 1
		if i >= n {
			return
		}
		c.out = w.request(c.out[:0], i)
		for range maxRepeats {
			verdict := c.deliver(ctx, w, i, m)
			if verdict == done {
				break
			}
			if verdict == repeatLater {
				wait(ctx, inFlightPause)
			}
		}
	}
}

// deliver sends what c.out holds, measures it and shows the answer to the worker.
func (c *Client) deliver(ctx context.Context, w worker, i int, m *measured) verdict {
	start := time.Now()
	response, retries, err := c.persist(ctx)
	m.retried += int64(retries)
	if ctx.Err() != nil {
		return done
	}
	if err != nil || response.Status >= 500 {
		m.errors++
	}
	if err != nil {
		return done
	}
	took := time.Since(start)
	m.requests++
	m.bytes += int64(len(response.Body))
	m.latency.observe(took)
	if response.Status == 201 {
		m.created.observe(took)
	}
	return w.answered(i, response)
}
