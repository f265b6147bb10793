package wasm

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// engine is one of the runtime's two ways of executing a module.
type engine string

const (
	compiler    engine = "compiler"
	interpreter engine = "interpreter"
)

// form is one form of a module, compiled on a runtime of its own with a host that answers by a hash of what it is asked.
type form struct {
	testing.TB

	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	asked    *uint64 // a hash of everything that the present instance asked the host
}

// compile compiles a form of m. The test closes it.
func compile(t testing.TB, on engine, m *Module, wasm []byte) *form {
	t.Helper()
	config := wazero.NewRuntimeConfigInterpreter()
	if on == compiler {
		config = wazero.NewRuntimeConfigCompiler()
	}
	ctx := context.Background()
	f := &form{TB: t, runtime: wazero.NewRuntimeWithConfig(ctx, config.WithDebugInfoEnabled(false)), asked: new(uint64)}
	f.addHost(ctx, m)
	var err error
	if f.compiled, err = f.runtime.CompileModule(ctx, wasm); err != nil {
		t.Fatalf("%s: %v", on, err)
	}
	return f
}

func (f *form) close() {
	if err := f.runtime.Close(context.Background()); err != nil {
		f.Error(err)
	}
}

// instance is one instance of a form.
type instance struct {
	*form

	module api.Module
}

func (f *form) instantiate() *instance {
	f.Helper()
	*f.asked = 0
	config := wazero.NewModuleConfig().WithStartFunctions().WithName("")
	module, err := f.runtime.InstantiateModule(context.Background(), f.compiled, config)
	if err != nil {
		f.Fatal(err)
	}
	return &instance{form: f, module: module}
}

// addHost makes a host module for every module name that m imports from. WASI is the runtime's own, whose clock and
// randomness are deterministic.
func (f *form) addHost(ctx context.Context, m *Module) {
	f.Helper()
	builders := map[string]wazero.HostModuleBuilder{}
	done := map[string]bool{}
	for _, imp := range m.Imports {
		name := imp.Module + "." + imp.Name
		if done[name] {
			continue
		}
		done[name] = true
		if imp.Module == wasi_snapshot_preview1.ModuleName {
			if f.runtime.Module(imp.Module) == nil {
				wasi_snapshot_preview1.MustInstantiate(ctx, f.runtime)
			}
			continue
		}
		if builders[imp.Module] == nil {
			builders[imp.Module] = f.runtime.NewHostModuleBuilder(imp.Module)
		}
		t := m.Types[imp.TypeIndex]
		answer := func(_ context.Context, guest api.Module, stack []uint64) { f.answer(guest, name, t, stack) }
		builders[imp.Module].NewFunctionBuilder().
			WithGoModuleFunction(api.GoModuleFunc(answer), valueTypes(t.Params), valueTypes(t.Results)).Export(imp.Name)
	}
	for _, b := range builders {
		if _, err := b.Instantiate(ctx); err != nil {
			f.Fatal(err)
		}
	}
}

func valueTypes(types []ValueType) (converted []api.ValueType) {
	for _, t := range types {
		converted = append(converted, api.ValueType(t))
	}
	return converted
}

// answer hashes the question into all questions before it, and answers with small numbers out of that. fact_str writes
// a string besides.
func (f *form) answer(guest api.Module, name string, t FuncType, stack []uint64) {
	h := fnv.New64a()
	question := binary.LittleEndian.AppendUint64([]byte(name), *f.asked)
	for i, p := range t.Params {
		v := stack[i]
		if p == I32 || p == F32 {
			v = uint64(uint32(v))
		}
		question = binary.LittleEndian.AppendUint64(question, v)
	}
	_, _ = h.Write(question)
	*f.asked = h.Sum64()
	if strings.HasSuffix(name, ".fact_str") {
		text := []byte(strings.Repeat("MX3 ", 20))[:*f.asked%80]
		n := min(uint32(len(text)), uint32(stack[3]))
		guest.Memory().Write(uint32(stack[2]), text[:n])
		stack[0] = uint64(len(text))
		return
	}
	for i, r := range t.Results {
		stack[i] = (*f.asked >> (8 * i)) & 0x3f
		if r == F64 {
			stack[i] = api.EncodeF64(float64(stack[i]))
		}
	}
}

