package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"hotdrop/core"
)

// forged are names that no client decides: what it costs, how it stands, whose it is and who agreed to it.
func forged() []string {
	return []string{
		"price", "total", "status", "state", "brand", "tenant", "approver", "approved_by", "approvals", "role", "shopper", "actor",
	}
}

func TestNoBodyDecidesWhatIsNotTheClientsToDecide(t *testing.T) {
	engine, s, c := newScripted(t, true)
	for _, op := range describedOperations(t, c) {
		if op.mediaType != jsonType || op.public || op.roles[0] == roleSource {
			continue
		}
		who := c.as(s, core.Principal{ID: "x", Role: op.roles[0], Brand: map[bool]string{true: "xiaomi"}[op.roles[0] == core.RoleBrand]})
		path := strings.NewReplacer("{campaign}", "phone", "{order}", sampleOrderID, "{digest}", sampleDigest, "{kind}", "balance",
			"{key}", "key.06fmxw9z3k8q7v5t2s1r0p4n6m", "{signing_key}", "sk_0f1e2d3c4b5a6978", "{code}", sampleCode).Replace(op.path)
		before := engine.asked.calls
		send := func(what, body, field string) {
			t.Helper()
			a := who.do(op.method, path, body, "Idempotency-Key", "k")
			if a.status != http.StatusUnprocessableEntity && a.status != http.StatusBadRequest || !strings.Contains(a.body, field) {
				t.Errorf("%s %s: %d for %s\n%s", op.method, path, a.status, what, a.body)
			}
		}
		example := strings.TrimSpace(op.example)
		for _, name := range forged() {
			if op.properties[name] {
				continue
			}
			rest := strings.TrimPrefix(example, "{")
			if rest != "}" {
				rest = "," + rest
			}
			send(name, `{"`+name+`":1`+rest, name)
		}
		send("what comes after it", example+"{}", "")
		send("a list", "["+example+"]", "")
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(example), &object); err != nil {
			t.Fatal(err)
		}
		for name, value := range object {
			send("the same twice", `{"`+name+`":`+string(value)+","+strings.TrimPrefix(example, "{"), name)
		}
		if engine.asked.calls != before {
			t.Errorf("%s: the engine was asked %d times", op.id, engine.asked.calls-before)
		}
	}
}

func TestNeitherHeadersNorQueriesSayWhoAsks(t *testing.T) {
	_, s, c := newScripted(t, true)
	shopper := c.as(s, alice)
	for _, name := range []string{"X-Brand", "X-Role", "X-Forwarded-User", "X-Tenant", "X-Approver", "X-User"} {
		shopper.do(http.MethodGet, "/v1/campaigns/phone/file", "", name, "admin").problem(t, CodeForbidden)
		c.do(http.MethodGet, "/v1/campaigns/phone/file", "", name, "admin").problem(t, CodeUnauthorized)
	}
	brand := c.as(s, core.Principal{ID: "max", Role: core.RoleBrand, Brand: "meizu"})
	for _, name := range []string{"X-Brand", "X-Tenant", "X-Role"} {
		brand.do(http.MethodGet, "/v1/campaigns/phone/file", "", name, "xiaomi").problem(t, core.CodeNotFound)
	}
	for _, name := range forged() {
		if name == "state" { // by which orders are listed
			continue
		}
		a := c.withKey(s, "demo-operator").do(http.MethodGet, "/v1/campaigns/phone/orders?"+name+"=x", "")
		if a.problem(t, core.CodeInvalid); !strings.Contains(a.body, name) {
			t.Errorf("%s: %s", name, a.body)
		}
	}
}
