package corpus

import "strings"

// proposed is a module that uses a proposal which is not supported. Bodies are as a compiler would write them, so that
// nothing but the proposal is wrong with them.
func proposed(title, proposal, attack string, m *module) Module {
	return Module{
		Name: "proposal-" + title, Attack: attack, Stage: StageDecode, Want: codeUnsupported, Says: proposal, Manifest: quoting(),
		Wasm: m.bytes,
	}
}

// proposals are the extensions of WebAssembly that engines have or had; each is code that the fuel does not count, state
// that is not put back, or threads.
func proposals() []Module {
	tag := plain()
	tag.add(types, "\x60\x00\x00")
	tag.extra = section(13, vector("\x00\x00"))
	return []Module{
		proposed("simd", "SIMD", "Uses SIMD: vectors, whose floats differ from machine to machine.",
			code("\xfd\x0c"+strings.Repeat("\x00", 16), drop)),
		proposed("simd-local", "SIMD", "Has a local that is a vector.", func() *module {
			m := plain()
			m.export("quote", kindFunc, m.function("", "", []string{locals(1, tV128)}, ""))
			return m
		}()),
		proposed("relaxed-simd", "SIMD", "Uses relaxed SIMD, whose results may differ by specification.",
			code("\xfd\x0c"+strings.Repeat("\x00", 16), "\xfd\x0c"+strings.Repeat("\x00", 16), "\xfd\x80\x02", drop)),
		proposed("threads", "threads", "Uses atomic instructions, to share memory with another instance.",
			code(i32(0), "\xfe\x10\x02\x00", drop)),
		proposed("threads-wait", "threads", "Waits on an address for ever.", code(i32(0), i32(0), i64(-1), "\xfe\x01\x02\x00", drop)),
		proposed("shared-memory", "threads", "Its memory is shared between instances.", limits("\x03"+leb(1)+leb(1))),
		proposed("tail-calls", "tail calls", "Calls itself in tail position for ever without a loop.", code("\x12\x00")),
		proposed("tail-calls-indirect", "tail calls", "Calls through a table in tail position for ever.", func() *module {
			m := code(i32(0), "\x13\x00\x00")
			m.add(tables, tFunc+"\x00\x01")
			m.add(elements, "\x00"+i32(0)+end+vector("\x00"))
			return m
		}()),
		proposed("exceptions", "exceptions", "Catches the trap that ends it and goes on.", code("\x1f\x40\x01\x02\x00"+trap, end)),
		proposed("exceptions-throw", "exceptions", "Throws an exception through the host.", code("\x08\x00")),
		proposed("exceptions-legacy", "exceptions", "Catches everything, in the older encoding.", code("\x06\x40"+trap+"\x19"+end)),
		proposed("exceptions-tag", "exceptions", "Has a section of exception tags.", tag),
		proposed("memory64", "memory64", "Its memory is addressed by 64 bits.", limits("\x04"+leb(1))),
		proposed("table64", "memory64", "Its table is addressed by 64 bits.", func() *module {
			m := plain().on("quote")
			m.add(tables, tFunc+"\x04"+leb(1))
			return m
		}()),
		proposed("multiple-memories", "multiple memories", "Has a second memory, which nobody puts back.", func() *module {
			m := plain().on("quote")
			m.add(memories, "\x00\x01")
			return m
		}()),
		proposed("multiple-memories-load", "multiple memories", "Loads from the second memory.", code(i32(0), "\x28\x42\x01\x00", drop)),
		proposed("multiple-memories-data", "multiple memories", "Fills a second memory.", func() *module {
			m := plain().on("quote")
			m.add(segments, "\x02\x01"+i32(0)+end+name("x"))
			return m
		}()),
	}
}

// laterProposals are those that fewer engines have.
func laterProposals() []Module {
	constant := plain().on("quote")
	constant.add(globals, tI32+"\x00"+i32(1)+i32(2)+add32+end)
	withType := func(entry string) *module {
		m := plain().on("quote")
		m.add(types, entry)
		return m
	}
	return []Module{
		proposed("gc-struct", "garbage-collected", "Has garbage-collected structures, memory that no limit covers.",
			withType("\x5f\x01\x7f\x01")),
		proposed("gc-array", "garbage-collected", "Has garbage-collected arrays.", withType("\x5e\x7f\x01")),
		proposed("gc-recursive-types", "garbage-collected", "Has types that name each other.", withType("\x4e\x01\x60\x00\x00")),
		proposed("gc-subtypes", "garbage-collected", "Has types below others.", withType("\x50\x00\x60\x00\x00")),
		proposed("gc-allocation", "garbage-collected", "Allocates an array of 4 GB.", code(i32(-1), "\xfb\x07\x00", drop)),
		proposed("gc-i31", "garbage-collected", "Puts a number into a reference.", code(i32(1), "\xfb\x1c", drop)),
		proposed("typed-references", "typed function references", "Has a local that is a typed reference to a function.", func() *module {
			m := plain()
			m.export("quote", kindFunc, m.function("", "", []string{locals(1, "\x63\x00")}, ""))
			return m
		}()),
		proposed("call-ref", "typed function references", "Calls what a typed reference points to.", code(trap, "\x14\x00")),
		proposed("branch-on-null", "typed function references", "Branches on a reference.", code(block, nullFunc, "\xd5\x00", drop, end)),
		proposed("wide-arithmetic", "wide arithmetic", "Adds numbers of 128 bits.", code(i64(1), i64(1), i64(1), i64(1), "\xfc\x13", drop, drop)),
		proposed("custom-page-sizes", "custom page sizes", "Its memory has pages of one byte.", limits("\x08"+leb(1)+"\x00")),
		proposed("extended-constants", "extended constant", "A global's initial value is a sum.", constant),
	}
}
