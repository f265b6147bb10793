package api

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"hotdrop/api/console"
	"hotdrop/api/identity"
	"hotdrop/core"
)

// secretSize is the least a token secret may have, in bytes: the output size of SHA-256 (RFC 7518, 3.2).
const secretSize = 32

// Keys is what the API authenticates with. Its JSON form is the file data/demo-keys.json.
type Keys struct {
	// TokenSecret signs the deployment's own tokens (HS256); at least 32 bytes, base64 in JSON. Without it there are none:
	// shoppers come with the tokens of Issuers.
	TokenSecret []byte `json:"token_secret,omitempty"`
	// PseudonymSecret makes the pseudonyms of the issuers' shoppers; at least 32 bytes, base64 in JSON. It lasts as long as
	// the data: with another one every shopper is somebody else.
	PseudonymSecret []byte `json:"pseudonym_secret,omitempty"`
	// Issuers are the brands' identity providers.
	Issuers []identity.Issuer `json:"issuers,omitempty"`
	// Console is how staff sign in with a browser; nil if they do not.
	Console *console.Settings `json:"console,omitempty"`
	// Staff lists the API keys.
	Staff []StaffKey `json:"staff"`
	// Social lists the secrets with which social platforms sign their events. A source may have two while one replaces
	// the other.
	Social []SocialKey `json:"social,omitempty"`
	// LogKey signs the heads of the staff log: the seed of an Ed25519 key, 32 bytes, base64 in JSON. Without it they are not
	// signed.
	LogKey []byte `json:"log_key,omitempty"`
}

// SocialKey is the secret that a source of social events shares with this service.
type SocialKey struct {
	Source string `json:"source"` // as in POST /v1/social/{source}/events
	Secret string `json:"secret"` // "whsec_" and base64 of 24 to 64 bytes, as Standard Webhooks has them
}

// StaffKey is one API key of the file: "hd_<role>_<43 characters of base64url>", of which servers need the SHA-256 only. Those
// that administrators make while the server runs are in its store.
type StaffKey struct {
	ID        string    `json:"id"`
	Person    string    `json:"person,omitempty"` // whose it is; "" for the one whom the id names
	Role      core.Role `json:"role"`
	Brand     string    `json:"brand,omitempty"`     // the brand the key is scoped to; "" for every brand
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: never
	Key       string    `json:"key,omitempty"`       // in the clear, in demo mode only
	SHA256    string    `json:"sha256"`              // hex
}

// principal is who shows the key.
func (k *StaffKey) principal() core.Principal {
	p := core.Principal{ID: cmp.Or(k.Person, k.ID), Role: k.Role, Brand: k.Brand, Credential: k.ID}
	if !k.ExpiresAt.IsZero() {
		p.ExpiresAt = k.ExpiresAt.UnixMilli()
	}
	return p
}

// firstSource is the source of social events that new keys have a secret for.
const firstSource = "weibo"

// NewKeys makes the first keys of a deployment: a token secret, a pseudonym secret and the key of the staff log; staff keys that
// never expire, each of a person of its own: operator, operator-2, platform, platform-2, auditor, admin, and for each of the
// brands brand-<brand>; and the secret of one source of social events, weibo.
func NewKeys(brands ...string) *Keys { return newKeys("", "brand-", brands) }

// demoPrefix begins the names of a demo's people.
const demoPrefix = "demo-"

// NewDemoKeys makes what [NewKeys] does for a demo, whose people are called so: demo-operator, …, demo-<brand>.
func NewDemoKeys(brands ...string) *Keys { return newKeys(demoPrefix, demoPrefix, brands) }

// newKeys makes keys of people whose names begin with the prefix, and with that of brands.
func newKeys(prefix, ofBrand string, brands []string) *Keys {
	keys := &Keys{
		TokenSecret: randomBytes(), PseudonymSecret: randomBytes(), Social: []SocialKey{newSocialKey(firstSource)},
		LogKey: randomBytes(),
	}
	keys.completeStaff(prefix)
	for _, brand := range brands {
		keys.addStaff(ofBrand+brand, core.RoleBrand, brand)
	}
	return keys
}

// firstRoles are the roles that are there without a brand, and how many people each of them takes: what changes much, or admits
// plugins, needs two.
func firstRoles() []struct {
	role   core.Role
	people int
} {
	return []struct {
		role   core.Role
		people int
	}{{core.RoleOperator, 2}, {core.RolePlatform, 2}, {core.RoleAuditor, 1}, {core.RoleAdmin, 1}}
}

// completeStaff adds those of the first people that are missing, and reports whether there were any.
func (k *Keys) completeStaff(prefix string) bool {
	before := len(k.Staff)
	for _, one := range firstRoles() {
		for n := range one.people {
			id := prefix + string(one.role)
			if n > 0 {
				id += "-" + strconv.Itoa(n+1)
			}
			k.addStaff(id, one.role, "")
		}
	}
	return len(k.Staff) > before
}

// addStaff adds a key of that id unless there is one.
func (k *Keys) addStaff(id string, role core.Role, brand string) {
	if !slices.ContainsFunc(k.Staff, func(key StaffKey) bool { return key.ID == id }) {
		k.Staff = append(k.Staff, newStaffKey(id, role, brand))
	}
}

