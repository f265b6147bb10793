package plugins

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"hotdrop/core"
	"hotdrop/plugins/abi"
	"hotdrop/plugins/wasm"
)

// guest is one instance of a module. It decides for one caller at a time.
type guest struct {
	plugin  *Plugin
	module  api.Module
	memory  api.Memory // nil if the module has none
	linear  *linear    // what memory is made of
	globals []api.MutableGlobal
	fuel    api.MutableGlobal // what is left, negative once it ran out
	depth   api.MutableGlobal // what is left, negative once it ran out
	dirt    api.Global        // the bits of wasm.DirtyGlobal
	hooks   []api.Function    // in the order of the plugin's
	call    *callContext
	strings *intern

	// The decision that runs; facts is nil when none does.
	config  []core.Value // the binding's
	hook    *hook
	facts   *core.Facts
	effects []core.Effect
	first   int // how many effects the caller's slice had
	log     logbook
	random  generator
}

// callContext carries the guest to the host functions, which the runtime calls with the context of the guest's call.
type callContext struct {
	context.Context //nolint:containedctx // it is the context
	guest           *guest
}

type guestKey struct{}

// Value implements [context.Context].
func (c *callContext) Value(key any) any {
	if key == (guestKey{}) {
		return c.guest
	}
	return c.Context.Value(key)
}

// guestOf returns the guest that a host function is called by: every call into a module is made with a callContext.
func guestOf(ctx context.Context) *guest {
	g, ok := ctx.Value(guestKey{}).(*guest)
	if !ok {
		panic("a host function was called outside a guest's call")
	}
	return g
}

// snapshot is the state that every decision starts from.
type snapshot struct {
	image   *image
	globals []uint64
}

func (p *Plugin) instantiate(ctx context.Context) (*guest, error) {
	g := &guest{plugin: p, strings: &intern{}, hooks: make([]api.Function, len(p.hooks))}
	g.call = &callContext{Context: context.Background(), guest: g}
	g.log = logbook{logger: p.host.options.Logger, plugin: p.manifest.Name, most: p.limits.LogBytes}
	var err error
	if g.linear, err = newLinear(p.limits.pages() * pageSize); err != nil {
		return nil, fmt.Errorf("reserve memory for %s: %w", p.manifest.Name, err)
	}
	g.module, err = p.code.runtime.InstantiateModule(experimental.WithMemoryAllocator(ctx, g.linear), p.code.compiled,
		wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		g.linear.Free()
		return nil, fmt.Errorf("instantiate %s: %w", p.manifest.Name, err)
	}
	if memory := g.module.ExportedMemory(p.rewritten.Memory); memory != nil {
		g.memory = memory
	}
	for _, name := range p.rewritten.Globals {
		g.globals = append(g.globals, g.mutable(name))
	}
	g.fuel, g.depth, g.dirt = g.mutable(wasm.FuelGlobal), g.mutable(wasm.DepthGlobal), g.mutable(wasm.DirtyGlobal)
	for i := range p.hooks {
		g.hooks[i] = g.module.ExportedFunction(string(p.hooks[i].name))
	}
	return g, nil
}

// mutable returns a global that the rewriter exported.
func (g *guest) mutable(name string) api.MutableGlobal {
	global, ok := g.module.ExportedGlobal(name).(api.MutableGlobal)
	if !ok {
		panic("the rewritten module lacks the global " + name)
	}
	return global
}

// dirty reports whether the guest changed something that a reset does not cover: a table, a dropped segment, a global
// that holds a reference.
func (g *guest) dirty() bool { return g.dirt.Get()&wasm.Dirty != 0 }

// initialize runs the module's own initialisation, if it has one, and returns the fuel it burned. Facts and effects
// trap in it.
func (g *guest) initialize() (int64, error) {
	initialize := g.module.ExportedFunction(abi.ExportInitialize)
	if initialize == nil {
		return 0, nil
	}
	return g.run(initialize, g.plugin.limits.StartFuel)
}

// run calls a function of the guest's with the fuel and returns how much of it was burned. The error is a
// *[core.MechanicError].
func (g *guest) run(f api.Function, fuel int64) (burned int64, err error) {
	g.random.seeded = false
	g.fuel.Set(api.EncodeI64(fuel))
	g.depth.Set(uint64(g.plugin.limits.Depth))
	err = f.CallWithStack(g.call, nil)
	left := int64(g.fuel.Get()) //nolint:gosec // an i64 is kept as its bits
	g.log.flush(g.call)
	switch {
	case left < 0:
		return fuel, &core.MechanicError{Code: abi.CodeOutOfFuel, Message: fmt.Sprintf("%d fuel were not enough", fuel)}
	case err != nil:
		return fuel - left, g.failure(err)
	}
	return fuel - left, nil
}

// failure returns why a call failed: what a host function raised, the limit that the guest ran into, or else a trap.
func (g *guest) failure(err error) error {
	if raised, ok := errors.AsType[*core.MechanicError](err); ok {
		return raised
	}
	limits := &g.plugin.limits
	switch {
	case api.DecodeI32(g.depth.Get()) < 0:
		return &core.MechanicError{Code: abi.CodeDepthLimit, Message: fmt.Sprintf("calls within calls beyond %d", limits.Depth)}
	case g.dirt.Get()&wasm.Refused != 0:
		return &core.MechanicError{
			Code: abi.CodeMemoryLimit, Message: fmt.Sprintf("%d bytes of memory were not enough", limits.pages()*pageSize),
		}
	default:
		return &core.MechanicError{Code: abi.CodeTrap, Message: strings.TrimPrefix(firstLine(err.Error()), "wasm error: ")}
	}
}

// capture copies the guest's state.
func (g *guest) capture() *snapshot {
	s := &snapshot{globals: make([]uint64, len(g.globals)), image: &image{}}
	for i, global := range g.globals {
		s.globals[i] = global.Get()
	}
	if g.memory != nil {
		s.image = newImage(g.linear.reserved[:g.linear.size])
		g.linear.load(s.image)
	}
	return s
}

// adopt puts a new guest into the state that initialisation left in the first one.
func (g *guest) adopt(s *snapshot) error {
	if g.memory != nil {
		if !g.linear.resize(g.memory, s.image.size) {
			return errors.New("the memory does not get the size it has after initialisation")
		}
		g.linear.load(s.image)
	}
	g.reset(s)
	return nil
}

// restore puts the guest into the snapshot's state and reports whether it could.
func (g *guest) restore(s *snapshot) bool {
	if g.dirty() {
		return false
	}
	g.reset(s)
	if g.memory == nil {
		return true
	}
	if !g.linear.resize(g.memory, s.image.size) {
		return false
	}
	g.linear.restore(s.image)
	return true
}

func (g *guest) reset(s *snapshot) {
	for i, global := range g.globals {
		global.Set(s.globals[i])
	}
}

// discard frees the instance. Its error is one of an exit function, which guests do not have.
func (g *guest) discard() {
	_ = g.module.Close(g.call)
	g.linear.Free()
}

// decide runs the hook and returns the caller's effects with the guest's appended, and the fuel that was burned.
func (g *guest) decide(b *binding, which int, facts *core.Facts, effects []core.Effect) ([]core.Effect, int64, error) {
	g.config, g.hook, g.facts, g.effects, g.first = b.config, &g.plugin.hooks[which], facts, effects, len(effects)
	burned, err := g.run(g.hooks[which], g.plugin.limits.Fuel)
	decided := g.effects
	g.config, g.facts, g.effects = nil, nil, nil
	return decided, burned, err
}
