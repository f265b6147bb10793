package core_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// staffKeys are those of one node.
type staffKeys struct {
	*core.StaffKeys

	t     *testing.T
	store *countedKeys
	clock *clock
}

func newStaffKeys(t *testing.T, s store) *staffKeys {
	t.Helper()
	held, ok := s.(core.StaffKeyStore)
	if !ok {
		t.Fatalf("%T holds no staff keys", s)
	}
	return (&staffKeys{t: t, store: &countedKeys{StaffKeyStore: held}, clock: &clock{at: opening}}).node()
}

// node is another node on the same store, with the same clock, that knows the keys as they are.
func (k *staffKeys) node() *staffKeys {
	k.t.Helper()
	other := &staffKeys{t: k.t, store: &countedKeys{StaffKeyStore: k.store.StaffKeyStore}, clock: k.clock}
	other.StaffKeys = core.NewStaffKeys(core.StaffKeysOptions{
		Store: other.store, Now: k.clock.now, Log: slog.New(slog.DiscardHandler),
	})
	must(k.t, other.Start(k.t.Context()))
	return other
}

var (
	root       = core.Principal{ID: "root", Role: core.RoleAdmin, Credential: "file", Address: "192.0.2.1"}
	meizuAdmin = core.Principal{ID: "mei", Role: core.RoleAdmin, Brand: "meizu"}
)

// wants is a request for an operator's key.
func wants(person string) core.NewStaffKey {
	return core.NewStaffKey{Actor: root, Person: person, Role: core.RoleOperator, Reason: "a test"}
}

func (k *staffKeys) create(r core.NewStaffKey) (*core.StaffKey, string) {
	k.t.Helper()
	key, secret, err := k.Create(k.t.Context(), r)
	must(k.t, err)
	return key, secret
}

// find looks up who shows the secret.
func (k *staffKeys) find(secret string) (*core.Principal, error) {
	return k.Find(k.t.Context(), sha256.Sum256([]byte(secret)))
}

// lets checks that the secret is a principal's.
func (k *staffKeys) lets(secret string, want core.Principal) {
	k.t.Helper()
	got, err := k.find(secret)
	must(k.t, err)
	if got.ID != want.ID || got.Role != want.Role || got.Brand != want.Brand || got.Credential == "" || got.ExpiresAt == 0 {
		k.t.Errorf("the key is %+v's, not %+v's", got, want)
	}
}

// refuses checks that the secret lets nobody in, and why the log says that is.
func (k *staffKeys) refuses(secret string, code core.Code, why string) {
	k.t.Helper()
	p, err := k.find(secret)
	if core.CodeOf(err) != code || p != nil || !strings.Contains(err.Error(), why) {
		k.t.Errorf("got %+v, %v; want %s: %s", p, err, code, why)
	}
}

func failsWith(t *testing.T, err error, code core.Code) {
	t.Helper()
	if core.CodeOf(err) != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestARotatedKeyIsReplacedOnceAndByItsOwnKind(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		k := newStaffKeys(t, s)
		ask := wants("olga")
		ask.TTL = time.Hour
		old, oldSecret := k.create(ask)
		own := core.Principal{ID: "olga", Role: core.RoleOperator, Credential: old.ID}
		k.clock.advance(time.Minute)
		next, secret, err := k.Rotate(t.Context(), core.StaffKeyRotation{
			Actor: own, Key: old.ID, Overlap: 10 * time.Minute, Reason: "quarterly",
		})
		must(t, err)
		if next.Replaces != old.ID || next.CreatedBy != "olga" || next.ExpiresAt-next.CreatedAt != time.Hour.Milliseconds() || secret == oldSecret {
			t.Errorf("the new key: %+v", next)
		}
		k.lets(oldSecret, own)
		k.lets(secret, own)
		_, _, err = k.Rotate(t.Context(), core.StaffKeyRotation{Actor: own, Key: old.ID, Reason: "again"})
		failsWith(t, err, core.CodeWrongState)
		k.clock.advance(10 * time.Minute)
		k.refuses(oldSecret, core.CodeWrongState, "expired")
		_, last, err := k.Rotate(t.Context(), core.StaffKeyRotation{Actor: root, Key: next.ID, Reason: "leaked"})
		must(t, err)
		k.refuses(secret, core.CodeWrongState, "revoked")
		k.lets(last, own)
	})
}

