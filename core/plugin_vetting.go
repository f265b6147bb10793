package core

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"
)

// How vetting is shared between nodes. A node renews its lease three times in its length; two renewals that fail end the
// attempt, so that it has ended when another node may begin.
const (
	leaseTime     = 6 * time.Second
	renewEvery    = leaseTime / 3
	vetEvery      = time.Second      // how often a node looks for work that another one has left or taken in
	sweepEvery    = time.Minute      // how often broken uploads are looked for, and approvals that hold no more
	expireEvery   = time.Second      // how often approvals whose time is over are looked for
	vettingBound  = 5 * time.Minute  // of one attempt
	maxAttempts   = 5                // that count, see [PluginLease]
	retryPause    = 15 * time.Second // after an attempt without a verdict
	concludeBound = 10 * time.Second // for writing down how an attempt ended, also while the node stops
	dueAtOnce     = 8
)

// errLeaseLost ends an attempt whose plugin another node has taken over.
var errLeaseLost = errors.New("another node has taken the plugin over")

// Run vets what brands upload, as many plugins at a time as the registry has workers, sweeps uploads that broke off, and ends
// approvals that hold no more, until ctx ends. A plugin that is being vetted then is given back for another node to begin at once.
func (r *PluginRegistry) Run(ctx context.Context) {
	var running sync.WaitGroup
	for range r.workers {
		running.Go(func() { r.every(ctx, vetEvery, r.wake, r.vetAll) })
	}
	running.Go(func() { r.every(ctx, sweepEvery, nil, r.sweep) })
	running.Go(func() { r.every(ctx, expireEvery, nil, func(ctx context.Context) { r.expire(ctx, r.LapseExpired) }) })
	running.Wait()
}

// every calls work now, at every interval, and whenever it is woken.
func (*PluginRegistry) every(ctx context.Context, interval time.Duration, wake <-chan struct{}, work func(context.Context)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		work(ctx)
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-ticker.C:
		}
	}
}

func (r *PluginRegistry) sweep(ctx context.Context) {
	n, err := r.SweepUploads(ctx)
	if err != nil && ctx.Err() == nil {
		r.log.Warn("broken uploads could not be swept; the next sweep tries again", "error", err)
	}
	if n > 0 {
		r.log.Info("broken uploads removed", "uploads", n)
	}
	r.expire(ctx, r.Lapse)
}

// expire ends approvals by lapse.
func (r *PluginRegistry) expire(ctx context.Context, lapse func(context.Context) (int, error)) {
	if _, err := lapse(ctx); err != nil && ctx.Err() == nil {
		r.log.Warn("approvals that hold no more could not be ended; the next sweep tries again", "error", err)
	}
}

// vetAll vets until nothing is due.
func (r *PluginRegistry) vetAll(ctx context.Context) {
	for ctx.Err() == nil {
		worked, err := r.VetNext(ctx)
		if err != nil && ctx.Err() == nil {
			r.log.Warn("vetting could not go on; it is tried again", "error", err)
		}
		if err != nil || !worked {
			return
		}
	}
}

// VetNext vets one plugin that is due, if there is one that no other node has begun. An error is the store's, or that of
// an attempt that ended without a verdict.
func (r *PluginRegistry) VetNext(ctx context.Context) (worked bool, err error) {
	due, err := r.store.DuePlugins(ctx, PluginsDue{Now: r.now().UnixMilli(), Rules: r.rules, Limit: dueAtOnce})
	if err != nil {
		return false, storeError(err)
	}
	for _, p := range due {
		if p.tried() {
			if err := r.giveUp(ctx, p); err != nil {
				return false, err
			}
			continue
		}
		claimed, err := r.claim(ctx, p)
		if err != nil {
			return false, err
		}
		if claimed {
			return true, r.vet(ctx, p)
		}
	}
	return false, nil
}

// tried reports whether a new plugin has had all its attempts. One that was vetted before is tried for ever.
func (p *Plugin) tried() bool {
	return p.Lease.Attempts >= maxAttempts && (p.State == PluginUploaded || p.State == PluginVetting)
}

// giveUp refuses a plugin that seems to end whoever vets it.
func (r *PluginRegistry) giveUp(ctx context.Context, p *Plugin) error {
	r.log.Error("plugin could not be vetted", "brand", p.Brand, "plugin", p.Digest, "attempts", p.Lease.Attempts)
	before := *p
	if err := p.move(PluginRefuse, PluginRefused); err != nil {
		return err
	}
	p.Reason, p.Lease = "it could not be vetted; upload it again to have it tried again", PluginLease{}
	change := &PluginChange{
		Plugin: p, Entry: pluginEntry(r.now().UnixMilli(), systemPrincipal(), verdictAction(p.State), p.Reason, &before, p),
	}
	change.shed(&before)
	err := r.store.SavePlugin(ctx, change)
	if errors.Is(err, ErrConflict) {
		return nil
	}
	return storeError(err)
}

// claim takes the plugin's lease, unless somebody else was faster. One that is approved stays so while it is vetted again.
func (r *PluginRegistry) claim(ctx context.Context, p *Plugin) (bool, error) {
	_ = p.move(PluginBegin, PluginVetting) // or it is vetted again, in the state that it is in
	p.Lease.Holder = r.node + "/" + rand.Text()
	p.Lease.Until = r.now().Add(leaseTime).UnixMilli()
	p.Lease.Attempts++
	err := r.store.SavePlugin(ctx, &PluginChange{Plugin: p})
	if errors.Is(err, ErrConflict) {
		return false, nil
	}
	p.Revision++
	return err == nil, storeError(err)
}

