package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"hotdrop/core"
)

func TestACampaignFileIsCreatedChangedAndExported(t *testing.T) {
	s, c := newDrop(t)
	operator := c.withKey(s, "demo-operator")
	put := func(body string, headers ...string) answer {
		return operator.do(http.MethodPut, "/v1/campaigns/phone", body, append([]string{"Content-Type", yamlType}, headers...)...)
	}
	operator.do(http.MethodGet, "/v1/campaigns/phone/file", "").problem(t, core.CodeNotFound)
	put(dropFile, "If-Match", `"1"`).problem(t, core.CodePreconditionFailed)
	put(dropFile, "If-Match", `*`).problem(t, core.CodePreconditionFailed)
	created := put(dropFile, "If-None-Match", "*").wants(t, http.StatusCreated)
	if created.header.Get("ETag") != `"1"` {
		t.Errorf("ETag %q", created.header.Get("ETag"))
	}
	put(dropFile, "If-None-Match", "*").problem(t, core.CodePreconditionFailed)

	file := operator.do(http.MethodGet, "/v1/campaigns/phone/file", "").wants(t, http.StatusOK)
	if file.header.Get("Content-Type") != yamlType || file.header.Get("ETag") != `"1"` {
		t.Errorf("headers %v", file.header)
	}
	same := put(file.body, "If-Match", `"1"`).wants(t, http.StatusOK)
	if changes, _ := same.value(t)["changes"].([]any); len(changes) != 0 || same.header.Get("ETag") != `"1"` {
		t.Errorf("export → apply is no fixed point: %s", same.body)
	}
	more := strings.Replace(dropFile, "stock: 3", "stock: 5", 1)
	changed := put(more, "If-Match", `"1"`, "X-Reason", "more phones").wants(t, http.StatusOK)
	if changed.header.Get("ETag") != `"2"` || !strings.Contains(changed.body, "stock") {
		t.Errorf("changed %s %v", changed.body, changed.header)
	}
	put(dropFile, "If-Match", `"1"`).problem(t, core.CodePreconditionFailed)
	put(dropFile, "If-Match", `W/"2"`).problem(t, core.CodePreconditionFailed)
	put(dropFile, "If-Match", `"2"`, "If-None-Match", "*").problem(t, core.CodeInvalid)
	put(dropFile, "If-None-Match", `"2"`).problem(t, core.CodeInvalid)
	put(dropFile, "If-Match", `*`).wants(t, http.StatusOK)
}

func TestADryRunSaysWhatWouldChangeAndChangesNothing(t *testing.T) {
	s, c := newDrop(t)
	operator := openDrop(t, s, c, core.PhaseSale)
	before := operator.do(http.MethodGet, "/v1/campaigns/phone/file", "").wants(t, http.StatusOK)
	after := strings.Replace(before.body, "199900", "189900", 1)
	dry := operator.do(http.MethodPut, "/v1/campaigns/phone?dry_run=true", after, "Content-Type", yamlType).wants(t, http.StatusOK)
	var applied Applied
	if err := json.Unmarshal([]byte(dry.body), &applied); err != nil {
		t.Fatal(err)
	}
	if !applied.DryRun || len(applied.Changes) != 1 || applied.Changes[0].Path != "items[mi2].price" || dry.header.Get("ETag") != "" {
		t.Errorf("dry run %s %v", dry.body, dry.header)
	}
	now := operator.do(http.MethodGet, "/v1/campaigns/phone/file", "")
	if now.body != before.body || now.header.Get("ETag") != before.header.Get("ETag") {
		t.Error("the dry run changed something")
	}
}

func TestACampaignFileThatWaitsCanBeReadAndAppliedByASecondPerson(t *testing.T) {
	s, c := newDrop(t)
	first, second := c.withKey(s, "demo-operator"), c.withKey(s, "demo-admin")
	const path, pending = "/v1/campaigns/phone", "/v1/campaigns/phone/file?pending=true"
	first.apply("phone", dropFile+"guards: {max_price_change: 100}\n").wants(t, http.StatusCreated)
	first.do(http.MethodGet, pending, "").problem(t, core.CodeNotFound)

	dear := strings.Replace(first.do(http.MethodGet, path+"/file", "").body, "199900", "99900", 1)
	try := func(by *client, file string) Applied {
		var applied Applied
		a := by.do(http.MethodPut, path+"?dry_run=true&reason=cheaper", file, "Content-Type", yamlType).wants(t, http.StatusOK)
		if err := json.Unmarshal([]byte(a.body), &applied); err != nil || len(applied.Changes) != 1 {
			t.Errorf("%v: %s", err, a.body)
		}
		return applied
	}
	if applied := try(first, dear); !strings.Contains(applied.Approval, "moves from") {
		t.Errorf("it would wait because %q", applied.Approval)
	}
	first.do(http.MethodGet, pending, "").problem(t, core.CodeNotFound)
	first.do(http.MethodPut, path+"?reason=cheaper", dear, "Content-Type", yamlType).problem(t, core.CodeApprovalRequired)

	waits := second.do(http.MethodGet, pending, "").wants(t, http.StatusOK).body
	if waits != dear {
		t.Errorf("what waits is\n%s", waits)
	}
	if applied := try(second, waits); applied.Approval != "" {
		t.Errorf("the second person would wait because %q", applied.Approval)
	}
	second.do(http.MethodPut, path+"?reason=agreed", waits, "Content-Type", yamlType).wants(t, http.StatusOK)
	second.do(http.MethodGet, pending, "").problem(t, core.CodeNotFound)
}

