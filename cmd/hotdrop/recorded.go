package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/vet"
)

// artefactUploaded is the kind of the artefacts of plugins that brands upload: a recordedPlugin, JSON. They are in
// recordings only; a store has the module in its registry.
const artefactUploaded = "uploaded"

// recordedPlugin is what a recording has of an uploaded plugin, whose module carries its manifest: the limits that it
// decides under belong to the decision, because a failure may be theirs.
type recordedPlugin struct {
	Limits plugins.Limits `json:"limits"`
	Module []byte         `json:"module"`
}

var _ core.RecordingCompiler = (*compiler)(nil)

// newRecordedCompiler returns a compiler that loads nothing before it is asked to: what it compiles comes with a recording.
func newRecordedCompiler(log *slog.Logger) *compiler {
	return &compiler{
		options: plugins.Options{Logger: log}, shipped: map[string]*plugins.Plugin{}, hosts: map[plugins.Limits]*plugins.Host{},
		loaded: newPool[loadKey](idlePlugin, func(p *plugins.Plugin) { _ = p.Close(context.Background()) }),
	}
}

// Uploaded implements core.RecordingCompiler. What was approved once keeps its bytes, also when it is revoked.
func (c *compiler) Uploaded(ctx context.Context, brand, digest string) (*core.Artefact, error) {
	if c.uploaded == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	p, err := c.uploaded.Loadable(ctx, brand, "", digest)
	if why, ok := errors.AsType[*core.NotLoadable](err); ok {
		p, err = why.Plugin, nil
	}
	if err != nil {
		return nil, err
	}
	if p == nil || p.Upload == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	module, err := c.uploaded.Wasm(ctx, p)
	if err != nil {
		return nil, err
	}
	content, err := json.Marshal(recordedPlugin{Limits: c.limitsOf(p), Module: module})
	return &core.Artefact{Digest: p.Digest, Kind: artefactUploaded, Bytes: content}, err
}

// limitsOf returns the limits that the plugin was vetted under, or, while it is vetted again, those that it is granted.
func (c *compiler) limitsOf(p *core.Plugin) plugins.Limits {
	report := &vet.Report{}
	if p.Report == nil || json.Unmarshal(p.Report.Document, report) != nil {
		return c.grants.limits(p.Digest, p.Size)
	}
	return report.Limits
}

// bindRecorded makes the mechanic of an uploaded plugin out of a recording. Nobody vetted it here: it runs in the sandbox,
// under limits that a policy could grant.
func (c *compiler) bindRecorded(ctx context.Context, binding core.Binding, a *core.Artefact) (core.Mechanic, error) {
	content := recordedPlugin{}
	if err := json.Unmarshal(a.Bytes, &content); err != nil {
		return nil, fmt.Errorf("the artefact %s: %w", a.Digest, err)
	}
	if digest := plugins.Digest(content.Module); digest != a.Digest {
		return nil, fmt.Errorf("the artefact %s has the module %s", a.Digest, digest)
	}
	if err := grantable(content.Limits); err != nil {
		return nil, fmt.Errorf("the limits of the artefact %s: %w", a.Digest, err)
	}
	manifest, err := plugins.ManifestOf(content.Module)
	if err != nil {
		return nil, fmt.Errorf("the manifest of the artefact %s: %w", a.Digest, err)
	}
	plugin, release, err := c.loaded.use(ctx, loadKey{a.Digest, content.Limits}, func() (*plugins.Plugin, error) {
		host, err := c.host(ctx, content.Limits)
		if err != nil {
			return nil, err
		}
		return host.Load(ctx, manifest, content.Module)
	})
	if err != nil {
		return nil, err
	}
	mechanic, err := plugin.Bind(binding.Config)
	if err != nil {
		release()
		return nil, err
	}
	return hold(mechanic, release), nil
}

// grantable refuses limits that no policy may grant.
func grantable(limits plugins.Limits) error {
	text, err := json.Marshal(struct {
		Defaults plugins.Limits `json:"defaults"`
	}{limits})
	if err == nil {
		_, err = plugins.ParsePolicy(text)
	}
	return err
}
