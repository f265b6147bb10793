package api

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"hotdrop/core"
)

// roleSource is the role of a machine that signs its requests: a source of social events. Nobody can have it by a token
// or an API key.
const roleSource core.Role = "source"

const (
	// maxSignedBody is how long a signed body may be, bytes: it is read before it is known who sent it.
	maxSignedBody = 1 << 20
	// signatureAge is how far the time of a signature may be from now, in either direction.
	signatureAge = 5 * time.Minute
	// maxSignatures is how many signatures of one request are looked at: those of a secret and of its successor.
	maxSignatures = 8
)

// The headers of a signed request, as Standard Webhooks (https://www.standardwebhooks.com) names them.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// signedIDPattern is what a request may be called. A dot would make it ambiguous where the id ends and the time begins.
var signedIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// signedRoute is the one kind of path whose callers sign instead of carrying credentials.
var signedRoute = regexp.MustCompile(`^/v1/social/([a-z0-9-]{1,63})/events$`)

// sourceOf returns the source that a request claims to come from; false if it is none that has to be signed.
func sourceOf(r *http.Request) (string, bool) {
	found := signedRoute.FindStringSubmatch(r.URL.Path)
	if found == nil || r.Method != http.MethodPost {
		return "", false
	}
	return found[1], true
}

// signature is what the headers of a signed request say.
type signature struct {
	id, timestamp string
	sums          [][]byte // the signatures of version 1
}

// signatureIn reads the headers; false if they are not there, not well-formed, or of another time than now.
func signatureIn(header http.Header, now time.Time) (*signature, bool) {
	for _, name := range []string{headerID, headerTimestamp, headerSignature} {
		if len(header[name]) != 1 {
			return nil, false
		}
	}
	s := &signature{id: header.Get(headerID), timestamp: header.Get(headerTimestamp)}
	at, err := strconv.ParseInt(s.timestamp, 10, 64)
	if err != nil || strconv.FormatInt(at, 10) != s.timestamp || !signedIDPattern.MatchString(s.id) {
		return nil, false
	}
	if at < now.Add(-signatureAge).Unix() || at > now.Add(signatureAge).Unix() {
		return nil, false
	}
	for one := range strings.SplitSeq(header.Get(headerSignature), " ") {
		version, encoded, _ := strings.Cut(one, ",")
		sum, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if version == "v1" && err == nil && len(sum) == sha256.Size && len(s.sums) < maxSignatures {
			s.sums = append(s.sums, sum)
		}
	}
	return s, len(s.sums) > 0
}

// madeWith reports whether one of the signatures was made over the body with one of the secrets. How long it takes
// depends on neither the secrets nor which of them it was.
func (s *signature) madeWith(secrets [][]byte, body []byte) bool {
	found := false
	for _, secret := range secrets {
		want := sign(secret, s.id, s.timestamp, body)
		for _, sum := range s.sums {
			found = hmac.Equal(sum, want) || found
		}
	}
	return found
}

// sign returns the HMAC-SHA256 of "<id>.<timestamp>.<body>".
func sign(secret []byte, id, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	_, _ = fmt.Fprintf(mac, "%s.%s.", id, timestamp) // a hash takes everything
	_, _ = mac.Write(body)
	return mac.Sum(nil)
}

// admit lets a request through whose body its source has signed. Whoever asks learns no more than that it was not: the
// answer is the same for a source that does not exist, another secret, and a signature that is too old.
func (a *authenticator) admit(w http.ResponseWriter, r *http.Request, source string, next http.Handler) {
	unsigned := newProblem(CodeUnauthorized, "the request is not signed by a source that is known, or no longer")
	claimed, ok := signatureIn(r.Header, a.now())
	if !ok {
		unsigned.write(w)
		return
	}
	body, err := readAtMost(r.Body, maxSignedBody, nil)
	switch {
	case err != nil:
		unread(err).write(w)
		return
	case len(body) > maxSignedBody:
		newProblem(CodeTooLarge, fmt.Sprintf("the body is longer than %d bytes", maxSignedBody)).write(w)
		return
	}
	secrets, known := a.sources[source]
	if !known {
		secrets = a.nobody
	}
	if !claimed.madeWith(secrets, body) || !known {
		unsigned.write(w)
		return
	}
	r = r.WithContext(context.WithValue(r.Context(), principalKey{}, &core.Principal{ID: source, Role: roleSource}))
	r.Body = io.NopCloser(bytes.NewReader(body))
	next.ServeHTTP(w, r)
}

// SignEvents returns the headers with which the source's secret signs a request: a body of POST
// /v1/social/{source}/events that is sent at the moment at. id names the request; it has no effect beyond the signature.
func (k *Keys) SignEvents(source, id string, at time.Time, body []byte) (http.Header, error) {
	sources, err := k.sources()
	if err != nil {
		return nil, err
	}
	secrets := sources[source]
	if len(secrets) == 0 {
		return nil, fmt.Errorf("the keys have no secret of the source %q", source)
	}
	timestamp := strconv.FormatInt(at.Unix(), 10)
	sum := base64.StdEncoding.EncodeToString(sign(secrets[0], id, timestamp, body))
	return http.Header{headerID: {id}, headerTimestamp: {timestamp}, headerSignature: {"v1," + sum}}, nil
}
