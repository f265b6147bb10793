package wasm

import (
	"bytes"
	"errors"
	"testing"
)

// bodyCase is a function of the sample module whose code is validated. Where it is refused, the place is that of the
// instruction that is marked by a ! before its name.
type bodyCase struct {
	name string
	typ  uint32 // of the function, as sampleModule lists them
	code string
}

func (c bodyCase) run(t *testing.T) {
	t.Helper()
	text, marked, refused := cutMark(c.code)
	code := asm(t, text)
	m := sampleModule(t)
	m.Functions = append(m.Functions, c.typ)
	m.Bodies = append(m.Bodies, Body{Locals: []LocalGroup{{Count: 1, Type: F32}, {Count: 1, Type: ExternRef}}, Code: code})
	encoded := m.Encode()
	decoded, err := Decode(encoded, sampleLimits())
	if !refused {
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		if again := decoded.Encode(); !bytes.Equal(again, encoded) {
			t.Error("the module encodes to other bytes")
		}
		return
	}
	checkRefused(t, encoded, sampleLimits(), CodeDecode, lastCode(m)+len(asm(t, marked)))
}

// cutMark returns the text without the mark, and what stands before it.
func cutMark(text string) (plain, before string, found bool) {
	for i := range text {
		if text[i] == '!' {
			return text[:i] + text[i+1:], text[:i], true
		}
	}
	return text, "", false
}

// lastCode returns where the code of the last body begins in what the module encodes to: data and customs follow it.
func lastCode(m *Module) int {
	behind := (&Module{Data: m.Data, Customs: m.Customs}).Encode()
	return len(m.Encode()) - (len(behind) - 8) - len(m.Bodies[len(m.Bodies)-1].Code)
}

func runBodies(t *testing.T, cases []bodyCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, c.run)
	}
}

func TestOperands(t *testing.T) {
	runBodies(t, []bodyCase{
		{"an empty body of a function without results", 0, "end"},
		{"nop needs nothing", 0, "nop end"},
		{"a constant is the result", 3, "i32.const 1 end"},
		{"the result is missing", 3, "!end"},
		{"one result too many", 3, "i32.const 1 i32.const 2 !end"},
		{"a result of another type", 3, "i64.const 1 !end"},
		{"a result where none is expected", 0, "i32.const 1 !end"},
		{"two results in order", 2, "local.get 1 local.get 0 end"},
		{"two results the wrong way round", 2, "local.get 0 local.get 1 !end"},
		{"operands of the right types", 3, "i32.const 1 i32.const 2 i32.add end"},
		{"the first operand is of another type", 3, "i64.const 1 i32.const 2 !i32.add end"},
		{"the second operand is of another type", 3, "i32.const 1 i64.const 2 !i32.add end"},
		{"one operand is missing", 3, "i32.const 1 !i32.add end"},
		{"both operands are missing", 3, "!i32.add end"},
		{"a block cannot take operands from outside", 0, "i32.const 1 block - !drop end drop end"},
		{"drop takes any type", 0, "ref.null externref drop f64.const 1 drop end"},
		{"drop without an operand", 0, "!drop end"},
		{"sign extension", 3, "i32.const 1 i32.extend8_s end"},
		{"saturating conversion", 3, "f64.const 1 i32.trunc_sat_f64_u end"},
		{"saturating conversion of the wrong type", 3, "f32.const 1 !i32.trunc_sat_f64_u end"},
	})
}

func TestSelect(t *testing.T) {
	runBodies(t, []bodyCase{
		{"between numbers", 3, "i32.const 1 i32.const 2 i32.const 0 select end"},
		{"between different numbers", 3, "i32.const 1 i64.const 2 i32.const 0 !select end"},
		{"by something that is no i32", 3, "i32.const 1 i32.const 2 i64.const 0 !select end"},
		{"between references without naming the type", 0, "ref.null funcref ref.null funcref i32.const 0 !select drop end"},
		{"between references by type", 0, "ref.null funcref ref.null funcref i32.const 0 select_typed funcref drop end"},
		{"between references of another type", 0, "ref.null externref ref.null funcref i32.const 0 !select_typed funcref drop end"},
		{"with one operand", 3, "i32.const 1 i32.const 0 !select end"},
		{"in code that cannot be reached", 3, "unreachable select end"},
		{"one known operand decides in code that cannot be reached", 3, "unreachable i64.const 1 i32.const 0 select !end"},
		{"a reference in code that cannot be reached", 3, "unreachable ref.null funcref i32.const 0 !select end"},
	})
}

