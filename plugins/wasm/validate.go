package wasm

// validator validates function bodies by the algorithm of the core specification's appendix: one pass over the
// instructions, with a stack of operand types and a stack of the blocks that are open. It is one loop, not a recursion;
// its stacks are bounded by Limits and kept from body to body.
type validator struct {
	module   *decoder // what the bodies may refer to
	r        Reader
	operands []ValueType
	open     []openBlock
	locals   []ValueType // parameters first
	tables   int         // br_table instructions so far
	err      *Error
}

// openBlock is a block that has no end yet, the function's body included.
type openBlock struct {
	op          Opcode // OpBlock (also for the body), OpLoop, OpIf or OpElse
	signature   FuncType
	height      int // of the operand stack below the block's own operands
	unreachable bool
	checked     int // the br_table that last checked its label
}

// labelTypes are the operands that a branch to the block takes along.
func (f *openBlock) labelTypes() []ValueType {
	if f.op == OpLoop {
		return f.signature.Params
	}
	return f.signature.Results
}

func newValidator(d *decoder) *validator {
	return &validator{module: d}
}

// body validates one function of the type.
func (v *validator) body(b *Body, t FuncType) *Error {
	v.locals = append(v.locals[:0], t.Params...)
	for _, group := range b.Locals {
		for range group.Count {
			v.locals = append(v.locals, group.Type)
		}
	}
	v.operands, v.open, v.err = v.operands[:0], v.open[:0], nil
	v.r = Reader{code: b.Code, base: b.Offset}
	v.begin(OpBlock, FuncType{Results: t.Results})
	for v.err == nil && len(v.open) > 0 && v.r.Next() {
		v.instruction(&v.r.in)
	}
	return v.finish()
}

// finish says how the loop over the instructions ended.
func (v *validator) finish() *Error {
	switch {
	case v.err != nil:
		return v.err
	case v.r.err != nil:
		return v.r.err
	case len(v.open) > 0:
		return failAt(v.r.base+v.r.at, "the body ends with %d blocks open", len(v.open))
	case v.r.at < len(v.r.code):
		return failAt(v.r.base+v.r.at, "%d bytes follow the end of the body", len(v.r.code)-v.r.at)
	}
	return nil
}

func (v *validator) fail(format string, args ...any) {
	if v.err == nil {
		v.err = failAt(v.r.base+v.r.in.Start, format, args...)
	}
}

func (v *validator) instruction(in *Instruction) {
	info := in.Op.info()
	if info.fixed {
		v.checkImmediates(in, info)
		v.popAll(info.operands)
		v.pushAll(info.results)
		return
	}
	switch {
	case in.Op >= OpLocalGet && in.Op <= OpGlobalSet:
		v.variable(in)
	case in.Op <= OpElse || in.Op == OpEnd:
		v.block(in)
	case in.Op <= OpReturn:
		v.branch(in)
	case in.Op <= OpCallIndirect:
		v.call(in)
	case in.Op <= OpSelectTyped:
		v.parametric(in)
	default:
		v.reference(in)
	}
}

// checkImmediates checks what an instruction with fixed operands refers to.
func (v *validator) checkImmediates(in *Instruction, info *instructionInfo) {
	switch info.immediate {
	case immNone, immI32, immI64, immF32, immF64:
		return
	case immAddress:
		v.checkMemory()
		if in.Align > uint32(info.natural) {
			v.fail("%s is aligned to 2^%d bytes, at most 2^%d are allowed", in.Op, in.Align, info.natural)
		}
	case immMemory, immMemories:
		v.checkMemory()
	case immInit:
		v.checkMemory()
		v.checkData(in.Index)
	default:
		v.checkSegments(in)
	}
}

func (v *validator) checkSegments(in *Instruction) {
	switch in.Op {
	case OpDataDrop:
		v.checkData(in.Index)
	case OpElemDrop:
		v.element(in.Index)
	case OpTableSize:
		v.table(in.Index)
	case OpTableInit:
		if from, to := v.element(in.Index), v.table(in.Index2); from != to {
			v.fail("%s items cannot be copied to a table of %s", from, to)
		}
	case OpTableCopy:
		if from, to := v.table(in.Index2), v.table(in.Index); from != to {
			v.fail("%s items cannot be copied to a table of %s", from, to)
		}
	default:
		v.fail("%s is not validated", in.Op) // an opcode that the table knows and this switch does not
	}
}

