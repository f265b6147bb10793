package storetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// model is what a campaign's tables should hold, in maps. It says what a plan does in the words of core.Plan, part by
// part, and stops at the first part that is refused.
type model struct {
	epoch        int64
	counters     map[string]core.Counter
	claims       map[claimKey]core.Claim
	orders       map[string]*core.Order
	reservations map[string]core.Reservation
	documents    map[core.DocumentKey]*core.Document
}

type claimKey struct {
	shopper string
	kind    core.ClaimKind
	key     string
}

func keyOf(c core.Claim) claimKey { return claimKey{c.Shopper, c.Kind, c.Key} }

func (m *model) clone() *model {
	return &model{m.epoch, maps.Clone(m.counters), maps.Clone(m.claims), maps.Clone(m.orders), maps.Clone(m.reservations),
		maps.Clone(m.documents)}
}

// after returns the model after the plan, or nil when the plan is refused.
func (m *model) after(plan *core.Plan) *model {
	next := m.clone()
	for _, part := range []func(*core.Plan) bool{
		next.move, next.release, next.claim, next.place, next.write, next.take, next.reserve,
	} {
		if !part(plan) {
			return nil
		}
	}
	return next
}

func (m *model) move(plan *core.Plan) bool {
	for _, move := range plan.Moves {
		stored := m.orders[move.Order.ID]
		if stored == nil || stored.Revision != move.Order.Revision {
			return false
		}
		moved, o := *stored, move.Order
		moved.Revision++
		moved.State, moved.TakesState, moved.HoldUntil, moved.UpdatedAt = o.State, o.TakesState, o.HoldUntil, o.UpdatedAt
		moved.Dues, moved.Conditions, moved.Shipment = o.Dues, o.Conditions, o.Shipment
		m.orders[o.ID] = &moved
	}
	return true
}

func (m *model) release(plan *core.Plan) bool {
	for _, move := range plan.Moves {
		if !move.Release {
			continue
		}
		for _, c := range move.Order.Claims {
			if m.claims[keyOf(c)].Owner != move.Order.ID {
				return false
			}
			delete(m.claims, keyOf(c))
		}
	}
	return true
}

func (m *model) claim(plan *core.Plan) bool {
	claims := slices.Clone(plan.Claims)
	for _, move := range plan.Moves {
		if move.Reclaim {
			claims = append(claims, move.Order.Claims...)
		}
	}
	for _, c := range claims {
		if _, taken := m.claims[keyOf(c)]; taken {
			return false
		}
		m.claims[keyOf(c)] = c
	}
	return true
}

func (m *model) place(plan *core.Plan) bool {
	for _, order := range plan.Orders {
		if m.orders[order.ID] != nil {
			return false
		}
		m.orders[order.ID] = order
	}
	return true
}

func (m *model) write(plan *core.Plan) bool {
	for _, d := range plan.Documents {
		stored, revision := m.documents[d.Key()], int64(0)
		if stored != nil {
			revision = stored.Revision
		}
		switch {
		case revision != d.Revision || d.State == "" && stored == nil:
			return false
		case d.State == "":
			delete(m.documents, d.Key())
		default:
			m.documents[d.Key()] = at(d, revision+1)
		}
	}
	return true
}

func (m *model) take(plan *core.Plan) bool {
	for _, delta := range plan.Counters {
		c, ok := m.counters[delta.Counter]
		c.Remaining -= delta.Units
		if !ok || c.Remaining < 0 || c.Remaining > c.Limit || (plan.Epoch != 0 && plan.Epoch != m.epoch) {
			return false
		}
		m.counters[delta.Counter] = c
	}
	return true
}

func (m *model) reserve(plan *core.Plan) bool {
	for _, r := range plan.Reservations {
		if _, reserved := m.reservations[r.Shopper]; reserved {
			return false
		}
		m.reservations[r.Shopper] = core.Reservation{Shopper: r.Shopper, At: r.At, Position: int64(len(m.reservations)) + 1}
	}
	return true
}

// limit sets the limits; it returns nil when one is below what is taken.
func (m *model) limit(limits map[string]int64, epoch int64) *model {
	next := m.clone()
	next.epoch = epoch
	for key, c := range m.counters {
		taken := c.Limit - c.Remaining
		limit, named := limits[key]
		if !named {
			limit = taken
		}
		if limit < taken {
			return nil
		}
		next.counters[key] = core.Counter{Limit: limit, Remaining: limit - taken}
	}
	for key, limit := range limits {
		if _, ok := m.counters[key]; !ok {
			next.counters[key] = core.Counter{Limit: limit, Remaining: limit}
		}
	}
	return next
}

// history is a store and its model, side by side.
type history struct {
	*sale
	model *model
}

