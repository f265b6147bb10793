package main

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hotdrop/plugins/abi"
	pluginlibrary "hotdrop/plugins/library"
	"hotdrop/plugins/wasm"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

// doWith runs the command line in this process with the text on its stdin.
func doWith(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := doMain(t.Context(), args, strings.NewReader(stdin), &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// golden compares what people read with the file, digests, times and fuel aside, which differ from build to build.
func golden(t *testing.T, name string, r result) {
	t.Helper()
	text := r.stdout + "--- stderr\n" + r.stderr + "--- exit " + string(rune('0'+r.code)) + "\n"
	for _, mask := range []struct{ pattern, with string }{
		{`sha256:[0-9a-f]{64}`, "sha256:…"},
		{` +[0-9.]+ (ns|µs|ms)\b`, " T"},
		{`fuel [0-9,]+ of ([0-9,]+) \([0-9.]+ %\)`, "fuel N of $1"},
		{`fuel [0-9,]+\n`, "fuel N\n"},
		{`T T +[0-9.]+ +([0-9,]+|-)\n`, "T T A N\n"},
		{`"(seconds|microseconds|fuel)": [0-9.e-]+`, `"$1": 0`},
		{`time="[0-9.]+"`, `time="0"`},
	} {
		text = regexp.MustCompile(mask.pattern).ReplaceAllString(text, mask.with)
	}
	path := filepath.Join(startFolder, "testdata", "mechanic", name+".golden")
	if *updateGolden {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s differs; run the test with -update and look at the difference; got\n%s", path, text)
	}
}

// startFolder is where the package is; tests change into folders of their own.
var startFolder = func() string {
	folder, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return folder
}()

// files makes the files in a new folder and changes into it, as an author would stand there, with an empty cache.
func files(t *testing.T, contents map[string]string) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Chdir(t.TempDir())
	for name, text := range contents {
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// module builds a plugin for tests: a page of memory that holds text, and the hook quote with the given body.
func module(imports []string, text string, body ...[]byte) string {
	m := &wasm.Module{
		Types:    []wasm.FuncType{{}},
		Memories: []wasm.MemoryType{{SizeLimits: wasm.SizeLimits{Min: 1, Max: 1, HasMax: true}}},
		Data:     []wasm.Data{{Offset: wasm.Constant{Op: wasm.OpI32Const}, Bytes: []byte(text)}},
	}
	for _, name := range imports {
		all := abi.Functions()
		f := all[slices.IndexFunc(all, func(f abi.Function) bool { return f.Name == name })]
		m.Types = append(m.Types, wasm.FuncType{Params: types(f.Params), Results: types(f.Results)})
		m.Imports = append(m.Imports, wasm.Import{
			Module: abi.Module, Name: name, Kind: wasm.KindFunction, TypeIndex: uint32(len(m.Types) - 1),
		})
	}
	first := uint32(len(imports))
	m.Functions = []uint32{0, 0}
	m.Bodies = []wasm.Body{{Code: []byte{opEnd}}, {Code: append(slices.Concat(body...), opEnd)}}
	m.Exports = []wasm.Export{
		{Name: abi.ExportMemory, Kind: wasm.KindMemory}, {Name: abi.ExportVersion, Kind: wasm.KindFunction, Index: first},
		{Name: "quote", Kind: wasm.KindFunction, Index: first + 1},
	}
	return string(m.Encode())
}

func types[T ~byte](of []T) []wasm.ValueType {
	all := make([]wasm.ValueType, len(of))
	for i, one := range of {
		all[i] = wasm.ValueType(one)
	}
	return all
}

// The instructions that the modules of these tests are made of.
const (
	opUnreachable = 0x00
	opEnd         = 0x0b
)

func forever() []byte { return []byte{0x03, 0x40, 0x0c, 0x00, opEnd} }

func callOf(index byte) []byte { return []byte{0x10, index} }

func i32(n int64) []byte { return append([]byte{0x41}, signed(n)...) }

func i64(n int64) []byte { return append([]byte{0x42}, signed(n)...) }

// signed is the binary format's signed LEB128 of numbers that are not negative.
func signed(n int64) []byte {
	b := binary.AppendUvarint(nil, uint64(n))
	if b[len(b)-1]&0x40 != 0 {
		b[len(b)-1] |= 0x80
		b = append(b, 0)
	}
	return b
}

// manifest describes the plugins of these tests.
const manifest = `name: toy
version: 0.1.0
author: a test
hooks: [quote]
facts: [quantity]
effects: [discount, once]
config: {amount: {type: integer, default: 5, min: 1}}
`

// toyVectors wants what [toy] decides.
const toyVectors = `mechanic: toy
vectors:
  - name: five off and once
    hook: quote
    effects:
      - discount: {amount: 5, label: toy}
      - once: {key: toy}
`

// toy is a plugin that takes 5 off, once, and says so in its log.
func toy() map[string]string {
	return map[string]string{
		"toy/mechanic.yaml": manifest, "toy/toy.vectors.yaml": toyVectors,
		"toy/toy.wasm": module([]string{"discount", "once", "log"}, "toy",
			i32(0), i32(3), callOf(2), i64(5), i32(0), i32(3), callOf(0), i32(0), i32(3), callOf(1)),
	}
}

// with is the files with some changed; "" removes one.
func with(contents map[string]string, changes ...string) map[string]string {
	for i := 0; i < len(changes); i += 2 {
		contents[changes[i]] = changes[i+1]
		if changes[i+1] == "" {
			delete(contents, changes[i])
		}
	}
	return contents
}

// shippedPlugin is the trade-in plugin as its author has it.
func shippedPlugin(t *testing.T) map[string]string {
	t.Helper()
	entry, err := pluginlibrary.Open("trade-in")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(startFolder, "..", "..", "plugins", "library", "trade-in", "mechanic.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"mechanic.yaml": string(text), "trade-in.wasm": string(entry.Wasm), "trade-in.vectors.yaml": string(entry.Vectors),
	}
}

// lateRule refuses before noon.
const lateRule = `rule: late
hook: quote
version: 1.0.0
config:
  noon: {type: integer, default: 1000, min: 0, title: Noon}
cases:
  - when: now < config.noon
    then: [{deny: {reason: too_early, text: Not before noon}}]
  - when: quantity > 1 && item.price > 0
    then: [{discount: {amount: quantity * 100, label: {en: Late, zh: 晚}}}]
`

const lateVectors = `mechanic: late
vectors:
  - name: before noon it is refused
    hook: quote
    facts: {now: 999, item: {price: 5}, quantity: 1}
    denied: too_early
  - name: two after noon are cheaper
    hook: quote
    facts: {now: 1000, item: {price: 5}, quantity: 2}
    effects: [{discount: {amount: 200, label: Late}}]
  - name: one after noon is not
    hook: quote
    facts: {now: 1000, item: {price: 5}, quantity: 1}
    effects: []
`

func late() map[string]string {
	return map[string]string{"late/late.yaml": lateRule, "late/late.vectors.yaml": lateVectors}
}
