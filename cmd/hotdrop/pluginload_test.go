package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/sqlite"
	"hotdrop/plugins"
)

// loader is a compiler over a real registry, on a store that the test fills.
type loader struct {
	*compiler

	t        *testing.T
	store    *sqlite.Store
	registry *core.PluginRegistry
}

func newLoader(t *testing.T, idle time.Duration, g grants) *loader {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir())
	if err == nil {
		err = store.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	l := &loader{t: t, store: store}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return l.granting(idle, g)
}

// granting is another start of the node, on the same store, that grants something else.
func (l *loader) granting(idle time.Duration, g grants) *loader {
	l.t.Helper()
	registry := core.NewPluginRegistry(core.PluginOptions{
		Store: l.store, Vetter: &moduleVetter{grants: g, child: []string{os.Args[0], vetChildName}}, Own: g.own(),
		Log: slog.New(slog.DiscardHandler),
	})
	c, err := newServingCompiler(l.t.Context(), plugins.Options{}, registry, g)
	if err != nil {
		l.t.Fatal(err)
	}
	c.loaded.idle = idle
	l.t.Cleanup(func() {
		if err := c.close(l.t.Context()); err != nil {
			l.t.Error(err)
		}
	})
	return &loader{c, l.t, l.store, registry}
}

// approve has two people of the platform approve a plugin.
func (l *loader) approve(digest string) (err error) {
	for _, person := range []string{"platform", "platform-2"} {
		if err == nil {
			_, err = l.registry.Decide(l.t.Context(), core.PluginDecision{
				Actor: core.Principal{ID: person, Role: core.RolePlatform}, Digest: digest, Action: core.PluginApprove, Reason: "test",
			})
		}
	}
	return err
}

