package api

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"hotdrop/core"
	"hotdrop/core/postgres"
	"hotdrop/core/sqlite"
	"hotdrop/core/storetest"
)

// signingKey is a brand's private key; every seed makes another one.
func signingKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func publicOf(private ed25519.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(private[ed25519.SeedSize:])
}

func brandSigns(private ed25519.PrivateKey, brand, digest string) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(private, []byte(core.PluginSignatureText(brand, digest))))
}

// register registers a key and returns its id.
func (s *shelf) register(t *testing.T, private ed25519.PrivateKey) string {
	t.Helper()
	body := fmt.Sprintf(`{"name":"build server","public_key":%q}`, publicOf(private))
	created := s.do(http.MethodPost, "/v1/signing-keys", body).wants(t, http.StatusCreated)
	if again := s.do(http.MethodPost, "/v1/signing-keys", body).wants(t, http.StatusOK); again.body != created.body {
		t.Errorf("again %s, first %s", again.body, created.body)
	}
	id, _ := created.value(t)["id"].(string)
	return id
}

func TestABrandSignsWhatItUploads(t *testing.T) {
	s := newShelf(t)
	brand, other, platform, digest := s.as("demo-xiaomi"), s.as("demo-meizu"), s.as("demo-platform"), digestOf(goodModule)
	id, private := brand.register(t, signingKey(1)), signingKey(1)
	good := brandSigns(private, "xiaomi", digest)
	for _, header := range []string{id, ":" + good, id + ":", id + ":" + good[:80], "sk_0000000000000000:" + good, id + ":" + brandSigns(private, "meizu", digest)} {
		answer := brand.do(http.MethodPost, "/v1/plugins", goodModule, "Content-Type", wasmType, "Hotdrop-Signature", header)
		answer.problem(t, core.CodeSignatureInvalid)
	}
	brand.get(digest).problem(t, core.CodeNotFound)
	uploaded := brand.do(http.MethodPost, "/v1/plugins", goodModule, "Content-Type", wasmType, "Hotdrop-Signature", id+":"+good).wants(t, http.StatusAccepted)
	if !strings.Contains(uploaded.body, `"signature":{"key":"`+id+`","brand":"xiaomi","state":"valid"`) {
		t.Errorf("uploaded %s", uploaded.body)
	}
	for what, list := range map[string]answer{
		"its brand": brand.do(http.MethodGet, "/v1/signing-keys", ""), "the platform": platform.do(http.MethodGet, "/v1/signing-keys?brand=xiaomi", ""),
	} {
		if !strings.Contains(list.wants(t, http.StatusOK).body, publicOf(private)) {
			t.Errorf("%s sees %s", what, list.body)
		}
	}
	for _, path := range []string{"/v1/signing-keys", "/v1/signing-keys?brand=xiaomi"} {
		if list := other.do(http.MethodGet, path, "").wants(t, http.StatusOK); !strings.Contains(list.body, `"data":[]`) {
			t.Errorf("another brand sees %s", list.body)
		}
	}
	revocation := "/v1/signing-keys/" + id + "/revocations"
	other.do(http.MethodPost, revocation, `{"reason":"mine"}`).problem(t, core.CodeNotFound)
	platform.do(http.MethodPost, revocation, `{"reason":"mine"}`).problem(t, CodeForbidden)
	if v := brand.do(http.MethodPost, revocation, `{"reason":"lost"}`).wants(t, http.StatusOK).value(t); v["revoked_at"] == nil || v["revoked_by"] != "demo-xiaomi" {
		t.Errorf("revoked as %v", v)
	}
	brand.do(http.MethodPost, "/v1/plugins/"+digest+"/signatures", fmt.Sprintf(`{"key":%q,"signature":%q}`, id, good)).problem(t, core.CodeSignatureInvalid)
	next := brand.register(t, signingKey(2))
	resigned := brand.do(http.MethodPost, "/v1/plugins/"+digest+"/signatures", fmt.Sprintf(`{"key":%q,"signature":%q}`, next, brandSigns(signingKey(2), "xiaomi", digest)))
	if !strings.Contains(resigned.wants(t, http.StatusOK).body, `"key":"`+next+`"`) {
		t.Errorf("signed anew: %s", resigned.body)
	}
	for _, body := range []string{`{"name":"x","public_key":"AAAA"}`, `{"name":"x"}`, `{"name":"","public_key":"` + publicOf(private) + `"}`, `{"name":"x","public_key":"!"}`} {
		brand.do(http.MethodPost, "/v1/signing-keys", body).problem(t, core.CodeInvalid)
	}
}

