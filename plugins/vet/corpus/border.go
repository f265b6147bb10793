package corpus

import (
	"hotdrop/core"
	"hotdrop/plugins/abi"
)

// What the host answers before it compiles anything.
const (
	codeImport = "import_refused"
	codeLoad   = "load_refused"
	codeMemory = "memory_limit"
)

// quoting is the manifest of most modules: the hook quote, some facts, every effect that the hook may use.
func quoting() *core.Manifest {
	m := manifest(core.HookQuote)
	m.Facts = []string{"now", "quantity", "item.sku", "item.price", "shopper.id", "shopper.tags", "quota.q", "input.note"}
	return m
}

// manifest is one of the hook with every effect that it may use.
func manifest(hook core.Hook) *core.Manifest {
	m := &core.Manifest{Name: "hostile", Version: "1.0.0", Author: "stranger", Hooks: []core.Hook{hook}, Facts: []string{}}
	for _, kind := range core.EffectKinds() {
		if kind.Allowed(hook) {
			m.Effects = append(m.Effects, kind)
		}
	}
	return m
}

// unloaded is a module that decodes, and that the host refuses before it is compiled.
func unloaded(want, title, attack string, m *module) Module {
	return Module{Name: title, Attack: attack, Stage: StageLoad, Want: want, Manifest: quoting(), Wasm: m.bytes}
}

// foreignImports are modules that ask for functions that no plugin gets.
func foreignImports() []Module {
	importing := func(origin, field, params, results string) *module {
		m := plain()
		m.imports(origin, field, params, results)
		return m.on("quote")
	}
	const preview = "wasi_snapshot_preview1"
	refused := func(title, attack, origin, field, params, results string) Module {
		return unloaded(codeImport, "import-"+title, attack, importing(origin, field, params, results))
	}
	undeclared := unloaded(codeImport, "import-undeclared-effect", "Imports an effect that its manifest does not declare.",
		importing("hotdrop", abi.Discount, tI64+tI32+tI32, ""))
	undeclared.Manifest.Effects = []core.EffectKind{core.EffectTag}
	return []Module{
		undeclared,
		refused("unknown-module", "Imports from a module that is not there.", "env", "system", tI32, tI32),
		refused("unknown-name", "Imports a function that the ABI does not have.", "hotdrop", "set_price", tI64, ""),
		refused("wrong-params", "Imports fact_str with a parameter too few: the host reads its stack.", "hotdrop",
			abi.FactStr, tI32+tI32+tI32, tI32),
		refused("wrong-result", "Imports discount with a result, which nobody writes.", "hotdrop", abi.Discount, tI64+tI32+tI32, tI64),
		refused("float-pointer", "Imports log with a float for a pointer.", "hotdrop", abi.Log, tF32+tI32, ""),
		refused("empty-names", "Imports a function without a name.", "", "", "", ""),
		refused("spaces", "Imports a function called like log, with a space.", "hotdrop", "log ", tI32+tI32, ""),
		refused("wasi-socket", "Opens a connection.", preview, "sock_accept", tI32+tI32+tI32, tI32),
		refused("wasi-send", "Sends what it read to somebody.", preview, "sock_send", tI32+tI32+tI32+tI32+tI32, tI32),
		refused("wasi-file", "Opens a file.", preview, "path_open", tI32+tI32+tI32+tI32+tI32+tI64+tI64+tI32+tI32, tI32),
		refused("wasi-unlink", "Deletes a file.", preview, "path_unlink_file", tI32+tI32+tI32, tI32),
		refused("wasi-rename", "Renames a file.", preview, "path_rename", tI32+tI32+tI32+tI32+tI32+tI32, tI32),
		refused("wasi-unstable", "Asks for files under WASI's older name.", "wasi_unstable",
			"path_open", tI32+tI32+tI32+tI32+tI32+tI64+tI64+tI32+tI32, tI32),
		refused("go-runtime", "Imports what JavaScript gives to Go programs.", "gojs", "syscall/js.valueCall", tI32, ""),
	}
}

