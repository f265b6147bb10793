package api

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// described is an operation as the document has it.
type described struct {
	id           string
	method, path string
	roles        []core.Role
	public       bool
	mediaType    string          // of its body; "" if it takes none
	example      string          // a body that it takes
	properties   map[string]bool // that a body in JSON may have
	schema       map[string]any  // of a body in JSON
	document     *document
}

func describedOperations(t *testing.T, c *client) []described {
	t.Helper()
	var read struct {
		OpenAPI    string `json:"openapi"`
		Components struct {
			Schemas map[string]map[string]any `json:"schemas"`
		} `json:"components"`
		Paths map[string]map[string]struct {
			ID     string      `json:"operationId"`
			Roles  []core.Role `json:"x-roles"`
			Public bool        `json:"x-public"`
			Body   struct {
				Content map[string]struct {
					Schema map[string]any `json:"schema"`
				} `json:"content"`
			} `json:"requestBody"`
		} `json:"paths"`
	}
	a := c.do(http.MethodGet, documentPath, "").wants(t, http.StatusOK)
	if err := json.Unmarshal([]byte(a.body), &read); err != nil {
		t.Fatal(err)
	}
	if read.OpenAPI != "3.1.0" {
		t.Errorf("the document is OpenAPI %s", read.OpenAPI)
	}
	d := document{schemas: read.Components.Schemas}
	var all []described
	for path, item := range read.Paths {
		for method, op := range item {
			one := described{id: op.ID, method: strings.ToUpper(method), path: path, roles: op.Roles, public: op.Public}
			one.mediaType, one.example, one.properties = d.body(op.Body.Content)
			one.schema, one.document = op.Body.Content[jsonType].Schema, &d
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b described) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return all
}

// permissionsFile is the table for people, which tests hold code and answers against: it says what was decided, not what the
// code does.
const permissionsFile = "PERMISSIONS.md"

// updating is whether the files that tests compare with are written instead: go test -update.
var updating = flag.Bool("update", false, "rewrite "+permissionsFile)

// documentedPermissions reads the table: the roles of each operation, none if it is everybody's.
func documentedPermissions(t *testing.T) map[string][]core.Role {
	t.Helper()
	text, err := os.ReadFile(permissionsFile)
	if err != nil {
		t.Fatal(err)
	}
	table := map[string][]core.Role{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 3 || !strings.HasPrefix(line, "| `") {
			continue
		}
		roles := []core.Role{}
		for role := range strings.SplitSeq(strings.TrimSuffix(cells[2], " |"), ", ") {
			if role != "everybody" {
				roles = append(roles, core.Role(role))
			}
		}
		table[cells[1]] = roles
	}
	return table
}

func TestTheTableForPeopleIsTheTableOfTheCode(t *testing.T) {
	_, _, c := newScripted(t, true)
	var b strings.Builder
	b.WriteString("# Who may use what\n\nThe routes and the roles that open them, as `api/permissions.go` has them. A role opens a route; what belongs to another brand is\n" +
		"not found behind it. Made by `go test ./api -run TheTableForPeople -update`, and held against every answer by the tests.\n\n" +
		"| route | operation | who |\n|---|---|---|\n")
	for _, op := range describedOperations(t, c) {
		who := make([]string, len(op.roles))
		for i, role := range op.roles {
			who[i] = string(role)
		}
		if op.public {
			who = []string{"everybody"}
		}
		fmt.Fprintf(&b, "| `%s %s` | %s | %s |\n", op.method, op.path, op.id, strings.Join(who, ", "))
	}
	if *updating {
		if err := os.WriteFile(permissionsFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(permissionsFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != b.String() {
		t.Errorf("%s is not what the document says; if that is meant, run go test ./api -run TheTableForPeople -update\n%s", permissionsFile, b.String())
	}
}

func TestEveryRouteOfTheDocumentNamesItsPermission(t *testing.T) {
	_, s, c := newScripted(t, true)
	operations := describedOperations(t, c)
	for _, op := range operations {
		if len(op.roles) == 0 && !op.public {
			t.Errorf("%s %s names no permission", op.method, op.path)
		}
	}
	for _, r := range s.routes.echo.Routes() {
		known := slices.ContainsFunc(operations, func(op described) bool {
			return r.Method == op.method && r.Path == pathOfRouter(op.path)
		})
		page := !strings.Contains(r.Path, "/v1/") || r.Path == documentPath
		if !known && !page {
			t.Errorf("the router has %s %s, the document does not", r.Method, r.Path)
		}
	}
}

func pathOfRouter(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// The table in code and the operations of the document are the same, and the document says what the table says.
func TestEveryOperationStandsInTheTableOnceAndEveryLineIsAnOperation(t *testing.T) {
	_, _, c := newScripted(t, true)
	table := permissions()
	lines := 0
	for _, section := range permissionSections() {
		lines += len(section)
	}
	if lines != len(table) {
		t.Error("an operation stands in two sections")
	}
	for _, op := range describedOperations(t, c) {
		permission, ok := table[op.id]
		if !ok {
			t.Errorf("%s %s: the table has no line for %q, so that it is closed", op.method, op.path, op.id)
		}
		if op.public != permission.public || !slices.Equal(op.roles, permission.roles) {
			t.Errorf("%s: the document says %v, the table %v", op.id, op.roles, permission.roles)
		}
		delete(table, op.id)
	}
	for id := range table {
		t.Errorf("the table has a line for %q, which is no operation", id)
	}
}

func TestARouteThatSlipsPastRegisterOrTheTableIsClosedForEverybody(t *testing.T) {
	_, s, c := newScripted(t, true)
	called := false
	forgotten := huma.Operation{Method: http.MethodGet, Path: "/v1/forgotten"}
	huma.Register(s.api, forgotten, func(context.Context, *noInput) (*walletOutput, error) {
		called = true
		return &walletOutput{}, nil
	})
	c.do(http.MethodGet, "/v1/forgotten", "").problem(t, CodeUnauthorized)
	register(s, operation{Operation: huma.Operation{OperationID: "unlisted", Method: http.MethodGet, Path: "/v1/unlisted"}},
		func(context.Context, *noInput) (*walletOutput, error) {
			called = true
			return &walletOutput{}, nil
		})
	c.withKey(s, "demo-admin").do(http.MethodGet, "/v1/unlisted", "").problem(t, CodeForbidden)
	c.as(s, alice).do(http.MethodGet, "/v1/forgotten", "").problem(t, CodeForbidden)
	c.withKey(s, "demo-admin").do(http.MethodGet, "/v1/forgotten", "").problem(t, CodeForbidden)
	if called {
		t.Error("the handler ran")
	}
}

func TestPermissionIsDecidedBeforeTheRequestIsLookedAt(t *testing.T) {
	engine, s, c := newScripted(t, false)
	operator := c.withKey(s, "demo-operator")
	operator.do(http.MethodPost, "/v1/campaigns/NO_SUCH/orders?x=1", `{"broken`, "Content-Type", "text/plain").problem(t, CodeForbidden)
	if engine.asked.calls != 0 {
		t.Error("the engine was asked")
	}
}

// Every way in that a caller may use is documented, and every one that is documented is described.
func TestTheDocumentNamesEveryWayToShowWhoOneIs(t *testing.T) {
	s, _ := newServer(t, Options{Engine: &scripted{}})
	document := s.api.OpenAPI()
	session := document.Components.SecuritySchemes["session"]
	if session == nil || session.Type != "apiKey" || session.In != "cookie" || session.Name != "__Host-hotdrop-session" {
		t.Errorf("sessions are %+v", session)
	}
	for path, item := range document.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put} {
			if op == nil {
				continue
			}
			var named []string
			for _, one := range op.Security {
				for scheme := range one {
					named = append(named, scheme)
				}
			}
			if want := waysIn(s.permitted[op.OperationID]); !slices.Equal(named, want) {
				t.Errorf("%s %s names %v, want %v", path, op.OperationID, named, want)
			}
		}
	}
}

// waysIn are the schemes for those who may use a route: shoppers have tokens, staff keys or sessions, sources sign.
func waysIn(p Permission) []string {
	switch {
	case p.public:
		return nil
	case slices.Equal(p.roles, []core.Role{roleSource}):
		return []string{"signature"}
	case slices.Equal(p.roles, []core.Role{core.RoleShopper}):
		return []string{"bearer"}
	default:
		return []string{"bearer", "session"}
	}
}
