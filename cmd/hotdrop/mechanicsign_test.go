package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/plugins"
)

// workshopOf changes into a folder with the packed trade-in plugin and a signing key, and returns the plugin's digest and
// the key's public half.
func workshopOf(t *testing.T) (digest, public string) {
	t.Helper()
	folder := t.TempDir()
	t.Chdir(folder)
	module := packedTradeIn(t, "")
	writeFile(t, folder, "mine.wasm", string(module))
	r := do(t, "keys", "signing", "new", "meizu.key", "-o", "json")
	made := struct {
		Public string `json:"public_key"`
	}{}
	if err := json.Unmarshal([]byte(r.stdout), &made); err != nil || r.code != exitOK {
		t.Fatalf("exit %d, %v\n%s", r.code, err, r.stderr)
	}
	return plugins.Digest(module), made.Public
}

func TestASignatureIsOverTheBrandAndTheBytes(t *testing.T) {
	digest, encoded := workshopOf(t)
	r := do(t, "mechanic", "sign", "mine.wasm", "--key", "meizu.key", "--brand", "meizu")
	public, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || r.code != exitOK {
		t.Fatalf("exit %d, %v\n%s", r.code, err, r.stderr)
	}
	signed, err := readSignature("mine.wasm.sig", digest)
	if err != nil {
		t.Fatal(err)
	}
	text := "hotdrop plugin signature v1\nbrand meizu\ndigest " + digest + "\n"
	if !ed25519.Verify(public, []byte(text), signed.Signature) || signed.Key != core.SigningKeyID("meizu", public) {
		t.Errorf("%+v is no signature of %q", signed, text)
	}
	if want := "mine.wasm.sig  " + digest + " by " + signed.Key + " for meizu\n"; r.stdout != want || r.stderr != "next: hotdrop mechanic submit mine.wasm\n" {
		t.Errorf("got\n%s%s", r.stdout, r.stderr)
	}
	before := readText(t, "mine.wasm.sig")
	again := do(t, "mechanic", "sign", "mine.wasm", "--key", "meizu.key", "--brand", "meizu", "-o", "json")
	if again.stdout != before || readText(t, "mine.wasm.sig") != before {
		t.Errorf("signed again it is\n%s", again.stdout)
	}
	if strings.Contains(again.stderr, "replaced") {
		t.Errorf("the same signature is said to be another:\n%s", again.stderr)
	}
	writeFile(t, ".", "mine.wasm.sig", "an earlier one")
	if r := do(t, "mechanic", "sign", "mine.wasm", "--key", "meizu.key", "--brand", "meizu"); !strings.HasPrefix(r.stderr, "replaced the signature that was in mine.wasm.sig\n") {
		t.Errorf("nothing is said of the signature that was there:\n%s", r.stderr)
	}
	if r := do(t, "mechanic", "sign", "mine.wasm", "--key", "meizu.key", "--brand", "xiaomi", "--out", "other.sig"); r.code != exitOK {
		t.Errorf("exit %d\n%s", r.code, r.stderr)
	}
	if other := readText(t, "other.sig"); other == before || readText(t, "mine.wasm.sig") != before {
		t.Error("another brand's signature is the same, or in the same place")
	}
}

func TestWhatCannotBeSigned(t *testing.T) {
	workshopOf(t)
	t.Setenv("HOTDROP_KEY", "hd_brand_secret") // the API key: it must neither be taken for a file nor be told
	wide := strings.Repeat("x", maxKeyFile+1)
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]any{"ed.key": other, "rsa.key": rsaKey} {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, ".", name, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	}
	if err := os.Chmod("ed.key", 0o644); err != nil {
		t.Fatal(err)
	}
	writeFile(t, ".", "wide.key", wide)
	writeFile(t, ".", "broken.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})))
	writeFile(t, ".", "public.key", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})))
	writeFile(t, ".", "text.wasm", "hello")
	for args, want := range map[string]string{
		"mine.wasm --brand meizu":                         "--key is missing",
		"mine.wasm --key meizu.key":                       "--brand is missing",
		"mine.wasm --key meizu.key --brand Mei/zu":        "--brand is missing, or is none",
		"mine.wasm --key none.key --brand meizu":          "no such file",
		"mine.wasm --key wide.key --brand meizu":          "wide.key is no key file (PEM)\nnext: hotdrop keys signing new FILE",
		"mine.wasm --key mine.wasm --brand meizu":         "mine.wasm is no key file",
		"mine.wasm --key ed.key --brand meizu":            "others can read the private key ed.key\nnext: chmod 600 ed.key",
		"mine.wasm --key rsa.key --brand meizu":           "rsa.key is no Ed25519 key",
		"mine.wasm --key broken.key --brand meizu":        "broken.key is no Ed25519 key",
		"mine.wasm --key public.key --brand meizu":        `public.key holds a "PUBLIC KEY"`,
		"text.wasm --key meizu.key --brand meizu":         "not a WebAssembly module",
		"none.wasm --key meizu.key --brand meizu":         "no such file",
		"--key meizu.key --brand meizu":                   "FILE is missing",
		"mine.wasm x --key meizu.key --brand meizu":       "takes one path",
		"mine.wasm --key meizu.key --brand meizu --out .": "is a directory",
	} {
		r := do(t, append([]string{"mechanic", "sign"}, strings.Fields(args)...)...)
		if r.code == exitOK || !strings.Contains(r.stderr, want) || strings.Contains(r.stderr, "hd_brand") {
			t.Errorf("%s: exit %d\n%s", args, r.code, r.stderr)
		}
	}
	if left, err := filepath.Glob("*.sig"); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
	if r := do(t, "keys", "signing", "new", "meizu.key"); r.code != exitFailed || !strings.Contains(r.stderr, "meizu.key is there already") {
		t.Errorf("exit %d\n%s", r.code, r.stderr)
	}
	if info, err := os.Stat("meizu.key"); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// signatures are files of signatures that are none, and what is said of them.
