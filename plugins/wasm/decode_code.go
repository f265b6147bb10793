package wasm

func (d *decoder) code() {
	m := d.module
	at := d.at
	n := d.count(d.limits.Functions, 3, "function bodies")
	if n != len(m.Functions) {
		d.fail(at, "%d functions are declared, but %d have a body", len(m.Functions), n)
	}
	if d.err != nil {
		return
	}
	m.Bodies = make([]Body, n)
	d.bodies = newValidator(d)
	end := d.end
	for i := 0; i < n && d.err == nil; i++ {
		d.body(&m.Bodies[i], m.Types[m.Functions[i]])
		d.end = end
	}
}

// body reads one body and validates it.
func (d *decoder) body(b *Body, t FuncType) {
	at := d.at
	size := int(d.unsigned())
	if d.err == nil && (size < 0 || size > d.end-d.at) {
		d.fail(at, "the body claims %d bytes, %d are left", size, d.end-d.at)
	}
	d.bound(at, uint64(size), d.limits.Body, "bytes in a body") //nolint:gosec // not negative
	if d.err != nil {
		return
	}
	d.end = d.at + size
	d.locals(b, len(t.Params))
	b.Offset = d.at
	b.Code = d.take(d.end - d.at)
	if d.err == nil {
		d.err = d.bodies.body(b, t)
	}
}

// locals reads the declaration of locals; params is how many the function has before them.
func (d *decoder) locals(b *Body, params int) {
	at := d.at
	n := d.count(d.end, 2, "groups of locals")
	if n == 0 {
		return
	}
	b.Locals = make([]LocalGroup, n)
	total := uint64(params) //nolint:gosec // not negative
	for i := 0; i < n && d.err == nil; i++ {
		group := &b.Locals[i]
		group.Count = d.unsigned()
		group.Type = d.valueType()
		total += uint64(group.Count)
	}
	d.bound(at, total, d.limits.Locals, "parameters and locals")
}
