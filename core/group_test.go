package core_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"hotdrop/core"
)

const (
	groupPrice  = 150_000
	difference  = 199_900 - groupPrice
	groupLasts  = 30 * time.Minute
	groupOffers = 2 * time.Hour
)

// gathering is a mechanic that asks for groups of a size, and grants a voucher for every order that is confirmed.
func gathering(size int64) shows {
	return shows{"group": {
		core.HookQuote: asking(core.Effect{
			Kind: core.EffectGroup, Units: size, Seconds: int64(groupLasts / time.Second), Amount: groupPrice,
		}),
		core.HookPaid: asking(core.Effect{Kind: core.EffectGrant, Name: "thanks", Units: 1}),
	}}
}

func withGroups(c *core.Campaign) {
	withPool(1000)(c)
	c.Groups = core.GroupTerms{Offer: core.Duration(groupOffers)}
	c.Phases.Closed = opening.Add(24 * time.Hour)
	c.Items[0].Stock = 1000
}

func newGroups(t *testing.T, s store, size int64) *life {
	t.Helper()
	return newLife(t, s, gathering(size), withGroups)
}

// opens places the first order of a group and returns it with the group's id.
func (l *life) opens(shopper string) (*core.Order, string) {
	l.t.Helper()
	o := l.place(shopper)
	return o, groupID(l.t, o)
}

func groupID(t testing.TB, o *core.Order) string {
	t.Helper()
	i := slices.IndexFunc(o.Conditions, func(c core.Condition) bool { return c.Kind == core.ConditionGroup })
	if i < 0 {
		t.Fatalf("the order waits for no group: %+v", o)
	}
	var data struct {
		Group string `json:"group"`
	}
	must(t, json.Unmarshal(o.Conditions[i].Data, &data))
	return data.Group
}

func joining(shopper, group string) core.OrderRequest {
	req := buy(shopper, "k-"+shopper)
	req.Group = group
	return req
}

func (l *life) joins(shopper, group string) *core.Order {
	l.t.Helper()
	o, _, err := l.Place(context.Background(), joining(shopper, group))
	must(l.t, err)
	return o
}

// pays tops the shopper's wallet up and pays the order.
func (l *life) pays(o *core.Order) *core.Order {
	l.t.Helper()
	l.topUp(o.Shopper, 1_000_000)
	return l.pay(o, "p")
}

func (l *life) group(id string) *core.GroupView {
	l.t.Helper()
	g, err := l.Group(context.Background(), id, core.Principal{})
	must(l.t, err)
	return g
}

func (l *life) wantGroup(id, state string, joined int64) {
	l.t.Helper()
	if g := l.group(id); g.State != state || g.Joined != joined {
		l.t.Errorf("the group is %s with %d seats taken, want %s with %d", g.State, g.Joined, state, joined)
	}
}

func wantCondition(t testing.TB, o *core.Order, want string) {
	t.Helper()
	if o.Conditions[0].State != want {
		t.Errorf("%s: the group is %s for it, want %s", o.ID, o.Conditions[0].State, want)
	}
}

func TestAGroupIsCompleteWhenEverySeatIsPaid(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newGroups(t, s, 3)
		first, id := l.opens("s0")
		orders := []*core.Order{first, l.joins("s1", id), l.joins("s2", id)}
		_, _, err := l.Place(t.Context(), joining("s3", id))
		wantCode(t, err, core.CodeGroupFull)
		for i, o := range orders {
			if o.Total != groupPrice {
				t.Errorf("a member pays %d", o.Total)
			}
			if i < 2 {
				paid := l.pays(o)
				if paid.State != core.OrderPaid || paid.TakesState != core.TakesOutstanding ||
					paid.HoldUntil != opening.Add(groupLasts).UnixMilli() {
					t.Errorf("a member of an open group that paid: %+v", paid)
				}
				wantCondition(t, paid, core.ConditionOpen)
				l.audit()
			}
		}
		if len(l.documents(core.DocumentVoucher)) != 0 {
			t.Error("something was granted before the group was complete")
		}
		l.pays(orders[2])
		l.idle()
		l.wantGroup(id, core.GroupComplete, 3)
		for _, o := range orders {
			wantCondition(t, l.wantState(o, core.OrderPaid, core.TakesSpent), core.ConditionMet)
			l.wantTold(o.Shopper, "complete")
		}
		if granted := len(l.documents(core.DocumentVoucher)); granted != 3 {
			t.Errorf("%d vouchers for three members", granted)
		}
		l.clock.advance(3 * groupOffers)
		l.idle()
		l.wantGroup(id, core.GroupComplete, 3)
		l.audit()
	})
}

