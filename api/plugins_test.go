package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	driver "modernc.org/sqlite"

	"hotdrop/core"
	"hotdrop/core/sqlite"
)

const sampleDigest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

func samplePlugin() *core.Plugin {
	return &core.Plugin{Brand: "meizu", Digest: sampleDigest, State: core.PluginVetted, UploadedAt: 1, Revision: 1}
}

func (e *scripted) Upload(_ context.Context, u core.PluginUpload) (*core.Plugin, bool, error) {
	_, err := io.Copy(io.Discard, u.Body)
	if err != nil {
		err = core.Errorf(core.CodeInvalid, "the upload broke off")
	}
	if err == nil {
		err = e.call()
	}
	return samplePlugin(), !e.replayed, err
}

func (e *scripted) Plugin(context.Context, core.Principal, string, string) (*core.Plugin, error) {
	return samplePlugin(), e.call()
}

func (e *scripted) Plugins(context.Context, core.Principal, core.PluginList) (core.Page[*core.Plugin], error) {
	return core.Page[*core.Plugin]{Data: []*core.Plugin{samplePlugin()}}, e.call()
}

func (e *scripted) Decide(context.Context, core.PluginDecision) (*core.Plugin, error) {
	return samplePlugin(), e.call()
}

func (e *scripted) Sign(context.Context, core.PluginSigning) (*core.Plugin, error) {
	return samplePlugin(), e.call()
}

func (e *scripted) WriteWasm(context.Context, *core.Plugin, io.Writer) error { return e.call() }

func (e *scripted) AddSigningKey(context.Context, core.NewSigningKey) (*core.SigningKey, bool, error) {
	return &core.SigningKey{}, !e.replayed, e.call()
}

func (e *scripted) SigningKeys(context.Context, core.Principal, string) ([]*core.SigningKey, error) {
	return nil, e.call()
}

func (e *scripted) RevokeSigningKey(context.Context, core.SigningKeyRevocation) (*core.SigningKey, error) {
	return &core.SigningKey{}, e.call()
}

// prefixVetter finds fit what begins as a module does. It stands where the binary wires the real one, which is no import
// of this package.
type prefixVetter struct{}

func (prefixVetter) Version() string { return "1" }

func (prefixVetter) Limits(*core.Plugin) json.RawMessage { return json.RawMessage(`{"pages":16}`) }

func (prefixVetter) Vet(_ context.Context, _ *core.Plugin, wasm []byte) (*core.Verdict, error) {
	accepted := bytes.HasPrefix(wasm, []byte("\x00asm"))
	return &core.Verdict{Accepted: accepted, Name: "trade-in", Document: json.RawMessage(fmt.Sprintf(`{"fit":%t}`, accepted))}, nil
}

// shelf is a real registry on a real store, behind HTTP.
type shelf struct {
	*client

	server   *Server
	registry *core.PluginRegistry
	store    *sqlite.Store
	folder   string
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	folder := t.TempDir()
	store, err := sqlite.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	registry := core.NewPluginRegistry(core.PluginOptions{Store: store, Vetter: prefixVetter{}, Log: slog.New(slog.DiscardHandler)})
	engine := &scripted{}
	s, c := newServer(t, Options{Engine: engine, Rulesets: engine, Readiness: engine, Plugins: registry, Demo: true})
	return &shelf{c, s, registry, store, folder}
}

// as returns a shelf that the staff key opens.
func (s *shelf) as(id string) *shelf {
	return &shelf{s.withKey(s.server, id), s.server, s.registry, s.store, s.folder}
}

func (s *shelf) upload(module string, query ...string) answer {
	s.t.Helper()
	return s.do(http.MethodPost, "/v1/plugins"+strings.Join(query, ""), module, "Content-Type", wasmType)
}

