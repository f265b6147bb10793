package wasm

import (
	"encoding/binary"
)

// Encode writes the module in the binary format: every number outside of bodies in as few bytes as possible, empty
// sections left out, segments in their shortest form, locals of one type in one group, custom sections behind the
// section they stood behind. Bodies' instructions are copied. What Decode reads from the result encodes to the same
// bytes. A module that was edited is not validated: decode the result where that is in doubt.
func (m *Module) Encode() []byte {
	e := &encoder{b: make([]byte, 0, m.sizeHint())}
	e.b = append(e.b, "\x00asm\x01\x00\x00\x00"...)
	customs := m.Customs
	for _, id := range []Section{
		SectionCustom, SectionType, SectionImport, SectionFunction, SectionTable, SectionMemory, SectionGlobal,
		SectionExport, SectionStart, SectionElement, SectionDataCount, SectionCode, SectionData,
	} {
		e.section(id, m)
		for len(customs) > 0 && customs[0].After.position() <= id.position() {
			e.custom(&customs[0])
			customs = customs[1:]
		}
	}
	return e.b
}

// sizeHint is what most of the module's bytes are, so that the result rarely has to move while it grows.
func (m *Module) sizeHint() int {
	n := 4_096
	for i := range m.Bodies {
		n += len(m.Bodies[i].Code) + 16
	}
	for i := range m.Data {
		n += len(m.Data[i].Bytes) + 16
	}
	for i := range m.Customs {
		n += len(m.Customs[i].Bytes) + 32
	}
	return n
}

type encoder struct {
	b []byte
}

func (e *encoder) custom(c *Custom) {
	e.sized(SectionCustom, func() {
		e.name(c.Name)
		e.b = append(e.b, c.Bytes...)
	})
}

// sized writes a section around what content writes.
func (e *encoder) sized(id Section, content func()) {
	e.b = append(e.b, byte(id))
	e.measured(content)
}

// measured writes the length of what content writes before it.
func (e *encoder) measured(content func()) {
	const longest = 5 // bytes of a length
	start := len(e.b)
	e.b = append(e.b, make([]byte, longest)...)
	content()
	size := len(e.b) - start - longest
	head := appendUnsigned(e.b[start:start], uint32(size)) //nolint:gosec // a module is smaller than 4 GiB
	copy(e.b[start+len(head):], e.b[start+longest:])
	e.b = e.b[:start+len(head)+size]
}

func (e *encoder) section(id Section, m *Module) {
	switch id {
	case SectionType:
		list(e, id, m.Types, e.funcType)
	case SectionImport:
		list(e, id, m.Imports, e.importEntry)
	case SectionFunction:
		list(e, id, m.Functions, func(index *uint32) { e.unsigned(*index) })
	case SectionTable:
		list(e, id, m.Tables, e.table)
	case SectionMemory:
		list(e, id, m.Memories, func(t *MemoryType) { e.sizeLimits(t.SizeLimits) })
	case SectionGlobal:
		list(e, id, m.Globals, e.global)
	case SectionExport:
		list(e, id, m.Exports, e.export)
	case SectionElement:
		list(e, id, m.Elements, e.element)
	case SectionCode:
		list(e, id, m.Bodies, e.body)
	case SectionData:
		list(e, id, m.Data, e.data)
	case SectionStart, SectionDataCount:
		e.numberSection(id, m)
	}
}

func (e *encoder) numberSection(id Section, m *Module) {
	switch {
	case id == SectionStart && m.Start != nil:
		e.sized(id, func() { e.unsigned(*m.Start) })
	case id == SectionDataCount && m.DataCount != nil:
		e.sized(id, func() { e.length(len(m.Data)) })
	}
}

// list writes a section that is a list; one without entries is left out.
func list[T any](e *encoder, id Section, entries []T, write func(*T)) {
	if len(entries) == 0 {
		return
	}
	e.sized(id, func() {
		e.length(len(entries))
		for i := range entries {
			write(&entries[i])
		}
	})
}

func (e *encoder) unsigned(v uint32) {
	e.b = appendUnsigned(e.b, v)
}

func (e *encoder) length(n int) {
	e.unsigned(uint32(n)) //nolint:gosec // a module is smaller than 4 GiB
}

func (e *encoder) byte(b byte) {
	e.b = append(e.b, b)
}

func (e *encoder) name(s string) {
	e.length(len(s))
	e.b = append(e.b, s...)
}

func (e *encoder) bytes(b []byte) {
	e.length(len(b))
	e.b = append(e.b, b...)
}

func (e *encoder) valueTypes(types []ValueType) {
	e.length(len(types))
	e.b = append(e.b, string(types)...)
}

