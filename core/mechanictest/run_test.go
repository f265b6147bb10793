package mechanictest

import (
	"errors"
	"fmt"
	"go/build"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

// recorder is a test that remembers what it was told, so that the kit itself can be seen to fail.
type recorder struct {
	name   string
	told   *[]string
	finish *[]func()
}

func newRecorder() *recorder { return &recorder{told: &[]string{}, finish: &[]func(){}} }

func (r *recorder) Helper()           {}
func (r *recorder) Cleanup(f func())  { *r.finish = append(*r.finish, f) }
func (r *recorder) Error(args ...any) { *r.told = append(*r.told, r.name+": "+fmt.Sprint(args...)) }
func (r *recorder) Fatalf(format string, args ...any) {
	r.Error(fmt.Sprintf(format, args...))
	panic(r)
}

func (r *recorder) Run(name string, f func(*recorder)) bool {
	inner, before := &recorder{name: name, told: r.told, finish: r.finish}, len(*r.told)
	func() {
		defer func() {
			if stopped := recover(); stopped != nil && stopped != any(inner) {
				panic(stopped)
			}
		}()
		f(inner)
	}()
	return len(*r.told) == before
}

func (r *recorder) end() []string {
	for _, f := range *r.finish {
		f()
	}
	return *r.told
}

var _ TestingT[*recorder] = (*recorder)(nil)

func TestAMechanicThatFailsAVectorFailsThatSubtest(t *testing.T) {
	r := newRecorder()
	Run(r, func(config core.Object) (core.Mechanic, error) {
		m := compile(config)
		m.amount *= 2
		return m, nil
	}, parsed(t))
	want := []string{
		"a Xiaomi takes 500 yuan off: effects[0] differs:\n- want discount: {amount: 50000, label: Trade-in}\n" +
			"+ got  discount: {amount: 100000, label: Trade-in}\n",
		"keeps nothing between decisions: a Xiaomi takes 500 yuan off: asked in another order, effects[0] differs:\n" +
			"- want discount: {amount: 50000, label: Trade-in}\n+ got  discount: {amount: 100000, label: Trade-in}\n",
	}
	if got := r.end(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The first vector is over after 40 decisions, so only the round at the end sees what changed after 70.
func TestAMechanicThatRemembersFailsInAnotherOrder(t *testing.T) {
	r, rounds := newRecorder(), int64(0)
	Run(r, func(config core.Object) (core.Mechanic, error) {
		m := compile(config)
		m.fault = func(call int64, _ core.Hook, _ *core.Facts, _ []core.Effect, a *decided) {
			if rounds = max(rounds, call); call > 70 && len(a.effects) > 2 {
				a.effects = a.effects[:2]
			}
		}
		return m, nil
	}, parsed(t))
	got := r.end()
	if len(got) != 1 || !strings.HasPrefix(got[0], "keeps nothing between decisions: a Xiaomi") {
		t.Errorf("after %d calls: %q", rounds, got)
	}
}

func TestAMechanicThatDoesNotCompileOrCloseIsToldOfOncePerVector(t *testing.T) {
	r := newRecorder()
	Run(r, func(core.Object) (core.Mechanic, error) { return nil, errors.New("broken") }, parsed(t))
	got := r.end()
	if len(got) != 5 || !strings.Contains(got[0], `compile with config {"amount":50000,"brand":"Xiaomi"}: broken`) {
		t.Errorf("%q", got)
	}
	r = newRecorder()
	Run(r, func(config core.Object) (core.Mechanic, error) { return leaky{compile(config)}, nil }, parsed(t))
	if got := r.end(); len(got) != 2 || got[0] != ": close: stuck" {
		t.Errorf("%q", got)
	}
}

// leaky is a mechanic that cannot be closed.
type leaky struct{ *tradeIn }

func (leaky) Close() error { return errors.New("stuck") }

func TestAVerdictSaysWhatTheDecisionCost(t *testing.T) {
	vector := &parsed(t).Vectors[0]
	if verdict := Check(compile(vector.Config), vector); !verdict.Passed() || verdict.Usage.Fuel != 7 {
		t.Errorf("%+v", verdict)
	}
	failing := &campaignfile.Vector{Hook: core.HookQuote, Facts: vector.Facts, Error: "trap"}
	verdict := Check(compile(vector.Config), failing)
	if verdict.Passed() || len(verdict.Differences) != 1 || len(verdict.Complaints) != 0 || verdict.Differences[0].Path != "error" {
		t.Errorf("%+v", verdict)
	}
}

// TestTheKitBringsNoTestingFramework: commands check mechanics with it too.
func TestTheKitBringsNoTestingFramework(t *testing.T) {
	kit, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(kit.Imports, "testing") || len(kit.Imports) == 0 {
		t.Errorf("imports %v", kit.Imports)
	}
}
