package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"hotdrop/core"
)

func TestEveryCodeIsExplainedInBothLanguages(t *testing.T) {
	for _, e := range explanations {
		for name, text := range map[string]core.Text{"title": e.title, "what happened": e.what, "what to do now": e.next} {
			if strings.TrimSpace(text.EN) == "" || strings.ContainsFunc(text.EN, isHan) {
				t.Errorf("%s: %s in English is %q", e.code, name, text.EN)
			}
			if !strings.ContainsFunc(text.ZH, isHan) {
				t.Errorf("%s: %s in Chinese is %q", e.code, name, text.ZH)
			}
		}
		for _, text := range []core.Text{e.what, e.next} {
			if !strings.HasSuffix(text.EN, ".") || !strings.HasSuffix(text.ZH, "。") {
				t.Errorf("%s: no full sentences: %q %q", e.code, text.EN, text.ZH)
			}
		}
	}
	if len(known) != len(explanations) {
		t.Errorf("%d explanations of %d codes", len(explanations), len(known))
	}
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

func TestTheTypeOfEveryProblemLeadsToItsPage(t *testing.T) {
	_, _, c := newScripted(t, false)
	for _, code := range codes() {
		e := known[code]
		for accept, want := range map[string]string{
			"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8": "text/html; charset=utf-8", "application/json": jsonType,
			"*/*": "text/plain; charset=utf-8", "": "text/plain; charset=utf-8",
		} {
			a := c.do(http.MethodGet, newProblem(code, "").Type, "", "Accept", accept).wants(t, http.StatusOK)
			if got := a.header.Get("Content-Type"); got != want || a.header.Get("Vary") != "Accept" {
				t.Errorf("%s as %q is %s, %v", code, accept, got, a.header)
			}
			for _, sentence := range []string{e.title.ZH, e.what.ZH, e.next.ZH, e.title.EN, string(code)} {
				if !strings.Contains(a.body, sentence) {
					t.Errorf("%s as %q does not say %q:\n%s", code, accept, sentence, a.body)
				}
			}
			if strings.Contains(a.body, "<script") {
				t.Errorf("%s needs a script", code)
			}
		}
	}
	c.do(http.MethodGet, "/problems/none", "").problem(t, core.CodeNotFound)
}

func TestTheDocumentExplainsEveryRefusalThatItLists(t *testing.T) {
	_, _, c := newScripted(t, false)
	var document struct {
		Problems []problemCode `json:"x-problems"`
		Paths    map[string]map[string]struct {
			Responses map[string]struct {
				Description string `json:"description"`
			} `json:"responses"`
		} `json:"paths"`
	}
	a := c.do(http.MethodGet, documentPath, "").wants(t, http.StatusOK)
	if err := json.Unmarshal([]byte(a.body), &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Problems) != len(codes()) || document.Problems[0].Next.ZH == "" {
		t.Errorf("the document has %v", document.Problems)
	}
	conflict := document.Paths["/v1/campaigns/{campaign}/orders"]["post"].Responses["409"].Description
	if !strings.Contains(conflict, "sold_out: "+known[core.CodeSoldOut].what.EN) {
		t.Errorf("409 of an order is %q", conflict)
	}
}

func TestARefusalOfCoreTellsTheShopperWhatToDoInBothLanguages(t *testing.T) {
	for _, code := range []core.Code{
		core.CodeSoldOut, core.CodeLimitReached, core.CodePriceChanged, core.CodeNotInPhase, core.CodeDraining, core.CodeStopped, core.CodeReservationRequired,
		core.CodeQuotaExhausted, core.CodeAlreadyUsed, core.CodeVoucherInvalid, core.CodeVoucherExpired, core.CodeVoucherUsed,
		core.CodeLockedOut, core.CodePoolExhausted, core.CodeGroupClosed, core.CodeGroupFull, core.CodeDrawClosed, core.CodeOwnLink,
		core.CodeInsufficientFunds, core.CodeRefunded, core.CodeWrongState,
	} {
		engine, s, c := newScripted(t, false)
		engine.err = core.Errorf(code, "because")
		v := c.as(s, alice).order(`{"sku":"mi2","quantity":1}`, "k").problem(t, code)
		text, _ := v["text"].(map[string]any)
		e := known[code]
		if text["en"] != e.what.EN+" "+e.next.EN || text["zh"] != e.what.ZH+e.next.ZH {
			t.Errorf("%s says %v", code, v["text"])
		}
		engine.err = &core.Error{Code: code, Message: "because", Text: core.Text{EN: "our own words"}}
		if v = c.as(s, alice).order(`{"sku":"mi2","quantity":1}`, "k").problem(t, code); v["text"] != "our own words" {
			t.Errorf("%s does not leave the mechanic its words: %v", code, v["text"])
		}
	}
	if newProblem(core.CodeInternal, "").Text != nil || newProblem(CodeForbidden, "").Text != nil {
		t.Error("what is no refusal of a shopper has a text")
	}
}

func TestTheTextThatIsReadyIsTheOneThatIsMade(t *testing.T) {
	for _, code := range codes() {
		p := newProblem(code, "d")
		want, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.appendJSON(nil); !bytes.Equal(bytes.TrimSpace(got), want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestContractsAreBrokenInWords(t *testing.T) {
	_, s, c := newScripted(t, false)
	shopper := c.as(s, alice)
	for body, want := range map[string]string{
		`{"sku":"mi 2","quantity":1}`:                "1 to 64 letters, digits, dots, underscores and hyphens",
		`{"sku":"mi2","quantity":1,"voucher":"a b"}`: "1 to 128 visible ASCII characters without spaces",
		`{"sku":"mi2","quantity":1,"group":"a b"}`:   "1 to 128 visible ASCII characters without spaces",
		`{"sku":"mi2","quantity":101}`:               "expected number <= 100",
	} {
		a := shopper.order(body, "k")
		a.problem(t, core.CodeInvalid)
		if !strings.Contains(a.body, want) && !strings.Contains(a.body, strings.ReplaceAll(want, "<", `\u003c`)) {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	a := shopper.order(`{"sku":"mi2","quantity":1}`, "a b")
	if a.problem(t, core.CodeInvalid); !strings.Contains(a.body, "visible ASCII characters") {
		t.Errorf("key: %s", a.body)
	}
}

func TestBoundsAreWrittenPlainly(t *testing.T) {
	for message, want := range map[string]string{
		"expected number <= 1e+12": "expected number <= 1000000000000", "expected number >= 1": "expected number >= 1",
		"expected number <= 0.5": "expected number <= 0.5", "expected number": "expected number",
		"unexpected property": "unexpected property", "expected length <= 1e+12": "expected length <= 1e+12",
	} {
		if got := plainly(message); got != want {
			t.Errorf("%q became %q", message, got)
		}
	}
}

func TestWhatNobodyCanPayAnyMoreIsVoid(t *testing.T) {
	states := map[core.OrderState]string{
		core.OrderPlaced: core.DueOpen, core.OrderPaid: core.DueOpen, core.OrderShipped: core.DueOpen,
		core.OrderDelivered: core.DueOpen, core.OrderExpired: "void", core.OrderCancelled: "void", core.OrderRefunded: "void",
	}
	for state, want := range states {
		o := sampleOrder()
		o.State, o.Dues = state, []core.Due{{Kind: core.DueDeposit, State: core.DueForfeited}, {Kind: core.DueBalance, State: core.DueOpen}}
		view := orderView(o)
		if view.Dues[0].State != core.DueForfeited || view.Dues[1].State != want {
			t.Errorf("the dues of an order that is %s are %v", state, view.Dues)
		}
		whole, err := json.Marshal(view)
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, appendOrder(nil, o), whole)
	}
}

func TestWhatIsWrongWithACredentialIsSaidOfItsKind(t *testing.T) {
	_, _, c := newScripted(t, false)
	for credential, what := range map[string]string{
		"hd_admin_" + strings.Repeat("x", 43): "the token or API key", "hd_admin_short": "the token or API key", "hunter2": "the token or API key", "a.b.c": "the token",
	} {
		a := c.do(http.MethodGet, "/v1/orders/"+sampleOrderID, "", "Authorization", "Bearer "+credential)
		detail, _ := a.problem(t, CodeUnauthorized)["detail"].(string)
		if !strings.HasPrefix(detail, what) {
			t.Errorf("%s: %s", credential, detail)
		}
	}
}
