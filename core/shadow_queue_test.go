package core

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// seenBy is an order that the ruleset has decided, as a campaign observes it.
func seenBy(r *compiled, shadow *Shadow, order string, err error) *observed {
	r.ruleset.Number = 1
	record := &CampaignRecord{Definition: testCampaign, Rollout: Rollout{Live: 1, Shadow: shadow}}
	q := &quoted{admission: admission{snapshot: &snapshot{record: record}}, ruleset: r}
	q.facts = Facts{Now: 7, Quantity: 1, Item: ItemFacts{SKU: "phone", Price: 1000}}
	q.decision, _ = r.decide(HookQuote, &q.facts, testCampaign, -1)
	seen := &observed{request: &OrderRequest{Key: "k"}, quoted: q, err: err}
	if order != "" {
		seen.order = &Order{ID: order}
	}
	return seen
}

// watchedBy is a campaign whose shadow decides nothing by itself: what is offered waits.
func watchedBy(shadow *Shadow, room int) (*campaign, *shadowing) {
	c := &campaign{id: "c"}
	s := &shadowing{campaign: c, shadow: *shadow, queue: make(chan shadowed, room)}
	c.comparing.shadow.Store(s)
	return c, s
}

func TestWhatAShadowHasNoTimeForIsDroppedAndCounted(t *testing.T) {
	shadow := &Shadow{Ruleset: 2, Since: 3}
	c, s := watchedBy(shadow, 2)
	r := rulesetOf(nil, []string{""}, &proposal{name: "a", effects: []Effect{discount(100)}})
	for range 5 {
		c.compare(seenBy(r, shadow, "o", nil)) // it returns though nobody takes what it offers
	}
	var told tally
	if err := json.Unmarshal(s.content(true), &told); err != nil || told.Dropped != 3 || len(s.queue) != 2 {
		t.Errorf("%d dropped, %d wait: %v", told.Dropped, len(s.queue), err)
	}
}

func TestAShadowLooksAtWhatMechanicsDecidedForTheLiveArmAlone(t *testing.T) {
	shadow := &Shadow{Ruleset: 2, Since: 3}
	r := rulesetOf(nil, []string{""}, &proposal{name: "a", effects: []Effect{discount(100)}})
	for name, tt := range map[string]struct {
		change func(*observed)
		want   int
	}{
		"an order":                        {func(*observed) {}, 1},
		"a denial":                        {func(o *observed) { o.order, o.err = nil, Errorf(CodeDenied, "no") }, 1},
		"a failure":                       {func(o *observed) { o.order, o.err = nil, Errorf(CodeMechanicFailed, "no") }, 1},
		"what the stock refused":          {func(o *observed) { o.order, o.err = nil, Errorf(CodeSoldOut, "no") }, 0},
		"another price than expected":     {func(o *observed) { o.order, o.err = nil, Errorf(CodePriceChanged, "no") }, 0},
		"the answer of before":            {func(o *observed) { o.replayed = true }, 0},
		"the canary's":                    {func(o *observed) { o.quoted.canary = true }, 0},
		"no decision":                     {func(o *observed) { o.quoted.decision = nil }, 0},
		"nobody was asked":                {func(o *observed) { o.quoted = nil }, 0},
		"no mechanics":                    {func(o *observed) { o.quoted.ruleset = noRuleset() }, 0},
		"another shadow, which is over":   {func(o *observed) { o.quoted.snapshot.record.Rollout.Shadow = &Shadow{Ruleset: 9, Since: 1} }, 0},
		"a rollout that has no shadow":    {func(o *observed) { o.quoted.snapshot.record.Rollout.Shadow = nil }, 0},
		"an order that came to no answer": {func(o *observed) { o.order = nil }, 0},
	} {
		c, s := watchedBy(shadow, 2)
		seen := seenBy(r, shadow, "o", nil)
		tt.change(seen)
		c.compare(seen)
		if len(s.queue) != tt.want || s.dropped.Load() != 0 {
			t.Errorf("%s: %d wait", name, len(s.queue))
		}
	}
}

// reader is a mechanic that reads facts of documents.
type reader struct{ *proposal }

func (r reader) Manifest() *Manifest {
	m := *r.proposal.Manifest()
	m.Facts = []string{"shares.reposts"}
	return &m
}

