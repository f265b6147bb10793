package corpus

import (
	"fmt"
	"slices"
	"strings"
)

// Caps of the pipeline that the modules here go beyond by as little as they can, or stay within while doing the worst
// that the caps allow.
const (
	mostModule    = 1 << 20
	mostFunctions = 10_000
	mostLocals    = 1_000
	mostBody      = 128 << 10
	mostNesting   = 1_024
	mostTargets   = 4_096
)

// tooMany are modules that have more of something than is granted, and really have it.
func tooMany() []Module {
	return []Module{
		tooLarge("module-too-large", "The module is a byte larger than is granted.", func() []byte {
			m := plain().on("quote")
			m.extra = custom("padding", strings.Repeat("\x00", mostModule))
			return m.bytes()
		}),
		tooLarge("functions-10001", "The module has one function more than is granted.", func() []byte {
			m := plain()
			for range mostFunctions + 1 {
				m.function("", "", nil, "")
			}
			return m.on("quote").bytes()
		}),
		tooLarge("types-200000", "The module has 200,000 types.", func() []byte {
			m := plain().on("quote")
			m.lists[types] = append(m.lists[types], strings.Split(strings.Repeat("\x60\x00\x00,", 200_000)+"\x60\x00\x00", ",")...)
			return m.bytes()
		}),
		tooLarge("params-100000", "A function has 100,000 parameters.", func() []byte {
			m := plain().on("quote")
			m.function(strings.Repeat(tI64, 100_000), "", nil, "")
			return m.bytes()
		}),
		tooLarge("results-100000", "A function has 100,000 results.", func() []byte {
			m := plain().on("quote")
			m.function("", strings.Repeat(tI64, 100_000), nil, trap)
			return m.bytes()
		}),
		tooLarge("customs-200000", "The module has 200,000 empty custom sections.", func() []byte {
			m := plain().on("quote")
			m.extra = strings.Repeat(custom("", ""), 200_000)
			return m.bytes()
		}),
		tooLarge("stack-of-40000", "40,000 values lie on the stack before the first is used.", func() []byte {
			return code(strings.Repeat(i32(1), 40_000) + strings.Repeat(drop, 40_000)).bytes()
		}),
		tooLarge("body-too-large", "A body is larger than is granted.", func() []byte {
			return code(strings.Repeat(nop, mostBody)).bytes()
		}),
	}
}

// tooManyEntries are modules with more entries in a section than is granted.
func tooManyEntries() []Module {
	return []Module{
		tooLarge("imports-20000", "The module imports the same function 20,000 times.", func() []byte {
			m := plain()
			m.use("log")
			m.lists[imports] = slices.Repeat(m.lists[imports], 20_000)
			m.imported = 20_000
			return m.on("quote").bytes()
		}),
		tooLarge("globals-100000", "The module has 100,000 mutable globals, each to be put back after each decision.", func() []byte {
			m := plain().on("quote")
			m.lists[globals] = slices.Repeat([]string{tI64 + "\x01" + i64(0) + end}, 100_000)
			return m.bytes()
		}),
		tooLarge("data-100000", "The module has 100,000 empty data segments.", func() []byte {
			m := plain().on("quote")
			m.lists[segments] = slices.Repeat([]string{"\x01\x00"}, 100_000)
			return m.bytes()
		}),
		tooLarge("elements-100000", "The module has 100,000 empty element segments.", func() []byte {
			m := plain().on("quote")
			m.lists[elements] = slices.Repeat([]string{"\x01\x00\x00"}, 100_000)
			return m.bytes()
		}),
		tooLarge("exports-50000", "The module exports the same function under 50,000 names.", func() []byte {
			m := plain().on("quote")
			for i := range 50_000 {
				m.export(fmt.Sprint(i), kindFunc, 0)
			}
			return m.bytes()
		}),
	}
}

// tooDeep are modules on whose depth or width compilers spend quadratic time or their stack.
func tooDeep() []Module {
	nested := func(depth int, opening string) func() []byte {
		return func() []byte { return code(strings.Repeat(opening, depth) + strings.Repeat(end, depth)).bytes() }
	}
	return []Module{
		tooLarge("blocks-40000", "40,000 blocks stand inside each other.", nested(40_000, block)),
		tooLarge("loops-40000", "40,000 loops stand inside each other.", nested(40_000, loop)),
		tooLarge("ifs-25000", "25,000 ifs stand inside each other.", nested(25_000, i32(1)+when)),
		tooLarge("blocks-1100", "1,100 blocks stand inside each other, a few more than are granted.", nested(mostNesting+76, block)),
		tooLarge("blocks-100000", "100,000 blocks stand inside each other, in a body that is too large too.", nested(100_000, block)),
		tooLarge("br-table-5000", "A br_table has 5,000 targets.", func() []byte { return code(block, i32(0), brTable(5_000, 0), end).bytes() }),
		tooLarge("br-table-1m", "A br_table has a million targets.",
			func() []byte { return code(block, i32(0), brTable(1_000_000, 0), end).bytes() }),
	}
}

