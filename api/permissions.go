package api

import (
	"maps"
	"slices"
	"strings"

	"hotdrop/core"
)

// Permission says who may use a route. The zero value is nobody.
type Permission struct {
	roles  []core.Role
	public bool
}

// everyone may use the route without credentials.
func everyone() Permission { return Permission{public: true} }

// only principals with one of the roles may use the route.
func only(roles ...core.Role) Permission { return Permission{roles: roles} }

// shoppers may do it for themselves.
func shoppers() Permission { return only(core.RoleShopper) }

// anyone who is authenticated may look.
func anyone() Permission {
	return only(core.RoleShopper, core.RoleBrand, core.RolePlatform, core.RoleOperator, core.RoleAuditor, core.RoleAdmin)
}

// sources of social events may use the route; what they send is signed.
func sources() Permission { return only(roleSource) }

// staff may look, and ask what would be: the brand in its own campaigns, the others in all. Nothing that they may all use
// changes anything, since auditors are among them.
func staff() Permission {
	return only(core.RoleBrand, core.RolePlatform, core.RoleOperator, core.RoleAuditor, core.RoleAdmin)
}

// campaignStaff runs campaigns: the brand its own, operators and administrators all.
func campaignStaff() Permission { return only(core.RoleBrand, core.RoleOperator, core.RoleAdmin) }

// campaignReaders may read what is written down about shoppers: who runs campaigns, and auditors.
func campaignReaders() Permission {
	return only(core.RoleBrand, core.RoleOperator, core.RoleAuditor, core.RoleAdmin)
}

// permissions is the one table of who may use which operation, by the operation's id. What it does not name is closed for
// everybody. A role opens the route; whose things may be touched there is the handler's to check: what belongs to
// another brand is not found.
func permissions() map[string]Permission {
	table := map[string]Permission{}
	for _, section := range permissionSections() {
		maps.Copy(table, section)
	}
	return table
}

// permissionSections is the table in parts that can be read. No operation stands in two.
func permissionSections() []map[string]Permission {
	return []map[string]Permission{
		shopPermissions(), deskPermissions(), rolloutPermissions(), pluginPermissions(), keyPermissions(), auditPermissions(),
		demoPermissions(),
	}
}

// shopPermissions is for shoppers and for what anybody may see of a campaign.
func shopPermissions() map[string]Permission {
	return map[string]Permission{
		"list-campaigns":       anyone(),
		"get-campaign":         anyone(),
		"get-draw":             anyone(),
		"export-draw":          anyone(),
		"get-entry":            shoppers(),
		"export-shuffle":       anyone(),
		"join-queue":           shoppers(),
		"get-queue":            shoppers(),
		"reserve":              shoppers(),
		"quote":                shoppers(),
		"place-order":          shoppers(),
		"list-orders":          shoppers(),
		"get-order":            only(append(slices.Clone(campaignReaders().roles), core.RoleShopper)...),
		"pay-order":            shoppers(),
		"cancel-order":         shoppers(),
		"get-wallet":           shoppers(),
		"list-vouchers":        shoppers(),
		"get-group":            shoppers(),
		"read-inbox":           shoppers(),
		"write-message":        shoppers(),
		"share":                shoppers(),
		"visit":                shoppers(),
		"report-social-events": sources(),
	}
}

// deskPermissions is for campaign files, orders and decisions.
func deskPermissions() map[string]Permission {
	return map[string]Permission{
		"apply-campaign":         campaignStaff(),
		"get-campaign-file":      staff(),
		"watch-campaign":         staff(),
		"list-campaign-orders":   campaignReaders(),
		"list-campaign-shoppers": campaignReaders(),
		"resolve-shoppers":       only(core.RoleBrand), // of whose own identity provider
		"export-shopper":         only(core.RoleBrand, core.RoleAdmin),
		"erase-shopper":          only(core.RoleBrand, core.RoleAdmin),
		"pay-out-shopper":        only(core.RoleBrand, core.RoleAdmin), // whoever erases, which the money is in the way of
		"move-condition":         campaignStaff(),
		"confirm-due":            campaignStaff(),
		"ship-order":             campaignStaff(),
		"deliver-order":          campaignStaff(),
		"refund-order":           campaignStaff(),
		"list-decisions":         staff(),
		"get-recording":          staff(),
		"explain-order":          staff(),
		"explain-reservation":    staff(),
		"explain-request":        staff(),
	}
}

