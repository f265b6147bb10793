package api

import (
	"context"
	"encoding/json"
	"net/http"
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
	hasBody      bool
}

func describedOperations(t *testing.T, c *client) []described {
	t.Helper()
	var document struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			ID          string          `json:"operationId"`
			Roles       []core.Role     `json:"x-roles"`
			Public      bool            `json:"x-public"`
			RequestBody json.RawMessage `json:"requestBody"`
		} `json:"paths"`
	}
	a := c.do(http.MethodGet, documentPath, "").wants(t, http.StatusOK)
	if err := json.Unmarshal([]byte(a.body), &document); err != nil {
		t.Fatal(err)
	}
	if document.OpenAPI != "3.1.0" {
		t.Errorf("the document is OpenAPI %s", document.OpenAPI)
	}
	var all []described
	for path, item := range document.Paths {
		for method, op := range item {
			all = append(all, described{op.ID, strings.ToUpper(method), path, op.Roles, op.Public, op.RequestBody != nil})
		}
	}
	slices.SortFunc(all, func(a, b described) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return all
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
