package event

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSales replays small sales against the real binary, which is built once.
func TestSales(t *testing.T) {
	t.Setenv(asFloor, "1") // for the command's own floor: there the binary is this test's
	binary := filepath.Join(t.TempDir(), "hotdrop")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "hotdrop/cmd/hotdrop")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, test := range map[string]func(*testing.T, string){
		"more shoppers than units sell every unit once":                moreShoppersThanUnits,
		"those who did not reserve are refused and the rest is served": notEverybodyReserved,
		"plugins are uploaded during the rush":                         uploadsDuringTheRush,
		"a server that runs already sells one sale after the other":    aServerThatRuns,
		"more orders come than there can be":                           moreOrdersThanThereCanBe,
		"a run that is stopped leaves nothing behind":                  aRunThatIsStopped,
		"a server that dies ends the run":                              aServerThatDies,
		"every sale balances on SQLite":                                everySaleOnSQLite,
		"every sale balances on two nodes of a Postgres":               everySaleOnTwoNodes,
	} {
		t.Run(name, func(t *testing.T) { test(t, binary) })
	}
}

// requireBalanced runs the sale and requires that its books balance without an error.
func requireBalanced(t *testing.T, config Config) *Result {
	t.Helper()
	config.Patience = time.Minute
	result, err := Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Err(); err != nil || result.Errors != 0 {
		t.Errorf("%v, %d errors, refused %v", err, result.Errors, result.Refused)
	}
	return result
}

func moreShoppersThanUnits(t *testing.T, binary string) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "kept")
	r := requireBalanced(t, Config{
		Binary: binary, Shoppers: 400, Reservations: 900, Units: 60, Connections: 8, Keep: folder, Seed: 3,
	})
	if r.Sold != 60 || r.Paid != 60 || r.Reservations != 900 || r.Eligible != 400 {
		t.Errorf("the result is %+v", r)
	}
	// Everybody once, 20 retries and 2 second attempts; in_flight is asked again.
	if r.Requests-r.Refused[codeInFlight] != 422 || r.Refused["sold_out"] < 300 {
		t.Errorf("%d requests, refused %v", r.Requests, r.Refused)
	}
	requireMeasured(t, r)
	audit := exec.CommandContext(t.Context(), binary, "audit", "--data", filepath.Join(folder, "1"))
	if out, err := audit.CombinedOutput(); err != nil {
		t.Errorf("audit: %v\n%s", err, out)
	}
}

// requireMeasured requires that nothing which is measured was left out.
func requireMeasured(t *testing.T, r *Result) {
	t.Helper()
	for _, speed := range []Speed{r.Rush, r.Reserving, r.Paying} {
		if speed.Seconds <= 0 || speed.PerSecond <= 0 || speed.Floor <= 0 {
			t.Errorf("a phase has the speed %+v", speed)
		}
	}
	if r.PeakMemory < 1<<20 || r.P50 <= 0 || r.P99 < r.P50 || r.OrderP99 <= 0 {
		t.Errorf("%d bytes, p50 %s, p99 %s, orders' %s", r.PeakMemory, r.P50, r.P99, r.OrderP99)
	}
	if r.Store != "sqlite" || r.Nodes != 1 {
		t.Errorf("%d nodes on %s", r.Nodes, r.Store)
	}
}

func notEverybodyReserved(t *testing.T, binary string) {
	t.Helper()
	r := requireBalanced(t, Config{Binary: binary, Shoppers: 200, Reservations: 120, Units: 150, Connections: 8})
	if r.Sold != 120 || r.Eligible != 120 || r.Refused["reservation_required"] < 80 {
		t.Errorf("sold %d of %d to %d, refused %v", r.Sold, r.Units, r.Eligible, r.Refused)
	}
}

// junk is modules that nobody accepts: no module at all, one that ends early, an empty one, and long ones.
func junk(n int) [][]byte {
	modules := make([][]byte, n)
	for i := range modules {
		kinds := []string{"no module", "\x00asm\x01\x00\x00\x00\x01\x7f", "\x00asm\x01\x00\x00\x00", strings.Repeat("\x00asm", 100_000)}
		modules[i] = fmt.Appendf([]byte(kinds[i%len(kinds)]), "%d", i)
	}
	return modules
}

func uploadsDuringTheRush(t *testing.T, binary string) {
	t.Helper()
	r := requireBalanced(t, Config{
		Binary: binary, Shoppers: 400, Reservations: 400, Units: 60, Connections: 8, Uploads: 9, Tools: Tools{Modules: junk},
	})
	if r.Uploads.Stored != 9 || r.Uploads.Refused != 9 || r.Uploads.Seconds <= 0 || r.Sold != 60 {
		t.Errorf("the result is %+v", r)
	}
}

func aServerThatRuns(t *testing.T, binary string) {
	t.Helper()
	data := t.TempDir()
	server, err := startChild(t.Context(), binary, "", "serve", "--demo", "--data", data,
		"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(data, demoKeys)
	r := requireBalanced(t, Config{
		Binary: binary, URL: server.url, KeysFile: keys, Shoppers: 50, Reservations: 50, Units: 20, Connections: 4,
	})
	if r.Store != "remote" || r.PeakMemory != 0 {
		t.Errorf("store %s, %d bytes", r.Store, r.PeakMemory)
	}
	var out, talk bytes.Buffer
	cmd := Command(Tools{Modules: junk})
	cmd.SetOut(&out)
	cmd.SetErr(&talk)
	cmd.SetArgs([]string{
		"run", "phone", "--url", server.url, "--keys", keys,
		"--shoppers", "50", "--reservations", "50", "--units", "20", "--connections", "4", "-o", "json",
	})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Errorf("%v\n%s", err, talk.String())
	}
	var object map[string]any
	if err := json.Unmarshal(out.Bytes(), &object); err != nil || object["sold"] != 20.0 || object["campaign"] == r.Campaign {
		t.Errorf("%v: %s", err, out.String())
	}
	if err := server.stop(); err != nil {
		t.Error(err)
	}
}

// trigger is a writer for progress bars that does something when the rush is first drawn.
type trigger struct {
	once sync.Once
	do   func()
}

func (w *trigger) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("rush")) {
		w.once.Do(w.do)
	}
	return len(p), nil
}

func aRunThatIsStopped(t *testing.T, binary string) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the operator went home")
	_, err := Run(ctx, Config{
		Binary: binary, Shoppers: 2000, Reservations: 100, Units: 20, Connections: 4,
		Progress: true, Err: &trigger{do: func() { cancel(why) }},
	})
	if !errors.Is(err, why) {
		t.Errorf("%v, want %v", err, why)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func aServerThatDies(t *testing.T, binary string) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	killing := &trigger{}
	config, err := Config{
		Binary: binary, Shoppers: 2000, Reservations: 100, Units: 20, Connections: 4, Progress: true, Err: killing,
	}.filled()
	if err != nil {
		t.Fatal(err)
	}
	servers, err := startFleet(ctx, cancel, config)
	if err != nil {
		t.Fatal(err)
	}
	killing.do = func() {
		if err := servers.children[0].cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
	}
	if _, err := replaySale(ctx, config, servers); err == nil || !strings.Contains(err.Error(), "ended in the middle") {
		t.Errorf("%v does not say that a server ended", err)
	}
	if err := servers.stop(); err == nil {
		t.Error("a server that was killed ended cleanly")
	}
}
