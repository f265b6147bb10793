package core_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// door denies shoppers of the tier "banned" unless it is open, and sells at 100 to the others.
func door(open bool) func(*core.Facts, []core.Effect) ([]core.Effect, error) {
	return func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
		if f.Shopper.Tier == "banned" && !open {
			return append(effects, core.Effect{Kind: core.EffectDeny, Name: "banned"}), nil
		}
		return append(effects, core.Effect{Kind: core.EffectPrice, Amount: 100}), nil
	}
}

// newDoor is a campaign whose orders say nothing of what a candidate that opens the door changes: only refusals do.
func newDoor(t *testing.T, s store, limit int64) *drop {
	t.Helper()
	m := mechanics{"shut": door(false), "open": door(true)}
	d := newDrop(t, s, m, func(c *core.Campaign) {
		at100(c)
		c.Ruleset, c.Guards.MaxMoneyChange = []core.Binding{{Mechanic: "shut"}}, limit
	})
	d.Stop()
	d.Engine = d.journaled(m, "one")
	return d
}

// waitsFor makes the ruleset live and requires that this waits for approval, and why; "" if it does not.
func (d *drop) waitsFor(ruleset int64, why string) {
	d.t.Helper()
	r := d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: ruleset}).Rollout
	if waits := r.Pending != nil; waits != (why != "") || waits && !strings.Contains(r.Pending.Approval, why) {
		d.t.Fatalf("the rollout is %+v with %+v waiting, should wait because %q", r, r.Pending, why)
	}
}

func TestMoneyThatTheNewestOrdersMoveNeedsASecondOperator(t *testing.T) {
	gold := func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
		amount := int64(100)
		if f.Shopper.Tier == "gold" {
			amount = 50
		}
		return append(effects, core.Effect{Kind: core.EffectPrice, Amount: amount}), nil
	}
	for name, tt := range map[string]struct {
		limit int64
		why   string
	}{
		"of ten orders one halves: 5 %, which is the limit": {500, ""},
		"and beyond a limit that is lower":                  {499, "of 1000 that the newest orders cost, 50 move, which is more than 4.99 %"},
		"where nothing is guarded":                          {0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				d := newDrop(t, s, mechanics{"p100": priceOf(100), "gold": gold}, func(c *core.Campaign) {
					at100(c)
					c.Guards.MaxMoneyChange = tt.limit
				})
				for i := range 10 {
					tier := ""
					if i == 0 {
						tier = "gold"
					}
					_, err := d.request(d.Engine, fmt.Sprint("s", i), tier)
					must(t, err)
				}
				d.waitsFor(d.add(core.Binding{Mechanic: "gold"}), tt.why)
			})
		})
	}
}

func TestWhatAShadowMovesNeedsASecondOperatorAlsoWhenItIsOver(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDoor(t, s, 2000)
		candidate := d.add(core.Binding{Mechanic: "open"})
		d.mustChange(core.Change{Mode: core.ModeShadow, Ruleset: candidate})
		for i, tier := range []string{"", "", "banned"} {
			_, _ = d.request(d.Engine, fmt.Sprint("s", i), tier)
		}
		d.shadowOf(d.Engine, 3)
		d.waitsFor(candidate, "of the 3 decisions of its shadow's orders, 1 turn from an order into a refusal or back")
		d.mustChange(core.Change{Mode: core.ModeAbort})
		if r := d.rollout(); r.Shadow != nil || r.Pending != nil {
			t.Fatalf("aborted, the rollout is %+v", r)
		}
		d.waitsFor(candidate, "its shadow's orders")
		_, err := d.approve("second")
		must(t, err)
		if r := d.rollout(); r.Live != candidate {
			t.Errorf("approved, the rollout is %+v", r)
		}
	})
}

func TestWhatABacktestMovesNeedsASecondOperatorWhateverALaterOneFinds(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDoor(t, s, 2000)
		candidate := d.add(core.Binding{Mechanic: "open"})
		_, err := d.request(d.Engine, "s0", "")
		must(t, err)
		d.clock.advance(time.Second)
		after := d.clock.now().UnixMilli()
		_, err = d.request(d.Engine, "s1", "banned")
		wantCode(t, err, core.CodeDenied)
		d.clock.advance(time.Second)
		d.Stop() // what is refused is written down
		d.Engine = d.journaled(mechanics{"shut": door(false), "open": door(true)}, "two")
		test := func(change func(r *core.BacktestRequest)) *core.Comparison {
			return d.mustBacktest(func(r *core.BacktestRequest) {
				r.Ruleset, r.Bindings = candidate, nil
				change(r)
			})
		}
		if r := test(func(*core.BacktestRequest) {}); r.NewlyAllowed != 1 || r.Decisions != 2 {
			t.Fatalf("%+v", r)
		}
		if r := test(func(r *core.BacktestRequest) { r.Until = after }); r.NewlyAllowed != 0 || r.Decisions != 1 {
			t.Fatalf("%+v", r)
		}
		d.waitsFor(candidate, "of the 2 decisions of its backtest's orders, 1 turn")
	})
}

