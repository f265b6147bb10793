package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
)

func TestAModuleThatIsTooLargeForTheDefaultsHasTheLimitsOfGo(t *testing.T) {
	small, large := sourceFile{"a.wasm", make([]byte, 10)}, sourceFile{"b.wasm", append([]byte("\x00asm"), make([]byte, 2<<20)...)}
	if limits, note := policyFor(nil, small); limits != plugins.DefaultLimits() || note != "" {
		t.Errorf("%+v, %s", limits, note)
	}
	if limits, note := policyFor(nil, large); limits != plugins.GoLimits() || !strings.Contains(note, "b.wasm is over 1,048,576 bytes: ") {
		t.Errorf("%+v, %s", limits, note)
	}
	policy, err := plugins.ParsePolicy([]byte("defaults: {fuel: 77}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if limits, note := policyFor(policy, large); limits.Fuel != 77 || note != "" {
		t.Errorf("%+v, %s", limits, note)
	}
}

func TestAMechanicIsCompiledOncePerConfig(t *testing.T) {
	files(t, late())
	source, err := findMechanic("late")
	if err != nil {
		t.Fatal(err)
	}
	m, err := source.parse()
	if err != nil {
		t.Fatal(err)
	}
	compiled := 0
	piece := &workpiece{parsedMechanic: m, compile: func(config core.Object) (core.Mechanic, error) {
		compiled++
		return m.parsed.Compile(config)
	}}
	bound := piece.bindings()
	for _, config := range []core.Object{nil, {"noon": int64(1)}, nil, {"noon": int64(2)}, {"noon": int64(1)}, {"noon": "x"}, {"noon": "x"}} {
		_, err := bound.of(config)
		if _, wrong := config["noon"].(string); wrong != (err != nil) {
			t.Errorf("%v: %v", config, err)
		}
	}
	if compiled != 5 { // three, and what does not compile each time
		t.Errorf("compiled %d times", compiled)
	}
}

func TestCompiledCodeIsKeptForTheNextTime(t *testing.T) {
	files(t, toy())
	for range 2 {
		if r := do(t, "mechanic", "run", "toy"); r.code != exitOK {
			t.Fatalf("exit %d\n%s", r.code, r.stderr)
		}
		kept, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "hotdrop", "compiled", "*", "*"))
		if err != nil || len(kept) != 1 {
			t.Errorf("the cache has %v, %v", kept, err)
		}
	}
	for name, folder := range map[string]string{"a cache that is a file": "toy/toy.wasm", "no cache": "relative"} {
		t.Setenv("XDG_CACHE_HOME", folder)
		if r := do(t, "mechanic", "run", "toy"); r.code != exitOK || strings.Contains(r.stderr, "cache") {
			t.Errorf("%s: exit %d\n%s", name, r.code, r.stderr)
		}
	}
}

func TestAPolicyFileIsTheLimitEverywhere(t *testing.T) {
	files(t, with(toy(), "policy.yaml", "defaults: {fuel: 10}\n", "broken.yaml", "defaults: {fule: 10}\n"))
	for _, command := range []string{"test", "run", "bench", "pack"} {
		r := do(t, "mechanic", command, "toy", "--policy", "policy.yaml")
		if r.code != exitFailed || !strings.Contains(r.stdout+r.stderr, "out_of_fuel") {
			t.Errorf("%s: exit %d\n%s%s", command, r.code, r.stdout, r.stderr)
		}
	}
	for _, command := range []string{"check", "test", "run", "bench", "pack", "inspect"} {
		r := do(t, "mechanic", command, "toy", "--policy", "broken.yaml")
		if r.code != exitFailed || !strings.Contains(r.stderr, "broken.yaml:1:12: defaults.fule: there is no such key") {
			t.Errorf("%s: exit %d, %s", command, r.code, r.stderr)
		}
	}
}
