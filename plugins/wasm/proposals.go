package wasm

// The proposals that are refused by name.
const (
	proposalSIMD       = "SIMD instructions"
	proposalThreads    = "threads (shared memories and atomics)"
	proposalTailCalls  = "tail calls"
	proposalExceptions = "exceptions"
	proposalMemory64   = "memory64 (64-bit addresses)"
	proposalMemories   = "multiple memories"
	proposalConstants  = "extended constant expressions"
	proposalFunctions  = "typed function references"
	proposalGC         = "garbage-collected types"
	proposalPages      = "custom page sizes"
	proposalArithmetic = "wide arithmetic instructions"
)

// opcodeProposal returns the proposal that an unsupported opcode belongs to, "" if it belongs to none.
func opcodeProposal(o Opcode) string {
	switch o {
	case 0xfd:
		return proposalSIMD
	case 0xfe:
		return proposalThreads
	case 0x12, 0x13:
		return proposalTailCalls
	case 0x06, 0x07, 0x08, 0x09, 0x0a, 0x18, 0x19, 0x1f:
		return proposalExceptions
	case 0x14, 0x15, 0xd4, 0xd5, 0xd6:
		return proposalFunctions
	case 0xfb, 0xd3:
		return proposalGC
	case 0xfc13, 0xfc14, 0xfc15, 0xfc16:
		return proposalArithmetic
	}
	return ""
}

// typeProposal returns the proposal that a type's byte belongs to, "" if it belongs to none.
func typeProposal(b byte) string {
	switch b {
	case 0x7b:
		return proposalSIMD
	case 0x63, 0x64:
		return proposalFunctions
	case 0x69, 0x74, 0x68, 0x75:
		return proposalExceptions
	case 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x71, 0x72, 0x73, 0x77, 0x78, 0x4d, 0x4e, 0x4f, 0x50, 0x5e, 0x5f:
		return proposalGC
	}
	return ""
}

// checkValueType returns why the byte is not a value type that is supported, nil if it is.
func checkValueType(b byte, offset int) *Error {
	if t := ValueType(b); t.isNumber() || t.isReference() {
		return nil
	}
	if proposal := typeProposal(b); proposal != "" {
		return unsupportedAt(offset, proposal)
	}
	return failAt(offset, "0x%x is not a value type", b)
}

// anyType is the type of an operand in code that cannot be reached: it matches every type.
const anyType ValueType = 0
