package wasm

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

// The signatures of the table, and every signature that differs from one in a type, are put to another implementation:
// a wrong entry would be accepted by one of the two.
func TestEveryFixedSignatureIsWhatWazeroThinksItIs(t *testing.T) {
	r := newReferee(t)
	checked := 0
	for _, op := range allOpcodes() {
		operands, results, ok := op.Fixed()
		if !ok {
			continue
		}
		for _, s := range neighbours(operands, results) {
			m := signatureModule(t, op, s)
			b := m.Encode()
			_, err := Decode(b, sampleLimits())
			other := r.refuses(b)
			if (err == nil) != (other == nil) {
				t.Errorf("%s with %v -> %v: %v, wazero: %v", op, s.Params, s.Results, err, other)
			}
			checked++
		}
		if _, err := Decode(signatureModule(t, op, FuncType{operands, results}).Encode(), sampleLimits()); err != nil {
			t.Errorf("%s is refused with its own signature: %v", op, err)
		}
	}
	if checked < 1_000 {
		t.Errorf("only %d signatures were checked", checked)
	}
}

// neighbours returns the signature and all that differ in one type or lack one.
func neighbours(operands, results []ValueType) []FuncType {
	all := []FuncType{{operands, results}}
	for i := range operands {
		for _, other := range singleResults {
			changed := slices.Clone(operands)
			changed[i] = other
			all = append(all, FuncType{changed, results})
		}
		all = append(all, FuncType{operands[1:], results})
	}
	for i := range results {
		for _, other := range singleResults {
			changed := slices.Clone(results)
			changed[i] = other
			all = append(all, FuncType{operands, changed})
		}
	}
	return append(all, FuncType{operands, append([]ValueType{I32}, results...)})
}

// signatureModule has a function of type t whose body passes its parameters to one instruction.
func signatureModule(tb testing.TB, op Opcode, t FuncType) *Module {
	tb.Helper()
	m := sampleModule(tb)
	m.Types = append(m.Types, t)
	m.Functions = append(m.Functions, uint32(len(m.Types)-1))
	var code []byte
	for i := range t.Params {
		code = append(code, byte(OpLocalGet), byte(i))
	}
	m.Bodies = append(m.Bodies, Body{Code: append(append(code, encodeInstruction(op)...), byte(OpEnd))})
	return m
}

// encodeInstruction writes the instruction with every immediate zero, which is valid in the sample module.
func encodeInstruction(op Opcode) []byte {
	code := []byte{byte(op)}
	if op >= miscBase {
		code = []byte{prefixMisc, byte(op - miscBase)}
	}
	switch op.info().immediate {
	case immIndex, immMemory, immI32, immI64:
		return append(code, 0)
	case immBlock:
		return append(code, 0x40)
	case immTargets:
		return append(code, 2, 0, 0, 0)
	case immCallIndirect, immAddress, immInit, immMemories, immTwo:
		return append(code, 0, 0)
	case immTypes:
		return append(code, 1, byte(I32))
	case immF32:
		return append(code, make([]byte, 4)...)
	case immF64:
		return append(code, make([]byte, 8)...)
	case immRefType:
		return append(code, byte(FuncRef))
	}
	return code
}

