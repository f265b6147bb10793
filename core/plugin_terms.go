package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// defaultApprovals is how many people have to approve a plugin unless something else was asked for.
	defaultApprovals = 2
	// MaxApprovals is how many may be asked for.
	MaxApprovals = 5
	// approvalTime is how long approvals hold unless something else was asked for.
	approvalTime = 90 * 24 * time.Hour
	// longestApproval is how long they may hold.
	longestApproval = 365 * 24 * time.Hour
	// maxScope is how many campaigns an approval may name.
	maxScope = 100
	// ofApproval is what the problems of terms are of.
	ofApproval = "approval"
	// approvalExpired is the reason of a plugin whose approvals have ended because their time was over.
	approvalExpired = "its approval has expired"
)

// PluginTerms are what people agree to when they approve a plugin, beside its digest. Approvals of different terms never add
// up: whoever approves on other terms begins anew, or, while the plugin is approved, begins a [PluginProposal].
type PluginTerms struct {
	Campaigns []string        `json:"campaigns,omitempty"` // that may bind it, sorted; none: all of its brand
	ExpiresAt int64           `json:"expires_at"`          // Unix milliseconds; from then on it is approved no more
	Limits    json.RawMessage `json:"limits,omitempty"`    // as [Vetter] grants them
	Key       string          `json:"key,omitempty"`       // the id of the key that it is signed by; "" where it is not signed
}

// PluginApproval is one person's agreement.
type PluginApproval struct {
	By         string `json:"by"` // the person
	Credential string `json:"credential,omitempty"`
	At         int64  `json:"at"` // Unix milliseconds
	Reason     string `json:"reason"`
	// Revision is the plugin's that the approval led to, of one that is proposed; 0: the one that it is saved with.
	Revision int64 `json:"revision,omitempty"`
}

// PluginProposal is what some people have approved while other terms are in force, which stay so until enough people have
// agreed to these. Then these take their place, in one change.
type PluginProposal struct {
	Terms     *PluginTerms     `json:"terms"`
	Approvals []PluginApproval `json:"approvals"` // in the order that they came
}

// PluginVoid ends the approvals that there are.
type PluginVoid struct {
	At     int64 // Unix milliseconds
	Why    string
	Person string // whose; "" for everybody's
}

// equal reports whether both are the same terms.
func (t *PluginTerms) equal(other *PluginTerms) bool {
	if t == nil || other == nil {
		return t == other
	}
	return slices.Equal(t.Campaigns, other.Campaigns) && t.ExpiresAt == other.ExpiresAt && t.sameButScope(other)
}

// sameButScope reports whether both say the same of what else a decision depends on than the campaigns and the end.
func (t *PluginTerms) sameButScope(other *PluginTerms) bool {
	return t.Key == other.Key && bytes.Equal(t.Limits, other.Limits)
}

// cover reports whether the campaign may bind a plugin that is approved on these terms.
func (t *PluginTerms) cover(campaign string) bool {
	return len(t.Campaigns) == 0 || slices.Contains(t.Campaigns, campaign)
}

// Text is the terms as stores keep them beside an approval: JSON, "" for none.
func (t *PluginTerms) Text() string {
	if t == nil {
		return ""
	}
	text, _ := json.Marshal(t) // plain data always encodes
	return string(text)
}

// keptTerms are a plugin's terms as stores keep them, with those that are proposed.
type keptTerms struct {
	PluginTerms

	Proposed *PluginProposal `json:"proposed,omitempty"`
}

// TermsText is the plugin's terms, and those that are proposed beside them, as stores keep them: JSON, "" for none.
func (p *Plugin) TermsText() string {
	if p.Terms == nil {
		return ""
	}
	text, _ := json.Marshal(keptTerms{*p.Terms, p.Proposed}) // plain data always encodes
	return string(text)
}

// ExpiresAt is when the plugin's approvals end, Unix milliseconds; 0 where there are none.
func (p *Plugin) ExpiresAt() int64 {
	if p.Terms == nil {
		return 0
	}
	return p.Terms.ExpiresAt
}

