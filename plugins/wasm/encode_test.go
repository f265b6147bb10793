package wasm

import (
	"bytes"
	"context"
	"io/fs"
	"math"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

func TestCanonicalForms(t *testing.T) {
	body := func(locals ...byte) []byte {
		content := append(bytes.Clone(locals), 0x0b)
		return sectionOf(SectionCode, append([]byte{1, byte(len(content))}, content...)...)
	}
	for _, c := range []struct {
		name      string
		have, get []byte
	}{
		{"empty sections are left out", moduleOf(sectionOf(SectionType, 0), sectionOf(SectionFunction, 0), sectionOf(SectionCode, 0)), moduleOf()},
		{"numbers have no padding", moduleOf([]byte{1, 0x85, 0x80, 0, 0x81, 0, 0x60, 0, 0}), moduleOf(oneType)},
		{"a table that is named needlessly",
			moduleOf(oneTable, sectionOf(SectionElement, 1, 2, 0, 0x41, 0, 0x0b, 0, 0)),
			moduleOf(oneTable, sectionOf(SectionElement, 1, 0, 0x41, 0, 0x0b, 0))},
		{"expressions that are functions",
			moduleOf(oneType, oneFunction, sectionOf(SectionElement, 1, 5, 0x70, 1, 0xd2, 0, 0x0b), oneBody),
			moduleOf(oneType, oneFunction, sectionOf(SectionElement, 1, 1, 0, 1, 0), oneBody)},
		{"a memory that is named needlessly",
			moduleOf(oneMemory, sectionOf(SectionData, 1, 2, 0, 0x41, 0, 0x0b, 1, 'x')),
			moduleOf(oneMemory, sectionOf(SectionData, 1, 0, 0x41, 0, 0x0b, 1, 'x'))},
		{"a data count without data stays, for code may need it", moduleOf(sectionOf(SectionDataCount, 0)), moduleOf(sectionOf(SectionDataCount, 0))},
		{"locals of one type are one group",
			moduleOf(oneType, oneFunction, body(4, 1, 0x7f, 2, 0x7f, 0, 0x7e, 3, 0x7f)), moduleOf(oneType, oneFunction, body(1, 6, 0x7f))},
		{"locals of two types keep their order",
			moduleOf(oneType, oneFunction, body(3, 1, 0x7f, 2, 0x7e, 3, 0x7f)), moduleOf(oneType, oneFunction, body(3, 1, 0x7f, 2, 0x7e, 3, 0x7f))},
		{"custom sections stay where they were",
			moduleOf(sectionOf(0, 1, 'a', 0), oneType, sectionOf(0, 1, 'b', 2), sectionOf(SectionFunction, 0), sectionOf(0, 1, 'c', 1), oneMemory, sectionOf(0, 1, 'd', 3)),
			moduleOf(sectionOf(0, 1, 'a', 0), oneType, sectionOf(0, 1, 'b', 2), sectionOf(0, 1, 'c', 1), oneMemory, sectionOf(0, 1, 'd', 3))},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Decode(c.have, DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			got := m.Encode()
			if !bytes.Equal(got, c.get) {
				t.Errorf("encoded to % x, want % x", got, c.get)
			}
			checkEncoding(t, newReferee(t), c.name, m)
		})
	}
}

func TestConstantsKeepTheirBits(t *testing.T) {
	for _, c := range []Constant{
		{OpI32Const, math.MaxUint32},
		{OpI32Const, math.MaxInt32 + 1},
		{OpI64Const, math.MaxUint64},
		{OpI64Const, math.MaxInt64 + 1},
		{OpF32Const, 0x7fa0_0001}, // a signalling NaN
		{OpF64Const, 0x7ff4_0000_0000_0001},
		{OpRefNull, uint64(ExternRef)},
	} {
		typ := ValueType(c.Value)
		if c.Op != OpRefNull {
			typ = c.Op.info().results[0]
		}
		m := &Module{Globals: []Global{{GlobalType: GlobalType{Type: typ}, Init: c}}}
		again, err := Decode(m.Encode(), DefaultLimits())
		if err != nil || again.Globals[0] != m.Globals[0] {
			t.Errorf("%s 0x%x read again: %+v, %v", c.Op, c.Value, again, err)
		}
	}
}

func TestTheDataCountFollowsTheData(t *testing.T) {
	m := sampleModule(t)
	m.Data = append(m.Data, Data{Mode: Passive, Bytes: []byte("more")})
	again, err := Decode(m.Encode(), sampleLimits())
	if err != nil || *again.DataCount != 3 {
		t.Errorf("%+v, %v", again, err)
	}
}

// guests returns the modules that ship with this repository, by their path in the library.
func guests(t testing.TB) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	library := filepath.Join("..", "library")
	err := filepath.WalkDir(library, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".wasm" {
			return err
		}
		name, err := filepath.Rel(library, path)
		found[filepath.ToSlash(name)] = readFile(t, path)
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("%d modules in the library, %v", len(found), err)
	}
	return found
}

// guestLimits are the defaults, or what the platform grants to a module of that size.
func guestLimits(wasm []byte) Limits {
	if len(wasm) > DefaultLimits().Module {
		return LargeLimits()
	}
	return DefaultLimits()
}

func TestShippedPluginsAreWithinTheLimits(t *testing.T) {
	r := newReferee(t)
	for name, wasm := range guests(t) {
		m, err := Decode(wasm, guestLimits(wasm))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkEncoding(t, r, name, m)
	}
}

func TestAnEncodedModuleComputesTheSame(t *testing.T) {
	wasm := readFile(t, filepath.Join(integrationTests(t), "..", "..", "testdata", "fac.wasm"))
	m, err := Decode(wasm, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	const want = 2_432_902_008_176_640_000
	if before, after := call(t, wasm, "fac-ssa", 20), call(t, m.Encode(), "fac-ssa", 20); before != want || after != want {
		t.Errorf("20! is %d, once encoded %d", before, after)
	}
}

func call(t *testing.T, wasm []byte, name string, argument uint64) uint64 {
	t.Helper()
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2))
	defer runtime.Close(ctx)
	module, err := runtime.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatal(err)
	}
	results, err := module.ExportedFunction(name).Call(ctx, argument)
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}
