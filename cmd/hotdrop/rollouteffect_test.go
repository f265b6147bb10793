package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotdrop/api"
	"hotdrop/core"
)

// swapTime is an instant in the zone of whoever runs the tests, as the commands print it.
var swapTime = time.Date(2026, 11, 22, 12, 0, 3, 214e6, time.Local) //nolint:gosmopolitan // it is read in the zone it was made in

func followedAt(node string, at time.Time) api.NodeFollowed {
	return api.NodeFollowed{Node: node, FollowedAt: &at, Revision: 12}
}

func TestAnEffectSaysWhatDecidesWhereAndSinceWhen(t *testing.T) {
	three := []api.NodeFollowed{followedAt("a", swapTime.Add(-time.Second)), followedAt("b", swapTime), followedAt("c", swapTime.Add(-time.Minute))}
	canary := &api.Canary{Ruleset: 8, Percent: 5}
	const everywhere, report = " on 3 of 3 nodes since 12:00:03.214", "\nnext: hotdrop rollout report phone"
	later := &api.PendingChange{Mode: "live", Ruleset: 8, At: &swapTime}
	for _, c := range []struct {
		name    string
		state   api.Rollout
		nodes   []api.NodeFollowed
		want    string
		follows bool
	}{
		{"live", api.Rollout{Live: 7, Action: core.ActionLive}, three, "v7 decides" + everywhere, true},
		{"one node", api.Rollout{Live: 7, Action: core.ActionLive}, three[1:2], "v7 decides on 1 of 1 node since 12:00:03.214", true},
		{"a canary by percent", api.Rollout{Live: 7, Canary: canary, Action: core.ActionCanary}, three, "v8 decides for 5 % of shoppers" + everywhere + report, true},
		{
			"a canary by tag", api.Rollout{Live: 7, Canary: &api.Canary{Ruleset: 8, Tag: "staff"}, Action: core.ActionCanary}, three,
			"v8 decides for shoppers with the tag staff" + everywhere + report, true,
		},
		{"a shadow", api.Rollout{Live: 7, Shadow: &api.Shadow{Ruleset: 9}, Action: core.ActionShadow}, three, "v9 is compared with v7" + everywhere + report, true},
		{"the end of a canary", api.Rollout{Live: 7, Action: core.ActionAbort}, three, "v7 decides for everybody" + everywhere, true},
		{"an undo to a canary", api.Rollout{Live: 7, Canary: canary, Action: core.ActionUndo}, three, "v7 decides, v8 for 5 % of shoppers" + everywhere, true},
		{"mechanics off", api.Rollout{Live: 7, Stop: "mechanics", Action: core.ActionStop}, three, "mechanics are off" + everywhere, true},
		{"no sign-ups", api.Rollout{Live: 7, Stop: "reservations", Action: core.ActionStop}, three, "new reservations are off" + everywhere, true},
		{"closed", api.Rollout{Live: 7, Stop: "campaign", Action: core.ActionStop}, three, "the campaign is off" + everywhere, true},
		{"it goes on", api.Rollout{Live: 7, Stop: "none", Action: core.ActionStop}, three, "v7 decides again" + everywhere, true},
		{
			"live while mechanics are off", api.Rollout{Live: 7, Stop: "mechanics", Action: core.ActionLive}, three,
			"mechanics are off, else v7 decides" + everywhere, true,
		},
		{
			"live while nobody can sign up", api.Rollout{Live: 7, Stop: "reservations", Action: core.ActionLive}, three,
			"v7 decides, new reservations are off" + everywhere, true,
		},
		{
			"a node that does not follow", api.Rollout{Live: 7, Action: core.ActionLive}, append(slices.Clone(three), api.NodeFollowed{Node: "d"}),
			"v7 decides on 3 of 4 nodes since 12:00:03.214; node d has not followed within 5s", false,
		},
		{
			"a node that cannot", api.Rollout{Live: 7, Action: core.ActionLive},
			append(slices.Clone(three), api.NodeFollowed{Node: "d", Unserved: "v7 does not compile here"}),
			"v7 decides on 3 of 4 nodes since 12:00:03.214; node d does not serve the campaign: v7 does not compile here", false,
		},
		{
			"no node at all", api.Rollout{Live: 7, Action: core.ActionLive}, []api.NodeFollowed{{Node: "d"}},
			"v7 decides on 0 of 1 node; node d has not followed within 5s", false,
		},
		{
			"a change that could not be made", api.Rollout{Live: 7, Action: core.ActionFallback, Reason: "v8 is gone"}, three,
			"the change that waited could not be made (v8 is gone): v7 decides" + everywhere, true,
		},
		{
			"a second operator, and an instant", api.Rollout{Live: 7, Action: core.ActionPropose, Pending: &api.PendingChange{
				Mode: "live", Ruleset: 8, Approval: "mx3 moves by 30 %", By: "ann", At: &swapTime,
			}}, three, "v8 waits to be live at 2026-11-22 12:00:03, once somebody other than ann approves it (mx3 moves by 30 %): " +
				"hotdrop rollout approve phone", true,
		},
		{
			"a campaign file", api.Rollout{Live: 7, Action: core.ActionPropose, Pending: &api.PendingChange{
				Approval: "mx3 moves by 30 %", By: "ann", File: "ab",
			}}, three, "a campaign file waits until somebody other than ann applies the same file (mx3 moves by 30 %): hotdrop campaign export phone --pending prints it, hotdrop campaign apply FILE --reason WHY applies it", true,
		},
		{
			"a stop beside a change that waits", api.Rollout{Live: 7, Stop: "campaign", Action: core.ActionStop, Pending: later}, three,
			"the campaign is off" + everywhere + "\nstill v8 waits to be live at 2026-11-22 12:00:03", true,
		},
		{
			"a canary beside a change that waits", api.Rollout{Live: 7, Canary: canary, Action: core.ActionCanary, Pending: later}, three,
			"v8 decides for 5 % of shoppers" + everywhere + "\nstill v8 waits to be live at 2026-11-22 12:00:03" + report, true,
		},
		{"nobody waited", api.Rollout{Live: 7, Action: core.ActionLive}, nil, "v7 decides since 12:00:03.214; no node was waited for", true},
		{
			"an instant to come", api.Rollout{Live: 7, Action: core.ActionPropose, Pending: &api.PendingChange{Mode: "live", Ruleset: 8, At: &swapTime}}, three,
			"v8 waits to be live at 2026-11-22 12:00:03", true,
		},
		{
			"holds that have to end", api.Rollout{Live: 7, Action: core.ActionDrain, Draining: true, Pending: &api.PendingChange{Mode: "live", Ruleset: 8, Drain: true}},
			three, "v8 waits to be live until the orders that were placed have ended; nothing is sold meanwhile", true,
		},
		{
			"holds that have to end from an instant on",
			api.Rollout{Live: 7, Action: core.ActionPropose, Pending: &api.PendingChange{Mode: "live", Ruleset: 8, Drain: true, At: &swapTime}},
			three, "v8 waits to be live: from 2026-11-22 12:00:03 on nothing is sold until the orders that were placed have ended", true,
		},
		{
			"a second operator", api.Rollout{Live: 7, Action: core.ActionPropose, Pending: &api.PendingChange{
				Mode: "canary", Ruleset: 8, Percent: 5, Approval: "mx3 moves by 30 %", By: "ann",
			}}, three, "v8 waits to be canary until somebody other than ann approves it (mx3 moves by 30 %): hotdrop rollout approve phone", true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, follows := effect(&api.Swapped{Campaign: "phone", CommittedAt: swapTime, State: c.state, Nodes: c.nodes}, 5*time.Second)
			if got != c.want || follows != c.follows {
				t.Errorf("got\n\t%s (%v)\nwant\n\t%s", got, follows, c.want)
			}
		})
	}
}

