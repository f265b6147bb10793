package main

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"hotdrop/api"
	"hotdrop/core"
)

func requirePrivate(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %o, want 600", path, info.Mode().Perm())
	}
}

func TestADemoTellsWhereEverythingIsAndEverythingIsThere(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	if parsed, err := url.Parse(s.banner[0]); err != nil || parsed.Scheme != "http" || parsed.Hostname() != "127.0.0.1" {
		t.Fatalf("the first line is %q, not the URL", s.banner[0])
	}
	request(t, http.StatusOK, http.MethodGet, s.line(t, "docs"), "", "", "")
	request(t, http.StatusOK, http.MethodGet, s.line(t, "admin"), "", "", "")
	keysFile := folder + "/" + s.line(t, "keys")
	requirePrivate(t, keysFile)
	keys, err := api.LoadKeys(keysFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, staff := range keys.Staff {
		if got := s.line(t, "  "+staff.ID+" "); got != staff.Key {
			t.Errorf("the banner says %q is the key of %s", got, staff.ID)
		}
	}
	token := tokenOf(t, s.url, "visitor")
	for campaign, phase := range map[string]string{"phone": "sale", "trade-in": "reservation", "car": "teaser", "group": "sale"} {
		view := request(t, http.StatusOK, http.MethodGet, s.url+"/v1/campaigns/"+campaign, token, "", "")
		if got := view.str("phase"); got != phase {
			t.Errorf("%s is in phase %s, want %s", campaign, got, phase)
		}
	}
}

func TestThePrintedCurlBuysSomething(t *testing.T) {
	s := serve(t, t.TempDir(), "--demo")
	curl := s.line(t, "  curl")
	replayed := strings.NewReplacer("'", "", " -H ", "\n-H ", " -d ", "\n-d ").Replace(curl)
	var address, token, key, body string
	for argument := range strings.SplitSeq(replayed, "\n") {
		switch {
		case strings.HasPrefix(argument, "-sS "):
			address = strings.TrimPrefix(argument, "-sS ")
		case strings.HasPrefix(argument, "-H Authorization: Bearer "):
			token = strings.TrimPrefix(argument, "-H Authorization: Bearer ")
		case strings.HasPrefix(argument, "-H Idempotency-Key: "):
			key = strings.TrimPrefix(argument, "-H Idempotency-Key: ")
		case strings.HasPrefix(argument, "-d "):
			body = strings.TrimPrefix(argument, "-d ")
		}
	}
	order := request(t, http.StatusCreated, http.MethodPost, address, token, key, body)
	if order.str("state") != "placed" {
		t.Errorf("the order is %s", order.text)
	}
	if path, err := exec.LookPath("curl"); err == nil { // the same again as it is printed, where there is a shell to paste it into
		out, err := exec.CommandContext(t.Context(), "sh", "-c", path+" "+curl).CombinedOutput()
		if err != nil || !strings.Contains(string(out), order.str("id")) {
			t.Errorf("pasted: %v\n%s", err, out)
		}
	}
}

func TestARestartKeepsOrdersKeysAndCampaigns(t *testing.T) {
	folder := t.TempDir()
	first := serve(t, folder, "--demo")
	token := tokenOf(t, first.url, "shopper")
	order := request(t, http.StatusCreated, http.MethodPost, first.url+"/v1/campaigns/trade-in/orders", token, "k",
		`{"sku":"flyme-code","quantity":1}`)
	before := request(t, http.StatusOK, http.MethodGet, first.url+"/v1/campaigns/trade-in", token, "", "")
	if code := first.signal(t, syscall.SIGINT); code != exitOK {
		t.Fatalf("an interrupted server ended with %d\n%s", code, first.log())
	}

	second := serve(t, folder, "--demo")
	again := request(t, http.StatusOK, http.MethodGet, second.url+"/v1/orders/"+order.str("id"), token, "", "")
	if again.text != order.text {
		t.Errorf("after the restart the order is\n%s\nit was\n%s", again.text, order.text)
	}
	after := request(t, http.StatusOK, http.MethodGet, second.url+"/v1/campaigns/trade-in", token, "", "")
	if b, a := before.body["phases"], after.body["phases"]; !reflect.DeepEqual(b, a) {
		t.Errorf("windows that still fit were shifted: %v, then %v", b, a)
	}
}

func TestADemoCampaignThatLeftItsPhaseIsShiftedAtTheNextStart(t *testing.T) {
	folder := t.TempDir()
	first := serve(t, folder, "--demo")
	token := tokenOf(t, first.url, "shopper")
	keys := demoKeys(t, folder+"/data")
	order := request(t, http.StatusCreated, http.MethodPost, first.url+"/v1/campaigns/trade-in/orders", token, "k",
		`{"sku":"flyme-code","quantity":1}`)
	left := func(s *server) any {
		items, _ := request(t, http.StatusOK, http.MethodGet, s.url+"/v1/campaigns/trade-in", token, "", "").body["items"].([]any)
		item, _ := items[1].(map[string]any)
		return item["left"]
	}
	leftBefore := left(first)
	request(t, http.StatusOK, http.MethodPost, first.url+"/v1/demo/campaigns/trade-in/phase", keyOf(keys, core.RoleOperator), "",
		`{"phase":"closed"}`)
	first.signal(t, syscall.SIGINT)

	second := serve(t, folder, "--demo")
	view := request(t, http.StatusOK, http.MethodGet, second.url+"/v1/campaigns/trade-in", token, "", "")
	if view.str("phase") != "reservation" {
		t.Errorf("after the restart trade-in is in phase %s", view.str("phase"))
	}
	if got := left(second); got != leftBefore {
		t.Errorf("%v left, want %v as before: stock is kept", got, leftBefore)
	}
	request(t, http.StatusOK, http.MethodGet, second.url+"/v1/orders/"+order.str("id"), token, "", "")
	requireCleanAudit(t, folder, 1, "--data", folder+"/data")
}

func TestAChangeThatStaffMadeOutlivesTheShift(t *testing.T) {
	folder := t.TempDir()
	first := serve(t, folder, "--demo")
	exported := requireRun(t, folder, "campaign", "export", "car", "--server", first.url)
	file := writeFile(t, folder, "car.yaml", strings.Replace(exported, "stock: 666", "stock: 700", 1))
	requireRun(t, folder, "campaign", "apply", "--reason", "a test", file, "--server", first.url)
	request(t, http.StatusOK, http.MethodPost, first.url+"/v1/demo/campaigns/car/phase",
		keyOf(demoKeys(t, folder+"/data"), core.RoleOperator), "", `{"phase":"sale"}`)
	first.signal(t, syscall.SIGINT)

	second := serve(t, folder, "--demo")
	view := request(t, http.StatusOK, http.MethodGet, second.url+"/v1/campaigns/car", tokenOf(t, second.url, "x"), "", "")
	if view.str("phase") != "teaser" {
		t.Errorf("after the restart car is in phase %s", view.str("phase"))
	}
	if after := requireRun(t, folder, "campaign", "export", "car", "--server", second.url); !strings.Contains(after, "stock: 700") {
		t.Errorf("the change is gone:\n%s", after)
	}
}

func TestTheFirstOfferIsForEverybodyAndThere(t *testing.T) {
	now := at("2014-03-30T00:00:00+08:00") // the reservation phase of the example
	view := func(left int64, items ...core.Item) *core.CampaignView {
		c := exampleCampaign()
		c.Items = items
		counts := map[string]int64{}
		for _, item := range items {
			counts[item.SKU] = left
		}
		return &core.CampaignView{Record: &core.CampaignRecord{Definition: c}, Now: now, Left: counts}
	}
	onSale := exampleCampaign().Items[0]
	reservers := onSale
	reservers.SKU, reservers.NeedsReservation = "for-reservers", true
	for _, test := range []struct {
		name string
		view *core.CampaignView
		want string
	}{
		{"an item in its own window", view(1, core.Item{SKU: "not-yet"}, reservers, onSale), "with-window"},
		{"nothing on sale yet", view(1, core.Item{SKU: "not-yet"}), ""},
		{"for reservers only", view(1, reservers), ""},
		{"sold out", view(0, onSale), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, item := firstOffer([]*core.CampaignView{test.view})
			if got := skuOf(item); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func skuOf(item *core.Item) string {
	if item == nil {
		return ""
	}
	return item.SKU
}

func TestSettingsReachTheServerFromItsEnvironmentAndFile(t *testing.T) {
	folder := t.TempDir()
	writeFile(t, folder, "hotdrop.yaml", "data: elsewhere\ndemo: false\nlog-level: error\nlisten: 127.0.0.1:0\n")
	t.Setenv(testSettings, "HOTDROP_DEMO=true HOTDROP_CONFIG=hotdrop.yaml")
	s, err := tryServe(t, folder, "--admin-listen", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("%v\n%s", err, s.log())
	}
	if got := s.line(t, "keys"); got != "elsewhere/demo-keys.json" {
		t.Errorf("the keys are in %s", got)
	}
}

func TestATakenDefaultPortGivesWayToAFreeOne(t *testing.T) {
	ctx := t.Context()
	taken, err := address{hostPort: "127.0.0.1:0"}.listen(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	occupied := taken.Addr().String()

	elsewhere, err := address{hostPort: occupied}.listen(ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	host, port, _ := net.SplitHostPort(elsewhere.Addr().String())
	if host != "127.0.0.1" || port == "0" || elsewhere.Addr().String() == occupied {
		t.Errorf("listens on %s", elsewhere.Addr())
	}
	for _, refused := range []struct {
		address   address
		elsewhere bool
	}{{address{occupied, true, "listen"}, true}, {address{occupied, false, "admin-listen"}, false}} {
		other, err := refused.address.listen(ctx, refused.elsewhere)
		if err == nil {
			_ = other.Close()
			t.Errorf("%+v listened on %s, somebody asked for %s", refused, other.Addr(), occupied)
		} else if !strings.Contains(err.Error(), occupied+": choose another address with --"+refused.address.flag+":") {
			t.Error(err)
		}
	}
}

func TestOneProcessAtATimeUsesAFolder(t *testing.T) {
	folder := t.TempDir()
	serve(t, folder, "--demo")
	second, err := tryServe(t, folder, "--demo", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(second.log(), "another hotdrop process") {
		t.Errorf("%v\n%s", err, second.log())
	}
}

func TestWithoutDemoThereAreNoDemoRoutes(t *testing.T) {
	folder := t.TempDir()
	requireRun(t, folder, "keys", "new", "keys.json")
	s := serve(t, folder, "--keys", "keys.json")
	a := request(t, http.StatusNotFound, http.MethodPost, s.url+"/v1/demo/tokens", "", "", `{"role":"shopper","id":"x"}`)
	if a.code() != "not_found" {
		t.Errorf("%s", a.text)
	}
	if strings.Contains(strings.Join(s.banner, "\n"), "hd_") {
		t.Errorf("keys are printed outside demo mode:\n%s", strings.Join(s.banner, "\n"))
	}
}

func TestDrainingAnswersWhatIsUnderWay(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	token := tokenOf(t, s.url, "slow")
	parsed, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", parsed.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := `{"sku":"flyme-code","quantity":1}`
	head := "POST /v1/campaigns/trade-in/orders HTTP/1.1\r\nHost: " + parsed.Host + "\r\nAuthorization: Bearer " + token +
		"\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 33\r\n\r\n"
	if _, err := conn.Write([]byte(head)); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	expect(t, reader, "HTTP/1.1 100") // the handler has begun to read the body: the request is under way
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.waitForLog(t, "draining")
	if _, err := conn.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	expect(t, reader, "HTTP/1.1 201")
	if code := s.end(t); code != exitOK {
		t.Errorf("exit %d\n%s", code, s.log())
	}
}

func TestTheSecondInterruptEndsAtOnce(t *testing.T) {
	s := serve(t, t.TempDir(), "--demo")
	parsed, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", parsed.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// A request that will never be complete keeps the server draining.
	if _, err := conn.Write([]byte("POST /v1/demo/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	expect(t, bufio.NewReader(conn), "HTTP/1.1 100")
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	s.waitForLog(t, "draining")
	if code := s.signal(t, syscall.SIGINT); code != -1 {
		t.Errorf("exit %d after the second interrupt, want an end by the signal", code)
	}
}
