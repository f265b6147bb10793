package sdk_test

import (
	"context"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
	"hotdrop/plugins/sdk"
	"hotdrop/plugins/sdk/toolchain"
	"hotdrop/plugins/wasm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// conformance returns a language's plugin that calls everything its SDK offers.
func conformance(language sdk.Language) toolchain.Guest {
	source, err := filepath.Glob(language.Folder + "/testdata/conformance*")
	if err != nil || len(source) != 1 {
		source = []string{""}
	}
	return toolchain.Guest{Language: language.Folder, Recipe: language.Folder + "/build.sh", Source: source[0]}
}

func manifest() *core.Manifest {
	ids := make([]any, 12)
	for i := range ids {
		ids[i] = int64(i * 100)
	}
	return &core.Manifest{
		Name: "conformance", Hooks: core.Hooks(), Effects: core.EffectKinds(),
		Facts: []string{
			"now", "shopper.id", "shopper.tier", "shopper.tags", "item.price", "input.fair", "input.unfair", "message.text", "config.ids",
			"config.paths",
		},
		Config: map[string]core.Param{
			"ids":   {Type: "list", Of: "integer", Default: ids},
			"paths": {Type: "list", Of: "string", Default: []any{}},
		},
	}
}

func facts() *core.Facts {
	return &core.Facts{
		Now: 1, Item: core.ItemFacts{Price: -7}, Shopper: core.ShopperFacts{ID: "s1", Tags: []string{"gold", "beta"}},
		Input: core.Object{"fair": true}, Message: core.MessageFacts{Text: "help"},
	}
}

func effectsOf(hook core.Hook) []core.Effect {
	switch hook {
	case core.HookReserve:
		return []core.Effect{
			{Kind: core.EffectDeny, Name: "too_late", Text: core.Text{EN: "Come earlier", ZH: "请早点来"}}, {Kind: core.EffectOnce},
		}
	case core.HookShare:
		return []core.Effect{
			{Kind: core.EffectEnter, Name: "phone", Units: math.MaxInt64}, {Kind: core.EffectTag, Name: "tier"},
			{Kind: core.EffectTag, Name: "tag", Value: "gold"}, {Kind: core.EffectTag, Name: "tag", Value: "beta"},
		}
	case core.HookQuote:
		return []core.Effect{
			{Kind: core.EffectDiscount, Amount: 1100},
			{Kind: core.EffectDiscountPercent, Amount: 1, Text: core.Text{EN: "fair"}},
			{Kind: core.EffectPrice, Amount: -7, Text: core.Text{EN: "s1"}},
			{Kind: core.EffectAdd, Name: "case", Units: math.MaxInt32, Amount: math.MinInt64, Text: core.Text{EN: "free"}},
			{Kind: core.EffectDeposit, Amount: 1, Credit: 2},
			{Kind: core.EffectGroup, Units: 3, Seconds: math.MinInt32, Amount: 4},
			{Kind: core.EffectTake, Name: "trade-in", Units: 5},
			{Kind: core.EffectOblige, Name: "all", Data: `{"false":false,"least":-9223372036854775808,"most":9223372036854775807,` +
				`"none":0,"text":"\"\\\u000a` + "\x7f" + `退","true":true}`},
			{Kind: core.EffectOblige, Name: "nothing", Data: "{}"},
		}
	case core.HookPaid:
		return []core.Effect{
			{Kind: core.EffectGrant, Name: "pool", Units: 1}, {Kind: core.EffectNotify, Name: "thanks", Data: `{"n":-10}`},
			{Kind: core.EffectNotify, Name: "facts", Data: "{}"},
		}
	default:
		return []core.Effect{{Kind: core.EffectReply, Text: core.Text{EN: "how?"}}}
	}
}

// lines is a log that keeps what plugins write.
type lines struct {
	slog.Handler
	written []string
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.written = append(l.written, r.Message)
	return nil
}

// bound returns the conformance plugin, ready to decide.
func bound(t *testing.T, module []byte, log slog.Handler, manifest *core.Manifest, config core.Object) core.Mechanic {
	t.Helper()
	limits := plugins.DefaultLimits()
	if len(module) > 1<<20 {
		limits = plugins.GoLimits()
	}
	host, err := plugins.NewHost(t.Context(), plugins.Options{Limits: limits, Logger: slog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	plugin, err := host.Load(t.Context(), manifest, module)
	if err != nil {
		t.Fatal(err)
	}
	mechanic, err := plugin.Bind(config)
	if err != nil {
		t.Fatal(err)
	}
	return mechanic
}

// imported returns the names that a module imports from the host, sorted.
func imported(t *testing.T, module []byte) []string {
	t.Helper()
	decoded, err := wasm.Decode(module, wasm.LargeLimits())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, one := range decoded.Imports {
		if one.Module == abi.Module {
			names = append(names, one.Name)
		}
	}
	slices.Sort(names)
	return names
}

func TestEverythingAnSDKOffersArrives(t *testing.T) {
	for _, language := range plugged() {
		t.Run(language.Folder, func(t *testing.T) {
			guest := conformance(language)
			module := guest.Build(t, read(t, guest)...)
			if got, want := imported(t, module), functions(); !slices.Equal(got, want) {
				t.Errorf("it imports %v, want %v", got, want)
			}
			log := &lines{Handler: slog.DiscardHandler}
			mechanic := bound(t, module, log, manifest(), nil)
			for _, hook := range core.Hooks() {
				got, _, err := mechanic.Decide(hook, facts(), nil)
				if want := effectsOf(hook); err != nil || !slices.Equal(got, want) {
					t.Errorf("%s:\n got %+v, %v\nwant %+v", hook, got, err, want)
				}
			}
			if !slices.Equal(log.written, []string{"reserving"}) {
				t.Errorf("it logged %q", log.written)
			}
			checkFailures(t, language, mechanic)
		})
	}
}

// checkFailures asks for everything that must end a decision. C has nothing like a panic: it traps.
func checkFailures(t *testing.T, language sdk.Language, mechanic core.Mechanic) {
	t.Helper()
	panicking := []string{"failed: ", "on purpose"}
	if language.Name == "c" {
		panicking = []string{"trap: "}
	}
	for said, want := range map[string][]string{
		"hlep":  {"failed: no idea"},
		"count": {"failed: a count does not fit 32 bits"},
		"data":  {"failed: JSON data is longer than 4096 bytes"},
		"panic": panicking,
	} {
		f := facts()
		f.Message.Text = said
		_, _, err := mechanic.Decide(core.HookMessage, f, nil)
		for _, part := range want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got %v, want %s", said, err, part)
			}
		}
	}
}

// plugged returns the languages of plugins.
func plugged() []sdk.Language {
	return slices.DeleteFunc(sdk.Languages(), func(l sdk.Language) bool { return !l.Builds() })
}

// read returns the files that a conformance plugin is built from.
func read(t *testing.T, guest toolchain.Guest) []string {
	t.Helper()
	files, err := filepath.Glob(guest.Language + "/hotdrop.*")
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	sources, err := filepath.Glob(guest.Language + "/testdata/conformance.*")
	if err != nil || len(sources) == 0 {
		sources = []string{guest.Source + "/conformance.go"}
	}
	return append(files, sources...)
}

func functions() []string {
	var names []string
	for _, f := range abi.Functions() {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}