func TestWhatAShadowReadsIsLoadedAsIfItWereLive(t *testing.T) {
	cache := newRulesets(nil, CampaignKey{ID: "c"})
	candidate := &compiled{bindings: []*bound{{mechanic: reader{&proposal{name: "a"}}}}}
	cache.put(&knownRuleset{stored: &Ruleset{Number: 2}, ruleset: candidate})
	cache.put(&knownRuleset{stored: &Ruleset{Number: 3}, ruleset: &compiled{}})
	cache.put(&knownRuleset{stored: &Ruleset{Number: 4}, ruleset: candidate})
	cache.keepWarm(2)
	cache.keepWarm(3)
	for shadow, want := range map[Shadow]int{{}: 0, {Ruleset: 2}: 1, {Ruleset: 3}: 0, {Ruleset: 4}: 0, {Ruleset: 5}: 0} {
		record := &CampaignRecord{Definition: testCampaign, Rollout: Rollout{Shadow: &shadow}}
		if shadow.Ruleset == 0 {
			record.Rollout.Shadow = nil
		}
		s := &snapshot{record: record}
		s.addShadowKinds(cache)
		s.addShadowKinds(cache) // nothing twice
		if len(s.kinds) != want || s.unready != (shadow.Ruleset > 3) {
			t.Errorf("%+v loads %v, unready %v", shadow, s.kinds, s.unready)
		}
	}
}

func TestAShadowDecidesNothingWithoutTheFactsThatItReads(t *testing.T) {
	shadow := &Shadow{Ruleset: 2, Since: 3}
	r := rulesetOf(nil, []string{""}, &proposal{name: "a", effects: []Effect{discount(100)}})
	for kinds, dropped := range map[DocumentKind]int64{DocumentShare: 0, DocumentTags: 1} {
		_, s := watchedBy(shadow, 2)
		s.kinds = []DocumentKind{DocumentShare}
		q := seenBy(r, shadow, "o", nil).quoted
		q.snapshot.kinds = []DocumentKind{kinds}
		s.compare(r, &shadowed{quoted: q, order: "o"})
		if s.dropped.Load() != dropped || s.tally.Decisions != 1-dropped {
			t.Errorf("with %s: dropped %d of %+v", kinds, s.dropped.Load(), s.tally)
		}
	}
}

func TestACandidateThatIsNotThereDropsEverything(t *testing.T) {
	shadow := &Shadow{Ruleset: 2, Since: 3}
	_, s := watchedBy(shadow, 2)
	s.compare(nil, &shadowed{})
	if s.dropped.Load() != 1 || s.tally.Decisions != 0 {
		t.Errorf("%+v", s.tally)
	}
}

func anyArm() *rapid.Generator[armTally] {
	return rapid.Custom(func(t *rapid.T) armTally {
		n := rapid.Int64Range(0, 100)
		a := armTally{Requests: n.Draw(t, "requests"), Paid: n.Draw(t, "paid"), Discount: n.Draw(t, "discount"), Errors: n.Draw(t, "errors")}
		for _, total := range rapid.SliceOfN(rapid.Int64Range(0, 1<<40), 0, 5).Draw(t, "totals") {
			a.Money.add(total)
		}
		for _, reason := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 5).Draw(t, "reasons") {
			countIn(&a.Refusals, CodeDenied, 1)
			a.deny(reason, 1)
		}
		return a
	})
}

func TestArmsOfAllNodesMergeInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		arms := rapid.SliceOfN(anyArm(), 3, 3).Draw(t, "arms")
		merged := func(order ...int) string {
			var all armTally
			for _, i := range order {
				text, err := json.Marshal(&arms[i])
				if err != nil {
					t.Fatal(err)
				}
				var one armTally
				if err := json.Unmarshal(text, &one); err != nil {
					t.Fatal(err)
				}
				all.merge(&one)
			}
			text, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		if a, b := merged(0, 1, 2), merged(2, 0, 1); a != b {
			t.Fatalf("%s\n%s", a, b)
		}
	})
}

func TestReasonsThatNeverEndAreCountedTogether(t *testing.T) {
	var a armTally
	for i := range 10 * maxReasons {
		a.deny(string(rune('a'+i%26))+string(rune('a'+i/26)), 1)
	}
	if len(a.Reasons) > maxReasons+1 || a.Reasons[otherReasons] == 0 {
		t.Errorf("%d reasons", len(a.Reasons))
	}
}

func TestTheEpochOfAPinIsReadWithoutTheRest(t *testing.T) {
	for text, want := range map[string]int64{
		`{"bindings":[{"effects":[{"oblige":{"data":{"epoch":9},"kind":"k"}}]}],"epoch":4,"facts":{"input":{"epoch":"8"}}}`: 4,
		`{"total":1}`: 0, `nonsense`: 0, `{"epoch":"4"}`: 0,
	} {
		if got := pinnedEpoch([]byte(text)); got != want {
			t.Errorf("%s: %d", text, got)
		}
	}
}
