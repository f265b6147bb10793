package core_test

import (
	"testing"
	"time"

	"hotdrop/core"
)

func TestADepositAndAGroupAreNeverAskedForTogether(t *testing.T) {
	group := core.Effect{Kind: core.EffectGroup, Units: 3, Seconds: 1800, Amount: groupPrice}
	deposit := core.Effect{Kind: core.EffectDeposit, Amount: 20_000, Credit: 30_000}
	for name, m := range map[string]shows{
		"by one mechanic":               {"a": {core.HookQuote: asking(group, deposit)}},
		"by two, the group first":       {"a": {core.HookQuote: asking(group)}, "b": {core.HookQuote: asking(deposit)}},
		"by two, the deposit first":     {"a": {core.HookQuote: asking(deposit)}, "b": {core.HookQuote: asking(group)}},
		"by one, the deposit the first": {"a": {core.HookQuote: asking(deposit, group)}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t, sqliteStore(t), m, withGroups)
			_, _, err := l.Place(t.Context(), buy("ann", "k"))
			wantCode(t, err, core.CodeMechanicFailed)
		})
	}
}

// parted makes the order of a group one with a deposit too, as earlier versions could place it.
func (l *life) parted(o *core.Order) {
	l.t.Helper()
	parted := *l.order(o)
	due := parted.Dues[0]
	parted.Dues = []core.Due{
		{Kind: core.DueDeposit, Amount: depositPaid, DueAt: due.DueAt, State: core.DueOpen, Unpaid: core.UnpaidForfeit},
		{
			Kind: core.DueBalance, Amount: due.Amount - depositPaid, State: core.DueOpen,
			DueAt: l.clock.now().Add(12 * time.Hour).UnixMilli(),
		},
	}
	_, err := l.store.Apply(l.t.Context(), &core.Plan{Campaign: "phone", Brand: o.Brand, Moves: []core.Move{{Order: &parted}}})
	must(l.t, err)
}

// TestADepositOfAnOrderThatWaitsForItsGroupIsNeverForfeited is about orders that earlier versions placed.
func TestADepositOfAnOrderThatWaitsForItsGroupIsNeverForfeited(t *testing.T) {
	for name, end := range map[string]func(l *life, o *core.Order){
		"when the group fails": func(l *life, _ *core.Order) {
			l.clock.advance(groupLasts)
			l.idle()
		},
		"when the order is cancelled": func(l *life, o *core.Order) {
			_, err := l.Cancel(l.t.Context(), payOf(o, "c"))
			must(l.t, err)
			l.idle()
		},
		"when the order expires first": func(l *life, _ *core.Order) {
			l.clock.advance(13 * time.Hour)
			_, err := l.Expire(l.t.Context(), "phone")
			must(l.t, err)
			l.idle()
		},
		"when all is paid and nobody else comes": func(l *life, o *core.Order) {
			l.pay(o, "balance")
			l.clock.advance(groupLasts)
			l.idle()
			l.clock.advance(groupOffers)
			l.idle()
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				l := newGroups(t, s, 2)
				o, id := l.opens("ann")
				l.joins("bob", id) // who never pays
				l.parted(o)
				l.pays(o)
				end(l, o)
				if now := l.order(o); now.Dues[0].State != core.DueRefunded || now.TakesState != core.TakesReturned {
					t.Errorf("%s: %+v", now.State, now.Dues)
				}
				l.wantTold("ann", "refunded")
				l.wantBalance("ann", 1_000_000)
				l.audit()
			})
		})
	}
}

func TestTheOfferOfAFailedGroupKeepsEveryOtherDiscount(t *testing.T) {
	group := asking(core.Effect{Kind: core.EffectGroup, Units: 3, Seconds: 1800, Amount: groupPrice})
	for _, tt := range []struct {
		name        string
		others      []core.Effect // of a mechanic after the group's
		change      func(*core.Campaign)
		total, more int64
	}{
		{"money off for what is handed in", []core.Effect{
			{Kind: core.EffectDiscount, Amount: 50_000}, {Kind: core.EffectOblige, Name: "hand-in"},
		}, nil, groupPrice - 50_000, difference},
		{"a tenth off", []core.Effect{{Kind: core.EffectDiscountPercent, Amount: 1_000}}, nil, 135_000, 199_900 - 19_990 - 135_000},
		{"a later price, which is the price without the group too", []core.Effect{{Kind: core.EffectPrice, Amount: 120_000}}, nil, 120_000, 0},
		{"a guardrail that leaves less than the group's price", nil, func(c *core.Campaign) { c.Guardrails.MaxDiscount = 10_000 }, 189_900, 10_000},
		{
			"a guardrail that the rest stays within", []core.Effect{{Kind: core.EffectDiscount, Amount: 5_000}},
			func(c *core.Campaign) { c.Guardrails.MaxDiscount = 10_000 }, 189_900, 5_000,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				l := newLife(t, s, shows{"a-group": {core.HookQuote: group}, "b": {core.HookQuote: asking(tt.others...)}}, func(c *core.Campaign) {
					withGroups(c)
					if tt.change != nil {
						tt.change(c)
					}
				})
				o := l.place("ann")
				if o.Total != tt.total {
					t.Errorf("the group's price is %d, want %d", o.Total, tt.total)
				}
				l.pays(o)
				l.clock.advance(groupLasts + time.Minute)
				l.idle()
				now := l.order(o)
				if tt.more == 0 {
					if l.wantState(o, core.OrderPaid, core.TakesSpent); len(now.Dues) != 1 {
						t.Errorf("dues = %+v", now.Dues)
					}
					return
				}
				if len(now.Dues) != 2 || now.Dues[1].Amount != tt.more {
					t.Errorf("dues = %+v, want a difference of %d", now.Dues, tt.more)
				}
				l.pay(o, "difference")
				l.wantState(o, core.OrderPaid, core.TakesSpent)
				l.wantBalance("ann", 1_000_000-tt.total-tt.more)
				l.audit()
			})
		})
	}
}

