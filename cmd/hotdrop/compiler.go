package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"hotdrop/core"
	"hotdrop/plugins"
	pluginlibrary "hotdrop/plugins/library"
	"hotdrop/plugins/vet"
	"hotdrop/rules"
	rulelibrary "hotdrop/rules/library"
)

// compiler turns bindings into mechanics: shipped rules by name, rules written inline, shipped plugins by name or digest,
// and plugins that the campaign's brand has uploaded by digest. It is safe for concurrent use and implements
// core.Compiler.
type compiler struct {
	options  plugins.Options
	shipped  map[string]*plugins.Plugin // by name and by digest
	uploaded uploadedPlugins            // nil: none
	grants   grants
	loaded   *pool[loadKey, *plugins.Plugin]

	mu    sync.Mutex
	hosts map[plugins.Limits]*plugins.Host // nil once the compiler is closed
}

// uploadedPlugins is what the compiler needs of the registry.
type uploadedPlugins interface {
	// Loadable returns the brand's plugin if the campaign may load it now, else a *core.NotLoadable or that the store is away.
	Loadable(ctx context.Context, brand, campaign, digest string) (*core.Plugin, error)
	// Wasm returns the plugin's bytes, checked against its digest.
	Wasm(ctx context.Context, p *core.Plugin) ([]byte, error)
}

// loadKey is what loading an uploaded plugin depends on: brands that uploaded the same bytes share it.
type loadKey struct {
	digest string
	limits plugins.Limits
}

// newCompiler loads every shipped plugin, so that one that cannot run is noticed before anything is sold.
func newCompiler(ctx context.Context, log *slog.Logger) (*compiler, error) {
	return newServingCompiler(ctx, plugins.Options{Logger: log}, nil, grants{})
}

// newServingCompiler is newCompiler that also compiles what brands have uploaded, under the limits that they are granted.
func newServingCompiler(ctx context.Context, o plugins.Options, uploaded uploadedPlugins, g grants) (*compiler, error) {
	c := &compiler{
		options: o, shipped: map[string]*plugins.Plugin{}, uploaded: uploaded, grants: g,
		hosts: map[plugins.Limits]*plugins.Host{},
	}
	c.loaded = newPool[loadKey](idlePlugin, func(p *plugins.Plugin) { _ = p.Close(context.Background()) })
	for _, name := range pluginlibrary.Names() {
		if err := c.load(ctx, name); err != nil {
			return nil, errors.Join(fmt.Errorf("loading the plugin %s: %w", name, err), c.close(ctx))
		}
	}
	return c, nil
}

func (c *compiler) load(ctx context.Context, name string) error {
	entry, err := pluginlibrary.Open(name)
	if err != nil {
		return err
	}
	host, err := c.host(ctx, plugins.DefaultLimits())
	if err != nil {
		return err
	}
	plugin, err := host.Load(ctx, entry.Manifest, entry.Wasm)
	if err != nil {
		return err
	}
	c.shipped[name], c.shipped[plugin.Manifest().Digest] = plugin, plugin
	return nil
}

// host returns the host of plugins that have these limits.
func (c *compiler) host(ctx context.Context, limits plugins.Limits) (*plugins.Host, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hosts == nil {
		return nil, errors.New("the compiler is closed")
	}
	if host := c.hosts[limits]; host != nil {
		return host, nil
	}
	options := c.options
	options.Limits = limits
	host, err := plugins.NewHost(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("starting the plugin host: %w", err)
	}
	c.hosts[limits] = host
	return host, nil
}

// close frees the hosts; no mechanic of them may be used any more.
func (c *compiler) close(ctx context.Context) error {
	c.loaded.stop()
	c.mu.Lock()
	hosts := c.hosts
	c.hosts = nil
	c.mu.Unlock()
	var errs []error
	for _, host := range hosts {
		errs = append(errs, host.Close(context.WithoutCancel(ctx)))
	}
	return errors.Join(errs...)
}

// Compile implements core.Compiler.
func (c *compiler) Compile(ctx context.Context, binding core.Binding) (core.Mechanic, error) {
	switch {
	case len(binding.Rule) > 0:
		return rules.CompileJSON(binding.Rule, binding.Config)
	case binding.Plugin == "":
		return rulelibrary.Compile(binding.Mechanic, binding.Config)
	case c.shipped[binding.Plugin] != nil:
		return c.shipped[binding.Plugin].Bind(binding.Config)
	case c.uploaded != nil && core.ValidDigest(binding.Plugin):
		return c.bindUploaded(ctx, binding)
	default:
		return nil, unknownPlugin(binding.Plugin)
	}
}

