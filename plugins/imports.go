package plugins

import (
	"bytes"
	"context"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"hotdrop/core"
	"hotdrop/plugins/abi"
)

// hostFunction is one import: it takes its parameters from the stack and leaves its result in stack[0].
type hostFunction func(g *guest, stack []uint64)

// instantiateImports puts one of the host's modules into the runtime, with those of its functions that are imported:
// each costs a little machine code.
func instantiateImports(ctx context.Context, r wazero.Runtime, module string, all []abi.Function, imported map[string]bool) error {
	builder := r.NewHostModuleBuilder(module)
	functions, used := hostFunctions(module), false
	for _, f := range all {
		if !imported[module+"."+f.Name] {
			continue
		}
		used = true
		call := functions[f.Name]
		builder.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(ctx context.Context, stack []uint64) {
			call(guestOf(ctx), stack)
		}), valueTypes(f.Params), valueTypes(f.Results)).Export(f.Name)
	}
	if !used {
		return nil
	}
	_, err := builder.Instantiate(ctx)
	return err
}

func valueTypes(types []abi.Type) []api.ValueType {
	values := make([]api.ValueType, len(types))
	for i, t := range types {
		values[i] = api.ValueType(t)
	}
	return values
}

// hostFunctions returns what each import from a module of the host's does.
func hostFunctions(module string) map[string]hostFunction {
	if module == abi.ModuleWASI {
		return wasiFunctions()
	}
	functions := map[string]hostFunction{
		abi.FactKind: factKind,
		abi.FactI64:  factI64,
		abi.FactStr:  factStr,
		abi.FactLen:  factLen,
		abi.Fail:     func(g *guest, s []uint64) { raise(abi.CodeFailed, "%s", g.text(s[0], s[1], abi.MaxString)) },
		abi.Log:      func(g *guest, s []uint64) { g.log.line(g.call, g.utf8(s[0], s[1], abi.MaxString)) },
	}
	for name, effect := range effectFunctions() {
		kind := core.EffectKind(name)
		functions[name] = func(g *guest, stack []uint64) {
			g.mayPropose(kind)
			proposed := effect(g, stack)
			proposed.Kind = kind
			g.effects = append(g.effects, proposed)
		}
	}
	return functions
}

// effectFunctions returns how each effect is read from its import's parameters.
func effectFunctions() map[string]func(g *guest, s []uint64) core.Effect {
	return map[string]func(g *guest, s []uint64) core.Effect{
		abi.Deny: func(g *guest, s []uint64) core.Effect {
			return core.Effect{Name: g.name(s[0], s[1]), Text: g.both(s[2], s[3], abi.MaxString)}
		},
		abi.Discount:        priced,
		abi.DiscountPercent: priced,
		abi.Price:           priced,
		abi.Add: func(g *guest, s []uint64) core.Effect {
			return core.Effect{Name: g.name(s[0], s[1]), Units: count(s[2]), Amount: amount(s[3]), Text: g.both(s[4], s[5], abi.MaxLabel)}
		},
		abi.Deposit: func(_ *guest, s []uint64) core.Effect {
			return core.Effect{Amount: amount(s[0]), Credit: amount(s[1])}
		},
		abi.Group: func(_ *guest, s []uint64) core.Effect {
			return core.Effect{Units: count(s[0]), Seconds: count(s[1]), Amount: amount(s[2])}
		},
		abi.Take:  counted,
		abi.Grant: counted,
		abi.Once: func(g *guest, s []uint64) core.Effect {
			return core.Effect{Name: g.name(s[0], s[1])}
		},
		abi.Oblige: dutiful,
		abi.Notify: dutiful,
		abi.Enter: func(g *guest, s []uint64) core.Effect {
			return core.Effect{Name: g.name(s[0], s[1]), Units: amount(s[2])}
		},
		abi.Tag: func(g *guest, s []uint64) core.Effect {
			return core.Effect{Name: g.name(s[0], s[1]), Value: g.text(s[2], s[3], abi.MaxString)}
		},
		abi.Reply: func(g *guest, s []uint64) core.Effect {
			return core.Effect{Text: g.both(s[0], s[1], abi.MaxString)}
		},
	}
}