// rolloutPermissions is for which ruleset decides.
func rolloutPermissions() map[string]Permission {
	return map[string]Permission{
		"get-ruleset":     staff(),
		"list-rulesets":   staff(),
		"add-ruleset":     campaignStaff(),
		"get-rollout":     staff(),
		"change-rollout":  campaignStaff(),
		"undo-rollout":    campaignStaff(),
		"stop-campaign":   campaignStaff(),
		"approve-rollout": campaignStaff(),
		"get-shadow":      staff(),
		"get-canary":      staff(),
		"backtest":        staff(),
		"check-rule":      staff(),
	}
}

// pluginPermissions is for the registry of plugins.
func pluginPermissions() map[string]Permission {
	platform := only(core.RolePlatform)
	return map[string]Permission{
		"upload-plugin":  campaignStaff(),
		"list-plugins":   staff(),
		"get-plugin":     staff(),
		"approve-plugin": platform,
		"reject-plugin":  platform,
		"revoke-plugin":  platform,

		"get-plugin-wasm":    staff(),
		"sign-plugin":        campaignStaff(),
		"add-signing-key":    only(core.RoleBrand, core.RoleAdmin),
		"list-signing-keys":  staff(),
		"revoke-signing-key": only(core.RoleBrand, core.RoleAdmin),
	}
}

// keyPermissions is for credentials. Staff see, rotate and revoke their own; auditors too, who change nothing else.
func keyPermissions() map[string]Permission {
	return map[string]Permission{
		"create-key": only(core.RoleAdmin),
		"list-keys":  staff(),
		"rotate-key": staff(),
		"revoke-key": staff(),
		"get-me":     anyone(),
	}
}

// auditPermissions is for what was done. Operators and the platform do not read what is written about them. Where the log ends
// says how much happens in the whole deployment: that is not for those who have a brand.
func auditPermissions() map[string]Permission {
	return map[string]Permission{
		"read-staff-log": only(core.RoleBrand, core.RoleAuditor, core.RoleAdmin),
		"get-log-head":   only(core.RolePlatform, core.RoleOperator, core.RoleAuditor, core.RoleAdmin),
	}
}

// demoPermissions is for what exists in demo mode alone.
func demoPermissions() map[string]Permission {
	return map[string]Permission{
		"top-up":     shoppers(),
		"demo-token": everyone(),
		"demo-phase": only(core.RoleOperator, core.RoleAdmin),
	}
}

// schemes are the security schemes by one of which callers show who they are. Shoppers have no sessions.
func (p Permission) schemes() []string {
	switch {
	case slices.Contains(p.roles, roleSource):
		return []string{"signature"}
	case !slices.ContainsFunc(p.roles, func(role core.Role) bool { return role != core.RoleShopper }):
		return []string{"bearer"}
	default:
		return []string{"bearer", "session"}
	}
}

// allows returns the problem that the principal has with the permission, or nil.
func (p Permission) allows(principal core.Principal) *Problem {
	if p.public || slices.Contains(p.roles, principal.Role) {
		return nil
	}
	return newProblem(CodeForbidden, "the role "+string(principal.Role)+" may not do this"+p.whoMay())
}

// whoMay says which roles the permission is for, "" for none.
func (p Permission) whoMay() string {
	names := make([]string, len(p.roles))
	for i, role := range p.roles {
		names[i] = string(role)
	}
	last := len(names) - 1
	switch {
	case last < 0:
		return ""
	case last == 0:
		return "; it takes the role " + names[0]
	default:
		return "; it takes the role " + strings.Join(names[:last], ", ") + " or " + names[last]
	}
}