// foreignState are modules that import state, which the host would share between guests.
func foreignState() []Module {
	importing := func(origin, field, description string) *module {
		m := plain()
		m.pages = ""
		m.add(imports, name(origin)+name(field)+description)
		return m.on("quote")
	}
	refused := func(title, attack, origin, field, description string) Module {
		return unloaded(codeImport, "import-"+title, attack, importing(origin, field, description))
	}
	const mutable = kindGlobal + tI64 + "\x01"
	return []Module{
		refused("memory", "Imports a memory, to share it with another guest.", "env", "memory", kindMemory+"\x00\x01"),
		refused("memory-of-the-host", "Imports a memory from the ABI's module.", "hotdrop", "memory", kindMemory+"\x00\x01"),
		refused("table", "Imports a table, to share it with another guest.", "env", "__indirect_function_table", kindTable+tFunc+"\x00\x01"),
		refused("global", "Imports a mutable global.", "env", "__stack_pointer", mutable),
		refused("global-constant", "Imports a constant, to learn where it runs.", "env", "__memory_base", kindGlobal+tI32+"\x00"),
		refused("fuel", "Imports the global that its fuel is counted in.", "hotdrop", "fuel", mutable),
		refused("fuel-by-export-name", "Imports the global by the name that it is exported under.", "hotdrop", "hotdrop.fuel", mutable),
		refused("own-export", "Imports a hook from itself.", "", "quote", kindGlobal+tI32+"\x00"),
	}
}

// wrongExports are modules that export what they must not, or not what they must.
func wrongExports() []Module {
	other := plain().on("quote", "")
	other.nameless = true
	hidden := plain().on("quote")
	hidden.pages = ""
	hidden.add(memories, "\x00\x01")
	global := plain()
	global.nameless = true
	global.on(abi.ExportVersion).export("quote", kindGlobal, global.global(true))
	memory := plain().on("quote")
	memory.pages = ""
	memory.add(memories, "\x00\x01")
	memory.export("memory", kindGlobal, memory.global(false))
	shaped := func(field, params, results, body string) *module {
		m := plain()
		if field != "quote" {
			m.on("quote")
		}
		return m.export(field, kindFunc, m.function(params, results, nil, body))
	}
	owner := plain().on("quote")
	depth := plain().on("quote")
	refused := func(title, attack string, m *module) Module { return unloaded(codeLoad, "export-"+title, attack, m) }
	return []Module{
		refused("fuel", "Exports a global of its own under the name of the fuel.", owner.export("hotdrop.fuel", kindGlobal, owner.global(true))),
		refused("depth", "Exports a function under the name of the call depth.", depth.export("hotdrop.depth", kindFunc, 0)),
		refused("reserved-prefix", "Exports a function under a name that is the host's.", plain().on("quote").on("hotdrop.x")),
		refused("no-version", "Does not say which version of the ABI it speaks.", other),
		refused("later-version", "Says that it speaks a later version too.", plain().on("quote").on("hotdrop_abi_2")),
		refused("version-with-result", "Its version is a function with a result.", func() *module {
			m := plain().on("quote")
			m.nameless = true
			return m.export(abi.ExportVersion, kindFunc, m.function("", tI32, nil, i32(1)))
		}()),
		refused("no-hook", "Does not export the hook that its manifest names.", plain()),
		refused("undeclared-hook", "Exports a hook that its manifest does not name.", plain().on("quote").on("paid")),
		refused("hook-with-params", "Its hook takes parameters, which would be what lies on the stack.", shaped("quote", tI32+tI64, "", "")),
		refused("hook-with-result", "Its hook returns a value, which nobody takes.", shaped("quote", "", tI64, i64(1))),
		refused("hook-is-global", "Its hook is a global.", global),
		refused("initialize-with-params", "Its _initialize takes a parameter.", shaped(abi.ExportInitialize, tI32, "", "")),
		refused("memory-hidden", "Does not export its memory, so that it could not be put back.", hidden),
		refused("memory-is-global", "Exports a global as its memory.", memory),
	}
}

// startFunctions are modules that want to run when nobody asked them.
func startFunctions() []Module {
	starting := func(body string) *module {
		m := plain().on("quote")
		m.add(start, leb(m.function("", "", nil, body)))
		return m
	}
	tooBig := func(title, attack, pages string) Module {
		return Module{Name: title, Attack: attack, Stage: StageDecode, Want: codeMemory, Manifest: quoting(), Wasm: limits(pages).bytes}
	}
	return []Module{
		unloaded(codeLoad, "start-empty", "Has a start function, which runs before there is fuel.", starting("")),
		unloaded(codeLoad, "start-loop", "Its start function never ends.", starting(forever(""))),
		tooBig("memory-17-pages", "Its memory starts a page larger than is granted.", "\x00"+leb(memoryPages+1)),
		tooBig("memory-4g", "Its memory starts with 4 GB.", "\x00"+leb(65_536)),
		tooBig("memory-4g-with-maximum", "Its memory starts with 4 GB and says that this is all it wants.", "\x01"+leb(65_536)+leb(65_536)),
	}
}
