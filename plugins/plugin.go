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
	rewritten *wasm.Rewritten                 // without its bytes
	facts     map[string]fact                 // the declared paths
	effects   map[core.Hook][]core.EffectKind // the declared effects that each hook may use
	snapshot  *snapshot                       // what every decision starts from
	startFuel int64                           // burned by the initialisation
	guests    *pool
}

// fact is a declared path, resolved as far as it can be before a decision.
type fact struct {
	path   string
	config string // the parameter's name, for config.<name>
}

func newPlugin(h *Host, m *core.Manifest, c *code, rewritten *wasm.Rewritten, limits Limits) *Plugin {
	rewritten.Wasm = nil // the runtime has its own form of it
	p := &Plugin{
		host: h, manifest: m, limits: limits, code: c, rewritten: rewritten,
		facts:   make(map[string]fact, len(m.Facts)),
		effects: make(map[core.Hook][]core.EffectKind, len(m.Hooks)),
		guests:  newPool(h.options.Guests),
	}
	for _, path := range m.Facts {
		name, isConfig := strings.CutPrefix(path, "config.")
		if !isConfig {
			name = ""
		}
		p.facts[path] = fact{path: path, config: name}
	}
	for _, hook := range m.Hooks {
		p.effects[hook] = nil
		for _, kind := range m.Effects {
			if kind.Allowed(hook) {
				p.effects[hook] = append(p.effects[hook], kind)
			}
		}
	}
	return p
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
	return &binding{plugin: p, config: configured}, nil
}

// binding is a plugin with the parameters of one binding.
type binding struct {
	plugin *Plugin
	config core.Object
}

// Manifest implements [core.Mechanic].
func (b *binding) Manifest() *core.Manifest { return b.plugin.manifest }

// Decide implements [core.Mechanic]. config.* is the binding's own; facts.Config is not read. Usage.Fuel is what was
// burned, also by a decision that failed.
func (b *binding) Decide(hook core.Hook, facts *core.Facts, effects []core.Effect) ([]core.Effect, core.Usage, error) {
	p := b.plugin
	if _, implemented := p.effects[hook]; !implemented {
		return effects, core.Usage{}, nil
	}
	g, err := p.acquire()
	if err != nil {
		return effects, core.Usage{}, err
	}
	decided, fuel, err := g.decide(b, hook, facts, effects)
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
