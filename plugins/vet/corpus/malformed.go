package corpus

import "strings"

// truncated are modules that end too early.
func truncated() []Module {
	whole := func() string {
		m := plain()
		m.add(globals, tI64+"\x01"+i64(7)+end)
		m.add(tables, tFunc+"\x00\x01")
		m.add(elements, "\x00"+i32(0)+end+vector("\x00"))
		return string(m.on("quote", m.says("k"), drop, drop).bytes())
	}()
	return []Module{
		undecoded("empty", "The upload has no bytes.", ""),
		undecoded("only-magic", "The module ends after the magic number.", "\x00asm"),
		undecoded("half-a-module", "The module ends in the middle.", whole[:len(whole)/2]),
		undecoded("one-byte-short", "The last byte is missing.", whole[:len(whole)-1]),
		undecoded("half-a-number", "The module ends inside a number.", preamble+"\x01\x80"),
		undecoded("half-a-float", "A body ends inside the bytes of a float.",
			preamble+section(types, vector("\x60\x00\x00"))+section(functions, vector("\x00"))+section(codes, vector(name("\x00\x44\x00\x00")))),
	}
}

// misplaced are modules whose sections are where they must not be.
func misplaced() []Module {
	signatures, one := section(types, vector("\x60\x00\x00")), section(functions, vector("\x00"))
	body, memory := section(codes, vector(name("\x00"+end))), section(memories, vector("\x00\x01"))
	return []Module{
		undecoded("no-magic", "The upload is a script.", "#!/bin/sh\nrm -rf /\n"),
		undecoded("version-2", "The module says that it is of version 2 of the format.", "\x00asm\x02\x00\x00\x00"),
		undecoded("component", "Is a component of several modules, not a module.", "\x00asm\x0d\x00\x01\x00"),
		undecoded("sections-reversed", "The function section stands before the types that it names.", preamble+one+signatures+body),
		undecoded("section-twice", "The type section stands twice: what was checked is not what counts.",
			preamble+signatures+signatures+one+body),
		undecoded("code-twice", "The code section stands twice, with a custom section between them.",
			preamble+signatures+one+body+custom("x", "")+body),
		undecoded("section-unknown", "A section has an id that does not exist.", preamble+section(42, "")),
		undecoded("data-count-late", "The data count section stands behind the code that it is for.",
			preamble+signatures+one+memory+body+section(dataCount, "\x00")),
		undecoded("section-with-a-tail", "A section goes on behind its last entry.",
			preamble+section(types, vector("\x60\x00\x00")+"\x60\x00\x00")),
		undecoded("section-too-short", "A section ends inside its entry, which goes on in the next one.", preamble+"\x01\x02\x01\x60\x00\x00"),
		undecoded("tail", "Bytes that belong to no section follow the module.", string(plain().on("quote").bytes())+"\x00"),
	}
}

