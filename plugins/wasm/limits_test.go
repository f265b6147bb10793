package wasm

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// limitCase grows a module by one measure. With n at the limit it is accepted, one beyond it is not.
type limitCase struct {
	name  string
	limit func(*Limits) *int
	n     int
	make  func(t *testing.T, n int) *Module
	code  string
}

func limitCases() []limitCase {
	return []limitCase{
		{"types", func(l *Limits) *int { return &l.Types }, 5, func(_ *testing.T, n int) *Module {
			return &Module{Types: make([]FuncType, n)}
		}, CodeTooLarge},
		{"parameters of a type", func(l *Limits) *int { return &l.Params }, 5, func(_ *testing.T, n int) *Module {
			return &Module{Types: []FuncType{{Params: slices.Repeat([]ValueType{I32}, n)}}}
		}, CodeTooLarge},
		{"results of a type", func(l *Limits) *int { return &l.Params }, 5, func(_ *testing.T, n int) *Module {
			return &Module{Types: []FuncType{{Results: slices.Repeat([]ValueType{I32}, n)}}}
		}, CodeTooLarge},
		{"imports", func(l *Limits) *int { return &l.Imports }, 5, func(_ *testing.T, n int) *Module {
			return &Module{Imports: slices.Repeat([]Import{{Kind: KindGlobal, Global: GlobalType{Type: I32}}}, n)}
		}, CodeTooLarge},
		{"functions", func(l *Limits) *int { return &l.Functions }, 5, func(t *testing.T, n int) *Module {
			return &Module{Types: []FuncType{{}}, Functions: make([]uint32, n), Bodies: slices.Repeat([]Body{{Code: asm(t, "end")}}, n)}
		}, CodeTooLarge},
		{"globals", func(l *Limits) *int { return &l.Globals }, 5, func(_ *testing.T, n int) *Module {
			return &Module{Globals: slices.Repeat([]Global{{GlobalType{Type: I32}, Constant{Op: OpI32Const}}}, n)}
		}, CodeTooLarge},
		{"exports", func(l *Limits) *int { return &l.Exports }, 5, func(_ *testing.T, n int) *Module {
			m := &Module{Memories: []MemoryType{{}}}
			for i := range n {
				m.Exports = append(m.Exports, Export{Name: fmt.Sprint(i), Kind: KindMemory})
			}
			return m
		}, CodeTooLarge},
		{"element segments", func(l *Limits) *int { return &l.Segments }, 5, func(_ *testing.T, n int) *Module {
			return &Module{Elements: slices.Repeat([]Element{{Mode: Passive, Type: FuncRef}}, n)}
		}, CodeTooLarge},
		{"data segments", func(l *Limits) *int { return &l.Segments }, 5, func(_ *testing.T, n int) *Module {
			return &Module{Data: slices.Repeat([]Data{{Mode: Passive}}, n)}
		}, CodeTooLarge},
		{"custom sections", func(l *Limits) *int { return &l.Customs }, 5, func(_ *testing.T, n int) *Module {
			return &Module{Customs: slices.Repeat([]Custom{{Name: "x"}}, n)}
		}, CodeTooLarge},
		{"tables", func(l *Limits) *int { return &l.Tables }, 2, func(_ *testing.T, n int) *Module {
			return &Module{Tables: slices.Repeat([]TableType{{Type: FuncRef}}, n)}
		}, CodeTooLarge},
		{"tables, imported ones included", func(l *Limits) *int { return &l.Tables }, 2, func(_ *testing.T, n int) *Module {
			return &Module{
				Imports: []Import{{Kind: KindTable, Table: TableType{Type: FuncRef}}},
				Tables:  slices.Repeat([]TableType{{Type: FuncRef}}, n-1),
			}
		}, CodeTooLarge},
		{"entries of a table", func(l *Limits) *int { return &l.TableEntries }, 5, func(_ *testing.T, n int) *Module {
			return &Module{Tables: []TableType{{Type: FuncRef, SizeLimits: SizeLimits{Min: uint32(n)}}}}
		}, CodeTooLarge},
		{"items of one element segment", func(l *Limits) *int { return &l.TableEntries }, 5, func(_ *testing.T, n int) *Module {
			return &Module{Elements: []Element{{Mode: Passive, Type: FuncRef, Items: slices.Repeat([]Constant{{OpRefNull, uint64(FuncRef)}}, n)}}}
		}, CodeTooLarge},
		{"items of all element segments", func(l *Limits) *int { return &l.TableEntries }, 5, func(_ *testing.T, n int) *Module {
			one := Element{Mode: Passive, Type: FuncRef, Items: []Constant{{OpRefNull, uint64(FuncRef)}}}
			return &Module{Elements: slices.Repeat([]Element{one}, n)}
		}, CodeTooLarge},
		{"pages that a memory begins with", func(l *Limits) *int { return &l.MemoryPages }, 5, func(_ *testing.T, n int) *Module {
			return &Module{Memories: []MemoryType{{SizeLimits{Min: uint32(n)}}}}
		}, CodeMemory},
		{"pages that an imported memory begins with", func(l *Limits) *int { return &l.MemoryPages }, 5, func(_ *testing.T, n int) *Module {
			return &Module{Imports: []Import{{Kind: KindMemory, Memory: MemoryType{SizeLimits{Min: uint32(n)}}}}}
		}, CodeMemory},
		{"locals", func(l *Limits) *int { return &l.Locals }, 5, func(t *testing.T, n int) *Module {
			m := moduleWithCode(asm(t, "end"))
			m.Bodies[0].Locals = []LocalGroup{{Count: 1, Type: I32}, {Count: uint32(n - 1), Type: I64}}
			return m
		}, CodeTooLarge},
		{"locals and parameters together", func(l *Limits) *int { return &l.Locals }, 5, func(t *testing.T, n int) *Module {
			m := moduleWithCode(asm(t, "end"))
			m.Types[0].Params = []ValueType{I32, I32}
			m.Bodies[0].Locals = []LocalGroup{{Count: uint32(n - 2), Type: I32}}
			return m
		}, CodeTooLarge},
		{"bytes of a body", func(l *Limits) *int { return &l.Body }, 5, func(t *testing.T, n int) *Module {
			return moduleWithCode(asm(t, strings.Repeat("nop ", n-2)+"end"))
		}, CodeTooLarge},
		{"blocks within one another", func(l *Limits) *int { return &l.Nesting }, 5, func(t *testing.T, n int) *Module {
			return moduleWithCode(asm(t, strings.Repeat("block - ", n)+strings.Repeat("end ", n+1)))
		}, CodeTooLarge},
		{"ifs within one another", func(l *Limits) *int { return &l.Nesting }, 5, func(t *testing.T, n int) *Module {
			return moduleWithCode(asm(t, strings.Repeat("i32.const 0 if - else ", n)+strings.Repeat("end ", n+1)))
		}, CodeTooLarge},
		{"labels of a br_table", func(l *Limits) *int { return &l.BranchTargets }, 5, func(t *testing.T, n int) *Module {
			return moduleWithCode(asm(t, "i32.const 0 br_table ["+strings.Repeat("0 ", n)+"] 0 end"))
		}, CodeTooLarge},
		{"operands at one time", func(l *Limits) *int { return &l.Operands }, 5, func(t *testing.T, n int) *Module {
			return moduleWithCode(asm(t, strings.Repeat("i32.const 0 ", n)+"return end"))
		}, CodeTooLarge},
	}
}

