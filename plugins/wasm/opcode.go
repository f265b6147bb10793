package wasm

import (
	"fmt"
	"strings"
)

// Opcode says which instruction it is: its byte, or 0xFC00 plus the number that follows the prefix 0xFC.
type Opcode uint16

// The opcodes that have a meaning beyond their operands.
const (
	OpUnreachable  Opcode = 0x00
	OpNop          Opcode = 0x01
	OpBlock        Opcode = 0x02
	OpLoop         Opcode = 0x03
	OpIf           Opcode = 0x04
	OpElse         Opcode = 0x05
	OpEnd          Opcode = 0x0b
	OpBr           Opcode = 0x0c
	OpBrIf         Opcode = 0x0d
	OpBrTable      Opcode = 0x0e
	OpReturn       Opcode = 0x0f
	OpCall         Opcode = 0x10
	OpCallIndirect Opcode = 0x11
	OpDrop         Opcode = 0x1a
	OpSelect       Opcode = 0x1b
	OpSelectTyped  Opcode = 0x1c
	OpLocalGet     Opcode = 0x20
	OpLocalSet     Opcode = 0x21
	OpLocalTee     Opcode = 0x22
	OpGlobalGet    Opcode = 0x23
	OpGlobalSet    Opcode = 0x24
	OpTableGet     Opcode = 0x25
	OpTableSet     Opcode = 0x26
	OpI32Load      Opcode = 0x28
	OpI64Store32   Opcode = 0x3e
	OpMemorySize   Opcode = 0x3f
	OpMemoryGrow   Opcode = 0x40
	OpI32Const     Opcode = 0x41
	OpI64Const     Opcode = 0x42
	OpF32Const     Opcode = 0x43
	OpF64Const     Opcode = 0x44
	OpI32Eqz       Opcode = 0x45
	OpI32Eq        Opcode = 0x46
	OpI32LtS       Opcode = 0x48
	OpI32LtU       Opcode = 0x49
	OpI64Eqz       Opcode = 0x50
	OpI64LtS       Opcode = 0x53
	OpI64GtS       Opcode = 0x55
	OpF32Ne        Opcode = 0x5c
	OpF64Ne        Opcode = 0x62
	OpI32Add       Opcode = 0x6a
	OpI32Sub       Opcode = 0x6b
	OpI32And       Opcode = 0x71
	OpI32ShrU      Opcode = 0x76
	OpI64Add       Opcode = 0x7c
	OpI64Sub       Opcode = 0x7d
	OpI64Mul       Opcode = 0x7e
	OpI64ShrU      Opcode = 0x88
	OpF32Abs       Opcode = 0x8b
	OpF64Copysign  Opcode = 0xa6
	OpI64ExtendI32 Opcode = 0xad // i64.extend_i32_u
	OpI64Extend32S Opcode = 0xc4
	OpRefNull      Opcode = 0xd0
	OpRefIsNull    Opcode = 0xd1
	OpRefFunc      Opcode = 0xd2
	OpMemoryInit   Opcode = 0xfc08
	OpDataDrop     Opcode = 0xfc09
	OpMemoryCopy   Opcode = 0xfc0a
	OpMemoryFill   Opcode = 0xfc0b
	OpTableInit    Opcode = 0xfc0c
	OpElemDrop     Opcode = 0xfc0d
	OpTableCopy    Opcode = 0xfc0e
	OpTableGrow    Opcode = 0xfc0f
	OpTableSize    Opcode = 0xfc10
	OpTableFill    Opcode = 0xfc11
)

// String returns the instruction's name in the text format.
func (o Opcode) String() string {
	if info := o.info(); info != nil {
		return info.name
	}
	return fmt.Sprintf("opcode 0x%x", uint16(o))
}

// Fixed returns what the instruction takes from and leaves on the operand stack, when no immediate decides about it:
// ok is false for block instructions, branches, calls, locals, globals, tables' elements, select and drop.
func (o Opcode) Fixed() (operands, results []ValueType, ok bool) {
	info := o.info()
	if info == nil || !info.fixed {
		return nil, nil, false
	}
	return info.operands, info.results, true
}

// immediate is the shape of what follows an opcode.
type immediate byte

const (
	immNone         immediate = iota
	immBlock                  // a block type
	immIndex                  // one index
	immTargets                // br_table's labels
	immCallIndirect           // type, table
	immTypes                  // the types of a select
	immAddress                // alignment and offset
	immMemory                 // the byte of the one memory
	immInit                   // data segment, the byte of the one memory
	immMemories               // the bytes of two memories
	immTwo                    // two indices
	immI32
	immI64
	immF32
	immF64
	immRefType
)

