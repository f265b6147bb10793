package core

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxBatch is how many intents one transaction carries. Larger batches gain nothing and hold the counters longer.
	maxBatch = 1000
	// maxWaiting is how many requests may wait for the store per campaign; more are refused at once.
	maxWaiting = 20_000
	// loadLanes lets a second query of facts run while the first is under way.
	loadLanes = 2
)

// campaign is one campaign as this node runs it.
type campaign struct {
	id       string
	brand    string // whose it is and stays
	engine   *Engine
	snapshot atomic.Pointer[snapshot]
	view     *view
	memory   *memory
	loads    batcher[*load]
	intents  batcher[*intent]
	payments batcher[*settlement]
	tasks    batcher[*Document]
	counts   batcher[*count]
	delays   batcher[*delay]
	remarks  remarks
	rulesets *rulesets
	refused  refusalSample
	meter    *meter
	sampling sampling
	guarding guarding
	endings  endings

	comparing comparing
	waiting   *waiting
	due       dueChange
	forgotten sync.Map // the tombstones of shoppers that this node has forgotten

	mu       sync.Mutex
	inFlight map[requestKey]struct{}
}

// snapshot is everything that a decision needs and that changes only by a fenced change.
type snapshot struct {
	record  *CampaignRecord
	ruleset *compiled      // the live one
	canary  *compiled      // nil without one
	plugins []*watched     // the uploaded plugins that decide, or would
	kinds   []DocumentKind // the shopper's documents that its mechanics read facts of
	hooks   []Hook         // at which a mechanic has something to say
	unready bool           // the shadow was not ready on this node: its documents are not among kinds
}

// definition returns the campaign file.
func (s *snapshot) definition() *Campaign { return s.record.Definition }

func newCampaign(e *Engine, s *snapshot, rulesets *rulesets) *campaign {
	c := &campaign{
		id: s.record.Definition.ID, brand: s.record.Definition.Brand, engine: e, inFlight: map[requestKey]struct{}{}, rulesets: rulesets,
		view: &view{now: e.now, counters: map[string]sighting{}}, memory: newMemory(), meter: newMeter(e.now),
	}
	c.snapshot.Store(s)
	c.loads = batcher[*load]{run: c.load, lanes: loadLanes, most: maxBatch, bound: maxWaiting}
	c.intents = batcher[*intent]{run: c.commit, lanes: 1, most: maxBatch, bound: maxWaiting}
	c.payments = batcher[*settlement]{run: c.settle, lanes: 1, most: maxBatch, bound: maxWaiting}
	c.tasks = batcher[*Document]{run: c.work, lanes: 1, most: maxBatch, bound: maxWaiting}
	c.delays = batcher[*delay]{run: c.delayAll, lanes: 1, most: maxBatch, bound: maxWaiting}
	c.counts = batcher[*count]{run: c.count, lanes: 1, most: maxBatch, bound: maxWaiting}
	c.waiting = newWaiting(c)
	return c
}

// key names the campaign with its brand, as stores want it.
func (c *campaign) key() CampaignKey { return CampaignKey{Brand: c.brand, ID: c.id} }

func (c *campaign) drain() {
	c.waiting.reads.drain()
	c.payments.drain()
	c.tasks.drain() // which need the others
	c.counts.drain()
	c.delays.drain()
	c.intents.drain()
	c.loads.drain()
	c.comparing.drain()
}

// compileStored compiles a ruleset of the campaign as the artefacts of its digests.
func (e *Engine) compileStored(ctx context.Context, record *CampaignRecord, stored *Ruleset) (*compiled, error) {
	kept := make([]bool, len(stored.Bindings))
	ruleset, err := compileRuleset(record.Definition, stored, func(b Binding, i int) (m Mechanic, err error) {
		digest := b.Plugin
		if i < len(stored.Digests) {
			digest = stored.Digests[i]
		}
		m, kept[i], err = e.compileInForce(ctx, record.Definition.ID, b, digest)
		return m, err
	})
	if err != nil {
		return nil, err
	}
	for i := range kept {
		ruleset.bindings[i].kept = kept[i]
	}
	if !slices.Equal(ruleset.digests(), stored.Digests) {
		// Another binary's mechanic of the same name would decide otherwise than the ruleset's number says, and the one that
		// it says is neither in this binary nor stored with the ruleset.
		return nil, fmt.Errorf("this node's mechanics are not those of ruleset %d; apply the campaign again", stored.Number)
	}
	return ruleset, nil
}

