package console

import (
	"slices"
	"strings"

	"hotdrop/core"
)

// personOf returns the name of who signed in, "" if the provider does not vouch for one. An email is lower-case: a person who
// writes it otherwise at the next login is no second one.
func (s *Settings) personOf(claims map[string]any) string {
	name, _ := lookup(claims, s.person()).(string)
	if s.person() == claimEmail {
		if !emailVerified(claims) {
			return ""
		}
		name = strings.ToLower(name)
	}
	if !core.ValidPerson(name) {
		return ""
	}
	return name
}

// choose returns the rule that gives the person a role: of those that fit, the one that was asked for; if none was, the one
// with the narrowest scope, which is a brand's before one for every brand, and the first in the file among equals. Nil if
// none fits.
func (s *Settings) choose(claims map[string]any, want choice) *RoleRule {
	var best *RoleRule
	for i := range s.Roles {
		rule := &s.Roles[i]
		if !want.allows(rule) || !rule.fits(claims) {
			continue
		}
		if best == nil || (best.Brand == "" && rule.Brand != "") {
			best = rule
		}
	}
	return best
}

// choice is what somebody with several roles wants to be; "" for whatever comes first.
type choice struct {
	Role  core.Role `json:"role,omitempty"`
	Brand string    `json:"brand,omitempty"`
}

func (c choice) allows(rule *RoleRule) bool {
	return (c.Role == "" || c.Role == rule.Role) && (c.Brand == "" || c.Brand == rule.Brand)
}

// fits reports whether the claim is the value, or a list that has it. True and false are "true" and "false".
func (r *RoleRule) fits(claims map[string]any) bool {
	switch value := lookup(claims, r.Claim).(type) {
	case string:
		return value == r.Value && (r.Claim != claimEmail || emailVerified(claims))
	case bool:
		return (value && r.Value == "true") || (!value && r.Value == "false")
	case []any:
		return slices.Contains(value, any(r.Value))
	default:
		return false
	}
}

// emailVerified reports whether the provider vouches for the email. Some write it as a string.
func emailVerified(claims map[string]any) bool {
	verified := claims["email_verified"]
	return verified == true || verified == "true"
}

// lookup returns a claim: the one of that very name or, by the parts between dots, a nested one. Nil if there is none.
func lookup(claims map[string]any, name string) any {
	if value, ok := claims[name]; ok {
		return value
	}
	outer, inner, nested := strings.Cut(name, ".")
	within, _ := claims[outer].(map[string]any)
	if !nested || within == nil {
		return nil
	}
	return lookup(within, inner)
}
