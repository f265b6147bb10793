// Package sdk is what authors write plugins with: for each language one file, the recipe that builds a module with it, and
// a template. [Language.Files] puts them together into a folder of its author's own, which needs nothing of this module.
//
// The SDKs themselves are in the folders c, go, rust and assemblyscript; what they speak is described in package abi.
package sdk

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed template expr/template
//go:embed c/hotdrop.h c/build.sh c/template
//go:embed go/hotdrop.go go/build.sh go/template
//go:embed rust/hotdrop.rs rust/build.sh rust/template
//go:embed assemblyscript/hotdrop.ts assemblyscript/build.sh assemblyscript/package.json assemblyscript/package-lock.json
//go:embed assemblyscript/template
var files embed.FS

// What the templates have in place of the mechanic's name, in names of files too, and in place of its author's.
const (
	placeholder = "my-mechanic"
	nobody      = "author: you\n"
)

// Recipe is the script that builds the module of a folder from [Language.Files]. With --check it prints what is missing.
const Recipe = "build.sh"

// Language is one that a mechanic can be written in.
type Language struct {
	Name   string // as authors call it: go, rust, as, c, expr
	Title  string // as people read it
	Folder string // of this package
	// vendored is which of the SDK's files go into an author's folder, and where.
	vendored map[string]string
}

// Languages returns every language, plugins first. expr is that of rules, which need no SDK and no toolchain.
func Languages() []Language {
	return []Language{
		{"go", "Go", "go", map[string]string{"hotdrop.go": "hotdrop/hotdrop.go", Recipe: Recipe}},
		{"rust", "Rust", "rust", map[string]string{"hotdrop.rs": "src/hotdrop.rs", Recipe: Recipe}},
		{"as", "AssemblyScript", "assemblyscript", map[string]string{
			"hotdrop.ts": "hotdrop.ts", "package.json": "package.json", "package-lock.json": "package-lock.json", Recipe: Recipe,
		}},
		{"c", "C", "c", map[string]string{"hotdrop.h": "hotdrop.h", Recipe: Recipe}},
		{"expr", "a rule", "expr", nil},
	}
}

// Builds reports whether the language needs a build: its folders have a [Recipe].
func (l Language) Builds() bool { return l.vendored != nil }

// File is one file of an author's folder.
type File struct {
	Path       string // slash-separated, relative to the folder
	Text       []byte
	Executable bool
}

// Files returns the folder of a new mechanic with the name, sorted by path: template, SDK and recipe. It builds and passes
// its vectors as it is. The name is not checked; the author is whom its manifest names, any text.
func (l Language) Files(name, author string) []File {
	var folder []File
	for from, to := range l.vendored {
		folder = append(folder, File{to, read(path.Join(l.Folder, from)), to == Recipe})
	}
	if l.Builds() {
		folder = append(folder, filled("template/mechanic.yaml", "mechanic.yaml", name, author))
	}
	folder = append(folder, filled("template/my-mechanic.vectors.yaml", placeholder+".vectors.yaml", name, author))
	root := path.Join(l.Folder, "template")
	walk := func(at string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			folder = append(folder, filled(at, strings.TrimPrefix(at, root+"/"), name, author))
		}
		return err
	}
	if err := fs.WalkDir(files, root, walk); err != nil {
		panic(err) // an embedded file system can be read
	}
	slices.SortFunc(folder, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return folder
}

// filled is a file of a template with the mechanic's name and its author's in it.
func filled(from, to, name, author string) File {
	text := strings.ReplaceAll(string(read(from)), placeholder, name)
	return File{
		Path: strings.ReplaceAll(unhidden(to), placeholder, name),
		Text: []byte(strings.Replace(text, nobody, "author: "+quoted(author)+"\n", 1)),
	}
}

// quoted is a text as YAML, of which JSON is a part, has it on one line.
func quoted(text string) string {
	var line strings.Builder
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a text always encodes
	return strings.TrimSuffix(line.String(), "\n")
}

// unhidden returns the path that a template's file gets. Go and git would take files of these names for their own.
func unhidden(to string) string {
	switch to {
	case "gitignore", "cargo/config.toml":
		return "." + to
	}
	return strings.TrimSuffix(to, ".txt")
}

func read(name string) []byte {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(fmt.Sprintf("the embedded file %s cannot be read: %v", name, err))
	}
	return text
}