func TestLocalsAndGlobals(t *testing.T) {
	runBodies(t, []bodyCase{
		{"parameters come first, locals follow", 1, "f32.const 1 local.set 1 local.get 2 drop local.get 0 end"},
		{"a local that does not exist", 1, "!local.get 3 drop local.get 0 end"},
		{"an index beyond 31 bits", 1, "!local.get 0xffffffff drop local.get 0 end"},
		{"a local of another type", 1, "i32.const 1 !local.set 1 local.get 0 end"},
		{"tee leaves its operand", 1, "i32.const 1 local.tee 0 end"},
		{"tee of another type", 1, "i64.const 1 !local.tee 0 drop local.get 0 end"},
		{"a mutable global is written and read", 0, "global.get 1 global.set 1 end"},
		{"an imported global is read", 3, "global.get 0 end"},
		{"an immutable global is written", 0, "i32.const 1 !global.set 2 end"},
		{"an imported immutable global is written", 0, "i32.const 1 !global.set 0 end"},
		{"a global of another type", 0, "i32.const 1 !global.set 1 end"},
		{"a global that would exist once another is appended", 0, "i64.const 1 !global.set 3 end"},
		{"a global to read that would exist once another is appended", 0, "!global.get 3 drop end"},
	})
}

func TestBlocks(t *testing.T) {
	runBodies(t, []bodyCase{
		{"a block with a result", 3, "block i32 i32.const 1 end end"},
		{"a block without its result", 3, "block i32 !end end"},
		{"a block with a result that it does not have", 0, "block - i32.const 1 !end end"},
		{"a block with parameters and results", 2, "local.get 0 local.get 1 block type 2 drop drop i64.const 1 i32.const 2 end end"},
		{"a block without its parameters", 2, "local.get 0 !block type 2 i64.const 1 end end"},
		{"a type that does not exist", 0, "!block type 4 end end"},
		{"a loop's parameters are its operands", 1, "local.get 0 loop type 1 i32.const 1 i32.add end end"},
		{"if with both arms", 3, "i32.const 1 if i32 i32.const 1 else i32.const 2 end end"},
		{"if without a condition", 0, "!if - end end"},
		{"if with a condition of another type", 0, "i64.const 1 !if - end end"},
		{"if without else has no result to give", 3, "i32.const 1 if i32 i32.const 1 !end end"},
		{"if without else passes its parameters on", 1, "local.get 0 i32.const 1 if type 1 end end"},
		{"else starts with the parameters again", 1, "local.get 0 i32.const 1 if type 1 drop i32.const 2 else end end"},
		{"the first arm lacks its result", 3, "i32.const 1 if i32 !else i32.const 2 end end"},
		{"the second arm lacks its result", 3, "i32.const 1 if i32 i32.const 1 else !end end"},
		{"else outside of an if", 0, "!else end"},
		{"else in a block", 0, "block - !else end end"},
		{"a second else", 0, "i32.const 1 if - else !else end end"},
	})
}

func TestBodiesThatEndWrongly(t *testing.T) {
	for _, c := range []struct {
		name, code string
		offset     int // from the start of the code
	}{
		{"no end", "nop", 1},
		{"a block without end", "block - end", 3},
		{"an instruction behind the end", "end nop", 1},
		{"a second end", "end end", 1},
		{"an else behind the end", "end else", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &Module{Types: []FuncType{{}}, Functions: []uint32{0}, Bodies: []Body{{Code: asm(t, c.code)}}}
			b := m.Encode()
			offset := lastCode(m) + c.offset
			checkRefused(t, b, DefaultLimits(), CodeDecode, offset)
		})
	}
}

