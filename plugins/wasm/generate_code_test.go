package wasm

import (
	"slices"
)

// label is what a branch to it takes along.
type label struct {
	types []ValueType
	loop  bool
}

// writer writes the body of one function.
type writer struct {
	*generator

	self   int
	locals []ValueType
	labels []label
	code   []byte
	room   int // statements and operands that may still be written
}

func (w *writer) op(ops ...Opcode)                { w.code = append(w.code, raw(ops...)...) }
func (w *writer) indexed(op Opcode, index uint32) { w.code = appendIndexed(w.code, op, index) }
func (w *writer) i32(v int32)                     { w.code = appendI32(w.code, v) }

// local returns a local of the type; every function has at least one.
func (w *writer) local(t ValueType) uint32 {
	for {
		if i := w.IntN(len(w.locals)); w.locals[i] == t {
			return uint32(i)
		}
	}
}

func (w *writer) statements(depth int) {
	for range 1 + w.IntN(5) {
		if w.room--; w.room < 0 {
			return
		}
		w.statement(depth - 1)
	}
}

func (w *writer) statement(depth int) {
	if depth <= 0 {
		w.simple()
		return
	}
	kinds := []func(int){w.assign, w.assign, w.store, w.store, w.ifElse, w.ifElse, w.block, w.countedLoop, w.bulk, w.drops}
	if !w.tame {
		kinds = append(kinds, w.jump, w.switches, w.call, w.indirect, w.table, w.rare, w.endless)
	}
	kinds[w.IntN(len(kinds))](depth)
}

func (w *writer) simple() {
	switch w.IntN(4) {
	case 0:
		w.op(OpNop)
	case 1:
		w.store(1)
	default:
		w.assign(1)
	}
}

func (w *writer) assign(depth int) {
	if w.IntN(3) == 0 {
		at := w.IntN(6) // the mutable ones
		w.operand(w.m.Globals[at].Type, depth)
		w.indexed(OpGlobalSet, uint32(at))
		return
	}
	t := w.number()
	w.operand(t, depth)
	w.indexed(OpLocalSet, w.local(t))
}

// address writes an operand that is nearly always within the memory.
func (w *writer) address(depth int) {
	w.operand(I32, depth)
	if w.tame || w.IntN(16) > 0 {
		w.i32(0x7ff)
		w.op(OpI32And)
	}
}

func (w *writer) store(depth int) {
	w.address(depth)
	op := Opcode(0x36 + w.IntN(9))
	operands, _, _ := op.Fixed()
	w.operand(operands[1], depth)
	w.code = append(appendOpcode(w.code, op), 0, byte(w.IntN(64)))
}

// inside opens a block, writes its content and closes it. A block with parameters finds them on the stack.
func (w *writer) inside(op Opcode, t FuncType, depth int, content func(depth int)) {
	if len(t.Params) == 0 && len(t.Results) < 2 {
		bt := BlockType{}
		if len(t.Results) == 1 {
			bt.Result = t.Results[0]
		}
		w.code = appendBlockType(appendOpcode(w.code, op), bt)
	} else {
		w.m.Types = append(w.m.Types, t)
		w.code = appendBlockType(appendOpcode(w.code, op), BlockType{Index: uint32(len(w.m.Types) - 1), Indexed: true})
	}
	l := label{types: t.Results}
	if op == OpLoop {
		l = label{types: t.Params, loop: true}
	}
	w.labels = append(w.labels, l)
	w.take(t.Params)
	content(depth)
	w.op(OpEnd)
	w.labels = w.labels[:len(w.labels)-1]
}

func (w *writer) blockType() FuncType {
	if w.IntN(3) > 0 {
		return FuncType{}
	}
	return FuncType{w.some(2), w.some(2)}
}

// take puts what is on the stack into locals.
func (w *writer) take(types []ValueType) {
	for _, t := range slices.Backward(types) {
		w.indexed(OpLocalSet, w.local(t))
	}
}

// spill takes or drops what is on the stack.
func (w *writer) spill(types []ValueType) {
	for _, t := range slices.Backward(types) {
		if w.IntN(2) == 0 {
			w.op(OpDrop)
		} else {
			w.indexed(OpLocalSet, w.local(t))
		}
	}
}

