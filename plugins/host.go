// Package plugins runs WebAssembly plugins as mechanics: the [Host] loads a module that speaks the ABI of package abi,
// and [Plugin.Bind] makes a [core.Mechanic] of it for one binding.
//
// Every decision starts from the same memory and globals, and nothing of it outlives the decision. Modules of the
// binary's own library are trusted not to loop forever; modules of strangers are not for this host alone. What that
// means and why the host is built like this is answered in RATIONALE.md.
package plugins

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"hotdrop/core"
	"hotdrop/plugins/abi"
)

// Options are the host's settings; the zero value is what serving uses.
type Options struct {
	// Guests is how many instances one plugin may have at once; 0 means two per processor. Decisions beyond that wait
	// for one another.
	Guests int
	// Logger gets what plugins log, at debug level; nil drops it.
	Logger *slog.Logger
}

// Host holds the WebAssembly runtime and the plugins loaded into it. It is safe for concurrent use.
type Host struct {
	options Options
	runtime wazero.Runtime
	mu      sync.Mutex
	plugins map[*Plugin]struct{} // nil once the host is closed
}

// NewHost returns a host without plugins. Close it when no decision is needed any more.
func NewHost(ctx context.Context, options Options) (*Host, error) {
	if options.Guests <= 0 {
		options.Guests = 2 * runtime.GOMAXPROCS(0)
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(features()).
		WithMemoryLimitPages(abi.MaxMemoryPages).
		WithDebugInfoEnabled(false)
	h := &Host{options: options, runtime: wazero.NewRuntimeWithConfig(ctx, config), plugins: map[*Plugin]struct{}{}}
	if err := instantiateImports(ctx, h.runtime); err != nil {
		return nil, errors.Join(fmt.Errorf("instantiate the module %s: %w", abi.Module, err), h.runtime.Close(ctx))
	}
	return h, nil
}

// features are WebAssembly 1.0 and what compilers assume beside it, without the two proposals (bulk memory, reference
// types) whose instructions change state that the host cannot put back: tables and dropped segments.
func features() api.CoreFeatures {
	return api.CoreFeaturesV1 | api.CoreFeatureSignExtensionOps | api.CoreFeatureNonTrappingFloatToIntConversion |
		api.CoreFeatureMultiValue
}

// Load compiles a module, checks that it keeps the ABI and its manifest, and runs its initialisation once. The
// manifest's digest, if it has one, must be that of wasm. Everything wrong with manifest or module is a
// *[core.Problems].
func (h *Host) Load(ctx context.Context, manifest *core.Manifest, wasm []byte) (*Plugin, error) {
	m, problems := describe(manifest, wasm)
	if problems.Err() != nil {
		return nil, problems
	}
	compiled, err := h.runtime.CompileModule(ctx, wasm)
	if err != nil {
		problems = &core.Problems{}
		problems.Add("", "is not a valid module: %s", firstLine(err.Error()))
		return nil, problems
	}
	p := newPlugin(h, m, compiled)
	if p.globals, problems = checkModule(m, compiled, wasm); problems.Err() == nil {
		problems = p.initialize(ctx)
	}
	if problems.Err() != nil {
		_ = compiled.Close(ctx) // never fails: it only counts the users of the code
		return nil, problems
	}
	if !h.keep(p) {
		return nil, errors.Join(errors.New("the host is closed"), p.shut(ctx))
	}
	return p, nil
}

// describe returns a copy of the manifest with kind and digest filled in, or what is wrong with it.
func describe(manifest *core.Manifest, wasm []byte) (*core.Manifest, *core.Problems) {
	m := *manifest
	m.Kind, m.Digest = "plugin", Digest(wasm)
	problems := m.Validate()
	if problems == nil {
		problems = &core.Problems{}
	}
	if manifest.Digest != "" && manifest.Digest != m.Digest {
		problems.Add("digest", "is %s, but the module's is %s", manifest.Digest, m.Digest)
	}
	return &m, problems
}

// Digest returns "sha256:<hex>" over a plugin's bytes.
func Digest(wasm []byte) string {
	sum := sha256.Sum256(wasm)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (h *Host) keep(p *Plugin) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.plugins == nil {
		return false
	}
	h.plugins[p] = struct{}{}
	return true
}

// forget reports whether the plugin was still the host's to close.
func (h *Host) forget(p *Plugin) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, kept := h.plugins[p]
	delete(h.plugins, p)
	return kept
}

// Close waits for the decisions that run, then closes every plugin and the runtime. Later decisions fail with the code
// unavailable. Closing again does nothing.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	plugins := h.plugins
	h.plugins = nil
	h.mu.Unlock()
	if plugins == nil {
		return nil
	}
	var errs []error
	for p := range plugins {
		errs = append(errs, p.shut(ctx))
	}
	return errors.Join(append(errs, h.runtime.Close(ctx))...)
}