func TestBranches(t *testing.T) {
	runBodies(t, []bodyCase{
		{"br ends the function", 0, "br 0 end"},
		{"br takes the result along", 3, "i32.const 1 br 0 end"},
		{"br without the result", 3, "!br 0 end"},
		{"br to a label that does not exist", 0, "!br 1 end"},
		{"br to a label far beyond", 0, "block - !br 0xffffffff end end"},
		{"br to a loop takes its parameters, not its results", 3, "loop i32 br 0 end end"},
		{"br to a loop with parameters", 1, "local.get 0 loop type 1 br 0 end end"},
		{"br_if leaves what it would take along", 3, "i32.const 1 i32.const 0 br_if 0 end"},
		{"br_if without its operand", 3, "i32.const 0 !br_if 0 end"},
		{"br_if of another type", 3, "i64.const 1 i32.const 0 !br_if 0 drop i32.const 1 end"},
		{"br_table", 0, "block - block - i32.const 1 br_table [0 1 2] 0 end end end"},
		{"br_table without labels but the default", 0, "i32.const 1 br_table [] 0 end"},
		{"br_table to a label that does not exist", 0, "i32.const 1 !br_table [0 1] 0 end"},
		{"br_table with a default that does not exist", 0, "i32.const 1 !br_table [0] 1 end"},
		{"br_table whose labels take different counts", 3, "block - i32.const 1 i32.const 1 !br_table [0] 1 end i32.const 1 end"},
		{"br_table whose labels take different types", 3, "block i64 i32.const 1 i32.const 1 !br_table [1 0] 1 end drop i32.const 1 end"},
		{"br_table whose labels agree", 3, "block i32 i32.const 1 i32.const 1 br_table [0 1] 1 end end"},
		{"a later br_table checks a label again", 3,
			"block - block - i32.const 0 br_table [1] 0 end i32.const 1 i32.const 0 !br_table [0] 1 end i32.const 1 end"},
		{"br_table without its index", 0, "!br_table [0] 0 end"},
		{"return", 3, "i32.const 1 return end"},
		{"return from a block returns from the function", 3, "block - i32.const 1 return end i32.const 2 end"},
		{"return leaves operands behind", 3, "i64.const 5 i32.const 1 return end"},
		{"return without the result", 3, "!return end"},
	})
}

func TestCodeThatCannotBeReached(t *testing.T) {
	runBodies(t, []bodyCase{
		{"has any operand", 3, "unreachable end"},
		{"has any operand after br", 3, "i32.const 0 br 0 i32.add end"},
		{"has any operand after return", 3, "i32.const 0 return end"},
		{"has any operand after br_table", 3, "i32.const 0 i32.const 0 br_table [0] 0 i64.eqz end"},
		{"still knows the operands that it pushed itself", 3, "unreachable i64.const 1 !i32.eqz end"},
		{"still knows what an instruction leaves", 3, "unreachable i64.add !i32.eqz end"},
		{"still must not leave too much", 3, "unreachable i32.const 1 i32.const 2 !end"},
		{"may supply the first operand only", 3, "unreachable i32.const 1 i32.add end"},
		{"ends with its block", 3, "block - unreachable end !i32.add end"},
		{"does not make what is outside of its block unreachable", 3, "block - br 0 end !end"},
		{"checks blocks inside as if they were reached", 3, "unreachable block - !i32.eqz drop end end"},
		{"supplies parameters to a block", 3, "unreachable block type 1 end end"},
		{"supplies results to br_if", 3, "unreachable br_if 0 end"},
		{"br_if leaves operands of known types", 3, "block i32 unreachable br_if 0 !i64.eqz end end"},
		{"br_table may take different types", 3, "block i64 unreachable br_table [0 1] 0 end drop i32.const 1 end"},
		{"br_table must not take different counts", 3, "block - unreachable !br_table [0 1] 0 end i32.const 1 end"},
		{"br_table still knows operands that were pushed", 3, "block i64 unreachable i32.const 1 i32.const 1 !br_table [1 0] 1 end drop i32.const 1 end"},
		{"else can be reached although the first arm cannot", 3, "i32.const 1 if i32 unreachable else !end end"},
		{"checks indices", 0, "unreachable !call 99 end"},
		{"checks labels", 0, "unreachable !br 7 end"},
		{"checks globals", 0, "unreachable !global.set 3 end"},
		{"has references too", 3, "unreachable ref.is_null end"},
		{"a number is no reference even there", 3, "unreachable i32.const 1 !ref.is_null end"},
	})
}

