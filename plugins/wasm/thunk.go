package wasm

// thunk returns the index by which a function is named where its caller cannot be charged for it: in tables, references
// and exports. For an imported function that costs something it is a function that charges and then calls it.
func (r *rewriter) thunk(function uint32) uint32 {
	if function >= r.imports || r.charges[function] == 0 {
		return function
	}
	if r.thunks[function] == 0 {
		r.thunks[function] = r.imports + uint32(len(r.in.Functions)+len(r.thunked)) //nolint:gosec // bounded by the bytes
		r.thunked = append(r.thunked, function)
	}
	return r.thunks[function]
}

// appendThunks writes the thunks that were asked for.
func (r *rewriter) appendThunks() {
	for _, function := range r.thunked {
		t := r.types[function]
		params := len(r.in.Types[t].Params)
		f := &metered{rewriter: r, localCount: uint32(params)} //nolint:gosec // bounded by the bytes
		f.list = []segment{{cost: r.charges[function], check: true}}
		for i := range params {
			f.code = appendIndexed(f.code, OpLocalGet, uint32(i)) //nolint:gosec // bounded by the bytes
		}
		f.code = append(appendIndexed(f.code, OpCall, function), byte(OpEnd))
		r.out.Functions = append(r.out.Functions, t)
		r.out.Bodies = append(r.out.Bodies, f.assemble())
	}
}
