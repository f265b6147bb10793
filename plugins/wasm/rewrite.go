package wasm

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The codes of an [Error] of [Rewrite], beside [CodeMemory], [CodeTooLarge] and [CodeUnsupported].
const (
	CodeImport = "import_refused" // not a function, or a function that the policy does not price
	CodeExport = "export_refused" // a name that begins with [Reserved]
)

// Reserved begins the names under which a rewritten module exports what the host needs; no guest may export one.
const Reserved = "hotdrop."

// The exports of a rewritten module.
const (
	// FuelGlobal is the i64 that is left of the fuel. The host sets it before a call; a call that used it up traps with
	// the global negative, or returns so when it ends before the next comparison. It is 0 in a new instance.
	FuelGlobal = Reserved + "fuel"
	// DepthGlobal is the i32 that is left of the call depth. A call that returns leaves it as it was; one that used it up
	// traps with the global negative. It is [Policy].Depth in a new instance.
	DepthGlobal = Reserved + "depth"
	// DirtyGlobal is an i32 of the bits [Dirty] and [Refused].
	DirtyGlobal = Reserved + "dirty"
	// MemoryName is the export of a memory that the guest itself does not export as "memory".
	MemoryName = Reserved + "memory"
)

// The bits of [DirtyGlobal].
const (
	// Dirty is set when the guest changes what no global and no memory shows: a table, a dropped segment, a global that
	// holds a reference. Such a guest cannot be put back as it was.
	Dirty = 1
	// Refused is set when the memory does not grow because its maximum forbids it.
	Refused = 2
)

const (
	guestMemory   = "memory"
	globalPrefix  = Reserved + "g" // then the global's index
	outputFactor  = 4              // a rewritten module has at most so many bytes for one of the guest,
	outputMinimum = 64 << 10       // or this many
)

// Policy is what a rewritten module is held to.
type Policy struct {
	MemoryPages  uint32 // the largest maximum of the memory, pages of 64 KiB
	TableEntries uint32 // the largest maximum of a table, entries; a table that starts larger cannot grow
	Depth        uint32 // of calls: 1 to [MaxDepth], in units of one small frame
	// ImportFuel is the charge of a call of each function that may be imported, by "module.name": 0 to 2³⁰ fuel.
	ImportFuel map[string]int64
}

// Rewritten is a module ready for the runtime.
type Rewritten struct {
	Wasm []byte
	// Globals are the exports of all mutable globals of number types, the three of the host included: with them, the
	// memory and its size put back, a guest that did not set [Dirty] is as it was.
	Globals []string
	Memory  string // the export of the memory, "" without one
	Floats  bool   // it computes floats, whose NaNs were made canonical
	Guarded int    // functions that the depth guard counts
}

// Rewrite returns the module with fuel, depth, memory and NaNs under control. It must be given what [Decode] returned,
// unchanged, and does not change it. Custom sections are dropped. Errors are of type *[Error], but for a policy that
// makes no sense.
func Rewrite(m *Module, p Policy) (*Rewritten, error) {
	r, err := newRewriter(m, p)
	if err != nil {
		return nil, err
	}
	if err := r.refuse(); err != nil {
		return nil, err
	}
	if err := r.bounds(); err != nil {
		return nil, err
	}
	r.globals()
	r.references()
	r.exports()
	if err := r.functions(); err != nil {
		return nil, err
	}
	for i := range r.appended {
		r.out.Functions = append(r.out.Functions, r.appended[i].typeIndex)
		r.out.Bodies = append(r.out.Bodies, r.appended[i].body)
	}
	r.result.Wasm = r.out.Encode()
	return r.result, nil
}

// rewriter makes one module out of another.
type rewriter struct {
	in     *Module
	out    Module // shares with in what is not changed
	policy Policy
	result *Rewritten

	imports            uint32            // functions
	charges            []int64           // of the imported functions
	types              []uint32          // of the imported functions
	signatures         map[string]uint32 // types that were appended
	thunks             []uint32          // of the imported functions, 0: none yet
	meters             map[meter]uint32
	appended           []appended
	fuel, depth, dirty uint32   // indices of the appended globals
	guards             []uint32 // of the defined functions, 0: not guarded
	budget             int      // bytes of code that may still be written
}

