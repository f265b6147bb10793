package core

import (
	"context"
	"fmt"
	"strings"
)

// PluginDecision is one person's decision about a plugin.
type PluginDecision struct {
	Actor   Principal
	Brand   string // may be empty unless several brands have uploaded the same bytes
	Digest  string
	Action  PluginAction
	Reason  string
	IfMatch int64 // the revision the caller has seen; 0 means any

	// Campaigns that may bind what is approved. nil: those that others have proposed or approved it for already, else all of
	// its brand; an empty list: all of its brand.
	Campaigns []string
	// ExpiresAt is when the approval ends, Unix milliseconds. 0: when others have said for the same terms, else after 90 days.
	ExpiresAt int64
}

// Decide carries out a decision and writes it into the staff log, in one transaction, then fences every campaign whose
// live ruleset binds the plugin, if it is approved now and was not, or the reverse: from then on no order is priced by a
// plugin that is revoked. A decision that has been made already changes nothing, but a revocation fences once more, for
// the case that it was cut short. It fails with wrong_state where the plugin's state does not allow it, with
// approval_required where somebody else has to approve, and with precondition_failed where the plugin is not at the
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
	unknown, err := r.unknownIn(ctx, found.Brand, d.Campaigns)
	if err != nil {
		return nil, err
	}
	before := found.Revision
	p, err := r.change(ctx, found.Brand, d.Digest, func(p *Plugin) (*PluginChange, error) { return r.decided(&d, p) })
	if err == nil && p.Revision == before && p.State == PluginRevoked {
		err = r.fence(ctx, p, d.Actor, everyCampaign)
	}
	if err == nil && unknown != "" {
		p.Notice = strings.TrimPrefix(p.Notice+"; "+unknown, "; ")
	}
	return p, err
}

// decided changes the plugin as decided; nil means that it is so already.
func (r *PluginRegistry) decided(d *PluginDecision, p *Plugin) (*PluginChange, error) {
	if d.IfMatch > 0 && p.Revision != d.IfMatch {
		return nil, Errorf(CodePreconditionFailed, "the plugin is at revision %d; get it again", p.Revision)
	}
	switch d.Action {
	case PluginApprove:
		return r.approve(d, p)
	case PluginReject:
		return r.end(d, p, PluginRejected)
	case PluginRevoke:
		return r.end(d, p, PluginRevoked)
	default:
		return nil, Errorf(CodeInvalid, "%q is no decision about a plugin", d.Action)
	}
}

// end rejects or revokes the plugin, with all its approvals.
func (r *PluginRegistry) end(d *PluginDecision, p *Plugin, to PluginState) (*PluginChange, error) {
	if p.State == to {
		return nil, nil //nolint:nilnil // nothing to change
	}
	if err := p.allows(d.Action, d.Actor.Role); err != nil {
		return nil, err
	}
	before, now := *p, r.now().UnixMilli()
	change := &PluginChange{Plugin: p}
	change.void(now, fmt.Sprintf("the plugin is %s", to))
	p.settle(d, to, now)
	change.Entry = pluginEntry(now, d.Actor, "plugin."+string(d.Action), d.Reason, &before, p)
	return change, p.moved(&before, d.Action)
}

// settle writes down what was decided, by whom.
func (p *Plugin) settle(d *PluginDecision, to PluginState, now int64) {
	p.State, p.Reason, p.DecidedAt, p.DecidedBy = to, d.Reason, now, d.Actor.ID
}

// approvable refuses an approval of what cannot be approved, and by whoever may not.
func (r *PluginRegistry) approvable(d *PluginDecision, p *Plugin) error {
	if err := p.allows(PluginApprove, d.Actor.Role); err != nil {
		return err
	}
	why := p.madeBy(d.Actor.ID)
	unsigned := r.unsigned(p)
	switch {
	case p.Report == nil || !p.Report.Accepted:
		return Errorf(CodeWrongState, "the plugin has to be vetted by the rules of this version first")
	case why != "":
		return Errorf(CodeApprovalRequired, "%s: other people have to approve it", why)
	case unsigned != "":
		return Errorf(CodeSignatureInvalid, "%s: its brand has to sign it before it can be approved", unsigned)
	default:
		return nil
	}
}

// void ends the approvals that the plugin has, also on terms that are proposed; the change keeps why.
func (c *PluginChange) void(now int64, why string) {
	if c.Plugin.Terms == nil {
		return
	}
	c.Void = &PluginVoid{At: now, Why: why}
	c.Plugin.Terms, c.Plugin.Approvals, c.Plugin.Proposed = nil, nil, nil
}

// approvalsAre names the approvals of so many people, as what a sentence is about.
func approvalsAre(people int) string {
	if people == 1 {
		return "the approval of 1 person is"
	}
	return fmt.Sprintf("the approvals of %d people are", people)
}

// approvalsOf names the approvals of so many people.
func approvalsOf(people int) string {
	if people == 1 {
		return "the approval of 1 person"
	}
	return fmt.Sprintf("the approvals of %d people", people)
}
