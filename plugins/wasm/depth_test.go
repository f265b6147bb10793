package wasm

import (
	"slices"
	"strings"
	"testing"
)

func TestRecursionEndsAtTheSameCallOnBothEngines(t *testing.T) {
	for name, functions := range map[string][]fn{
		"a function that calls itself":     {{text: "call 2"}},
		"two that call each other":         {{text: "call 3"}, {text: "call 2"}},
		"through the table":                {{text: "i32.const 0 call_indirect 2 0"}},
		"through the table, by a computed": {{text: "global.get 0 call_indirect 2 0"}},
		"through a reference":              {{text: "i32.const 5 i32.const 0 table.get 0 table.set 0 i32.const 5 call_indirect 2 0"}},
		"with results":                     {{results: []ValueType{I32, F64}, text: "call 2"}},
		"with a thousand locals":           {{locals: slices.Repeat([]ValueType{I64}, 1_000), text: "call 2"}},
		"with a thousand live locals":      {liveLocals(999)},
		"with sixteen thousand operands":   {{results: []ValueType{I32}, text: strings.Repeat("global.get 0 ", 16_000) + "call 2 " + strings.Repeat("i32.add ", 16_000)}},
		"with as many values from calls":   {manyResults(200)},
		"with merged locals":               {mergedLocals(50)},
		"below a long chain":               chain(900, "call 2"),
		"above a long chain":               slices.Concat([]fn{{text: "call 3 call 2"}}, chain(400, "nop")[1:]),
	} {
		t.Run(name, func(t *testing.T) {
			m := program(t, functions...)
			tr := newTrio(t, m, programPolicy(), compiler)
			defer tr.close()
			o, _ := tr.call("f0", 1<<40)
			if o.ended() != outOfDepth || o.trap != "wasm error: unreachable" {
				t.Errorf("%s: %+v", o.ended(), o)
			}
		})
	}
}

// liveLocals returns a function all of whose locals are in use while it calls itself.
func liveLocals(n int) fn {
	f := fn{results: []ValueType{I64}, locals: slices.Repeat([]ValueType{I64}, n)}
	for i := range n {
		f.before = append(appendIndexed(f.before, OpGlobalGet, 1), appendI64(nil, int64(i))...)
		f.before = appendIndexed(append(f.before, byte(OpI64Mul)), OpLocalSet, uint32(i))
	}
	f.before = appendIndexed(f.before, OpCall, 2)
	for i := range n {
		f.before = append(appendIndexed(f.before, OpLocalGet, uint32(i)), byte(OpI64Add))
	}
	return f
}

// manyResults returns a function that calls itself while it holds the results of as many calls.
func manyResults(calls int) fn {
	f := fn{results: slices.Repeat([]ValueType{I64}, 32)}
	f.before = slices.Concat(slices.Repeat(appendIndexed(nil, OpCall, 2), calls), slices.Repeat([]byte{byte(OpDrop)}, 32*(calls-1)))
	return f
}

// mergedLocals returns a function that calls itself while a thousand locals may have come from every one of n blocks.
func mergedLocals(n int) fn {
	f := fn{results: []ValueType{I64}, locals: slices.Repeat([]ValueType{I64}, 1_000)}
	table := appendUnsigned([]byte{byte(OpBrTable)}, uint32(n-1))
	for i := range n {
		table = appendUnsigned(table, uint32(i))
	}
	jump := slices.Concat(appendIndexed(nil, OpGlobalGet, 0), table)
	call := appendIndexed(nil, OpCall, 2)
	f.before = slices.Concat(slices.Repeat([]byte{byte(OpBlock), emptyBlock}, n+1),
		appendIndexed(nil, OpGlobalGet, 0), appendIndexed(nil, OpBrIf, 0), jump, []byte{byte(OpEnd)})
	for i := range 1_000 {
		f.before = appendIndexed(append(f.before, call...), OpLocalSet, uint32(i))
	}
	f.before = slices.Concat(f.before, jump, slices.Repeat([]byte{byte(OpEnd)}, n), call)
	for i := range 1_000 {
		f.before = append(appendIndexed(f.before, OpLocalGet, uint32(i)), byte(OpI64Add))
	}
	return f
}

