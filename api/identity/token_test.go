package identity

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hotdrop/core"
)

func TestATokenOfTheBrandsProviderIsAShopperOfTheBrandUnderAPseudonym(t *testing.T) {
	c, key := newClock(), ecSigner(t, "k1")
	issuers := newIssuers(t, c, newKeyServer(t, key).URL)
	token := key.sign(t, claimsOf(c, jwt.MapClaims{
		"role": "admin", "brand": "meizu", // which mean nothing here
		"level": "gold", "groups": []string{"fan", "beta"}, "address_region": "CN-GD", "created_at": 1300000000,
	}), nil)
	for range 2 { // the second time it is remembered
		p, err := issuers.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if p.ID != testPseudonyms(t).Of("xiaomi", theIssuer, "user-1") || p.Role != core.RoleShopper || p.Brand != "xiaomi" {
			t.Errorf("%+v", p)
		}
		if p.Tier != "gold" || !slices.Equal(p.Tags, []string{"fan", "beta"}) || p.Region != "CN-GD" || p.RegisteredAt != 1300000000000 {
			t.Errorf("facts %+v", p)
		}
	}
}

func TestEveryAllowedAlgorithmWorksWithItsOwnKindOfKeyOnly(t *testing.T) {
	kinds := map[string]string{
		"RS256": "rsa", "RS384": "rsa", "RS512": "rsa", "PS256": "rsa", "PS384": "rsa", "PS512": "rsa",
		"ES256": "p256", "ES384": "p384", "ES512": "p521", "EdDSA": "ed",
	}
	if len(kinds) != len(algorithms()) {
		t.Fatalf("the test knows %d of %d algorithms", len(kinds), len(algorithms()))
	}
	for algorithm, kind := range kinds {
		c, key := newClock(), newSigner("k", algorithm, kind)
		issuers := newIssuers(t, c, newKeyServer(t, key).URL, algorithm)
		token := key.sign(t, claimsOf(c, nil), nil)
		if _, err := issuers.Verify(t.Context(), token); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		other := "ES256"
		if algorithm == other {
			other = "RS256"
		}
		_, err := newIssuers(t, c, newKeyServer(t, key).URL, other).Verify(t.Context(), token)
		refused(t, algorithm+" where only "+other+" is allowed", err)
	}
}

func TestTokensThatAreNotGoodEnoughAreRefused(t *testing.T) {
	c, key, other := newClock(), ecSigner(t, "k1"), ecSigner(t, "k1")
	issuers := newIssuers(t, c, newKeyServer(t, key).URL)
	good := key.sign(t, claimsOf(c, nil), nil)
	parts := strings.Split(good, ".")
	at := func(d time.Duration) int64 { return c.now().Add(d).Unix() }
	claim := func(changes jwt.MapClaims) string { return key.sign(t, claimsOf(c, changes), nil) }
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, claimsOf(c, nil)).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	for what, token := range map[string]string{
		"one that nobody signed":              unsigned,
		"the same with a signature":           unsigned + "AAAA",
		"another key of the same name":        other.sign(t, claimsOf(c, nil), nil),
		"a key that is not there":             ecSigner(t, "k2").sign(t, claimsOf(c, nil), nil),
		"another payload":                     parts[0] + "." + strings.Split(claim(jwt.MapClaims{"sub": "user-2"}), ".")[1] + "." + parts[2],
		"another audience":                    claim(jwt.MapClaims{"aud": "other"}),
		"an audience in other letters":        claim(jwt.MapClaims{"aud": strings.ToUpper(audience)}),
		"no audience":                         claim(jwt.MapClaims{"aud": nil}),
		"an empty list of audiences":          claim(jwt.MapClaims{"aud": []string{}}),
		"one that ran out":                    claim(jwt.MapClaims{"exp": at(-Leeway - time.Second)}),
		"one without an end":                  claim(jwt.MapClaims{"exp": nil}),
		"one whose end is text":               claim(jwt.MapClaims{"exp": "9999999999"}),
		"one whose end is no number":          claim(jwt.MapClaims{"exp": []int{1}}),
		"one that is not valid yet":           claim(jwt.MapClaims{"nbf": at(Leeway + time.Second)}),
		"one of the future":                   claim(jwt.MapClaims{"iat": at(Leeway + time.Second)}),
		"nobody's":                            claim(jwt.MapClaims{"sub": nil}),
		"one with an empty name":              claim(jwt.MapClaims{"sub": ""}),
		"one with a number for a name":        claim(jwt.MapClaims{"sub": 7}),
		"one with a name that is too long":    claim(jwt.MapClaims{"sub": strings.Repeat("x", maxSubject+1)}),
		"one with half a character in a name": claim(jwt.MapClaims{"sub": "a\xff"}),
		"one that is too long":                claim(jwt.MapClaims{"padding": strings.Repeat("x", MaxToken)}),
		"one cut short":                       good[:len(good)-1],
		"one with padding":                    good + "=",
		"one with a fourth part":              good + ".x",
		"two parts":                           parts[0] + "." + parts[1],
		"no signature":                        parts[0] + "." + parts[1] + ".",
		"nothing between dots":                "..",
		"garbage":                             "!.!.!",
	} {
		_, err := issuers.Verify(t.Context(), token)
		refused(t, what, err)
	}
	for what, token := range map[string]string{
		"just about run out": claim(jwt.MapClaims{"exp": at(-Leeway + time.Second)}),
		"just about to come": claim(jwt.MapClaims{"nbf": at(Leeway - time.Second), "iat": at(Leeway - time.Second)}),
		"several audiences":  claim(jwt.MapClaims{"aud": []string{"other", audience}}),
	} {
		if _, err := issuers.Verify(t.Context(), token); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTokensOfStrangersAreNobodysHere(t *testing.T) {
	c, key := newClock(), ecSigner(t, "k1")
	server := newKeyServer(t, key)
	issuers := newIssuers(t, c, server.URL)
	for _, issuer := range []any{nil, "", "https://id.meizu.example", theIssuer + "/", strings.ToUpper(theIssuer), 7, []string{theIssuer}} {
		_, err := issuers.Verify(t.Context(), key.sign(t, claimsOf(c, jwt.MapClaims{"iss": issuer}), nil))
		if !errors.Is(err, ErrUnknownIssuer) {
			t.Errorf("issuer %v: %v", issuer, err)
		}
	}
	if server.asked.Load() != 0 {
		t.Error("a stranger's token had keys fetched")
	}
}

// An RSA or ECDSA public key is known to everybody: it must never serve as the secret of an HMAC.
func TestAPublicKeyIsNoSharedSecret(t *testing.T) {
	c, key := newClock(), newSigner("k1", "RS256", "rsa")
	issuers := newIssuers(t, c, newKeyServer(t, key).URL, "RS256")
	der, err := x509.MarshalPKIXPublicKey(key.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range [][]byte{der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), keySetText(t, key), nil} {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, claimsOf(c, nil))
		token.Header["kid"] = "k1"
		text, err := token.SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		_, err = issuers.Verify(t.Context(), text)
		refused(t, "an HMAC", err)
	}
}

