package api

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/postgres"
	"hotdrop/core/sqlite"
	"hotdrop/core/storetest"
)

// onBothStores runs the test with an empty store of each kind.
func onBothStores(t *testing.T, test func(t *testing.T, store storetest.Store)) {
	t.Helper()
	for name, open := range map[string]func(t *testing.T) (storetest.Store, io.Closer, error){
		"sqlite": func(t *testing.T) (storetest.Store, io.Closer, error) {
			t.Helper()
			s, err := sqlite.Open(context.WithoutCancel(t.Context()), t.TempDir())
			return s, s, err
		},
		"postgres": func(t *testing.T) (storetest.Store, io.Closer, error) {
			t.Helper()
			s, err := postgres.Open(context.WithoutCancel(t.Context()), storetest.PostgresURL(t))
			return s, s, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, closer, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := closer.Close(); err != nil {
					t.Error(err)
				}
			})
			migrating, ok := store.(interface {
				Migrate(ctx context.Context) error
			})
			if !ok {
				t.Fatal("the store has no schema")
			}
			if err := migrating.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			test(t, store)
		})
	}
}

// tenancy is a service that two brands share, xiaomi and meizu, with one of everything that belongs to xiaomi.
type tenancy struct {
	t      *testing.T
	server *Server
	client *client
	ids    map[string]string // what a path's parameter is, of xiaomi
	none   map[string]string // what nothing is
}

const tenancyFile = salePhases + `
items: [{sku: mi2, title: Mi 2, price: 199900, stock: 90, hold: 15m}]
draws: {lots: {closes: 2012-12-22T12:00:00+08:00, winners: 1, title: Lots}}
ruleset: [{mechanic: group-buy, config: {price: 149900, size: 2, seconds: 600}}]
`

// newTenancy serves a real engine and a real registry on the store.
func newTenancy(t *testing.T, store storetest.Store) *tenancy {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	quiet := slog.New(slog.DiscardHandler)
	engine := core.NewEngine(core.Options{
		Store: store, Campaigns: store, Ledger: store, Journal: store, Shoppers: store, Compiler: libraryRules{}, Log: quiet,
	})
	if err := engine.Start(ctx); err != nil {
		t.Fatal(err)
	}
	registry := core.NewPluginRegistry(core.PluginOptions{Store: store, Campaigns: store, Vetter: prefixVetter{}, Log: quiet})
	x := &tenancy{t: t}
	o := Options{Engine: engine, Rulesets: store, Readiness: engine, Plugins: registry, Rules: inlineRules{}, Demo: true}
	o.StaffKeys, o.StaffLog = x.staffKeys(store), core.NewStaffLog(store, nil, nil)
	t.Cleanup(func() {
		cancel()
		engine.Stop()
	})
	x.server, x.client = newServer(t, o)
	x.fill(registry)
	return x
}

// is returns a client of the role, scoped to the brand unless that is "".
func (x *tenancy) is(role core.Role, id, brand string) *client {
	x.t.Helper()
	return x.client.as(x.server, core.Principal{ID: id, Role: role, Brand: brand})
}

