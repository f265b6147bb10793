package wasm

// The oracle is a second rewriter that knows nothing of segments, leaves, constants or peepholes: before every single
// instruction it calls a function that charges for it and stops when the fuel is below 0, it sends every operand of a
// bulk operation through a function that charges for it, every call of an import through a function that charges for
// the call, and every float that is computed through a function that makes it canonical. It guards no depth.
type oracle struct {
	in, out *Module
	policy  Policy
	fuel    uint32

	charge, length, canonical32, canonical64, pages, soil uint32
	entries                                               []uint32 // of each table
	imports                                               []uint32 // of each imported function: what charges and calls it
}

// rewriteByOracle returns the module under the oracle, with the same exports as the rewriter's.
func rewriteByOracle(m *Module, p Policy) []byte {
	out := *m
	out.Customs = nil
	out.Types = append([]FuncType{}, m.Types...)
	out.Functions = append([]uint32{}, m.Functions...)
	out.Bodies = append([]Body{}, m.Bodies...)
	out.Tables = append([]TableType{}, m.Tables...)
	out.Memories = append([]MemoryType{}, m.Memories...)
	out.Globals = append([]Global{}, m.Globals...)
	out.Exports = append([]Export{}, m.Exports...)
	o := &oracle{in: m, out: &out, policy: p, fuel: uint32(len(m.Globals))}
	o.bound()
	o.addState()
	o.addHelpers()
	for i := range m.Bodies {
		out.Bodies[i].Code = o.body(m.Bodies[i].Code)
	}
	o.rename()
	return out.Encode()
}

func (o *oracle) bound() {
	for i := range o.out.Memories {
		if l := &o.out.Memories[i].SizeLimits; !l.HasMax || l.Max > o.policy.MemoryPages {
			l.HasMax, l.Max = true, o.policy.MemoryPages
		}
	}
	for i := range o.out.Tables {
		if l := &o.out.Tables[i].SizeLimits; !l.HasMax || l.Max > o.policy.TableEntries {
			l.HasMax, l.Max = true, max(l.Min, o.policy.TableEntries)
		}
	}
}

func (o *oracle) addState() {
	o.out.Globals = append(o.out.Globals,
		Global{GlobalType{I64, true}, Constant{Op: OpI64Const}},
		Global{GlobalType{I32, true}, Constant{Op: OpI32Const, Value: uint64(o.policy.Depth)}},
		Global{GlobalType{I32, true}, Constant{Op: OpI32Const}})
	for i, name := range []string{FuelGlobal, DepthGlobal, DirtyGlobal} {
		o.out.Exports = append(o.out.Exports, Export{name, KindGlobal, o.fuel + uint32(i)})
	}
	for i, g := range o.in.Globals {
		if g.Mutable && g.Type.isNumber() {
			o.out.Exports = append(o.out.Exports, Export{globalPrefix + decimal(i), KindGlobal, uint32(i)})
		}
	}
	if len(o.in.Memories) > 0 {
		o.out.Exports = append(o.out.Exports, Export{MemoryName, KindMemory, 0})
	}
}

func decimal(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return decimal(n/10) + string(rune('0'+n%10))
}

// add appends a function and returns its index.
func (o *oracle) add(params, results []ValueType, locals []LocalGroup, code ...[]byte) uint32 {
	o.out.Types = append(o.out.Types, FuncType{params, results})
	o.out.Functions = append(o.out.Functions, uint32(len(o.out.Types)-1))
	body := Body{Locals: locals}
	for _, c := range code {
		body.Code = append(body.Code, c...)
	}
	body.Code = append(body.Code, byte(OpEnd))
	o.out.Bodies = append(o.out.Bodies, body)
	return uint32(o.in.ImportedFunctions() + len(o.out.Functions) - 1)
}

func raw(ops ...Opcode) (code []byte) {
	for _, op := range ops {
		code = appendOpcode(code, op)
	}
	return code
}

func get(local uint32) []byte { return appendIndexed(nil, OpLocalGet, local) }

