package corpus

// invalid is a module that decodes but is not valid.
func invalid(title, attack string, m *module) Module {
	return undecoded(title, attack, string(m.bytes()))
}

// code is a module of one hook with the body.
func code(body ...string) *module { return plain().on("quote", body...) }

// onePastInBodies name what is one past the end of an index space in a body. The rewriting appends a global and thunks:
// who rewrites before validating makes them valid, and the first one refills its own fuel.
func onePastInBodies() []Module {
	withGlobal := func(body string) *module {
		m := plain()
		m.global(true)
		return m.on("quote", body)
	}
	called := plain()
	called.on("quote", i32(0), callIndirect(1))
	called.add(tables, tFunc+"\x00\x01")
	return []Module{
		invalid("global-set-one-past", "Sets the first global behind its own, where the fuel will be.", withGlobal(i64(1<<62)+globalSet(1))),
		invalid("global-set-two-past", "Sets the second global behind its own, where the depth will be.", withGlobal(i32(1<<30)+globalSet(2))),
		invalid("global-get-one-past", "Reads the fuel behind its own globals.", withGlobal(globalGet(1)+drop)),
		invalid("global-set-without-globals", "Sets a global, but has none.", code(i64(1<<62), globalSet(0))),
		invalid("call-one-past", "Calls the first function behind its own, where thunks will be.", code(call(2))),
		invalid("type-one-past", "Calls indirectly by a type behind its own.", called),
		invalid("block-type-one-past", "A block's type is behind its own.", code("\x02\x01"+end)),
		invalid("local-one-past", "Reads a local behind its own, where the rewriter keeps a length.", code(localGet(0), drop)),
		invalid("local-set-one-past", "Sets a local behind its own, where the rewriter keeps a length.", code(i32(0), localSet(0))),
		invalid("table-one-past", "Calls through a table that it does not have.", code(i32(0), callIndirect(0))),
		invalid("data-drop-one-past", "Drops a data segment behind its own.", code("\xfc\x09\x05")),
		invalid("elem-drop-one-past", "Drops an element segment behind its own.", code("\xfc\x0d\x05")),
		invalid("ref-func-one-past", "Takes the reference of a function behind its own.", code("\xd2\x02", drop)),
		invalid("ref-func-undeclared", "Takes a reference of a function that no table or export declares.", func() *module {
			m := plain()
			m.function("", "", nil, "")
			return m.on("quote", "\xd2\x00", drop)
		}()),
	}
}

// onePast name what is one past the end of an index space in a section.
func onePast() []Module {
	with := func(section byte, entry string) *module {
		m := plain().on("quote")
		m.add(section, entry)
		return m
	}
	function := plain().on("quote")
	function.add(functions, leb(1))
	function.add(codes, name("\x00"+end))
	return []Module{
		invalid("function-type-one-past", "A function's type is behind its own.", function),
		invalid("import-type-one-past", "An import's type is behind its own.", func() *module {
			m := plain()
			m.imported++
			m.add(imports, name("hotdrop")+name("log")+kindFunc+leb(1))
			return m.on("quote")
		}()),
		invalid("export-function-one-past", "Exports a function behind its own as a hook, where a thunk will be.",
			plain().export("quote", kindFunc, 1)),
		invalid("export-global-one-past", "Exports the global behind its own, where the fuel will be.",
			plain().on("quote").export("mine", kindGlobal, 0)),
		invalid("export-table-one-past", "Exports a table that it does not have.", plain().on("quote").export("table", kindTable, 0)),
		invalid("export-memory-one-past", "Exports a memory that it does not have.", plain().on("quote").export("other", kindMemory, 1)),
		invalid("start-one-past", "Starts with a function behind its own.", with(start, leb(2))),
		invalid("start-with-params", "Starts with a function that wants a parameter.", func() *module {
			m := plain().on("quote")
			m.add(start, leb(m.function(tI32, "", nil, "")))
			return m
		}()),
		invalid("element-one-past", "Puts a function behind its own into the table.", func() *module {
			m := with(tables, tFunc+"\x00\x01")
			m.add(elements, "\x00"+i32(0)+end+vector(leb(2)))
			return m
		}()),
		invalid("element-without-table", "Fills a table that it does not have.", with(elements, "\x00"+i32(0)+end+vector("\x00"))),
		invalid("data-without-memory", "Fills a memory that it does not have.", func() *module {
			m := with(segments, "\x00"+i32(0)+end+name("x"))
			m.pages = ""
			return m
		}()),
	}
}

