package plugins_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

// loop is an endless one; recurse calls the function that is being defined, as the first of the module's own.
var loop = []byte{0x03, 0x40, 0x0c, 0, 0x0b}

func recurse(m *module) []byte { return op(0x10, uint64(len(m.imports))) }

// limited loads a module under limits that a test has changed, compiled or interpreted.
func limited(t *testing.T, m *module, interpreter bool, change func(*plugins.Limits)) (*plugins.Plugin, error) {
	t.Helper()
	limits := plugins.DefaultLimits()
	if change != nil {
		change(&limits)
	}
	return newHost(t, plugins.Options{Limits: limits, Interpreter: interpreter}).Load(t.Context(), everything("quantity"), m.bytes())
}

func TestADecisionThatUsesUpALimitFailsWithItsCode(t *testing.T) {
	small := func(l *plugins.Limits) { l.MemoryBytes = 3 << 16 }
	for name, c := range map[string]struct {
		module *module
		change func(*plugins.Limits)
		want   string
	}{
		"a loop": {newModule().export("quote", loop), nil, "out_of_fuel: 1000000 fuel were not enough"},
		"a loop with little fuel": {
			newModule().export("quote", loop), func(l *plugins.Limits) { l.Fuel = 7 }, "out_of_fuel: 7 fuel were not enough",
		},
		"a recursion": {
			with(newModule(), func(m *module) { m.export("quote", recurse(m)) }), nil, "depth_limit: calls within calls beyond 512",
		},
		"a shallow recursion that is allowed less": {
			with(newModule(), func(m *module) { m.export("quote", recurse(m)) }), func(l *plugins.Limits) { l.Depth = 3 },
			"depth_limit: calls within calls beyond 3",
		},
		"memory beyond the limit, and a trap": {
			newModule().export("quote", i32(3), memGrow, drop, trap), small, "memory_limit: 196608 bytes of memory were not enough",
		},
		"memory far beyond the limit, and a trap": {
			newModule().export("quote", i32(65535), memGrow, drop, trap), small, "memory_limit: 196608 bytes of memory were not enough",
		},
		"memory beyond the module's own maximum, and a trap": {
			with(newModule().export("quote", i32(2), memGrow, drop, trap), func(m *module) { m.most = 2 }), small,
			"memory_limit: 196608 bytes of memory were not enough",
		},
		"memory page by page, and an access beyond it": {
			newModule().export("quote", i32(1), memGrow, drop, i32(1), memGrow, drop, i32(1), memGrow, drop, i32(196608), load64, drop), small,
			"memory_limit: 196608 bytes of memory were not enough",
		},
		"memory within the limit, and a trap": {
			newModule().export("quote", i32(2), memGrow, drop, trap), small, "trap: unreachable",
		},
		"a division by zero":           {newModule().export("quote", i32(1), i32(0), []byte{0x6d}, drop), nil, "trap: integer divide by zero"},
		"an access outside the memory": {newModule().export("quote", i32(-8), load64, drop), nil, "trap: out of bounds memory access"},
		"more effects than allowed": {
			with(newModule(), func(m *module) {
				m.export("quote", m.text("k"), m.use(abi.Once), m.text("k"), m.use(abi.Once))
			}), func(l *plugins.Limits) { l.Effects = 1 }, "bad_effect: more than 1 effects",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var fuel [2]int64
			for i := range fuel {
				plugin, err := limited(t, c.module, i == 1, c.change)
				if err != nil {
					t.Fatal(err)
				}
				_, usage, err := bind(t, plugin, nil).Decide(core.HookQuote, &core.Facts{}, nil)
				if err == nil || err.Error() != c.want {
					t.Errorf("interpreter %v: got %v, want %s", i == 1, err, c.want)
				}
				if fuel[i] = usage.Fuel; usage.Fuel <= 0 || usage.Fuel > plugin.Limits().Fuel {
					t.Errorf("%d fuel burned of %d", usage.Fuel, plugin.Limits().Fuel)
				}
			}
			if fuel[0] != fuel[1] {
				t.Errorf("compiled it burned %d fuel, interpreted %d", fuel[0], fuel[1])
			}
		})
	}
}

