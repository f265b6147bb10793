package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/olareg/olareg"
	"github.com/olareg/olareg/config"

	"hotdrop/plugins"
	"hotdrop/plugins/oci"
)

// memoryRegistry starts an OCI registry that keeps everything in memory, and returns its host.
func memoryRegistry(t *testing.T) string {
	t.Helper()
	held := olareg.New(config.Config{Storage: config.ConfigStorage{StoreType: config.StoreMem}})
	server := httptest.NewServer(held)
	t.Cleanup(func() {
		server.Close()
		if err := held.Close(); err != nil {
			t.Error(err)
		}
	})
	return strings.TrimPrefix(server.URL, "http://")
}

func TestAPluginIsExportedAndImportedWithItsSignature(t *testing.T) {
	digest, _ := workshopOf(t)
	if r := do(t, "mechanic", "sign", "mine.wasm", "--key", "meizu.key", "--brand", "meizu"); r.code != exitOK {
		t.Fatal(r.stderr)
	}
	for name, place := range map[string]string{"a layout": "oci:layout:1", "a registry": memoryRegistry(t) + "/meizu/trade-in:1"} {
		t.Run(name, func(t *testing.T) {
			r := do(t, "mechanic", "export", "mine.wasm", place, "--plain-http")
			for _, want := range []string{
				"plugin       trade-in 1.2.0 by hotdrop\n", "digest       " + digest + "\n", "signature    for meizu\n", "place        " + place + "\n",
				"manifest     sha256:",
			} {
				if r.code != exitOK || !strings.Contains(r.stdout, want) {
					t.Errorf("exit %d, want %q\n%s%s", r.code, want, r.stdout, r.stderr)
				}
			}
			if !strings.Contains(r.stderr, "writing "+digest+", 19,013 bytes, to "+place+"\nnext: hotdrop mechanic import "+place+"\n") {
				t.Errorf("it told\n%s", r.stderr)
			}
			target := filepath.Join(t.TempDir(), "got.wasm")
			r = do(t, "mechanic", "import", place, "--plain-http", "--out", target, "-o", "json")
			got := travelled{}
			if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || got.Digest != digest || got.File != target || !got.Signed || got.Brand != "meizu" {
				t.Fatalf("exit %d, %v, %+v\n%s", r.code, err, got, r.stderr)
			}
			if readText(t, target) != readText(t, "mine.wasm") {
				t.Error("the module is another")
			}
			if _, err := readSignature(target+".sig", digest); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatIsThereIsNotOverwrittenByWhatIsImported(t *testing.T) {
	digest, _ := workshopOf(t)
	if r := do(t, "mechanic", "export", "mine.wasm", "oci:layout:1"); r.code != exitOK || !strings.Contains(r.stdout, "signature    none\n") {
		t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	for range 2 { // the second time it is there already, as it is
		if r := do(t, "mechanic", "import", "oci:layout:1"); r.code != exitOK || plugins.Digest([]byte(readText(t, "trade-in.packed.wasm"))) != digest {
			t.Fatalf("exit %d\n%s", r.code, r.stderr)
		}
	}
	writeFile(t, ".", "trade-in.packed.wasm", "mine")
	r := do(t, "mechanic", "import", "oci:layout:1")
	if r.code != exitFailed || !strings.Contains(r.stderr, "trade-in.packed.wasm is there already, with other content; --out names") || readText(t, "trade-in.packed.wasm") != "mine" {
		t.Errorf("exit %d\n%s", r.code, r.stderr)
	}
	if r := do(t, "mechanic", "sign", "mine.wasm", "--key", "meizu.key", "--brand", "meizu"); r.code != exitOK {
		t.Fatal(r.stderr)
	}
	writeFile(t, ".", "fresh.wasm.sig", "mine")
	if r := do(t, "mechanic", "export", "mine.wasm", "oci:layout:1"); r.code != exitOK {
		t.Fatal(r.stderr)
	}
	if r = do(t, "mechanic", "import", "oci:layout:1", "--out", "fresh.wasm"); r.code != exitFailed {
		t.Errorf("exit %d\n%s", r.code, r.stderr)
	}
	if _, err := os.Stat("fresh.wasm"); err == nil || readText(t, "fresh.wasm.sig") != "mine" {
		t.Error("half of it was written")
	}
}

func TestWhatCannotBeExportedOrImported(t *testing.T) {
	workshopOf(t)
	module := []byte(readText(t, "mine.wasm"))
	push := func(tag string, a *oci.Artifact) {
		t.Helper()
		place, err := oci.ParsePlace("oci:layout:"+tag, oci.Access{})
		if err == nil {
			_, err = oci.Push(t.Context(), place, a)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	push("text", &oci.Artifact{Module: []byte("hello")})
	push("forged", &oci.Artifact{Module: module, Signature: []byte(`{"key":"k","digest":"sha256:0","brand":"b"}`)})
	for args, want := range map[string]string{
		"export mine.wasm plugin":                      "is no place for a plugin",
		"export mine.wasm oci:layout":                  "names no tag",
		"export none.wasm oci:layout:1":                "neither a file nor a digest",
		"export meizu.key oci:layout:1":                "not a WebAssembly module",
		"export mine.wasm 127.0.0.1:1/p:1":             "cannot write the application/wasm",
		"export mine.wasm oci:layout:1 --username ann": "--username and --password-stdin go together",
		"import oci:layout:1 --password-stdin":         "--username and --password-stdin go together",
		"import oci:layout:none":                       "there is nothing of that name",
		"import oci:nowhere:1":                         "cannot open it: there is nothing of that name",
		"import oci:layout:text":                       "not a WebAssembly module",
		"import oci:layout:forged":                     "the signature in oci:layout:forged lacks",
	} {
		r := do(t, append([]string{"mechanic"}, strings.Fields(args)...)...)
		if r.code == exitOK || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: exit %d\n%s", args, r.code, r.stderr)
		}
	}
	if _, err := os.Stat("trade-in.packed.wasm"); err == nil {
		t.Error("a module with a forged signature was kept")
	}
}

// TestThePasswordOfARegistryIsNotTold logs in with a wrong password and with the right one.
func TestThePasswordOfARegistryIsNotTold(t *testing.T) {
	workshopOf(t)
	held := olareg.New(config.Config{Storage: config.ConfigStorage{StoreType: config.StoreMem}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "correct-horse" {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		held.ServeHTTP(w, r)
	}))
	defer func() {
		server.Close()
		if err := held.Close(); err != nil {
			t.Error(err)
		}
	}()
	place := strings.TrimPrefix(server.URL, "http://") + "/p:1"
	for password, want := range map[string]int{"wrong-horse": exitFailed, "correct-horse\n": exitOK} {
		r := doWith(t, password, "mechanic", "export", "mine.wasm", place, "--plain-http", "--username", "ann", "--password-stdin")
		if r.code != want || strings.Contains(r.stdout+r.stderr, "horse") {
			t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	}
}

func TestNamesOfImportedFiles(t *testing.T) {
	for mechanic, want := range map[string]string{
		"trade-in": "trade-in", "../../etc/passwd": "etcpasswd", "-rf": "rf", "": "plugin", "折扣": "plugin", "A\x00b": "b",
	} {
		if got := fileNameOf(mechanic); got != want {
			t.Errorf("%q: %q", mechanic, got)
		}
	}
}
