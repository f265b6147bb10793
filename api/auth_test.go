package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hotdrop/core"
)

func TestAuthenticationComesBeforeAnythingElse(t *testing.T) {
	engine, _, c := newScripted(t, true)
	cases := []struct{ name, method, path, body, mediaType string }{
		{"a route that exists", "GET", "/v1/orders", "", ""},
		{"an unknown id", "GET", "/v1/orders/" + sampleOrderID, "", ""},
		{"an id that cannot be", "GET", "/v1/orders/%20", "", ""},
		{"a malformed body", "POST", "/v1/campaigns/phone/orders", `{"sku"`, jsonType},
		{"a body that is too long", "POST", "/v1/campaigns/phone/orders", strings.Repeat(" ", maxBody+1), jsonType},
		{"a media type nobody takes", "POST", "/v1/campaigns/phone/orders", "<order/>", "application/xml"},
		{"a campaign file that is wrong", "PUT", "/v1/campaigns/phone", "nonsense", yamlType},
		{"an unknown path", "GET", "/v1/nothing", "", ""},
		{"the root of the API", "GET", "/v1", "", ""},
		{"a method the path does not have", "DELETE", "/v1/orders", "", ""},
		{"an unknown query", "GET", "/v1/orders?colour=red", "", ""},
		{"a method nobody knows", "BREW", "/v1/orders", "", ""},
		{"the document with another method", "POST", documentPath, "", ""},
	}
	for _, one := range cases {
		a := c.do(one.method, one.path, one.body, "Content-Type", one.mediaType)
		a.problem(t, CodeUnauthorized)
		if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: no WWW-Authenticate", one.name)
		}
	}
	if engine.asked.calls != 0 {
		t.Error("the engine was asked")
	}
}