func TestMemoryThatIsRefusedFailsNobodyWhoCanDoWithout(t *testing.T) {
	m := newModule()
	m.export("quote", i32(100), memGrow, extend, m.text("grown"), m.use(abi.Discount))
	effects, err := quote(t, m, everything(), &core.Facts{})
	if err != nil || effects[0].Amount != -1 {
		t.Errorf("got %v, %v; want -1", effects, err)
	}
}

func TestAnInitialisationHasLimitsToo(t *testing.T) {
	for want, m := range map[string]*module{
		"exports._initialize: failed: out_of_fuel: 1000000 fuel were not enough": newModule().export("quote").export(abi.ExportInitialize, loop),
		"exports._initialize: failed: depth_limit: calls within calls beyond 512": with(newModule(), func(m *module) {
			m.export(abi.ExportInitialize, recurse(m)).export("quote")
		}),
		"exports._initialize: failed: memory_limit: 1048576 bytes of memory were not enough": newModule().export("quote").
			export(abi.ExportInitialize, i32(16), memGrow, drop, trap),
		"exports._initialize: failed: it changes a table, drops a segment or keeps a reference, which cannot be put back": with(newModule(),
			func(m *module) {
				m.table = 2
				m.exportFunction(abi.Function{Name: "a"}).exportFunction(abi.Function{Name: "b"}).export("quote").
					export(abi.ExportInitialize, []byte{0xfc, 13, 1})
			}),
		"module_too_large at offset 0: ":                                      with(newModule().export("quote"), func(m *module) { m.text(strings.Repeat("x", 1<<20)) }),
		"unsupported at offset ":                                              newModule().export("quote", []byte{0xfd, 12}, make([]byte, 16), drop),
		"exports.hotdrop.fuel: names that begin with hotdrop. are the host's": newModule().export("quote").export("hotdrop.fuel"),
	} {
		_, err := limited(t, m, false, nil)
		if problems, ok := errors.AsType[*core.Problems](err); !ok || !strings.HasPrefix(problems.Error(), want) || len(problems.List) != 1 {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAnInitialisationsFuelIsItsOwn(t *testing.T) {
	work := concat(i32(0), i32(0), i32(1<<16), []byte{0xfc, 11, 0}) // memory.fill: 4,096 fuel and a little
	plugin, err := limited(t, newModule().export("quote", work).export(abi.ExportInitialize, work, work), false,
		func(l *plugins.Limits) { l.Fuel, l.StartFuel = 4_200, 8_400 })
	if err != nil {
		t.Fatal(err)
	}
	_, usage, err := bind(t, plugin, nil).Decide(core.HookQuote, &core.Facts{}, nil)
	if err != nil || usage.Fuel < 4096 || usage.Fuel > 4200 || plugin.StartFuel() < 2*4096 || plugin.StartFuel() > 8400 {
		t.Errorf("%d fuel to start, %d to decide, %v", plugin.StartFuel(), usage.Fuel, err)
	}
}

// TestAnImportCostsItsFuel asks every import twice more: the difference is two calls and the constants for them.
func TestAnImportCostsItsFuel(t *testing.T) {
	fuel := func(f abi.Function, calls int) int64 {
		m := newModule()
		m.pages = 1
		m.text("quantity")
		var body []byte
		for range calls {
			for _, p := range f.Params {
				if p == abi.I64 {
					body = append(body, i64(1)...)
				} else {
					body = append(body, i32(0)...)
				}
			}
			body = append(body, m.useForeign(moduleOf(f), f)...)
			if len(f.Results) > 0 {
				body = append(body, drop...)
			}
		}
		m.export("message", body).export("share", body).export("reserve", body).export("paid", body).export("quote", body)
		manifest := &core.Manifest{Name: "fixture", Hooks: core.Hooks(), Effects: core.EffectKinds(), Facts: []string{"quantity"}}
		mechanic := bind(t, load(t, manifest, m.bytes()), nil)
		most := int64(0)
		for _, hook := range core.Hooks() {
			_, usage, _ := mechanic.Decide(hook, &core.Facts{}, nil)
			most = max(most, usage.Fuel)
		}
		return most
	}
	for _, f := range append(abi.Functions(), abi.WASI()...) {
		perCall := int64(2 + len(f.Params))
		if got, want := fuel(f, 3)-fuel(f, 1), 2*(f.Fuel+perCall); got != want {
			t.Errorf("two calls of %s cost %d, want %d", f.Name, got, want)
		}
	}
}

func moduleOf(f abi.Function) string {
	for _, known := range abi.WASI() {
		if known.Name == f.Name {
			return abi.ModuleWASI
		}
	}
	return abi.Module
}

const someDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestAPolicyFileGrantsLimits(t *testing.T) {
	p, err := plugins.ParsePolicy([]byte(`
defaults: {fuel: 2000000, log_bytes: 0}
plugins:
  ` + someDigest + `: {toolchain: go, depth: 100}
  sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff: {memory_bytes: 131072}
`))
	if err != nil {
		t.Fatal(err)
	}
	general := plugins.DefaultLimits()
	general.Fuel, general.LogBytes = 2_000_000, 0
	gopher := plugins.GoLimits()
	gopher.Depth = 100
	small := general
	small.MemoryBytes = 131072
	for digest, want := range map[string]plugins.Limits{
		"sha256:other": general, someDigest: gopher, "sha256:" + strings.Repeat("f", 64): small,
	} {
		if got := p.For(digest); got != want {
			t.Errorf("%s has %+v, want %+v", digest, got, want)
		}
	}
	if empty, err := plugins.ParsePolicy([]byte("{}")); err != nil || empty.For("") != plugins.DefaultLimits() {
		t.Errorf("an empty policy is %+v, %v", empty, err)
	}
}

func TestAPolicyFileIsReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"defaults: {fule: 1}":                                       "1:12: defaults.fule: ",
		"defaults: {fuel: many}":                                    "1:18: defaults.fuel: ",
		"defaults: {fuel: 0}":                                       "1:18: defaults.fuel: is 0, must be 1 to 1000000000",
		"defaults: {memory_bytes: -1}":                              "1:26: defaults.memory_bytes: is -1, must be 0 to 268435456",
		"defaults: {effects: 65}":                                   "1:21: defaults.effects: is 65, must be 0 to 64",
		"defaults: {module_bytes: 4194305}":                         "1:26: defaults.module_bytes: is 4194305, must be 8 to 4194304",
		"defaults: {depth: 1025}":                                   "1:19: defaults.depth: is 1025, must be 1 to 1024",
		"plugins: {trade-in: {fuel: 1}}":                            "1:11: plugins.trade-in: is not a digest: sha256: and 64 hexadecimal digits",
		"plugins:\n  " + someDigest + ": {toolchain: rust}":         "2:88: plugins." + someDigest + ".toolchain: is \"rust\"; only go is granted more",
		"plugins:\n  " + someDigest + ": {module_bytes: 999999999}": "2:91: plugins." + someDigest + ".module_bytes: is 999999999, must be 8 to 4194304",
		"limits: {}": "1:1: limits: ",
	} {
		if _, err := plugins.ParsePolicy([]byte(text)); core.CodeOf(err) != core.CodeInvalid || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestAPolicyGrantsAsManyEffectsAsTheEngineTakes holds the bound of a policy against the engine's own.
func TestAPolicyGrantsAsManyEffectsAsTheEngineTakes(t *testing.T) {
	effects := slices.Repeat([]core.Effect{{Kind: core.EffectDiscount, Amount: 1}}, abi.MaxEffects+1)
	if err := core.JudgeEffects(core.HookQuote, effects[:abi.MaxEffects]); err != nil {
		t.Errorf("%d effects may be granted: %v", abi.MaxEffects, err)
	}
	if core.JudgeEffects(core.HookQuote, effects) == nil {
		t.Errorf("the engine takes %d effects, which no policy may grant", len(effects))
	}
	text := fmt.Sprintf("defaults: {effects: %d, module_bytes: %d}", abi.MaxEffects, core.MaxPluginBytes)
	if _, err := plugins.ParsePolicy([]byte(text)); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}
