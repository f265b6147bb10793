package core

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxUploads is how many uploads one node takes at the same time, each with one part in memory.
	maxUploads = 16
	// maxBrandUploads is how many of them may be one brand's: a body may trickle in for minutes.
	maxBrandUploads = 4
	// maxPending is how many plugins of one brand may wait for vetting, so that one brand does not fill the queue of all.
	maxPending = 128
	// defaultBrandBytes is how much of the store a brand's plugins may take unless something else was asked for, bytes.
	defaultBrandBytes = 256 << 20
)

// PluginOptions are what a [PluginRegistry] is made of.
type PluginOptions struct {
	Store  PluginStore
	Vetter Vetter
	// Campaigns are those that may bind a plugin: they are fenced when it is approved no more, or again. nil: none.
	Campaigns CampaignStore
	// Own are the versions of the rules, by digest, of plugins for which the vetter's Version does not count because the
	// vetter judges them by rules of their own.
	Own map[string]string
	// Approvals is how many people have to approve a plugin, at most MaxApprovals; 0 means 2.
	Approvals int
	// RequireSignatures refuses what its brand has not signed.
	RequireSignatures bool
	// BrandBytes is how much of the store the plugins of one brand may take, with their reports; 0 means 256 MiB.
	BrandBytes int64
	Workers    int              // how many plugins this node vets at a time; 0 means one
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger     // nil: slog.Default()
}

// PluginRegistry takes plugins from brands, has them vetted, and knows which of them may be loaded. Any number of
// registries, in any number of processes, may share a store.
type PluginRegistry struct {
	store     PluginStore
	vetter    Vetter
	campaigns CampaignStore // nil: none
	rules     PluginRules   // of this node
	needed    int           // how many people have to approve a plugin
	signed    bool          // whether plugins have to be signed
	quota     int64         // of a brand, bytes
	workers   int
	now       func() time.Time
	log       *slog.Logger
	node      string // tells this registry's leases from others'
	uploads   uploadSlots
	wake      chan struct{} // gets a value when there is something to vet
}