func unknownPlugin(name string) error {
	problem := core.Problem{
		Path: "plugin", Message: fmt.Sprintf("there is no shipped plugin %q", name),
		Hint: "an uploaded one is named by its digest, sha256: and 64 hex digits",
	}
	if near := core.Nearest(name, pluginlibrary.Names()); near != "" {
		problem.Hint = "did you mean " + near + "?"
	}
	return &core.Problems{List: []core.Problem{problem}}
}

// bindUploaded makes the mechanic of an uploaded plugin. Whether it may be loaded is asked every time, also when it is
// loaded already. It has the limits that it was vetted under, and stays loaded for as long as the mechanic can be reached.
func (c *compiler) bindUploaded(ctx context.Context, binding core.Binding) (core.Mechanic, error) {
	p, err := c.uploaded.Loadable(ctx, binding.Brand, binding.Campaign, binding.Plugin)
	if err != nil {
		return nil, unloadable(&binding, err)
	}
	plugin, release, err := c.use(ctx, p)
	if err != nil && !passing(err) {
		err = &core.NotLoadable{Plugin: p, Err: err}
	}
	if err != nil {
		return nil, unloadable(&binding, err)
	}
	mechanic, err := plugin.Bind(binding.Config)
	if err != nil {
		release()
		return nil, &core.NotLoadable{Plugin: p, Hooks: plugin.Manifest().Hooks, Err: err}
	}
	return hold(mechanic, release), nil
}

// use loads a plugin that may be loaded, or finds it loaded.
func (c *compiler) use(ctx context.Context, p *core.Plugin) (plugin *plugins.Plugin, release func(), err error) {
	report, err := c.grants.admissible(p)
	if err != nil {
		return nil, nil, err
	}
	return c.loaded.use(ctx, loadKey{p.Digest, report.Limits}, func() (*plugins.Plugin, error) {
		return c.fetch(context.WithoutCancel(ctx), p, report) // others wait for it too
	})
}

// passing reports whether an error says nothing about the plugin: the store is away, or nobody waits any more.
func passing(err error) bool {
	return core.CodeOf(err) == core.CodeUnavailable || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// fetch reads the plugin out of the store, holds it against its report, compiles it and runs its initialisation.
func (c *compiler) fetch(ctx context.Context, p *core.Plugin, report *vet.Report) (*plugins.Plugin, error) {
	module, err := c.uploaded.Wasm(ctx, p)
	if err != nil {
		return nil, err
	}
	admitted, err := vet.Admit(report, report.Limits, module)
	if err != nil {
		return nil, err
	}
	host, err := c.host(ctx, report.Limits)
	if err != nil {
		return nil, err
	}
	return admitted.Load(ctx, host)
}

// unloadable says what keeps a binding from its plugin, at its place in the file, and at which hooks the plugin would be
// asked; a store that does not answer is no problem of the file.
func unloadable(binding *core.Binding, err error) error {
	why, ok := errors.AsType[*core.NotLoadable](err)
	if !ok {
		return err
	}
	problem := core.Problem{Path: "plugin"}
	refusal, _ := errors.AsType[*core.Error](err)
	switch core.CodeOf(err) {
	case core.CodeNotFound:
		problem.Message = fmt.Sprintf("the brand %s has no plugin %s", binding.Brand, binding.Plugin)
		problem.Hint = why.Next()
	case core.CodeWrongState:
		problem.Message = refusal.Message
		problem.Hint = why.Next()
	case core.CodeInvalid:
		problem.Message = "the plugin cannot be loaded: " + err.Error()
	default: // it is vetted again, or this node is unable to load it: another time or another node
		return &core.NotLoadable{Plugin: why.Plugin, Hooks: hooksOf(why.Plugin), Err: why.Err}
	}
	return &core.NotLoadable{
		Plugin: why.Plugin, Hooks: hooksOf(why.Plugin), Hint: why.Hint, Withheld: why.Withheld, Expired: why.Expired,
		Err: &core.Problems{List: []core.Problem{problem}},
	}
}

// hooksOf returns the hooks that a plugin's report names; none without a report.
func hooksOf(p *core.Plugin) []core.Hook {
	if p == nil || p.Report == nil {
		return nil
	}
	report := &vet.Report{}
	if err := json.Unmarshal(p.Report.Document, report); err != nil {
		return nil
	}
	return report.Manifest.Hooks
}
