package wasm

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"testing"
)

// asm assembles instructions, so that a table of cases reads as text: names of the text format, each followed by its
// immediates as numbers; block types are "-", a value type or "type N"; the labels of br_table are "[1 0] 2".
func asm(t testing.TB, text string) []byte {
	t.Helper()
	a := &assembler{t: t, words: strings.Fields(strings.NewReplacer("[", " [ ", "]", " ] ").Replace(text))}
	for len(a.words) > 0 {
		a.instruction()
	}
	return a.code
}

type assembler struct {
	t     testing.TB
	words []string
	code  []byte
}

func (a *assembler) word() string {
	a.t.Helper()
	if len(a.words) == 0 {
		a.t.Fatal("the text ends early")
	}
	w := a.words[0]
	a.words = a.words[1:]
	return w
}

func (a *assembler) number() int64 {
	a.t.Helper()
	v, err := strconv.ParseInt(a.word(), 0, 64)
	if err != nil {
		a.t.Fatal(err)
	}
	return v
}

func (a *assembler) index() {
	a.code = appendUnsigned(a.code, uint32(a.number()))
}

func (a *assembler) instruction() {
	a.t.Helper()
	name := a.word()
	op, ok := opcodesByName()[name]
	if !ok {
		a.t.Fatalf("no instruction is called %q", name)
	}
	if op >= miscBase {
		a.code = appendUnsigned(append(a.code, prefixMisc), uint32(op-miscBase))
	} else {
		a.code = append(a.code, byte(op))
	}
	a.immediates(op.info().immediate)
}

func (a *assembler) immediates(kind immediate) {
	switch kind {
	case immBlock:
		a.blockType()
	case immIndex:
		a.index()
	case immTwo, immCallIndirect, immAddress:
		a.index()
		a.index()
	case immTargets:
		a.targets()
	case immTypes:
		a.code = append(a.code, 1, byte(valueTypeNamed(a.word())))
	case immRefType:
		a.code = append(a.code, byte(valueTypeNamed(a.word())))
	case immMemory:
		a.code = append(a.code, 0)
	case immMemories:
		a.code = append(a.code, 0, 0)
	case immInit:
		a.index()
		a.code = append(a.code, 0)
	case immI32, immI64:
		a.code = appendSigned(a.code, a.number())
	case immF32:
		a.code = binary.LittleEndian.AppendUint32(a.code, math.Float32bits(float32(a.number())))
	case immF64:
		a.code = binary.LittleEndian.AppendUint64(a.code, math.Float64bits(float64(a.number())))
	}
}

func (a *assembler) blockType() {
	switch w := a.word(); w {
	case "-":
		a.code = append(a.code, 0x40)
	case "type":
		a.code = appendSigned(a.code, a.number())
	default:
		a.code = append(a.code, byte(valueTypeNamed(w)))
	}
}

func (a *assembler) targets() {
	var labels []byte
	count := uint32(0)
	for a.word(); a.words[0] != "]"; count++ {
		labels = appendUnsigned(labels, uint32(a.number()))
	}
	a.word()
	a.code = append(appendUnsigned(a.code, count), labels...)
	a.index()
}

func valueTypeNamed(name string) ValueType {
	for _, t := range singleResults {
		if t.String() == name {
			return t
		}
	}
	panic("no value type is called " + name)
}

// opcodesByName also knows the select that names its type, as select_typed.
func opcodesByName() map[string]Opcode {
	names := map[string]Opcode{}
	for _, op := range allOpcodes() {
		names[op.String()] = op
	}
	names["select"], names["select_typed"] = OpSelect, OpSelectTyped
	return names
}

// allOpcodes returns every opcode that is supported.
func allOpcodes() []Opcode {
	var all []Opcode
	for op := range Opcode(basicOpcodes) {
		all = append(all, op)
	}
	for sub := range Opcode(miscOpcodes) {
		all = append(all, miscBase+sub)
	}
	supported := all[:0]
	for _, op := range all {
		if op.info() != nil {
			supported = append(supported, op)
		}
	}
	return supported
}

// sampleModule has one of everything that code may refer to: type 0 is () -> (), type 1 (i32) -> (i32), type 2
// (i32 i64) -> (i64 i32), type 3 () -> (i32); functions 0 (imported) and 1 are of type 0, 2 of type 1 and 3 of type 2;
// globals 0 (imported) and 2 are i32 and immutable, 1 is i64 and mutable; table 0 is of funcref, 1 of externref; element segments
// 0 and 1 go with them; data segments 0 and 1.
func sampleModule(t testing.TB) *Module {
	t.Helper()
	count := uint32(2)
	return &Module{
		Types: []FuncType{
			{},
			{Params: []ValueType{I32}, Results: []ValueType{I32}},
			{Params: []ValueType{I32, I64}, Results: []ValueType{I64, I32}},
			{Results: []ValueType{I32}},
		},
		Imports: []Import{
			{Module: "hotdrop", Name: "tick", Kind: KindFunction},
			{Module: "hotdrop", Name: "base", Kind: KindGlobal, Global: GlobalType{Type: I32}},
		},
		Functions: []uint32{0, 1, 2},
		Tables: []TableType{
			{Type: FuncRef, SizeLimits: SizeLimits{Min: 4, Max: 8, HasMax: true}},
			{Type: ExternRef, SizeLimits: SizeLimits{Min: 2}},
		},
		Memories: []MemoryType{{SizeLimits{Min: 1, Max: 16, HasMax: true}}},
		Globals: []Global{
			{GlobalType: GlobalType{Type: I64, Mutable: true}, Init: Constant{Op: OpI64Const, Value: math.MaxUint64}},
			{GlobalType: GlobalType{Type: I32}, Init: Constant{Op: OpGlobalGet, Value: 0}},
		},
		Exports: []Export{{Name: "memory", Kind: KindMemory}, {Name: "quote", Kind: KindFunction, Index: 2}},
		Elements: []Element{
			{Type: FuncRef, Offset: Constant{Op: OpI32Const}, Items: []Constant{{Op: OpRefFunc, Value: 1}, {Op: OpRefFunc, Value: 3}}},
			{Mode: Passive, Type: ExternRef, Items: []Constant{{Op: OpRefNull, Value: uint64(ExternRef)}}},
		},
		DataCount: &count,
		Bodies: []Body{
			{Code: asm(t, "end")},
			{Code: asm(t, "local.get 0 end")},
			{Code: asm(t, "local.get 1 local.get 0 end")},
		},
		Data: []Data{
			{Offset: Constant{Op: OpI32Const, Value: 8}, Bytes: []byte("drop")},
			{Mode: Passive, Bytes: []byte("later")},
		},
		Customs: []Custom{{Name: "producers", Bytes: []byte{1, 2, 3}, After: SectionData}},
	}
}

// sampleLimits allow the two tables of the sample.
func sampleLimits() Limits {
	l := DefaultLimits()
	l.Tables = 2
	return l
}
