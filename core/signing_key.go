package core

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// SigningKey is a public key by which a brand signs its plugins. A brand may have several at the same time, so that one
// can take another's place.
type SigningKey struct {
	Brand     string
	ID        string            // "sk_" and 16 hex digits, of brand and public key
	Name      string            // for people
	Public    ed25519.PublicKey // 32 bytes
	CreatedAt int64             // Unix milliseconds
	CreatedBy string            // the person
	RevokedAt int64             // 0 while it counts
	RevokedBy string
	Reason    string // why it was revoked
}

// SigningKeyStore holds the keys by which brands sign. Its errors are those of [Store].
type SigningKeyStore interface {
	// CreateSigningKey adds the key with its staff entry. One that is there already, or was, is ErrConflict.
	CreateSigningKey(ctx context.Context, key *SigningKey, entry StaffEntry) error
	// SigningKeys lists the keys of a brand, or all, or the one of that id; the latest first.
	SigningKeys(ctx context.Context, brand, id string) ([]*SigningKey, error)
	// RevokeSigningKey writes down that the key counts no more, with its staff entry, and raises the revisions of the plugins
	// that it has signed: whoever has read one of them before has to read it again. A key that is revoked already is
	// ErrConflict.
	RevokeSigningKey(ctx context.Context, key *SigningKey, entry StaffEntry) error
}

// NewSigningKey asks for a key to be registered.
type NewSigningKey struct {
	Actor  Principal
	Brand  string // staff of one brand may leave it empty
	Name   string
	Public []byte // 32 bytes
	Reason string // why, for the staff log; may be empty
}

// maxSigningKeys is how many keys one brand may have that are not revoked.
const maxSigningKeys = 16

// SigningKeyID returns the id that a brand's key has once it is registered: two brands that register the same key have two.
func SigningKeyID(brand string, public ed25519.PublicKey) string {
	sum := sha256.Sum256(append([]byte("hotdrop signing key\n"+brand+"\n"), public...))
	return "sk_" + hex.EncodeToString(sum[:8])
}

// AddSigningKey registers a brand's key. One that is registered already comes back as it stands; one that was revoked
// stays so.
func (r *PluginRegistry) AddSigningKey(ctx context.Context, n NewSigningKey) (key *SigningKey, created bool, err error) {
	brand, err := n.Actor.pluginScope(n.Brand, "")
	if err != nil || !ValidCampaignID(brand) {
		return nil, false, Errorf(CodeInvalid, "name the brand that signs: your own, or with brand")
	}
	if err := cmp.Or(checkSigningKey(n.Name, n.Public), checkOptionalReason(n.Reason)); err != nil {
		return nil, false, err
	}
	key = &SigningKey{
		Brand: brand, ID: SigningKeyID(brand, n.Public), Name: n.Name, Public: bytes.Clone(n.Public), CreatedAt: r.now().UnixMilli(),
		CreatedBy: n.Actor.ID,
	}
	known, err := r.store.SigningKeys(ctx, brand, "")
	if err != nil {
		return nil, false, storeError(err)
	}
	if at := slices.IndexFunc(known, func(k *SigningKey) bool { return k.ID == key.ID }); at >= 0 {
		return known[at], false, known[at].usable()
	}
	known = slices.DeleteFunc(known, func(k *SigningKey) bool { return k.RevokedAt != 0 })
	if len(known) >= maxSigningKeys {
		return nil, false, Errorf(CodeTooManyKeys, "the brand has %d signing keys already: revoke one first", maxSigningKeys)
	}
	entry := n.Actor.entry(key.CreatedAt, "signing_key.create", brand, "", cmp.Or(n.Reason, "the key was registered"))
	entry.After = key.forLog()
	err = r.store.CreateSigningKey(ctx, key, entry)
	if errors.Is(err, ErrConflict) {
		key, err = r.signingKey(ctx, brand, key.ID)
		return key, false, err
	}
	return key, err == nil, storeError(err)
}

