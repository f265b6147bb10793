package vet

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

// engine is the module loaded into a host of its own.
type engine struct {
	host   *plugins.Host
	plugin *plugins.Plugin
}

// load loads the module as a server would, but for the interpreter and for the recorder, if there is one.
func load(ctx context.Context, q *request, interpreted bool, r *recorder) (*engine, error) {
	if r != nil {
		ctx = experimental.WithFunctionListenerFactory(ctx, r)
	}
	host, err := plugins.NewHost(ctx, plugins.Options{Guests: 1, Limits: q.Limits, Interpreter: interpreted})
	if err != nil {
		return nil, fmt.Errorf("start the plugin host: %w", err)
	}
	plugin, err := host.Load(ctx, q.Manifest, q.module)
	if err != nil {
		_ = host.Close(ctx) // the error that matters is the module's
		return nil, err
	}
	return &engine{host, plugin}, nil
}

// outcome is what came of one question.
type outcome struct {
	effects []core.Effect
	fuel    int64
	code    string // of the failure; "" if it decided
	message string // of the failure
	binding error  // the manifest does not allow the sample's parameters; nothing was asked
}

// ask asks the module once.
func (e *engine) ask(s *sample) *outcome {
	mechanic, err := e.plugin.Bind(s.config)
	if err != nil {
		return &outcome{binding: err}
	}
	effects, usage, err := mechanic.Decide(s.hook, &s.facts, nil)
	o := &outcome{effects: effects, fuel: usage.Fuel}
	if failure, ok := errors.AsType[*core.MechanicError](err); ok {
		o.code, o.message = failure.Code, failure.Message
	} else if err != nil {
		o.code, o.message = abi.CodeUnavailable, err.Error()
	}
	return o
}

// err is the failure as the mechanic returned it.
func (o *outcome) err() error {
	if o.code == "" {
		return nil
	}
	return &core.MechanicError{Code: o.code, Message: o.message}
}

// words are for the report.
func (o *outcome) words() string {
	if o.code != "" {
		return fmt.Sprintf("fuel %d and the failure %s", o.fuel, o.code)
	}
	return fmt.Sprintf("fuel %d and %s", o.fuel, campaignfile.EffectsText(o.effects))
}

// same reports whether the two are the same decision at the same cost.
func (o *outcome) same(other *outcome) bool { return o.asked() == other.asked() }

// asked is an outcome in a few bytes.
type asked struct {
	sum  [sha256.Size]byte // of the effects
	fuel int64
	code string
}

func (o *outcome) asked() asked {
	a := asked{fuel: o.fuel, code: o.code}
	if o.binding != nil {
		a.code = CodeManifestInvalid
	}
	var buffer []byte
	for _, e := range o.effects {
		for _, s := range []string{string(e.Kind), e.Name, e.Text.EN, e.Text.ZH, e.Value, e.Data} {
			buffer = append(binary.AppendUvarint(buffer, uint64(len(s))), s...)
		}
		for _, n := range []int64{e.Amount, e.Credit, e.Units, e.Seconds} {
			buffer = binary.AppendVarint(buffer, n)
		}
	}
	if len(buffer) > 0 {
		a.sum = sha256.Sum256(buffer)
	}
	return a
}

// recorder watches a module from the outside: it hears of every call of a fact import and of the end of every hook. The
// runtime calls it on the one goroutine that asks.
type recorder struct {
	hooks    []core.Hook
	declared []string
	read     map[string]bool
	memory   int64 // the most that a guest had at the end of a hook, bytes
}

func newRecorder(m *core.Manifest) *recorder {
	return &recorder{hooks: m.Hooks, declared: m.Facts, read: map[string]bool{}}
}

// facts returns the declared facts that were read, in the manifest's order.
func (r *recorder) facts() []string {
	facts := []string{}
	for _, path := range r.declared {
		if r.read[path] {
			facts = append(facts, path)
		}
	}
	return facts
}

// NewFunctionListener implements [experimental.FunctionListenerFactory].
func (r *recorder) NewFunctionListener(f api.FunctionDefinition) experimental.FunctionListener {
	isHook := func(name string) bool { return slices.Contains(r.hooks, core.Hook(name)) }
	switch {
	case f.ModuleName() == abi.Module && strings.HasPrefix(f.Name(), "fact_"):
		return &factListener{recorder: r}
	case f.ModuleName() == abi.ModuleWASI && f.Name() == abi.ClockTimeGet:
		return &clockListener{recorder: r}
	case f.GoFunction() == nil && slices.ContainsFunc(f.ExportNames(), isHook):
		return &hookListener{recorder: r}
	default:
		return nil
	}
}

// factListener notes the path that a fact import is called with.
type factListener struct {
	*recorder
}

// Before implements [experimental.FunctionListener].
func (l *factListener) Before(
	_ context.Context, guest api.Module, _ api.FunctionDefinition, params []uint64, _ experimental.StackIterator,
) {
	memory := guest.Memory()
	if memory == nil || len(params) < 2 || api.DecodeU32(params[1]) > abi.MaxName {
		return
	}
	view, _ := memory.Read(api.DecodeU32(params[0]), api.DecodeU32(params[1]))
	path := string(view)
	if slices.Contains(l.declared, path) {
		l.read[path] = true
	} else if at := strings.LastIndexByte(path, '.'); at > 0 && slices.Contains(l.declared, path[:at]) {
		l.read[path[:at]] = true // an element of a list
	}
}

// After implements [experimental.FunctionListener].
func (*factListener) After(context.Context, api.Module, api.FunctionDefinition, []uint64) {}

// Abort implements [experimental.FunctionListener].
func (*factListener) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}

// clockListener notes that the fact now is read, which is what the clocks of WASI show.
type clockListener struct {
	*recorder
}

// Before implements [experimental.FunctionListener].
func (l *clockListener) Before(context.Context, api.Module, api.FunctionDefinition, []uint64, experimental.StackIterator) {
	l.read["now"] = true // counts only if it is declared
}

// After implements [experimental.FunctionListener].
func (*clockListener) After(context.Context, api.Module, api.FunctionDefinition, []uint64) {}

// Abort implements [experimental.FunctionListener].
func (*clockListener) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}

// hookListener notes how much memory a guest has when a hook ends, however it ends.
type hookListener struct {
	*recorder
}

// Before implements [experimental.FunctionListener].
func (*hookListener) Before(context.Context, api.Module, api.FunctionDefinition, []uint64, experimental.StackIterator) {
}

// After implements [experimental.FunctionListener].
func (l *hookListener) After(_ context.Context, guest api.Module, _ api.FunctionDefinition, _ []uint64) {
	if memory := guest.Memory(); memory != nil {
		l.memory = max(l.memory, int64(memory.Size()))
	}
}

// Abort implements [experimental.FunctionListener].
func (l *hookListener) Abort(ctx context.Context, guest api.Module, f api.FunctionDefinition, _ error) {
	l.After(ctx, guest, f, nil)
}
