package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins"
)

// How the files of a mechanic are named: NAME.yaml is a rule, mechanic.yaml the manifest of the plugin NAME.wasm, and
// NAME.vectors.yaml holds the vectors of either. A packed module carries manifest and vectors itself.
const (
	manifestName  = "mechanic.yaml"
	moduleSuffix  = ".wasm"
	packedSuffix  = ".packed.wasm"
	vectorsSuffix = ".vectors.yaml"
)

// maxModuleFile bounds what is read of a module before its own limits are looked at, bytes.
const maxModuleFile = 32 << 20

// What the files in a folder are, by the keys at their top.
var (
	ruleKey    = regexp.MustCompile(`(?m)^(\{\s*)?"?rule"?\s*:`)
	vectorsKey = regexp.MustCompile(`(?m)^(\{\s*)?"?vectors"?\s*:`)
)

// findMechanics returns the mechanics that a path names: a folder, a module, a rule, a vector file, or the name of
// shipped ones. Without a path it is the mechanic in the current folder.
func findMechanics(path string) ([]*mechanicSource, error) {
	if path == "" {
		return mechanicHere()
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return shippedNamed(path, fmt.Errorf("%s: there is no such file or folder", path))
	case err != nil:
		return nil, err
	case info.IsDir():
		return belowFolder(path)
	default:
		return atFile(path)
	}
}

// findMechanic is findMechanics for commands that work with one mechanic; of the shipped ones of a name it is the rule.
func findMechanic(path string) (*mechanicSource, error) {
	if path == "" {
		path = "."
	}
	found, err := findMechanics(path)
	if err != nil {
		return nil, err
	}
	var places []string
	for _, s := range found {
		places = append(places, s.place)
	}
	if places = slices.Compact(places); len(places) > 1 {
		return nil, fmt.Errorf("%s has %d mechanics; name one of %s", path, len(places), strings.Join(places, ", "))
	}
	return found[0], nil
}

