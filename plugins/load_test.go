package plugins_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

func TestLoadRefuses(t *testing.T) {
	one := []abi.Type{abi.I32}
	for name, c := range map[string]struct {
		module   *module
		manifest *core.Manifest
		want     string
	}{
		"an import of another module": {
			with(newModule(), func(m *module) {
				m.export("quote", m.useForeign("wasi_snapshot_preview1", abi.Function{Name: "sock_accept"}))
			}), everything(),
			"imports.wasi_snapshot_preview1.sock_accept: import_refused: is not an import of the ABI",
		},
		"an import that the ABI does not have": {
			with(newModule(), func(m *module) { m.export("quote", m.useForeign(abi.Module, abi.Function{Name: "fact_f64"})) }),
			everything(), "imports.hotdrop.fact_f64: import_refused: is not an import of the ABI",
		},
		"an import with another signature": {
			with(newModule(), func(m *module) {
				m.export("quote", m.useForeign(abi.Module, abi.Function{Name: abi.FactI64, Results: one}), drop)
			}), everything(),
			"imports.hotdrop.fact_i64: import_refused: has the signature () -> (i32), not (i32, i32) -> (i64)",
		},
		"an effect that the manifest does not declare": {
			with(newModule(), func(m *module) { m.export("quote", m.text("k"), m.use(abi.Once)) }),
			&core.Manifest{Name: "fixture", Hooks: []core.Hook{core.HookQuote}},
			"imports.hotdrop.once: import_refused: is an effect that the manifest does not declare",
		},
		"a module without the version": {
			with(newModule().export("quote"), func(m *module) { m.noABI = true }), everything(),
			"exports.hotdrop_abi_1: is missing",
		},
		"a module of another version": {
			newModule().export("quote").export("hotdrop_abi_2"), everything(),
			"exports.hotdrop_abi_2: is not an export of this version of the ABI",
		},
		"a hook that is not exported": {newModule(), everything(), "exports.quote: is missing"},
		"a hook with parameters": {
			newModule().exportFunction(abi.Function{Name: "quote", Params: one}), everything(),
			"exports.quote: has the signature (i32) -> (), not () -> ()",
		},
		"a version with a result": {
			with(newModule().export("quote"), func(m *module) {
				m.noABI = true
				m.exportFunction(abi.Function{Name: abi.ExportVersion, Results: one}, i32(1))
			}), everything(),
			"exports.hotdrop_abi_1: has the signature () -> (i32), not () -> ()",
		},
		"a hook that the manifest does not name": {
			newModule().export("quote").export("paid"), everything(), "exports.paid: is a hook that the manifest does not name",
		},
		"an initialisation with parameters": {
			newModule().export("quote").exportFunction(abi.Function{Name: abi.ExportInitialize, Params: one}), everything(),
			"exports._initialize: has the signature (i32) -> (), not () -> ()",
		},
		"an initialisation that traps": {
			newModule().export("quote").export(abi.ExportInitialize, trap), everything(),
			"exports._initialize: failed: trap: unreachable",
		},
		"an initialisation that reads a fact": {
			with(newModule().export("quote"), func(m *module) {
				m.export(abi.ExportInitialize, m.text("quantity"), m.use(abi.FactI64), drop)
			}), everything("quantity"),
			`exports._initialize: failed: not_ready: "quantity" during initialisation`,
		},
		"an initialisation that proposes an effect": {
			with(newModule().export("quote"), func(m *module) { m.export(abi.ExportInitialize, m.text("k"), m.use(abi.Once)) }),
			everything(), "exports._initialize: failed: not_ready: once during initialisation",
		},
		"a start function": {
			with(newModule().export("quote"), func(m *module) { m.start = true }), everything(),
			"start: a start function is not allowed; export _initialize instead",
		},
		"a memory that is not exported": {
			with(newModule().export("quote"), func(m *module) { m.hidden = true }), everything(),
			"exports.memory: is missing, but the module has a memory",
		},
		"more memory than the cap": {
			with(newModule().export("quote"), func(m *module) { m.pages = abi.MaxMemoryPages + 1 }), everything(),
			"memory_limit at offset ",
		},
		"a manifest with problems": {
			newModule().export("quote"), &core.Manifest{Name: "fixture", Hooks: []core.Hook{core.HookQuote}, Facts: []string{"item.skv"}},
			`facts[0]: there is no fact "item.skv" (did you mean item.sku?)`,
		},
		"a module with another digest than the manifest's": {
			newModule().export("quote"), with(everything(), func(m *core.Manifest) { m.Digest = "sha256:00" }),
			"digest: is sha256:00, but the module's is " + plugins.Digest(newModule().export("quote").bytes()),
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newHost(t, plugins.Options{}).Load(t.Context(), c.manifest, c.module.bytes())
			problems, ok := errors.AsType[*core.Problems](err)
			if !ok {
				t.Fatalf("got %v, want problems", err)
			}
			if got := problems.Error(); !strings.HasPrefix(got, c.want) || len(problems.List) != 1 {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// with changes a value in place and returns it.
func with[T any](v *T, change func(*T)) *T {
	change(v)
	return v
}

func TestLoadRefusesBytesThatAreNoModule(t *testing.T) {
	for wasm, want := range map[string]string{
		"":                                    "decode_error at offset 0: ",
		"\x00asm":                             "decode_error at offset 4: ",
		"not a module at all":                 "decode_error at offset 0: ",
		"\x00asm\x01\x00\x00\x00\x05":         "decode_error at offset 9: ",
		"\x00asm\x01\x00\x00\x00\x05\x01\xff": "decode_error at offset ",
	} {
		_, err := newHost(t, plugins.Options{}).Load(t.Context(), everything(), []byte(wasm))
		if core.CodeOf(err) != core.CodeInvalid || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", wasm, err, want)
		}
	}
}

func TestLoadFillsInKindAndDigestOnACopyOfTheManifest(t *testing.T) {
	manifest, wasm := everything(), newModule().export("quote").export("helper_of_the_compiler", trap).bytes()
	got := load(t, manifest, wasm).Manifest()
	if got.Kind != "plugin" || got.Digest != plugins.Digest(wasm) || !strings.HasPrefix(got.Digest, "sha256:") || len(got.Digest) != 71 {
		t.Errorf("kind %q, digest %q", got.Kind, got.Digest)
	}
	if manifest.Kind != "" || manifest.Digest != "" {
		t.Error("the caller's manifest was changed")
	}
}

func TestBindChecksTheConfig(t *testing.T) {
	manifest := everything()
	manifest.Config = map[string]core.Param{"amount": {Type: "integer", Default: int64(1)}}
	_, err := load(t, manifest, newModule().export("quote").bytes()).Bind(core.Object{"amuont": int64(2)})
	want := "config.amuont: fixture has no such parameter (did you mean amount?)"
	if core.CodeOf(err) != core.CodeInvalid || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAfterCloseEverythingIsUnavailable(t *testing.T) {
	wasm := newModule().export("quote").bytes()
	host := newHost(t, plugins.Options{})
	first, err := host.Load(t.Context(), everything(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	second, err := host.Load(t.Context(), everything(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	one, two := bind(t, first, nil), bind(t, second, nil)
	closeTwice(t, first.Close)
	if _, _, err := one.Decide(core.HookQuote, &core.Facts{}, nil); err == nil {
		t.Error("a closed plugin decided")
	} else {
		wantCode(t, err, abi.CodeUnavailable)
	}
	if _, _, err := two.Decide(core.HookQuote, &core.Facts{}, nil); err != nil {
		t.Errorf("the same module, loaded twice, was closed with its twin: %v", err)
	}
	closeTwice(t, host.Close)
	_, _, err = two.Decide(core.HookQuote, &core.Facts{}, nil)
	wantCode(t, err, abi.CodeUnavailable)
	if _, err := host.Load(t.Context(), everything(), wasm); err == nil {
		t.Error("a closed host loaded a plugin")
	}
}

func closeTwice(t *testing.T, closing func(context.Context) error) {
	t.Helper()
	for range 2 {
		if err := closing(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
