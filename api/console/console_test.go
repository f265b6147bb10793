package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"hotdrop/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func someSettings() *Settings {
	return &Settings{
		Issuer: "https://id.example", ClientID: "hotdrop", RedirectURL: "https://drop.example/console/callback",
		Roles: []RoleRule{
			{Claim: "groups", Value: "all", Role: core.RoleAuditor},
			{Claim: "realm.roles", Value: "ops", Role: core.RoleOperator},
			{Claim: "groups", Value: "xiaomi", Role: core.RoleBrand, Brand: "xiaomi"},
			{Claim: "boss", Value: "true", Role: core.RoleAdmin},
			{Claim: "email", Value: "eve@example.com", Role: core.RolePlatform},
		},
	}
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	if err := someSettings().Check(); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*Settings){
		"no issuer":                  func(s *Settings) { s.Issuer = "" },
		"no client":                  func(s *Settings) { s.ClientID = "" },
		"an issuer in the clear":     func(s *Settings) { s.Issuer = "http://id.example" },
		"a way back in the clear":    func(s *Settings) { s.RedirectURL = "http://drop.example/console/callback" },
		"a way back to nothing":      func(s *Settings) { s.RedirectURL = "" },
		"a way back with a query":    func(s *Settings) { s.RedirectURL += "?x=y" },
		"a way back to another path": func(s *Settings) { s.RedirectURL = "https://drop.example/" },
		"no rules":                   func(s *Settings) { s.Roles = nil },
		"a rule without claim":       func(s *Settings) { s.Roles[0].Claim = "" },
		"a rule without value":       func(s *Settings) { s.Roles[0].Value = "" },
		"an unknown role":            func(s *Settings) { s.Roles[0].Role = "root" },
		"shoppers as staff":          func(s *Settings) { s.Roles[0].Role = core.RoleShopper },
		"a brand without brand":      func(s *Settings) { s.Roles[0].Role = core.RoleBrand },
		"a brand that cannot be":     func(s *Settings) { s.Roles[0].Brand = "Xiaomi Inc." },
	} {
		s := someSettings()
		change(s)
		if s.Check() == nil {
			t.Errorf("%s is accepted", what)
		}
	}
}

func TestARoleComesFromARuleThatFitsAndFromNothingElse(t *testing.T) {
	for what, one := range map[string]struct {
		claims map[string]any
		want   core.Role
	}{
		"nothing":                   {nil, ""},
		"a group":                   {map[string]any{"groups": []any{"x", "all"}}, core.RoleAuditor},
		"a group alone":             {map[string]any{"groups": "all"}, core.RoleAuditor},
		"a brand before all":        {map[string]any{"groups": []any{"all", "xiaomi"}}, core.RoleBrand},
		"the first of equals":       {map[string]any{"groups": "all", "boss": true}, core.RoleAuditor},
		"a nested one":              {map[string]any{"realm": map[string]any{"roles": []any{"ops"}}}, core.RoleOperator},
		"a name with a dot":         {map[string]any{"realm.roles": "ops"}, core.RoleOperator},
		"true":                      {map[string]any{"boss": true}, core.RoleAdmin},
		"false":                     {map[string]any{"boss": false}, ""},
		"a number":                  {map[string]any{"boss": 1.0}, ""},
		"a part of a word":          {map[string]any{"groups": "all of them"}, ""},
		"other letters":             {map[string]any{"groups": "ALL"}, ""},
		"a list in a list":          {map[string]any{"groups": []any{[]any{"all"}}}, ""},
		"an email":                  {map[string]any{"email": "eve@example.com", "email_verified": true}, core.RolePlatform},
		"an email in words":         {map[string]any{"email": "eve@example.com", "email_verified": "true"}, core.RolePlatform},
		"an email of anybody":       {map[string]any{"email": "eve@example.com"}, ""},
		"an email that is no one's": {map[string]any{"email": "eve@example.com", "email_verified": "false"}, ""},
	} {
		var got core.Role
		if rule := someSettings().choose(one.claims, choice{}); rule != nil {
			got = rule.Role
		}
		if got != one.want {
			t.Errorf("%s: %q, want %q", what, got, one.want)
		}
	}
}