func TestEveryProblemOfACampaignFileComesWithItsPlace(t *testing.T) {
	s, c := newDrop(t)
	operator := c.withKey(s, "demo-operator")
	broken := strings.Replace(strings.Replace(dropFile, "price: 199900", "price: -1", 1), "item.sku ==", "item.skuu ==", 1)
	for _, file := range []string{broken, strings.Replace(dropFile, "item.sku ==", "item.skuu ==", 1), "]"} {
		v := operator.apply("phone", file).problem(t, core.CodeInvalid)
		problems, _ := v["problems"].([]any)
		if len(problems) == 0 {
			t.Errorf("no problems for %q", file)
		}
		for _, p := range problems {
			one, _ := p.(map[string]any)
			if one["line"] == nil {
				t.Errorf("no line: %v", one)
			}
		}
	}
	operator.do(http.MethodGet, "/v1/campaigns/phone", "").problem(t, core.CodeNotFound)
}

func TestACampaignFileMayBeJSON(t *testing.T) {
	s, c := newDrop(t)
	operator := c.withKey(s, "demo-operator")
	const file = `{"campaign":"car","brand":"smart","currency":"CNY","title":"Car",
		"phases":{"sale":"2013-01-18T00:00:00+08:00","closed":"2013-01-21T00:00:00+08:00"},
		"items":[{"sku":"car","title":"Car","price":12888800,"stock":666,"hold":"15m"}]}`
	operator.do(http.MethodPut, "/v1/campaigns/car", file).wants(t, http.StatusCreated)
	operator.do(http.MethodPut, "/v1/campaigns/bus", file).problem(t, core.CodeInvalid)
	operator.do(http.MethodPut, "/v1/campaigns/car", file, "Content-Type", "text/csv").problem(t, CodeUnsupportedMedia)
	operator.apply("car", "#"+strings.Repeat(" ", maxCampaignFile)).problem(t, CodeTooLarge)
	operator.do(http.MethodPut, "/v1/campaigns/car?dryrun=true", file).problem(t, core.CodeInvalid)
}

func TestABrandTouchesItsOwnCampaignsOnly(t *testing.T) {
	s, c := newDrop(t)
	owner, other := c.withKey(s, "demo-xiaomi"), c.withKey(s, "demo-meizu")
	atItsLine := func(a answer) {
		t.Helper()
		if a.problem(t, core.CodeInvalid); !strings.Contains(a.body, `"path":"brand"`) || !strings.Contains(a.body, `"line":3`) {
			t.Errorf("the problem is not at the brand's line: %s", a.body)
		}
	}
	atItsLine(other.apply("phone", dropFile))
	owner.apply("phone", dropFile).wants(t, http.StatusCreated)
	stolen := strings.Replace(dropFile, "brand: xiaomi", "brand: meizu", 1)
	for _, file := range []string{dropFile, stolen} {
		other.apply("phone", file).problem(t, core.CodeNotFound)
	}
	for _, who := range []*client{owner, c.withKey(s, "demo-operator"), c.withKey(s, "demo-admin")} {
		atItsLine(who.apply("phone", stolen)) // a campaign keeps its brand, whoever asks
	}
	other.do(http.MethodGet, "/v1/campaigns/phone/file", "").problem(t, core.CodeNotFound)
	other.do(http.MethodGet, "/v1/campaigns/phone/rulesets/1", "").problem(t, core.CodeNotFound)
	owner.do(http.MethodGet, "/v1/campaigns/phone/file", "").wants(t, http.StatusOK)
}

func TestRulesetsStayReadableAfterTheyWereReplaced(t *testing.T) {
	s, c := newDrop(t)
	operator := openDrop(t, s, c, core.PhaseSale)
	file := operator.do(http.MethodGet, "/v1/campaigns/phone/file", "").body
	next := strings.Replace(file, "no_black", "no_black_ones", 1)
	operator.apply("phone", next).problem(t, core.CodeReasonRequired)
	applied := operator.do(http.MethodPut, "/v1/campaigns/phone?reason=renamed", next, "Content-Type", yamlType).wants(t, http.StatusOK)
	if jsonText(t, applied.value(t)["ruleset"]) != "2" {
		t.Fatalf("applied %s", applied.body)
	}
	for number, reason := range map[string]string{"1": `"no_black"`, "2": `"no_black_ones"`} {
		a := operator.do(http.MethodGet, "/v1/campaigns/phone/rulesets/"+number, "").wants(t, http.StatusOK)
		if v := a.value(t); v["id"] != number || v["created_by"] != "demo-operator" || !strings.Contains(a.body, reason) {
			t.Errorf("ruleset %s: %s", number, a.body)
		}
	}
	operator.do(http.MethodGet, "/v1/campaigns/phone/rulesets/3", "").problem(t, core.CodeNotFound)
	operator.do(http.MethodGet, "/v1/campaigns/phone/rulesets/0", "").problem(t, core.CodeInvalid)
	operator.do(http.MethodGet, "/v1/campaigns/phone/rulesets/x", "").problem(t, core.CodeInvalid)
	operator.do(http.MethodGet, "/v1/campaigns/none/rulesets/1", "").problem(t, core.CodeNotFound)
}

func TestWhoAndWhyReachTheEngine(t *testing.T) {
	engine, s, c := newScripted(t, false)
	operator := c.withKey(s, "demo-operator")
	for want, headers := range map[string][]string{"by header": {"X-Reason", "by header"}, "by query": nil} {
		headers = append([]string{"Content-Type", yamlType}, headers...)
		operator.do(http.MethodPut, "/v1/campaigns/phone?reason=by%20query", dropFile, headers...).wants(t, http.StatusOK)
		got := engine.asked.applied
		if got.Reason != want || got.Actor.ID != "demo-operator" || got.Actor.Role != core.RoleOperator {
			t.Errorf("applied %+v", got)
		}
	}
}
