package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"hotdrop/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	theIssuer = "https://id.xiaomi.example"
	audience  = "hotdrop-shop"
)

// clock is a time that tests set.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2012, 12, 21, 4, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// signer is a private key of a provider.
type signer struct {
	id        string
	algorithm string
	key       crypto.Signer
}

// testKeys makes a key of each kind once: RSA takes its time.
var testKeys = sync.OnceValue(func() map[string]crypto.Signer {
	rsaKey, err1 := rsa.GenerateKey(rand.Reader, 2048)
	weak, err2 := rsa.GenerateKey(rand.Reader, 1024)
	p256, err3 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, err4 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p521, err5 := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	_, ed, err6 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		panic(err)
	}
	return map[string]crypto.Signer{"rsa": rsaKey, "weak": weak, "p256": p256, "p384": p384, "p521": p521, "ed": ed}
})

func newSigner(id, algorithm, kind string) *signer { return &signer{id, algorithm, testKeys()[kind]} }

func ecSigner(tb testing.TB, id string) *signer {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return &signer{id, "ES256", key}
}

// public is the key as a key set has it.
func (s *signer) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: s.key.Public(), KeyID: s.id, Algorithm: s.algorithm, Use: "sig"}
}

// sign makes a token; header adds to its header.
func (s *signer) sign(tb testing.TB, claims jwt.MapClaims, header map[string]any) string {
	tb.Helper()
	token := jwt.NewWithClaims(jwt.GetSigningMethod(s.algorithm), claims)
	if s.id != "" {
		token.Header["kid"] = s.id
	}
	maps.Copy(token.Header, header)
	text, err := token.SignedString(s.key)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// provider serves a key set by HTTP, and counts how often it is asked.
type keyServer struct {
	*httptest.Server

	mu      sync.Mutex
	answer  http.HandlerFunc
	asked   atomic.Int64
	release chan struct{} // answers wait until it is closed; nil: they do not
}

func newKeyServer(tb testing.TB, signers ...*signer) *keyServer {
	tb.Helper()
	s := &keyServer{}
	s.publish(tb, signers...)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.mu.Lock()
		answer, release := s.answer, s.release
		s.mu.Unlock()
		if release != nil {
			<-release
		}
		answer(w, r)
	}))
	tb.Cleanup(s.Close)
	return s
}

func keySetText(tb testing.TB, signers ...*signer) []byte {
	tb.Helper()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, one := range signers {
		set.Keys = append(set.Keys, one.public())
	}
	text, err := json.Marshal(set)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func (s *keyServer) publish(tb testing.TB, signers ...*signer) {
	tb.Helper()
	text := keySetText(tb, signers...)
	s.answers(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) })
}

func (s *keyServer) answers(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *keyServer) fails() {
	s.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
}

func testPseudonyms(tb testing.TB) *core.Pseudonyms {
	tb.Helper()
	p, err := core.NewPseudonyms(make([]byte, core.PseudonymSecretSize))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func everyClaim() ClaimNames {
	return ClaimNames{Tier: "level", Tags: "groups", Region: "address_region", RegisteredAt: "created_at"}
}

// newIssuers knows one provider, whose keys are at the address.
func newIssuers(tb testing.TB, c *clock, keysURL string, allowed ...string) *Issuers {
	tb.Helper()
	if len(allowed) == 0 {
		allowed = []string{"ES256"}
	}
	s, err := New(Options{
		Issuers: []Issuer{{
			Brand: "xiaomi", Issuer: theIssuer, Audience: audience, KeysURL: keysURL, Algorithms: allowed, Claims: everyClaim(),
		}},
		Pseudonyms: testPseudonyms(tb), Log: slog.New(slog.DiscardHandler), Now: c.now,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// claimsOf is a good payload with changes; nil removes a claim.
func claimsOf(c *clock, changes jwt.MapClaims) jwt.MapClaims {
	claims := jwt.MapClaims{
		"iss": theIssuer, "aud": audience, "sub": "user-1", "exp": c.now().Add(time.Hour).Unix(), "iat": c.now().Unix(),
	}
	for name, value := range changes {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	return claims
}

// refused checks that the error says why a token is not valid.
func refused(tb testing.TB, what string, err error) {
	tb.Helper()
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok || refusal.Reason == "" {
		tb.Errorf("%s: %v", what, err)
	}
}
