package vet

import (
	"encoding/binary"
	"slices"

	"hotdrop/core"
	"hotdrop/plugins/abi"
	"hotdrop/plugins/wasm"
)

// guest builds the modules that tests vet: imports of the ABI, one page of memory, and hooks.
type guest struct {
	m    wasm.Module
	data []byte
}

const textAt = 1024 // where strings stand in the memory

func newGuest(imports ...string) *guest {
	g := &guest{}
	g.m.Types = []wasm.FuncType{{}}
	g.m.Memories = []wasm.MemoryType{{SizeLimits: wasm.SizeLimits{Min: 1}}}
	g.m.Exports = []wasm.Export{{Name: abi.ExportMemory, Kind: wasm.KindMemory}}
	for _, name := range imports {
		named := func(f abi.Function) bool { return f.Name == name }
		module, all := abi.Module, abi.Functions()
		if slices.ContainsFunc(abi.WASI(), named) {
			module, all = abi.ModuleWASI, abi.WASI()
		}
		f := all[slices.IndexFunc(all, named)]
		g.m.Imports = append(g.m.Imports, wasm.Import{Module: module, Name: name, TypeIndex: uint32(len(g.m.Types))})
		g.m.Types = append(g.m.Types, wasm.FuncType{Params: types(f.Params), Results: types(f.Results)})
	}
	return g.function(abi.ExportVersion)
}

func types(list []abi.Type) []wasm.ValueType {
	var all []wasm.ValueType
	for _, t := range list {
		all = append(all, wasm.ValueType(t))
	}
	return all
}

// function exports a function () -> ().
func (g *guest) function(name string, code ...[]byte) *guest {
	g.m.Exports = append(g.m.Exports, wasm.Export{Name: name, Index: uint32(len(g.m.Imports) + len(g.m.Functions))})
	g.m.Functions = append(g.m.Functions, 0)
	g.m.Bodies = append(g.m.Bodies, wasm.Body{Code: append(slices.Concat(code...), 0x0b)})
	return g
}

// text is the code that pushes pointer and length of a string.
func (g *guest) text(s string) []byte {
	at := textAt + len(g.data)
	g.data = append(g.data, s...)
	return slices.Concat(i32(int64(at)), i32(int64(len(s))))
}

// call is the code that calls an import.
func (g *guest) call(name string) []byte {
	return []byte{0x10, byte(slices.IndexFunc(g.m.Imports, func(in wasm.Import) bool { return in.Name == name }))}
}

func (g *guest) bytes() []byte {
	if len(g.data) > 0 {
		g.m.Data = []wasm.Data{{Offset: wasm.Constant{Op: wasm.OpI32Const, Value: textAt}, Bytes: g.data}}
	}
	return g.m.Encode()
}

// The instructions that tests need.
var (
	trap    = []byte{0x00}
	drop    = []byte{0x1a}
	forever = []byte{0x03, 0x40, 0x0c, 0x00, 0x0b} // loop: br 0
	grow    = []byte{0x40, 0x00}
)

func i32(n int64) []byte { return append([]byte{0x41}, signed(n)...) }
func i64(n int64) []byte { return append([]byte{0x42}, signed(n)...) }

func signed(n int64) []byte {
	var out []byte
	for {
		low := byte(n & 0x7f)
		n >>= 7
		if (n == 0 && low&0x40 == 0) || (n == -1 && low&0x40 != 0) {
			return append(out, low)
		}
		out = append(out, low|0x80)
	}
}

// when is an if around the code; the condition is an i32 on the stack.
func when(code ...[]byte) []byte {
	return slices.Concat([]byte{0x04, 0x40}, slices.Concat(code...), []byte{0x0b})
}

// section is a custom section.
func section(name, content string) []byte {
	body := append(binary.AppendUvarint(nil, uint64(len(name))), name+content...)
	return append(binary.AppendUvarint([]byte{0}, uint64(len(body))), body...)
}

// quoting is a manifest of a mechanic called guest at quote, with every effect that quote may use.
func quoting(facts ...string) *core.Manifest {
	m := &core.Manifest{Name: "guest", Version: "1.0.0", Hooks: []core.Hook{core.HookQuote}, Facts: facts}
	for _, kind := range core.EffectKinds() {
		if kind.Allowed(core.HookQuote) {
			m.Effects = append(m.Effects, kind)
		}
	}
	return m
}

// someVectors are a vector file of the mechanic guest that takes money off.
const someVectors = `mechanic: guest
vectors:
  - name: an ordinary order
    hook: quote
    facts: {item: {sku: phone, price: 1000}, quantity: 1}
    effects: [{discount: {amount: 5, label: off}}]
`

// fivePercent is a guest that takes 5 off.
func fiveOff() *guest {
	g := newGuest(abi.Discount)
	return g.function("quote", i64(5), g.text("off"), g.call(abi.Discount))
}

func localsI64(count uint32) []wasm.LocalGroup {
	return []wasm.LocalGroup{{Count: count, Type: wasm.I64}}
}
