// Package library is the rules that ship with hotdrop: for each NAME.yaml, the rule as a brand would write it, and
// NAME.vectors.yaml, what it decides. A campaign binds one by its name, or copies it and changes it.
package library

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"hotdrop/core"
	"hotdrop/rules"
)

//go:embed *.yaml
var files embed.FS

const vectorsSuffix = ".vectors.yaml"

// Entry is one shipped rule.
type Entry struct {
	Rule    *rules.Rule
	Source  []byte // the rule file
	Vectors []byte // the vector file
}

// Names returns the names of the shipped rules, sorted.
func Names() []string {
	listed, err := fs.ReadDir(files, ".")
	if err != nil {
		panic(err) // the root of an embedded file system can be read
	}
	var names []string
	for _, file := range listed {
		if !strings.HasSuffix(file.Name(), vectorsSuffix) {
			names = append(names, strings.TrimSuffix(file.Name(), ".yaml"))
		}
	}
	return names
}

// Open returns the shipped rule of that name. A name that is not in [Names] fails with *[core.Problems], whose only
// problem has the path mechanic and names the nearest rule there is.
func Open(name string) (*Entry, error) {
	if names := Names(); !slices.Contains(names, name) {
		return nil, unknown(name, names)
	}
	source, err := files.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("read the rule %s: %w", name, err)
	}
	vectors, err := files.ReadFile(name + vectorsSuffix)
	if err != nil {
		return nil, fmt.Errorf("read the vectors of %s: %w", name, err)
	}
	rule, err := rules.Parse(source)
	if err != nil {
		return nil, fmt.Errorf("%s.yaml: %w", name, err)
	}
	return &Entry{Rule: rule, Source: source, Vectors: vectors}, nil
}

func unknown(name string, names []string) error {
	problem := core.Problem{
		Path: "mechanic", Message: fmt.Sprintf("there is no shipped rule %q", name),
		Hint: "there are " + strings.Join(names, ", "),
	}
	if nearest := core.Nearest(name, names); nearest != "" {
		problem.Hint = fmt.Sprintf("did you mean %s?", nearest)
	}
	return &core.Problems{List: []core.Problem{problem}}
}

// Compile compiles the shipped rule of that name for a binding's config. Problems have paths relative to the binding:
// mechanic, config, config.amount.
func Compile(name string, config core.Object) (core.Mechanic, error) {
	entry, err := Open(name)
	if err != nil {
		return nil, err
	}
	mechanic, err := entry.Rule.Compile(config)
	if problems, ok := errors.AsType[*core.Problems](err); ok {
		return nil, ofBinding(problems)
	}
	return mechanic, err
}

// ofBinding puts problems of the rule's own text under config: the rule is sound, so the config made it too expensive.
func ofBinding(problems *core.Problems) *core.Problems {
	moved := &core.Problems{}
	for _, problem := range problems.List {
		if !strings.HasPrefix(problem.Path, "config.") {
			problem = core.Problem{Path: "config", Message: problem.Path + ": " + problem.Message, Hint: problem.Hint}
		}
		moved.List = append(moved.List, problem)
	}
	return moved
}
