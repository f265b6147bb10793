package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"hotdrop/core"
)

// login sends the browser to the identity provider. Who is signed in already would come back with another session, of the role
// that the address names: that is theirs to ask for, and no other site's.
func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	who, err := c.Who(r)
	if err != nil {
		c.refuse(w, r, http.StatusServiceUnavailable, func(say *words) string { return say.unfinished })
		return
	}
	if who != nil && !asked(r) {
		say, _ := spoken(r.Header.Get("Accept-Language"))
		c.show(w, r, http.StatusForbidden, view{Who: who, Problem: say.notAsked})
		return
	}
	query := r.URL.Query()
	begun := newAttempt(c.Now(), choice{Role: core.Role(query.Get("role")), Brand: query.Get("brand")})
	there, err := c.provider.loginURL(r.Context(), begun)
	if err != nil {
		c.Log.WarnContext(r.Context(), "login: the identity provider does not answer", "error", err)
		c.refuse(w, r, http.StatusServiceUnavailable, func(say *words) string { return say.away })
		return
	}
	c.cookies.keep(w, begun)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, there, http.StatusSeeOther)
}

// failure is why a login ended without a session: what the page says, and what the log does.
type failure struct {
	status   int
	sentence func(*words) string
	log      string
	err      error
}

// callback is where the identity provider sends the browser back. Whatever it brings, the attempt is over: the same answer
// cannot be shown twice.
func (c *Console) callback(w http.ResponseWriter, r *http.Request) {
	begun := c.cookies.attempt(r, c.Now())
	c.cookies.drop(w, "login")
	secret, failed := c.finish(r, begun)
	if failed != nil {
		c.Log.WarnContext(r.Context(), "login: "+failed.log, "address", c.Address(r), "error", failed.err)
		c.refuse(w, r, failed.status, failed.sentence)
		return
	}
	c.cookies.set(w, "session", secret, SessionFor)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, Path, http.StatusSeeOther)
}

// finish ends a login and returns the secret of the session.
func (c *Console) finish(r *http.Request, begun *attempt) (string, *failure) {
	answer := r.URL.Query()
	if failed := c.mismatch(begun, answer); failed != nil {
		return "", failed
	}
	claims, err := c.provider.claims(r.Context(), begun, answer.Get("code"))
	if err != nil {
		return "", &failure{
			http.StatusBadGateway, func(say *words) string { return say.unproven }, "the answer could not be verified", err,
		}
	}
	person := c.Settings.personOf(claims)
	if person == "" {
		return "", &failure{
			http.StatusForbidden, func(say *words) string { return say.nobody }, "the provider does not vouch for the person", nil,
		}
	}
	rule := c.Settings.choose(claims, begun.Choice)
	if rule == nil {
		return "", &failure{http.StatusForbidden, func(say *words) string { return say.noRole }, person + " has no role", nil}
	}
	return c.open(r, &core.Principal{ID: person, Role: rule.Role, Brand: rule.Brand, Address: c.Address(r)})
}

// mismatch returns what is wrong with an answer before anybody is asked about it.
func (c *Console) mismatch(begun *attempt, answer url.Values) *failure {
	notBegun := func(say *words) string { return say.notBegun }
	issuer, code := answer.Get("iss"), answer.Get("code")
	switch {
	case begun == nil:
		return &failure{http.StatusBadRequest, notBegun, "this browser began none", nil}
	case !same(answer.Get("state"), begun.State):
		return &failure{http.StatusBadRequest, notBegun, "the answer is for another login", nil}
	case issuer != "" && issuer != c.Settings.Issuer: // RFC 9207
		return &failure{http.StatusBadRequest, notBegun, "the answer is another provider's", nil}
	case answer.Has("error"):
		said := fmt.Errorf("it says %.64q", answer.Get("error"))
		return &failure{http.StatusForbidden, func(say *words) string { return say.declined }, "the provider refused", said}
	case code == "" || len(code) > maxCode:
		return &failure{http.StatusBadRequest, notBegun, "the answer has no code", nil}
	}
	return nil
}

// open makes the person's session, in place of the one that the browser shows.
func (c *Console) open(r *http.Request, person *core.Principal) (string, *failure) {
	_, secret, err := c.Sessions.Create(r.Context(), core.NewStaffKey{
		Actor: *person, Kind: core.StaffKeySession, Person: person.ID, Role: person.Role, Brand: person.Brand, TTL: SessionFor,
		Reason: "signed in at " + c.Settings.Issuer,
	})
	if core.CodeOf(err) == core.CodeTooManyKeys {
		return "", &failure{http.StatusForbidden, func(say *words) string { return say.tooMany }, "no session was made", err}
	}
	if err != nil {
		return "", &failure{http.StatusServiceUnavailable, func(say *words) string { return say.unfinished }, "no session was made", err}
	}
	if before, err := c.Who(r); before != nil && err == nil {
		if err := c.end(r.Context(), r, before, "signed in anew"); err != nil {
			c.Log.WarnContext(r.Context(), "login: the session before goes on until it expires", "session", before.Credential, "error", err)
		}
	}
	return secret, nil
}

// logout ends the session that the browser shows.
func (c *Console) logout(w http.ResponseWriter, r *http.Request) {
	if err := c.origins.Check(r); err != nil {
		c.refuse(w, r, http.StatusForbidden, func(say *words) string { return say.crossSite })
		return
	}
	who, err := c.Who(r)
	if err == nil && who != nil {
		err = c.end(r.Context(), r, who, "signed out")
	}
	if err != nil { // the session goes on, and so does the cookie
		c.Log.WarnContext(r.Context(), "logout: the session could not be ended", "error", err)
		c.refuse(w, r, http.StatusServiceUnavailable, func(say *words) string { return say.unfinished })
		return
	}
	c.cookies.drop(w, "session")
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, Path, http.StatusSeeOther)
}

// end ends a session for its own person. One that has ended by itself is as good.
func (c *Console) end(ctx context.Context, r *http.Request, who *core.Principal, reason string) error {
	who.Address = cmp.Or(who.Address, c.Address(r))
	_, err := c.Sessions.Revoke(ctx, core.StaffKeyRevocation{Actor: *who, Key: who.Credential, Reason: reason})
	if core.CodeOf(err) == core.CodeWrongState {
		return nil
	}
	return err
}
