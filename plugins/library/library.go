// Package library is the plugins that ship with hotdrop: for each a folder with its C source, its module, its manifest
// (mechanic.yaml) and its vectors. The modules are committed, so that building hotdrop needs no C compiler; build.sh
// makes them again, byte for byte.
//
// The folders go, rust and assemblyscript in some of them are the same plugin in those languages, as examples of their SDKs:
// the same manifest, the same vectors, the same effects. Only the module from C is embedded.
//
// Each is also a rule of the same name (rules/library): both forms pass the vectors of both and decide the same on facts
// and parameters at random.
package library

import (
	"embed"
	"fmt"
	"io/fs"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

//go:generate ./build.sh

//go:embed */mechanic.yaml */*.wasm */*.vectors.yaml
var files embed.FS

// Entry is one shipped plugin.
type Entry struct {
	Manifest *core.Manifest // as written; the host fills in kind and digest
	Wasm     []byte         // the module
	Vectors  []byte         // the vector file
}

// Names returns the names of the shipped plugins, sorted.
func Names() []string {
	folders, err := fs.ReadDir(files, ".")
	if err != nil {
		panic(err) // the root of an embedded file system can be read
	}
	names := make([]string, len(folders))
	for i, folder := range folders {
		names[i] = folder.Name()
	}
	return names
}

// Open returns the shipped plugin of that name. A name that is not in [Names] fails with an [core.Error] of code
// not_found.
func Open(name string) (*Entry, error) {
	manifest, err := files.ReadFile(name + "/mechanic.yaml")
	if err != nil {
		return nil, &core.Error{Code: core.CodeNotFound, Message: fmt.Sprintf("there is no shipped plugin %q", name), Err: err}
	}
	entry := &Entry{Manifest: &core.Manifest{}}
	if _, err := campaignfile.Decode(manifest, entry.Manifest); err != nil {
		return nil, fmt.Errorf("%s/mechanic.yaml: %w", name, err)
	}
	if entry.Wasm, err = files.ReadFile(name + "/" + name + ".wasm"); err != nil {
		return nil, fmt.Errorf("read the module of %s: %w", name, err)
	}
	if entry.Vectors, err = files.ReadFile(name + "/" + name + ".vectors.yaml"); err != nil {
		return nil, fmt.Errorf("read the vectors of %s: %w", name, err)
	}
	return entry, nil
}
