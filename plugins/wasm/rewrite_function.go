package wasm

import "slices"

// metered is one function on its way out.
type metered struct {
	*rewriter
	segments

	code       []byte // without the charges
	weight     uint32 // of the depth guard, 0: none
	localCount uint32 // parameters and locals
	locals     []LocalGroup
	slots      [4]uint32 // the index of a temporary local of each number type plus 1, 0: none
	unsettled  ValueType // of a float on top of the stack that may be any NaN, 0: there is none
	constant   int64     // what the last instruction pushed, if that was an i32.const, as unsigned; else -1
}

// body rewrites the body of a function that the module defines.
func (r *rewriter) body(i int) Body {
	in := &r.in.Bodies[i]
	results := r.in.Types[r.in.Functions[i]].Results
	f := &metered{rewriter: r, weight: r.guards[i], locals: slices.Clone(in.Locals), constant: -1}
	f.localCount = uint32(len(r.in.Types[r.in.Functions[i]].Params)) //nolint:gosec // bounded by the bytes
	for _, group := range in.Locals {
		f.localCount += group.Count
	}
	f.code = make([]byte, 0, len(in.Code)+len(in.Code)/4)
	f.begin()
	if f.weight > 0 {
		f.enter(r.block(results))
	}
	for reader := NewReader(in.Code); reader.Next(); {
		if instruction := reader.Instruction(); !f.skip(instruction.Op) {
			f.instruction(instruction)
		}
	}
	f.settle()
	return f.assemble()
}

// enter takes the function's weight from the depth and opens the block around its code, so that every way out but a trap
// leads through leave.
func (f *metered) enter(t BlockType) {
	tmp := f.temporary(I32)
	f.code = appendIndexed(f.code, OpGlobalGet, f.depth)
	f.code = append(appendI32(f.code, int32(f.weight)), byte(OpI32Sub)) //nolint:gosec // bounded by the limits of a body
	f.code = appendIndexed(f.code, OpLocalTee, tmp)
	f.code = appendIndexed(f.code, OpGlobalSet, f.depth)
	f.code = appendIndexed(f.code, OpLocalGet, tmp)
	f.code = append(appendI32(f.code, 0), byte(OpI32LtS), byte(OpIf), emptyBlock, byte(OpUnreachable), byte(OpEnd))
	f.code = appendBlockType(append(f.code, byte(OpBlock)), t)
}

func (f *metered) leave() {
	f.code = appendIndexed(append(f.code, byte(OpEnd)), OpGlobalGet, f.depth)
	f.code = append(appendI32(f.code, int32(f.weight)), byte(OpI32Add)) //nolint:gosec // bounded by the limits of a body
	f.code = appendIndexed(f.code, OpGlobalSet, f.depth)
}

// instruction writes one live instruction with what has to stand around it.
func (f *metered) instruction(in *Instruction) {
	f.settleNaN(in.Op)
	f.charge(cost(in.Op))
	constant := f.constant
	f.constant = -1
	switch in.Op {
	case OpBlock, OpLoop, OpIf:
		f.emit(in)
		f.open(in.Op, len(f.code))
	case OpElse:
		f.emit(in)
		f.turn(len(f.code))
	case OpEnd:
		f.end(in)
	case OpBr, OpBrIf, OpBrTable, OpReturn, OpUnreachable:
		f.jump(in)
	case OpI32Const:
		f.constant = int64(in.Const) //nolint:gosec // has 32 bits
		f.emit(in)
	default:
		f.plain(in, constant)
	}
	f.unsettled = computesFloat(in.Op)
}

func (f *metered) emit(in *Instruction) { f.code = appendInstruction(f.code, in) }

func (f *metered) end(in *Instruction) {
	if len(f.frames) == 1 && f.weight > 0 {
		f.leave()
	}
	f.emit(in)
	f.close(len(f.code))
	if f.dead && len(f.frames) > 0 { // which validation cannot know, since the block has a type
		f.code = append(f.code, byte(OpUnreachable))
	}
}

