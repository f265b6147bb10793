package wasm

import "strconv"

// ValueType is a type of values, by its byte in the binary format.
type ValueType byte

// The value types that [Decode] accepts.
const (
	I32       ValueType = 0x7f
	I64       ValueType = 0x7e
	F32       ValueType = 0x7d
	F64       ValueType = 0x7c
	FuncRef   ValueType = 0x70
	ExternRef ValueType = 0x6f
)

// String returns the type's name in the text format.
func (t ValueType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	case anyType:
		return "any"
	}
	return "type 0x" + strconv.FormatUint(uint64(t), 16)
}

func (t ValueType) isReference() bool {
	return t == FuncRef || t == ExternRef
}

func (t ValueType) isNumber() bool {
	return t == I32 || t == I64 || t == F32 || t == F64
}

// Kind is what an import or an export is.
type Kind byte

// The kinds of imports and exports, by their byte.
const (
	KindFunction Kind = iota
	KindTable
	KindMemory
	KindGlobal
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case KindFunction:
		return "function"
	case KindTable:
		return "table"
	case KindMemory:
		return "memory"
	case KindGlobal:
		return "global"
	}
	return "kind " + strconv.Itoa(int(k))
}

// Module is a decoded and validated module. Its fields follow the sections of the binary format. Byte slices alias what
// was decoded; whoever edits a module replaces them instead of writing into them.
type Module struct {
	Types     []FuncType
	Imports   []Import
	Functions []uint32 // the type of every function that the module defines
	Tables    []TableType
	Memories  []MemoryType
	Globals   []Global
	Exports   []Export
	Start     *uint32 // index of the start function, nil if there is none
	Elements  []Element
	DataCount *uint32 // nil without that section; Encode writes the number of Data
	Bodies    []Body  // one for each of Functions
	Data      []Data
	Customs   []Custom
}

// FuncType is the type of a function.
type FuncType struct {
	Params, Results []ValueType
}

// SizeLimits are the bounds of a memory, in pages of 64 KiB, or of a table, in entries.
type SizeLimits struct {
	Min, Max uint32
	HasMax   bool // false: Max is 0 and means nothing
}

// MemoryType is the type of a memory; its limits count pages.
type MemoryType struct {
	SizeLimits
}

// TableType is the type of a table; its limits count entries.
type TableType struct {
	SizeLimits
	Type ValueType // FuncRef or ExternRef
}

// GlobalType is the type of a global.
type GlobalType struct {
	Type    ValueType
	Mutable bool
}

// Import is one import. Of the four types only that of its Kind means something.
type Import struct {
	Module, Name string
	Kind         Kind
	TypeIndex    uint32 // of a function
	Table        TableType
	Memory       MemoryType
	Global       GlobalType
}

// Global is a global that the module defines.
type Global struct {
	GlobalType
	Init Constant
}

// Constant is a constant expression: without the extended-const proposal, exactly one instruction.
type Constant struct {
	Op Opcode // OpI32Const, OpI64Const, OpF32Const, OpF64Const, OpGlobalGet, OpRefNull or OpRefFunc
	// Value is the number's bits (those of 32 bits zero-extended), the index of the global or function, or the
	// reference type of a null.
	Value uint64
}

// Export is one export. Names are unique within a module.
type Export struct {
	Name  string
	Kind  Kind
	Index uint32 // in the index space of its kind, imports first
}

// SegmentMode says when an element or data segment is used.
type SegmentMode byte

// The modes of segments.
const (
	Active      SegmentMode = iota // copied at instantiation, to Offset
	Passive                        // copied by table.init or memory.init
	Declarative                    // element segments only: names functions for ref.func
)

// Element is an element segment.
type Element struct {
	Mode   SegmentMode
	Table  uint32     // active only
	Offset Constant   // active only
	Type   ValueType  // of its items
	Items  []Constant // each OpRefFunc, OpRefNull or OpGlobalGet
}

// LocalGroup is a run of locals of one type.
type LocalGroup struct {
	Count uint32
	Type  ValueType
}

// Body is the body of a function that the module defines.
type Body struct {
	Locals []LocalGroup // without the parameters
	Code   []byte       // instructions, the final end included
	Offset int          // of Code in the module that was decoded, bytes
}

// Data is a data segment. An active one goes to the one memory.
type Data struct {
	Mode   SegmentMode
	Offset Constant // active only
	Bytes  []byte
}

// Section is the id of a section in the binary format.
type Section byte

// The sections; a module holds them in this order, but for SectionDataCount, which stands before SectionCode.
const (
	SectionCustom Section = iota
	SectionType
	SectionImport
	SectionFunction
	SectionTable
	SectionMemory
	SectionGlobal
	SectionExport
	SectionStart
	SectionElement
	SectionCode
	SectionData
	SectionDataCount
)

// Custom is a custom section.
type Custom struct {
	Name  string
	Bytes []byte  // what follows the name
	After Section // the last section before it that is not custom, SectionCustom if none is
}

// ImportedFunctions returns how many functions the module imports: the index of the first one it defines.
func (m *Module) ImportedFunctions() int {
	return m.imported(KindFunction)
}

// ImportedGlobals returns how many globals the module imports: the index of the first one it defines.
func (m *Module) ImportedGlobals() int {
	return m.imported(KindGlobal)
}

func (m *Module) imported(k Kind) int {
	n := 0
	for i := range m.Imports {
		if m.Imports[i].Kind == k {
			n++
		}
	}
	return n
}