func (w *writer) block(depth int) {
	t := w.blockType()
	w.operands(t.Params, depth)
	w.inside(OpBlock, t, depth, func(depth int) {
		w.statements(depth)
		w.operands(t.Results, depth)
	})
	w.spill(t.Results)
}

func (w *writer) ifElse(depth int) {
	t := w.blockType()
	w.operands(t.Params, depth)
	w.operand(I32, depth)
	w.inside(OpIf, t, depth, func(depth int) {
		w.statements(depth)
		w.operands(t.Results, depth)
		if len(t.Params) == 0 && len(t.Results) == 0 && w.IntN(2) == 0 {
			return
		}
		w.op(OpElse)
		w.take(t.Params)
		w.statements(depth)
		w.operands(t.Results, depth)
	})
	w.spill(t.Results)
}

// countedLoop counts a global down, which what is inside may set again: then fuel ends it.
func (w *writer) countedLoop(depth int) {
	counter := uint32(0)
	w.i32(int32(1 + w.IntN(6)))
	w.indexed(OpGlobalSet, counter)
	t := w.blockType()
	w.operands(t.Params, depth)
	w.inside(OpLoop, t, depth, func(depth int) {
		w.statements(depth)
		w.operands(t.Params, depth)
		w.indexed(OpGlobalGet, counter)
		w.i32(1)
		w.op(OpI32Sub)
		w.indexed(OpGlobalSet, counter)
		w.indexed(OpGlobalGet, counter)
		w.i32(0)
		w.op(0x4a /* i32.gt_s */)
		w.indexed(OpBrIf, 0)
		w.spill(t.Params)
		w.operands(t.Results, depth)
	})
	w.spill(t.Results)
}

func (w *writer) endless(depth int) {
	if w.IntN(4) > 0 {
		w.assign(depth)
		return
	}
	w.inside(OpLoop, FuncType{}, depth, func(depth int) {
		w.statements(depth)
		w.indexed(OpBr, 0)
	})
}

// jump branches out of blocks, sometimes to a loop's head.
func (w *writer) jump(depth int) {
	at := w.IntN(len(w.labels))
	target := w.labels[len(w.labels)-1-at]
	w.operands(target.types, depth)
	if w.IntN(4) > 0 || target.loop {
		w.operand(I32, depth)
		w.indexed(OpBrIf, uint32(at))
		w.spill(target.types)
		return
	}
	if at == len(w.labels)-1 && w.IntN(2) == 0 {
		w.op(OpReturn)
	} else {
		w.indexed(OpBr, uint32(at))
	}
	if w.IntN(3) > 0 { // code that cannot be reached
		w.spill(target.types)
		w.statements(depth)
	}
}

func (w *writer) switches(depth int) {
	open := 1 + w.IntN(3)
	for range open {
		w.code = append(w.code, byte(OpBlock), emptyBlock)
		w.labels = append(w.labels, label{})
	}
	w.operand(I32, depth)
	w.op(OpBrTable)
	n := w.IntN(5)
	w.code = append(w.code, byte(n))
	for range n + 1 {
		w.code = append(w.code, byte(w.IntN(open)))
	}
	for range open {
		w.op(OpEnd)
		w.labels = w.labels[:len(w.labels)-1]
		w.statements(depth)
	}
}

func (w *writer) drops(depth int) {
	w.operand(w.number(), depth)
	w.op(OpDrop)
}

// call mostly calls a function further down, so that most of what is made ends.
func (w *writer) call(depth int) {
	callee := w.imports + w.self + 1
	if callee >= w.functions() || w.IntN(8) == 0 {
		callee = w.IntN(w.functions())
	}
	if w.IntN(3) == 0 {
		callee = w.IntN(w.imports)
	}
	t := w.typeOf(callee)
	w.operands(t.Params, depth)
	w.indexed(OpCall, uint32(callee))
	w.spill(t.Results)
}

