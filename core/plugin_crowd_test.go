package core_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// deed is what one person, or the clock, does to a plugin on one node.
type deed struct {
	What      string
	Node      int
	Who       string // the person
	Key       string // by which the person is known
	Campaigns []string
	Until     time.Duration // the end of the approval, after the opening; 0: what is usual
	Signer    int
	Grants    string
	Wait      time.Duration
}

func drawDeed(t *rapid.T) deed {
	const approve = "approve"
	return deed{
		What: rapid.SampledFrom([]string{
			approve, approve, approve, approve, approve, approve, approve, approve, "wait", "sweep", "limits", "send", "sign", "disown", "reject", "revoke",
		}).Draw(t, "what"),
		Node: rapid.IntRange(0, 1).Draw(t, "node"),
		// Author has uploaded it, and the manifest says that cid has made it.
		Who:       rapid.SampledFrom([]string{"ann", "ann", "ann", "bob", "bob", "dan", "Author", "cid"}).Draw(t, "who"),
		Key:       rapid.SampledFrom([]string{"key-1", "key-2", "key-3"}).Draw(t, "key"),
		Campaigns: rapid.SampledFrom([][]string{nil, nil, nil, {}, {"phone"}, {"car"}}).Draw(t, "campaigns"),
		Until:     rapid.SampledFrom([]time.Duration{0, 0, 0, 2 * day, 40 * day}).Draw(t, "until"),
		Signer:    rapid.IntRange(0, 1).Draw(t, "signer"),
		Grants:    rapid.SampledFrom([]string{"1", "1", "2"}).Draw(t, "grants"),
		Wait:      rapid.SampledFrom([]time.Duration{time.Hour, 2 * day, 30 * day, 90 * day}).Draw(t, "wait"),
	}
}

// sighting is one answer of Loadable, with everything that was so at some time while it was made.
type sighting struct {
	node     int
	from, to int64 // the numbers of the staff log's last rows before and after
	at       int64 // the clock before, Unix milliseconds
	limits   []string
	ended    bool // a rejection or revocation had returned before
	disowned bool // the same of the revocations of all keys
	refusal  error
}

// crowd is one plugin, and several people who decide about it at the same time on two nodes that share a store.
type crowd struct {
	t        *testing.T
	log      core.StaffLogStore
	clock    *clock
	nodes    []*registry
	brand    string
	module   string
	needed   int
	signed   bool // plugins have to be
	signers  []*signer
	ended    atomic.Bool
	disowned atomic.Int32 // a bit of each key whose revocation has returned

	mu     sync.Mutex
	limits [2][]string // what each node grants, and has granted before
	seen   []sighting
	failed []error
}

// newCrowd uploads a plugin of a brand of its own and has it vetted.
func newCrowd(t *testing.T, rt *rapid.T, s store, number int) *crowd {
	log, ok := s.(core.StaffLogStore)
	if !ok {
		t.Fatalf("%T has no staff log", s)
	}
	base := newRegistry(t, s)
	c := &crowd{
		t: t, log: log, clock: base.clock, brand: fmt.Sprintf("crowd-%d", number), module: fmt.Sprintf("fit for crowd %d", number),
		needed: rapid.IntRange(1, 3).Draw(rt, "needed"), signed: rapid.Bool().Draw(rt, "signed"), limits: [2][]string{{"1"}, {"1"}},
	}
	for range c.limits {
		node := base.with(func(o *core.PluginOptions) { o.Approvals, o.RequireSignatures = c.needed, c.signed })
		node.vets.author, node.vets.grants = "Cid <cid@phones.example>", "1"
		c.nodes = append(c.nodes, node)
	}
	for seed := range byte(2) {
		c.signers = append(c.signers, newSigner(base, c.brand, seed+1))
	}
	upload := core.PluginUpload{Actor: c.uploader(), Body: strings.NewReader(c.module)}
	if c.signed || rapid.Bool().Draw(rt, "comes signed") {
		upload.Signature = c.signers[0].of(c.module)
	}
	_, _, err := c.nodes[0].Upload(t.Context(), upload)
	must(t, err)
	c.nodes[0].vet()
	return c
}

