package corpus

import "hotdrop/plugins/abi"

// leaks are modules that try to tell the next shopper's decision something about this one's. Each reports what it
// finds, which must be what it would find the first time, and then leaves something behind.
func leaks() []Module {
	return append(memoryLeaks(), segmentLeaks()...)
}

func memoryLeaks() []Module {
	const far = memoryPages<<16 - 8
	inMemory := plain()
	inMemory.on("quote", inMemory.reporting(i32(0)+load64)+i32(0)+i64(77)+store64)
	inData := plain()
	inData.add(segments, "\x00"+i32(8)+end+name("\x05\x00\x00\x00\x00\x00\x00\x00"))
	inData.on("quote", inData.reporting(i32(8)+load64)+i32(8)+i64(77)+store64)
	grown := plain()
	grown.on("quote", grown.reporting(memorySize+extend)+i32(memoryPages-1)+memoryGrow+drop+i32(far)+i64(77)+store64)
	regrow := func(pages int) *module {
		m, at := plain(), i32(pages<<16-8)
		return m.on("quote", i32(pages-1)+memoryGrow+drop+m.reporting(at+load64)+at+i64(77)+store64)
	}
	inGlobal := plain()
	global := inGlobal.global(true)
	inGlobal.on("quote", inGlobal.reporting(globalGet(global))+i64(77)+globalSet(global))
	manyGlobals := plain()
	for range 900 {
		manyGlobals.global(true)
	}
	manyGlobals.on("quote", manyGlobals.reporting(globalGet(899))+i64(77)+globalSet(899))
	exported := plain()
	exported.export("state", kindGlobal, exported.global(true)).export("state2", kindGlobal, 0)
	exported.on("quote", exported.reporting(globalGet(0))+i64(77)+globalSet(0))
	interned := plain()
	interned.on("quote", interned.reporting(i32(textAt)+load8)+i32(textAt)+i64(0)+store64)
	return []Module{
		harmless("leak-memory", "Leaves a number in its memory.", inMemory, found(0)...),
		harmless("leak-data", "Overwrites its own constants.", inData, found(5)...),
		harmless("leak-memory-size", "Leaves its memory larger than it was.", grown, found(1)...),
		harmless("leak-grown-memory", "Leaves a number in memory that it grew, and grows it again.", regrow(memoryPages/2), found(0)...),
		harmless("leak-grown-memory-to-the-end", "The same with as much memory as is granted.", regrow(memoryPages), found(0)...),
		harmless("leak-global", "Leaves a number in a global that it does not export.", inGlobal, found(0)...),
		harmless("leak-900-globals", "Leaves a number in the last of 900 globals.", manyGlobals, found(0)...),
		harmless("leak-exported-global", "Leaves a number in a global that it exports under two names.", exported, found(0)...),
		harmless("leak-label", "Overwrites the label that it just handed over.", interned, found('f')...),
	}
}

func segmentLeaks() []Module {
	tabled := func() *module {
		m := plain()
		m.use(abi.Discount)
		m.add(tables, tFunc+"\x00\x02")
		m.add(elements, "\x00"+i32(0)+end+vector("\x00"))
		return m
	}
	filled := func(m *module, body string) *module { return m.on("quote", body) }
	set := tabled()
	filled(set, set.reporting(i32(1)+tableGet+"\xd1"+extend)+i32(1)+i32(0)+tableGet+tableSet)
	grown := tabled()
	filled(grown, grown.reporting(tableSize+extend)+nullFunc+i32(100)+tableGrow+drop)
	wiped := tabled()
	filled(wiped, wiped.reporting(i32(0)+tableGet+"\xd1"+extend)+i32(0)+nullFunc+i32(2)+tableFill)
	passive := func(section byte, segment, use, discard string) *module {
		m := tabled()
		m.add(section, segment)
		m.counted = section == segments
		return filled(m, use+m.reporting(i64(1))+discard)
	}
	data := passive(segments, "\x01"+name("x"), i32(0)+i32(0)+i32(1)+memoryInit, dataDrop)
	elem := passive(elements, "\x01\x00"+vector("\x00"), i32(1)+i32(0)+i32(1)+"\xfc\x0c\x01\x00", "\xfc\x0d\x01")
	random := plain()
	next := random.imports(abi.ModuleWASI, abi.RandomGet, tI32+tI32, tI32)
	random.use(abi.Discount)
	random.on("quote", i32(0)+i32(8)+next+drop+random.reporting(i32(0)+load16))
	clock := plain()
	tell := clock.imports(abi.ModuleWASI, abi.ClockTimeGet, tI32+tI64+tI32, tI32)
	clock.use(abi.Discount)
	clock.on("quote", i32(0)+i64(0)+i32(0)+tell+drop+clock.reporting(i32(0)+load64+i64(1_000_000)+divide64))
	return []Module{
		harmless("leak-table", "Leaves a function in an empty entry of its table.", set, found(1)...),
		harmless("leak-table-size", "Leaves its table larger than it was.", grown, found(2)...),
		harmless("leak-table-wiped", "Empties its table.", wiped, found(0)...),
		harmless("leak-data-drop", "Drops a data segment that it needs.", data, found(1)...),
		harmless("leak-elem-drop", "Drops an element segment that it needs.", elem, found(1)...),
		steady(harmless("random", "Throws dice, so that nobody can decide again what it decided.", random)),
		harmless("clock", "Asks for the time, to behave at night.", clock, found(Now)...),
	}
}

// steady is a harmless module of which nobody can say what it finds.
func steady(m Module) Module {
	m.Any = true
	return m
}

// floats are modules that make the bits of a float depend on the machine.
func floats() []Module {
	const canonical = int64(0x7ff8000000000000)
	bits := func(value string) *module {
		m := plain()
		return m.on("quote", m.reporting(value+bitsOfF64+i64(canonical)+equal64+extend))
	}
	number := func(pattern int64) string { return i64(pattern) + f64OfBits }
	signalling, negative := int64(0x7ff0000000000001), int64(-0x8000000000000) // the second is -NaN, canonical
	return []Module{
		harmless("nan-of-0-by-0", "Reports the sign of 0/0, which differs between machines.",
			bits(number(0)+number(0)+divideF64), found(1)...),
		harmless("nan-of-sqrt", "Reports the bits of the root of -1.", bits(number(-1<<62)+sqrt64), found(1)...),
		harmless("nan-payload", "Reports which of two NaNs a sum keeps.",
			bits(number(canonical|7)+number(canonical|9)+"\xa0"), found(1)...),
		harmless("nan-signalling", "Reports whether a signalling NaN was made quiet.",
			bits(number(signalling)+number(0)+"\xa0"), found(1)...),
		harmless("nan-minimum", "Reports the sign of the smaller of a number and -NaN.",
			bits(number(negative)+number(0)+"\xa4"), found(1)...),
		harmless("nan-through-f32", "Reports what is left of a NaN after it was shortened and lengthened.",
			bits(number(canonical|7<<40)+"\xb6\xbb"), found(1)...),
	}
}