// instructionInfo is what the specification says of one opcode, whatever module it stands in.
type instructionInfo struct {
	name              string
	immediate         immediate
	natural           uint8 // log2 of the bytes that a load or store touches
	fixed             bool
	operands, results []ValueType
}

const (
	prefixMisc   = 0xfc
	miscBase     = 0xfc00
	miscOpcodes  = 18
	basicOpcodes = 256
)

// info returns nil for an opcode that is not supported.
func (o Opcode) info() *instructionInfo {
	var info *instructionInfo
	switch {
	case o < basicOpcodes:
		info = &instructions.basic[o]
	case o >= miscBase && o < miscBase+miscOpcodes:
		info = &instructions.misc[o-miscBase]
	default:
		return nil
	}
	if info.name == "" {
		return nil
	}
	return info
}

type instructionTable struct {
	basic [basicOpcodes]instructionInfo
	misc  [miscOpcodes]instructionInfo
}

//nolint:gochecknoglobals // never written after it is made: the specification's table of instructions
var instructions = newInstructionTable()

func newInstructionTable() *instructionTable {
	t := &instructionTable{}
	t.addControl()
	t.addMemory()
	t.addComparisons()
	t.addArithmetic()
	t.addConversions()
	t.addBulk()
	return t
}

// add enters instructions with successive opcodes that share an immediate and a signature: i, l, f, d for i32, i64,
// f32, f64 and r for funcref, operands > results; an empty signature depends on the module.
func (t *instructionTable) add(first Opcode, imm immediate, signature, names string) {
	operands, results, fixed := strings.Cut(signature, ">")
	for i, name := range strings.Fields(names) {
		info := instructionInfo{
			name: name, immediate: imm, fixed: fixed, operands: signatureTypes(operands), results: signatureTypes(results),
		}
		if op := first + Opcode(i); op >= miscBase {
			t.misc[op-miscBase] = info
		} else {
			t.basic[op] = info
		}
	}
}

func signatureTypes(letters string) []ValueType {
	types := make([]ValueType, len(letters))
	for i := range letters {
		types[i] = map[byte]ValueType{'i': I32, 'l': I64, 'f': F32, 'd': F64}[letters[i]]
	}
	return types
}

func (t *instructionTable) addControl() {
	t.add(0x00, immNone, "", "unreachable")
	t.add(0x01, immNone, ">", "nop")
	t.add(0x02, immBlock, "", "block loop if")
	t.add(0x05, immNone, "", "else")
	t.add(0x0b, immNone, "", "end")
	t.add(0x0c, immIndex, "", "br br_if")
	t.add(0x0e, immTargets, "", "br_table")
	t.add(0x0f, immNone, "", "return")
	t.add(0x10, immIndex, "", "call")
	t.add(0x11, immCallIndirect, "", "call_indirect")
	t.add(0x1a, immNone, "", "drop select")
	t.add(0x1c, immTypes, "", "select")
	t.add(0x20, immIndex, "", "local.get local.set local.tee global.get global.set table.get table.set")
	t.add(0xd0, immRefType, "", "ref.null")
	t.add(0xd1, immNone, "", "ref.is_null")
	t.add(0xd2, immIndex, "", "ref.func")
}

func (t *instructionTable) addMemory() {
	t.add(0x28, immAddress, "i>i", "i32.load")
	t.add(0x29, immAddress, "i>l", "i64.load")
	t.add(0x2a, immAddress, "i>f", "f32.load")
	t.add(0x2b, immAddress, "i>d", "f64.load")
	t.add(0x2c, immAddress, "i>i", "i32.load8_s i32.load8_u i32.load16_s i32.load16_u")
	t.add(0x30, immAddress, "i>l", "i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u")
	t.add(0x36, immAddress, "ii>", "i32.store")
	t.add(0x37, immAddress, "il>", "i64.store")
	t.add(0x38, immAddress, "if>", "f32.store")
	t.add(0x39, immAddress, "id>", "f64.store")
	t.add(0x3a, immAddress, "ii>", "i32.store8 i32.store16")
	t.add(0x3c, immAddress, "il>", "i64.store8 i64.store16 i64.store32")
	for i, natural := range []uint8{2, 3, 2, 3, 0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 2, 3, 2, 3, 0, 1, 0, 1, 2} {
		t.basic[int(OpI32Load)+i].natural = natural
	}
	t.add(0x3f, immMemory, ">i", "memory.size")
	t.add(0x40, immMemory, "i>i", "memory.grow")
	t.add(0x41, immI32, ">i", "i32.const")
	t.add(0x42, immI64, ">l", "i64.const")
	t.add(0x43, immF32, ">f", "f32.const")
	t.add(0x44, immF64, ">d", "f64.const")
}

