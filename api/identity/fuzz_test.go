package identity

import (
	"errors"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// FuzzNobodyMakesATokenOfAnIssuer gives verification what strangers write: whatever it is, there is an error, a closed one,
// unless the very bytes were signed by the issuer.
func FuzzNobodyMakesATokenOfAnIssuer(f *testing.F) {
	c, key, forged := newClock(), ecSigner(f, "k1"), ecSigner(f, "k1")
	issuers := newIssuers(f, c, newKeyServer(f, key).URL)
	good := key.sign(f, claimsOf(c, nil), nil)
	if _, err := issuers.Verify(f.Context(), good); err != nil {
		f.Fatal(err)
	}
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, claimsOf(c, nil)).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		f.Fatal(err)
	}
	shared, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claimsOf(c, nil)).SignedString(keySetText(f, key))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		"", ".", "..", "...", good[:len(good)-4], good + "=", good + ".", strings.ToUpper(good), "." + good, good + "\n", unsigned, unsigned + "AA",
		shared, strings.Repeat("a", MaxToken) + "..", strings.Repeat("W1tb", 1000) + "." + strings.Repeat("W1tb", 1000) + ".AA",
		forged.sign(f, claimsOf(c, nil), map[string]any{"jwk": forged.public(), "jku": "http://127.0.0.1:1/", "x5c": []string{"AA"}}),
		forged.sign(f, claimsOf(c, nil), map[string]any{"crit": []string{"exp"}, "kid": "../../k1", "zip": "DEF"}),
		forged.signRaw(f, `{"alg":"ES256","alg":"none"}`, `{"iss":"`+theIssuer+`","iss":"x","exp":1e999}`),
		forged.signRaw(f, `{"alg":"ES256","kid":"k1"}`, `{"iss":"`+theIssuer+`","sub":"a","aud":"`+audience+`","exp":9e18,"nbf":-1e300}`),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		p, err := issuers.Verify(t.Context(), token)
		if err == nil && token != good {
			t.Fatalf("%q speaks for %s", token, p.ID)
		}
		if _, known := errors.AsType[*Refusal](err); err != nil && !known && !errors.Is(err, ErrUnknownIssuer) {
			t.Fatalf("%q: %v", token, err)
		}
	})
}

// FuzzSignedClaimsGiveAShopperOrAReason signs payloads that a provider might write.
func FuzzSignedClaimsGiveAShopperOrAReason(f *testing.F) {
	c, key := newClock(), ecSigner(f, "k1")
	issuers := newIssuers(f, c, newKeyServer(f, key).URL)
	begin := `{"iss":"` + theIssuer + `","aud":"` + audience + `","exp":9999999999,`
	for _, seed := range []string{
		begin + `"sub":"a"}`, begin + `"sub":"a","sub":"b"}`, begin + `"sub":"a","level":7}`, begin + `"sub":"\ud83d\ude00","groups":["x",["y"]]}`,
		begin + `"sub":"a","created_at":1e400}`, begin + `"sub":"a","created_at":-0.5}`, `{"iss":{}}`, `null`, `[[[[`, `{"a":1}{"b":2}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		token := key.signRaw(t, `{"alg":"ES256","kid":"k1"}`, payload)
		p, err := issuers.Verify(t.Context(), token)
		if err != nil {
			_, known := errors.AsType[*Refusal](err)
			if !known && !errors.Is(err, ErrUnknownIssuer) {
				t.Fatalf("%q: %v", payload, err)
			}
			return
		}
		if p.Brand != "xiaomi" || p.Role != "shopper" || !strings.HasPrefix(p.ID, "s_") || len(p.ID) != 28 || p.RegisteredAt < 0 || len(p.Tags) > maxTags {
			t.Fatalf("%q: %+v", payload, p)
		}
	})
}
