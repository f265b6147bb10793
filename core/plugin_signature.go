package core

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// PluginSignature says that a brand vouches for a plugin's bytes.
type PluginSignature struct {
	Key       string            // the id of the key
	Value     []byte            // 64 bytes: Ed25519 over [PluginSignatureText]
	Public    ed25519.PublicKey // the key as it is registered; nil if there is none of that id
	RevokedAt int64             // when the key was revoked, Unix milliseconds; 0 while it counts
	Registrar string            // the person who registered the key
}

// SignatureState is what a plugin's signature is worth now.
type SignatureState string

// The states of a signature.
const (
	SignatureValid   SignatureState = "valid"
	SignatureRevoked SignatureState = "revoked" // the key is
	SignatureInvalid SignatureState = "invalid" // it is none of these bytes by this key
)

// PluginSignatureText is what a brand signs: its own name and the plugin's digest, so that a signature counts for no other
// brand and no other bytes.
func PluginSignatureText(brand, digest string) string {
	return "hotdrop plugin signature v1\nbrand " + brand + "\ndigest " + digest + "\n"
}

// SignatureState returns what the plugin's signature is worth; "" where it has none.
func (p *Plugin) SignatureState() SignatureState {
	s := p.Signature
	switch {
	case s == nil:
		return ""
	case !s.verifies(p.Brand, p.Digest):
		return SignatureInvalid
	case s.RevokedAt != 0:
		return SignatureRevoked
	default:
		return SignatureValid
	}
}

// verifies checks the lengths first, because the function that verifies panics on another key.
func (s *PluginSignature) verifies(brand, digest string) bool {
	return len(s.Public) == ed25519.PublicKeySize && len(s.Value) == ed25519.SignatureSize &&
		ed25519.Verify(s.Public, []byte(PluginSignatureText(brand, digest)), s.Value)
}

// signedBy is the id of the key that the plugin is signed by, "" where it is not signed.
func (p *Plugin) signedBy() string {
	if p.Signature == nil {
		return ""
	}
	return p.Signature.Key
}

// unsigned says what the plugin's signature lacks of what this registry asks for; "" for nothing. A signature that is none
// is refused whatever it asks for.
func (r *PluginRegistry) unsigned(p *Plugin) string {
	switch state := p.SignatureState(); {
	case state == SignatureInvalid:
		return "its signature is none of its bytes"
	case r.signed && state == "":
		return "it is not signed"
	case r.signed && state == SignatureRevoked:
		return "the key that it is signed by is revoked"
	default:
		return ""
	}
}

// SignedBy is a signature as it comes: the id of a registered key, and 64 bytes in base64.
type SignedBy struct{ Key, Signature string }

// ParseSignedBy reads what the header Hotdrop-Signature has: the id of a key, a colon, and base64. An empty text is none.
func ParseSignedBy(text string) (*SignedBy, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // not signed
	}
	key, value, found := strings.Cut(text, ":")
	if !found {
		return nil, Errorf(CodeSignatureInvalid, "a signature is written as the id of a key, a colon, and the signature in base64")
	}
	return &SignedBy{key, value}, nil
}

// signature looks up the key of what claims to be a signature. It refuses one that is misshapen, or whose key is not the
// brand's, or is revoked; what was signed, its caller has to check. nil is for none, which is refused where plugins have
// to be signed.
func (r *PluginRegistry) signature(ctx context.Context, brand string, by *SignedBy) (*PluginSignature, error) {
	if by == nil && r.signed {
		return nil, Errorf(CodeSignatureInvalid, "plugins have to be signed here: send the signature of your brand with the plugin")
	}
	if by == nil {
		return nil, nil //nolint:nilnil // not signed
	}
	if by.Key == "" {
		return nil, Errorf(CodeSignatureInvalid, "the signature does not name its key")
	}
	value, err := base64.StdEncoding.Strict().DecodeString(by.Signature)
	if err != nil || len(value) != ed25519.SignatureSize || base64.StdEncoding.EncodeToString(value) != by.Signature {
		return nil, Errorf(CodeSignatureInvalid, "an Ed25519 signature is %d bytes, written in base64", ed25519.SignatureSize)
	}
	key, err := r.signingKey(ctx, brand, by.Key)
	if CodeOf(err) == CodeNotFound {
		return nil, Errorf(CodeSignatureInvalid, "the brand %s has no signing key %q; register it first", brand, by.Key)
	}
	if err != nil {
		return nil, err
	}
	if key.RevokedAt != 0 {
		return nil, Errorf(CodeSignatureInvalid, "the signing key %s is revoked: sign by another one", key.ID)
	}
	return &PluginSignature{Key: key.ID, Value: value, Public: key.Public, Registrar: key.CreatedBy}, nil
}

// sign gives the plugin the signature, if it is one of its bytes by its brand.
func (p *Plugin) sign(s *PluginSignature) error {
	if s == nil {
		return nil
	}
	if !s.verifies(p.Brand, p.Digest) {
		return Errorf(CodeSignatureInvalid, "the signature is none of the plugin %s of the brand %s by the key %s: sign it again",
			p.Digest, p.Brand, s.Key)
	}
	p.Signature = s
	return nil
}

// PluginSigning brings a signature of a plugin that is there already.
type PluginSigning struct {
	SignedBy

	Actor  Principal
	Brand  string // may be empty unless several brands have uploaded the same bytes
	Digest string
}

// Sign gives a plugin a signature, in place of the one that it may have. What was approved was not signed so: its approvals
// are void. The same signature again changes nothing, but whoever sends it is remembered: see [PluginSender].
func (r *PluginRegistry) Sign(ctx context.Context, s PluginSigning) (*Plugin, error) {
	scope, err := s.Actor.pluginScope(s.Brand, s.Digest)
	if err != nil {
		return nil, err
	}
	found, err := r.find(ctx, scope, s.Digest)
	if err != nil {
		return nil, err
	}
	signature, err := r.signature(ctx, found.Brand, &s.SignedBy)
	if err != nil {
		return nil, err
	}
	return r.change(ctx, found.Brand, s.Digest, func(p *Plugin) (*PluginChange, error) { return r.resign(&s.Actor, p, signature, DeedSign) })
}

// resign changes the plugin's signature, which came alone or with the plugin's bytes; nil means that it has it already.
func (r *PluginRegistry) resign(actor *Principal, p *Plugin, s *PluginSignature, deed PluginDeed) (*PluginChange, error) {
	if err := p.allows(PluginSign, actor.Role); err != nil {
		return nil, err
	}
	if p.Signature != nil && p.Signature.Key == s.Key && slices.Equal(p.Signature.Value, s.Value) {
		return r.sendAgain(actor, p, deed)
	}
	before, now := *p, r.now().UnixMilli()
	if err := p.sign(s); err != nil {
		return nil, err
	}
	change := &PluginChange{Plugin: p}
	if had := len(p.Approvals); p.Terms != nil {
		p.Notice = fmt.Sprintf("it is signed anew: %s void", approvalsAre(had))
		change.void(now, "it was signed anew")
	}
	if p.State == PluginApproved {
		p.end(actor.ID, "it was signed after it was approved", now)
	}
	r.remember(change, actor, deed, now)
	change.Entry = pluginEntry(now, *actor, "plugin.sign", deed.why(), &before, p)
	return change, p.moved(&before, PluginSign)
}
