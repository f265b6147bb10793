package corpus

import (
	"strings"

	"hotdrop/plugins/abi"
)

// running is a module that the host loads and that fails with the code when its hook runs. Vetting refuses it, unless it
// only ends its own decision: that may be what its author wants.
func running(want, title, attack string, m *module) Module {
	module := Module{Name: title, Attack: attack, Stage: StageRun, Want: want, Manifest: quoting(), Wasm: m.bytes}
	if want == abi.CodeFailed || want == abi.CodeWrongKind {
		module.Vetted = Accepted
	}
	return module
}

// endless is a module that is stopped because its fuel is used up.
func endless(title, attack string, m *module) Module {
	return running(abi.CodeOutOfFuel, "cpu-"+title, attack, m)
}

// loops are modules that compute for ever, or as long as makes no difference.
func loops() []Module {
	counting := func(groups []string, body string) *module {
		m := plain()
		return m.export("quote", kindFunc, m.function("", "", groups, body))
	}
	ints := func(count int) []string { return []string{locals(count, tI32)} }
	return []Module{
		endless("loop", "Loops for ever over nothing.", code(forever(""))),
		endless("loop-of-branches", "Loops for ever through a br_table.", code(loop, i32(1), "\x0e\x02\x00\x00\x00", end)),
		endless("loop-in-else", "Loops in the branch that is taken when a fact is absent.",
			code(i32(0), when, otherwise, forever(""), end)),
		endless("loop-out-of-blocks", "Loops by branching out of 500 blocks.",
			code(loop, strings.Repeat(block, 500), br(500), strings.Repeat(end, 500), end)),
		endless("quadratic", "Counts to a million, a million times.", counting(ints(2), times(0, 1_000_000, times(1, 1_000_000, "")))),
		endless("long-count", "Counts to 2^31.", counting(ints(1), times(0, 1<<31-1, ""))),
		endless("division", "Divides 64-bit numbers for ever.", code(forever(i64(1<<62)+i64(3)+"\x7f"+drop))),
		endless("floats", "Takes square roots for ever.", code(forever("\x44\x00\x00\x00\x00\x00\x00\x00\x40"+sqrt64+drop))),
		endless("pointers", "Follows a chain of pointers through the whole memory, one cache miss a step.", chase()),
		endless("globals", "Counts in a global, for ever.", func() *module {
			m := plain()
			g := m.global(true)
			return m.on("quote", forever(globalGet(g)+i64(1)+add64+globalSet(g)))
		}()),
		endless("straight-line", "Has 120 KB of code without a loop, called from a loop.", func() *module {
			m := plain()
			f := m.function("", "", nil, strings.Repeat(i32(1)+drop, 40_000))
			return m.on("quote", forever(call(f)))
		}()),
	}
}

// chase writes at each multiple of 64 the address 64 × 4099 further, modulo the memory, and then follows them.
func chase() *module {
	m := plain()
	m.pages = "\x00" + leb(memoryPages)
	mask := i32(memoryPages<<16-64) + and32
	step := localGet(0) + localGet(0) + i32(64*4099) + add32 + mask + store32 + localGet(0) + i32(64) + add32 + mask + localTee(0) + again
	return m.export("quote", kindFunc, m.function("", "", []string{locals(1, tI32)}, loop+step+end+forever(localGet(0)+load32+localSet(0))))
}

// trees are modules without a loop that compute as long as loops do.
func trees() []Module {
	const depth = 40
	direct := plain()
	previous := direct.function("", "", nil, "")
	for range depth {
		previous = direct.function("", "", nil, call(previous)+call(previous))
	}
	direct.export("quote", kindFunc, previous)

	indirect := plain()
	signature := indirect.signature("", "")
	indirect.add(tables, tFunc+"\x00"+leb(depth+1))
	entries := []string{leb(indirect.function("", "", nil, ""))}
	for i := range depth {
		entries = append(entries, leb(indirect.function("", "", nil, strings.Repeat(i32(i)+callIndirect(signature), 2))))
	}
	indirect.add(elements, "\x00"+i32(0)+end+vector(entries...))
	indirect.export("quote", kindFunc, depth)

	wide := plain()
	for range 4 {
		last := len(wide.lists[functions]) - 1
		if last < 0 {
			last = wide.function("", "", nil, "")
		}
		wide.function("", "", nil, strings.Repeat(call(last), 10_000))
	}
	wide.export("quote", kindFunc, 4)

	branching := plain()
	branching.on("quote", i32(400), call(1))
	branching.function(tI32, "", nil, localGet(0)+when+strings.Repeat(localGet(0)+i32(-1)+add32+call(1), 2)+end)
	return []Module{
		endless("call-tree", "Forty functions without a loop, each calling the one before it twice: 2^40 calls.", direct),
		endless("call-tree-indirect", "The same through a table.", indirect),
		endless("call-tree-wide", "Four functions, each calling the one before it 10,000 times.", wide),
		endless("recursion-branching", "A recursion 400 deep that calls itself twice.", branching),
	}
}

