package core

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// How many live keys there may be: each node has all of them in memory.
const (
	maxStaffKeys       = 10_000
	maxBrandStaffKeys  = 2_000
	maxPersonStaffKeys = 50
)

// sessionsKept is how long a session's row stays after its end; the staff log has the rest.
const sessionsKept = 30 * 24 * time.Hour

// StaffKeysOptions are what [StaffKeys] are made of.
type StaffKeysOptions struct {
	Store  StaffKeyStore
	Listed []Principal      // who has keys that are not in the store: those of a keys file
	Now    func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: slog.Default()
}

// StaffKeys makes and ends the keys of staff, and knows whose each of them is. A node keeps all live keys in memory, so that
// neither a known nor an unknown key costs a query: see [StaffKeys.Run]. Any number of them may share a store.
type StaffKeys struct {
	store  StaffKeyStore
	listed []Principal
	now    func() time.Time
	log    *slog.Logger

	refreshing sync.Mutex // held while the store is asked what has changed
	failedAt   time.Time  // when it last did not answer; under refreshing

	mu       sync.RWMutex
	byDigest map[[sha256.Size]byte]*StaffKey // live, or ended lately; a key in it never changes
	revision int64                           // up to which the store's changes are in it
	asOf     time.Time                       // when the store was asked; zero before the first answer
}

// NewStaffKeys returns the keys of a store. It knows none of them until [StaffKeys.Start].
func NewStaffKeys(o StaffKeysOptions) *StaffKeys {
	k := &StaffKeys{
		store: o.Store, listed: o.Listed, now: o.Now, log: cmp.Or(o.Log, slog.Default()), byDigest: map[[sha256.Size]byte]*StaffKey{},
	}
	if k.now == nil {
		k.now = time.Now
	}
	return k
}

// NewStaffKey asks for a key. An administrator makes API keys: of every brand, or with a key of one brand only for that one.
// A session is made by the person who logs in, with no more rights than the actor has.
type NewStaffKey struct {
	Actor  Principal
	Kind   StaffKeyKind // "": api
	Person string
	Role   Role
	Brand  string        // "" for every brand; an administrator of one brand may leave it empty
	TTL    time.Duration // 0: the default of the kind
	Reason string
}

// StaffKeyRotation replaces an API key by a new one of the same person, role and brand, with the lifetime that the old one
// was given.
type StaffKeyRotation struct {
	Actor   Principal
	Key     string        // its id
	Overlap time.Duration // how long the old one works beside the new one; 0 … MaxStaffKeyOverlap
	Reason  string
}

// StaffKeyRevocation ends a key at once.
type StaffKeyRevocation struct {
	Actor  Principal
	Key    string // its id
	Reason string
}

// StaffKeyQuery asks for keys.
type StaffKeyQuery struct {
	Actor  Principal
	Person string // "": of everybody whose keys the actor may see
	Cursor string
	Limit  int
}

// Create makes a key and returns it with its secret, which nobody can be told again. It fails with invalid, forbidden,
// not_found for a brand that is not the actor's, too_many_keys, or name_taken for a name that an administrator of one brand may
// not give because somebody outside the brand has it.
func (k *StaffKeys) Create(ctx context.Context, req NewStaffKey) (*StaffKey, string, error) {
	if req.Kind = cmp.Or(req.Kind, StaffKeyAPI); req.Kind == StaffKeyAPI {
		req.Brand = cmp.Or(req.Brand, req.Actor.Brand)
	}
	ttl, err := req.check()
	if err != nil {
		return nil, "", err
	}
	unshared := req.Kind == StaffKeyAPI && req.Actor.Brand != ""
	if unshared && k.listsElsewhere(req.Person, req.Brand) {
		return nil, "", StaffNameTaken(req.Brand)
	}
	key, secret := k.mint(&req, ttl)
	change := k.change(&req.Actor, "create", req.Reason, key)
	change.Created, change.Unshared = key, unshared
	if err := k.commit(ctx, change); err != nil {
		return nil, "", err
	}
	return key, secret, nil
}

// listsElsewhere reports whether somebody who is called so has a key outside the store that is not of that brand.
func (k *StaffKeys) listsElsewhere(person, brand string) bool {
	return slices.ContainsFunc(k.listed, func(p Principal) bool { return samePerson(p.ID, person) && p.Brand != brand })
}

