package wasm

import (
	"math/rand/v2"
)

// generator makes valid random modules that exercise what the rewriter has to get right: structured control flow with
// parameters and results, branches of every kind, calls in every way, bulk memory, tables, references, globals, floats
// with NaNs of every payload. Most of what it makes returns; the rest traps, burns its fuel or recurses too deep.
type generator struct {
	*rand.Rand

	m       *Module
	imports int
	// tame code neither traps, nor calls, nor leaves the block it stands in.
	tame bool
}

const (
	tableSize = 16
	maxParams = 3
)

func numbers() []ValueType { return []ValueType{I32, I64, F32, F64} }

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 0x5eed)), m: &Module{}}
}

// generate returns a module with its functions exported as f0, f1 …
func generate(seed uint64) *Module {
	g := newGenerator(seed)
	g.skeleton(3 + g.IntN(6))
	for i := range g.m.Functions {
		g.m.Bodies = append(g.m.Bodies, g.function(i))
	}
	return g.m
}

func (g *generator) number() ValueType { return numbers()[g.IntN(4)] }

func (g *generator) some(limit int) (types []ValueType) {
	for range g.IntN(limit + 1) {
		types = append(types, g.number())
	}
	return types
}

// skeleton makes everything but the bodies.
func (g *generator) skeleton(functions int) {
	m := g.m
	m.Types = []FuncType{{}, {[]ValueType{I32, I32}, []ValueType{I32}}, {[]ValueType{F64, I64}, []ValueType{F32}}}
	for i, name := range []string{"nothing", "two", "floats"} {
		m.Imports = append(m.Imports, Import{Module: "env", Name: name, TypeIndex: uint32(i)})
	}
	g.imports = len(m.Imports)
	for range 5 {
		m.Types = append(m.Types, FuncType{g.some(maxParams), g.some(3)})
	}
	for i := range functions {
		m.Functions = append(m.Functions, uint32(g.IntN(len(m.Types))))
		m.Exports = append(m.Exports, Export{"f" + decimal(i), KindFunction, uint32(g.imports + i)})
	}
	m.Exports = append(m.Exports, Export{"imported", KindFunction, uint32(g.IntN(g.imports))})
	m.Memories = []MemoryType{{SizeLimits{Min: 1, Max: uint32(1 + g.IntN(5)), HasMax: g.IntN(2) == 0}}}
	m.Tables = []TableType{{SizeLimits{Min: tableSize, Max: uint32(tableSize + g.IntN(9)), HasMax: g.IntN(2) == 0}, FuncRef}}
	g.state()
}

// state makes globals and segments.
func (g *generator) state() {
	m := g.m
	for _, t := range append(numbers(), numbers()...) {
		op := map[ValueType]Opcode{I32: OpI32Const, I64: OpI64Const, F32: OpF32Const, F64: OpF64Const}[t]
		value := g.Uint64()
		if t == I32 || t == F32 {
			value = uint64(uint32(value))
		}
		m.Globals = append(m.Globals, Global{GlobalType{t, len(m.Globals) < 6}, Constant{op, value}})
	}
	m.Globals = append(m.Globals,
		Global{GlobalType{FuncRef, false}, Constant{OpRefFunc, uint64(g.IntN(g.functions()))}},
		Global{GlobalType{FuncRef, true}, Constant{OpRefFunc, uint64(g.IntN(g.functions()))}})
	items := func(n int) (items []Constant) {
		for range n {
			items = append(items, Constant{OpRefFunc, uint64(g.IntN(g.functions()))})
		}
		return items
	}
	m.Elements = []Element{
		{Mode: Active, Offset: Constant{Op: OpI32Const}, Type: FuncRef, Items: items(tableSize - 2)},
		{Mode: Passive, Type: FuncRef, Items: items(4)},
		{Mode: Declarative, Type: FuncRef, Items: items(0)},
	}
	for i := range g.functions() {
		m.Elements[2].Items = append(m.Elements[2].Items, Constant{OpRefFunc, uint64(i)})
	}
	text := make([]byte, 64)
	for i := range text {
		text[i] = byte(g.Uint32())
	}
	count := uint32(2)
	m.DataCount = &count
	m.Data = []Data{{Mode: Active, Offset: Constant{OpI32Const, 128}, Bytes: text}, {Mode: Passive, Bytes: text[:48]}}
}

func (g *generator) functions() int { return g.imports + len(g.m.Functions) }

func (g *generator) typeOf(function int) FuncType {
	if function < g.imports {
		return g.m.Types[g.m.Imports[function].TypeIndex]
	}
	return g.m.Types[g.m.Functions[function-g.imports]]
}

func (g *generator) function(i int) Body {
	t := g.m.Types[g.m.Functions[i]]
	w := &writer{generator: g, self: i, room: 40 + g.IntN(160), locals: append([]ValueType{}, t.Params...)}
	body := Body{}
	for _, l := range append(numbers(), g.some(4)...) {
		w.locals = append(w.locals, l)
		body.Locals = append(body.Locals, LocalGroup{1, l})
	}
	w.labels = []label{{types: t.Results}}
	w.statements(3)
	w.operands(t.Results, 3)
	w.op(OpEnd)
	body.Code = w.code
	return body
}
