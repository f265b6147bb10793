package corpus

import "hotdrop/plugins/abi"

// hoard begins the names of the modules that make the server keep something for every instruction that they execute.
const hoard = "hoard-"

// hoards are modules that make the server keep something for every instruction that they execute, outside of their own
// memory. What would succeed is refused by name; the others execute whatever the engines answer by leaving their code,
// or by handing out references.
func hoards() []Module {
	return append(references(), growing()...)
}

const (
	refFunc    = "\xd2"
	refIsNull  = "\xd1"
	hoardTimes = 1_500
)

// references are modules that make references to functions, each of which is an object of the server's.
func references() []Module {
	refused := func(title, attack string, build func(m *module, takes string)) Module {
		m := plain()
		m.use(abi.FactI64)
		taken := m.function("", "", nil, "")
		m.export("taken", kindFunc, taken) // which makes it one that may be named
		build(m, refFunc+leb(taken)+drop)
		return Module{
			Name: hoard + title, Attack: attack, Stage: StageRewrite, Want: codeUnsupported, Says: "ref.func", Manifest: quoting(), Wasm: m.bytes,
		}
	}
	return []Module{
		refused("ref-func", "Makes references to a function for ever; the server keeps each.", func(m *module, takes string) {
			m.on("quote", forever(takes))
		}),
		refused("ref-func-little", "Makes a reference at each decision, which neither fuel nor a reset would ever show.",
			func(m *module, takes string) { m.on("quote", takes) }),
		refused("ref-func-asleep", "Makes references from a certain moment on.", func(m *module, takes string) {
			m.on("quote", m.says("now")+call(0)+i64(Now)+equal64+when+forever(takes)+end)
		}),
		refused("ref-func-initialize", "Makes references while it is initialised.", func(m *module, takes string) {
			m.on("quote").on(abi.ExportInitialize, forever(takes))
		}),
	}
}

// growing are modules that do by the thousand what the engines might allocate for, and end.
func growing() []Module {
	again := func(title, attack string, m *module, body string) Module {
		m.export("quote", kindFunc, m.function("", "", []string{locals(1, tI32)}, times(0, hoardTimes, body)))
		return harmless(hoard+title, attack, m)
	}
	tabled := func() *module {
		m := plain()
		m.add(tables, tFunc+"\x00"+leb(8))
		m.add(elements, "\x00"+i32(0)+end+vector("\x00"))
		m.add(elements, "\x01\x00"+vector("\x00"))
		m.function("", "", nil, "")
		return m
	}
	holding := func() *module {
		m := plain()
		m.add(globals, tFunc+"\x01"+refFunc+"\x00"+end)
		m.function("", "", nil, "")
		return m
	}
	deep := plain()
	deep.function(tI32, "", nil, localGet(0)+when+localGet(0)+i32(-1)+add32+call(0)+end)
	asking := plain()
	asks := asking.says("input.note") + i32(0) + i32(1_000) + asking.use(abi.FactStr) + drop
	return []Module{
		again("null", "Makes references to nothing.", plain(), nullFunc+refIsNull+drop),
		again("global-get", "Reads a reference from a global.", holding(), globalGet(0)+drop),
		again("global-set", "Writes a reference to a global.", holding(), globalGet(0)+globalSet(0)),
		again("table-get", "Reads references from its table.", tabled(), i32(0)+tableGet+drop),
		again("table-set", "Writes references to its table.", tabled(), i32(1)+i32(0)+tableGet+tableSet),
		again("table-init", "Copies references from a segment to its table.", tabled(), i32(1)+i32(0)+i32(1)+"\xfc\x0c\x01\x00"),
		again("table-fill", "Fills its table with references.", tabled(), i32(0)+i32(0)+tableGet+i32(8)+tableFill),
		again("table-grow", "Grows its table by one reference at a time, as long as that goes.", tabled(), i32(0)+tableGet+i32(1)+tableGrow+drop),
		again("table-grow-by-0", "Grows its table by nothing.", tabled(), nullFunc+i32(0)+tableGrow+drop),
		again("call-indirect", "Calls through its table.", tabled(), i32(0)+callIndirect(0)),
		again("elem-drop", "Drops a segment again and again.", tabled(), "\xfc\x0d\x01"),
		again("memory-grow-by-0", "Grows its memory by nothing.", plain(), i32(0)+memoryGrow+drop),
		again("memory-grow-in-vain", "Grows its memory by 4 GB.", plain(), i32(-1)+memoryGrow+drop),
		again("memory-grow", "Grows its memory by a page at a time, as far as that goes, for 15 pages.", plain(), i32(1)+memoryGrow+drop),
		again("recursion", "Calls itself ten deep, again and again.", deep, i32(10)+call(0)),
		again("facts", "Reads strings.", asking, asks),
	}
}
