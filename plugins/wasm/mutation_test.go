package wasm

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
)

var mutations = flag.Int("mutations", 6_000, "how many mutated bodies are put to another implementation")

// A validator is right when it agrees with another one about code that is nearly valid. Bodies of known modules are
// changed by a few instructions, each still well encoded, and put to both.
func TestVerdictsOnMutatedBodiesAreThoseOfWazero(t *testing.T) {
	r := newReferee(t)
	modules := mutationModules(t)
	random := rand.New(rand.NewPCG(20, uint64(*mutations)))
	accepted := 0
	for round := range *mutations {
		m := modules[random.IntN(len(modules))]
		body := random.IntN(len(m.Bodies))
		original := m.Bodies[body].Code
		m.Bodies[body].Code = mutate(random, original)
		wasm := m.Encode()
		_, err := Decode(wasm, corpusLimits())
		other := r.refuses(wasm)
		stricter := err != nil && selectsByType(m.Bodies[body].Code)
		if (err == nil) != (other == nil) && !stricter {
			t.Errorf("round %d: %v, wazero: %v\n% x", round, err, other, m.Bodies[body].Code)
		}
		if err == nil {
			accepted++
		}
		m.Bodies[body].Code = original
	}
	t.Logf("%d of %d mutated modules were valid", accepted, *mutations)
	if accepted < *mutations/20 || accepted > *mutations/2 {
		t.Error("nearly all or nearly none were valid: the comparison says little")
	}
}

// selectsByType reports code of which wazero accepts too much: it does not hold the operands of a select that names its
// type against that type.
func selectsByType(code []byte) bool {
	r := NewReader(code)
	for r.Next() {
		if r.Instruction().Op == OpSelectTyped {
			return true
		}
	}
	return false
}

// mutationModules returns small modules with bodies: the sample and those of the specification.
func mutationModules(t *testing.T) []*Module {
	t.Helper()
	sample := sampleModule(t)
	for _, code := range []string{
		"block i32 i32.const 1 local.get 0 br_if 0 drop i32.const 2 end end",
		"loop i32 local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 local.get 0 end end",
		"block - block - local.get 0 br_table [0 1 0] 1 end unreachable end local.get 0 call 2 i32.const 0 i32.const 0 select end",
		"local.get 0 i64.const 4 block type 2 call 3 end i32.const 8 i32.const 0 if type 1 i32.eqz else i32.clz end i32.store 0 0 drop i32.const 1 end",
		"ref.func 2 ref.is_null ref.null externref table.size 1 table.grow 1 i32.add local.get 0 call_indirect 1 0 end",
		"i32.const 0 i32.const 0 i32.const 1 table.init 1 1 elem.drop 1 i32.const 0 local.get 0 i32.const 1 memory.fill memory.size end",
		"unreachable i32.const 1 br_if 0 select i32.const 1 return end",
		"global.get 1 global.set 1 f64.const 1 i64.trunc_sat_f64_s i32.wrap_i64 i32.extend8_s end",
	} {
		sample.Functions = append(sample.Functions, 1)
		sample.Bodies = append(sample.Bodies, Body{Code: asm(t, code)})
	}
	if _, err := Decode(sample.Encode(), sampleLimits()); err != nil {
		t.Fatal(err)
	}
	modules := []*Module{sample, sample, sample}
	for _, file := range filesIn(t, filepath.Join(integrationTests(t), "spectest", "v2", "testdata", "*.0.wasm")) {
		m, err := Decode(readFile(t, file), corpusLimits())
		if err == nil && len(m.Bodies) > 0 && len(m.Encode()) < 4_096 && !importsFromNamelessModule(m) {
			modules = append(modules, m)
		}
	}
	return modules
}

// mutate changes one to three instructions.
func mutate(random *rand.Rand, code []byte) []byte {
	for range 1 + random.IntN(3) {
		code = mutateOnce(random, code)
	}
	return code
}

func mutateOnce(random *rand.Rand, code []byte) []byte {
	var all []Instruction
	r := NewReader(code)
	for r.Next() {
		all = append(all, *r.Instruction())
	}
	if r.Err() != nil || len(all) == 0 {
		return code // an earlier change made it malformed
	}
	at := random.IntN(len(all))
	in := all[at]
	before, this, after := code[:in.Start], code[in.Start:in.End], code[in.End:]
	switch random.IntN(6) {
	case 0: // leave it out
		if len(all) > 1 {
			this = nil
		}
	case 1: // twice
		this = slices.Concat(this, this)
	case 2: // another instruction instead
		this = randomInstruction(random, in.Op.info().immediate)
	case 3: // another instruction before it
		this = slices.Concat(encodeInstruction(allOpcodes()[random.IntN(len(allOpcodes()))]), this)
	case 4: // swapped with an earlier one
		other := all[random.IntN(at+1)]
		return slices.Concat(code[:other.Start], this, code[other.End:max(in.Start, other.End)], code[other.Start:other.End], after)
	default: // the same instruction with another index
		this = reindexed(random, in, this)
	}
	return slices.Concat(before, this, after)
}