// indirect calls through the table, mostly with the type of what is there.
func (w *writer) indirect(depth int) {
	slot := w.IntN(tableSize - 2)
	callee := int(w.m.Elements[0].Items[slot].Value)
	var index uint32
	if callee >= w.imports {
		index = w.m.Functions[callee-w.imports]
	} else {
		index = w.m.Imports[callee].TypeIndex
	}
	t := w.m.Types[index]
	w.operands(t.Params, depth)
	if w.IntN(12) == 0 {
		w.operand(I32, depth)
	} else {
		w.i32(int32(slot))
	}
	w.code = append(appendIndexed(w.code, OpCallIndirect, index), 0)
	w.spill(t.Results)
}

// length writes the length of a bulk operation: a constant or something small.
func (w *writer) length(depth, limit int) {
	if w.IntN(2) == 0 {
		w.i32(int32(w.IntN(limit)))
		return
	}
	w.operand(I32, depth)
	if w.tame || w.IntN(16) > 0 {
		w.i32(int32(limit - 1))
		w.op(OpI32And)
	}
}

func (w *writer) bulk(depth int) {
	switch w.IntN(4) {
	case 0:
		w.address(depth)
		w.address(depth)
		w.length(depth, 2048)
		w.op(OpMemoryCopy)
		w.code = append(w.code, 0, 0)
	case 1:
		w.address(depth)
		w.operand(I32, depth)
		w.length(depth, 2048)
		w.op(OpMemoryFill)
		w.code = append(w.code, 0)
	case 2:
		if w.tame {
			return
		}
		w.address(depth)
		w.i32(int32(w.IntN(17)))
		w.length(depth, 32)
		w.indexed(OpMemoryInit, 1)
		w.code = append(w.code, 0)
	default:
		w.i32(int32(w.IntN(3)))
		if w.IntN(4) == 0 {
			w.operand(I32, depth)
			w.op(OpI32Sub)
		}
		w.op(OpMemoryGrow)
		w.code = append(w.code, 0)
		w.indexed(OpLocalSet, w.local(I32))
	}
}

// function reference operands.
func (w *writer) reference() {
	switch w.IntN(4) {
	case 0:
		w.code = append(appendOpcode(w.code, OpRefNull), byte(FuncRef))
	case 1:
		w.i32(int32(w.IntN(tableSize)))
		w.indexed(OpTableGet, 0)
	case 2:
		w.indexed(OpGlobalGet, uint32(len(w.m.Globals)-1))
	default:
		w.indexed(OpGlobalGet, uint32(len(w.m.Globals)-2))
	}
}

func (w *writer) table(depth int) {
	switch w.IntN(8) {
	case 0:
		w.i32(int32(w.IntN(tableSize)))
		w.reference()
		w.indexed(OpTableSet, 0)
	case 1:
		w.reference()
		w.operand(I32, depth)
		w.i32(3)
		w.op(OpI32And)
		w.indexed(OpTableGrow, 0)
		w.indexed(OpLocalSet, w.local(I32))
	case 2:
		w.i32(int32(w.IntN(4)))
		w.reference()
		w.length(depth, 8)
		w.indexed(OpTableFill, 0)
	case 3:
		w.i32(int32(w.IntN(4)))
		w.i32(int32(w.IntN(4)))
		w.length(depth, 8)
		w.code = append(appendOpcode(w.code, OpTableCopy), 0, 0)
	case 4:
		w.i32(int32(w.IntN(tableSize - 4)))
		w.i32(0)
		w.i32(int32(w.IntN(5)))
		w.code = append(appendOpcode(w.code, OpTableInit), 1, 0)
	case 5:
		w.reference()
		w.indexed(OpGlobalSet, uint32(len(w.m.Globals)-1))
	default:
		w.reference()
		w.op(OpRefIsNull)
		w.indexed(OpLocalSet, w.local(I32))
	}
}

func (w *writer) rare(depth int) {
	switch w.IntN(24) {
	case 0:
		w.op(OpUnreachable)
	case 1:
		w.indexed(OpElemDrop, 1)
	case 2:
		w.indexed(OpDataDrop, 1)
	default:
		w.assign(depth)
	}
}