func newRewriter(m *Module, p Policy) (*rewriter, error) {
	if p.Depth < 1 || p.Depth > MaxDepth {
		return nil, fmt.Errorf("a depth of %d is not within 1 and %d", p.Depth, MaxDepth)
	}
	r := &rewriter{
		in: m, out: *m, policy: p, result: &Rewritten{}, signatures: map[string]uint32{}, meters: map[meter]uint32{},
		budget: outputMinimum + outputFactor*m.codeSize(),
	}
	r.out.Customs = nil
	r.out.Types, r.out.Functions = slices.Clone(m.Types), slices.Clone(m.Functions)
	if err := r.price(); err != nil {
		return nil, err
	}
	return r, nil
}

// codeSize returns about how many bytes the module's functions have, small ones counting as if they did something.
func (m *Module) codeSize() int {
	size := 0
	for i := range m.Bodies {
		size += len(m.Bodies[i].Code) + 16
	}
	return size
}

// price looks up what calls of the imported functions cost.
func (r *rewriter) price() error {
	for i := range r.in.Imports {
		imp := &r.in.Imports[i]
		name := imp.Module + "." + imp.Name
		if imp.Kind != KindFunction {
			return &Error{Code: CodeImport, Message: fmt.Sprintf("%s is a %s; only functions can be imported", name, imp.Kind)}
		}
		charge, ok := r.policy.ImportFuel[name]
		if !ok {
			return &Error{Code: CodeImport, Message: name + " is not a function that can be imported"}
		}
		if charge < 0 || charge > maxImportCharge {
			return errors.New("the charge of " + name + " is not within 0 and 2³⁰")
		}
		r.charges = append(r.charges, charge)
		r.types = append(r.types, imp.TypeIndex)
	}
	r.imports = uint32(len(r.charges)) //nolint:gosec // bounded by the bytes
	r.thunks = make([]uint32, r.imports)
	return nil
}

// refuse returns why a module cannot be held to any policy.
func (r *rewriter) refuse() error {
	if r.in.Start != nil {
		return &Error{Code: CodeUnsupported, Message: "start functions are not supported: they would run before there is a limit"}
	}
	for _, e := range r.in.Exports {
		if strings.HasPrefix(e.Name, Reserved) {
			return &Error{Code: CodeExport, Message: fmt.Sprintf("%q: names that begin with %s are the host's", e.Name, Reserved)}
		}
	}
	return nil
}

// bounds writes the policy's maxima into memory and tables. A smaller maximum of the guest's own stays.
func (r *rewriter) bounds() error {
	if len(r.in.Memories) > 0 {
		memory := r.in.Memories[0]
		if memory.Min > r.policy.MemoryPages {
			return &Error{
				Code: CodeMemory, Message: fmt.Sprintf("the memory starts with %d pages, the limit is %d", memory.Min, r.policy.MemoryPages),
			}
		}
		memory.SizeLimits = clamp(memory.SizeLimits, r.policy.MemoryPages)
		r.out.Memories = []MemoryType{memory}
	}
	r.out.Tables = slices.Clone(r.in.Tables)
	for i := range r.out.Tables {
		t := &r.out.Tables[i]
		t.SizeLimits = clamp(t.SizeLimits, max(t.Min, r.policy.TableEntries))
	}
	return nil
}

func clamp(l SizeLimits, limit uint32) SizeLimits {
	if !l.HasMax || l.Max > limit {
		l.Max = limit
	}
	l.HasMax = true
	return l
}

// globals appends the host's three.
func (r *rewriter) globals() {
	r.fuel = uint32(len(r.in.Globals)) //nolint:gosec // bounded by the bytes
	r.depth, r.dirty = r.fuel+1, r.fuel+2
	number := func(t ValueType, op Opcode, value uint64) Global {
		return Global{GlobalType: GlobalType{Type: t, Mutable: true}, Init: Constant{Op: op, Value: value}}
	}
	r.out.Globals = append(slices.Clone(r.in.Globals),
		number(I64, OpI64Const, 0), number(I32, OpI32Const, uint64(r.policy.Depth)), number(I32, OpI32Const, 0))
}

