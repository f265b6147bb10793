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
			all = append(all, described{strings.ToUpper(method), path, op.Roles, op.Public, op.RequestBody != nil})
		}
	}
	slices.SortFunc(all, func(a, b described) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return all
}

func TestEveryRouteOfTheDocumentNamesItsPermission(t *testing.T) {
	_, s, c := newScripted(t, true)
	operations := describedOperations(t, c)
	if len(operations) != 56 {
		t.Errorf("the document has %d operations", len(operations))
	}
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

// The table is written by hand: it is what the design says, not what the code does.
func TestEveryRouteAllowsExactlyItsRoles(t *testing.T) {
	const shopper, brand, platform, operator, admin, signed = "s", "b", "p", "o", "a", "x"
	want := map[string]string{
		"GET /v1/campaigns":                                 shopper + brand + platform + operator + admin,
		"GET /v1/campaigns/{campaign}":                      shopper + brand + platform + operator + admin,
		"PUT /v1/campaigns/{campaign}":                      brand + operator + admin,
		"GET /v1/campaigns/{campaign}/decisions":            brand + platform + operator + admin,
		"GET /v1/orders/{order}/recording":                  brand + platform + operator + admin,
		"GET /v1/campaigns/{campaign}/live":                 brand + platform + operator + admin,
		"GET /v1/campaigns/{campaign}/file":                 brand + platform + operator + admin,
		"GET /v1/campaigns/{campaign}/rulesets/{ruleset}":   brand + platform + operator + admin,
		"POST /v1/campaigns/{campaign}/rulesets":            brand + operator + admin,
		"GET /v1/campaigns/{campaign}/rulesets":             brand + platform + operator + admin,
		"GET /v1/campaigns/{campaign}/rollout":              brand + platform + operator + admin,
		"GET /v1/campaigns/{campaign}/rollout/shadow":       brand + platform + operator + admin,
		"GET /v1/campaigns/{campaign}/rollout/canary":       brand + platform + operator + admin,
		"POST /v1/campaigns/{campaign}/backtests":           brand + platform + operator + admin,
		"POST /v1/campaigns/{campaign}/rollout":             brand + operator + admin,
		"POST /v1/campaigns/{campaign}/undo":                brand + operator + admin,
		"POST /v1/campaigns/{campaign}/stop":                brand + operator + admin,
		"POST /v1/campaigns/{campaign}/approvals":           brand + operator + admin,
		"POST /v1/campaigns/{campaign}/reservations":        shopper,
		"POST /v1/campaigns/{campaign}/quotes":              shopper,
		"POST /v1/campaigns/{campaign}/orders":              shopper,
		"GET /v1/orders":                                    shopper,
		"GET /v1/orders/{order}":                            shopper + brand + operator + admin,
		"POST /v1/orders/{order}/pay":                       shopper,
		"POST /v1/orders/{order}/cancel":                    shopper,
		"GET /v1/wallet":                                    shopper,
		"POST /v1/wallet/topups":                            shopper,
		"POST /v1/campaigns/{campaign}/shares":              shopper,
		"POST /v1/shares/{code}/visits":                     shopper,
		"POST /v1/social/{source}/events":                   signed,
		"GET /v1/campaigns/{campaign}/draws/{draw}":         shopper + brand + platform + operator + admin,
		"GET /v1/campaigns/{campaign}/draws/{draw}/entry":   shopper,
		"GET /v1/campaigns/{campaign}/draws/{draw}/export":  shopper + brand + platform + operator + admin,
		"GET /v1/groups/{group}":                            shopper,
		"GET /v1/vouchers":                                  shopper,
		"GET /v1/inbox":                                     shopper,
		"POST /v1/inbox":                                    shopper,
		"GET /v1/campaigns/{campaign}/orders":               brand + operator + admin,
		"GET /v1/campaigns/{campaign}/shoppers":             brand + operator + admin,
		"POST /v1/orders/{order}/conditions/{kind}":         brand + operator + admin,
		"POST /v1/orders/{order}/dues/{kind}/confirmations": brand + operator + admin,
		"POST /v1/orders/{order}/shipments":                 brand + operator + admin,
		"POST /v1/orders/{order}/deliveries":                brand + operator + admin,
		"POST /v1/orders/{order}/refunds":                   brand + operator + admin,
		"GET /v1/orders/{order}/explain":                    brand + platform + operator + admin,
		"POST /v1/campaigns/{campaign}/explanations":        brand + platform + operator + admin,

		"GET /v1/campaigns/{campaign}/reservations/{shopper}/explain": brand + platform + operator + admin,

		"POST /v1/rules/check":                     brand + platform + operator + admin,
		"POST /v1/plugins":                         brand + operator + admin,
		"GET /v1/plugins":                          brand + platform + operator + admin,
		"GET /v1/plugins/{digest}":                 brand + platform + operator + admin,
		"POST /v1/plugins/{digest}/approvals":      platform,
		"POST /v1/plugins/{digest}/rejections":     platform,
		"POST /v1/plugins/{digest}/revocations":    platform,
		"POST /v1/demo/campaigns/{campaign}/phase": operator + admin,
		"POST /v1/demo/tokens":                     shopper + brand + platform + operator + admin + "-",
	}
	_, s, c := newScripted(t, true)
	callers := map[string]*client{
		shopper: c.as(s, alice), brand: c.withKey(s, "demo-xiaomi"), platform: c.withKey(s, "demo-platform"),
		operator: c.withKey(s, "demo-operator"), admin: c.withKey(s, "demo-admin"), "-": c,
	}
	for _, op := range describedOperations(t, c) {
		allowed, ok := want[op.method+" "+op.path]
		if !ok {
			t.Errorf("the table does not know %s %s", op.method, op.path)
			continue
		}
		path := strings.NewReplacer("{campaign}", "phone", "{order}", sampleOrderID, "{ruleset}", "1", "{digest}", sampleDigest,
			"{code}", sampleCode, "{group}", sampleOrderID, "{draw}", "d", "{kind}", "balance", "{source}", "weibo", "{shopper}", "alice").Replace(op.path)
		for who, caller := range callers {
			got := caller.do(op.method, path, "").status
			if allowed == signed {
				who = "-" // no token is a signature, whoever's it is
			}
			checkAccess(t, op.method+" "+path+" as "+who, got, who, strings.Contains(allowed, who))
		}
	}
}

func checkAccess(t *testing.T, what string, status int, who string, allowed bool) {
	t.Helper()
	refused := status == http.StatusForbidden || status == http.StatusUnauthorized
	switch {
	case allowed && refused:
		t.Errorf("%s: refused with %d", what, status)
	case !allowed && who == "-" && status != http.StatusUnauthorized:
		t.Errorf("%s: %d, want 401", what, status)
	case !allowed && who != "-" && status != http.StatusForbidden:
		t.Errorf("%s: %d, want 403", what, status)
	}
}

func TestARouteThatSlipsPastRegisterIsClosedForEverybody(t *testing.T) {
	_, s, c := newScripted(t, true)
	called := false
	forgotten := huma.Operation{Method: http.MethodGet, Path: "/v1/forgotten"}
	huma.Register(s.api, forgotten, func(context.Context, *noInput) (*walletOutput, error) {
		called = true
		return &walletOutput{}, nil
	})
	c.do(http.MethodGet, "/v1/forgotten", "").problem(t, CodeUnauthorized)
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
