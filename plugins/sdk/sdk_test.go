package sdk_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hotdrop/plugins/abi"
	"hotdrop/plugins/sdk"
)

// declarations is how each language declares an import: the name is the first group.
func declarations() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"c":              regexp.MustCompile(`HD_IMPORT\("(\w+)"\)\s`),
		"go":             regexp.MustCompile(`(?m)^//go:wasmimport hotdrop (\w+)$`),
		"rust":           regexp.MustCompile(`(?m)^        pub fn (\w+)\([^;{]*;$`),
		"assemblyscript": regexp.MustCompile(`@external\("hotdrop", "(\w+)"\)`),
	}
}

// TestEverySDKDeclaresExactlyTheImportsOfTheABI needs no toolchain; the conformance plugins prove the signatures.
func TestEverySDKDeclaresExactlyTheImportsOfTheABI(t *testing.T) {
	want := functions()
	if len(plugged()) != len(declarations()) {
		t.Errorf("%d languages, %d of them known here", len(plugged()), len(declarations()))
	}
	for language, declaration := range declarations() {
		files, err := filepath.Glob(language + "/hotdrop.*")
		if err != nil || len(files) != 1 {
			t.Fatalf("%s: an SDK is one file, not %v", language, files)
		}
		text, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, match := range declaration.FindAllSubmatch(text, -1) {
			got = append(got, string(match[1]))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s declares\n%v, want\n%v", files[0], got, want)
		}
		if !strings.Contains(string(text), abi.ExportVersion) {
			t.Errorf("%s does not export %s", files[0], abi.ExportVersion)
		}
	}
}

// paths returns the paths of files that are the same in every language, for the name x.
func paths(l sdk.Language) map[string]sdk.File {
	files := map[string]sdk.File{}
	for _, file := range l.Files("x", "ann") {
		files[file.Path] = file
	}
	return files
}

func TestEveryFolderHasWhatItsAuthorNeeds(t *testing.T) {
	for _, l := range sdk.Languages() {
		needed := []string{"README.md", ".gitignore", "x.vectors.yaml"}
		if l.Builds() {
			needed = append(needed, "mechanic.yaml", sdk.Recipe)
		} else {
			needed = append(needed, "x.yaml")
		}
		files := paths(l)
		for _, name := range needed {
			if _, there := files[name]; !there {
				t.Errorf("%s: %s is missing from %v", l.Name, name, slices.Sorted(maps.Keys(files)))
			}
		}
		for name, file := range files {
			if strings.Contains(name+string(file.Text), "my-mechanic") || strings.Contains(string(file.Text), "author: you") {
				t.Errorf("%s: %s still has the template's name, or nobody for its author", l.Name, name)
			}
			if file.Executable != (name == sdk.Recipe) {
				t.Errorf("%s: %s: executable is %v", l.Name, name, file.Executable)
			}
		}
	}
}

func TestTheSDKInAFolderIsTheSDK(t *testing.T) {
	for _, l := range plugged() {
		files, _ := filepath.Glob(l.Folder + "/hotdrop.*")
		want, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, file := range l.Files("x", "ann") {
			if path.Base(file.Path) == filepath.Base(files[0]) && bytes.Equal(file.Text, want) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%s: %d copies of %s", l.Name, found, files[0])
		}
	}
}

// TestARecipeSaysHowToInstallWhatIsMissing runs every recipe where no toolchain is.
func TestARecipeSaysHowToInstallWhatIsMissing(t *testing.T) {
	tools := t.TempDir()
	for _, tool := range []string{"dirname", "sed", "ls", "cut", "cat"} {
		at, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(at, filepath.Join(tools, tool)); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range plugged() {
		text, err := os.ReadFile(l.Folder + "/" + sdk.Recipe)
		if err != nil {
			t.Fatal(err)
		}
		recipe := filepath.Join(t.TempDir(), sdk.Recipe)
		// Debian's compiler is looked for by its whole path too.
		elsewhere := strings.ReplaceAll(string(text), "/usr/bin/rustc", "/nowhere/rustc")
		if err := os.WriteFile(recipe, []byte(elsewhere), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "/bin/sh", recipe, "--check")
		cmd.Env = []string{"PATH=" + tools}
		said, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 69 || !strings.Contains(string(said), "sudo apt-get install ") {
			t.Errorf("%s: %v, %s", l.Name, err, said)
		}
	}
}

// TestTheGoSDKPassesVet: its files are for wasip1 alone, so the module's own vet never sees them.
func TestTheGoSDKPassesVet(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "vet", "./go", "./go/testdata/conformance", "../library/trade-in/go")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}