// Nobody gets more by asking: what is chosen is always a rule that fits, and one that was asked for.
func TestAChoiceGivesNothingThatTheRulesDoNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := someSettings()
		groups := rapid.SliceOf(rapid.SampledFrom([]any{"all", "xiaomi", "other"})).Draw(t, "groups")
		claims := map[string]any{"groups": groups, "boss": rapid.Bool().Draw(t, "boss")}
		want := choice{
			Role:  core.Role(rapid.SampledFrom([]string{"", "auditor", "brand", "admin", "operator"}).Draw(t, "role")),
			Brand: rapid.SampledFrom([]string{"", "xiaomi", "meizu"}).Draw(t, "brand"),
		}
		rule := s.choose(claims, want)
		if rule == nil {
			return
		}
		if !rule.fits(claims) || (want.Role != "" && rule.Role != want.Role) || (want.Brand != "" && rule.Brand != want.Brand) {
			t.Errorf("%v asked for %v and is %v", claims, want, rule)
		}
	})
}

func TestAPersonHasOneNameThatTheProviderVouchesFor(t *testing.T) {
	for what, one := range map[string]struct {
		claim  string
		claims map[string]any
		want   string
	}{
		"an email":                {"", map[string]any{"email": "Olga@Example.COM", "email_verified": true}, "olga@example.com"},
		"one that is not theirs":  {"", map[string]any{"email": "olga@example.com", "email_verified": false}, ""},
		"one that nobody checked": {"", map[string]any{"email": "olga@example.com"}, ""},
		"nobody":                  {"", map[string]any{"sub": "x"}, ""},
		"a subject":               {"sub", map[string]any{"sub": "aB-7"}, "aB-7"},
		"a name with a space":     {"name", map[string]any{"name": "Olga P"}, ""},
		"a name of other letters": {"name", map[string]any{"name": "Ольга"}, ""},
		"a name that is too long": {"name", map[string]any{"name": strings.Repeat("x", 129)}, ""},
		"a list":                  {"name", map[string]any{"name": []any{"olga"}}, ""},
	} {
		s := someSettings()
		s.PersonClaim = one.claim
		if got := s.personOf(one.claims); got != one.want {
			t.Errorf("%s: %q, want %q", what, got, one.want)
		}
	}
}

// register is the sessions of a test.
type register struct {
	made    []core.NewStaffKey
	revoked []string
	err     error
}

func (r *register) Create(_ context.Context, k core.NewStaffKey) (*core.StaffKey, string, error) {
	r.made = append(r.made, k)
	return &core.StaffKey{}, core.SessionPrefix + "x", r.err
}

func (r *register) Revoke(_ context.Context, k core.StaffKeyRevocation) (*core.StaffKey, error) {
	r.revoked = append(r.revoked, k.Key)
	return nil, r.err
}

func newConsole(t *testing.T, change func(*Options)) (http.Handler, *register) {
	t.Helper()
	sessions := &register{}
	o := Options{
		Settings: someSettings(), Sessions: sessions, Log: slog.New(slog.DiscardHandler),
		Who:     func(*http.Request) (*core.Principal, error) { return nil, nil }, //nolint:nilnil // nobody
		Address: func(*http.Request) string { return "192.0.2.1" },
	}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c.Handler(), sessions
}

func send(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://drop.example"+path, http.NoBody)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestThePageSpeaksTheReadersLanguage(t *testing.T) {
	h, _ := newConsole(t, nil)
	for accepts, want := range map[string]string{
		"": "Sign in", "en": "Sign in", "zh-CN,zh;q=0.9,en;q=0.8": "登录", "zh-TW": "登录", "fr,zh;q=0.5": "登录", "en,zh;q=0.5": "Sign in",
		"de": "Sign in", "\x00;q=x": "Sign in",
	} {
		w := send(h, http.MethodGet, "/console", "Accept-Language", accepts)
		if !strings.Contains(w.Body.String(), ">"+want+"<") || !strings.Contains(w.Header().Get("Vary"), "Accept-Language") {
			t.Errorf("%q: %s", accepts, w.Body)
		}
	}
}

func TestBothLanguagesSayEverything(t *testing.T) {
	zh := regexp.MustCompile(`\p{Han}`)
	one, other := english().all(), chinese().all()
	for i := range one {
		if one[i] == "" || other[i] == "" || zh.MatchString(one[i]) || !zh.MatchString(other[i]) {
			t.Errorf("%q and %q", one[i], other[i])
		}
	}
}

// all are the sentences in the order of the fields.
func (w words) all() []string {
	return []string{
		w.Console, w.Person, w.Role, w.Brand, w.EveryBrand, w.Ends, w.SignIn, w.SignOut, w.Welcome, w.NoLogin, w.DemoKeys, w.Docs,
		w.notBegun, w.declined, w.away, w.unproven, w.nobody, w.noRole, w.tooMany, w.unfinished, w.crossSite, w.notAsked,
	}
}

