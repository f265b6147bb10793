package plugins

import (
	"maps"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"hotdrop/core"
	"hotdrop/plugins/abi"
)

// checkModule returns everything by which a compiled module breaks the ABI or its manifest. Paths are imports.<name>,
// exports.<name> and the like; the list is empty for a module that keeps both. The names are those of the mutable
// globals, which the host resets.
func checkModule(m *core.Manifest, compiled wazero.CompiledModule, wasm []byte) (globals []string, problems *core.Problems) {
	problems = &core.Problems{}
	checkImports(m, compiled, problems)
	checkExports(m, compiled, problems)
	s, err := readSections(wasm)
	if err != nil {
		problems.Add("", "cannot be read: %v", err)
		return nil, problems
	}
	checkState(s, compiled, problems)
	for _, index := range s.mutable {
		globals = append(globals, s.exported[index])
	}
	return globals, problems
}

func checkImports(m *core.Manifest, compiled wazero.CompiledModule, problems *core.Problems) {
	known := map[string]abi.Function{}
	for _, f := range abi.Functions() {
		known[f.Name] = f
	}
	for _, f := range compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		path := "imports." + module + "." + name
		want, ok := known[name]
		if module != abi.Module || !ok {
			problems.Add(path, "is not an import of the ABI")
			continue
		}
		if got := signature(f); got != want.String() {
			problems.Add(path, "has the signature %s, not %s", got, want)
		}
		if isEffect(name) && !slices.Contains(m.Effects, core.EffectKind(name)) {
			problems.Add(path, "is an effect that the manifest does not declare")
		}
	}
}

func isEffect(name string) bool {
	return slices.ContainsFunc(abi.Effects(), func(f abi.Function) bool { return f.Name == name })
}

// checkExports holds the exported functions against the manifest. Names that mean nothing to the ABI may be exported:
// compilers do, and nothing calls them.
func checkExports(m *core.Manifest, compiled wazero.CompiledModule, problems *core.Problems) {
	exports := compiled.ExportedFunctions()
	required := []string{abi.ExportVersion}
	for _, hook := range m.Hooks {
		required = append(required, string(hook))
	}
	for _, name := range required {
		if exports[name] == nil {
			problems.Add("exports."+name, "is missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(exports)) {
		checkExport(name, exports[name], required, problems)
	}
}

func checkExport(name string, f api.FunctionDefinition, required []string, problems *core.Problems) {
	path := "exports." + name
	declared := slices.Contains(required, name)
	switch {
	case !declared && slices.Contains(core.Hooks(), core.Hook(name)):
		problems.Add(path, "is a hook that the manifest does not name")
	case !declared && strings.HasPrefix(name, "hotdrop_"):
		problems.Add(path, "is not an export of this version of the ABI")
	case !declared && name != abi.ExportInitialize:
		return
	}
	if got, want := signature(f), abi.Signature(nil, nil); got != want {
		problems.Add(path, "has the signature %s, not %s", got, want)
	}
}

// checkState refuses what would let one decision leave something for the next: a start function, whose effect no
// snapshot covers, and a memory or a mutable global that is not exported.
func checkState(s *sections, compiled wazero.CompiledModule, problems *core.Problems) {
	if s.start {
		problems.Add("start", "a start function is not allowed; export %s instead", abi.ExportInitialize)
	}
	if len(compiled.ImportedMemories()) > 0 {
		problems.Add("imports", "a memory cannot be imported")
	}
	if _, exported := compiled.ExportedMemories()[abi.ExportMemory]; s.memories > 0 && !exported {
		problems.Add("exports."+abi.ExportMemory, "is missing, but the module has a memory")
	}
	for _, index := range s.mutable {
		if s.exported[index] == "" {
			problems.Add("globals", "global %d is mutable and not exported, so it could not be reset", index)
		}
	}
}

// signature renders a function's type as the ABI does; types that the ABI does not know keep their own names.
func signature(f api.FunctionDefinition) string {
	return typeList(f.ParamTypes()) + " -> " + typeList(f.ResultTypes())
}

func typeList(types []api.ValueType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = api.ValueTypeName(t)
	}
	return "(" + strings.Join(names, ", ") + ")"
}
