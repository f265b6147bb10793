package plugins

import (
	"encoding/binary"
	"errors"
)

// sections is what the host has to know of a module beyond what the runtime's interface tells.
type sections struct {
	start    bool
	memories uint64
	mutable  []uint32          // indexes of the mutable globals that the module defines
	exported map[uint32]string // names of the exported globals, by index
}

// The sections and kinds of the binary format that matter here.
const (
	sectionMemory = 5
	sectionGlobal = 6
	sectionExport = 7
	sectionStart  = 8
	exportGlobal  = 3
	opEnd         = 0x0b
	opI32Const    = 0x41
	opI64Const    = 0x42
	opF32Const    = 0x43
	opF64Const    = 0x44
	opGlobalGet   = 0x23
	preamble      = 8 // magic and version
)

var errMalformed = errors.New("the module ends early or holds an expression that is not constant")

// readSections reads a module that the runtime has validated. Imported globals do not shift the indexes, because a
// module that imports one is refused when it is instantiated: the host exports none.
func readSections(wasm []byte) (*sections, error) {
	s := &sections{exported: map[uint32]string{}}
	if len(wasm) < preamble {
		return s, errMalformed
	}
	r := &reader{rest: wasm[preamble:]}
	for len(r.rest) > 0 && r.err == nil {
		id := r.byte()
		s.read(id, &reader{rest: r.take(r.varint()), err: r.err}, r)
	}
	return s, r.err
}

// read takes in one section; its reader's error becomes the module's.
func (s *sections) read(id byte, body, module *reader) {
	switch id {
	case sectionMemory:
		s.memories = body.varint()
	case sectionGlobal:
		s.readGlobals(body)
	case sectionExport:
		s.readExports(body)
	case sectionStart:
		s.start = true
	}
	module.err = errors.Join(module.err, body.err)
}

func (s *sections) readGlobals(r *reader) {
	count := r.varint()
	for i := uint32(0); uint64(i) < count && r.err == nil; i++ {
		r.byte() // the value type
		if r.byte() == 1 {
			s.mutable = append(s.mutable, i)
		}
		r.skipConstant()
	}
}

func (s *sections) readExports(r *reader) {
	for count := r.varint(); count > 0 && r.err == nil; count-- {
		name := string(r.take(r.varint()))
		kind := r.byte()
		index := r.varint()
		if kind == exportGlobal {
			s.exported[uint32(index)] = name //nolint:gosec // the runtime has validated that it is an index
		}
	}
}

// reader reads the primitives of the binary format; after an error it returns zeros.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) take(n uint64) []byte {
	if r.err != nil || n > uint64(len(r.rest)) {
		r.err = errMalformed
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) byte() byte {
	if one := r.take(1); one != nil {
		return one[0]
	}
	return 0
}

// varint reads an unsigned LEB128 number.
func (r *reader) varint() uint64 {
	n, length := binary.Uvarint(r.rest)
	if length <= 0 {
		r.err = errMalformed
		return 0
	}
	r.take(uint64(length))
	return n
}

// skipSigned reads over a signed LEB128 number.
func (r *reader) skipSigned() {
	for r.byte() >= 0x80 && r.err == nil {
		continue
	}
}

// skipConstant reads a constant expression up to its end.
func (r *reader) skipConstant() {
	for r.err == nil {
		switch r.byte() {
		case opEnd:
			return
		case opI32Const, opI64Const, opGlobalGet:
			r.skipSigned()
		case opF32Const:
			r.take(4)
		case opF64Const:
			r.take(8)
		default:
			r.err = errMalformed
		}
	}
}