func signatures(digest string) map[string]string {
	good := base64.StdEncoding.EncodeToString(make([]byte, 64))
	return map[string]string{
		`{"key":"k","digest":"` + digest + `","brand":"b","signature":"` + good + `"}`:          "",
		`{"key":"","digest":"` + digest + `","brand":"b","signature":"` + good + `"}`:           "lacks its key",
		`{"key":"k","digest":"` + digest + `","brand":"","signature":"` + good + `"}`:           "lacks its key, its brand",
		`{"key":"k","digest":"` + digest + `","brand":"b","signature":"AAAA"}`:                  "the 64 bytes",
		`{"key":"k","digest":"` + digest + `","brand":"b"}`:                                     "the 64 bytes",
		`{"key":"k","digest":"sha256:0","brand":"b","signature":"` + good + `"}`:                "signs sha256:0, but the plugin is " + digest,
		`{"key":"k","digest":"` + digest + `","brand":"b","signature":"` + good + `","more":1}`: "is no signature of a plugin",
		`{"key":"k","digest":"` + digest + `","brand":"b","signature":"` + good + `"}{}`:        "is no signature of a plugin",
		`[]`:                              "is no signature of a plugin",
		``:                                "is no signature of a plugin",
		strings.Repeat(" ", 4<<10) + `{}`: "is no signature of a plugin",
	}
}

func TestSignatureFiles(t *testing.T) {
	digest := plugins.Digest(nil)
	for text, want := range signatures(digest) {
		f, err := parseSignature("a.sig", []byte(text), digest)
		switch {
		case want == "" && (err != nil || f.header() != "k:"+base64.StdEncoding.EncodeToString(make([]byte, 64))):
			t.Errorf("%s: %v, %v", text, f, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "next: hotdrop mechanic sign FILE")):
			t.Errorf("%.80s: %v", text, err)
		}
	}
}

func FuzzSignatureFiles(f *testing.F) {
	digest := plugins.Digest(nil)
	for text := range signatures(digest) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := parseSignature("a.sig", text, digest)
		if err == nil && (parsed.Digest != digest || len(parsed.Signature) != ed25519.SignatureSize || parsed.Key == "" || parsed.Brand == "") {
			t.Errorf("%q is taken for %+v", text, parsed)
		}
	})
}

// signingServer takes uploads and signatures, and registers keys.
type signingServer struct {
	*httptest.Server

	had       *api.PluginSignedBy // the signature that the server has already
	signature string              // the header of the upload
	posts     []string            // path and body of everything that was posted but the module
}