// checkSigningKey refuses what is no key, or one under which anybody's signature would be good.
func checkSigningKey(name string, public []byte) error {
	problems := &Problems{}
	if name == "" || len(name) > 100 || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		problems.Add("name", "a signing key has a name of 1 to 100 characters")
	}
	if len(public) != ed25519.PublicKeySize {
		problems.Add("public_key", "an Ed25519 public key has %d bytes, and this has %d", ed25519.PublicKeySize, len(public))
	} else if isWeak(public) {
		problems.Add("public_key", "anybody could sign by this key: it is not one that a key generator makes")
	}
	return problems.Err()
}

// isWeak reports whether a signature that nobody made is good under the key, for one of many texts. Points of small
// order are such keys, as the one of 32 zero bytes is: each text has a chance of one in eight at least.
func isWeak(public ed25519.PublicKey) bool {
	forged := make([]byte, ed25519.SignatureSize)
	forged[0] = 1 // R is the neutral point, S is 0
	text := make([]byte, 8)
	for i := range uint64(256) {
		binary.BigEndian.PutUint64(text, i)
		if ed25519.Verify(public, text, forged) {
			return true
		}
	}
	return false
}

// usable refuses a key that is revoked.
func (k *SigningKey) usable() error {
	if k.RevokedAt == 0 {
		return nil
	}
	return Errorf(CodeWrongState, "the signing key %s is revoked: make another one", k.ID)
}

// SigningKeys lists keys as the actor may see them, the latest first: brands see theirs, the others all.
func (r *PluginRegistry) SigningKeys(ctx context.Context, actor Principal, brand string) ([]*SigningKey, error) {
	scope, err := actor.pluginScope(brand, "")
	if err != nil {
		return nil, nil //nolint:nilerr // another brand's list is empty, as one that is not
	}
	keys, err := r.store.SigningKeys(ctx, scope, "")
	return keys, storeError(err)
}

// signingKey returns the brand's key of that id; an empty brand is any.
func (r *PluginRegistry) signingKey(ctx context.Context, brand, id string) (*SigningKey, error) {
	found, err := r.store.SigningKeys(ctx, brand, id)
	if err != nil {
		return nil, storeError(err)
	}
	if id == "" || len(found) == 0 {
		return nil, Errorf(CodeNotFound, "there is no signing key %q", id)
	}
	return found[0], nil
}

// SigningKeyRevocation asks for a key to be revoked.
type SigningKeyRevocation struct {
	Actor  Principal
	Key    string
	Reason string
}

// RevokeSigningKey revokes a key: nothing can be signed by it any more. Where plugins have to be signed, what it has signed
// is approved no more, and the campaigns that bind it are fenced. A call that was cut short can be made again.
func (r *PluginRegistry) RevokeSigningKey(ctx context.Context, v SigningKeyRevocation) (*SigningKey, error) {
	if err := checkReason(v.Reason); err != nil {
		return nil, err
	}
	key, err := r.signingKey(ctx, v.Actor.Brand, v.Key)
	if err != nil {
		return nil, err
	}
	if key.RevokedAt == 0 {
		if key, err = r.revokeKey(ctx, &v, key); err != nil {
			return nil, err
		}
	}
	if !r.signed {
		return key, nil
	}
	_, err = r.lapse(context.WithoutCancel(ctx), v.Actor, PluginFilter{Brand: key.Brand, Key: key.ID})
	return key, err
}

func (r *PluginRegistry) revokeKey(ctx context.Context, v *SigningKeyRevocation, key *SigningKey) (*SigningKey, error) {
	revoked := *key
	revoked.RevokedAt, revoked.RevokedBy, revoked.Reason = r.now().UnixMilli(), v.Actor.ID, v.Reason
	entry := v.Actor.entry(revoked.RevokedAt, "signing_key.revoke", key.Brand, "", v.Reason)
	entry.Before, entry.After = key.forLog(), revoked.forLog()
	err := r.store.RevokeSigningKey(ctx, &revoked, entry)
	if errors.Is(err, ErrConflict) { // somebody else was faster
		return r.signingKey(ctx, key.Brand, key.ID)
	}
	return &revoked, storeError(err)
}

func (k *SigningKey) forLog() []byte {
	text, _ := json.Marshal(struct { // plain data always encodes
		Key     string `json:"key"`
		Name    string `json:"name"`
		Public  []byte `json:"public_key"`
		Revoked bool   `json:"revoked"`
	}{k.ID, k.Name, k.Public, k.RevokedAt != 0})
	return text
}
