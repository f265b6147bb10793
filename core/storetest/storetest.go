// Package storetest is the conformance suite of stores: every sentence that core says of a store is a test here, and
// every store runs all of them with [Run]. It also has the throw-away Postgres that tests use, see [PostgresURL].
package storetest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"hotdrop/core"
)

// Store is everything that core asks of a store; one concrete type implements it.
type Store interface {
	core.Store
	core.CampaignStore
	core.Ledger
	core.Books
	core.PluginStore
	core.NodeStore
	core.Journal
	People
}

// People is what core asks of a store about people.
type People interface {
	core.StaffLogStore
	core.StaffKeyStore
	core.ShopperStore
}

// Run runs the suite. open returns a store with its schema, empty or not, that is closed when the test ends; the tests
// share it, each with campaigns and accounts of its own.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Helper()
	store := open(t)
	for _, part := range []struct {
		name string
		run  func(t *testing.T, store Store)
	}{
		{"Apply", testApply},
		{"All or nothing", testAllOrNothing},
		{"Fence", testFence},
		{"Counters", testCounters},
		{"Claims", testClaims},
		{"Moves", testMoves},
		{"Reservations", testReservations},
		{"Arrivals", testArrivals},
		{"Load", testLoad},
		{"Due", testDue},
		{"ApplyLocked", testApplyLocked},
		{"Documents", testDocuments},
		{"Document conflicts", testDocumentConflicts},
		{"Loading documents", testLoadDocuments},
		{"Documents due", testDueDocuments},
		{"Listing documents", testListDocuments},
		{"Listing orders", testListOrders},
		{"Documents at once", testDocumentConcurrency},
		{"Concurrency", testConcurrency},
		{"Campaigns", testCampaigns},
		{"Limits", testLimits},
		{"Adding rulesets", testAddRuleset},
		{"Rollouts", testRollouts},
		{"Fences of rollouts", testRolloutFences},
		{"Nodes", testNodes},
		{"Notifications", testNotifications},
		{"Samples", testSamples},
		{"Reports", testReports},
		{"Refusals", testRefusals},
		{"Quotes", testQuotes},
		{"Forgetting", testForget},
		{"Ledger", testLedger},
		{"Unsettled payments", testUnsettled},
		{"Books", testBooks},
		{"Plugin uploads", testPluginUploads},
		{"Plugins", testPlugins},
		{"Plugins' bytes", testPluginBytes},
		{"Plugins due", testPluginsDue},
		{"Plugins' approvals", testPluginApprovals},
		{"Plugins' senders", testPluginSenders},
		{"Signing keys", testSigningKeys},
		{"Erasures", testErasures},
		{"Staff log", testStaffLog},
		{"Staff log at once", testStaffLogConcurrency},
		{"Staff keys", testStaffKeys},
		{"Staff keys' bounds", testStaffKeyBounds},
		{"Staff keys at once", testStaffKeyConcurrency},
		{"Staff keys' names", testStaffKeyNames},
		{"Brands", testBrands},
		{"Any history fits the model", testModel},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, store) })
	}
}

// The campaign that tests sell.
const (
	brand    = "xiaomi"
	currency = "CNY"
	price    = int64(199900) // minor units
	sku      = "mi2"
	minute   = int64(60_000)            // milliseconds
	opening  = int64(1_356_062_400_000) // 21 December 2012, 12:00 in Beijing, Unix milliseconds
)

// stock is the counter that the orders of a sale take from unless they say otherwise.
var stock = core.StockCounter(sku) //nolint:gochecknoglobals // a constant that a function makes

// sale is a campaign of its own in a store, with what tests need to fill it.
type sale struct {
	Store
	t          testing.TB
	campaign   string
	brand      string
	record     core.CampaignRecord
	limits     map[string]int64
	mu         sync.Mutex
	orderCount int
}