func newSigningServer(t *testing.T, digest string) *signingServer {
	t.Helper()
	s := &signingServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		plugin := api.Plugin{Digest: digest, Brand: "meizu", State: core.PluginVetted, Report: 1, Signature: s.had, ApprovalsNeeded: 2, UploadedBy: "ann"}
		switch {
		case r.URL.Path == "/v1/plugins":
			s.signature = r.Header.Get("Hotdrop-Signature")
		case r.Method == http.MethodPost:
			s.posts = append(s.posts, r.URL.String()+" "+string(text))
		}
		if strings.HasPrefix(r.URL.Path, "/v1/signing-keys") {
			key := api.SigningKey{ID: "sk_1", Brand: "meizu", Name: "build\x1b server", CreatedBy: "ann"}
			if r.Method == http.MethodGet {
				_ = json.NewEncoder(w).Encode(map[string]any{"data": []api.SigningKey{key}})
				return
			}
			_ = json.NewEncoder(w).Encode(key)
			return
		}
		_ = json.NewEncoder(w).Encode(plugin)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestASignatureGoesWithTheUpload(t *testing.T) {
	digest, _ := workshopOf(t)
	s := newSigningServer(t, digest)
	submit := func(args ...string) result {
		t.Helper()
		s.signature, s.posts = "", nil
		return do(t, append([]string{"mechanic", "submit", "mine.wasm", "--server", s.URL, "--key", "k"}, args...)...)
	}
	if r := submit(); r.code != exitOK || s.signature != "" || !strings.Contains(r.stderr, digest+", not signed\n") {
		t.Errorf("unsigned: exit %d, sent %q\n%s", r.code, s.signature, r.stderr)
	}
	if r := do(t, "mechanic", "sign", "mine.wasm", "--key", "meizu.key", "--brand", "meizu"); r.code != exitOK {
		t.Fatal(r.stderr)
	}
	signed, err := readSignature("mine.wasm.sig", digest)
	if err != nil {
		t.Fatal(err)
	}
	s.had = &api.PluginSignedBy{Key: signed.Key, State: core.SignatureValid}
	r := submit()
	if r.code != exitOK || s.signature != signed.header() || len(s.posts) != 0 || !strings.Contains(r.stderr, digest+", signed by "+signed.Key+"\n") {
		t.Errorf("signed: exit %d, sent %q, %v\n%s", r.code, s.signature, s.posts, r.stderr)
	}
	if !strings.Contains(r.stderr, "it needs 2 more people of the platform; not ann, who uploaded it\nnext: hotdrop review approve "+shortDigest(digest)+" --brand meizu --reason WHY\n") {
		t.Errorf("it told\n%s", r.stderr)
	}
	s.had = nil // it was uploaded before, without a signature
	r = submit("--signature", "mine.wasm.sig")
	if r.code != exitOK || len(s.posts) != 1 || !strings.HasPrefix(s.posts[0], "/v1/plugins/"+digest+"/signatures?brand=meizu {\"key\":\""+signed.Key) {
		t.Errorf("exit %d, posted %v\n%s", r.code, s.posts, r.stderr)
	}
	if r = submit("--brand", "xiaomi"); r.code != exitFailed || s.signature != "" || !strings.Contains(r.stderr, "signed for the brand meizu, but submitted for xiaomi") {
		t.Errorf("exit %d\n%s", r.code, r.stderr)
	}
	if r = submit("--signature", "none.sig"); r.code != exitFailed || s.signature != "" {
		t.Errorf("exit %d\n%s", r.code, r.stderr)
	}
	writeFile(t, ".", "mine.wasm", string(packedTradeIn(t, "# changed\n")))
	if r = submit(); r.code != exitFailed || s.signature != "" || !strings.Contains(r.stderr, "mine.wasm.sig signs "+digest+", but the plugin is sha256:") {
		t.Errorf("a changed module: exit %d\n%s", r.code, r.stderr)
	}
}

func TestSigningKeysAreRegisteredByTheirPublicHalf(t *testing.T) {
	_, public := workshopOf(t)
	s := newSigningServer(t, "sha256:1")
	private, err := readPrivateKey("meizu.key")
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, ".", "public.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	for argument, name := range map[string]string{"meizu.key": "meizu", "public.pem": "public", public: "build"} {
		s.posts = nil
		args := []string{"keys", "signing", "add", argument, "--server", s.URL, "--key", "k"}
		if argument == public {
			args = append(args, "--name", "build", "--brand", "meizu")
		}
		r := do(t, args...)
		if r.code != exitOK || len(s.posts) != 1 || !strings.Contains(s.posts[0], fmt.Sprintf(`"name":%q,"public_key":%q}`, name, public)) {
			t.Errorf("%s: exit %d, posted %v\n%s", argument, r.code, s.posts, r.stderr)
		}
		if secret := base64.StdEncoding.EncodeToString(private.Seed()); strings.Contains(s.posts[0], secret) {
			t.Errorf("%s: the private half was sent", argument)
		}
		if !strings.HasPrefix(r.stdout, "sk_1  meizu  build  server  active since 0001-01-01T00:00:00Z by ann") {
			t.Errorf("got\n%s", r.stdout)
		}
	}
	for _, argument := range []string{"none.key", "mine.wasm", base64.StdEncoding.EncodeToString([]byte("short"))} {
		if r := do(t, "keys", "signing", "add", argument, "--server", s.URL, "--key", "k"); r.code != exitFailed {
			t.Errorf("%s: exit %d\n%s", argument, r.code, r.stdout)
		}
	}
	s.posts = nil
	if r := do(t, "keys", "signing", "revoke", "sk_1", "--server", s.URL, "--key", "k"); r.code != exitUsage || len(s.posts) != 0 {
		t.Errorf("exit %d, posted %v", r.code, s.posts)
	}
	r := do(t, "keys", "signing", "revoke", "sk_1", "--reason", "lost", "--server", s.URL, "--key", "k", "-o", "json")
	if r.code != exitOK || !strings.Contains(s.posts[0], `/v1/signing-keys/sk_1/revocations {"reason":"lost"}`) || !json.Valid([]byte(r.stdout)) {
		t.Errorf("exit %d, posted %v\n%s", r.code, s.posts, r.stdout)
	}
	if r := do(t, "keys", "signing", "list", "--server", s.URL, "--key", "k"); r.code != exitOK || !strings.HasPrefix(r.stdout, "sk_1  meizu  ") {
		t.Errorf("exit %d\n%s", r.code, r.stdout)
	}
}
