package core_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"hotdrop/core"
)

// obliging is a mechanic by which an order carries a duty.
func obliging() shows {
	return shows{"trade-in": {core.HookQuote: asking(core.Effect{Kind: core.EffectOblige, Name: "hand_in", Data: `{"model":"S4"}`})}}
}

func clerk(o *core.Order) core.StaffAction {
	return core.StaffAction{
		Order: o.ID, Actor: core.Principal{ID: "clerk", Role: core.RoleBrand, Brand: "xiaomi"}, Reason: "as agreed",
	}
}

func (l *life) moves(o *core.Order, state string) (*core.Order, error) {
	a := clerk(o)
	a.Kind, a.State = "hand_in", state
	return l.MoveCondition(context.Background(), a)
}

func (l *life) ships(o *core.Order) (*core.Order, error) {
	a := clerk(o)
	a.Reason, a.Carrier, a.Tracking = "", "SF", "SF123"
	return l.Ship(context.Background(), a)
}

func TestAnObligationGoesOnlyForward(t *testing.T) {
	l := newLife(t, sqliteStore(t), obliging(), func(c *core.Campaign) { c.Items[0].Stock = 1000 })
	states := []string{core.ConditionOpen, core.ConditionReceived, core.ConditionWaived, core.ConditionFailed}
	allowed := map[string]string{
		core.ConditionOpen:     core.ConditionReceived + core.ConditionWaived + core.ConditionFailed,
		core.ConditionReceived: core.ConditionReceived + core.ConditionWaived + core.ConditionFailed,
		core.ConditionWaived:   core.ConditionWaived, core.ConditionFailed: core.ConditionFailed,
	}
	for _, from := range states {
		for _, to := range states {
			t.Run("from "+from+" to "+to, func(t *testing.T) {
				o := l.place(from + "-" + to)
				if from != core.ConditionOpen {
					_, err := l.moves(o, from)
					must(t, err)
				}
				want := core.Code("")
				switch {
				case to == core.ConditionOpen:
					want = core.CodeInvalid
				case !strings.Contains(allowed[from], to):
					want = core.CodeWrongState
				}
				_, err := l.moves(o, to)
				wantCode(t, err, want)
				if state := l.order(o).Conditions[0].State; (state == to) != (want == "" || from == to) {
					t.Errorf("it is %s", state)
				}
			})
		}
	}
	l.audit()
}

func TestWhatStaffMayNotDoToAnObligation(t *testing.T) {
	l := newGroups(t, sqliteStore(t), 2)
	o := l.place("ann")
	for _, tt := range []struct {
		name   string
		change func(*core.StaffAction)
		want   core.Code
	}{
		{"without a reason", func(a *core.StaffAction) { a.Reason = "" }, core.CodeInvalid},
		{"to a state that there is not", func(a *core.StaffAction) { a.State = "lost" }, core.CodeInvalid},
		{"of a kind that the order does not have", func(a *core.StaffAction) { a.Kind = "dance" }, core.CodeNotFound},
		{"the group's completeness", func(a *core.StaffAction) { a.Kind = core.ConditionGroup }, core.CodeInvalid},
		{"of another brand's order", func(a *core.StaffAction) { a.Actor.Brand = "meizu" }, core.CodeNotFound},
		{"of an order that there is not", func(a *core.StaffAction) { a.Order = "phone.00000000000000000000000000" }, core.CodeNotFound},
		{"at a revision that is not the order's", func(a *core.StaffAction) { a.IfMatch = 7 }, core.CodePreconditionFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := clerk(o)
			a.Kind, a.State = "hand_in", core.ConditionReceived
			tt.change(&a)
			_, err := l.MoveCondition(t.Context(), a)
			wantCode(t, err, tt.want)
		})
	}
}

func TestAnOrderShipsWhenEverythingIsMetAndItsShopperIsTold(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, obliging(), nil)
		o := l.place("ann")
		_, err := l.ships(o)
		wantCode(t, err, core.CodeWrongState) // not paid
		l.pays(o)
		_, err = l.ships(o)
		wantCode(t, err, core.CodeWrongState) // nothing was handed in
		_, err = l.Deliver(t.Context(), clerk(o))
		wantCode(t, err, core.CodeWrongState)
		_, err = l.moves(o, core.ConditionReceived)
		must(t, err)
		for range 2 {
			sent, err := l.ships(o)
			must(t, err)
			if sent.State != core.OrderShipped || sent.Shipment.Carrier != "SF" || sent.Shipment.Tracking != "SF123" {
				t.Errorf("sent = %+v", sent)
			}
		}
		other := clerk(o)
		other.Carrier, other.Tracking = "SF", "another"
		_, err = l.Ship(t.Context(), other)
		wantCode(t, err, core.CodeWrongState)
		_, err = l.moves(o, core.ConditionFailed)
		wantCode(t, err, core.CodeWrongState)
		for range 2 {
			arrived, err := l.Deliver(t.Context(), clerk(o))
			must(t, err)
			if arrived.State != core.OrderDelivered || arrived.Shipment.DeliveredAt == 0 || arrived.Shipment.Tracking != "SF123" {
				t.Errorf("arrived = %+v", arrived)
			}
		}
		if told := l.told("ann"); len(told) != 1 || !strings.Contains(told[0], "SF123") {
			t.Errorf("told = %q", told)
		}
		l.audit()
	})
}

