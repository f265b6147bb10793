package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/sqlite"
)

// deskOfKeys is a server with keys in a real store, and a clock that the test moves.
type deskOfKeys struct {
	*client

	server *Server
	store  *sqlite.Store
	log    *bytes.Buffer
	mu     sync.Mutex
	at     time.Time
}

func (d *deskOfKeys) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at
}

func (d *deskOfKeys) advance(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = d.at.Add(by)
}

func newDeskOfKeys(t *testing.T) *deskOfKeys {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := &deskOfKeys{store: store, log: &bytes.Buffer{}, at: time.Now()}
	issued := core.NewStaffKeys(core.StaffKeysOptions{Store: store, Now: d.now})
	if err := issued.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	engine := &scripted{}
	d.server, d.client = newServer(t, Options{
		Engine: engine, Rulesets: engine, Readiness: engine, Plugins: engine, Rules: inlineRules{}, StaffKeys: issued,
		Log: slog.New(slog.NewTextHandler(d.log, nil)),
	})
	d.server.door.now = d.now
	return d
}

// holding returns a client that sends the key.
func (d *deskOfKeys) holding(key string) *client { return &client{t: d.t, url: d.url, token: key} }

// made reads the key of an answer.
func made(t *testing.T, a answer) NewKey {
	t.Helper()
	var key NewKey
	if err := json.Unmarshal([]byte(a.body), &key); err != nil {
		t.Fatal(err)
	}
	return key
}

// who reads what GET /v1/me says.
func who(t *testing.T, c *client) Me {
	t.Helper()
	var me Me
	if err := json.Unmarshal([]byte(c.do(http.MethodGet, "/v1/me", "").wants(t, http.StatusOK).body), &me); err != nil {
		t.Fatal(err)
	}
	return me
}

func TestAKeyIsMadeUsedReplacedAndEnded(t *testing.T) {
	d := newDeskOfKeys(t)
	admin := d.withKey(d.server, "demo-admin")
	a := admin.do(http.MethodPost, "/v1/keys", `{"person":"olga","role":"operator","ttl":3600,"reason":"second operator"}`)
	a.wants(t, http.StatusCreated)
	key := made(t, a)
	if key.Person != "olga" || key.State != core.StaffKeyActive || key.CreatedBy != "demo-admin" || key.Kind != core.StaffKeyAPI ||
		!strings.HasPrefix(key.Secret, key.Prefix) || a.header.Get("Location") != "/v1/keys/"+key.ID || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the key %+v with %v", key.Key, a.header)
	}
	olga := d.holding(key.Secret)
	if me := who(t, olga); me.ID != "olga" || me.Role != core.RoleOperator || me.Credential != key.ID || !me.ExpiresAt.Equal(key.ExpiresAt) {
		t.Errorf("the server takes olga for %+v", me)
	}
	olga.do(http.MethodPost, "/v1/keys", `{"person":"eve","role":"auditor","reason":"r"}`).problem(t, CodeForbidden)
	if list := olga.do(http.MethodGet, "/v1/keys", "").wants(t, http.StatusOK).body; !strings.Contains(list, key.ID) || strings.Contains(list, key.Secret) {
		t.Errorf("olga's keys: %s", list)
	}

	next := made(t, olga.do(http.MethodPost, "/v1/keys/"+key.ID+"/rotations", `{"reason":"quarterly"}`).wants(t, http.StatusCreated))
	olga.do(http.MethodGet, "/v1/me", "").problem(t, CodeUnauthorized)
	if me := who(t, d.holding(next.Secret)); me.Credential != next.ID || next.Replaces != key.ID {
		t.Errorf("the new key %+v is %+v", next.Key, me)
	}
	admin.do(http.MethodPost, "/v1/keys/"+next.ID+"/revocations", `{"reason":"she left"}`).wants(t, http.StatusOK)
	d.holding(next.Secret).do(http.MethodGet, "/v1/me", "").problem(t, CodeUnauthorized)
}

