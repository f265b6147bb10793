package api

import (
	"net/http"
	"strings"
	"testing"

	"hotdrop/core"
)

func TestACursorThatIsNoneIsNamedAsWhatIsWrong(t *testing.T) {
	s, c := newDrop(t)
	shopper := c.as(s, alice)
	for _, list := range []string{"orders", "vouchers", "inbox"} {
		for _, none := range []string{"x", "phone", "gone." + strings.Repeat("0", 26), "%00"} {
			r := shopper.do(http.MethodGet, "/v1/"+list+"?cursor="+none, "")
			r.problem(t, core.CodeInvalid)
			if !strings.Contains(r.body, `"location":"query.cursor"`) {
				t.Errorf("%s behind %q: %s", list, none, r.body)
			}
		}
		shopper.do(http.MethodGet, "/v1/"+list+"?cursor=", "").wants(t, http.StatusOK)
	}
}

func TestAnErrorBehindACursorThatIsOneStaysWhatItIs(t *testing.T) {
	engine, s, c := newScripted(t, false)
	engine.err = core.Errorf(core.CodeUnavailable, "later")
	c.as(s, alice).do(http.MethodGet, "/v1/inbox?cursor=x", "").problem(t, core.CodeUnavailable)
}