func TestWithoutAProviderThePageSaysHowToUseKeys(t *testing.T) {
	for _, demo := range []bool{true, false} {
		h, _ := newConsole(t, func(o *Options) { o.Settings, o.Demo = nil, demo })
		w := send(h, http.MethodGet, "/console")
		if !strings.Contains(w.Body.String(), "Authorization: Bearer hd_") || strings.Contains(w.Body.String(), "/console/login") {
			t.Errorf("%s", w.Body)
		}
		if strings.Contains(w.Body.String(), "demo-keys.json") != demo {
			t.Errorf("demo %v: %s", demo, w.Body)
		}
		for _, path := range []string{"/console/login", "/console/callback"} {
			if w := send(h, http.MethodGet, path); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "Authorization: Bearer hd_") {
				t.Errorf("%s: %d\n%s", path, w.Code, w.Body)
			}
		}
	}
}

func TestWhatStandsOnThePageIsText(t *testing.T) {
	h, _ := newConsole(t, func(o *Options) {
		o.Who = func(*http.Request) (*core.Principal, error) {
			return &core.Principal{ID: `<script>alert(1)</script>`, Role: `"><b>`, Brand: "xiaomi", Credential: "key.1"}, nil
		}
	})
	if w := send(h, http.MethodGet, "/console"); strings.Contains(w.Body.String(), "<script>") || strings.Contains(w.Body.String(), "<b>") {
		t.Error(w.Body)
	}
}

func TestASessionThatCannotBeEndedGoesOnAndThePageSaysSo(t *testing.T) {
	own := []string{"Sec-Fetch-Site", "same-origin"}
	signedIn := func(o *Options) {
		o.Who = func(*http.Request) (*core.Principal, error) {
			return &core.Principal{ID: "olga", Credential: "key.1"}, nil
		}
	}
	h, sessions := newConsole(t, signedIn)
	sessions.err = core.Errorf(core.CodeUnavailable, "the store is away")
	w := send(h, http.MethodPost, "/console/logout", own...)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("%d, %v", w.Code, w.Header())
	}
	sessions.err = core.Errorf(core.CodeWrongState, "it has ended")
	w = send(h, http.MethodPost, "/console/logout", own...)
	if w.Code != http.StatusSeeOther || !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") || len(sessions.revoked) != 2 {
		t.Errorf("%d, %v, %v", w.Code, w.Header(), sessions.revoked)
	}
	h, _ = newConsole(t, func(o *Options) {
		o.Who = func(*http.Request) (*core.Principal, error) { return nil, errors.New("away") }
	})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		path := map[string]string{http.MethodGet: "/console", http.MethodPost: "/console/logout"}[method]
		if w := send(h, method, path, own...); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s %s: %d", method, path, w.Code)
		}
	}
}

func TestLogoutTakesAFormOfOurOwnOnly(t *testing.T) {
	h, sessions := newConsole(t, func(o *Options) {
		o.Who = func(*http.Request) (*core.Principal, error) {
			return &core.Principal{ID: "olga", Credential: "key.1"}, nil
		}
	})
	if w := send(h, http.MethodGet, "/console/logout"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("a link signs people out: %d", w.Code)
	}
	if w := send(h, http.MethodPost, "/console/logout", "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("another site signs people out: %d", w.Code)
	}
	if len(sessions.revoked) != 0 {
		t.Error("the session has ended")
	}
	behind := send(h, http.MethodPost, "/console/logout", "Origin", "https://drop.example", "Host", "inside:8080")
	if behind.Code != http.StatusSeeOther {
		t.Errorf("behind a proxy that calls it otherwise: %d", behind.Code)
	}
}

