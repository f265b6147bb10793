package vet

import (
	"context"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins/abi"
)

// oracle answers as it is told to: no module gets past the host that could.
type oracle func(s *sample) *outcome

func (o oracle) ask(s *sample) *outcome { return o(s) }

// faithful decides by the facts alone.
func faithful(s *sample) *outcome {
	return &outcome{fuel: s.facts.Quantity & 0xff, effects: []core.Effect{{Kind: core.EffectDiscount, Amount: s.facts.Item.Price & 0xff}}}
}

// examined runs the stages after the compilation with these answers in place of the three engines.
func examined(t *testing.T, compiled, observed, slow oracle, vectors ...campaignfile.Vector) *Examination {
	t.Helper()
	manifest := quoting("item.price", "quantity")
	x := &examiner{
		request: &request{Manifest: manifest, Sets: 100}, found: &Examination{}, vectors: vectors,
		generator: newGenerator(manifest, vectors, "sha256:00"), recorder: newRecorder(manifest),
		compiled: compiled, observed: observed, slow: slow,
	}
	for _, work := range []func(context.Context) error{x.firstRun, x.runVectors, x.runExtremes} {
		if err := work(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	x.sum()
	return x.found
}

func aVector() campaignfile.Vector {
	return campaignfile.Vector{Name: "one", Hook: core.HookQuote, Facts: core.Facts{Item: core.ItemFacts{Price: 7}}, Effects: []core.Effect{{Kind: core.EffectDiscount, Amount: 7}}}
}

func TestAModuleThatAnswersTheSameEverywhereIsDeterministic(t *testing.T) {
	e := examined(t, faithful, faithful, faithful, aVector())
	if len(e.Reasons) != 0 || e.Determinism.Broken != 0 || e.Determinism.Engines != 1+onInterpreter || e.Determinism.Repeated < 101 {
		t.Errorf("%+v", e)
	}
}

func TestEveryHostileQuestionIsAskedOfTheWatchedModuleToo(t *testing.T) {
	asked := map[string]int{}
	watched := func(s *sample) *outcome {
		asked[s.name]++
		return faithful(s)
	}
	e := examined(t, faithful, watched, faithful, aVector())
	g, questions := newGenerator(quoting("item.price", "quantity"), []campaignfile.Vector{aVector()}, "sha256:00"), 0
	for s := range g.extremes() {
		questions++
		if asked[s.name] == 0 {
			t.Errorf("%s was not asked again", s.name)
		}
	}
	for i := range 100 {
		questions++
		if name := g.generated(i).name; asked[name] != 1 {
			t.Errorf("%s was asked again %d times", name, asked[name])
		}
	}
	if e.Determinism.Repeated != questions+1 {
		t.Errorf("%d questions were counted, %d were asked", e.Determinism.Repeated, questions+1)
	}
}

func TestEveryWayToAnswerDifferentlyIsFound(t *testing.T) {
	// remembering answers differently once it has been asked about a price.
	remembering := func(price int64) oracle {
		met := false
		return func(s *sample) *outcome {
			got := faithful(s)
			if met {
				got.fuel++
			}
			met = met || s.facts.Item.Price == price
			return got
		}
	}
	counting := func(change func(*outcome)) oracle {
		asked := 0
		return func(s *sample) *outcome {
			got := faithful(s)
			if asked++; asked%7 == 0 {
				change(got)
			}
			return got
		}
	}
	for name, c := range map[string]struct{ compiled, observed, slow oracle }{
		"now and then it costs more":            {counting(func(o *outcome) { o.fuel++ }), faithful, faithful},
		"now and then it gives less":            {counting(func(o *outcome) { o.effects[0].Amount-- }), faithful, faithful},
		"now and then it gives nothing":         {counting(func(o *outcome) { o.effects = nil }), faithful, faithful},
		"now and then it fails":                 {counting(func(o *outcome) { o.code, o.effects = abi.CodeTrap, nil }), faithful, faithful},
		"the interpreter decides otherwise":     {faithful, faithful, counting(func(o *outcome) { o.effects[0].Name = "x" })},
		"the interpreter costs otherwise":       {faithful, faithful, counting(func(o *outcome) { o.fuel-- })},
		"watched it decides otherwise":          {faithful, counting(func(o *outcome) { o.effects[0].Text.ZH = "x" }), faithful},
		"it remembers an extreme, in any order": {faithful, remembering(onlyExtreme), faithful},
	} {
		t.Run(name, func(t *testing.T) {
			e := examined(t, c.compiled, c.observed, c.slow, aVector())
			if !slices.Contains(codes(e.Reasons), CodeNotDeterministic) || e.Determinism.Broken == 0 || len(e.Reasons) > maxAlike {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestAVectorIsHeldOnBothEnginesTwice(t *testing.T) {
	asked := map[string]int{}
	count := func(name string) oracle {
		return func(s *sample) *outcome {
			asked[name]++
			return faithful(s)
		}
	}
	x := &examiner{found: &Examination{}, vectors: []campaignfile.Vector{aVector()}, compiled: count("compiled"), observed: count("observed"), slow: count("slow")}
	if err := x.runVectors(t.Context()); err != nil || asked["compiled"] != 2 || asked["slow"] != 2 || x.found.Vectors.Passed != 1 {
		t.Errorf("%v, %v, %+v", err, asked, x.found)
	}
}

func TestReasonsOfOneKindAreNotRepeatedWithoutEnd(t *testing.T) {
	e := examined(t, func(*sample) *outcome { return &outcome{code: abi.CodeUndeclaredFact, message: "x"} }, faithful, faithful, aVector())
	if len(e.Reasons) > 2*maxAlike || !slices.Contains(codes(e.Reasons), abi.CodeUndeclaredFact) {
		t.Errorf("%d reasons: %v", len(e.Reasons), codes(e.Reasons))
	}
}

func TestWhatHostileFactsDoIsCountedAndWarnedOf(t *testing.T) {
	odd := func(s *sample) *outcome {
		switch {
		case s.facts.Item.Price < 0:
			return &outcome{code: abi.CodeTrap, message: "unreachable"}
		case s.facts.Quantity < 0:
			return &outcome{effects: []core.Effect{{Kind: core.EffectDiscount, Amount: -1}}}
		case s.facts.Quantity == 0:
			return &outcome{effects: []core.Effect{{Kind: core.EffectReply}}}
		}
		return faithful(s)
	}
	e := examined(t, odd, odd, odd)
	if len(e.Reasons) != 0 || e.Adversarial.Failures[abi.CodeTrap] == 0 || len(e.Adversarial.Failures) != 1 {
		t.Errorf("%+v", e)
	}
	for _, want := range []string{"decisions like it", "item.price −1", "unreachable"} {
		if !slices.ContainsFunc(e.Warnings, func(r Reason) bool { return r.Code == abi.CodeTrap && strings.Contains(r.String(), want) }) {
			t.Errorf("no warning of the trap has %q: %v", want, e.Warnings)
		}
	}
	if !slices.Contains(codes(e.Warnings), abi.CodeBadEffect) {
		t.Errorf("no warning of the bad effects: %v", e.Warnings)
	}
}

func TestOnlyOrdinaryFactsMustNotFail(t *testing.T) {
	for code, refused := range map[string]bool{
		abi.CodeTrap: true, abi.CodeOutOfFuel: true, abi.CodeBadString: true, abi.CodeMemoryLimit: true, abi.CodeDepthLimit: true,
		abi.CodeBadEffect: true, abi.CodeFailed: false, abi.CodeWrongKind: false,
	} {
		failing := oracle(func(*sample) *outcome { return &outcome{code: code, message: "x"} })
		x := &examiner{found: &Examination{}, generator: newGenerator(quoting(), nil, ""), compiled: failing}
		if err := x.firstRun(t.Context()); err != nil || (len(x.found.Reasons) > 0) != refused {
			t.Errorf("%s: %v, %v", code, x.found.Reasons, err)
		}
	}
}

func TestFuelIsGivenInPercentiles(t *testing.T) {
	hundred := make([]int64, 101)
	for i := range hundred {
		hundred[i] = int64(100 - i)
	}
	for want, fuel := range map[Fuel][]int64{
		{}:                           nil,
		{P50: 5, P99: 5, Max: 5}:     {5},
		{P50: 50, P99: 99, Max: 100}: hundred,
		{P50: 2, P99: 2, Max: 900}:   {1, 2, 900},
		{P50: 1, P99: 1, Max: 1_000}: {1_000, 1},
	} {
		if got := percentiles(fuel); got != want {
			t.Errorf("%v gives %+v, want %+v", fuel, got, want)
		}
	}
}

func TestAPriceAboveTheLineIsToldFromOneThatIsNot(t *testing.T) {
	order := core.Facts{Quantity: 2, Item: core.ItemFacts{SKU: "phone", Price: 100}}
	for name, c := range map[string]struct {
		facts   core.Facts
		effects []core.Effect
		above   bool
	}{
		"the whole price off":            {order, []core.Effect{{Kind: core.EffectDiscount, Amount: 200}}, false},
		"more off":                       {order, []core.Effect{{Kind: core.EffectDiscount, Amount: 201}}, true},
		"more off in two parts":          {order, []core.Effect{{Kind: core.EffectDiscount, Amount: 101}, {Kind: core.EffectDiscount, Amount: 100}}, true},
		"the list price":                 {order, []core.Effect{{Kind: core.EffectPrice, Amount: 100}}, false},
		"a higher price":                 {order, []core.Effect{{Kind: core.EffectPrice, Amount: 101}}, true},
		"another unit at the list price": {order, []core.Effect{{Kind: core.EffectAdd, Name: "phone", Units: 1, Amount: 100}}, false},
		"another unit above it":          {order, []core.Effect{{Kind: core.EffectAdd, Name: "phone", Units: 1, Amount: 101}}, true},
		"an item without a price":        {core.Facts{Quantity: 1}, []core.Effect{{Kind: core.EffectDiscount, Amount: 5}}, false},
		"an order of nothing":            {core.Facts{Item: core.ItemFacts{Price: 1}}, []core.Effect{{Kind: core.EffectDiscount, Amount: 5}}, false},
		"a price that cannot be summed":  {core.Facts{Quantity: onlyExtreme, Item: core.ItemFacts{Price: onlyExtreme}}, []core.Effect{{Kind: core.EffectDiscount, Amount: 5}}, false},
	} {
		if got := aboveLine(&c.facts, c.effects); (got != "") != c.above {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestATimeThatTheClockShowsIsTriedLikeTheFactItIs has a guest that traps when a clock of WASI shows a time before 1970.
func TestATimeThatTheClockShowsIsTriedLikeTheFactItIs(t *testing.T) {
	g := newGuest(abi.ClockTimeGet, abi.Discount)
	load64 := []byte{0x29, 0, 0}
	g.function("quote", i32(0), i64(0), i32(0), g.call(abi.ClockTimeGet), drop,
		i32(0), load64, i64(0), []byte{0x53}, when(trap), i64(5), g.text("off"), g.call(abi.Discount))
	r := vetted(t, quick(), quoting("now"), g.bytes(), someVectors)
	if !slices.Contains(codes(slices.Concat(r.Reasons, r.Warnings)), abi.CodeTrap) || !slices.Equal(r.Examination.FactsRead, []string{"now"}) {
		t.Errorf("nobody found what it does at other times:\n%s", r.Text())
	}
	r = vetted(t, quick(), quoting(), g.bytes(), someVectors)
	if found := codes(slices.Concat(r.Reasons, r.Warnings)); slices.Contains(found, abi.CodeTrap) || r.Verdict != Accepted || len(r.Examination.FactsRead) != 0 {
		t.Errorf("it knows the time without declaring it:\n%s", r.Text())
	}
}
