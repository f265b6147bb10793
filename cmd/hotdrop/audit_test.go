package main

import (
	"database/sql"
	"net/http"
	"strings"
	"syscall"
	"testing"

	_ "modernc.org/sqlite" // the driver that plants what the audit must find

	"hotdrop/core"
)

func TestTheAuditFindsWhatDoesNotAddUpWhileTheServerRuns(t *testing.T) {
	for _, test := range []struct {
		name, plant string
		want        []string // of the findings, in any row
	}{
		{"a unit that went missing", `UPDATE counters SET remaining = remaining - 1 WHERE campaign = 'trade-in' AND key = 'stock/flyme-code'`,
			[]string{"trade-in\tcounter\tstock/flyme-code\t"}},
		{"an order whose total is not its lines", `UPDATE orders SET total = total + 1`, []string{"trade-in\torder\ttrade-in."}},
		{"a claim without its order", `DELETE FROM orders`, []string{"trade-in\tclaim\t", "trade-in\tcounter\tstock/flyme-code\t"}},
		{"an order without its claim", `DELETE FROM claims WHERE kind = 'limit'`, []string{"trade-in\t"}},
		{"money from nowhere", `UPDATE accounts SET balance = balance + 5 WHERE name LIKE 'shopper/%'`, []string{"\taccount\tshopper/"}},
		{"a transfer that was forgotten", `DELETE FROM transfers WHERE kind = 'payment'`, []string{"\taccount\t"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			s := serve(t, folder, "--demo")
			buyAndPay(t, s)
			requireCleanAudit(t, folder, 1)
			plant(t, folder+"/data/hotdrop.db", test.plant)

			r := run(t, folder, "audit")
			if r.code != exitFailed || r.stderr != "" {
				t.Errorf("exit %d, stderr %q", r.code, r.stderr)
			}
			for _, want := range test.want {
				if !strings.Contains(r.stdout, want) {
					t.Errorf("no finding %q in\n%s", want, r.stdout)
				}
			}
			asObject := run(t, folder, "audit", "-o", "json")
			if asObject.code != exitFailed || !strings.HasPrefix(asObject.stdout, "{\n") || !strings.Contains(asObject.stderr, test.want[0]) {
				t.Errorf("as JSON: exit %d\n%s%s", asObject.code, asObject.stdout, asObject.stderr)
			}
		})
	}
}

// buyAndPay makes one paid order, so that every book has rows.
func buyAndPay(t *testing.T, s *server) {
	t.Helper()
	token := tokenOf(t, s.url, "buyer")
	request(t, http.StatusCreated, http.MethodPost, s.url+"/v1/wallet/topups", token, "t", `{"currency":"CNY","amount":100}`)
	order := request(t, http.StatusCreated, http.MethodPost, s.url+"/v1/campaigns/trade-in/orders", token, "o",
		`{"sku":"flyme-code","quantity":1}`)
	paid := request(t, http.StatusOK, http.MethodPost, s.url+"/v1/orders/"+order.str("id")+"/pay", token, "p", "")
	if paid.str("state") != "paid" {
		t.Fatalf("%s", paid.text)
	}
}

// plant changes the books behind the server's back.
func plant(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	result, err := db.ExecContext(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("nothing was planted: %v", err)
	}
}

func TestACampaignThatThereIsNotIsNotAuditedAsSound(t *testing.T) {
	folder := t.TempDir()
	serve(t, folder, "--demo").signal(t, syscall.SIGINT)
	for asked, says := range map[string]string{
		"trade-im": `there is no campaign "trade-im": did you mean trade-in?`, "xxxxxxxx": "there is no campaign \"xxxxxxxx\"\n",
	} {
		r := run(t, folder, "audit", "trade-in", asked)
		if r.code != exitFailed || !strings.Contains(r.stderr, says) || r.stdout != "" {
			t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
		}
	}
	if r := run(t, folder, "audit", "trade-in"); r.code != exitOK || !strings.HasPrefix(r.stdout, "1 campaigns") {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

func TestTheAuditSaysWhatItLookedAt(t *testing.T) {
	var out strings.Builder
	cmd := auditCommand()
	cmd.SetOut(&out)
	err := printAudit(cmd, "sqlite", outputText, core.AuditSummary{
		Campaigns: 1, Counters: 2, Orders: 3, Claims: 4, Reservations: 5, Documents: 6, Transfers: 7, Findings: 8,
		StaleOrders: 9,
	})
	const want = "1 campaigns, 3 orders, 4 claims, 2 counters, 5 reservations, 6 documents, 7 transfers checked: 8 findings, 9 stale orders\n"
	if err != nil || out.String() != want {
		t.Errorf("%v: %s", err, out.String())
	}
}

func TestASchemaThatIsNotThisOneIsNotRead(t *testing.T) {
	folder := t.TempDir()
	serve(t, folder, "--demo").signal(t, syscall.SIGINT)
	plant(t, folder+"/data/hotdrop.db", "UPDATE goose_db_version SET version_id = 999 WHERE version_id = 1")
	r := run(t, folder, "audit")
	if r.code != exitFailed || !strings.Contains(r.stderr, "schema 999") || r.stdout != "" {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

func TestAnAuditOfNothingSaysSo(t *testing.T) {
	r := run(t, t.TempDir(), "audit", "--data", "nowhere")
	if r.code != exitFailed || !strings.Contains(r.stderr, "nowhere") {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
}