// approved uploads, vets and approves the module as meizu, and returns its digest.
func (l *loader) approved(module []byte) string {
	l.t.Helper()
	brand := core.Principal{ID: "author", Role: core.RoleBrand, Brand: "meizu"}
	p, _, err := l.registry.Upload(l.t.Context(), core.PluginUpload{Actor: brand, Body: strings.NewReader(string(module))})
	if err == nil {
		_, err = l.registry.VetNext(l.t.Context())
	}
	if err == nil {
		err = l.approve(p.Digest)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return p.Digest
}

func (l *loader) bind(digest string) (core.Mechanic, error) {
	return l.Compile(l.t.Context(), core.Binding{Plugin: digest, Brand: "meizu", Config: core.Object{"sku": "mx3"}})
}

// inUse is how many uploaded plugins are loaded.
func (l *loader) inUse() int {
	l.loaded.mu.Lock()
	defer l.loaded.mu.Unlock()
	return len(l.loaded.entries)
}

func TestAnUploadedPluginIsLoadedOnceAndClosedWhenNobodyBindsIt(t *testing.T) {
	l := newLoader(t, time.Millisecond, grants{})
	digest := l.approved(packedTradeIn(t, ""))
	first, err := l.bind(digest)
	if err != nil {
		t.Fatal(err)
	}
	second, err := l.bind(digest)
	if err != nil || l.inUse() != 1 {
		t.Fatalf("%d are loaded, %v", l.inUse(), err)
	}
	facts := &core.Facts{
		Item: core.ItemFacts{SKU: "mx3", Price: 179900}, Quantity: 1, Quota: map[string]int64{"trade-in": 5},
		Input: core.Object{"trade_in": core.Object{"brand": "Xiaomi", "model": "2S", "condition": "good"}},
	}
	for _, mechanic := range []core.Mechanic{first, second} {
		effects, usage, err := mechanic.Decide(core.HookQuote, facts, nil)
		if err != nil || len(effects) == 0 || usage.Fuel == 0 || mechanic.Manifest().Digest != digest {
			t.Errorf("%v, %+v, %v", effects, usage, err)
		}
	}
	runtime.KeepAlive(first)
	runtime.KeepAlive(second)
	for l.inUse() > 0 { // the test's timeout bounds this
		runtime.GC()
		runtime.Gosched()
	}
	if _, err := l.bind(digest); err != nil || l.inUse() != 1 {
		t.Errorf("%d are loaded again, %v", l.inUse(), err)
	}
}

func TestAPluginThatIsRevokedIsNotLoadedAlthoughItIsThere(t *testing.T) {
	l := newLoader(t, time.Hour, grants{})
	digest := l.approved(packedTradeIn(t, ""))
	mechanic, err := l.bind(digest)
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.registry.Decide(t.Context(), core.PluginDecision{
		Actor: core.Principal{ID: "platform", Role: core.RolePlatform}, Digest: digest, Action: core.PluginRevoke, Reason: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, brand := range map[string]string{"its own brand": "meizu", "another brand": "xiaomi", "no brand": ""} {
		_, err := l.Compile(t.Context(), core.Binding{Plugin: digest, Brand: brand, Config: core.Object{"sku": "mx3"}})
		problems, ok := errors.AsType[*core.Problems](err)
		if !ok || problems.List[0].Path != "plugin" || problems.List[0].Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	runtime.KeepAlive(mechanic)
}

func TestAConfigThatDoesNotFitLeavesNothingInUse(t *testing.T) {
	l := newLoader(t, time.Millisecond, grants{})
	digest := l.approved(packedTradeIn(t, ""))
	_, err := l.Compile(t.Context(), core.Binding{Plugin: digest, Brand: "meizu", Config: core.Object{"color": "red"}})
	problems, ok := errors.AsType[*core.Problems](err)
	if !ok || !strings.HasPrefix(problems.List[0].Path, "config.") {
		t.Errorf("%v", err)
	}
	for l.inUse() > 0 { // without any help of the collector; the test's timeout bounds this
		runtime.Gosched()
	}
}

func TestAReportOnOtherBytesAdmitsNothing(t *testing.T) {
	l := newLoader(t, time.Hour, grants{})
	digest := l.approved(packedTradeIn(t, ""))
	p, err := l.registry.Loadable(t.Context(), "meizu", "phone", digest)
	if err != nil {
		t.Fatal(err)
	}
	p.Report.Document = json.RawMessage(strings.Replace(string(p.Report.Document), digest, plugins.Digest(nil), 1))
	if err := l.store.SavePlugin(t.Context(), &core.PluginChange{Plugin: p, Report: p.Report}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.bind(digest); err == nil || !strings.Contains(err.Error(), "the report is on ") {
		t.Errorf("%v", err)
	}
}

func TestWhatIsGrantedToAPlugin(t *testing.T) {
	own := plugins.GoLimits()
	own.Fuel = 7
	policy := &plugins.Policy{Defaults: plugins.DefaultLimits(), Plugins: map[string]plugins.Limits{"sha256:own": own}}
	for name, test := range map[string]struct {
		grants grants
		digest string
		size   int64
		want   plugins.Limits
	}{
		"a small one in demo mode":      {grants{generous: true}, "sha256:x", 1 << 20, plugins.DefaultLimits()},
		"a large one in demo mode":      {grants{generous: true}, "sha256:x", 1<<20 + 1, plugins.GoLimits()},
		"a large one without a policy":  {grants{}, "sha256:x", 2 << 20, plugins.DefaultLimits()},
		"one that the policy names":     {grants{policy: policy, generous: true}, "sha256:own", 2 << 20, own},
		"one that the policy names not": {grants{policy: policy, generous: true}, "sha256:x", 2 << 20, plugins.DefaultLimits()},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.grants.limits(test.digest, test.size); got != test.want {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestAServerReadsThePolicyAndSaysWhatIsWrongWithIt(t *testing.T) {
	folder := t.TempDir()
	writeFile(t, folder, "policy.yaml", "defaults: {fuel: -1}\n")
	s, err := tryServe(t, folder, "--demo", "--policy", "policy.yaml", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(s.log(), "policy.yaml:1:") {
		t.Errorf("%v\n%s", err, s.log())
	}
}
