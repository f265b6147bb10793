package wasm

import "slices"

func (d *decoder) custom(start int) {
	d.bound(start, uint64(len(d.module.Customs)+1), d.limits.Customs, "custom sections")
	name := d.name()
	d.module.Customs = append(d.module.Customs, Custom{Name: name, Bytes: d.take(d.end - d.at), After: d.last})
}

func (d *decoder) types() {
	n := d.count(d.limits.Types, 3, "types")
	d.module.Types = make([]FuncType, n)
	room := make([]ValueType, 0, d.end-d.at) // of all the types: each value type is one byte of the section
	for i := 0; i < n && d.err == nil; i++ {
		d.typeForm()
		t := &d.module.Types[i]
		t.Params, room = d.valueTypes(room, "parameters")
		t.Results, room = d.valueTypes(room, "results")
	}
}

func (d *decoder) typeForm() {
	at := d.at
	form := d.byte()
	if form == 0x60 {
		return
	}
	if typeProposal(form) == proposalGC {
		d.refuse(at, proposalGC)
	}
	d.fail(at, "0x%x is not the form of a function type", form)
}

// valueTypes reads a list into room, and returns it and the room that is left.
func (d *decoder) valueTypes(room []ValueType, what string) (types, rest []ValueType) {
	n := d.count(d.limits.Params, 1, what)
	for i := 0; i < n && d.err == nil; i++ {
		room = append(room, d.valueType())
	}
	return slices.Clip(room), room[len(room):]
}

func (d *decoder) imports() {
	n := d.count(d.limits.Imports, 4, "imports")
	d.module.Imports = make([]Import, n)
	d.globals = make([]GlobalType, 0, n)
	for i := 0; i < n && d.err == nil; i++ {
		in := &d.module.Imports[i]
		in.Module = d.name()
		in.Name = d.name()
		d.importType(in)
	}
	d.imported = len(d.globals)
}

func (d *decoder) importType(in *Import) {
	at := d.at
	in.Kind = Kind(d.byte())
	switch in.Kind {
	case KindFunction:
		in.TypeIndex = d.functionType()
	case KindTable:
		in.Table = d.table()
	case KindMemory:
		in.Memory = d.memory()
	case KindGlobal:
		in.Global = d.globalType()
		d.globals = append(d.globals, in.Global)
	case kindTag:
		d.refuse(at, proposalExceptions)
	default:
		d.fail(at, "0x%x is not a kind of import", byte(in.Kind))
	}
}

const kindTag Kind = 4

// functionType reads the type of a function and enters the function into its index space.
func (d *decoder) functionType() uint32 {
	at := d.at
	index := d.unsigned()
	d.checkIndex(at, index, len(d.module.Types), "type")
	d.functions = append(d.functions, index)
	return index
}

func (d *decoder) functionTypes() {
	n := d.count(d.limits.Functions, 1, "functions")
	imported := len(d.functions)
	d.functions = append(make([]uint32, 0, imported+n), d.functions...)
	for i := 0; i < n && d.err == nil; i++ {
		d.functionType()
	}
	d.module.Functions = d.functions[imported:len(d.functions):len(d.functions)]
}

// storage reads the section of tables or of memories.
func (d *decoder) storage(id Section) {
	if id == SectionTable {
		n := d.count(d.limits.Tables, 3, "tables")
		d.module.Tables = make([]TableType, 0, n)
		for i := 0; i < n && d.err == nil; i++ {
			d.module.Tables = append(d.module.Tables, d.table())
		}
		return
	}
	n := d.count(d.end, 2, "memories")
	for i := 0; i < n && d.err == nil; i++ {
		d.module.Memories = append(d.module.Memories, d.memory())
	}
}

// table reads the type of a table and enters the table into its index space.
func (d *decoder) table() TableType {
	at := d.at
	if d.at < d.end && d.b[d.at] == 0x40 { // a table with an initial value
		d.refuse(at, proposalFunctions)
	}
	t := TableType{Type: d.referenceType()}
	t.SizeLimits = d.sizeLimits(false)
	d.bound(at, uint64(t.Min), d.limits.TableEntries, "table entries")
	d.tables = append(d.tables, t)
	d.bound(at, uint64(len(d.tables)), d.limits.Tables, "tables")
	return t
}

const maxPages = 1 << 16 // that 32 bits address

