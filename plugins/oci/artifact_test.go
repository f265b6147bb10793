package oci_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/olareg/olareg"
	"github.com/olareg/olareg/config"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.uber.org/goleak"

	"hotdrop/core"
	"hotdrop/plugins/oci"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place parses the name of a place that is one.
func place(t *testing.T, name string, access oci.Access) *oci.Place {
	t.Helper()
	p, err := oci.ParsePlace(name, access)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// registry starts a registry that keeps everything in memory, and returns its host. What is asked of it passes through wrap.
func registry(t *testing.T, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	held := olareg.New(config.Config{Storage: config.ConfigStorage{StoreType: config.StoreMem}})
	server := httptest.NewServer(wrap(held))
	t.Cleanup(func() {
		server.Close()
		if err := held.Close(); err != nil {
			t.Error(err)
		}
	})
	return strings.TrimPrefix(server.URL, "http://")
}

func open(h http.Handler) http.Handler { return h }

// sample is a plugin; nothing here looks into its module.
func sample() *oci.Artifact {
	return &oci.Artifact{
		Module: bytes.Repeat([]byte("\x00asm"), 1000), Signature: []byte(`{"key":"k"}`),
		Name: "trade-in", Version: "1.2", Author: "ann", Brand: "meizu",
	}
}

func TestAPluginComesBackAsItWasPushed(t *testing.T) {
	for name, where := range map[string]string{
		"from a registry": registry(t, open) + "/meizu/trade-in:1.2",
		"from a layout":   "oci:" + filepath.Join(t.TempDir(), "made", "layout") + ":1.2",
	} {
		t.Run(name, func(t *testing.T) {
			p := place(t, where, oci.Access{PlainHTTP: true})
			signed := sample()
			first, err := oci.Push(t.Context(), p, signed)
			if err != nil {
				t.Fatal(err)
			}
			again, err := oci.Push(t.Context(), p, signed)
			if err != nil || again != first {
				t.Errorf("pushed again it is %s, not %s: %v", again, first, err)
			}
			got, err := oci.Pull(t.Context(), p)
			if err != nil || got.Digest() != signed.Digest() || fmt.Sprint(got) != fmt.Sprint(signed) {
				t.Errorf("it came back as %v, %v", got, err)
			}

			bare := &oci.Artifact{Module: []byte("another")}
			if _, err := oci.Push(t.Context(), p, bare); err != nil {
				t.Fatal(err)
			}
			if got, err := oci.Pull(t.Context(), p); err != nil || got.Signature != nil || string(got.Module) != "another" {
				t.Errorf("after the tag has moved it is %v, %v", got, err)
			}
			byDigest := place(t, where[:strings.LastIndex(where, ":")]+"@"+first, oci.Access{PlainHTTP: true})
			if got, err := oci.Pull(t.Context(), byDigest); err != nil || got.Digest() != signed.Digest() {
				t.Errorf("by its digest it is %v, %v", got, err)
			}
			if _, err := oci.Push(t.Context(), byDigest, bare); err == nil || !strings.Contains(err.Error(), "name a tag") {
				t.Errorf("it was pushed to a digest: %v", err)
			}
		})
	}
}

func TestTheArtifactIsWhatOthersExpect(t *testing.T) {
	folder := t.TempDir()
	manifestDigest, err := oci.Push(t.Context(), place(t, "oci:"+folder+":1", oci.Access{}), sample())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "blobs", "sha256", strings.TrimPrefix(manifestDigest, "sha256:")))
	if err != nil {
		t.Fatal(err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	if m.ArtifactType != "application/vnd.hotdrop.plugin.v1" || len(m.Layers) != 2 || m.Layers[0].MediaType != "application/wasm" ||
		m.Layers[0].Digest.String() != sample().Digest() {
		t.Errorf("the manifest is %s", text)
	}
	want := map[string]string{
		"org.opencontainers.image.created": "1970-01-01T00:00:00Z", "org.opencontainers.image.title": "trade-in",
		"org.opencontainers.image.version": "1.2", "org.opencontainers.image.authors": "ann",
		"vnd.hotdrop.plugin.brand": "meizu", "vnd.hotdrop.plugin.digest": sample().Digest(),
	}
	if fmt.Sprint(m.Annotations) != fmt.Sprint(want) {
		t.Errorf("the annotations are %v", m.Annotations)
	}
}

func TestWhatIsTooLongIsNotPushed(t *testing.T) {
	folder := t.TempDir()
	for _, a := range []*oci.Artifact{
		{Module: make([]byte, core.MaxPluginBytes+1)}, {Module: []byte("m"), Signature: make([]byte, 4<<10+1)},
	} {
		if _, err := oci.Push(t.Context(), place(t, "oci:"+filepath.Join(folder, "l")+":1", oci.Access{}), a); err == nil {
			t.Error("it was pushed")
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestNamesOfPlaces(t *testing.T) {
	for _, good := range []string{
		"registry.example/brand/plugin:1.2", "localhost:5000/plugin:latest", "oci:folder:1", "oci:/a/b c/d:1", "oci:f:g:1",
		"registry.example/p@sha256:" + strings.Repeat("0", 64), "oci:f@sha256:" + strings.Repeat("0", 64),
	} {
		if p := place(t, good, oci.Access{}); p.String() != good {
			t.Errorf("%s reads as %s", good, p)
		}
	}
	for _, bad := range []string{
		"", "plugin", "plugin:1", "registry.example/plugin", "https://registry.example/p:1", "oci:", "oci:folder", "oci::1", "oci:f:",
		"oci:a:b/c", "registry.example/UPPER:1", "registry.example/p:a b", "registry.example/../p:1",
	} {
		if p, err := oci.ParsePlace(bad, oci.Access{}); err == nil {
			t.Errorf("%q reads as %+v", bad, p)
		}
	}
}

func FuzzNamesOfPlaces(f *testing.F) {
	for _, seed := range []string{"registry.example/p:1", "oci:folder:1", "oci:f@sha256:00", "::", "oci:@"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if p, err := oci.ParsePlace(name, oci.Access{}); err == nil && p.String() != name {
			t.Errorf("%q reads as %q", name, p)
		}
	})
}

// descriptor describes content that may be another than it says.
func descriptor(mediaType string, content []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
}

// stranger is a registry, or a layout, that says what a test wants.
type stranger struct {
	manifest     ocispec.Manifest
	manifestType string
	text         []byte            // the manifest, if it is not the one above
	blobs        map[string][]byte // by digest; others than the digests say, where a test lies
}

func newStranger() *stranger {
	module, config := sample().Module, []byte("{}")
	s := &stranger{manifestType: ocispec.MediaTypeImageManifest, blobs: map[string][]byte{}}
	s.manifest.SchemaVersion, s.manifest.MediaType, s.manifest.ArtifactType = 2, ocispec.MediaTypeImageManifest, oci.TypePlugin
	s.manifest.Config = descriptor(ocispec.MediaTypeEmptyJSON, config)
	s.manifest.Layers = []ocispec.Descriptor{s.add(oci.TypeModule, module)}
	return s
}

func (s *stranger) add(mediaType string, content []byte) ocispec.Descriptor {
	d := descriptor(mediaType, content)
	s.blobs[d.Digest.String()] = content
	return d
}

// written is the manifest as it is sent.
func (s *stranger) written() []byte {
	if s.text != nil {
		return s.text
	}
	text, _ := json.Marshal(s.manifest)
	return text
}

// ServeHTTP answers as a registry does.
func (s *stranger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, name, blob := strings.Cut(r.URL.Path, "/blobs/")
	content, found := s.blobs[name]
	if !blob {
		content, found = s.written(), true
		w.Header().Set("Content-Type", s.manifestType)
		w.Header().Set("Docker-Content-Digest", digest.FromBytes(content).String())
	}
	if !found {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	_, _ = w.Write(content)
}

// layout writes the same into a folder.
func (s *stranger) layout(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	write := func(name string, content []byte) {
		t.Helper()
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range s.blobs {
		write("blobs/"+strings.Replace(name, ":", "/", 1), content)
	}
	manifest := descriptor(s.manifestType, s.written())
	write("blobs/sha256/"+manifest.Digest.Encoded(), s.written())
	manifest.Annotations = map[string]string{ocispec.AnnotationRefName: "1"}
	index, err := json.Marshal(ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{manifest}})
	if err != nil {
		t.Fatal(err)
	}
	write("index.json", index)
	write("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	return folder
}

// lies are what a hostile place may say, and what is answered to it.
var lies = map[string]struct {
	lie  func(s *stranger)
	want string
}{
	"the truth": {func(*stranger) {}, ""},
	"a signature in front": {func(s *stranger) {
		s.manifest.Layers = append([]ocispec.Descriptor{s.add(oci.TypeSignature, []byte("{}"))}, s.manifest.Layers...)
	}, ""},
	"an index of several": {func(s *stranger) { s.manifestType = ocispec.MediaTypeImageIndex }, "not the manifest of one plugin"},
	"a container image":   {func(s *stranger) { s.manifest.ArtifactType = "" }, `is a "", not a plugin`},
	"a long manifest":     {func(s *stranger) { s.text = make([]byte, 64<<10+1) }, "the manifest has 65537 bytes; at most 65536"},
	"a manifest of text":  {func(s *stranger) { s.text = []byte("hello") }, "the manifest is no JSON"},
	"a manifest of lists": {func(s *stranger) { s.text = []byte(`[[[[`) }, "the manifest is no JSON"},
	"schema version 1":    {func(s *stranger) { s.manifest.SchemaVersion = 1 }, "not a plugin"},
	"no layer":            {func(s *stranger) { s.manifest.Layers = nil }, "it has no layer with a module"},
	"a signature alone": {func(s *stranger) {
		s.manifest.Layers = []ocispec.Descriptor{s.add(oci.TypeSignature, []byte("{}"))}
	}, "it has no layer with a module"},
	"two modules":      {func(s *stranger) { s.manifest.Layers = append(s.manifest.Layers, s.manifest.Layers[0]) }, "layer 1 is a second application/wasm"},
	"a foreign layer":  {func(s *stranger) { s.manifest.Layers[0].MediaType = "application/x-tar" }, `layer 0 is a "application/x-tar"`},
	"a layer besides":  {func(s *stranger) { s.manifest.Layers = append(s.manifest.Layers, s.add("text/html", []byte("x"))) }, `layer 1 is a "text/html"`},
	"a layer far away": {func(s *stranger) { s.manifest.Layers[0].URLs = []string{"http://10.0.0.1/"} }, "lies somewhere else"},
	"a layer as long as one likes": {func(s *stranger) { s.manifest.Layers[0].Size = 1 << 60 },
		"layer 0, the application/wasm, has 1152921504606846976 bytes; at most 4194304"},
	"a layer of a negative length": {func(s *stranger) { s.manifest.Layers[0].Size = -1 }, "has -1 bytes"},
	"a long signature": {func(s *stranger) {
		s.manifest.Layers = append(s.manifest.Layers, s.add(oci.TypeSignature, make([]byte, 4<<10+1)))
	}, "has 4097 bytes; at most 4096"},
	"a layer that is shorter": {func(s *stranger) { s.manifest.Layers[0].Size++ }, "cannot read the application/wasm"},
	"a layer that is longer":  {func(s *stranger) { s.manifest.Layers[0].Size-- }, "cannot read the application/wasm"},
	"another module": {func(s *stranger) {
		s.blobs[s.manifest.Layers[0].Digest.String()] = bytes.Repeat([]byte("evil"), 1000)
	}, "mismatch"},
	"another module, in the manifest itself": {func(s *stranger) {
		s.manifest.Layers[0].Data = sample().Module
		s.blobs[s.manifest.Layers[0].Digest.String()] = bytes.Repeat([]byte("evil"), 1000)
	}, "mismatch"},
	"a module that is missing": {func(s *stranger) { s.blobs = map[string][]byte{} }, "there is nothing of that name"},
	"a weak digest":            {func(s *stranger) { s.manifest.Layers[0].Digest = "md5:d41d8cd98f00b204e9800998ecf8427e" }, "no SHA-256 digest"},
	"a digest that is a path":  {func(s *stranger) { s.manifest.Layers[0].Digest = "sha256:../../../etc/passwd" }, "no SHA-256 digest"},
	"another plugin's digest": {func(s *stranger) {
		s.manifest.Annotations = map[string]string{oci.AnnotationDigest: "sha256:0"}
	}, "the manifest is of the plugin sha256:0, but the module is sha256:"},
}

func TestAHostileRegistryIsToldFromAGoodOne(t *testing.T) {
	for name, test := range lies {
		t.Run(name, func(t *testing.T) {
			s := newStranger()
			test.lie(s)
			server := httptest.NewServer(s)
			defer server.Close()
			pulled(t, strings.TrimPrefix(server.URL, "http://")+"/p:1", test.want)
		})
	}
}

func TestAHostileLayoutIsToldFromAGoodOne(t *testing.T) {
	for name, test := range lies {
		t.Run(name, func(t *testing.T) {
			s := newStranger()
			test.lie(s)
			pulled(t, "oci:"+s.layout(t)+":1", test.want)
		})
	}
	t.Run("an index that is too long", func(t *testing.T) {
		folder := newStranger().layout(t)
		if err := os.WriteFile(filepath.Join(folder, "index.json"), make([]byte, 1<<20+1), 0o600); err != nil {
			t.Fatal(err)
		}
		pulled(t, "oci:"+folder+":1", "index.json is longer than")
	})
	t.Run("a link out of the folder", func(t *testing.T) {
		s := newStranger()
		folder, outside := s.layout(t), filepath.Join(t.TempDir(), "module")
		inside := filepath.Join(folder, "blobs", "sha256", s.manifest.Layers[0].Digest.Encoded())
		if err := os.Rename(inside, outside); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(outside, inside); err != nil {
			t.Fatal(err)
		}
		pulled(t, "oci:"+folder+":1", "escapes")
	})
	t.Run("another tag", func(t *testing.T) {
		pulled(t, "oci:"+newStranger().layout(t)+":2", "cannot find it: there is nothing of that name")
	})
	t.Run("no folder", func(t *testing.T) { pulled(t, "oci:"+t.TempDir()+"/none:2", "cannot open it: there is nothing") })
}

// pulled pulls and wants that error, or the sample if it is "".
func pulled(t *testing.T, name, want string) {
	t.Helper()
	a, err := oci.Pull(t.Context(), place(t, name, oci.Access{PlainHTTP: true}))
	switch {
	case want == "" && (err != nil || a.Digest() != sample().Digest()):
		t.Errorf("%v, %v", a, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), name)):
		t.Errorf("want %q of %s, got %v", want, name, err)
	}
}
