package wasm

// block validates the instructions that open, divide and close blocks, nop and unreachable.
func (v *validator) block(in *Instruction) {
	switch in.Op {
	case OpUnreachable:
		v.setUnreachable()
	case OpIf:
		v.pop(I32)
		v.enter(in)
	case OpBlock, OpLoop:
		v.enter(in)
	case OpElse:
		f, ok := v.shut()
		if ok && f.op != OpIf {
			v.fail("else without if")
		}
		v.begin(OpElse, f.signature)
	case OpEnd:
		v.leave()
	}
}

func (v *validator) enter(in *Instruction) {
	t, ok := v.blockSignature(in.Block)
	if !ok {
		v.fail("there is no type %d", in.Block.Index)
		return
	}
	v.popAll(t.Params)
	v.begin(in.Op, t)
}

// The lists of one type, so that a block of one result needs no memory of its own.
//
//nolint:gochecknoglobals // never written
var singleResults = [...]ValueType{I32, I64, F32, F64, FuncRef, ExternRef}

func (v *validator) blockSignature(b BlockType) (t FuncType, ok bool) {
	if b.Indexed {
		types := v.module.module.Types
		if uint64(b.Index) >= uint64(len(types)) {
			return FuncType{}, false
		}
		return types[b.Index], true
	}
	for i, single := range singleResults {
		if single == b.Result {
			return FuncType{Results: singleResults[i : i+1 : i+1]}, true
		}
	}
	return FuncType{}, true
}

// begin opens a block, whose parameters become its first operands.
func (v *validator) begin(op Opcode, t FuncType) {
	if limit := v.module.limits.Nesting; len(v.open) > limit && v.err == nil {
		v.err = tooLargeAt(v.r.base+v.r.in.Start, uint64(len(v.open)), "blocks within one another", limit)
		return
	}
	v.open = append(v.open, openBlock{op: op, signature: t, height: len(v.operands)})
	v.pushAll(t.Params)
}

// shut ends the innermost block: its results must be all of its operands. They are no longer on the stack.
func (v *validator) shut() (f openBlock, ok bool) {
	f = v.open[len(v.open)-1]
	v.popAll(f.signature.Results)
	if v.err == nil && len(v.operands) != f.height {
		v.fail("the block leaves %d operands more than its type says", len(v.operands)-f.height)
	}
	if v.err != nil {
		return f, false
	}
	v.open = v.open[:len(v.open)-1]
	return f, true
}

func (v *validator) leave() {
	f, ok := v.shut()
	if !ok {
		return
	}
	if f.op == OpIf && !sameTypes(f.signature.Params, f.signature.Results) {
		v.fail("if without else, but its results are not its parameters")
		return
	}
	if len(v.open) > 0 {
		v.pushAll(f.signature.Results)
	}
}

// setUnreachable notes that what follows in the block cannot be reached: it may pop as many operands as it likes.
func (v *validator) setUnreachable() {
	f := &v.open[len(v.open)-1]
	v.operands = v.operands[:f.height]
	f.unreachable = true
}

// label returns the types that a branch to a label takes along.
func (v *validator) label(index uint32) []ValueType {
	if uint64(index) >= uint64(len(v.open)) {
		v.fail("there is no label %d", index)
		return nil
	}
	return v.open[len(v.open)-1-int(index)].labelTypes()
}

func (v *validator) branch(in *Instruction) {
	switch in.Op {
	case OpBr:
		v.popAll(v.label(in.Index))
		v.setUnreachable()
	case OpBrIf:
		v.pop(I32)
		types := v.label(in.Index)
		v.popAll(types)
		v.pushAll(types)
	case OpBrTable:
		v.branchTable(in)
	case OpReturn:
		v.popAll(v.open[0].labelTypes())
		v.setUnreachable()
	}
}

