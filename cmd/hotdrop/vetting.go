package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"hotdrop/api"
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

// version names the rules of vetting and what every plugin is granted by them that the policy does not name. A verdict that
// was found under other limits does not count: a plugin whose grant is raised or lowered is vetted again under the new one.
func (g grants) version() string {
	if g.policy != nil {
		return rulesUnder(g.policy.Defaults)
	}
	if g.generous { // what is large has other limits than what is not, and its size does not change
		return rulesUnder(plugins.DefaultLimits(), plugins.GoLimits())
	}
	return rulesUnder(plugins.DefaultLimits())
}

// own names the rules and the limits of every plugin that the policy names, by digest.
func (g grants) own() map[string]string {
	if g.policy == nil {
		return nil
	}
	versions := make(map[string]string, len(g.policy.Plugins))
	for digest, limits := range g.policy.Plugins {
		versions[digest] = rulesUnder(limits)
	}
	return versions
}

// rulesUnder names the rules of vetting together with limits.
func rulesUnder(limits ...plugins.Limits) string {
	text, _ := json.Marshal(limits) // plain data always encodes
	return vet.Version() + ", limits " + plugins.Digest(text)[len("sha256:"):][:12]
}

// admissible returns the report that an accepted plugin may be loaded by, which must have been made under the limits that
// it is granted: a report that counts was.
func (g grants) admissible(p *core.Plugin) (*vet.Report, error) {
	report := &vet.Report{}
	if err := json.Unmarshal(p.Report.Document, report); err != nil {
		return nil, fmt.Errorf("the report on %s: %w", p.Digest, err)
	}
	if granted := g.limits(p.Digest, p.Size); granted != report.Limits {
		return nil, core.Errorf(core.CodeWrongState, "the plugin was vetted under other limits than it is granted")
	}
	return report, nil
}

// moduleVetter judges modules by package vet, the dangerous half in a child process. It implements core.Vetter.
type moduleVetter struct {
	grants grants
	child  []string // command line of the child
}

// Version implements core.Vetter: a verdict counts for the rules it was found by, and for the limits it was found under.
func (v *moduleVetter) Version() string { return v.grants.version() }

// Limits implements core.Vetter.
func (v *moduleVetter) Limits(p *core.Plugin) json.RawMessage {
	text, _ := json.Marshal(v.grants.limits(p.Digest, p.Size)) // plain data always encodes
	return text
}

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
	return &core.Verdict{
		Accepted: report.Verdict == vet.Accepted, Name: report.Manifest.Name, Author: report.Manifest.Author, Document: document,
	}, nil
}

// pluginSettings are the flags of serve about plugins that brands upload.
type pluginSettings struct {
	policy  policyFile
	workers int
	room    int64 // of a brand, bytes

	approvals int  // how many people have to approve a plugin
	signed    bool // whether plugins have to be signed
}

func (s *pluginSettings) register(cmd *cobra.Command) {
	s.policy.register(cmd)
	cmd.Flags().IntVar(&s.workers, "vet-workers", 1, "how many uploaded plugins are vetted at a time")
	cmd.Flags().IntVar(&s.approvals, "plugin-approvals", 2,
		fmt.Sprintf("how many people have to approve an uploaded plugin, 1 to %d", core.MaxApprovals))
	cmd.Flags().BoolVar(&s.signed, "require-signatures", false, "take and load only uploaded plugins that their brand has signed")
	cmd.Flags().Int64Var(&s.room, "plugin-room", 256<<20, "how many bytes of the store the plugins of one brand may take, with their reports")
}

// check refuses a number of people that nobody can mean.
func (s *pluginSettings) check() error {
	if s.approvals < 1 || s.approvals > core.MaxApprovals {
		return usageError{fmt.Errorf("--plugin-approvals %d: it takes 1 to %d people to approve a plugin", s.approvals, core.MaxApprovals)}
	}
	return nil
}

// newPlugins returns the registry of uploaded plugins, which vets with this binary as its child, and the compiler of
// everything that a campaign can bind.
func (s *serveSettings) newPlugins(
	ctx context.Context, db *database, keys *api.Keys, log *slog.Logger,
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
		Store: db.plugins, Campaigns: core.Announced(db.campaigns, db.nodes, log),
		Vetter: &moduleVetter{grants: granted, child: child}, Own: granted.own(),
		Approvals: s.plugins.approvals, RequireSignatures: s.plugins.signed, BrandBytes: s.plugins.room, Workers: s.plugins.workers, Log: log,
	})
	compiler, err := newServingCompiler(ctx, s.pluginOptions(ctx, keys, log), registry, granted)
	return registry, compiler, err
}

// codePurpose names the key that is derived for compiled code.
const codePurpose = "hotdrop compiled code"

// pluginOptions are those of the hosts. Compiled code is kept in the data folder, unless that cannot be used, and sealed
// under a key that only the keys file can give: from its token secret or, in a deployment without tokens of its own, from the
// pseudonym secret that it then has.
func (s *serveSettings) pluginOptions(ctx context.Context, keys *api.Keys, log *slog.Logger) plugins.Options {
	o := plugins.Options{Logger: log, CacheDir: filepath.Join(s.data, "compiled")}
	secret, err := keys.TokenSecret, error(nil)
	if len(secret) == 0 {
		secret = keys.PseudonymSecret
	}
	if o.CacheKey, err = hkdf.Key(sha256.New, secret, nil, codePurpose, plugins.CacheKeySize); err == nil {
		err = tryHost(ctx, o)
	}
	if err != nil {
		log.Warn("compiled plugins are not kept from one start to the next", "error", err)
		o.CacheDir = ""
	}
	return o
}

// tryHost reports what keeps a host from starting with the options.
func tryHost(ctx context.Context, o plugins.Options) error {
	host, err := plugins.NewHost(ctx, o)
	if err != nil {
		return err
	}
	return host.Close(ctx)
}
