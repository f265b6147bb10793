package corpus

import (
	"slices"
	"strings"
)

// What package wasm answers.
const (
	codeDecode      = "decode_error"
	codeTooLarge    = "module_too_large"
	codeUnsupported = "unsupported"
)

// lie is the largest count there is, 2^32 - 1, in five bytes.
const lie = "\xff\xff\xff\xff\x0f"

// undecoded is a module that package wasm refuses, of bytes that are few enough to keep.
func undecoded(title, attack, bytes string) Module {
	return Module{
		Name: title, Attack: attack, Stage: StageDecode, Want: codeDecode, Manifest: quoting(),
		Wasm: func() []byte { return []byte(bytes) },
	}
}

// tooLarge is a module that package wasm refuses because of a cap.
func tooLarge(title, attack string, wasm func() []byte) Module {
	return Module{Name: title, Attack: attack, Stage: StageDecode, Want: codeTooLarge, Manifest: quoting(), Wasm: wasm}
}

// lyingCounts are modules whose sections claim entries that are not there: whoever makes room for them first runs out
// of memory over a dozen bytes.
func lyingCounts() []Module {
	one := section(types, vector("\x60\x00\x00"))
	return []Module{
		undecoded("count-types", "The type section claims 4 G types.", preamble+section(types, lie)),
		undecoded("count-imports", "The import section claims 4 G imports.", preamble+section(imports, lie)),
		undecoded("count-functions", "The function section claims 4 G functions.", preamble+one+section(functions, lie)),
		undecoded("count-tables", "The table section claims 4 G tables.", preamble+section(tables, lie)),
		undecoded("count-memories", "The memory section claims 4 G memories.", preamble+section(memories, lie)),
		undecoded("count-globals", "The global section claims 4 G globals.", preamble+section(globals, lie)),
		undecoded("count-exports", "The export section claims 4 G exports.", preamble+section(exports, lie)),
		undecoded("count-elements", "The element section claims 4 G segments.", preamble+section(elements, lie)),
		undecoded("count-bodies", "The code section claims 4 G bodies.", preamble+one+section(functions, vector("\x00"))+section(codes, lie)),
		undecoded("count-data", "The data section claims 4 G segments.", preamble+section(segments, lie)),
		undecoded("count-types-64mi", "The type section claims as many types as a module of 64 MiB could have.",
			preamble+section(types, leb(64<<20)+"\x60\x00\x00")),
	}
}

// lyingLengths are modules in which something inside an entry is longer than what follows.
func lyingLengths() []Module {
	one := section(types, vector("\x60\x00\x00")) + section(functions, vector("\x00"))
	return []Module{
		undecoded("length-params", "A function type claims 4 G parameters.", preamble+section(types, vector("\x60"+lie))),
		undecoded("length-results", "A function type claims 4 G results.", preamble+section(types, vector("\x60\x00"+lie))),
		undecoded("length-import-name", "The module name of an import claims 4 GB.", preamble+section(imports, vector(lie+"hotdrop"))),
		undecoded("length-export-name", "The name of an export claims 4 GB.", preamble+section(exports, vector(lie+"quote"))),
		undecoded("length-custom-name", "The name of a custom section claims 4 GB.", preamble+section(customs, lie+"x")),
		undecoded("length-section", "A section claims 4 GB.", preamble+string(byte(types))+lie+"\x00"),
		undecoded("length-elements", "An element segment claims 4 G functions.",
			preamble+section(tables, vector(tFunc+"\x00\x01"))+section(elements, vector("\x00"+i32(0)+end+lie))),
		undecoded("length-data", "A data segment claims 4 GB.",
			preamble+section(memories, vector("\x00\x01"))+section(segments, vector("\x00"+i32(0)+end+lie))),
		undecoded("length-body", "A body claims 4 GB.", preamble+one+section(codes, "\x01"+lie+"\x00\x0b")),
		undecoded("length-local-groups", "A body claims 4 G groups of locals.", preamble+one+section(codes, vector(name(lie+end)))),
		undecoded("length-br-table", "A br_table claims 4 G targets.", preamble+one+section(codes, vector(name("\x00"+i32(0)+"\x0e"+lie+end)))),
		undecoded("length-select", "A select claims 4 G result types.",
			preamble+one+section(codes, vector(name("\x00"+trap+"\x1c"+lie+end)))),
	}
}

// hugeEntries are modules that claim what takes a few bytes to claim and gigabytes to provide.
func hugeEntries() []Module {
	withLocals := func(groups ...string) func() []byte {
		m := plain()
		m.export("quote", kindFunc, m.function("", "", groups, ""))
		return m.bytes
	}
	withTables := func(count int) func() []byte {
		return func() []byte {
			m := plain().on("quote")
			m.lists[tables] = slices.Repeat([]string{tFunc + "\x00" + leb(1<<27)}, count)
			return m.bytes()
		}
	}
	return []Module{
		tooLarge("locals-4g", "One function has 4 G locals, in one group of six bytes.", withLocals(lie+tI64)),
		tooLarge("locals-twice-2g", "Two groups of locals add up to 2^32, which 32 bits hold as 0.",
			withLocals(leb(1<<31)+tI64, leb(1<<31)+tI32)),
		tooLarge("locals-1001", "One function has 1,001 locals.", withLocals(locals(1001, tI32))),
		tooLarge("locals-in-groups", "One function has a local in each of 60,000 groups.",
			withLocals(strings.Split(strings.Repeat(locals(1, tI32)+",", 60_000)+locals(1, tI32), ",")...)),
		tooLarge("table-128m", "One table of 2^27 entries takes a gigabyte before anything runs.", withTables(1)),
		tooLarge("tables-8", "Eight tables of 2^27 entries take eight gigabytes before anything runs.", withTables(8)),
		tooLarge("table-4097", "One table has an entry more than is granted.", func() []byte {
			m := plain().on("quote")
			m.add(tables, tFunc+"\x00"+leb(4097))
			return m.bytes()
		}),
	}
}
