package core_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// send uploads the module with a signature.
func (r *registry) send(module string, by *core.SignedBy) (*core.Plugin, error) {
	p, _, err := r.Upload(r.t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader(module), Signature: by})
	return p, err
}

// signing is a node that takes only what is signed.
func (r *registry) signing(s store) *registry {
	return r.with(func(o *core.PluginOptions) { o.RequireSignatures, o.Campaigns = true, s })
}

// malleable returns the signature with the group's order added to its scalar, which lax verifiers take for the same.
func malleable(signature string) string {
	value, _ := base64.StdEncoding.DecodeString(signature)
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	scalar := slices.Clone(value[32:])
	slices.Reverse(scalar)
	sum := new(big.Int).Add(new(big.Int).SetBytes(scalar), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return base64.StdEncoding.EncodeToString(append(slices.Clone(value[:32]), sum...))
}

// forgeries are signatures of the module that are none, by what is wrong with them. seed makes a key that is revoked.
func forgeries(r *registry, s *signer, module string, seed byte) map[string]*core.SignedBy {
	good := s.of(module)
	theirs, other, revoked := newSigner(r, "xiaomi", 2), newSigner(r, "meizu", 4), newSigner(r, "meizu", seed)
	_, err := r.RevokeSigningKey(r.t.Context(), core.SigningKeyRevocation{Actor: author, Key: revoked.key.ID, Reason: "lost"})
	must(r.t, err)
	raw, _ := base64.StdEncoding.DecodeString(good.Signature)
	forBrand := ed25519.Sign(s.private, []byte(core.PluginSignatureText("xiaomi", digestOf(module))))
	encode := base64.StdEncoding.EncodeToString
	return map[string]*core.SignedBy{
		"of no key":               {Key: "", Signature: good.Signature},
		"of an unknown key":       {Key: "sk_0000000000000000", Signature: good.Signature},
		"of a revoked key":        revoked.of(module),
		"of another brand's key":  theirs.of(module),
		"by another key":          {Key: other.key.ID, Signature: good.Signature},
		"of another digest":       s.of(module + "!"),
		"for another brand":       {Key: s.key.ID, Signature: encode(forBrand)},
		"empty":                   {Key: s.key.ID},
		"too short":               {Key: s.key.ID, Signature: encode(raw[:63])},
		"too long":                {Key: s.key.ID, Signature: encode(append(slices.Clone(raw), 0))},
		"no base64":               {Key: s.key.ID, Signature: strings.Repeat("!", 88)},
		"base64 of another kind":  {Key: s.key.ID, Signature: base64.RawStdEncoding.EncodeToString(raw)},
		"base64 with a new line":  {Key: s.key.ID, Signature: good.Signature[:40] + "\n" + good.Signature[40:]},
		"base64 with other bits":  {Key: s.key.ID, Signature: good.Signature[:85] + map[bool]string{true: "B", false: "h"}[good.Signature[85] == 'A'] + "=="},
		"malleable":               {Key: s.key.ID, Signature: malleable(good.Signature)},
		"all zero":                {Key: s.key.ID, Signature: encode(make([]byte, 64))},
		"with a key that is text": {Key: "' OR 1=1 --", Signature: good.Signature},
	}
}

func TestASignatureThatIsNoneIsNeverTaken(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		for i, node := range []*registry{newRegistry(t, s), newRegistry(t, s).signing(s)} {
			name := []string{"where none is asked for", "where one is"}[i]
			const module = "fit and signed"
			key := newSigner(node, "meizu", 1)
			bad := forgeries(node, key, module, byte(30+i))
			for what, by := range bad {
				if _, err := node.send(module, by); core.CodeOf(err) != core.CodeSignatureInvalid {
					t.Errorf("%s, %s: %v", name, what, err)
				}
			}
			if page, err := node.Plugins(t.Context(), author, core.PluginList{Limit: 10}); err != nil || len(page.Data) != 0 {
				t.Fatalf("%s: %+v, %v", name, page.Data, err)
			}
			if n, err := node.store.SweepUploads(t.Context(), 1<<60); n != 0 || err != nil {
				t.Errorf("%s: %d uploads were left, %v", name, n, err)
			}
		}
	})
}

