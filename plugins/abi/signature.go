package abi

import "strings"

// Type is a WebAssembly value type.
type Type byte

// The two value types of the ABI, with the numbers of the binary format.
const (
	I32 Type = 0x7f
	I64 Type = 0x7e
)

// String returns the type's name in the text format.
func (t Type) String() string {
	if t == I64 {
		return "i64"
	}
	return "i32"
}

// Function is the signature of one import.
type Function struct {
	Name    string
	Params  []Type
	Results []Type
}

// String renders the signature as "(i32, i32) -> (i64)".
func (f Function) String() string { return Signature(f.Params, f.Results) }

// Signature renders parameters and results as "(i32, i32) -> (i64)".
func Signature(params, results []Type) string { return list(params) + " -> " + list(results) }

func list(types []Type) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return "(" + strings.Join(names, ", ") + ")"
}

// Functions returns every import with its signature: facts, then fail and log, then the effects.
func Functions() []Function {
	return append([]Function{
		{FactKind, []Type{I32, I32}, []Type{I32}},
		{FactI64, []Type{I32, I32}, []Type{I64}},
		{FactStr, []Type{I32, I32, I32, I32}, []Type{I32}},
		{FactLen, []Type{I32, I32}, []Type{I32}},
		{Fail, []Type{I32, I32}, nil},
		{Log, []Type{I32, I32}, nil},
	}, Effects()...)
}

// Effects returns the imports that propose effects, each named like its effect, with their signatures.
func Effects() []Function {
	return []Function{
		{Deny, []Type{I32, I32, I32, I32}, nil},
		{Discount, []Type{I64, I32, I32}, nil},
		{DiscountPercent, []Type{I64, I32, I32}, nil},
		{Price, []Type{I64, I32, I32}, nil},
		{Add, []Type{I32, I32, I32, I64, I32, I32}, nil},
		{Deposit, []Type{I64, I64}, nil},
		{Group, []Type{I32, I32, I64}, nil},
		{Take, []Type{I32, I32, I32}, nil},
		{Once, []Type{I32, I32}, nil},
		{Oblige, []Type{I32, I32, I32, I32}, nil},
		{Grant, []Type{I32, I32, I32}, nil},
		{Enter, []Type{I32, I32, I64}, nil},
		{Tag, []Type{I32, I32, I32, I32}, nil},
		{Notify, []Type{I32, I32, I32, I32}, nil},
		{Reply, []Type{I32, I32}, nil},
	}
}
