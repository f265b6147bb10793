package wasm

// The bits of the one NaN that a rewritten module computes.
const (
	canonicalNaN32 = 0x7fc00000
	canonicalNaN64 = 0x7ff8000000000000
)

// The ranges of opcodes that [computesFloat] and [ignoresPayload] tell apart.
const (
	opF32Eq        Opcode = 0x5b
	opF64Eq        Opcode = 0x61
	opF64Ge        Opcode = 0x66
	opF32Ceil      Opcode = 0x8d
	opF32Max       Opcode = 0x97
	opF64Ceil      Opcode = 0x9b
	opF64Max       Opcode = 0xa5
	opI32TruncF32S Opcode = 0xa8
	opI32TruncF64U Opcode = 0xab
	opI64TruncF32S Opcode = 0xae
	opI64TruncF64U Opcode = 0xb1
	opF32Demote    Opcode = 0xb6
	opF64Promote   Opcode = 0xbb
	opTruncSatLast Opcode = 0xfc07
)

// computesFloat returns the type of the result of an instruction that may make a NaN of unspecified sign and payload, 0
// for every other instruction. Loads, constants, reinterpretations, abs, neg and copysign work on the bits.
func computesFloat(o Opcode) ValueType {
	switch {
	case o >= opF32Ceil && o <= opF32Max, o == opF32Demote:
		return F32
	case o >= opF64Ceil && o <= opF64Max, o == opF64Promote:
		return F64
	}
	return 0
}

// ignoresPayload reports whether an instruction consumes the topmost operand and of a NaN sees only that it is one.
func ignoresPayload(o Opcode) bool {
	switch {
	case computesFloat(o) != 0, o == OpDrop, o >= opF32Eq && o <= opF64Ge,
		o >= opI32TruncF32S && o <= opI32TruncF64U, o >= opI64TruncF32S && o <= opI64TruncF64U,
		o >= miscBase && o <= opTruncSatLast:
		return true
	}
	return false
}

// settleNaN replaces a NaN that the last instruction may have left on the stack by the canonical one, unless the next
// instruction cannot tell them apart.
func (f *metered) settleNaN(next Opcode) {
	t := f.unsettled
	f.unsettled = 0
	if t == 0 || ignoresPayload(next) {
		return
	}
	tmp := f.temporary(t)
	f.code = appendIndexed(f.code, OpLocalTee, tmp)
	if t == F32 {
		f.code = appendF32(f.code, canonicalNaN32)
	} else {
		f.code = appendF64(f.code, canonicalNaN64)
	}
	f.code = appendIndexed(f.code, OpLocalGet, tmp)
	f.code = appendIndexed(f.code, OpLocalGet, tmp)
	if t == F32 {
		f.code = append(f.code, byte(opF32Eq))
	} else {
		f.code = append(f.code, byte(opF64Eq))
	}
	f.code = append(f.code, byte(OpSelect))
}
