package wasm

import (
	"bytes"
	"runtime"
	"slices"
	"testing"
)

// The promise of Decode: it allocates at most so many bytes for each byte of its input, whatever the input claims, and
// this much besides: the stacks of the validator and what else the limits alone bound.
const (
	allocatedPerByte = 24
	allocatedBesides = 256 << 10
)

// allocationLimits are those of the corpora, but for what is bounded by its limit alone.
func allocationLimits() Limits {
	l, defaults := corpusLimits(), DefaultLimits()
	l.Tables, l.Customs, l.Locals, l.Nesting, l.Operands =
		defaults.Tables, defaults.Customs, defaults.Locals, defaults.Nesting, defaults.Operands
	return l
}

// checkAllocation decodes once and holds what was allocated against the promise.
func checkAllocation(t *testing.T, name string, wasm []byte) (accepted bool) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Decode(wasm, allocationLimits())
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	if bound := uint64(allocatedPerByte*len(wasm) + allocatedBesides); allocated > bound {
		t.Errorf("%s: %d bytes allocated for %d of input, at most %d are allowed", name, allocated, len(wasm), bound)
	}
	return err == nil
}

// lies are counts and sizes far beyond what follows.
func lies() [][]byte {
	return [][]byte{
		{0xff, 0xff, 0xff, 0xff, 0x0f}, {0x80, 0x80, 0x80, 0x80, 0x08}, {0xff, 0xff, 0xff, 0x7f}, {0xff, 0xff, 0x03}, {0xff, 0x01},
	}
}

func TestCountsThatLieAllocateNothing(t *testing.T) {
	sections := map[string]func(lie []byte) []byte{
		"a module of many types": func(lie []byte) []byte { return moduleOf(sectionOf(SectionType, lie...)) },
		"a type of many parameters": func(lie []byte) []byte {
			return moduleOf(sectionOf(SectionType, slices.Concat([]byte{1, 0x60}, lie)...))
		},
		"a type of many results": func(lie []byte) []byte {
			return moduleOf(sectionOf(SectionType, slices.Concat([]byte{1, 0x60, 0}, lie)...))
		},
		"many imports":               func(lie []byte) []byte { return moduleOf(sectionOf(SectionImport, lie...)) },
		"an import with a long name": func(lie []byte) []byte { return moduleOf(sectionOf(SectionImport, slices.Concat([]byte{1}, lie)...)) },
		"many functions":             func(lie []byte) []byte { return moduleOf(oneType, sectionOf(SectionFunction, lie...)) },
		"many tables":                func(lie []byte) []byte { return moduleOf(sectionOf(SectionTable, lie...)) },
		"many memories":              func(lie []byte) []byte { return moduleOf(sectionOf(SectionMemory, lie...)) },
		"many globals":               func(lie []byte) []byte { return moduleOf(sectionOf(SectionGlobal, lie...)) },
		"many exports":               func(lie []byte) []byte { return moduleOf(sectionOf(SectionExport, lie...)) },
		"an export with a long name": func(lie []byte) []byte { return moduleOf(sectionOf(SectionExport, slices.Concat([]byte{1}, lie)...)) },
		"many element segments":      func(lie []byte) []byte { return moduleOf(oneTable, sectionOf(SectionElement, lie...)) },
		"an element segment of many": func(lie []byte) []byte {
			return moduleOf(sectionOf(SectionElement, slices.Concat([]byte{1, 1, 0}, lie)...))
		},
		"many data segments":            func(lie []byte) []byte { return moduleOf(sectionOf(SectionData, lie...)) },
		"a data segment of many bytes":  func(lie []byte) []byte { return moduleOf(sectionOf(SectionData, slices.Concat([]byte{1, 1}, lie)...)) },
		"a data count of many segments": func(lie []byte) []byte { return moduleOf(sectionOf(SectionDataCount, lie...)) },
		"many bodies":                   func(lie []byte) []byte { return moduleOf(oneType, oneFunction, sectionOf(SectionCode, lie...)) },
		"a body of many bytes": func(lie []byte) []byte {
			return moduleOf(oneType, oneFunction, sectionOf(SectionCode, slices.Concat([]byte{1}, lie, []byte{0, 0x0b})...))
		},
		"a body of many groups of locals": func(lie []byte) []byte { return codeOf(slices.Concat(lie, []byte{1, 0x7f, 0x0b})) },
		"a body of many locals":           func(lie []byte) []byte { return codeOf(slices.Concat([]byte{1}, lie, []byte{0x7f, 0x0b})) },
		"a br_table of many labels":       func(lie []byte) []byte { return codeOf(slices.Concat([]byte{0, 0x41, 0, 0x0e}, lie, []byte{0, 0x0b})) },
		"a custom section with a long name": func(lie []byte) []byte {
			return moduleOf(sectionOf(SectionCustom, lie...))
		},
		"a section of many bytes": func(lie []byte) []byte { return moduleOf(append([]byte{byte(SectionType)}, lie...)) },
	}
	for name, section := range sections {
		t.Run(name, func(t *testing.T) {
			for _, lie := range lies() {
				wasm := section(lie)
				if n := testing.AllocsPerRun(5, func() { _, _ = Decode(wasm, DefaultLimits()) }); n > 32 {
					t.Errorf("% x: %.0f allocations", lie, n)
				}
				if checkAllocation(t, name, wasm) && len(lie) > 2 { // 255 locals are no lie
					t.Errorf("% x was believed", lie)
				}
			}
		})
	}
}