func TestWhatAGroupRefuses(t *testing.T) {
	l := newGroups(t, sqliteStore(t), 2)
	_, id := l.opens("ann")
	second := buy("ann", "again")
	second.Group = id
	l.def = l.with(func(c *core.Campaign) {
		c.Items[0].Limit = 0
		other := c.Items[0]
		other.SKU = "other"
		c.Items = append(c.Items, other)
	})
	_, err := l.apply(l.def)
	must(t, err)
	_, _, err = l.Place(t.Context(), second)
	wantCode(t, err, core.CodeAlreadyUsed)
	elsewhere := joining("bob", id)
	elsewhere.SKU = "other"
	_, _, err = l.Place(t.Context(), elsewhere)
	wantCode(t, err, core.CodeGroupClosed)
	for _, unknown := range []string{"phone.00000000000000000000000000", "nonsense"} {
		_, _, err = l.Place(t.Context(), joining("bob", unknown))
		wantCode(t, err, core.CodeGroupClosed)
		_, err = l.Group(t.Context(), unknown, core.Principal{})
		wantCode(t, err, core.CodeNotFound)
	}
	l.clock.advance(groupLasts)
	_, _, err = l.Place(t.Context(), joining("bob", id))
	wantCode(t, err, core.CodeGroupClosed)
	if l.left() != 999 {
		t.Errorf("refusals took stock: %d left", l.left())
	}
	l.audit()
}

func TestASeatComesBackWhenItsOrderEnds(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newGroups(t, s, 2)
		leader, id := l.opens("ann")
		gone := l.joins("bob", id)
		_, err := l.Cancel(t.Context(), payOf(gone, "c"))
		must(t, err)
		l.wantGroup(id, core.GroupOpen, 1)
		l.clock.advance(10 * time.Minute)
		late := l.joins("eve", id)
		l.pays(late)
		l.clock.advance(6 * time.Minute) // the leader's hold ends
		_, err = l.Expire(t.Context(), "phone")
		must(t, err)
		l.wantState(leader, core.OrderExpired, core.TakesReturned)
		l.wantGroup(id, core.GroupOpen, 1)
		again := l.joins("dan", id)
		l.pays(again)
		l.idle()
		l.wantGroup(id, core.GroupComplete, 2)
		wantCondition(t, l.wantState(late, core.OrderPaid, core.TakesSpent), core.ConditionMet)
		l.audit()
	})
}

// failed opens a group of three with two members that pay, and lets it fail.
func (l *life) failed() (paid []*core.Order, id string) {
	l.t.Helper()
	first, id := l.opens("s0")
	paid = []*core.Order{first, l.joins("s1", id)}
	for _, o := range paid {
		l.pays(o)
	}
	l.clock.advance(groupLasts)
	l.idle()
	return paid, id
}

func TestAFailedGroupOffersTheDifferenceAndRefundsWhoDoesNotAnswer(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newGroups(t, s, 3)
		orders, id := l.failed()
		l.wantGroup(id, core.GroupFailed, 2)
		for _, o := range orders {
			o = l.wantState(o, core.OrderPaid, core.TakesOutstanding)
			wantCondition(t, o, core.ConditionFailed)
			if len(o.Dues) != 2 || o.Dues[1].Kind != core.DueDifference || o.Dues[1].Amount != difference || o.Dues[1].State != core.DueOpen {
				t.Fatalf("dues = %+v", o.Dues)
			}
			l.wantTold(o.Shopper, "pay another 499.00 CNY by 2012-12-21 14:30 +00:00. If you do nothing")
			l.wantTold(o.Shopper, "您的拼团未能按时成团。您可以在 2012-12-21 14:30 +00:00 前补差价 499.00 元，按原价")
		}
		l.audit()
		confirmed := l.pay(orders[0], "difference")
		if confirmed.State != core.OrderPaid || confirmed.TakesState != core.TakesSpent {
			t.Errorf("after the difference: %+v", confirmed)
		}
		wantCondition(t, confirmed, core.ConditionWaived)
		again, _, err := l.Place(t.Context(), buy("s0", "k-s0"))
		must(t, err)
		if len(again.Dues) != 1 || again.Total != groupPrice || again.State != core.OrderPlaced {
			t.Errorf("the answer to the first request is now %+v", again)
		}
		l.clock.advance(groupOffers - time.Minute)
		l.idle()
		l.wantState(orders[1], core.OrderPaid, core.TakesOutstanding) // it still has time
		l.clock.advance(time.Minute)
		_, err = l.Pay(t.Context(), payOf(orders[1], "late"))
		wantCode(t, err, core.CodeWrongState)
		l.idle()
		l.idle()
		l.wantState(orders[0], core.OrderPaid, core.TakesSpent)
		l.wantState(orders[1], core.OrderRefunded, core.TakesReturned)
		l.wantBalance("s0", 1_000_000-199_900)
		l.wantBalance("s1", 1_000_000)
		l.wantTold("s1", "you get 1500.00 CNY back")
		l.wantTold("s1", "已退款：1500.00 元。")
		if granted := len(l.documents(core.DocumentVoucher)); granted != 1 || l.left() != 999 {
			t.Errorf("%d vouchers, %d left", granted, l.left())
		}
		_, err = l.Pay(t.Context(), payOf(orders[1], "much later"))
		wantCode(t, err, core.CodeRefunded)
		l.audit()
	})
}

