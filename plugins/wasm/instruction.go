package wasm

import (
	"encoding/binary"
	"iter"
	"math"
)

// Instruction is one instruction with its immediates. Fields that its opcode has no use for are zero.
type Instruction struct {
	Op         Opcode
	Start, End int // in the code it was read from, bytes

	// Index is the label, function, local, global, table, segment or type that the instruction names first; for
	// call_indirect the type, for br_table the default label, for table.copy the destination.
	Index uint32
	// Index2 is the table of call_indirect and table.init, and the source of table.copy.
	Index2 uint32

	Const   uint64    // the bits of a constant; those of 32 bits are zero-extended
	Type    ValueType // of a ref.null, or of a select with a type
	Block   BlockType // of block, loop and if
	Targets Targets   // of br_table, without the default
	Align   uint32    // of a load or store: log2 of bytes
	Offset  uint32    // of a load or store, bytes
}

// BlockType is the type of a block: nothing, one result, or the parameters and results of a function type.
type BlockType struct {
	Result  ValueType // 0: no single result
	Index   uint32    // of the function type, if Indexed
	Indexed bool
}

// Targets are the labels of a br_table, still in the code.
type Targets struct {
	Count  int
	labels []byte
}

// All iterates over the labels in order.
func (t Targets) All() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		rest := t.labels
		for range t.Count {
			label, n, _ := readUnsigned(rest)
			rest = rest[n:]
			if !yield(label) {
				return
			}
		}
	}
}

// Reader reads instructions one after the other. It knows the encoding of every instruction and nothing of the module;
// it allocates nothing.
//
//	r := NewReader(body.Code)
//	for r.Next() {
//		in := r.Instruction()
//	}
//	if err := r.Err(); err != nil { … } // never after Decode accepted the code
type Reader struct {
	code []byte
	at   int
	base int // offset of code in the module, for errors
	in   Instruction
	err  *Error
}

// NewReader returns a reader of code, as it stands in [Body].
func NewReader(code []byte) *Reader {
	return &Reader{code: code}
}

// Instruction returns the instruction that Next has read. It is overwritten by the following Next.
func (r *Reader) Instruction() *Instruction {
	return &r.in
}

// Err returns why Next stopped before the end of the code, nil if it did not; an [*Error] otherwise.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// Next reads the next instruction. It returns false at the end of the code and at an encoding that is malformed or not
// supported.
func (r *Reader) Next() bool {
	if r.err != nil || r.at >= len(r.code) {
		return false
	}
	r.in = Instruction{Start: r.at, Op: Opcode(r.code[r.at])}
	r.at++
	if r.in.Op == prefixMisc {
		r.in.Op = r.misc()
	}
	info := r.in.Op.info()
	if info == nil || r.err != nil {
		r.failOpcode()
		return false
	}
	if info.immediate != immNone {
		r.immediates(info.immediate)
	}
	r.in.End = r.at
	return r.err == nil
}

// misc reads the number behind the prefix. What does not fit an Opcode is an opcode that does not exist.
func (r *Reader) misc() Opcode {
	sub := r.unsigned()
	if sub > 0xff {
		return math.MaxUint16
	}
	return miscBase | Opcode(sub)
}

func (r *Reader) failOpcode() {
	if r.err != nil {
		return
	}
	at := r.base + r.in.Start
	if proposal := opcodeProposal(r.in.Op); proposal != "" {
		r.err = unsupportedAt(at, proposal)
		return
	}
	r.err = failAt(at, "0x%x is not an opcode", r.code[r.in.Start])
}

func (r *Reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = failAt(r.base+r.at, format, args...)
	}
}

