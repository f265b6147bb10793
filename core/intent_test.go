package core

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

const plannedSKU = "mi2"

// orderIntent is an intent of one unit with a limit of one.
func orderIntent(id, shopper string, epoch int64) *intent {
	return &intent{
		epoch: epoch, limits: []int64{1},
		order: &Order{
			ID: id, Shopper: shopper, Lines: []Line{{SKU: plannedSKU, Units: 1}},
			Takes: []Take{{Counter: "quota/q", Units: 1}, {Counter: StockCounter(plannedSKU), Units: 1}},
		},
		request: Claim{Shopper: shopper, Kind: ClaimOrder, Key: "key-" + id, Owner: id},
	}
}

func testSnapshot() *snapshot {
	return &snapshot{record: &CampaignRecord{Definition: &Campaign{ID: "c", Brand: "b"}}}
}

func counters(stock, quota int64) map[string]Counter {
	return map[string]Counter{
		StockCounter(plannedSKU): {Limit: 100, Remaining: stock}, "quota/q": {Limit: 100, Remaining: quota},
	}
}

func TestPlanBatch(t *testing.T) {
	claimed := func(kind ClaimKind, key, owner string) map[string]*ShopperState {
		return map[string]*ShopperState{"s1": {Claims: []Claim{{Shopper: "s1", Kind: kind, Key: key, Owner: owner}}}}
	}
	for _, tt := range []struct {
		name    string
		intents []*intent
		state   *State
		want    []verdict
		codes   []Code
	}{
		{
			"two shoppers both fit", []*intent{orderIntent("1", "s1", 1), orderIntent("2", "s2", 1)}, nil,
			[]verdict{verdictWrite, verdictWrite}, []Code{"", ""},
		},
		{
			"a second order of the same shopper in one batch meets the limit",
			[]*intent{orderIntent("1", "s1", 1), orderIntent("2", "s1", 1)}, nil,
			[]verdict{verdictWrite, verdictRefused}, []Code{"", CodeLimitReached},
		},
		{
			"an intent of an older epoch than its batch is decided again",
			[]*intent{orderIntent("1", "s1", 1), orderIntent("2", "s2", 2)}, nil,
			[]verdict{verdictAgain, verdictWrite}, []Code{"", ""},
		},
		{
			"the store's epoch fences the whole batch", []*intent{orderIntent("1", "s1", 1)},
			&State{Epoch: 2, Counters: counters(9, 9)}, []verdict{verdictAgain}, []Code{""},
		},
		{
			"the last unit goes to the first that came", []*intent{orderIntent("2", "s2", 1), orderIntent("1", "s1", 1)},
			&State{Epoch: 1, Counters: counters(1, 9)}, []verdict{verdictWrite, verdictRefused}, []Code{"", CodeSoldOut},
		},
		{
			"a lost quota is decided again", []*intent{orderIntent("1", "s1", 1)},
			&State{Epoch: 1, Counters: counters(1, 0)}, []verdict{verdictAgain}, []Code{""},
		},
		{
			"its own order in the store is success", []*intent{orderIntent("1", "s1", 1)},
			&State{Epoch: 1, Counters: counters(0, 0), Orders: map[string]*Order{"1": {}}}, []verdict{verdictDone}, []Code{""},
		},
		{
			"a key that another node served is looked up again", []*intent{orderIntent("1", "s1", 1)},
			&State{Epoch: 1, Counters: counters(9, 9), Shoppers: claimed(ClaimOrder, "key-1", "other")}, []verdict{verdictAgain}, []Code{""},
		},
		{
			"a taken slot is a limit reached", []*intent{orderIntent("1", "s1", 1)},
			&State{Epoch: 1, Counters: counters(9, 9), Shoppers: claimed(ClaimLimit, plannedSKU+"/1", "other")},
			[]verdict{verdictRefused}, []Code{CodeLimitReached},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			planBatch(testSnapshot(), tt.intents, tt.state)
			for i, in := range tt.intents {
				if in.verdict != tt.want[i] || CodeOf(in.err) != tt.codes[i] {
					t.Errorf("intent %d: verdict %d, %v; want %d, %q", i, in.verdict, in.err, tt.want[i], tt.codes[i])
				}
			}
		})
	}
}

