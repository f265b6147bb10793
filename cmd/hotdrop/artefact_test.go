package main

import (
	"log/slog"
	"reflect"
	"slices"
	"testing"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	pluginlibrary "hotdrop/plugins/library"
	rulelibrary "hotdrop/rules/library"
)

var _ core.ArtefactCompiler = (*compiler)(nil)

// shippedBindings binds every mechanic that ships, with the vectors of each.
func shippedBindings(t *testing.T) map[*core.Binding][]campaignfile.Vector {
	t.Helper()
	bindings := map[*core.Binding][]campaignfile.Vector{}
	add := func(b core.Binding, file []byte) {
		vectors, err := campaignfile.ParseVectors(file)
		if err != nil {
			t.Fatal(err)
		}
		bindings[&b] = vectors.Vectors
	}
	for _, name := range rulelibrary.Names() {
		entry, err := rulelibrary.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		add(core.Binding{Mechanic: name}, entry.Vectors)
	}
	for _, name := range pluginlibrary.Names() {
		entry, err := pluginlibrary.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		add(core.Binding{Plugin: name}, entry.Vectors)
	}
	return bindings
}

func TestWhatIsStoredOfAShippedMechanicDecidesAsItDoes(t *testing.T) {
	c, err := newCompiler(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.close(t.Context()) })
	for one, vectors := range shippedBindings(t) {
		t.Run(one.Mechanic+one.Plugin, func(t *testing.T) {
			for _, v := range vectors {
				binding := *one
				binding.Config = v.Config
				own, err := c.Compile(t.Context(), binding)
				if err != nil {
					t.Fatal(err)
				}
				artefact, err := c.Artefact(t.Context(), binding)
				if err != nil {
					t.Fatal(err)
				}
				kept, err := c.CompileArtefact(t.Context(), core.Binding{Mechanic: "gone", Config: v.Config}, artefact)
				if err != nil {
					t.Fatal(err)
				}
				if artefact.Digest != own.Manifest().Digest || !reflect.DeepEqual(kept.Manifest(), own.Manifest()) {
					t.Fatalf("the artefact %s of %+v says that it is %+v", artefact.Digest, own.Manifest(), kept.Manifest())
				}
				want, _, wantErr := own.Decide(v.Hook, &v.Facts, nil)
				got, _, gotErr := kept.Decide(v.Hook, &v.Facts, nil)
				if !slices.Equal(got, want) || (gotErr == nil) != (wantErr == nil) {
					t.Errorf("%s: it decides %+v, %v, its artefact %+v, %v", v.Name, want, wantErr, got, gotErr)
				}
			}
		})
	}
}

func TestOnlyWhatShipsIsStored(t *testing.T) {
	c, err := newCompiler(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.close(t.Context()) })
	for _, binding := range []core.Binding{
		{Rule: []byte(`{"rule":"mine","hook":"quote","then":[]}`)},
		{Plugin: "sha256:0000000000000000000000000000000000000000000000000000000000000000"},
	} {
		if a, err := c.Artefact(t.Context(), binding); a != nil || err != nil {
			t.Errorf("%+v: %+v, %v", binding, a, err)
		}
	}
}

func TestAnArtefactThatIsNotWhatItSaysIsRefused(t *testing.T) {
	c, err := newCompiler(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.close(t.Context()) })
	sound, err := c.Artefact(t.Context(), core.Binding{Plugin: "trade-in"})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(a *core.Artefact){
		"another digest":             func(a *core.Artefact) { a.Digest = "sha256:0" },
		"no content":                 func(a *core.Artefact) { a.Bytes = nil },
		"a module that is no module": func(a *core.Artefact) { a.Bytes = []byte(`{"manifest":{},"module":"AAAA"}`) },
		"a kind of later":            func(a *core.Artefact) { a.Kind = "dream" },
		"a rule that is none":        func(a *core.Artefact) { a.Kind, a.Bytes = artefactRule, []byte("?") },
	} {
		t.Run(name, func(t *testing.T) {
			changed := *sound
			change(&changed)
			if m, err := c.CompileArtefact(t.Context(), core.Binding{Plugin: "trade-in"}, &changed); err == nil {
				t.Errorf("it is %+v", m.Manifest())
			}
		})
	}
}