func TestKeysOfRequestsThatMakeNoSense(t *testing.T) {
	d := newDeskOfKeys(t)
	admin := d.withKey(d.server, "demo-admin")
	for name, body := range map[string]string{
		"no person":             `{"role":"operator","reason":"r"}`,
		"no role":               `{"person":"olga","reason":"r"}`,
		"a shopper":             `{"person":"olga","role":"shopper","reason":"r"}`,
		"no reason":             `{"person":"olga","role":"operator"}`,
		"two ends":              `{"person":"olga","role":"operator","ttl":60,"expires_at":"2999-01-01T00:00:00Z","reason":"r"}`,
		"an end that is past":   `{"person":"olga","role":"operator","expires_at":"2012-12-21T00:00:00Z","reason":"r"}`,
		"an end too far":        `{"person":"olga","role":"operator","expires_at":"2999-01-01T00:00:00Z","reason":"r"}`,
		"too long":              `{"person":"olga","role":"operator","ttl":34560001,"reason":"r"}`,
		"a field of the answer": `{"person":"olga","role":"operator","created_by":"bob","reason":"r"}`,
		"a secret":              `{"person":"olga","role":"operator","secret":"hd_operator_x","reason":"r"}`,
	} {
		if a := admin.do(http.MethodPost, "/v1/keys", body); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for _, id := range []string{"key.0", "key.06fmxw9z3k8q7v5t2s1r0p4n6m", "phone.06fmxw9z3k8q7v5t2s1r0p4n6m"} {
		admin.do(http.MethodPost, "/v1/keys/"+id+"/revocations", `{"reason":"r"}`).problem(t, core.CodeNotFound)
		admin.do(http.MethodPost, "/v1/keys/"+id+"/rotations", `{"reason":"r"}`).problem(t, core.CodeNotFound)
	}
}

// pagesOfKeys reads the list in pages of two, and returns what stands in each row's fields.
func pagesOfKeys(t *testing.T, c *client, path string) (rows []string) {
	t.Helper()
	cursor := ""
	for {
		var page Page[Key]
		if err := json.Unmarshal([]byte(c.do(http.MethodGet, path+"limit=2"+cursor, "").wants(t, http.StatusOK).body), &page); err != nil || len(page.Data) > 2 {
			t.Fatal(err, page)
		}
		for _, k := range page.Data {
			rows = append(rows, fmt.Sprintf("%s %s %s", k.From, k.Person, k.State))
		}
		if page.Next == nil {
			return rows
		}
		cursor = "&cursor=" + *page.Next
	}
}

func TestTheKeysOfTheFileAreListedForWhoMayKnowThemAndNotChanged(t *testing.T) {
	d := newDeskOfKeys(t)
	admin := d.withKey(d.server, "demo-admin")
	mei := made(t, admin.do(http.MethodPost, "/v1/keys", `{"person":"mei","role":"admin","brand":"meizu","reason":"r"}`))
	for _, c := range []struct {
		who        *client
		path, want string
	}{
		{admin, "/v1/keys?", "server mei active; file demo-operator active; file demo-operator-2 active; file demo-platform active; " +
			"file demo-platform-2 active; file demo-auditor active; file demo-admin active; file demo-xiaomi active; file demo-meizu active"},
		{admin, "/v1/keys?person=demo-xiaomi&", "file demo-xiaomi active"},
		{d.holding(mei.Secret), "/v1/keys?", "server mei active; file demo-meizu active"},
		{d.withKey(d.server, "demo-xiaomi"), "/v1/keys?", "file demo-xiaomi active"},
		{d.withKey(d.server, "demo-xiaomi"), "/v1/keys?person=demo-meizu&", ""},
	} {
		if got := strings.Join(pagesOfKeys(t, c.who, c.path), "; "); got != c.want {
			t.Errorf("%s: %s, want %s", c.path, got, c.want)
		}
	}
	for _, cursor := range []string{"file.", "file.x", "file.-1", "file.99"} {
		admin.do(http.MethodGet, "/v1/keys?cursor="+cursor, "").problem(t, core.CodeInvalid)
	}
	for _, what := range []string{"revocations", "rotations"} {
		admin.do(http.MethodPost, "/v1/keys/demo-operator/"+what, `{"reason":"r"}`).problem(t, core.CodeWrongState)
		d.holding(mei.Secret).do(http.MethodPost, "/v1/keys/demo-operator/"+what, `{"reason":"r"}`).problem(t, core.CodeNotFound)
		d.holding(mei.Secret).do(http.MethodPost, "/v1/keys/demo-meizu/"+what, `{"reason":"r"}`).problem(t, core.CodeWrongState)
	}
}

func TestAKeyOfTheFileThatHasEndedIsListedAsSuch(t *testing.T) {
	keys := NewDemoKeys()
	keys.ExpireStaff(time.Now().Add(time.Hour))
	engine := &scripted{}
	s, c := newServer(t, Options{Engine: engine, Rulesets: engine, Readiness: engine, Plugins: engine, Rules: inlineRules{}, Keys: keys})
	key := s.listedKeys(&core.StaffKeyQuery{Actor: core.Principal{Role: core.RoleAdmin}})[0]
	if key.State != core.StaffKeyActive || !key.ExpiresAt.Equal(keys.Staff[0].ExpiresAt) {
		t.Errorf("before: %+v", key)
	}
	s.door.now = func() time.Time { return time.Now().Add(time.Hour) }
	if key := s.listedKeys(&core.StaffKeyQuery{Actor: core.Principal{Role: core.RoleAdmin}})[0]; key.State != core.StaffKeyExpired {
		t.Errorf("after: %+v", key)
	}
	c.withKey(s, "demo-admin").do(http.MethodGet, "/v1/keys", "").problem(t, CodeUnauthorized)
}

func TestNoAdministratorOfABrandGivesOutAStrangersName(t *testing.T) {
	d := newDeskOfKeys(t)
	admin := d.withKey(d.server, "demo-admin")
	mei := d.holding(made(t, admin.do(http.MethodPost, "/v1/keys", `{"person":"mei","role":"admin","brand":"meizu","reason":"r"}`)).Secret)
	admin.do(http.MethodPost, "/v1/keys", `{"person":"pat","role":"platform","reason":"r"}`).wants(t, http.StatusCreated)
	v := mei.do(http.MethodPost, "/v1/keys", `{"person":"Pat","role":"operator","reason":"r"}`).problem(t, core.CodeNameTaken)
	if v["detail"] != `that name is taken; names of your brand's people could begin with "meizu."` {
		t.Errorf("it says %v", v["detail"])
	}
	mei.do(http.MethodPost, "/v1/keys", `{"person":"meizu.pat","role":"operator","reason":"r"}`).wants(t, http.StatusCreated)
}

func TestAnAdministratorOfABrandHasThatBrandsKeysOnly(t *testing.T) {
	d := newDeskOfKeys(t)
	admin := d.withKey(d.server, "demo-admin")
	own := made(t, admin.do(http.MethodPost, "/v1/keys", `{"person":"mei","role":"admin","brand":"meizu","reason":"r"}`))
	other := made(t, admin.do(http.MethodPost, "/v1/keys", `{"person":"xi","role":"brand","brand":"xiaomi","reason":"r"}`))
	mei := d.holding(own.Secret)
	mei.do(http.MethodPost, "/v1/keys", `{"person":"a","role":"brand","brand":"xiaomi","reason":"r"}`).problem(t, core.CodeNotFound)
	mei.do(http.MethodPost, "/v1/keys", `{"person":"a","role":"platform","reason":"r"}`).problem(t, CodeForbidden)
	mei.do(http.MethodPost, "/v1/keys/"+other.ID+"/revocations", `{"reason":"r"}`).problem(t, core.CodeNotFound)
	mei.do(http.MethodPost, "/v1/keys/"+other.ID+"/rotations", `{"reason":"r"}`).problem(t, core.CodeNotFound)
	if key := made(t, mei.do(http.MethodPost, "/v1/keys", `{"person":"a","role":"brand","reason":"r"}`).wants(t, http.StatusCreated)); key.Brand != "meizu" {
		t.Errorf("the brand's administrator made %+v", key.Key)
	}
	if list := mei.do(http.MethodGet, "/v1/keys", "").body; strings.Contains(list, other.ID) || !strings.Contains(list, own.ID) {
		t.Errorf("the brand's administrator sees %s", list)
	}
}

func TestNoKeyThatIsNotLetInTellsWhy(t *testing.T) {
	d := newDeskOfKeys(t)
	admin := d.withKey(d.server, "demo-admin")
	ask := func(ttl int) NewKey {
		return made(t, admin.do(http.MethodPost, "/v1/keys", fmt.Sprintf(`{"person":"olga","role":"operator","ttl":%d,"reason":"r"}`, ttl)))
	}
	expired, revoked := ask(60), ask(3600)
	admin.do(http.MethodPost, "/v1/keys/"+revoked.ID+"/revocations", `{"reason":"r"}`).wants(t, http.StatusOK)
	d.advance(2 * time.Minute)
	unknown := "hd_operator_" + strings.Repeat("A", 43)
	session := core.SessionPrefix + strings.Repeat("A", 43)
	want := d.holding(unknown).do(http.MethodGet, "/v1/me", "")
	want.problem(t, CodeUnauthorized)
	for name, secret := range map[string]string{"expired": expired.Secret, "revoked": revoked.Secret, "a session": session, "garbage": "hd_"} {
		if a := d.holding(secret).do(http.MethodGet, "/v1/me", ""); a.status != want.status || a.body != want.body {
			t.Errorf("%s: %d %s, where one that is unknown gets %s", name, a.status, a.body, want.body)
		}
	}
	for _, secret := range []string{expired.Secret, revoked.Secret, unknown, session} {
		if strings.Contains(d.log.String(), secret[len(secret)-20:]) {
			t.Error("the log has a secret")
		}
	}
	for _, why := range []string{expired.ID + " of olga is expired", revoked.ID + " of olga is revoked", "not known", "127.0.0.1"} {
		if !strings.Contains(d.log.String(), why) {
			t.Errorf("the log does not say %q:\n%s", why, d.log)
		}
	}
}

func TestSessionsAreNoAPIKeys(t *testing.T) {
	d := newDeskOfKeys(t)
	actor := core.Principal{ID: "ann", Role: core.RoleAdmin}
	_, secret, err := d.server.door.issued.Create(t.Context(), core.NewStaffKey{
		Actor: actor, Kind: core.StaffKeySession, Person: "ann", Role: core.RoleAdmin, Reason: "logged in",
	})
	if err != nil {
		t.Fatal(err)
	}
	d.holding(secret).do(http.MethodGet, "/v1/me", "").problem(t, CodeUnauthorized)
}

func TestKeysOfTheFileEndWhenItSaysSo(t *testing.T) {
	keys := NewDemoKeys()
	keys.Staff[0].Person = "olga"
	keys.ExpireStaff(time.Now().Add(time.Hour))
	engine := &scripted{}
	s, c := newServer(t, Options{Engine: engine, Rulesets: engine, Readiness: engine, Plugins: engine, Rules: inlineRules{}, Keys: keys})
	first := c.withKey(s, keys.Staff[0].ID)
	if me := who(t, first); me.ID != "olga" || me.Credential != keys.Staff[0].ID || me.ExpiresAt == nil {
		t.Errorf("the server takes olga for %+v", me)
	}
	s.door.now = func() time.Time { return time.Now().Add(time.Hour) }
	first.do(http.MethodGet, "/v1/me", "").problem(t, CodeUnauthorized)
}

func TestShoppersLearnWhoTheyAre(t *testing.T) {
	_, s, c := newScripted(t, false)
	if me := who(t, c.as(s, alice)); me.ID != "alice" || me.Role != core.RoleShopper || me.Credential != "" {
		t.Errorf("the server takes alice for %+v", me)
	}
}

// tries sends a key from an address and returns the status.
func tries(s *Server, from, key string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/v1/me", nil)
	r.RemoteAddr = from
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestWhoTriesKeysIsMadeToWaitAndNobodyElse(t *testing.T) {
	engine := &scripted{}
	s, c := newServer(t, Options{Engine: engine, Rulesets: engine, Readiness: engine, Plugins: engine, Rules: inlineRules{}})
	now := time.Now()
	s.door.now = func() time.Time { return now }
	shopper := c.as(s, alice).token
	const nat = "203.0.113.7:4711"
	waits := 0
	for i := range 10_000 {
		w := tries(s, nat, fmt.Sprintf("hd_admin_%043d", i))
		if w.Code == http.StatusTooManyRequests {
			waits++
			if w.Header().Get("Retry-After") == "" {
				t.Fatal("no Retry-After")
			}
		}
	}
	if waits != 10_000-wrongKeysAllowed {
		t.Errorf("of 10,000 wrong keys %d waited", waits)
	}
	for who, key := range map[string]string{"a shopper": shopper, "the operator": c.withKey(s, "demo-operator").token, "the administrator": c.withKey(s, "demo-admin").token} {
		if w := tries(s, nat, key); w.Code != http.StatusOK {
			t.Errorf("%s behind the same address, who showed nothing there before: %d", who, w.Code)
		}
	}
	if w := tries(s, nat, fmt.Sprintf("hd_admin_%043d", 10_000)); w.Code != http.StatusTooManyRequests {
		t.Errorf("after good keys at the address a wrong one: %d", w.Code)
	}
	if w := tries(s, "203.0.113.8:4711", fmt.Sprintf("hd_admin_%043d", 10_000)); w.Code != http.StatusUnauthorized {
		t.Errorf("a wrong key at the next address: %d", w.Code)
	}
	now = now.Add(firstKeyWait)
	if w := tries(s, nat, fmt.Sprintf("hd_admin_%043d", 10_001)); w.Code != http.StatusUnauthorized {
		t.Errorf("a wrong key after the wait: %d", w.Code)
	}
}
