package core

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pollEvery is how often a node asks for campaign versions. It bounds how long an idle node lags behind a change; a
// node that sells notices at the next load of counters, and the fence keeps both correct.
const pollEvery = 250 * time.Millisecond

// Options are what an [Engine] is made of.
type Options struct {
	Store     Store
	Campaigns CampaignStore
	Ledger    Ledger
	Journal   Journal // nil: what nodes measure, and what they refuse, is not kept
	Compiler  Compiler
	Provider  Provider         // nil: the embedded wallet on Ledger
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: slog.Default()
}

// Engine runs campaigns on one store. Any number of engines, in any number of processes, may share a store: nothing but
// the store is shared, and what one of them remembers is never more than a hint.
type Engine struct {
	store      Store
	campaigns  CampaignStore
	journal    Journal // nil without one
	compiler   Compiler
	wallet     *Wallet
	provider   Provider
	exports    *exports
	refusalLog *refusals
	now        func() time.Time
	log        *slog.Logger

	running   atomic.Pointer[map[string]*campaign]
	changing  sync.Mutex           // held while running is replaced, and for unserved
	unserved  map[string]*unserved // campaigns whose latest revision this node could not compile
	following sync.Mutex           // held by follow
	stop      context.CancelFunc
	polling   sync.WaitGroup
}

// NewEngine returns an engine that knows no campaign until [Engine.Start].
func NewEngine(o Options) *Engine {
	e := &Engine{
		store: o.Store, campaigns: o.Campaigns, journal: o.Journal, compiler: o.Compiler,
		provider: o.Provider, exports: newExports(), now: o.Now, log: o.Log, stop: func() {},
		unserved: map[string]*unserved{},
	}
	if e.now == nil {
		e.now = time.Now
	}
	if e.log == nil {
		e.log = slog.Default()
	}
	e.refusalLog = newRefusals(o.Journal, e.log, refusalRoom)
	e.wallet = NewWallet(o.Ledger, e.now, e.log)
	if e.provider == nil {
		e.provider = e.wallet
	}
	e.running.Store(&map[string]*campaign{})
	return e
}

// Start loads and compiles every campaign and keeps following changes until [Engine.Stop]. A campaign that does not
// compile on this node is logged and not served until it does; the others are. One that binds a plugin which may not or
// cannot be loaded is served: what its binding says about failures decides.
func (e *Engine) Start(ctx context.Context) error {
	if err := e.follow(ctx); err != nil {
		return err
	}
	polling, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.stop = stop
	e.polling.Go(func() { e.poll(polling) })
	return nil
}

// Stop ends polling and waits until every batch that is under way has been answered. Callers stop sending first.
func (e *Engine) Stop() {
	e.stop()
	e.polling.Wait()
	for _, c := range *e.running.Load() {
		c.drain()
	}
	e.wallet.drain()
	e.refusalLog.stop()
}

func (e *Engine) poll(ctx context.Context) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := e.follow(ctx); err != nil && ctx.Err() == nil {
				e.log.Warn("campaigns could not be polled", "error", err)
			}
		}
	}
}

// follow brings every campaign to the version that the store has, and its plugins to what may be loaded.
func (e *Engine) follow(ctx context.Context) error {
	e.following.Lock()
	defer e.following.Unlock()
	versions, err := e.campaigns.Campaigns(ctx)
	if err != nil {
		return storeError(err)
	}
	for _, version := range versions {
		if err := e.followOne(ctx, version); err != nil && e.refused(version.ID) == nil { // which is in the log
			e.log.Warn("campaign could not be followed; it is tried again", "campaign", version.ID, "error", err)
		}
	}
	return nil
}

func (e *Engine) followOne(ctx context.Context, version CampaignVersion) error {
	if c := (*e.running.Load())[version.ID]; c != nil && c.snapshot.Load().record.Revision >= version.Revision {
		return e.watchPlugins(ctx, c)
	}
	if u := e.refused(version.ID); u != nil && u.revision >= version.Revision {
		return u.err
	}
	_, err := e.refresh(ctx, version.ID)
	return err
}

// refresh loads, compiles and swaps in one campaign; nil means that the store does not know it.
func (e *Engine) refresh(ctx context.Context, id string) (*campaign, error) {
	record, err := e.campaigns.Campaign(ctx, id)
	if err != nil {
		return nil, storeError(err)
	}
	if record == nil {
		return nil, nil //nolint:nilnil // an absent campaign is an answer, not a failure
	}
	cache := e.rulesetsOf(id)
	next, err := e.compile(ctx, record, cache)
	if err != nil {
		return nil, e.cannotServe(ctx, record, err)
	}
	e.changing.Lock()
	defer e.changing.Unlock()
	delete(e.unserved, id)
	known := *e.running.Load()
	if c := known[id]; c != nil {
		if c.snapshot.Load().record.Revision <= record.Revision { // the same one with other plugins, perhaps
			err := c.readCounters(ctx) // a change may have made new ones
			c.snapshot.Store(next)
			return c, err
		}
		return c, nil
	}
	c := newCampaign(e, next, cache)
	if err := c.readCounters(ctx); err != nil {
		return nil, err
	}
	if err := c.recollect(ctx); err != nil {
		return nil, err
	}
	extended := maps.Clone(known)
	extended[id] = c
	e.running.Store(&extended)
	return c, nil
}

// rulesetsOf returns what is known of the campaign's rulesets; of one that does not run yet that is nothing.
func (e *Engine) rulesetsOf(id string) *rulesets {
	if c := (*e.running.Load())[id]; c != nil {
		return c.rulesets
	}
	return newRulesets(e, id)
}

// campaign returns the running campaign. One that this node has not heard of yet is looked up once.
func (e *Engine) campaign(ctx context.Context, id string) (*campaign, error) {
	if c := (*e.running.Load())[id]; c != nil {
		return c, nil
	}
	if !ValidCampaignID(id) {
		return nil, Errorf(CodeNotFound, "there is no campaign %q", id)
	}
	if u := e.refused(id); u != nil {
		return nil, u.err
	}
	c, err := e.refresh(ctx, id)
	if err == nil && c == nil {
		err = Errorf(CodeNotFound, "there is no campaign %q", id)
	}
	return c, err
}

// CampaignIDs returns the ids of the campaigns this node serves, sorted.
func (e *Engine) CampaignIDs() []string { return slices.Sorted(maps.Keys(*e.running.Load())) }

// Ready returns nil when the store answers.
func (e *Engine) Ready(ctx context.Context) error {
	_, err := e.campaigns.Campaigns(ctx)
	return storeError(err)
}

// retryAfter is what clients are told when the store is away or too much is waiting.
const retryAfter = time.Second

// storeError turns what a store answers into the error that the layers above see.
func storeError(err error) error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	switch {
	case errors.Is(err, ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{Code: CodeUnavailable, Message: "the store does not answer; try again", RetryAfter: retryAfter, Err: err}
	case errors.Is(err, ErrFull):
		return &Error{Code: CodeStorageFull, Message: "the store has no room left; nothing was changed", RetryAfter: retryAfter, Err: err}
	case errors.Is(err, ErrConflict):
		return &Error{Code: CodeUnavailable, Message: "too many others change the same thing; try again", RetryAfter: retryAfter, Err: err}
	default:
		return &Error{Code: CodeInternal, Message: "something went wrong here; it was logged", Err: err}
	}
}

func overloaded() error {
	return &Error{Code: CodeOverloaded, Message: "too many requests are waiting; try again", RetryAfter: retryAfter}
}
