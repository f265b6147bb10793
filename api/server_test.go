package api

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

func TestPagesWorkWithoutCredentialsAndWithoutTheRestOfTheWeb(t *testing.T) {
	_, _, c := newScripted(t, false)
	if a := c.do(http.MethodGet, "/", "").wants(t, http.StatusFound); a.header.Get("Location") != "/docs" {
		t.Errorf("/ leads to %q", a.header.Get("Location"))
	}
	for path, mediaType := range map[string]string{
		"/docs": "text/html", "/docs/docs.js": "text/javascript", "/docs/docs.css": "text/css", documentPath: "application/openapi+json",
	} {
		a := c.do(http.MethodGet, path, "").wants(t, http.StatusOK)
		if !strings.HasPrefix(a.header.Get("Content-Type"), mediaType) || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, a.header)
		}
		if path != documentPath && (strings.Contains(a.body, "http://") || strings.Contains(a.body, "https://")) {
			t.Errorf("%s loads from elsewhere", path)
		}
	}
}

func TestPathsAndMethodsThatAreNotThere(t *testing.T) {
	_, s, c := newScripted(t, false)
	shopper := c.as(s, alice)
	shopper.do(http.MethodGet, "/v1/nothing", "").problem(t, core.CodeNotFound)
	shopper.do(http.MethodGet, "/v1/orders/", "").problem(t, core.CodeNotFound)
	c.do(http.MethodGet, "/nothing", "").problem(t, core.CodeNotFound)
	a := shopper.do(http.MethodDelete, "/v1/campaigns/phone", "")
	a.problem(t, CodeMethodNotAllowed)
	if allow := a.header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "PUT") {
		t.Errorf("Allow: %q", allow)
	}
}

func TestTheDemoRoutesExistInDemoModeOnly(t *testing.T) {
	_, s, c := newScripted(t, false)
	c.do(http.MethodPost, tokensPath, `{"role":"shopper","id":"alice"}`).problem(t, core.CodeNotFound)
	c.withKey(s, "demo-operator").do(http.MethodPost, "/v1/demo/campaigns/phone/phase", `{"phase":"sale"}`).problem(t, core.CodeNotFound)
	c.as(s, alice).topUp(`{"currency":"CNY","amount":1}`, "k").problem(t, core.CodeNotFound)
	if a := c.do(http.MethodGet, documentPath, ""); strings.Contains(a.body, "/v1/demo/") {
		t.Error("the document has them")
	}
}

func TestADemoTokenIsWhoOneWantsToBe(t *testing.T) {
	engine, s, c := newScripted(t, true)
	const who = `{"role":"shopper","id":"alice","tier":"gold","tags":["fan","beta"],"region":"CN-GD"}`
	a := c.do(http.MethodPost, tokensPath, who).wants(t, http.StatusOK)
	token, _ := a.value(t)["token"].(string)
	shopper := &client{t: t, url: c.url, token: token}
	shopper.do(http.MethodPost, "/v1/campaigns/phone/quotes", `{"sku":"mi2","quantity":1}`).wants(t, http.StatusOK)
	want := alice
	want.RegisteredAt = 0
	samePrincipal(t, engine.asked.request.Shopper, want)

	a = c.do(http.MethodPost, tokensPath, `{"role":"brand","id":"xiaomi"}`).wants(t, http.StatusOK)
	token, _ = a.value(t)["token"].(string)
	p, err := newVerifier(s.keys.TokenSecret).verify(token, time.Now())
	if err != nil || p.Brand != "xiaomi" || p.Role != core.RoleBrand {
		t.Errorf("brand token: %+v, %v", p, err)
	}
	for _, body := range []string{
		`{"role":"root","id":"a"}`, `{"role":"shopper"}`, `{"role":"shopper","id":"a b"}`,
		`{"role":"shopper","id":"a","admin":true}`, `{"Role":"shopper","id":"a"}`,
	} {
		c.do(http.MethodPost, tokensPath, body).problem(t, core.CodeInvalid)
	}
}

func TestAnswersOfTheAPIAreNobodysToKeep(t *testing.T) {
	_, s, c := newScripted(t, false)
	shopper := c.as(s, alice)
	for _, a := range []answer{
		c.do(http.MethodGet, "/v1/wallet", ""), shopper.do(http.MethodGet, "/v1/wallet", ""),
		shopper.do(http.MethodPost, "/v1/campaigns/phone/reservations", ""),
	} {
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%d: %v", a.status, a.header)
		}
	}
}