var memorySeed = maphash.MakeSeed()

// outcome is everything that can be told of a call.
type outcome struct {
	results []uint64
	trap    string // "" if it returned
	fuel    int64  // left
	depth   int32
	dirty   bool
	memory  uint64 // a hash of the memory's bytes
	pages   uint32
	globals uint64 // a hash of the guest's exported globals
	asked   uint64
}

// call calls an export with a limit of fuel.
func (in *instance) call(name string, depth uint32, fuel int64, args ...uint64) outcome {
	in.Helper()
	in.global(FuelGlobal).Set(uint64(fuel))
	in.global(DepthGlobal).Set(uint64(depth))
	in.global(DirtyGlobal).Set(0)
	var o outcome
	function := in.module.ExportedFunction(name)
	results, err := function.Call(context.Background(), args...)
	if err != nil {
		o.trap = trapOf(err)
	}
	for i, v := range results {
		if t := ValueType(function.Definition().ResultTypes()[i]); t == I32 || t == F32 {
			v = uint64(uint32(v)) // the rest is undefined
		}
		o.results = append(o.results, v)
	}
	o.fuel, o.depth = int64(in.global(FuelGlobal).Get()), int32(in.global(DepthGlobal).Get())
	o.dirty, o.asked = in.global(DirtyGlobal).Get() != 0, *in.asked
	o.globals = in.guestGlobals()
	if len(in.compiled.ExportedMemories()) > 0 {
		memory := in.module.Memory()
		bytes, _ := memory.Read(0, memory.Size())
		o.memory, o.pages = maphash.Bytes(memorySeed, bytes), memory.Size()>>16
	}
	return o
}

// trapOf cuts an error down to the trap's name, which both engines agree on.
func trapOf(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	line, _, _ = strings.Cut(line, " (recovered")
	return line
}

func (in *instance) global(name string) api.MutableGlobal {
	in.Helper()
	g, ok := in.module.ExportedGlobal(name).(api.MutableGlobal)
	if !ok {
		in.Fatalf("no mutable global %s", name)
	}
	return g
}

func (in *instance) guestGlobals() uint64 {
	h := fnv.New64a()
	for i := range 64 {
		if g := in.module.ExportedGlobal(globalPrefix + decimal(i)); g != nil {
			_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, g.Get()))
		}
	}
	return h.Sum64()
}

// ended says how a call ended.
type ended string

const (
	returned   ended = "returned"
	outOfFuel  ended = "out of fuel"
	outOfDepth ended = "out of depth"
	trapped    ended = "trapped"
)

func (o outcome) ended() ended {
	switch {
	case o.fuel < 0:
		return outOfFuel
	case o.depth < 0:
		return outOfDepth
	case o.trap != "":
		return trapped
	}
	return returned
}

// same reports whether two calls cannot be told apart, fuel included.
func (o outcome) same(p outcome) bool {
	return slices.Equal(o.results, p.results) && o.trap == p.trap && o.fuel == p.fuel && o.depth == p.depth &&
		o.dirty == p.dirty && o.sameState(p)
}

func (o outcome) sameState(p outcome) bool {
	return o.memory == p.memory && o.pages == p.pages && o.globals == p.globals && o.asked == p.asked
}

// freely is a policy that lets a module import whatever it does, at prices that differ.
func freely(m *Module) Policy {
	p := Policy{MemoryPages: 16, TableEntries: 64, Depth: 512, ImportFuel: map[string]int64{}}
	for i, imp := range m.Imports {
		p.ImportFuel[imp.Module+"."+imp.Name] = int64(100 + 10*i)
	}
	return p
}

// trio is one module in the three forms that are compared.
type trio struct {
	testing.TB

	module                         *Module
	policy                         Policy
	rewritten                      *Rewritten
	forms                          [3]*form
	compiled, interpreted, charged *instance // the last by the oracle
	ends                           map[ended]int
}

