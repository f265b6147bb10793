// Package mechanictest is the conformance kit of mechanics, rules and plugins alike: a mechanic that passes decides what
// its vectors say and keeps the contract of [core.Mechanic].
package mechanictest

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

// Run holds a mechanic against its vectors, each a subtest. compile makes the mechanic with the parameters of a binding
// and is called once for every config that the vectors use; a mechanic that is an [io.Closer] is closed at the end.
//
// Beyond the vector itself every subtest checks that the decision is pure (equal effects and fuel when asked again, when
// asked by several goroutines, and whatever was decided in between), that facts and earlier effects are left alone, that
// effects are named in the manifest and allowed at the hook, and that nothing is proposed at hooks the mechanic does not
// have.
func Run(t *testing.T, compile func(config core.Object) (core.Mechanic, error), vectors *campaignfile.Vectors) {
	t.Helper()
	kit := &kit{compile: compile, compiled: map[string]core.Mechanic{}}
	t.Cleanup(func() { kit.close(t) })
	for i := range vectors.Vectors {
		vector := &vectors.Vectors[i]
		t.Run(vector.Name, func(t *testing.T) {
			mechanic := kit.mechanic(t, vector.Config)
			report(t, checkManifest(mechanic, vectors.Mechanic))
			report(t, checkVector(mechanic, vector))
		})
	}
	t.Run("keeps nothing between decisions", func(t *testing.T) {
		for _, vector := range slices.Backward(vectors.Vectors) {
			report(t, prefixed(vector.Name+": asked in another order, ", checkOutcome(kit.mechanic(t, vector.Config), &vector)))
		}
	})
}

func report(t *testing.T, complaints []string) {
	t.Helper()
	for _, complaint := range complaints {
		t.Error(complaint)
	}
}

func prefixed(prefix string, complaints []string) []string {
	for i := range complaints {
		complaints[i] = prefix + complaints[i]
	}
	return complaints
}

// kit has the mechanic compiled for each config, by the config's JSON.
type kit struct {
	compile  func(config core.Object) (core.Mechanic, error)
	compiled map[string]core.Mechanic
}

func (k *kit) mechanic(t *testing.T, config core.Object) core.Mechanic {
	t.Helper()
	key, err := json.Marshal(config)
	if err != nil {
		t.Fatalf("the vector's config: %v", err)
	}
	if m, ok := k.compiled[string(key)]; ok {
		return m
	}
	m, err := k.compile(config)
	if err != nil {
		t.Fatalf("compile with config %s: %v", key, err)
	}
	k.compiled[string(key)] = m
	return m
}

func (k *kit) close(t *testing.T) {
	t.Helper()
	for _, m := range k.compiled {
		closer, ok := m.(io.Closer)
		if !ok {
			continue
		}
		if err := closer.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

// checkManifest returns what is wrong with a mechanic's manifest.
func checkManifest(m core.Mechanic, name string) []string {
	var complaints []string
	manifest := m.Manifest()
	if manifest == nil {
		return []string{"it has no manifest"}
	}
	if err := manifest.Validate().Err(); err != nil {
		complaints = append(complaints, "the manifest: "+err.Error())
	}
	if manifest.Name != name {
		complaints = append(complaints, fmt.Sprintf("the vectors are for %s, the manifest is of %s", name, manifest.Name))
	}
	if !reflect.DeepEqual(manifest, m.Manifest()) {
		complaints = append(complaints, "the manifest changed between two calls")
	}
	return complaints
}
