package core_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"hotdrop/core"
)

// vetting is a vetter whose verdicts a test decides: it finds fit what begins with "fit".
type vetting struct {
	version string
	mu      sync.Mutex
	begun   []string // the modules that it was asked about
	fail    error    // instead of a verdict
	strict  bool     // finds nothing fit
	during  func(ctx context.Context)
	grants  string // the limits of every plugin, JSON; "" for 1
	author  string // whom manifests name
}

func (v *vetting) Version() string { return v.version }

func (v *vetting) Limits(*core.Plugin) json.RawMessage {
	v.mu.Lock()
	defer v.mu.Unlock()
	return json.RawMessage(`{"pages":` + cmp.Or(v.grants, "1") + `}`)
}

func (v *vetting) Vet(ctx context.Context, _ *core.Plugin, wasm []byte) (*core.Verdict, error) {
	v.mu.Lock()
	v.begun = append(v.begun, string(wasm))
	during, fail, strict, author := v.during, v.fail, v.strict, v.author
	v.mu.Unlock()
	if during != nil {
		during(ctx)
	}
	if err := errors.Join(ctx.Err(), fail); err != nil {
		return nil, err
	}
	accepted := !strict && bytes.HasPrefix(wasm, []byte("fit"))
	return &core.Verdict{Accepted: accepted, Name: "named", Author: author, Document: json.RawMessage(`{"by":"` + v.version + `"}`)}, nil
}

// registry is a node's, with a clock and a vetter that the test moves.
type registry struct {
	*core.PluginRegistry

	t     *testing.T
	store core.PluginStore
	clock *clock
	vets  *vetting
}

func newRegistry(t *testing.T, s store) *registry {
	t.Helper()
	plugins, ok := s.(core.PluginStore)
	if !ok {
		t.Fatalf("%T holds no plugins", s)
	}
	return (&registry{t: t, store: plugins, clock: &clock{at: opening}}).node("1")
}

// with is another node whose registry has other options.
func (r *registry) with(change func(o *core.PluginOptions)) *registry {
	vets := &vetting{version: "1"}
	options := core.PluginOptions{Store: r.store, Vetter: vets, Now: r.clock.now, Log: slog.New(slog.DiscardHandler)}
	change(&options)
	return &registry{core.NewPluginRegistry(options), r.t, r.store, r.clock, vets}
}

// node is another node on the same store, with the same clock.
func (r *registry) node(version string) *registry {
	vets := &vetting{version: version}
	return &registry{core.NewPluginRegistry(core.PluginOptions{
		Store: r.store, Vetter: vets, Now: r.clock.now, Log: slog.New(slog.DiscardHandler),
	}), r.t, r.store, r.clock, vets}
}

var (
	author   = core.Principal{ID: "author", Role: core.RoleBrand, Brand: "meizu"}
	approver = core.Principal{ID: "approver", Role: core.RolePlatform}
	second   = core.Principal{ID: "second", Role: core.RolePlatform}
)

// upload uploads the module as meizu.
func (r *registry) upload(module string) *core.Plugin {
	r.t.Helper()
	p, _, err := r.Upload(r.t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader(module)})
	must(r.t, err)
	return p
}

// vet vets everything that is due, and returns how many plugins that were.
func (r *registry) vet() int {
	r.t.Helper()
	for n := 0; ; n++ {
		worked, err := r.VetNext(r.t.Context())
		must(r.t, err)
		if !worked {
			return n
		}
	}
}

// is checks the plugin's state and returns it.
func (r *registry) is(module string, want core.PluginState) *core.Plugin {
	r.t.Helper()
	p, err := r.Plugin(r.t.Context(), author, "", digestOf(module))
	must(r.t, err)
	if p.State != want {
		r.t.Fatalf("%s is %s, want %s", module, p.State, want)
	}
	return p
}

// decide has the platform decide: approvals are given by two people.
func (r *registry) decide(action core.PluginAction, module string) error {
	if action == core.PluginApprove {
		if err := r.decideAs(second, action, module); err != nil {
			return err
		}
	}
	return r.decideAs(approver, action, module)
}

// decideAs has one person decide.
func (r *registry) decideAs(who core.Principal, action core.PluginAction, module string) error {
	_, err := r.Decide(r.t.Context(), core.PluginDecision{Actor: who, Digest: digestOf(module), Action: action, Reason: "because"})
	return err
}