// codeOf is a module of one function whose body is given, the declaration of its locals included.
func codeOf(body []byte) []byte {
	content := append(appendUnsigned([]byte{1}, uint32(len(body))), body...)
	return moduleOf(oneType, oneFunction, sectionOf(SectionCode, content...))
}

// denseModules repeat the shortest entry of every list, to about n bytes: what makes most of a byte.
func denseModules(n int) map[string][]byte {
	list := func(id Section, entry []byte) []byte {
		count := n / len(entry)
		return sectionOf(id, append(appendUnsigned(nil, uint32(count)), bytes.Repeat(entry, count)...)...)
	}
	bodies := n / 3
	functions := sectionOf(SectionFunction, append(appendUnsigned(nil, uint32(bodies)), make([]byte, bodies)...)...)
	exports := appendUnsigned(nil, uint32(n/6))
	for i := range n / 6 {
		exports = append(exports, 3, byte(i&0x7f), byte(i>>7&0x7f), byte(i>>14&0x7f), 2, 0)
	}
	wide := sectionOf(SectionType, slices.Concat([]byte{1, 0x60, 0, 100}, bytes.Repeat([]byte{0x7f}, 100))...)
	wideBody := slices.Concat([]byte{0}, bytes.Repeat([]byte{0x10, 0, 0x0f}, n/3), []byte{0x0b})
	return map[string][]byte{
		"types":         moduleOf(list(SectionType, []byte{0x60, 0, 0})),
		"parameters":    moduleOf(list(SectionType, []byte{0x60, 3, 0x7f, 0x7f, 0x7f, 0})),
		"imports":       moduleOf(list(SectionImport, []byte{0, 0, 3, 0x7f, 0})),
		"globals":       moduleOf(list(SectionGlobal, []byte{0x7f, 0, 0x41, 0, 0x0b})),
		"exports":       moduleOf(oneMemory, sectionOf(SectionExport, exports...)),
		"elements":      moduleOf(list(SectionElement, []byte{1, 0, 0})),
		"items":         moduleOf(oneType, oneFunction, sectionOf(SectionElement, slices.Concat([]byte{1, 1, 0}, appendUnsigned(nil, uint32(n)), make([]byte, n))...), oneBody),
		"bodies":        moduleOf(oneType, functions, list(SectionCode, []byte{2, 0, 0x0b})),
		"data":          moduleOf(list(SectionData, []byte{1, 0})),
		"locals":        codeOf(slices.Concat(appendUnsigned(nil, uint32(n/2)), bytes.Repeat([]byte{0, 0x7f}, n/2), []byte{0x0b})),
		"constants":     codeOf(slices.Concat([]byte{0}, bytes.Repeat([]byte{0x41, 0, 0x1a}, n/3), []byte{0x0b})),
		"blocks":        codeOf(slices.Concat([]byte{0}, bytes.Repeat([]byte{0x02, 0x40, 0x0b}, n/3), []byte{0x0b})),
		"labels":        codeOf(slices.Concat([]byte{0, 0x41, 0, 0x0e}, appendUnsigned(nil, uint32(n)), make([]byte, n+1), []byte{0x0b})),
		"wide results":  moduleOf(wide, oneFunction, sectionOf(SectionCode, append(appendUnsigned([]byte{1}, uint32(len(wideBody))), wideBody...)...)),
		"many branches": codeOf(slices.Concat([]byte{0}, bytes.Repeat([]byte{0x41, 0, 0x0e, 1, 0, 0}, n/6), []byte{0x0b})),
	}
}

// Honest modules must not blow up either: what a module of only the smallest entries becomes is bounded by its size.
func TestWhatIsAllocatedIsBoundedByTheInput(t *testing.T) {
	for name, wasm := range denseModules(60_000) {
		t.Run(name, func(t *testing.T) {
			if !checkAllocation(t, name, wasm) {
				_, err := Decode(wasm, allocationLimits())
				t.Errorf("the module is valid, but refused: %v", err)
			}
		})
	}
}

func TestCorpusModulesAreDecodedWithinTheBound(t *testing.T) {
	for _, file := range filesIn(t, integrationTests(t)+"/fuzzcases/testdata/*.wasm", integrationTests(t)+"/spectest/v2/testdata/a*.wasm") {
		checkAllocation(t, file, readFile(t, file))
	}
}
