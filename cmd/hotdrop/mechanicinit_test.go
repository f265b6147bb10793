package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins/sdk"
	"hotdrop/plugins/sdk/toolchain"
	"hotdrop/rules"
)

// TestEveryLanguageGoesFromAnEmptyFolderToPassedVectors does what the command says is next.
func TestEveryLanguageGoesFromAnEmptyFolderToPassedVectors(t *testing.T) {
	installed, err := filepath.Abs("../../plugins/sdk/assemblyscript/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range sdk.Languages() {
		t.Run(language.Name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			r := do(t, "mechanic", "init", "--lang", language.Name, "second-hand")
			if r.code != exitOK || r.stderr != "" && language.Name == "go" {
				t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			for _, want := range []string{"cd second-hand\n", "hotdrop mechanic test\n", "second-hand/README.md\n"} {
				if !strings.Contains(r.stdout, want) {
					t.Errorf("%q is not in\n%s", want, r.stdout)
				}
			}
			t.Chdir("second-hand")
			if language.Builds() {
				if err := os.Symlink(installed, "node_modules"); err != nil { // what the first build would fetch
					t.Fatal(err)
				}
				toolchain.Guest{Language: language.Folder, Recipe: sdk.Recipe}.Version(t)
				if text, err := exec.CommandContext(t.Context(), "./"+sdk.Recipe).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, text)
				}
			}
			if r := do(t, "mechanic", "test"); r.code != exitOK || !strings.Contains(r.stdout, "5 passed, 0 failed") {
				t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
			}
		})
	}
}

// TestTheReadmeOfANewMechanicNamesCommandsThatExist, and their flags: three to make it, the others to bring it to a server.
func TestTheReadmeOfANewMechanicNamesCommandsThatExist(t *testing.T) {
	for _, language := range sdk.Languages() {
		t.Run(language.Name, func(t *testing.T) {
			blocks := shellBlocks(readmeOf(t, language))
			if len(blocks) != 2 || len(blocks[0]) != 3 {
				t.Fatalf("it has %q, want three commands and then those for a server", blocks)
			}
			for _, line := range slices.Concat(blocks...) {
				checkCommand(t, line)
			}
			want := "hotdrop mechanic submit x.packed.wasm "
			if !language.Builds() {
				want = "hotdrop campaign apply "
			}
			if !strings.HasPrefix(blocks[1][0], want) {
				t.Errorf("onto a server it goes by %q, want %q", blocks[1][0], want)
			}
		})
	}
}

// readmeOf returns the README of a new mechanic with the name x.
func readmeOf(t *testing.T, language sdk.Language) string {
	t.Helper()
	for _, file := range language.Files("x", "ann") {
		if file.Path == "README.md" {
			return string(file.Text)
		}
	}
	t.Fatal("there is no README.md")
	return ""
}

// shellBlocks returns the commands of each block of a README.
func shellBlocks(readme string) [][]string {
	var blocks [][]string
	for _, after := range strings.Split(readme, "```sh\n")[1:] {
		block, _, _ := strings.Cut(after, "```")
		blocks = append(blocks, strings.Split(strings.TrimSpace(block), "\n"))
	}
	return blocks
}

// checkCommand checks that the binary, or the folder, has the command of a README's line and its flags.
func checkCommand(t *testing.T, line string) {
	t.Helper()
	words := strings.Fields(line)
	if words[0] == "./"+sdk.Recipe {
		return
	}
	started := false
	command, rest, err := newRoot(&started).Find(words[1:])
	if words[0] != "hotdrop" || err != nil || !command.Runnable() {
		t.Errorf("there is no %q: %v", line, err)
		return
	}
	for _, word := range rest {
		if name, isFlag := strings.CutPrefix(word, "--"); isFlag && command.Flags().Lookup(name) == nil {
			t.Errorf("%q: there is no --%s", line, name)
		}
	}
}