// misencoded are modules with numbers and flags that a lenient reader takes for others.
func misencoded() []Module {
	bodyOf := func(code string) string {
		one := section(types, vector("\x60\x00\x00")) + section(functions, vector("\x00"))
		return preamble + one + section(codes, vector(name("\x00"+code+end)))
	}
	return []Module{
		undecoded("leb-overlong", "A count takes six bytes.", preamble+section(types, "\x81\x80\x80\x80\x80\x00\x60\x00\x00")),
		undecoded("leb-endless", "A number goes on for 1,000 bytes.", preamble+section(types, strings.Repeat("\x80", 1000)+"\x00")),
		undecoded("leb-beyond-32-bits", "A count has bits beyond the 32nd, which a careless reader drops.",
			preamble+section(types, "\x81\x80\x80\x80\x10\x60\x00\x00")),
		undecoded("leb-bad-sign", "A constant's unused bits are not those of its sign.", bodyOf("\x41\xff\xff\xff\xff\x4f"+drop)),
		undecoded("leb-i64-overlong", "A 64-bit constant takes eleven bytes.", bodyOf("\x42"+strings.Repeat("\x80", 10)+"\x00"+drop)),
		undecoded("opcode-unknown", "A body has an instruction that does not exist.", bodyOf("\xff")),
		undecoded("opcode-continuation", "Makes a continuation, a stack of its own, by an instruction that is only proposed.",
			bodyOf(nullFunc+"\xe0\x00"+drop)),
		undecoded("opcode-bulk-unknown", "A body has a bulk instruction that does not exist.", bodyOf("\xfc\x40")),
		undecoded("opcode-overlong", "The second part of an instruction takes six bytes.", bodyOf("\xfc\x80\x80\x80\x80\x80\x00"+drop)),
		undecoded("value-type-unknown", "A parameter has a type that does not exist.", preamble+section(types, vector("\x60\x01\x11\x00"))),
		undecoded("type-form-unknown", "A type is no function type.", preamble+section(types, vector("\x42\x00\x00"))),
		undecoded("import-kind-unknown", "An import is of a kind that does not exist.",
			preamble+section(imports, vector(name("hotdrop")+name("x")+"\x09\x00"))),
		undecoded("export-kind-unknown", "An export is of a kind that does not exist.", preamble+section(exports, vector(name("x")+"\x09\x00"))),
		undecoded("mutability-unknown", "A global is neither constant nor mutable.", preamble+section(globals, vector(tI32+"\x09"+i32(0)+end))),
		undecoded("segment-flag-unknown", "An element segment has flags that do not exist.", preamble+section(elements, vector("\x09"))),
		undecoded("data-flag-unknown", "A data segment has flags that do not exist.", preamble+section(segments, vector("\x07"))),
	}
}

// mismatched are modules of which two sections say different things.
func mismatched() []Module {
	signatures, memory := section(types, vector("\x60\x00\x00")), section(memories, vector("\x00\x01"))
	return []Module{
		undecoded("functions-without-bodies", "Two functions are declared, none has a body.",
			preamble+signatures+section(functions, vector("\x00", "\x00"))),
		undecoded("bodies-without-functions", "A body belongs to no function.", preamble+signatures+section(codes, vector(name("\x00"+end)))),
		undecoded("data-count-differs", "The data count says 1,000 segments, the data section has none.",
			preamble+memory+section(dataCount, leb(1000))),
		undecoded("body-without-end", "A body does not end.",
			preamble+signatures+section(functions, vector("\x00"))+section(codes, vector(name("\x00"+nop)))),
		undecoded("body-goes-on", "A body goes on behind its end.",
			preamble+signatures+section(functions, vector("\x00"))+section(codes, vector(name("\x00"+end+nop)))),
		undecoded("block-open", "A block is not closed before the body ends.",
			preamble+signatures+section(functions, vector("\x00"))+section(codes, vector(name("\x00"+block+end)))),
	}
}

// misnamed are modules whose names are not text, or not unique.
func misnamed() []Module {
	const notText = "\xc3\x28"
	twice := plain().on("quote").on("quote", trap)
	memory := plain().on("quote").export("memory", kindFunc, 0)
	imported := plain()
	imported.imports("hotdrop", "log\xff", "", "")
	return []Module{
		undecoded("export-name-not-text", "The name of an export is not UTF-8.", string(plain().on("quote").on(notText).bytes())),
		undecoded("import-name-not-text", "The name of an import is not UTF-8.", string(imported.on("quote").bytes())),
		undecoded("custom-name-not-text", "The name of a custom section is not UTF-8.", string(plain().on("quote").bytes())+custom(notText, "")),
		undecoded("surrogate-in-a-name", "The name of an export is half of a UTF-16 pair.",
			string(plain().on("quote").on("\xed\xa0\x80").bytes())),
		undecoded("export-twice", "Two exports are called quote, one to be checked and one to be called.", string(twice.bytes())),
		undecoded("export-memory-twice", "A function is called memory, like the memory.", string(memory.bytes())),
	}
}
