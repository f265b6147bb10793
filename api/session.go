package api

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"

	"hotdrop/api/console"
	"hotdrop/core"
)

// session returns who the session in the request's cookie belongs to, nil if it shows none that holds. It fails while the
// store does not say which ones hold.
func (a *authenticator) session(r *http.Request) (*core.Principal, error) {
	secret := a.cookies.Session(r)
	if !strings.HasPrefix(secret, core.SessionPrefix) {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	p, err := a.staff.issued.Find(r.Context(), sha256.Sum256([]byte(secret)))
	if core.CodeOf(err) == core.CodeUnavailable {
		return nil, err
	}
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // a session that has ended is nobody's
	}
	p.Address = addressText(a.proxies.clientAddress(r))
	return p, nil
}

// visitor returns whose session a request without credentials of its own shows, or the problem to answer. Browsers send the
// cookie whoever made them ask: so what changes something has to come from the console's own pages.
func (a *authenticator) visitor(r *http.Request) (*core.Principal, *Problem) {
	p, err := a.session(r)
	switch {
	case err != nil:
		return nil, problemOf(err)
	case p == nil:
		return nil, newProblem(CodeUnauthorized, "send Authorization: Bearer with a token or an API key")
	}
	if err := a.origins.Check(r); err != nil {
		return nil, newProblem(CodeForbidden, "a session changes things from pages of this service only: "+err.Error())
	}
	return p, nil
}

// consolePages are the pages on which staff sign in and out.
func (s *Server) consolePages(auth *authenticator) (http.Handler, error) {
	pages, err := console.New(console.Options{
		Settings: s.keys.Console, Sessions: auth.staff.issued, Who: auth.session, Demo: s.demo, Log: s.log,
		Address: func(r *http.Request) string { return addressText(s.proxies.clientAddress(r)) },
	})
	if err != nil {
		return nil, fmt.Errorf("the console: %w", err)
	}
	return pages.Handler(), nil
}