func TestCalls(t *testing.T) {
	runBodies(t, []bodyCase{
		{"an imported function", 0, "call 0 end"},
		{"a function with parameters and results", 3, "i32.const 1 call 2 end"},
		{"several results", 2, "local.get 0 local.get 1 call 3 end"},
		{"parameters of other types", 3, "i64.const 1 !call 2 end"},
		{"parameters the wrong way round", 2, "local.get 1 local.get 0 !call 3 end"},
		{"a missing parameter", 3, "!call 2 end"},
		{"itself", 0, "call 4 end"},
		{"a function that would exist once another is appended", 0, "!call 5 end"},
		{"through the table", 3, "i32.const 1 i32.const 0 call_indirect 1 0 end"},
		{"through the table without its index", 3, "i32.const 1 !call_indirect 1 0 end"},
		{"through the table by a type that does not exist", 0, "i32.const 0 !call_indirect 4 0 end"},
		{"through a table that does not exist", 0, "i32.const 0 !call_indirect 0 2 end"},
		{"through a table of externref", 0, "i32.const 0 !call_indirect 0 1 end"},
	})
}

func TestMemoryInstructions(t *testing.T) {
	runBodies(t, []bodyCase{
		{"load", 3, "i32.const 1 i32.load 2 4 end"},
		{"an offset of 32 bits", 3, "i32.const 1 i32.load 0 0xffffffff end"},
		{"store", 0, "i32.const 1 i64.const 2 i64.store 3 0 end"},
		{"store with operands the wrong way round", 0, "i64.const 2 i32.const 1 !i64.store 3 0 end"},
		{"an address that is no i32", 3, "i64.const 1 !i32.load 2 4 end"},
		{"alignment below the natural one", 3, "i32.const 1 i32.load 0 0 end"},
		{"alignment above the natural one", 3, "i32.const 1 !i32.load 3 0 end"},
		{"alignment of a byte", 3, "i32.const 1 !i32.load8_u 1 0 end"},
		{"alignment of a double", 0, "i32.const 1 f64.const 1 !f64.store 4 0 end"},
		{"alignment beyond every shift", 3, "i32.const 1 !i32.load 0x80 0 end"},
		{"size and grow", 3, "memory.size memory.grow end"},
		{"fill, copy, init and drop", 0, "i32.const 1 i32.const 1 i32.const 1 memory.fill " +
			"i32.const 1 i32.const 1 i32.const 1 memory.copy i32.const 1 i32.const 1 i32.const 1 memory.init 1 data.drop 1 end"},
		{"fill without operands", 0, "!memory.fill end"},
		{"init from a segment that does not exist", 0, "i32.const 1 i32.const 1 i32.const 1 !memory.init 2 end"},
		{"drop of a segment that does not exist", 0, "!data.drop 2 end"},
	})
}

