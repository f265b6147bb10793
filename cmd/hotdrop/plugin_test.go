package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/core/storetest"
	"hotdrop/plugins"
	"hotdrop/plugins/library"
)

// packedTradeIn is the shipped plugin in C, as its author would hand it in; a suffix makes other bytes of it.
func packedTradeIn(t *testing.T, suffix string) []byte {
	t.Helper()
	entry, err := library.Open("trade-in")
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join(startFolder, "..", "..", "plugins", "library", "trade-in", "mechanic.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	packed, err := plugins.Pack(entry.Wasm, append(manifest, suffix...), entry.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// brandKey is the demo key of a brand.
func brandKey(t *testing.T, keys *api.Keys, brand string) string {
	t.Helper()
	for _, staff := range keys.Staff {
		if staff.Brand == brand {
			return staff.Key
		}
	}
	t.Fatalf("brand %s has no key", brand)
	return ""
}

// tradeInCampaign is a campaign that binds a plugin.
func tradeInCampaign(id, brand, plugin string) string {
	return fmt.Sprintf(`campaign: %s
brand: %s
currency: CNY
title: Trade in
phases: {sale: 2014-01-01T00:00:00+08:00, closed: 2114-01-01T00:00:00+08:00}
items: [{sku: mx3, title: MX3, price: 179900, stock: 30, hold: 15m}]
inputs: {trade_in: {brand: {type: string, max: 20}, model: {type: string, max: 20}, condition: {type: string, max: 20}}}
quotas: {trade-in: 10}
ruleset:
  - plugin: %s
    config: {sku: mx3}
`, id, brand, plugin)
}

const tradeInOrder = `{"sku":"mx3","quantity":1,"input":{"trade_in":{"brand":"Xiaomi","model":"2S","condition":"good"}}}`

// author is a brand's author, with a server and a folder.
type author struct {
	t              *testing.T
	folder         string
	server         *server
	brand, approve string // keys
	other          string // the key of the platform's second person
}

func newAuthor(t *testing.T, where ...string) *author {
	t.Helper()
	folder := t.TempDir()
	s := serve(t, folder, append(where, "--demo", "--limit-staff", "off")...) // tests ask until something has happened
	keys := demoKeys(t, folder+"/data")
	return &author{t, folder, s, brandKey(t, keys, "meizu"), keyOf(keys, core.RolePlatform), secondKeyOf(t, keys, core.RolePlatform)}
}

func (a *author) submit(module []byte, args ...string) result {
	a.t.Helper()
	file := writeFile(a.t, a.folder, "mine.packed.wasm", string(module))
	return run(a.t, a.folder, append([]string{"mechanic", "submit", file, "--server", a.server.url, "--key", a.brand}, args...)...)
}

// secondKeyOf is the key of another person of that role.
func secondKeyOf(t *testing.T, keys *api.Keys, role core.Role) string {
	t.Helper()
	first := keyOf(keys, role)
	for _, staff := range keys.Staff {
		if staff.Role == role && staff.Key != "" && staff.Key != first {
			return staff.Key
		}
	}
	t.Fatalf("there is one person of the role %s", role)
	return ""
}

// decide has the platform decide: approvals are given by two people.
func (a *author) decide(want int, digest, what string) answer {
	a.t.Helper()
	if what == "approvals" {
		request(a.t, want, http.MethodPost, a.server.url+"/v1/plugins/"+digest+"/"+what, a.other, "", `{"reason":"because"}`)
	}
	return request(a.t, want, http.MethodPost, a.server.url+"/v1/plugins/"+digest+"/"+what, a.approve, "", `{"reason":"because"}`)
}

func (a *author) state(digest string) string {
	a.t.Helper()
	return request(a.t, http.StatusOK, http.MethodGet, a.server.url+"/v1/plugins/"+digest, a.brand, "", "").str("state")
}

func (a *author) apply(id, brand, digest string) result {
	a.t.Helper()
	file := writeFile(a.t, a.folder, id+".yaml", tradeInCampaign(id, brand, digest))
	return run(a.t, a.folder, "campaign", "apply", "--reason", "a test", file, "--server", a.server.url)
}

// refusesToBind checks that applying says why the plugin cannot be bound, at its place in the file.
func (a *author) refusesToBind(id, brand, digest, why string) {
	a.t.Helper()
	r := a.apply(id, brand, digest)
	if r.code != exitFailed || !strings.Contains(r.stderr, ":10:13: ruleset[0].plugin: ") || !strings.Contains(r.stderr, why) {
		a.t.Errorf("exit %d, want %q\n%s", r.code, why, r.stderr)
	}
}

func TestAPluginGoesFromItsAuthorToAnOrder(t *testing.T) {
	t.Run("on SQLite", func(t *testing.T) { submitToOrder(t, newAuthor(t)) })
	t.Run("on Postgres", func(t *testing.T) { submitToOrder(t, newAuthor(t, "--database-url", storetest.PostgresURL(t))) })
}

func submitToOrder(t *testing.T, a *author) {
	t.Helper()
	module := packedTradeIn(t, "")
	digest := plugins.Digest(module)
	a.refusesToBind("mine", "meizu", digest, "the brand meizu has no plugin "+digest)
	submitted := a.submit(module)
	if submitted.code != exitOK || !strings.HasPrefix(submitted.stdout, "vetted  "+digest) {
		t.Fatalf("exit %d\n%s%s", submitted.code, submitted.stdout, submitted.stderr)
	}
	a.refusesToBind("mine", "meizu", digest, "the plugin is vetted, not approved")
	a.decide(http.StatusOK, digest, "approvals")
	a.refusesToBind("theirs", "xiaomi", digest, "the brand xiaomi has no plugin "+digest)
	if r := a.apply("mine", "meizu", digest); r.code != exitOK {
		t.Fatalf("exit %d\n%s", r.code, r.stderr)
	}

	order := func(s *server, key string) answer {
		return request(t, http.StatusCreated, http.MethodPost, s.url+"/v1/campaigns/mine/orders", tokenOf(t, s.url, key), key, tradeInOrder)
	}
	placed := order(a.server, "ann")
	if total := placed.body["total"]; total != float64(179900-50000) {
		t.Errorf("the total is %v: %s", total, placed.text)
	}

	// Another start loads it again, from the store and the disk's cache, before it decides.
	if code := a.server.signal(t, syscall.SIGINT); code != exitOK {
		t.Fatalf("exit %d\n%s", code, a.server.log())
	}
	a.server = serve(t, a.folder, append(whereOf(a.server), "--demo")...)
	if again := order(a.server, "bob"); again.body["total"] != placed.body["total"] {
		t.Errorf("after the restart: %s", again.text)
	}
	if entries, err := filepath.Glob(filepath.Join(a.folder, "data", "compiled", "*", "*")); err != nil || len(entries) == 0 {
		t.Errorf("the cache of compiled plugins has %v, %v", entries, err)
	}

	a.decide(http.StatusOK, digest, "revocations")
	a.refusesToBind("another", "meizu", digest, "the plugin is revoked, not approved")
	if r := a.submit(module); r.code != exitFailed || !strings.HasPrefix(r.stdout, "revoked  ") {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

func TestEveryNodeFetchesThePluginBeforeItDecides(t *testing.T) {
	url := storetest.PostgresURL(t)
	a := newAuthor(t, "--database-url", url)
	other := serve(t, t.TempDir(), "--demo", "--database-url", url, "--keys", a.folder+"/data/demo-keys.json")
	order := func(s *server, shopper string) answer {
		return request(t, http.StatusCreated, http.MethodPost, s.url+"/v1/campaigns/mine/orders", tokenOf(t, s.url, shopper), shopper, tradeInOrder)
	}
	if r := a.apply("mine", "meizu", "trade-in"); r.code != exitOK {
		t.Fatalf("exit %d\n%s", r.code, r.stderr)
	}
	order(other, "ann") // the other node decides by the first ruleset
	module := packedTradeIn(t, "")
	if r := a.submit(module); r.code != exitOK {
		t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	a.decide(http.StatusOK, plugins.Digest(module), "approvals")
	if r := a.apply("mine", "meizu", plugins.Digest(module)); r.code != exitOK {
		t.Fatalf("exit %d\n%s", r.code, r.stderr)
	}
	for i, s := range []*server{other, a.server} {
		if placed := order(s, fmt.Sprintf("shopper-%d", i)); placed.body["total"] != float64(179900-50000) {
			t.Errorf("node %d decided %s", i, placed.text)
		}
	}
}

// whereOf returns the flags that name a server's database.
func whereOf(s *server) []string {
	for i, arg := range s.cmd.Args {
		if arg == "--database-url" {
			return s.cmd.Args[i : i+2]
		}
	}
	return nil
}

func TestARefusedPluginSaysWhyAndFails(t *testing.T) {
	a := newAuthor(t)
	entry, err := library.Open("trade-in")
	if err != nil {
		t.Fatal(err)
	}
	unfit, err := plugins.Pack(entry.Wasm, []byte("name: trade-in\nhooks: [quote]\nfacts: []\neffects: [discount]\n"), entry.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	r := a.submit(unfit)
	if r.code != exitFailed || !strings.HasPrefix(r.stdout, "refused  sha256:") || !strings.Contains(r.stdout, "import_refused: imports.hotdrop.take: ") {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if !strings.Contains(r.stderr, "uploading ") || !strings.HasSuffix(r.stderr, "refused\n") {
		t.Errorf("it told\n%s", r.stderr)
	}
	r = a.submit(unfit, "-o", "json")
	var plugin api.Plugin
	if err := json.Unmarshal([]byte(r.stdout), &plugin); err != nil || plugin.State != core.PluginRefused || r.code != exitFailed {
		t.Errorf("exit %d, %v\n%s", r.code, err, r.stdout)
	}
	a.decide(http.StatusConflict, plugin.Digest, "approvals")
	if r := a.submit(unfit, "--again", "--wait=false"); r.code != exitOK || strings.HasPrefix(r.stdout, "refused") {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

func TestWhatIsNoPackedModuleIsNotSubmitted(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	entry, err := library.Open("trade-in")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ path, content, want string }{
		"a file that is not there": {"none.wasm", "", "no such file"},
		"a text":                   {"text.wasm", "hello", "not a WebAssembly module"},
		"a module without files":   {"bare.wasm", string(entry.Wasm), "hotdrop mechanic pack"},
		"an empty folder":          {"", "", "there is no packed module"},
		"more than a server takes": {"long.wasm", string(entry.Wasm) + strings.Repeat("x", core.MaxPluginBytes), "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"mechanic", "submit", "--server", "http://127.0.0.1:1", "--key", "k"}
			if test.path != "" {
				args = append(args, test.path)
			}
			if test.content != "" {
				writeFile(t, folder, test.path, test.content)
			}
			if r := do(t, args...); r.code != exitFailed || !strings.Contains(r.stderr, test.want) {
				t.Errorf("exit %d\n%s", r.code, r.stderr)
			}
		})
	}
	writeFile(t, folder, "a"+packedSuffix, string(entry.Wasm))
	if path, err := packedFile(""); path != "a"+packedSuffix || err != nil {
		t.Errorf("found %q, %v", path, err)
	}
	writeFile(t, folder, "b"+packedSuffix, string(entry.Wasm))
	if path, err := packedFile("."); err == nil || !strings.Contains(err.Error(), "name one of") {
		t.Errorf("found %q, %v", path, err)
	}
}

func TestVettingGoesOnAfterAServerWasKilledInTheMiddle(t *testing.T) {
	t.Run("on SQLite", func(t *testing.T) {
		t.Parallel() // most of it is waiting for a lease to run out
		killWhileVetting(t, newAuthor(t))
	})
	t.Run("on Postgres", func(t *testing.T) {
		t.Parallel()
		killWhileVetting(t, newAuthor(t, "--database-url", storetest.PostgresURL(t)))
	})
}

func killWhileVetting(t *testing.T, a *author) {
	t.Helper()
	var digests []string
	for i := range 4 {
		module := packedTradeIn(t, fmt.Sprintf("# %d\n", i))
		digests = append(digests, plugins.Digest(module))
		if r := a.submit(module, "--wait=false"); r.code != exitOK {
			t.Fatalf("exit %d\n%s", r.code, r.stderr)
		}
	}
	last := digests[len(digests)-1]
	for a.state(last) != "vetting" {
		if a.state(last) == "vetted" {
			t.Fatal("every plugin was vetted before the server could be killed")
		}
	}
	if code := a.server.signal(t, syscall.SIGKILL); code != -1 {
		t.Fatalf("the server was not killed: exit %d", code)
	}
	a.server = serve(t, a.folder, append(whereOf(a.server), "--demo")...)
	a.server.waitForLog(t, last) // this node has vetted it, once the dead one's lease had run out
	for _, digest := range digests {
		if got := a.state(digest); got != "vetted" {
			t.Errorf("%s is %s", digest, got)
		}
	}
}