// approved uploads, vets and approves a module.
func (r *registry) approved(module string) *core.Plugin {
	r.t.Helper()
	r.upload(module)
	r.vet()
	must(r.t, r.decide(core.PluginApprove, module))
	return r.is(module, core.PluginApproved)
}

func digestOf(module string) string {
	sum := sha256.Sum256([]byte(module))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func TestAPluginIsVettedOnceAndApprovedByThePlatform(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		p := r.upload("fit")
		if p.Digest != digestOf("fit") || p.Size != 3 || p.State != core.PluginUploaded || p.UploadedBy != "author" {
			t.Errorf("uploaded as %+v", p)
		}
		wantCode(t, r.decide(core.PluginApprove, "fit"), core.CodeWrongState)
		r.upload("unfit")
		if n := r.vet() + r.vet(); n != 2 || len(r.vets.begun) != 2 {
			t.Errorf("%d vetted: %v", n, r.vets.begun)
		}
		vetted := r.is("fit", core.PluginVetted)
		if vetted.Name != "named" || !vetted.Report.Accepted || string(vetted.Report.Document) != `{"by":"1"}` || vetted.Lease != (core.PluginLease{}) {
			t.Errorf("vetted as %+v %+v", vetted, vetted.Report)
		}
		r.is("unfit", core.PluginRefused)
		wantCode(t, r.decide(core.PluginApprove, "unfit"), core.CodeWrongState)
		must(t, r.decide(core.PluginApprove, "fit"))
		must(t, r.decide(core.PluginApprove, "fit"))
		if p := r.is("fit", core.PluginApproved); p.DecidedBy != "approver" || p.Reason != "because" || p.DecidedAt != opening.UnixMilli() {
			t.Errorf("approved as %+v", p)
		}
	})
}

func TestOnlyWhatIsApprovedAndFitIsLoaded(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		loadable := func(node *registry, brand string) core.Code {
			_, err := node.Loadable(t.Context(), brand, "phone", digestOf("fit"))
			return core.CodeOf(err)
		}
		wantLoadable := func(what string, node *registry, brand string, want core.Code) {
			t.Helper()
			if got := loadable(node, brand); got != want {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		wantLoadable("unknown", r, "meizu", core.CodeNotFound)
		r.upload("fit")
		wantLoadable("uploaded", r, "meizu", core.CodeWrongState)
		r.vet()
		wantLoadable("vetted", r, "meizu", core.CodeWrongState)
		must(t, r.decide(core.PluginApprove, "fit"))
		wantLoadable("approved", r, "meizu", "")
		wantLoadable("another brand's", r, "xiaomi", core.CodeNotFound)
		wantLoadable("nobody's", r, "", core.CodeNotFound)

		next := r.node("2")
		wantLoadable("before it is vetted by the new rules", next, "meizu", core.CodeUnavailable)
		if next.vet() != 1 || r.vet() != 0 {
			t.Error("not vetted once by each version")
		}
		wantLoadable("vetted by the new rules", next, "meizu", "")
		wantLoadable("on an old node", r, "meizu", "")

		must(t, r.decide(core.PluginRevoke, "fit"))
		wantLoadable("revoked", r, "meizu", core.CodeWrongState)
		if r.node("3").vet() != 0 {
			t.Error("what is revoked was vetted")
		}
	})
}

func TestWhatNewRulesFindUnfitIsApprovedNoMore(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.approved("fit")
		next := r.node("2")
		next.vets.strict = true
		if next.vet() != 1 {
			t.Error("not vetted by the new rules")
		}
		r.is("fit", core.PluginRefused)
		for _, node := range []*registry{r, next} {
			_, err := node.Loadable(t.Context(), "meizu", "phone", digestOf("fit"))
			wantCode(t, err, core.CodeWrongState)
		}
	})
}

func TestTheBytesAreCheckedAgainstTheDigest(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		module := "fit" + strings.Repeat("0123456789abcdef", core.PluginPartBytes/8)
		p := r.upload(module)
		wasm, err := r.Wasm(t.Context(), p)
		must(t, err)
		if string(wasm) != module {
			t.Errorf("%d bytes came back of %d", len(wasm), len(module))
		}
		forged := *p
		forged.Digest = digestOf("other")
		if wasm, err := r.Wasm(t.Context(), &forged); err == nil {
			t.Errorf("%d bytes of nothing", len(wasm))
		}
	})
}

