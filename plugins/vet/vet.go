package vet

import (
	"context"
	"fmt"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/wasm"
)

// Rules is the version of what this package asks of a module. It rises with every change that could make a verdict
// another one, so that whatever was accepted under the old rules is vetted again.
const Rules = "1"

// Engine is the version of the runtime that compiles and runs modules: another one may compile another program, so what was
// found out about the old one's says nothing about it. A test holds it against what is built in.
const Engine = "v1.12.0"

// defaultSets is how many fact sets are generated.
const defaultSets = 1_000

// Options are how modules are vetted.
type Options struct {
	// Limits are what a module is held to; the zero value means [plugins.DefaultLimits].
	Limits plugins.Limits
	// Child is the command line of a process that calls [Child], as {"/usr/bin/hotdrop", "vet-child"}. It is started with
	// an empty environment, in the folder /.
	Child []string
	// Confinement is what the child may use.
	Confinement Confinement
	// Parallel is how many children may run at once; 0 means one.
	Parallel int
	// Sets is how many fact sets are generated; 0 means 1,000.
	Sets int

	// watch, if not nil, hears of every stage that a child begins, and may end the child's time.
	watch func(pid int, s stage, expire func())
}

// Vetter vets modules, only so many at a time. It is safe for concurrent use.
type Vetter struct {
	options Options
	slots   chan struct{}
}

// NewVetter returns a vetter.
func NewVetter(o Options) *Vetter {
	if o.Limits == (plugins.Limits{}) {
		o.Limits = plugins.DefaultLimits()
	}
	if o.Sets <= 0 {
		o.Sets = defaultSets
	}
	o.Confinement = o.Confinement.complete()
	return &Vetter{options: o, slots: make(chan struct{}, max(1, o.Parallel))}
}

// Run is [Vetter.Run] of a vetter of its own.
func Run(ctx context.Context, o Options, manifest *core.Manifest, vectors, module []byte) (*Report, error) {
	return NewVetter(o).Run(ctx, manifest, vectors, module)
}

// Run vets a module. Manifest and vectors (the text of a vector file) are those of the module's custom sections where they
// are nil. A module that is not fit is a report with the verdict [Refused]; the error is non-nil only if vetting itself
// could not be done, as when ctx ends or the child cannot be started.
func (v *Vetter) Run(ctx context.Context, manifest *core.Manifest, vectors, module []byte) (*Report, error) {
	report, fit := inspect(manifest, vectors, module, v.options.Limits)
	if fit == nil {
		return report, nil
	}
	select {
	case v.slots <- struct{}{}:
		defer func() { <-v.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	c := &child{options: &v.options, request: &request{
		Manifest: fit.manifest, Digest: report.Digest, Limits: report.Limits, Sets: v.options.Sets,
		vectors: fit.vectors, module: fit.module,
	}}
	examination, err := c.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("vet %s: %w", report.Digest, err)
	}
	report.adopt(examination)
	if fit.vectors == nil {
		report.refuse(reasonf(CodeVectorsMissing, plugins.SectionVectors, "nothing says what it should decide"))
	}
	if report.Verdict == "" {
		report.Verdict = Accepted
	}
	return report, nil
}

// Version names the rules that this package judges by, those of the rewriting and the engine included. A verdict counts for that version
// only: under another one a module has to be vetted again before it is loaded.
func Version() string { return "rules " + Rules + ", rewriter " + wasm.Version + ", wazero " + Engine }
