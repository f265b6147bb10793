package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/vet"
)

// grants says which limits a plugin has: those of the policy; without one the default, and where that is generous, as in
// demo mode, what Go needs for a module that is too large for it.
type grants struct {
	policy   *plugins.Policy
	generous bool
}

func (g grants) limits(digest string, size int64) plugins.Limits {
	if g.policy != nil {
		return g.policy.For(digest)
	}
	limits := plugins.DefaultLimits()
	if g.generous && size > limits.ModuleBytes {
		return plugins.GoLimits()
	}
	return limits
}

// admissible returns the report that an accepted plugin may be loaded by. It was vetted under limits; a policy that grants
// more by now changes nothing, one that grants less keeps the plugin out.
func (g grants) admissible(p *core.Plugin) (*vet.Report, error) {
	report := &vet.Report{}
	if err := json.Unmarshal(p.Report.Document, report); err != nil {
		return nil, fmt.Errorf("the report on %s: %w", p.Digest, err)
	}
	if !covers(g.limits(p.Digest, p.Size), report.Limits) {
		return nil, core.Errorf(core.CodeWrongState, "the plugin was vetted under limits that it is granted no more: pack it anew and submit it")
	}
	return report, nil
}

// covers reports whether what is granted is at least what is needed.
func covers(granted, needed plugins.Limits) bool {
	return granted.Fuel >= needed.Fuel && granted.StartFuel >= needed.StartFuel && granted.MemoryBytes >= needed.MemoryBytes &&
		granted.Depth >= needed.Depth && granted.Effects >= needed.Effects && granted.LogBytes >= needed.LogBytes &&
		granted.ModuleBytes >= needed.ModuleBytes
}

// moduleVetter judges modules by package vet, the dangerous half in a child process. It implements core.Vetter.
type moduleVetter struct {
	grants grants
	child  []string // command line of the child
}

// Version implements core.Vetter: a verdict counts for the rules it was found by.
func (*moduleVetter) Version() string { return vet.Version() }

// Vet implements core.Vetter.
func (v *moduleVetter) Vet(ctx context.Context, p *core.Plugin, module []byte) (*core.Verdict, error) {
	report, err := vet.Run(ctx, vet.Options{Limits: v.grants.limits(p.Digest, p.Size), Child: v.child}, nil, nil, module)
	if err != nil {
		return nil, err
	}
	document, err := json.Marshal(report)
	if err != nil {
		return nil, fmt.Errorf("encode the report: %w", err)
	}
	return &core.Verdict{Accepted: report.Verdict == vet.Accepted, Name: report.Manifest.Name, Document: document}, nil
}

// pluginSettings are the flags of serve about plugins that brands upload.
type pluginSettings struct {
	policy  policyFile
	workers int
}

func (s *pluginSettings) register(cmd *cobra.Command) {
	s.policy.register(cmd)
	cmd.Flags().IntVar(&s.workers, "vet-workers", 1, "how many uploaded plugins are vetted at a time")
}

// newPlugins returns the registry of uploaded plugins, which vets with this binary as its child, and the compiler of
// everything that a campaign can bind.
func (s *serveSettings) newPlugins(
	ctx context.Context, store core.PluginStore, log *slog.Logger,
) (*core.PluginRegistry, *compiler, error) {
	policy, err := s.plugins.policy.read()
	if err != nil {
		return nil, nil, err
	}
	child, err := vetChild()
	if err != nil {
		return nil, nil, err
	}
	granted := grants{policy: policy, generous: s.demo}
	registry := core.NewPluginRegistry(core.PluginOptions{
		Store: store, Vetter: &moduleVetter{grants: granted, child: child}, Workers: s.plugins.workers, Log: log,
	})
	compiler, err := newServingCompiler(ctx, s.pluginOptions(ctx, log), registry, granted)
	return registry, compiler, err
}

// pluginOptions are those of the hosts. Compiled code is kept in the data folder, unless that cannot be used.
func (s *serveSettings) pluginOptions(ctx context.Context, log *slog.Logger) plugins.Options {
	o := plugins.Options{Logger: log, CacheDir: filepath.Join(s.data, "compiled")}
	host, err := plugins.NewHost(ctx, o)
	if err == nil {
		err = host.Close(ctx)
	}
	if err != nil {
		log.Warn("compiled plugins are not kept from one start to the next", "error", err)
		o.CacheDir = ""
	}
	return o
}