// chain returns functions that each call the next one; the last has the text.
func chain(n int, last string) (functions []fn) {
	for i := range n - 1 {
		functions = append(functions, fn{text: "call " + decimal(3+i)})
	}
	return append(functions, fn{text: last})
}

func TestTheDepthIsGivenBack(t *testing.T) {
	const count = "local.get 0 i32.eqz "
	again := "local.get 0 i32.const 1 i32.sub call 2 "
	for name, text := range map[string]string{
		"at the end":            count + "if i32 i32.const 7 else " + again + "end",
		"by return":             count + "if - i32.const 7 return end " + again,
		"by return with others": count + "if - f64.const 1 i32.const 7 return end " + again,
		"by a branch":           count + "if - i32.const 7 br 1 end " + again,
		"by a branch that may":  "i32.const 7 " + count + "br_if 0 drop " + again,
		"by a branch table":     count + "if - i32.const 7 i32.const 0 br_table [1] 1 end " + again,
		"by return in a loop":   "loop - " + count + "if - i32.const 7 return end " + again + "return end unreachable",
	} {
		f := fn{params: []ValueType{I32}, results: []ValueType{I32}, text: text}
		tr := newTrio(t, program(t, f), programPolicy(), compiler)
		for _, depth := range []uint64{0, 1, 100, 511} {
			o, same := tr.call("f0", 1<<30, depth) // compares the depth with what it was
			if !same || o.results[0] != 7 {
				t.Errorf("%s, %d deep: %+v", name, depth, o)
			}
		}
		if o, _ := tr.call("f0", 1<<30, 512); o.ended() != outOfDepth {
			t.Errorf("%s, 512 deep: %s", name, o.ended())
		}
		tr.close()
	}
}

func TestOnlyWhatCanRecurIsGuarded(t *testing.T) {
	for name, c := range map[string]struct {
		functions []fn
		want      int
	}{
		"nothing recurs":                                {[]fn{{text: "call 3 call 4"}, {text: "call 4"}, {text: "nop"}}, 0},
		"one does":                                      {[]fn{{text: "call 3"}, {text: "call 3"}, {text: "nop"}}, 1},
		"a group of two, one above, one below":          {[]fn{{text: "call 3"}, {text: "call 4"}, {text: "call 3 call 5"}, {text: "nop"}}, 2},
		"two groups":                                    {[]fn{{text: "call 3"}, {text: "call 2 call 4"}, {text: "call 5"}, {text: "call 4"}}, 4},
		"the table holds nothing of the type":           {[]fn{{params: []ValueType{I32}, text: "nop"}, {text: "i32.const 0 call_indirect 1 0"}}, 0},
		"the table holds the caller's type":             {[]fn{{text: "i32.const 0 call_indirect 1 0"}, {text: "nop"}}, 1},
		"a type like the caller's":                      {[]fn{{text: "i32.const 0 call_indirect 3 0"}, {text: "nop"}}, 1},
		"what a table might hold calls what calls it":   {[]fn{{text: "call 3"}, {text: "i32.const 0 call_indirect 1 0"}}, 2},
		"a reference is taken, but never called":        {[]fn{{text: "nop"}, {text: "i32.const 0 table.get 0 drop call 2"}}, 0},
		"a chain as long as may be":                     {chain(512, "nop"), 0},
		"what is beyond that in a longer one":           {chain(900, "nop"), 388},
		"a chain whose functions also call a leaf":      {leafy(600), 88},
		"a chain of heavy functions as long as may be":  {heavy(256), 0},
		"what is beyond that in a longer heavy one":     {heavy(300), 44},
		"dead code counts, since nobody looked further": {[]fn{{text: "return call 2"}}, 1},
	} {
		rewritten, err := Rewrite(program(t, c.functions...), programPolicy())
		if err != nil {
			t.Fatal(err)
		}
		if rewritten.Guarded != c.want {
			t.Errorf("%s: %d functions are guarded, want %d", name, rewritten.Guarded, c.want)
		}
	}
}

