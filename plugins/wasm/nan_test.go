package wasm

import (
	"math"
	"testing"
)

// floatBits are NaNs of every kind and ordinary numbers.
func floatBits(t ValueType) []uint64 {
	if t == F32 {
		return []uint64{0x7fc00000, 0xffc00000, 0x7f800001, 0xffbfffff, 0x7fffffff, 0, 0x80000000, 0x3f800000, 0x7f800000, 0xff800000}
	}
	return []uint64{
		0x7ff8000000000000, 0xfff8000000000000, 0x7ff0000000000001, 0xfff7ffffffffffff, 0x7fffffffffffffff, 0, 1 << 63,
		0x3ff0000000000000, 0x7ff0000000000000, 0xfff0000000000000,
	}
}

func constantOf(t ValueType, bits uint64) []byte {
	if t == F32 {
		return appendF32(nil, uint32(bits))
	}
	return appendF64(nil, bits)
}

// TestComputedNaNsAreCanonical computes every instruction on floats over NaNs and numbers and looks at the bits of what
// it leaves.
func TestComputedNaNsAreCanonical(t *testing.T) {
	for _, op := range allOpcodes() {
		operands, results, ok := op.Fixed()
		if !ok || len(operands) == 0 || len(results) != 1 || !isFloat(operands[0]) || !isFloat(results[0]) {
			continue
		}
		t.Run(op.String(), func(t *testing.T) {
			var functions []fn
			for _, a := range floatBits(operands[0]) {
				for _, b := range floatBits(operands[0]) {
					code := constantOf(operands[0], a)
					if len(operands) == 2 {
						code = append(code, constantOf(operands[0], b)...)
					}
					functions = append(functions, fn{results: results, before: append(code, byte(op))})
				}
			}
			checkNaNs(t, op, functions)
		})
	}
}

func isFloat(t ValueType) bool { return t == F32 || t == F64 }

func checkNaNs(t *testing.T, op Opcode, functions []fn) {
	t.Helper()
	m := program(t, functions...)
	tr := newTrio(t, m, programPolicy(), interpreter)
	defer tr.close()
	seen := 0
	for i := range functions {
		o, _ := tr.call("f"+decimal(i), 1_000)
		bits := o.results[0]
		if computesFloat(op) == 0 || !isNaN(functions[i].results[0], bits) {
			continue
		}
		seen++
		if bits != canonicalNaN32 && bits != canonicalNaN64 {
			t.Errorf("f%d leaves %x", i, bits)
		}
	}
	if (seen > 0) != (computesFloat(op) != 0) {
		t.Errorf("%d NaNs were computed", seen)
	}
}

func isNaN(t ValueType, bits uint64) bool {
	if t == F32 {
		return bits&0x7fffffff > 0x7f800000
	}
	return bits&0x7fffffffffffffff > 0x7ff0000000000000
}

// TestNaNsThatAreOnlyMovedKeepTheirBits holds constants, loads, locals, select, neg, abs and copysign against the
// specification, which has them work on the bits.
func TestNaNsThatAreOnlyMovedKeepTheirBits(t *testing.T) {
	const signalling = 0xfff4000000000001
	for name, c := range map[string]struct {
		text string
		want uint64
	}{
		"a constant":       {"", signalling},
		"a local":          {"local.set 0 local.get 0", signalling},
		"a global":         {"global.set 3 global.get 3", signalling},
		"memory":           {"local.set 0 i32.const 8 local.get 0 f64.store 3 0 i32.const 8 f64.load 3 0", signalling},
		"reinterpretation": {"i64.reinterpret_f64 f64.reinterpret_i64", signalling},
		"select":           {"f64.const 0 i32.const 1 select", signalling},
		"abs":              {"f64.abs", signalling &^ (1 << 63)},
		"neg":              {"f64.neg", signalling &^ (1 << 63)},
		"copysign":         {"f64.const 1 f64.copysign", signalling &^ (1 << 63)},
	} {
		f := fn{results: []ValueType{F64}, locals: []ValueType{F64}, before: appendF64(nil, signalling), text: c.text}
		o := run(t, 1_000, f)
		if len(o.results) != 1 || o.results[0] != c.want {
			t.Errorf("%s: %x, want %x", name, o.results, c.want)
		}
	}
}

// TestNaNsAreSettledWhereTheyCanBeSeen lets a NaN with the sign of the processor's own escape in every way there is.
func TestNaNsAreSettledWhereTheyCanBeSeen(t *testing.T) {
	const compute = "f64.const 0 f64.const 0 f64.div "
	for name, text := range map[string]string{
		"returned":               compute,
		"returned early":         compute + "return",
		"branched with":          "block f64 " + compute + "br 0 end",
		"kept in a local":        compute + "local.set 0 local.get 0",
		"kept by tee":            compute + "local.tee 0 drop local.get 0",
		"kept in a global":       compute + "global.set 3 global.get 3",
		"stored":                 "i32.const 8 " + compute + "f64.store 3 0 i32.const 8 f64.load 3 0",
		"reinterpreted":          compute + "i64.reinterpret_f64 f64.reinterpret_i64",
		"the first operand":      compute + "f64.const 1 f64.copysign",
		"passed on":              compute + "call 3",
		"computed on":            compute + "f64.sqrt f64.floor",
		"selected":               compute + "f64.const 1 i32.const 1 select",
		"the end of an arm":      "i32.const 1 if f64 " + compute + "else f64.const 1 end",
		"the end of another arm": "i32.const 0 if f64 f64.const 1 else " + compute + "end",
		"behind a promotion":     "f32.const 0 f32.const 0 f32.div f64.promote_f32",
		"behind a demotion":      compute + "f32.demote_f64 i32.reinterpret_f32 f32.reinterpret_i32 f64.promote_f32",
	} {
		o := run(t, 1_000, fn{results: []ValueType{F64}, locals: []ValueType{F64}, text: text},
			fn{params: []ValueType{F64}, results: []ValueType{F64}, text: "local.get 0"})
		if len(o.results) != 1 || o.results[0] != canonicalNaN64 {
			t.Errorf("%s: %x, want %x", name, o.results, uint64(canonicalNaN64))
		}
	}
}

func TestTheSignOfAComputedNaNIsPositive(t *testing.T) {
	for _, text := range []string{
		"f64.const 3 f64.const 0 f64.const 0 f64.div f64.copysign",
		"f64.const 3 f64.const -1 f64.sqrt f64.copysign",
		"f64.const 3 f32.const 0 f32.const 0 f32.div f64.promote_f32 f64.copysign",
		"f64.const 3 f64.const 0 f64.const 0 f64.div f64.neg f64.neg f64.copysign",
	} {
		o := run(t, 1_000, fn{results: []ValueType{F64}, text: text})
		if len(o.results) != 1 || o.results[0] != math.Float64bits(3) {
			t.Errorf("%s: %x", text, o.results)
		}
	}
}

func TestOnlyModulesThatComputeFloatsPayForThem(t *testing.T) {
	for text, want := range map[string]bool{
		"i32.const 1 drop": false, "f64.const 1 f64.neg drop": false, "f64.const 1 f64.sqrt drop": true, "f32.const 1 f64.promote_f32 drop": true,
	} {
		rewritten, err := Rewrite(program(t, fn{text: text}), programPolicy())
		if err != nil || rewritten.Floats != want {
			t.Errorf("%s: floats %t, %v", text, rewritten.Floats, err)
		}
	}
}
