package core

import (
	"context"
	"fmt"
	"slices"
)

// Artefact is the bytes of a mechanic that ships with a binary. They are stored with the rulesets that bind it and never
// deleted, so that an order is paid, explained and granted what its ruleset says by whatever binary comes later.
type Artefact struct {
	Digest string // of the mechanic; see [Manifest]
	Kind   string // "rule" or "plugin"
	Bytes  []byte // as the compiler that made it reads it
}

// ArtefactCompiler is a [Compiler] whose shipped mechanics can be kept: one binary stores them, another compiles them.
type ArtefactCompiler interface {
	Compiler
	// Artefact returns what has to be stored of the binding's mechanic, nil if nothing has to: what a brand wrote or uploaded
	// is stored already.
	Artefact(ctx context.Context, binding Binding) (*Artefact, error)
	// CompileArtefact is Compile with the artefact for the mechanic that the binding names.
	CompileArtefact(ctx context.Context, binding Binding, artefact *Artefact) (Mechanic, error)
}

// artefacts returns what has to be stored of the ruleset's mechanics, each once.
func (e *Engine) artefacts(ctx context.Context, r *compiled) ([]*Artefact, error) {
	compiler, ok := e.compiler.(ArtefactCompiler)
	if !ok {
		return nil, nil
	}
	var artefacts []*Artefact
	for i, binding := range r.ruleset.Bindings {
		a, err := compiler.Artefact(ctx, binding)
		if err != nil {
			return nil, err
		}
		known := func(other *Artefact) bool { return other.Digest == a.Digest }
		if a == nil || slices.ContainsFunc(artefacts, known) {
			continue
		}
		if want := r.bindings[i].mechanic.Manifest().Digest; a.Digest != want {
			return nil, Errorf(CodeInternal, "the artefact of ruleset[%d] is %s, its mechanic %s", i, a.Digest, want)
		}
		artefacts = append(artefacts, a)
	}
	return artefacts, nil
}

// compileKept compiles the binding with the mechanic that was stored with its ruleset; nil if there is none.
func (e *Engine) compileKept(ctx context.Context, binding Binding, digest string) (Mechanic, error) {
	compiler, ok := e.compiler.(ArtefactCompiler)
	if !ok || digest == "" || len(binding.Rule) > 0 {
		return nil, nil //nolint:nilnil // nothing is kept of it
	}
	artefact, err := e.campaigns.Artefact(ctx, digest)
	if err != nil {
		return nil, storeError(err)
	}
	if artefact == nil {
		return nil, nil //nolint:nilnil // it was stored before artefacts were, or is a brand's own
	}
	mechanic, err := compiler.CompileArtefact(ctx, binding, artefact)
	if err != nil {
		return nil, fmt.Errorf("the mechanic %s that is stored with its ruleset: %w", digest, err)
	}
	return mechanic, nil
}