func (s *shelf) vet(t *testing.T) {
	t.Helper()
	for worked := true; worked; {
		var err error
		if worked, err = s.registry.VetNext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// decide has the platform decide: the other person has approved before the one whose key opens the shelf does.
func (s *shelf) decide(digest, what string, headers ...string) answer {
	s.t.Helper()
	if path, _, _ := strings.Cut(what, "?"); path == "approvals" && !slices.Contains(headers, "If-Match") {
		s.as("demo-platform-2").do(http.MethodPost, "/v1/plugins/"+digest+"/"+what, `{"reason":"because"}`)
	}
	return s.do(http.MethodPost, "/v1/plugins/"+digest+"/"+what, `{"reason":"because"}`, headers...)
}

func (s *shelf) get(digest string) answer {
	s.t.Helper()
	return s.do(http.MethodGet, "/v1/plugins/"+digest, "")
}

func digestOf(module string) string {
	sum := sha256.Sum256([]byte(module))
	return "sha256:" + hex.EncodeToString(sum[:])
}

const goodModule, badModule = "\x00asm\x01\x00\x00\x00", "not a module"

func TestAPluginGoesFromUploadToApprovalAndBack(t *testing.T) {
	s := newShelf(t)
	brand, platform, digest := s.as("demo-xiaomi"), s.as("demo-platform"), digestOf(goodModule)

	uploaded := brand.upload(goodModule).wants(t, http.StatusAccepted)
	if v := uploaded.value(t); v["id"] != digest || v["state"] != "uploaded" || v["brand"] != "xiaomi" || v["report"] != nil {
		t.Errorf("uploaded %s", uploaded.body)
	}
	if uploaded.header.Get("Location") != "/v1/plugins/"+digest || uploaded.header.Get("ETag") != `"1"` {
		t.Errorf("headers %v", uploaded.header)
	}
	platform.decide(digest, "approvals").problem(t, core.CodeWrongState)
	again := brand.upload(goodModule).wants(t, http.StatusOK)
	if again.body != uploaded.body {
		t.Errorf("again %s, first %s", again.body, uploaded.body)
	}

	s.vet(t)
	vetted := brand.get(digest).wants(t, http.StatusOK)
	if v := vetted.value(t); v["state"] != "vetted" || v["name"] != "trade-in" || v["vetted_at"] == nil || !strings.Contains(vetted.body, `"fit":true`) {
		t.Errorf("vetted %s", vetted.body)
	}
	platform.decide(digest, "approvals", "If-Match", `"1"`).problem(t, core.CodePreconditionFailed)
	platform.decide(digest, "approvals", "If-Match", `W/"3"`).problem(t, core.CodePreconditionFailed)
	first := platform.decide(digest, "approvals", "If-Match", vetted.header.Get("ETag")).wants(t, http.StatusOK)
	if v := first.value(t); v["state"] != "vetted" || fmt.Sprint(v["approvals_needed"]) != "2" || len(list(v["approvals"])) != 1 {
		t.Errorf("approved by one %s", first.body)
	}
	s.as("demo-platform-2").decide(digest, "approvals", "If-Match", vetted.header.Get("ETag")).problem(t, core.CodePreconditionFailed)
	approved := s.as("demo-platform-2").decide(digest, "approvals", "If-Match", first.header.Get("ETag")).wants(t, http.StatusOK)
	if v := approved.value(t); v["state"] != "approved" || v["decided_by"] != "demo-platform-2" || v["reason"] != "because" || v["decided_at"] == nil {
		t.Errorf("approved %s", approved.body)
	}
	if same := platform.decide(digest, "approvals").wants(t, http.StatusOK); same.body != approved.body {
		t.Errorf("approved again %s", same.body)
	}
	platform.decide(digest, "rejections").problem(t, core.CodeWrongState)
	platform.decide(digest, "revocations").wants(t, http.StatusOK)
	platform.decide(digest, "approvals").problem(t, core.CodeWrongState)
	if v := brand.upload(goodModule).wants(t, http.StatusOK).value(t); v["state"] != "revoked" {
		t.Errorf("uploaded after the revocation: %v", v)
	}
}

func list(v any) []any {
	rows, _ := v.([]any)
	return rows
}

func TestARefusedPluginSaysWhyAndMayBeRejected(t *testing.T) {
	s := newShelf(t)
	brand, platform, digest := s.as("demo-xiaomi"), s.as("demo-platform"), digestOf(badModule)
	brand.upload(badModule).wants(t, http.StatusAccepted)
	s.vet(t)
	refused := brand.get(digest).wants(t, http.StatusOK)
	if v := refused.value(t); v["state"] != "refused" || !strings.Contains(refused.body, `"fit":false`) {
		t.Errorf("refused %s", refused.body)
	}
	platform.decide(digest, "approvals").problem(t, core.CodeWrongState)
	platform.decide(digest, "revocations").problem(t, core.CodeWrongState)
	platform.decide(digest, "rejections").wants(t, http.StatusOK)
	for _, body := range []string{`{}`, `{"reason":""}`, `{"reason":"x","by":"me"}`} {
		platform.do(http.MethodPost, "/v1/plugins/"+digest+"/approvals", body).problem(t, core.CodeInvalid)
	}
}

func TestABrandSeesItsOwnPluginsOnly(t *testing.T) {
	s := newShelf(t)
	owner, other, digest := s.as("demo-xiaomi"), s.as("demo-meizu"), digestOf(goodModule)
	owner.upload(goodModule).wants(t, http.StatusAccepted)
	other.get(digest).problem(t, core.CodeNotFound)
	other.get(digest+"?brand=xiaomi").problem(t, core.CodeNotFound)
	other.upload(goodModule, "?brand=xiaomi").problem(t, core.CodeInvalid)
	for _, path := range []string{"/v1/plugins", "/v1/plugins?brand=xiaomi"} {
		if v := other.do(http.MethodGet, path, "").wants(t, http.StatusOK); !strings.Contains(v.body, `"data":[]`) {
			t.Errorf("meizu sees %s", v.body)
		}
	}

	other.upload(goodModule).wants(t, http.StatusAccepted)
	if v := other.get(digest).wants(t, http.StatusOK).value(t); v["brand"] != "meizu" {
		t.Errorf("meizu's is %v", v)
	}
	platform := s.as("demo-platform")
	platform.get(digest).problem(t, core.CodeInvalid) // whose?
	s.vet(t)
	platform.decide(digest, "approvals").problem(t, core.CodeInvalid)
	platform.decide(digest, "approvals?brand=meizu").wants(t, http.StatusOK)
	if v := platform.get(digest+"?brand=xiaomi").wants(t, http.StatusOK).value(t); v["state"] != "vetted" {
		t.Errorf("xiaomi's is %v", v)
	}
}

func TestStaffOfEveryBrandNameTheBrandTheyUploadFor(t *testing.T) {
	s := newShelf(t)
	operator := s.as("demo-operator")
	operator.upload(goodModule).problem(t, core.CodeInvalid)
	operator.upload(goodModule, "?brand=No+Brand").problem(t, core.CodeInvalid)
	if v := operator.upload(goodModule, "?brand=xiaomi").wants(t, http.StatusAccepted).value(t); v["brand"] != "xiaomi" {
		t.Errorf("uploaded %v", v)
	}
}

func TestPluginsAreListedPageByPageTheLatestFirst(t *testing.T) {
	s := newShelf(t)
	brand := s.as("demo-xiaomi")
	want := map[string]bool{}
	for i := range 5 {
		module := fmt.Sprint(i)
		want[digestOf(module)] = true
		brand.upload(module).wants(t, http.StatusAccepted)
	}
	s.vet(t)
	got, cursor := map[string]bool{}, ""
	for _, rows := range []int{2, 2, 1} {
		page := brand.do(http.MethodGet, "/v1/plugins?limit=2&cursor="+cursor, "").wants(t, http.StatusOK)
		v := page.value(t)
		data, _ := v["data"].([]any)
		if len(data) != rows {
			t.Fatalf("%d rows in %s", len(data), page.body)
		}
		for _, row := range data {
			one, _ := row.(map[string]any)
			id, _ := one["id"].(string)
			if got[id] = true; one["report"] != nil || one["vetted_at"] == nil {
				t.Errorf("a row is %v", one)
			}
		}
		cursor, _ = v["next"].(string)
	}
	if cursor != "" || len(got) != len(want) {
		t.Errorf("%d of %d, then %q", len(got), len(want), cursor)
	}
	for _, bad := range []string{"x", "1.xiaomi", "1.xiaomi.sha256:12"} {
		brand.do(http.MethodGet, "/v1/plugins?cursor="+bad, "").problem(t, core.CodeInvalid)
	}
}

func TestAnUploadOfUnknownLengthIsStoredWhole(t *testing.T) {
	s := newShelf(t)
	brand := s.as("demo-xiaomi")
	module := goodModule + strings.Repeat("x", core.MaxPluginBytes-len(goodModule))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v1/plugins", io.MultiReader(strings.NewReader(module)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", wasmType)
	request.Header.Set("Authorization", "Bearer "+brand.token)
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusAccepted || request.ContentLength != 0 {
		t.Fatalf("status %d, length %d", response.StatusCode, request.ContentLength)
	}
	p, err := s.registry.Plugin(t.Context(), core.Principal{Role: core.RoleBrand, Brand: "xiaomi"}, "", digestOf(module))
	if err != nil {
		t.Fatal(err)
	}
	if wasm, err := s.registry.Wasm(t.Context(), p); err != nil || string(wasm) != module {
		t.Errorf("%d bytes came back, %v", len(wasm), err)
	}
}

func TestAnUploadThatCannotBeTakenLeavesNothing(t *testing.T) {
	s := newShelf(t)
	brand := s.as("demo-xiaomi")
	for name, test := range map[string]struct {
		module string
		header []string
		code   core.Code
	}{
		"too long":                {strings.Repeat("x", core.MaxPluginBytes+1), nil, CodeTooLarge},
		"far too long":            {strings.Repeat("x", 3*core.MaxPluginBytes), nil, CodeTooLarge},
		"empty":                   {"", nil, core.CodeInvalid},
		"JSON":                    {"{}", []string{"Content-Type", jsonType}, CodeUnsupportedMedia},
		"of no type":              {goodModule, []string{"Content-Type", ""}, CodeUnsupportedMedia},
		"a form":                  {goodModule, []string{"Content-Type", "multipart/form-data; boundary=x"}, CodeUnsupportedMedia},
		"with an unknown query":   {goodModule, nil, core.CodeInvalid},
		"for a brand that is not": {goodModule, nil, core.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			path := map[string]string{
				"with an unknown query": "/v1/plugins?brnd=xiaomi", "for a brand that is not": "/v1/plugins?brand=%21",
			}[name]
			if path == "" {
				path = "/v1/plugins"
			}
			headers := append([]string{"Content-Type", wasmType}, test.header...)
			brand.do(http.MethodPost, path, test.module, headers...).problem(t, test.code)
		})
	}
	if v := brand.do(http.MethodGet, "/v1/plugins", ""); !strings.Contains(v.body, `"data":[]`) {
		t.Errorf("there is %s", v.body)
	}
	if swept, err := s.store.SweepUploads(t.Context(), 1<<60); err != nil || swept != 0 {
		t.Errorf("%d uploads were left, %v", swept, err)
	}
}