// fill makes one of everything that has an id, and a second campaign of the other brand.
func (x *tenancy) fill(registry *core.PluginRegistry) {
	x.t.Helper()
	t := x.t
	owner, operator, alice := x.is(core.RoleBrand, "ann", "xiaomi"), x.is(core.RoleOperator, "olga", ""), x.is(core.RoleShopper, "alice", "")
	owner.apply("phone", tenancyFile).wants(t, http.StatusCreated)
	other := strings.NewReplacer("campaign: phone", "campaign: car", "brand: xiaomi", "brand: meizu").Replace(tenancyFile)
	x.is(core.RoleBrand, "max", "meizu").apply("car", other).wants(t, http.StatusCreated)
	post := func(who *client, path, body string, headers ...string) map[string]any {
		t.Helper()
		a := who.do(http.MethodPost, path, body, headers...)
		if a.status >= http.StatusBadRequest {
			t.Fatalf("POST %s: %d %s", path, a.status, a.body)
		}
		return a.value(t)
	}
	const phone = "/v1/campaigns/phone"
	for _, campaign := range []string{"phone", "car"} {
		post(operator, "/v1/demo/campaigns/"+campaign+"/phase", `{"phase":"reservation"}`)
	}
	post(alice, phone+"/reservations", "")
	link := post(alice, phone+"/shares", "")
	for _, campaign := range []string{"phone", "car"} {
		post(operator, "/v1/demo/campaigns/"+campaign+"/phase", `{"phase":"sale"}`)
	}
	post(alice, "/v1/wallet/topups", `{"currency":"CNY","amount":1000000}`, "Idempotency-Key", "money")
	order := post(alice, phone+"/orders", `{"sku":"mi2","quantity":1}`, "Idempotency-Key", "matrix")
	post(owner, phone+"/rulesets", `{"bindings":[],"reason":"none"}`)
	for _, mode := range []string{`"canary","percent":5`, `"shadow"`} {
		state := operator.do(http.MethodGet, phone+"/rollout", "").wants(t, http.StatusOK).value(t)
		post(operator, phone+"/rollout", `{"mode":`+mode+`,"ruleset":2,"expect":`+jsonText(t, state["rollout"])+`,"reason":"try"}`)
	}
	plugin := post(owner, "/v1/plugins", "\x00asm of xiaomi", "Content-Type", wasmType)
	for worked := true; worked; {
		var err error
		if worked, err = registry.VetNext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	text := func(v any) string {
		s, ok := v.(string)
		if !ok || s == "" {
			t.Fatalf("%v is no id", v)
		}
		return s
	}
	const nothing = "06fmxw9z3k8q7v5t2s1r0p4n6m"
	x.ids = map[string]string{
		"campaign": "phone", "order": text(order["id"]), "code": text(link["code"]), "digest": text(plugin["digest"]),
		"group": text(order["group"]), "draw": "lots", "ruleset": "1", "shopper": "alice", "kind": "group", "source": "weibo",
	}
	x.none = map[string]string{
		"campaign": "nosuc", "order": "phone." + nothing, "code": "phone." + nothing, "group": "phone." + nothing, "digest": sampleDigest,
		"shopper": "nobod",
	}
	x.fillKeys(post)
}

// staffKeys are those of the store.
func (x *tenancy) staffKeys(store core.StaffKeyStore) *core.StaffKeys {
	x.t.Helper()
	issued := core.NewStaffKeys(core.StaffKeysOptions{Store: store, Log: slog.New(slog.DiscardHandler)})
	if err := issued.Start(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	return issued
}

// fillKeys makes a key of a person of xiaomi's.
func (x *tenancy) fillKeys(post func(who *client, path, body string, headers ...string) map[string]any) {
	made := post(x.is(core.RoleAdmin, "root", ""), "/v1/keys", `{"person":"ada","role":"brand","brand":"xiaomi","reason":"hired"}`)
	x.ids["key"], _ = made["id"].(string)
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		x.t.Fatal(err)
	}
	signing := post(x.is(core.RoleBrand, "ann", "xiaomi"), "/v1/signing-keys",
		`{"name":"laptop","public_key":"`+base64.StdEncoding.EncodeToString(public)+`"}`)
	x.ids["signing_key"], _ = signing["id"].(string)
	x.none["signing_key"] = "nosuch"
	x.none["key"] = "key.06fmxw9z3k8q7v5t2s1r0p4n6m"
}

// caller is one column of the matrix.
type caller struct {
	*client

	name    string
	role    core.Role // "": nobody
	foreign bool      // what is xiaomi's is not this one's
}

func (x *tenancy) callers() []caller {
	stranger := &client{t: x.t, url: x.client.url, token: "no.such.token"}
	return []caller{
		{x.client, "anonymous", "", false},
		{stranger, "a bad token", "", false},
		{x.is(core.RoleShopper, "alice", ""), "a shopper", core.RoleShopper, false},
		{x.is(core.RoleShopper, "s_other", "meizu"), "a shopper of another brand", core.RoleShopper, true},
		{x.is(core.RoleBrand, "ann", "xiaomi"), "the brand", core.RoleBrand, false},
		{x.is(core.RoleBrand, "max", "meizu"), "another brand", core.RoleBrand, true},
		{x.is(core.RoleOperator, "otto", "meizu"), "an operator of another brand", core.RoleOperator, true},
		{x.is(core.RoleAuditor, "aida", "meizu"), "an auditor of another brand", core.RoleAuditor, true},
		{x.is(core.RoleAdmin, "rita", "meizu"), "an administrator of another brand", core.RoleAdmin, true},
		{x.is(core.RolePlatform, "paul", "meizu"), "the platform of another brand", core.RolePlatform, true},
		{x.is(core.RoleOperator, "olga", ""), "an operator", core.RoleOperator, false},
		{x.is(core.RolePlatform, "pia", ""), "the platform", core.RolePlatform, false},
		{x.is(core.RoleAuditor, "axel", ""), "an auditor", core.RoleAuditor, false},
		{x.is(core.RoleAdmin, "root", ""), "an administrator", core.RoleAdmin, false},
	}
}

// exampleCampaign is the campaign of the document's examples.
const exampleCampaign = `"trade-in"`

// requests are bodies of which the document's schemas do not say all.
func requests() map[string]string {
	return map[string]string{
		"backtest":        `{"ruleset":1}`,
		"explain-request": `{"hook":"quote","shopper":{"id":"alice"},"sku":"mi2","quantity":1}`,
		"demo-phase":      `{"phase":"sale"}`,
	}
}

// publicByID names the operations that show anybody what has an id of another brand: campaigns, their draws and
// how their waiting rooms were shuffled, which are public.
func publicByID() []string {
	return []string{"get-campaign", "get-draw", "export-draw", "export-shuffle"}
}

// personal names the operations about what is a person's own: to all but administrators, others' are not there.
func personal() []string { return []string{"rotate-key", "revoke-key"} }

// call sends what the operation takes, as far as the document says what that is.
func (x *tenancy) call(who *client, op *described, ids map[string]string) answer {
	x.t.Helper()
	path := op.path
	for name, id := range ids {
		if name == "kind" && op.id == "confirm-due" {
			id = core.DueBalance
		}
		path = strings.ReplaceAll(path, "{"+name+"}", id)
	}
	if strings.Contains(path, "{") {
		x.t.Fatalf("%s: the matrix has no id for %s", op.id, path)
	}
	if op.id == "export-shopper" { // which has to be given a reason
		path += "?reason=a+letter"
	}
	body := strings.ReplaceAll(cmp.Or(requests()[op.id], op.example), exampleCampaign, `"`+ids["campaign"]+`"`)
	headers := []string{"Content-Type", op.mediaType, "Idempotency-Key", "k-" + op.id}
	if op.mediaType == yamlType {
		body = tenancyFile
	}
	return who.begin(op.method, path, body, headers...)
}

// begin sends a request and reads the answer, of a stream only how it begins.
func (c *client) begin(method, path, body string, headers ...string) answer {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] != "" {
			request.Header.Set(headers[i], headers[i+1])
		}
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK && strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return answer{response.StatusCode, response.Header, ""}
	}
	data, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(data)}
}