// TakeTerms gives the plugin what a store has kept of its terms, and its approvals, a JSON array in any order.
func (p *Plugin) TakeTerms(terms, approvals string) error {
	if terms != "" {
		kept := &keptTerms{}
		if err := json.Unmarshal([]byte(terms), kept); err != nil {
			return fmt.Errorf("the terms of the plugin %s: %w", p.Digest, err)
		}
		p.Terms, p.Proposed = &kept.PluginTerms, kept.Proposed
	}
	if err := json.Unmarshal([]byte(approvals), &p.Approvals); err != nil {
		return fmt.Errorf("the approvals of the plugin %s: %w", p.Digest, err)
	}
	slices.SortFunc(p.Approvals, func(a, b PluginApproval) int {
		if a.At != b.At {
			return int(a.At - b.At)
		}
		return strings.Compare(a.By, b.By)
	})
	if len(p.Approvals) == 0 {
		p.Approvals = nil
	}
	return nil
}

// termsOf returns what the decision approves: what it names, then what others have proposed or approved already, then what
// is usual.
func (r *PluginRegistry) termsOf(d *PluginDecision, p *Plugin, now time.Time) (*PluginTerms, error) {
	terms, said := &PluginTerms{ExpiresAt: now.Add(approvalTime).UnixMilli()}, p.Terms
	if p.Proposed != nil {
		said = p.Proposed.Terms
	}
	if said != nil && said.ExpiresAt > now.UnixMilli() {
		terms.Campaigns, terms.ExpiresAt = said.Campaigns, said.ExpiresAt
	}
	if d.Campaigns != nil {
		terms.Campaigns = slices.Compact(slices.Sorted(slices.Values(d.Campaigns)))
	}
	if d.ExpiresAt != 0 {
		terms.ExpiresAt = d.ExpiresAt
	}
	terms.Limits, terms.Key = r.vetter.Limits(p), p.signedBy()
	if err := terms.check(now); err != nil {
		return nil, err
	}
	return terms, nil
}

// check refuses terms that nobody can agree to.
func (t *PluginTerms) check(now time.Time) error {
	problems := &Problems{Of: ofApproval}
	if len(t.Campaigns) > maxScope {
		problems.Add("campaigns", "an approval names at most %d campaigns; none are all of the brand", maxScope)
	}
	for i, id := range t.Campaigns {
		if !ValidCampaignID(id) {
			problems.Add(fmt.Sprintf("campaigns[%d]", i), "%q is no id of a campaign", id)
		}
	}
	if t.ExpiresAt <= now.UnixMilli() || t.ExpiresAt > now.Add(longestApproval).UnixMilli() {
		problems.Add("expires_at", "an approval ends after now, and within %d days", longestApproval/(24*time.Hour))
	}
	return problems.Err()
}

// lapsed says why the plugin's approvals do not make it one that may be loaded now; "" if they do. It is asked when it
// is approved, whenever it is loaded, and by the sweep.
func (r *PluginRegistry) lapsed(p *Plugin) string {
	switch {
	case p.Terms == nil || len(p.Approvals) < r.needed:
		return fmt.Sprintf("it needs the approvals of %d people and has %d", r.needed, len(p.Approvals))
	case r.stale(p, p.Terms) != "":
		return r.stale(p, p.Terms)
	case slices.ContainsFunc(p.Approvals, func(a PluginApproval) bool { return p.madeBy(a.By) != "" }):
		return "one of those who approved it has sent it, signed it, or is named as its author"
	default:
		return ""
	}
}

// stale says which of the things that approvals of the plugin on the terms are bound to is no longer so; "" if all are.
func (r *PluginRegistry) stale(p *Plugin, terms *PluginTerms) string {
	switch {
	case terms.ExpiresAt <= r.now().UnixMilli():
		return approvalExpired
	case !bytes.Equal(terms.Limits, r.vetter.Limits(p)):
		return "its limits have changed since it was approved"
	case terms.Key != p.signedBy():
		return "its signature has changed since it was approved"
	default:
		return r.unsigned(p)
	}
}