// references makes what names an imported function name its thunk.
func (r *rewriter) references() {
	for i := range r.out.Globals {
		r.out.Globals[i].Init = r.reference(r.out.Globals[i].Init)
	}
	r.out.Elements = slices.Clone(r.in.Elements)
	for i := range r.out.Elements {
		items := slices.Clone(r.out.Elements[i].Items)
		for j := range items {
			items[j] = r.reference(items[j])
		}
		r.out.Elements[i].Items = items
	}
}

func (r *rewriter) reference(c Constant) Constant {
	if c.Op == OpRefFunc {
		c.Value = uint64(r.thunk(uint32(c.Value))) //nolint:gosec // an index
	}
	return c
}

// exports appends those of the host: its globals, the guest's mutable globals, and the memory.
func (r *rewriter) exports() {
	r.out.Exports = slices.Clone(r.in.Exports)
	for i := range r.out.Exports {
		e := &r.out.Exports[i]
		switch e.Kind {
		case KindFunction:
			e.Index = r.thunk(e.Index)
		case KindMemory:
			if e.Name == guestMemory {
				r.result.Memory = guestMemory
			}
		}
	}
	if len(r.in.Memories) > 0 && r.result.Memory == "" {
		r.result.Memory = MemoryName
		r.export(MemoryName, KindMemory, 0)
	}
	for i, g := range r.in.Globals {
		if g.Mutable && g.Type.isNumber() {
			r.exportGlobal(globalPrefix+strconv.Itoa(i), uint32(i))
		}
	}
	r.exportGlobal(FuelGlobal, r.fuel)
	r.exportGlobal(DepthGlobal, r.depth)
	r.exportGlobal(DirtyGlobal, r.dirty)
}

func (r *rewriter) exportGlobal(name string, index uint32) {
	r.result.Globals = append(r.result.Globals, name)
	r.export(name, KindGlobal, index)
}

func (r *rewriter) export(name string, kind Kind, index uint32) {
	r.out.Exports = append(r.out.Exports, Export{Name: name, Kind: kind, Index: index})
}

// functions rewrites every body.
func (r *rewriter) functions() error {
	graph := newCallGraph(r.in, r.types)
	if err := r.refuseCode(graph); err != nil {
		return err
	}
	r.guards = graph.guards()
	r.out.Bodies = make([]Body, len(r.in.Bodies))
	for i := range r.in.Bodies {
		r.out.Bodies[i] = r.body(i)
		if r.guards[i] > 0 {
			r.result.Guarded++
		}
		r.budget -= len(r.out.Bodies[i].Code)
		if r.budget < 0 {
			return &Error{
				Code: CodeTooLarge, Offset: r.in.Bodies[i].Offset,
				Message: fmt.Sprintf("metering makes the code more than %d times as large", outputFactor),
			}
		}
	}
	return nil
}

// refuseCode returns why the code of a module cannot be held to any policy. The runtime's compiler makes an object of
// every reference that ref.func makes, each time, and keeps it as long as the instance: memory that no limit counts.
func (r *rewriter) refuseCode(graph *callGraph) error {
	if i := graph.refers; i >= 0 {
		return &Error{
			Code: CodeUnsupported, Offset: r.in.Bodies[i].Offset,
			Message: "ref.func in a function is not supported: take the reference from a table or a global",
		}
	}
	if i := graph.effort.overflow; i >= 0 {
		return &Error{
			Code: CodeTooLarge, Offset: r.in.Bodies[i].Offset, Message: "too many blocks, or too many locals in them, for the compiler",
		}
	}
	return nil
}

// block returns the type of a block without parameters that leaves the results.
func (r *rewriter) block(results []ValueType) BlockType {
	switch len(results) {
	case 0:
		return BlockType{}
	case 1:
		return BlockType{Result: results[0]}
	}
	return BlockType{Index: r.signature(FuncType{Results: results}), Indexed: true}
}

// signature returns the index of a function type, which it appends the first time.
func (r *rewriter) signature(t FuncType) uint32 {
	key := typeKey(&t)
	at, ok := r.signatures[key]
	if !ok {
		at = uint32(len(r.out.Types)) //nolint:gosec // bounded by the bytes
		r.signatures[key] = at
		r.out.Types = append(r.out.Types, t)
	}
	return at
}
