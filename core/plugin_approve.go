package core

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// approve adds one person's approval. What is in force stays so until enough people have agreed to other terms; where nothing
// is, other terms begin anew.
func (r *PluginRegistry) approve(d *PluginDecision, p *Plugin) (*PluginChange, error) {
	if err := r.approvable(d, p); err != nil {
		return nil, err
	}
	now := r.now()
	terms, err := r.termsOf(d, p, now)
	if err != nil {
		return nil, err
	}
	inForce := p.State == PluginApproved && r.lapsed(p) == ""
	if mine := p.approvalOf(terms, d.Actor.ID); mine != nil {
		return nil, p.repeated(d, terms, mine)
	}
	before := *p
	change := &PluginChange{Plugin: p}
	mine := PluginApproval{By: d.Actor.ID, Credential: d.Actor.Credential, At: now.UnixMilli(), Reason: d.Reason}
	if inForce && !p.Terms.equal(terms) {
		r.propose(d, change, terms, mine)
	} else {
		r.agree(d, change, terms, mine)
	}
	change.Entry = pluginEntry(mine.At, d.Actor, "plugin.approve", d.Reason, &before, p)
	return change, p.moved(&before, PluginApprove)
}

// agree adds the approval to those of the plugin's terms, or begins with it where it is on others.
func (r *PluginRegistry) agree(d *PluginDecision, change *PluginChange, terms *PluginTerms, mine PluginApproval) {
	p := change.Plugin
	if had := len(p.Approvals); p.Terms != nil && !p.Terms.equal(terms) {
		p.Notice = fmt.Sprintf("the terms are others than those that were approved before: %s void", approvalsAre(had))
		change.void(mine.At, "approved on other terms")
	}
	change.Approvals = []PluginApproval{mine}
	p.Terms, p.Approvals = terms, append(slices.Clip(p.Approvals), mine)
	p.State = PluginVetted
	if len(p.Approvals) >= r.needed {
		p.settle(d, PluginApproved, mine.At)
	}
}

// propose adds the approval to those of the terms that are proposed beside the terms in force, and puts them in force when
// they are enough. Of two that are proposed the later one takes the place of the earlier.
func (r *PluginRegistry) propose(d *PluginDecision, change *PluginChange, terms *PluginTerms, mine PluginApproval) {
	p := change.Plugin
	mine.Revision = p.Revision + 1
	next := &PluginProposal{Terms: terms}
	replaced := ""
	switch {
	case p.Proposed == nil:
	case p.Proposed.Terms.equal(terms):
		next.Approvals = slices.Clone(p.Proposed.Approvals)
	default:
		replaced = fmt.Sprintf("; the approvals of %d people of what was proposed before are void", len(p.Proposed.Approvals))
	}
	next.Approvals = append(next.Approvals, mine)
	if len(next.Approvals) < r.needed {
		p.Proposed = next
		p.Notice = fmt.Sprintf("these terms are proposed: they have %s and need %d; until then those in force stay in force%s",
			approvalsOf(len(next.Approvals)), r.needed, replaced)
		return
	}
	change.void(mine.At, "enough people have approved other terms")
	change.Approvals, p.Terms, p.Approvals = next.Approvals, next.Terms, next.Approvals
	p.settle(d, PluginApproved, mine.At)
	p.Notice = "these terms are in force now, in place of those that were approved before" + replaced
}

// forget drops a proposal that nobody can agree to any more.
func (r *PluginRegistry) forget(p *Plugin) {
	if p.Proposed != nil && r.stale(p, p.Proposed.Terms) != "" {
		p.Proposed = nil
	}
}

// succeed lets a proposal that still holds begin where the plugin's approvals have ended: its approvals count on.
func (r *PluginRegistry) succeed(change *PluginChange, proposed *PluginProposal) {
	p := change.Plugin
	if proposed == nil || r.stale(p, proposed.Terms) != "" {
		return
	}
	p.Terms, p.Approvals, change.Approvals = proposed.Terms, proposed.Approvals, proposed.Approvals
}

// approvalOf returns the person's approval of the terms, nil for none.
func (p *Plugin) approvalOf(terms *PluginTerms, person string) *PluginApproval {
	given := p.approvalsOf(terms)
	at := slices.IndexFunc(given, func(a PluginApproval) bool { return samePerson(a.By, person) })
	if at < 0 {
		return nil
	}
	return &given[at]
}

// approvalsOf returns the approvals of the terms.
func (p *Plugin) approvalsOf(terms *PluginTerms) []PluginApproval {
	switch {
	case p.Terms.equal(terms):
		return p.Approvals
	case p.Proposed != nil && p.Proposed.Terms.equal(terms):
		return p.Proposed.Approvals
	default:
		return nil
	}
}

// repeated answers whoever approves once more what they have approved: the same request again is answered as it was, but
// another key does not make them another person.
func (p *Plugin) repeated(d *PluginDecision, terms *PluginTerms, mine *PluginApproval) error {
	if mine.Credential != d.Actor.Credential {
		return Errorf(CodeApprovalRequired, "you have approved it already, by another key: somebody else has to approve it")
	}
	if n := len(p.approvalsOf(terms)); n < p.Needed {
		p.Notice = fmt.Sprintf("you have approved it already: it has %s and needs %d", approvalsOf(n), p.Needed)
	}
	return nil
}

// unknownIn says which campaigns of a scope the brand does not have, "" for none. They may be about to come, as a campaign
// that binds the plugin cannot be made before the plugin is approved; or they are a slip of the pen.
func (r *PluginRegistry) unknownIn(ctx context.Context, brand string, scope []string) (string, error) {
	if r.campaigns == nil || len(scope) > maxScope {
		return "", nil // the terms refuse the latter
	}
	var unknown []string
	for _, id := range scope {
		if !ValidCampaignID(id) {
			continue // the terms say so
		}
		record, err := r.campaigns.Campaign(ctx, id)
		if err != nil {
			return "", storeError(err)
		}
		if record == nil || record.Definition.Brand != brand {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) == 0 {
		return "", nil
	}
	return fmt.Sprintf("the brand %s has no campaign %s yet", brand, strings.Join(unknown, ", ")), nil
}

// changesFor returns which campaigns may decide otherwise now that the plugin has changed so; nil for none.
func (r *PluginRegistry) changesFor(before, after *Plugin) func(campaign string) bool {
	was, is := before.granted(), after.granted()
	switch {
	case was.equal(is):
		return nil
	case was == nil || is == nil || !was.sameButScope(is) || was.ExpiresAt <= r.now().UnixMilli():
		return everyCampaign
	default:
		return func(campaign string) bool { return was.cover(campaign) != is.cover(campaign) }
	}
}

func everyCampaign(string) bool { return true }
