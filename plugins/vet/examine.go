package vet

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins/abi"
)

// onInterpreter is how many of the generated sets the interpreter decides too, which is some thirty times slower.
const onInterpreter = 64

// maxAlike is how many reasons of one code a report lists: what fails once fails often.
const maxAlike = 8

// examiner runs one module. A stage that finds a reason to refuse it is the last.
type examiner struct {
	request *request
	found   *Examination
	began   func(stage) error // tells the parent

	vectors   []campaignfile.Vector
	generator *generator
	recorder  *recorder
	engines   []*engine // to be closed
	compiled  asker     // as it will be served
	observed  asker     // compiled too, but watched: what it reads and how much memory it has
	slow      asker     // interpreted
	fuel      []int64   // of the decisions that did not fail
	first     []asked   // what the generated sets gave when they were first asked
	findings  findings
}

// asker answers questions: an engine.
type asker interface {
	ask(s *sample) *outcome
}

// run goes through the stages.
func (x *examiner) run(ctx context.Context) error {
	if err := x.began(stageReady); err != nil {
		return err
	}
	defer x.close(ctx)
	for _, part := range []struct {
		stage stage
		work  func(context.Context) error
	}{{stageCompile, x.compile}, {stageFirst, x.firstRun}, {stageVectors, x.runVectors}, {stageExtreme, x.runExtremes}} {
		if err := x.began(part.stage); err != nil {
			return err
		}
		x.found.Stage = string(part.stage)
		if err := part.work(ctx); err != nil {
			return err
		}
		if len(x.found.Reasons) > 0 {
			break
		}
	}
	x.sum()
	return nil
}

// refuse adds a reason, as long as there are not many of that code already.
func (x *examiner) refuse(code, place, format string, args ...any) {
	same := 0
	for _, r := range x.found.Reasons {
		if r.Code == code {
			same++
		}
	}
	if same < maxAlike && len(x.found.Reasons) < maxReasons {
		x.found.Reasons = append(x.found.Reasons, reasonf(code, place, format, args...))
	}
}

// compile loads the module three times: each time it is decoded, checked, rewritten and initialised.
func (x *examiner) compile(ctx context.Context) error {
	if len(x.request.vectors) > 0 {
		file, err := campaignfile.ParseVectors(x.request.vectors)
		if err != nil {
			return fmt.Errorf("the vectors that the parent has read: %w", err)
		}
		x.vectors = file.Vectors
	}
	x.generator = newGenerator(x.request.Manifest, x.vectors, x.request.Digest)
	x.recorder = newRecorder(x.request.Manifest)
	for _, one := range []struct {
		engine      *asker
		interpreted bool
		recorder    *recorder
	}{{&x.compiled, false, nil}, {&x.observed, false, x.recorder}, {&x.slow, true, nil}} {
		loaded, err := load(ctx, x.request, one.interpreted, one.recorder)
		if err != nil {
			x.found.Reasons = append(x.found.Reasons, problems(CodeCompileFailed, "", err)...)
			return nil
		}
		*one.engine, x.engines = loaded, append(x.engines, loaded)
	}
	return nil
}

func (x *examiner) close(ctx context.Context) {
	for _, e := range x.engines {
		_ = e.host.Close(ctx) // the process ends in a moment
	}
}

// firstRun makes an ordinary decision at every hook. A module that fails at that is refused, unless it says so itself:
// what is ordinary to us may not be to it.
func (x *examiner) firstRun(context.Context) error {
	for s := range x.generator.plain() {
		got := x.compiled.ask(&s)
		if got.binding != nil {
			x.refuse(CodeManifestInvalid, s.name, "no parameters could be found that it allows: %v", got.binding)
			return nil
		}
		if got.code != "" && got.code != abi.CodeFailed && got.code != abi.CodeWrongKind {
			x.refuse(got.code, s.name, "%s", got.message)
		}
	}
	return nil
}

// runVectors asks every vector twice on compiler and interpreter.
func (x *examiner) runVectors(context.Context) error {
	for i := range x.vectors {
		v := &x.vectors[i]
		s := sample{name: vectorPlace(i, v.Name), hook: v.Hook, config: v.Config, facts: v.Facts}
		got := x.compiled.ask(&s)
		x.note(&s, got)
		if x.vectorHolds(v, &s, got) {
			x.found.Vectors.Passed++
		} else {
			x.found.Vectors.Failed++
		}
		x.compare(&s, got, x.compiled.ask(&s), "asked again")
		x.compare(&s, got, x.slow.ask(&s), "by the interpreter")
		x.compare(&s, got, x.slow.ask(&s), "by the interpreter, asked again")
		x.observed.ask(&s)
		x.found.Determinism.Repeated++
		x.found.Determinism.Engines++
	}
	return nil
}

// vectorHolds reports whether the decision is the one that the vector wants; if not, that is a reason.
func (x *examiner) vectorHolds(v *campaignfile.Vector, s *sample, got *outcome) bool {
	if got.binding != nil {
		x.refuse(CodeVectorFailed, s.name, "its config: %v", got.binding)
		return false
	}
	if differences := v.Compare(got.effects, got.err()); len(differences) > 0 {
		d := differences[0]
		code := CodeVectorFailed
		if got.code != "" {
			code = got.code
		}
		x.refuse(code, s.name, "%s: want %s, got %s", d.Path, orNothing(d.Want), orNothing(d.Got))
		return false
	}
	if failure, ok := errors.AsType[*core.MechanicError](core.JudgeEffects(s.hook, got.effects)); ok {
		x.refuse(failure.Code, s.name, "%s", failure.Message)
		return false
	}
	return true
}