// randomInstruction returns an instruction with immediates of the given shape.
func randomInstruction(random *rand.Rand, shape immediate) []byte {
	var same []Opcode
	for _, op := range allOpcodes() {
		if op.info().immediate == shape {
			same = append(same, op)
		}
	}
	return encodeInstruction(same[random.IntN(len(same))])
}

func reindexed(random *rand.Rand, in Instruction, code []byte) []byte {
	code = slices.Clone(code)
	switch in.Op.info().immediate {
	case immIndex, immInit:
		return append(code[:len(code)-1], byte(random.IntN(8)))
	case immTwo, immCallIndirect, immAddress:
		code[len(code)-1-random.IntN(2)] = byte(random.IntN(4))
	case immTargets:
		code[len(code)-1-random.IntN(in.Targets.Count+1)] = byte(random.IntN(4))
	case immBlock:
		return []byte{byte(in.Op), []byte{0x40, 0x7f, 0x7e, 0x70, 0, 1, 2, 3, 4}[random.IntN(9)]}
	case immTypes, immRefType:
		code[len(code)-1] = byte(singleResults[random.IntN(len(singleResults))])
	}
	return code
}

// What stands around the bodies is changed as well: indices, types, constants, limits, modes, counts.
func TestVerdictsOnMutatedModulesAreThoseOfWazero(t *testing.T) {
	r := newReferee(t)
	random := rand.New(rand.NewPCG(26, uint64(*mutations)))
	accepted := 0
	for round := range *mutations {
		m := sampleModule(t)
		for range 1 + random.IntN(2) {
			mutateModule(random, m)
		}
		wasm := m.Encode()
		_, err := Decode(wasm, corpusLimits())
		other := r.refuses(wasm)
		stricter := err != nil && m.Imports[1].Global.Mutable // wazero lets constants read an imported global that is mutable
		if (err == nil) != (other == nil) && !stricter {
			t.Errorf("round %d: %v, wazero: %v\n% x", round, err, other, wasm)
		}
		if err == nil {
			accepted++
		}
	}
	t.Logf("%d of %d mutated modules were valid", accepted, *mutations)
	if accepted < *mutations/20 || accepted > *mutations/2 {
		t.Error("nearly all or nearly none were valid: the comparison says little")
	}
}

func mutateModule(random *rand.Rand, m *Module) {
	small := uint32(random.IntN(5))
	anyType := func() ValueType { return singleResults[random.IntN(len(singleResults))] }
	constant := func() Constant {
		return Constant{
			Op:    []Opcode{OpI32Const, OpI64Const, OpGlobalGet, OpRefFunc, OpF32Const, OpF64Const}[random.IntN(6)],
			Value: uint64(random.IntN(5)),
		}
	}
	changes := []func(){
		func() { m.Types[random.IntN(len(m.Types))].Params = []ValueType{anyType()} },
		func() { m.Types[random.IntN(len(m.Types))].Results = []ValueType{anyType()} },
		func() { m.Types = m.Types[:small] },
		func() { m.Imports[0].TypeIndex = small },
		func() { m.Imports[1].Global = GlobalType{anyType(), small == 0} },
		func() { m.Imports[small%2].Kind = Kind(random.IntN(5)) },
		func() { m.Imports[0].Table.Type = anyType() },
		func() { m.Functions[random.IntN(3)] = small },
		func() { m.Functions = m.Functions[:random.IntN(4)] },
		func() { m.Tables[random.IntN(2)].Type = anyType() },
		func() { m.Tables[0].Min = small * 3 },
		func() { m.Tables = m.Tables[:random.IntN(2)] },
		func() { m.Memories[0].Min = small * 8 },
		func() { m.Memories[0].Max = 0x8000 * (small + 1) },
		func() { m.Memories = nil },
		func() { m.Globals[random.IntN(2)].Init = constant() },
		func() { m.Globals[random.IntN(2)].Type = anyType() },
		func() { m.Exports[random.IntN(2)].Index = small },
		func() { m.Exports[random.IntN(2)].Kind = Kind(small) },
		func() { m.Exports[0].Name = m.Exports[1].Name },
		func() { m.Start = &small },
		func() { m.Elements[0].Table = small },
		func() { m.Elements[random.IntN(2)].Type = anyType() },
		func() { m.Elements[random.IntN(2)].Mode = SegmentMode(small % 3) },
		func() { m.Elements[0].Offset = constant() },
		func() { m.Elements[random.IntN(2)].Items[0] = constant() },
		func() { m.DataCount = nil },
		func() { m.Bodies = m.Bodies[:random.IntN(4)] },
		func() { m.Data[0].Offset = constant() },
		func() { m.Data[random.IntN(2)].Mode = SegmentMode(small % 2) },
		func() { m.Data = m.Data[:random.IntN(2)] },
	}
	if len(m.Types) > 0 && len(m.Functions) == 3 && len(m.Tables) == 2 && len(m.Memories) == 1 && len(m.Data) == 2 {
		changes[random.IntN(len(changes))]()
	}
}