// compileRuleset compiles every binding by compile, which gets its index too; all problems of all bindings come back at once.
func compileRuleset(def *Campaign, r *Ruleset, compile func(b Binding, i int) (Mechanic, error)) (*compiled, error) {
	out := &compiled{ruleset: *r, groups: groupBindings(r.Bindings, r.Stacking)}
	problems := &Problems{}
	for i, binding := range r.Bindings {
		binding.Brand, binding.Campaign = def.Brand, def.ID
		mechanic, err := compile(binding, i)
		if err != nil {
			if err := problems.under(fmt.Sprintf("ruleset[%d]", i), err); err != nil {
				return nil, err
			}
			continue
		}
		checkManifest(fmt.Sprintf("ruleset[%d]", i), mechanic.Manifest(), problems)
		policy := binding.OnFailure
		if policy == "" {
			policy = FailDeny
		}
		out.bindings = append(out.bindings, &bound{mechanic: mechanic, policy: policy})
	}
	return out, problems.Err()
}

// under adds err's problems below the path; an error that is not [Problems] comes back.
func (p *Problems) under(path string, err error) error {
	if why, ok := errors.AsType[*NotLoadable](err); ok {
		err = why.Err
	}
	inner, ok := err.(*Problems) //nolint:errorlint // a compiler returns it bare
	if !ok {
		return err
	}
	for _, problem := range inner.List {
		if problem.Path != "" {
			problem.Path = "." + problem.Path
		}
		problem.Path = path + problem.Path
		p.List = append(p.List, problem)
	}
	return nil
}

// checkManifest refuses a mechanic that declares an effect which none of its hooks may use.
func checkManifest(path string, m *Manifest, problems *Problems) {
	for _, effect := range m.Effects {
		ok := false
		for _, hook := range m.Hooks {
			ok = ok || effect.Allowed(hook)
		}
		if !ok {
			problems.Add(path, "the mechanic %s uses the effect %s, which is not available at its hooks", m.Name, effect)
		}
	}
}

// sameRuleset reports whether two rulesets decide alike: the same bindings, stacking and artefacts.
func sameRuleset(a, b *Ruleset) bool {
	render := func(r *Ruleset) []byte {
		content, _ := json.Marshal([]any{r.Bindings, r.Stacking, r.Digests}) // plain data always encodes
		return content
	}
	return bytes.Equal(render(a), render(b))
}

// requestKey names a request by its idempotency scope within the campaign.
type requestKey struct {
	shopper string
	kind    ClaimKind
	key     string
}

// enter marks the request as being worked on; leave ends it. A second one at the same time is refused.
func (c *campaign) enter(shopper string, kind ClaimKind, key string) (leave func(), err error) {
	if key == "" {
		return nil, Errorf(CodeIdempotencyMissing, "this request needs an Idempotency-Key header")
	}
	k := requestKey{shopper, kind, key}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.inFlight[k]; ok {
		return nil, &Error{Code: CodeInFlight, Message: "a request with this Idempotency-Key is being worked on", RetryAfter: retryAfter}
	}
	c.inFlight[k] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.inFlight, k)
	}, nil
}

// load is one request's share of a coalesced query: a shopper, an order, documents, or the counters alone.
type load struct {
	shopper, order string
	voucher        string         // a code; whether it is claimed
	wanted         []DocumentKey  // documents beside those of the shopper that the ruleset needs
	kinds          []DocumentKind // of which the shopper's documents were loaded
	state          *ShopperState  // of the shopper; nil without rows
	found          *Order         // the order; nil if there is none
	claimed        *Claim         // of the voucher; nil if it is not
	documents      map[DocumentKey]*Document
	err            error
}

// fetch loads a shopper's state and, where order is not empty, that order.
func (c *campaign) fetch(ctx context.Context, shopper, order string) (*load, error) {
	return c.fetchAll(ctx, &load{shopper: shopper, order: order})
}

// fetchAll fills the load, together with whatever other requests want at the same moment. Counters come along when the
// view of them is stale.
func (c *campaign) fetchAll(ctx context.Context, l *load) (*load, error) {
	done, ok := c.loads.add(l)
	if !ok {
		return nil, overloaded()
	}
	select {
	case <-done:
		return l, l.err
	case <-ctx.Done():
		return nil, storeError(ctx.Err())
	}
}

// glance reports whether the view may be trusted, and has it refreshed in time, so that nobody has to wait for that.
func (c *campaign) glance() bool {
	if c.view.ask() {
		c.loads.add(&load{})
	}
	return c.view.trusted()
}

// load answers one batch of loads with one query.
func (c *campaign) load(items []*load) {
	q := Query{Campaign: c.id, Brand: c.brand, Counters: c.view.stale(), Kinds: c.snapshot.Load().kinds}
	q.Placed = q.Counters && c.view.soldOut() && c.memory.incomplete(c.engine.now())
	w := wants{shoppers: make(map[string]struct{}, len(items)), orders: map[string]struct{}{}, documents: map[DocumentKey]struct{}{}}
	for _, l := range items {
		w.add(l)
	}
	q.Shoppers, q.Orders = slices.Collect(maps.Keys(w.shoppers)), slices.Collect(maps.Keys(w.orders))
	q.Documents = slices.Collect(maps.Keys(w.documents))
	state, err := c.query(q)
	for _, l := range items {
		if err != nil {
			l.err = err
			continue
		}
		l.kinds = q.Kinds
		l.take(state)
	}
}

