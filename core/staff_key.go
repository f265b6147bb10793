package core

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"
)

// StaffKeyKind is what a staff key is for.
type StaffKeyKind string

// The kinds.
const (
	StaffKeyAPI     StaffKeyKind = "api"     // sent with every request of a program
	StaffKeySession StaffKeyKind = "session" // a browser's, since somebody logged in
)

// StaffKeyState is what became of a staff key.
type StaffKeyState string

// The states.
const (
	StaffKeyActive  StaffKeyState = "active"
	StaffKeyExpired StaffKeyState = "expired" // also one whose time was cut short when another replaced it
	StaffKeyRevoked StaffKeyState = "revoked"
)

// The lifetimes of keys.
const (
	// DefaultStaffKeyTTL is how long an API key works unless something else was asked for.
	DefaultStaffKeyTTL = 90 * 24 * time.Hour
	// MaxStaffKeyTTL is the longest that an API key may work.
	MaxStaffKeyTTL = 400 * 24 * time.Hour
	// DefaultSessionTTL is how long a session lasts unless something else was asked for.
	DefaultSessionTTL = 12 * time.Hour
	// MaxSessionTTL is the longest that a session may last.
	MaxSessionTTL = 24 * time.Hour
	// MaxStaffKeyOverlap is the longest that a key may go on working beside the one that replaces it.
	MaxStaffKeyOverlap = 7 * 24 * time.Hour
)

// StaffKey is a credential of staff: who shows its secret is this person in this role. Of the secret only the SHA-256 is
// kept. Times are Unix milliseconds.
type StaffKey struct {
	ID        string // "key.<26 characters>"; those made later sort later
	Kind      StaffKeyKind
	Person    string // the principal's id; one person may have several keys
	Role      Role
	Brand     string // the brand the key is scoped to; "" for every brand
	Prefix    string // how the secret begins: enough to recognise it, far from enough to guess it
	SHA256    [sha256.Size]byte
	CreatedAt int64
	CreatedBy string // the person who made it
	ExpiresAt int64
	RevokedAt int64  // 0: never
	RevokedBy string // the person who revoked it
	Replaces  string // the id of the key that it was made to replace; "" for none
	Revision  int64  // that of all keys when it was last changed; see [StaffKeyStore]
}

// State returns what became of the key by then.
func (k *StaffKey) State(now time.Time) StaffKeyState {
	switch {
	case k.RevokedAt != 0:
		return StaffKeyRevoked
	case now.UnixMilli() >= k.ExpiresAt:
		return StaffKeyExpired
	default:
		return StaffKeyActive
	}
}

// EndsAt is when the key works no longer, Unix milliseconds.
func (k *StaffKey) EndsAt() int64 {
	if k.RevokedAt != 0 {
		return min(k.RevokedAt, k.ExpiresAt)
	}
	return k.ExpiresAt
}

// Principal is who shows the key's secret.
func (k *StaffKey) Principal() *Principal {
	return &Principal{ID: k.Person, Role: k.Role, Brand: k.Brand, Credential: k.ID, ExpiresAt: k.ExpiresAt}
}

// StaffKeyChange creates a key, changes one, or both in one transaction.
type StaffKeyChange struct {
	Ended   *StaffKey // with its new ExpiresAt or RevokedAt, RevokedBy; its Revision is the one that was read
	Created *StaffKey
	At      int64 // Unix milliseconds; keys that end later count against the bounds
	// Bounds say how many live keys there may be with the created one.
	Bounds StaffKeyBounds
	// Forget is the time, Unix milliseconds, before which ended sessions are of no use any more: they are deleted. API keys
	// stay.
	Forget int64
	// Unshared says that nobody with keys of another scope may be called as the created key's person is, whatever the case.
	Unshared bool
	Entry    StaffEntry
}

// StaffKeyBounds are how many live keys there may be: of all, of the created key's brand, and of its person, brand and kind.
type StaffKeyBounds struct{ All, Brand, Person int64 }

// StaffKeyFilter chooses keys.
type StaffKeyFilter struct {
	Brand      string // keys that are scoped to this brand; "" for those of no brand
	EveryBrand bool   // whatever their brand
	Person     string // "": anybody's
	ID         string // "": any
	Replaces   string // those that replace this key; "": any
	Before     string // only ids that sort before it; "": any
	Limit      int
}

// StaffKeyStore holds staff keys. All of them together have one revision: every change raises it by one, and the keys that it
// changes have the new one from then on. Changes commit in the order of their revisions.
type StaffKeyStore interface {
	// StaffKeyRevision returns the latest revision; 0 before the first change.
	StaffKeyRevision(ctx context.Context) (int64, error)
	// StaffKeysSince returns up to limit keys with higher revisions that ended or will end after that time, Unix milliseconds,
	// in the order of their revisions.
	StaffKeysSince(ctx context.Context, revision, endsAfter int64, limit int) ([]*StaffKey, error)
	// FindStaffKeys returns the keys that the filter chooses, the latest first.
	FindStaffKeys(ctx context.Context, f StaffKeyFilter) ([]*StaffKey, error)
	// ChangeStaffKeys commits the change in one transaction with its entry, and returns the revision that its keys have then.
	// It fails with ErrConflict when the ended key is at another revision or was replaced before, or the created one's id or
	// digest is taken, and with an [Error] of code too_many_keys when there are as many live keys as the bounds allow, or
	// name_taken when an unshared name has a key of another brand or of every brand, live or ended: the staff log names people
	// for longer than their keys last.
	ChangeStaffKeys(ctx context.Context, change *StaffKeyChange) (int64, error)
}

// staffKeyPrefix begins every key's id.
const staffKeyPrefix = "key"

// ValidStaffKeyID reports whether s can be the id of a staff key.
func ValidStaffKeyID(s string) bool {
	return strings.HasPrefix(s, staffKeyPrefix+".") && ValidOrderID(s)
}

// ValidPerson reports whether s can be the id of a person: 1 to 128 visible ASCII characters.
func ValidPerson(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// samePerson reports whether both ids are the same person's, which they are whatever the case: identity providers and those
// who make keys do not always write a name alike.
func samePerson(a, b string) bool { return strings.EqualFold(a, b) }

// StaffRoles returns the roles that staff may have.
func StaffRoles() []Role {
	return []Role{RoleBrand, RolePlatform, RoleOperator, RoleAuditor, RoleAdmin}
}

// StaffNameTaken is the refusal of a name that somebody outside the brand has.
func StaffNameTaken(brand string) error {
	return Errorf(CodeNameTaken, "that name is taken; names of your brand's people could begin with %q", brand+".")
}

// TooManyStaffKeys is the refusal of a store that has as many live keys as the bounds allow.
func TooManyStaffKeys() error {
	return Errorf(CodeTooManyKeys, "as many keys are live as there may be: revoke those that nobody uses any more")
}