func TestHumasOwnErrorsComeInTheFormOfAllOthers(t *testing.T) {
	_, s, c := newScripted(t, true)
	shopper := c.as(s, alice)
	v := shopper.do(http.MethodPost, "/v1/campaigns/phone/quotes", `{"sku":"mi2","quantity":101,"colour":"red"}`).problem(t, core.CodeInvalid)
	places := map[string]bool{}
	list, _ := v["errors"].([]any)
	for _, e := range list {
		one, _ := e.(map[string]any)
		place, _ := one["location"].(string)
		places[place] = true
		if one["message"] == "" || one["value"] != nil {
			t.Errorf("violation %v", one)
		}
	}
	if !places["body.quantity"] || !places["body.colour"] {
		t.Errorf("violations %v", list)
	}
	a := shopper.do(http.MethodPost, "/v1/campaigns/phone/quotes", `{"sku":"mi2","quantity":1.5}`)
	a.problem(t, core.CodeInvalid)
	if strings.Contains(a.body, "QuoteRequest") || strings.Contains(a.body, "Go ") {
		t.Errorf("Go's types leak: %s", a.body)
	}
	shopper.topUp(`{"currency":"cny","amount":1}`, "k").problem(t, core.CodeInvalid)
	shopper.topUp(`{"currency":"CNY","amount":1000000000001}`, "k").problem(t, core.CodeInvalid)
}

func TestAWalletThatHoldsNothingIsAnEmptyObject(t *testing.T) {
	_, s, c := newScripted(t, false)
	if a := c.as(s, alice).do(http.MethodGet, "/v1/wallet", "").wants(t, http.StatusOK); a.body != `{"balances":{}}`+"\n" {
		t.Errorf("wallet %s", a.body)
	}
}

