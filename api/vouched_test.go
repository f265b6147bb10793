package api

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"

	"hotdrop/api/identity"
	"hotdrop/core"
)

// shopperToken is the ID token that the provider gives somebody who signs in there, for the shop.
func (o *office) shopperToken(name string) string {
	o.t.Helper()
	config := oauth2.Config{
		ClientID: "hotdrop", ClientSecret: "client-secret", RedirectURL: o.settings.RedirectURL, Scopes: []string{"openid", "email"},
		Endpoint: oauth2.Endpoint{AuthURL: o.provider.URL + "/authorize", TokenURL: o.provider.URL + "/oauth/token"},
	}
	verifier := oauth2.GenerateVerifier()
	back := o.newBrowser().signIn(config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)), name)
	token, err := config.Exchange(o.t.Context(), mustURL(o.t, back).Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		o.t.Fatal(err)
	}
	text, ok := token.Extra("id_token").(string)
	if !ok {
		o.t.Fatal("the provider gave no ID token")
	}
	return text
}

// vouchedKeys are the keys of a deployment whose shoppers are the office's people.
func (o *office) vouchedKeys() *Keys {
	keys := NewDemoKeys("xiaomi", "meizu")
	keys.Issuers = []identity.Issuer{{
		Brand: "xiaomi", Issuer: o.provider.URL, Audience: "hotdrop", KeysURL: o.provider.URL + "/keys", Algorithms: []string{"RS256"},
	}}
	return keys
}

