package core_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// ends is when the node says that the first approval ends that its campaign decides with, after the opening; 0 for never.
func (h *halved) ends() time.Duration {
	h.t.Helper()
	counted := h.Counted()
	if len(counted) != 1 {
		h.t.Fatalf("%d campaigns", len(counted))
	}
	if counted[0].ApprovalEnds == 0 {
		return 0
	}
	return time.UnixMilli(counted[0].ApprovalEnds).Sub(opening)
}

// warned is how often this node has said that an approval ends soon.
func (h *halved) warned() int { return strings.Count(h.log.String(), "ends soon") }

// closing is the campaign as it closes so long after its opening.
func (h *halved) closing(after time.Duration) {
	h.t.Helper()
	_, err := h.apply(h.with(func(c *core.Campaign) { c.Phases.Closed = opening.Add(after) }))
	must(h.t, err)
	h.later(0)
}

func TestANodeSaysADayAndAnHourBeforeThatAnApprovalItDecidesWithEnds(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailSkip)
		h.closing(200 * day)
		for _, step := range []struct {
			to   time.Duration // after the opening
			want int           // warnings
		}{
			{0, 0}, {89*day - time.Minute, 0}, {89 * day, 1}, {89*day + time.Hour, 1}, {90*day - time.Hour - time.Minute, 1}, {90*day - time.Hour, 2},
			{90*day - time.Minute, 2},
		} {
			h.later(opening.Add(step.to).Sub(h.clock.now()))
			h.later(0)
			if h.warned() != step.want || h.ends() != 90*day {
				t.Fatalf("after %s: warned %d times, want %d; it ends after %s\n%s", step.to, h.warned(), step.want, h.ends(), h.log)
			}
		}
		for _, want := range []string{
			"level=WARN", "campaign=phone", "ruleset=1", "binding=0", "plugin=" + digestOf(module), "on_failure=skip",
			"ends=" + opening.Add(90*day).UTC().Format(time.RFC3339),
			fmt.Sprintf("renew=%q", "hotdrop review approve "+digestOf(module)+" --brand meizu --expires 90d --reason WHY"),
		} {
			if strings.Count(h.log.String(), want) != 2 {
				t.Errorf("the log does not have %s twice:\n%s", want, h.log)
			}
		}
		h.restart() // another node says it too: the last that is due, once
		h.later(0)
		h.later(time.Second)
		if h.warned() != 1 {
			t.Errorf("warned %d times\n%s", h.warned(), h.log)
		}
	})
}

func TestAnApprovalThatIsRenewedIsWarnedOfAnewAtItsNextEnd(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		h.closing(300 * day)
		h.later(90*day - time.Hour)
		_, err := h.plugins.approve(module, approver, func(d *core.PluginDecision) { d.ExpiresAt = h.clock.now().Add(90 * day).UnixMilli() })
		must(t, err)
		_, err = h.plugins.approve(module, second, nil) // without an end of its own, as the warning says
		must(t, err)
		h.later(time.Minute)
		if next := 180*day - time.Hour; h.ends() != next || h.warned() != 1 {
			t.Errorf("it ends after %s, warned %d times", h.ends(), h.warned())
		}
		h.later(89 * day)
		if h.warned() != 2 {
			t.Errorf("warned %d times\n%s", h.warned(), h.log)
		}
	})
}

func TestNobodyIsWarnedOfApprovalsThatNoCampaignDecidesWith(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailSkip) // it closes after an hour
		h.later(30 * time.Minute)
		if h.ends() != 90*day {
			t.Errorf("it ends after %s", h.ends())
		}
		h.later(90*day - time.Hour)
		if h.ends() != 0 || h.warned() != 0 {
			t.Errorf("closed: it ends after %s\n%s", h.ends(), h.log)
		}
	})
}

func TestAnApprovalOfWhatNoRulesetBindsAnyMoreEndsUnsaid(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailSkip)
		h.closing(200 * day)
		if h.ends() != 90*day {
			t.Errorf("it ends after %s", h.ends())
		}
		_, err := h.apply(h.with(func(c *core.Campaign) {
			c.Ruleset, c.Phases.Closed = []core.Binding{{Mechanic: "list"}}, opening.Add(200*day)
		}))
		must(t, err)
		h.later(90*day - time.Minute)
		if h.ends() != 0 || h.warned() != 0 {
			t.Errorf("it ends after %s\n%s", h.ends(), h.log)
		}
	})
}

func TestAWithdrawnApprovalEndsNoMore(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailSkip)
		h.later(time.Second)
		must(t, h.plugins.decide(core.PluginRevoke, module))
		h.later(time.Minute)
		h.later(0)
		if h.ends() != 0 || h.warned() != 0 {
			t.Errorf("it ends after %s\n%s", h.ends(), h.log)
		}
	})
}
