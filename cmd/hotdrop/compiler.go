package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"hotdrop/core"
	"hotdrop/plugins"
	pluginlibrary "hotdrop/plugins/library"
	"hotdrop/rules"
	rulelibrary "hotdrop/rules/library"
)

// compiler turns bindings into mechanics: shipped rules by name, rules written inline, and shipped plugins by name or
// digest. It is safe for concurrent use and implements core.Compiler.
type compiler struct {
	host    *plugins.Host
	plugins map[string]*plugins.Plugin // by name and by digest
}

// newCompiler loads every shipped plugin, so that one that cannot run is noticed before anything is sold.
func newCompiler(ctx context.Context, log *slog.Logger) (*compiler, error) {
	host, err := plugins.NewHost(ctx, plugins.Options{Logger: log})
	if err != nil {
		return nil, fmt.Errorf("starting the plugin host: %w", err)
	}
	c := &compiler{host: host, plugins: map[string]*plugins.Plugin{}}
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
	plugin, err := c.host.Load(ctx, entry.Manifest, entry.Wasm)
	if err != nil {
		return err
	}
	c.plugins[name], c.plugins[plugin.Manifest().Digest] = plugin, plugin
	return nil
}

// close frees the host; no mechanic of it may be used any more.
func (c *compiler) close(ctx context.Context) error { return c.host.Close(context.WithoutCancel(ctx)) }

// Compile implements core.Compiler.
func (c *compiler) Compile(_ context.Context, binding core.Binding) (core.Mechanic, error) {
	switch {
	case len(binding.Rule) > 0:
		return rules.CompileJSON(binding.Rule, binding.Config)
	case binding.Plugin != "":
		return c.plugin(binding)
	default:
		return rulelibrary.Compile(binding.Mechanic, binding.Config)
	}
}

func (c *compiler) plugin(binding core.Binding) (core.Mechanic, error) {
	plugin := c.plugins[binding.Plugin]
	if plugin == nil {
		problem := core.Problem{Path: "plugin", Message: fmt.Sprintf("there is no shipped plugin %q", binding.Plugin)}
		if near := core.Nearest(binding.Plugin, pluginlibrary.Names()); near != "" {
			problem.Hint = "did you mean " + near + "?"
		}
		return nil, &core.Problems{List: []core.Problem{problem}}
	}
	return plugin.Bind(binding.Config)
}
