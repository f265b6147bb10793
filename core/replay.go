package core

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Replay derives a recorded decision again, by the compiler of whoever replays it, and compares it with what the order
// pins, byte for byte. It needs nothing but the recording. Everything that is another is in the explanation's Differences:
// parts of the recording that are not as they were written, bytes that are not those of their digest, mechanics, effects,
// fuel, price. What cannot be decided again for that is recited. The error is of a context that ended, or a recording that
// pins no decision.
func Replay(ctx context.Context, r *Recording, compiler ArtefactCompiler) (*Explanation, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	pinned, err := r.pinned()
	if err != nil {
		return nil, Errorf(CodeInvalid, "%v", err)
	}
	out := &Explanation{
		Campaign: r.Campaign, Currency: r.Currency, Order: r.Order, Hook: HookQuote, Ruleset: pinned.Ruleset,
		Engine: pinned.Engine, At: pinned.Facts.Now, Facts: pinned.Facts.appendJSON(nil), Bindings: []ExplainedBinding{},
		Differences: r.altered(pinned),
	}
	pin := kept{HookQuote, []byte(r.Quote), r.Total, r.Lines}
	ruleset, problems := r.compile(ctx, pinned, compiler)
	if err := ctx.Err(); err != nil {
		return nil, storeError(err)
	}
	if len(problems) > 0 {
		pinned.recite(pin, out)
		out.Differences = append(out.Differences, problems...)
		return out, nil
	}
	before := out.Differences
	out.Differences = nil
	pinned.derive(ruleset, pin, out)
	if was, is := linesJSON(r.Lines), linesJSON(out.Lines); out.Refusal == nil && was != is {
		out.Differences = append(out.Differences, "lines: recorded "+was+", now "+is)
	}
	out.Differences = append(before, out.Differences...)
	out.Reproduced = out.Reproduced && len(out.Differences) == 0
	return out, nil
}

func linesJSON(lines []Line) string {
	text, _ := json.Marshal(lines) // plain data always encodes
	return string(text)
}

// altered returns which parts of the recording are not as they were written, or do not belong together.
func (r *Recording) altered(pinned *pinnedQuote) []string {
	var found []string
	sums := r.sums()
	for _, part := range slices.Sorted(maps.Keys(sums)) {
		if r.Sums[part] != sums[part] {
			found = append(found, part+": it is not as it was recorded, its sum is another")
		}
	}
	for _, part := range slices.Sorted(maps.Keys(r.Sums)) {
		if _, there := sums[part]; !there {
			found = append(found, part+": it was recorded and is missing")
		}
	}
	if id := pinned.Facts.Campaign.ID; id != r.Campaign {
		found = append(found, fmt.Sprintf("campaign: the facts are of %q, the order is of %q", id, r.Campaign))
	}
	if currency := pinned.Facts.Campaign.Currency; currency != r.Currency {
		found = append(found, fmt.Sprintf("currency: the facts have %q, the order %q", currency, r.Currency))
	}
	if pinned.Engine != EngineVersion && pinned.Engine != engineTies {
		found = append(found, fmt.Sprintf("engine: it was decided by version %q, which this binary does not know", pinned.Engine))
	}
	return found
}

// compile returns the ruleset as it was in the decision: with what its bindings fell back to, and without what was not asked;
// or what keeps it from being compiled.
func (r *Recording) compile(ctx context.Context, pinned *pinnedQuote, compiler ArtefactCompiler) (*compiled, []string) {
	if pinned.Ruleset == 0 {
		return noRuleset(), nil
	}
	c := &recordedCompiler{recording: r, pinned: pinned, compiler: compiler}
	ruleset := c.compile(ctx, pinned.Ruleset, func(int) bool { return true })
	if number := pinned.fellBackTo(); number != 0 && ruleset != nil {
		fell := func(i int) bool { return i < len(pinned.Bindings) && pinned.Bindings[i].LastGood }
		if previous := c.compile(ctx, number, fell); previous != nil {
			ruleset = ruleset.withFallbacks(previous)
		}
	}
	return ruleset, c.problems
}