// shippedNamed returns the shipped mechanics of that name, or that there are none beside what was looked for first.
func shippedNamed(name string, first error) ([]*mechanicSource, error) {
	all, err := shippedSources()
	if err != nil {
		return nil, err
	}
	var names []string
	var found []*mechanicSource
	for _, s := range all {
		names = append(names, s.place)
		if s.place == name {
			found = append(found, s)
		}
	}
	switch near := core.Nearest(name, names); {
	case len(found) > 0:
		return found, nil
	case near != "" && !strings.ContainsAny(name, `./\`):
		return nil, &nextError{fmt.Errorf("%s is neither a file nor a shipped mechanic (did you mean %s?)", name, near), "hotdrop mechanic list"}
	default:
		return nil, &nextError{fmt.Errorf("%w, and no shipped mechanic has that name", first), "hotdrop mechanic list"}
	}
}

// belowFolder returns the mechanics in a folder, or else those in the folders directly below it.
func belowFolder(folder string) ([]*mechanicSource, error) {
	found, err := inFolder(folder)
	if err != nil || len(found) > 0 {
		return found, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if !entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		below, err := inFolder(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		found = append(found, below...)
	}
	if len(found) == 0 {
		why := fmt.Errorf("%s has no mechanic: neither %s with its module, nor a rule, nor a packed module", folder, manifestName)
		return nil, &nextError{why, "hotdrop mechanic init --help"}
	}
	return found, nil
}

// inFolder returns the plugin in a folder, or else its rules, or else its packed modules.
func inFolder(folder string) ([]*mechanicSource, error) {
	manifest := filepath.Join(folder, manifestName)
	if _, err := os.Stat(manifest); err == nil {
		plugin, err := pluginOf(manifest)
		return []*mechanicSource{plugin}, err
	}
	rules, err := rulesIn(folder)
	if err != nil || len(rules) > 0 {
		return rules, err
	}
	packed, err := filepath.Glob(filepath.Join(escapeGlob(folder), "*"+packedSuffix))
	if err != nil || len(packed) == 0 {
		return nil, err
	}
	var found []*mechanicSource
	for _, module := range packed {
		source, err := pluginIn(module)
		if err != nil {
			return nil, err
		}
		found = append(found, source)
	}
	return found, nil
}

// rulesIn returns the rules of a folder. Whatever other YAML there is, campaigns for instance, is none of them.
func rulesIn(folder string) ([]*mechanicSource, error) {
	names, err := filepath.Glob(filepath.Join(escapeGlob(folder), "*.yaml"))
	if err != nil {
		return nil, err
	}
	var found []*mechanicSource
	for _, name := range names {
		if strings.HasSuffix(name, vectorsSuffix) {
			continue
		}
		file, err := readSource(name)
		if err != nil || !ruleKey.Match(file.text) {
			continue // too long, unreadable, or something else: whoever names it is told
		}
		source, err := ruleOf(file)
		if err != nil {
			return nil, err
		}
		found = append(found, source)
	}
	return found, nil
}

// escapeGlob makes a folder's name match only itself.
func escapeGlob(folder string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder)
}

// atFile returns the mechanic that a file is of.
func atFile(path string) ([]*mechanicSource, error) {
	one := func(source *mechanicSource, err error) ([]*mechanicSource, error) {
		if err != nil {
			return nil, err
		}
		source.place = path
		return []*mechanicSource{source}, nil
	}
	switch {
	case filepath.Base(path) == manifestName:
		return one(pluginOf(path))
	case strings.HasSuffix(path, moduleSuffix):
		return one(pluginIn(path))
	}
	file, err := readSource(path)
	if err != nil {
		return nil, err
	}
	if isVectors := strings.HasSuffix(path, vectorsSuffix) || vectorsKey.Match(file.text) && !ruleKey.Match(file.text); isVectors {
		return withVectors(file)
	}
	return one(ruleOf(file))
}

// ruleOf returns the rule of a file with the vectors beside it.
func ruleOf(file sourceFile) (*mechanicSource, error) {
	stem := strings.TrimSuffix(file.name, filepath.Ext(file.name))
	vectors, err := readSource(stem + vectorsSuffix)
	return &mechanicSource{kind: kindRule, place: file.name, rule: file, vectors: vectors}, err
}

// pluginOf returns the plugin that a manifest describes, with the module and the vectors beside it.
func pluginOf(path string) (*mechanicSource, error) {
	manifest, err := readSource(path)
	if err != nil {
		return nil, err
	}
	module, err := readNamed(path, nameIn(manifest), moduleSuffix, packedSuffix)
	if err != nil {
		return nil, err
	}
	vectors, err := readNamed(path, nameIn(manifest), vectorsSuffix, "")
	return &mechanicSource{kind: kindPlugin, place: filepath.Dir(path), manifest: manifest, module: module, vectors: vectors}, err
}

// nameIn is the mechanic's name in a manifest, whatever else is wrong with it; without one it is that of the folder.
func nameIn(manifest sourceFile) string {
	described := &core.Manifest{}
	_, _ = campaignfile.Decode(manifest.text, described) // whoever reads the manifest reports its problems
	folder, _ := filepath.Abs(filepath.Dir(manifest.name))
	return cmp.Or(described.Name, filepath.Base(folder))
}

// readNamed reads the file NAME+suffix in the folder of path, or the only one there with that suffix and without the
// other.
func readNamed(path, name, suffix, without string) (sourceFile, error) {
	wanted := filepath.Join(filepath.Dir(path), filepath.Base(name)+suffix)
	file, err := readSource(wanted)
	if err != nil || file.text != nil {
		return file, err
	}
	found, err := filepath.Glob(filepath.Join(escapeGlob(filepath.Dir(path)), "*"+suffix))
	if err != nil {
		return file, err
	}
	found = slices.DeleteFunc(found, func(name string) bool { return without != "" && strings.HasSuffix(name, without) })
	if len(found) != 1 {
		return file, nil
	}
	return readSource(found[0])
}

// pluginIn returns the plugin of a module: manifest and vectors are those packed into it, else those beside it.
func pluginIn(path string) (*mechanicSource, error) {
	module, err := readSource(path)
	if err != nil {
		return nil, err
	}
	s := &mechanicSource{kind: kindPlugin, place: path, module: module}
	manifest, vectors, err := plugins.Unpack(module.text)
	if err != nil {
		return nil, fileError(path, err)
	}
	s.manifest = sourceFile{path + "#" + plugins.SectionManifest, manifest}
	s.vectors = sourceFile{path + "#" + plugins.SectionVectors, vectors}
	if manifest == nil {
		if s.manifest, err = readSource(filepath.Join(filepath.Dir(path), manifestName)); err != nil {
			return nil, err
		}
	}
	if vectors == nil {
		s.vectors, err = readNamed(path, nameIn(s.manifest), vectorsSuffix, "")
	}
	return s, err
}

// withVectors returns the mechanics that a vector file is for, with that file's vectors: the one beside it, or else the
// shipped ones of the name.
func withVectors(vectors sourceFile) ([]*mechanicSource, error) {
	cases, err := campaignfile.ParseVectors(vectors.text)
	if err != nil {
		return nil, fileError(vectors.name, err)
	}
	found, err := companions(vectors.name, cases.Mechanic)
	if err == nil && len(found) == 0 {
		found, err = shippedNamed(cases.Mechanic, fmt.Errorf("%s is for %q, which is not beside it", vectors.name, cases.Mechanic))
	}
	for _, s := range found {
		s.place, s.vectors = vectors.name, vectors
	}
	return found, err
}

// companions returns the mechanic in the folder of a vector file that has the name.
func companions(path, name string) ([]*mechanicSource, error) {
	inside, err := inFolder(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(inside, func(s *mechanicSource) bool {
		if s.kind == kindPlugin {
			return nameIn(s.manifest) != name
		}
		return strings.TrimSuffix(filepath.Base(s.rule.name), ".yaml") != name
	}), nil
}

// readSource reads a file that a mechanic may have; one that is not there is no error.
func readSource(name string) (sourceFile, error) {
	read := readBounded
	if strings.HasSuffix(name, moduleSuffix) {
		read = readModule
	}
	text, err := read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return sourceFile{name: name}, nil
	}
	return sourceFile{name, text}, err
}

func readModule(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	module, err := io.ReadAll(io.LimitReader(file, maxModuleFile+1))
	if err == nil && len(module) > maxModuleFile {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxModuleFile)
	}
	return module, err
}
