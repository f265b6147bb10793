package core_test

import (
	"fmt"
	"runtime"
	"testing"

	"hotdrop/core"
)

func TestAShadowThatANodeStillCompilesHoldsUpNoSwapThere(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(3), 2)
		slow := newWorkshop(3)
		c := f.join("c", slow, shared(s))
		f.add("v2")
		f.ready(2)
		gate := slow.gate("v3")
		defer close(gate)
		f.add("v3")
		_, err := f.change(f.nodes[0], core.Change{Mode: core.ModeShadow, Ruleset: 3}, 0)
		must(t, err)
		swapped, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2}, 0)
		must(t, err)
		f.follow(swapped.Revision)
		f.pays(c, "ann", 1002)
	})
}

// TestAShadowThatIsCompiledLateDecidesByTheFactsThatItReads: what was decided before its facts were loaded is dropped.
func TestAShadowThatIsCompiledLateDecidesByTheFactsThatItReads(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w, slow := newWorkshop(1), newWorkshop(1)
		for _, one := range []*workshop{w, slow} {
			one.known["by_tags"] = byTags
		}
		f := newFleet(t, s, w, 0)
		f.join("a", readers{w}, shared(s))
		c := f.join("c", readers{slow}, shared(s))
		gate := slow.gate("by_tags")
		f.add("by_tags")
		swapped, err := f.change(f.nodes[0], core.Change{Mode: core.ModeShadow, Ruleset: 2}, 0)
		must(t, err)
		f.follow(swapped.Revision)
		order := func(i int) {
			shopper := fmt.Sprintf("s%05d", i)
			f.note(shopper)
			f.pays(c, shopper, 1001)
		}
		order(0)
		close(gate)
		for i := 1; ; i++ {
			order(i)
			report, err := c.ShadowReport(t.Context(), "phone", operator)
			must(t, err)
			if report.Decisions == 0 {
				runtime.Gosched()
				continue
			}
			if report.Candidate.Money != 50*report.Decisions || report.Live.Money != 1001*report.Decisions {
				t.Errorf("it decided without the tags: %+v", report)
			}
			return
		}
	})
}

func TestAShadowStopsDecidingWithARevokedPlugin(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailSkip)
		_, err := h.apply(h.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "list"}} }))
		must(t, err)
		h.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: 1})
		h.sellsAt("ann", 199_900)
		if r := h.shadowOf(h.Engine, 1); r.Decisions != 1 || r.Candidate.Money != 99_950 || r.Candidate.Errors != 0 {
			t.Errorf("with the plugin %+v", r)
		}
		must(t, h.plugins.decide(core.PluginRevoke, module))
		h.sellsAt("bob", 199_900)
		if r := h.shadowOf(h.Engine, 2); r.Decisions != 2 || r.Candidate.Money != 99_950+199_900 || r.Candidate.Errors != 1 {
			t.Errorf("after its revocation %+v", r)
		}
	})
}
