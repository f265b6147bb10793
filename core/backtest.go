package core

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

const (
	// backtestDecisions is how many recorded orders a backtest takes if the request does not say.
	backtestDecisions = 1_000_000
	// maxBacktest is how many it may ask for.
	maxBacktest = 10_000_000
	// backtestRefusals is how many recorded refusals a backtest takes at most: they are a sample anyway.
	backtestRefusals = 100_000
	// refusalPage is how many of them are read at once.
	refusalPage = 500
)

// BacktestRequest asks what a ruleset would have made of decisions that were recorded. The ruleset is one that is stored, or
// one that is not.
type BacktestRequest struct {
	Campaign    string
	Ruleset     int64     // the number of a stored one; 0 for Bindings
	Bindings    []Binding // of one that is not stored; nil for Ruleset
	Stacking    map[string]Stacking
	From, Until int64 // the decisions made at From or later and before Until, Unix milliseconds; 0 for no bound
	Limit       int   // how many orders at most, the earliest first; 0 for a million
	Staff       Principal
}

// check refuses what is no request.
func (r *BacktestRequest) check() error {
	switch {
	case (r.Ruleset == 0) == (r.Bindings == nil):
		return Errorf(CodeInvalid, "name a ruleset or send bindings, one of the two")
	case r.Ruleset < 0 || r.Limit < 0 || r.Limit > maxBacktest || r.From < 0 || r.Until < 0:
		return Errorf(CodeInvalid, "a number is out of range; limit is at most %d", maxBacktest)
	case r.Until > 0 && r.From >= r.Until:
		return Errorf(CodeInvalid, "from has to be before until")
	default:
		return nil
	}
}

