// Package plugins runs WebAssembly plugins as mechanics: the [Host] loads a module that speaks the ABI of package abi,
// and [Plugin.Bind] makes a [core.Mechanic] of it for one binding.
//
// A module may be anybody's. It is decoded and checked here, rewritten so that it carries its own limits, and only what
// our encoder wrote reaches the runtime. Every decision starts from the same memory, globals and tables, burns a
// counted amount of fuel, and leaves nothing for the next. Why the host is built like this is answered in RATIONALE.md.
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

	"hotdrop/core"
	"hotdrop/plugins/abi"
	"hotdrop/plugins/wasm"
)

// Options are the host's settings; the zero value grants every plugin the default limits and keeps nothing on disk.
type Options struct {
	// Guests is how many instances one plugin may have at once; 0 means two per processor. Decisions beyond that wait
	// for one another.
	Guests int
	// Logger gets what plugins log, at debug level; nil drops it.
	Logger *slog.Logger
	// CacheDir is where compiled code is kept from one run to the next; "" means in memory only. It must belong to the
	// user the server runs as.
	CacheDir string
	// CacheKey seals what is kept there, with at least [CacheKeySize] secret bytes that do not lie in CacheDir: whoever can
	// write to the folder and knows the key can run code as the server. Under another key everything is compiled again.
	CacheKey []byte
	// Limits are those of every plugin that the host loads; the zero value means [DefaultLimits]. Plugins that a policy
	// grants other limits have a host of their own.
	Limits Limits
	// Interpreter runs the code in the runtime's interpreter, which is some 20 times slower: to compare with.
	Interpreter bool
}

// Host loads plugins and closes them. It is safe for concurrent use.
type Host struct {
	options Options
	disk    *diskCache // nil: code is kept in memory only
	mu      sync.Mutex
	plugins map[*Plugin]struct{} // nil once the host is closed
}

// NewHost returns a host without plugins. Close it when no decision is needed any more. It fails if the cache's folder
// cannot be made or is not this user's alone. Nothing is waited for, so the context is not used.
func NewHost(_ context.Context, options Options) (*Host, error) {
	if options.Guests <= 0 {
		options.Guests = 2 * runtime.GOMAXPROCS(0)
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Limits == (Limits{}) {
		options.Limits = DefaultLimits()
	}
	h := &Host{options: options, plugins: map[*Plugin]struct{}{}}
	if options.CacheDir == "" || options.Interpreter { // an interpreter has no code to keep
		return h, nil
	}
	var err error
	h.disk, err = openCache(options.CacheDir, options.CacheKey)
	return h, err
}

// Load checks that a module keeps the ABI, its manifest and the limits, rewrites and compiles it,
// and runs its initialisation once. The manifest's digest, if it has one, must be that of module. Everything wrong with
// manifest or module is a *[core.Problems], see [Check].
func (h *Host) Load(ctx context.Context, manifest *core.Manifest, module []byte) (*Plugin, error) {
	limits := h.options.Limits
	m, decoded, err := Check(manifest, module, limits)
	if err != nil {
		return nil, err
	}
	rewritten, err := rewrite(decoded, limits)
	if err != nil {
		return nil, err
	}
	compiled, err := h.compile(ctx, rewritten.Wasm)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %s", m.Name, firstLine(err.Error()))
	}
	p := newPlugin(h, m, compiled, rewritten, limits)
	if err := p.initialize(ctx); err != nil {
		return nil, errors.Join(err, p.free(ctx))
	}
	if !h.keep(p) {
		return nil, errors.Join(errors.New("the host is closed"), p.shut(ctx))
	}
	return p, nil
}

// rewrite writes the limits into the module.
func rewrite(m *wasm.Module, limits Limits) (*wasm.Rewritten, error) {
	charges := map[string]int64{}
	for name, f := range importable() {
		charges[name] = f.Fuel
	}
	shape := limits.shape()
	rewritten, err := wasm.Rewrite(m, wasm.Policy{
		MemoryPages:  uint32(limits.pages()),     //nolint:gosec // the policy bounds it
		TableEntries: uint32(shape.TableEntries), //nolint:gosec // the policy bounds it
		Depth:        limits.Depth,
		ImportFuel:   charges,
	})
	if refusal, ok := errors.AsType[*wasm.Error](err); ok {
		problems := &core.Problems{}
		problems.Add("", "%s", refusal.Error())
		return nil, problems
	}
	if err != nil {
		return nil, fmt.Errorf("rewrite the module: %w", err)
	}
	return rewritten, nil
}

// Digest returns "sha256:<hex>" over a plugin's bytes.
func Digest(module []byte) string {
	sum := sha256.Sum256(module)
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

// Close waits for the decisions that run, then closes every plugin. Later decisions fail with the code unavailable.
// Closing again does nothing.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	plugins := h.plugins
	h.plugins = nil
	h.mu.Unlock()
	var errs []error
	for p := range plugins {
		errs = append(errs, p.shut(ctx))
	}
	return errors.Join(errs...)
}

func unavailable(message string) error {
	return &core.MechanicError{Code: abi.CodeUnavailable, Message: message}
}
