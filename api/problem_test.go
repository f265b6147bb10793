package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// declaredCodes reads the constants of type Code out of a package's source.
func declaredCodes(t *testing.T, file, typeName string) []core.Code {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []core.Code
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || typeOf(spec) != typeName {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if ok {
			code, _ := strconv.Unquote(literal.Value)
			declared = append(declared, core.Code(code))
		}
		return true
	})
	return declared
}

func typeOf(spec *ast.ValueSpec) string {
	switch t := spec.Type.(type) {
	case *ast.Ident:
		return t.Name
	case *ast.SelectorExpr:
		return t.Sel.Name
	default:
		return ""
	}
}

func TestEveryCodeThatIsDeclaredIsMappedAndDocumented(t *testing.T) {
	declared := append(declaredCodes(t, "../core/errors.go", "Code"), declaredCodes(t, "problem.go", "Code")...)
	if len(declared) < 30 {
		t.Fatalf("found only %d declarations", len(declared))
	}
	slices.Sort(declared)
	known := codes()
	slices.Sort(known)
	if !slices.Equal(declared, known) {
		t.Errorf("declared %v\n   known %v", declared, known)
	}
}

func TestEveryCodeHasItsStatus(t *testing.T) {
	want := map[core.Code]int{
		core.CodeInvalid: 422, core.CodeNotFound: 404, core.CodeDenied: 403, core.CodeSoldOut: 409, core.CodeLimitReached: 409,
		core.CodePriceChanged: 409, core.CodeNotInPhase: 409, core.CodeReservationRequired: 403, core.CodeQueueTokenRequired: 403, core.CodeQueueTokenInvalid: 403,
		core.CodeQuotaExhausted: 409,
		core.CodeAlreadyUsed:    409, core.CodeIdempotencyMissing: 400, core.CodeIdempotencyMismatch: 422, core.CodeInFlight: 409,
		core.CodeInsufficientFunds: 402, core.CodeWrongState: 409, core.CodeRefunded: 409, core.CodePreconditionFailed: 412,
		core.CodeBelowTaken: 409, core.CodeNotReady: 409, core.CodeDraining: 409, core.CodeStopped: 409, core.CodeApprovalRequired: 409, core.CodeSignatureInvalid: 422, core.CodeMechanicFailed: 503, core.CodeUnavailable: 503, core.CodeOverloaded: 503,
		core.CodeStorageFull: 503, core.CodeTooManyKeys: 409, core.CodeNameTaken: 409, core.CodeReasonRequired: 422, core.CodeInternal: 500, CodeUnauthorized: 401, CodeForbidden: 403, CodeMalformed: 400,
		CodeTooLarge: 413, CodeUnsupportedMedia: 415, CodeMethodNotAllowed: 405, CodeTimeout: 408,
		core.CodeVoucherInvalid: 422, core.CodeVoucherExpired: 409, core.CodeVoucherUsed: 409, core.CodeLockedOut: 429,
		core.CodePoolExhausted: 409, core.CodeGroupClosed: 409, core.CodeGroupFull: 409, core.CodeDrawClosed: 409,
		core.CodeOwnLink: 409, CodeRateLimited: 429,
	}
	for _, code := range codes() {
		if got := statusOf(code); got != want[code] {
			t.Errorf("%s has status %d, want %d", code, got, want[code])
		}
	}
	if len(want) != len(codes()) {
		t.Errorf("%d codes in the table, %d in the set", len(want), len(codes()))
	}
}

func TestCodesOfStatusesLeadBackToTheStatus(t *testing.T) {
	for _, status := range []int{400, 404, 405, 408, 413, 415, 422, 500} {
		if got := statusOf(codeOfStatus(status)); got != status {
			t.Errorf("status %d became %d", status, got)
		}
	}
}

func TestAnErrorOfCoreReachesTheClientWhole(t *testing.T) {
	engine, s, c := newScripted(t, false)
	shopper := c.as(s, alice)
	for _, code := range declaredCodes(t, "../core/errors.go", "Code") {
		engine.err = core.Errorf(code, "because of %s", code)
		v := shopper.do(http.MethodGet, "/v1/orders/"+sampleOrderID, "").problem(t, code)
		if code != core.CodeInternal && v["detail"] != "because of "+string(code) {
			t.Errorf("detail of %s is %v", code, v["detail"])
		}
	}
}

func TestADenialCarriesTheMechanicsReasonAndText(t *testing.T) {
	engine, s, c := newScripted(t, false)
	text := core.Text{EN: "Members only", ZH: "会员专享"}
	engine.err = &core.Error{Code: core.CodeDenied, Message: "refused", Reason: "members_only", Text: text}
	v := c.as(s, alice).order(`{"sku":"mi2","quantity":1}`, "k").problem(t, core.CodeDenied)
	got, _ := v["text"].(map[string]any)
	if v["reason"] != "members_only" || got["en"] != text.EN || got["zh"] != text.ZH {
		t.Errorf("got %v", v)
	}
}