// hasID reports whether the operation is about something that has an id.
func (x *tenancy) hasID(op *described) bool {
	for name := range x.none {
		if strings.Contains(op.path, "{"+name+"}") {
			return true
		}
	}
	return strings.Contains(op.example, exampleCampaign)
}

// ofAllBrands are the operations that are about all brands together: their roles may use them with keys of no brand only.
func ofAllBrands() []string { return []string{"get-log-head"} }

// check holds the answer to one call against the table.
func (x *tenancy) check(op *described, who *caller, allowed []core.Role) {
	x.t.Helper()
	a := x.call(who.client, op, x.ids)
	what := op.id + " as " + who.name
	hidden := x.hasID(op) && (who.foreign && !slices.Contains(publicByID(), op.id) ||
		slices.Contains(personal(), op.id) && who.role != core.RoleAdmin)
	switch {
	case allowed == nil:
		x.t.Fatalf("%s is not in %s", op.id, permissionsFile)
	case len(allowed) == 0: // everybody
		if slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, a.status) {
			x.t.Errorf("%s: %d, want to be let in\n%s", what, a.status, a.body)
		}
	case who.role == "" || slices.Contains(allowed, roleSource):
		if a.status != http.StatusUnauthorized {
			x.t.Errorf("%s: %d, want 401\n%s", what, a.status, a.body)
		}
	case !slices.Contains(allowed, who.role), who.foreign && slices.Contains(ofAllBrands(), op.id):
		if a.status != http.StatusForbidden {
			x.t.Errorf("%s: %d, want 403\n%s", what, a.status, a.body)
		}
	case hidden && op.id != "apply-campaign": // a new id there makes a new campaign
		x.isNothing(what, op, who, a)
	case hidden:
		a.problem(x.t, core.CodeNotFound)
	case slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, a.status):
		x.t.Errorf("%s: %d, want to be let in\n%s", what, a.status, a.body)
	case who.foreign && !slices.Contains(publicByID(), op.id) && op.id != "list-campaigns":
		x.tellsNothing(what, a)
	}
}