func TestAnOfferIsDeclinedByCancelling(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newGroups(t, s, 3)
		orders, _ := l.failed()
		for range 2 {
			declined, err := l.Cancel(t.Context(), payOf(orders[0], "c"))
			must(t, err)
			if declined.State != core.OrderRefunded {
				t.Errorf("declined = %+v", declined)
			}
		}
		l.pay(orders[1], "difference")
		_, err := l.Cancel(t.Context(), payOf(orders[1], "c1"))
		wantCode(t, err, core.CodeWrongState)
		l.idle()
		l.wantBalance("s0", 1_000_000)
		l.wantBalance("s1", 1_000_000-199_900)
		l.clock.advance(3 * groupOffers)
		l.idle()
		l.wantState(orders[0], core.OrderRefunded, core.TakesReturned)
		l.wantState(orders[1], core.OrderPaid, core.TakesSpent)
		l.audit()
	})
}

func TestAFailedGroupWithoutADifferenceConfirmsAtOnce(t *testing.T) {
	l := newLife(t, sqliteStore(t), gathering(3), func(c *core.Campaign) {
		withGroups(c)
		c.Items[0].Price = groupPrice
	})
	orders, _ := l.failed()
	for _, o := range orders {
		o = l.wantState(o, core.OrderPaid, core.TakesSpent)
		wantCondition(t, o, core.ConditionWaived)
		if len(o.Dues) != 1 {
			t.Errorf("dues = %+v", o.Dues)
		}
	}
	l.idle()
	l.audit()
}

func TestPayingAtTheVeryCloseOfAGroupIsTooLate(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newGroups(t, s, 2)
		first, id := l.opens("ann")
		l.pays(first)
		l.clock.advance(groupLasts - 10*time.Minute)
		second := l.joins("bob", id) // whose hold outlasts the group
		l.topUp("bob", 1_000_000)
		l.clock.advance(10 * time.Minute)
		_, err := l.Pay(t.Context(), payOf(second, "p"))
		wantCode(t, err, core.CodeGroupClosed)
		l.wantBalance("bob", 1_000_000)
		_, err = l.Work(t.Context(), "phone")
		must(t, err)
		l.wantGroup(id, core.GroupFailed, 2)
		_, err = l.Pay(t.Context(), payOf(second, "p"))
		wantCode(t, err, core.CodeGroupClosed)
		l.clock.advance(6 * time.Minute)
		_, err = l.Expire(t.Context(), "phone")
		must(t, err)
		l.wantState(second, core.OrderExpired, core.TakesReturned)
		l.wantGroup(id, core.GroupFailed, 1)
		l.audit()
	})
}

// TestMoneyOnItsWayWhenTheGroupFailsGetsTheOfferToo charges just before the close, and lets the group fail before the
// order takes note of the money.
func TestMoneyOnItsWayWhenTheGroupFailsGetsTheOfferToo(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newGroups(t, s, 3)
		first, id := l.opens("ann")
		l.pays(first)
		l.clock.advance(groupLasts - time.Minute)
		second := l.joins("bob", id)
		l.topUp("bob", 1_000_000)
		bank := &slowBank{meanwhile: func() {
			l.clock.advance(time.Minute)
			_, err := l.Work(context.Background(), "phone")
			must(t, err)
		}}
		node := l.another(s, func(p core.Provider) core.Provider {
			bank.Provider = p
			return bank
		})
		_, err := node.Pay(t.Context(), payOf(second, "p"))
		must(t, err)
		l.idle()
		if o := l.wantState(second, core.OrderPaid, core.TakesOutstanding); len(o.Dues) != 2 {
			t.Errorf("dues = %+v", o.Dues)
		}
		l.clock.advance(groupOffers + time.Minute)
		l.idle()
		l.idle()
		for _, o := range []*core.Order{first, second} {
			l.wantState(o, core.OrderRefunded, core.TakesReturned)
			l.wantBalance(o.Shopper, 1_000_000)
		}
		l.audit()
	})
}

func TestTheFileOverridesWhatMembersAreTold(t *testing.T) {
	l := newLife(t, sqliteStore(t), gathering(3), func(c *core.Campaign) {
		withGroups(c)
		c.Templates = map[string]core.Text{"group_failed": {EN: "Too bad about {order.id}"}}
	})
	orders, _ := l.failed()
	l.wantTold("s0", "Too bad about "+orders[0].ID)
}