func TestAChangedPriceCarriesTheNewTotalEvenWhenItIsZero(t *testing.T) {
	engine, s, c := newScripted(t, false)
	for _, total := range []int64{0, 199900} {
		engine.err = &core.Error{Code: core.CodePriceChanged, Message: "another price", Total: total}
		v := c.as(s, alice).do(http.MethodPost, "/v1/campaigns/phone/quotes", `{"sku":"mi2","quantity":1}`).problem(t, core.CodePriceChanged)
		if v["total"] != json.Number(strconv.FormatInt(total, 10)) {
			t.Errorf("total %d came as %v", total, v["total"])
		}
	}
}

func TestRetryAfterIsThereForEvery503AndRoundsUp(t *testing.T) {
	engine, s, c := newScripted(t, false)
	cases := map[time.Duration]string{0: "1", time.Millisecond: "1", 1500 * time.Millisecond: "2", 5 * time.Second: "5"}
	for after, want := range cases {
		engine.err = &core.Error{Code: core.CodeUnavailable, Message: "the store does not answer", RetryAfter: after}
		for _, path := range []string{"/v1/orders/" + sampleOrderID + "/pay", "/v1/orders/" + sampleOrderID + "/cancel"} {
			a := c.as(s, alice).do(http.MethodPost, path, "", "Idempotency-Key", "k")
			a.problem(t, core.CodeUnavailable)
			if got := a.header.Get("Retry-After"); got != want {
				t.Errorf("%s after %v: Retry-After %q, want %q", path, after, got, want)
			}
		}
	}
}

func TestInternalErrorsAreLoggedAndNeverLeak(t *testing.T) {
	var log bytes.Buffer
	cases := map[string]*scripted{
		"a defect of the engine":    {err: errors.New("secret detail")},
		"an internal error of core": {err: &core.Error{Code: core.CodeInternal, Message: "secret detail"}},
		"a panic":                   {panics: true},
	}
	for name, engine := range cases {
		s, c := newServer(t, Options{Engine: engine, Rulesets: engine, Readiness: engine, Log: slog.New(slog.NewTextHandler(&log, nil))})
		for _, path := range []string{"/reservations", "/orders", "/quotes"} {
			log.Reset()
			a := c.as(s, alice).do(http.MethodPost, "/v1/campaigns/phone"+path, bodyFor(path), "Idempotency-Key", "k")
			v := a.problem(t, core.CodeInternal)
			instance, _ := v["instance"].(string)
			if strings.Contains(a.body, "secret") || strings.Contains(a.body, "broke") {
				t.Errorf("%s leaks at %s: %s", name, path, a.body)
			}
			if instance == "" || !strings.Contains(log.String(), instance) {
				t.Errorf("%s at %s: the log does not name %q:\n%s", name, path, instance, log.String())
			}
		}
	}
}

func bodyFor(path string) string {
	if path == "/reservations" {
		return ""
	}
	return `{"sku":"mi2","quantity":1}`
}

func TestProblemsAreRenderedAsEncodingJSONWould(t *testing.T) {
	total := int64(-3)
	problems := []*Problem{
		newProblem(core.CodeSoldOut, `a "quoted" <tag> 折抵`), newProblem(core.CodeDenied, ""),
		{Type: "t", Title: "t", Status: 1, Code: "c", Reason: "r", Text: &Text{core.Text{ZH: "文"}}, Total: &total, Instance: "i"},
		{Type: "t", Errors: []Violation{{Location: "body", Message: "m"}}},
		{Type: "t", Problems: []core.Problem{{Path: "items[0]", Message: "m", Line: 3, Column: 4}}},
	}
	for _, p := range problems {
		want, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, p.appendJSON(nil), want)
	}
}

func sameJSON(t *testing.T, got, want []byte) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if err := json.Unmarshal(want, &b); err != nil {
		t.Fatalf("%v in %s", err, want)
	}
	left, _ := json.Marshal(a)
	right, _ := json.Marshal(b)
	if !bytes.Equal(left, right) {
		t.Errorf("got  %s\nwant %s", left, right)
	}
}

func TestShoppersReadWhyARequestThatAnyoneCanSendIsRefused(t *testing.T) {
	s, c := newDrop(t)
	openDrop(t, s, c, core.PhaseSale)
	garbage := &client{t: t, url: c.url, token: "garbage"}
	c = c.as(s, alice)
	for _, tc := range []struct {
		code core.Code
		a    answer
		says string
	}{
		{core.CodeNotFound, c.do(http.MethodGet, "/v1/orders/phone.nothing", ""), "or it is not yours"},
		{core.CodeInvalid, c.do(http.MethodGet, "/v1/campaigns?limit=0", ""), "correct it"},
		{core.CodeIdempotencyMissing, c.do(http.MethodPost, "/v1/campaigns/phone/orders", `{"sku":"mi2","quantity":1}`), "done twice"},
		{CodeUnauthorized, garbage.do(http.MethodGet, "/v1/wallet", ""), "Sign in"},
	} {
		text, _ := tc.a.problem(t, tc.code)["text"].(map[string]any)
		if en, _ := text["en"].(string); !strings.Contains(en, tc.says) || text["zh"] == "" {
			t.Errorf("%s says %v", tc.code, text)
		}
	}
}