func TestKeysThatATokenBringsAlongAreNotRead(t *testing.T) {
	c, key, forged := newClock(), ecSigner(t, "k1"), ecSigner(t, "k1")
	elsewhere := newKeyServer(t, forged)
	issuers := newIssuers(t, c, newKeyServer(t, key).URL)
	brought := map[string]map[string]any{
		"a key":                     {"jwk": forged.public()},
		"an address of keys":        {"jku": elsewhere.URL},
		"an address of a chain":     {"x5u": elsewhere.URL},
		"a chain":                   {"x5c": []string{"AAAA"}},
		"another name for a key":    {"kid": "../../../../dev/null"},
		"a name that asks SQL":      {"kid": "k1' OR '1'='1"},
		"a name that is an address": {"kid": elsewhere.URL},
		"an extension":              {"crit": []string{"b64"}, "b64": false},
		"an empty list of them":     {"crit": []string{}},
		"a key's name as a list":    {"kid": []string{"k1"}},
		"an empty name":             {"kid": ""},
		"null for a name":           {"kid": nil},
	}
	for what, header := range brought {
		_, err := issuers.Verify(t.Context(), forged.sign(t, claimsOf(c, nil), header))
		refused(t, what, err)
	}
	for _, what := range []string{"an extension", "an empty list of them", "a key's name as a list", "an empty name", "null for a name"} {
		_, err := issuers.Verify(t.Context(), key.sign(t, claimsOf(c, nil), brought[what]))
		refused(t, what+", rightly signed", err)
	}
	if _, err := issuers.Verify(t.Context(), key.sign(t, claimsOf(c, nil), brought["a key"])); err != nil {
		t.Errorf("a right token that carries a key as well: %v", err)
	}
	if elsewhere.asked.Load() != 0 {
		t.Error("an address out of a token was asked")
	}
}

// signRaw signs a header and a payload as they are written.
func (s *signer) signRaw(tb testing.TB, header, payload string) string {
	tb.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	signature, err := jwt.GetSigningMethod(s.algorithm).Sign(text, s.key)
	if err != nil {
		tb.Fatal(err)
	}
	return text + "." + encode(signature)
}

