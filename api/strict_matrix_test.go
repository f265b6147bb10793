package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

// forged are names that no client decides: what it costs, how it stands, whose it is and who agreed to it.
func forged() []string {
	return []string{
		"price", "total", "status", "state", "brand", "tenant", "approver", "approved_by", "approvals", "role", "shopper", "actor",
	}
}

// closed is an object of a body, at any depth, that has to take no names but those that its schema knows.
type closed struct {
	path   string
	object map[string]any
	knows  map[string]any
}

// whole is a body with everything in it that its schema knows, also what may be left out.
type whole struct {
	*document

	closed []closed
}

// make makes a value, and notes the closed objects in it.
func (w *whole) make(schema map[string]any, path string) any {
	if ref, ok := schema["$ref"].(string); ok {
		return w.make(w.schemas[ref[strings.LastIndexByte(ref, '/')+1:]], path)
	}
	if items, ok := schema["items"].(map[string]any); ok {
		return []any{w.make(items, path+"[0]")}
	}
	alternatives, _ := schema["oneOf"].([]any)
	for _, one := range alternatives {
		if one, _ := one.(map[string]any); one["type"] == "object" || one["$ref"] != nil {
			return w.make(one, path)
		}
	}
	knows, _ := schema["properties"].(map[string]any)
	rest, isMap := schema["additionalProperties"].(map[string]any)
	if knows == nil && !isMap {
		return w.example(schema)
	}
	object := map[string]any{}
	for name, property := range knows {
		property, _ := property.(map[string]any)
		object[name] = w.make(property, path+"."+name)
	}
	if isMap {
		object["some"] = w.make(rest, path+".some")
	}
	if knows != nil {
		w.closed = append(w.closed, closed{path, object, knows})
	}
	return object
}

// forge hands a body over for every forged name in every closed object, and returns how many objects those are.
func (d *document) forge(schema map[string]any, send func(path, name, body string)) int {
	w := whole{document: d}
	body := w.make(schema, "body")
	for _, c := range w.closed {
		for _, name := range forged() {
			if c.knows[name] != nil {
				continue
			}
			c.object[name] = 1
			text, _ := json.Marshal(body) // plain data always encodes
			delete(c.object, name)
			send(c.path, name, string(text))
		}
	}
	return len(w.closed)
}

// caller returns how somebody whom the operation lets in sends it a body.
func (op *described) caller(t *testing.T, s *Server, c *client) (path string, send func(body string) answer) {
	path = strings.NewReplacer("{campaign}", "phone", "{order}", sampleOrderID, "{digest}", sampleDigest, "{kind}", "balance",
		"{key}", "key.06fmxw9z3k8q7v5t2s1r0p4n6m", "{signing_key}", "sk_0f1e2d3c4b5a6978", "{code}", sampleCode).Replace(op.path)
	switch {
	case op.public:
	case op.roles[0] == roleSource:
		return path, func(body string) answer { return newSigned(t, s.keys, time.Now(), body).send(t, s) }
	default:
		c = c.as(s, core.Principal{ID: "x", Role: op.roles[0], Brand: map[bool]string{true: "xiaomi"}[op.roles[0] == core.RoleBrand]})
	}
	return path, func(body string) answer {
		return c.do(op.method, path, body, "Idempotency-Key", "k", "Content-Type", op.mediaType)
	}
}

func TestNoBodyDecidesWhatIsNotTheClientsToDecide(t *testing.T) {
	engine, s, c := newScripted(t, true)
	for _, op := range describedOperations(t, c) {
		if op.mediaType != jsonType {
			continue
		}
		path, do := op.caller(t, s, c)
		before := engine.asked.calls
		send := func(what, body, field string) {
			t.Helper()
			a := do(body)
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

func TestNoPartOfABodyDecidesWhatIsNotTheClientsToDecide(t *testing.T) {
	engine, s, c := newScripted(t, true)
	objects, nested := 0, 0
	for _, op := range describedOperations(t, c) {
		if op.mediaType != jsonType {
			continue
		}
		_, do := op.caller(t, s, c)
		objects += op.document.forge(op.schema, func(path, name, body string) {
			if path != "body" {
				nested++
			}
			a := do(body)
			if a.status != http.StatusUnprocessableEntity || !a.finds(t, path+"."+name) {
				t.Errorf("%s: %d for %s.%s in %s\n%s", op.id, a.status, path, name, body, a.body)
			}
		})
	}
	if engine.asked.calls != 0 {
		t.Errorf("the engine was asked %d times", engine.asked.calls)
	}
	t.Logf("%d objects, %d names within", objects, nested)
	if objects < 30 || nested < 50 {
		t.Errorf("%d objects, %d names within: the document was not read", objects, nested)
	}
}

func TestNoPartOfACampaignFileDecidesWhatIsNotItsWritersToDecide(t *testing.T) {
	engine, s, c := newScripted(t, true)
	text, err := campaignfile.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	definitions, _ := schema["$defs"].(map[string]any)
	d := document{schemas: map[string]map[string]any{}}
	for name, one := range definitions {
		d.schemas[name], _ = one.(map[string]any)
	}
	operator := c.withKey(s, "demo-operator")
	objects := d.forge(schema, func(path, name, body string) {
		a := operator.do(http.MethodPut, "/v1/campaigns/phone", body, "Content-Type", yamlType)
		place := strings.TrimPrefix(strings.TrimPrefix(path, "body"), ".")
		if place != "" {
			place += "."
		}
		if a.status != http.StatusUnprocessableEntity || !a.finds(t, place+name) {
			t.Errorf("%d for %s%s in %s\n%s", a.status, place, name, body, a.body)
		}
	})
	if engine.asked.calls != 0 || objects < 15 {
		t.Errorf("the engine was asked %d times about %d objects", engine.asked.calls, objects)
	}
}

// finds reports whether the problem has found something at that place.
func (a answer) finds(t *testing.T, place string) bool {
	t.Helper()
	var problem Problem
	if err := json.Unmarshal([]byte(a.body), &problem); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return slices.ContainsFunc(problem.Errors, func(one Violation) bool { return one.Location == place }) ||
		slices.ContainsFunc(problem.Problems, func(one core.Problem) bool { return one.Path == place })
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