func TestARefundReturnsEverythingUntilTheOrderHasShipped(t *testing.T) {
	for _, shipped := range []bool{false, true} {
		t.Run(fmt.Sprintf("shipped %v", shipped), func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				l := newLife(t, s, nil, nil)
				o := l.place("ann")
				_, err := l.RefundOrder(t.Context(), clerk(o))
				wantCode(t, err, core.CodeWrongState) // nothing was paid
				l.pays(o)
				left, takes := int64(10), core.TakesReturned
				if shipped {
					_, err := l.ships(o)
					must(t, err)
					left, takes = 9, core.TakesSpent
				}
				for range 2 {
					refunded, err := l.RefundOrder(t.Context(), clerk(o))
					must(t, err)
					if refunded.State != core.OrderRefunded || refunded.Dues[0].State != core.DueRefunded {
						t.Errorf("refunded = %+v", refunded)
					}
				}
				l.idle()
				l.wantState(o, core.OrderRefunded, takes)
				l.wantBalance("ann", 1_000_000)
				l.wantTold("ann", "refunded")
				if l.left() != left {
					t.Errorf("%d left, want %d", l.left(), left)
				}
				_, err = l.Pay(t.Context(), payOf(o, "again"))
				wantCode(t, err, core.CodeRefunded)
				_, err = l.ships(o)
				if !shipped {
					wantCode(t, err, core.CodeWrongState)
				}
				l.audit()
			})
		})
	}
}

func TestARefundOfAMemberFreesItsSeat(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newGroups(t, s, 2)
		o, id := l.opens("ann")
		l.pays(o)
		_, err := l.RefundOrder(t.Context(), clerk(o))
		must(t, err)
		l.wantGroup(id, core.GroupOpen, 0)
		for _, shopper := range []string{"bob", "eve"} {
			l.pays(l.joins(shopper, id))
		}
		l.idle()
		l.wantGroup(id, core.GroupComplete, 2)
		l.wantBalance("ann", 1_000_000)
		l.audit()
	})
}

func TestStaffSeeTheOrdersOfTheirBrandByState(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, nil, nil)
		var paid []string
		for i := range 5 {
			o := l.place(fmt.Sprintf("s%d", i))
			if i%2 == 0 {
				l.pays(o)
				paid = append([]string{o.ID}, paid...)
			}
			l.clock.advance(1)
		}
		staff := core.Principal{ID: "clerk", Brand: "xiaomi"}
		var seen []string
		cursor := ""
		for {
			page, err := l.StaffOrders(t.Context(), "phone", string(core.OrderPaid), cursor, 2, staff)
			must(t, err)
			for _, o := range page.Data {
				seen = append(seen, o.ID)
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if len(seen) != len(paid) {
			t.Errorf("paid orders are %v, want %v", seen, paid)
		}
		if page, err := l.StaffOrders(t.Context(), "phone", "", "", 10, staff); err != nil || len(page.Data) != 5 || page.Next != "" {
			t.Errorf("all orders: %d, next %q, %v", len(page.Data), page.Next, err)
		}
		_, err := l.StaffOrders(t.Context(), "phone", "lost", "", 2, staff)
		wantCode(t, err, core.CodeInvalid)
		staff.Brand = "meizu"
		_, err = l.StaffOrders(t.Context(), "phone", "", "", 2, staff)
		wantCode(t, err, core.CodeNotFound)
		_, err = l.StaffOrder(t.Context(), seen[0], staff)
		wantCode(t, err, core.CodeNotFound)
		staff.Brand = ""
		if o, err := l.StaffOrder(t.Context(), seen[0], staff); err != nil || o.ID != seen[0] {
			t.Errorf("%v, %v", o, err)
		}
	})
}

// TestStaffOfTwoNodesActAtOnce lets many of them do the same and the contrary to one order.
func TestStaffOfTwoNodesActAtOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, nil, nil)
		nodes := []*core.Engine{l.Engine, l.another(s, nil)}
		o := l.place("ann")
		l.pays(o)
		var rush sync.WaitGroup
		for i := range 20 {
			rush.Go(func() {
				a := clerk(o)
				a.Carrier, a.Tracking = "SF", "SF123"
				act := nodes[i%2].Ship
				if i%4 > 1 {
					act = nodes[i%2].RefundOrder
				}
				if _, err := act(context.Background(), a); err != nil && core.CodeOf(err) != core.CodeWrongState {
					t.Error(err)
				}
			})
		}
		rush.Wait()
		l.idle()
		l.wantBalance("ann", 1_000_000)
		if now := l.order(o); now.State != core.OrderRefunded {
			t.Errorf("the order is %s", now.State)
		}
		if told := len(l.told("ann")); told > 2 {
			t.Errorf("ann was told %d times", told)
		}
		l.audit()
	})
}

