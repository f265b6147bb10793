package console

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"hotdrop/api/identity"
	"hotdrop/core"
)

// Settings is how staff sign in, as console in the keys file.
type Settings struct {
	// Issuer is the identity provider: its address, below which /.well-known/openid-configuration is.
	Issuer string `json:"issuer"`
	// ClientID is the name of this deployment at the provider.
	ClientID string `json:"client_id"`
	// ClientSecret is its password there; "" for a public client, which PKCE alone protects.
	ClientSecret string `json:"client_secret,omitempty"`
	// RedirectURL is where the provider sends people back: this service's address and /console/callback; https, or http on
	// loopback.
	RedirectURL string `json:"redirect_url"`
	// Scopes are asked for beside openid. Nil asks for email.
	Scopes []string `json:"scopes,omitempty"`
	// PersonClaim is the claim that names the person, "" for email. One person has one name, under which actions are logged
	// and approvals are counted. An email counts only if the provider says that it is verified.
	PersonClaim string `json:"person_claim,omitempty"`
	// Roles says who may be what. Whom no rule fits gets no session.
	Roles []RoleRule `json:"roles"`
}

// RoleRule gives a role to whoever's claim is the value, or has it in its list.
type RoleRule struct {
	Claim string    `json:"claim"` // a claim, or dots between the names of nested ones: realm_access.roles
	Value string    `json:"value"`
	Role  core.Role `json:"role"`            // brand, platform, operator, auditor or admin
	Brand string    `json:"brand,omitempty"` // the brand that the session is scoped to; "" for every brand
}

// Where the pages of the console are.
const (
	Path         = "/console"
	loginPath    = Path + "/login"
	callbackPath = Path + "/callback"
	logoutPath   = Path + "/logout"
	stylePath    = Path + "/console.css"
)

// claimEmail is the claim that names the person unless another one is set.
const claimEmail = "email"

// Check refuses settings that cannot work.
func (s *Settings) Check() error {
	if s.Issuer == "" || s.ClientID == "" {
		return errors.New("console: issuer and client_id are needed")
	}
	if err := identity.CheckURL(s.Issuer); err != nil {
		return fmt.Errorf("console: issuer: %w", err)
	}
	if err := identity.CheckURL(s.RedirectURL); err != nil {
		return fmt.Errorf("console: redirect_url: %w", err)
	}
	if back, err := url.Parse(s.RedirectURL); err != nil || back.Path != callbackPath || back.RawQuery != "" || back.Fragment != "" {
		return fmt.Errorf("console: redirect_url %q has to end with %s", s.RedirectURL, callbackPath)
	}
	if len(s.Roles) == 0 {
		return errors.New("console: roles is needed: without a rule nobody can sign in")
	}
	for i := range s.Roles {
		if err := s.Roles[i].check(); err != nil {
			return fmt.Errorf("console: rule %d of roles: %w", i+1, err)
		}
	}
	return nil
}

func (r *RoleRule) check() error {
	switch {
	case r.Claim == "" || r.Value == "":
		return errors.New("claim and value are needed: a rule for everybody would be none")
	case !slices.Contains(core.StaffRoles(), r.Role):
		return fmt.Errorf("there is no role %q for staff", r.Role)
	case r.Role == core.RoleBrand && r.Brand == "":
		return errors.New("the role brand needs the brand")
	case r.Brand != "" && !core.ValidCampaignID(r.Brand):
		return fmt.Errorf("%q is no brand: 1 to 63 lower-case letters, digits and hyphens", r.Brand)
	}
	return nil
}

// person is the claim that names the person.
func (s *Settings) person() string {
	if s.PersonClaim == "" {
		return claimEmail
	}
	return s.PersonClaim
}

// secure reports whether browsers reach the console by https. On loopback it may be http: then its cookies cannot be marked
// for https only.
func (s *Settings) secure() bool { return s == nil || strings.HasPrefix(s.RedirectURL, "https://") }
