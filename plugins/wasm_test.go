package plugins_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

// module builds small WebAssembly modules for tests: every import of the ABI's that is used, one page of memory with
// the strings that are used, and the functions that are exported.
type module struct {
	imports []abi.Function
	origin  []string // the module name of each import
	funcs   []function
	globals [][]byte
	exports [][]byte
	data    []byte
	passive []byte // a data segment that nothing copies by itself
	table   int    // entries of the one table; 0: there is none
	element int    // index of the function, among funcs, in the table's first entry; the passive segment has the next
	pages   byte
	most    byte // the memory's own maximum in pages, 0: none
	noABI   bool
	hidden  bool // the memory is not exported
	start   bool
}

type function struct {
	abi.Function
	body []byte
}

func newModule() *module { return &module{pages: 1} }

// strings are placed from here on; the memory below is free for a test's own use.
const stringsAt = 1024

// use returns the code that calls an import of the ABI.
func (m *module) use(name string) []byte {
	all := abi.Functions()
	i := slices.IndexFunc(all, func(f abi.Function) bool { return f.Name == name })
	return m.useForeign(abi.Module, all[i])
}

func (m *module) useForeign(origin string, f abi.Function) []byte {
	for i, known := range m.imports {
		if known.Name == f.Name && m.origin[i] == origin {
			return op(0x10, uint64(i))
		}
	}
	m.imports, m.origin = append(m.imports, f), append(m.origin, origin)
	return op(0x10, uint64(len(m.imports)-1))
}

// wasi returns the code that calls an import from WASI.
func (m *module) wasi(name string) []byte {
	all := abi.WASI()
	i := slices.IndexFunc(all, func(f abi.Function) bool { return f.Name == name })
	return m.useForeign(abi.ModuleWASI, all[i])
}

// text returns the code that pushes pointer and length of a string.
func (m *module) text(s string) []byte {
	at := stringsAt + len(m.data)
	m.data = append(m.data, s...)
	return slices.Concat(i32(int64(at)), i32(int64(len(s))))
}

// export adds an exported function () -> () of the body.
func (m *module) export(name string, body ...[]byte) *module {
	return m.exportFunction(abi.Function{Name: name}, body...)
}

func (m *module) exportFunction(f abi.Function, body ...[]byte) *module {
	m.funcs = append(m.funcs, function{Function: f, body: slices.Concat(body...)})
	return m
}

// global adds a mutable i64 global, exported unless the name is empty, and returns the codes that read and set it.
func (m *module) global(name string, value int64) (get, set []byte) {
	index := uint64(len(m.globals))
	m.globals = append(m.globals, slices.Concat([]byte{byte(abi.I64), 1}, i64(value), []byte{0x0b}))
	if name != "" {
		m.exports = append(m.exports, slices.Concat(str(name), []byte{3}, leb(index)))
	}
	return op(0x23, index), op(0x24, index)
}

// The instructions that tests need.
func i32(n int64) []byte              { return append([]byte{0x41}, sleb(n)...) }
func i64(n int64) []byte              { return append([]byte{0x42}, sleb(n)...) }
func op(code byte, arg uint64) []byte { return append([]byte{code}, leb(arg)...) }
func when(body ...[]byte) []byte {
	return slices.Concat([]byte{0x04, 0x40}, slices.Concat(body...), []byte{0x0b})
}

var (
	trap    = []byte{0x00}
	drop    = []byte{0x1a}
	memSize = []byte{0x3f, 0}
	memGrow = []byte{0x40, 0}
	load64  = []byte{0x29, 3, 0} // address → i64
	store64 = []byte{0x37, 3, 0} // address, i64 →
	store32 = []byte{0x36, 2, 0} // address, i32 →
	extend  = []byte{0xac}       // i32 → i64, signed
	add64   = []byte{0x7c}
	isNot0  = []byte{0x50, 0x45} // i64 → i32: i64.eqz, i32.eqz
)

