package wasm

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
)

// moduleOf joins sections behind the preamble.
func moduleOf(sections ...[]byte) []byte {
	return append([]byte("\x00asm\x01\x00\x00\x00"), bytes.Join(sections, nil)...)
}

// sectionOf writes a section with the right size.
func sectionOf(id Section, content ...byte) []byte {
	return append(appendUnsigned([]byte{byte(id)}, uint32(len(content))), content...)
}

// Sections that others need: one type () -> (), one function with an empty body, one memory of a page, one table of
// funcref, an imported immutable i32, a mutable i64.
var (
	oneType     = sectionOf(SectionType, 1, 0x60, 0, 0)
	oneFunction = sectionOf(SectionFunction, 1, 0)
	oneBody     = sectionOf(SectionCode, 1, 2, 0, 0x0b)
	oneMemory   = sectionOf(SectionMemory, 1, 0, 1)
	oneTable    = sectionOf(SectionTable, 1, 0x70, 0, 1)
	importedI32 = sectionOf(SectionImport, 1, 1, 'm', 1, 'n', 3, 0x7f, 0)
	mutableI64  = sectionOf(SectionGlobal, 1, 0x7e, 1, 0x42, 0, 0x0b)
)

// moduleCase is a module that is accepted (no code) or refused with a code. The offset is where the refused thing
// begins; -1 where that is the end of the module.
type moduleCase struct {
	name   string
	wasm   []byte
	code   string
	offset int
}