func testModel(t *testing.T, store Store) {
	rapid.Check(t, func(rt *rapid.T) {
		s := openSale(t, store, map[string]int64{stock: 6, "quota/a": 4})
		h := &history{sale: s, model: &model{
			epoch: 1, claims: map[claimKey]core.Claim{}, orders: map[string]*core.Order{},
			reservations: map[string]core.Reservation{}, documents: map[core.DocumentKey]*core.Document{},
			counters: map[string]core.Counter{
				stock: {Limit: 6, Remaining: 6}, "quota/a": {Limit: 4, Remaining: 4},
				core.CounterReservations: {Limit: core.Unbounded, Remaining: core.Unbounded},
			},
		}}
		rt.Repeat(map[string]func(*rapid.T){
			"plan":   h.stepPlan,
			"locked": h.stepLocked,
			"limits": h.stepLimits,
			"lists":  h.compareLists,
			"":       h.compare,
		})
	})
}

// stepPlan applies a random plan to both, and compares the answers.
func (h *history) stepPlan(rt *rapid.T) {
	plan := h.draw(rt)
	applied, err := h.Apply(h.t.Context(), plan)
	h.settle(rt, plan, applied, err)
}

// stepLocked does the same under the lock.
func (h *history) stepLocked(rt *rapid.T) {
	plan := h.draw(rt)
	applied, err := h.ApplyLocked(h.t.Context(), core.Query{Campaign: h.campaign, Brand: brand}, func(state *core.State) (*core.Plan, error) {
		if !maps.Equal(state.Counters, h.model.counters) || state.Epoch != h.model.epoch {
			rt.Fatalf("the state %+v is not the model's", state)
		}
		return plan, nil
	})
	h.settle(rt, plan, applied, err)
}

func (h *history) settle(rt *rapid.T, plan *core.Plan, applied *core.Applied, err error) {
	next := h.model.after(plan)
	if next == nil {
		wantConflict(rt, err)
		return
	}
	must(rt, err)
	for _, delta := range plan.Counters {
		same(rt, "remaining of "+delta.Counter, applied.Remaining[delta.Counter], next.counters[delta.Counter].Remaining)
	}
	for _, r := range plan.Reservations {
		same(rt, "reservation", *r, next.reservations[r.Shopper])
	}
	h.model = next
}

// stepLimits saves random limits.
func (h *history) stepLimits(rt *rapid.T) {
	h.record.Revision++
	h.record.Epoch += rapid.Int64Range(0, 1).Draw(rt, "epoch")
	h.limits = map[string]int64{core.CounterReservations: core.Unbounded}
	for _, counter := range []string{stock, "quota/a", "quota/b"} {
		if rapid.Bool().Draw(rt, "named") {
			h.limits[counter] = rapid.Int64Range(0, 12).Draw(rt, counter)
		}
	}
	next := h.model.limit(h.limits, h.record.Epoch)
	err := h.SaveCampaign(h.t.Context(), h.change())
	if next == nil {
		same(rt, "code", core.CodeOf(err), core.CodeBelowTaken)
		h.record.Revision--
		h.record.Epoch = h.model.epoch
		return
	}
	must(rt, err)
	h.model = next
}

// draw makes a plan that may or may not fit: new orders, moves back and forth, sign-ups; now and then with a stale
// revision, a stale epoch or wrong units.
func (h *history) draw(rt *rapid.T) *core.Plan {
	plan := &core.Plan{Campaign: h.campaign, Brand: brand}
	units := map[string]int64{}
	for range rapid.IntRange(0, 2).Draw(rt, "orders") {
		order := h.drawOrder(rt)
		plan.Orders = append(plan.Orders, order)
		plan.Claims = append(plan.Claims, order.Claims...)
		addUnits(units, order, 1)
	}
	for range rapid.IntRange(0, 2).Draw(rt, "moves") {
		h.drawMove(rt, plan, units)
	}
	for range rapid.IntRange(0, 2).Draw(rt, "reservations") {
		shopper := shopperName(rapid.IntRange(0, 20).Draw(rt, "who reserves"))
		plan.Reservations = append(plan.Reservations, &core.Reservation{Shopper: shopper, At: opening})
		units[core.CounterReservations]++
	}
	h.drawDocuments(rt, plan)
	plan.Counters = deltas(units)
	if rapid.Bool().Draw(rt, "fenced") {
		plan.Epoch = h.model.epoch - rapid.SampledFrom([]int64{0, 0, 0, 1}).Draw(rt, "stale")
	}
	return plan
}

func addUnits(units map[string]int64, order *core.Order, sign int64) {
	for _, take := range order.Takes {
		units[take.Counter] += sign * take.Units
	}
}

func (h *history) drawOrder(rt *rapid.T) *core.Order {
	order := h.order(shopperName(rapid.IntRange(0, 6).Draw(rt, "who buys")))
	order.Takes[0].Units = rapid.Int64Range(1, 2).Draw(rt, "units")
	if rapid.Bool().Draw(rt, "with quota") {
		order.Takes = append(order.Takes, core.Take{Counter: rapid.SampledFrom([]string{"quota/a", "quota/b"}).Draw(rt, "quota"), Units: 1})
	}
	order.Claims[0].Key = fmt.Sprintf("%s/%d", sku, rapid.IntRange(1, 2).Draw(rt, "slot"))
	return order
}

