package wasm

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// fn is a function of a module under test. The code before its text is assembled already, the last end is not written.
type fn struct {
	params, results, locals []ValueType
	before                  []byte
	text                    string
}

// program returns a module of the functions, exported as f0, f1 …, behind the imports env.cheap (0) and env.dear (1),
// both () -> i32. It has one page of memory that may grow to four, a table of eight of which the first holds f0 and the
// second env.dear, and one mutable global of each number type.
func program(t testing.TB, functions ...fn) *Module {
	t.Helper()
	m := &Module{
		Types:    []FuncType{{nil, []ValueType{I32}}, {}},
		Imports:  []Import{{Module: "env", Name: "cheap"}, {Module: "env", Name: "dear"}},
		Tables:   []TableType{{SizeLimits{Min: 8, Max: 12, HasMax: true}, FuncRef}},
		Memories: []MemoryType{{SizeLimits{Min: 1, Max: 4, HasMax: true}}},
		Elements: []Element{
			{Mode: Active, Offset: Constant{Op: OpI32Const}, Type: FuncRef, Items: []Constant{{OpRefFunc, 2}, {OpRefFunc, 1}}},
			{Mode: Passive, Type: FuncRef, Items: []Constant{{OpRefFunc, 2}}},
			{Mode: Declarative, Type: FuncRef, Items: []Constant{{OpRefFunc, 1}}},
		},
		DataCount: new(uint32),
		Data:      []Data{{Mode: Passive, Bytes: []byte("0123456789abcdef0123456789abcdef")}},
		Globals: []Global{
			{GlobalType{I32, true}, Constant{Op: OpI32Const}}, {GlobalType{I64, true}, Constant{Op: OpI64Const}},
			{GlobalType{F32, true}, Constant{Op: OpF32Const}}, {GlobalType{F64, true}, Constant{Op: OpF64Const}},
			{GlobalType{FuncRef, true}, Constant{OpRefNull, uint64(FuncRef)}},
		},
	}
	*m.DataCount = 1
	for i, f := range functions {
		body := Body{Code: slices.Concat(f.before, asm(t, f.text), []byte{byte(OpEnd)})}
		for _, l := range f.locals {
			body.Locals = append(body.Locals, LocalGroup{1, l})
		}
		m.Types = append(m.Types, FuncType{f.params, f.results})
		m.Functions = append(m.Functions, uint32(len(m.Types)-1))
		m.Bodies = append(m.Bodies, body)
		m.Exports = append(m.Exports, Export{"f" + decimal(i), KindFunction, uint32(2 + i)})
	}
	decoded, err := Decode(m.Encode(), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

func programPolicy() Policy {
	return Policy{MemoryPages: 16, TableEntries: 64, Depth: 512, ImportFuel: map[string]int64{"env.cheap": 0, "env.dear": 1_000}}
}

// run calls f0 of a program on both engines and by the oracle, which all have to agree.
func run(t testing.TB, fuel int64, functions ...fn) outcome {
	t.Helper()
	tr := newTrio(t, program(t, functions...), programPolicy(), compiler)
	defer tr.close()
	o, _ := tr.call("f0", fuel)
	return o
}

func TestWhatInstructionsCost(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		fuel int64
	}{
		"nothing":                               {"", 0},
		"nops and empty blocks":                 {"nop block - end loop - end", 0},
		"a constant that is dropped":            {"i32.const 1 drop", 1},
		"an addition":                           {"i32.const 1 i32.const 2 i32.add drop", 3},
		"the arm that is taken":                 {"i32.const 1 if - i32.const 2 drop else nop end", 3},
		"the arm that is not":                   {"i32.const 0 if - i32.const 2 drop else nop end", 2},
		"a return is free":                      {"return", 0},
		"what follows a return is free":         {"return i32.const 1 drop", 0},
		"a branch":                              {"block - br 0 i32.const 1 drop end", 1},
		"a branch that is not taken":            {"block - i32.const 0 br_if 0 i32.const 1 drop end", 3},
		"a branch that is":                      {"block - i32.const 1 br_if 0 i32.const 1 drop end", 2},
		"what follows a block is paid once":     {"block - i32.const 1 br_if 0 i32.const 1 drop end i32.const 7 drop", 3},
		"a branch table":                        {"block - i32.const 5 br_table [0 0] 0 end", 4},
		"a loop, three times":                   {"i32.const 3 global.set 0 loop - global.get 0 i32.const 1 i32.sub global.set 0 global.get 0 br_if 0 end", 20},
		"a call":                                {"call 3 drop", 3},
		"an import that is free":                {"call 0 drop", 2},
		"an import that is not":                 {"call 1 drop", 1_002},
		"a call through the table":              {"i32.const 1 call_indirect 0 0 drop", 1_006},
		"a reference to an import":              {"i32.const 3 i32.const 1 table.get 0 table.set 0 i32.const 3 call_indirect 0 0 drop", 1_010 + 200_000},
		"filling 160 bytes":                     {"i32.const 0 i32.const 0 i32.const 160 memory.fill", 14},
		"filling 15 bytes":                      {"i32.const 0 i32.const 0 i32.const 15 memory.fill", 4},
		"filling a computed length":             {"i32.const 0 i32.const 0 i32.const 80 i32.const 80 i32.add memory.fill", 16},
		"copying":                               {"i32.const 0 i32.const 9 i32.const 320 memory.copy", 24},
		"copying from a segment":                {"i32.const 0 i32.const 0 i32.const 32 memory.init 0", 6},
		"dropping a segment":                    {"data.drop 0", 1 + 200_000},
		"growing by a page":                     {"i32.const 1 memory.grow drop", 16_384 + 34},
		"growing by three":                      {"i32.const 3 memory.grow drop", 3*16_384 + 34},
		"growing by nothing":                    {"i32.const 0 memory.grow drop", 34},
		"growing beyond the maximum":            {"i32.const 4 memory.grow drop", 34},
		"growing by all there are":              {"i32.const -1 memory.grow drop", 34},
		"growing a table by four":               {"ref.null funcref i32.const 4 table.grow 0 drop", 35 + 8 + 200_000},
		"growing a table beyond its maximum":    {"ref.null funcref i32.const 5 table.grow 0 drop", 35 + 200_000},
		"growing a table by all there are":      {"ref.null funcref i32.const -1 table.grow 0 drop", 35 + 200_000},
		"filling a table":                       {"i32.const 0 ref.null funcref i32.const 8 table.fill 0", 4 + 200_000},
		"changing a table twice":                {"i32.const 0 ref.null funcref table.set 0 elem.drop 1", 4 + 200_000},
		"changing a table after a refusal":      {"i32.const 4 memory.grow drop elem.drop 1", 35 + 200_000},
		"keeping a reference":                   {"ref.null funcref global.set 4", 2 + 200_000},
		"reading a table":                       {"i32.const 0 table.get 0 drop", 2},
		"a float whose NaN is made canonical":   {"f64.const 0 f64.const 0 f64.div global.set 3", 4},
		"code behind a block that never ends":   {"block - loop - i32.const 1 br_if 1 br 0 end end i32.const 1 drop", 3},
		"an if whose arms both leave":           {"block - i32.const 1 if - br 1 else return end end i32.const 1 drop", 4},
		"a block with parameters and a result":  {"i32.const 1 i32.const 2 block type 4 i32.add br 0 end drop", 4},
		"what stands behind an endless loop":    {"i32.const 1 if - return end loop - br 0 end i32.const 1 drop", 2},
		"leaving two loops at once":             {"block - loop - loop - i32.const 1 br_if 2 br 1 end end end i32.const 1 drop", 3},
		"falling out of a loop without a jump":  {"loop - i32.const 1 drop end i32.const 1 drop", 2},
		"an else that leaves, a then that ends": {"block - i32.const 1 if - nop else br 1 end i32.const 3 drop end i32.const 4 drop", 4},
	} {
		t.Run(name, func(t *testing.T) {
			const limit = 1 << 30
			f0 := fn{text: c.text}
			f1 := fn{results: []ValueType{I32}, text: "i32.const 4"}
			f2 := fn{params: []ValueType{I32, I32}, results: []ValueType{I32}, text: "i32.const 4"}
			o := run(t, limit, f0, f1, f2)
			if o.trap != "" || limit-o.fuel != c.fuel {
				t.Errorf("burned %d fuel (trap %q), want %d", limit-o.fuel, o.trap, c.fuel)
			}
		})
	}
}

func TestFuelEndsWhatNeverWould(t *testing.T) {
	for name, functions := range map[string][]fn{
		"an empty loop":                         {{text: "loop - br 0 end"}},
		"a loop that jumps from an inner one":   {{text: "loop - loop - br 1 end end"}},
		"a loop around a loop that ends":        {{text: "loop - loop - i32.const 0 br_if 0 end br 0 end"}},
		"a loop by a branch table":              {{text: "loop - i32.const 0 br_table [0 0] 0 end"}},
		"a loop of calls":                       {{text: "loop - call 3 br 0 end"}, {text: "nop"}},
		"a loop of imports":                     {{text: "loop - call 1 br_if 0 br 0 end"}},
		"a loop in a function that is called":   {{text: "call 3"}, {text: "loop - br 0 end"}},
		"filling over and over":                 {{text: "loop - i32.const 0 i32.const 0 i32.const 65536 memory.fill br 0 end"}},
		"filling a computed length":             {{text: "loop - i32.const 0 i32.const 0 memory.size i32.const 16 i32.shl memory.fill br 0 end"}},
		"growing over and over":                 {{text: "loop - i32.const 1 memory.grow drop br 0 end"}},
		"a tree of calls without a loop":        tree(22),
		"a tree of leaves":                      append([]fn{{text: strings.Repeat("call 3 ", 4_000)}, {text: strings.Repeat("call 4 ", 4_000)}}, fn{text: "nop"}),
		"a length that looks negative":          {{text: "i32.const 0 i32.const 0 i32.const -1 global.get 0 i32.add memory.fill"}},
		"a constant length that looks negative": {{text: "i32.const 0 i32.const 0 i32.const -1 memory.fill"}},
	} {
		t.Run(name, func(t *testing.T) {
			if o := run(t, 1_000_000, functions...); o.ended() != outOfFuel || o.trap != "wasm error: unreachable" {
				t.Errorf("%s: %+v", o.ended(), o)
			}
		})
	}
}

// tree returns functions that each call the next one twice.
func tree(levels int) (functions []fn) {
	for i := range levels {
		functions = append(functions, fn{text: strings.Repeat("call "+decimal(3+i)+" ", 2)})
	}
	return append(functions, fn{text: "i32.const 1 drop"})
}

func TestFuelCannotWrap(t *testing.T) {
	costly := fn{text: strings.Repeat("i32.const 0 i32.const 0 i32.const -1 memory.fill ", 400)}
	for _, limit := range []int64{0, 1, -1, math.MinInt64 / 2} {
		if o := run(t, limit, costly); o.ended() != outOfFuel || o.fuel > limit {
			t.Errorf("with %d: %s, %d left", limit, o.ended(), o.fuel)
		}
	}
	dear := programPolicy()
	dear.ImportFuel["env.dear"] = maxImportCharge
	tr := newTrio(t, program(t, fn{text: "loop - " + strings.Repeat("call 1 drop ", 4_000) + "br 0 end"}), dear, compiler)
	defer tr.close()
	if o, _ := tr.call("f0", 0); o.ended() != outOfFuel {
		t.Errorf("%s: %+v", o.ended(), o)
	}
}

// TestALargeChargeIsCheckedBeforeItsCodeRuns has code in an arm that costs more than there is.
func TestALargeChargeIsCheckedBeforeItsCodeRuns(t *testing.T) {
	for count, want := range map[int]uint64{checkedCost: 0, checkedCost - 100: 7} {
		f := fn{text: "i32.const 1 if - i32.const 7 global.set 0 " + strings.Repeat("i32.const 1 drop ", count) + "end"}
		m := program(t, f)
		rewritten, err := Rewrite(m, programPolicy())
		if err != nil {
			t.Fatal(err)
		}
		compiled := compile(t, compiler, m, rewritten.Wasm)
		in := compiled.instantiate()
		if o := in.call("f0", 512, 500); o.ended() != outOfFuel || in.global("hotdrop.g0").Get() != want {
			t.Errorf("%d instructions: %s, the global is %d, want %d", count, o.ended(), in.global("hotdrop.g0").Get(), want)
		}
		compiled.close()
	}
}

func TestAGuestThatIsOutOfFuelStaysSo(t *testing.T) {
	m := program(t, fn{text: "loop - br 0 end"}, fn{text: "call 3"}, fn{text: "i32.const 1 global.set 0"})
	rewritten, err := Rewrite(m, programPolicy())
	if err != nil {
		t.Fatal(err)
	}
	f := compile(t, compiler, m, rewritten.Wasm)
	defer f.close()
	in := f.instantiate()
	left := in.call("f0", 512, 1_000).fuel
	for _, name := range []string{"f0", "f1"} {
		if o := in.call(name, 512, left); o.ended() != outOfFuel || o.trap == "" {
			t.Errorf("%s: %s", name, o.ended())
		}
	}
}

func TestWhatThePolicyRefuses(t *testing.T) {
	nothing := fn{text: "nop"}
	for name, c := range map[string]struct {
		edit func(m *Module, p *Policy)
		code string // "": not the module's fault
		text string
	}{
		"a start function": {func(m *Module, _ *Policy) { m.Start = new(uint32); *m.Start = 2 }, CodeUnsupported, "start function"},
		"an export with the host's prefix": {func(m *Module, _ *Policy) {
			m.Exports = append(m.Exports, Export{"hotdrop.fuel", KindGlobal, 0})
		}, CodeExport, "hotdrop.fuel"},
		"an export with the host's prefix and nothing else": {func(m *Module, _ *Policy) { m.Exports[0].Name = "hotdrop." }, CodeExport, "hotdrop."},
		"a reference that code makes":                       {func(m *Module, _ *Policy) { m.Bodies[0].Code = asm(t, "ref.func 1 drop end") }, CodeUnsupported, "ref.func"},
		"a reference that code would make if it were reached": {func(m *Module, _ *Policy) {
			m.Bodies[0].Code = asm(t, "return ref.func 1 drop end")
		}, CodeUnsupported, "ref.func"},
		"an import without a price": {func(_ *Module, p *Policy) { delete(p.ImportFuel, "env.dear") }, CodeImport, "env.dear"},
		"an imported memory": {func(m *Module, _ *Policy) {
			m.Memories = nil
			m.Imports = append(m.Imports, Import{Module: "env", Name: "mem", Kind: KindMemory})
		}, CodeImport, "env.mem is a memory"},
		"an imported table": {func(m *Module, _ *Policy) {
			m.Tables = nil
			m.Imports = append(m.Imports, Import{Module: "env", Name: "tab", Kind: KindTable, Table: TableType{Type: FuncRef, SizeLimits: SizeLimits{Min: 8}}})
		}, CodeImport, "env.tab is a table"},
		"an imported global": {func(m *Module, _ *Policy) {
			m.Imports = append(m.Imports, Import{Module: "env", Name: "g", Kind: KindGlobal, Global: GlobalType{Type: I32}})
		}, CodeImport, "env.g is a global"},
		"a memory that starts too large": {func(_ *Module, p *Policy) { p.MemoryPages = 0 }, CodeMemory, "1 pages, the limit is 0"},
		"code that becomes too large": {func(m *Module, _ *Policy) {
			m.Bodies[0].Code = slices.Concat(asm(t, "f64.const 0"), bytes.Repeat(asm(t, "f64.sqrt f64.neg"), 20_000), asm(t, "drop end"))
		}, CodeTooLarge, "metering makes the code more than 4 times as large"},
		"many locals in many blocks": {func(m *Module, _ *Policy) {
			m.Bodies[0] = Body{Locals: []LocalGroup{{1_000, I32}}, Code: append(bytes.Repeat(asm(t, "block - end"), 66), byte(OpEnd))}
		}, CodeTooLarge, "too many blocks"},
		"a hundred functions of many locals in many blocks": {func(m *Module, _ *Policy) {
			m.Bodies[0] = Body{Locals: []LocalGroup{{1_000, I32}}, Code: append(bytes.Repeat(asm(t, "block - end"), 60), byte(OpEnd))}
			m.Bodies, m.Functions = slices.Repeat(m.Bodies, 100), slices.Repeat(m.Functions, 100)
		}, CodeTooLarge, "too many blocks"},
		"loops in many functions": {func(m *Module, _ *Policy) {
			m.Bodies[0].Code = append(bytes.Repeat(asm(t, "loop - end"), 500), byte(OpEnd))
			m.Bodies, m.Functions = slices.Repeat(m.Bodies, 17), slices.Repeat(m.Functions, 17)
		}, CodeTooLarge, "too many blocks"},
		"many loops in a function": {func(m *Module, _ *Policy) {
			m.Bodies[0].Code = append(bytes.Repeat(asm(t, "loop - end"), 2_049), byte(OpEnd))
		}, CodeTooLarge, "too many blocks"},
		"no depth":                         {func(_ *Module, p *Policy) { p.Depth = 0 }, "", "depth"},
		"more depth than the interpreter":  {func(_ *Module, p *Policy) { p.Depth = MaxDepth + 1 }, "", "depth"},
		"an import that pays for a call":   {func(_ *Module, p *Policy) { p.ImportFuel["env.dear"] = -1 }, "", "env.dear"},
		"an import that costs too much":    {func(_ *Module, p *Policy) { p.ImportFuel["env.dear"] = maxImportCharge + 1 }, "", "env.dear"},
		"a module that has been rewritten": {func(m *Module, p *Policy) { *m = *rewrittenAgain(t, m, *p) }, CodeExport, "hotdrop."},
	} {
		t.Run(name, func(t *testing.T) {
			m, p := program(t, nothing), programPolicy()
			c.edit(m, &p)
			_, err := Rewrite(m, p)
			var refused *Error
			if err == nil || errors.As(err, &refused) != (c.code != "") || !strings.Contains(err.Error(), c.text) {
				t.Fatalf("got %v, want %s with %q", err, c.code, c.text)
			}
			if refused != nil && refused.Code != c.code {
				t.Errorf("code %s, want %s", refused.Code, c.code)
			}
		})
	}
}

func TestAReferenceThatCodeMakesIsRefusedWhereItsFunctionStands(t *testing.T) {
	m := program(t, fn{text: "nop"}, fn{text: "i32.const 0 if - ref.func 1 drop end"})
	_, err := Rewrite(m, programPolicy())
	want := Error{Code: CodeUnsupported, Offset: m.Bodies[1].Offset}
	if got, ok := errors.AsType[*Error](err); !ok || got.Code != want.Code || got.Offset != want.Offset || want.Offset == 0 {
		t.Errorf("got %v, want %s at %d", err, want.Code, want.Offset)
	}
}

func rewrittenAgain(t testing.TB, m *Module, p Policy) *Module {
	t.Helper()
	rewritten, err := Rewrite(m, p)
	if err != nil {
		t.Fatal(err)
	}
	return mustDecode(t, rewritten.Wasm)
}

func TestAGuestCannotNameTheHostsGlobals(t *testing.T) {
	for _, text := range []string{"global.get 5 drop", "i64.const 1 global.set 5", "i32.const 1 global.set 6", "i32.const 1 global.set 7"} {
		m := program(t, fn{text: "nop"})
		m.Bodies[0].Code = append(asm(t, text), byte(OpEnd))
		if _, err := Decode(m.Encode(), DefaultLimits()); err == nil {
			t.Errorf("%s is accepted, though the guest has globals 0 to 4", text)
		}
	}
}

func TestMaximaOfMemoriesAndTables(t *testing.T) {
	for name, c := range map[string]struct {
		guest  SizeLimits
		policy uint32
		want   uint32
	}{
		"no maximum":                 {SizeLimits{Min: 1}, 16, 16},
		"a larger maximum":           {SizeLimits{Min: 1, Max: 100, HasMax: true}, 16, 16},
		"a smaller maximum":          {SizeLimits{Min: 1, Max: 2, HasMax: true}, 16, 2},
		"no room at all":             {SizeLimits{Min: 1, Max: 1, HasMax: true}, 1, 1},
		"a maximum of all there are": {SizeLimits{Min: 1}, 65_536, 65_536},
	} {
		m := program(t, fn{text: "nop"})
		m.Memories[0].SizeLimits = c.guest
		m.Tables[0].SizeLimits = c.guest
		m.Tables[0].Min = 2
		m.Tables[0].Max = max(2, m.Tables[0].Max)
		p := programPolicy()
		p.MemoryPages, p.TableEntries = c.policy, c.policy
		out := rewrittenAgain(t, m, p)
		if got := out.Memories[0].SizeLimits; got != (SizeLimits{Min: c.guest.Min, Max: c.want, HasMax: true}) {
			t.Errorf("%s: memory %+v", name, got)
		}
		if got := out.Tables[0].SizeLimits; got != (SizeLimits{Min: 2, Max: max(2, c.want), HasMax: true}) {
			t.Errorf("%s: table %+v", name, got)
		}
	}
}

func TestWhatARewrittenModuleExports(t *testing.T) {
	m := program(t, fn{text: "nop"})
	p := programPolicy()
	rewritten, err := Rewrite(m, p)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"hotdrop.g0", "hotdrop.g1", "hotdrop.g2", "hotdrop.g3", FuelGlobal, DepthGlobal, DirtyGlobal}
	if !slices.Equal(rewritten.Globals, want) {
		t.Errorf("globals %v, want %v", rewritten.Globals, want)
	}
	if rewritten.Memory != MemoryName {
		t.Errorf("the memory is exported as %q", rewritten.Memory)
	}
	m.Exports = append(m.Exports, Export{"memory", KindMemory, 0})
	if rewritten, err = Rewrite(m, p); err != nil || rewritten.Memory != "memory" {
		t.Errorf("the memory is exported as %q, %v", rewritten.Memory, err)
	}
	m.Exports[1].Kind = KindFunction // called memory, but none
	m.Exports[1].Index = 2
	if rewritten, err = Rewrite(m, p); err != nil || rewritten.Memory != MemoryName {
		t.Errorf("the memory is exported as %q, %v", rewritten.Memory, err)
	}
	f := compile(t, compiler, m, rewritten.Wasm)
	defer f.close()
	in := f.instantiate()
	for name, value := range map[string]uint64{FuelGlobal: 0, DepthGlobal: 512, DirtyGlobal: 0} {
		if got := in.global(name).Get(); got != value {
			t.Errorf("%s is %d in a new instance, want %d", name, got, value)
		}
	}
}

