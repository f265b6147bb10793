package core

import (
	"strings"
	"testing"
	"time"
)

func TestAGuardGoesBackOnceAndThenStops(t *testing.T) {
	v := &judgement{guard: GuardErrorRate, ruleset: 2, value: 300, limit: 200, of: 60, seconds: 10}
	record := &CampaignRecord{Definition: &Campaign{Currency: "CNY"}, Rollout: Rollout{
		Number: 8, Live: 2, LastGood: 1, Canary: &Canary{Ruleset: 3}, Undo: 7, Breakers: Breakers{{Ruleset: 1}, {Ruleset: 2}},
	}}
	back := record.wentBack(v, 1, false)
	if r := back.rollout; r.Live != 1 || r.LastGood != 0 || r.Canary != nil || r.Stop != StopNothing || back.undo != 8 || !back.fenced ||
		back.guard != GuardErrorRate || back.action != ActionGuard || r.Breakers.open(1, 0) || !r.Breakers.open(2, 0) {
		t.Errorf("%+v", back)
	}
	if !strings.HasSuffix(back.reason, "above the limit of 2.00 %: ruleset 1 decides again instead of ruleset 2") {
		t.Error(back.reason)
	}
	if record.Rollout.Live != 2 || len(record.Rollout.Breakers) != 2 {
		t.Errorf("the record that was judged has changed: %+v", record.Rollout)
	}
	for _, tc := range []struct {
		name  string
		stop  Stop
		gates bool
		want  Stop
	}{
		{"nobody is kept from buying", StopNothing, false, StopMechanics},
		{"mechanics say who may buy", StopNothing, true, StopCampaign},
		{"nobody could sign up any more", StopReservations, false, StopCampaign},
	} {
		record.Rollout.Stop = tc.stop
		if plan := record.wentBack(v, 0, tc.gates); plan.rollout.Stop != tc.want || plan.rollout.Live != 2 {
			t.Errorf("%s: %+v", tc.name, plan.rollout)
		}
	}
	if plan := record.aborted(v); plan.rollout.Canary != nil || plan.rollout.Live != 2 || plan.undo != 8 {
		t.Errorf("aborted: %+v", plan)
	}
}

func TestACampaignIsIdleAMinuteAfterItsLastDecision(t *testing.T) {
	var g guarding
	at := time.Unix(1_000_000, 0)
	if !g.idle(at) {
		t.Error("nothing was ever decided")
	}
	g.note(&observed{began: at})
	g.note(&observed{began: at, quoted: &quoted{}})
	if !g.idle(at) {
		t.Error("a request that no ruleset decided counts")
	}
	g.note(&observed{began: at, quoted: &quoted{decision: &decision{}}})
	if g.idle(at.Add(guardIdle)) || !g.idle(at.Add(guardIdle+time.Second)) {
		t.Error("it is idle too early, or too late")
	}
}
