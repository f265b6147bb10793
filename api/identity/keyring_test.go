package identity

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hotdrop/core"
)

func TestUnknownKeysAreLookedForOnceInAWhile(t *testing.T) {
	c, key := newClock(), ecSigner(t, "k1")
	server := newKeyServer(t, key)
	issuers := newIssuers(t, c, server.URL)
	good := key.sign(t, claimsOf(c, nil), nil)
	if _, err := issuers.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		_, err := issuers.Verify(t.Context(), ecSigner(t, "x"+strconv.Itoa(i)).sign(t, claimsOf(c, nil), nil))
		refused(t, "an unknown key", err)
	}
	if asked := server.asked.Load(); asked != 1 {
		t.Errorf("the provider was asked %d times within the gap", asked)
	}
	next := ecSigner(t, "k2")
	server.publish(t, key, next)
	c.advance(refreshGap)
	_, err := issuers.Verify(t.Context(), next.sign(t, claimsOf(c, nil), nil))
	refused(t, "a new key, before it was read", err)
	settle(issuers.byIssuer[theIssuer].ring)
	if _, err := issuers.Verify(t.Context(), next.sign(t, claimsOf(c, nil), nil)); err != nil {
		t.Errorf("a new key: %v", err)
	}
	if asked := server.asked.Load(); asked != 2 {
		t.Errorf("the provider was asked %d times", asked)
	}
}

// settle waits for the attempt under way, if there is one.
func settle(ring *keyring) {
	ring.mu.Lock()
	under := ring.under
	ring.mu.Unlock()
	if under != nil {
		<-under
	}
}

// Verify returns while the provider hangs, or this test never ends.
func TestTokensOfUnknownKeysDoNotWaitForAProviderThatHangs(t *testing.T) {
	c, key := newClock(), ecSigner(t, "k1")
	server := newKeyServer(t, key)
	issuers := newIssuers(t, c, server.URL)
	if _, err := issuers.Verify(t.Context(), key.sign(t, claimsOf(c, nil), nil)); err != nil {
		t.Fatal(err)
	}
	hanging, release := make(chan struct{}, 100), make(chan struct{})
	text := keySetText(t, key)
	server.answers(func(w http.ResponseWriter, _ *http.Request) {
		hanging <- struct{}{}
		<-release
		_, _ = w.Write(text)
	})
	c.advance(refreshGap)
	var strangers sync.WaitGroup
	for i := range 50 {
		token := ecSigner(t, "x"+strconv.Itoa(i)).sign(t, claimsOf(c, nil), nil)
		strangers.Go(func() {
			_, err := issuers.Verify(t.Context(), token)
			refused(t, "an unknown key", err)
		})
	}
	strangers.Wait()
	<-hanging
	c.advance(refreshGap) // the attempt under way is the only one, however long it takes
	_, err := issuers.Verify(t.Context(), ecSigner(t, "y").sign(t, claimsOf(c, nil), nil))
	refused(t, "an unknown key, later", err)
	fresh := key.sign(t, claimsOf(c, jwt.MapClaims{"sub": "user-2"}), nil)
	if _, err := issuers.Verify(t.Context(), fresh); err != nil {
		t.Errorf("a known key: %v", err)
	}
	close(release)
	settle(issuers.byIssuer[theIssuer].ring)
	if asked := server.asked.Load(); asked != 2 {
		t.Errorf("the provider was asked %d times", asked)
	}
}