func TestRewritingLeavesTheModuleAsItWas(t *testing.T) {
	for seed := range uint64(20) {
		m := mustDecode(t, generate(seed).Encode())
		before := m.Encode()
		for range 2 {
			if _, err := Rewrite(m, freely(m)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(m.Encode(), before) {
				t.Fatalf("seed %d: the module was changed", seed)
			}
		}
	}
}

func TestRewritingIsRepeatable(t *testing.T) {
	for path, wasm := range shipped(t) {
		m := mustDecode(t, wasm)
		p := freely(m)
		p.MemoryPages = 256
		a, errA := Rewrite(m, p)
		b, errB := Rewrite(mustDecode(t, wasm), p)
		if err := errors.Join(errA, errB); err != nil || !bytes.Equal(a.Wasm, b.Wasm) {
			t.Errorf("%s: two rewritings differ: %v", path, err)
		}
	}
}

func TestAnExportedImportPaysToo(t *testing.T) {
	m := program(t, fn{text: "nop"})
	m.Exports = append(m.Exports, Export{"dear", KindFunction, 1}, Export{"cheap", KindFunction, 0})
	tr := newTrio(t, m, programPolicy(), compiler)
	defer tr.close()
	for name, want := range map[string]int64{"dear": 1_000, "cheap": 0} {
		if o, _ := tr.call(name, 5_000); 5_000-o.fuel != want {
			t.Errorf("%s burned %d, want %d", name, 5_000-o.fuel, want)
		}
	}
	asked := *tr.compiled.asked
	if o, _ := tr.call("dear", 999); o.ended() != outOfFuel || o.trap == "" || o.asked != asked {
		t.Errorf("%s, and the import was called: %t", o.ended(), o.asked != asked)
	}
}

func TestAnImportInAGlobalPaysToo(t *testing.T) {
	m := program(t, fn{text: "i32.const 5 global.get 4 table.set 0 i32.const 5 call_indirect 0 0 drop"})
	m.Globals[4].Init = Constant{OpRefFunc, 1}
	tr := newTrio(t, m, programPolicy(), compiler)
	defer tr.close()
	if o, _ := tr.call("f0", 5_000+200_000); 5_000+200_000-o.fuel != 1_009+200_000 {
		t.Errorf("burned %d", 5_000-o.fuel)
	}
}

func TestCustomSectionsAreDropped(t *testing.T) {
	m := program(t, fn{text: "nop"})
	plain := rewrittenAgain(t, m, programPolicy())
	m.Customs = []Custom{{Name: "producers", Bytes: []byte{0}}}
	if out := rewrittenAgain(t, m, programPolicy()); len(out.Customs) != 0 || !bytes.Equal(out.Encode(), plain.Encode()) {
		t.Errorf("%v", out.Customs)
	}
}

func TestTheDirtyGlobalTellsWhatCannotBePutBack(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want uint64
	}{
		"nothing":                      {"nop", 0},
		"globals and memory":           {"i32.const 1 global.set 0 i32.const 1 i32.const 2 i32.store 2 0", 0},
		"growing the memory":           {"i32.const 1 memory.grow drop", 0},
		"reading the table":            {"i32.const 1 table.get 0 drop table.size 0 drop", 0},
		"a table that is not reached":  {"i32.const 0 if - i32.const 1 ref.null funcref table.set 0 end", 0},
		"a memory that may not grow":   {"i32.const 4 memory.grow drop", Refused},
		"a reference in a global":      {"i32.const 0 table.get 0 global.set 4", Dirty},
		"table.set":                    {"i32.const 1 ref.null funcref table.set 0", Dirty},
		"table.grow":                   {"ref.null funcref i32.const 1 table.grow 0 drop", Dirty},
		"table.fill":                   {"i32.const 0 ref.null funcref i32.const 1 table.fill 0", Dirty},
		"table.copy":                   {"i32.const 0 i32.const 1 i32.const 1 table.copy 0 0", Dirty},
		"table.init":                   {"i32.const 0 i32.const 0 i32.const 1 table.init 1 0", Dirty},
		"elem.drop":                    {"elem.drop 1", Dirty},
		"data.drop":                    {"data.drop 0", Dirty},
		"a table after a refusal":      {"i32.const 4 memory.grow drop elem.drop 1", Dirty | Refused},
		"a refusal after a table":      {"elem.drop 1 i32.const 4 memory.grow drop", Dirty | Refused},
		"what traps is marked as well": {"i32.const 99 ref.null funcref table.set 0", Dirty},
	} {
		m := program(t, fn{text: c.text})
		rewritten, err := Rewrite(m, programPolicy())
		if err != nil {
			t.Fatal(err)
		}
		f := compile(t, compiler, m, rewritten.Wasm)
		in := f.instantiate()
		in.call("f0", 512, 1<<20)
		if got := in.global(DirtyGlobal).Get(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		f.close()
	}
}