func (c *crowd) uploader() core.Principal { return c.ofBrand("author") }

func (c *crowd) ofBrand(person string) core.Principal {
	return core.Principal{ID: person, Role: core.RoleBrand, Brand: c.brand}
}

// do does it. That it is refused is no failure: that hotdrop breaks is.
func (c *crowd) do(ctx context.Context, d *deed) {
	var err error
	node := c.nodes[d.Node]
	switch d.What {
	case "wait":
		c.clock.advance(d.Wait)
	case "sweep":
		_, err = node.Lapse(ctx)
	case "limits":
		c.grant(d.Node, d.Grants)
	case "send":
		_, _, err = node.Upload(ctx, core.PluginUpload{Actor: c.ofBrand(d.Who), Body: strings.NewReader(c.module), Signature: c.signers[0].of(c.module)})
	case "sign":
		_, err = node.Sign(ctx, core.PluginSigning{
			Actor: c.ofBrand(d.Who), Digest: digestOf(c.module), SignedBy: *c.signers[d.Signer].of(c.module),
		})
	case "disown":
		err = c.disown(ctx, d)
	default:
		err = c.decide(ctx, d)
	}
	if core.CodeOf(err) == core.CodeInternal {
		c.fail(fmt.Errorf("%+v: %w", *d, err))
	}
}

func (c *crowd) decide(ctx context.Context, d *deed) error {
	decision := core.PluginDecision{
		Actor: platform(d.Who, d.Key), Brand: c.brand, Digest: digestOf(c.module), Action: core.PluginAction(d.What), Reason: "read",
	}
	if d.What == string(core.PluginApprove) {
		decision.Campaigns = d.Campaigns
		if d.Until != 0 {
			decision.ExpiresAt = opening.Add(d.Until).UnixMilli()
		}
	}
	_, err := c.nodes[d.Node].Decide(ctx, decision)
	if err == nil && decision.Action != core.PluginApprove {
		c.ended.Store(true)
	}
	return err
}

// disown revokes a signing key; it has come back when the plugin is approved no more.
func (c *crowd) disown(ctx context.Context, d *deed) error {
	key := c.signers[d.Signer].key.ID
	_, err := c.nodes[d.Node].RevokeSigningKey(ctx, core.SigningKeyRevocation{Actor: c.uploader(), Key: key, Reason: "lost"})
	if err == nil {
		c.disowned.Or(1 << d.Signer)
	}
	return err
}

func (c *crowd) grant(node int, limits string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[node].vets.mu.Lock()
	defer c.nodes[node].vets.mu.Unlock()
	c.nodes[node].vets.grants = limits
	c.limits[node] = append(c.limits[node], limits)
}

func (c *crowd) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = append(c.failed, err)
}

func (c *crowd) head(ctx context.Context) int64 {
	head, _, err := c.log.StaffLogHead(ctx)
	if err != nil {
		c.fail(err)
	}
	return head.Seq
}

