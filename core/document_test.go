package core

import (
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// counting is an edit that adds n to the number that a document holds.
func counting(id string, n int) edit {
	return edit{key: DocumentKey{DocumentShare, id}, apply: func(current *Document) (*Document, error) {
		d, sum := Document{Shopper: "ann"}, 0
		if current != nil {
			d = *current
			sum, _ = strconv.Atoi(string(d.Content))
		}
		return d.write("counted", 0, sum+n), nil
	}}
}

func refusing(id string) edit {
	return edit{key: DocumentKey{DocumentShare, id}, apply: func(*Document) (*Document, error) {
		return nil, Errorf(CodeGroupFull, "full")
	}}
}

func stored(id string, revision int64, content string) *Document {
	return &Document{Kind: DocumentShare, ID: id, Shopper: "ann", State: "counted", Revision: revision, Content: []byte(content)}
}

func TestEditsOfOneDocumentInABatchAreOneChange(t *testing.T) {
	batch := []*intent{{epoch: 1, edits: []edit{counting("a", 1)}}, {epoch: 1, edits: []edit{counting("a", 2), counting("b", 5)}}}
	batch[1].documents = []*Document{stored("a", 7, "10")}
	plan := planBatch(testSnapshot(), batch, nil)
	if len(plan.Documents) != 2 {
		t.Fatalf("documents %+v", plan.Documents)
	}
	a, b := plan.Documents[0], plan.Documents[1]
	if a.Revision != 7 || string(a.Content) != "13" || b.Revision != 0 || string(b.Content) != "5" {
		t.Errorf("a %+v %s, b %+v %s", a, a.Content, b, b.Content)
	}
}

func TestABatchIsPlannedAgainWithTheDocumentsThatTheStoreHas(t *testing.T) {
	in := &intent{epoch: 1, edits: []edit{counting("a", 1)}, documents: []*Document{stored("a", 7, "10")}}
	state := &State{Epoch: 1, Documents: map[DocumentKey]*Document{{DocumentShare, "a"}: stored("a", 9, "40")}}
	plan := planBatch(testSnapshot(), []*intent{in}, state)
	if d := plan.Documents[0]; d.Revision != 9 || string(d.Content) != "41" {
		t.Errorf("%+v %s", d, d.Content)
	}
	state.Documents = nil // it was deleted meanwhile
	plan = planBatch(testSnapshot(), []*intent{in}, state)
	if d := plan.Documents[0]; d.Revision != 0 || string(d.Content) != "1" {
		t.Errorf("%+v %s", d, d.Content)
	}
}

func TestARefusedEditRefusesItsIntentAndLeavesNothing(t *testing.T) {
	first := &intent{epoch: 1, edits: []edit{counting("a", 1), refusing("b")}, takes: []Take{{Counter: "pool/p", Units: 1}}}
	second := &intent{epoch: 1, edits: []edit{counting("a", 2)}}
	order := orderIntent("1", "s1", 1)
	order.edits = []edit{refusing("c")}
	plan := planBatch(testSnapshot(), []*intent{first, second, order}, nil)
	if CodeOf(first.err) != CodeGroupFull || CodeOf(order.err) != CodeGroupFull || second.verdict != verdictWrite {
		t.Errorf("first %v, second %d, order %v", first.err, second.verdict, order.err)
	}
	if len(plan.Documents) != 1 || string(plan.Documents[0].Content) != "2" || len(plan.Orders)+len(plan.Claims) != 0 {
		t.Errorf("plan %+v", plan)
	}
	if slices.ContainsFunc(plan.Counters, func(d Delta) bool { return d.Units != 0 }) {
		t.Errorf("counters %v", plan.Counters)
	}
}

func TestADocumentThatComesAndGoesInOneBatchIsNotWritten(t *testing.T) {
	fleeting := remove(DocumentKey{DocumentShare, "a"})
	batch := []*intent{{epoch: 1, edits: []edit{counting("a", 1)}}, {epoch: 1, edits: []edit{fleeting}}}
	if plan := planBatch(testSnapshot(), batch, nil); len(plan.Documents) != 0 {
		t.Errorf("documents %+v", plan.Documents)
	}
	batch[0].documents = []*Document{stored("a", 3, "1")}
	plan := planBatch(testSnapshot(), batch, nil)
	if len(plan.Documents) != 1 || plan.Documents[0].State != "" || plan.Documents[0].Revision != 3 {
		t.Errorf("documents %+v", plan.Documents)
	}
}

func TestAnInsertKeepsWhatIsThere(t *testing.T) {
	in := &intent{epoch: 1, edits: []edit{insert(stored("a", 0, "5"))}}
	state := &State{Epoch: 1, Documents: map[DocumentKey]*Document{{DocumentShare, "a"}: stored("a", 9, "40")}}
	if plan := planBatch(testSnapshot(), []*intent{in}, state); len(plan.Documents) != 0 {
		t.Errorf("documents %+v", plan.Documents)
	}
}

func TestAnEventWhoseKeyIsTakenHappenedBefore(t *testing.T) {
	claim := Claim{Shopper: "bob", Kind: ClaimVisit, Key: "a", Owner: "a"}
	first := &intent{epoch: 1, claims: []Claim{claim}, edits: []edit{counting("a", 1)}}
	second := &intent{epoch: 1, claims: []Claim{claim}, edits: []edit{counting("a", 1)}}
	plan := planBatch(testSnapshot(), []*intent{first, second}, nil)
	if second.verdict != verdictDone || string(plan.Documents[0].Content) != "1" {
		t.Errorf("verdict %d, content %s", second.verdict, plan.Documents[0].Content)
	}
	if want := []Delta{{Counter: CounterOrders}}; !slices.Equal(plan.Counters, want) {
		t.Errorf("an event without takes is not fenced: %v", plan.Counters)
	}
	state := &State{Epoch: 1, Shoppers: map[string]*ShopperState{"bob": {Claims: []Claim{claim}}}}
	if plan = planBatch(testSnapshot(), []*intent{first}, state); first.verdict != verdictDone || !plan.empty() {
		t.Errorf("verdict %d, plan %+v", first.verdict, plan)
	}
}

func TestWhatACounterLacksHasItsOwnCode(t *testing.T) {
	for counter, want := range map[string]Code{
		PoolCounter("p"): CodePoolExhausted, DrawCounter("d"): CodeDrawClosed, StockCounter("s"): CodeSoldOut,
	} {
		in := &intent{epoch: 1, takes: []Take{{Counter: counter, Units: 1}, {Counter: counter, Units: 1}}}
		state := &State{Epoch: 1, Counters: map[string]Counter{counter: {Limit: 9, Remaining: 1}}}
		if planBatch(testSnapshot(), []*intent{in}, state); CodeOf(in.err) != want {
			t.Errorf("%s: %v", counter, in.err)
		}
	}
}

// TestDraftsAreWhatTheEditsOneByOneWouldMake compares a batch with its intents applied alone, in their order.
func TestDraftsAreWhatTheEditsOneByOneWouldMake(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]int{}
		var batch []*intent
		for range rapid.IntRange(1, 20).Draw(t, "intents") {
			in := &intent{epoch: 1}
			sums := map[string]int{}
			for range rapid.IntRange(0, 3).Draw(t, "edits") {
				id, n := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id"), rapid.IntRange(1, 9).Draw(t, "n")
				in.edits, sums[id] = append(in.edits, counting(id, n)), sums[id]+n
			}
			if rapid.Bool().Draw(t, "refused") {
				in.edits, sums = append(in.edits, refusing("d")), nil
			}
			for id, n := range sums {
				want[id] += n
			}
			batch = append(batch, in)
		}
		plan := planBatch(testSnapshot(), batch, nil)
		got := map[string]int{}
		for _, d := range plan.Documents {
			got[d.ID], _ = strconv.Atoi(string(d.Content))
		}
		for id := range want {
			if got[id] != want[id] {
				t.Fatalf("%s is %d, not %d", id, got[id], want[id])
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%v, not %v", got, want)
		}
	})
}
