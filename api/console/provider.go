package console

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"hotdrop/api/identity"
)

const (
	// providerTimeout bounds each exchange with the identity provider.
	providerTimeout = 10 * time.Second
	// discoveryGap is how long nobody asks the provider again after it did not answer.
	discoveryGap = 5 * time.Second
	// maxCode is how long what the provider sends back may be, in bytes.
	maxCode = 4 << 10
)

// provider is the identity provider as the console talks to it. What it says of itself is read at the first login: it may be
// away when this service starts.
type provider struct {
	settings *Settings
	client   *http.Client
	now      func() time.Time

	mu     sync.Mutex
	found  *oidc.Provider // nil until it answered
	failed error          // why it did not, the last time
	asked  time.Time      // when that was
}

func newProvider(settings *Settings, now func() time.Time) *provider {
	return &provider{settings: settings, client: identity.NewClient(providerTimeout), now: now}
}

// discover returns what the provider says of itself.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if p.failed != nil && p.now().Sub(p.asked) < discoveryGap {
		return nil, p.failed
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.settings.Issuer)
	if err == nil {
		err = errors.Join(identity.CheckURL(found.Endpoint().AuthURL), identity.CheckURL(found.Endpoint().TokenURL))
	}
	if err != nil {
		if ctx.Err() == nil { // it was the provider, not a browser that left
			p.failed, p.asked = fmt.Errorf("identity provider %s: %w", p.settings.Issuer, err), p.now()
		}
		return nil, err
	}
	p.found, p.failed = found, nil
	return found, nil
}

func (p *provider) oauth(found *oidc.Provider) *oauth2.Config {
	scopes := p.settings.Scopes
	if scopes == nil {
		scopes = []string{oidc.ScopeEmail}
	}
	return &oauth2.Config{
		ClientID: p.settings.ClientID, ClientSecret: p.settings.ClientSecret, Endpoint: found.Endpoint(),
		RedirectURL: p.settings.RedirectURL, Scopes: append([]string{oidc.ScopeOpenID}, scopes...),
	}
}

// loginURL is where the browser goes to sign in.
func (p *provider) loginURL(ctx context.Context, a *attempt) (string, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	return p.oauth(found).AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), nil
}

// errNonce is that an ID token answers another login.
var errNonce = errors.New("the ID token has another nonce than the login")

// claims exchanges the code for what the provider says of the person. Its ID token is checked for signature, algorithm, issuer,
// audience, times and nonce; what it lacks is asked for at the provider's userinfo endpoint.
func (p *provider) claims(ctx context.Context, a *attempt, code string) (map[string]any, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := p.oauth(found).Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return nil, fmt.Errorf("exchange the code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	verified, err := found.Verifier(&oidc.Config{ClientID: p.settings.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("verify the ID token: %w", err)
	}
	if !same(verified.Nonce, a.Nonce) {
		return nil, errNonce
	}
	claims := map[string]any{}
	if err := verified.Claims(&claims); err != nil {
		return nil, fmt.Errorf("read the ID token: %w", err)
	}
	if found.UserInfoEndpoint() == "" || p.settings.complete(claims) {
		return claims, nil
	}
	return p.withUserInfo(ctx, found, token, claims)
}

// complete reports whether the claims have everything that the settings look at.
func (s *Settings) complete(claims map[string]any) bool {
	if lookup(claims, s.person()) == nil {
		return false
	}
	for i := range s.Roles {
		if lookup(claims, s.Roles[i].Claim) == nil {
			return false
		}
	}
	return true
}

// withUserInfo adds what the userinfo endpoint says to the claims of the ID token, which go before.
func (p *provider) withUserInfo(
	ctx context.Context, found *oidc.Provider, token *oauth2.Token, claims map[string]any,
) (map[string]any, error) {
	info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, fmt.Errorf("ask the userinfo endpoint: %w", err)
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return nil, fmt.Errorf("read the userinfo: %w", err)
	}
	if subject, _ := claims["sub"].(string); subject == "" || subject != info.Subject {
		return nil, errors.New("the userinfo is about somebody else")
	}
	maps.Copy(more, claims)
	return more, nil
}