// orNothing is one side of a difference.
func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// compare holds a decision against the first one on the same facts.
func (x *examiner) compare(s *sample, want, got *outcome, when string) {
	if want.same(got) {
		return
	}
	x.found.Determinism.Broken++
	x.refuse(CodeNotDeterministic, s.name, "%s it differs: %s, then %s", when, want.words(), got.words())
}

// runExtremes asks every fact at its extremes and the generated sets, then all of them again on the watched module: the
// generated ones in another order, the extremes in between.
func (x *examiner) runExtremes(context.Context) error {
	extremes := 0
	var firstExtremes []asked
	for s := range x.generator.extremes() {
		firstExtremes = append(firstExtremes, x.askFirst(&s))
		extremes++
	}
	for i := range x.request.Sets {
		s := x.generator.generated(i)
		x.first = append(x.first, x.askFirst(&s))
	}
	x.found.Adversarial.Extremes, x.found.Adversarial.Generated = extremes, x.request.Sets
	x.askAgain(firstExtremes)
	for i := range min(onInterpreter, x.request.Sets) {
		s := x.generator.generated(i)
		x.repeat(&s, x.first[i], x.slow, "by the interpreter")
		x.found.Determinism.Engines++
	}
	return nil
}

// askFirst asks, judges, and keeps what is needed to compare.
func (x *examiner) askFirst(s *sample) asked {
	got := x.compiled.ask(s)
	x.note(s, got)
	if got.code != "" {
		if x.found.Adversarial.Failures == nil {
			x.found.Adversarial.Failures = map[string]int{}
		}
		x.found.Adversarial.Failures[got.code]++
	}
	x.findings.judge(s, got)
	return got.asked()
}

func (x *examiner) askAgain(extremes []asked) {
	order := rand.New(rand.NewPCG(uint64(len(x.first)), uint64(len(extremes)))).Perm(len(x.first)) //nolint:gosec // it has to repeat
	next, stop := iter.Pull(x.generator.extremes())
	defer stop()
	for i := range max(len(order), len(extremes)) {
		if i < len(extremes) {
			s, _ := next()
			x.repeat(&s, extremes[i], x.observed, "asked again among others")
			x.found.Determinism.Repeated++
		}
		if i < len(order) {
			s := x.generator.generated(order[i])
			x.repeat(&s, x.first[order[i]], x.observed, "asked again in another order")
			x.found.Determinism.Repeated++
		}
	}
}

func (x *examiner) repeat(s *sample, want asked, e asker, when string) {
	got := e.ask(s)
	if got.asked() == want {
		return
	}
	x.found.Determinism.Broken++
	x.refuse(CodeNotDeterministic, s.name, "%s it differs: fuel %d and failure %q, then %s", when, want.fuel, want.code, got.words())
}

// note takes a decision into the figures.
func (x *examiner) note(s *sample, got *outcome) {
	if got.binding != nil {
		return
	}
	if got.code == "" {
		x.fuel = append(x.fuel, got.fuel)
	}
	for _, e := range got.effects {
		if !slices.Contains(x.found.EffectsUsed, e.Kind) {
			x.found.EffectsUsed = append(x.found.EffectsUsed, e.Kind)
		}
	}
	if got.code == abi.CodeUndeclaredFact {
		x.refuse(got.code, s.name, "%s", got.message)
	}
}

// sum fills in the figures that need everything.
func (x *examiner) sum() {
	x.found.Fuel = percentiles(x.fuel)
	if x.recorder == nil {
		return
	}
	x.found.FactsRead, x.found.MemoryBytes = x.recorder.facts(), x.recorder.memory
	slices.Sort(x.found.EffectsUsed)
	if len(x.found.Reasons) > 0 {
		return // it was not asked everything
	}
	x.found.Warnings = append(x.found.Warnings, x.findings.reasons()...)
	x.warnUnused(CodeFactUnused, "facts", "read", without(x.request.Manifest.Facts, x.found.FactsRead))
	x.warnUnused(CodeEffectUnused, "effects", "proposed", without(words(x.request.Manifest.Effects), words(x.found.EffectsUsed)))
}

// without returns the declared names that were not used.
func without(declared, used []string) []string {
	return slices.DeleteFunc(slices.Clone(declared), func(name string) bool { return slices.Contains(used, name) })
}

// warnUnused tells an author that less could be declared.
func (x *examiner) warnUnused(code, place, verb string, unused []string) {
	if len(unused) > 0 {
		x.found.Warnings = append(x.found.Warnings, reasonf(code, place, "declared, but never %s: %s", verb, strings.Join(unused, ", ")))
	}
}

// percentiles returns the median, the 99th of a hundred and the highest.
func percentiles(fuel []int64) Fuel {
	if len(fuel) == 0 {
		return Fuel{}
	}
	sorted := slices.Sorted(slices.Values(fuel))
	at := func(percent int) int64 { return sorted[(len(sorted)-1)*percent/100] }
	return Fuel{P50: at(50), P99: at(99), Max: sorted[len(sorted)-1]}
}