func TestWhoMayMakeWhichKeys(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		k := newStaffKeys(t, s)
		for name, c := range map[string]struct {
			change func(r *core.NewStaffKey)
			code   core.Code
		}{
			"an operator":                      {func(r *core.NewStaffKey) { r.Actor = approver }, core.CodeForbidden},
			"a brand's administrator, another": {func(r *core.NewStaffKey) { r.Actor, r.Brand = meizuAdmin, "xiaomi" }, core.CodeNotFound},
			"a brand's administrator, platform": {func(r *core.NewStaffKey) { r.Actor, r.Role = meizuAdmin, core.RolePlatform },
				core.CodeForbidden},
			"nobody":                  {func(r *core.NewStaffKey) { r.Person = "" }, core.CodeInvalid},
			"a person with a space":   {func(r *core.NewStaffKey) { r.Person = "o k" }, core.CodeInvalid},
			"the system":              {func(r *core.NewStaffKey) { r.Person = "system" }, core.CodeInvalid},
			"a shopper":               {func(r *core.NewStaffKey) { r.Role = core.RoleShopper }, core.CodeInvalid},
			"a role nobody has":       {func(r *core.NewStaffKey) { r.Role = "root" }, core.CodeInvalid},
			"a brand's without brand": {func(r *core.NewStaffKey) { r.Role = core.RoleBrand }, core.CodeInvalid},
			"a brand that cannot be":  {func(r *core.NewStaffKey) { r.Brand = "Mei zu" }, core.CodeInvalid},
			"longer than 400 days":    {func(r *core.NewStaffKey) { r.TTL = core.MaxStaffKeyTTL + 1 }, core.CodeInvalid},
			"less than nothing":       {func(r *core.NewStaffKey) { r.TTL = -time.Hour }, core.CodeInvalid},
			"without a reason":        {func(r *core.NewStaffKey) { r.Reason = "" }, core.CodeInvalid},
			"of a kind that is none":  {func(r *core.NewStaffKey) { r.Kind = "cookie" }, core.CodeInvalid},
			"a session of another":    {func(r *core.NewStaffKey) { r.Kind = core.StaffKeySession }, core.CodeForbidden},
			"a session with more rights": {func(r *core.NewStaffKey) {
				r.Kind, r.Actor = core.StaffKeySession, core.Principal{ID: "olga", Role: core.RoleAuditor}
			}, core.CodeForbidden},
			"a session of two days": {func(r *core.NewStaffKey) {
				r.Kind, r.Actor, r.TTL = core.StaffKeySession, core.Principal{ID: "olga", Role: core.RoleOperator}, 48*time.Hour
			}, core.CodeInvalid},
		} {
			r := wants("olga")
			c.change(&r)
			_, _, err := k.Create(t.Context(), r)
			if core.CodeOf(err) != c.code {
				t.Errorf("%s: %v, want %s", name, err, c.code)
			}
		}
		r := wants("mia")
		r.Actor = meizuAdmin
		key, secret := k.create(r)
		if key.Brand != "meizu" {
			t.Errorf("a brand's administrator made a key of %q", key.Brand)
		}
		k.lets(secret, core.Principal{ID: "mia", Role: core.RoleOperator, Brand: "meizu"})
		login := core.NewStaffKey{
			Actor: core.Principal{ID: "ann", Role: core.RoleAuditor}, Kind: core.StaffKeySession, Person: "ann", Role: core.RoleAuditor,
			Reason: "logged in",
		}
		session, cookie := k.create(login)
		if !strings.HasPrefix(cookie, core.SessionPrefix) || session.ExpiresAt != opening.Add(core.DefaultSessionTTL).UnixMilli() {
			t.Errorf("the session %+v", session)
		}
		_, _, err := k.Rotate(t.Context(), core.StaffKeyRotation{Actor: root, Key: session.ID, Reason: "r"})
		failsWith(t, err, core.CodeWrongState)
	})
}