func TestACrowdWithNewKeysAsksOnce(t *testing.T) {
	c, key := newClock(), ecSigner(t, "k1")
	server := newKeyServer(t, key)
	server.release = make(chan struct{})
	issuers := newIssuers(t, c, server.URL)
	token := key.sign(t, claimsOf(c, nil), nil)
	var crowd sync.WaitGroup
	for range 50 {
		crowd.Go(func() {
			if _, err := issuers.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	leaving, leave := context.WithCancel(t.Context())
	leave()
	if _, err := issuers.Verify(leaving, token); core.CodeOf(err) != core.CodeUnavailable {
		t.Errorf("who left waited: %v", err)
	}
	close(server.release)
	crowd.Wait()
	if asked := server.asked.Load(); asked != 1 {
		t.Errorf("the provider was asked %d times", asked)
	}
}

func TestAProviderThatIsAwayKeepsNobodyOutWhomItsLastKeysLetIn(t *testing.T) {
	c, key := newClock(), ecSigner(t, "k1")
	server := newKeyServer(t, key)
	server.fails()
	issuers := newIssuers(t, c, server.URL)
	long := key.sign(t, claimsOf(c, jwt.MapClaims{"exp": c.now().Add(100 * time.Hour).Unix()}), nil)
	if _, err := issuers.Verify(t.Context(), long); core.CodeOf(err) != core.CodeUnavailable {
		t.Fatalf("without any keys: %v", err)
	}
	server.publish(t, key)
	c.advance(refreshGap)
	if _, err := issuers.Verify(t.Context(), long); err != nil {
		t.Fatalf("after it came back: %v", err)
	}
	server.fails()
	ring := issuers.byIssuer[theIssuer].ring
	for range int(maxAge / remoteEvery) {
		c.advance(remoteEvery)
		ring.refresh(t.Context())
		if _, err := issuers.Verify(t.Context(), long); err != nil {
			t.Fatalf("while it is away: %v", err)
		}
	}
	c.advance(time.Second)
	if _, err := issuers.Verify(t.Context(), long); core.CodeOf(err) != core.CodeUnavailable {
		t.Errorf("with keys a day old: %v", err)
	}
}

func TestAKeyThatIsWithdrawnCountsNoMoreAlsoForTokensThatAreRemembered(t *testing.T) {
	c, key, next := newClock(), ecSigner(t, "k1"), ecSigner(t, "k2")
	server := newKeyServer(t, key, next)
	issuers := newIssuers(t, c, server.URL)
	old, fresh := key.sign(t, claimsOf(c, nil), nil), next.sign(t, claimsOf(c, nil), nil)
	for _, token := range []string{old, fresh} {
		if _, err := issuers.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	server.publish(t, next)
	c.advance(refreshGap)
	issuers.byIssuer[theIssuer].ring.refresh(t.Context())
	_, err := issuers.Verify(t.Context(), old)
	refused(t, "a token of a key that was withdrawn", err)
	if _, err := issuers.Verify(t.Context(), fresh); err != nil {
		t.Errorf("a token of a key that stays: %v", err)
	}
}

func TestKeysThatStayAsTheyAreLeaveWhatIsRemembered(t *testing.T) {
	c, key := newClock(), ecSigner(t, "k1")
	issuers := newIssuers(t, c, newKeyServer(t, key).URL)
	if _, err := issuers.Verify(t.Context(), key.sign(t, claimsOf(c, nil), nil)); err != nil {
		t.Fatal(err)
	}
	ring := issuers.byIssuer[theIssuer].ring
	before := ring.keys()
	c.advance(refreshGap)
	ring.refresh(t.Context())
	if ring.keys() != before || ring.current.Load().at != c.now() {
		t.Error("the same keys are other ones, or as old as before")
	}
}

func TestRunReadsKeysBeforeTheyAreNeededAndThenOnTheInterval(t *testing.T) {
	key := ecSigner(t, "k1")
	path := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(path, keySetText(t, key), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ring := &keyring{name: "x", source: file(path), every: remoteEvery, gap: refreshGap, now: time.Now, log: quiet()}
		issuers := &Issuers{byIssuer: map[string]*provider{"x": {ring: ring}}}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { issuers.Run(ctx); close(ended) }()
		synctest.Wait()
		began := time.Now()
		if ring.keys() == nil || ring.current.Load().at != began {
			t.Error("the keys were not read at once")
		}
		time.Sleep(remoteEvery) // of the bubble
		synctest.Wait()
		if at := ring.current.Load().at; at.Sub(began) != remoteEvery {
			t.Errorf("they were last read at %v", at.Sub(began))
		}
		stop()
		<-ended
	})
}

func TestAFileOfKeysIsReadAgainWhenItChanges(t *testing.T) {
	c, key, next := newClock(), ecSigner(t, "k1"), ecSigner(t, "k2")
	path := filepath.Join(t.TempDir(), "jwks.json")
	write := func(text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	issuers, err := New(Options{
		Issuers: []Issuer{{
			Brand: "xiaomi", Issuer: theIssuer, Audience: audience, KeysFile: path, Algorithms: []string{"ES256"},
		}},
		Pseudonyms: testPseudonyms(t), Log: quiet(), Now: c.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	ring := issuers.byIssuer[theIssuer].ring
	verify := func(s *signer) error {
		c.advance(fileEvery)
		ring.refresh(t.Context())
		_, err := issuers.Verify(t.Context(), s.sign(t, claimsOf(c, nil), nil))
		return err
	}
	if err := verify(key); core.CodeOf(err) != core.CodeUnavailable {
		t.Errorf("a file that is missing: %v", err)
	}
	write(keySetText(t, key))
	if err := verify(key); err != nil {
		t.Errorf("a file that came: %v", err)
	}
	for what, text := range map[string]string{
		"nothing": "", "no JSON": "keys", "no keys": `{"keys":[]}`, "half a file": string(keySetText(t, next)[:20]),
		"a long one": `{"keys":[],"x":"` + strings.Repeat("x", maxKeySet) + `"}`,
	} {
		write([]byte(text))
		if err := verify(key); err != nil {
			t.Errorf("%s replaced the keys: %v", what, err)
		}
	}
	write(keySetText(t, next))
	refused(t, "the key before", verify(key))
	if err := verify(next); err != nil {
		t.Errorf("the key after: %v", err)
	}
}

func TestWhatAProviderAnswersIsBounded(t *testing.T) {
	key := ecSigner(t, "k1")
	elsewhere := newKeyServer(t, key)
	for what, answer := range map[string]http.HandlerFunc{
		"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
		"too much": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"x":"` + strings.Repeat("x", maxKeySet) + `"`))
			_, _ = w.Write(keySetText(t, key))
		},
		"an error page": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write(keySetText(t, key))
		},
		"long headers": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 2*maxAnswerHeader))
			_, _ = w.Write(keySetText(t, key))
		},
	} {
		c, server := newClock(), newKeyServer(t, key)
		server.answers(answer)
		_, err := newIssuers(t, c, server.URL).Verify(t.Context(), key.sign(t, claimsOf(c, nil), nil))
		if core.CodeOf(err) != core.CodeUnavailable {
			t.Errorf("%s: %v", what, err)
		}
	}
	if elsewhere.asked.Load() != 0 {
		t.Error("a redirect was followed")
	}
}