func TestAFileThatGivesMoreAwayNeedsASecondOperator(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(c *core.Campaign)
		why    string // "" if one person may do it
	}{
		"a lower floor":             {func(c *core.Campaign) { c.Guardrails.MinPrice = 49 }, "lowers the least price of mi2 from 50 to 49"},
		"no floor":                  {func(c *core.Campaign) { c.Guardrails.MinPrice = 0 }, "lowers the least price of mi2 from 50 to 0"},
		"an item's own lower floor": {func(c *core.Campaign) { c.Items[0].MinPrice = 10 }, "lowers the least price of mi2 from 50 to 10"},
		"a higher floor":            {func(c *core.Campaign) { c.Guardrails.MinPrice = 60 }, ""},
		"a higher cap on discounts": {func(c *core.Campaign) { c.Guardrails.MaxDiscount = 200_000 }, "raises guardrails.max_discount"},
		"no cap on discounts":       {func(c *core.Campaign) { c.Guardrails.MaxDiscount = 0 }, "removes guardrails.max_discount"},
		"a lower cap on discounts":  {func(c *core.Campaign) { c.Guardrails.MaxDiscount = 199_850 }, ""},
		"a larger budget":           {func(c *core.Campaign) { c.Guardrails.DiscountBudget++ }, "raises guardrails.discount_budget"},
		"a budget that is no more":  {func(c *core.Campaign) { c.Guardrails.DiscountBudget, c.Guards.BudgetShare = 0, 0 }, "removes guards.budget_share"},
		"a smaller budget":          {func(c *core.Campaign) { c.Guardrails.DiscountBudget-- }, ""},
		"more of a quota":           {func(c *core.Campaign) { c.Quotas = map[string]int64{"q": 6} }, "raises quotas.q from 5 to 6"},
		"less of a quota":           {func(c *core.Campaign) { c.Quotas = map[string]int64{"q": 4} }, ""},
		"vouchers": {func(c *core.Campaign) {
			c.VoucherPools = codesUntil(later)
			c.VoucherPools["v"] = core.VoucherPool{Count: 1, Value: 5}
		}, "voucher_pools.v.count from 0 to 1"},
		"money that may move further":    {func(c *core.Campaign) { c.Guards.MaxMoneyChange = 3000 }, "raises guards.max_money_change from 2000 to 3000"},
		"money that nobody looks at":     {func(c *core.Campaign) { c.Guards.MaxMoneyChange = 0 }, "removes guards.max_money_change"},
		"more spending within a minute":  {func(c *core.Campaign) { c.Guards.SpendPerMinute = 0 }, "removes guards.spend_per_minute"},
		"refusals that nobody counts":    {func(c *core.Campaign) { c.Guards.DenialRate = 0 }, "removes guards.denial_rate"},
		"a breaker that waits longer":    {func(c *core.Campaign) { c.Guards.Breaker.Min = 21 }, "raises guards.breaker.min from 20 to 21"},
		"orders that may fall further":   {func(c *core.Campaign) { c.Guards.OrderValueDrop = 501 }, "raises guards.order_value_drop from 500 to 501"},
		"orders that may fall to naught": {func(c *core.Campaign) { c.Guards.OrderValueDrop = 0 }, "removes guards.order_value_drop"},
		"orders that may fall less far":  {func(c *core.Campaign) { c.Guards.OrderValueDrop = 499 }, ""},
		"guards that wait longer":        {func(c *core.Campaign) { c.Guards.MinOrders = 61 }, "raises guards.min_orders from 60 to 61"},
		"guards that wait less long":     {func(c *core.Campaign) { c.Guards.MinOrders = 0 }, ""}, // the default is 50
		"vouchers that last longer":      {func(c *core.Campaign) { c.VoucherPools = codesUntil(later.Add(time.Second)) }, "raises voucher_pools.w.expires"},
		"vouchers that last for ever":    {func(c *core.Campaign) { c.VoucherPools = codesUntil(time.Time{}) }, "removes voucher_pools.w.expires"},
		"vouchers that end earlier":      {func(c *core.Campaign) { c.VoucherPools = codesUntil(later.Add(-time.Second)) }, ""},
		"more winners":                   {func(c *core.Campaign) { c.Draws = winners(4, 1) }, "raises draws.d.winners from 3 to 4"},
		"a draw that is new":             {func(c *core.Campaign) { c.Draws = winners(3, 2) }, "raises draws.e.winners from 0 to 1"},
		"fewer winners":                  {func(c *core.Campaign) { c.Draws = winners(2, 1) }, ""},
		"more units per shopper":         {func(c *core.Campaign) { c.Items[0].Limit = 2 }, "raises items.mi2.limit from 1 to 2"},
		"no limit per shopper":           {func(c *core.Campaign) { c.Items[0].Limit = 0 }, "removes items.mi2.limit"},
		"a sale that ends later":         {func(c *core.Campaign) { c.Phases.Closed = later.Add(time.Second) }, "on sale until 2012-12-21T13:00:01Z, before until 2012-12-21T13:00:00Z"},
		"a sale that begins earlier":     {func(c *core.Campaign) { c.Phases.Sale = opening.Add(-time.Second) }, "on sale from 2012-12-21T11:59:59Z, before from 2012-12-21T12:00:00Z"},
		"a sale that ends earlier":       {func(c *core.Campaign) { c.Phases.Closed = later.Add(-time.Second) }, ""},
		"a sale that begins later":       {func(c *core.Campaign) { c.Phases.Sale = opening.Add(time.Second) }, ""},
		"an item with a shorter sale": {func(c *core.Campaign) {
			c.Items[0].Phases = core.Phases{Sale: opening.Add(time.Minute), Closed: later}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) { giveMoreAway(t, s, tt.change, tt.why) })
		})
	}
}

