package wasm

// Version names the rewriting and its schedule of fuel. It is part of every key under which compiled code is kept and is
// pinned with every decision, so it changes whenever a rewritten module could behave or cost otherwise than before.
const Version = "2"

// The schedule. Fuel is charged for what is executed, by instruction:
//
//	block, loop, end, else, drop, return, nop          0
//	call                                               2, and the import's charge of [Policy] if it calls one
//	br_table                                           3
//	call_indirect                                      5
//	memory.copy, .fill, .init, table.copy, .fill, .init 1, and 1 for every 16 bytes or entries of their length
//	memory.grow                                        33, and 16,384 for every page, unless the maximum forbids it
//	table.grow                                         33, and 2 for every entry, unless the maximum forbids it
//	every other instruction                            1
//
// A call through a table or an export to an imported function pays the import's charge too. The first instruction that
// sets [Dirty] costs 200,000 besides: what the guest changes by it costs the host a new instance.
const (
	costPlain         = 1
	costCall          = 2
	costBranchTable   = 3
	costCallIndirect  = 5
	costGrow          = 33 // the runtime leaves the code for it, even if nothing grows
	costSoil          = 200_000
	bulkShift         = 4  // of a length in bytes or entries
	pageShift         = 14 // 1 for every 4 bytes of a page of 64 KiB
	entryShift        = 1  // 1 for every 4 bytes of a table's entry
	maxImportCharge   = 1 << 30
	uncheckedLeafCost = 32    // a leaf that costs no more runs unchecked: its caller's charges bound it
	checkedCost       = 1_024 // a charge from which on it is checked wherever it stands
)

// cost returns the fixed part of an instruction's fuel.
func cost(o Opcode) int64 {
	switch o {
	case OpBlock, OpLoop, OpEnd, OpElse, OpDrop, OpReturn, OpNop:
		return 0
	case OpCall:
		return costCall
	case OpBrTable:
		return costBranchTable
	case OpCallIndirect:
		return costCallIndirect
	case OpMemoryGrow, OpTableGrow:
		return costGrow
	}
	return costPlain
}

// dynamic says by what an instruction is charged beyond its fixed cost.
type dynamic byte

const (
	dynamicNone    dynamic = iota
	dynamicLength          // bulk operations: their topmost operand is a length
	dynamicPages           // memory.grow: its operand counts pages
	dynamicEntries         // table.grow: its topmost operand counts entries
	dynamicSoil            // what sets Dirty; it has no operand
)

func dynamicCost(o Opcode) dynamic {
	switch o {
	case OpMemoryInit, OpMemoryCopy, OpMemoryFill, OpTableInit, OpTableCopy, OpTableFill:
		return dynamicLength
	case OpMemoryGrow:
		return dynamicPages
	case OpTableGrow:
		return dynamicEntries
	}
	return dynamicNone
}