// ExpireStaff has every staff key end at that moment.
func (k *Keys) ExpireStaff(at time.Time) {
	for i := range k.Staff {
		k.Staff[i].ExpiresAt = at.UTC().Truncate(time.Second)
	}
}

// Complete adds what [NewDemoKeys] makes and earlier releases did not: people, the pseudonym secret, the key of the staff log,
// and the secret of a source of social events if there is none of any. What is there stays. It reports whether it added
// something.
func (k *Keys) Complete() bool {
	added := k.completeStaff(demoPrefix)
	if len(k.Social) == 0 {
		k.Social, added = []SocialKey{newSocialKey(firstSource)}, true
	}
	if len(k.PseudonymSecret) == 0 {
		k.PseudonymSecret, added = randomBytes(), true
	}
	if len(k.LogKey) == 0 {
		k.LogKey, added = randomBytes(), true
	}
	return added
}

// Log returns the key that signs the heads of the staff log, nil if there is none.
func (k *Keys) Log() (*core.LogKey, error) {
	if len(k.LogKey) == 0 {
		return nil, nil //nolint:nilnil // heads are not signed then
	}
	key, err := core.NewLogKey(k.LogKey)
	if err != nil {
		return nil, fmt.Errorf("log_key: %w", err)
	}
	return key, nil
}

func newStaffKey(id string, role core.Role, brand string) StaffKey {
	key := fmt.Sprintf("hd_%s_%s", role, base64.RawURLEncoding.EncodeToString(randomBytes()))
	digest := sha256.Sum256([]byte(key))
	return StaffKey{ID: id, Role: role, Brand: brand, Key: key, SHA256: hex.EncodeToString(digest[:])}
}

// secretPrefix marks the secrets of sources, so that they are recognised wherever they turn up.
const secretPrefix = "whsec_"

func newSocialKey(source string) SocialKey {
	return SocialKey{Source: source, Secret: secretPrefix + base64.StdEncoding.EncodeToString(randomBytes())}
}

func randomBytes() []byte {
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails: crypto/rand ends the process instead
	return secret
}

// People are who has the staff keys: a principal for each key, whose credential is the key's id.
func (k *Keys) People() []core.Principal {
	people := make([]core.Principal, len(k.Staff))
	for i := range k.Staff {
		people[i] = k.Staff[i].principal()
	}
	return people
}

// staff returns who each key belongs to, by its SHA-256.
func (k *Keys) staff() (map[[sha256.Size]byte]core.Principal, error) {
	staff := make(map[[sha256.Size]byte]core.Principal, len(k.Staff))
	for _, one := range k.Staff {
		digest, err := hex.DecodeString(one.SHA256)
		if err != nil || len(digest) != sha256.Size {
			return nil, fmt.Errorf("staff key %s: sha256 is not 64 hex digits", one.ID)
		}
		if key := sha256.Sum256([]byte(one.Key)); one.Key != "" && [sha256.Size]byte(digest) != key {
			return nil, fmt.Errorf("staff key %s: sha256 is not that of key: write the one that belongs to it, or take key out", one.ID)
		}
		p := one.principal()
		if core.ReservedPerson(p.ID) { // whom the staff log names where nobody acted
			return nil, fmt.Errorf("staff key %s: no person is named %q", one.ID, p.ID)
		}
		if !slices.Contains(core.StaffRoles(), one.Role) || one.ID == "" || !wellFormed(p) {
			return nil, fmt.Errorf("staff key %s: role %q, brand %q is nobody", one.ID, one.Role, one.Brand)
		}
		staff[[sha256.Size]byte(digest)] = p
	}
	return staff, nil
}

// sources returns the secrets of each source of social events.
func (k *Keys) sources() (map[string][][]byte, error) {
	sources := make(map[string][][]byte, len(k.Social))
	for _, one := range k.Social {
		encoded, marked := strings.CutPrefix(one.Secret, secretPrefix)
		secret, err := base64.StdEncoding.DecodeString(encoded)
		if !marked || err != nil || len(secret) < 24 || len(secret) > 64 {
			return nil, fmt.Errorf("social source %s: the secret is not %s and base64 of 24 to 64 bytes", one.Source, secretPrefix)
		}
		if !sourcePattern.MatchString(one.Source) {
			return nil, fmt.Errorf("social source %q: a name has 1 to 63 lower-case letters, digits and hyphens", one.Source)
		}
		sources[one.Source] = append(sources[one.Source], secret)
	}
	return sources, nil
}

// sourcePattern is the shape of a source's name.
var sourcePattern = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// staffKeyPattern is the shape of an API key; it tells them from tokens.
var staffKeyPattern = regexp.MustCompile(`^hd_[a-z]+_[A-Za-z0-9_-]{43}$`)

// wellFormed reports whether a principal can be one: a printable id, a known role, and a brand where the role needs one.
func wellFormed(p core.Principal) bool {
	switch p.Role {
	case core.RoleShopper, core.RolePlatform, core.RoleOperator, core.RoleAuditor, core.RoleAdmin:
	case core.RoleBrand:
		if p.Brand == "" {
			return false
		}
	default:
		return false
	}
	return core.ValidPerson(p.ID)
}

// visible reports whether s is ASCII that can be seen: no spaces, no controls.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
