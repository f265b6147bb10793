package wasm

import "encoding/binary"

// Opcodes that only rewritten code is made of.
const (
	opI32LeU Opcode = 0x4d
	opI32And Opcode = 0x71
	opI32Or  Opcode = 0x72
	opI64Shl Opcode = 0x86
)

// emptyBlock is the block type without parameters and results.
const emptyBlock = 0x40

func appendOpcode(b []byte, o Opcode) []byte {
	if o >= miscBase {
		return appendUnsigned(append(b, prefixMisc), uint32(o-miscBase))
	}
	return append(b, byte(o)) //nolint:gosec // below 256
}

// appendIndexed appends an instruction whose only immediate is an index.
func appendIndexed(b []byte, o Opcode, index uint32) []byte {
	return appendUnsigned(appendOpcode(b, o), index)
}

func appendI32(b []byte, v int32) []byte {
	return appendSigned(append(b, byte(OpI32Const)), int64(v))
}

func appendI64(b []byte, v int64) []byte {
	return appendSigned(append(b, byte(OpI64Const)), v)
}

func appendF32(b []byte, bits uint32) []byte {
	return binary.LittleEndian.AppendUint32(append(b, byte(OpF32Const)), bits)
}

func appendF64(b []byte, bits uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(b, byte(OpF64Const)), bits)
}

// appendInstruction writes an instruction anew from what was read of it, so that no byte of the guest's own encoding
// reaches the runtime.
func appendInstruction(b []byte, in *Instruction) []byte {
	b = appendOpcode(b, in.Op)
	switch in.Op.info().immediate {
	case immIndex:
		return appendUnsigned(b, in.Index)
	case immCallIndirect, immTwo:
		return appendUnsigned(appendUnsigned(b, in.Index), in.Index2)
	case immBlock:
		return appendBlockType(b, in.Block)
	case immTargets:
		b = appendUnsigned(b, uint32(in.Targets.Count)) //nolint:gosec // bounded by the code's length
		for label := range in.Targets.All() {
			b = appendUnsigned(b, label)
		}
		return appendUnsigned(b, in.Index)
	case immAddress:
		return appendUnsigned(appendUnsigned(b, in.Align), in.Offset)
	case immTypes:
		return append(b, 1, byte(in.Type))
	case immRefType:
		return append(b, byte(in.Type))
	case immMemory:
		return append(b, 0)
	case immMemories:
		return append(b, 0, 0)
	case immInit:
		return append(appendUnsigned(b, in.Index), 0)
	}
	return appendConstant(b, in)
}

func appendConstant(b []byte, in *Instruction) []byte {
	switch in.Op {
	case OpI32Const:
		return appendSigned(b, int64(int32(in.Const))) //nolint:gosec // the bits are meant
	case OpI64Const:
		return appendSigned(b, int64(in.Const)) //nolint:gosec // the bits are meant
	case OpF32Const:
		return binary.LittleEndian.AppendUint32(b, uint32(in.Const)) //nolint:gosec // has 32 bits
	case OpF64Const:
		return binary.LittleEndian.AppendUint64(b, in.Const)
	}
	return b
}

func appendBlockType(b []byte, t BlockType) []byte {
	switch {
	case t.Indexed:
		return appendSigned(b, int64(t.Index))
	case t.Result != 0:
		return append(b, byte(t.Result))
	}
	return append(b, emptyBlock)
}