func TestARulesetIsReadyWhereItIsAndNamesTheNodesWhereItIsNot(t *testing.T) {
	nodes := []api.Node{
		{ID: "a", Ready: []int64{1, 8}}, {ID: "b", Ready: []int64{1}}, {ID: "c", Refused: []api.NodeRefusal{{Ruleset: 8, Why: "no such plugin"}}},
	}
	for n, want := range map[int]string{
		1: "v8 is ready on 1 of 1 node", 2: "v8 is ready on 1 of 2 nodes; node b has not compiled it yet",
		3: "v8 is ready on 1 of 3 nodes; node b has not compiled it yet; node c cannot compile it: no such plugin",
	} {
		if got, ready := readySentence(8, nodes[:n]); got != want || ready != (n == 1) {
			t.Errorf("of %d nodes: %s (%v)", n, got, ready)
		}
	}
	if !allSaid(nodes[:1], 8) || allSaid(nodes[:2], 8) || !allSaid([]api.Node{nodes[0], nodes[2]}, 8) {
		t.Error("a node that says that it cannot is waited for, or one that said nothing is not")
	}
}

func TestRulesetsThatFollowEachOtherAreARange(t *testing.T) {
	for want, ready := range map[string][]int64{"none": nil, "v7": {7}, "v1–v3 v5": {5, 1, 2, 3}, "v1–v2 v4–v5": {1, 2, 4, 5}} {
		if got := readyText(ready); got != want {
			t.Errorf("%v is %s, want %s", ready, got, want)
		}
	}
}

