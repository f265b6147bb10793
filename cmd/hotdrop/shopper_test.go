package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotdrop/core"
)

// TestABrandExportsAndErasesOneOfItsShoppers walks the way of a request under a privacy law.
func TestABrandExportsAndErasesOneOfItsShoppers(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	keys := demoKeys(t, folder+"/data")
	brand, other := brandKey(t, keys, "meizu"), brandKey(t, keys, "xiaomi")
	token := tokenOf(t, s.url, "ann-of-the-letter")
	order := request(t, http.StatusCreated, http.MethodPost, s.url+"/v1/campaigns/trade-in/orders", token, "o",
		`{"sku":"flyme-code","quantity":1}`).str("id")
	tool := func(key string, args ...string) result {
		return run(t, folder, append(append([]string{"shopper"}, args...), "--server", s.url, "--key", key)...)
	}
	file := filepath.Join(folder, "ann.json")
	if r := tool(brand, "export", "ann-of-the-letter", "--reason", "letter 6", "--out", file); r.code != exitOK {
		t.Fatalf("export: exit %d\n%s", r.code, r.stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), order) {
		t.Errorf("%v: the export does not have the order %s:\n%.400s", err, order, text)
	}
	if r := tool(brand, "export", "ann-of-the-letter", "--reason", "letter 6", "--out", file); r.code != exitFailed || !strings.Contains(r.stderr, "exists") {
		t.Errorf("a second export to the same file: exit %d\n%s", r.code, r.stderr)
	}
	if r := tool(brand, "export", "ann-of-the-letter"); r.code != exitUsage || !strings.Contains(r.stderr, "reason") {
		t.Errorf("an export without a reason: exit %d\n%s", r.code, r.stderr)
	}
	if r := tool(other, "export", "ann-of-the-letter", "--reason", "letter 6"); strings.Contains(r.stdout, order) {
		t.Errorf("another brand's export has the order: %s", r.stdout)
	}
	if r := tool(brand, "erase", "ann-of-the-letter", "--reason", "letter 7"); r.code != exitFailed || !strings.Contains(r.stderr, order) {
		t.Errorf("with an open order: exit %d\n%s", r.code, r.stderr)
	}
	request(t, http.StatusOK, http.MethodPost, s.url+"/v1/orders/"+order+"/cancel", token, "c", "")
	if r := tool(brand, "erase", "ann-of-the-letter"); r.code != exitUsage {
		t.Errorf("without a reason: exit %d\n%s", r.code, r.stderr)
	}
	if r := tool(brand, "export", "ann-of-the-letter", "--reason", "letter 6"); !strings.Contains(r.stdout, `"state":"void"`) ||
		strings.Contains(r.stdout, `"state":"open"`) || strings.Contains(r.stdout, "budget_left") {
		t.Errorf("of a cancelled order the export says:\n%s", r.stdout)
	}
	request(t, http.StatusCreated, http.MethodPost, s.url+"/v1/wallet/topups", token, "t", `{"currency":"CNY","amount":500}`)
	if r := tool(brand, "erase", "ann-of-the-letter", "--reason", "letter 7"); !strings.Contains(r.stderr, "hotdrop shopper payout") {
		t.Errorf("with money in the wallet: exit %d\n%s", r.code, r.stderr)
	}
	for range 2 { // the second try is the first one's
		r := tool(brand, "payout", "ann-of-the-letter", "--reference", "汇款 8", "--amount", "200", "--reason", "letter 7")
		if r.code != exitOK || !strings.Contains(r.stdout, "paid out 2.00 CNY as payout/") || !strings.Contains(r.stdout, "holds 3.00 CNY") {
			t.Errorf("payout of a part: exit %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	}
	r := tool(brand, "payout", "ann-of-the-letter", "--reference", "汇款 8", "--amount", "100", "--reason", "letter 7")
	if r.code != exitFailed || !strings.Contains(r.stderr, "--reference") || !strings.Contains(r.stderr, "--request") {
		t.Errorf("the same reference with another amount: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r := tool(brand, "export", "ann-of-the-letter", "--reason", "letter 6"); !strings.Contains(r.stdout, `"reference":"汇款 8"`) {
		t.Errorf("the export does not say where the money went:\n%s", r.stdout)
	}
	for range 2 {
		r := tool(brand, "payout", "ann-of-the-letter", "--reference", "bank 9", "--reason", "letter 7", "--request", "letter-7")
		if r.code != exitOK || !strings.Contains(r.stdout, "paid out 3.00 CNY as payout/") || !strings.Contains(r.stdout, "holds 0.00 CNY") {
			t.Errorf("payout: exit %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	}
	if r := tool(brand, "payout", "ann-of-the-letter", "--reference", "bank 10", "--reason", "letter 7"); !strings.Contains(r.stderr, "the wallet holds nothing") {
		t.Errorf("a payout of nothing: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	r = tool(brand, "erase", "ann-of-the-letter", "--reason", "letter 7")
	if r.code != exitOK || !strings.Contains(r.stdout, "erased in the campaigns trade-in") || strings.Contains(r.stdout, "ann-of-the-letter") {
		t.Fatalf("erase: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r := tool(brand, "export", "ann-of-the-letter", "--reason", "letter 6"); r.code != exitFailed || !strings.Contains(r.stderr, "not_found") {
		t.Errorf("after the erasure: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	for _, check := range [][]string{{"audit"}, {"log", "verify"}} {
		requireRun(t, folder, append(check, "--data", filepath.Join(folder, "data"))...)
	}
	said := requireRun(t, folder, "log", "show", "--server", s.url, "--key", keyOf(keys, core.RoleAuditor))
	if !strings.Contains(said, "shopper.erase") || !strings.Contains(said, "shopper.payout") || strings.Contains(said, "ann-of-the-letter") {
		t.Errorf("the staff log says:\n%s", said)
	}
}