// openSale makes a campaign with these limits, and a counter of reservations.
func openSale(t testing.TB, store Store, limits map[string]int64) *sale {
	t.Helper()
	s := &sale{Store: store, t: t, brand: brand, campaign: unique("sale"), limits: maps.Clone(limits)}
	if s.limits == nil {
		s.limits = map[string]int64{}
	}
	s.limits[core.CounterReservations] = core.Unbounded
	s.record = core.CampaignRecord{
		Definition: &core.Campaign{ID: s.campaign, Brand: brand, Currency: currency, Title: core.Text{EN: "Doomsday", ZH: "末日"}},
		Revision:   1, Epoch: 1, Ruleset: core.Ruleset{Number: 1, CreatedAt: opening, CreatedBy: "staff-1"}, Rulesets: 1,
		Rollout: core.Rollout{Number: 1, Live: 1, Action: core.ActionApply, At: opening, By: "staff-1"},
	}
	change := s.change()
	change.From, change.NewRuleset = 0, true
	must(t, store.SaveCampaign(t.Context(), change))
	return s
}

// unique returns a name that no other test uses.
func unique(prefix string) string {
	return prefix + "-" + strings.ToLower(rand.Text()[:12])
}

// change is a change of the campaign to the record that s holds now.
func (s *sale) change() *core.CampaignChange {
	record := s.record
	return &core.CampaignChange{
		Record: record, From: record.Revision - 1, Limits: maps.Clone(s.limits),
		Entry: core.StaffEntry{
			At: opening, Actor: "staff-1", Role: "operator", Brand: brand, Campaign: s.campaign, Action: "campaign.apply",
			Reason: "a test", After: []byte(`{"campaign":1}`),
		},
	}
}

// next commits a change that raises revision and epoch.
func (s *sale) next() {
	s.t.Helper()
	s.record.Revision++
	s.record.Epoch++
	must(s.t, s.SaveCampaign(s.t.Context(), s.change()))
}

// order makes an order by the shopper that takes one unit of each counter and holds one claim.
func (s *sale) order(shopper string, counters ...string) *core.Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orderCount++
	if len(counters) == 0 {
		counters = []string{stock}
	}
	order := &core.Order{
		Campaign: s.campaign, ID: fmt.Sprintf("%s.%026d", s.campaign, s.orderCount), Brand: brand, Shopper: shopper,
		Currency: currency, Total: price,
		Lines: []core.Line{{
			SKU: sku, Units: 1, UnitPrice: price + 100, Discount: 100, Amount: price,
			Labels: []core.Text{{EN: "trade-in", ZH: "折抵"}},
		}},
		Quote:    []byte(`{"effects":[{"take":{"quota":"trade-in","units":1}}],"facts":{"quantity":1}}`),
		PlacedAt: opening, Revision: 1, State: core.OrderPlaced, TakesState: core.TakesOutstanding,
		HoldUntil: opening + 15*minute, UpdatedAt: opening,
		Dues:       []core.Due{{Kind: "full", Amount: price, DueAt: opening + 15*minute, State: core.DueOpen}},
		Conditions: []core.Condition{{Kind: "trade_in", Data: []byte(`{"brand":"Nokia"}`), State: "open"}},
	}
	for _, counter := range counters {
		order.Takes = append(order.Takes, core.Take{Counter: counter, Units: 1})
	}
	order.Claims = []core.Claim{{Shopper: shopper, Kind: core.ClaimLimit, Key: sku + "/1", Owner: order.ID}}
	return order
}

// plan places the orders: what they take, claim and are.
func (s *sale) plan(orders ...*core.Order) *core.Plan { return s.planUnder(s.record.Epoch, orders...) }

// planUnder is plan, decided under an epoch.
func (s *sale) planUnder(epoch int64, orders ...*core.Order) *core.Plan {
	plan := &core.Plan{Campaign: s.campaign, Brand: brand, Epoch: epoch, Orders: orders}
	units := map[string]int64{}
	for _, order := range orders {
		plan.Claims = append(plan.Claims, order.Claims...)
		for _, take := range order.Takes {
			units[take.Counter] += take.Units
		}
	}
	plan.Counters = deltas(units)
	return plan
}