func TestWhatATokenSaysTwiceOrInOtherLettersDoesNotCount(t *testing.T) {
	c, key := newClock(), ecSigner(t, "k1")
	issuers := newIssuers(t, c, newKeyServer(t, key).URL)
	const header = `{"alg":"ES256","kid":"k1"}`
	payload := func(more string) string {
		return `{"iss":"` + theIssuer + `","aud":"` + audience + `","exp":9999999999` + more + `}`
	}
	if _, err := issuers.Verify(t.Context(), key.signRaw(t, header, payload(`,"sub":"a"`))); err != nil {
		t.Fatal(err)
	}
	for what, token := range map[string]string{
		"two names of the shopper":    key.signRaw(t, header, payload(`,"sub":"a","sub":"b"`)),
		"the name once in other form": key.signRaw(t, header, payload(`,"sub":"a","s\u0075b":"b"`)),
		"two algorithms":              key.signRaw(t, `{"alg":"ES256","alg":"none","kid":"k1"}`, payload(`,"sub":"a"`)),
		"two in what is nested":       key.signRaw(t, header, payload(`,"sub":"a","x":[{"y":1,"y":2}]`)),
		"a name in other letters":     key.signRaw(t, header, payload(`,"SUB":"a"`)),
		"an algorithm in other ones":  key.signRaw(t, `{"ALG":"ES256","kid":"k1"}`, payload(`,"sub":"a"`)),
		"text behind the payload":     key.signRaw(t, header, payload(`,"sub":"a"`)+`{}`),
		"a list for a payload":        key.signRaw(t, header, `[1]`),
		"null for a payload":          key.signRaw(t, header, `null`),
		"a payload without end":       key.signRaw(t, header, `{"iss":`),
		"a header that is text":       key.signRaw(t, `"ES256"`, payload(`,"sub":"a"`)),
		"an algorithm that is none":   key.signRaw(t, `{"alg":"none","kid":"k1"}`, payload(`,"sub":"a"`)),
		"an algorithm that is a list": key.signRaw(t, `{"alg":["ES256"],"kid":"k1"}`, payload(`,"sub":"a"`)),
		"no algorithm":                key.signRaw(t, `{"kid":"k1"}`, payload(`,"sub":"a"`)),
		"half a character":            key.signRaw(t, header, payload(`,"sub":"a`+"\xff"+`"`)),
		"half a pair":                 key.signRaw(t, header, payload(`,"sub":"\ud800"`)),
		"an end beyond all times":     key.signRaw(t, header, `{"iss":"`+theIssuer+`","aud":"`+audience+`","sub":"a","exp":-1e300}`),
	} {
		_, err := issuers.Verify(t.Context(), token)
		refused(t, what, err)
	}
}

func TestFactsOfAnotherFormAreNamed(t *testing.T) {
	c, key := newClock(), ecSigner(t, "k1")
	issuers := newIssuers(t, c, newKeyServer(t, key).URL)
	long, many := strings.Repeat("世", maxFact+1), slices.Repeat([]string{"x"}, maxTags+1)
	for _, one := range []struct {
		claim string
		value any
	}{
		{"level", 7}, {"level", long}, {"level", []string{"gold"}}, {"groups", 7}, {"groups", many}, {"groups", []any{"a", 7}},
		{"groups", long}, {"groups", []string{long}}, {"address_region", map[string]any{}}, {"created_at", "2012"}, {"created_at", -1},
		{"created_at", 1e300},
	} {
		_, err := issuers.Verify(t.Context(), key.sign(t, claimsOf(c, jwt.MapClaims{one.claim: one.value}), nil))
		refusal, ok := errors.AsType[*Refusal](err)
		if !ok || !strings.Contains(refusal.Reason, one.claim) {
			t.Errorf("%s = %v: %v", one.claim, one.value, err)
		}
	}
	p, err := issuers.Verify(t.Context(), key.sign(t, claimsOf(c, jwt.MapClaims{
		"level": nil, "groups": "alone", "address_region": strings.Repeat("世", maxFact),
	}), nil))
	if err != nil || p.Tier != "" || !slices.Equal(p.Tags, []string{"alone"}) || p.RegisteredAt != 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestOnlyTheBrandsOwnIssuersResolve(t *testing.T) {
	issuer := func(brand, name string) Issuer {
		return Issuer{Brand: brand, Issuer: name, Audience: audience, KeysURL: "https://id.example/keys", Algorithms: []string{"ES256"}}
	}
	s, err := New(Options{
		Issuers:    []Issuer{issuer("xiaomi", "one"), issuer("meizu", "two"), issuer("meizu", "three")},
		Pseudonyms: testPseudonyms(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		brand, issuer string
		known         bool
	}{
		{"xiaomi", "", true}, {"xiaomi", "one", true}, {"xiaomi", "two", false}, {"meizu", "", false}, {"meizu", "two", true},
		{"meizu", "three", true}, {"oppo", "", false}, {"", "", false}, {"", "one", false},
	} {
		name, ok := s.Resolve(one.brand, one.issuer, "user-1")
		if ok != one.known || (ok && name == "") {
			t.Errorf("%+v: %q, %v", one, name, ok)
		}
	}
	two, _ := s.Resolve("meizu", "two", "user-1")
	three, _ := s.Resolve("meizu", "three", "user-1")
	xiaomi, _ := s.Resolve("xiaomi", "", "user-1")
	if two == three || two == xiaomi {
		t.Error("one name at two providers is one shopper")
	}
}
