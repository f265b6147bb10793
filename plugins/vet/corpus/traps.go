package corpus

import (
	"strings"

	"hotdrop/core"
	"hotdrop/plugins/abi"
)

// reporting returns code that proposes a discount of the i64 that the code pushes.
func (m *module) reporting(value string) string {
	propose := m.use(abi.Discount)
	return value + m.says("found") + propose
}

// found are the effects of a module that reported the values.
func found(values ...int64) []core.Effect {
	effects := make([]core.Effect, len(values))
	for i, v := range values {
		effects[i] = core.Effect{Kind: core.EffectDiscount, Amount: v, Text: core.Text{EN: "found"}}
	}
	return effects
}

// harmless is a module that runs to its end at every decision, with the same effects each time.
func harmless(title, attack string, m *module, effects ...core.Effect) Module {
	return Module{Name: title, Attack: attack, Stage: StageRun, Want: Harmless, Manifest: quoting(), Wasm: m.bytes, Effects: effects}
}

// memoryAttacks are modules that want more memory than they have, or that of others.
func memoryAttacks() []Module {
	failing := func(title, attack string, m *module) Module { return running(abi.CodeTrap, "memory-"+title, attack, m) }
	bounds := func(title, attack, body string) Module { return failing(title, attack, code(body)) }
	grown := i32(1) + add32 + extend // of what memory.grow says, 0 for no
	toTheEnd := plain()
	toTheEnd.on("quote", toTheEnd.reporting(loop+i32(1)+memoryGrow+i32(-1)+"\x47"+again+end+memorySize+extend))
	touching := plain()
	touching.export("quote", kindFunc, touching.function("", "", []string{locals(1, tI32)},
		i32(memoryPages-1)+memoryGrow+drop+times(0, memoryPages, localGet(0)+i32(16)+"\x74"+i32(8)+"\x6b"+i64(-1)+store64)))
	atOnce := plain()
	atOnce.on("quote", atOnce.reporting(i32(65_535)+memoryGrow+grown))
	own := plain()
	own.pages = "\x01\x01" + leb(65_536)
	own.on("quote", own.reporting(i32(17)+memoryGrow+grown))
	return []Module{
		harmless("memory-grow-to-the-end", "Grows its memory page by page until it gets no more.", toTheEnd, found(memoryPages)...),
		harmless("memory-grow-at-once", "Grows its memory by 4 GB.", atOnce, found(0)...),
		harmless("memory-own-maximum", "Says that its memory may have 4 GB, and grows beyond what is granted.", own, found(0)...),
		harmless("memory-grow-and-touch", "Grows its memory to the end and writes into every page.", touching),
		bounds("load-at-the-end", "Loads eight bytes across the end of its memory.", i32(65_529)+load64+drop),
		bounds("load-far", "Loads from 4 GB behind the start of its memory.", i32(-1)+"\x29\x00"+lie+drop),
		bounds("store-far", "Stores 4 GB behind the start of its memory.", i32(-1)+i64(-1)+"\x37\x00"+lie),
		bounds("store-negative", "Stores before the start of its memory.", i32(-8)+i64(-1)+store64),
		bounds("fill-outside", "Fills a byte more than its memory has.", i32(1)+i32(1)+i32(1<<16)+memoryFill),
		running(abi.CodeOutOfFuel, "memory-fill-far", "Fills 4 GB from the start of its memory.", code(i32(0)+i32(1)+i32(-1)+memoryFill)),
		running(abi.CodeMemoryLimit, "memory-grow-or-abort", "Aborts unless it gets memory beyond what is granted.",
			code(i32(memoryPages)+memoryGrow+i32(-1)+equal32+when+trap+end)),
		bounds("copy-far", "Copies from behind its memory.", i32(0)+i32(-16)+i32(32)+memoryCopy),
		failing("init-far", "Copies more of a data segment than it has.", func() *module {
			m := code(i32(0), i32(0), i32(1000), memoryInit)
			m.counted = true
			m.add(segments, "\x01"+name("x"))
			return m
		}()),
		failing("init-dropped", "Copies from a data segment that it dropped.", func() *module {
			m := code(dataDrop, i32(0), i32(0), i32(1), memoryInit)
			m.counted = true
			m.add(segments, "\x01"+name("x"))
			return m
		}()),
	}
}

