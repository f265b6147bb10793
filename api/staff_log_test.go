package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/core/sqlite"
)

// newLogged serves a staff log of seven rows, of which every other concerns meizu.
func newLogged(t *testing.T) (*Server, *client) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir())
	if err == nil {
		err = store.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	for n := range 7 {
		after := `{"n":1}`
		if n == 6 {
			after = "no JSON" // as somebody may write past hotdrop
		}
		if err := store.AppendStaffEntry(t.Context(), &core.StaffEntry{
			At: int64(n), Actor: "ann", Role: "operator", Address: "192.0.2.1", Brand: []string{"meizu", "xiaomi"}[n%2],
			Action: "campaign.apply", After: []byte(after),
		}); err != nil {
			t.Fatal(err)
		}
	}
	keys := NewDemoKeys("meizu", "xiaomi")
	signing, err := keys.Log()
	if err != nil {
		t.Fatal(err)
	}
	return newServer(t, Options{Engine: &scripted{}, Keys: keys, StaffLog: core.NewStaffLog(store, signing, nil)})
}

// rows reads a page of the log: its numbers, and the cursor of the next.
func (c *client) rows(query string) (numbers []int64, next string) {
	c.t.Helper()
	var page Page[LoggedEntry]
	if err := json.Unmarshal([]byte(c.do(http.MethodGet, "/v1/audit"+query, "").body), &page); err != nil {
		c.t.Fatal(err)
	}
	for _, row := range page.Data {
		numbers = append(numbers, row.Seq)
	}
	if page.Next != nil {
		next = *page.Next
	}
	return numbers, next
}

func TestTheStaffLogIsReadFromEitherEnd(t *testing.T) {
	s, c := newLogged(t)
	auditor := c.withKey(s, "demo-auditor")
	for _, one := range []struct {
		query string
		want  []int64
		next  string
	}{
		{"?limit=3&brand=meizu", []int64{8, 7, 5}, "5"}, // the first is this reading
		{"?limit=3&brand=meizu&cursor=5", []int64{3, 1}, ""},
		{"?limit=2&brand=meizu&order=earliest", []int64{1, 3}, "3"},
		{"?limit=9&brand=meizu&order=earliest&cursor=3", []int64{5, 7, 8}, ""},
		{"?limit=9&brand=meizu&since=1970-01-01T00:00:00.005Z", []int64{9, 8, 7}, ""},
		{"?limit=9&brand=xiaomi&action=campaign.apply&actor=ann", []int64{6, 4, 2}, ""},
		{"?limit=9&campaign=none", nil, ""},
	} {
		numbers, next := auditor.rows(one.query)
		if !slices.Equal(numbers, one.want) && one.query != "?limit=9&campaign=none" || next != one.next {
			t.Errorf("%s: rows %v, next %q", one.query, numbers, next)
		}
	}
	for _, query := range []string{"?cursor=x", "?cursor=0", "?limit=501", "?order=any", "?since=noon", "?brand=A", "?page=1"} {
		if got := auditor.do(http.MethodGet, "/v1/audit"+query, "").status; got != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", query, got)
		}
	}
}

func TestWhoMayReadTheStaffLogReadsNoMoreThanIsTheirs(t *testing.T) {
	s, c := newLogged(t)
	for id, status := range map[string]int{
		"demo-auditor": http.StatusOK, "demo-admin": http.StatusOK, "demo-meizu": http.StatusOK,
		"demo-operator": http.StatusForbidden, "demo-platform": http.StatusForbidden,
	} {
		if got := c.withKey(s, id).do(http.MethodGet, "/v1/audit", "").status; got != status {
			t.Errorf("%s: status %d", id, got)
		}
	}
	brand := c.withKey(s, "demo-meizu")
	brand.do(http.MethodGet, "/v1/audit?brand=xiaomi", "").problem(t, core.CodeNotFound)
	body := brand.do(http.MethodGet, "/v1/audit", "").body
	if strings.Contains(body, "xiaomi") || strings.Contains(body, "192.0.2.1") || !strings.Contains(body, `"after":"no JSON"`) {
		t.Errorf("a brand reads %s", body)
	}
	if body := c.withKey(s, "demo-auditor").do(http.MethodGet, "/v1/audit", "").body; !strings.Contains(body, "192.0.2.1") {
		t.Errorf("an auditor reads %s", body)
	}
}

// How many rows there are says how busy the other brands are.
func TestWhereTheStaffLogEndsIsNotForStaffOfABrandWhateverTheirRole(t *testing.T) {
	keys := NewDemoKeys("meizu")
	for _, role := range []core.Role{core.RoleOperator, core.RoleAuditor, core.RoleAdmin} {
		keys.Staff = append(keys.Staff, newStaffKey("scoped-"+string(role), role, "meizu"))
	}
	s, c := newServer(t, Options{Engine: &scripted{}, Keys: keys, StaffLog: endless{}})
	for _, key := range keys.Staff {
		a := c.withKey(s, key.ID).do(http.MethodGet, "/v1/audit/head", "")
		if key.Brand == "" {
			a.wants(t, http.StatusOK)
			continue
		}
		a.problem(t, CodeForbidden)
		if strings.Contains(a.body, "4711") {
			t.Errorf("%s reads %s", key.ID, a.body)
		}
	}
}

// endless is a staff log that nobody reads.
type endless struct{ StaffLog }

func (endless) Head(context.Context) (*core.SignedHead, error) {
	return &core.SignedHead{Seq: 4711}, nil
}

func (endless) PublicKey() string { return "" }

func TestTheHeadOfTheStaffLogIsSigned(t *testing.T) {
	s, c := newLogged(t)
	body := c.withKey(s, "demo-auditor").do(http.MethodGet, "/v1/audit/head", "").wants(t, http.StatusOK).body
	var head LogHead
	if err := json.Unmarshal([]byte(body), &head); err != nil {
		t.Fatal(err)
	}
	public, err := core.ParseLogPublicKey(head.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := core.ParseHead([]byte(body), public)
	if err != nil || signed.Seq != 7 {
		t.Errorf("%v, %v", signed, err)
	}
}

func TestWithoutALogThereIsNothingToRead(t *testing.T) {
	s, c := newServer(t, Options{Engine: &scripted{}})
	for _, path := range []string{"/v1/audit", "/v1/audit/head"} {
		c.withKey(s, "demo-auditor").do(http.MethodGet, path, "").problem(t, core.CodeNotFound)
	}
}

func TestMetricsSayHowTheExportOfHeadsFares(t *testing.T) {
	s, _ := newServer(t, Options{Engine: &scripted{}, LogHeads: func() ExportedHeads {
		return ExportedHeads{To: "heads", Seq: 7, Failures: 2, Lost: true}
	}})
	var e exposition
	e.heads(s.logHeads())
	for name, value := range map[string]int{"hotdrop_log_head_exported_seq": 7, "hotdrop_log_head_exports_failed_total": 2, "hotdrop_log_head_contradicted": 1} {
		if want := fmt.Sprintf("\n%s{to=\"heads\"} %d\n", name, value); !strings.Contains(e.text.String(), want) {
			t.Errorf("no %q in\n%s", want, e.text.String())
		}
	}
}