// bulk are modules that make one instruction work for long, again and again.
func bulk() []Module {
	const whole = memoryPages << 16
	large := func(body string) *module {
		m := plain()
		m.pages = "\x00" + leb(memoryPages)
		return m.on("quote", forever(body))
	}
	initialising := func(body string) *module {
		m := large(body)
		m.counted = true
		m.add(segments, "\x01"+name(strings.Repeat("x", 60_000)))
		return m
	}
	tabled := func(body string) *module {
		m := plain()
		m.add(tables, tFunc+"\x00"+leb(4_096))
		return m.on("quote", forever(body))
	}
	return []Module{
		endless("memory-fill", "Fills the whole memory, again and again.", large(i32(0)+i32(1)+i32(whole)+memoryFill)),
		endless("memory-copy", "Copies half the memory over the other, again and again.", large(i32(0)+i32(whole/2)+i32(whole/2)+memoryCopy)),
		endless("memory-init", "Copies a data segment into the memory, again and again.", initialising(i32(0)+i32(0)+i32(60_000)+memoryInit)),
		endless("memory-grow-by-0", "Grows the memory by nothing, again and again.", large(i32(0)+memoryGrow+drop)),
		endless("memory-grow-in-vain", "Grows the memory by 4 GB, again and again.", large(i32(-1)+memoryGrow+drop)),
		endless("memory-size", "Asks for the size of the memory, again and again.", large(memorySize+drop)),
		endless("table-fill", "Fills the whole table, again and again.", tabled(i32(0)+nullFunc+i32(4_096)+tableFill)),
		endless("table-copy", "Copies half the table over the other, again and again.", tabled(i32(0)+i32(2_048)+i32(2_048)+tableCopy)),
		endless("table-grow-in-vain", "Grows the table by 2^31 entries, again and again.", tabled(nullFunc+i32(1<<31-1)+tableGrow+drop)),
		endless("table-grow-by-0", "Grows the table by nothing, again and again.", tabled(nullFunc+i32(0)+tableGrow+drop)),
	}
}

// calls are modules that make the host work for long.
func calls() []Module {
	asking := func(name string, call func(m *module) string) *module {
		m := plain()
		return m.on("quote", forever(call(m)+m.use(name)+drop))
	}
	return []Module{
		endless("fact-kind", "Asks for the same fact again and again.",
			asking(abi.FactKind, func(m *module) string { return m.says("item.sku") })),
		endless("fact-i64", "Reads the same number again and again.", asking(abi.FactI64, func(m *module) string { return m.says("quantity") })),
		endless("fact-str", "Copies the same string again and again.",
			asking(abi.FactStr, func(m *module) string { return m.says("input.note") + i32(0) + i32(1000) })),
		endless("fact-len", "Counts the same list again and again.",
			asking(abi.FactLen, func(m *module) string { return m.says("shopper.tags") })),
		endless("log-flood", "Logs 4,000 bytes again and again.", func() *module {
			m := plain()
			return m.on("quote", forever(m.says(strings.Repeat("flood ", 600))+m.use(abi.Log)))
		}()),
		endless("log-flood-indirect", "Logs through a table, past whatever counts direct calls.", func() *module {
			m := plain()
			text, signature := m.says("flood"), m.signature(tI32+tI32, "")
			m.use(abi.Log)
			m.add(tables, tFunc+"\x00\x01")
			m.add(elements, "\x00"+i32(0)+end+vector("\x00"))
			return m.on("quote", forever(text+i32(0)+callIndirect(signature)))
		}()),
		endless("log-empty", "Logs nothing again and again.", func() *module {
			m := plain()
			return m.on("quote", forever(i32(0)+i32(0)+m.use(abi.Log)))
		}()),
	}
}
