package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

func TestStaffSignInAndOutWithABrowser(t *testing.T) {
	for name, encrypted := range map[string]bool{"over TLS": true, "on loopback": false} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, encrypted)
			b := o.newBrowser()
			if a := b.get("/console").wants(t, http.StatusOK); !strings.Contains(a.body, `href="/console/login"`) {
				t.Errorf("one cannot sign in: %s", a.body)
			}
			b.get("/v1/me").problem(t, CodeUnauthorized)
			a := b.login("olga", "").wants(t, http.StatusSeeOther)
			checkSessionCookie(t, a.header["Set-Cookie"], encrypted)
			me := b.me()
			if me["id"] != "olga@example.com" || me["role"] != "operator" || me["brand"] != nil {
				t.Errorf("signed in as %v", me)
			}
			said, _ := me["expires_at"].(string)
			ends, err := time.Parse(time.RFC3339Nano, said)
			if left := time.Until(ends); err != nil || left > 8*time.Hour || left < 8*time.Hour-time.Minute {
				t.Errorf("the session ends at %v", me["expires_at"])
			}
			a = b.get("/console").wants(t, http.StatusOK)
			for _, word := range []string{"olga@example.com", "operator", "every brand", ends.UTC().Format(time.RFC3339), `action="/console/logout"`} {
				if !strings.Contains(a.body, word) {
					t.Errorf("the page does not say %s: %s", word, a.body)
				}
			}
			session := b.client.Jar.Cookies(mustURL(t, o.web.URL))
			b.mine(http.MethodPost, "/console/logout", "").wants(t, http.StatusSeeOther)
			b.get("/v1/me").problem(t, CodeUnauthorized)
			b.client.Jar.SetCookies(mustURL(t, o.web.URL), session) // somebody has kept them
			b.get("/v1/me").problem(t, CodeUnauthorized)
		})
	}
}