func TestAnUploadThatBreaksOffLeavesNothing(t *testing.T) {
	s := newShelf(t)
	brand := s.as("demo-xiaomi")
	server := httptest.NewServer(s.server.Handler())
	defer server.Close()
	reader, writer := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/plugins", reader)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", wasmType)
	request.Header.Set("Authorization", "Bearer "+brand.token)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
		if err == nil {
			response.Body.Close()
		}
	}()
	if _, err := writer.Write(make([]byte, 2*core.PluginPartBytes)); err != nil {
		t.Fatal(err)
	}
	writer.CloseWithError(io.ErrUnexpectedEOF)
	<-answered
	server.Close() // waits for the handler
	if swept, err := s.store.SweepUploads(t.Context(), 1<<60); err != nil || swept != 0 {
		t.Errorf("%d uploads were left, %v", swept, err)
	}
	if v := brand.do(http.MethodGet, "/v1/plugins", ""); !strings.Contains(v.body, `"data":[]`) {
		t.Errorf("there is %s", v.body)
	}
}

func TestOnlyWhatIsADigestIsLookedUp(t *testing.T) {
	s := newShelf(t)
	platform := s.as("demo-platform")
	for _, id := range []string{"x", "sha256:12", strings.ToUpper(sampleDigest), "sha512:" + sampleDigest[7:], sampleDigest} {
		platform.get(id).problem(t, core.CodeNotFound)
		platform.decide(id, "approvals").problem(t, core.CodeNotFound)
	}
}