// look asks one node whether the campaign phone may load the plugin.
func (c *crowd) look(ctx context.Context, node int) {
	c.mu.Lock()
	since := len(c.limits[node]) - 1
	c.mu.Unlock()
	s := sighting{
		node: node, ended: c.ended.Load(), disowned: c.signed && c.disowned.Load() == 3, at: c.clock.now().UnixMilli(), from: c.head(ctx),
	}
	_, s.refusal = c.nodes[node].Loadable(ctx, c.brand, "phone", digestOf(c.module))
	s.to = c.head(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	s.limits = slices.Clone(c.limits[node][since:])
	c.seen = append(c.seen, s)
}

// together has everybody do what they do at the same time, while both nodes are asked all the time.
func (c *crowd) together(everybody [][]deed) {
	ctx := c.t.Context()
	var acting, watching sync.WaitGroup
	var over atomic.Bool
	for _, deeds := range everybody {
		acting.Go(func() {
			for i := range deeds {
				c.do(ctx, &deeds[i])
				c.look(ctx, deeds[i].Node)
			}
		})
	}
	for node := range c.nodes {
		watching.Go(func() {
			for !over.Load() {
				c.look(ctx, node)
			}
		})
	}
	acting.Wait()
	over.Store(true)
	watching.Wait()
}

// standing is what the staff log says of a plugin after one of its rows, by counting people.
type standing struct {
	terms   *core.PluginTerms
	people  map[string]bool
	beside  *core.PluginTerms // what is proposed
	some    map[string]bool   // who have agreed to that
	sent    map[string]bool   // who have sent it, or a signature
	signed  string            // the id of the key
	revoked map[string]bool   // ids of keys
	ended   bool
}

// following is the standing after one more row.
func following(s standing, row *core.LoggedEntry) (standing, error) {
	var is struct {
		Key    string            `json:"key"`
		Terms  *core.PluginTerms `json:"terms"`
		Signed string            `json:"signed_by"`

		Proposed *core.PluginProposal `json:"proposed"`
	}
	if err := json.Unmarshal(row.After, &is); err != nil {
		return s, err
	}
	s.people, s.some, s.revoked, s.sent = maps.Clone(s.people), maps.Clone(s.some), maps.Clone(s.revoked), maps.Clone(s.sent)
	switch row.Action {
	case "plugin.approve":
		s.agreed(row.Actor, is.Terms, is.Proposed)
	case "plugin.upload", "plugin.sign":
		if is.Signed != s.signed {
			s.end(nil)
		}
		s.brings(row.Actor, is.Terms)
		s.signed = is.Signed
	case "plugin.void", "plugin.reject", "plugin.revoke":
		s.end(is.Terms)
		s.ended = row.Action != "plugin.void"
	case "signing_key.revoke":
		s.revoked[is.Key] = true
	case "signing_key.create", "plugin.accept":
	default:
		return s, fmt.Errorf("what is %q?", row.Action)
	}
	return s, nil
}

// agreed counts one more person: for what is proposed where the row says that more have agreed to that, else for what is in
// force after it, for which those count too who had agreed to it while it was proposed, and nobody else.
func (s *standing) agreed(who string, terms *core.PluginTerms, proposed *core.PluginProposal) {
	switch {
	case proposed != nil && sameTerms(terms, s.terms) && (!sameTerms(proposed.Terms, s.beside) || len(proposed.Approvals) > len(s.some)):
		if !sameTerms(proposed.Terms, s.beside) {
			s.some = map[string]bool{}
		}
		s.beside, s.some[who] = proposed.Terms, true
		return
	case !sameTerms(terms, s.terms):
		s.end(terms)
	}
	s.terms, s.people[who] = terms, true
}

// brings takes the word of somebody back who has sent the plugin, or a signature of it.
func (s *standing) brings(who string, terms *core.PluginTerms) {
	theirs := func(person string, _ bool) bool { return strings.EqualFold(person, who) }
	s.sent[strings.ToLower(who)] = true
	if maps.DeleteFunc(s.some, theirs); len(s.some) == 0 {
		s.beside = nil
	}
	if maps.DeleteFunc(s.people, theirs); len(s.people) == 0 {
		s.end(terms)
	}
}

// end takes everybody's word back, but for those who had agreed to what follows while it was proposed.
func (s *standing) end(next *core.PluginTerms) {
	s.people = map[string]bool{}
	if next != nil && sameTerms(next, s.beside) {
		s.people = s.some
	}
	s.terms, s.beside, s.some = next, nil, map[string]bool{}
}

func sameTerms(a, b *core.PluginTerms) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// allows reports whether enough people have agreed to what is so at the sighting.
func (c *crowd) allows(s *standing, at *sighting) bool {
	if s.ended || s.terms == nil || s.terms.ExpiresAt <= at.at || s.terms.Key != s.signed {
		return false
	}
	if c.signed && (s.signed == "" || s.revoked[s.signed]) || len(s.terms.Campaigns) > 0 && !slices.Contains(s.terms.Campaigns, "phone") {
		return false
	}
	granted := slices.ContainsFunc(at.limits, func(limits string) bool { return string(s.terms.Limits) == `{"pages":`+limits+`}` })
	people := 0
	for person := range s.people {
		if !s.sent[strings.ToLower(person)] && !strings.EqualFold(person, "cid") {
			people++
		}
	}
	return granted && people >= c.needed
}

// history is what stood after each row of the brand's part of the staff log, by the row's number.
func (c *crowd) history(t *rapid.T) (rows []core.LoggedEntry, after []standing) {
	rows, err := c.log.StaffLogRows(c.t.Context(), core.LogFilter{Brand: c.brand, Limit: 1000})
	if err != nil {
		t.Fatalf("%v", err)
	}
	now := standing{people: map[string]bool{}, some: map[string]bool{}, revoked: map[string]bool{}, sent: map[string]bool{}}
	for i := range rows {
		if now, err = following(now, &rows[i]); err != nil {
			t.Fatalf("row %d: %v", rows[i].Seq, err)
		}
		after = append(after, now)
	}
	return rows, after
}

// check holds what was seen against the staff log, and returns how often the plugin could be loaded. What was seen alone,
// while nobody did anything, is exactly what the log says.
func (c *crowd) check(t *rapid.T, alone bool) (loaded int) {
	for _, err := range c.failed {
		t.Fatalf("%v", err)
	}
	rows, after := c.history(t)
	for _, s := range c.seen {
		possible := false
		for i := range rows {
			current := rows[i].Seq <= s.to && (i+1 == len(rows) || rows[i+1].Seq > s.from)
			possible = possible || current && c.allows(&after[i], &s)
		}
		switch yes := s.refusal == nil; {
		case yes && (s.ended || s.disowned):
			t.Fatalf("loaded after the last word was said: %+v\n%s", s, c.story(rows))
		case yes && !possible:
			t.Fatalf("loaded without the approvals of %d people: %+v\n%s", c.needed, s, c.story(rows))
		case alone && !yes && possible:
			t.Fatalf("%d people have approved it, and %v: %+v\n%s", c.needed, s.refusal, s, c.story(rows))
		case yes:
			loaded++
		}
	}
	c.seen = nil
	return loaded
}

// agrees holds the approvals that the plugin shows against the people of the staff log.
func (c *crowd) agrees(t *rapid.T) {
	p, err := c.nodes[0].Plugin(c.t.Context(), c.uploader(), "", digestOf(c.module))
	if err != nil {
		t.Fatalf("%v", err)
	}
	var shown []string
	for _, a := range p.Approvals {
		shown = append(shown, a.By)
	}
	slices.Sort(shown)
	rows, after := c.history(t)
	if want := slices.Sorted(maps.Keys(after[len(after)-1].people)); !slices.Equal(shown, want) {
		t.Fatalf("approved by %q, and the staff log has %q\n%s", shown, want, c.story(rows))
	}
}

func (*crowd) story(rows []core.LoggedEntry) string {
	var text strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&text, "%d %d %s %s (%s) %s\n", row.Seq, row.At, row.Action, row.Actor, row.Credential, row.After)
	}
	return text.String()
}

func TestWhateverPeopleDoAtTheSameTimeAPluginIsLoadedOnlyWhileEnoughOfThemAgree(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		histories, loaded := 0, 0
		rapid.Check(t, func(rt *rapid.T) {
			histories++
			c := newCrowd(t, rt, s, histories)
			for range rapid.IntRange(1, 2).Draw(rt, "rounds") {
				c.together(rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(drawDeed), 1, 3), 2, 3).Draw(rt, "deeds"))
				loaded += c.check(rt, false)
				c.look(t.Context(), 0)
				c.look(t.Context(), 1)
				loaded += c.check(rt, true)
				c.agrees(rt)
			}
		})
		if loaded == 0 {
			t.Errorf("nothing was ever loaded in %d histories", histories)
		}
		t.Logf("%d histories, loaded %d times", histories, loaded)
	})
}
