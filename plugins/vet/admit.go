package vet

import (
	"context"
	"fmt"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/wasm"
)

// Admitted is a module that was vetted and accepted, as it is and under the limits that it will be held to. Only [Admit]
// makes one, so a function that takes it cannot be handed a module that nobody has vetted.
type Admitted struct {
	manifest *core.Manifest
	module   []byte
}

// Admit holds a stored report against the module: it must be the report of these very bytes, with the manifest and the
// vectors in them, accept them, and have been made under the same limits, rules of rewriting included. The error is a
// *[core.Error] of code wrong_state: the module has to be vetted (again) before it may be loaded.
func Admit(report *Report, limits plugins.Limits, module []byte) (*Admitted, error) {
	notAdmitted := func(format string, args ...any) (*Admitted, error) {
		return nil, core.Errorf(core.CodeWrongState, "the plugin may not be loaded: "+format, args...)
	}
	switch digest := plugins.Digest(module); {
	case report.Verdict != Accepted:
		return notAdmitted("vetting has not accepted it")
	case report.Digest != digest:
		return notAdmitted("the report is on %s, the module is %s", clean(report.Digest, maxPlace), digest)
	case !report.Packed:
		return notAdmitted("the report is on a manifest and vectors that the module does not carry")
	case report.Rewriter != wasm.Version:
		return notAdmitted("it was vetted with version %s of the rewriter, this is %s", clean(report.Rewriter, maxWord), wasm.Version)
	case report.Limits != limits:
		return notAdmitted("it was vetted under other limits")
	}
	manifest, err := plugins.ManifestOf(module)
	if err != nil {
		return nil, fmt.Errorf("the manifest of an accepted module: %w", err)
	}
	return &Admitted{manifest: manifest, module: module}, nil
}

// Load loads the module into a host, whose policy must grant it the limits that it was admitted under.
func (a *Admitted) Load(ctx context.Context, host *plugins.Host) (*plugins.Plugin, error) {
	return host.Load(ctx, a.manifest, a.module)
}