func TestARulesetIsWrittenAsItsNumber(t *testing.T) {
	for _, word := range []string{"7", "v7"} {
		if n, err := rulesetNumber(word); n != 7 || err != nil {
			t.Errorf("%s: %d, %v", word, n, err)
		}
	}
	for _, word := range []string{"", "v", "0", "-1", "+7", "v+7", "vv7", "7.0", "seven", "99999999999999999999", "７"} {
		if n, err := rulesetNumber(word); err == nil || exitCode(err, true) != exitUsage {
			t.Errorf("%q is ruleset %d, %v", word, n, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.String().Draw(t, "word")
		n, err := rulesetNumber(word)
		if err == nil && n < 1 {
			t.Fatalf("%q is ruleset %d", word, n)
		}
	})
}

func TestAnInstantIsAMomentOrATimeFromNow(t *testing.T) {
	for word, want := range map[string]time.Time{
		"2030-06-03T12:00:00+08:00": time.Date(2030, 6, 3, 4, 0, 0, 0, time.UTC), "+90s": swapTime.Add(90 * time.Second), "+1h30m": swapTime.Add(90 * time.Minute),
	} {
		at, err := (&modeChange{at: word}).instant(swapTime)
		if err != nil || !at.Equal(want) {
			t.Errorf("%s is %v, %v", word, at, err)
		}
	}
	if at, err := (&modeChange{}).instant(swapTime); at != nil || err != nil {
		t.Errorf("nothing is %v, %v", at, err)
	}
	for _, word := range []string{"noon", "12:00", "90s", "+", "+0s", "+-5s", "2030-06-03 12:00", "2030-06-03T12:00:00"} {
		if at, err := (&modeChange{at: word}).instant(swapTime); err == nil || exitCode(err, true) != exitUsage {
			t.Errorf("%q is %v, %v", word, at, err)
		}
	}
}

func TestARulesetFileIsItsTwoKeysOrAWholeCampaignFile(t *testing.T) {
	const two = "ruleset:\n  - mechanic: seckill\n    group: sale\nstacking: {sale: best}\n"
	for name, text := range map[string]string{
		"its two keys": two, "JSON": `{"ruleset": [{"mechanic": "seckill", "group": "sale"}], "stacking": {"sale": "best"}}`,
		"a campaign file": `campaign: phone
brand: xiaomi
currency: CNY
title: Phone
phases: {sale: 2030-06-03T12:00:00+08:00, closed: 2030-06-06T12:00:00+08:00}
items: [{sku: mi2, title: Mi 2, price: 199900, stock: 10, hold: 15m}]
` + two,
	} {
		r, err := readRuleset([]byte(text))
		if err != nil || len(r.Ruleset) != 1 || r.Ruleset[0].Mechanic != "seckill" || r.Stacking["sale"] != core.StackBest {
			t.Errorf("%s: %+v, %v", name, r, err)
			continue
		}
		problems := r.located([]core.Problem{{Path: "bindings[0].mechanic", Message: "there is none"}})
		if p := problems.List[0]; p.Path != "ruleset[0].mechanic" || p.Line == 0 || !strings.Contains(p.Snippet, "seckill") {
			t.Errorf("%s: a problem is at %+v", name, p)
		}
	}
	if r, err := readRuleset([]byte("ruleset: []\n")); err != nil || r.Ruleset == nil {
		t.Errorf("no mechanics at all: %+v, %v", r, err)
	}
	for _, text := range []string{
		"", "seckill", "[]", "ruleset: seckill", "rulesets: []", "ruleset: [{mechanik: seckill}]", "stacking: {}", "ruleset: []\nreason: x",
		"campaign: phone\nruleset: []\n", "ruleset: [", "ruleset: &a [*a]",
	} {
		if r, err := readRuleset([]byte(text)); err == nil {
			t.Errorf("%q is %+v", text, r)
		}
	}
}

func FuzzARulesetFileIsReadOrRefused(f *testing.F) {
	f.Add([]byte("ruleset: [{mechanic: seckill}]\nstacking: {a: best}\n"))
	f.Add([]byte("campaign: phone\nruleset: []\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := readRuleset(text)
		if (r == nil) != (err != nil) || err == nil && (r.Ruleset == nil || r.file == nil) {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestAnEffectSaysWhatWaitsNoMore(t *testing.T) {
	for want, p := range map[string]*api.PendingChange{
		"v8 at 2026-11-22 12:00:03": {Mode: "live", Ruleset: 8, At: &swapTime}, "the campaign file that waited": {File: "ab", Approval: "why"},
		"v8, which waited until the orders that were placed have ended": {Ruleset: 8, Drain: true}, "v8, which waited to be approved": {Ruleset: 8, Approval: "why"},
	} {
		s := &api.Swapped{Campaign: "phone", CommittedAt: swapTime, State: api.Rollout{Live: 7, Action: core.ActionAbort}, Dropped: p}
		if got, _ := effect(s, 0); got != "v7 decides for everybody since 12:00:03.214; no node was waited for\ndropped: "+want {
			t.Errorf("got %s", got)
		}
	}
}