func (e *encoder) funcType(t *FuncType) {
	e.byte(0x60)
	e.valueTypes(t.Params)
	e.valueTypes(t.Results)
}

func (e *encoder) importEntry(in *Import) {
	e.name(in.Module)
	e.name(in.Name)
	e.byte(byte(in.Kind))
	switch in.Kind {
	case KindFunction:
		e.unsigned(in.TypeIndex)
	case KindTable:
		e.table(&in.Table)
	case KindMemory:
		e.sizeLimits(in.Memory.SizeLimits)
	case KindGlobal:
		e.globalType(in.Global)
	}
}

func (e *encoder) table(t *TableType) {
	e.byte(byte(t.Type))
	e.sizeLimits(t.SizeLimits)
}

func (e *encoder) sizeLimits(l SizeLimits) {
	if !l.HasMax {
		e.byte(0)
		e.unsigned(l.Min)
		return
	}
	e.byte(1)
	e.unsigned(l.Min)
	e.unsigned(l.Max)
}

func (e *encoder) globalType(t GlobalType) {
	e.byte(byte(t.Type))
	if t.Mutable {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

func (e *encoder) global(g *Global) {
	e.globalType(g.GlobalType)
	e.constant(&g.Init)
}

func (e *encoder) export(x *Export) {
	e.name(x.Name)
	e.byte(byte(x.Kind))
	e.unsigned(x.Index)
}

// constant writes a constant expression, its end included.
func (e *encoder) constant(c *Constant) {
	e.byte(byte(c.Op)) //nolint:gosec // none of them has the prefix
	//nolint:gosec // the value's lower bits are what the instruction holds
	switch c.Op {
	case OpI32Const:
		e.b = appendSigned(e.b, int64(int32(c.Value)))
	case OpI64Const:
		e.b = appendSigned(e.b, int64(c.Value))
	case OpF32Const:
		e.b = binary.LittleEndian.AppendUint32(e.b, uint32(c.Value))
	case OpF64Const:
		e.b = binary.LittleEndian.AppendUint64(e.b, c.Value)
	case OpRefNull:
		e.byte(byte(c.Value))
	default:
		e.unsigned(uint32(c.Value))
	}
	e.byte(byte(OpEnd))
}

// element writes the segment in the shortest of the forms that can hold it.
func (e *encoder) element(s *Element) {
	expressions := !s.isFunctions()
	flags := s.flags(expressions)
	e.unsigned(flags)
	if s.Mode == Active {
		if flags&elementExplicit != 0 {
			e.unsigned(s.Table)
		}
		e.constant(&s.Offset)
	}
	if flags&(elementNotActive|elementExplicit) != 0 {
		if expressions {
			e.byte(byte(s.Type))
		} else {
			e.byte(0)
		}
	}
	e.length(len(s.Items))
	for i := range s.Items {
		if expressions {
			e.constant(&s.Items[i])
		} else {
			e.unsigned(uint32(s.Items[i].Value)) //nolint:gosec // an index
		}
	}
}

// isFunctions reports whether every item is a function.
func (s *Element) isFunctions() bool {
	if s.Type != FuncRef {
		return false
	}
	for i := range s.Items {
		if s.Items[i].Op != OpRefFunc {
			return false
		}
	}
	return true
}

func (s *Element) flags(expressions bool) uint32 {
	var flags uint32
	if expressions {
		flags = elementExpressions
	}
	switch {
	case s.Mode == Passive:
		flags |= elementNotActive
	case s.Mode == Declarative:
		flags |= elementNotActive | elementExplicit
	case s.Table != 0 || s.Type != FuncRef:
		flags |= elementExplicit
	}
	return flags
}

func (e *encoder) body(b *Body) {
	e.measured(func() {
		groups := compact(b.Locals)
		e.length(len(groups))
		for _, g := range groups {
			e.unsigned(g.Count)
			e.byte(byte(g.Type))
		}
		e.b = append(e.b, b.Code...)
	})
}

// compact joins neighbouring groups of one type and leaves out empty ones.
func compact(groups []LocalGroup) []LocalGroup {
	var joined []LocalGroup
	for _, g := range groups {
		last := len(joined) - 1
		switch {
		case g.Count == 0:
		case last >= 0 && joined[last].Type == g.Type:
			joined[last].Count += g.Count
		default:
			joined = append(joined, g)
		}
	}
	return joined
}

func (e *encoder) data(s *Data) {
	if s.Mode == Active {
		e.byte(0)
		e.constant(&s.Offset)
	} else {
		e.byte(1)
	}
	e.bytes(s.Bytes)
}
