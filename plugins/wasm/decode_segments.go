package wasm

// segments reads the section of element segments or of data segments.
func (d *decoder) segments(id Section) {
	m := d.module
	if id == SectionElement {
		n := d.count(d.limits.Segments, 3, "element segments")
		m.Elements = make([]Element, n)
		for i := 0; i < n && d.err == nil; i++ {
			d.element(&m.Elements[i])
		}
		return
	}
	n := d.count(d.limits.Segments, 2, "data segments")
	m.Data = make([]Data, n)
	for i := 0; i < n && d.err == nil; i++ {
		d.data(&m.Data[i])
	}
}

// The bits that an element segment begins with.
const (
	elementNotActive   = 1 << iota
	elementExplicit    // active: a table is named; otherwise: declarative
	elementExpressions // its items are constant expressions, not functions
)

func (d *decoder) element(e *Element) {
	at := d.at
	flags := d.unsigned()
	if flags > 7 {
		d.fail(at, "%d is not a kind of element segment", flags)
	}
	explicit := flags&elementExplicit != 0
	switch {
	case flags&elementNotActive == 0:
		if explicit {
			e.Table = d.unsigned()
		}
		d.checkIndex(at, e.Table, len(d.tables), "table")
		e.Offset = d.constant(I32)
	case explicit:
		e.Mode = Declarative
	default:
		e.Mode = Passive
	}
	e.Type = FuncRef
	if flags&(elementNotActive|elementExplicit) != 0 {
		e.Type = d.elementType(flags)
	}
	if d.err == nil && e.Mode == Active && d.tables[e.Table].Type != e.Type {
		d.fail(at, "the table holds %s, the segment %s", d.tables[e.Table].Type, e.Type)
	}
	d.elementItems(e, flags&elementExpressions != 0)
}

func (d *decoder) elementType(flags uint32) ValueType {
	if flags&elementExpressions != 0 {
		return d.referenceType()
	}
	at := d.at
	if kind := d.byte(); kind != 0 {
		d.fail(at, "0x%x is not a kind of element", kind)
	}
	return FuncRef
}

func (d *decoder) elementItems(e *Element, expressions bool) {
	at := d.at
	n := d.count(d.limits.TableEntries, 1, "items of an element segment")
	d.items += n
	d.bound(at, uint64(d.items), d.limits.TableEntries, "items of element segments") //nolint:gosec // not negative
	if d.err != nil {
		return
	}
	e.Items = make([]Constant, n)
	for i := 0; i < n && d.err == nil; i++ {
		if expressions {
			e.Items[i] = d.constant(e.Type)
		} else {
			e.Items[i] = d.functionItem()
		}
	}
}

func (d *decoder) functionItem() Constant {
	at := d.at
	index := d.unsigned()
	d.checkIndex(at, index, len(d.functions), "function")
	d.declare(index)
	return Constant{Op: OpRefFunc, Value: uint64(index)}
}

func (d *decoder) data(s *Data) {
	at := d.at
	flags := d.unsigned()
	switch flags {
	case 0:
	case 1:
		s.Mode = Passive
	case 2:
		if d.unsigned() != 0 {
			d.refuse(at, proposalMemories)
		}
	default:
		d.fail(at, "%d is not a kind of data segment", flags)
	}
	if s.Mode == Active {
		d.checkIndex(at, 0, d.memories, "memory")
		s.Offset = d.constant(I32)
	}
	s.Bytes = d.bytes()
}

// constant reads a constant expression that yields a value of the type.
func (d *decoder) constant(want ValueType) Constant {
	if d.err != nil {
		return Constant{}
	}
	start := d.at
	r := Reader{code: d.b[d.at:d.end], base: d.at}
	if !r.Next() {
		d.failExpression(&r)
		return Constant{}
	}
	c, got := d.constantValue(r.in, start)
	if d.err == nil && got != want {
		d.fail(start, "the constant is of type %s, not %s", got, want)
	}
	if d.err == nil && (!r.Next() || r.in.Op != OpEnd) {
		d.failExpression(&r)
	}
	d.at = start + r.at
	return c
}

// constantValue returns what an instruction of a constant expression yields.
func (d *decoder) constantValue(in Instruction, at int) (c Constant, t ValueType) {
	c = Constant{Op: in.Op, Value: in.Const}
	switch in.Op {
	case OpI32Const, OpI64Const, OpF32Const, OpF64Const:
		return c, in.Op.info().results[0]
	case OpRefNull:
		c.Value = uint64(in.Type)
		return c, in.Type
	case OpRefFunc:
		c.Value = uint64(in.Index)
		d.checkIndex(at, in.Index, len(d.functions), "function")
		d.declare(in.Index)
		return c, FuncRef
	case OpGlobalGet:
		c.Value = uint64(in.Index)
		return c, d.constantGlobal(in.Index, at)
	}
	d.fail(at, "%s does not begin a constant expression", in.Op)
	return c, 0
}

// constantGlobal returns the type of a global that a constant reads: imported and immutable.
func (d *decoder) constantGlobal(index uint32, at int) ValueType {
	d.checkIndex(at, index, d.imported, "imported global")
	if d.err != nil {
		return 0
	}
	if d.globals[index].Mutable {
		d.fail(at, "a constant cannot read global %d, which is mutable", index)
	}
	return d.globals[index].Type
}

// failExpression says why an expression is not one constant, by the name of the proposal that would allow it.
func (d *decoder) failExpression(r *Reader) {
	at := d.at
	for r.err == nil {
		switch r.in.Op {
		case OpI32Const, OpI64Const, OpGlobalGet:
		case OpI32Add, OpI32Sub, opI32Mul, OpI64Add, OpI64Sub, OpI64Mul:
			d.refuse(at, proposalConstants)
			return
		default:
			d.fail(at, "a constant expression is one instruction and its end")
			return
		}
		if !r.Next() {
			break
		}
	}
	if d.err == nil && r.err != nil {
		d.err = r.err
	}
	d.fail(at, "the constant expression has no end")
}

const opI32Mul Opcode = 0x6c