func TestASignatureThatComesLaterIsHeldToTheSame(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		const module = "fit and signed"
		key := newSigner(r, "meizu", 1)
		r.upload(module)
		for what, by := range forgeries(r, key, module, 30) {
			_, err := r.Sign(t.Context(), core.PluginSigning{Actor: author, Digest: digestOf(module), SignedBy: *by})
			if core.CodeOf(err) != core.CodeSignatureInvalid {
				t.Errorf("%s: %v", what, err)
			}
		}
		if p := r.is(module, core.PluginUploaded); p.Signature != nil || p.SignatureState() != "" || p.Revision != 1 {
			t.Errorf("%+v", p)
		}
		p, err := r.Sign(t.Context(), core.PluginSigning{Actor: author, Digest: digestOf(module), SignedBy: *key.of(module)})
		if err != nil || p.SignatureState() != core.SignatureValid || p.Revision != 2 {
			t.Errorf("%+v, %v", p, err)
		}
		p, err = r.Sign(t.Context(), core.PluginSigning{Actor: author, Digest: digestOf(module), SignedBy: *key.of(module)})
		if err != nil || p.Revision != 2 {
			t.Errorf("again: %+v, %v", p, err)
		}
	})
}

func TestWhereSignaturesAreAskedForAStrippedOneIsRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		key := newSigner(r, "meizu", 1)
		strict := r.signing(s)
		_, err := strict.send("fit", nil)
		wantCode(t, err, core.CodeSignatureInvalid)
		r.upload("fit") // on a node of before
		r.vet()
		wantCode(t, strict.decide(core.PluginApprove, "fit"), core.CodeSignatureInvalid)
		must(t, r.decide(core.PluginApprove, "fit"))
		_, err = strict.Loadable(t.Context(), "meizu", "phone", digestOf("fit"))
		wantCode(t, err, core.CodeWrongState)

		signed, err := strict.Sign(t.Context(), core.PluginSigning{Actor: author, Digest: digestOf("fit"), SignedBy: *key.of("fit")})
		must(t, err)
		if signed.State != core.PluginVetted || signed.Approvals != nil || signed.Notice == "" {
			t.Errorf("%+v", signed)
		}
		must(t, strict.decide(core.PluginApprove, "fit"))
		_, err = strict.Loadable(t.Context(), "meizu", "phone", digestOf("fit"))
		must(t, err)
		p, err := r.send("fit", nil) // the same bytes without their signature strip nothing
		if err != nil || p.SignatureState() != core.SignatureValid || p.State != core.PluginApproved {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func TestTheSameBytesComeWithTheirSignatureLater(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.upload("fit")
		strict := r.signing(s)
		key := newSigner(r, "meizu", 1)
		p, err := strict.send("fit", key.of("fit"))
		if err != nil || p.SignatureState() != core.SignatureValid || p.Revision != 2 {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func TestASigningKeyThatIsRevokedTakesItsPluginsAlong(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		first, next := newSigner(h.plugins, "meizu", 1), newSigner(h.plugins, "meizu", 2)
		strict := h.plugins.signing(s)
		_, err := strict.Sign(t.Context(), core.PluginSigning{Actor: author, Digest: digestOf(module), SignedBy: *first.of(module)})
		must(t, err)
		must(t, strict.decide(core.PluginApprove, module))
		h.later(0)
		h.sellsAt("ann", 99_950)
		revocation := core.SigningKeyRevocation{Actor: author, Key: first.key.ID, Reason: "the laptop is gone"}
		foreign := revocation
		foreign.Actor.Brand = "xiaomi"
		_, err = strict.RevokeSigningKey(t.Context(), foreign)
		wantCode(t, err, core.CodeNotFound)

		_, err = h.plugins.RevokeSigningKey(t.Context(), revocation) // a node that asks for no signatures leaves it at that
		must(t, err)
		if p := h.plugins.is(module, core.PluginApproved); p.SignatureState() != core.SignatureRevoked {
			t.Errorf("%+v", p)
		}
		_, err = strict.Loadable(t.Context(), "meizu", "phone", digestOf(module))
		wantCode(t, err, core.CodeWrongState)
		before := h.record()
		key, err := strict.RevokeSigningKey(t.Context(), revocation) // once more, where it was cut short
		if err != nil || key.RevokedAt == 0 || key.Reason != "the laptop is gone" {
			t.Errorf("%+v, %v", key, err)
		}
		if p := h.plugins.is(module, core.PluginVetted); p.Reason != "the key that it is signed by is revoked" {
			t.Errorf("%+v", p)
		}
		if after := h.record(); after.Epoch != before.Epoch+1 {
			t.Errorf("epoch %d, was %d", after.Epoch, before.Epoch)
		}
		h.refuses("bob")
		wantCode(t, strict.decide(core.PluginApprove, module), core.CodeSignatureInvalid)
		_, err = strict.Sign(t.Context(), core.PluginSigning{Actor: author, Digest: digestOf(module), SignedBy: *next.of(module)})
		must(t, err)
		must(t, strict.decide(core.PluginApprove, module))
		h.later(0)
		h.sellsAt("bob", 99_950)
	})
}

func TestAnApprovalThatMeetsTheRevocationOfItsKeyIsDecidedAnew(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		key := newSigner(r, "meizu", 1)
		_, err := r.send("fit", key.of("fit"))
		must(t, err)
		r.vet()
		strict := r.with(func(o *core.PluginOptions) {
			o.RequireSignatures, o.Approvals = true, 1
			o.Store = meeting{r.store, func() {
				_, err := r.RevokeSigningKey(t.Context(), core.SigningKeyRevocation{Actor: author, Key: key.key.ID, Reason: "lost"})
				must(t, err)
			}}
		})
		wantCode(t, strict.decideAs(approver, core.PluginApprove, "fit"), core.CodeSignatureInvalid)
		r.is("fit", core.PluginVetted)
	})
}

