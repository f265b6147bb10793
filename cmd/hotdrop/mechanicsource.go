package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins"
	pluginlibrary "hotdrop/plugins/library"
	"hotdrop/plugins/sdk"
	"hotdrop/rules"
	rulelibrary "hotdrop/rules/library"
)

// The two kinds of mechanics.
const (
	kindRule   = "rule"
	kindPlugin = "plugin"
)

// sourceFile is one file of a mechanic. text is nil if there is none; then name is where it was looked for.
type sourceFile struct {
	name string
	text []byte
}

// mechanicSource is a mechanic as its author has it: the files of a rule or of a plugin, not yet checked.
type mechanicSource struct {
	kind     string
	place    string     // what a person calls it on the command line: the folder, the file, or a shipped mechanic's name
	rule     sourceFile // of a rule
	manifest sourceFile // of a plugin
	module   sourceFile // of a plugin
	vectors  sourceFile
}

// parsedMechanic is a mechanic whose files are sound as far as that is known without running it.
type parsedMechanic struct {
	*mechanicSource
	described *core.Manifest // with kind and digest
	parsed    *rules.Rule    // of a rule
	cases     *campaignfile.Vectors
}

// title names the mechanic in what people read.
func (m *parsedMechanic) title() string {
	return fmt.Sprintf("%s (%s)", m.described.Name, m.described.Kind)
}

// parse reads the mechanic's files. The error is a *fileProblems that names the file.
func (s *mechanicSource) parse() (*parsedMechanic, error) {
	m := &parsedMechanic{mechanicSource: s}
	read := m.readPlugin
	if s.kind == kindRule {
		read = m.readRule
	}
	if err := read(); err != nil {
		return nil, err
	}
	err := m.readVectors()
	return m, err
}

func (m *parsedMechanic) readRule() error {
	rule, err := rules.Parse(m.rule.text)
	if err != nil {
		return fileError(m.rule.name, err)
	}
	m.parsed, m.described = rule, rule.Manifest()
	return nil
}

func (m *parsedMechanic) readPlugin() error {
	if m.manifest.text == nil {
		return missing(m.manifest.name)
	}
	if m.module.text == nil {
		return &nextError{missing(m.module.name), buildCommand(m.module.name)}
	}
	m.described = &core.Manifest{}
	file, err := campaignfile.Decode(m.manifest.text, m.described)
	if err != nil {
		return fileError(m.manifest.name, err)
	}
	problems := m.described.Validate()
	file.Locate(problems)
	if problems.Err() != nil {
		return fileError(m.manifest.name, problems)
	}
	m.described.Kind, m.described.Digest = kindPlugin, plugins.Digest(m.module.text)
	return nil
}

func (m *parsedMechanic) readVectors() error {
	if m.vectors.text == nil {
		m.cases = &campaignfile.Vectors{Mechanic: m.described.Name}
		return nil
	}
	cases, err := campaignfile.ParseVectors(m.vectors.text)
	if err != nil {
		return fileError(m.vectors.name, err)
	}
	m.cases = cases
	return nil
}

// placeOf returns line and column of a path in the vectors, both from 1.
func (m *parsedMechanic) placeOf(path string) (line, column int) {
	located := &core.Problems{}
	located.Add(path, "here")
	file, _ := campaignfile.Decode(m.vectors.text, &campaignfile.Vectors{}) // it has been read without problems
	file.Locate(located)
	return located.List[0].Line, located.List[0].Column
}

// buildCommand makes a module that is not there: the recipe of `mechanic init` if it is beside it.
func buildCommand(module string) string {
	folder := filepath.Dir(module)
	if _, err := os.Stat(filepath.Join(folder, sdk.Recipe)); err != nil {
		return "build the module from its source"
	}
	if folder == "." {
		return "./" + sdk.Recipe
	}
	return "cd " + quoted(folder) + " && ./" + sdk.Recipe
}

// missing is the problem of a file that a mechanic needs and does not have.
func missing(name string) error {
	return fileError(name, &core.Problems{List: []core.Problem{{Message: noSuchFile}}})
}

// withoutVectors is the problem of a mechanic that has no vectors, where some are needed.
func (s *mechanicSource) withoutVectors() error {
	why := fmt.Errorf("%s: there are no vectors; write some: facts, and the effects that follow", s.vectors.name)
	return &nextError{why, commandLine("run", s.place)}
}

// shippedSources returns the mechanics of the binary: rules, then plugins, each sorted by name.
func shippedSources() ([]*mechanicSource, error) {
	var all []*mechanicSource
	for _, name := range rulelibrary.Names() {
		entry, err := rulelibrary.Open(name)
		if err != nil {
			return nil, err
		}
		all = append(all, &mechanicSource{
			kind: kindRule, place: name, rule: shippedFile(name+".yaml", entry.Source),
			vectors: shippedFile(name+vectorsSuffix, entry.Vectors),
		})
	}
	for _, name := range pluginlibrary.Names() {
		entry, err := pluginlibrary.Open(name)
		if err != nil {
			return nil, err
		}
		manifest, err := json.Marshal(entry.Manifest)
		if err != nil {
			return nil, err
		}
		all = append(all, &mechanicSource{
			kind: kindPlugin, place: name, manifest: shippedFile(manifestName, manifest),
			module: shippedFile(name+moduleSuffix, entry.Wasm), vectors: shippedFile(name+vectorsSuffix, entry.Vectors),
		})
	}
	return all, nil
}

func shippedFile(name string, text []byte) sourceFile {
	return sourceFile{"shipped:" + name, text}
}
