package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins"
	pluginlibrary "hotdrop/plugins/library"
	"hotdrop/rules"
	rulelibrary "hotdrop/rules/library"
)

// The kinds of artefacts.
const (
	artefactRule   = "rule"   // the rule file
	artefactPlugin = "plugin" // a keptPlugin, JSON
)

// keptPlugin is what is stored of a shipped plugin: its manifest stands beside its module.
type keptPlugin struct {
	Manifest json.RawMessage `json:"manifest"`
	Module   []byte          `json:"module"`
}

// Artefact implements core.ArtefactCompiler: what ships with this binary has to be stored.
func (c *compiler) Artefact(_ context.Context, binding core.Binding) (*core.Artefact, error) {
	switch {
	case len(binding.Rule) > 0:
		return nil, nil //nolint:nilnil // it is in the ruleset
	case binding.Plugin == "":
		entry, err := rulelibrary.Open(binding.Mechanic)
		if err != nil {
			return nil, err
		}
		return &core.Artefact{Digest: entry.Rule.Manifest().Digest, Kind: artefactRule, Bytes: entry.Source}, nil
	case c.shipped[binding.Plugin] != nil:
		return keep(c.shipped[binding.Plugin])
	default:
		return nil, nil //nolint:nilnil // its brand has uploaded it
	}
}

func keep(shipped *plugins.Plugin) (*core.Artefact, error) {
	entry, err := pluginlibrary.Open(shipped.Manifest().Name)
	if err != nil {
		return nil, err
	}
	manifest, err := json.Marshal(entry.Manifest)
	if err != nil {
		return nil, err
	}
	content, err := json.Marshal(keptPlugin{Manifest: manifest, Module: entry.Wasm})
	return &core.Artefact{Digest: shipped.Manifest().Digest, Kind: artefactPlugin, Bytes: content}, err
}

// CompileArtefact implements core.ArtefactCompiler. A plugin stays loaded for as long as the mechanic can be reached.
func (c *compiler) CompileArtefact(ctx context.Context, binding core.Binding, a *core.Artefact) (core.Mechanic, error) {
	switch a.Kind {
	case artefactRule:
		rule, err := rules.Parse(a.Bytes)
		if err != nil {
			return nil, err
		}
		return rule.Compile(binding.Config)
	case artefactPlugin:
		return c.bindKept(ctx, binding, a)
	case artefactUploaded:
		return c.bindRecorded(ctx, binding, a)
	default:
		return nil, errors.New("an artefact of a kind that this binary does not know: " + a.Kind)
	}
}

func (c *compiler) bindKept(ctx context.Context, binding core.Binding, a *core.Artefact) (core.Mechanic, error) {
	plugin, release, err := c.loaded.use(ctx, loadKey{a.Digest, plugins.DefaultLimits()}, func() (*plugins.Plugin, error) {
		return c.loadKept(context.WithoutCancel(ctx), a) // others wait for it too
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

func (c *compiler) loadKept(ctx context.Context, a *core.Artefact) (*plugins.Plugin, error) {
	content, manifest := keptPlugin{}, &core.Manifest{}
	if err := json.Unmarshal(a.Bytes, &content); err != nil {
		return nil, fmt.Errorf("the artefact %s: %w", a.Digest, err)
	}
	if digest := plugins.Digest(content.Module); digest != a.Digest {
		return nil, fmt.Errorf("the artefact %s has the module %s", a.Digest, digest)
	}
	if _, err := campaignfile.Decode(content.Manifest, manifest); err != nil {
		return nil, fmt.Errorf("the manifest of the artefact %s: %w", a.Digest, err)
	}
	host, err := c.host(ctx, plugins.DefaultLimits())
	if err != nil {
		return nil, err
	}
	return host.Load(ctx, manifest, content.Module)
}