// TestWhatStaffDoIsLoggedWithItsReasonAndOnce reads the entries from the plans that were committed.
func TestWhatStaffDoIsLoggedWithItsReasonAndOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, obliging(), nil)
		o := l.place("ann")
		l.pays(o)
		recording := &mortal{Store: s}
		var entries []*core.StaffEntry
		recording.dies(func(plan *core.Plan) bool {
			if plan.Entry != nil {
				entries = append(entries, plan.Entry)
			}
			return false
		})
		l.Engine = l.another(recording, nil)
		for range 2 {
			_, err := l.moves(o, core.ConditionReceived)
			must(t, err)
		}
		for range 2 {
			_, err := l.ships(o)
			must(t, err)
			_, err = l.Deliver(t.Context(), clerk(o))
			if err != nil {
				t.Error(err)
			}
		}
		_, err := l.RefundOrder(t.Context(), clerk(o))
		must(t, err)
		var actions []string
		for _, e := range entries {
			actions = append(actions, e.Action)
			if e.Actor != "clerk" || e.Role != string(core.RoleBrand) || e.Brand != "xiaomi" || e.Campaign != "phone" || e.At == 0 || e.Reason == "" {
				t.Errorf("entry = %+v", e)
			}
			for _, half := range [][]byte{e.Before, e.After} {
				if !strings.Contains(string(half), o.ID) {
					t.Errorf("%s: %s", e.Action, half)
				}
			}
		}
		if got := strings.Join(actions, " "); got != "order.condition order.ship order.deliver order.refund" {
			t.Errorf("the staff log has %q", got)
		}
		if first := entries[0]; first.Reason != "as agreed" || !strings.Contains(string(first.Before), `"open"`) ||
			!strings.Contains(string(first.After), `"received"`) {
			t.Errorf("entry = %+v", first)
		}
	})
}

// TestAReasonNamesNoShopper: the staff log keeps it for ever, and an erasure takes the shopper's id out of everything else.
func TestAReasonNamesNoShopper(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, obliging(), nil)
		o := l.place("ann")
		l.pays(o)
		named := clerk(o)
		named.Reason = "ann has called"
		_, err := l.RefundOrder(t.Context(), named)
		wantCode(t, err, core.CodeInvalid)
		if err != nil && !strings.Contains(err.Error(), "names the shopper") {
			t.Errorf("it says %v", err)
		}
		if after := l.order(o); after.State != core.OrderPaid {
			t.Errorf("the order is %s", after.State)
		}
		_, err = l.RefundOrder(t.Context(), clerk(o))
		must(t, err)
	})
}

func TestAnActionSaysWhatIsWrongWithIt(t *testing.T) {
	l := newLife(t, sqliteStore(t), nil, nil)
	o := l.place("ann")
	l.pays(o)
	long := strings.Repeat("x", 129)
	for _, tt := range []struct {
		name string
		act  func(context.Context, core.StaffAction) (*core.Order, error)
		with core.StaffAction
		want core.Code
	}{
		{"a parcel without a carrier", l.Ship, core.StaffAction{Tracking: "1"}, core.CodeInvalid},
		{"a parcel without a number", l.Ship, core.StaffAction{Carrier: "SF"}, core.CodeInvalid},
		{"a carrier of too many characters", l.Ship, core.StaffAction{Carrier: long, Tracking: "1"}, core.CodeInvalid},
		{"a number with a line break", l.Ship, core.StaffAction{Carrier: "SF", Tracking: "1\n2"}, core.CodeInvalid},
		{"a number that is not text", l.Ship, core.StaffAction{Carrier: "SF", Tracking: "\xff"}, core.CodeInvalid},
		{"a refund without a reason", l.RefundOrder, core.StaffAction{}, core.CodeInvalid},
		{"a balance of an order that has none", l.ConfirmDue, core.StaffAction{Kind: core.DueBalance, Reference: "1", Reason: "r"}, core.CodeWrongState},
		{"a balance without a reference", l.ConfirmDue, core.StaffAction{Kind: core.DueBalance, Reason: "r"}, core.CodeInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.with.Order, tt.with.Actor = o.ID, clerk(o).Actor
			_, err := tt.act(t.Context(), tt.with)
			wantCode(t, err, tt.want)
			if now := l.order(o); now.Revision != 2 {
				t.Errorf("the order is at revision %d", now.Revision)
			}
		})
	}
}