func (v *validator) checkMemory() {
	if v.module.memories == 0 {
		v.fail("there is no memory")
	}
}

func (v *validator) checkData(index uint32) {
	switch count := v.module.module.DataCount; {
	case count == nil:
		v.fail("%s needs the section of the data count", v.r.in.Op)
	case index >= *count:
		v.fail("there is no data segment %d", index)
	}
}

// element returns the type of an element segment's items.
func (v *validator) element(index uint32) ValueType {
	elements := v.module.module.Elements
	if uint64(index) >= uint64(len(elements)) {
		v.fail("there is no element segment %d", index)
		return anyType
	}
	return elements[index].Type
}

// table returns the type of a table's entries.
func (v *validator) table(index uint32) ValueType {
	if uint64(index) >= uint64(len(v.module.tables)) {
		v.fail("there is no table %d", index)
		return anyType
	}
	return v.module.tables[index].Type
}

func (v *validator) variable(in *Instruction) {
	if in.Op >= OpGlobalGet {
		v.global(in)
		return
	}
	if uint64(in.Index) >= uint64(len(v.locals)) {
		v.fail("there is no local %d", in.Index)
		return
	}
	t := v.locals[in.Index]
	if in.Op != OpLocalGet {
		v.pop(t)
	}
	if in.Op != OpLocalSet {
		v.push(t)
	}
}

func (v *validator) global(in *Instruction) {
	if uint64(in.Index) >= uint64(len(v.module.globals)) {
		v.fail("there is no global %d", in.Index)
		return
	}
	g := v.module.globals[in.Index]
	switch {
	case in.Op == OpGlobalGet:
		v.push(g.Type)
	case !g.Mutable:
		v.fail("global %d is not mutable", in.Index)
	default:
		v.pop(g.Type)
	}
}

func (v *validator) parametric(in *Instruction) {
	switch in.Op {
	case OpDrop:
		v.popAny()
	case OpSelectTyped:
		v.pop(I32)
		v.pop(in.Type)
		v.pop(in.Type)
		v.push(in.Type)
	default:
		v.selectUntyped()
	}
}

func (v *validator) selectUntyped() {
	v.pop(I32)
	first, second := v.popAny(), v.popAny()
	if first.isReference() || second.isReference() {
		v.fail("select without a type takes numbers, not references")
	}
	if first != second && first != anyType && second != anyType {
		v.fail("select between %s and %s", second, first)
	}
	if first == anyType {
		first = second
	}
	v.push(first)
}

func (v *validator) reference(in *Instruction) {
	switch in.Op {
	case OpRefNull:
		v.push(in.Type)
	case OpRefIsNull:
		if t := v.popAny(); t.isNumber() {
			v.fail("ref.is_null takes a reference, not %s", t)
		}
		v.push(I32)
	case OpRefFunc:
		v.functionReference(in.Index)
	default:
		v.tableAccess(in, v.table(in.Index))
	}
}

func (v *validator) functionReference(index uint32) {
	switch {
	case uint64(index) >= uint64(len(v.module.functions)):
		v.fail("there is no function %d", index)
	case !v.module.isDeclared(index):
		v.fail("ref.func names function %d, which no export, global or element segment does", index)
	}
	v.push(FuncRef)
}

// tableAccess validates the instructions that take or leave entries of type t.
func (v *validator) tableAccess(in *Instruction, t ValueType) {
	switch in.Op {
	case OpTableGet:
		v.pop(I32)
		v.push(t)
	case OpTableSet:
		v.pop(t)
		v.pop(I32)
	case OpTableGrow:
		v.pop(I32)
		v.pop(t)
		v.push(I32)
	case OpTableFill:
		v.pop(I32)
		v.pop(t)
		v.pop(I32)
	default:
		v.fail("%s is not validated", in.Op) // an opcode that the table knows and this switch does not
	}
}
