package core

import (
	"context"
	"slices"
)

// PluginAction is what staff decide about a plugin.
type PluginAction string

// The actions.
const (
	PluginApprove PluginAction = "approve" // may be bound and loaded from now on; only what is vetted
	PluginReject  PluginAction = "reject"  // never; only what is not approved
	PluginRevoke  PluginAction = "revoke"  // no longer; only what is approved
)

// PluginDecision is one decision about a plugin.
type PluginDecision struct {
	Actor   Principal
	Brand   string // may be empty unless several brands have uploaded the same bytes
	Digest  string
	Action  PluginAction
	Reason  string
	IfMatch int64 // the revision the caller has seen; 0 means any
}

// outcome returns the state that the action leads to and those it may start from.
func (a PluginAction) outcome() (to PluginState, from []PluginState) {
	switch a {
	case PluginApprove:
		return PluginApproved, []PluginState{PluginVetted}
	case PluginReject:
		return PluginRejected, []PluginState{PluginUploaded, PluginVetting, PluginVetted, PluginRefused}
	case PluginRevoke:
		return PluginRevoked, []PluginState{PluginApproved}
	default:
		return "", nil
	}
}

// Decide carries out a decision and writes it into the staff log, in one transaction, then fences every campaign whose
// live ruleset binds the plugin: from then on no order is priced by a plugin that is revoked. A decision that has been made
// already changes nothing, but a revocation fences once more, for the case that it was cut short. It fails with
// wrong_state where the plugin's state does not allow it, and with precondition_failed where the plugin is not at the
// revision of IfMatch.
func (r *PluginRegistry) Decide(ctx context.Context, d PluginDecision) (*Plugin, error) {
	if err := checkOptionalReason(d.Reason); err != nil {
		return nil, err
	}
	scope, err := d.Actor.pluginScope(d.Brand, d.Digest)
	if err != nil {
		return nil, err
	}
	found, err := r.find(ctx, scope, d.Digest)
	if err != nil {
		return nil, err
	}
	before := found.Revision
	p, err := r.change(ctx, found.Brand, d.Digest, func(p *Plugin) (*PluginChange, error) { return d.apply(p, r.now().UnixMilli()) })
	if err == nil && p.Revision == before && p.State == PluginRevoked {
		err = r.fence(ctx, p)
	}
	return p, err
}

// apply changes the plugin as decided; nil means that it is so already.
func (d *PluginDecision) apply(p *Plugin, now int64) (*PluginChange, error) {
	to, from := d.Action.outcome()
	switch {
	case d.IfMatch > 0 && p.Revision != d.IfMatch:
		return nil, Errorf(CodePreconditionFailed, "the plugin is at revision %d; get it again", p.Revision)
	case p.State == to:
		return nil, nil //nolint:nilnil // nothing to change
	case !slices.Contains(from, p.State):
		return nil, Errorf(CodeWrongState, "the plugin is %s: there is nothing to %s", p.State, d.Action)
	case to == PluginApproved && (p.Report == nil || !p.Report.Accepted):
		return nil, Errorf(CodeWrongState, "the plugin has to be vetted by the rules of this version first")
	}
	before := *p
	p.State, p.Reason, p.DecidedAt, p.DecidedBy = to, d.Reason, now, d.Actor.ID
	entry := pluginEntry(now, d.Actor, "plugin."+string(d.Action), d.Reason, &before, p)
	return &PluginChange{Plugin: p, Entry: &entry}, nil
}