// memory reads the type of a memory and enters the memory into its index space.
func (d *decoder) memory() MemoryType {
	at := d.at
	t := MemoryType{SizeLimits: d.sizeLimits(true)}
	if t.Min > maxPages || t.Max > maxPages {
		d.fail(at, "a memory has at most %d pages", maxPages)
	}
	if d.memories++; d.memories > 1 {
		d.refuse(at, proposalMemories)
	}
	if d.err == nil && uint64(t.Min) > uint64(max(d.limits.MemoryPages, 0)) {
		d.err = tooLargeAt(at, uint64(t.Min), "pages of memory to begin with", d.limits.MemoryPages)
		d.err.Code = CodeMemory
	}
	return t
}

func (d *decoder) sizeLimits(memory bool) SizeLimits {
	at := d.at
	flags := d.byte()
	switch {
	case flags <= 1:
	case flags&0x04 != 0 && flags < 0x08:
		d.refuse(at, proposalMemory64)
	case flags == 2 || flags == 3:
		d.refuse(at, proposalThreads)
	case memory && flags < 0x10:
		d.refuse(at, proposalPages)
	default:
		d.fail(at, "0x%x does not say which limits follow", flags)
	}
	l := SizeLimits{Min: d.unsigned()}
	if flags == 1 {
		l.HasMax = true
		l.Max = d.unsigned()
	}
	if l.HasMax && l.Max < l.Min {
		d.fail(at, "the maximum %d is below the minimum %d", l.Max, l.Min)
	}
	return l
}

func (d *decoder) globalType() GlobalType {
	t := GlobalType{Type: d.valueType()}
	at := d.at
	switch mutable := d.byte(); mutable {
	case 0:
	case 1:
		t.Mutable = true
	case 2, 3:
		d.refuse(at, proposalThreads)
	default:
		d.fail(at, "0x%x does not say whether the global is mutable", mutable)
	}
	return t
}

func (d *decoder) globalSection() {
	n := d.count(d.limits.Globals, 5, "globals")
	d.module.Globals = make([]Global, n)
	d.globals = slices.Grow(d.globals, n)
	for i := 0; i < n && d.err == nil; i++ {
		g := &d.module.Globals[i]
		g.GlobalType = d.globalType()
		g.Init = d.constant(g.Type)
		d.globals = append(d.globals, g.GlobalType)
	}
}

func (d *decoder) exports() {
	n := d.count(d.limits.Exports, 3, "exports")
	d.module.Exports = make([]Export, n)
	names := make(map[string]struct{}, n)
	for i := 0; i < n && d.err == nil; i++ {
		at := d.at
		e := &d.module.Exports[i]
		e.Name = d.name()
		if _, twice := names[e.Name]; twice {
			d.fail(at, "%.100q is exported twice", e.Name)
		}
		names[e.Name] = struct{}{}
		d.exported(e)
	}
}

func (d *decoder) exported(e *Export) {
	at := d.at
	e.Kind = Kind(d.byte())
	e.Index = d.unsigned()
	switch e.Kind {
	case KindFunction:
		d.checkIndex(at, e.Index, len(d.functions), "function")
		d.declare(e.Index)
	case KindTable:
		d.checkIndex(at, e.Index, len(d.tables), "table")
	case KindMemory:
		d.checkIndex(at, e.Index, d.memories, "memory")
	case KindGlobal:
		d.checkIndex(at, e.Index, len(d.globals), "global")
	case kindTag:
		d.refuse(at, proposalExceptions)
	default:
		d.fail(at, "0x%x is not a kind of export", byte(e.Kind))
	}
}

// declare notes that the function occurs outside of bodies.
func (d *decoder) declare(function uint32) {
	if d.declared == nil {
		d.declared = make([]bool, len(d.functions))
	}
	if d.err == nil {
		d.declared[function] = true
	}
}

func (d *decoder) isDeclared(function uint32) bool {
	return len(d.declared) > 0 && d.declared[function]
}

func (d *decoder) start() {
	at := d.at
	index := d.unsigned()
	d.checkIndex(at, index, len(d.functions), "function")
	if d.err != nil {
		return
	}
	if t := d.module.Types[d.functions[index]]; len(t.Params) != 0 || len(t.Results) != 0 {
		d.fail(at, "the start function takes or returns something")
	}
	d.module.Start = &index
}

func (d *decoder) checkIndex(at int, index uint32, count int, what string) {
	if uint64(index) >= uint64(count) { //nolint:gosec // not negative
		d.fail(at, "there is no %s %d", what, index)
	}
}
