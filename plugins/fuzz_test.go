package plugins_test

import (
	"fmt"
	"slices"
	"testing"
	"unicode/utf8"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

// blobAt is where the fuzzed guest puts the bytes of the fact input.blob before it calls an import.
const blobAt = 4096

// caller is a module whose every hook calls the import of the number quantity with the parameters input.p0 to input.p5.
func caller() ([]byte, []abi.Function) {
	all := append(abi.Functions(), abi.WASI()...)
	m := newModule()
	for _, f := range all {
		m.useForeign(moduleOf(f), f)
	}
	body := concat(m.text("input.blob"), i32(blobAt), i32(1024), m.use(abi.FactStr), drop)
	for i, f := range all {
		var call []byte
		for p, typ := range f.Params {
			call = append(call, concat(m.text(fmt.Sprint("input.p", p)), m.use(abi.FactI64))...)
			if typ == abi.I32 {
				call = append(call, 0xa7) // i32.wrap_i64
			}
		}
		call = append(call, m.useForeign(moduleOf(f), f)...)
		if len(f.Results) > 0 {
			call = append(call, drop...)
		}
		body = append(body, concat(m.text("quantity"), m.use(abi.FactI64), i64(int64(i)), []byte{0x51}, when(call, call))...)
	}
	for _, hook := range core.Hooks() {
		m.export(string(hook), body)
	}
	return m.bytes(), all
}

func callerManifest() *core.Manifest {
	m := &core.Manifest{Name: "fixture", Hooks: core.Hooks(), Effects: core.EffectKinds(), Facts: []string{"quantity", "shopper.tags", "input.blob"}}
	for p := range 6 {
		m.Facts = append(m.Facts, fmt.Sprint("input.p", p))
	}
	return m
}

// FuzzABI calls every import at every hook with whatever parameters. Nothing may get through that the engine does not
// expect, nothing may stay behind, and the interpreter must agree with the compiler.
func FuzzABI(f *testing.F) {
	module, all := caller()
	mechanics := make([]core.Mechanic, 2)
	for i := range mechanics {
		plugin, err := newHost(f, plugins.Options{Interpreter: i == 1}).Load(f.Context(), callerManifest(), module)
		if err != nil {
			f.Fatal(err)
		}
		mechanics[i] = bind(f, plugin, nil)
	}
	const end = 1 << 16
	for i := range all {
		f.Add(byte(i), byte(2), int64(blobAt), int64(8), int64(blobAt+8), int64(8), int64(1), int64(2), []byte("quantitylabel 退"))
		f.Add(byte(i), byte(i), int64(end-4), int64(4), int64(end-4), int64(5), int64(-1), int64(1)<<40, []byte("shopper.tags.0"))
		f.Add(byte(i), byte(4), int64(-1), int64(-1), int64(1)<<31, int64(1)<<62, int64(0), int64(0), []byte{0xff, 0xfe, 0})
	}
	f.Fuzz(func(t *testing.T, which, hook byte, p0, p1, p2, p3, p4, p5 int64, blob []byte) {
		at := core.Hooks()[int(hook)%len(core.Hooks())]
		facts := &core.Facts{
			Now: 1, Quantity: int64(which) % int64(len(all)), Shopper: core.ShopperFacts{Tags: []string{"gold"}},
			Input: core.Object{"blob": string(blob), "p0": p0, "p1": p1, "p2": p2, "p3": p3, "p4": p4, "p5": p5},
		}
		effects, usage, err := mechanics[0].Decide(at, facts, nil)
		checkDecision(t, at, effects, usage, err)
		for _, again := range mechanics {
			same, cost, failure := again.Decide(at, facts, nil)
			if !slices.Equal(same, effects) || cost != usage || fmt.Sprint(failure) != fmt.Sprint(err) {
				t.Fatalf("got %v, %v, %v; before %v, %v, %v", same, cost, failure, effects, usage, err)
			}
		}
	})
}

func checkDecision(t *testing.T, hook core.Hook, effects []core.Effect, usage core.Usage, err error) {
	t.Helper()
	codes := []string{
		abi.CodeFailed, abi.CodeUndeclaredFact, abi.CodeWrongKind, abi.CodeBadEffect, abi.CodeBadString,
	}
	if err != nil {
		failure, ok := err.(*core.MechanicError) //nolint:errorlint // the contract is this very type
		if !ok || !slices.Contains(codes, failure.Code) || !utf8.ValidString(failure.Message) || len(effects) != 0 {
			t.Fatalf("got %v and %d effects", err, len(effects))
		}
	}
	for _, e := range effects {
		if !e.Kind.Allowed(hook) {
			t.Fatalf("%s at %s", e.Kind, hook)
		}
		for s, most := range map[string]int{
			e.Name: abi.MaxName, e.Text.EN: abi.MaxString, e.Text.ZH: abi.MaxString, e.Value: abi.MaxString, e.Data: abi.MaxString,
		} {
			if len(s) > most || !utf8.ValidString(s) {
				t.Fatalf("%s carries %d bytes %q", e.Kind, len(s), s)
			}
		}
	}
	if usage.Fuel <= 0 || usage.Fuel > 100_000 {
		t.Fatalf("%d fuel", usage.Fuel)
	}
}