// jump writes what may go elsewhere than to the next instruction.
func (f *metered) jump(in *Instruction) {
	switch in.Op {
	case OpBr, OpBrIf:
		f.branch(in.Index)
	case OpBrTable:
		for label := range in.Targets.All() {
			f.branch(label)
		}
		f.branch(in.Index)
	case OpReturn:
		f.branch(f.returns())
		if f.weight > 0 { // to the end of the block that enter opened
			f.code = appendIndexed(f.code, OpBr, f.returns())
			f.dead = true
			return
		}
	}
	f.emit(in)
	if in.Op == OpBrIf {
		f.split(len(f.code), false)
		return
	}
	f.dead = true
}

// plain writes an instruction that goes on to the next one. The constant is the topmost operand, -1 if it is not known.
func (f *metered) plain(in *Instruction, constant int64) {
	switch in.Op {
	case OpCall:
		f.calls = true
		if in.Index < f.imports {
			f.charge(f.charges[in.Index])
		}
	case OpCallIndirect:
		f.calls = true
	case OpGlobalSet:
		if !f.in.Globals[in.Index].Type.isNumber() {
			f.soil()
		}
	case OpTableSet, OpTableGrow, OpTableFill, OpTableCopy, OpTableInit, OpElemDrop, OpDataDrop:
		f.soil()
	}
	f.chargeDynamic(in, constant)
	f.emit(in)
	if t := computesFloat(in.Op); t != 0 {
		f.result.Floats = true
	}
}

// soil marks the guest as one that cannot be put back, and charges for that the first time.
func (f *metered) soil() { f.code = appendIndexed(f.code, OpCall, f.meter(dynamicSoil, 0)) }

// mark sets a bit of the dirty global.
func (f *metered) mark(bit int32) {
	f.code = appendI32(appendIndexed(f.code, OpGlobalGet, f.dirty), bit)
	f.code = appendIndexed(append(f.code, byte(opI32Or)), OpGlobalSet, f.dirty)
}

// chargeDynamic charges for the topmost operand of a bulk operation, before it is executed.
func (f *metered) chargeDynamic(in *Instruction, constant int64) {
	by := dynamicCost(in.Op)
	switch {
	case by == dynamicNone:
	case by == dynamicLength && constant >= 0:
		f.charge(constant >> bulkShift)
	default:
		f.code = appendIndexed(f.code, OpCall, f.meter(by, in.Index))
	}
}

// check stores the fuel on top of the stack and stops if it is below 0.
func (f *metered) check() { f.code = f.appendCheck(f.code) }

func (f *metered) appendCheck(b []byte) []byte {
	tmp := f.temporary(I64)
	b = appendIndexed(b, OpLocalTee, tmp)
	b = appendIndexed(b, OpGlobalSet, f.fuel)
	b = appendIndexed(b, OpLocalGet, tmp)
	return append(appendI64(b, 0), byte(OpI64LtS), byte(OpIf), emptyBlock, byte(OpUnreachable), byte(OpEnd))
}

// appendCharge appends what charges for a segment.
func (f *metered) appendCharge(b []byte, s segment) []byte {
	if s.cost == 0 && !s.check {
		return b
	}
	b = appendIndexed(b, OpGlobalGet, f.fuel)
	b = append(appendI64(b, s.cost), byte(OpI64Sub))
	if s.check {
		return f.appendCheck(b)
	}
	return appendIndexed(b, OpGlobalSet, f.fuel)
}

// assemble puts the charges where their segments begin.
func (f *metered) assemble() Body {
	charged := make([]byte, 0, len(f.code)+16*len(f.list))
	at := 0
	for _, s := range f.list {
		charged = append(charged, f.code[at:s.at]...)
		charged = f.appendCharge(charged, s)
		at = s.at
	}
	charged = append(charged, f.code[at:]...)
	return Body{Locals: f.locals, Code: charged}
}

// temporary returns the index of a local for one use of a value of the type.
func (f *metered) temporary(t ValueType) uint32 {
	slot := &f.slots[I32-t]
	if *slot == 0 {
		f.locals = append(f.locals, LocalGroup{Count: 1, Type: t})
		f.localCount++
		*slot = f.localCount
	}
	return *slot - 1
}