func TestWhoMayRotateAndRevokeWhichKeys(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		k := newStaffKeys(t, s)
		r := wants("olga")
		r.Role = core.RoleAdmin
		greater, _ := k.create(r)
		lesser, _ := k.create(wants("olga"))
		r = wants("mia")
		r.Brand, r.Role = "meizu", core.RolePlatform
		platform, _ := k.create(r)
		as := core.Principal{ID: "olga", Role: core.RoleOperator, Credential: lesser.ID}
		stranger := core.Principal{ID: "olga", Role: core.RoleOperator, Brand: "xiaomi"}
		for name, c := range map[string]struct {
			actor   core.Principal
			key     string
			overlap time.Duration
			code    core.Code
		}{
			"one's own with more rights":                {as, greater.ID, 0, core.CodeForbidden},
			"one's namesake's of another brand":         {stranger, lesser.ID, 0, core.CodeNotFound},
			"somebody else's":                           {as, platform.ID, 0, core.CodeNotFound},
			"another brand's":                           {core.Principal{ID: "x", Role: core.RoleAdmin, Brand: "xiaomi"}, platform.ID, 0, core.CodeNotFound},
			"what a brand's administrator cannot make":  {meizuAdmin, platform.ID, 0, core.CodeForbidden},
			"with an overlap that is too long":          {root, lesser.ID, core.MaxStaffKeyOverlap + 1, core.CodeInvalid},
			"with an overlap that is less than nothing": {root, lesser.ID, -1, core.CodeInvalid},
			"none": {root, "key.00000000000000000000000000", 0, core.CodeNotFound},
		} {
			_, _, err := k.Rotate(t.Context(), core.StaffKeyRotation{Actor: c.actor, Key: c.key, Overlap: c.overlap, Reason: "r"})
			if core.CodeOf(err) != c.code {
				t.Errorf("rotating %s: %v, want %s", name, err, c.code)
			}
		}
		_, err := k.Revoke(t.Context(), core.StaffKeyRevocation{Actor: as, Key: greater.ID, Reason: "I do not need it"})
		must(t, err)
		_, err = k.Revoke(t.Context(), core.StaffKeyRevocation{Actor: meizuAdmin, Key: platform.ID, Reason: "gone"})
		must(t, err)
		_, err = k.Revoke(t.Context(), core.StaffKeyRevocation{Actor: as, Key: lesser.ID})
		failsWith(t, err, core.CodeInvalid)
	})
}

func TestListsShowWhatOneMayKnowOf(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		k := newStaffKeys(t, s)
		for _, brand := range []string{"", "meizu", "xiaomi"} {
			for range 2 {
				r := wants("olga")
				r.Brand = brand
				k.create(r)
				k.clock.advance(time.Millisecond)
			}
		}
		count := func(actor core.Principal, person string) int {
			page, err := k.List(t.Context(), core.StaffKeyQuery{Actor: actor, Person: person, Limit: 9})
			must(t, err)
			return len(page.Data)
		}
		olga := core.Principal{ID: "olga", Role: core.RoleOperator}
		got := []int{count(root, ""), count(meizuAdmin, ""), count(olga, ""), count(olga, "olga"), count(olga, "eve"), count(root, "eve")}
		if fmt.Sprint(got) != "[6 2 2 2 0 0]" {
			t.Errorf("they see %v keys", got)
		}
		first, err := k.List(t.Context(), core.StaffKeyQuery{Actor: root, Limit: 4})
		must(t, err)
		rest, err := k.List(t.Context(), core.StaffKeyQuery{Actor: root, Limit: 4, Cursor: first.Next})
		must(t, err)
		if len(first.Data) != 4 || len(rest.Data) != 2 || rest.Next != "" || first.Data[0].Brand != "xiaomi" || rest.Data[1].Brand != "" {
			t.Errorf("pages of %d and %d, then %q", len(first.Data), len(rest.Data), rest.Next)
		}
		_, err = k.List(t.Context(), core.StaffKeyQuery{Actor: root, Limit: 4, Cursor: "phone"})
		failsWith(t, err, core.CodeInvalid)
	})
}

func TestOfTwoRotationsAtOnceOneGivesAKey(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		k := newStaffKeys(t, s)
		key, _ := k.create(wants("olga"))
		results := make(chan error, 2)
		for range 2 {
			go func() {
				_, _, err := k.Rotate(t.Context(), core.StaffKeyRotation{Actor: root, Key: key.ID, Overlap: time.Hour, Reason: "r"})
				results <- err
			}()
		}
		if err := errors.Join(<-results, <-results); core.CodeOf(err) != core.CodeWrongState {
			t.Errorf("two rotations at once: %v", err)
		}
		page, err := k.List(t.Context(), core.StaffKeyQuery{Actor: root, Limit: 9})
		must(t, err)
		if len(page.Data) != 2 {
			t.Errorf("there are %d keys", len(page.Data))
		}
	})
}

func TestAPersonHasNoMoreThanSoManyKeys(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		k := newStaffKeys(t, s)
		for range 50 {
			k.create(wants("olga"))
		}
		_, _, err := k.Create(t.Context(), wants("olga"))
		failsWith(t, err, core.CodeTooManyKeys)
		k.create(wants("otto"))
	})
}