func moduleWithCode(code []byte) *Module {
	return &Module{Types: []FuncType{{}}, Functions: []uint32{0}, Bodies: []Body{{Code: code}}}
}

func TestEveryLimitIsExact(t *testing.T) {
	for _, c := range limitCases() {
		t.Run(c.name, func(t *testing.T) {
			l := corpusLimits()
			*c.limit(&l) = c.n
			if _, err := Decode(c.make(t, c.n).Encode(), l); err != nil {
				t.Errorf("refused at the limit: %v", err)
			}
			beyond := c.make(t, c.n+1).Encode()
			checkRefused(t, beyond, l, c.code, -1)
			*c.limit(&l) = -1
			checkRefused(t, beyond, l, c.code, -1)
		})
	}
}

func TestTheModuleIsMeasuredBeforeItIsRead(t *testing.T) {
	b := sampleModule(t).Encode()
	l := sampleLimits()
	l.Module = len(b)
	if _, err := Decode(b, l); err != nil {
		t.Errorf("refused at the limit: %v", err)
	}
	l.Module--
	checkRefused(t, b, l, CodeTooLarge, 0)
	checkRefused(t, bytes.Repeat([]byte{0xff}, len(b)), l, CodeTooLarge, 0)
}

// A total that overflows 32 bits must not look small.
func TestLocalsDoNotWrapAround(t *testing.T) {
	for _, counts := range [][]uint32{{0xffffffff, 1}, {0x80000000, 0x80000000}, {0xffffffff, 0xffffffff, 2}} {
		m := moduleWithCode(asm(t, "end"))
		for i, n := range counts {
			m.Bodies[0].Locals = append(m.Bodies[0].Locals, LocalGroup{Count: n, Type: []ValueType{I32, I64}[i%2]})
		}
		checkRefused(t, m.Encode(), DefaultLimits(), CodeTooLarge, -1)
	}
}

func TestLargeLimitsAreNowhereBelowTheDefaults(t *testing.T) {
	small, large := DefaultLimits(), LargeLimits()
	for _, c := range limitCases() {
		if *c.limit(&small) > *c.limit(&large) {
			t.Errorf("%s: %d by default, %d for large modules", c.name, *c.limit(&small), *c.limit(&large))
		}
	}
	if large.Module != 4<<20 || large.MemoryPages*64 != 8<<10 {
		t.Errorf("%d bytes and %d pages, want 4 MiB and 8 MiB", large.Module, large.MemoryPages)
	}
}