// mistyped are bodies whose values are not of the type that the instruction takes: an engine that compiles them reads
// its own machine stack.
func mistyped() []Module {
	return []Module{
		invalid("stack-underflow", "Adds two numbers of an empty stack.", code(add32, drop)),
		invalid("stack-left-over", "Leaves a number on the stack of a hook.", code(i32(1))),
		invalid("stack-of-the-caller", "Drops a value that belongs to the block around it.", code(i32(1), block, drop, end)),
		invalid("float-as-address", "Uses a float as an address.", code("\x43\x00\x00\x00\x00", load32, drop)),
		invalid("i64-as-address", "Uses a 64-bit number as an address of a 32-bit memory.", code(i64(1<<40), load32, drop)),
		invalid("number-as-reference", "Puts a number into a table, to call wherever it points.", func() *module {
			m := plain()
			m.add(tables, tFunc+"\x00\x01")
			return m.on("quote", i32(0), i64(0x7fff_0000_0000), tableSet)
		}()),
		invalid("extern-as-function", "Puts a foreign reference into a table of functions.", func() *module {
			m := plain()
			m.add(tables, tFunc+"\x00\x01")
			return m.on("quote", i32(0), "\xd0"+tExtern, tableSet)
		}()),
		invalid("select-of-references", "Selects between references without saying of which type.",
			code(nullFunc, nullFunc, i32(0), "\x1b", drop)),
		invalid("if-without-else", "An if without else has a result.", code(i32(1), "\x04"+tI32, i32(1), end, drop)),
		invalid("loop-result-missing", "A loop promises a result and does not give it.", code("\x03"+tI32, end, drop)),
		invalid("br-table-of-two-types", "The targets of a br_table want different values.",
			code("\x02"+tI32, block, i32(1), i32(0), "\x0e\x01\x00\x01", end, i32(1), end, drop)),
		invalid("dead-code-mistyped", "Code that cannot be reached adds a float to a reference.",
			code(trap, "\x43\x00\x00\x00\x00", nullFunc, add32, drop)),
		invalid("result-missing", "A function with a result returns none.", func() *module {
			m := plain()
			m.function("", tI64, nil, back)
			return m.on("quote")
		}()),
	}
}

// misplacedCode are bodies whose structure is wrong.
func misplacedCode() []Module {
	constant := plain()
	constant.global(false)
	return []Module{
		invalid("branch-too-far", "Branches out of more blocks than there are.", code(block, br(9), end)),
		invalid("br-table-too-far", "A br_table branches out of more blocks than there are.", code(i32(0), brTable(3, 7))),
		invalid("else-without-if", "An else belongs to no if.", code(block, otherwise, end)),
		invalid("else-twice", "An if has two elses.", code(i32(1), when, otherwise, otherwise, end)),
		invalid("set-of-a-constant", "Sets a global that is constant.", constant.on("quote", i64(1), globalSet(0))),
		invalid("alignment-too-large", "A load claims an alignment of 2^31 bytes.", code(i32(0), "\x28\x1f\x00", drop)),
		invalid("load-without-memory", "Loads from a memory that it does not have.", func() *module {
			m := code(i32(0), load32, drop)
			m.pages = ""
			return m
		}()),
		invalid("grow-without-memory", "Grows a memory that it does not have.", func() *module {
			m := code(i32(1), memoryGrow, drop)
			m.pages = ""
			return m
		}()),
		invalid("memory-init-without-count", "Copies from a data segment without the data count that must announce it.", func() *module {
			m := code(i32(0), i32(0), i32(1), memoryInit)
			m.add(segments, "\x01"+name("x"))
			return m
		}()),
	}
}

// badInitialisers are sections whose constant expressions are not constant.
func badInitialisers() []Module {
	withGlobal := func(initialiser string) *module {
		m := plain().on("quote")
		m.add(globals, tI64+"\x01"+initialiser)
		return m
	}
	return []Module{
		invalid("initialiser-calls", "A global's initial value is what a function returns.", withGlobal(call(0)+i64(0)+end)),
		invalid("initialiser-loops", "A global's initial value is computed by an infinite loop.", withGlobal(forever("")+i64(0)+end)),
		invalid("initialiser-of-itself", "A global's initial value is the global itself.", withGlobal(globalGet(0)+end)),
		invalid("initialiser-of-the-fuel", "A global's initial value is a global behind its own.", withGlobal(globalGet(1)+end)),
		invalid("initialiser-mistyped", "A 64-bit global starts as a 32-bit number.", withGlobal(i32(0)+end)),
		invalid("initialiser-empty", "A global has no initial value.", withGlobal(end)),
		invalid("initialiser-open", "A global's initial value does not end.", withGlobal(i64(0))),
		invalid("memory-min-above-max", "The memory's minimum is above its maximum.", limits("\x01"+leb(9)+leb(2))),
		invalid("memory-beyond-4g", "The memory has more pages than 32 bits address.", limits("\x00"+leb(65_537))),
		invalid("memory-max-beyond-4g", "The memory may grow beyond what 32 bits address.", limits("\x01"+leb(1)+leb(65_537))),
		invalid("table-min-above-max", "The table's minimum is above its maximum.", func() *module {
			m := plain().on("quote")
			m.add(tables, tFunc+"\x01"+leb(9)+leb(2))
			return m
		}()),
	}
}

// limits is a module whose memory has the limits.
func limits(pages string) *module {
	m := plain().on("quote")
	m.pages = pages
	return m
}
