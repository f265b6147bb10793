package api

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"hotdrop/api/console"
	"hotdrop/api/identity"
	"hotdrop/core"
)

// principalKey is the context key of the authenticated principal.
type principalKey struct{}

// principalOf returns who asks; the zero principal on public routes.
func principalOf(ctx context.Context) core.Principal {
	p, _ := ctx.Value(principalKey{}).(*core.Principal)
	if p == nil {
		return core.Principal{}
	}
	return *p
}

// authenticator knows who a bearer token, an API key or a signature belongs to.
type authenticator struct {
	tokens  *verifier         // of the deployment's own; nil if it has none
	issuers *identity.Issuers // of brands' shoppers
	staff   *staffDoor
	proxies Proxies             // whose word on where a request came from is taken
	sources map[string][][]byte // the secrets of each source of social events
	nobody  [][]byte            // what is compared where there is no such source, so that it takes as long
	cookies console.Cookies     // of sessions
	origins console.Origins     // of requests that show one
	demo    bool                // tokens may carry staff roles
	now     func() time.Time
}

func newAuthenticator(keys *Keys, demo bool, log *slog.Logger) (*authenticator, error) {
	staff, err := keys.staff()
	if err != nil {
		return nil, err
	}
	sources, err := keys.sources()
	if err != nil {
		return nil, err
	}
	tokens, issuers, err := keys.shoppers(demo, log)
	if err != nil {
		return nil, err
	}
	return &authenticator{
		tokens: tokens, issuers: issuers, staff: newStaffDoor(staff), sources: sources, nobody: [][]byte{randomBytes()}, demo: demo,
		cookies: console.CookiesOf(keys.Console), origins: console.OriginsOf(keys.Console), now: time.Now,
	}, nil
}

// principal returns who sent the request, or the problem to answer.
func (a *authenticator) principal(r *http.Request) (*core.Principal, *Problem) {
	if len(r.Header["Authorization"]) == 0 {
		return a.visitor(r)
	}
	scheme, credential, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || credential == "" {
		return nil, newProblem(CodeUnauthorized, "send Authorization: Bearer with a token or an API key")
	}
	if !strings.Contains(credential, ".") { // the parts of a token are separated by dots
		return a.staff.holder(r.Context(), credential, a.proxies.clientAddress(r))
	}
	return a.bearer(r.Context(), credential)
}

// guard authenticates every request to next under /v1 before anything else looks at it. public names the exceptions.
func (a *authenticator) guard(public func(*http.Request) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		private := r.URL.Path == "/v1" || strings.HasPrefix(r.URL.Path, "/v1/")
		secure(w.Header(), private, r.TLS != nil)
		if !private || public(r) {
			next.ServeHTTP(w, r)
			return
		}
		if source, signs := sourceOf(r); signs {
			a.admit(w, r, source, next)
			return
		}
		p, problem := a.principal(r)
		if problem != nil {
			problem.write(w)
			return
		}
		ctx := context.WithValue(r.Context(), principalKey{}, p)
		if p.Role != core.RoleShopper {
			ctx = context.WithValue(ctx, holdsKey{}, func() bool { return a.holds(r, p) })
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// holdsKey is the context key of a function that tells whether the request's credential is still good.
type holdsKey struct{}

// stillHolds reports whether what staff showed would be let in now as well: an answer that goes on for hours asks again and
// again.
func stillHolds(ctx context.Context) bool {
	holds, _ := ctx.Value(holdsKey{}).(func() bool)
	return holds != nil && holds()
}

// holds reports whether the request is still the principal's.
func (a *authenticator) holds(r *http.Request, p *core.Principal) bool {
	now, problem := a.principal(r)
	return problem == nil && now.ID == p.ID && now.Credential == p.Credential
}
