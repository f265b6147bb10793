package wasm

import "math"

func (w *writer) operands(types []ValueType, depth int) {
	for _, t := range types {
		w.operand(t, depth)
	}
}

// operand writes something that leaves one value of the type.
func (w *writer) operand(t ValueType, depth int) {
	w.room--
	if depth <= 0 || w.room < 0 || w.IntN(4) == 0 {
		w.leaf(t)
		return
	}
	switch w.IntN(10) {
	case 0:
		w.operand(t, depth-1)
		w.indexed(OpLocalTee, w.local(t))
	case 1:
		w.operands([]ValueType{t, t, I32}, depth-1)
		if w.IntN(2) == 0 {
			w.op(OpSelect)
		} else {
			w.code = append(appendOpcode(w.code, OpSelectTyped), 1, byte(t))
		}
	case 2:
		w.inside(OpBlock, FuncType{nil, []ValueType{t}}, depth-1, func(depth int) {
			w.statements(depth)
			w.operand(t, depth)
		})
	case 3:
		w.load(t, depth-1)
	default:
		w.compute(t, depth-1)
	}
}

func (w *writer) leaf(t ValueType) {
	if w.IntN(3) > 0 {
		w.indexed(OpLocalGet, w.local(t))
		return
	}
	if w.IntN(3) == 0 {
		for i, g := range w.m.Globals[:8] {
			if g.Type == t {
				w.indexed(OpGlobalGet, uint32(i))
				return
			}
		}
	}
	switch t {
	case I32:
		w.i32(int32(w.Uint32()) >> w.IntN(32))
	case I64:
		w.code = appendI64(w.code, int64(w.Uint64())>>w.IntN(64))
	case F32:
		w.code = appendF32(w.code, w.float32())
	default:
		w.code = appendF64(w.code, w.float64())
	}
}

// float32 returns the bits of an ordinary number, an extreme, or a NaN of any payload.
func (w *writer) float32() uint32 {
	switch w.IntN(4) {
	case 0:
		return math.Float32bits(float32(w.IntN(100)) / 4)
	case 1:
		return 0x7f800000 | w.Uint32() // infinities and NaNs
	case 2:
		return w.Uint32() & 0x80000001 // zeros and the smallest numbers
	}
	return w.Uint32()
}

func (w *writer) float64() uint64 {
	switch w.IntN(4) {
	case 0:
		return math.Float64bits(float64(w.IntN(100)) / 4)
	case 1:
		return 0x7ff0000000000000 | w.Uint64()
	case 2:
		return w.Uint64() & 0x8000000000000001
	}
	return w.Uint64()
}

func (w *writer) load(t ValueType, depth int) {
	w.address(depth)
	for {
		op := OpI32Load + Opcode(w.IntN(14))
		if _, results, _ := op.Fixed(); results[0] == t {
			w.code = append(appendOpcode(w.code, op), 0, byte(w.IntN(64)))
			return
		}
	}
}

// compute writes any instruction that has operands and one result of the type; those that may trap are rare.
func (w *writer) compute(t ValueType, depth int) {
	for {
		op := OpI32Eqz + Opcode(w.IntN(int(OpI64Extend32S-OpI32Eqz)+1))
		if w.IntN(16) == 0 {
			op = miscBase + Opcode(w.IntN(8))
		}
		operands, results, _ := op.Fixed()
		if results[0] != t || mayTrap(op) && (w.tame || w.IntN(16) > 0) {
			continue
		}
		w.operands(operands, depth)
		w.op(op)
		return
	}
}

func mayTrap(o Opcode) bool {
	division := o >= 0x6d && o <= 0x70 || o >= 0x7f && o <= 0x82
	return division || o >= 0xa8 && o <= 0xab || o >= 0xae && o <= 0xb1
}