func TestEveryOpcodeOfTheSupportedProposalsHasAName(t *testing.T) {
	if n, want := len(allOpcodes()), 13+3+7+23+2+4+123+5+3+18; n != want {
		t.Errorf("%d opcodes, want %d", n, want)
	}
	for op, want := range map[Opcode]string{
		OpUnreachable: "unreachable", OpElse: "else", OpEnd: "end", OpReturn: "return", OpCallIndirect: "call_indirect",
		OpSelectTyped: "select", OpTableSet: "table.set", OpI32Load: "i32.load", OpI64Store32: "i64.store32",
		OpMemoryGrow: "memory.grow", OpF64Const: "f64.const", OpI32Eqz: "i32.eqz", OpI32LtS: "i32.lt_s",
		OpI32LtU: "i32.lt_u", OpI64Eqz: "i64.eqz", OpI64LtS: "i64.lt_s", OpI64GtS: "i64.gt_s", OpF32Ne: "f32.ne",
		OpF64Ne: "f64.ne", OpI32Add: "i32.add", OpI32Sub: "i32.sub", OpI32And: "i32.and", OpI32ShrU: "i32.shr_u",
		OpI64Add: "i64.add", OpI64Sub: "i64.sub", OpI64Mul: "i64.mul", OpI64ShrU: "i64.shr_u", OpF32Abs: "f32.abs",
		OpF64Copysign: "f64.copysign", OpI64ExtendI32: "i64.extend_i32_u", OpI64Extend32S: "i64.extend32_s",
		OpRefFunc: "ref.func", OpMemoryInit: "memory.init", OpMemoryFill: "memory.fill", OpTableInit: "table.init",
		OpTableFill: "table.fill", 0x12: "opcode 0x12", 0xfc12: "opcode 0xfc12",
	} {
		if got := op.String(); got != want {
			t.Errorf("opcode 0x%x is called %s, want %s", uint16(op), got, want)
		}
	}
}

func TestUnsupportedOpcodesAreRefusedByTheirProposal(t *testing.T) {
	for proposal, codes := range map[string][][]byte{
		proposalSIMD:       {{0xfd, 0x0c}, {0xfd, 0x80, 0x02}},
		proposalThreads:    {{0xfe, 0x00, 0x02, 0x00}},
		proposalTailCalls:  {{0x12, 0x00}, {0x13, 0x00, 0x00}},
		proposalExceptions: {{0x06, 0x40}, {0x07, 0x00}, {0x08, 0x00}, {0x09, 0x00}, {0x0a}, {0x18, 0x00}, {0x19}, {0x1f, 0x40, 0x00}},
		proposalFunctions:  {{0x14, 0x00}, {0x15, 0x00}, {0xd4}, {0xd5, 0x00}, {0xd6, 0x00}},
		proposalGC:         {{0xfb, 0x00, 0x00}, {0xd3}},
		proposalArithmetic: {{0xfc, 0x13}, {0xfc, 0x16}},
		proposalMemories:   {{0x28, 0x42, 0x01, 0x00}, {0x3f, 0x01}, {0x40, 0x01}, {0xfc, 0x08, 0x00, 0x01}, {0xfc, 0x0a, 0x00, 0x01}, {0xfc, 0x0a, 0x01, 0x00}, {0xfc, 0x0b, 0x01}},
	} {
		for _, code := range codes {
			m := sampleModule(t)
			m.Functions = append(m.Functions, 0)
			m.Bodies = append(m.Bodies, Body{Code: append(bytes.Clone(code), byte(OpEnd))})
			_, err := Decode(m.Encode(), sampleLimits())
			if e, ok := errors.AsType[*Error](err); !ok || e.Code != CodeUnsupported || e.Message != unsupportedAt(0, proposal).Message {
				t.Errorf("% x: %v, want that %s are refused", code, err, proposal)
			}
		}
	}
}

func TestBytesThatAreNoOpcode(t *testing.T) {
	known := map[byte]bool{prefixMisc: true}
	for _, op := range allOpcodes() {
		if op < basicOpcodes {
			known[byte(op)] = true
		}
	}
	for b := range 256 {
		if known[byte(b)] || opcodeProposal(Opcode(b)) != "" {
			continue
		}
		m := sampleModule(t)
		m.Functions = append(m.Functions, 0)
		m.Bodies = append(m.Bodies, Body{Code: []byte{byte(b), byte(OpEnd)}})
		checkRefused(t, m.Encode(), sampleLimits(), CodeDecode, lastCode(m))
	}
	for _, sub := range [][]byte{{0x12}, {0x7f}, {0x80, 0x02}, {0xff, 0xff, 0xff, 0xff, 0x0f}} {
		m := sampleModule(t)
		m.Functions = append(m.Functions, 0)
		m.Bodies = append(m.Bodies, Body{Code: append(append([]byte{prefixMisc}, sub...), byte(OpEnd))})
		checkRefused(t, m.Encode(), sampleLimits(), CodeDecode, lastCode(m))
	}
}