func TestCredentialsThatAreNotGoodEnough(t *testing.T) {
	_, s, c := newScripted(t, true)
	otherKeys := NewDemoKeys()
	sign := func(keys *Keys, ttl time.Duration) string {
		token, err := keys.Sign(alice, ttl)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := sign(s.keys, time.Hour)
	staff := s.keys.Staff[0].Key
	cases := map[string]string{
		"none":                         "",
		"another scheme":               "Basic YTpi",
		"a scheme without credentials": "Bearer",
		"a token of another secret":    "Bearer " + sign(otherKeys, time.Hour),
		"a token that ran out":         "Bearer " + sign(s.keys, -time.Second),
		"a token cut short":            "Bearer " + good[:len(good)-1],
		"a token and something":        "Bearer " + good + " x",
		"a token without signature":    "Bearer " + good[:strings.LastIndexByte(good, '.')+1],
		"a key of nobody":              "Bearer " + otherKeys.Staff[0].Key,
		"a key cut short":              "Bearer " + staff[:len(staff)-1],
		"garbage":                      "Bearer !...",
	}
	for name, authorization := range cases {
		a := c.do(http.MethodGet, "/v1/wallet", "", "Authorization", authorization)
		if a.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	c.do(http.MethodGet, "/v1/wallet", "", "Authorization", "bearer "+good).wants(t, http.StatusOK)
}

func TestTokensOfStaffCountInDemoModeOnly(t *testing.T) {
	operator := core.Principal{ID: "olga", Role: core.RoleOperator}
	_, s, c := newScripted(t, true)
	c.as(s, operator).do(http.MethodGet, "/v1/campaigns/phone/file", "").wants(t, http.StatusOK)
	_, s, c = newScripted(t, false)
	c.as(s, operator).do(http.MethodGet, "/v1/campaigns/phone/file", "").problem(t, CodeUnauthorized)
	c.withKey(s, "demo-operator").do(http.MethodGet, "/v1/campaigns/phone/file", "").wants(t, http.StatusOK)
}

func TestThePrincipalReachesTheEngineWithEveryFact(t *testing.T) {
	engine, s, c := newScripted(t, false)
	c.as(s, alice).order(`{"sku":"mi2","quantity":1}`, "k").wants(t, 201)
	samePrincipal(t, engine.asked.request.Shopper, alice)
}

func samePrincipal(tb testing.TB, got, want core.Principal) {
	tb.Helper()
	if got.ID != want.ID || got.Role != want.Role || got.Brand != want.Brand || got.Tier != want.Tier || got.Region != want.Region ||
		got.RegisteredAt != want.RegisteredAt || strings.Join(got.Tags, "|") != strings.Join(want.Tags, "|") {
		tb.Errorf("got %+v\nwant %+v", got, want)
	}
}

func signClaims(tb testing.TB, secret []byte, method jwt.SigningMethod, claims jwt.MapClaims) string {
	tb.Helper()
	var key any = secret
	if method == jwt.SigningMethodNone {
		key = jwt.UnsafeAllowNoneSignatureType
	}
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

func TestTokensOfOtherShapesAreJudgedByTheirMeaning(t *testing.T) {
	secret := randomBytes()
	v := newVerifier(secret)
	later := time.Now().Add(time.Hour).Unix()
	base := func(change jwt.MapClaims) jwt.MapClaims {
		claims := jwt.MapClaims{"sub": "alice", "role": "shopper", "aud": tokenAudience, "exp": later}
		for name, value := range change {
			claims[name] = value
			if value == nil {
				delete(claims, name)
			}
		}
		return claims
	}
	cases := []struct {
		name   string
		method jwt.SigningMethod
		claims jwt.MapClaims
		valid  bool
	}{
		{"the usual one", jwt.SigningMethodHS256, base(nil), true},
		{"an audience in a list of two", jwt.SigningMethodHS256, base(jwt.MapClaims{"aud": []string{"other", tokenAudience}}), true},
		{"a claim of somebody else's", jwt.SigningMethodHS256, base(jwt.MapClaims{"jti": "x"}), true},
		{"an id that needs escapes", jwt.SigningMethodHS256, base(jwt.MapClaims{"sub": `a\"b`}), true},
		{"a fraction in exp", jwt.SigningMethodHS256, base(jwt.MapClaims{"exp": float64(later) + 0.5}), true},
		{"another audience", jwt.SigningMethodHS256, base(jwt.MapClaims{"aud": "other"}), false},
		{"no audience", jwt.SigningMethodHS256, base(jwt.MapClaims{"aud": nil}), false},
		{"no end", jwt.SigningMethodHS256, base(jwt.MapClaims{"exp": nil}), false},
		{"an end that is past", jwt.SigningMethodHS256, base(jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()}), false},
		{"no role", jwt.SigningMethodHS256, base(jwt.MapClaims{"role": nil}), false},
		{"an unknown role", jwt.SigningMethodHS256, base(jwt.MapClaims{"role": "root"}), false},
		{"a brand without brand", jwt.SigningMethodHS256, base(jwt.MapClaims{"role": "brand"}), false},
		{"no id", jwt.SigningMethodHS256, base(jwt.MapClaims{"sub": ""}), false},
		{"an id with a space", jwt.SigningMethodHS256, base(jwt.MapClaims{"sub": "a b"}), false},
		{"an id that is too long", jwt.SigningMethodHS256, base(jwt.MapClaims{"sub": strings.Repeat("a", 129)}), false},
		{"another algorithm", jwt.SigningMethodHS512, base(nil), false},
		{"no algorithm", jwt.SigningMethodNone, base(nil), false},
		{"not yet valid", jwt.SigningMethodHS256, base(jwt.MapClaims{"nbf": later}), false},
	}
	for _, one := range cases {
		_, err := v.verify(signClaims(t, secret, one.method, one.claims), time.Now())
		if (err == nil) != one.valid {
			t.Errorf("%s: %v", one.name, err)
		}
	}
}

func TestSignedTokensTakeTheQuickWay(t *testing.T) {
	keys := NewDemoKeys()
	v := newVerifier(keys.TokenSecret)
	for _, p := range []core.Principal{alice, {ID: "b", Role: core.RoleShopper}, {ID: "x", Role: core.RoleBrand, Brand: "xiaomi"}} {
		token, err := keys.Sign(p, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := v.quick(token, time.Now())
		if !ok {
			t.Fatalf("%s is not quick", p.ID)
		}
		samePrincipal(t, got, p)
		if _, ok := v.quick(token, time.Now().Add(2*time.Minute)); ok {
			t.Error("a token that ran out is accepted")
		}
	}
}

// FuzzTokensAreReadAsTheLibraryReadsThem signs arbitrary payloads: what the quick way accepts, golang-jwt accepts as the
// same principal.
func FuzzTokensAreReadAsTheLibraryReadsThem(f *testing.F) {
	secret := []byte(strings.Repeat("k", secretSize))
	v := newVerifier(secret)
	now := time.Now()
	for _, payload := range []string{
		`{"sub":"alice","aud":["hotdrop"],"exp":9999999999,"iat":1,"role":"shopper","tags":["a","b"],"registered_at":5}`,
		`{"sub":"alice","aud":"hotdrop","exp":9999999999,"role":"brand","brand":"x","tier":"gold","region":"r"}`,
		`{"sub":"alice","sub":"bob","aud":"hotdrop","exp":9999999999,"role":"shopper"}`,
		`{"sub":"a","SUB":"b","aud":"hotdrop","exp":9999999999,"role":"shopper"}`,
		`{"sub":"a","aud":"hotdrop","exp":9999999999,"role":"shopper","tags":[]} `,
		`{"sub":"a","aud":"hotdrop","exp":99999999990000000000,"role":"shopper"}`,
	} {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		token := usualHeader + jwtSegment(payload)
		signature, err := jwt.SigningMethodHS256.Sign(token, secret)
		if err != nil {
			t.Fatal(err)
		}
		token += "." + jwtSegment(string(signature))
		quick, ok := v.quick(token, now)
		if !ok {
			return
		}
		var c claims
		if _, err := v.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return secret, nil }); err != nil {
			t.Fatalf("the library refuses %q: %v", payload, err)
		}
		samePrincipal(t, quick, c.principal())
	})
}

func jwtSegment(data string) string { return (&jwt.Token{}).EncodeSegment([]byte(data)) }
