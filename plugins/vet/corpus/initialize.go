package corpus

import (
	"strings"

	"hotdrop/plugins/abi"
)

// initialisers are modules that attack whoever loads them.
func initialisers() []Module {
	failing := func(want, title, attack string, build func(m *module) string) Module {
		m := plain()
		body := build(m)
		m.on("quote").on(abi.ExportInitialize, body)
		return Module{Name: "init-" + title, Attack: attack, Stage: StageInitialize, Want: want, Manifest: quoting(), Wasm: m.bytes}
	}
	constant := func(body string) func(*module) string { return func(*module) string { return body } }
	outside := func(section byte, segment string) *module {
		m := plain().on("quote")
		m.add(tables, tFunc+"\x00\x01")
		m.add(section, segment)
		return m
	}
	instantiating := func(title, attack string, m *module) Module {
		return Module{Name: "init-" + title, Attack: attack, Stage: StageCompile, Want: codeCompile, Manifest: quoting(), Wasm: m.bytes}
	}
	return []Module{
		failing(abi.CodeOutOfFuel, "loop", "Its _initialize never ends.", constant(forever(""))),
		failing(abi.CodeOutOfFuel, "fill", "Its _initialize fills the memory for ever.", constant(forever(i32(0)+i32(1)+i32(65_536)+memoryFill))),
		failing(abi.CodeDepthLimit, "recursion", "Its _initialize calls itself for ever.", constant(call(1))),
		failing(abi.CodeTrap, "trap", "Its _initialize traps.", constant(trap)),
		failing(abi.CodeNotReady, "fact", "Reads a shopper's fact before there is one, to keep it.",
			func(m *module) string { return m.says("shopper.id") + m.use(abi.FactKind) + drop }),
		failing(abi.CodeNotReady, "effect", "Proposes an effect that would stand in every decision.",
			func(m *module) string { return i64(1) + m.says("mine") + m.use(abi.Discount) }),
		failing(abi.CodeFailed, "fail", "Its _initialize fails with a long text.",
			func(m *module) string { return m.says(strings.Repeat("no ", 1_000)) + m.use(abi.Fail) }),
		failing(abi.CodeBadString, "string", "Its _initialize logs what lies behind its memory.",
			func(m *module) string { return i32(1<<20) + i32(10) + m.use(abi.Log) }),
		instantiating("data-outside", "A data segment is copied behind its memory.", outside(segments, "\x00"+i32(65_535)+end+name("xyz"))),
		instantiating("data-negative", "A data segment is copied before its memory.", outside(segments, "\x00"+i32(-1)+end+name("xyz"))),
	}
}

// initialised are modules that leave as much as they can behind when they are loaded.
func initialised() []Module {
	grown := plain()
	grown.use(abi.Discount)
	grown.on("quote", grown.reporting(memorySize+extend))
	grown.on(abi.ExportInitialize, i32(memoryPages-1)+memoryGrow+drop)
	dirty := plain()
	dirty.pages = "\x00" + leb(memoryPages)
	dirty.on("quote", dirty.reporting(i32(1<<20-8)+load8))
	dirty.on(abi.ExportInitialize, i32(1<<12)+i32(255)+i32(1<<20-1<<12)+memoryFill)
	logging := plain()
	logging.use(abi.Log)
	logging.on("quote").on(abi.ExportInitialize, strings.Repeat(logging.says("starting")+call(0), 100))
	random := plain()
	next := random.imports(abi.ModuleWASI, abi.RandomGet, tI32+tI32, tI32)
	random.use(abi.Discount)
	random.on("quote", random.reporting(i32(0)+load16)).on(abi.ExportInitialize, i32(0)+i32(8)+next+drop)
	outside := plain()
	outside.add(tables, tFunc+"\x00\x01")
	outside.add(elements, "\x00"+i32(1)+end+vector("\x00"))
	outside.on("quote", outside.reporting(i32(0)+tableGet+"\xd1"+extend))
	return []Module{
		harmless("init-element-outside", "An element segment is copied behind its table.", outside, found(1)...),
		harmless("init-grow", "Grows its memory to the end before the first decision.", grown, found(memoryPages)...),
		harmless("init-dirty", "Fills its whole memory before the first decision, so that putting it back costs most.", dirty, found(255)...),
		harmless("init-log", "Logs 100 lines when it is loaded.", logging),
		steady(harmless("init-random", "Seeds itself when it is loaded, hoping that nodes differ.", random)),
	}
}
