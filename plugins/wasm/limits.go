package wasm

// Limits bound what [Decode] accepts. They are checked before anything is allocated that a count could enlarge.
type Limits struct {
	Module        int `json:"module"`         // bytes
	Types         int `json:"types"`          // function types
	Params        int `json:"params"`         // parameters, and results, of one function type
	Imports       int `json:"imports"`        // of all kinds
	Functions     int `json:"functions"`      // defined by the module
	Globals       int `json:"globals"`        // defined by the module
	Exports       int `json:"exports"`        // of all kinds
	Segments      int `json:"segments"`       // element segments, and data segments
	Customs       int `json:"customs"`        // custom sections
	Tables        int `json:"tables"`         // imported ones included
	TableEntries  int `json:"table_entries"`  // a table's minimum, and the items of all element segments together
	MemoryPages   int `json:"memory_pages"`   // a memory's minimum, pages of 64 KiB
	Locals        int `json:"locals"`         // of one function, parameters included
	Body          int `json:"body"`           // bytes of one function, its locals' declaration included
	Nesting       int `json:"nesting"`        // blocks within one another
	BranchTargets int `json:"branch_targets"` // of one br_table
	Operands      int `json:"operands"`       // on the operand stack of one function at any time
}

// DefaultLimits are those of plugins in C, Rust and AssemblyScript.
func DefaultLimits() Limits {
	return Limits{
		Module: 1 << 20, Types: 10_000, Params: 64, Imports: 1_000, Functions: 10_000, Globals: 1_000, Exports: 1_000,
		Segments: 4_096, Customs: 100, Tables: 1, TableEntries: 4_096, MemoryPages: 16, Locals: 1_000, Body: 128 << 10,
		Nesting: 1_024, BranchTargets: 4_096, Operands: 16_384,
	}
}

// LargeLimits are those of Go guests, where the platform grants them: the smallest that prints a line is a module of
// 2.4 MiB with 38 pages, a table of 5,862 entries and 30,458 data segments.
func LargeLimits() Limits {
	l := DefaultLimits()
	l.Module, l.MemoryPages = 4<<20, 128
	l.TableEntries, l.Segments = 16_384, 65_536
	return l
}
