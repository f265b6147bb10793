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

// Options are what an [Engine] is made of.
type Options struct {
	Store     Store
	Campaigns CampaignStore
	Ledger    Ledger
	Journal   Journal      // nil: what nodes measure, and what they refuse, is not kept
	Shoppers  ShopperStore // nil: nothing of a shopper can be exported or erased
	Compiler  Compiler
	Plugins   PluginStandings  // nil: nobody is warned of approvals that end
	Provider  Provider         // nil: the embedded wallet on Ledger
	Nodes     NodeStore        // nil: this node is alone on the store
	NodeID    string           // "": another one at each start
	Version   string           // of the program, for people
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: slog.Default()
}

// Engine runs campaigns on one store. Any number of engines, in any number of processes, may share a store: nothing but
// the store is shared, and what one of them remembers is never more than a hint.
type Engine struct {
	store      Store
	campaigns  CampaignStore
	journal    Journal      // nil without one
	shoppers   ShopperStore // nil without one
	compiler   Compiler
	plugins    PluginStandings // nil without uploaded plugins
	wallet     *Wallet
	provider   Provider
	exports    *exports
	refusalLog *refusals
	now        func() time.Time
	log        *slog.Logger

	running  atomic.Pointer[map[string]*campaign]
	changing sync.Mutex           // held while running is replaced, and for unserved
	unserved map[string]*unserved // campaigns whose latest revision this node could not compile

	nodes     NodeStore // nil if this node is alone
	presence  *presence
	preparer  *preparer
	sampler   *sampler
	followers followers // follow changes of campaigns
	watchers  followers // look after their plugins
	changers  followers // make changes that have waited
	alarms    alarms    // ring when such a change is due

	background context.Context //nolint:containedctx // of what this node does without being asked; ends with Stop
	stop       context.CancelFunc
	polling    sync.WaitGroup
}

// NewEngine returns an engine that knows no campaign until [Engine.Start].
func NewEngine(o Options) *Engine {
	e := &Engine{
		store: o.Store, campaigns: o.Campaigns, journal: o.Journal, shoppers: o.Shoppers, compiler: o.Compiler, plugins: o.Plugins,
		provider: o.Provider, exports: newExports(), now: o.Now, log: o.Log, nodes: o.Nodes,
		unserved: map[string]*unserved{},
	}
	e.background, e.stop = context.WithCancel(context.Background())
	if e.now == nil {
		e.now = time.Now
	}
	if e.log == nil {
		e.log = slog.Default()
	}
	e.refusalLog = newRefusals(o.Journal, e.log, refusalRoom, refusalQueue)
	e.campaigns = Announced(o.Campaigns, o.Nodes, e.log)
	e.presence, e.preparer, e.sampler = newPresence(&o, e.now, e.log), newPreparer(e), newSampler(e)
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
	e.presence.begin(ctx)
	e.polling.Go(func() { e.poll(e.background) })
	e.polling.Go(func() { e.preparer.run(e.background) })
	e.polling.Go(func() { e.guard(e.background) })
	e.polling.Go(func() { e.sampler.run(e.background) })
	if e.nodes != nil {
		e.polling.Go(func() { e.presence.beat(e.background) })
		e.polling.Go(func() { e.listen(e.background) })
	}
	return nil
}

// Stop ends what this node does without being asked, lets the other nodes know that it is gone, and waits until every batch
// that is under way has been answered. Callers stop sending first.
func (e *Engine) Stop() {
	e.stop()
	e.alarms.close()
	e.polling.Wait()
	for _, f := range []*followers{&e.followers, &e.watchers, &e.changers} {
		f.close()
	}
	e.presence.end()
	for _, c := range *e.running.Load() {
		c.drain()
	}
	e.wallet.drain()
	e.sampler.flush(context.Background())
	e.refusalLog.stop()
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