// recursions are modules that use up the machine's stack.
func recursions() []Module {
	failing := func(title, attack string, m *module) Module {
		return running(abi.CodeDepthLimit, "depth-"+title, attack, m)
	}
	mutual := plain()
	mutual.export("quote", kindFunc, mutual.function("", "", nil, call(1)))
	mutual.function("", "", nil, call(0))
	return []Module{
		failing("direct", "Calls itself for ever.", code(call(0))),
		failing("mutual", "Two functions call each other for ever.", mutual),
		failing("frames", "Calls itself for ever with frames of 1,000 locals.", func() *module {
			m := plain()
			return m.export("quote", kindFunc, m.function("", "", []string{locals(mostLocals, tI64)}, around(mostLocals, call(0))))
		}()),
		failing("operands", "Calls itself for ever with 1,000 values on the stack.",
			code(strings.Repeat(i64(1), 1_000), call(0), strings.Repeat(drop, 1_000))),
		failing("indirect", "Calls itself through a table for ever.", func() *module {
			m := plain()
			m.add(tables, tFunc+"\x00\x01")
			m.add(elements, "\x00"+i32(0)+end+vector("\x00"))
			return m.on("quote", i32(0), callIndirect(m.signature("", "")))
		}()),
		failing("params", "Calls itself for ever with sixty parameters.", func() *module {
			m := plain()
			var push strings.Builder
			for i := range 60 {
				push.WriteString(localGet(i))
			}
			f := m.function(strings.Repeat(tI64, 60), "", nil, push.String()+call(0))
			return m.on("quote", strings.Repeat(i64(1), 60), call(f))
		}()),
		failing("chain", "Five thousand functions without recursion, each calling the next.", chain(5_000, 0)),
		harmless("depth-chain-frames", "Twenty functions without recursion, each calling the next with 900 values that it needs afterwards.",
			chain(20, 900)),
	}
}

// chain is functions each of which calls the next; none is called twice.
func chain(length, localCount int) *module {
	m := plain()
	for i := range length - 1 {
		m.function("", "", []string{locals(localCount, tI64)}, around(localCount, call(i+1)+strings.Repeat(nop, 64)))
	}
	m.function("", "", nil, "")
	return m.export("quote", kindFunc, 0)
}

// around returns code that reads i64 locals from the memory, and adds them up only after the code in between: all of
// them have to be kept in the frame while it runs.
func around(count int, inner string) string {
	var before, after strings.Builder
	for i := range count {
		before.WriteString(i32(8*i) + load64 + localSet(i))
		after.WriteString(localGet(i) + add64)
	}
	return before.String() + inner + i32(0) + i64(0) + after.String() + store64
}

// tableAttacks are modules that call what is not theirs to call.
func tableAttacks() []Module {
	failing := func(title, attack string, m *module) Module { return running(abi.CodeTrap, "table-"+title, attack, m) }
	tabled := func(body ...string) *module {
		m := plain()
		m.add(tables, tFunc+"\x00\x02")
		m.add(elements, "\x00"+i32(0)+end+vector("\x00"))
		m.signature("", "")
		return m.on("quote", body...)
	}
	confused := tabled(i32(0), i64(0x4141_4141), i32(0), callIndirect(1), drop)
	confused.signature(tI32+tI64, tI64)
	return []Module{
		failing("null", "Calls an empty entry of its table.", tabled(i32(1), callIndirect(0))),
		failing("outside", "Calls an entry behind its table.", tabled(i32(1_000_000), callIndirect(0))),
		failing("negative", "Calls an entry before its table.", tabled(i32(-1), callIndirect(0))),
		failing("confused", "Calls a function as one of another type, to make a number a pointer.", confused),
		failing("emptied", "Empties an entry and calls it.", tabled(i32(0), nullFunc, tableSet, i32(0), callIndirect(0))),
		failing("set-outside", "Writes an entry behind its table.", tabled(i32(2), nullFunc, tableSet)),
		failing("fill-outside", "Fills entries behind its table.", tabled(i32(1), nullFunc, i32(9), tableFill)),
		failing("copy-outside", "Copies entries from behind its table.", tabled(i32(0), i32(1), i32(9), tableCopy)),
		failing("init-dropped", "Copies from the element segment of its table, which is dropped at the start.",
			tabled(i32(0), i32(0), i32(1), tableInit)),
	}
}