// check returns the lifetime of the key that is asked for, or what keeps it from being made.
func (r *NewStaffKey) check() (time.Duration, error) {
	preset, longest := DefaultStaffKeyTTL, MaxStaffKeyTTL
	if r.Kind == StaffKeySession {
		preset, longest = DefaultSessionTTL, MaxSessionTTL
	}
	ttl := cmp.Or(r.TTL, preset)
	switch {
	case !ValidPerson(r.Person) || ReservedPerson(r.Person):
		return 0, Errorf(CodeInvalid, "a person is named by 1 to 128 visible ASCII characters, and not %q or %q", systemActor, demoActor)
	case !slices.Contains(StaffRoles(), r.Role):
		return 0, Errorf(CodeInvalid, "there is no staff role %q", r.Role)
	case r.Brand != "" && !ValidCampaignID(r.Brand):
		return 0, Errorf(CodeInvalid, "a brand has 1 to 63 lower-case letters, digits and hyphens")
	case r.Role == RoleBrand && r.Brand == "":
		return 0, Errorf(CodeInvalid, "a key of the role brand is scoped to a brand: name it")
	case ttl < time.Minute || ttl > longest:
		return 0, Errorf(CodeInvalid, "a key works for a minute at least, and for %d days at most", longest/(24*time.Hour))
	}
	return ttl, cmp.Or(r.mayMake(), checkReason(r.Reason))
}

// mayMake returns what keeps the actor from making the key.
func (r *NewStaffKey) mayMake() error {
	if r.Kind == StaffKeySession {
		if a := &r.Actor; a.ID != r.Person || a.Role != r.Role || a.Brand != r.Brand {
			return Errorf(CodeForbidden, "a session is for the person who logs in, as what that person is")
		}
		return nil
	}
	if r.Kind != StaffKeyAPI {
		return Errorf(CodeInvalid, "there are no keys of kind %q", r.Kind)
	}
	return r.Actor.mayHandOut(r.Role, r.Brand)
}

// mayHandOut returns what keeps the principal from handing out a key with these rights. An administrator of one brand hands
// out no platform keys: the platform judges what brands upload, so nobody may judge on a brand's behalf that the brand chose.
func (p *Principal) mayHandOut(role Role, brand string) error {
	switch {
	case p.Role != RoleAdmin:
		return Errorf(CodeForbidden, "keys are made by administrators")
	case p.Brand != "" && p.Brand != brand:
		return Errorf(CodeNotFound, "there is no brand %s", brand)
	case p.Brand != "" && role == RolePlatform:
		return Errorf(CodeForbidden, "the platform's keys are made by administrators of every brand")
	}
	return nil
}

// mint makes a key and its secret.
func (k *StaffKeys) mint(req *NewStaffKey, ttl time.Duration) (*StaffKey, string) {
	now := k.now()
	secret, prefix := newStaffSecret(req.Kind, req.Role)
	return &StaffKey{
		ID: newID(staffKeyPrefix, now), Kind: req.Kind, Person: req.Person, Role: req.Role, Brand: req.Brand,
		Prefix: prefix, SHA256: sha256.Sum256([]byte(secret)), CreatedAt: now.UnixMilli(), CreatedBy: req.Actor.ID,
		ExpiresAt: now.Add(ttl).UnixMilli(),
	}, secret
}

// staffSecretShown is how many of the secret's random characters its prefix shows: 24 of 256 bits.
const staffSecretShown = 4

// newStaffSecret returns "hd_<role>_" or "hd_session_" and 43 characters of base64url: 256 random bits; and how it begins.
func newStaffSecret(kind StaffKeyKind, role Role) (secret, prefix string) {
	var raw [sha256.Size]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the process instead
	label := "hd_" + string(role) + "_"
	if kind == StaffKeySession {
		label = SessionPrefix
	}
	secret = label + base64.RawURLEncoding.EncodeToString(raw[:])
	return secret, secret[:len(label)+staffSecretShown]
}

// SessionPrefix begins the secrets of sessions, and of nothing else.
const SessionPrefix = "hd_session_"
