package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/core/storetest"
)

// sharedServers are servers of one deployment: one database, the same keys.
func sharedServers(t *testing.T, folder, database string, n int) []*server {
	t.Helper()
	servers := make([]*server, n)
	for i := range servers {
		servers[i] = serve(t, folder, "--demo", "--database-url", database)
	}
	return servers
}

func TestTwoServersOnOnePostgresShareTheStockExactly(t *testing.T) {
	folder, database := t.TempDir(), storetest.PostgresURL(t)
	servers := sharedServers(t, folder, database, 2)
	keys := demoKeys(t, folder+"/data")
	applyRush(t, folder, servers[0], keys, rushUnits)
	r := &rush{urls: []string{servers[0].url, servers[1].url}, keys: keys, shoppers: rushShoppers, clients: rushClients}
	r.run(t)
	r.requireBalance(t, rushUnits)
	requireCleanAudit(t, folder, rushUnits, "--database-url", database)
}

func TestServersThatStartTogetherOnAnEmptyPostgresAgree(t *testing.T) {
	folder, database := t.TempDir(), storetest.PostgresURL(t)
	requireRun(t, folder, "keys", "new", "keys.json", "--brand", "meizu")
	type started struct {
		server *server
		err    error
	}
	all := make(chan started, 3)
	for range cap(all) {
		go func() {
			s, err := tryServe(t, folder, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--demo",
				"--keys", "keys.json", "--database-url", database)
			all <- started{s, err}
		}()
	}
	for range cap(all) {
		one := <-all
		if one.err != nil {
			t.Errorf("%v\n%s", one.err, one.server.log())
			continue
		}
		view := request(t, http.StatusOK, http.MethodGet, one.server.url+"/v1/campaigns/phone", tokenOf(t, one.server.url, "x"), "", "")
		if view.str("phase") != "sale" {
			t.Errorf("%s", view.text)
		}
	}
}

func TestAPostgresThatDiesAndComesBackLosesNothing(t *testing.T) {
	cluster, folder := storetest.NewCluster(t, ""), t.TempDir()
	database := cluster.URL("postgres")
	s := sharedServers(t, folder, database, 1)[0]
	keys := demoKeys(t, folder+"/data")
	applyRush(t, folder, s, keys, rushUnits)
	late := tokenOf(t, s.url, "late")

	r := &rush{urls: []string{s.url}, keys: keys, shoppers: rushShoppers, clients: rushClients}
	r.disturb = func() {
		if err := cluster.Kill(); err != nil {
			t.Error(err)
		}
		a, err := call(t.Context(), http.MethodPost, s.url+"/v1/campaigns/rush/orders", late, "k", orderBody)
		if err != nil || a.code() != string(core.CodeUnavailable) || !a.tryLater() {
			t.Errorf("without its database the server answered %d %s %v %v", a.status, a.text, a.header, err)
		}
		if a, err = call(t.Context(), http.MethodGet, s.line(t, "admin"), "", "", ""); err != nil || a.status != http.StatusServiceUnavailable {
			t.Errorf("readiness without the database: %d %v", a.status, err)
		}
		if err := cluster.Start(); err != nil {
			t.Error(err)
		}
	}
	r.run(t)

	if r.retries == 0 {
		t.Error("nobody noticed the crash: it came too late to prove anything")
	}
	r.requireBalance(t, rushUnits)
	request(t, http.StatusOK, http.MethodGet, s.line(t, "admin"), "", "", "")
	requireCleanAudit(t, folder, rushUnits, "--database-url", database)
}

// eventResult is what a replay has to get right, of the flat object that it prints.
type eventResult struct {
	Event    string `json:"event"`
	Store    string `json:"store"`
	Sold     int    `json:"sold"`
	Paid     int    `json:"paid"`
	Oversold int    `json:"oversold"`
	Twice    int    `json:"duplicate_orders"`
	Lost     int    `json:"lost"`
}

func TestTheReplayedSaleBalances(t *testing.T) {
	for _, test := range []struct {
		name string
		args func(t *testing.T) []string
		want eventResult
	}{
		{"on SQLite", func(*testing.T) []string { return nil }, eventResult{Event: "phone", Store: "sqlite", Sold: 300, Paid: 300}},
		{"on Postgres, with two servers", func(t *testing.T) []string {
			t.Helper()
			return []string{"--database-url", storetest.PostgresURL(t), "--nodes", "2"}
		}, eventResult{Event: "phone", Store: "postgres", Sold: 300, Paid: 300}},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append([]string{"event", "run", "phone", "-o", "json", "--shoppers", "1440", "--reservations", "3000",
				"--units", "300", "--connections", "32"}, test.args(t)...)
			out := requireRun(t, t.TempDir(), args...)
			var got eventResult
			if err := json.Unmarshal([]byte(out), &got); err != nil || got != test.want {
				t.Errorf("%v: got %+v, want %+v\n%s", err, got, test.want, out)
			}
		})
	}
}

func TestAReplayThatIsAskedForWronglyIsAUsageError(t *testing.T) {
	r := run(t, t.TempDir(), "event", "run", "phone", "--nodes", "2")
	if r.code != exitUsage || !strings.Contains(r.stderr, "--database-url") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}

func TestMigratingAgainChangesNothing(t *testing.T) {
	folder := t.TempDir()
	for _, where := range [][]string{{"--data", folder + "/data"}, {"--database-url", storetest.PostgresURL(t)}} {
		for range 2 {
			if r := run(t, folder, append([]string{"migrate"}, where...)...); r.code != exitOK || !strings.Contains(r.stderr, "up to date") {
				t.Errorf("%v: exit %d: %s", where, r.code, r.stderr)
			}
		}
		requireCleanAudit(t, folder, 0, where...)
	}
}
