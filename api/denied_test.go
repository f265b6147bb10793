package api

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// newDenying is a server whose log the test reads, with a clock for what it logs of refusals.
func newDenying(t *testing.T) (engine *scripted, s *Server, c *client, log *bytes.Buffer, now *time.Time) {
	t.Helper()
	engine, log, now = &scripted{}, &bytes.Buffer{}, new(time.Time)
	*now = time.UnixMilli(1356062400000)
	s, c = newServer(t, Options{
		Engine: engine, Rulesets: engine, Readiness: engine, Plugins: engine, Rules: inlineRules{}, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	s.denied.now = func() time.Time { return *now }
	return engine, s, c, log, now
}

func TestWhatStaffMayNotDoIsLoggedWithWhoAndFromWhere(t *testing.T) {
	engine, s, c, log, _ := newDenying(t)
	auditor := c.withKey(s, "demo-auditor")
	auditor.do(http.MethodPost, "/v1/keys", `{"person":"eve","role":"admin","reason":"a secret plan"}`).problem(t, CodeForbidden)
	const line = `level=WARN msg="staff was refused" person=demo-auditor role=auditor brand="" credential=demo-auditor operation=create-key code=forbidden address=127.0.0.1`
	if !strings.Contains(log.String(), line) || strings.Contains(log.String(), "secret plan") || strings.Contains(log.String(), auditor.token) {
		t.Errorf("by the table: %s", log)
	}
	log.Reset()
	engine.err = core.Errorf(core.CodeApprovalRequired, "somebody else")
	c.withKey(s, "demo-operator").do(http.MethodGet, "/v1/orders/"+sampleOrderID, "")
	c.withKey(s, "demo-operator").do(http.MethodGet, "/v1/orders/"+sampleOrderID+"/explain", "").problem(t, core.CodeApprovalRequired)
	if !strings.Contains(log.String(), "person=demo-operator") || !strings.Contains(log.String(), "operation=explain-order code=approval_required") {
		t.Errorf("by the rule that several agree: %s", log)
	}
	log.Reset()
	engine.err = core.Errorf(core.CodeNotFound, "none")
	c.withKey(s, "demo-operator").do(http.MethodGet, "/v1/orders/"+sampleOrderID+"/explain", "").problem(t, core.CodeNotFound)
	c.as(s, alice).do(http.MethodGet, "/v1/keys", "").problem(t, CodeForbidden)
	c.do(http.MethodGet, "/v1/keys", "").problem(t, CodeUnauthorized)
	if log.Len() != 0 {
		t.Errorf("what is missing, what shoppers try, and who is nobody: %s", log)
	}
}

func TestRefusalsOfStaffDoNotFillTheLog(t *testing.T) {
	_, s, c, log, now := newDenying(t)
	try := func(who string, times int) {
		for range times {
			c.withKey(s, who).do(http.MethodPost, "/v1/keys", `{}`).problem(t, CodeForbidden)
		}
	}
	try("demo-auditor", deniedLines+5)
	try("demo-operator", 1)
	count := func(text string) int { return strings.Count(log.String(), text) }
	if count("person=demo-auditor") != deniedLines || count("person=demo-operator") != 1 {
		t.Errorf("the log has\n%s", log)
	}
	log.Reset()
	*now = now.Add(deniedWindow)
	try("demo-auditor", 1)
	if count("refused more often than is logged") != 1 || count("refusals=5") != 1 || count("person=demo-auditor") != 1 {
		t.Errorf("after a minute the log has\n%s", log)
	}
	for i := range deniedPeople + 50 {
		s.denied.count(fmt.Sprint("somebody", i))
	}
	if len(s.denied.lines) != deniedPeople {
		t.Errorf("%d people are remembered", len(s.denied.lines))
	}
}
