package core_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

func TestANodeTriesEverLessOftenToLoadWhatItCannot(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		h.compiler.breakWith(&core.NotLoadable{Plugin: h.plugins.is(module, core.PluginApproved), Err: errors.New("damaged")})
		h.restart()
		h.refuses("ann")
		before, asked := h.record(), h.compiler.count()
		for range 100 { // requests and polls, no time
			h.refuses("ann")
			must(t, h.Follow(t.Context()))
		}
		if n := h.compiler.count() - asked; n != 0 {
			t.Errorf("%d tries within the pause", n)
		}
		var gaps []int
		for second := range 200 {
			asked = h.compiler.count()
			h.later(time.Second)
			if h.compiler.count() > asked {
				gaps = append(gaps, second)
			}
		}
		if got := fmt.Sprint(gaps); got != "[0 2 6 14 30 62 122 182]" {
			t.Errorf("tried in the seconds %s", got)
		}
		if n := strings.Count(h.log.String(), "runs without one of its plugins"); n != 1 {
			t.Errorf("logged %d times\n%s", n, h.log)
		}
		h.compiler.breakWith(nil)
		h.later(time.Minute)
		h.sellsAt("ann", 99_950)
		if after := h.record(); after.Epoch != before.Epoch {
			t.Errorf("what one node cannot load has fenced the campaign: epoch %d, was %d", after.Epoch, before.Epoch)
		}
	})
}

func TestANodeFencesWhatARevocationThatWasCutShortLeft(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		h.sellsAt("ann", 99_950)
		short := h.plugins.with(func(*core.PluginOptions) {}) // it knows no campaigns, as if it had died before them
		must(t, short.decide(core.PluginRevoke, module))
		before := h.record()
		h.later(time.Second)
		h.refuses("bob")
		if after := h.record(); after.Epoch != before.Epoch+1 || after.Revision != before.Revision+1 {
			t.Errorf("from %+v to %+v", before, after)
		}
		h.later(time.Hour / 2)
		if again := h.record(); again.Epoch != before.Epoch+1 {
			t.Errorf("fenced again: epoch %d, was %d", again.Epoch, before.Epoch)
		}
	})
}

// TestANodeNoticesByItselfThatApprovalsHoldNoMore has nobody sweep: the nodes that do may be down, or ask for less.
func TestANodeNoticesByItselfThatApprovalsHoldNoMore(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		for _, who := range []string{"ann", "bob"} {
			_, err := h.plugins.approve(module, platform(who, ""), func(d *core.PluginDecision) {
				d.ExpiresAt = h.clock.now().Add(time.Minute).UnixMilli()
			})
			must(t, err)
		}
		must(t, h.Follow(t.Context()))
		h.sellsAt("ann", 99_950)
		before := h.record()
		h.later(time.Minute)
		h.refuses("bob")
		after := h.record()
		if after.Epoch != before.Epoch+1 {
			t.Errorf("from %+v to %+v", before, after)
		}
		h.later(time.Hour / 4)
		if again := h.record(); again.Epoch != after.Epoch {
			t.Errorf("fenced again: epoch %d, was %d", again.Epoch, after.Epoch)
		}
		rows, err := logOf(t, s).StaffLogRows(t.Context(), core.LogFilter{Action: "campaign.fence", Latest: true, Limit: 1})
		must(t, err)
		if len(rows) != 1 || rows[0].Actor != "system" || !strings.Contains(rows[0].Reason, " is withheld") {
			t.Errorf("the staff log has %+v", rows)
		}
	})
}

func TestAPluginThatANodeHasLoadedDecidesAlthoughItCouldNotBeLoadedAgain(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailDeny)
		before := h.record()
		h.compiler.breakWith(&core.NotLoadable{Plugin: h.plugins.is(module, core.PluginApproved), Err: errors.New("damaged")})
		h.later(time.Second)
		h.sellsAt("ann", 99_950)
		if after := h.record(); after.Epoch != before.Epoch {
			t.Errorf("what one node cannot load has fenced the campaign: epoch %d, was %d", after.Epoch, before.Epoch)
		}
	})
}

func TestAStoreThatDoesNotAnswerSwitchesNothingOff(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		h := newHalved(t, s, core.FailSkip)
		h.compiler.breakWith(&core.Error{Code: core.CodeUnavailable, Message: "the store does not answer", Err: core.ErrUnavailable})
		h.later(time.Second)
		h.sellsAt("ann", 99_950)
		h.restart()
		asked := h.compiler.count()
		for range 50 {
			_, err := h.Campaign(t.Context(), "phone")
			wantCode(t, err, core.CodeUnavailable)
			must(t, h.Follow(t.Context()))
		}
		if n := h.compiler.count() - asked; n != 0 {
			t.Errorf("compiled %d times within the pause", n)
		}
		if n := strings.Count(h.log.String(), "cannot be served by this node"); n != 1 {
			t.Errorf("logged %d times\n%s", n, h.log)
		}
		h.compiler.breakWith(nil)
		h.later(time.Second)
		h.sellsAt("bob", 99_950)
	})
}
