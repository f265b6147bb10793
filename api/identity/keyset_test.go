package identity

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func setOf(t *testing.T, keys ...jose.JSONWebKey) (*keySet, error) {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return parseKeySet(text)
}

func TestKeysThatAreNotForTheSignaturesOfOthersArePassedOver(t *testing.T) {
	good := newSigner("good", "ES256", "p256").public()
	private, weak, secret, encrypts := good, newSigner("weak", "RS256", "weak").public(), good, good
	private.Key, private.KeyID = testKeys()["p256"], "private"
	secret.Key, secret.KeyID, secret.Algorithm = []byte("a secret that everybody can read"), "secret", "HS256"
	encrypts.Use, encrypts.KeyID = "enc", "enc"
	set, err := setOf(t, private, weak, secret, encrypts, good)
	if err != nil || len(set.all) != 1 || len(set.find("good", "ES256")) != 1 {
		t.Fatalf("%+v, %v", set, err)
	}
	for _, id := range []string{"private", "weak", "secret", "enc"} {
		for algorithm := range families() {
			if len(set.find(id, algorithm)) > 0 {
				t.Errorf("%s is a key for %s", id, algorithm)
			}
		}
	}
	if _, err := setOf(t, private, weak, secret, encrypts); err == nil {
		t.Error("a set without a usable key is one")
	}
	mixed := `{"keys":[{"kty":"OKP","crv":"Ed448","x":"AAAA"},{"kty":"new"},7,null,` + string(mustJSON(t, good)) + `]}`
	if set, err := parseKeySet([]byte(mixed)); err != nil || len(set.all) != 1 {
		t.Errorf("beside kinds that nobody knows: %v", err)
	}
	many := `{"keys":[` + strings.Repeat(string(mustJSON(t, good))+",", maxKeys) + string(mustJSON(t, good)) + `]}`
	if _, err := parseKeySet([]byte(many)); err == nil {
		t.Error("any number of keys is taken")
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestATokenWithoutKeyNameIsForAProviderWithOneKey(t *testing.T) {
	one, two := newSigner("", "ES256", "p256").public(), newSigner("two", "ES384", "p384").public()
	alone, err := setOf(t, one)
	if err != nil || len(alone.find("", "ES256")) != 1 {
		t.Errorf("one key without name: %v", err)
	}
	both, err := setOf(t, one, two)
	if err != nil || len(both.find("", "ES256")) != 0 || len(both.find("", "ES384")) != 0 || len(both.find("two", "ES384")) != 1 {
		t.Errorf("two keys: %v", err)
	}
}

func TestAKeyIsForItsOwnAlgorithms(t *testing.T) {
	any256 := newSigner("k", "PS256", "rsa").public()
	said, err := setOf(t, any256)
	if err != nil {
		t.Fatal(err)
	}
	any256.Algorithm = ""
	unsaid, err := setOf(t, any256)
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, family := range families() {
		if got := len(said.find("k", algorithm)) == 1; got != (algorithm == "PS256") {
			t.Errorf("a key for PS256 takes %s: %v", algorithm, got)
		}
		if got := len(unsaid.find("k", algorithm)) == 1; got != (family == familyRSA) {
			t.Errorf("an RSA key takes %s: %v", algorithm, got)
		}
	}
}

func TestTwoKeysOfOneNameAreBothTried(t *testing.T) {
	c, first, second := newClock(), ecSigner(t, "same"), ecSigner(t, "same")
	issuers := newIssuers(t, c, newKeyServer(t, first, second).URL)
	for _, key := range []*signer{first, second} {
		if _, err := issuers.Verify(t.Context(), key.sign(t, claimsOf(c, nil), nil)); err != nil {
			t.Error(err)
		}
	}
}

func TestIssuersThatCannotWorkAreRefused(t *testing.T) {
	good := Issuer{
		Brand: "xiaomi", Issuer: theIssuer, Audience: audience, KeysURL: "https://id.example/keys", Algorithms: []string{"ES256"},
	}
	if _, err := New(Options{Issuers: []Issuer{good}, Pseudonyms: testPseudonyms(t)}); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*Issuer){
		"no brand":                func(i *Issuer) { i.Brand = "" },
		"a brand that cannot be":  func(i *Issuer) { i.Brand = "Xiaomi Inc." },
		"no issuer":               func(i *Issuer) { i.Issuer = "" },
		"no audience":             func(i *Issuer) { i.Audience = "" },
		"no keys":                 func(i *Issuer) { i.KeysURL = "" },
		"keys from two places":    func(i *Issuer) { i.KeysFile = "keys.json" },
		"an address in the clear": func(i *Issuer) { i.KeysURL = "http://id.example/keys" },
		"an address of a file":    func(i *Issuer) { i.KeysURL = "file:///etc/passwd" },
		"an address with a name":  func(i *Issuer) { i.KeysURL = "https://user:password@id.example/keys" },
		"an address of nothing":   func(i *Issuer) { i.KeysURL = "https://" },
		"no address":              func(i *Issuer) { i.KeysURL = "://" },
		"no algorithm":            func(i *Issuer) { i.Algorithms = nil },
		"the algorithm none":      func(i *Issuer) { i.Algorithms = []string{"ES256", "none"} },
		"a shared secret":         func(i *Issuer) { i.Algorithms = []string{"HS256"} },
		"another spelling":        func(i *Issuer) { i.Algorithms = []string{"es256"} },
	} {
		broken := good
		change(&broken)
		if _, err := New(Options{Issuers: []Issuer{broken}, Pseudonyms: testPseudonyms(t)}); err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
	if _, err := New(Options{Issuers: []Issuer{good, good}, Pseudonyms: testPseudonyms(t)}); err == nil {
		t.Error("one issuer for two entries is accepted")
	}
	if _, err := New(Options{Issuers: []Issuer{good}}); err == nil {
		t.Error("issuers without pseudonyms are accepted")
	}
	for _, local := range []string{"http://127.0.0.1:9000/keys", "http://[::1]/keys", "http://localhost/keys"} {
		if err := CheckURL(local); err != nil {
			t.Errorf("%s: %v", local, err)
		}
	}
}