func TestTheBytesOfAPluginAreForItsStaff(t *testing.T) {
	s := newShelf(t)
	brand, digest := s.as("demo-xiaomi"), digestOf(goodModule+"more")
	path := "/v1/plugins/" + digest + "/wasm"
	brand.upload(goodModule+"more").wants(t, http.StatusAccepted)
	s.vet(t)
	for _, who := range []string{"demo-xiaomi", "demo-platform", "demo-operator", "demo-auditor", "demo-admin"} {
		got := s.as(who).do(http.MethodGet, path, "").wants(t, http.StatusOK)
		if got.body != goodModule+"more" || got.header.Get("ETag") != `"`+digest+`"` || got.header.Get("Content-Type") != wasmType ||
			got.header.Get("Content-Disposition") != `attachment; filename="trade-in-`+digest[7:19]+`.wasm"` || got.header.Get("Content-Length") != "12" {
			t.Errorf("%s gets %q, %v", who, got.body, got.header)
		}
	}
	s.as("demo-meizu").do(http.MethodGet, path, "").problem(t, core.CodeNotFound)
	brand.do(http.MethodGet, "/v1/plugins/"+sampleDigest+"/wasm", "").problem(t, core.CodeNotFound)
	brand.upload(badModule).wants(t, http.StatusAccepted)
	s.vet(t)
	brand.do(http.MethodGet, "/v1/plugins/"+digestOf(badModule)+"/wasm", "").problem(t, core.CodeWrongState) // its bytes are not kept
}

func TestPluginsAreListedByState(t *testing.T) {
	s := newShelf(t)
	brand := s.as("demo-xiaomi")
	brand.upload(goodModule).wants(t, http.StatusAccepted)
	brand.upload(badModule).wants(t, http.StatusAccepted)
	s.vet(t)
	for state, digest := range map[string]string{"vetted": digestOf(goodModule), "refused": digestOf(badModule), "approved": ""} {
		v := brand.do(http.MethodGet, "/v1/plugins?state="+state, "").wants(t, http.StatusOK)
		if rows := list(v.value(t)["data"]); (len(rows) == 1) != (digest != "") || !strings.Contains(v.body, digest) {
			t.Errorf("%s: %s", state, v.body)
		}
	}
	brand.do(http.MethodGet, "/v1/plugins?state=good", "").problem(t, core.CodeInvalid)
}

func TestWhatIsApprovedIsSaid(t *testing.T) {
	s := newShelf(t)
	digest := digestOf(goodModule)
	s.as("demo-xiaomi").upload(goodModule).wants(t, http.StatusAccepted)
	s.vet(t)
	approve := func(who, body string) answer {
		return s.as(who).do(http.MethodPost, "/v1/plugins/"+digest+"/approvals", body)
	}
	for _, body := range []string{
		`{"reason":"x","campaigns":["No Campaign"]}`, `{"reason":"x","expires_at":"2020-01-01T00:00:00Z"}`, `{"reason":"x","expires_at":"soon"}`,
		`{"reason":"x","approver":"demo-admin"}`, `{"reason":"x","limits":{}}`,
	} {
		approve("demo-platform", body).problem(t, core.CodeInvalid)
	}
	approve("demo-platform", `{"reason":"read","campaigns":["phone"]}`).wants(t, http.StatusOK)
	again := approve("demo-platform", `{"reason":"read","campaigns":["phone"]}`).wants(t, http.StatusOK).value(t)
	if again["notice"] == nil || len(list(again["approvals"])) != 1 {
		t.Errorf("again: %v", again)
	}
	done := approve("demo-platform-2", `{"reason":"measured"}`).wants(t, http.StatusOK)
	for _, part := range []string{`"state":"approved"`, `"campaigns":["phone"]`, `"limits":{"pages":16}`, `"by":"demo-platform-2"`, `"reason":"measured"`} {
		if !strings.Contains(done.body, part) {
			t.Errorf("%s lacks %s", done.body, part)
		}
	}
}