// drawMove gives an order back or takes it again, whether that fits its state or not.
func (h *history) drawMove(rt *rapid.T, plan *core.Plan, units map[string]int64) {
	if len(h.model.orders) == 0 {
		return
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(h.model.orders))).Draw(rt, "order")
	stored := h.model.orders[id]
	moves := h.giveBack(stored).Moves
	sign := int64(-1)
	if (stored.TakesState == core.TakesReturned) != rapid.SampledFrom([]bool{false, false, false, true}).Draw(rt, "misfit") {
		moves, sign = h.takeBack(stored).Moves, 1
	}
	moves[0].Order.Revision -= rapid.SampledFrom([]int64{0, 0, 0, 1}).Draw(rt, "stale revision")
	plan.Moves = append(plan.Moves, moves...)
	addUnits(units, stored, sign)
}

// drawDocuments inserts, changes and deletes documents, each at most once; now and then of a stale revision.
func (h *history) drawDocuments(rt *rapid.T, plan *core.Plan) {
	key := rapid.Custom(func(rt *rapid.T) core.DocumentKey {
		return core.DocumentKey{
			Kind: rapid.SampledFrom([]core.DocumentKind{core.DocumentTags, core.DocumentTask}).Draw(rt, "kind"),
			ID:   rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "id"),
		}
	})
	for _, key := range rapid.SliceOfNDistinct(key, 0, 3, rapid.ID).Draw(rt, "documents") {
		d := &core.Document{
			Kind: key.Kind, ID: key.ID, Shopper: rapid.SampledFrom([]string{"", "ann", "bob"}).Draw(rt, "whose"),
			State: rapid.SampledFrom([]string{"", "kept", "open"}).Draw(rt, "state"), Due: rapid.Int64Range(0, 9).Draw(rt, "due"),
			Content: rapid.SampledFrom([]json.RawMessage{nil, []byte("{}"), []byte("[1]")}).Draw(rt, "content"),
		}
		if stored := h.model.documents[key]; stored != nil {
			d.Revision = stored.Revision
		}
		d.Revision += rapid.SampledFrom([]int64{0, 0, 0, 0, 0, 1}).Draw(rt, "stale document")
		plan.Documents = append(plan.Documents, d)
	}
}

// sortedDocuments returns the documents by kind and id.
func sortedDocuments(list []*core.Document) []*core.Document {
	return slices.SortedFunc(slices.Values(list), compareDocuments)
}

// compareLists checks what queries find of the documents.
func (h *history) compareLists(rt *rapid.T) {
	all := sortedDocuments(slices.Collect(maps.Values(h.model.documents)))
	having := func(has func(d *core.Document) bool) (some []*core.Document) {
		for _, d := range all {
			if has(d) {
				some = append(some, d)
			}
		}
		return some
	}
	due, err := h.DueDocuments(h.t.Context(), h.key(), 5, 99)
	must(rt, err)
	if !slices.IsSortedFunc(due, func(a, b *core.Document) int { return int(a.Due - b.Due) }) {
		rt.Errorf("what is due is not sorted: %+v", due)
	}
	same(rt, "documents due", sortedDocuments(due), having(func(d *core.Document) bool { return d.Due > 0 && d.Due <= 5 }))
	list, err := h.ListDocuments(h.t.Context(), core.DocumentQuery{
		Campaign: h.campaign, Brand: brand, Kind: core.DocumentTask, Shopper: "ann", Prefix: "b", Limit: 99,
	})
	must(rt, err)
	same(rt, "documents listed", list, having(func(d *core.Document) bool {
		return d.Kind == core.DocumentTask && d.Shopper == "ann" && d.ID == "b"
	}))
}

// compare checks that the store holds what the model holds, and that every equation holds in it: a misfit move would
// break one, but the claims of its order refuse it.
func (h *history) compare(rt *rapid.T) {
	b := h.book()
	b.check(rt)
	same(rt, "number of counters", len(b.Counters), len(h.model.counters))
	for key, want := range h.model.counters {
		same(rt, key, b.Counters[key], counterRow{want, h.model.epoch, h.model.epoch})
	}
	same(rt, "claims", sortedClaims(b.Claims), sortedClaims(slices.Collect(maps.Values(h.model.claims))))
	same(rt, "number of orders", len(b.Orders), len(h.model.orders))
	for _, order := range b.Orders {
		same(rt, "order", order, h.model.orders[order.ID])
	}
	same(rt, "number of reservations", len(b.Reservations), len(h.model.reservations))
	for _, r := range b.Reservations {
		same(rt, "reservation", r, h.model.reservations[r.Shopper])
	}
	same(rt, "documents", b.Documents, sortedDocuments(slices.Collect(maps.Values(h.model.documents))))
}