func (o *oracle) addHelpers() {
	stop := append(appendI64(nil, 0), byte(OpI64LtS), byte(OpIf), emptyBlock, byte(OpUnreachable), byte(OpEnd))
	left, store := appendIndexed(nil, OpGlobalGet, o.fuel), appendIndexed(nil, OpGlobalSet, o.fuel)
	o.charge = o.add([]ValueType{I64}, nil, nil, left, get(0), raw(OpI64Sub), store, left, stop)
	call := appendIndexed(nil, OpCall, o.charge)
	o.length = o.add([]ValueType{I32}, []ValueType{I32}, nil,
		get(0), raw(OpI64ExtendI32), appendI64(nil, 16), raw(0x80 /* i64.div_u */), call, get(0))
	o.canonical32 = o.add([]ValueType{F32}, []ValueType{F32}, nil,
		get(0), get(0), raw(OpF32Ne, OpIf), []byte{byte(F32)}, appendF32(nil, 0x7fc00000), raw(OpElse), get(0), raw(OpEnd))
	o.canonical64 = o.add([]ValueType{F64}, []ValueType{F64}, nil,
		get(0), get(0), raw(OpF64Ne, OpIf), []byte{byte(F64)}, appendF64(nil, 0x7ff8000000000000), raw(OpElse), get(0), raw(OpEnd))
	dirty := o.fuel + 2
	o.soil = o.add(nil, nil, nil, appendIndexed(nil, OpGlobalGet, dirty), raw(OpI32Eqz, OpIf), []byte{emptyBlock},
		appendI64(nil, 200_000), call, appendI32(nil, 1), appendIndexed(nil, OpGlobalSet, dirty), raw(OpEnd))
	if len(o.in.Memories) > 0 {
		o.pages = o.growth(append(raw(OpMemorySize), 0), o.out.Memories[0].Max, 16_384, call)
	}
	for i := range o.in.Tables {
		size := appendIndexed(nil, OpTableSize, uint32(i))
		o.entries = append(o.entries, o.growth(size, o.out.Tables[i].Max, 2, call))
	}
	function := uint32(0)
	for _, imp := range o.in.Imports {
		var code []byte
		t := o.in.Types[imp.TypeIndex]
		for i := range t.Params {
			code = append(code, get(uint32(i))...)
		}
		charge := appendI64(nil, o.policy.ImportFuel[imp.Module+"."+imp.Name])
		o.imports = append(o.imports, o.add(t.Params, t.Results, nil, charge, call, code, appendIndexed(nil, OpCall, function)))
		function++
	}
}

// growth charges if size + n ≤ limit, in 64 bits.
func (o *oracle) growth(size []byte, limit uint32, each int64, call []byte) uint32 {
	return o.add([]ValueType{I32}, []ValueType{I32}, nil,
		size, raw(OpI64ExtendI32), get(0), raw(OpI64ExtendI32, OpI64Add), appendI64(nil, int64(limit)),
		raw(0x58 /* i64.le_u */, OpIf), []byte{emptyBlock},
		get(0), raw(OpI64ExtendI32), appendI64(nil, each), raw(OpI64Mul), call, raw(OpEnd), get(0))
}

// price is the schedule once more, as the documentation says it.
func price(o Opcode) int64 {
	prices := map[Opcode]int64{
		OpBlock: 0, OpLoop: 0, OpEnd: 0, OpElse: 0, OpDrop: 0, OpReturn: 0, OpNop: 0, OpCall: 2, OpCallIndirect: 5, OpBrTable: 3,
		OpMemoryGrow: 33, OpTableGrow: 33,
	}
	if p, ok := prices[o]; ok {
		return p
	}
	return 1
}

func (o *oracle) body(code []byte) (out []byte) {
	through := func(function uint32) { out = appendIndexed(out, OpCall, function) }
	for r := NewReader(code); r.Next(); {
		in := *r.Instruction()
		if p := price(in.Op); p > 0 {
			out = appendI64(out, p)
			through(o.charge)
		}
		switch in.Op {
		case OpMemoryCopy, OpMemoryFill, OpMemoryInit, OpTableCopy, OpTableFill, OpTableInit:
			through(o.length)
		case OpMemoryGrow:
			through(o.pages)
		case OpTableGrow:
			through(o.entries[in.Index])
		case OpCall:
			in.Index = o.renamed(in.Index)
		}
		if o.soils(&in) {
			through(o.soil)
		}
		out = appendInstruction(out, &in)
		name := in.Op.String()
		switch {
		case in.Op == 0xb6, in.Op >= 0x8d && in.Op <= 0x97:
			through(o.canonical32)
		case in.Op == 0xbb, in.Op >= 0x9b && in.Op <= 0xa5 && name != "f64.copysign":
			through(o.canonical64)
		}
	}
	return out
}

// soils reports whether a new instance has to undo what the instruction does.
func (o *oracle) soils(in *Instruction) bool {
	switch in.Op {
	case OpTableSet, OpTableGrow, OpTableFill, OpTableCopy, OpTableInit, OpElemDrop, OpDataDrop:
		return true
	case OpGlobalSet:
		t := o.in.Globals[in.Index].Type
		return t == FuncRef || t == ExternRef
	}
	return false
}

func (o *oracle) renamed(function uint32) uint32 {
	if int(function) < len(o.imports) {
		return o.imports[function]
	}
	return function
}

// rename makes tables, globals and exports name what charges for an import instead of the import.
func (o *oracle) rename() {
	constant := func(c Constant) Constant {
		if c.Op == OpRefFunc {
			c.Value = uint64(o.renamed(uint32(c.Value)))
		}
		return c
	}
	o.out.Elements = append([]Element{}, o.in.Elements...)
	for i := range o.out.Elements {
		e := &o.out.Elements[i]
		e.Items = append([]Constant{}, e.Items...)
		for j := range e.Items {
			e.Items[j] = constant(e.Items[j])
		}
	}
	for i := range o.out.Globals {
		o.out.Globals[i].Init = constant(o.out.Globals[i].Init)
	}
	for i := range o.out.Exports {
		if o.out.Exports[i].Kind == KindFunction {
			o.out.Exports[i].Index = o.renamed(o.out.Exports[i].Index)
		}
	}
}
