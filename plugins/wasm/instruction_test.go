package wasm

import (
	"errors"
	"math"
	"slices"
	"testing"
)

func TestImmediatesAreRead(t *testing.T) {
	for _, c := range []struct {
		code string
		want Instruction
	}{
		{"block -", Instruction{Op: OpBlock}},
		{"loop i64", Instruction{Op: OpLoop, Block: BlockType{Result: I64}}},
		{"if type 70", Instruction{Op: OpIf, Block: BlockType{Index: 70, Indexed: true}}},
		{"br 3", Instruction{Op: OpBr, Index: 3}},
		{"call 0xffffffff", Instruction{Op: OpCall, Index: math.MaxUint32}},
		{"call_indirect 7 1", Instruction{Op: OpCallIndirect, Index: 7, Index2: 1}},
		{"select_typed externref", Instruction{Op: OpSelectTyped, Type: ExternRef}},
		{"global.set 300", Instruction{Op: OpGlobalSet, Index: 300}},
		{"i64.store32 2 65536", Instruction{Op: OpI64Store32, Align: 2, Offset: 65536}},
		{"memory.grow", Instruction{Op: OpMemoryGrow}},
		{"i32.const -1", Instruction{Op: OpI32Const, Const: math.MaxUint32}},
		{"i64.const -2", Instruction{Op: OpI64Const, Const: math.MaxUint64 - 1}},
		{"f32.const 1", Instruction{Op: OpF32Const, Const: uint64(math.Float32bits(1))}},
		{"f64.const 1", Instruction{Op: OpF64Const, Const: math.Float64bits(1)}},
		{"ref.null funcref", Instruction{Op: OpRefNull, Type: FuncRef}},
		{"ref.func 9", Instruction{Op: OpRefFunc, Index: 9}},
		{"memory.init 4", Instruction{Op: OpMemoryInit, Index: 4}},
		{"table.init 5 6", Instruction{Op: OpTableInit, Index: 5, Index2: 6}},
		{"table.copy 1 2", Instruction{Op: OpTableCopy, Index: 1, Index2: 2}},
	} {
		t.Run(c.code, func(t *testing.T) {
			code := asm(t, "nop "+c.code+" nop")
			r := NewReader(code)
			if !r.Next() || r.Instruction().Op != OpNop || !r.Next() {
				t.Fatal(r.Err())
			}
			got := *r.Instruction()
			if got.Start != 1 || got.End != len(code)-1 {
				t.Errorf("it stands from %d to %d, want 1 to %d", got.Start, got.End, len(code)-1)
			}
			got.Start, got.End = 0, 0
			if !sameInstruction(got, c.want) {
				t.Errorf("read %+v, want %+v", got, c.want)
			}
			if !r.Next() || r.Next() || r.Err() != nil {
				t.Errorf("the nop behind it was not the last instruction: %v", r.Err())
			}
		})
	}
}

func sameInstruction(a, b Instruction) bool {
	labels := slices.Equal(slices.Collect(a.Targets.All()), slices.Collect(b.Targets.All()))
	a.Targets, b.Targets = Targets{}, Targets{}
	return labels && a.Op == b.Op && a.Index == b.Index && a.Index2 == b.Index2 && a.Const == b.Const &&
		a.Type == b.Type && a.Block == b.Block && a.Align == b.Align && a.Offset == b.Offset
}

func TestLabelsOfBranchTables(t *testing.T) {
	r := NewReader(asm(t, "br_table [0 200 4294967295] 5"))
	if !r.Next() {
		t.Fatal(r.Err())
	}
	in := r.Instruction()
	if labels := slices.Collect(in.Targets.All()); !slices.Equal(labels, []uint32{0, 200, math.MaxUint32}) || in.Targets.Count != 3 {
		t.Errorf("the labels are %v, %d of them", labels, in.Targets.Count)
	}
	if in.Index != 5 {
		t.Errorf("the default is %d, want 5", in.Index)
	}
	for label := range in.Targets.All() {
		if label != 0 {
			t.Fatal("the iteration went on after it was left")
		}
		break
	}
}

func TestEveryInstructionThatIsCutShortIsRefused(t *testing.T) {
	for _, op := range allOpcodes() {
		code := encodeInstruction(op)
		for n := 1; n < len(code); n++ {
			r := NewReader(code[:n:n])
			if r.Next() {
				t.Errorf("%s was read from % x", op, code[:n])
			}
			if e, ok := errors.AsType[*Error](r.Err()); !ok || e.Code != CodeDecode {
				t.Errorf("%s cut to %d bytes: %v", op, n, r.Err())
			}
		}
		r := NewReader(code)
		if !r.Next() || r.Instruction().End != len(code) {
			t.Errorf("%s was not read: %v", op, r.Err())
		}
	}
}

func TestImmediatesThatAreMalformed(t *testing.T) {
	for name, code := range map[string][]byte{
		"an index of six bytes":                      {byte(OpCall), 0x80, 0x80, 0x80, 0x80, 0x80, 0x00},
		"an index beyond 32 bits":                    {byte(OpLocalGet), 0xff, 0xff, 0xff, 0xff, 0x1f},
		"an i32 beyond 32 bits":                      {byte(OpI32Const), 0xff, 0xff, 0xff, 0xff, 0x0f},
		"a block type of one value in two bytes":     {byte(OpBlock), 0xff, 0x7f},
		"an empty block type in two bytes":           {byte(OpBlock), 0xc0, 0x7f},
		"a block type that is no type":               {byte(OpBlock), 0x41},
		"a select of no type":                        {byte(OpSelectTyped), 0x00},
		"a select of two types":                      {byte(OpSelectTyped), 0x02, byte(I32), byte(I32)},
		"a select of a type that does not exist":     {byte(OpSelectTyped), 0x01, 0x40},
		"a null of a number":                         {byte(OpRefNull), byte(I32)},
		"more labels than bytes":                     {byte(OpBrTable), 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00},
		"as many labels as bytes, without a default": {byte(OpBrTable), 0x02, 0x00, 0x00},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(code)
			if r.Next() {
				t.Fatal("read")
			}
			if e, ok := errors.AsType[*Error](r.Err()); !ok || e.Code != CodeDecode {
				t.Errorf("%v, want %s", r.Err(), CodeDecode)
			}
		})
	}
}

func TestTheReaderAllocatesNothing(t *testing.T) {
	code := asm(t, "block - i32.const 1 br_table [0 0 0 0] 0 end f64.const 2 drop end")
	if n := testing.AllocsPerRun(100, func() {
		r := Reader{code: code}
		for r.Next() {
			for range r.Instruction().Targets.All() {
				continue
			}
		}
	}); n != 0 {
		t.Errorf("%.0f allocations", n)
	}
}

func FuzzReader(f *testing.F) {
	for _, op := range allOpcodes() {
		f.Add(encodeInstruction(op))
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		r := NewReader(code)
		end := 0
		for r.Next() {
			in := r.Instruction()
			if in.Start != end || in.End <= in.Start || in.End > len(code) {
				t.Fatalf("%s from %d to %d, after %d of %d", in.Op, in.Start, in.End, end, len(code))
			}
			if got := len(slices.Collect(in.Targets.All())); got != in.Targets.Count {
				t.Fatalf("%d labels, %d counted", got, in.Targets.Count)
			}
			end = in.End
		}
		if r.Err() == nil && end != len(code) {
			t.Errorf("stopped at %d of %d without an error", end, len(code))
		}
	})
}