func TestAnotherSiteDoesNotBeginALoginOfSomebodyWhoIsSignedIn(t *testing.T) {
	signedIn := &core.Principal{ID: "olga", Role: core.RoleAuditor, Credential: "key.1"}
	for _, one := range []struct {
		who     *core.Principal
		err     error
		headers []string
		status  int
	}{
		{signedIn, nil, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{signedIn, nil, []string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
		{signedIn, nil, nil, http.StatusForbidden},
		{nil, errors.New("away"), []string{"Sec-Fetch-Site", "same-origin"}, http.StatusServiceUnavailable},
		{signedIn, nil, []string{"Sec-Fetch-Site", "same-origin"}, http.StatusSeeOther},
		{signedIn, nil, []string{"Sec-Fetch-Site", "none"}, http.StatusSeeOther},
		{nil, nil, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusSeeOther},
	} {
		h, sessions := newConsole(t, func(o *Options) {
			o.Settings.Issuer = discovered(t)
			o.Who = func(*http.Request) (*core.Principal, error) { return one.who, one.err }
		})
		w := send(h, http.MethodGet, "/console/login?role=admin", one.headers...)
		if begun := w.Header().Get("Set-Cookie") != ""; w.Code != one.status || begun != (one.status == http.StatusSeeOther) {
			t.Errorf("%v, %v: %d, %v", one.who, one.headers, w.Code, w.Header())
		}
		if w.Code == http.StatusForbidden && (!strings.Contains(w.Body.String(), "sign out first") || !strings.Contains(w.Body.String(), "/console/logout")) {
			t.Errorf("the page does not say what to do: %s", w.Body)
		}
		if len(sessions.made)+len(sessions.revoked) > 0 {
			t.Errorf("%v: sessions were changed", one.headers)
		}
	}
}

// discovered is the address of an identity provider that tells about itself, and no more.
func discovered(t *testing.T) string {
	t.Helper()
	var at string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"issuer":"` + at + `","authorization_endpoint":"` + at + `/auth","token_endpoint":"` + at + `/token","jwks_uri":"` + at + `/keys"}`))
	}))
	at = server.URL
	t.Cleanup(server.Close)
	return at
}

func TestAnAttemptLastsTenMinutesAndIsOneBrowsersOwn(t *testing.T) {
	now := time.Now()
	cookies := CookiesOf(someSettings())
	w := httptest.NewRecorder()
	begun := newAttempt(now, choice{Role: core.RoleAdmin})
	cookies.keep(w, begun)
	set := w.Result().Cookies()[0]
	if set.Name != "__Host-hotdrop-login" || !set.HttpOnly || !set.Secure || set.SameSite != http.SameSiteLaxMode || set.Path != "/" {
		t.Errorf("%+v", set)
	}
	request := func(values ...string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		for _, value := range values {
			r.AddCookie(&http.Cookie{Name: set.Name, Value: value})
		}
		return r
	}
	if got := cookies.attempt(request(set.Value), now); got == nil || *got != *begun {
		t.Errorf("%+v, want %+v", got, begun)
	}
	if cookies.attempt(request(set.Value), now.Add(attemptFor)) != nil {
		t.Error("it lasts longer")
	}
	for what, r := range map[string]*http.Request{
		"none": request(), "two": request(set.Value, set.Value), "nothing": request(""), "garbage": request("!"),
		"an empty one": request("e30"), "null": request("bnVsbA"), "a number": request("MQ"),
	} {
		if cookies.attempt(r, now) != nil {
			t.Errorf("%s is an attempt", what)
		}
	}
	again := newAttempt(now, choice{})
	if again.State == begun.State || again.Nonce == begun.Nonce || again.Verifier == begun.Verifier || len(again.State) < 26 {
		t.Error("two attempts share a secret")
	}
}

func TestNothingIsTheSameAsNothing(t *testing.T) {
	if same("", "") || same("a", "") || same("", "a") || same("a", "b") || !same("a", "a") {
		t.Error("it is")
	}
}

// FuzzCallback gives the callback what strangers write: no session comes of it.
func FuzzCallback(f *testing.F) {
	f.Add("code=x&state=y", "e30")
	f.Add("error=%3Cscript%3E&state=", "bnVsbA")
	f.Add("state=a&code="+strings.Repeat("x", maxCode+1), "eyJzdGF0ZSI6ImEiLCJub25jZSI6ImIiLCJ2ZXJpZmllciI6ImMiLCJlbmRzIjo5OTk5OTk5OTk5fQ")
	f.Add("state=a&error=x&iss=https%3A%2F%2Fid.example", "eyJzdGF0ZSI6ImEiLCJub25jZSI6ImIiLCJ2ZXJpZmllciI6ImMiLCJlbmRzIjo5OTk5OTk5OTk5fQ")
	f.Fuzz(func(t *testing.T, query, cookie string) {
		h, sessions := newConsole(t, func(o *Options) { o.Settings.Issuer = "http://127.0.0.1:1" })
		r := httptest.NewRequest(http.MethodGet, "https://drop.example/console/callback", http.NoBody)
		r.URL.RawQuery = query
		r.Header["Cookie"] = []string{"__Host-hotdrop-login=" + cookie}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if len(sessions.made) > 0 || w.Code < 400 || strings.Contains(strings.Join(w.Header()["Set-Cookie"], ""), "session=") {
			t.Fatalf("%q, %q: %d", query, cookie, w.Code)
		}
	})
}