func (t *instructionTable) addComparisons() {
	t.add(0x45, immNone, "i>i", "i32.eqz")
	t.add(0x46, immNone, "ii>i",
		"i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u")
	t.add(0x50, immNone, "l>i", "i64.eqz")
	t.add(0x51, immNone, "ll>i",
		"i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u")
	t.add(0x5b, immNone, "ff>i", "f32.eq f32.ne f32.lt f32.gt f32.le f32.ge")
	t.add(0x61, immNone, "dd>i", "f64.eq f64.ne f64.lt f64.gt f64.le f64.ge")
}

func (t *instructionTable) addArithmetic() {
	t.add(0x67, immNone, "i>i", "i32.clz i32.ctz i32.popcnt")
	t.add(0x6a, immNone, "ii>i", "i32.add i32.sub i32.mul i32.div_s i32.div_u i32.rem_s i32.rem_u "+
		"i32.and i32.or i32.xor i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr")
	t.add(0x79, immNone, "l>l", "i64.clz i64.ctz i64.popcnt")
	t.add(0x7c, immNone, "ll>l", "i64.add i64.sub i64.mul i64.div_s i64.div_u i64.rem_s i64.rem_u "+
		"i64.and i64.or i64.xor i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr")
	t.add(0x8b, immNone, "f>f", "f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt")
	t.add(0x92, immNone, "ff>f", "f32.add f32.sub f32.mul f32.div f32.min f32.max f32.copysign")
	t.add(0x99, immNone, "d>d", "f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt")
	t.add(0xa0, immNone, "dd>d", "f64.add f64.sub f64.mul f64.div f64.min f64.max f64.copysign")
}

func (t *instructionTable) addConversions() {
	t.add(0xa7, immNone, "l>i", "i32.wrap_i64")
	t.add(0xa8, immNone, "f>i", "i32.trunc_f32_s i32.trunc_f32_u")
	t.add(0xaa, immNone, "d>i", "i32.trunc_f64_s i32.trunc_f64_u")
	t.add(0xac, immNone, "i>l", "i64.extend_i32_s i64.extend_i32_u")
	t.add(0xae, immNone, "f>l", "i64.trunc_f32_s i64.trunc_f32_u")
	t.add(0xb0, immNone, "d>l", "i64.trunc_f64_s i64.trunc_f64_u")
	t.add(0xb2, immNone, "i>f", "f32.convert_i32_s f32.convert_i32_u")
	t.add(0xb4, immNone, "l>f", "f32.convert_i64_s f32.convert_i64_u")
	t.add(0xb6, immNone, "d>f", "f32.demote_f64")
	t.add(0xb7, immNone, "i>d", "f64.convert_i32_s f64.convert_i32_u")
	t.add(0xb9, immNone, "l>d", "f64.convert_i64_s f64.convert_i64_u")
	t.add(0xbb, immNone, "f>d", "f64.promote_f32")
	t.add(0xbc, immNone, "f>i", "i32.reinterpret_f32")
	t.add(0xbd, immNone, "d>l", "i64.reinterpret_f64")
	t.add(0xbe, immNone, "i>f", "f32.reinterpret_i32")
	t.add(0xbf, immNone, "l>d", "f64.reinterpret_i64")
	t.add(0xc0, immNone, "i>i", "i32.extend8_s i32.extend16_s")
	t.add(0xc2, immNone, "l>l", "i64.extend8_s i64.extend16_s i64.extend32_s")
	t.add(0xfc00, immNone, "f>i", "i32.trunc_sat_f32_s i32.trunc_sat_f32_u")
	t.add(0xfc02, immNone, "d>i", "i32.trunc_sat_f64_s i32.trunc_sat_f64_u")
	t.add(0xfc04, immNone, "f>l", "i64.trunc_sat_f32_s i64.trunc_sat_f32_u")
	t.add(0xfc06, immNone, "d>l", "i64.trunc_sat_f64_s i64.trunc_sat_f64_u")
}

func (t *instructionTable) addBulk() {
	t.add(0xfc08, immInit, "iii>", "memory.init")
	t.add(0xfc09, immIndex, ">", "data.drop")
	t.add(0xfc0a, immMemories, "iii>", "memory.copy")
	t.add(0xfc0b, immMemory, "iii>", "memory.fill")
	t.add(0xfc0c, immTwo, "iii>", "table.init")
	t.add(0xfc0d, immIndex, ">", "elem.drop")
	t.add(0xfc0e, immTwo, "iii>", "table.copy")
	t.add(0xfc0f, immIndex, "", "table.grow")
	t.add(0xfc10, immIndex, ">i", "table.size")
	t.add(0xfc11, immIndex, "", "table.fill")
}
