package plugins

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"hotdrop/core"
	"hotdrop/plugins/abi"
	"hotdrop/plugins/wasm"
)

// Check decodes a module and returns everything by which it breaks the limits, the ABI or its manifest, which the host
// completes with kind and digest. Nothing is compiled, so the module may be anybody's. Paths are imports.<module>.<name>,
// exports.<name> and the like, "" for the module itself; messages begin with a code of package abi where one applies. The
// module is nil if it could not be decoded; the error is a *[core.Problems].
func Check(manifest *core.Manifest, module []byte, limits Limits) (*core.Manifest, *wasm.Module, error) {
	m, problems := describe(manifest, module)
	decoded, err := wasm.Decode(module, limits.shape())
	if refusal, ok := errors.AsType[*wasm.Error](err); ok {
		problems.Add("", "%s", refusal.Error())
		return m, nil, problems
	}
	if err != nil {
		return m, nil, fmt.Errorf("decode the module: %w", err)
	}
	c := &checker{manifest: m, module: decoded, problems: problems}
	c.imports()
	c.exports()
	c.state()
	return m, decoded, problems.Err()
}

// describe returns a copy of the manifest with kind and digest filled in, and what is wrong with it.
func describe(manifest *core.Manifest, module []byte) (*core.Manifest, *core.Problems) {
	m := *manifest
	m.Kind, m.Digest = "plugin", Digest(module)
	problems := m.Validate()
	if problems == nil {
		problems = &core.Problems{}
	}
	if manifest.Digest != "" && manifest.Digest != m.Digest {
		problems.Add("digest", "is %s, but the module's is %s", manifest.Digest, m.Digest)
	}
	return &m, problems
}

// checker holds a decoded module against the ABI and its manifest.
type checker struct {
	manifest *core.Manifest
	module   *wasm.Module
	problems *core.Problems
}

func (c *checker) imports() {
	known := importable()
	for i := range c.module.Imports {
		in := &c.module.Imports[i]
		path := "imports." + in.Module + "." + in.Name
		want, ok := known[in.Module+"."+in.Name]
		switch {
		case in.Kind != wasm.KindFunction:
			c.problems.Add(path, "%s: a %s cannot be imported", abi.CodeImportRefused, in.Kind)
		case !ok:
			c.problems.Add(path, "%s: is not an import of the ABI", abi.CodeImportRefused)
		case signature(c.module.Types[in.TypeIndex]) != want.String():
			c.problems.Add(path, "%s: has the signature %s, not %s", abi.CodeImportRefused,
				signature(c.module.Types[in.TypeIndex]), want)
		case in.Module == abi.Module && isEffect(in.Name) && !slices.Contains(c.manifest.Effects, core.EffectKind(in.Name)):
			c.problems.Add(path, "%s: is an effect that the manifest does not declare", abi.CodeImportRefused)
		}
	}
}

// importable returns everything that a module may import, by "module.name".
func importable() map[string]abi.Function {
	known := map[string]abi.Function{}
	for _, f := range abi.Functions() {
		known[abi.Module+"."+f.Name] = f
	}
	for _, f := range abi.WASI() {
		known[abi.ModuleWASI+"."+f.Name] = f
	}
	return known
}

func isEffect(name string) bool {
	return slices.ContainsFunc(abi.Effects(), func(f abi.Function) bool { return f.Name == name })
}

// exports holds the exported functions against the manifest. Names that mean nothing to the ABI may be exported:
// compilers do, and nothing calls them.
func (c *checker) exports() {
	required := []string{abi.ExportVersion}
	for _, hook := range c.manifest.Hooks {
		required = append(required, string(hook))
	}
	for _, name := range required {
		if c.export(name, wasm.KindFunction) == nil {
			c.problems.Add("exports."+name, "is missing")
		}
	}
	for i := range c.module.Exports {
		c.checkExport(&c.module.Exports[i], required)
	}
}

// export returns the export of the name and kind, nil if there is none.
func (c *checker) export(name string, kind wasm.Kind) *wasm.Export {
	for i := range c.module.Exports {
		if e := &c.module.Exports[i]; e.Name == name && e.Kind == kind {
			return e
		}
	}
	return nil
}

func (c *checker) checkExport(e *wasm.Export, required []string) {
	path := "exports." + e.Name
	declared := slices.Contains(required, e.Name)
	switch {
	case strings.HasPrefix(e.Name, abi.ReservedPrefix):
		c.problems.Add(path, "names that begin with %s are the host's", abi.ReservedPrefix)
		return
	case e.Kind != wasm.KindFunction:
		return
	case !declared && slices.Contains(core.Hooks(), core.Hook(e.Name)):
		c.problems.Add(path, "is a hook that the manifest does not name")
	case !declared && strings.HasPrefix(e.Name, "hotdrop_"):
		c.problems.Add(path, "is not an export of this version of the ABI")
	case !declared && e.Name != abi.ExportInitialize:
		return
	}
	if got, want := signature(c.functionType(e.Index)), abi.Signature[abi.Type](nil, nil); got != want {
		c.problems.Add(path, "has the signature %s, not %s", got, want)
	}
}

// functionType returns the type of a function of the index space, imports first.
func (c *checker) functionType(index uint32) wasm.FuncType {
	at := int(index)
	for i := range c.module.Imports {
		in := &c.module.Imports[i]
		if in.Kind != wasm.KindFunction {
			continue
		}
		if at == 0 {
			return c.module.Types[in.TypeIndex]
		}
		at--
	}
	return c.module.Types[c.module.Functions[at]]
}

// state refuses what no snapshot covers: a start function, and a memory that the host cannot see.
func (c *checker) state() {
	if c.module.Start != nil {
		c.problems.Add("start", "a start function is not allowed; export %s instead", abi.ExportInitialize)
	}
	if len(c.module.Memories) > 0 && c.export(abi.ExportMemory, wasm.KindMemory) == nil {
		c.problems.Add("exports."+abi.ExportMemory, "is missing, but the module has a memory")
	}
}

func signature(t wasm.FuncType) string { return abi.Signature(t.Params, t.Results) }
