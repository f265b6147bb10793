// Package mechanictest is the conformance kit of mechanics, rules and plugins of any language alike: a mechanic that
// passes decides what its vectors say and keeps the contract of [core.Mechanic].
//
// [Run] is the kit for Go tests, [Check] what it does for each vector, which `hotdrop mechanic test` does too: the two
// cannot disagree.
package mechanictest

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

// TestingT is what [Run] needs of a *[testing.T], which is a TestingT[*testing.T]. It is spelled out so that a binary
// which checks mechanics with this package does not carry the testing framework.
type TestingT[T any] interface {
	Helper()
	Cleanup(f func())
	Run(name string, f func(t T)) bool
	Error(args ...any)
	Fatalf(format string, args ...any)
}

// Run holds a mechanic against its vectors, each a subtest. compile makes the mechanic with the parameters of a binding
// and is called once for every config that the vectors use; a mechanic that is an [io.Closer] is closed at the end.
//
// Beyond what [Check] does every subtest checks the manifest, and at the end every vector is asked once more, in another
// order, because nothing may be kept between decisions.
func Run[T TestingT[T]](t T, compile func(config core.Object) (core.Mechanic, error), vectors *campaignfile.Vectors) {
	t.Helper()
	kit := &kit[T]{compile: compile, compiled: map[string]core.Mechanic{}}
	t.Cleanup(func() { kit.close(t) })
	for i := range vectors.Vectors {
		vector := &vectors.Vectors[i]
		t.Run(vector.Name, func(t T) {
			mechanic := kit.mechanic(t, vector.Config)
			report(t, checkManifest(mechanic, vectors.Mechanic))
			verdict := Check(mechanic, vector)
			report(t, append(told(verdict.Differences), verdict.Complaints...))
		})
	}
	t.Run("keeps nothing between decisions", func(t T) {
		for _, vector := range slices.Backward(vectors.Vectors) {
			report(t, prefixed(vector.Name+": asked in another order, ", checkOutcome(kit.mechanic(t, vector.Config), &vector)))
		}
	})
}

func report[T TestingT[T]](t T, complaints []string) {
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
type kit[T TestingT[T]] struct {
	compile  func(config core.Object) (core.Mechanic, error)
	compiled map[string]core.Mechanic
}

func (k *kit[T]) mechanic(t T, config core.Object) core.Mechanic {
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

func (k *kit[T]) close(t T) {
	t.Helper()
	for _, m := range k.compiled {
		closer, ok := m.(io.Closer)
		if !ok {
			continue
		}
		if err := closer.Close(); err != nil {
			t.Error("close: " + err.Error())
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
