package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/core/storetest"
	"hotdrop/plugins"
)

// authored is the trade-in plugin as made by somebody, packed.
func authored(t *testing.T, who string) []byte {
	t.Helper()
	packed := packedTradeIn(t, "")
	manifest, vectors, err := plugins.Unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	again, err := plugins.Pack(packed, bytes.Replace(manifest, []byte("author: hotdrop"), []byte("author: "+who), 1), vectors)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// person is somebody with an API key, who works with the command line.
type person struct {
	t      *testing.T
	folder string
	server string
	key    string
}

// does runs a command that has to end with the exit code.
func (p *person) does(want int, args ...string) result {
	p.t.Helper()
	r := run(p.t, p.folder, append(args, "--server", p.server, "--key", p.key)...)
	if r.code != want {
		p.t.Fatalf("hotdrop %s: exit %d, want %d\n%s%s", strings.Join(args, " "), r.code, want, r.stdout, r.stderr)
	}
	return r
}

// isRefused runs a command that has to fail for a reason.
func (p *person) isRefused(why string, args ...string) {
	p.t.Helper()
	if r := p.does(exitFailed, args...); !strings.Contains(r.stderr, why) {
		p.t.Errorf("hotdrop %s: want %q\n%s", strings.Join(args, " "), why, r.stderr)
	}
}

// deployment is one or several servers on one database, and the people who work with them.
type deployment struct {
	t      *testing.T
	folder string
	nodes  []*server
	keys   *api.Keys
}

func deploy(t *testing.T, nodes int, where ...string) *deployment {
	t.Helper()
	d := &deployment{t: t, folder: t.TempDir()}
	for range nodes {
		d.nodes = append(d.nodes, serve(t, d.folder, append(where, "--demo", "--require-signatures")...))
	}
	d.keys = demoKeys(t, d.folder+"/data")
	return d
}

// named is who has the demo key of that id.
func (d *deployment) named(id string) *person {
	d.t.Helper()
	for _, key := range d.keys.Staff {
		if key.ID == id {
			return &person{d.t, d.folder, d.nodes[0].url, key.Key}
		}
	}
	d.t.Fatalf("there is no demo key %s", id)
	return nil
}

// another gives somebody another key, of the platform.
func (d *deployment) another(id string) *person {
	d.t.Helper()
	return d.given(fmt.Sprintf(`{"person":%q,"role":"platform","reason":"the whole way"}`, id))
}

// given gives somebody a key as the body of the request says.
func (d *deployment) given(body string) *person {
	d.t.Helper()
	made := request(d.t, http.StatusCreated, http.MethodPost, d.nodes[0].url+"/v1/keys", d.named("demo-admin").key, "", body)
	return &person{d.t, d.folder, d.nodes[0].url, made.str("secret")}
}

// order places an order of a new shopper on a node.
func (d *deployment) order(node int, shopper, campaign string) answer {
	d.t.Helper()
	url := d.nodes[node].url
	a, err := call(d.t.Context(), http.MethodPost, url+"/v1/campaigns/"+campaign+"/orders", tokenOf(d.t, url, shopper), shopper, tradeInOrder)
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

// TestTheWholeWayOfAPlugin walks from an author's file to orders that it prices, and to its end, over the real API and
// commands.
func TestTheWholeWayOfAPlugin(t *testing.T) {
	t.Run("on SQLite", func(t *testing.T) { wholeWay(t, deploy(t, 1)) })
	t.Run("on Postgres, with two nodes", func(t *testing.T) {
		wholeWay(t, deploy(t, 2, "--database-url", storetest.PostgresURL(t)))
	})
}

const listPrice, tradeInPrice = float64(179900), float64(179900 - 50000)

func wholeWay(t *testing.T, d *deployment) {
	t.Helper()
	module := authored(t, "paula")
	digest := plugins.Digest(module)
	file := writeFile(t, d.folder, "mine.packed.wasm", string(module))
	brand := d.named("demo-meizu")

	// The author signs and submits. Without a signature that counts the server takes nothing.
	requireRun(t, d.folder, "keys", "signing", "new", "meizu.key")
	requireRun(t, d.folder, "mechanic", "sign", file, "--key", "meizu.key", "--brand", "meizu")
	brand.isRefused("signature_invalid", "mechanic", "submit", file)
	brand.does(exitOK, "keys", "signing", "add", "meizu.key", "--name", "build server")
	if err := os.Rename(file+".sig", file+".away"); err != nil {
		t.Fatal(err)
	}
	brand.isRefused("signature_invalid", "mechanic", "submit", file)
	if err := os.Rename(file+".away", file+".sig"); err != nil {
		t.Fatal(err)
	}
	submitted := brand.does(exitOK, "mechanic", "submit", file)
	if !strings.HasPrefix(submitted.stdout, "vetted  "+digest) || !strings.Contains(submitted.stderr, "2 more people of the platform") {
		t.Errorf("submitting said\n%s%s", submitted.stdout, submitted.stderr)
	}

	// Somebody else of the brand sends the same bytes, which changes nothing but who may approve them.
	quinn := d.given(`{"person":"quinn","role":"brand","brand":"meizu","reason":"the whole way"}`)
	if again := quinn.does(exitOK, "mechanic", "submit", file); !strings.Contains(again.stderr, "nor quinn, who uploaded it too, nor paula, its author\nnext: hotdrop review approve ") {
		t.Errorf("submitting it again said\n%s%s", again.stdout, again.stderr)
	}

	// The report is there for everybody who approves; two of them do, and neither of them counts twice.
	first, second := d.named("demo-platform"), d.named("demo-platform-2")
	for _, word := range []string{"take", "fuel", "valid, by sk_", "0 of 2", "2 more people", "paula"} {
		if shown := first.does(exitOK, "review", "show", digest[:7+8]); !strings.Contains(shown.stdout, word) {
			t.Errorf("%q is not in what approvers see\n%s", word, shown.stdout)
		}
	}
	approve := []string{"review", "approve", digest[:7+12], "--reason", "vectors read"}
	first.does(exitOK, append(approve, "--campaign", "denies,skips,moves", "--expires", "30d")...)
	d.bindsNot("denies", digest, "is vetted")
	d.another("demo-platform").isRefused("by another key", approve...)
	d.another("demo-meizu").isRefused("approval_required", approve...)
	d.another("paula").isRefused("approval_required", approve...)
	d.another("quinn").isRefused("approval_required: you have uploaded it", approve...)
	d.bindsNot("denies", digest, "is vetted")
	if approved := second.does(exitOK, approve...); !strings.HasPrefix(approved.stdout, "approved  "+digest) || !strings.Contains(approved.stdout, "2 of 2") {
		t.Errorf("approving said\n%s", approved.stdout)
	}

	// Campaigns of the approval's scope bind it, and it prices their orders on every node.
	d.bindsNot("elsewhere", digest, "elsewhere")
	for _, policy := range []string{"deny", "skip"} {
		d.bind(map[string]string{"deny": "denies", "skip": "skips"}[policy], digest, policy)
	}
	for i := range d.nodes {
		if a := d.order(i, fmt.Sprintf("before-%d", i), "denies"); a.body["total"] != tradeInPrice {
			t.Errorf("node %d: %d %s", i, a.status, a.text)
		}
	}
	shown := first.does(exitOK, "review", "show", digest, "-o", "json")
	var plugin shownPlugin
	if err := json.Unmarshal([]byte(shown.stdout), &plugin); err != nil || len(plugin.BoundBy) != 2 || plugin.BoundBy[0].Campaign != "denies" {
		t.Errorf("%v: it is bound by %+v", err, plugin.BoundBy)
	}

	otherDeployment(t, d, file)

	// One person revokes it. From the moment the command has returned no node prices anything by it.
	second.does(exitOK, "review", "revoke", digest, "--reason", "it gives too much")
	for i := range d.nodes {
		if a := d.order(i, fmt.Sprintf("after-%d", i), "denies"); a.code() != string(core.CodeMechanicFailed) {
			t.Errorf("node %d: %d %s", i, a.status, a.text)
		}
		if a := d.order(i, fmt.Sprintf("after-%d", i), "skips"); a.body["total"] != listPrice {
			t.Errorf("node %d: %d %s", i, a.status, a.text)
		}
	}
	d.bindsNot("moves", digest, "is revoked")
	first.isRefused("wrong_state", approve...)
}

// file writes a campaign that binds the plugin.
func (d *deployment) file(campaign, digest, policy string) string {
	d.t.Helper()
	return writeFile(d.t, d.folder, campaign+".yaml", tradeInCampaign(campaign, "meizu", digest)+"    on_failure: "+policy+"\n")
}

func (d *deployment) bind(campaign, digest, policy string) {
	d.t.Helper()
	d.named("demo-operator").does(exitOK, "campaign", "apply", "--reason", "a test", d.file(campaign, digest, policy))
}

func (d *deployment) bindsNot(campaign, digest, why string) {
	d.t.Helper()
	d.named("demo-operator").isRefused(why, "campaign", "apply", "--reason", "a test", d.file(campaign, digest, "deny"))
}

// otherDeployment carries the plugin through a registry, once from the author's file and once from the server, into a
// deployment of its own, where the same brand and another one submit it.
func otherDeployment(t *testing.T, d *deployment, file string) {
	t.Helper()
	module, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	digest := plugins.Digest(module)
	place := memoryRegistry(t) + "/meizu/trade-in:1.0"
	d.named("demo-platform").does(exitOK, "mechanic", "export", digest[:7+8], place, "--plain-http")
	requireRun(t, d.folder, "mechanic", "export", file, "oci:layout:1.0")

	other := deploy(t, 1)
	imported := requireRun(t, other.folder, "mechanic", "import", place, "--plain-http", "--out", "theirs.wasm")
	requireRun(t, other.folder, "mechanic", "import", "oci:"+filepath.Join(d.folder, "layout")+":1.0", "--out", "again.wasm")
	for _, name := range []string{"theirs.wasm", "again.wasm"} {
		got, err := os.ReadFile(filepath.Join(other.folder, name))
		if err != nil || plugins.Digest(got) != digest || !strings.Contains(imported, digest) {
			t.Errorf("%s is %s, not %s: %v\n%s", name, plugins.Digest(got), digest, err, imported)
		}
	}
	key := filepath.Join(d.folder, "meizu.key")
	meizu := other.named("demo-meizu")
	meizu.does(exitOK, "keys", "signing", "add", key)
	if r := meizu.does(exitOK, "mechanic", "submit", "theirs.wasm"); !strings.HasPrefix(r.stdout, "vetted  "+digest) {
		t.Errorf("submitted there it is\n%s", r.stdout)
	}
	xiaomi := other.named("demo-xiaomi") // whom meizu's signature says nothing about
	xiaomi.isRefused("signed for the brand meizu", "mechanic", "submit", "theirs.wasm", "--brand", "xiaomi")
	requireRun(t, other.folder, "keys", "signing", "new", "xiaomi.key")
	xiaomi.does(exitOK, "keys", "signing", "add", "xiaomi.key")
	requireRun(t, other.folder, "mechanic", "sign", "theirs.wasm", "--key", "xiaomi.key", "--brand", "xiaomi", "--out", "xiaomi.sig")
	xiaomi.does(exitOK, "mechanic", "submit", "theirs.wasm", "--signature", "xiaomi.sig")
	platform := other.named("demo-platform")
	platform.isRefused("several brands", "review", "show", digest)
	for _, brand := range []string{"meizu", "xiaomi"} {
		if r := platform.does(exitOK, "review", "show", digest, "--brand", brand); !strings.Contains(r.stdout, "valid, by sk_") {
			t.Errorf("%s's is\n%s", brand, r.stdout)
		}
	}
}