// racingStores opens two handles of one store of each kind, as two nodes have them; SQLite has one process, which shares it.
func racingStores(t *testing.T) map[string][2]core.PluginStore {
	t.Helper()
	lite, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	url := storetest.PostgresURL(t)
	var nodes [2]core.PluginStore
	for i := range nodes {
		node, err := postgres.Open(t.Context(), url)
		if err == nil && i == 0 {
			err = node.Migrate(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = node.Close() })
		nodes[i] = node
	}
	t.Cleanup(func() { _ = lite.Close() })
	if err := lite.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return map[string][2]core.PluginStore{"sqlite": {lite, lite}, "postgres": nodes}
}

func TestTheSameBytesFromTwoPeopleOnTwoNodesAreOnePlugin(t *testing.T) {
	module := goodModule + strings.Repeat("x", 2*core.PluginPartBytes)
	for name, stores := range racingStores(t) {
		t.Run(name, func(t *testing.T) {
			var nodes [2]*core.PluginRegistry
			for i, store := range stores {
				nodes[i] = core.NewPluginRegistry(core.PluginOptions{Store: store, Vetter: prefixVetter{}, Log: slog.New(slog.DiscardHandler)})
			}
			people := []core.Principal{{ID: "ann", Role: core.RoleBrand, Brand: "meizu"}, {ID: "bob", Role: core.RoleBrand, Brand: "meizu"}}
			answers, made := race(t, nodes, people, module)
			p, err := nodes[1].Plugin(t.Context(), people[0], "", digestOf(module))
			if err != nil || len(made) != 1 || made[0] != p.UploadedBy {
				t.Fatalf("%v uploaded it first, %+v, %v", made, p, err)
			}
			for _, answer := range answers {
				if answer.Digest != p.Digest || answer.UploadedBy != p.UploadedBy {
					t.Errorf("somebody was told %+v", answer)
				}
			}
			usage, err := stores[0].PluginUsage(t.Context(), "meizu")
			if err != nil || usage.Modules != int64(len(module)) {
				t.Errorf("%d bytes are kept of %d, %v", usage.Modules, len(module), err)
			}
			if swept, err := stores[0].SweepUploads(t.Context(), 1<<60); err != nil || swept != 0 {
				t.Errorf("%d uploads were left, %v", swept, err)
			}
			var wasm bytes.Buffer
			if err := nodes[0].WriteWasm(t.Context(), p, &wasm); err != nil || wasm.String() != module {
				t.Errorf("%d bytes came back, %v", wasm.Len(), err)
			}
		})
	}
}

// race uploads the module sixteen times at once. It returns what every upload was told, and who was told to have made it.
func race(t *testing.T, nodes [2]*core.PluginRegistry, people []core.Principal, module string) (answers []*core.Plugin, made []string) {
	t.Helper()
	var mu sync.Mutex
	var uploading sync.WaitGroup
	start := make(chan struct{})
	for i := range 16 {
		uploading.Go(func() {
			<-start
			p, created, err := nodes[i%2].Upload(t.Context(), core.PluginUpload{Actor: people[i/2%2], Body: inPieces(module)})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				answers = append(answers, p)
			case core.CodeOf(err) != core.CodeOverloaded: // a brand has four uploads a node at a time
				t.Errorf("upload: %v", err)
			}
			if created {
				made = append(made, people[i/2%2].ID)
			}
		})
	}
	close(start)
	uploading.Wait()
	if len(answers) < 4 {
		t.Errorf("%d uploads were taken", len(answers))
	}
	return slices.Clip(answers), made
}

// inPieces gives the module in pieces, so that uploads interleave.
func inPieces(module string) io.Reader {
	half := len(module) / 2
	return io.MultiReader(strings.NewReader(module[:half]), strings.NewReader(module[half:]))
}