func TestAnUploadThatFailsLeavesNothing(t *testing.T) {
	broken := errors.New("the line is dead")
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		for name, test := range map[string]struct {
			actor core.Principal
			brand string
			body  io.Reader
		}{
			"breaks off":        {author, "", io.MultiReader(bytes.NewReader(make([]byte, core.PluginPartBytes+1)), iotest.ErrReader(broken))},
			"is cut off":        {author, "", io.MultiReader(strings.NewReader("fit"), iotest.ErrReader(io.ErrUnexpectedEOF))},
			"too long":          {author, "", io.LimitReader(zeros{}, core.MaxPluginBytes+1)},
			"empty":             {author, "", strings.NewReader("")},
			"another brand's":   {author, "xiaomi", strings.NewReader("fit")},
			"nobody's":          {core.Principal{ID: "op", Role: core.RoleOperator}, "", strings.NewReader("fit")},
			"of an impossible":  {core.Principal{ID: "op", Role: core.RoleOperator}, "No Brand", strings.NewReader("fit")},
			"one byte a second": {author, "", iotest.OneByteReader(iotest.ErrReader(broken))},
		} {
			_, _, err := r.Upload(t.Context(), core.PluginUpload{Actor: test.actor, Brand: test.brand, Body: test.body})
			if core.CodeOf(err) != core.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		page, err := r.Plugins(t.Context(), approver, core.PluginList{Limit: 10})
		must(t, err)
		swept, err := r.store.SweepUploads(t.Context(), 1<<60)
		if err != nil || swept != 0 || len(page.Data) != 0 {
			t.Errorf("%d plugins, %d uploads to sweep, %v", len(page.Data), swept, err)
		}
	})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestTheSweepTakesWhatADeadNodeLeft(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		must(t, r.store.PutPluginPart(t.Context(), core.PluginPart{
			Brand: "meizu", Upload: "left", Bytes: []byte("x"), At: r.clock.now().UnixMilli(),
		}))
		for minutes, want := range []int{0, 0, 1, 0} {
			swept, err := r.SweepUploads(t.Context())
			if err != nil || swept != want {
				t.Errorf("%d swept after %d times 10 minutes, want %d, %v", swept, minutes, want, err)
			}
			r.clock.advance(10 * time.Minute)
		}
	})
}

// slowStore lets a test do something just before an upload becomes a plugin.
type slowStore struct {
	core.PluginStore

	before func()
}

func (s slowStore) CreatePlugin(ctx context.Context, p *core.Plugin, entry core.StaffEntry) error {
	s.before()
	return s.PluginStore.CreatePlugin(ctx, p, entry)
}

func TestAnUploadThatWasSweptInItsLastStepIsSentAgain(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.store = slowStore{r.store, func() {
			r.clock.advance(time.Hour)
			_, err := r.SweepUploads(t.Context())
			must(t, err)
		}}
		_, _, err := r.node("1").Upload(t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader("fit")})
		wantCode(t, err, core.CodeUnavailable)
	})
}

func TestTheSameBytesAgainChangeNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.upload("fit")
		for _, state := range []core.PluginState{core.PluginUploaded, core.PluginApproved} {
			before := r.is("fit", state)
			p, created, err := r.Upload(t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader("fit"), Again: true})
			must(t, err)
			if created || p.Revision != before.Revision || p.State != state {
				t.Errorf("created %t, %+v", created, p)
			}
			r.vet()
			must(t, r.decide(core.PluginApprove, "fit"))
		}
	})
}

// uploadedAs uploads the module and returns it.
func (r *registry) uploadedAs(module string) string {
	r.upload(module)
	return module
}

