package core

import (
	"encoding/json"
	"testing"
)

// windowFrom puts an arm into each of the seconds.
func windowFrom(at int64, seconds map[int64]*ArmSample) *Window {
	w := &Window{At: at * 1000}
	for second := at - guardMinute; second <= at; second++ {
		if arm := seconds[second]; arm != nil {
			w.Seconds = append(w.Seconds, &WindowSecond{Second: second, SampleContent: SampleContent{Arms: []*ArmSample{arm}}})
		}
	}
	return w
}

func TestGuardsLookBackTenSecondsOrAsFarAsTheyHaveTo(t *testing.T) {
	const now = 1_000_000
	seconds := map[int64]*ArmSample{}
	for s := int64(now - 70); s <= now; s++ {
		seconds[s] = armThat(1)
	}
	w := windowFrom(now, seconds)
	for _, tc := range []struct {
		least, from       int64
		decided, lookback int64
	}{
		{1, 0, 10, 10}, {10, 0, 10, 10}, {11, 0, 20, 20}, {30, 0, 40, 40}, {41, 0, 60, 60}, {1000, 0, 60, 60},
		{1, now - 4, 5, 10}, {20, now - 4, 5, 60},
	} {
		sum, looked := w.latest(tc.from, 1, false, tc.least)
		if sum.Decided != tc.decided || looked != tc.lookback {
			t.Errorf("for %d decisions since %d: %d in %d s, want %d in %d s", tc.least, tc.from, sum.Decided, looked, tc.decided, tc.lookback)
		}
	}
	if sum := w.lately(guardMinute, 0, 2, false); sum.Decided != 0 {
		t.Errorf("an earlier rollout counts: %d", sum.Decided)
	}
	if sum := w.lately(guardMinute, 0, 1, true); sum.Decided != 0 {
		t.Errorf("the other arm counts: %d", sum.Decided)
	}
}

func TestWhatIsComparedWithIsTheRulesetBeforeInTheMinuteBefore(t *testing.T) {
	w := &Window{}
	add := func(second int64, arm ArmSample) {
		w.Seconds = append(w.Seconds, &WindowSecond{Second: second, SampleContent: SampleContent{Arms: []*ArmSample{&arm}}})
	}
	add(99, ArmSample{Rollout: 4, Ruleset: 7, Orders: 1, Total: 1})                // too long ago
	add(100, ArmSample{Rollout: 4, Ruleset: 7, Orders: 10, Total: 100})            // counts
	add(130, ArmSample{Rollout: 4, Ruleset: 8, Canary: true, Orders: 1, Total: 1}) // a canary
	add(150, ArmSample{Rollout: 5, Ruleset: 7, Orders: 10, Total: 300})            // counts
	add(160, ArmSample{Rollout: 6, Ruleset: 7, Orders: 1, Total: 1})               // later
	add(161, ArmSample{Rollout: 5, Ruleset: 7, Orders: 1, Total: 1})               // too late
	if got := w.takings(7, 6, 100, 160); got != (takings{20, 400}) {
		t.Errorf("%+v", got)
	}
}

func TestWhatNodesWroteDownIsRead(t *testing.T) {
	content, err := json.Marshal(&SampleContent{Arms: []*ArmSample{{Rollout: 1, Ruleset: 2, Orders: 3, Total: 4}}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := windowOf([]Sample{{Second: 5, Node: "a", Content: content}, {Second: 5, Node: "b", Content: content}})
	if err != nil || w.takings(2, 9, 0, 9) != (takings{6, 8}) {
		t.Errorf("%+v, %v", w, err)
	}
	if _, err := windowOf([]Sample{{Second: 5, Node: "a", Content: []byte(`[`)}}); err == nil {
		t.Error("a sample that is none is read")
	}
}

// row is one of a campaign's history.
func row(revision, at int64, r Rollout) RolloutEntry {
	return RolloutEntry{Revision: revision, At: at, Rollout: r}
}

func TestAReignBeginsWithTheLastChangeOfWhatDecides(t *testing.T) {
	first := row(1, 1000, Rollout{Number: 1, Live: 1, Action: ActionApply})
	for _, tc := range []struct {
		name   string
		rows   []RolloutEntry // the newest first
		want   reign
		enough bool
	}{
		{"the first ruleset", []RolloutEntry{first}, reign{rollout: 1, at: 1000, from: 1}, false},
		{
			"a ruleset that became live",
			[]RolloutEntry{row(2, 5999, Rollout{Number: 2, Live: 2, Action: ActionLive}), first},
			reign{rollout: 2, at: 5999, from: 5, before: 1},
			true,
		},
		{
			"a canary, a breaker and a shadow since",
			[]RolloutEntry{
				row(5, 9000, Rollout{Number: 5, Live: 2, Action: ActionShadow}), row(4, 8000, Rollout{Number: 4, Live: 2, Action: ActionBreaker}),
				row(3, 7000, Rollout{Number: 3, Live: 2, Action: ActionCanary}), row(2, 6000, Rollout{Number: 2, Live: 2, Action: ActionLive}), first,
			},
			reign{rollout: 2, at: 6000, from: 6, before: 1},
			true,
		},
		{
			"a guard went back: it is not compared",
			[]RolloutEntry{row(3, 7000, Rollout{Number: 3, Live: 1, Action: ActionGuard}), row(2, 6000, Rollout{Number: 2, Live: 2, Action: ActionLive}), first},
			reign{rollout: 3, at: 7000, from: 7},
			true,
		},
		{
			"somebody went back: it is not compared",
			[]RolloutEntry{row(3, 7000, Rollout{Number: 3, Live: 1, Action: ActionUndo}), row(2, 6000, Rollout{Number: 2, Live: 2, Action: ActionLive}), first},
			reign{rollout: 3, at: 7000, from: 7},
			true,
		},
		{
			"mechanics were off",
			[]RolloutEntry{
				row(3, 7000, Rollout{Number: 3, Live: 1, Action: ActionStop}), row(2, 6000, Rollout{Number: 2, Live: 1, Stop: StopMechanics, Action: ActionStop}), first,
			},
			reign{rollout: 3, at: 7000, from: 7},
			true,
		},
		{
			"only reservations were stopped",
			[]RolloutEntry{
				row(3, 7000, Rollout{Number: 3, Live: 1, Action: ActionStop}), row(2, 6000, Rollout{Number: 2, Live: 1, Stop: StopReservations, Action: ActionStop}), first,
			},
			reign{rollout: 1, at: 1000, from: 1},
			false,
		},
		{
			"the campaign file changed without its ruleset",
			[]RolloutEntry{row(2, 6999, Rollout{Number: 1, Live: 1, Action: ActionApply}), first},
			reign{rollout: 1, at: 6999, from: 7},
			true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, enough := reignOf(tc.rows)
			if got != tc.want || enough != tc.enough {
				t.Errorf("got %+v, %v; want %+v, %v", got, enough, tc.want, tc.enough)
			}
		})
	}
}