func TestTablesAndReferences(t *testing.T) {
	runBodies(t, []bodyCase{
		{"a null of each type", 0, "ref.null funcref drop ref.null externref drop end"},
		{"is_null takes a reference", 3, "ref.null externref ref.is_null end"},
		{"is_null takes no number", 3, "i32.const 1 !ref.is_null end"},
		{"ref.func of a function that an element segment names", 0, "ref.func 3 drop end"},
		{"ref.func of a function that is exported", 0, "ref.func 2 drop end"},
		{"ref.func of a function that nothing else names", 0, "!ref.func 0 drop end"},
		{"ref.func of itself, which nothing else names", 0, "!ref.func 4 drop end"},
		{"ref.func of a function that does not exist", 0, "!ref.func 5 drop end"},
		{"get and set", 0, "i32.const 0 i32.const 1 table.get 0 table.set 0 end"},
		{"set of another type", 0, "i32.const 0 i32.const 1 table.get 0 !table.set 1 end"},
		{"get from a table that does not exist", 0, "i32.const 0 !table.get 2 drop end"},
		{"size and grow", 3, "ref.null externref table.size 1 table.grow 1 end"},
		{"grow by another type", 3, "ref.null funcref table.size 1 !table.grow 1 end"},
		{"size of a table that does not exist", 3, "!table.size 2 end"},
		{"fill", 0, "i32.const 0 ref.null funcref i32.const 1 table.fill 0 end"},
		{"fill with another type", 0, "i32.const 0 ref.null externref i32.const 1 !table.fill 0 end"},
		{"copy within a table", 0, "i32.const 0 i32.const 0 i32.const 1 table.copy 1 1 end"},
		{"copy between types", 0, "i32.const 0 i32.const 0 i32.const 1 !table.copy 0 1 end"},
		{"copy to a table that does not exist", 0, "i32.const 0 i32.const 0 i32.const 1 !table.copy 2 0 end"},
		{"copy from a table that does not exist", 0, "i32.const 0 i32.const 0 i32.const 1 !table.copy 0 2 end"},
		{"init and drop", 0, "i32.const 0 i32.const 0 i32.const 1 table.init 1 1 elem.drop 1 end"},
		{"init from a segment of another type", 0, "i32.const 0 i32.const 0 i32.const 1 !table.init 1 0 end"},
		{"init from a segment that does not exist", 0, "i32.const 0 i32.const 0 i32.const 1 !table.init 2 0 end"},
		{"init of a table that does not exist", 0, "i32.const 0 i32.const 0 i32.const 1 !table.init 0 2 end"},
		{"drop of a segment that does not exist", 0, "!elem.drop 2 end"},
	})
}

func TestInstructionsThatNeedAMemory(t *testing.T) {
	const iii = "i32.const 1 i32.const 1 i32.const 1 "
	for _, code := range []string{
		"i32.const 1 !i32.load 0 0 drop end", "i32.const 1 i32.const 1 !i32.store 0 0 end", "!memory.size drop end",
		"i32.const 1 !memory.grow drop end", iii + "!memory.fill end", iii + "!memory.copy end", iii + "!memory.init 0 end",
	} {
		t.Run(code, func(t *testing.T) {
			text, before, _ := cutMark(code)
			count := uint32(1)
			m := &Module{
				Types: []FuncType{{}}, Functions: []uint32{0}, Bodies: []Body{{Code: asm(t, text)}},
				DataCount: &count, Data: []Data{{Mode: Passive}},
			}
			b := m.Encode()
			want := lastCode(m) + len(asm(t, before))
			checkRefused(t, b, DefaultLimits(), CodeDecode, want)
			m.Memories = []MemoryType{{}}
			if _, err := Decode(m.Encode(), DefaultLimits()); err != nil {
				t.Errorf("refused with a memory: %v", err)
			}
		})
	}
}

func TestDataInstructionsNeedTheDataCount(t *testing.T) {
	for _, code := range []string{"i32.const 1 i32.const 1 i32.const 1 !memory.init 0 end", "!data.drop 0 end"} {
		t.Run(code, func(t *testing.T) {
			text, before, _ := cutMark(code)
			m := &Module{
				Types: []FuncType{{}}, Functions: []uint32{0}, Bodies: []Body{{Code: asm(t, text)}},
				Memories: []MemoryType{{}}, Data: []Data{{Mode: Passive}},
			}
			b := m.Encode()
			checkRefused(t, b, DefaultLimits(), CodeDecode, lastCode(m)+len(asm(t, before)))
		})
	}
}

// checkRefused decodes what must be refused; a negative offset is not compared.
func checkRefused(t testing.TB, b []byte, l Limits, code string, offset int) {
	t.Helper()
	m, err := Decode(b, l)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal("accepted")
	}
	if m != nil {
		t.Error("a module besides the error")
	}
	if e.Code != code || offset >= 0 && e.Offset != offset {
		t.Errorf("%v, want the code %s at offset %d", e, code, offset)
	}
}
