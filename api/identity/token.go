package identity

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hotdrop/core"
)

const (
	// MaxToken is how long a token may be, in bytes. A longer one is not looked at.
	MaxToken = 8 << 10
	// Leeway is how far the clock of a provider may be from ours when the times of a token are compared.
	Leeway = 30 * time.Second
	// maxSubject is how long the name of a shopper may be, in bytes: OpenID Connect Core 1.0, 2.
	maxSubject = 255
)

// ErrUnknownIssuer is that a token is of nobody who is listed.
var ErrUnknownIssuer = errors.New("no identity provider that is known here has issued the token")

// Refusal is why a token of a known issuer is not valid. Its text may be told to whoever sent it.
type Refusal struct{ Reason string }

// Error implements error.
func (r *Refusal) Error() string { return r.Reason }

func refuse(format string, a ...any) error { return &Refusal{fmt.Sprintf(format, a...)} }

// Options is what [Issuers] are made of.
type Options struct {
	Issuers    []Issuer
	Pseudonyms *core.Pseudonyms // required where there are issuers
	Log        *slog.Logger     // nil: [slog.Default]
	Now        func() time.Time // nil: [time.Now]
}

// Issuers knows the shoppers of brands' identity providers.
type Issuers struct {
	byIssuer   map[string]*provider
	byBrand    map[string][]string
	pseudonyms *core.Pseudonyms
	known      *memory
	now        func() time.Time
}

// provider is one identity provider at work.
type provider struct {
	Issuer

	ring      *keyring
	validator *jwt.Validator
}

// New makes issuers of their entries in the keys file. No provider is asked for anything yet: it may be away.
func New(o Options) (*Issuers, error) {
	now := o.Now
	if now == nil {
		now = time.Now
	}
	s := &Issuers{
		byIssuer: map[string]*provider{}, byBrand: map[string][]string{}, pseudonyms: o.Pseudonyms, known: newMemory(), now: now,
	}
	client := NewClient(fetchTimeout)
	for _, entry := range o.Issuers {
		if err := entry.check(); err != nil {
			return nil, err
		}
		if s.byIssuer[entry.Issuer] != nil {
			return nil, fmt.Errorf("issuer %s is listed twice: one issuer vouches for the shoppers of one brand", entry.Issuer)
		}
		ring := &keyring{name: entry.Issuer, gap: refreshGap, now: now, log: cmp.Or(o.Log, slog.Default())}
		ring.source, ring.every = remote{client, entry.KeysURL}, remoteEvery
		if entry.KeysFile != "" {
			ring.source, ring.every, ring.gap = file(entry.KeysFile), fileEvery, fileEvery/2
		}
		s.byBrand[entry.Brand] = append(s.byBrand[entry.Brand], entry.Issuer)
		s.byIssuer[entry.Issuer] = &provider{Issuer: entry, ring: ring, validator: jwt.NewValidator(
			jwt.WithLeeway(Leeway), jwt.WithTimeFunc(now), jwt.WithAudience(entry.Audience), jwt.WithIssuer(entry.Issuer),
			jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		)}
	}
	if len(o.Issuers) > 0 && o.Pseudonyms == nil {
		return nil, errors.New("issuers need pseudonym_secret: shoppers of brands are known by pseudonyms")
	}
	return s, nil
}

// Any reports whether there is an issuer.
func (s *Issuers) Any() bool { return len(s.byIssuer) > 0 }

// Run reads the keys of every issuer at once and then on an interval, until ctx ends. Without it they are read when a token
// needs them.
func (s *Issuers) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, p := range s.byIssuer {
		running.Go(func() { p.ring.run(ctx) })
	}
	running.Wait()
}

// Verify returns the shopper for whom the token speaks. Errors are [ErrUnknownIssuer], *[Refusal], or a *[core.Error] with the
// code unavailable while the issuer's keys cannot be had.
func (s *Issuers) Verify(ctx context.Context, token string) (core.Principal, error) {
	if len(token) > MaxToken {
		return core.Principal{}, refuse("the token is longer than %d bytes", MaxToken)
	}
	digest := sha256.Sum256([]byte(token))
	if shopper, ok := s.known.find(digest, s.now()); ok {
		return shopper, nil
	}
	t, err := readToken(token)
	if err != nil {
		return core.Principal{}, refuse("the token is not valid: %v", err)
	}
	issuer, _ := t.claims["iss"].(string)
	p := s.byIssuer[issuer]
	if p == nil {
		return core.Principal{}, ErrUnknownIssuer
	}
	keys, err := p.verify(ctx, t)
	if err != nil {
		return core.Principal{}, err
	}
	shopper, err := s.shopper(p, t.claims)
	if err != nil {
		return core.Principal{}, err
	}
	s.known.keep(digest, &remembered{shopper: shopper, ring: p.ring, keys: keys, until: s.until(t.claims)})
	return shopper, nil
}

// until is when a token that was verified now has to be verified again.
func (s *Issuers) until(claims jwt.MapClaims) time.Time {
	until := s.now().Add(rememberFor)
	if expires, err := claims.GetExpirationTime(); err == nil && expires.Before(until) {
		return expires.Time
	}
	return until
}

// verify checks everything about a token but what it says of the shopper, and returns the keys it was checked with.
func (p *provider) verify(ctx context.Context, t *read) (*keySet, error) {
	if !slices.Contains(p.Algorithms, t.header.algorithm) {
		return nil, refuse("the token is signed with an algorithm that %s is not allowed", p.Issuer.Issuer)
	}
	keys := p.ring.knowing(ctx, t.header.key)
	if keys == nil {
		return nil, &core.Error{
			Code: core.CodeUnavailable, Message: "the keys of the token's issuer cannot be had at the moment", RetryAfter: refreshGap,
		}
	}
	candidates := keys.find(t.header.key, t.header.algorithm)
	if len(candidates) == 0 {
		return nil, refuse("the issuer of the token has no such key; if it is a new one, send the request again in some seconds")
	}
	if !t.signedBy(candidates) {
		return nil, refuse("the signature of the token is not valid")
	}
	if err := p.validator.Validate(jwt.MapClaims(t.claims)); err != nil {
		return nil, refuse("the token is not valid: %s", plainly(err))
	}
	return keys, nil
}

func (t *read) signedBy(candidates []verificationKey) bool {
	method := jwt.GetSigningMethod(t.header.algorithm)
	return method != nil && slices.ContainsFunc(candidates, func(k verificationKey) bool {
		return method.Verify(t.signed, t.signature, k.public) == nil
	})
}

// plainly says which claim is wrong.
func plainly(err error) string {
	for _, one := range []struct {
		is   error
		says string
	}{
		{jwt.ErrTokenExpired, "it has run out (exp)"},
		{jwt.ErrTokenNotValidYet, "it is not valid yet (nbf)"},
		{jwt.ErrTokenUsedBeforeIssued, "it is of the future (iat)"},
		{jwt.ErrTokenInvalidAudience, "it is for somebody else (aud)"},
		{jwt.ErrTokenRequiredClaimMissing, "a claim is missing: exp and aud are needed"},
	} {
		if errors.Is(err, one.is) {
			return one.says
		}
	}
	return "a claim has the wrong form"
}
