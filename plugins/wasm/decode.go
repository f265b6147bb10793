package wasm

import (
	"bytes"
	"unicode/utf8"
)

// Decode reads and validates a module within the limits. Its error is an [*Error]. The module's byte slices alias b.
//
// No count is believed: before room is made for n entries, n is held against its limit and against the bytes that
// remain, so that what is allocated stays below a small multiple of len(b). The time is linear in len(b).
func Decode(b []byte, l Limits) (*Module, error) {
	if len(b) > l.Module {
		return nil, tooLargeAt(0, uint64(len(b)), "bytes", l.Module)
	}
	d := &decoder{b: b, end: len(b), limits: l, module: &Module{}}
	d.preamble()
	for d.err == nil && d.at < d.end {
		d.section()
	}
	d.complete()
	if d.err != nil {
		return nil, d.err
	}
	return d.module, nil
}

// decoder reads a module from front to back. Everything that an entry may refer to stands before it, so each entry is
// validated where it is read. After an error, readers return zeros and the first error stays.
type decoder struct {
	b       []byte
	at, end int // what is read next, and where the section (or body) ends
	err     *Error
	limits  Limits
	module  *Module

	// The index spaces, imports first.
	functions []uint32 // by type
	tables    []TableType
	memories  int
	globals   []GlobalType
	imported  int    // how many of globals are imported: the only ones that constants may read
	declared  []bool // functions that occur outside of bodies, which ref.func may therefore name
	items     int    // of all element segments

	last   Section // the last section that was not custom
	bodies *validator
}

func (d *decoder) preamble() {
	switch {
	case !bytes.HasPrefix(d.b, []byte("\x00asm")):
		d.fail(0, "the first four bytes are not those of a WebAssembly module")
	case !bytes.HasPrefix(d.b[4:], []byte{1, 0, 0, 0}):
		d.fail(4, "the version is not 1")
	}
	d.at = 8
}

// section reads one section and leaves at behind it.
func (d *decoder) section() {
	start := d.at
	id := Section(d.byte())
	size := int(d.unsigned())
	if d.err == nil && (size < 0 || size > d.end-d.at) {
		d.fail(start, "section %d claims %d bytes, %d are left", id, size, d.end-d.at)
	}
	if d.err != nil {
		return
	}
	d.end = d.at + size
	if id != SectionCustom {
		d.checkOrder(id, start)
	}
	d.sectionBody(id, start)
	if d.err == nil && d.at != d.end {
		d.fail(d.at, "section %d has %d bytes more than its content", id, d.end-d.at)
	}
	d.end = len(d.b)
}

// position orders the sections; 0 is no section.
func (s Section) position() int {
	return 1 + bytes.IndexByte([]byte{
		byte(SectionType), byte(SectionImport), byte(SectionFunction), byte(SectionTable), byte(SectionMemory),
		byte(SectionGlobal), byte(SectionExport), byte(SectionStart), byte(SectionElement), byte(SectionDataCount),
		byte(SectionCode), byte(SectionData),
	}, byte(s))
}

func (d *decoder) checkOrder(id Section, start int) {
	switch {
	case id == sectionTag:
		d.refuse(start, proposalExceptions)
	case id.position() == 0:
		d.fail(start, "%d is not a section", id)
	case id.position() <= d.last.position():
		d.fail(start, "section %d after section %d is out of order", id, d.last)
	}
	d.last = id
}

const sectionTag Section = 13

func (d *decoder) sectionBody(id Section, start int) {
	switch id {
	case SectionCustom:
		d.custom(start)
	case SectionType:
		d.types()
	case SectionImport:
		d.imports()
	case SectionFunction:
		d.functionTypes()
	case SectionTable, SectionMemory:
		d.storage(id)
	case SectionGlobal:
		d.globalSection()
	case SectionExport:
		d.exports()
	case SectionStart:
		d.start()
	case SectionElement, SectionData:
		d.segments(id)
	case SectionCode:
		d.code()
	case SectionDataCount:
		count := d.unsigned()
		d.module.DataCount = &count
	}
}

// complete checks what only the whole module shows.
func (d *decoder) complete() {
	m := d.module
	if len(m.Functions) != len(m.Bodies) {
		d.fail(len(d.b), "%d functions are declared, but %d have a body", len(m.Functions), len(m.Bodies))
	}
	if m.DataCount != nil && uint64(*m.DataCount) != uint64(len(m.Data)) {
		d.fail(len(d.b), "the data count is %d, but there are %d data segments", *m.DataCount, len(m.Data))
	}
}

func (d *decoder) fail(offset int, format string, args ...any) {
	if d.err == nil {
		d.err = failAt(offset, format, args...)
	}
}

func (d *decoder) refuse(offset int, proposal string) {
	if d.err == nil {
		d.err = unsupportedAt(offset, proposal)
	}
}

// bound refuses a count beyond its limit.
func (d *decoder) bound(offset int, count uint64, limit int, what string) {
	if d.err == nil && count > uint64(max(limit, 0)) {
		d.err = tooLargeAt(offset, count, what, limit)
	}
}

// count reads how many entries follow, each of at least size bytes. After an error it is 0.
func (d *decoder) count(limit, size int, what string) int {
	at := d.at
	n := d.unsigned()
	if uint64(n)*uint64(size) > uint64(d.end-d.at) { //nolint:gosec // not negative
		d.fail(at, "%d %s cannot stand in %d bytes", n, what, d.end-d.at)
	}
	d.bound(at, uint64(n), limit, what)
	if d.err != nil {
		return 0
	}
	return int(n)
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) take(n int) []byte {
	if d.err == nil && (n < 0 || n > d.end-d.at) {
		d.fail(d.at, "ends early: %d bytes are missing", n-(d.end-d.at))
	}
	if d.err != nil {
		return nil
	}
	taken := d.b[d.at : d.at+n : d.at+n]
	d.at += n
	return taken
}

func (d *decoder) unsigned() uint32 {
	if d.err != nil {
		return 0
	}
	v, n, err := readUnsigned(d.b[d.at:d.end])
	if err != "" {
		d.fail(d.at, "%s", string(err))
		return 0
	}
	d.at += n
	return v
}

// bytes reads a length and that many bytes.
func (d *decoder) bytes() []byte {
	return d.take(int(d.unsigned()))
}

// name reads a string.
func (d *decoder) name() string {
	at := d.at
	b := d.bytes()
	if !utf8.Valid(b) {
		d.fail(at, "the name is not UTF-8")
		return ""
	}
	return string(b)
}

func (d *decoder) valueType() ValueType {
	at := d.at
	b := d.byte()
	if d.err == nil {
		d.err = checkValueType(b, at)
	}
	return ValueType(b)
}

func (d *decoder) referenceType() ValueType {
	at := d.at
	t := d.valueType()
	if !t.isReference() {
		d.fail(at, "%s is not a reference type", t)
	}
	return t
}
