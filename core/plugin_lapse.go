package core

import (
	"context"
	"math"
)

// lapsePage is how many plugins the sweep reads at a time.
const lapsePage = 100

// Lapse ends the approvals that do not hold any more, as those that have expired, and returns how many plugins lost
// theirs. What was approved is vetted again then, and the campaigns that bind it are fenced. Of several nodes that do this
// at the same time one does it.
func (r *PluginRegistry) Lapse(ctx context.Context) (int, error) {
	return r.lapse(ctx, systemPrincipal(), PluginFilter{Expiring: math.MaxInt64})
}

// LapseExpired is Lapse of the approvals whose time is over.
func (r *PluginRegistry) LapseExpired(ctx context.Context) (int, error) {
	return r.lapse(ctx, systemPrincipal(), PluginFilter{Expiring: r.now().UnixMilli()})
}

// lapse is Lapse of the plugins that the filter finds, by whoever has brought it about.
func (r *PluginRegistry) lapse(ctx context.Context, by Principal, f PluginFilter) (lapsed int, err error) {
	f.Limit, f.Rules = lapsePage, r.rules
	for {
		found, err := r.store.FindPlugins(ctx, f)
		if err != nil {
			return lapsed, storeError(err)
		}
		for _, p := range found {
			done, err := r.lapseOne(ctx, by, p)
			if err != nil {
				return lapsed, err
			}
			lapsed += done
		}
		if len(found) < f.Limit {
			return lapsed, nil
		}
		last := found[len(found)-1]
		f.After = &PluginCursor{At: last.UploadedAt, Brand: last.Brand, Digest: last.Digest}
	}
}

// lapseOne ends the plugin's approvals if they do not hold any more, and returns 1 if it was this node that did.
func (r *PluginRegistry) lapseOne(ctx context.Context, by Principal, found *Plugin) (done int, err error) {
	why := ""
	_, err = r.change(ctx, found.Brand, found.Digest, func(p *Plugin) (*PluginChange, error) {
		done = 0
		why = r.overdue(p)
		if why == "" {
			return nil, nil //nolint:nilnil // they hold, or somebody else was faster
		}
		before, now := *p, r.now().UnixMilli()
		change := &PluginChange{Plugin: p}
		proposed := p.Proposed
		change.void(now, why)
		r.succeed(change, proposed)
		p.end(by.ID, why, now)
		change.Entry = pluginEntry(now, by, "plugin.void", why, &before, p)
		done = 1
		return change, p.moved(&before, PluginLapse)
	})
	if err == nil && done > 0 {
		r.log.Info("the approvals of a plugin ended", "plugin", found.Digest, "brand", found.Brand, "why", why)
	}
	return done, err
}

// end makes the plugin one that is vetted, by who or what ended its approvals.
func (p *Plugin) end(by, why string, now int64) {
	if p.State == PluginApproved {
		p.DecidedAt, p.DecidedBy = now, by
	}
	p.State, p.Reason = PluginVetted, why
}

// overdue says why the plugin's approvals have to be ended; "" where they hold, or are too few yet.
func (r *PluginRegistry) overdue(p *Plugin) string {
	switch {
	case p.State == PluginApproved:
		return r.lapsed(p)
	case p.State == PluginVetted && p.Terms != nil:
		return r.stale(p, p.Terms)
	default:
		return ""
	}
}