func TestAShopperOfAProviderIsServedUnderAPseudonym(t *testing.T) {
	o := newOffice(t, false)
	token, keys := o.shopperToken("nils"), o.vouchedKeys()
	for _, own := range []bool{true, false} { // with tokens of our own beside it, and without
		if !own {
			keys.TokenSecret = nil
		}
		engine := &scripted{}
		var log strings.Builder
		_, c := newServer(t, Options{
			Engine: engine, Rulesets: engine, Readiness: engine, Plugins: engine, Rules: inlineRules{}, Keys: keys,
			Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		shopper := &client{t: t, url: c.url, token: token}
		shopper.order(`{"sku":"mi2","quantity":1}`, "k").wants(t, http.StatusCreated)
		seen := engine.asked.request.Shopper
		if !strings.HasPrefix(seen.ID, "s_") || seen.Brand != "xiaomi" || seen.Role != core.RoleShopper {
			t.Errorf("the engine saw %+v", seen)
		}
		if strings.Contains(log.String(), "nils") || strings.Contains(log.String(), token) {
			t.Errorf("the log tells who it was: %s", log.String())
		}
		shopper.do(http.MethodGet, "/v1/campaigns/phone/file", "").problem(t, CodeForbidden)
		broken := &client{t: t, url: c.url, token: token[:len(token)-8] + "AAAAAAAA"}
		broken.order(`{"sku":"mi2","quantity":1}`, "k").problem(t, CodeUnauthorized)
	}
}

func TestWithoutASecretForThemTheDeploymentHasNoTokensOfItsOwn(t *testing.T) {
	o := newOffice(t, false)
	keys := o.vouchedKeys()
	_, c := newServer(t, Options{Engine: &scripted{}, Keys: keys})
	mine, err := keys.Sign(alice, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	(&client{t: t, url: c.url, token: mine}).do(http.MethodGet, "/v1/wallet", "").wants(t, http.StatusOK)
	keys.TokenSecret = nil
	_, c = newServer(t, Options{Engine: &scripted{}, Keys: keys})
	empty := signClaims(t, []byte{}, jwt.SigningMethodHS256, map[string]any{
		"sub": "alice", "role": "shopper", "aud": tokenAudience, "exp": time.Now().Add(time.Hour).Unix(),
	})
	for what, token := range map[string]string{"one of the secret before": mine, "one of the empty secret": empty} {
		a := (&client{t: t, url: c.url, token: token}).do(http.MethodGet, "/v1/wallet", "")
		if a.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", what, a.status)
		}
	}
	if _, err := keys.Sign(alice, time.Hour); err == nil {
		t.Error("a token is signed with nothing")
	}
	if _, err := New(Options{Engine: &scripted{}, Keys: keys, Demo: true}); err == nil {
		t.Error("demo mode works without its tokens")
	}
}

func TestTokensThatAreTooLongAreNotLookedAt(t *testing.T) {
	_, _, c := newScripted(t, false)
	c.token = strings.Repeat("a", identity.MaxToken) + ".b.c"
	if a := c.do(http.MethodGet, "/v1/wallet", ""); a.status != http.StatusUnauthorized || !strings.Contains(a.body, "8192 bytes") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestAProviderThatIsAwayIsNoReasonToSendShoppersAway(t *testing.T) {
	o := newOffice(t, false)
	token, keys := o.shopperToken("nils"), o.vouchedKeys()
	o.provider.Close()
	_, c := newServer(t, Options{Engine: &scripted{}, Keys: keys})
	a := (&client{t: t, url: c.url, token: token}).do(http.MethodGet, "/v1/wallet", "")
	a.problem(t, core.CodeUnavailable)
	if a.header.Get("Retry-After") == "" {
		t.Error("nobody says when to try again")
	}
}

func TestABrandFindsItsOwnShoppersAndNobodyElses(t *testing.T) {
	keys := NewDemoKeys("xiaomi", "meizu")
	keys.Issuers = []identity.Issuer{
		{Brand: "xiaomi", Issuer: "https://one.example", Audience: "x", KeysURL: "https://one.example/keys", Algorithms: []string{"ES256"}},
		{Brand: "xiaomi", Issuer: "https://two.example", Audience: "x", KeysURL: "https://two.example/keys", Algorithms: []string{"ES256"}},
	}
	s, c := newServer(t, Options{Engine: &scripted{}, Keys: keys})
	pseudonyms, err := core.NewPseudonyms(keys.PseudonymSecret)
	if err != nil {
		t.Fatal(err)
	}
	brand := c.withKey(s, "demo-xiaomi")
	a := brand.do(http.MethodPost, "/v1/shoppers/resolve", `{"ids":["user-2","user-1"],"issuer":"https://two.example"}`).wants(t, http.StatusOK)
	want := `{"data":[{"id":"user-2","shopper":"` + pseudonyms.Of("xiaomi", "https://two.example", "user-2") +
		`"},{"id":"user-1","shopper":"` + pseudonyms.Of("xiaomi", "https://two.example", "user-1") + `"}]}`
	if strings.TrimSpace(a.body) != want {
		t.Errorf("got %s\nwant %s", a.body, want)
	}
	if p := brand.do(http.MethodPost, "/v1/shoppers/resolve", `{"ids":["user-1"]}`); !strings.Contains(p.body, "https://two.example") {
		t.Errorf("it is not said which issuers there are: %s", p.body)
	}
	brand.do(http.MethodPost, "/v1/shoppers/resolve", `{"ids":["user-1"]}`).problem(t, core.CodeInvalid)
	brand.do(http.MethodPost, "/v1/shoppers/resolve", `{"ids":[]}`).problem(t, core.CodeInvalid)
	many, _ := json.Marshal(map[string]any{"ids": make([]string, 1001), "issuer": "https://one.example"})
	brand.do(http.MethodPost, "/v1/shoppers/resolve", string(many)).problem(t, core.CodeInvalid)
	other := c.withKey(s, "demo-meizu").do(http.MethodPost, "/v1/shoppers/resolve", `{"ids":["user-1"],"issuer":"https://one.example"}`)
	other.problem(t, core.CodeInvalid)
	if strings.Contains(other.body, "one.example") || strings.Contains(other.body, "s_") {
		t.Errorf("another brand learns of the issuers: %s", other.body)
	}
	for _, id := range []string{"demo-admin", "demo-platform", "demo-operator", "demo-auditor"} {
		c.withKey(s, id).do(http.MethodPost, "/v1/shoppers/resolve", `{"ids":["user-1"]}`).problem(t, CodeForbidden)
	}
}

func TestAKeysFileSaysHowShoppersAndStaffSignIn(t *testing.T) {
	secret := `"pseudonym_secret":"` + strings.Repeat("A", 44) + `"`
	issuer := `"issuers":[{"brand":"xiaomi","issuer":"https://id.example","audience":"shop","jwks_url":"https://id.example/keys",` +
		`"algorithms":["ES256","EdDSA"],"claims":{"tier":"level"}}]`
	office := `"console":{"issuer":"https://id.example","client_id":"c","redirect_url":"https://drop.example/console/callback",` +
		`"roles":[{"claim":"groups","value":"ops","role":"operator"}]}`
	path := filepath.Join(t.TempDir(), "keys.json")
	load := func(parts ...string) error {
		if err := os.WriteFile(path, []byte(`{"staff":[],`+strings.Join(parts, ",")+`}`), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := LoadKeys(path)
		return err
	}
	if err := load(secret, issuer, office); err != nil {
		t.Fatal(err)
	}
	for what, parts := range map[string][]string{
		"nobody who could shop":      {office},
		"issuers without pseudonyms": {issuer},
		"a short pseudonym secret":   {`"pseudonym_secret":"QUJD"`, issuer},
		"an algorithm that is none":  {secret, strings.Replace(issuer, "EdDSA", "HS256", 1)},
		"an unknown claim":           {secret, strings.Replace(issuer, "tier", "role", 1)},
		"a console in the clear":     {secret, issuer, strings.Replace(office, "https://drop", "http://drop", 1)},
		"a callback somewhere else":  {secret, issuer, strings.Replace(office, "/console/callback", "/callback", 1)},
		"a role of shoppers":         {secret, issuer, strings.Replace(office, `"operator"`, `"shopper"`, 1)},
		"a rule for everybody":       {secret, issuer, strings.Replace(office, `"ops"`, `""`, 1)},
	} {
		if err := load(parts...); err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
}

func TestKeysOfEarlierReleasesGetAPseudonymSecretOnce(t *testing.T) {
	keys := NewDemoKeys()
	keys.PseudonymSecret = nil
	if !keys.Complete() || len(keys.PseudonymSecret) != core.PseudonymSecretSize {
		t.Fatal("there is none")
	}
	before := string(keys.PseudonymSecret)
	if keys.Complete() || string(keys.PseudonymSecret) != before {
		t.Error("it changed")
	}
}