func TestARefusedPluginIsVettedAgainWhereThatIsAskedFor(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.upload("unfit")
		r.vet()
		r.upload("unfit")
		r.is("unfit", core.PluginRefused)
		if r.vet() != 0 {
			t.Error("vetted without being asked")
		}
		p, created, err := r.Upload(t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader("unfit"), Again: true})
		must(t, err)
		if created || p.State != core.PluginUploaded || r.vet() != 1 {
			t.Errorf("created %t, %+v", created, p)
		}
		r.is("unfit", core.PluginRefused)
		next := r.node("2") // without a report by the new rules, the same bytes are reason enough
		next.upload("unfit")
		if next.vet() != 1 {
			t.Error("not vetted by the new rules")
		}
	})
}

func TestABrandsQueueIsBounded(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		for i := range 128 {
			r.upload("fit" + strings.Repeat("x", i))
		}
		_, _, err := r.Upload(t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader("one more")})
		wantCode(t, err, core.CodeOverloaded)
		other := author
		other.Brand = "xiaomi"
		_, _, err = r.Upload(t.Context(), core.PluginUpload{Actor: other, Body: strings.NewReader("fit")})
		must(t, err)
	})
}

// discard is a store that keeps nothing.
type discard struct{ core.PluginStore }

func (discard) FindPlugins(context.Context, core.PluginFilter) ([]*core.Plugin, error) {
	return nil, nil
}

func (discard) PluginUsage(context.Context, string) (core.PluginUsage, error) {
	return core.PluginUsage{}, nil
}

func (discard) PutPluginPart(context.Context, core.PluginPart) error { return nil }

func (discard) CreatePlugin(context.Context, *core.Plugin, core.StaffEntry) error { return nil }

func TestAnUploadHoldsOnePartInMemory(t *testing.T) {
	r := core.NewPluginRegistry(core.PluginOptions{Store: discard{}, Vetter: &vetting{}})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p, created, err := r.Upload(t.Context(), core.PluginUpload{Actor: author, Body: io.LimitReader(zeros{}, core.MaxPluginBytes)})
	runtime.ReadMemStats(&after)
	must(t, err)
	if !created || p.Size != core.MaxPluginBytes {
		t.Errorf("created %t, %+v", created, p)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 2*core.PluginPartBytes {
		t.Errorf("%d bytes were allocated for one upload", allocated)
	}
}

// brands is a compiler that notes whose campaigns it compiles for.
type brands struct {
	mechanics

	asked *[]string
}

func (b brands) Compile(ctx context.Context, binding core.Binding) (core.Mechanic, error) {
	*b.asked = append(*b.asked, binding.Mechanic+" for "+binding.Brand)
	return b.mechanics.Compile(ctx, binding)
}

func TestACompilerIsToldWhoseCampaignItIs(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		var asked []string
		d := newDrop(t, s, mechanics{"a": priceOf(1), "b": priceOf(2)}, func(c *core.Campaign) {
			c.Ruleset = []core.Binding{{Mechanic: "a", OnFailure: core.FailLastGood}}
		})
		d.Stop()
		engine := core.NewEngine(core.Options{
			Store: s, Campaigns: s, Ledger: s, Now: d.clock.now, Compiler: brands{mechanics{"a": priceOf(1), "b": priceOf(2)}, &asked},
		})
		must(t, engine.Start(t.Context()))
		_, err := engine.ApplyCampaign(t.Context(), core.ApplyRequest{
			Definition: d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "b", OnFailure: core.FailLastGood}} }),
			Actor:      core.Principal{ID: "op", Role: core.RoleOperator}, Reason: "a test",
		})
		must(t, err)
		engine.Stop()
		fresh := core.NewEngine(core.Options{ // to which the fallback is new, too
			Store: s, Campaigns: s, Ledger: s, Now: d.clock.now, Compiler: brands{mechanics{"a": priceOf(1), "b": priceOf(2)}, &asked},
		})
		must(t, fresh.Start(t.Context()))
		fresh.Stop()
		for _, want := range []string{"a for " + d.def.Brand, "b for " + d.def.Brand} {
			if !slices.Contains(asked, want) {
				t.Errorf("%q is not among %q", want, asked)
			}
		}
		if slices.Contains(asked, "a for ") || asked[len(asked)-1] != "a for "+d.def.Brand { // the fallback comes last
			t.Errorf("asked %q", asked)
		}
		record, err := s.Campaign(t.Context(), d.def.ID)
		must(t, err)
		if record.Ruleset.Bindings[0].Brand != "" {
			t.Error("the brand was stored")
		}
	})
}
