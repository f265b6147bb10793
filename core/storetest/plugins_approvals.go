package storetest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"hotdrop/core"
)

// terms are those of an approval for one campaign.
func terms(expires int64) *core.PluginTerms {
	return &core.PluginTerms{Campaigns: []string{"phone"}, ExpiresAt: expires, Limits: []byte(`{"pages":16}`), Key: "sk_1"}
}

// approve adds a person's approval on the terms, and returns the plugin as it should be then.
func (s *shelf) approve(p *core.Plugin, on *core.PluginTerms, person string, at int64) *core.Plugin {
	s.t.Helper()
	next := *p
	approval := core.PluginApproval{By: person, Credential: "key of " + person, At: at, Reason: "read: 说 \"fit\""}
	next.Terms, next.Approvals = on, append(slices.Clip(p.Approvals), approval)
	must(s.t, s.SavePlugin(s.t.Context(), &core.PluginChange{Plugin: &next, Approvals: []core.PluginApproval{approval}}))
	next.Revision++
	return &next
}

func testPluginApprovals(t *testing.T, store Store) {
	t.Run("approvals come back in the order of time, with the terms", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.create("a", opening)
		p.Author = "Ann of 品牌"
		p = s.approve(p, terms(opening+100), "zoe", opening+1)
		p = s.approve(p, terms(opening+100), "ann", opening+2)
		same(t, "plugin", s.one("a"), p)
		s.create("b", opening)
		same(t, "another one's", s.one("b").Approvals, []core.PluginApproval(nil))
	})

	t.Run("a person approves once", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.approve(s.create("a", opening), terms(opening+100), "ann", opening+1)
		again := *p
		wantConflict(t, s.SavePlugin(t.Context(), &core.PluginChange{Plugin: &again, Approvals: []core.PluginApproval{{By: "ann", At: opening + 2}}}))
		same(t, "plugin", s.one("a"), p)
	})

	t.Run("what is void is gone, and whoever gave it may approve again in the same change", func(t *testing.T) {
		s := newShelf(t, store)
		kept := s.approve(s.create("kept", opening), terms(opening+100), "ann", opening+1)
		p := s.approve(s.create("a", opening), terms(opening+100), "ann", opening+1)
		p = s.approve(p, terms(opening+100), "bob", opening+2)
		anew := core.PluginApproval{By: "bob", At: opening + 3, Reason: "anew"}
		next := *p
		next.Terms, next.Approvals = terms(opening+200), []core.PluginApproval{anew}
		must(t, s.SavePlugin(t.Context(), &core.PluginChange{
			Plugin: &next, Void: &core.PluginVoid{At: opening + 3, Why: "other terms"}, Approvals: []core.PluginApproval{anew},
		}))
		next.Revision++
		same(t, "plugin", s.one("a"), &next)
		next.Terms, next.Approvals = nil, nil
		must(t, s.SavePlugin(t.Context(), &core.PluginChange{Plugin: &next, Void: &core.PluginVoid{At: opening + 4, Why: "expired"}}))
		next.Revision++
		same(t, "without any", s.one("a"), &next)
		same(t, "another one's", s.one("kept"), kept)
	})

	t.Run("what one person has given is taken back alone", func(t *testing.T) {
		s := newShelf(t, store)
		kept := s.approve(s.create("kept", opening), terms(opening+100), "ann", opening+1)
		p := s.create("a", opening)
		for i, person := range []string{"ann", "bob", "cid"} {
			p = s.approve(p, terms(opening+100), person, opening+int64(i))
		}
		next := *p
		next.Approvals = []core.PluginApproval{p.Approvals[0], p.Approvals[2]}
		must(t, s.SavePlugin(t.Context(), &core.PluginChange{Plugin: &next, Void: &core.PluginVoid{At: opening + 3, Why: "sent", Person: "bob"}}))
		next.Revision++
		same(t, "plugin", s.one("a"), &next)
		same(t, "another one's", s.one("kept"), kept)
	})

	t.Run("of many who approve what they have read one does", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.create("a", opening)
		saved := make([]bool, 8)
		var approving sync.WaitGroup
		for i := range saved {
			approving.Go(func() {
				mine, approval := *p, core.PluginApproval{By: fmt.Sprint("person-", i), At: opening}
				mine.Terms = terms(opening + 100)
				saved[i] = s.SavePlugin(t.Context(), &core.PluginChange{Plugin: &mine, Approvals: []core.PluginApproval{approval}}) == nil
			})
		}
		approving.Wait()
		winner := slices.Index(saved, true)
		found := s.one("a")
		if winner < 0 || slices.Contains(saved[winner+1:], true) || len(found.Approvals) != 1 || found.Approvals[0].By != fmt.Sprint("person-", winner) {
			t.Errorf("%v were saved; the plugin has %+v", saved, found.Approvals)
		}
	})

	t.Run("what expires by then, what is in a state, and what a key has signed can be asked for alone", func(t *testing.T) {
		s := newShelf(t, store)
		never := s.create("never", opening)
		soon := s.approve(s.create("soon", opening+1), terms(opening+100), "ann", opening+1)
		late := s.create("late", opening+2)
		late.State, late.Signature = core.PluginVetted, &core.PluginSignature{Key: "sk_1", Value: []byte("0123")}
		late = s.approve(late, terms(opening+200), "ann", opening+1)
		late.Signature.Value = []byte("0123")
		digests := func(f core.PluginFilter) (list []string) {
			f.Brand = s.brand
			for _, p := range s.found(f) {
				list = append(list, p.Digest)
			}
			return list
		}
		same(t, "a moment before", digests(core.PluginFilter{Expiring: opening + 99}), []string(nil))
		same(t, "soon", digests(core.PluginFilter{Expiring: opening + 100}), []string{soon.Digest})
		same(t, "ever", digests(core.PluginFilter{Expiring: math.MaxInt64}), []string{late.Digest, soon.Digest})
		same(t, "vetted", digests(core.PluginFilter{State: core.PluginVetted}), []string{late.Digest})
		same(t, "uploaded", digests(core.PluginFilter{State: core.PluginUploaded}), []string{soon.Digest, never.Digest})
		same(t, "signed", digests(core.PluginFilter{Key: "sk_1"}), []string{late.Digest})
	})
}

