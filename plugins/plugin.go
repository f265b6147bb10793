package plugins

import (
	"context"
	"errors"
	"strings"

	"hotdrop/core"
	"hotdrop/plugins/abi"
	"hotdrop/plugins/wasm"
)

// Plugin is a loaded module with the guests that decide for it. It is safe for concurrent use.
type Plugin struct {
	host      *Host
	manifest  *core.Manifest
	limits    Limits
	code      *code
	rewritten *wasm.Rewritten // without its bytes
	facts     map[string]fact // the declared paths
	config    []string        // the declared parameters
	hooks     []hook          // those that the manifest names
	snapshot  *snapshot       // what every decision starts from
	startFuel int64           // burned by the initialisation
	guests    *pool
}

// fact is a declared path, resolved as far as it can be before a decision.
type fact struct {
	path   string
	config int // which of a binding's parameters it is, for config.<name>; else -1
}

func newPlugin(h *Host, m *core.Manifest, c *code, rewritten *wasm.Rewritten, limits Limits) *Plugin {
	rewritten.Wasm = nil // the runtime has its own form of it
	p := &Plugin{
		host: h, manifest: m, limits: limits, code: c, rewritten: rewritten,
		facts:  make(map[string]fact, len(m.Facts)),
		hooks:  make([]hook, len(m.Hooks)),
		guests: newPool(h.options.Guests),
	}
	for _, path := range m.Facts {
		f := fact{path: path, config: -1}
		if name, isConfig := strings.CutPrefix(path, "config."); isConfig {
			f.config = len(p.config)
			p.config = append(p.config, name)
		}
		p.facts[path] = f
	}
	for i, name := range m.Hooks {
		p.hooks[i].name = name
		for _, kind := range m.Effects {
			if kind.Allowed(name) {
				p.hooks[i].effects = append(p.hooks[i].effects, kind)
			}
		}
	}
	return p
}

// hook is one that the plugin implements.
type hook struct {
	name    core.Hook
	effects []core.EffectKind // the declared effects that the hook may use
}

// implements returns which of the plugin's hooks that is, -1 if it is none.
func (p *Plugin) implements(name core.Hook) int {
	for i := range p.hooks {
		if p.hooks[i].name == name {
			return i
		}
	}
	return -1
}

// initialize instantiates the first guest, so that a module that cannot run is refused now, and keeps the state it is
// in after its initialisation. The error is a *[core.Problems].
func (p *Plugin) initialize(ctx context.Context) error {
	problems := &core.Problems{}
	g, err := p.instantiate(ctx)
	if err != nil {
		problems.Add("", "cannot be instantiated: %s", firstLine(err.Error()))
		return problems
	}
	p.startFuel, err = g.initialize()
	if err == nil && g.dirty() {
		err = errors.New("it changes a table, drops a segment or keeps a reference, which cannot be put back")
	}
	if err != nil {
		problems.Add("exports."+abi.ExportInitialize, "failed: %v", err)
		g.discard()
		return problems
	}
	p.snapshot = g.capture()
	p.guests.idle = append(p.guests.idle, g)
	return nil
}

// Manifest returns the plugin's manifest with its digest.
func (p *Plugin) Manifest() *core.Manifest { return p.manifest }

// Limits returns what the plugin may use up.
func (p *Plugin) Limits() Limits { return p.limits }

// StartFuel returns the fuel that the plugin's initialisation burned.
func (p *Plugin) StartFuel() int64 { return p.startFuel }

// Bind returns the mechanic of one binding. Problems in config have the paths config.<name>.
func (p *Plugin) Bind(config core.Object) (core.Mechanic, error) {
	return p.bind(config)
}

func (p *Plugin) bind(config core.Object) (*binding, error) {
	configured, problems := p.manifest.Configure(config)
	if problems.Err() != nil {
		return nil, problems
	}
	b := &binding{plugin: p, config: make([]core.Value, len(p.config))}
	for i, name := range p.config {
		b.config[i] = configured.Lookup(name)
	}
	return b, nil
}

// binding is a plugin with the parameters of one binding.
type binding struct {
	plugin *Plugin
	config []core.Value // in the order of the plugin's
}

// Manifest implements [core.Mechanic].
func (b *binding) Manifest() *core.Manifest { return b.plugin.manifest }

// Decide implements [core.Mechanic]. config.* is the binding's own; facts.Config is not read. Usage.Fuel is what was
// burned, also by a decision that failed.
func (b *binding) Decide(hook core.Hook, facts *core.Facts, effects []core.Effect) ([]core.Effect, core.Usage, error) {
	p := b.plugin
	which := p.implements(hook)
	if which < 0 {
		return effects, core.Usage{}, nil
	}
	g, err := p.acquire()
	if err != nil {
		return effects, core.Usage{}, err
	}
	decided, fuel, err := g.decide(b, which, facts, effects)
	p.release(g, err == nil)
	if err != nil {
		return effects, core.Usage{Fuel: fuel}, err
	}
	return decided, core.Usage{Fuel: fuel}, nil
}

// acquire returns a guest in its first state, waiting for one when all are deciding.
func (p *Plugin) acquire() (*guest, error) {
	g, open := p.guests.take()
	if !open {
		return nil, unavailable("the plugin is closed")
	}
	if g != nil {
		return g, nil
	}
	g, err := p.another()
	if err != nil {
		p.guests.put(nil)
		return nil, unavailable(firstLine(err.Error()))
	}
	return g, nil
}

// another instantiates a guest beside the first one. It has no context, as the decision that needs it has none.
func (p *Plugin) another() (*guest, error) {
	g, err := p.instantiate(context.Background())
	if err != nil {
		return nil, err
	}
	if err := g.adopt(p.snapshot); err != nil {
		g.discard()
		return nil, err
	}
	return g, nil
}

// release gives the guest back, put back into its first state, or discards it if it failed or cannot be put back.
func (p *Plugin) release(g *guest, healthy bool) {
	if !healthy || !g.restore(p.snapshot) {
		g.discard()
		g = nil
	}
	p.guests.put(g)
}

// Close waits for the plugin's decisions and frees what it holds. Later decisions fail with the code unavailable.
// Closing again does nothing.
func (p *Plugin) Close(ctx context.Context) error {
	if !p.host.forget(p) {
		return nil
	}
	return p.shut(ctx)
}

// shut runs once, for whoever took the plugin out of the host's set.
func (p *Plugin) shut(ctx context.Context) error {
	for _, g := range p.guests.close() {
		g.discard()
	}
	return p.free(ctx)
}

// free gives back what the plugin holds beside its guests.
func (p *Plugin) free(ctx context.Context) error {
	if p.snapshot != nil {
		p.snapshot.image.free()
	}
	return p.code.close(ctx)
}