// giveBack moves the orders to a state that holds nothing, as an expiry does.
func (s *sale) giveBack(orders ...*core.Order) *core.Plan {
	plan := &core.Plan{Campaign: s.campaign, Brand: brand}
	units := map[string]int64{}
	for _, order := range orders {
		moved := *order
		moved.State, moved.TakesState, moved.UpdatedAt = core.OrderExpired, core.TakesReturned, opening+minute
		plan.Moves = append(plan.Moves, core.Move{Order: &moved, Release: true})
		for _, take := range order.Takes {
			units[take.Counter] -= take.Units
		}
	}
	plan.Counters = deltas(units)
	return plan
}

// takeBack moves orders that gave back to paid, as late money does.
func (s *sale) takeBack(orders ...*core.Order) *core.Plan {
	plan := s.giveBack(orders...)
	for i := range plan.Moves {
		m := &plan.Moves[i]
		m.Order.State, m.Order.TakesState = core.OrderPaid, core.TakesSpent
		m.Release, m.Reclaim = false, true
	}
	for i := range plan.Counters {
		plan.Counters[i].Units = -plan.Counters[i].Units
	}
	return plan
}

// reserve signs the shoppers up.
func (s *sale) reserve(shoppers ...string) *core.Plan {
	plan := &core.Plan{Campaign: s.campaign, Brand: brand, Epoch: s.record.Epoch}
	for _, shopper := range shoppers {
		plan.Reservations = append(plan.Reservations, &core.Reservation{Shopper: shopper, At: opening})
	}
	plan.Counters = []core.Delta{{Counter: core.CounterReservations, Units: int64(len(shoppers))}}
	return plan
}

// deltas returns the units as deltas, sorted by counter.
func deltas(units map[string]int64) []core.Delta {
	var list []core.Delta
	for _, counter := range slices.Sorted(maps.Keys(units)) {
		list = append(list, core.Delta{Counter: counter, Units: units[counter]})
	}
	return list
}

// apply commits the plan or fails the test.
func (s *sale) apply(plan *core.Plan) *core.Applied {
	s.t.Helper()
	applied, err := s.Apply(s.t.Context(), plan)
	must(s.t, err)
	return applied
}

// refused checks that the plan is refused as a conflict.
func (s *sale) refused(plan *core.Plan) {
	s.t.Helper()
	applied, err := s.Apply(s.t.Context(), plan)
	wantConflict(s.t, err)
	if applied != nil {
		s.t.Errorf("a refused plan answers %+v", applied)
	}
}

// key names the sale with its brand.
func (s *sale) key() core.CampaignKey { return core.CampaignKey{Brand: s.brand, ID: s.campaign} }

// state loads everything that the query asks of the sale.
func (s *sale) state(q core.Query) *core.State {
	s.t.Helper()
	q.Campaign, q.Brand = s.campaign, s.brand
	state, err := s.Load(s.t.Context(), q)
	must(s.t, err)
	return state
}

// remaining returns what is left of the counter.
func (s *sale) remaining(counter string) int64 {
	s.t.Helper()
	found, ok := s.state(core.Query{Counters: true}).Counters[counter]
	if !ok {
		s.t.Fatalf("there is no counter %s", counter)
	}
	return found.Remaining
}

// stored loads one order.
func (s *sale) stored(order *core.Order) *core.Order {
	s.t.Helper()
	return s.state(core.Query{Orders: []string{order.ID}}).Orders[order.ID]
}

// reporter is what the checks need of a test, be it of testing or of rapid.
type reporter interface {
	Helper()
	Errorf(format string, arguments ...any)
	Fatalf(format string, arguments ...any)
}

func must(t reporter, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}

func wantConflict(t reporter, err error) {
	t.Helper()
	if !errors.Is(err, core.ErrConflict) {
		t.Fatalf("got the error %v, want a conflict", err)
	}
}

func same(t reporter, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// shopperName numbers the shoppers of a test.
func shopperName(n int) string { return fmt.Sprintf("shopper-%05d", n) }