func testPluginSenders(t *testing.T, store Store) {
	t.Run("everybody who sends a plugin is kept once, in the order of time", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.plugin(unique("upload"), "a", opening)
		p.Senders = []core.PluginSender{{By: "zoe 说", Deed: core.DeedUpload, At: opening}}
		s.put(p.Upload, opening, []byte("a"))
		must(t, s.CreatePlugin(t.Context(), p, s.entry("plugin.upload")))
		same(t, "created", s.one("a"), p)
		more := []core.PluginSender{{By: "ann", Deed: core.DeedSign, At: opening + 1}, {By: "zoe 说", Deed: core.DeedSign, At: opening + 2}}
		must(t, s.SavePlugin(t.Context(), &core.PluginChange{Plugin: p, Senders: more}))
		p.Revision, p.Senders = 2, append(p.Senders, more[0])
		same(t, "sent again", s.one("a"), p)
		s.save(s.one("a"), nil)
		p.Revision = 3
		same(t, "after another change", s.one("a"), p)
		same(t, "another one's", s.create("b", opening).Senders, []core.PluginSender(nil))
		same(t, "in a list", s.found(core.PluginFilter{Brand: s.brand, Digest: digest("a")})[0].Senders, p.Senders)
	})

	t.Run("who sends the bytes of one brand has sent none of another", func(t *testing.T) {
		s, other := newShelf(t, store), newShelf(t, store)
		p, theirs := s.create("a", opening), other.create("a", opening)
		must(t, s.SavePlugin(t.Context(), &core.PluginChange{Plugin: p, Senders: []core.PluginSender{{By: "ann", Deed: core.DeedUpload, At: 1}}}))
		same(t, "theirs", other.one("a"), theirs)
	})

	t.Run("a change that meets another keeps no sender", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.create("a", opening)
		current := s.save(p, nil)
		ann := []core.PluginSender{{By: "ann", Deed: core.DeedUpload, At: opening}}
		wantConflict(t, s.SavePlugin(t.Context(), &core.PluginChange{Plugin: p, Senders: ann}))
		same(t, "plugin", s.one("a"), current)
		again := s.plugin(unique("upload"), "a", opening+1)
		again.Senders = ann
		s.put(again.Upload, opening+1, []byte("a"))
		wantConflict(t, s.CreatePlugin(t.Context(), again, s.entry("plugin.upload")))
		same(t, "after an upload that came second", s.one("a"), current)
	})
}