// vet judges a plugin whose lease this node has, and writes down how that ended.
func (r *PluginRegistry) vet(ctx context.Context, p *Plugin) error {
	attempt, end := context.WithTimeout(ctx, vettingBound)
	defer end()
	var renewing sync.WaitGroup
	renewing.Go(func() {
		defer end()
		r.renew(attempt, p)
	})
	began := r.now()
	verdict, failed := r.judge(attempt, p)
	end()
	renewing.Wait()
	concluding, done := context.WithTimeout(context.WithoutCancel(ctx), concludeBound)
	defer done()
	_, err := r.change(concluding, p.Brand, p.Digest, func(now *Plugin) (*PluginChange, error) {
		if now.Lease.Holder != p.Lease.Holder {
			return nil, errLeaseLost
		}
		if verdict == nil {
			return r.postpone(now, ctx.Err() != nil, isDamage(failed)), nil
		}
		return r.conclude(now, verdict), nil
	})
	if failed == nil && err == nil {
		r.log.Info("plugin vetted", "brand", p.Brand, "plugin", p.Digest, "accepted", verdict.Accepted, "took", r.now().Sub(began))
	}
	return errors.Join(failed, err)
}

func (r *PluginRegistry) judge(ctx context.Context, p *Plugin) (*Verdict, error) {
	wasm, err := r.Wasm(ctx, p)
	if err != nil {
		return nil, err
	}
	verdict, err := r.vetter.Vet(ctx, p, wasm)
	if err != nil {
		return nil, fmt.Errorf("vet %s of brand %s: %w", p.Digest, p.Brand, err)
	}
	return verdict, nil
}

// renew keeps the lease until ctx ends. It returns early when the lease cannot be kept.
func (r *PluginRegistry) renew(ctx context.Context, p *Plugin) {
	ticker := time.NewTicker(renewEvery)
	defer ticker.Stop()
	for missed := 0; missed < 2; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		missed++
		err := r.extend(ctx, p)
		if errors.Is(err, errLeaseLost) {
			return
		}
		if err == nil {
			missed = 0
		}
	}
}

func (r *PluginRegistry) extend(ctx context.Context, p *Plugin) error {
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	_, err := r.change(ctx, p.Brand, p.Digest, func(now *Plugin) (*PluginChange, error) {
		if now.Lease.Holder != p.Lease.Holder {
			return nil, errLeaseLost
		}
		now.Lease.Until = r.now().Add(leaseTime).UnixMilli()
		return &PluginChange{Plugin: now}, nil
	})
	return err
}

// conclude writes the verdict down. What staff have decided stands, but a plugin that is found unfit is approved no more.
func (r *PluginRegistry) conclude(p *Plugin, verdict *Verdict) *PluginChange {
	before := *p
	switch {
	case !verdict.Accepted:
		_ = p.move(PluginRefuse, PluginRefused) // unless staff's word is the last
	case p.State != PluginApproved:
		_ = p.move(PluginAccept, PluginVetted)
	}
	p.Name, p.Author, p.Lease = verdict.Name, verdict.Author, PluginLease{}
	now := r.now().UnixMilli()
	change := &PluginChange{Plugin: p, Report: &PluginReport{
		Version: r.rules.Of(p.Digest), Accepted: verdict.Accepted, Document: verdict.Document, At: now,
	}}
	if p.State == PluginRefused {
		change.void(now, "it is found unfit")
	}
	if before.State == PluginApproved && p.State == PluginRefused {
		p.Reason = "it was approved, and is found unfit by the rules or the limits that hold now"
		p.DecidedAt, p.DecidedBy = now, systemActor
	}
	if before.State != p.State {
		change.Entry = pluginEntry(now, systemPrincipal(), verdictAction(p.State),
			cmp.Or(p.Reason, "vetted by the rules of version "+change.Report.Version), &before, p)
	}
	return change
}

// verdictAction is what the staff log calls a verdict that moved a plugin to the state.
func verdictAction(state PluginState) string {
	if state == PluginRefused {
		return "plugin.refuse"
	}
	return "plugin.accept"
}

// systemActor is who the staff log names where the platform's own rules have undone what staff decided.
const systemActor = "system"

// demoActor is who the staff log names where a demo has shifted its own campaigns.
const demoActor = "demo"

// ReservedPerson reports whether the name stands in the staff log for what no person did: nobody may be called so.
func ReservedPerson(name string) bool {
	return samePerson(name, systemActor) || samePerson(name, demoActor)
}

// DemoPrincipal is who a demo does its own doings as.
func DemoPrincipal() Principal { return Principal{ID: demoActor, Role: RoleAdmin} }

func systemPrincipal() Principal { return Principal{ID: systemActor, Role: roleSystem} }

// isDamage reports whether an attempt failed because of what is stored; anything else may be another time.
func isDamage(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == CodeInternal
}

// postpone gives the plugin back after an attempt without a verdict: at once if it was interrupted because this node
// stops, else after a pause. That no verdict could be found says nothing about the module, so the attempt does not count,
// unless its bytes are damaged; one whose node did not live to say so has been counted.
func (r *PluginRegistry) postpone(p *Plugin, interrupted, damaged bool) *PluginChange {
	p.Lease.Holder, p.Lease.Until = "", r.now().Add(retryPause).UnixMilli()
	if interrupted {
		p.Lease.Until = 0
	}
	if interrupted || !damaged {
		p.Lease.Attempts--
	}
	_ = p.move(PluginPostpone, PluginUploaded) // or it is vetted again, in the state that it is in
	return &PluginChange{Plugin: p}
}
