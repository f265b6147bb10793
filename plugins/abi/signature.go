package abi

import (
	"fmt"
	"strings"
)

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

// Function is one import: its signature, and what a call of it costs.
type Function struct {
	Name    string
	Params  []Type
	Results []Type
	// Fuel is burned by every call, whatever it is asked: it covers the longest strings that the import takes. It is part
	// of the fuel schedule, so a change of it is a change of wasm.Version.
	Fuel int64
}

// String renders the signature as "(i32, i32) -> (i64)".
func (f Function) String() string { return Signature(f.Params, f.Results) }

// Signature renders parameters and results as "(i32, i32) -> (i64)". Types that the ABI does not know keep the names that
// they have where they come from.
func Signature[T fmt.Stringer](params, results []T) string {
	return list(params) + " -> " + list(results)
}

func list[T fmt.Stringer](types []T) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return "(" + strings.Join(names, ", ") + ")"
}

// The parts that a call's fuel is made of. One unit buys at most about a nanosecond of a guest's own work; these are
// what the host's work takes at its worst, in that unit (BenchmarkImports).
const (
	fuelCall   = 100   // into the host and back
	fuelPath   = 200   // finding a fact by a path of [MaxName] bytes
	fuelName   = 300   // copying a name of [MaxName] bytes that is not ASCII
	fuelLabel  = 600   // copying a label of [MaxLabel] bytes
	fuelString = 6_000 // copying a text of [MaxString] bytes
)

// Functions returns every import with its signature: facts, then fail and log, then the effects.
func Functions() []Function {
	return append([]Function{
		{FactKind, []Type{I32, I32}, []Type{I32}, fuelCall + fuelPath},
		{FactI64, []Type{I32, I32}, []Type{I64}, fuelCall + fuelPath},
		{FactStr, []Type{I32, I32, I32, I32}, []Type{I32}, fuelCall + 2*fuelPath},
		{FactLen, []Type{I32, I32}, []Type{I32}, fuelCall + fuelPath},
		{Fail, []Type{I32, I32}, nil, fuelCall + fuelString},
		{Log, []Type{I32, I32}, nil, fuelCall + fuelString},
	}, Effects()...)
}

// Effects returns the imports that propose effects, each named like its effect, with their signatures.
func Effects() []Function {
	const named, labelled, texted = fuelCall + fuelName, fuelCall + fuelLabel, fuelCall + fuelName + fuelString
	return []Function{
		{Deny, []Type{I32, I32, I32, I32}, nil, texted},
		{Discount, []Type{I64, I32, I32}, nil, labelled},
		{DiscountPercent, []Type{I64, I32, I32}, nil, labelled},
		{Price, []Type{I64, I32, I32}, nil, labelled},
		{Add, []Type{I32, I32, I32, I64, I32, I32}, nil, labelled + fuelName},
		{Deposit, []Type{I64, I64}, nil, fuelCall},
		{Group, []Type{I32, I32, I64}, nil, fuelCall},
		{Take, []Type{I32, I32, I32}, nil, named},
		{Once, []Type{I32, I32}, nil, named},
		{Oblige, []Type{I32, I32, I32, I32}, nil, texted},
		{Grant, []Type{I32, I32, I32}, nil, named},
		{Enter, []Type{I32, I32, I64}, nil, named},
		{Tag, []Type{I32, I32, I32, I32}, nil, texted},
		{Notify, []Type{I32, I32, I32, I32}, nil, texted},
		{Reply, []Type{I32, I32}, nil, fuelCall + fuelString},
	}
}