// signingKey is a key of the brand.
func (s *shelf) signingKey(id string, at int64) *core.SigningKey {
	return &core.SigningKey{
		Brand: s.brand, ID: id, Name: "build 说", Public: bytes.Repeat([]byte{7, 0, 255}, 11)[:32], CreatedAt: at, CreatedBy: "staff-1",
	}
}

func testSigningKeys(t *testing.T, store Store) {
	keys := func(s *shelf, brand, id string) []*core.SigningKey {
		s.t.Helper()
		list, err := s.SigningKeys(s.t.Context(), brand, id)
		must(s.t, err)
		return list
	}

	t.Run("keys are listed, the latest first, of one brand and by id", func(t *testing.T) {
		s, other := newShelf(t, store), newShelf(t, store)
		id := unique("sk")
		first, last, theirs := s.signingKey(id+"1", opening), s.signingKey(id+"2", opening+1), other.signingKey(id+"1", opening)
		for _, k := range []*core.SigningKey{first, last, theirs} {
			must(t, store.CreateSigningKey(t.Context(), k, s.entry("signing_key.create")))
		}
		same(t, "of the brand", keys(s, s.brand, ""), []*core.SigningKey{last, first})
		same(t, "by id", keys(s, s.brand, first.ID), []*core.SigningKey{first})
		same(t, "another brand's", keys(s, other.brand, last.ID), []*core.SigningKey(nil))
		same(t, "of any brand", len(keys(s, "", first.ID)), 2)
	})

	t.Run("a key is there once", func(t *testing.T) {
		s := newShelf(t, store)
		k := s.signingKey("sk_1", opening)
		must(t, s.CreateSigningKey(t.Context(), k, s.entry("signing_key.create")))
		wantConflict(t, s.CreateSigningKey(t.Context(), s.signingKey("sk_1", opening+1), s.entry("signing_key.create")))
		same(t, "key", keys(s, s.brand, "sk_1"), []*core.SigningKey{k})
	})

	t.Run("a key is revoked once, and whoever has read what it signed reads it again", func(t *testing.T) {
		s := newShelf(t, store)
		k, unsigned := s.signingKey("sk_1", opening), s.create("unsigned", opening)
		must(t, s.CreateSigningKey(t.Context(), k, s.entry("signing_key.create")))
		p := s.plugin(unique("upload"), "a", opening)
		p.Signature = &core.PluginSignature{Key: "sk_1", Value: []byte("signature"), Public: k.Public}
		s.put(p.Upload, opening, []byte("a"))
		must(t, s.CreatePlugin(t.Context(), p, s.entry("plugin.upload")))
		p.Signature.Registrar = k.CreatedBy
		same(t, "signed", s.one("a"), p)
		k.RevokedAt, k.RevokedBy, k.Reason = opening+5, "staff-2", "lost"
		must(t, s.RevokeSigningKey(t.Context(), k, s.entry("signing_key.revoke")))
		same(t, "key", keys(s, s.brand, "sk_1"), []*core.SigningKey{k})
		wantConflict(t, s.RevokeSigningKey(t.Context(), k, s.entry("signing_key.revoke")))
		wantConflict(t, s.SavePlugin(t.Context(), &core.PluginChange{Plugin: p}))
		p.Revision, p.Signature.RevokedAt = 2, opening+5
		same(t, "signed by what is revoked", s.one("a"), p)
		same(t, "not signed", s.one("unsigned"), unsigned)
		wantConflict(t, s.RevokeSigningKey(t.Context(), s.signingKey("sk_2", opening), s.entry("signing_key.revoke")))
	})
}