// priced reads (amount or basis points, label).
func priced(g *guest, s []uint64) core.Effect {
	return core.Effect{Amount: amount(s[0]), Text: g.both(s[1], s[2], abi.MaxLabel)}
}

// counted reads (name, count).
func counted(g *guest, s []uint64) core.Effect {
	return core.Effect{Name: g.name(s[0], s[1]), Units: count(s[2])}
}

// dutiful reads (name, JSON data).
func dutiful(g *guest, s []uint64) core.Effect {
	return core.Effect{Name: g.name(s[0], s[1]), Data: g.text(s[2], s[3], abi.MaxString)}
}

func amount(v uint64) int64 { return int64(v) } //nolint:gosec // an i64 is handed over as its bits

func count(v uint64) int64 { return int64(api.DecodeI32(v)) }

// mayPropose traps unless the running hook may use the effect once more.
func (g *guest) mayPropose(kind core.EffectKind) {
	switch {
	case g.facts == nil:
		raise(abi.CodeNotReady, "%s during initialisation", kind)
	case !slices.Contains(g.hook.effects, kind):
		raise(abi.CodeBadEffect, "%s may not be used at this hook", kind)
	case len(g.effects)-g.first >= g.plugin.limits.Effects:
		raise(abi.CodeBadEffect, "more than %d effects", g.plugin.limits.Effects)
	}
}

func factKind(g *guest, stack []uint64) {
	stack[0] = uint64(g.fact(stack[0], stack[1]).Kind)
}

func factI64(g *guest, stack []uint64) {
	v := g.fact(stack[0], stack[1])
	switch v.Kind {
	case core.ValueAbsent, core.ValueInteger, core.ValueBoolean:
		stack[0] = api.EncodeI64(v.Int)
	default:
		g.wrongKind(stack, v, core.ValueInteger)
	}
}

func factLen(g *guest, stack []uint64) {
	v := g.fact(stack[0], stack[1])
	if v.Kind != core.ValueAbsent && v.Kind != core.ValueList {
		g.wrongKind(stack, v, core.ValueList)
	}
	stack[0] = uint64(v.Len()) //nolint:gosec // a length
}

func factStr(g *guest, stack []uint64) {
	v := g.fact(stack[0], stack[1])
	if v.Kind == core.ValueAbsent {
		stack[0] = api.EncodeI32(-1)
		return
	}
	if v.Kind != core.ValueString {
		g.wrongKind(stack, v, core.ValueString)
	}
	capacity := api.DecodeI32(stack[3])
	if capacity < 0 {
		raise(abi.CodeBadString, "a buffer of %d bytes", capacity)
	}
	piece := v.Str[:min(len(v.Str), int(capacity))]
	copy(g.view(stack[2], uint32(len(piece))), piece) //nolint:gosec // at most the capacity
	stack[0] = uint64(len(v.Str))
}

func (g *guest) wrongKind(stack []uint64, v core.Value, want core.ValueKind) {
	raise(abi.CodeWrongKind, "%s is %s, not %s", g.bytes(stack[0], stack[1], abi.MaxName), v.Kind, want)
}

// fact returns the fact at a path that the manifest declares, or an element of a list that it declares.
func (g *guest) fact(ptr, length uint64) core.Value {
	path := g.bytes(ptr, length, abi.MaxName)
	if g.facts == nil {
		raise(abi.CodeNotReady, "%q during initialisation", path)
	}
	if f, declared := g.plugin.facts[string(path)]; declared {
		return g.read(f)
	}
	if i := bytes.LastIndexByte(path, '.'); i > 0 {
		index, isIndex := listIndex(path[i+1:])
		if f, declared := g.plugin.facts[string(path[:i])]; declared && isIndex {
			return g.read(f).At(index)
		}
	}
	raise(abi.CodeUndeclaredFact, "%q is not in the manifest", path)
	return core.Value{}
}

func (g *guest) read(f fact) core.Value {
	if f.config >= 0 {
		return g.config[f.config]
	}
	return g.facts.Lookup(f.path)
}

// listIndex parses an element's index: decimal, no sign, no leading zero, at most 9 digits.
func listIndex(digits []byte) (int, bool) {
	if len(digits) == 0 || len(digits) > 9 || (digits[0] == '0' && len(digits) > 1) {
		return 0, false
	}
	n := 0
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = n*10 + int(d-'0')
	}
	return n, true
}