// newTrio rewrites a module and instantiates its three forms, that of the oracle on the engine. Close it.
func newTrio(t testing.TB, m *Module, p Policy, oracle engine) *trio {
	t.Helper()
	rewritten, err := Rewrite(m, p)
	if err != nil {
		t.Fatal(err)
	}
	tr := &trio{TB: t, module: m, policy: p, rewritten: rewritten, ends: map[ended]int{}}
	tr.forms = [3]*form{
		compile(t, compiler, m, rewritten.Wasm), compile(t, interpreter, m, rewritten.Wasm),
		compile(t, oracle, m, rewriteByOracle(m, p)),
	}
	tr.reset()
	return tr
}

// reset begins with new instances.
func (tr *trio) reset() {
	tr.Helper()
	tr.compiled, tr.interpreted, tr.charged = tr.forms[0].instantiate(), tr.forms[1].instantiate(), tr.forms[2].instantiate()
}

func (tr *trio) close() {
	for _, f := range tr.forms {
		f.close()
	}
}

// call calls an export of all three and compares. It returns what the compiler's did, and whether all three are still
// in the same state.
func (tr *trio) call(name string, fuel int64, args ...uint64) (outcome, bool) {
	tr.Helper()
	a := tr.compiled.call(name, tr.policy.Depth, fuel, args...)
	b := tr.interpreted.call(name, tr.policy.Depth, fuel, args...)
	if !a.same(b) {
		tr.Errorf("%s%v: compiler and interpreter differ:\n%+v\n%+v", name, args, a, b)
	}
	tr.ends[a.ended()]++
	if a.ended() == outOfDepth {
		return a, false // the oracle would go on
	}
	c := tr.charged.call(name, tr.policy.Depth, fuel, args...)
	tr.compare(name, fuel, a, c)
	return a, a.ended() == returned
}

// compare holds a rewritten call against the oracle's. A call that returns has burned exactly what the oracle charged.
// One that trapped has burned at least that: segments are charged when they are entered.
func (tr *trio) compare(name string, fuel int64, a, c outcome) {
	tr.Helper()
	ok := false
	switch a.ended() {
	case returned:
		ok = c.ended() == returned && slices.Equal(a.results, c.results) && a.fuel == c.fuel && a.sameState(c) &&
			a.depth == int32(tr.policy.Depth)
	case outOfFuel:
		ok = c.ended() != returned
	case trapped:
		ok = c.ended() == trapped && a.trap == c.trap && a.fuel <= c.fuel && a.sameState(c) && c.fuel-a.fuel <= tr.ahead()
	}
	if !ok {
		tr.Errorf("%s with %d fuel: the oracle disagrees:\nrewritten %+v (%s)\noracle    %+v (%s)", name, fuel, a, a.ended(), c, c.ended())
	}
}

// ahead is the most that can have been charged for what a trap kept from being executed: every function on the stack
// once.
func (tr *trio) ahead() int64 {
	most := int64(0)
	for i := range tr.module.Bodies {
		total := int64(0)
		for r := NewReader(tr.module.Bodies[i].Code); r.Next(); {
			in := r.Instruction()
			total += price(in.Op)
			if in.Op == OpCall && int(in.Index) < len(tr.module.Imports) {
				imp := tr.module.Imports[in.Index]
				total += tr.policy.ImportFuel[imp.Module+"."+imp.Name]
			}
			if in.Op == OpI32Const {
				total += int64(uint32(in.Const) >> 4) // may be the length of a bulk operation
			}
		}
		most = max(most, total)
	}
	return most * int64(2*MaxDepth)
}

// exported returns the exported functions with their types, in order.
func exported(m *Module) (names []string, types map[string]FuncType) {
	types = map[string]FuncType{}
	imported := m.ImportedFunctions()
	for _, e := range m.Exports {
		if e.Kind != KindFunction {
			continue
		}
		if i := int(e.Index) - imported; i >= 0 {
			types[e.Name] = m.Types[m.Functions[i]]
		} else {
			types[e.Name] = m.Types[m.Imports[e.Index].TypeIndex]
		}
	}
	return slices.Sorted(maps.Keys(types)), types
}