func TestEveryThingThatStaffDoToAPluginIsWrittenDown(t *testing.T) {
	s := newShelf(t)
	brand, platform, digest := s.as("demo-xiaomi"), s.as("demo-platform"), digestOf(goodModule)
	brand.upload(goodModule).wants(t, http.StatusAccepted)
	brand.upload(goodModule).wants(t, http.StatusOK) // nothing happens, nothing is written
	s.vet(t)
	platform.decide(digest, "approvals").wants(t, http.StatusOK)
	platform.decide(digest, "approvals").wants(t, http.StatusOK)
	platform.decide(digest, "revocations").wants(t, http.StatusOK)
	platform.decide(digest, "rejections").problem(t, core.CodeWrongState)
	got := s.staffLog(t)
	want := []string{
		"xiaomi demo-xiaomi brand plugin.upload sent for the first time →uploaded",
		"xiaomi system system plugin.accept vetted by the rules of version 1 vetting→vetted",
		"xiaomi demo-platform-2 platform plugin.approve because vetted→vetted",
		"xiaomi demo-platform platform plugin.approve because vetted→approved",
		"xiaomi demo-platform platform plugin.revoke because approved→revoked",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the staff log is\n%s", strings.Join(got, "\n"))
	}
}

// staffLog reads the log past the store: brand, who, role, what, why, and the states before and after.
func (s *shelf) staffLog(t *testing.T) []string {
	t.Helper()
	connector, err := driver.NewConnector("file:" + filepath.Join(s.folder, "hotdrop.db"))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT brand, actor, role, action, reason,
		coalesce(before_ ->> 'state', ''), after_ ->> 'state' FROM staff_log ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var brand, actor, role, action, reason, before, after string
		if err := rows.Scan(&brand, &actor, &role, &action, &reason, &before, &after); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Join([]string{brand, actor, role, action, reason, before + "→" + after}, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}
