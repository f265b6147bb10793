package corpus

import (
	"encoding/binary"
	"slices"
	"strings"

	"hotdrop/plugins/abi"
)

// The pieces of a module are strings of bytes: constants, concatenated with + and repeated with strings.Repeat.
const preamble = "\x00asm\x01\x00\x00\x00"

// The ids of sections.
const (
	customs = iota
	types
	imports
	functions
	tables
	memories
	globals
	exports
	start
	elements
	codes
	segments // of data
	dataCount
)

// The types, and the kinds of what is imported and exported.
const (
	tI32, tI64, tF32, tF64, tV128 = "\x7f", "\x7e", "\x7d", "\x7c", "\x7b"
	tFunc, tExtern                = "\x70", "\x6f"

	kindFunc, kindTable, kindMemory, kindGlobal = "\x00", "\x01", "\x02", "\x03"
)

// module builds a WebAssembly module that keeps the ABI, with whatever is hostile in it added by its author. What it
// is not told to have is absent, except one page of exported memory and the export of the ABI's version.
type module struct {
	lists    map[byte][]string // the entries of the sections that are lists
	imported int               // functions that are imported; no more of them once a function is defined
	text     string            // what stands in the memory from textAt on
	pages    string            // the memory's limits; "" for no memory
	nameless bool              // without the export of the ABI's version
	used     []string          // the imports of the ABI
	counted  bool              // with the section that counts the data segments
	extra    string            // sections at the end, as they are
}

// textAt is where strings are placed in the memory; what is below is free.
const textAt = 1024

// plain returns a module that does nothing and is allowed to.
func plain() *module { return &module{lists: map[byte][]string{}, pages: "\x00\x01"} }

// add appends an entry to the list of a section and returns the entry's index in it.
func (m *module) add(section byte, entry string) int {
	m.lists[section] = append(m.lists[section], entry)
	return len(m.lists[section]) - 1
}

// signature returns the index of a function type.
func (m *module) signature(params, results string) int {
	entry := "\x60" + name(params) + name(results)
	if i := slices.Index(m.lists[types], entry); i >= 0 {
		return i
	}
	return m.add(types, entry)
}

// imports a function and returns the code that calls it. Functions are imported before any is defined.
func (m *module) imports(origin, field, params, results string) string {
	entry := name(origin) + name(field) + kindFunc + leb(m.signature(params, results))
	if i := slices.Index(m.lists[imports], entry); i >= 0 {
		return call(i)
	}
	if len(m.lists[functions]) > 0 {
		panic("corpus: " + field + " is imported after a function was defined")
	}
	m.imported++
	m.add(imports, entry)
	return call(m.imported - 1)
}

// use returns the code that calls an import of the ABI.
func (m *module) use(field string) string {
	m.used = append(m.used, field)
	all := abi.Functions()
	f := all[slices.IndexFunc(all, func(f abi.Function) bool { return f.Name == field })]
	return m.imports(abi.Module, field, valueTypes(f.Params), valueTypes(f.Results))
}

func valueTypes(types []abi.Type) string {
	bytes := make([]byte, len(types))
	for i, t := range types {
		bytes[i] = byte(t)
	}
	return string(bytes)
}

// function defines a function with groups of locals (see locals) and returns its index.
func (m *module) function(params, results string, groups []string, body string) int {
	m.add(functions, leb(m.signature(params, results)))
	return m.imported + m.add(codes, name(vector(groups...)+body+end))
}

// export exports something by its kind and index.
func (m *module) export(field, kind string, index int) *module {
	m.add(exports, name(field)+kind+leb(index))
	return m
}

// on exports a function () -> () without locals: a hook, most of the time.
func (m *module) on(hook string, body ...string) *module {
	return m.export(hook, kindFunc, m.function("", "", nil, strings.Join(body, "")))
}

// global defines an i64 global of value 0 and returns its index.
func (m *module) global(mutable bool) int {
	flag := "\x00"
	if mutable {
		flag = "\x01"
	}
	return m.add(globals, tI64+flag+i64(0)+end)
}

// says returns the code that pushes pointer and length of a string.
func (m *module) says(s string) string {
	at := textAt + len(m.text)
	m.text += s
	return i32(at) + i32(len(s))
}

// bytes returns the module.
func (m *module) bytes() []byte {
	lists := make(map[byte][]string, len(m.lists))
	for id, entries := range m.lists {
		lists[id] = slices.Clip(entries)
	}
	done := *m
	done.lists = lists
	if !m.nameless {
		done.on(abi.ExportVersion)
	}
	if m.pages != "" {
		done.export(abi.ExportMemory, kindMemory, done.add(memories, m.pages))
	}
	if m.text != "" {
		done.add(segments, "\x00"+i32(textAt)+end+name(m.text))
	}
	if m.counted {
		done.add(dataCount, leb(len(done.lists[segments])))
	}
	return []byte(done.encode())
}

func (m *module) encode() string {
	var out strings.Builder
	out.WriteString(preamble)
	for _, id := range []byte{types, imports, functions, tables, memories, globals, exports, start, elements, dataCount, codes, segments} {
		entries := m.lists[id]
		switch {
		case len(entries) == 0:
		case id == start || id == dataCount:
			out.WriteString(section(id, entries[0]))
		default:
			out.WriteString(section(id, vector(entries...)))
		}
	}
	return out.String() + m.extra
}

// section returns a section with its true size.
func section(id byte, content string) string { return string(id) + name(content) }

// custom returns a custom section.
func custom(title, content string) string { return section(customs, name(title)+content) }

// vector returns a count and the entries.
func vector(entries ...string) string { return leb(len(entries)) + strings.Join(entries, "") }

// name returns bytes behind their length: a name, a body, the data of a segment.
func name(s string) string { return leb(len(s)) + s }

// locals returns a group of count locals.
func locals(count int, valueType string) string { return leb(count) + valueType }

// leb returns an unsigned LEB128 number. It must not be negative.
func leb(n int) string { return string(binary.AppendUvarint(nil, uint64(n))) } //nolint:gosec // not negative

// sleb returns a signed LEB128 number.
func sleb(n int64) string {
	var out []byte
	for {
		low := byte(n & 0x7f)
		n >>= 7
		if (n == 0 && low&0x40 == 0) || (n == -1 && low&0x40 != 0) {
			return string(append(out, low))
		}
		out = append(out, low|0x80)
	}
}
