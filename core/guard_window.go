package core

import (
	"encoding/json"
	"fmt"
)

// windowOf is what the nodes wrote down.
func windowOf(samples []Sample) (*Window, error) {
	w := &Window{}
	for _, sample := range samples {
		second := &WindowSecond{Second: sample.Second}
		if err := json.Unmarshal(sample.Content, &second.SampleContent); err != nil {
			return nil, fmt.Errorf("sample of second %d of node %s: %w", sample.Second, sample.Node, err)
		}
		w.Seconds = append(w.Seconds, second)
	}
	return w, nil
}

// latest adds up what an arm decided, under rollouts of that number and later and not before the second from, in the last
// 10 s, or in as many more as it takes for so many decisions, but never more than 60.
func (w *Window) latest(from, rollout int64, canary bool, decisions int64) (sum *ArmSample, seconds int64) {
	for seconds = guardSeconds; ; seconds = min(2*seconds, guardMinute) {
		sum = w.lately(seconds, from, rollout, canary)
		if sum.Decided >= decisions || seconds == guardMinute {
			return sum, seconds
		}
	}
}

// lately is what an arm decided in so many seconds up to now.
func (w *Window) lately(seconds, from, rollout int64, canary bool) *ArmSample {
	return w.arm(max(from, w.second()-seconds+1), rollout, canary)
}

// second is the one in which the window was put together.
func (w *Window) second() int64 { return w.At / 1000 }

// takings adds up what the ruleset brought in as the live one, under rollouts below that number, in the seconds from ≤
// second ≤ until.
func (w *Window) takings(ruleset, below, from, until int64) takings {
	var sum takings
	for _, second := range w.Seconds {
		if second.Second < from || second.Second > until {
			continue
		}
		for _, arm := range second.Arms {
			if arm.Ruleset == ruleset && !arm.Canary && arm.Rollout < below {
				sum.orders += arm.Orders
				sum.total += arm.Total
			}
		}
	}
	return sum
}

// bindingOf adds up how often a binding's mechanic was asked and failed within 10 s, in either arm, under rollouts of that
// number and later.
func (w *Window) bindingOf(ruleset int64, binding int, rollout int64) (asked, failed int64) {
	for _, second := range w.Seconds {
		if second.Second <= w.second()-guardSeconds {
			continue
		}
		for _, arm := range second.Arms {
			if arm.Ruleset == ruleset && arm.Rollout >= rollout && binding < len(arm.Bindings) {
				asked += arm.Bindings[binding].Asked
				failed += arm.Bindings[binding].Failed
			}
		}
	}
	return asked, failed
}
