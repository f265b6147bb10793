package event

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// gaugeInterval is how often the connections to the database are counted.
const gaugeInterval = 100 * time.Millisecond

// Gauge counts the connections to a database, its own left out.
type Gauge interface {
	// Connections returns how many there are now.
	Connections(ctx context.Context) (int64, error)
	// Close closes the gauge's own connection.
	Close() error
}

// gauging counts in the background.
type gauging struct {
	most  int64
	err   error
	stop  context.CancelFunc
	ended chan struct{}
}

// gauge begins to count the connections of the servers' database; without one, or without a way to count them, it does
// nothing.
func gauge(ctx context.Context, config Config) (*gauging, error) {
	g := &gauging{ended: make(chan struct{}), stop: func() {}}
	if config.Swaps == 0 || config.Store == "" || config.Gauge == nil {
		close(g.ended)
		return g, nil
	}
	counting, err := config.Gauge(ctx, config.Store)
	if err != nil {
		return nil, fmt.Errorf("count the database's connections: %w", err)
	}
	ctx, g.stop = context.WithCancel(ctx)
	go g.run(ctx, counting)
	return g, nil
}

func (g *gauging) run(ctx context.Context, counting Gauge) {
	defer close(g.ended)
	for ctx.Err() == nil {
		n, err := counting.Connections(ctx)
		if err != nil {
			if ctx.Err() == nil {
				g.err = fmt.Errorf("count the database's connections: %w", err)
			}
			break
		}
		g.most = max(g.most, n)
		wait(ctx, gaugeInterval)
	}
	_ = counting.Close() // nothing was written
}

// finish ends the counting and returns the most that there were.
func (g *gauging) finish() (int64, error) {
	g.stop()
	<-g.ended
	return g.most, g.err
}

// counted plays the sale while the connections to its database are counted.
func (r *runner) counted(ctx context.Context, play func(context.Context, *runner) error) error {
	counting, err := gauge(ctx, r.config)
	if err != nil {
		return err
	}
	played := play(ctx, r)
	most, err := counting.finish()
	if r.result.Swaps != nil {
		r.result.Swaps.DatabaseConnections = most
	}
	return errors.Join(played, err)
}
