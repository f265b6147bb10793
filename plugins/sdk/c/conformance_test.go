// Package sdk_test builds a plugin that calls everything the C SDK offers and compares what arrives at the host.
package sdk_test

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
)

func manifest() *core.Manifest {
	ids := make([]any, 12)
	for i := range ids {
		ids[i] = int64(i * 100)
	}
	return &core.Manifest{
		Name: "conformance", Hooks: core.Hooks(), Effects: core.EffectKinds(),
		Facts: []string{
			"now", "shopper.id", "shopper.tier", "shopper.tags", "item.price", "input.fair", "message.text", "config.ids",
		},
		Config: map[string]core.Param{"ids": {Type: "list", Of: "integer", Default: ids}},
	}
}

// built returns the module, or skips the test: see build.sh for when a missing compiler is a failure instead.
func built(t *testing.T) []byte {
	t.Helper()
	// go test takes a result from its cache unless a file changed that the test itself opened.
	for _, source := range []string{"build.sh", "hotdrop.h", "testdata/conformance.c"} {
		if _, err := os.ReadFile(source); err != nil {
			t.Fatal(err)
		}
	}
	target := filepath.Join(t.TempDir(), "conformance.wasm")
	talk, err := exec.CommandContext(t.Context(), "./build.sh", "testdata/conformance.c", target).CombinedOutput()
	if err != nil {
		t.Fatalf("build.sh: %v\n%s", err, talk)
	}
	wasm, err := os.ReadFile(target)
	if err != nil {
		t.Skipf("SKIPPED: %s", talk)
	}
	return wasm
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
			{Kind: core.EffectOblige, Name: "all", Data: `{"least":-9223372036854775808,"most":9223372036854775807,"none":0,` +
				`"text":"\"\\\u000a` + "\x7f" + `退"}`},
			{Kind: core.EffectOblige, Name: "nothing", Data: "{}"},
		}
	case core.HookPaid:
		return []core.Effect{
			{Kind: core.EffectGrant, Name: "pool", Units: 1}, {Kind: core.EffectNotify, Name: "thanks", Data: `{"n":-10}`},
		}
	default:
		return []core.Effect{{Kind: core.EffectReply, Text: core.Text{EN: "how?"}}}
	}
}

func TestEverythingTheSDKOffersArrives(t *testing.T) {
	host, err := plugins.NewHost(t.Context(), plugins.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := host.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	plugin, err := host.Load(t.Context(), manifest(), built(t))
	if err != nil {
		t.Fatal(err)
	}
	mechanic, err := plugin.Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	facts := &core.Facts{
		Now: 1, Item: core.ItemFacts{Price: -7}, Shopper: core.ShopperFacts{ID: "s1", Tags: []string{"gold", "beta"}},
		Input: core.Object{"fair": true}, Message: core.MessageFacts{Text: "help"},
	}
	for _, hook := range core.Hooks() {
		got, _, err := mechanic.Decide(hook, facts, nil)
		if want := effectsOf(hook); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", hook, got, err, want)
		}
	}
	facts.Message.Text = "hlep"
	if _, _, err := mechanic.Decide(core.HookMessage, facts, nil); err == nil || err.Error() != "failed: no idea" {
		t.Errorf("got %v, want failed: no idea", err)
	}
}
