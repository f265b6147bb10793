// Package toolchain lets tests build guests with the SDKs' recipes. A toolchain that is missing skips the test loudly, or
// fails it when HOTDROP_REQUIRE names it: clang, rust or assemblyscript. Go is always there.
package toolchain

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Guest is what a test builds: a language's recipe, and the files that go into it.
type Guest struct {
	Language string // the SDK's folder: c, go, rust or assemblyscript
	Recipe   string // the path of the build.sh
	Source   string // what the recipe builds: a file, for Go a folder
}

// Version returns what the recipe says of the toolchain, such as "clang 14 lld 14", or ends the test if it is missing.
func (g Guest) Version(t testing.TB) string {
	t.Helper()
	if g.Language == "assemblyscript" {
		// npm would fetch it, which is for whoever runs the tests to decide.
		folder := filepath.Dir(g.Recipe)
		if _, err := os.Stat(filepath.Join(folder, "node_modules", ".bin", "asc")); err != nil {
			missing(t, g.Language, "run npm ci in plugins/sdk/assemblyscript")
		}
	}
	text, err := g.run(t, "--check")
	if err != nil {
		missing(t, g.Language, strings.TrimSpace(string(text)))
	}
	return strings.TrimSpace(string(text))
}

// Build returns the module, or ends the test if the toolchain is missing. Files are what the build reads beside the recipe:
// go test takes a result from its cache unless a file changed that the test itself opened.
func (g Guest) Build(t testing.TB, files ...string) []byte {
	t.Helper()
	g.Version(t)
	for _, file := range append(files, g.Recipe) {
		if _, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	target := filepath.Join(t.TempDir(), "guest.wasm")
	if text, err := g.run(t, g.Source, target); err != nil {
		t.Fatalf("%s %s: %v\n%s", g.Recipe, g.Source, err, text)
	}
	wasm, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// run runs the recipe and returns what it says.
func (g Guest) run(t testing.TB, args ...string) ([]byte, error) {
	t.Helper()
	//nolint:gosec // the recipes are the repository's
	return exec.CommandContext(t.Context(), "/bin/sh", append([]string{g.Recipe}, args...)...).CombinedOutput()
}

func missing(t testing.TB, language, reason string) {
	t.Helper()
	required := map[string]string{"c": "clang"}[language]
	if required == "" {
		required = language
	}
	if language == "go" || slices.Contains(strings.Split(os.Getenv("HOTDROP_REQUIRE"), ","), required) {
		t.Fatalf("%s is required: %s", required, reason)
	}
	t.Skipf("NOT TESTED, for want of %s: %s", required, reason)
}
