package vet

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
	"hotdrop/plugins/library"
)

// quick are options with few generated sets.
func quick() Options { return Options{Child: as(asChild), Sets: 40} }

// vetted returns the report on a guest with someVectors, or with the given ones.
func vetted(t *testing.T, o Options, manifest *core.Manifest, module []byte, vectors string) *Report {
	t.Helper()
	r, err := Run(t.Context(), o, manifest, nilIfEmpty(vectors), module)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// codes are the codes of reasons.
func codes(reasons []Reason) []string {
	var list []string
	for _, r := range reasons {
		list = append(list, r.Code)
	}
	return slices.Compact(list)
}

func TestEveryShippedPluginIsAccepted(t *testing.T) {
	for _, name := range library.Names() {
		entry, err := library.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		r := vetted(t, Options{Child: as(asChild)}, entry.Manifest, entry.Wasm, string(entry.Vectors))
		if r.Verdict != Accepted || r.Examination.Adversarial.Generated != 1_000 || r.Examination.Vectors.Passed == 0 {
			t.Errorf("%s", r.Text())
		}
		if !slices.Equal(r.Examination.FactsRead, entry.Manifest.Facts) {
			t.Errorf("%s read %v of %v", name, r.Examination.FactsRead, entry.Manifest.Facts)
		}
	}
}

func TestTheSamePluginIsAcceptedInEveryLanguage(t *testing.T) {
	entry, err := library.Open("trade-in")
	if err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Glob("../library/trade-in/*/*.wasm")
	if err != nil || len(modules) < 3 {
		t.Fatalf("%v, %v", modules, err)
	}
	for _, path := range modules {
		language := filepath.Base(filepath.Dir(path))
		if language == "go" && instrumentation > 1 {
			continue // the race detector makes a minute of compiling its runtime; without it the test is whole
		}
		t.Run(language, func(t *testing.T) {
			o := quick()
			if language == "go" {
				o.Limits = plugins.GoLimits()
			}
			module, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			r := vetted(t, o, entry.Manifest, module, string(entry.Vectors))
			if r.Verdict != Accepted || r.Examination.Determinism.Broken != 0 {
				t.Errorf("%s", r.Text())
			}
		})
	}
}

func TestWhatAModuleDoesDecidesItsVerdict(t *testing.T) {
	guests := map[string]struct {
		guest    *guest
		manifest *core.Manifest
		vectors  string
		verdict  string
		stage    stage
		code     string // of the reason, or of a warning if it is accepted
	}{
		"it takes five off": {fiveOff(), quoting(), someVectors, Accepted, stageExtreme, CodeEffectUnused},
		"it decides nothing where a discount is wanted": {
			newGuest().function("quote"), quoting(), someVectors, Refused, stageVectors, CodeVectorFailed,
		},
		"it never ends":                     {newGuest().function("quote", forever), quoting(), someVectors, Refused, stageFirst, abi.CodeOutOfFuel},
		"it never ends its initialisation":  {fiveOff().function("_initialize", forever), quoting(), someVectors, Refused, stageCompile, abi.CodeOutOfFuel},
		"it traps":                          {newGuest().function("quote", trap), quoting(), someVectors, Refused, stageFirst, abi.CodeTrap},
		"it traps in its initialisation":    {fiveOff().function("_initialize", trap), quoting(), someVectors, Refused, stageCompile, abi.CodeTrap},
		"it grows its memory without end":   {newGuest().function("quote", []byte{0x03, 0x40}, i32(1), grow, i32(0), []byte{0x4e, 0x0d, 0x00, 0x0b}, trap), quoting(), someVectors, Refused, stageFirst, abi.CodeMemoryLimit},
		"it reads what it does not declare": {reading("now"), quoting(), someVectors, Refused, stageFirst, abi.CodeUndeclaredFact},
		"it reads that only for one price":  {readingAt(onlyExtreme, "now"), quoting("item.price"), someVectors, Refused, stageExtreme, abi.CodeUndeclaredFact},
		"it traps only for one price":       {tripping(onlyExtreme, trap), quoting("item.price"), someVectors, Accepted, stageExtreme, abi.CodeTrap},
		"it loops only for one price":       {tripping(onlyExtreme, forever), quoting("item.price"), someVectors, Accepted, stageExtreme, abi.CodeOutOfFuel},
		"a vector asks for a negative discount": {
			proposing(abi.Discount, i64(-5)), quoting(), strings.Replace(someVectors, "amount: 5", "amount: -5", 1), Refused, stageVectors, abi.CodeBadEffect,
		},
		"it takes more off than the order costs": {
			proposing(abi.Discount, i64(1<<40)), quoting(), strings.Replace(someVectors, "amount: 5", "amount: 1099511627776", 1), Accepted, stageExtreme, CodeAboveLine,
		},
		"it makes the order dearer": {
			proposing(abi.Price, i64(1<<40)), quoting(), strings.Replace(someVectors, "discount: {amount: 5", "price: {amount: 1099511627776", 1), Accepted, stageExtreme, CodeAboveLine,
		},
		"it declares what it never reads": {fiveOff(), quoting("now"), someVectors, Accepted, stageExtreme, CodeFactUnused},
		"it has no vectors":               {fiveOff(), quoting(), "", Refused, stageExtreme, CodeVectorsMissing},
	}
	for name, c := range guests {
		t.Run(name, func(t *testing.T) {
			r, err := Run(t.Context(), quick(), c.manifest, nilIfEmpty(c.vectors), c.guest.bytes())
			if err != nil {
				t.Fatal(err)
			}
			found := r.Reasons
			if c.verdict == Accepted {
				found = r.Warnings
			}
			if r.Verdict != c.verdict || r.Examination == nil || r.Examination.Stage != string(c.stage) || !slices.Contains(codes(found), c.code) {
				t.Errorf("want %s at %s for %s\n%s", c.verdict, c.stage, c.code, r.Text())
			}
		})
	}
}

func nilIfEmpty(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// onlyExtreme is a price that only the extremes have.
const onlyExtreme = 1<<63 - 1

// reading is a guest that reads one integer.
func reading(path string) *guest {
	g := newGuest(abi.FactI64)
	return g.function("quote", g.text(path), g.call(abi.FactI64), drop)
}

// proposing is a guest that proposes an effect of an amount and a label.
func proposing(effect string, amount []byte) *guest {
	g := newGuest(effect)
	return g.function("quote", amount, g.text("off"), g.call(effect))
}

// tripping is a guest that takes five off, and does something else first when the price is the given one.
func tripping(price int64, then []byte) *guest {
	g := newGuest(abi.FactI64, abi.Discount)
	return g.function("quote", g.text("item.price"), g.call(abi.FactI64), i64(price), []byte{0x51}, when(then),
		i64(5), g.text("off"), g.call(abi.Discount))
}

// readingAt is a guest that takes five off, and reads something else when the price is the given one.
func readingAt(price int64, path string) *guest {
	g := newGuest(abi.FactI64, abi.Discount)
	return g.function("quote", g.text("item.price"), g.call(abi.FactI64), i64(price), []byte{0x51},
		when(g.text(path), g.call(abi.FactI64), drop), i64(5), g.text("off"), g.call(abi.Discount))
}

func TestAModuleThatIsRefusedUnrunNeedsNoChild(t *testing.T) {
	lie := append([]byte("\x00asm\x01\x00\x00\x00"), 1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f) // 4 G types
	twice := append(section(plugins.SectionManifest, "name: guest"), section(plugins.SectionManifest, "name: other")...)
	wide := quoting()
	for range maxFacts + 1 {
		wide.Facts = append(wide.Facts, "now")
	}
	for name, c := range map[string]struct {
		manifest *core.Manifest
		module   []byte
		vectors  string
		code     string
		place    string
	}{
		"nothing":                            {quoting(), nil, someVectors, abi.CodeDecode, "offset 0"},
		"a count that lies":                  {quoting(), lie, someVectors, abi.CodeDecode, "offset 10"},
		"more bytes than are granted":        {quoting(), make([]byte, 1<<20+1), someVectors, CodeModuleTooLarge, ""},
		"an import that is not the ABI's":    {quoting(), importing("env", "abort").bytes(), someVectors, abi.CodeImportRefused, "imports.env.abort"},
		"an effect that is not declared":     {&core.Manifest{Name: "guest", Hooks: []core.Hook{core.HookQuote}}, fiveOff().bytes(), someVectors, abi.CodeImportRefused, "imports.hotdrop.discount"},
		"a hook that is not there":           {&core.Manifest{Name: "guest", Hooks: []core.Hook{core.HookReserve}}, newGuest().bytes(), someVectors, CodeLoadRefused, "exports.reserve"},
		"a manifest that is wrong":           {&core.Manifest{Name: "guest"}, newGuest().bytes(), someVectors, CodeManifestInvalid, "hooks"},
		"a manifest without an end":          {wide, fiveOff().bytes(), someVectors, CodeManifestInvalid, ""},
		"no manifest":                        {nil, fiveOff().bytes(), "", CodeManifestMissing, plugins.SectionManifest},
		"two manifests":                      {nil, append(fiveOff().bytes(), twice...), "", CodeManifestInvalid, plugins.SectionManifest},
		"a manifest that is no YAML":         {nil, append(fiveOff().bytes(), section(plugins.SectionManifest, "name: [")...), "", CodeManifestInvalid, plugins.SectionManifest},
		"a manifest with an unknown key":     {nil, append(fiveOff().bytes(), section(plugins.SectionManifest, "name: guest\nhook: x\n")...), "", CodeManifestInvalid, "hotdrop.manifest:2:1 hook"},
		"vectors that are no YAML":           {quoting(), fiveOff().bytes(), "vectors: [", CodeVectorsInvalid, plugins.SectionVectors},
		"vectors of another mechanic":        {quoting(), fiveOff().bytes(), strings.Replace(someVectors, "guest", "other", 1), CodeVectorsInvalid, "mechanic"},
		"sections that are cut, no manifest": {nil, append(fiveOff().bytes(), 0, 0x7f), "", abi.CodeDecode, "offset"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Run(t.Context(), Options{}, c.manifest, nilIfEmpty(c.vectors), c.module)
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != Refused || len(r.Reasons) == 0 || r.Reasons[0].Code != c.code || !strings.HasPrefix(r.Reasons[0].Place, c.place) || r.Examination != nil {
				t.Errorf("want %s at %q\n%s", c.code, c.place, r.Text())
			}
		})
	}
}

// importing is a guest that imports a function () -> () of its own choice.
func importing(module, name string) *guest {
	g := newGuest(abi.Fail)
	g.m.Imports[0].Module, g.m.Imports[0].Name, g.m.Imports[0].TypeIndex = module, name, 0
	return g.function("quote")
}

func TestInspectIsTheReportWithoutRunningAnything(t *testing.T) {
	packed, err := plugins.Pack(tripping(0, forever).bytes(), []byte(someManifest), []byte(someVectors))
	if err != nil {
		t.Fatal(err)
	}
	r := Inspect(packed, plugins.DefaultLimits())
	if r.Verdict != "" || r.Examination != nil || r.Manifest.Name != "guest" || len(r.Imports) != 2 || r.Digest != plugins.Digest(packed) {
		t.Errorf("%s", r.Text())
	}
	if strings.Contains(r.Text(), "accepted") || !strings.Contains(r.Text(), "nothing speaks against it so far") {
		t.Errorf("%s", r.Text())
	}
	if got := Inspect([]byte("no module"), plugins.DefaultLimits()); got.Verdict != Refused {
		t.Errorf("%s", got.Text())
	}
}

const someManifest = "name: guest\nversion: 1.0.0\nauthor: a brand\nhooks: [quote]\nfacts: [item.price]\neffects: [discount]\n"

func TestOneChildRunsAtATime(t *testing.T) {
	var mu sync.Mutex
	last, children := 0, 0
	o := quick()
	o.watch = func(pid int, s stage, _ func()) {
		mu.Lock()
		defer mu.Unlock()
		if s != stageReady {
			return
		}
		if last != 0 && !errors.Is(syscall.Kill(last, 0), syscall.ESRCH) {
			t.Errorf("child %d began while %d was there", pid, last)
		}
		last = pid
		children++
	}
	vetter := NewVetter(o)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if r, err := vetter.Run(t.Context(), quoting(), []byte(someVectors), fiveOff().bytes()); err != nil || r.Verdict != Accepted {
				t.Errorf("%v, %v", r, err)
			}
		})
	}
	all.Wait()
	if children != 4 {
		t.Errorf("%d children", children)
	}
}