func TestAQuotaLostTwiceIsExhausted(t *testing.T) {
	in := orderIntent("1", "s1", 1)
	in.last = true
	planBatch(testSnapshot(), []*intent{in}, &State{Epoch: 1, Counters: counters(1, 0)})
	if in.verdict != verdictRefused || CodeOf(in.err) != CodeQuotaExhausted {
		t.Errorf("verdict %d, %v", in.verdict, in.err)
	}
}

func TestAUsedOnceKeyIsRefused(t *testing.T) {
	first, second := orderIntent("1", "s1", 1), orderIntent("2", "s1", 1)
	for _, in := range []*intent{first, second} {
		in.limits = nil
		in.order.Claims = []Claim{{Shopper: "s1", Kind: ClaimOnce, Key: "k", Owner: in.order.ID}}
	}
	planBatch(testSnapshot(), []*intent{first, second}, nil)
	if first.verdict != verdictWrite || CodeOf(second.err) != CodeAlreadyUsed {
		t.Errorf("first %d, second %v", first.verdict, second.err)
	}
}

func TestAReservationInTheSameBatchAnswersTheSecond(t *testing.T) {
	first := &intent{epoch: 1, reservation: &Reservation{Shopper: "s1"}}
	second := &intent{epoch: 1, reservation: &Reservation{Shopper: "s1"}}
	plan := planBatch(testSnapshot(), []*intent{first, second}, nil)
	if len(plan.Reservations) != 1 || second.verdict != verdictDone || second.existing != first.reservation {
		t.Errorf("plan %+v, second %+v", plan, second)
	}
	if want := []Delta{{Counter: CounterReservations, Units: 1}}; !slices.Equal(plan.Counters, want) {
		t.Errorf("counters = %v", plan.Counters)
	}
}

// TestAPlanNeverTakesMoreThanThereIs plans random batches against random states and holds the plan against the rules a
// store would enforce: so a plan made with knowledge is never refused for want of it.
func TestAPlanNeverTakesMoreThanThereIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := &State{
			Epoch:    1,
			Counters: counters(rapid.Int64Range(0, 8).Draw(t, "stock"), rapid.Int64Range(0, 8).Draw(t, "quota")),
			Shoppers: map[string]*ShopperState{},
		}
		for _, s := range rapid.SliceOfN(rapid.IntRange(1, 5), 0, 4).Draw(t, "buyers") {
			shopper := fmt.Sprintf("s%d", s)
			state.Shoppers[shopper] = &ShopperState{Claims: []Claim{{Shopper: shopper, Kind: ClaimLimit, Key: plannedSKU + "/1", Owner: "old"}}}
		}
		var intents []*intent
		for i, s := range rapid.SliceOfN(rapid.IntRange(1, 5), 0, 20).Draw(t, "batch") {
			in := orderIntent(fmt.Sprintf("o%02d", i), fmt.Sprintf("s%d", s), rapid.Int64Range(1, 2).Draw(t, "epoch"))
			in.limits = []int64{rapid.Int64Range(0, 3).Draw(t, "limit")}
			intents = append(intents, in)
		}
		plan := planBatch(testSnapshot(), intents, state)
		checkPlan(t, plan, state)
		for _, in := range intents {
			if written := slices.Contains(plan.Orders, in.order); written != (in.verdict == verdictWrite) {
				t.Fatalf("order %s: written %v, verdict %d", in.order.ID, written, in.verdict)
			}
		}
	})
}

func checkPlan(t *rapid.T, plan *Plan, state *State) {
	taken := map[string]int64{CounterOrders: int64(len(plan.Orders))}
	for _, o := range plan.Orders {
		for _, take := range o.Takes {
			taken[take.Counter] += take.Units
		}
	}
	for _, d := range plan.Counters {
		if d.Units != taken[d.Counter] || (d.Counter != CounterOrders && d.Units > state.Counters[d.Counter].Remaining) {
			t.Fatalf("delta %+v, orders take %d, %d remain", d, taken[d.Counter], state.Counters[d.Counter].Remaining)
		}
	}
	seen := map[claimKey]bool{}
	for _, s := range state.Shoppers {
		for i := range s.Claims {
			seen[s.Claims[i].id()] = true
		}
	}
	for i := range plan.Claims {
		if seen[plan.Claims[i].id()] {
			t.Fatalf("claim %+v is taken twice", plan.Claims[i])
		}
		seen[plan.Claims[i].id()] = true
	}
	if !slices.IsSortedFunc(plan.Claims, compareClaims) {
		t.Fatal("claims are not in lock order")
	}
}
