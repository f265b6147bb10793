package api

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// pingEvery is how often the node measures its lag.
const pingEvery = 10 * time.Millisecond

// lag is how long what arrives at a node waits before its handler runs: in the kernel, until the runtime asks what has come, and
// then for a processor. No handler can measure that of its own request. So the node sends a byte to itself through a pipe,
// whose reader is woken as those of connections are.
type lag struct {
	now     func() int64 // nanoseconds of a clock that never goes back
	took    latencies
	pending atomic.Int64 // when the byte that has not been read yet was sent; 0 for none
}

// p99 returns what 99 of 100 bytes took at most since it was last asked, or how long one has been under way by now, if that is
// longer; 0 if nothing was measured.
func (l *lag) p99() time.Duration {
	took := l.took.drain()
	if sent := l.pending.Load(); sent != 0 {
		took = max(took, time.Duration(l.now()-sent))
	}
	return took
}

// measure measures until ctx ends. It fails when there is no pipe to be had.
func (l *lag) measure(ctx context.Context) error {
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	came := make(chan struct{})
	go l.read(in, came)
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for err == nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			err = l.ping(out, came)
		}
	}
	err = errors.Join(err, out.Close())
	<-came // the reader has seen the end
	return errors.Join(err, in.Close())
}

// ping sends a byte and returns when it has been read. A byte that could not be sent is not under way.
func (l *lag) ping(out io.Writer, came <-chan struct{}) error {
	l.pending.Store(max(1, l.now()))
	if _, err := out.Write([]byte{0}); err != nil {
		l.pending.Store(0)
		return err
	}
	<-came
	return nil
}

// read reads the bytes. It closes came when there will be no more.
func (l *lag) read(in io.Reader, came chan<- struct{}) {
	defer close(came)
	var b [1]byte
	for {
		if _, err := in.Read(b[:]); err != nil {
			return
		}
		l.took.observe(l.now() - l.pending.Swap(0))
		came <- struct{}{}
	}
}
