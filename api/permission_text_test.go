package api

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
)

// pathParameter is a part of a path that names something.
var pathParameter = regexp.MustCompile(`\{[a-z_]+\}`)

// rolesIn reads the roles that a refusal says it takes.
func rolesIn(t *testing.T, detail, role string) []core.Role {
	t.Helper()
	list, found := strings.CutPrefix(detail, "the role "+role+" may not do this; it takes the role ")
	if !found {
		t.Fatalf("it says %q", detail)
	}
	roles := []core.Role{}
	for name := range strings.SplitSeq(strings.ReplaceAll(list, " or ", ", "), ", ") {
		roles = append(roles, core.Role(name))
	}
	return roles
}

// TestARefusalNamesExactlyTheRolesOfTheTable has everybody try every route that is not theirs.
func TestARefusalNamesExactlyTheRolesOfTheTable(t *testing.T) {
	_, s, c := newScripted(t, true)
	table, tried := documentedPermissions(t), 0
	people := map[core.Role]*client{
		core.RoleShopper: c.as(s, alice), core.RoleBrand: c.withKey(s, "demo-xiaomi"), core.RoleOperator: c.withKey(s, "demo-operator"),
		core.RolePlatform: c.withKey(s, "demo-platform"), core.RoleAuditor: c.withKey(s, "demo-auditor"), core.RoleAdmin: c.withKey(s, "demo-admin"),
	}
	for _, op := range describedOperations(t, c) {
		want := table[op.id]
		if len(want) == 0 || slices.Contains(want, roleSource) {
			continue
		}
		for role, who := range people {
			if slices.Contains(want, role) {
				continue
			}
			tried++
			v := who.do(op.method, pathParameter.ReplaceAllString(op.path, "x"), "").problem(t, CodeForbidden)
			detail, _ := v["detail"].(string)
			if got := rolesIn(t, detail, string(role)); !slices.Equal(got, want) {
				t.Errorf("%s for %s: it takes %v, by the table %v", op.id, role, got, want)
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d refusals were read", tried)
	}
}