// Every answer of the scripted engine is held to the schema that the document gives for it.
func TestAnswersKeepTheSchemasOfTheDocument(t *testing.T) {
	_, s, c := newScripted(t, true)
	shopper, operator := c.as(s, alice), c.withKey(s, "demo-operator")
	const body = `{"sku":"mi2","quantity":1}`
	answers := map[string]answer{
		"Order":        shopper.order(body, "k"),
		"Quote":        shopper.do(http.MethodPost, "/v1/campaigns/phone/quotes", body),
		"Reservation":  shopper.do(http.MethodPost, "/v1/campaigns/phone/reservations", ""),
		"PageOrder":    shopper.do(http.MethodGet, "/v1/orders", ""),
		"PageCampaign": shopper.do(http.MethodGet, "/v1/campaigns", ""),
		"Campaign":     operator.do(http.MethodGet, "/v1/campaigns/phone", ""),
		"Ruleset":      operator.do(http.MethodGet, "/v1/campaigns/phone/rulesets/2", ""),
		"Applied":      operator.apply("phone", dropFile),
		"Balances":     shopper.do(http.MethodGet, "/v1/wallet", ""),
		"TopUp":        shopper.topUp(`{"currency":"CNY","amount":5}`, "k"),
		"Token":        c.do(http.MethodPost, tokensPath, `{"role":"shopper","id":"a"}`),
		"Problem":      c.do(http.MethodGet, "/v1/wallet", ""),

		"Swapped":      operator.do(http.MethodPost, "/v1/campaigns/phone/undo", `{"reason":"r","wait":1}`),
		"RolloutState": operator.do(http.MethodGet, "/v1/campaigns/phone/rollout", ""),
		"PageRuleset":  operator.do(http.MethodGet, "/v1/campaigns/phone/rulesets", ""),

		"Share":           shopper.do(http.MethodPost, "/v1/campaigns/phone/shares", ""),
		"Visit":           shopper.do(http.MethodPost, "/v1/shares/"+sampleCode+"/visits", ""),
		"SocialResults":   newSigned(t, s.keys, time.Now(), oneEvent).send(t, s),
		"QueuePlace":      shopper.do(http.MethodPost, "/v1/campaigns/phone/queue", ""),
		"ExportedShuffle": shopper.do(http.MethodGet, "/v1/campaigns/phone/queue/shuffle", ""),
		"Draw":            shopper.do(http.MethodGet, "/v1/campaigns/phone/draws/reposters", ""),
		"Entry":           shopper.do(http.MethodGet, "/v1/campaigns/phone/draws/reposters/entry", ""),
		"ExportedRecord":  shopper.do(http.MethodGet, "/v1/campaigns/phone/draws/reposters/export", ""),
		"PageVoucher":     shopper.do(http.MethodGet, "/v1/vouchers", ""),
		"PageMessage":     shopper.do(http.MethodGet, "/v1/inbox", ""),
		"Conversation":    shopper.do(http.MethodPost, "/v1/inbox", `{"campaign":"phone","text":"hello"}`),
		"Group":           shopper.do(http.MethodGet, "/v1/groups/"+sampleOrderID, ""),
		"Explanation":     operator.do(http.MethodGet, "/v1/orders/"+sampleOrderID+"/explain", ""),
		"RuleReport":      operator.do(http.MethodPost, "/v1/rules/check", `{"rule":"rule: x"}`),
	}
	registry := s.api.OpenAPI().Components.Schemas
	for name, a := range answers {
		var v any
		if err := json.Unmarshal([]byte(a.body), &v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if registry.Map()[name] == nil || (a.status >= http.StatusBadRequest) != (name == "Problem") {
			t.Errorf("%s: status %d, schema %v", name, a.status, registry.Map()[name] != nil)
			continue
		}
		result := &huma.ValidateResult{}
		huma.Validate(registry, registry.Map()[name], huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, result)
		if len(result.Errors) > 0 {
			t.Errorf("%s: %v\n%s", name, result.Errors, a.body)
		}
	}
}

func TestTheDocumentIsCompleteInItself(t *testing.T) {
	_, s, c := newScripted(t, true)
	a := c.do(http.MethodGet, documentPath, "").wants(t, http.StatusOK)
	if strings.Contains(a.body, "ErrorModel") {
		t.Error("huma's own error is in the document")
	}
	schemas := s.api.OpenAPI().Components.Schemas.Map()
	for part := range strings.SplitSeq(a.body, `"#/components/schemas/`) {
		name, _, found := strings.Cut(part, `"`)
		if found && !strings.HasPrefix(part, "{") && schemas[name] == nil {
			t.Errorf("%s is referred to and not there", name)
		}
	}
	for _, name := range []string{
		"OrderRequest", "QuoteRequest", "TopUpRequest", "TokenRequest", "PhaseRequest", "ReservationRequest", "SocialEvents",
		"SocialEvent", "MessageRequest", "ConditionMove", "Confirmation", "ShipmentRequest", "RefundRequest",
		"RuleRequest", "ExplanationRequest", "ShopperFacts", "RulesetRequest", "RolloutRequest", "UndoRequest", "StopRequest", "RolloutApproval",
	} {
		for field, schema := range schemas[name].Properties {
			if schema.Description == "" && len(schema.Examples) == 0 {
				t.Errorf("%s.%s is not documented", name, field)
			}
		}
	}
}

func TestTheAdminPortSaysHowItIs(t *testing.T) {
	engine, s, _ := newScripted(t, false)
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w
	}
	for _, path := range []string{"/livez", "/readyz", "/debug/pprof/"} {
		if w := get(path); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	engine.err = errors.New("the store is away")
	if w := get("/livez"); w.Code != http.StatusOK {
		t.Errorf("/livez: %d", w.Code)
	}
	w := get("/readyz")
	answer{w.Code, w.Header(), w.Body.String()}.problem(t, core.CodeUnavailable)
	if w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "away") {
		t.Errorf("/readyz: %v %s", w.Header(), w.Body)
	}
}

func TestTheServerRefusesHeadersThatAreTooLong(t *testing.T) {
	_, s, _ := newScripted(t, false)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := s.HTTPServer()
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	c := &client{t: t, url: "http://" + listener.Addr().String()}
	// net/http reads up to 4 KiB beyond the limit.
	c.do(http.MethodGet, "/docs", "", "X-Long", strings.Repeat("a", maxHeader+4096)).wants(t, http.StatusRequestHeaderFieldsTooLarge)
	c.do(http.MethodGet, "/docs", "", "X-Long", strings.Repeat("a", maxHeader/2)).wants(t, http.StatusOK)
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}