// bytes encodes the module.
func (m *module) bytes() []byte {
	funcs := m.funcs
	if !m.noABI {
		funcs = append(slices.Clone(funcs), function{Function: abi.Function{Name: abi.ExportVersion}})
	}
	var types, imports, functions, exports, code [][]byte
	for i, f := range m.imports {
		imports = append(imports, slices.Concat(str(m.origin[i]), str(f.Name), []byte{0}, leb(uint64(len(types)))))
		types = append(types, typeOf(f))
	}
	exports = append(exports, m.exports...)
	for i, f := range funcs {
		functions = append(functions, leb(uint64(len(types))))
		types = append(types, typeOf(f.Function))
		exports = append(exports, slices.Concat(str(f.Name), []byte{0}, leb(uint64(len(m.imports)+i))))
		body := slices.Concat([]byte{0}, f.body, []byte{0x0b})
		code = append(code, append(leb(uint64(len(body))), body...))
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	out = append(out, section(1, types)...)
	out = append(out, section(2, imports)...)
	out = append(out, section(3, functions)...)
	if m.table > 0 {
		out = append(out, section(4, [][]byte{append([]byte{0x70, 0}, leb(uint64(m.table))...)})...)
	}
	if m.pages > 0 {
		limits := []byte{0, m.pages}
		if m.most > 0 {
			limits = []byte{1, m.pages, m.most}
		}
		out = append(out, section(5, [][]byte{limits})...)
		if !m.hidden {
			exports = append(exports, slices.Concat(str(abi.ExportMemory), []byte{2, 0}))
		}
	}
	out = append(out, section(6, m.globals)...)
	out = append(out, section(7, exports)...)
	if m.start {
		out = append(out, 8, 1, byte(len(m.imports)))
	}
	if m.table > 0 {
		first := uint64(len(m.imports) + m.element)
		out = append(out, section(9, [][]byte{
			slices.Concat([]byte{0}, i32(0), []byte{0x0b, 1}, leb(first)), slices.Concat([]byte{1, 0, 1}, leb(first+1)),
		})...)
	}
	data := [][]byte{slices.Concat([]byte{0}, i32(stringsAt), []byte{0x0b}, leb(uint64(len(m.data))), m.data)}
	if m.passive != nil {
		data = append(data, slices.Concat([]byte{1}, leb(uint64(len(m.passive))), m.passive))
		out = append(out, 12, 1, byte(len(data)))
	}
	out = append(out, section(10, code)...)
	if m.pages > 0 {
		out = append(out, section(11, data)...)
	}
	return out
}

func typeOf(f abi.Function) []byte {
	out := append([]byte{0x60}, leb(uint64(len(f.Params)))...)
	for _, t := range f.Params {
		out = append(out, byte(t))
	}
	out = append(out, leb(uint64(len(f.Results)))...)
	for _, t := range f.Results {
		out = append(out, byte(t))
	}
	return out
}

func section(id byte, entries [][]byte) []byte {
	if len(entries) == 0 {
		return nil
	}
	content := append(leb(uint64(len(entries))), slices.Concat(entries...)...)
	return slices.Concat([]byte{id}, leb(uint64(len(content))), content)
}

func str(s string) []byte { return append(leb(uint64(len(s))), s...) }

func leb(n uint64) []byte { return binary.AppendUvarint(nil, n) }

func sleb(n int64) []byte {
	var out []byte
	for {
		low := byte(n & 0x7f)
		n >>= 7
		if (n == 0 && low&0x40 == 0) || (n == -1 && low&0x40 != 0) {
			return append(out, low)
		}
		out = append(out, low|0x80)
	}
}

// everything is a manifest with the hook quote that may read the facts and use every effect that quote may.
func everything(facts ...string) *core.Manifest {
	m := &core.Manifest{Name: "fixture", Hooks: []core.Hook{core.HookQuote}, Facts: facts}
	for _, kind := range core.EffectKinds() {
		if kind.Allowed(core.HookQuote) {
			m.Effects = append(m.Effects, kind)
		}
	}
	return m
}

func newHost(tb testing.TB, options plugins.Options) *plugins.Host {
	tb.Helper()
	if options.CacheKey == nil {
		options.CacheKey = testKey()
	}
	host, err := plugins.NewHost(tb.Context(), options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := host.Close(tb.Context()); err != nil {
			tb.Error(err)
		}
	})
	return host
}

func load(tb testing.TB, manifest *core.Manifest, wasm []byte) *plugins.Plugin {
	tb.Helper()
	plugin, err := newHost(tb, plugins.Options{}).Load(tb.Context(), manifest, wasm)
	if err != nil {
		tb.Fatal(err)
	}
	return plugin
}

func bind(tb testing.TB, plugin *plugins.Plugin, config core.Object) core.Mechanic {
	tb.Helper()
	mechanic, err := plugin.Bind(config)
	if err != nil {
		tb.Fatal(err)
	}
	return mechanic
}

// quote loads the module, binds it without parameters and asks it once at quote.
func quote(tb testing.TB, m *module, manifest *core.Manifest, facts *core.Facts) ([]core.Effect, error) {
	tb.Helper()
	effects, _, err := bind(tb, load(tb, manifest, m.bytes()), nil).Decide(core.HookQuote, facts, nil)
	return effects, err
}

// wantCode fails the test unless err is a *core.MechanicError of the code.
func wantCode(tb testing.TB, err error, code string) {
	tb.Helper()
	failure, ok := err.(*core.MechanicError) //nolint:errorlint // the contract is this very type
	if !ok || failure.Code != code {
		tb.Errorf("got %v, want a failure of code %s", err, code)
	}
}