func mustURL(t *testing.T, address string) *url.URL {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func checkSessionCookie(t *testing.T, set []string, encrypted bool) {
	t.Helper()
	name := "hotdrop-session="
	if encrypted {
		name = "__Host-hotdrop-session="
	}
	for _, line := range set {
		if !strings.HasPrefix(line, name) {
			continue
		}
		for _, attribute := range []string{"; Path=/", "; HttpOnly", "; SameSite=Lax", "; Max-Age=28800"} {
			if !strings.Contains(line, attribute) {
				t.Errorf("the session's cookie is without %s", attribute)
			}
		}
		if strings.Contains(line, "Domain=") || strings.Contains(line, "; Secure") != encrypted {
			t.Errorf("the session's cookie: %s", line[len(name):])
		}
		return
	}
	t.Errorf("no cookie %s in %d", name, len(set))
}

func TestASessionIsAStaffKeyThatIsListedAndRevokedLikeOne(t *testing.T) {
	o := newOffice(t, false)
	olga, root := o.loggedIn("olga", ""), o.loggedIn("root", "")
	id, _ := olga.me()["credential"].(string)
	listed := root.get("/v1/keys?person=olga@example.com").wants(t, http.StatusOK)
	if !strings.Contains(listed.body, id) || !strings.Contains(listed.body, `"kind":"session"`) {
		t.Fatalf("the session %s is not listed: %s", id, listed.body)
	}
	root.mine(http.MethodPost, "/v1/keys/"+id+"/revocations", `{"reason":"laptop stolen"}`, "Content-Type", jsonType).wants(t, http.StatusOK)
	olga.get("/v1/me").problem(t, CodeUnauthorized)
	if a := olga.get("/console").wants(t, http.StatusOK); strings.Contains(a.body, "olga") {
		t.Error("the page still knows her")
	}
	root.me()
	o.ahead.Store(int64(8 * time.Hour))
	root.get("/v1/me").problem(t, CodeUnauthorized)
}

func TestASecondLoginEndsTheSessionBefore(t *testing.T) {
	o := newOffice(t, false)
	b := o.loggedIn("olga", "")
	before := b.client.Jar.Cookies(mustURL(t, o.web.URL))
	first := b.me()["credential"]
	b.login("olga", "").wants(t, http.StatusSeeOther)
	if second := b.me()["credential"]; second == first {
		t.Error("the session is the same")
	}
	other := o.newBrowser()
	other.client.Jar.SetCookies(mustURL(t, o.web.URL), before)
	other.get("/v1/me").problem(t, CodeUnauthorized)
}

func TestWhoHasSeveralRolesIsTheNarrowestOrWhatIsAskedFor(t *testing.T) {
	o := newOffice(t, false)
	for query, want := range map[string][2]any{
		"":                         {"brand", "xiaomi"},
		"?role=operator":           {"operator", nil},
		"?brand=meizu":             {"brand", "meizu"},
		"?role=brand&brand=xiaomi": {"brand", "xiaomi"},
	} {
		me := o.loggedIn("bruno", query).me()
		if me["role"] != want[0] || me["brand"] != want[1] {
			t.Errorf("%s: %v", query, me)
		}
	}
	for _, query := range []string{"?role=admin", "?brand=oppo", "?role=operator&brand=xiaomi"} {
		b := o.newBrowser()
		b.login("bruno", query).wants(t, http.StatusForbidden)
		b.get("/v1/me").problem(t, CodeUnauthorized)
	}
}

func TestWhomTheProviderOrTheRulesDoNotKnowGetsNoSession(t *testing.T) {
	o := newOffice(t, false)
	for name, says := range map[string]string{"nils": "nothing gives you a role", "ulf": "does not vouch"} {
		b := o.newBrowser()
		a := b.login(name, "").wants(t, http.StatusForbidden)
		if !strings.Contains(a.body, says) || strings.Contains(strings.Join(a.header["Set-Cookie"], " "), "session") {
			t.Errorf("%s: %s", name, a.body)
		}
		b.get("/v1/me").problem(t, CodeUnauthorized)
	}
}

func TestAnAnswerThatIsNotForThisLoginIsRefused(t *testing.T) {
	o := newOffice(t, true)
	for what, bend := range map[string]func(b *browser) answer{
		"another state": func(b *browser) answer {
			return b.get(changed(b.t, b.signIn(b.begin(""), "olga"), "state", "another"))
		},
		"no state": func(b *browser) answer {
			return b.get(changed(b.t, b.signIn(b.begin(""), "olga"), "state", ""))
		},
		"no code": func(b *browser) answer {
			return b.get(changed(b.t, b.signIn(b.begin(""), "olga"), "code", ""))
		},
		"another provider": func(b *browser) answer {
			return b.get(changed(b.t, b.signIn(b.begin(""), "olga"), "iss", "https://evil.example"))
		},
		"somebody else's browser": func(b *browser) answer {
			return o.newBrowser().get(b.signIn(b.begin(""), "olga"))
		},
		"an answer that nobody asked for": func(b *browser) answer {
			return b.get("/console/callback?code=x&state=y")
		},
		"the login before the last": func(b *browser) answer {
			first := b.signIn(b.begin(""), "olga")
			b.begin("")
			return b.get(first)
		},
		"a browser that lost the verifier": func(b *browser) answer {
			back := b.signIn(b.begin(""), "olga")
			b.client.Jar.SetCookies(mustURL(b.t, o.web.URL), []*http.Cookie{{
				Name: "__Host-hotdrop-login", Path: "/", Secure: true, Value: "eyJzdGF0ZSI6IngiLCJub25jZSI6IngifQ",
			}})
			return b.get(back)
		},
	} {
		b := o.newBrowser()
		if a := bend(b); a.status != http.StatusBadRequest || !strings.Contains(a.body, "not begun in this browser") {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
		if a := b.get("/v1/me"); a.status != http.StatusUnauthorized {
			t.Errorf("%s: signed in", what)
		}
	}
}

func TestWhatCannotBeVerifiedIsNoLogin(t *testing.T) {
	o := newOffice(t, true)
	for what, bend := range map[string]func(b *browser) answer{
		"a code of somebody's invention": func(b *browser) answer {
			return b.get(changed(b.t, b.signIn(b.begin(""), "olga"), "code", "invented"))
		},
		"an ID token for another nonce": func(b *browser) answer {
			return b.get(b.signIn(changed(b.t, b.begin(""), "nonce", "another"), "olga"))
		},
		"an ID token without nonce": func(b *browser) answer {
			return b.get(b.signIn(changed(b.t, b.begin(""), "nonce", ""), "olga"))
		},
		"a code for another verifier": func(b *browser) answer {
			return b.get(b.signIn(changed(b.t, b.begin(""), "code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), "olga"))
		},
		"a code that was used before": func(b *browser) answer {
			back := b.signIn(b.begin(""), "olga")
			attempt := b.client.Jar.Cookies(mustURL(b.t, o.web.URL))
			b.get(back).wants(b.t, http.StatusSeeOther)
			b.mine(http.MethodPost, "/console/logout", "").wants(b.t, http.StatusSeeOther)
			b.client.Jar.SetCookies(mustURL(b.t, o.web.URL), attempt) // the thief has the whole browser
			return b.get(back)
		},
	} {
		b := o.newBrowser()
		if a := bend(b); a.status != http.StatusBadGateway || !strings.Contains(a.body, "could not be verified") {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
		b.get("/v1/me").problem(t, CodeUnauthorized)
	}
}

// The provider itself refuses what the browser could be made to send: that shows that it is asked for these protections.
func TestTheProviderHoldsThePartsOfALoginTogether(t *testing.T) {
	o := newOffice(t, true)
	b := o.newBrowser()
	there := b.begin("")
	query := mustURL(t, there).Query()
	for name, want := range map[string]string{
		"response_type": "code", "code_challenge_method": "S256", "client_id": "hotdrop", "scope": "openid email",
		"redirect_uri": o.web.URL + "/console/callback",
	} {
		if query.Get(name) != want {
			t.Errorf("%s = %q", name, query.Get(name))
		}
	}
	if a := b.get(changed(t, there, "redirect_uri", "https://evil.example/")); a.status != http.StatusBadRequest {
		t.Errorf("another redirect: %d", a.status)
	}
	code := mustURL(t, b.signIn(there, "olga")).Query().Get("code")
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {o.settings.RedirectURL}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, o.provider.URL+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth("hotdrop", "client-secret")
	if a := b.do(request); a.status != http.StatusBadRequest {
		t.Errorf("a stolen code without verifier: %d %s", a.status, a.body)
	}
}

func TestAnErrorOfTheProviderIsShownAndItsWordsAreNot(t *testing.T) {
	o := newOffice(t, false)
	b := o.newBrowser()
	back := mustURL(t, b.begin("")) // prompt=none: nobody is signed in there, so the provider refuses
	a := b.get(changed(t, back.String(), "prompt", "none"))
	a = b.get(a.header.Get("Location")).wants(t, http.StatusForbidden)
	if !strings.Contains(a.body, "did not let you in") {
		t.Error(a.body)
	}
	state := mustURL(t, b.begin("")).Query().Get("state")
	a = b.get("/console/callback?error=" + url.QueryEscape("<script>alert(1)</script>") + "&error_description=call+1234&state=" + state)
	if a.status != http.StatusForbidden || strings.Contains(a.body, "alert(1)") || strings.Contains(a.body, "1234") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestAProviderThatIsAwayIsSaidToBeAndAskedAgainLater(t *testing.T) {
	o := newOffice(t, false)
	o.provider.Close()
	b := o.newBrowser()
	for range 2 {
		if a := b.get("/console/login").wants(t, http.StatusServiceUnavailable); !strings.Contains(a.body, "does not answer") {
			t.Error(a.body)
		}
	}
	b.get("/console").wants(t, http.StatusOK)
}

func TestOtherSitesCannotUseASession(t *testing.T) {
	o := newOffice(t, true)
	b := o.loggedIn("root", "")
	key := `{"person":"mallory","role":"admin","reason":"please"}`
	for what, headers := range map[string][]string{
		"another site":                     {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
		"a sibling":                        {"Sec-Fetch-Site", "same-site", "Origin", "https://shop.example"},
		"another origin of an old browser": {"Origin", "https://evil.example"},
		"an origin that is hidden":         {"Origin", "null"},
		"a browser that does not say":      {},
		"an origin that begins like ours":  {"Origin", o.web.URL + ".evil.example"},
	} {
		a := b.send(http.MethodPost, "/v1/keys", key, append(headers, "Content-Type", jsonType)...)
		a.problem(t, CodeForbidden)
		if a := b.send(http.MethodPost, "/console/logout", "", headers...); a.status != http.StatusForbidden {
			t.Errorf("%s signs people out: %d", what, a.status)
		}
	}
	for what, headers := range map[string][]string{
		"our own page":                   {"Sec-Fetch-Site", "same-origin", "Origin", o.web.URL},
		"our own page of an old browser": {"Origin", o.web.URL},
	} {
		if a := b.send(http.MethodPost, "/v1/keys", key, append(headers, "Content-Type", jsonType)...); a.status != http.StatusCreated {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	b.get("/v1/me", "Sec-Fetch-Site", "cross-site").wants(t, http.StatusOK) // reading: its answer is no other site's to see
	program := o.newBrowser()                                               // one with a key of its own needs not say from where it comes
	admin := (&client{t: t, url: o.web.URL}).withKey(o.server, "demo-admin").token
	program.send(http.MethodPost, "/v1/keys", key, "Authorization", "Bearer "+admin, "Content-Type", jsonType).wants(t, http.StatusCreated)
}

func TestACookieIsASessionAndAHeaderIsAKey(t *testing.T) {
	o := newOffice(t, false)
	b := o.loggedIn("olga", "")
	secret := b.client.Jar.Cookies(mustURL(t, o.web.URL))[0]
	if !strings.HasPrefix(secret.Value, core.SessionPrefix) {
		t.Fatalf("the cookie %s is something else", secret.Name)
	}
	stranger := o.newBrowser()
	stranger.get("/v1/me", "Authorization", "Bearer "+secret.Value).problem(t, CodeUnauthorized)
	key := o.server.keys.Staff[0].Key
	stranger.get("/v1/me", "Authorization", "Bearer "+key).wants(t, http.StatusOK)
	stranger.get("/v1/me", "Cookie", "hotdrop-session="+key).problem(t, CodeUnauthorized)
	stranger.get("/v1/me", "Cookie", "__Host-hotdrop-session="+secret.Value).problem(t, CodeUnauthorized)
	stranger.get("/v1/me", "Cookie", "hotdrop-session="+secret.Value+"; hotdrop-session="+secret.Value).problem(t, CodeUnauthorized)
	stranger.get("/v1/me", "Cookie", "hotdrop-session="+secret.Value[:len(secret.Value)-1]).problem(t, CodeUnauthorized)
	b.get("/v1/me", "Authorization", "Bearer wrong").problem(t, CodeUnauthorized) // what is said goes before what is sent along
}

func TestALinkOfAnotherSiteDoesNotChangeSomebodysRole(t *testing.T) {
	o := newOffice(t, true)
	b := o.loggedIn("bruno", "?role=brand&brand=xiaomi")
	before := b.me()["credential"]
	a := b.get("/console/login?role=operator", "Sec-Fetch-Site", "cross-site").wants(t, http.StatusForbidden)
	if !strings.Contains(a.body, "sign out first") || len(a.header["Set-Cookie"]) > 0 {
		t.Errorf("%v: %s", a.header, a.body)
	}
	if me := b.me(); me["credential"] != before || me["role"] != "brand" {
		t.Errorf("somebody is %v now", me)
	}
	b.login("bruno", "?role=operator").wants(t, http.StatusSeeOther)
	if me := b.me(); me["role"] != "operator" {
		t.Errorf("by their own choice they are %v", me)
	}
}