func TestWaitingForAChildEndsWithTheContext(t *testing.T) {
	vetter := NewVetter(quick())
	vetter.slots <- struct{}{}
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the uploader is gone")
	cancel(gone)
	if _, err := vetter.Run(ctx, quoting(), []byte(someVectors), fiveOff().bytes()); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
}

func TestAReportIsHeldAgainstTheModuleItAdmits(t *testing.T) {
	packed, err := plugins.Pack(tripping(7, trap).bytes(), []byte(someManifest), []byte(someVectors))
	if err != nil {
		t.Fatal(err)
	}
	limits := plugins.DefaultLimits()
	accepted, err := Run(t.Context(), quick(), nil, nil, packed)
	if err != nil || accepted.Verdict != Accepted {
		t.Fatalf("%v, %v", accepted, err)
	}
	host, err := plugins.NewHost(t.Context(), plugins.Options{Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close(t.Context())
	admitted, err := Admit(accepted, limits, packed)
	if err != nil {
		t.Fatal(err)
	}
	if plugin, err := admitted.Load(t.Context(), host); err != nil || plugin.Manifest().Name != "guest" {
		t.Errorf("%v, %v", plugin, err)
	}
	for name, change := range map[string]func(*Report){
		"a refusal":            func(r *Report) { r.Verdict = Refused },
		"half a report":        func(r *Report) { r.Verdict = "" },
		"another module's":     func(r *Report) { r.Digest = plugins.Digest(nil) },
		"another rewriter's":   func(r *Report) { r.Rewriter = "0" },
		"other limits'":        func(r *Report) { r.Limits.Fuel++ },
		"another manifest's":   func(r *Report) { r.Packed = false },
		"nothing but a digest": func(r *Report) { *r = Report{Digest: r.Digest} },
	} {
		t.Run(name, func(t *testing.T) {
			changed := *accepted
			change(&changed)
			if _, err := Admit(&changed, limits, packed); core.CodeOf(err) != core.CodeWrongState {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := Admit(accepted, limits, append(packed, section("more", "")...)); core.CodeOf(err) != core.CodeWrongState {
		t.Errorf("a changed module: %v", err)
	}
}

func TestTheReportHasTheMostMemoryThatAGuestHad(t *testing.T) {
	g := tripping(onlyExtreme, slices.Concat(i32(3), grow, drop)) // from one page to four, at one price only
	r := vetted(t, quick(), quoting("item.price"), g.bytes(), someVectors)
	if r.Verdict != Accepted || r.Examination.MemoryBytes != 4*pageSize {
		t.Errorf("%s", r.Text())
	}
}

func TestAModuleIsHeldToTheLimitsThatItIsGranted(t *testing.T) {
	for code, limit := range map[string]func(*plugins.Limits){
		abi.CodeOutOfFuel:   func(l *plugins.Limits) { l.Fuel = 3 },
		abi.CodeMemoryLimit: func(l *plugins.Limits) { l.MemoryBytes = 0 },
		CodeModuleTooLarge:  func(l *plugins.Limits) { l.ModuleBytes = 20 },
		abi.CodeBadEffect:   func(l *plugins.Limits) { l.Effects = 0 },
		CodeEffectUnused:    func(*plugins.Limits) {},
	} {
		o := quick()
		o.Limits = plugins.DefaultLimits()
		limit(&o.Limits)
		r := vetted(t, o, quoting(), fiveOff().bytes(), someVectors)
		if found := slices.Concat(r.Reasons, r.Warnings); len(found) == 0 || found[0].Code != code || r.Limits != o.Limits {
			t.Errorf("%s\n%s", code, r.Text())
		}
	}
}

func TestElementsOfAListCountAsReadingIt(t *testing.T) {
	g := newGuest(abi.FactKind, abi.Discount)
	g.function("quote", g.text("shopper.tags.0"), g.call(abi.FactKind), drop, i64(5), g.text("off"), g.call(abi.Discount))
	r := vetted(t, quick(), quoting("shopper.tags", "shopper.id"), g.bytes(), someVectors)
	if r.Verdict != Accepted || !slices.Equal(r.Examination.FactsRead, []string{"shopper.tags"}) {
		t.Errorf("%s", r.Text())
	}
}

func TestEveryHookOfAModuleIsRun(t *testing.T) {
	manifest := &core.Manifest{Name: "guest", Hooks: []core.Hook{core.HookQuote, core.HookMessage}, Effects: []core.EffectKind{core.EffectDiscount}}
	g := fiveOff().function("message", trap)
	r := vetted(t, quick(), manifest, g.bytes(), someVectors)
	if r.Verdict != Refused || r.Reasons[0].Code != abi.CodeTrap || r.Reasons[0].Place != "an ordinary decision at message" {
		t.Errorf("%s", r.Text())
	}
}