// recordedCompiler compiles the rulesets of a recording.
type recordedCompiler struct {
	recording *Recording
	pinned    *pinnedQuote
	compiler  ArtefactCompiler
	problems  []string
}

// compile compiles the ruleset of the number; nil if the recording has none. Bindings that are not wanted have a mechanic
// that nobody asks.
func (c *recordedCompiler) compile(ctx context.Context, number int64, wanted func(int) bool) *compiled {
	stored := c.recording.ruleset(number)
	if stored == nil {
		c.problems = append(c.problems, fmt.Sprintf("ruleset %d decided, and is not in the recording", number))
		return nil
	}
	out := &compiled{ruleset: *stored, groups: groupBindings(stored.Bindings, stored.Stacking)}
	for i, binding := range stored.Bindings {
		b := &bound{policy: binding.OnFailure, mechanic: c.unasked(i, number)}
		if b.policy == "" {
			b.policy = FailDeny
		}
		if b.mechanic == nil && !wanted(i) {
			b.mechanic = &silent{Manifest{Hooks: []Hook{}}, nil, Usage{}}
		}
		if b.mechanic == nil {
			b.mechanic = c.mechanic(ctx, stored, i)
		}
		out.bindings = append(out.bindings, b)
	}
	return out
}

// mechanic compiles a binding by the bytes of its digest; nil with a problem.
func (c *recordedCompiler) mechanic(ctx context.Context, stored *Ruleset, i int) Mechanic {
	binding, digest := stored.Bindings[i], stored.Digests[i]
	binding.Brand, binding.Campaign = c.pinned.Facts.Campaign.Brand, c.pinned.Facts.Campaign.ID
	at := fmt.Sprintf("ruleset %d, binding %d: ", stored.Number, i)
	var mechanic Mechanic
	var err error
	if artefact := c.recording.artefact(digest); len(binding.Rule) > 0 {
		mechanic, err = c.compiler.Compile(ctx, binding)
	} else if artefact == nil {
		err = fmt.Errorf("the recording does not have the artefact %s", digest)
	} else {
		mechanic, err = c.compiler.CompileArtefact(ctx, binding, &Artefact{artefact.Digest, artefact.Kind, artefact.Bytes})
	}
	if err == nil && mechanic.Manifest().Digest != digest {
		err = fmt.Errorf("its digest is %s, the recorded bytes are those of %s", digest, mechanic.Manifest().Digest)
	}
	if err != nil {
		c.problems = append(c.problems, at+strings.ReplaceAll(err.Error(), "\n", "; "))
		return nil
	}
	return mechanic
}

// unasked stands for a mechanic that was not asked when the decision was made, because its breaker was open or nobody could
// load it: that depends on the node, not on the facts, so the decision says it. nil for every other binding.
func (c *recordedCompiler) unasked(i int, number int64) Mechanic {
	if number != c.pinned.Ruleset || i >= len(c.pinned.Bindings) {
		return nil
	}
	step := &c.pinned.Bindings[i]
	var failure error
	code, message, _ := strings.Cut(step.Failure, ": ")
	switch code {
	case breakerOpen:
		failure = errBreakerOpen(step.Failure)
	case notLoaded:
		failure = &MechanicError{Code: code, Message: message}
	default:
		return nil
	}
	return &silent{Manifest{Name: step.Mechanic, Digest: step.Digest, Hooks: Hooks()}, failure, Usage{Fuel: step.Fuel}}
}

// notLoaded is the code with which a plugin fails that could not be asked.
const notLoaded = "unavailable"

// errBreakerOpen is a failure by its text alone.
type errBreakerOpen string

// Error implements error.
func (e errBreakerOpen) Error() string { return string(e) }

// silent is a mechanic that says nothing but why.
type silent struct {
	manifest Manifest
	failure  error
	usage    Usage
}

// Manifest implements [Mechanic].
func (s *silent) Manifest() *Manifest { return &s.manifest }

// Decide implements [Mechanic].
func (s *silent) Decide(_ Hook, _ *Facts, effects []Effect) ([]Effect, Usage, error) {
	return effects, s.usage, s.failure
}
