package core

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAnIDSaysWhenItWasMadeAndComesAfterItsMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Int64Range(0, 1<<48-2).Draw(t, "at")
		id := newID("phone", time.UnixMilli(at))
		if timeOf(id) != at {
			t.Fatalf("%s was made at %d, not %d", id, at, timeOf(id))
		}
		if id <= idAt("phone", at) || id >= idAt("phone", at+1) {
			t.Fatalf("%s is not between %s and %s", id, idAt("phone", at), idAt("phone", at+1))
		}
	})
	for _, none := range []string{"", "phone", "phone.short", "phone.UUUUUUUUUUUUUUUUUUUUUUUUUU"} {
		if timeOf(none) != math.MaxInt64-1 {
			t.Errorf("%q was made at %d", none, timeOf(none))
		}
	}
}

// recordingOf is what an order pins that the ruleset decides.
func recordingOf(t *testing.T, r *compiled, facts *Facts, c *Campaign) string {
	t.Helper()
	d, err := r.decide(HookQuote, facts, c, -1)
	if err != nil {
		t.Fatal(err)
	}
	return string(d.pin(facts, 1))
}

func TestAWorkerDecidesEveryRecordingByTheTermsOfItsTime(t *testing.T) {
	low := rulesetOf(nil, []string{""}, &proposal{name: "low", effects: []Effect{{Kind: EffectPrice, Amount: 1}}})
	facts := &Facts{Now: 5, Quantity: 2, Item: ItemFacts{SKU: "phone", Price: 1000}}
	today := &Campaign{Items: []Item{{SKU: "phone", Price: 1000, MinPrice: 900}}}
	w := newComparer(low, today)
	for n := range int64(3 * maxVariants) { // more terms than a worker remembers
		then := &Campaign{Items: []Item{{SKU: "phone", Price: 1000, MinPrice: n + 1}}}
		w.compare(&recordingKey{key: "a"}, recordingOf(t, low, facts, then))
	}
	if w.tally.Differing != 0 || w.tally.Decisions != 3*maxVariants || len(w.variants) > maxVariants {
		t.Errorf("%d of %d differ, %d variants", w.tally.Differing, w.tally.Decisions, len(w.variants))
	}
}

func TestWhatCannotBeComparedIsCounted(t *testing.T) {
	r := rulesetOf(nil, []string{""}, &proposal{name: "low", effects: []Effect{{Kind: EffectPrice, Amount: 1}}})
	facts := &Facts{Now: 5, Quantity: 1, Item: ItemFacts{SKU: "phone", Price: 1000}}
	text := recordingOf(t, r, facts, testCampaign)
	w := newComparer(r, testCampaign)
	w.compare(&recordingKey{key: "a"}, "nonsense")
	w.compare(&recordingKey{key: "b", code: CodeDenied, reason: "late"}, text)
	w.compare(&recordingKey{key: "c", code: CodeMechanicFailed}, text)
	w.compare(&recordingKey{key: "d"}, text)
	if w.tally.Unread != 1 || w.tally.Decisions != 3 || w.tally.Refusals != 2 || w.tally.NewlyAllowed != 2 || w.tally.Live.Errors != 1 {
		t.Errorf("%+v", w.tally)
	}
}

func TestABatchIsFullOfDecisionsOrOfBytes(t *testing.T) {
	var r recordings
	for range batchDecisions {
		if r.isFull() {
			t.Fatal("full too early")
		}
		r.add(recordingKey{}, []byte("x"))
	}
	if !r.isFull() {
		t.Error("as many as a batch has, and room for more")
	}
	r.reset()
	if r.isFull() || len(r.text)+len(r.ends)+len(r.keys) != 0 {
		t.Error("it is not empty")
	}
	r.add(recordingKey{}, make([]byte, batchBytes))
	if !r.isFull() {
		t.Error("a large one leaves room for more")
	}
}
