package wasm

import (
	"bytes"
	"slices"
	"testing"
)

// TestEverythingEndlessEnds puts random code that neither traps nor leaves into every shape of endlessness. Whatever the
// code does, the call ends with its fuel or its depth below 0.
func TestEverythingEndlessEnds(t *testing.T) {
	shapes := map[string]struct {
		before, after []byte
		want          []ended
	}{
		"a loop":               {[]byte{byte(OpLoop), emptyBlock}, []byte{byte(OpBr), 0, byte(OpEnd)}, []ended{outOfFuel}},
		"a loop in a loop":     {[]byte{byte(OpLoop), emptyBlock, byte(OpLoop), emptyBlock}, []byte{byte(OpBr), 1, byte(OpEnd), byte(OpEnd)}, []ended{outOfFuel}},
		"a recursion":          {nil, []byte{byte(OpCall), 3}, []ended{outOfDepth, outOfFuel}},
		"a mutual recursion":   {nil, []byte{byte(OpCall), 4}, []ended{outOfDepth, outOfFuel}},
		"an indirect one":      {nil, slices.Concat(appendI32(nil, 0), []byte{byte(OpCallIndirect), 0, 0}), []ended{outOfDepth, outOfFuel}},
		"a recursion in loops": {[]byte{byte(OpLoop), emptyBlock}, []byte{byte(OpCall), 3, byte(OpBr), 0, byte(OpEnd)}, []ended{outOfDepth, outOfFuel}},
	}
	for name, shape := range shapes {
		for seed := range uint64(15) {
			m := mustDecode(t, endless(seed, shape.before, shape.after).Encode())
			tr := newTrio(t, m, freely(m), interpreter)
			if o, _ := tr.call("f0", 100_000); !slices.Contains(shape.want, o.ended()) || o.trap != "wasm error: unreachable" {
				t.Errorf("%s, seed %d: %s: %+v", name, seed, o.ended(), o)
			}
			tr.close()
		}
	}
}

// endless returns a module of two functions of type () -> (): the first runs tame random code between before and after,
// the second calls the first.
func endless(seed uint64, before, after []byte) *Module {
	g := newGenerator(seed)
	g.tame = true
	g.skeleton(2)
	g.m.Functions[0], g.m.Functions[1] = 0, 0
	g.m.Elements[0].Items[0] = Constant{OpRefFunc, 3}
	tame := g.function(0)
	tame.Code = slices.Concat(before, tame.Code[:len(tame.Code)-1], after, []byte{byte(OpEnd)})
	g.m.Bodies = []Body{tame, {Code: []byte{byte(OpCall), 3, byte(OpEnd)}}}
	return g.m
}

// TestRewrittenModulesAreValid decodes what was rewritten, under our own rules; compiling it in the differential tests
// does so under the runtime's.
func TestRewrittenModulesAreValid(t *testing.T) {
	for seed := range uint64(100) {
		m := mustDecode(t, generate(seed).Encode())
		checkRewritten(t, m)
	}
	for _, wasm := range shipped(t) {
		checkRewritten(t, mustDecode(t, wasm))
	}
}

// checkRewritten rewrites a module and checks everything about the result that holds for every module.
func checkRewritten(t *testing.T, m *Module) {
	t.Helper()
	p := freely(m)
	p.MemoryPages = 256
	rewritten, err := Rewrite(m, p)
	if err != nil {
		return
	}
	out, err := Decode(rewritten.Wasm, corpusLimits())
	if err != nil {
		t.Fatalf("what was rewritten is invalid: %v", err)
	}
	if !bytes.Equal(out.Encode(), rewritten.Wasm) {
		t.Error("what was rewritten is not canonical")
	}
	if len(rewritten.Wasm) > len(m.Encode())+outputMinimum+outputFactor*m.codeSize() {
		t.Errorf("%d bytes became %d", len(m.Encode()), len(rewritten.Wasm))
	}
	checkEveryLoop(t, out, uint32(len(m.Globals)))
}

// checkEveryLoop checks that the fuel is compared at the head of every loop that something jumps back to.
func checkEveryLoop(t *testing.T, out *Module, fuel uint32) {
	t.Helper()
	charge := appendIndexed(nil, OpGlobalGet, fuel)
	compare := append(appendI64(nil, 0), byte(OpI64LtS), byte(OpIf), emptyBlock, byte(OpUnreachable), byte(OpEnd))
	for i := range out.Bodies {
		for _, head := range loopHeads(out.Bodies[i].Code) {
			if !bytes.HasPrefix(head, charge) || !bytes.Contains(head[:min(len(head), 40)], compare) {
				t.Errorf("function %d: a loop is not checked: % x", i, head[:min(len(head), 40)])
			}
		}
	}
}

// loopHeads returns the code behind the head of every loop that a br or br_if jumps back to.
func loopHeads(code []byte) (heads [][]byte) {
	var open []int // blocks: where a loop begins, else -1
	for r := NewReader(code); r.Next(); {
		switch in := r.Instruction(); in.Op {
		case OpBlock, OpIf:
			open = append(open, -1)
		case OpLoop:
			open = append(open, in.End)
		case OpEnd:
			open = open[:max(0, len(open)-1)]
		case OpBr, OpBrIf:
			if at := len(open) - 1 - int(in.Index); at >= 0 && open[at] >= 0 {
				heads = append(heads, code[open[at]:])
			}
		}
	}
	return heads
}

// FuzzRewrite rewrites whatever Decode accepts: the result is valid, and so it is when it is decoded anew.
func FuzzRewrite(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(generate(seed).Encode())
	}
	for _, wasm := range shipped(f) {
		if len(wasm) < 100_000 {
			f.Add(wasm)
		}
	}
	f.Fuzz(func(t *testing.T, wasm []byte) {
		m, err := Decode(wasm, DefaultLimits())
		if err != nil {
			return
		}
		checkRewritten(t, m)
		if !bytes.Equal(mustDecode(t, m.Encode()).Encode(), m.Encode()) {
			t.Error("the module was changed")
		}
	})
}