// NewPluginRegistry returns a registry. It vets nothing until [PluginRegistry.Run].
func NewPluginRegistry(o PluginOptions) *PluginRegistry {
	r := &PluginRegistry{
		store: o.Store, vetter: o.Vetter, campaigns: o.Campaigns, quota: cmp.Or(o.BrandBytes, defaultBrandBytes),
		needed: min(cmp.Or(o.Approvals, defaultApprovals), MaxApprovals), signed: o.RequireSignatures,
		workers: max(1, o.Workers), now: o.Now, log: o.Log, node: rand.Text(), wake: make(chan struct{}, 1),
		rules: PluginRules{Version: o.Vetter.Version(), Own: o.Own}, uploads: uploadSlots{taken: map[string][]string{}},
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.log == nil {
		r.log = slog.Default()
	}
	return r
}

// Plugin returns one plugin with its report, as the actor may see it. brand may be empty for staff of every brand, unless
// several brands have uploaded the same bytes.
func (r *PluginRegistry) Plugin(ctx context.Context, actor Principal, brand, digest string) (*Plugin, error) {
	scope, err := actor.pluginScope(brand, digest)
	if err != nil {
		return nil, err
	}
	return r.find(ctx, scope, digest)
}

// pluginScope returns the brand that a staff principal asks about, "" for all of them. To staff of one brand other brands'
// plugins do not exist.
func (p *Principal) pluginScope(brand, digest string) (string, error) {
	switch {
	case p.Brand == "" || p.Brand == brand:
		return brand, nil
	case brand == "":
		return p.Brand, nil
	default:
		return "", noPlugin(digest)
	}
}

func noPlugin(digest string) error { return Errorf(CodeNotFound, "there is no plugin %s", digest) }

// find returns the one plugin of the digest.
func (r *PluginRegistry) find(ctx context.Context, brand, digest string) (*Plugin, error) {
	found, err := r.store.FindPlugins(ctx, PluginFilter{
		Brand: brand, Digest: digest, Limit: 2, Rules: r.rules, Document: true,
	})
	switch {
	case err != nil:
		return nil, storeError(err)
	case len(found) == 0:
		return nil, noPlugin(digest)
	case len(found) > 1:
		return nil, Errorf(CodeInvalid, "several brands have uploaded %s: name one of them with brand", digest)
	}
	found[0].Needed = r.needed
	r.forget(found[0])
	return found[0], nil
}

// PluginList asks for a page of plugins. Empty fields allow everything.
type PluginList struct {
	Brand  string
	State  PluginState
	Cursor string // Next of the page before
	Limit  int
}

// Plugins lists plugins as the actor may see them, the latest uploads first, without the reports' documents.
func (r *PluginRegistry) Plugins(ctx context.Context, actor Principal, list PluginList) (Page[*Plugin], error) {
	scope, err := actor.pluginScope(list.Brand, "")
	if err != nil {
		return Page[*Plugin]{}, nil //nolint:nilerr // another brand's list is empty, as one that is not
	}
	after, err := parsePluginCursor(list.Cursor)
	if err != nil {
		return Page[*Plugin]{}, err
	}
	found, err := r.store.FindPlugins(ctx, PluginFilter{Brand: scope, State: list.State, After: after, Limit: list.Limit + 1, Rules: r.rules})
	if err != nil {
		return Page[*Plugin]{}, storeError(err)
	}
	for _, p := range found {
		p.Needed = r.needed
		r.forget(p)
	}
	if len(found) <= list.Limit {
		return Page[*Plugin]{Data: found}, nil
	}
	last := found[list.Limit-1]
	return Page[*Plugin]{Data: found[:list.Limit], Next: fmt.Sprintf("%d.%s.%s", last.UploadedAt, last.Brand, last.Digest)}, nil
}

func parsePluginCursor(cursor string) (*PluginCursor, error) {
	if cursor == "" {
		return nil, nil //nolint:nilnil // the first page begins nowhere
	}
	at, rest, _ := strings.Cut(cursor, ".")
	brand, digest, found := strings.Cut(rest, ".")
	millis, err := strconv.ParseInt(at, 10, 64)
	if err != nil || !found || !ValidDigest(digest) {
		return nil, foreignCursor()
	}
	return &PluginCursor{At: millis, Brand: brand, Digest: digest}, nil
}

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// ValidDigest reports whether s is a digest as plugins have them: "sha256:" and 64 hex digits.
func ValidDigest(s string) bool { return digestPattern.MatchString(s) }

// Loadable returns the brand's plugin if the campaign may load it now: it is approved, also for that campaign, on terms that
// still hold, and found fit by the rules of this node's version. Otherwise it fails with a *[NotLoadable] of not_found,
// wrong_state, or unavailable while it is being vetted again.
func (r *PluginRegistry) Loadable(ctx context.Context, brand, campaign, digest string) (*Plugin, error) {
	if brand == "" {
		return nil, &NotLoadable{Err: noPlugin(digest)}
	}
	p, err := r.find(ctx, brand, digest)
	if CodeOf(err) == CodeNotFound {
		return nil, &NotLoadable{Err: err}
	}
	if err != nil {
		return nil, err
	}
	if withheld := r.withheld(p, campaign); withheld != nil {
		return nil, withheld
	}
	return p, nil
}

// withheld returns what keeps the plugin from the campaign, or nil.
func (r *PluginRegistry) withheld(p *Plugin, campaign string) *NotLoadable {
	if refusal := p.loadable(); refusal != nil {
		return &NotLoadable{Plugin: p, Err: refusal}
	}
	if why := r.lapsed(p); why != "" {
		return &NotLoadable{
			Plugin: p, Withheld: true, Expired: why == approvalExpired, Err: Errorf(CodeWrongState, "the plugin may not be loaded: %s", why),
			Hint: "have it approved again: " + p.approveCommand(),
		}
	}
	if !p.Terms.cover(campaign) {
		return &NotLoadable{
			Plugin: p, Withheld: true, Err: Errorf(CodeWrongState, "the plugin is approved for the campaigns %s, and not for %s",
				strings.Join(p.Terms.Campaigns, ", "), campaign),
			Hint: "have it approved for all of its campaigns: " + p.approveCommand() + " --campaign " +
				strings.Join(append(slices.Clone(p.Terms.Campaigns), campaign), ","),
		}
	}
	return nil
}

// approveCommand is what a person of the platform types to approve the plugin.
func (p *Plugin) approveCommand() string {
	return "hotdrop review approve " + p.Digest + " --brand " + p.Brand + " --reason WHY"
}

// loadable returns what keeps the plugin from being loaded, or nil.
func (p *Plugin) loadable() *Error {
	switch {
	case p.State != PluginApproved:
		return Errorf(CodeWrongState, "the plugin is %s, not approved", p.State)
	case p.Report == nil:
		return &Error{
			Code: CodeUnavailable, RetryAfter: retryAfter,
			Message: "the plugin is vetted again, by the rules of this version; try again",
		}
	case !p.Report.Accepted:
		return Errorf(CodeWrongState, "the plugin was refused by the rules of this version")
	}
	return nil
}

func digestOf(sum [sha256.Size]byte) string { return "sha256:" + hex.EncodeToString(sum[:]) }

// change reads the plugin, lets edit change it, and saves what edit returns; when somebody else was faster, again from the
// start. No change, or an error of edit, saves nothing.
func (r *PluginRegistry) change(
	ctx context.Context, brand, digest string, edit func(p *Plugin) (*PluginChange, error),
) (*Plugin, error) {
	for range optimisticTries {
		p, err := r.find(ctx, brand, digest)
		if err != nil {
			return nil, err
		}
		before := *p
		change, err := edit(p)
		if err != nil || change == nil {
			return p, err
		}
		change.shed(&before)
		err = r.store.SavePlugin(ctx, change)
		if err == nil {
			p.Revision++
			return p, r.announce(ctx, &before, p, change.by())
		}
		if !errors.Is(err, ErrConflict) {
			return nil, storeError(err)
		}
	}
	return nil, storeError(ErrConflict)
}

// by is who made the change; hotdrop itself where nobody is to answer for it.
func (c *PluginChange) by() Principal {
	if e := c.Entry; e != nil {
		return Principal{ID: e.Actor, Role: Role(e.Role), Credential: e.Credential, Address: e.Address}
	}
	return systemPrincipal()
}

// shed drops the bytes of a plugin that is unwanted now and never was approved: nobody can load it, and whoever wants it
// vetted again sends them again. Its state and its reports stay.
func (c *PluginChange) shed(before *Plugin) {
	p := c.Plugin
	unwanted := p.State == PluginRefused || p.State == PluginRejected
	wasApproved := before.DecidedAt != 0 // nothing follows any other decision
	if unwanted && !wasApproved && p.Upload != "" {
		c.Drop, p.Upload = p.Upload, ""
	}
}

// pluginEntry is the staff log's row of something that the actor did to a plugin; before is nil for an upload.
func pluginEntry(at int64, actor Principal, action, reason string, before, after *Plugin) *StaffEntry {
	entry := actor.entry(at, action, after.Brand, "", reason)
	entry.After = after.forLog()
	if before != nil {
		entry.Before = before.forLog()
	}
	return &entry
}

func (p *Plugin) forLog() []byte {
	text, _ := json.Marshal(struct { // plain data always encodes
		Plugin string      `json:"plugin"`
		Name   string      `json:"name,omitempty"`
		Size   int64       `json:"size"`
		State  PluginState `json:"state"`
		Reason string      `json:"reason,omitempty"`

		Author    string           `json:"author,omitempty"`
		Senders   []PluginSender   `json:"senders,omitempty"`
		Terms     *PluginTerms     `json:"terms,omitempty"`
		Approvals []PluginApproval `json:"approvals,omitempty"`
		Proposed  *PluginProposal  `json:"proposed,omitempty"`
		Signed    string           `json:"signed_by,omitempty"` // the id of the key
		Notice    string           `json:"notice,omitempty"`
	}{p.Digest, p.Name, p.Size, p.State, p.Reason, p.Author, p.Senders, p.Terms, p.Approvals, p.Proposed, p.signedBy(), p.Notice})
	return text
}