func runModules(t *testing.T, cases []moduleCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.code != "" {
				if c.offset < 0 {
					c.offset = len(c.wasm)
				}
				checkRefused(t, c.wasm, sampleLimits(), c.code, c.offset)
				return
			}
			if _, err := Decode(c.wasm, sampleLimits()); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

func TestPreambleAndSections(t *testing.T) {
	tooLong := append([]byte{byte(SectionType)}, 0x84, 0x80, 0x80, 0x80, 0x80, 0x00)
	runModules(t, []moduleCase{
		{"an empty module", moduleOf(), "", 0},
		{"nothing", nil, CodeDecode, 0},
		{"half a magic number", []byte("\x00as"), CodeDecode, 0},
		{"another magic number", []byte("\x7fELF\x01\x00\x00\x00"), CodeDecode, 0},
		{"no version", []byte("\x00asm"), CodeDecode, 4},
		{"half a version", []byte("\x00asm\x01\x00"), CodeDecode, 4},
		{"version 2", []byte("\x00asm\x02\x00\x00\x00"), CodeDecode, 4},
		{"a component", []byte("\x00asm\x0d\x00\x01\x00"), CodeDecode, 4},
		{"a section without a size", append(moduleOf(), 1), CodeDecode, -1},
		{"a section larger than the module", moduleOf([]byte{1, 5, 1, 0x60, 0, 0}), CodeDecode, 8},
		{"a section of 4 GiB", moduleOf([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0}), CodeDecode, 8},
		{"a size of six bytes", moduleOf(tooLong), CodeDecode, 9},
		{"a size that is padded", moduleOf([]byte{1, 0x84, 0x80, 0x80, 0x80, 0x00, 1, 0x60, 0, 0}), "", 0},
		{"a section with bytes behind its content", moduleOf(sectionOf(SectionType, 1, 0x60, 0, 0, 0)), CodeDecode, 14},
		{"a section that ends within its content", moduleOf(sectionOf(SectionType, 1, 0x60, 0)), CodeDecode, 10},
		{"an empty list in a section", moduleOf(sectionOf(SectionType, 0)), "", 0},
		{"a section without even a count", moduleOf(sectionOf(SectionType)), CodeDecode, 10},
		{"a section twice", moduleOf(oneType, oneType), CodeDecode, 14},
		{"sections out of order", moduleOf(oneType, oneMemory, oneTable), CodeDecode, 19},
		{"sections out of order by id, not by rule", moduleOf(sectionOf(SectionDataCount, 0), sectionOf(SectionCode, 0)), "", 0},
		{"a data count behind the code", moduleOf(sectionOf(SectionCode, 0), sectionOf(SectionDataCount, 0)), CodeDecode, 11},
		{"a data count before the elements", moduleOf(sectionOf(SectionDataCount, 0), sectionOf(SectionElement, 0)), CodeDecode, 11},
		{"a section of exceptions", moduleOf(sectionOf(13, 0)), CodeUnsupported, 8},
		{"a section that does not exist", moduleOf(sectionOf(14, 0)), CodeDecode, 8},
		{"a section with the high bit", moduleOf(sectionOf(0x81, 0)), CodeDecode, 8},
	})
}

func TestCustomSections(t *testing.T) {
	runModules(t, []moduleCase{
		{"anywhere, twice by the same name", moduleOf(sectionOf(0, 1, 'a'), oneType, sectionOf(0, 1, 'a', 9), sectionOf(0, 0)), "", 0},
		{"without a name", moduleOf(sectionOf(0)), CodeDecode, 10},
		{"with a name longer than the section", moduleOf(sectionOf(0, 2, 'a')), CodeDecode, 11},
		{"with a name that is not UTF-8", moduleOf(sectionOf(0, 1, 0xff)), CodeDecode, 10},
		{"with a name that is half a surrogate pair", moduleOf(sectionOf(0, 3, 0xed, 0xa0, 0x80)), CodeDecode, 10},
		{"with a name in two bytes that one would hold", moduleOf(sectionOf(0, 2, 0xc0, 0x80)), CodeDecode, 10},
		{"with a size beyond the module", moduleOf([]byte{0, 3, 1, 'a'}), CodeDecode, 8},
	})
	m, err := Decode(moduleOf(sectionOf(0, 1, 'a', 7), oneType, sectionOf(0, 1, 'b'), oneFunction, oneBody, sectionOf(0, 1, 'c', 8, 9)), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	want := []Custom{{"a", []byte{7}, SectionCustom}, {"b", []byte{}, SectionType}, {"c", []byte{8, 9}, SectionCode}}
	if !reflect.DeepEqual(m.Customs, want) {
		t.Errorf("custom sections %v, want %v", m.Customs, want)
	}
}

func TestTypes(t *testing.T) {
	runModules(t, []moduleCase{
		{"every value type", moduleOf(sectionOf(SectionType, 1, 0x60, 6, 0x7f, 0x7e, 0x7d, 0x7c, 0x70, 0x6f, 1, 0x6f)), "", 0},
		{"a value type that does not exist", moduleOf(sectionOf(SectionType, 1, 0x60, 1, 0x40, 0)), CodeDecode, 13},
		{"a vector", moduleOf(sectionOf(SectionType, 1, 0x60, 1, 0x7b, 0)), CodeUnsupported, 13},
		{"a typed reference", moduleOf(sectionOf(SectionType, 1, 0x60, 2, 0x64, 0x00, 0)), CodeUnsupported, 13},
		{"a reference to an exception", moduleOf(sectionOf(SectionType, 1, 0x60, 1, 0x69, 0)), CodeUnsupported, 13},
		{"a reference to anything", moduleOf(sectionOf(SectionType, 1, 0x60, 1, 0x6e, 0)), CodeUnsupported, 13},
		{"a structure", moduleOf(sectionOf(SectionType, 1, 0x5f, 0, 0)), CodeUnsupported, 11},
		{"a recursion group", moduleOf(sectionOf(SectionType, 1, 0x4e, 0, 0)), CodeUnsupported, 11},
		{"another form", moduleOf(sectionOf(SectionType, 1, 0x7b, 0, 0)), CodeDecode, 11},
		{"more parameters than bytes", moduleOf(sectionOf(SectionType, 1, 0x60, 3, 0x7f, 0)), CodeDecode, 12},
	})
}

func TestImports(t *testing.T) {
	imports := func(rest ...byte) []byte {
		return sectionOf(SectionImport, append([]byte{1, 1, 'm', 1, 'n'}, rest...)...)
	}
	runModules(t, []moduleCase{
		{"a function", moduleOf(oneType, imports(0, 0)), "", 0},
		{"a table", moduleOf(imports(1, 0x70, 1, 0, 9)), "", 0},
		{"a memory", moduleOf(imports(2, 1, 1, 2)), "", 0},
		{"a mutable global", moduleOf(imports(3, 0x7c, 1)), "", 0},
		{"the same name twice", moduleOf(oneType, sectionOf(SectionImport, 2, 1, 'm', 1, 'n', 0, 0, 1, 'm', 1, 'n', 0, 0)), "", 0},
		{"a function of a type that does not exist", moduleOf(oneType, imports(0, 1)), CodeDecode, 22},
		{"a function without any type", moduleOf(imports(0, 0)), CodeDecode, 16},
		{"an exception", moduleOf(oneType, imports(4, 0, 0)), CodeUnsupported, 21},
		{"a kind that does not exist", moduleOf(imports(5, 0)), CodeDecode, 15},
		{"a module's name that is not UTF-8", moduleOf(oneType, sectionOf(SectionImport, 1, 1, 0xc3, 1, 'n', 0, 0)), CodeDecode, 17},
		{"a name that is not UTF-8", moduleOf(oneType, sectionOf(SectionImport, 1, 1, 'm', 1, 0x80, 0, 0)), CodeDecode, 19},
		{"a global that is mutable in no known way", moduleOf(imports(3, 0x7f, 4)), CodeDecode, 17},
		{"a shared global", moduleOf(imports(3, 0x7f, 2)), CodeUnsupported, 17},
		{"a shared memory", moduleOf(imports(2, 3, 1, 2)), CodeUnsupported, 16},
		{"a second memory", moduleOf(imports(2, 0, 1), oneMemory), CodeUnsupported, 21},
	})
}

func TestFunctionsAndBodies(t *testing.T) {
	runModules(t, []moduleCase{
		{"a function and its body", moduleOf(oneType, oneFunction, oneBody), "", 0},
		{"a function without code", moduleOf(oneType, oneFunction), CodeDecode, -1},
		{"code without a function", moduleOf(oneType, oneBody), CodeDecode, 16},
		{"two bodies for one function", moduleOf(oneType, oneFunction, sectionOf(SectionCode, 2, 2, 0, 0x0b, 2, 0, 0x0b)), CodeDecode, 20},
		{"an empty code section without functions", moduleOf(sectionOf(SectionCode, 0)), "", 0},
		{"an empty code section with a function", moduleOf(oneType, oneFunction, sectionOf(SectionCode, 0)), CodeDecode, 20},
		{"a function of a type that does not exist", moduleOf(oneType, sectionOf(SectionFunction, 1, 1), oneBody), CodeDecode, 17},
		{"a body larger than its section", moduleOf(oneType, oneFunction, sectionOf(SectionCode, 1, 3, 0, 0x0b)), CodeDecode, 21},
		{"a body smaller than its code", moduleOf(oneType, oneFunction, sectionOf(SectionCode, 1, 2, 0, 0x01, 0x0b)), CodeDecode, 24},
		{"a body without a byte", moduleOf(oneType, oneFunction, sectionOf(SectionCode, 1, 0, 0x0b, 0x0b)), CodeDecode, 22},
		{"a body with locals only", moduleOf(oneType, oneFunction, sectionOf(SectionCode, 1, 3, 1, 1, 0x7f)), CodeDecode, 25},
		{"locals", moduleOf(oneType, oneFunction, sectionOf(SectionCode, 1, 6, 2, 3, 0x7f, 0, 0x6f, 0x0b)), "", 0},
		{"locals of a type that does not exist", moduleOf(oneType, oneFunction, sectionOf(SectionCode, 1, 4, 1, 1, 0x40, 0x0b)), CodeDecode, 24},
		{"more groups of locals than bytes", moduleOf(oneType, oneFunction, sectionOf(SectionCode, 1, 4, 2, 1, 0x7f, 0x0b)), CodeDecode, 22},
	})
}

func TestTablesAndMemories(t *testing.T) {
	tables := func(content ...byte) []byte {
		return moduleOf(sectionOf(SectionTable, append([]byte{1}, content...)...))
	}
	memories := func(content ...byte) []byte {
		return moduleOf(sectionOf(SectionMemory, append([]byte{1}, content...)...))
	}
	runModules(t, []moduleCase{
		{"a table of functions", tables(0x70, 0, 1), "", 0},
		{"a table of externref with a maximum", tables(0x6f, 1, 1, 1), "", 0},
		{"a table of numbers", tables(0x7f, 0, 1), CodeDecode, 11},
		{"a table of typed references", tables(0x63, 0x70, 0, 1), CodeUnsupported, 11},
		{"a table with an initial value", tables(0x40, 0, 0x70, 0, 1, 0xd2, 0, 0x0b), CodeUnsupported, 11},
		{"a table whose maximum is below its minimum", tables(0x70, 1, 2, 1), CodeDecode, 12},
		{"a table with 64-bit indices", tables(0x70, 4, 1), CodeUnsupported, 12},
		{"a shared table", tables(0x70, 3, 1, 1), CodeUnsupported, 12},
		{"a table with limits of no known kind", tables(0x70, 8, 1), CodeDecode, 12},
		{"a memory of no page", memories(0, 0), "", 0},
		{"a memory that may grow to 4 GiB", memories(1, 1, 0x80, 0x80, 4), "", 0},
		{"a memory that may grow beyond", memories(1, 1, 0x81, 0x80, 4), CodeDecode, 11},
		{"a memory that begins beyond", memories(0, 0x81, 0x80, 4), CodeDecode, 11},
		{"a memory whose maximum is below its minimum", memories(1, 2, 1), CodeDecode, 11},
		{"a shared memory", memories(3, 1, 1), CodeUnsupported, 11},
		{"a shared memory without a maximum", memories(2, 1), CodeUnsupported, 11},
		{"a memory with 64-bit addresses", memories(4, 1), CodeUnsupported, 11},
		{"a memory with pages of another size", memories(8, 1, 0), CodeUnsupported, 11},
		{"a memory with limits of no known kind", memories(0x10, 1), CodeDecode, 11},
		{"two memories", moduleOf(sectionOf(SectionMemory, 2, 0, 1, 0, 1)), CodeUnsupported, 13},
	})
}

func TestGlobalsAndConstants(t *testing.T) {
	i32 := func(expression ...byte) []byte {
		return sectionOf(SectionGlobal, append([]byte{1, 0x7f, 0}, expression...)...)
	}
	runModules(t, []moduleCase{
		{"a number", moduleOf(i32(0x41, 0, 0x0b)), "", 0},
		{"a number of another type", moduleOf(i32(0x42, 0, 0x0b)), CodeDecode, 13},
		{"doubles have eight bytes", moduleOf(sectionOf(SectionGlobal, 1, 0x7c, 1, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b)), "", 0},
		{"an imported global", moduleOf(importedI32, i32(0x23, 0, 0x0b)), "", 0},
		{"an imported global of another type", moduleOf(importedI32, sectionOf(SectionGlobal, 1, 0x7e, 0, 0x23, 0, 0x0b)), CodeDecode, 23},
		{"an imported global that is mutable", moduleOf(sectionOf(SectionImport, 1, 1, 'm', 1, 'n', 3, 0x7f, 1), i32(0x23, 0, 0x0b)), CodeDecode, 23},
		{"a global of the module itself", moduleOf(sectionOf(SectionGlobal, 2, 0x7f, 0, 0x41, 0, 0x0b, 0x7f, 0, 0x23, 0, 0x0b)), CodeDecode, 18},
		{"a global that does not exist", moduleOf(i32(0x23, 0, 0x0b)), CodeDecode, 13},
		{"a null", moduleOf(sectionOf(SectionGlobal, 1, 0x6f, 0, 0xd0, 0x6f, 0x0b)), "", 0},
		{"a null of another type", moduleOf(sectionOf(SectionGlobal, 1, 0x6f, 0, 0xd0, 0x70, 0x0b)), CodeDecode, 13},
		{"a function", moduleOf(oneType, oneFunction, sectionOf(SectionGlobal, 1, 0x70, 0, 0xd2, 0, 0x0b), oneBody), "", 0},
		{"a function that does not exist", moduleOf(oneType, oneFunction, sectionOf(SectionGlobal, 1, 0x70, 0, 0xd2, 1, 0x0b), oneBody), CodeDecode, 23},
		{"an empty expression", moduleOf(i32(0x0b, 0x0b, 0x0b)), CodeDecode, 13},
		{"two values", moduleOf(i32(0x41, 0, 0x41, 0, 0x0b)), CodeDecode, 13},
		{"an expression without end", moduleOf(i32(0x41, 0x80, 0)), CodeDecode, 13},
		{"an expression that is cut short", moduleOf(i32(0x41, 0x80, 0x80)), CodeDecode, 14},
		{"an expression that is not constant", moduleOf(i32(0x3f, 0, 0x0b)), CodeDecode, 13},
		{"a nop before the end", moduleOf(i32(0x41, 0, 0x01, 0x0b)), CodeDecode, 13},
		{"a sum", moduleOf(i32(0x41, 0, 0x41, 1, 0x6a, 0x0b)), CodeUnsupported, 13},
		{"a sum with a global", moduleOf(importedI32, i32(0x23, 0, 0x41, 1, 0x6a, 0x0b)), CodeUnsupported, 23},
		{"a vector", moduleOf(i32(0xfd, 12, 0x0b)), CodeUnsupported, 13},
		{"an opcode that does not exist", moduleOf(i32(0xff, 0, 0x0b)), CodeDecode, 13},
		{"mutable in no known way", moduleOf(sectionOf(SectionGlobal, 1, 0x7f, 9, 0x41, 0, 0x0b)), CodeDecode, 12},
	})
}

func TestExportsAndStart(t *testing.T) {
	exports := func(kind, index byte) []byte { return sectionOf(SectionExport, 1, 1, 'x', kind, index) }
	functions := func(rest ...[]byte) []byte { return moduleOf(append([][]byte{oneType, oneFunction}, rest...)...) }
	withType := func(params, results byte) []byte {
		content := []byte{1, 0x60, params}
		content = append(content, bytes.Repeat([]byte{0x7f}, int(params))...)
		content = append(content, results)
		return sectionOf(SectionType, append(content, bytes.Repeat([]byte{0x7f}, int(results))...)...)
	}
	runModules(t, []moduleCase{
		{"a function", functions(exports(0, 0), oneBody), "", 0},
		{"a function that does not exist", functions(exports(0, 1), oneBody), CodeDecode, 23},
		{"a table", moduleOf(oneTable, exports(1, 0)), "", 0},
		{"a table that does not exist", moduleOf(oneTable, exports(1, 1)), CodeDecode, 19},
		{"a memory", moduleOf(oneMemory, exports(2, 0)), "", 0},
		{"a memory that does not exist", moduleOf(exports(2, 0)), CodeDecode, 13},
		{"a global", moduleOf(mutableI64, exports(3, 0)), "", 0},
		{"a global that would exist once another is appended", moduleOf(mutableI64, exports(3, 1)), CodeDecode, 21},
		{"an exception", moduleOf(exports(4, 0)), CodeUnsupported, 13},
		{"a kind that does not exist", moduleOf(exports(5, 0)), CodeDecode, 13},
		{"the same name twice", moduleOf(oneMemory, sectionOf(SectionExport, 2, 1, 'x', 2, 0, 1, 'x', 2, 0)), CodeDecode, 20},
		{"the same thing by two names", moduleOf(oneMemory, sectionOf(SectionExport, 2, 1, 'x', 2, 0, 1, 'y', 2, 0)), "", 0},
		{"an empty name", moduleOf(oneMemory, sectionOf(SectionExport, 1, 0, 2, 0)), "", 0},
		{"a name that is not UTF-8", moduleOf(oneMemory, sectionOf(SectionExport, 1, 1, 0xff, 2, 0)), CodeDecode, 16},
		{"a start function", functions(sectionOf(SectionStart, 0), oneBody), "", 0},
		{"a start function that does not exist", functions(sectionOf(SectionStart, 1), oneBody), CodeDecode, 20},
		{"a start function with a parameter", moduleOf(withType(1, 0), oneFunction, sectionOf(SectionStart, 0), oneBody), CodeDecode, 21},
		{"a start function with a result", moduleOf(withType(0, 1), oneFunction, sectionOf(SectionStart, 0),
			sectionOf(SectionCode, 1, 4, 0, 0x41, 0, 0x0b)), CodeDecode, 21},
	})
}

func TestDataSegments(t *testing.T) {
	data := func(content ...byte) []byte { return sectionOf(SectionData, append([]byte{1}, content...)...) }
	runModules(t, []moduleCase{
		{"active", moduleOf(oneMemory, data(0, 0x41, 0, 0x0b, 2, 'h', 'i')), "", 0},
		{"active at an imported global", moduleOf(importedI32, oneMemory, data(0, 0x23, 0, 0x0b, 0)), "", 0},
		{"active with a memory that is named", moduleOf(oneMemory, data(2, 0, 0x41, 0, 0x0b, 0)), "", 0},
		{"active with another memory", moduleOf(oneMemory, data(2, 1, 0x41, 0, 0x0b, 0)), CodeUnsupported, 16},
		{"active without a memory", moduleOf(data(0, 0x41, 0, 0x0b, 0)), CodeDecode, 11},
		{"active at an i64", moduleOf(oneMemory, data(0, 0x42, 0, 0x0b, 0)), CodeDecode, 17},
		{"active at a mutable global", moduleOf(oneMemory, mutableI64, data(0, 0x23, 0, 0x0b, 0)), CodeDecode, 25},
		{"passive", moduleOf(data(1, 1, 'x')), "", 0},
		{"of no known kind", moduleOf(oneMemory, data(3, 0)), CodeDecode, 16},
		{"longer than the section", moduleOf(data(1, 2, 'x')), CodeDecode, 13},
		{"of 4 GiB", moduleOf(data(1, 0xff, 0xff, 0xff, 0xff, 0x0f)), CodeDecode, 17},
		{"as many as the data count says", moduleOf(sectionOf(SectionDataCount, 1), data(1, 0)), "", 0},
		{"fewer than the data count says", moduleOf(sectionOf(SectionDataCount, 2), data(1, 0)), CodeDecode, -1},
		{"none, but the data count says one", moduleOf(sectionOf(SectionDataCount, 1)), CodeDecode, -1},
		{"one, but the data count says none", moduleOf(sectionOf(SectionDataCount, 0), data(1, 0)), CodeDecode, -1},
	})
}

func TestElementSegments(t *testing.T) {
	externTable := sectionOf(SectionTable, 2, 0x70, 0, 1, 0x6f, 0, 1)
	module := func(content ...byte) []byte {
		return moduleOf(oneType, oneFunction, externTable, sectionOf(SectionElement, append([]byte{1}, content...)...), oneBody)
	}
	at := len(moduleOf(oneType, oneFunction, externTable)) + 3
	zero, function := Constant{Op: OpI32Const}, []Constant{{Op: OpRefFunc}}
	null := []Constant{{Op: OpRefNull, Value: uint64(ExternRef)}}
	for _, c := range []struct {
		name    string
		content []byte
		want    Element
	}{
		{"functions for table 0", []byte{0, 0x41, 0, 0x0b, 1, 0}, Element{Type: FuncRef, Offset: zero, Items: function}},
		{"functions for later", []byte{1, 0, 1, 0}, Element{Mode: Passive, Type: FuncRef, Items: function}},
		{"functions for a table by name", []byte{2, 0, 0x41, 0, 0x0b, 0, 1, 0}, Element{Type: FuncRef, Offset: zero, Items: function}},
		{"functions that are declared", []byte{3, 0, 1, 0}, Element{Mode: Declarative, Type: FuncRef, Items: function}},
		{"expressions for table 0", []byte{4, 0x41, 0, 0x0b, 1, 0xd2, 0, 0x0b}, Element{Type: FuncRef, Offset: zero, Items: function}},
		{"expressions for later", []byte{5, 0x6f, 1, 0xd0, 0x6f, 0x0b}, Element{Mode: Passive, Type: ExternRef, Items: null}},
		{"expressions for a table by name", []byte{6, 1, 0x41, 0, 0x0b, 0x6f, 1, 0xd0, 0x6f, 0x0b},
			Element{Table: 1, Type: ExternRef, Offset: zero, Items: null}},
		{"expressions that are declared", []byte{7, 0x6f, 1, 0xd0, 0x6f, 0x0b}, Element{Mode: Declarative, Type: ExternRef, Items: null}},
		{"a table's number in five bytes", []byte{2, 0x80, 0x80, 0x80, 0x80, 0, 0x41, 0, 0x0b, 0, 1, 0},
			Element{Type: FuncRef, Offset: zero, Items: function}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Decode(module(c.content...), sampleLimits())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(m.Elements, []Element{c.want}) {
				t.Errorf("read %+v, want %+v", m.Elements[0], c.want)
			}
			again, err := Decode(m.Encode(), sampleLimits())
			if err != nil || !reflect.DeepEqual(again.Elements, m.Elements) {
				t.Errorf("read again: %+v, %v", again, err)
			}
		})
	}
	runModules(t, []moduleCase{
		{"a kind of segment that does not exist", module(8, 0x41, 0, 0x0b, 0), CodeDecode, at},
		{"a kind of element that does not exist", module(1, 1, 1, 0), CodeDecode, at + 1},
		{"a table that does not exist", module(2, 2, 0x41, 0, 0x0b, 0, 1, 0), CodeDecode, at},
		{"no table at all", moduleOf(sectionOf(SectionElement, 1, 0, 0x41, 0, 0x0b, 0)), CodeDecode, 11},
		{"functions for a table of externref", module(2, 1, 0x41, 0, 0x0b, 0, 1, 0), CodeDecode, at},
		{"externref for a table of functions", module(6, 0, 0x41, 0, 0x0b, 0x6f, 1, 0xd0, 0x6f, 0x0b), CodeDecode, at},
		{"an offset that is no i32", module(0, 0x42, 0, 0x0b, 1, 0), CodeDecode, at + 1},
		{"a function that does not exist", module(1, 0, 1, 1), CodeDecode, at + 3},
		{"an item of another type", module(5, 0x70, 1, 0xd0, 0x6f, 0x0b), CodeDecode, at + 3},
		{"an item that is a number", module(5, 0x70, 1, 0x41, 0, 0x0b), CodeDecode, at + 3},
		{"items of a type that is no reference", module(5, 0x7f, 0), CodeDecode, at + 1},
		{"more items than bytes", module(1, 0, 2, 0), CodeDecode, at + 2},
	})
}

func TestTheBytesOfAModuleAreSharedAndItsNumbersKept(t *testing.T) {
	b := sampleModule(t).Encode()
	m, err := Decode(b, sampleLimits())
	if err != nil {
		t.Fatal(err)
	}
	want := sampleModule(t)
	for i := range m.Bodies {
		body := &m.Bodies[i]
		if !slices.Equal(b[body.Offset:body.Offset+len(body.Code)], body.Code) {
			t.Errorf("body %d is not at its offset %d", i, body.Offset)
		}
		if &b[body.Offset] != &body.Code[0] || cap(body.Code) != len(body.Code) {
			t.Errorf("body %d is a copy, or could be appended to", i)
		}
		body.Offset = 0
	}
	for _, list := range [][2]any{
		{m.Types, want.Types}, {m.Imports, want.Imports}, {m.Functions, want.Functions}, {m.Tables, want.Tables},
		{m.Memories, want.Memories}, {m.Globals, want.Globals}, {m.Exports, want.Exports}, {m.Elements, want.Elements},
		{m.DataCount, want.DataCount}, {m.Bodies, want.Bodies}, {m.Data, want.Data}, {m.Customs, want.Customs},
	} {
		if !equalButForEmpty(list[0], list[1]) {
			t.Errorf("read %+v, want %+v", list[0], list[1])
		}
	}
	if m.ImportedFunctions() != 1 || m.ImportedGlobals() != 1 {
		t.Errorf("%d functions and %d globals are imported, want 1 and 1", m.ImportedFunctions(), m.ImportedGlobals())
	}
}

// equalButForEmpty compares what modules print: nil and empty lists mean the same.
func equalButForEmpty(a, b any) bool {
	if x, ok := a.(*uint32); ok {
		y, ok := b.(*uint32)
		return ok && *x == *y
	}
	return reflect.DeepEqual(normal(a), normal(b))
}

func normal(v any) any {
	if types, ok := v.([]FuncType); ok {
		same := make([]FuncType, len(types))
		for i, t := range types {
			same[i] = FuncType{append([]ValueType{}, t.Params...), append([]ValueType{}, t.Results...)}
		}
		return same
	}
	return v
}