// rewriteBombs are modules within every cap of the decoder that would cost the compiler many seconds or gigabytes, or
// that grow when they are metered. The rewriter counts what they would cost.
func rewriteBombs() []Module {
	bomb := func(title, attack string, wasm func() []byte) Module {
		return Module{Name: title, Attack: attack, Stage: StageRewrite, Want: codeTooLarge, Manifest: quoting(), Wasm: wasm}
	}
	fill := i32(0) + i32(0) + i32(0) + memoryFill
	return []Module{
		bomb("fills-16000", "16,000 memory.fill, each of which becomes a loop of machine code.", filled(4, strings.Repeat(fill, 4_000))),
		bomb("fills-100000", "100,000 memory.fill in twenty functions.", filled(20, strings.Repeat(fill, 5_000))),
		bomb("loops-10000", "10,000 loops behind each other in one function: the compiler's time grows with their square.",
			filled(1, strings.Repeat(loop+end, 10_000))),
		bomb("blocks-1000-times-50", "1,000 blocks inside each other in each of 50 functions.",
			filled(50, strings.Repeat(block, 1_000)+strings.Repeat(end, 1_000))),
		bomb("branches-20000", "20,000 conditional branches out of one block.", filled(1, block+strings.Repeat(i32(1)+again, 20_000)+end)),
		bomb("locals-in-blocks", "1,000 locals under 400 blocks, where each local can become a value of its own.", func() []byte {
			m := plain()
			m.function("", "", []string{locals(mostLocals, tI64)}, strings.Repeat(block, 400)+strings.Repeat(end, 400))
			return m.on("quote").bytes()
		}),
		bomb("floats-40000", "40,000 roots, behind each of which the rewriter looks for NaN.",
			filled(1, "\x44"+strings.Repeat("\x00", 8)+strings.Repeat(sqrt64+negate64, 20_000)+drop)),
	}
}

// compileBombs are modules that cost the compiler as much as the rewriter lets through: seconds, and hundreds of
// megabytes. What they must not do is hurt whoever compiles them: that is the child, for as long as its processor time
// lasts.
func compileBombs() []Module {
	bomb := func(title, attack string, wasm func() []byte) Module {
		return Module{Name: title, Attack: attack, Stage: StageCompile, Want: codeCompile, Manifest: quoting(), Wasm: wasm}
	}
	return []Module{
		bomb("calls-indirect-200000", "200,000 calls through a table, each with its check of the type.", func() []byte {
			m := plain()
			m.add(tables, tFunc+"\x00\x01")
			for range 8 {
				m.function("", "", nil, strings.Repeat(i32(0)+callIndirect(0), 25_000))
			}
			return m.on("quote").bytes()
		}),
		bomb("br-tables-of-4096-times-250", "A br_table of 4,096 targets in each of 250 functions.",
			filled(250, block+i32(0)+brTable(mostTargets, 0)+end)),
	}
}

// wide are modules that are as large as the caps allow, in one way each, and do nothing.
func wide() []Module {
	return []Module{
		large("functions-10000", "As many functions as are granted, each of them empty.", filled(mostFunctions-2, "")),
		large("locals-1000-times-30", "1,000 values that live at once in each of 30 functions: the register allocator's worst case.",
			func() []byte {
				m := plain()
				for range 30 {
					m.function("", "", []string{locals(mostLocals, tI64)}, around(mostLocals, ""))
				}
				return m.on("quote").bytes()
			}),
		large("grows-20000", "20,000 memory.grow, each of which becomes a call of the runtime.",
			filled(2, strings.Repeat(i32(0)+memoryGrow+drop, 10_000))),
		large("fills-500", "500 memory.fill in one function.", filled(1, strings.Repeat(i32(0)+i32(0)+i32(0)+memoryFill, 500))),
		large("blocks-1000-times-10", "1,000 blocks inside each other in each of ten functions.",
			filled(10, strings.Repeat(block, 1_000)+strings.Repeat(end, 1_000))),
		large("br-tables-of-4096", "A br_table of 4,096 targets in each of ten functions.",
			filled(10, block+i32(0)+brTable(mostTargets, 0)+end)),
		large("stack-of-16000", "16,000 values on the stack before the first is used.",
			filled(1, strings.Repeat(i32(1), 16_000)+strings.Repeat(add32, 15_999)+drop)),
		large("calls-30000", "30,000 calls in one body.", filled(1, strings.Repeat(call(1), 30_000))),
	}
}

func large(title, attack string, wasm func() []byte) Module {
	return Module{Name: title, Attack: attack, Stage: StageRun, Want: Harmless, Manifest: quoting(), Wasm: wasm}
}

// filled makes a module of functions that have the same body and are never called.
func filled(count int, body string) func() []byte {
	return func() []byte {
		m := plain()
		for range count {
			m.function("", "", nil, body)
		}
		return m.on("quote").bytes()
	}
}