func TestWhatIsAKey(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		add := func(actor core.Principal, brand, name string, public []byte) (*core.SigningKey, bool, error) {
			return r.AddSigningKey(t.Context(), core.NewSigningKey{Actor: actor, Brand: brand, Name: name, Public: public})
		}
		good := newSigner(r, "meizu", 9)
		neutral := append([]byte{1}, make([]byte, 31)...)
		for name, public := range map[string][]byte{
			"empty": nil, "short": good.key.Public[:31], "long": append(slices.Clone(good.key.Public), 0),
			"all zero": make([]byte, 32), "the neutral point": neutral,
		} {
			if _, _, err := add(author, "", "name", public); core.CodeOf(err) != core.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, name := range []string{"", "a\nb", strings.Repeat("x", 101), "\xff"} {
			if _, _, err := add(author, "", name, good.key.Public); core.CodeOf(err) != core.CodeInvalid {
				t.Errorf("the name %q: %v", name, err)
			}
		}
		again, created, err := add(author, "", "other", good.key.Public)
		if err != nil || created || again.Name != "build" {
			t.Errorf("%+v, %t, %v", again, created, err)
		}
		_, _, err = add(author, "xiaomi", "name", good.key.Public)
		wantCode(t, err, core.CodeInvalid)
		theirs, created, err := add(core.Principal{ID: "root", Role: core.RoleAdmin}, "xiaomi", "name", good.key.Public)
		if err != nil || !created || theirs.ID == good.key.ID {
			t.Errorf("%+v, %v", theirs, err)
		}
		for seed := byte(20); seed < 35; seed++ {
			newSigner(r, "meizu", seed)
		}
		_, _, err = add(author, "", "name", theirs.Public[:0:0])
		wantCode(t, err, core.CodeInvalid)
		_, err = r.RevokeSigningKey(t.Context(), core.SigningKeyRevocation{Actor: author, Key: good.key.ID, Reason: "old"})
		must(t, err)
		_, _, err = add(author, "", "again", good.key.Public)
		wantCode(t, err, core.CodeWrongState)
		list, err := r.SigningKeys(t.Context(), author, "")
		if err != nil || len(list) != 16 {
			t.Errorf("%d keys, %v", len(list), err)
		}
		if list, err := r.SigningKeys(t.Context(), author, "xiaomi"); err != nil || len(list) != 0 {
			t.Errorf("another brand's keys: %v, %v", list, err)
		}
	})
}

func TestOneChangedBitMakesASignatureNone(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		const module = "fit and signed"
		key := newSigner(r, "meizu", 1)
		good, _ := base64.StdEncoding.DecodeString(key.of(module).Signature)
		rapid.Check(t, func(rt *rapid.T) {
			value := slices.Clone(good)
			bit := rapid.IntRange(0, 8*len(value)-1).Draw(rt, "bit")
			value[bit/8] ^= 1 << (bit % 8)
			by := &core.SignedBy{Key: key.key.ID, Signature: base64.StdEncoding.EncodeToString(value)}
			if _, err := r.send(module, by); core.CodeOf(err) != core.CodeSignatureInvalid {
				rt.Fatalf("%v", err)
			}
		})
	})
}

func FuzzParseSignedBy(f *testing.F) {
	for _, text := range []string{"", ":", "sk_1:", ":AAAA", "sk_0123456789abcdef:AA==", "a:b:c"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		by, err := core.ParseSignedBy(text)
		switch {
		case text == "" && (by != nil || err != nil):
			t.Errorf("nothing is read as %+v, %v", by, err)
		case text != "" && err == nil && (by == nil || by.Key+":"+by.Signature != text):
			t.Errorf("%q is read as %+v", text, by)
		case err != nil && (core.CodeOf(err) != core.CodeSignatureInvalid || strings.Contains(text, ":")):
			t.Errorf("%q: %v", text, err)
		}
	})
}

// meeting is a store in which something happens just before an approval is saved.
type meeting struct {
	core.PluginStore

	before func()
}

func (m meeting) SavePlugin(ctx context.Context, change *core.PluginChange) error {
	if len(change.Approvals) > 0 {
		m.before()
	}
	return m.PluginStore.SavePlugin(ctx, change)
}
