package plugins

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"hotdrop/core"
	"hotdrop/plugins/abi"
)

// guest is one instance of a module. It decides for one caller at a time.
type guest struct {
	plugin  *Plugin
	module  api.Module
	memory  api.Memory // nil if the module has none
	globals []api.MutableGlobal
	hooks   map[core.Hook]api.Function
	call    *callContext
	strings *intern

	// The decision that runs; facts is nil when none does.
	config  core.Object
	facts   *core.Facts
	allowed []core.EffectKind
	effects []core.Effect
	first   int // how many effects the caller's slice had
	logged  int
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
	size    uint32 // of the memory, bytes
	memory  []byte // without its trailing zeros: most of a small guest's page, and clearing is faster than copying
	globals []uint64
}

func (p *Plugin) instantiate(ctx context.Context) (*guest, error) {
	g := &guest{plugin: p, strings: &intern{}, hooks: make(map[core.Hook]api.Function, len(p.manifest.Hooks))}
	g.call = &callContext{Context: context.Background(), guest: g}
	module, err := p.host.runtime.InstantiateModule(ctx, p.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, fmt.Errorf("instantiate %s: %w", p.manifest.Name, err)
	}
	g.module = module
	if memory := module.ExportedMemory(abi.ExportMemory); memory != nil {
		g.memory = memory
	}
	for _, name := range p.globals {
		if global, ok := module.ExportedGlobal(name).(api.MutableGlobal); ok {
			g.globals = append(g.globals, global)
		}
	}
	for _, hook := range p.manifest.Hooks {
		g.hooks[hook] = module.ExportedFunction(string(hook))
	}
	return g, nil
}

// initialize runs the module's own initialisation, if it has one. Facts and effects trap in it.
func (g *guest) initialize() error {
	initialize := g.module.ExportedFunction(abi.ExportInitialize)
	if initialize == nil {
		return nil
	}
	return failure(initialize.CallWithStack(g.call, nil))
}

// capture copies the guest's state.
func (g *guest) capture() *snapshot {
	s := &snapshot{globals: make([]uint64, len(g.globals))}
	for i, global := range g.globals {
		s.globals[i] = global.Get()
	}
	if g.memory != nil {
		s.size = g.memory.Size()
		view, _ := g.memory.Read(0, s.size)
		s.memory = bytes.Clone(bytes.TrimRight(view, "\x00"))
	}
	return s
}

// adopt puts a new guest into the state that initialisation left in the first one.
func (g *guest) adopt(s *snapshot) error {
	if g.memory != nil && g.memory.Size() < s.size {
		g.memory.Grow((s.size - g.memory.Size()) / pageSize)
	}
	if !g.restore(s) {
		return errors.New("the memory does not get the size it has after initialisation")
	}
	return nil
}

const pageSize = 1 << 16

// restore puts the guest into the snapshot's state and reports whether it could: a memory that grew cannot shrink.
func (g *guest) restore(s *snapshot) bool {
	for i, global := range g.globals {
		global.Set(s.globals[i])
	}
	if g.memory == nil {
		return true
	}
	if g.memory.Size() != s.size {
		return false
	}
	view, ok := g.memory.Read(0, s.size)
	clear(view[copy(view, s.memory):])
	return ok
}

// discard frees the instance. Its error is one of an exit function, which guests do not have.
func (g *guest) discard() { _ = g.module.Close(g.call) }

// decide runs the hook and returns the caller's effects with the guest's appended.
func (g *guest) decide(b *binding, hook core.Hook, facts *core.Facts, effects []core.Effect) ([]core.Effect, error) {
	g.config, g.facts, g.allowed, g.effects, g.first, g.logged = b.config, facts, g.plugin.effects[hook], effects, len(effects), 0
	err := g.hooks[hook].CallWithStack(g.call, nil)
	decided := g.effects
	g.config, g.facts, g.allowed, g.effects = nil, nil, nil, nil
	if err != nil {
		return nil, failure(err)
	}
	return decided, nil
}

// failure returns the *[core.MechanicError] of a call that failed: the one a host function raised, or else a trap.
func failure(err error) error {
	if err == nil {
		return nil
	}
	if raised, ok := errors.AsType[*core.MechanicError](err); ok {
		return raised
	}
	return &core.MechanicError{Code: abi.CodeTrap, Message: strings.TrimPrefix(firstLine(err.Error()), "wasm error: ")}
}

// firstLine drops the stack trace that the runtime appends, which differs from build to build.
func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// raise ends the guest's call with a failure: the runtime recovers the panic and returns it as the call's error.
func raise(code, format string, args ...any) {
	panic(&core.MechanicError{Code: code, Message: fmt.Sprintf(format, args...)})
}

// bytes returns a view of the guest's memory that is valid until the guest runs on. A length beyond the cap, negative
// ones included, is a bad string.
func (g *guest) bytes(ptr, length uint64, most uint32) []byte {
	n := api.DecodeU32(length)
	if n > most {
		raise(abi.CodeBadString, "%d bytes where %d are allowed", n, most)
	}
	if n == 0 {
		return nil
	}
	if g.memory == nil {
		raise(abi.CodeBadString, "the guest has no memory")
	}
	view, ok := g.memory.Read(api.DecodeU32(ptr), n)
	if !ok {
		raise(abi.CodeBadString, "%d bytes at %d are outside the memory", n, api.DecodeU32(ptr))
	}
	return view
}

// text returns a copy of a string that the guest hands over.
func (g *guest) text(ptr, length uint64, most uint32) string {
	view := g.bytes(ptr, length, most)
	if !utf8.Valid(view) {
		raise(abi.CodeBadString, "%q is not UTF-8", view)
	}
	return g.strings.of(view)
}

func (g *guest) name(ptr, length uint64) string { return g.text(ptr, length, abi.MaxName) }

// both returns a label or text: English, or English and Chinese around the first unit separator.
func (g *guest) both(ptr, length uint64, most uint32) core.Text {
	en, zh, _ := strings.Cut(g.text(ptr, length, most), abi.LanguageSeparator)
	return core.Text{EN: en, ZH: zh}
}

func (g *guest) log(line string) {
	g.logged++
	if g.logged <= abi.MaxLogLines {
		g.plugin.host.options.Logger.LogAttrs(g.call, slog.LevelDebug, line, slog.String("plugin", g.plugin.manifest.Name))
	}
}

// intern keeps short strings that a guest hands over again and again (labels, names of quotas), so that a decision
// does not allocate them anew. It is bounded: what comes after it is full is copied each time. Guests cannot tell.
type intern struct{ known map[string]string }

// The bounds of an intern.
const (
	internEntries = 64
	internLength  = 64
)

func (in *intern) of(b []byte) string {
	if s, ok := in.known[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(s) > internLength || len(in.known) >= internEntries {
		return s
	}
	if in.known == nil {
		in.known = make(map[string]string, internEntries)
	}
	in.known[s] = s
	return s
}