// isNothing checks that what is another's is answered like what is not there.
func (x *tenancy) isNothing(what string, op *described, who *caller, a answer) {
	x.t.Helper()
	missing := map[string]string{}
	for name, id := range x.ids {
		missing[name] = id
		if none, ok := x.none[name]; ok {
			missing[name] = none
		}
	}
	b := x.call(who.client, op, missing)
	names := slices.SortedFunc(maps.Keys(x.none), func(a, b string) int { return len(x.ids[b]) - len(x.ids[a]) })
	for _, name := range names { // the longest first: others begin with a campaign's
		a.body, b.body = strings.ReplaceAll(a.body, x.ids[name], "ID"), strings.ReplaceAll(b.body, x.none[name], "ID")
	}
	if a.status != http.StatusNotFound || a.status != b.status || a.body != b.body {
		x.t.Errorf("%s: %d, and %d for what is not there\n%s\n%s", what, a.status, b.status, a.body, b.body)
	}
}

// tellsNothing checks that an answer names nothing of xiaomi's.
func (x *tenancy) tellsNothing(what string, a answer) {
	x.t.Helper()
	for _, name := range []string{"order", "code", "digest", "group", "key", "signing_key"} {
		if strings.Contains(a.body, x.ids[name]) {
			x.t.Errorf("%s shows another brand's %s\n%s", what, name, a.body)
		}
	}
}

// Nobody's calls change anything until the last round, in which those who may change do.
func TestEveryOperationLetsInExactlyWhoTheTableNames(t *testing.T) {
	onBothStores(t, func(t *testing.T, store storetest.Store) {
		t.Helper()
		x := newTenancy(t, store)
		operations, table := describedOperations(t, x.client), documentedPermissions(t)
		for _, changing := range []bool{false, true} {
			for i := range operations {
				op := &operations[i]
				for _, who := range x.callers() {
					mayChange := op.method != http.MethodGet && slices.Contains(table[op.id], who.role) && (!who.foreign || !x.hasID(op))
					if mayChange == changing {
						x.check(op, &who, table[op.id])
					}
				}
			}
		}
	})
}

// example makes a value that the schema allows.
func (d *document) example(schema map[string]any) any {
	if ref, ok := schema["$ref"].(string); ok {
		return d.example(d.schemas[ref[strings.LastIndexByte(ref, '/')+1:]])
	}
	for _, name := range []string{"const", "default"} {
		if v, ok := schema[name]; ok {
			return v
		}
	}
	if list, ok := schema["enum"].([]any); ok && len(list) > 0 {
		return list[0]
	}
	if list, ok := schema["examples"].([]any); ok && len(list) > 0 {
		return list[0]
	}
	kind, _ := schema["type"].(string)
	if kinds, ok := schema["type"].([]any); ok {
		kind, _ = kinds[0].(string)
	}
	switch kind {
	case "object":
		return d.exampleObject(schema)
	case "array":
		return []any{}
	case "integer", "number":
		if least, ok := schema["minimum"].(float64); ok {
			return least
		}
		return 1
	case "boolean":
		return false
	}
	return "text"
}

func (d *document) exampleObject(schema map[string]any) map[string]any {
	object := map[string]any{}
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for _, name := range required {
		name, _ := name.(string)
		property, _ := properties[name].(map[string]any)
		object[name] = d.example(property)
	}
	return object
}

// document is what tests read of the OpenAPI document.
type document struct {
	schemas map[string]map[string]any
}

// body returns what an operation takes: its media type, an example and the properties of a JSON body.
func (d *document) body(content map[string]struct {
	Schema map[string]any `json:"schema"`
}) (mediaType, example string, properties map[string]bool) {
	for _, mediaType := range []string{yamlType, wasmType, jsonType} {
		one, ok := content[mediaType]
		if !ok {
			continue
		}
		if mediaType != jsonType {
			return mediaType, "\x00asm", nil
		}
		text, _ := json.Marshal(d.example(one.Schema))
		schema := one.Schema
		if ref, ok := schema["$ref"].(string); ok {
			schema = d.schemas[ref[strings.LastIndexByte(ref, '/')+1:]]
		}
		properties, known := map[string]bool{}, map[string]any{}
		if named, ok := schema["properties"].(map[string]any); ok {
			known = named
		}
		for name := range known {
			properties[name] = true
		}
		return mediaType, string(text), properties
	}
	return "", "", nil
}
