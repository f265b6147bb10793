// Package jobs runs what has to happen without anybody asking: holds that run out, payments that a crash left between the
// wallet and the order, and whatever else is due in a campaign: tasks that a node left behind, groups whose time is over,
// draws that close, vouchers that expire. Every node runs the same jobs; each change is a compare-and-swap in the store, so
// that it happens once however many nodes sweep.
package jobs

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Engine is what the jobs call. Each call is one sweep and safe to run on every node at once.
type Engine interface {
	CampaignIDs() []string
	Expire(ctx context.Context, campaign string) (int, error)
	Work(ctx context.Context, campaign string) (int, error)
	SettlePayments(ctx context.Context) (int, error)
}

// How often each sweep starts. A hold ends, and a group fails, at most one sweep late.
const (
	expireEvery = 500 * time.Millisecond
	workEvery   = 500 * time.Millisecond
	settleEvery = 5 * time.Second
	forgetEvery = time.Minute
)

// Runner sweeps on a clock until it is told to stop.
type Runner struct {
	engine Engine
	log    *slog.Logger
	forget func(context.Context) error // nil: nothing is forgotten

	mu   sync.Mutex
	busy map[string]struct{} // sweeps of a campaign that are under way
}

// New returns a runner of the engine's jobs.
func New(engine Engine, log *slog.Logger) *Runner {
	return &Runner{engine: engine, log: log, busy: map[string]struct{}{}}
}

// Forgetting has the runner call forget once a minute, which deletes what has been kept for long enough. It returns the runner.
func (r *Runner) Forgetting(forget func(context.Context) error) *Runner {
	r.forget = forget
	return r
}

// Run sweeps until ctx ends and returns when the sweeps that were under way have finished. A sweep that fails is logged
// and tried again at its next turn.
func (r *Runner) Run(ctx context.Context) {
	var sweeps sync.WaitGroup
	sweeps.Go(func() {
		r.every(ctx, expireEvery, func(ctx context.Context) { r.each(ctx, &sweeps, "expire", r.expire) })
	})
	sweeps.Go(func() { r.every(ctx, workEvery, func(ctx context.Context) { r.each(ctx, &sweeps, "work", r.work) }) })
	sweeps.Go(func() { r.every(ctx, settleEvery, r.settle) })
	if r.forget != nil {
		sweeps.Go(func() { r.every(ctx, forgetEvery, r.forgetOnce) })
	}
	sweeps.Wait()
}

func (r *Runner) every(ctx context.Context, interval time.Duration, sweep func(context.Context)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		sweep(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// each begins the sweep of every campaign but those whose last one is still under way: a campaign in which something hangs
// holds up no other.
func (r *Runner) each(ctx context.Context, sweeps *sync.WaitGroup, name string, sweep func(context.Context, string)) {
	for _, campaign := range r.engine.CampaignIDs() {
		key := name + "/" + campaign
		r.mu.Lock()
		_, busy := r.busy[key]
		r.busy[key] = struct{}{}
		r.mu.Unlock()
		if busy {
			continue
		}
		sweeps.Go(func() {
			defer func() {
				r.mu.Lock()
				defer r.mu.Unlock()
				delete(r.busy, key)
			}()
			sweep(ctx, campaign)
		})
	}
}

func (r *Runner) expire(ctx context.Context, campaign string) {
	n, err := r.engine.Expire(ctx, campaign)
	if err != nil && ctx.Err() == nil {
		r.log.Warn("holds could not be expired; the next sweep tries again", "campaign", campaign, "error", err)
	}
	if n > 0 {
		r.log.Info("holds expired", "campaign", campaign, "orders", n)
	}
}

func (r *Runner) work(ctx context.Context, campaign string) {
	n, err := r.engine.Work(ctx, campaign)
	if err != nil && ctx.Err() == nil {
		r.log.Warn("not everything that is due could be done; the next sweep tries again", "campaign", campaign, "error", err)
	}
	if n > 0 {
		r.log.Debug("due work done", "campaign", campaign, "documents", n)
	}
}

func (r *Runner) forgetOnce(ctx context.Context) {
	if err := r.forget(ctx); err != nil && ctx.Err() == nil {
		r.log.Warn("what is old could not be forgotten; the next sweep tries again", "error", err)
	}
}

func (r *Runner) settle(ctx context.Context) {
	n, err := r.engine.SettlePayments(ctx)
	if err != nil && ctx.Err() == nil {
		r.log.Warn("payments could not be settled; the next sweep tries again", "error", err)
	}
	if n > 0 {
		r.log.Info("payments settled after the fact", "payments", n)
	}
}
