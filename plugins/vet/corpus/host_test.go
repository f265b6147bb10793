package corpus

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

// decisions is how often each module decides: what one decision leaves behind, the next ones would show.
const decisions = 3

func TestTheHostRefusesWhatCannotBeInitialised(t *testing.T) {
	host := newHost(t, plugins.Options{Guests: 1})
	each(t, func(t *testing.T, m *Module) {
		plugin, err := host.Load(t.Context(), m.Manifest, m.Wasm())
		if plugin != nil {
			t.Fatal("it was loaded")
		}
		if got := initializeCode(err); got != m.Want {
			t.Errorf("got %v, want %s", err, m.Want)
		}
	}, StageInitialize)
}

// initializeCode is the code behind "failed: ", which the problem of a failed initialisation begins with.
func initializeCode(err error) string {
	problems, ok := errors.AsType[*core.Problems](err)
	if !ok || problems.List[0].Path != "exports."+abi.ExportInitialize {
		return ""
	}
	code, _, _ := strings.Cut(strings.TrimPrefix(problems.List[0].Message, "failed: "), ":")
	return code
}

func TestTheHostBoundsWhatRuns(t *testing.T) {
	var log int
	host := newHost(t, plugins.Options{Guests: 1, Logger: slog.New(logged{&log})})
	each(t, func(t *testing.T, m *Module) {
		plugin, err := host.Load(t.Context(), m.Manifest, m.Wasm())
		if err != nil {
			t.Fatal(err)
		}
		mechanic, err := plugin.Bind(nil)
		if err != nil {
			t.Fatal(err)
		}
		var first []core.Effect
		for i := range decisions {
			log = 0
			earlier := []core.Effect{{Kind: core.EffectTag, Name: "earlier"}}
			effects, usage, err := mechanic.Decide(m.Manifest.Hooks[0], Facts(), earlier)
			if len(effects) == 0 || effects[0] != earlier[0] {
				t.Fatalf("decision %d: the effects before it are lost: %v", i, effects)
			}
			wantOutcome(t, m, effects[1:], err)
			if usage.Fuel < 0 || usage.Fuel > plugins.DefaultLimits().Fuel {
				t.Errorf("decision %d burned %d fuel", i, usage.Fuel)
			}
			if log > abi.MaxLogBytes {
				t.Errorf("decision %d logged %d bytes", i, log)
			}
			if i > 0 && !reflect.DeepEqual(effects[1:], first) {
				t.Errorf("decision %d: %v, after %v", i, effects[1:], first)
			}
			first = effects[1:]
		}
		if err := plugin.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}, StageRun)
}

func wantOutcome(t *testing.T, m *Module, effects []core.Effect, err error) {
	t.Helper()
	code := Harmless
	if failure, ok := errors.AsType[*core.MechanicError](err); ok {
		code = failure.Code
	} else if err != nil {
		code = err.Error()
	}
	if code != m.Want {
		t.Fatalf("got %s (%v), want %s", code, err, m.Want)
	}
	if !m.Any && len(effects)+len(m.Effects) > 0 && !reflect.DeepEqual(effects, m.Effects) {
		t.Errorf("got %v, want %v", effects, m.Effects)
	}
}

// logged counts the bytes of the lines that are logged, with one for the end of each.
type logged struct{ n *int }

// Enabled implements [slog.Handler].
func (logged) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements [slog.Handler].
func (l logged) Handle(_ context.Context, r slog.Record) error {
	*l.n += len(r.Message) + 1
	return nil
}

// WithAttrs implements [slog.Handler].
func (l logged) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements [slog.Handler].
func (l logged) WithGroup(string) slog.Handler { return l }