func TestAMissingToolchainIsNamedAndTheFolderMadeAllTheSame(t *testing.T) {
	t.Chdir(t.TempDir())
	tools := t.TempDir()
	for _, tool := range []string{"sh", "dirname"} {
		at, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(at, filepath.Join(tools, tool)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", tools)
	r := do(t, "mechanic", "init", "--lang", "c", "second-hand")
	if r.code != exitOK || !strings.Contains(r.stderr, "sudo apt-get install clang lld\n") {
		t.Errorf("exit %d, %q", r.code, r.stderr)
	}
	if info, err := os.Stat("second-hand/" + sdk.Recipe); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestInitKeepsWhatIsThere(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, ".", "file", "mine")
	if err := os.MkdirAll("full", 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "full", "mechanic.yaml", "mine")
	for name, want := range map[string]string{"full": "exists and is not empty", "file": "cannot become a folder"} {
		r := do(t, "mechanic", "init", "--lang", "c", name)
		if r.code != exitFailed || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: exit %d, %q", name, r.code, r.stderr)
		}
	}
	for _, name := range []string{"file", "full/mechanic.yaml"} {
		if text, err := os.ReadFile(name); err != nil || string(text) != "mine" {
			t.Errorf("%s became %q, %v", name, text, err)
		}
	}
	if entries, err := os.ReadDir("full"); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	if err := os.MkdirAll("empty", 0o700); err != nil {
		t.Fatal(err)
	}
	if r := do(t, "mechanic", "init", "--lang", "expr", "empty"); r.code != exitOK {
		t.Errorf("an empty folder: exit %d, %q", r.code, r.stderr)
	}
}

func TestInitRefusesNamesThatNotEveryLanguageTakes(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{
		"", "Up", "2nd", "a_b", "a--b", "-a", "a-", "a b", "../up", "a/b", ".", "折扣", "a\n", "mechanic", "hotdrop", strings.Repeat("a", 64),
	} {
		if r := do(t, "mechanic", "init", "--lang", "expr", "--", name); r.code != exitUsage || !strings.Contains(r.stderr, "name") {
			t.Errorf("%q: exit %d, %q", name, r.code, r.stderr)
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// authorOf is whom the manifest of a new mechanic names, as what reads it says.
func authorOf(name, language string) (string, error) {
	if language == "expr" {
		text, err := os.ReadFile(filepath.Join(name, name+".yaml"))
		if err != nil {
			return "", err
		}
		rule, err := rules.Parse(text)
		if err != nil {
			return "", err
		}
		return rule.Manifest().Author, nil
	}
	text, err := os.ReadFile(filepath.Join(name, "mechanic.yaml"))
	if err != nil {
		return "", err
	}
	manifest := &core.Manifest{}
	_, err = campaignfile.Decode(text, manifest)
	return manifest.Author, err
}

func TestInitNamesItsAuthor(t *testing.T) {
	t.Chdir(t.TempDir())
	account, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for i, test := range []struct{ asked, want string }{
		{"", account.Username}, {"ann", "ann"}, {" Ann <ann@meizu.example>: \\ #1 ", `Ann <ann@meizu.example>: \ #1`}, {`李娜 "Na"`, `李娜 "Na"`}, {"null", "null"},
	} {
		for _, language := range []string{"c", "expr"} {
			name := fmt.Sprintf("%s-%d", language, i)
			args := []string{"mechanic", "init", "--lang", language, "x" + name}
			if test.asked != "" {
				args = append(args, "--author", test.asked)
			}
			if r := do(t, args...); r.code != exitOK {
				t.Fatalf("%q: exit %d\n%s", test.asked, r.code, r.stderr)
			}
			if got, err := authorOf("x"+name, language); err != nil || got != test.want {
				t.Errorf("%s, asked for %q: %q, %v", language, test.asked, got, err)
			}
		}
	}
	for _, author := range []string{"", " "} {
		if r := do(t, "mechanic", "init", "--lang", "c", "--author", author, "bad"); r.code != exitUsage || !strings.Contains(r.stderr, "--author is empty") {
			t.Errorf("%q: exit %d\n%s", author, r.code, r.stderr)
		}
	}
	for _, author := range []string{"two\nlines", "\x1b[2J", "\xff", strings.Repeat("a", 201)} {
		if r := do(t, "mechanic", "init", "--lang", "c", "--author", author, "bad"); r.code != exitUsage || !strings.Contains(r.stderr, "--author is one line") {
			t.Errorf("%q: exit %d\n%s", author, r.code, r.stderr)
		}
	}
}

func TestInitIsAskedForALanguage(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"--lang", "cobol", "x"}, {"x"}, {"--lang", "c"}, {"--lang", "c", "x", "y"}} {
		r := do(t, append([]string{"mechanic", "init"}, args...)...)
		if r.code != exitUsage || r.stderr == "" {
			t.Errorf("%v: exit %d, %q", args, r.code, r.stderr)
		}
	}
}
