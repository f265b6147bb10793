package wasm

// appended is a function of ours behind those of the guest.
type appended struct {
	typeIndex uint32
	body      Body
}

// add appends a function and returns its index.
func (r *rewriter) add(typeIndex uint32, body Body) uint32 {
	r.appended = append(r.appended, appended{typeIndex, body})
	return r.imports + uint32(len(r.in.Functions)+len(r.appended)-1) //nolint:gosec // bounded by the bytes
}

// thunk returns the index by which a function is named where its caller cannot be charged for it: in tables, references
// and exports. For an imported function that costs something it is a function that charges and then calls it.
func (r *rewriter) thunk(function uint32) uint32 {
	if function >= r.imports || r.charges[function] == 0 {
		return function
	}
	if r.thunks[function] != 0 {
		return r.thunks[function]
	}
	params := uint32(len(r.in.Types[r.types[function]].Params)) //nolint:gosec // bounded by the bytes
	f := &metered{rewriter: r, localCount: params}
	f.list = []segment{{cost: r.charges[function], check: true}}
	for i := range params {
		f.code = appendIndexed(f.code, OpLocalGet, i)
	}
	f.code = append(appendIndexed(f.code, OpCall, function), byte(OpEnd))
	r.thunks[function] = r.add(r.types[function], f.assemble())
	return r.thunks[function]
}

// meter names a function that charges for the topmost operand of an instruction and returns it.
type meter struct {
	by    dynamic
	table uint32 // of dynamicEntries
}

// meter returns the index of the function that charges for the topmost operand of the instruction, before it is
// executed.
func (r *rewriter) meter(by dynamic, table uint32) uint32 {
	m := meter{by: by}
	if by == dynamicEntries {
		m.table = table
	}
	if r.meters[m] == 0 {
		if by == dynamicSoil {
			r.meters[m] = r.add(r.signature(FuncType{}), r.soilBody())
		} else {
			r.meters[m] = r.add(r.signature(FuncType{Params: []ValueType{I32}, Results: []ValueType{I32}}), r.meterBody(m))
		}
	}
	return r.meters[m]
}

func (r *rewriter) meterBody(m meter) Body {
	f := &metered{rewriter: r, localCount: 1}
	switch m.by {
	case dynamicLength:
		f.code = appendIndexed(f.code, OpGlobalGet, r.fuel)
		f.code = appendIndexed(f.code, OpLocalGet, 0)
		f.code = append(appendI32(f.code, bulkShift), byte(OpI32ShrU), byte(OpI64ExtendI32), byte(OpI64Sub))
		f.check()
	case dynamicPages:
		f.chargeGrowth(r.out.Memories[0].Max, appendInstruction(nil, &Instruction{Op: OpMemorySize}), pageShift)
		f.code = append(f.code, byte(OpElse))
		f.mark(Refused)
		f.code = append(f.code, byte(OpEnd))
	case dynamicEntries:
		f.chargeGrowth(r.out.Tables[m.table].Max, appendIndexed(nil, OpTableSize, m.table), entryShift)
		f.code = append(f.code, byte(OpEnd))
	}
	f.code = append(appendIndexed(f.code, OpLocalGet, 0), byte(OpEnd))
	return f.assemble()
}

// soilBody is the code that marks the guest, unless it is marked already, and charges for it.
func (r *rewriter) soilBody() Body {
	f := &metered{rewriter: r}
	f.code = append(appendI32(appendIndexed(f.code, OpGlobalGet, r.dirty), Dirty), byte(opI32And), byte(OpI32Eqz))
	f.code = appendIndexed(append(f.code, byte(OpIf), emptyBlock), OpGlobalGet, r.fuel)
	f.code = append(appendI64(f.code, costSoil), byte(OpI64Sub))
	f.check()
	f.mark(Dirty)
	f.code = append(f.code, byte(OpEnd), byte(OpEnd))
	return f.assemble()
}

// chargeGrowth charges for n, the parameter, pages or entries if n ≤ limit − size; otherwise growing fails and costs
// no more than that. Neither side of the comparison can wrap: no size is above its limit. It leaves the if open.
func (f *metered) chargeGrowth(limit uint32, size []byte, shift int64) {
	f.code = appendIndexed(f.code, OpLocalGet, 0)
	f.code = appendI32(f.code, int32(limit)) //nolint:gosec // the bits are meant
	f.code = append(append(f.code, size...), byte(OpI32Sub), byte(opI32LeU), byte(OpIf), emptyBlock)
	f.code = appendIndexed(f.code, OpGlobalGet, f.fuel)
	f.code = append(appendIndexed(f.code, OpLocalGet, 0), byte(OpI64ExtendI32))
	f.code = append(appendI64(f.code, shift), byte(opI64Shl), byte(OpI64Sub))
	f.check()
}
