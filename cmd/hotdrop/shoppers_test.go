package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// shopperServer answers with those pages, one after the other by cursor, and keeps what it was asked.
func shopperServer(t *testing.T, pages ...string) (url string, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.String())
		page := 0
		_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &page)
		if page == len(pages) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"code":"not_found","title":"Not found","detail":"there is no campaign"}`))
			return
		}
		_, _ = w.Write([]byte(pages[page]))
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

const (
	firstShoppers = `{"data":[{"id":"ann","tags":{"city":"Wu,han","gift":""},"reserved_at":"2012-12-21T12:00:00+08:00","orders":2}],"next":"1"}`
	noShoppers    = `{"data":[],"next":"2"}`
	lastShoppers  = `{"data":[{"id":"-1","tags":{"=key":"=HYPERLINK(\"x\")"},"orders":0}],"next":null}`
)

func TestShoppersArePrintedToTheLastPage(t *testing.T) {
	url, asked := shopperServer(t, firstShoppers, noShoppers, lastShoppers)
	list := []string{"campaign", "shoppers", "a/b", "--server", url, "--key", "k"}
	out := requireRun(t, t.TempDir(), append(list, "--tag", "city=Wu han")...)
	want := `{"data": [
  {"id":"ann","tags":{"city":"Wu,han","gift":""},"reserved_at":"2012-12-21T12:00:00+08:00","orders":2},
  {"id":"-1","tags":{"=key":"=HYPERLINK(\"x\")"},"orders":0}
]}
`
	if out != want || !json.Valid([]byte(out)) {
		t.Errorf("%s", out)
	}
	if len(*asked) != 3 || (*asked)[0] != "/v1/campaigns/a%2Fb/shoppers?limit=100&tag=city%3DWu+han" || !strings.Contains((*asked)[2], "cursor=2") {
		t.Errorf("asked %q", *asked)
	}
	table := requireRun(t, t.TempDir(), append(list, "-o", "csv")...)
	want = `shopper,tag,value,reserved_at,orders
ann,city,"Wu,han",2012-12-21T04:00:00Z,2
ann,gift,,2012-12-21T04:00:00Z,2
'-1,'=key,"'=HYPERLINK(""x"")",,0
`
	if table != want {
		t.Errorf("%s", table)
	}
}

func TestNoShoppersAreAWholeDocumentToo(t *testing.T) {
	for format, want := range map[string]string{"json": "{\"data\": []}\n", "csv": "shopper,tag,value,reserved_at,orders\n"} {
		url, _ := shopperServer(t, `{"data":[],"next":null}`)
		if out := requireRun(t, t.TempDir(), "campaign", "shoppers", "c", "--server", url, "--key", "k", "-o", format); out != want {
			t.Errorf("%s: %q", format, out)
		}
	}
}

func TestAListThatBreaksOffIsNotTakenForTheWhole(t *testing.T) {
	url, _ := shopperServer(t, firstShoppers)
	r := run(t, t.TempDir(), "campaign", "shoppers", "c", "--server", url, "--key", "k")
	if r.code != exitFailed || json.Valid([]byte(r.stdout)) || !strings.Contains(r.stderr, "not_found") {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	url, _ = shopperServer(t, `nonsense`)
	if r := run(t, t.TempDir(), "campaign", "shoppers", "c", "--server", url, "--key", "k", "-o", "csv"); r.code != exitFailed || r.stdout != "" {
		t.Errorf("exit %d\n%s", r.code, r.stdout)
	}
}

func TestNoCellIsAFormula(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "Wuhan": "Wuhan", "a=b": "a=b", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1",
		"\r\n=1": "'\r\n=1", "\u00a0=1": "'\u00a0=1", "\ufeff=1": "'\ufeff=1", "＝1": "'＝1", "'=1": "''=1", "'tis": "''tis", "折抵": "折抵",
	} {
		if got := harmless(cell); got != want {
			t.Errorf("%q became %q, want %q", cell, got, want)
		}
	}
}

func TestACellIsReadBackAsItWas(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		cell := rapid.OneOf(rapid.String(), rapid.StringMatching(`['=+@" ,;-]{0,4}[a-z]*`)).Draw(r, "cell")
		cell = strings.ReplaceAll(cell, "\r", "") // which no tag has, and which readers of CSV drop before a line feed
		var out strings.Builder
		w := csv.NewWriter(&out)
		if err := w.Write([]string{harmless(cell), "end"}); err != nil {
			r.Fatal(err)
		}
		w.Flush()
		row, err := csv.NewReader(strings.NewReader(out.String())).Read()
		if err != nil {
			r.Fatal(err)
		}
		if got := strings.TrimPrefix(row[0], "'"); got != cell {
			r.Fatalf("%q was read back as %q", cell, got)
		}
		if strings.HasPrefix(strings.TrimLeft(row[0], " \t\n"), "=") {
			r.Fatalf("%q is a formula", row[0])
		}
	})
}