// Backtest compares recorded decisions with what the candidate makes of their facts: the pinned decision of every order in
// the time, and those refusals by mechanics that were kept, which are a sample. Facts that were not recorded, because no
// mechanic of then read them, are absent. It reads the store from end to end in bounded memory; one campaign has one backtest
// at a time on a node, another one is overloaded. The same recordings and candidate give the same report. What is wrong with
// bindings comes back as *[Problems] with paths as in a campaign file.
func (e *Engine) Backtest(ctx context.Context, req BacktestRequest) (*Comparison, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	c, err := e.campaignFor(ctx, req.Campaign, &req.Staff)
	if err != nil {
		return nil, err
	}
	if e.journal == nil {
		return nil, Errorf(CodeUnavailable, "this node has no journal of decisions")
	}
	if !c.comparing.testing.TryLock() {
		return nil, &Error{
			Code: CodeOverloaded, RetryAfter: time.Second, Message: "this node is busy with another backtest of this campaign",
		}
	}
	defer c.comparing.testing.Unlock()
	candidate, err := c.backtestCandidate(ctx, &req)
	if err != nil {
		return nil, err
	}
	b := &backtest{campaign: c, request: &req, candidate: candidate, def: c.snapshot.Load().definition()}
	all, err := b.run(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	c.keepBacktest(ctx, req.Ruleset, all)
	report := c.explained(ctx, all, candidate)
	report.Ruleset, report.Cut = req.Ruleset, b.cut
	return report, nil
}

// backtestCandidate returns the ruleset that is asked about, with what its bindings would fall back to.
func (c *campaign) backtestCandidate(ctx context.Context, req *BacktestRequest) (*compiled, error) {
	if req.Ruleset > 0 {
		return c.candidate(ctx, req.Ruleset)
	}
	record := c.snapshot.Load().record
	ruleset := &Ruleset{Bindings: req.Bindings, Stacking: req.Stacking, Previous: record.Rollout.Live}
	def := record.Definition.deciding(ruleset)
	if err := def.Validate().Err(); err != nil {
		return nil, err
	}
	candidate, err := c.engine.compileNew(ctx, def, ruleset)
	if err != nil {
		return nil, err
	}
	falling, err := c.fallingBack(ctx, candidate, record.Rollout.Live)
	if err != nil {
		return candidate, nil //nolint:nilerr // there is nothing to fall back to
	}
	return falling, nil
}

// backtest is one under way: one goroutine reads, and as many as there are processors compare.
type backtest struct {
	campaign  *campaign
	request   *BacktestRequest
	candidate *compiled
	def       *Campaign

	full chan *recordings // to be compared
	free chan *recordings // to be filled again
	cut  bool
}

// errEnough ends the reading of a store.
var errEnough = errors.New("enough was read")

// run reads and compares. That every worker has a tally of its own makes no difference to the result: tallies merge in any
// order.
func (b *backtest) run(ctx context.Context) (*tally, error) {
	workers := runtime.GOMAXPROCS(0)
	b.full, b.free = make(chan *recordings, 2*workers), make(chan *recordings, 4*workers)
	for range cap(b.free) {
		b.free <- &recordings{}
	}
	compared := make([]*comparer, workers)
	var work sync.WaitGroup
	for i := range compared {
		compared[i] = newComparer(b.candidate, b.def)
		work.Go(func() { compared[i].run(b.full, b.free) })
	}
	err := b.read(ctx)
	close(b.full)
	work.Wait()
	all := &tally{}
	for _, one := range compared {
		all.merge(&one.tally)
	}
	return all, err
}

// read reads the orders, then the refusals of the same time.
func (b *backtest) read(ctx context.Context) error {
	batch := <-b.free
	until, err := b.readOrders(ctx, &batch)
	if err == nil {
		err = b.readRefusals(ctx, &batch, until)
	}
	b.full <- batch
	return err
}

// put adds a recording, and hands a batch that is full over to be compared.
func (b *backtest) put(batch **recordings, key, order string, code Code, reason string, content []byte) {
	if (*batch).isFull() {
		b.full <- *batch
		*batch = <-b.free
	}
	(*batch).add(recordingKey{key: key, order: order, code: code, reason: reason}, content)
}

// readOrders reads the pinned decisions of the orders. It returns the moment before which all of them were read.
func (b *backtest) readOrders(ctx context.Context, batch **recordings) (int64, error) {
	from, until, left := "", "", b.request.Limit
	if b.request.From > 0 {
		from = idAt(b.campaign.id, b.request.From)
	}
	if b.request.Until > 0 {
		until = idAt(b.campaign.id, b.request.Until)
	}
	if left == 0 {
		left = backtestDecisions
	}
	last := ""
	err := b.campaign.engine.journal.Quotes(ctx, b.campaign.key(), from, func(q RecordedQuote) error {
		switch {
		case until != "" && q.Order >= until:
			return errEnough
		case left == 0:
			b.cut = true
			return errEnough
		}
		left--
		last = q.Order
		b.put(batch, q.Order, q.Order, "", "", q.Quote)
		return ctx.Err()
	})
	if err != nil && !errors.Is(err, errEnough) {
		return 0, err
	}
	if b.cut {
		return timeOf(last) + 1, nil
	}
	return b.request.Until, nil
}

// readRefusals reads the refusals that were made before until, 0 for no bound, the newest first.
func (b *backtest) readRefusals(ctx context.Context, batch **recordings, until int64) error {
	after, left := "", backtestRefusals
	if until > 0 {
		after = idAt(b.campaign.id, until)
	}
	for {
		page, err := b.campaign.engine.journal.Refusals(ctx, b.campaign.key(), after, refusalPage)
		if err != nil {
			return err
		}
		for _, r := range page {
			switch {
			case r.At < b.request.From:
				return nil
			case r.Code != CodeDenied && r.Code != CodeMechanicFailed:
				continue // no ruleset refused it
			case left == 0:
				b.cut = true
				return nil
			}
			left--
			b.put(batch, r.ID, "", r.Code, r.Reason, r.Content)
		}
		if len(page) < refusalPage {
			return nil
		}
		after = page[len(page)-1].ID
	}
}
