package console

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

const (
	// attemptFor is how long somebody may take to sign in.
	attemptFor = 10 * time.Minute
	// SessionFor is how long a session lasts.
	SessionFor = 8 * time.Hour
)

// attempt is a login under way. The browser that began it keeps it, in a cookie that scripts cannot read: so any node can end
// what another began, and a callback that somebody else's browser was led to finds nothing to go with.
type attempt struct {
	State    string `json:"state"`    // comes back with the code
	Nonce    string `json:"nonce"`    // comes back inside the ID token
	Verifier string `json:"verifier"` // of PKCE: who has the code alone has nothing
	Ends     int64  `json:"ends"`     // Unix seconds
	Choice   choice `json:"choice,omitzero"`
}

func newAttempt(now time.Time, want choice) *attempt {
	return &attempt{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Ends: now.Add(attemptFor).Unix(), Choice: want,
	}
}

// same compares what is secret. Nothing is the same as nothing.
func same(a, b string) bool { return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Cookies names and marks the console's cookies. Those of a service that is reached by https have the prefix __Host-: no other
// host and no page that came by http can set or replace them.
type Cookies struct{ plain bool }

// CookiesOf returns the cookies of a service with these settings; nil is one where nobody signs in.
func CookiesOf(s *Settings) Cookies { return Cookies{plain: !s.secure()} }

func (c Cookies) name(of string) string {
	if c.plain {
		return "hotdrop-" + of
	}
	return "__Host-hotdrop-" + of
}

// SessionName is the name of the cookie that holds a session.
func (c Cookies) SessionName() string { return c.name("session") }

// Session returns the secret of the session that the request shows, "" if it shows none.
func (c Cookies) Session(r *http.Request) string { return c.read(r, "session") }

// read returns the value of the cookie. A browser that sends two of one name was told to by somebody: neither counts.
func (c Cookies) read(r *http.Request, of string) string {
	found := r.CookiesNamed(c.name(of))
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

func (c Cookies) set(w http.ResponseWriter, of, value string, lasts time.Duration) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // G124: Secure, unless the service is reached in the clear, on loopback only
		Name: c.name(of), Value: value, Path: "/", MaxAge: int(lasts / time.Second), Secure: !c.plain, HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
}

func (c Cookies) drop(w http.ResponseWriter, of string) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // G124: as it was set
		Name: c.name(of), Path: "/", MaxAge: -1, Secure: !c.plain, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// keep gives the attempt to the browser.
func (c Cookies) keep(w http.ResponseWriter, a *attempt) {
	text, _ := json.Marshal(a) // strings and numbers always encode
	c.set(w, "login", base64.RawURLEncoding.EncodeToString(text), attemptFor)
}

// attempt returns the login that the browser began, nil if there is none under way.
func (c Cookies) attempt(r *http.Request, now time.Time) *attempt {
	text, err := base64.RawURLEncoding.DecodeString(c.read(r, "login"))
	a := &attempt{}
	if err != nil || json.Unmarshal(text, a) != nil || a.State == "" || a.Nonce == "" || a.Verifier == "" || now.Unix() >= a.Ends {
		return nil
	}
	return a
}
