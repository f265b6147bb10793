package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"hotdrop/api/identity"
	"hotdrop/core"
)

// shoppers returns what verifies the tokens of shoppers: the deployment's own, nil if it has no secret for them, and those of
// the brands' identity providers.
func (k *Keys) shoppers(demo bool, log *slog.Logger) (*verifier, *identity.Issuers, error) {
	if k.Console != nil {
		if err := k.Console.Check(); err != nil {
			return nil, nil, err
		}
	}
	var pseudonyms *core.Pseudonyms
	if len(k.PseudonymSecret) > 0 {
		made, err := core.NewPseudonyms(k.PseudonymSecret)
		if err != nil {
			return nil, nil, err
		}
		pseudonyms = made
	}
	issuers, err := identity.New(identity.Options{Issuers: k.Issuers, Pseudonyms: pseudonyms, Log: log})
	switch {
	case err != nil:
		return nil, nil, err
	case len(k.TokenSecret) == 0 && (demo || !issuers.Any()):
		return nil, nil, errors.New("token_secret is needed: without issuers, and in demo mode, there are no other tokens")
	case len(k.TokenSecret) == 0:
		return nil, issuers, nil
	case len(k.TokenSecret) < secretSize:
		return nil, nil, fmt.Errorf("token_secret has %d bytes, needs %d", len(k.TokenSecret), secretSize)
	}
	return newVerifier(k.TokenSecret), issuers, nil
}

// bearer returns whom a token speaks for. The common form of our own tokens is tried first: it costs a microsecond.
func (a *authenticator) bearer(ctx context.Context, token string) (*core.Principal, *Problem) {
	if len(token) > identity.MaxToken {
		return nil, newProblem(CodeUnauthorized, fmt.Sprintf("the token is longer than %d bytes", identity.MaxToken))
	}
	if a.tokens != nil {
		if p, ok := a.tokens.quick(token, a.now()); ok {
			return a.ours(p)
		}
	}
	if a.issuers.Any() {
		p, err := a.issuers.Verify(ctx, token)
		if !errors.Is(err, identity.ErrUnknownIssuer) {
			return vouched(p, err)
		}
	}
	if a.tokens == nil {
		return nil, newProblem(CodeUnauthorized, "no identity provider that is known here has issued the token")
	}
	p, err := a.tokens.parse(token)
	if err != nil {
		return nil, newProblem(CodeUnauthorized, "the token is not valid, or no longer")
	}
	return a.ours(p)
}

// ours returns the principal of one of our own tokens, which may be staff's in demo mode only.
func (a *authenticator) ours(p core.Principal) (*core.Principal, *Problem) {
	if p.Role != core.RoleShopper && !a.demo {
		return nil, newProblem(CodeUnauthorized, "the token is not valid, or no longer")
	}
	return &p, nil
}

// vouched returns the shopper of a brand's identity provider, or the problem with the token.
func vouched(p core.Principal, err error) (*core.Principal, *Problem) {
	if refusal, ok := errors.AsType[*identity.Refusal](err); ok {
		return nil, newProblem(CodeUnauthorized, refusal.Reason)
	}
	if err != nil {
		return nil, problemOf(err)
	}
	return &p, nil
}