// later is when the test campaign closes.
var later = opening.Add(time.Hour)

// codesUntil is a pool of codes that end at the moment.
func codesUntil(end time.Time) map[string]core.VoucherPool {
	return map[string]core.VoucherPool{"w": {Count: 5, Value: 5, Expires: end}}
}

// winners are draws: d, and e with one winner if there are two.
func winners(of int64, draws int) map[string]core.DrawTerms {
	terms := core.DrawTerms{Title: core.Text{EN: "Draw"}, Closes: later, Winners: of}
	all := map[string]core.DrawTerms{"d": terms}
	if terms.Winners = 1; draws > 1 {
		all["e"] = terms
	}
	return all
}

// giveMoreAway applies the file with a change, which waits because of why, or does not if that is "".
func giveMoreAway(t *testing.T, s store, change func(*core.Campaign), why string) {
	t.Helper()
	d := newDrop(t, s, prices(), func(c *core.Campaign) {
		at100(c)
		c.Guardrails = core.Guardrails{MinPrice: 50, MaxDiscount: 199_900, DiscountBudget: 1_000_000_000}
		c.Guards = core.Guards{
			MaxMoneyChange: 2000, SpendPerMinute: 1_000_000, BudgetShare: 9000, DenialRate: 100, OrderValueDrop: 500, MinOrders: 60,
		}
		c.Quotas = map[string]int64{"q": 5}
		c.VoucherPools, c.Draws = codesUntil(later), winners(3, 1)
	})
	file := d.with(change)
	_, err := d.apply(file)
	if why == "" {
		must(t, err)
		return
	}
	wantCode(t, err, core.CodeApprovalRequired)
	if !strings.Contains(err.Error(), why) {
		t.Errorf("it waits because %v, should say %q", err, why)
	}
	_, err = d.ApplyCampaign(t.Context(), core.ApplyRequest{Definition: file, Reason: "agreed", Actor: operatorCalled("op")})
	wantCode(t, err, core.CodeApprovalRequired)
	_, err = d.ApplyCampaign(t.Context(), core.ApplyRequest{Definition: file, Reason: "agreed", Actor: operatorCalled("second")})
	must(t, err)
}

func TestStoppingTakesOnePerson(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, prices(), func(c *core.Campaign) {
			at100(c)
			c.Guards = core.Guards{MaxMoneyChange: 1, MaxPriceChange: 1}
		})
		for _, level := range []core.Stop{core.StopReservations, core.StopMechanics, core.StopCampaign, core.StopNothing} {
			d.stop(level)
			if r := d.rollout(); r.Stop != level || r.Pending != nil {
				t.Errorf("stopped at %s, the rollout is %+v", level, r)
			}
		}
	})
}

func TestSharesAreComparedAsIfIntegersHadNoEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) int64 { return rapid.Int64Range(0, 1<<62).Draw(t, name) }
		part, whole, otherPart, otherWhole := draw("part"), draw("whole"), draw("other part"), draw("other whole")
		left := new(big.Int).Mul(big.NewInt(part), big.NewInt(otherWhole))
		want := left.Cmp(new(big.Int).Mul(big.NewInt(otherPart), big.NewInt(whole))) > 0
		if got := core.MoreOf(part, whole, otherPart, otherWhole); got != want {
			t.Errorf("%d of %d against %d of %d: %t", part, whole, otherPart, otherWhole, got)
		}
	})
}