// leafy returns a chain whose functions call the last one besides.
func leafy(n int) []fn {
	functions := chain(n, "nop")
	for i := range functions[:n-1] {
		functions[i].text += " call " + decimal(n+1)
	}
	return functions
}

// heavy returns a chain of functions with a thousand locals each.
func heavy(n int) []fn {
	functions := chain(n, "nop")
	for i := range functions {
		functions[i].locals = slices.Repeat([]ValueType{I64}, 1_000)
	}
	return functions
}

// TestAChainOfTenThousandFunctionsStaysWithinTheStack calls ten thousand functions, each from the one before: that is a
// depth too, and the same on both engines.
func TestAChainOfTenThousandFunctionsStaysWithinTheStack(t *testing.T) {
	m := program(t, fn{text: "nop"})
	for range 9_999 {
		m.Functions = append(m.Functions, m.Functions[0])
		m.Bodies = append(m.Bodies, Body{Locals: []LocalGroup{{100, I64}}, Code: []byte{byte(OpEnd)}})
	}
	for i := range len(m.Bodies) - 1 {
		m.Bodies[i].Code = append(appendIndexed(nil, OpCall, uint32(3+i)), byte(OpEnd))
	}
	for i, from := range []int{0, 10_000 - MaxDepth - 1, 10_000 - MaxDepth} {
		m.Exports = append(m.Exports, Export{"from" + decimal(i), KindFunction, uint32(2 + from)})
	}
	tr := newTrio(t, mustDecode(t, m.Encode()), programPolicy(), compiler)
	defer tr.close()
	for name, want := range map[string]ended{"from0": outOfDepth, "from1": outOfDepth, "from2": returned} {
		if o, _ := tr.call(name, 1<<30); o.ended() != want {
			t.Errorf("%s %s, want %s: %+v", name, o.ended(), want, o)
		}
	}
}

func TestAFunctionWeighsWhatItsFrameCanTake(t *testing.T) {
	many := slices.Repeat([]ValueType{I64}, 32)
	callee := fn{results: many, text: strings.Repeat("i64.const 0 ", 32)}
	received := "call 3 " + strings.Repeat("drop ", 32)
	for name, c := range map[string]struct {
		f    fn
		want uint32
	}{
		"nothing":                      {fn{}, 1},
		"512 locals, one fewer":        {fn{locals: slices.Repeat(many, 16)[1:]}, 1},
		"512 locals":                   {fn{locals: slices.Repeat(many, 16)}, 2},
		"a parameter and 511 locals":   {fn{params: many[:1], locals: slices.Repeat(many, 16)[1:]}, 2},
		"480 values from calls":        {fn{text: strings.Repeat(received, 15)}, 1},
		"512 values from calls":        {fn{text: strings.Repeat(received, 16)}, 2},
		"512 through the table":        {fn{text: strings.Repeat("i32.const 0 call_indirect 3 0 "+strings.Repeat("drop ", 32), 16)}, 2},
		"32 locals in 15 blocks":       {fn{locals: many, text: strings.Repeat("block - end ", 15)}, 2},
		"32 locals in 14 blocks":       {fn{locals: many, text: strings.Repeat("block - end ", 14)}, 1},
		"32 locals in 15 loops":        {fn{locals: many, text: strings.Repeat("loop - end ", 15)}, 2},
		"32 locals in 15 ifs":          {fn{locals: many, text: strings.Repeat("i32.const 0 if - end ", 15)}, 2},
		"32 results in 16 blocks":      {fn{text: strings.Repeat("block type 3 unreachable end "+strings.Repeat("drop ", 32), 16)}, 2},
		"one result in 512 blocks":     {fn{text: strings.Repeat("block i32 i32.const 0 end drop ", 512)}, 2},
		"4,095 bytes and the last end": {fn{text: strings.Repeat("nop ", 4_095)}, 2},
		"4,094 bytes and the last end": {fn{text: strings.Repeat("nop ", 4_094)}, 1},
	} {
		m := program(t, c.f, callee)
		if got := newCallGraph(m, []uint32{0, 0}).weights[0]; got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
