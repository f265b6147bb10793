package main

import (
	"net/url"
	"syscall"
	"testing"

	"hotdrop/core/storetest"
)

// The sizes of the rushes here: small enough for a laptop, large enough that a kill meets many batches.
const (
	rushShoppers = 4000
	rushUnits    = 2500
	rushClients  = 32
)

func TestAKilledServerLosesNothingItAcknowledged(t *testing.T) {
	t.Run("on SQLite", func(t *testing.T) { killServer(t, "--data", "data") })
	t.Run("on Postgres", func(t *testing.T) { killServer(t, "--database-url", storetest.PostgresURL(t)) })
}

// killServer kills the only server in the middle of a rush and starts another one in its place.
func killServer(t *testing.T, where ...string) {
	t.Helper()
	folder := t.TempDir()
	first := serve(t, folder, append(where, "--demo")...)
	keys := demoKeys(t, folder+"/data")
	applyRush(t, folder, first, keys, rushUnits)
	address, err := url.Parse(first.url)
	if err != nil {
		t.Fatal(err)
	}

	r := &rush{urls: []string{first.url}, keys: keys, shoppers: rushShoppers, clients: rushClients}
	r.disturb = func() {
		if code := first.signal(t, syscall.SIGKILL); code != -1 {
			t.Errorf("the server was not killed: exit %d", code)
		}
		again := append([]string{"--demo", "--listen", address.Host, "--admin-listen", "127.0.0.1:0"}, where...)
		if second, err := tryServe(t, folder, again...); err != nil {
			t.Errorf("restart: %v\n%s", err, second.log())
		}
	}
	r.run(t)

	if r.retries == 0 {
		t.Error("nobody noticed the crash: it came too late to prove anything")
	}
	r.requireBalance(t, rushUnits)
	requireCleanAudit(t, folder, rushUnits, where...)
}