func (v *validator) branchTable(in *Instruction) {
	if limit := v.module.limits.BranchTargets; in.Targets.Count > limit && v.err == nil {
		v.err = tooLargeAt(v.r.base+in.Start, uint64(in.Targets.Count), "labels of a br_table", limit) //nolint:gosec // not negative
	}
	v.pop(I32)
	arity := len(v.label(in.Index))
	v.tables++
	for index := range in.Targets.All() {
		v.checkLabel(index, arity)
		if v.err != nil {
			return
		}
	}
	v.popAll(v.label(in.Index))
	v.setUnreachable()
}

// checkLabel checks that a br_table may name a label. Each label is looked at once, however often it is named.
func (v *validator) checkLabel(index uint32, arity int) {
	types := v.label(index)
	if v.err != nil {
		return
	}
	f := &v.open[len(v.open)-1-int(index)]
	if f.checked == v.tables {
		return
	}
	f.checked = v.tables
	if len(types) != arity {
		v.fail("the labels of a br_table take %d and %d operands", arity, len(types))
		return
	}
	v.checkOperands(types)
}

// checkOperands checks that the last operands are of the types, and leaves them.
func (v *validator) checkOperands(types []ValueType) {
	f := &v.open[len(v.open)-1]
	have := min(len(types), len(v.operands)-f.height)
	if have < len(types) && !f.unreachable {
		v.fail("%s needs %d operands, %d are there", v.r.in.Op, len(types), have)
		return
	}
	want := types[len(types)-have:]
	got := v.operands[len(v.operands)-have:]
	if string(got) == string(want) { // no copy; lists may be long
		return
	}
	for i, t := range got {
		if t != want[i] && t != anyType {
			v.fail("%s takes %s, not %s", v.r.in.Op, want[i], t)
			return
		}
	}
}

// popAll takes operands of the types, the last type first.
func (v *validator) popAll(types []ValueType) {
	if len(types) == 0 {
		return
	}
	v.checkOperands(types)
	if v.err == nil {
		f := &v.open[len(v.open)-1]
		v.operands = v.operands[:max(f.height, len(v.operands)-len(types))]
	}
}

func (v *validator) pushAll(types []ValueType) {
	v.operands = append(v.operands, types...)
	if limit := v.module.limits.Operands; len(v.operands) > limit && v.err == nil {
		v.err = tooLargeAt(v.r.base+v.r.in.Start, uint64(len(v.operands)), "operands on the stack", limit)
	}
}

func (v *validator) push(t ValueType) {
	v.pushAll([]ValueType{t})
}

// pop takes an operand of the type; anyType takes what is there.
func (v *validator) pop(want ValueType) {
	if got := v.popAny(); got != want && got != anyType && want != anyType {
		v.fail("%s takes %s, not %s", v.r.in.Op, want, got)
	}
}

// popAny takes an operand of whatever type: anyType if code that cannot be reached takes one that is not there.
func (v *validator) popAny() ValueType {
	f := &v.open[len(v.open)-1]
	last := len(v.operands) - 1
	if last < f.height {
		if !f.unreachable {
			v.fail("%s needs an operand, none is there", v.r.in.Op)
		}
		return anyType
	}
	t := v.operands[last]
	v.operands = v.operands[:last]
	return t
}

func (v *validator) call(in *Instruction) {
	var index uint32 // of the type
	if in.Op == OpCall {
		if uint64(in.Index) >= uint64(len(v.module.functions)) {
			v.fail("there is no function %d", in.Index)
			return
		}
		index = v.module.functions[in.Index]
	} else {
		index = in.Index
		v.indirectTable(in)
	}
	types := v.module.module.Types
	if uint64(index) >= uint64(len(types)) {
		v.fail("there is no type %d", index)
		return
	}
	v.popAll(types[index].Params)
	v.pushAll(types[index].Results)
}

func (v *validator) indirectTable(in *Instruction) {
	if t := v.table(in.Index2); t != FuncRef {
		v.fail("call_indirect through a table of %s", t)
	}
	v.pop(I32)
}

func sameTypes(a, b []ValueType) bool {
	return string(a) == string(b)
}