// covers reports whether the shopper's documents of these kinds were loaded.
func (l *load) covers(kinds []DocumentKind) bool { return len(kinds) == 0 || contains(l.kinds, kinds) }

// contains reports whether all the kinds wanted are among those.
func contains(those, wanted []DocumentKind) bool {
	for _, kind := range wanted {
		if !slices.Contains(those, kind) {
			return false
		}
	}
	return true
}

// wants is what a batch of loads asks for, each thing once.
type wants struct {
	shoppers  map[string]struct{}
	orders    map[string]struct{}
	documents map[DocumentKey]struct{}
}

func (w *wants) add(l *load) {
	if l.shopper != "" {
		w.shoppers[l.shopper] = struct{}{}
	}
	if l.voucher != "" {
		w.shoppers[voucherScope(l.voucher)] = struct{}{}
	}
	if l.order != "" {
		w.orders[l.order] = struct{}{}
	}
	for _, key := range l.wanted {
		w.documents[key] = struct{}{}
	}
}

// take takes the load's share of what was found.
func (l *load) take(state *State) {
	l.state, l.found, l.documents = state.Shoppers[l.shopper], state.Orders[l.order], state.Documents
	if l.voucher != "" {
		l.claimed = state.Shoppers[voucherScope(l.voucher)].claim(ClaimVoucher, l.voucher)
	}
}

// query loads and lets the view learn from what was read. It also notices that this node is behind a change.
func (c *campaign) query(q Query) (*State, error) {
	if !q.Counters && len(q.Shoppers) == 0 && len(q.Orders) == 0 && len(q.Documents) == 0 {
		return &State{}, nil
	}
	began := c.engine.now()
	state, err := c.engine.store.Load(context.Background(), q)
	if err != nil {
		return nil, storeError(err)
	}
	if q.Counters {
		c.learn(state, began)
		c.catchUp(state.Epoch)
	}
	return state, nil
}

// readCounters lets the view see every counter, so that none is unknown to a decision.
func (c *campaign) readCounters(ctx context.Context) error {
	began := c.engine.now()
	state, err := c.engine.store.Load(ctx, Query{Campaign: c.id, Brand: c.brand, Counters: true})
	if err != nil {
		return storeError(err)
	}
	c.learn(state, began)
	return nil
}

// catchUp loads the campaign again if the store has a later epoch than this node decides under.
func (c *campaign) catchUp(epoch int64) {
	if epoch <= c.snapshot.Load().record.Epoch || c.engine.refused(c.id) != nil {
		return
	}
	if _, err := c.engine.refresh(context.Background(), c.id); err != nil {
		c.engine.log.Warn("campaign cannot follow its change on this node", "campaign", c.id, "error", err)
	}
}

// asks reports whether any mechanic has something to say at the hook.
func (s *snapshot) asks(hook Hook) bool { return slices.Contains(s.hooks, hook) }

// hooks returns the hooks at which any of the ruleset's mechanics has something to say.
func (r *compiled) hooks() []Hook {
	return slices.DeleteFunc(Hooks(), func(hook Hook) bool {
		return !slices.ContainsFunc(r.bindings, func(b *bound) bool { return slices.Contains(b.mechanic.Manifest().Hooks, hook) })
	})
}

// kinds returns the kinds of a shopper's documents that the ruleset's mechanics read facts of, at the hooks that are about a
// shopper's own request: at the hook share, what they may know comes with what was counted.
func (r *compiled) kinds() []DocumentKind {
	var kinds []DocumentKind
	for _, one := range []struct {
		prefix string
		kind   DocumentKind
	}{{"shares.", DocumentShare}, {"shopper.tags", DocumentTags}} {
		if slices.ContainsFunc(r.bindings, func(b *bound) bool { return b.loads(one.prefix) }) {
			kinds = append(kinds, one.kind)
		}
	}
	return kinds
}

// loads reports whether the binding's mechanic, or what stands in for it, reads facts that begin with the prefix of
// shoppers who ask for something.
func (b *bound) loads(prefix string) bool {
	of := func(m *Manifest) bool {
		return m.reads(prefix) && slices.ContainsFunc(m.Hooks, func(hook Hook) bool { return hook != HookShare })
	}
	return of(b.mechanic.Manifest()) || b.fallback != nil && of(b.fallback.Manifest())
}

// phaseOf returns the window that holds for the item, and its phase at now.
func (s *snapshot) phaseOf(item *Item, now time.Time) (Phases, Phase) {
	window := s.definition().Window(item)
	return window, window.At(now)
}