// pins changes what is pinned of the group with the order.
func (l *life) pins(o *core.Order, data string) {
	l.t.Helper()
	changed := *l.order(o)
	changed.Conditions = []core.Condition{{Kind: core.ConditionGroup, Data: []byte(data), State: core.ConditionOpen}}
	_, err := l.store.Apply(l.t.Context(), &core.Plan{Campaign: "phone", Brand: o.Brand, Moves: []core.Move{{Order: &changed}}})
	must(l.t, err)
}

func TestWhatIsOfferedToAnOrderOfAnEarlierVersion(t *testing.T) {
	l := newGroups(t, sqliteStore(t), 3)
	o, id := l.opens("ann")
	l.pays(o)
	l.pins(o, `{"group":"`+id+`"}`)
	l.clock.advance(groupLasts)
	l.idle()
	if now := l.order(o); len(now.Dues) != 2 || now.Dues[1].Amount != difference {
		t.Errorf("dues = %+v", now.Dues)
	}
	l.audit()
}

func TestAnOrderWhoseOfferCannotBeToldIsRefunded(t *testing.T) {
	l := newGroups(t, sqliteStore(t), 3)
	o, id := l.opens("ann")
	l.pays(o)
	l.pins(o, `{"difference":"much","group":"`+id+`"}`)
	l.clock.advance(groupLasts)
	l.idle()
	l.wantState(o, core.OrderRefunded, core.TakesReturned)
	l.wantBalance("ann", 1_000_000)
	l.audit()
}

// TestWhoPaysTheDifferenceCostsTheBudgetNothing follows the discount budget through every end of a failed group's order.
func TestWhoPaysTheDifferenceCostsTheBudgetNothing(t *testing.T) {
	const budget, voucher = 200_000, 7_000
	eachStore(t, func(t *testing.T, s store) {
		m := gathering(3)
		m["voucher"] = hooks{core.HookQuote: asking(core.Effect{Kind: core.EffectDiscount, Amount: voucher})}
		l := newLife(t, s, m, func(c *core.Campaign) {
			withGroups(c)
			c.Guardrails.DiscountBudget = budget
		})
		left := func(want int64) {
			t.Helper()
			l.audit()
			if got := l.counter(core.CounterBudget).Remaining; got != want {
				t.Errorf("%d of the budget are left, want %d", got, want)
			}
		}
		orders, _ := l.failed()
		left(budget - 2*(difference+voucher))
		l.pay(orders[0], "difference")
		left(budget - voucher - (difference + voucher))
		l.clock.advance(groupOffers)
		l.idle()
		l.wantState(orders[1], core.OrderRefunded, core.TakesReturned)
		left(budget - voucher)
		_, err := l.RefundOrder(t.Context(), clerk(orders[0]))
		must(t, err)
		l.idle()
		left(budget)
	})
}

func TestNobodyGetsThePriceOfALargerGroupInASmallerOne(t *testing.T) {
	m := shows{"group": {core.HookQuote: func(f *core.Facts) ([]core.Effect, error) {
		size, price := int64(2), int64(190_000)
		if f.Input.Lookup("many").Int == 1 {
			size, price = 50, 1_000
		}
		return []core.Effect{{Kind: core.EffectGroup, Units: size, Seconds: 1800, Amount: price}}, nil
	}}}
	l := newLife(t, sqliteStore(t), m, func(c *core.Campaign) {
		withGroups(c)
		c.Inputs = map[string]core.Input{"many": {Field: core.Field{Type: "boolean"}}}
	})
	_, id := l.opens("ann")
	req := joining("bob", id)
	req.Input = core.Object{"many": true}
	_, _, err := l.Place(t.Context(), req)
	wantCode(t, err, core.CodeGroupClosed)
	_, err = l.Quote(t.Context(), req)
	wantCode(t, err, core.CodeGroupClosed)
	l.wantGroup(id, core.GroupOpen, 1)
	l.joins("bob", id)
}
