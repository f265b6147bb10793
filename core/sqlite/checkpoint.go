package sqlite

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// commitsPerCheckpoint is how many commits the log gathers before a checkpoint copies its pages into the file: in a rush
// some 60 MB, of which hot pages are written once.
const commitsPerCheckpoint = 128

// checkpointer copies the log into the file beside the writer, who would otherwise stop selling for as long as that
// takes. Only what is written meanwhile is left to the writer: then the whole log is copied, and begins anew.
type checkpointer struct {
	own     *pool // its one connection
	commits int   // since the last checkpoint; the writer's
	due     chan struct{}
	nearly  atomic.Bool // all but the end of the log is copied
	stop    context.CancelFunc
	running sync.WaitGroup
}

func newCheckpointer(ctx context.Context, dsn string) (*checkpointer, error) {
	k := &checkpointer{own: newPool(1), due: make(chan struct{}, 1)}
	if err := k.own.open(ctx, dsn); err != nil {
		return nil, errors.Join(err, k.own.close())
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	k.stop = stop
	k.running.Go(func() { k.run(running) })
	return k, nil
}

func (k *checkpointer) close() error {
	k.stop()
	k.running.Wait()
	return k.own.close()
}

func (k *checkpointer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.due:
		}
		// The second copies what was written during the first, which is little.
		for range 2 {
			_ = k.own.with(ctx, checkpoint) // one that fails leaves the log as it is, for the next
		}
		k.nearly.Store(true)
	}
}

// committed is called by the writer after every commit.
func (k *checkpointer) committed(c *conn) {
	k.commits++
	if k.nearly.CompareAndSwap(true, false) {
		_ = checkpoint(c)
		k.commits = 0
	}
	if k.commits == commitsPerCheckpoint {
		k.due <- struct{}{} // nobody else sends, and it was taken before nearly was set
	}
}

// checkpoint copies as much of the log as no reader needs, and waits for nobody.
func checkpoint(c *conn) error {
	return c.query(func(*row) error { return nil }, passiveCheckpoint)
}