func (r *Reader) immediates(kind immediate) {
	in := &r.in
	switch kind {
	case immIndex:
		in.Index = r.unsigned()
	case immCallIndirect, immTwo:
		in.Index, in.Index2 = r.unsigned(), r.unsigned()
	case immBlock:
		in.Block = r.blockType()
	case immTargets:
		in.Targets = r.targets()
		in.Index = r.unsigned()
	case immAddress:
		in.Align = r.alignment()
		in.Offset = r.unsigned()
	case immTypes:
		in.Type = r.selectType()
	case immRefType:
		in.Type = r.referenceType()
	default:
		r.constants(kind)
	}
}

func (r *Reader) constants(kind immediate) {
	in := &r.in
	switch kind {
	case immI32:
		in.Const = uint64(uint32(r.signed(32))) //nolint:gosec // the bits are meant
	case immI64:
		in.Const = uint64(r.signed(64)) //nolint:gosec // the bits are meant
	case immF32:
		if b := r.take(4); b != nil {
			in.Const = uint64(binary.LittleEndian.Uint32(b))
		}
	case immF64:
		if b := r.take(8); b != nil {
			in.Const = binary.LittleEndian.Uint64(b)
		}
	case immMemory:
		r.memory()
	case immMemories:
		r.memory()
		r.memory()
	case immInit:
		in.Index = r.unsigned()
		r.memory()
	}
}

// memory reads the byte that multiple memories would make an index.
func (r *Reader) memory() {
	at := r.base + r.at
	if b := r.take(1); len(b) == 1 && b[0] != 0 && r.err == nil {
		r.err = unsupportedAt(at, proposalMemories)
	}
}

// alignment reads the alignment of a load or store; bit 6 would announce the index of a memory.
func (r *Reader) alignment() uint32 {
	at := r.base + r.at
	align := r.unsigned()
	if align&0x40 != 0 && align < 0x80 && r.err == nil {
		r.err = unsupportedAt(at, proposalMemories)
	}
	return align
}

func (r *Reader) blockType() BlockType {
	at := r.at
	v := r.signed(33)
	switch {
	case r.err != nil:
		return BlockType{}
	case v >= 0:
		return BlockType{Index: uint32(v), Indexed: true} //nolint:gosec // 33 bits with the sign
	case r.code[at] == 0x40:
		return BlockType{}
	}
	r.at = at // a type of one value is one byte, even where the number goes on
	return BlockType{Result: r.valueType()}
}

func (r *Reader) selectType() ValueType {
	if n := r.unsigned(); n != 1 {
		r.fail("select has %d types, not 1", n)
	}
	return r.valueType()
}

func (r *Reader) valueType() ValueType {
	at := r.base + r.at
	b := r.take(1)
	if b == nil {
		return 0
	}
	if err := checkValueType(b[0], at); err != nil && r.err == nil {
		r.err = err
	}
	return ValueType(b[0])
}

func (r *Reader) referenceType() ValueType {
	t := r.valueType()
	if !t.isReference() {
		r.fail("%s is not a reference type", t)
	}
	return t
}

// targets reads over the labels: each has at least one byte, so a count that lies ends with the code.
func (r *Reader) targets() Targets {
	n := r.unsigned()
	start := r.at
	if int64(n) > int64(len(r.code)-start) {
		r.fail("br_table names %d labels, but only %d bytes follow", n, len(r.code)-start)
	}
	for i := uint32(0); i < n && r.err == nil; i++ {
		r.unsigned()
	}
	return Targets{Count: int(n), labels: r.code[start:r.at]}
}

func (r *Reader) take(n int) []byte {
	if n > len(r.code)-r.at {
		r.fail("the code ends within %s", r.in.Op)
		return nil
	}
	taken := r.code[r.at : r.at+n]
	r.at += n
	return taken
}

func (r *Reader) unsigned() uint32 {
	v, n, err := readUnsigned(r.code[r.at:])
	if err != "" {
		r.fail("%s", string(err))
	}
	r.at += n
	return v
}

func (r *Reader) signed(bits int) int64 {
	v, n, err := readSigned(r.code[r.at:], bits)
	if err != "" {
		r.fail("%s", string(err))
	}
	r.at += n
	return v
}
