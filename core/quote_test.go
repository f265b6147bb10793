package core_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
)

func TestAVoucherThatTheGuardrailsMakeNothingOfIsNotSpent(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, _ := newPromotion(t, s, voucherOff(), func(c *core.Campaign) { c.Guardrails.DiscountBudget = 5_000 })
		codes := d.grant("ann", 2)
		_, _, err := d.Place(t.Context(), redeem("bob", "k", codes[0]))
		must(t, err)
		_, err = d.Quote(t.Context(), redeem("ann", "", codes[1]))
		wantCode(t, err, core.CodeVoucherInvalid)
		_, _, err = d.Place(t.Context(), redeem("ann", "k", codes[1]))
		wantCode(t, err, core.CodeVoucherInvalid)
		for _, v := range d.vouchers("ann") {
			if v.Code == codes[1] && v.State != core.VoucherGranted {
				t.Errorf("the voucher that gave nothing is %s", v.State)
			}
		}
	})
}

// aimed is a mechanic that asks for effects with a voucher and for others without one.
func aimed(with, without []core.Effect) promotions {
	return promoting([]core.Hook{core.HookQuote}, []string{"voucher.state"}, func(_ core.Hook, f *core.Facts) []core.Effect {
		if f.Voucher.State == core.VoucherGranted {
			return with
		}
		return without
	})
}

func TestAVoucherIsSpentOnWhateverItChanges(t *testing.T) {
	off := core.Effect{Kind: core.EffectDiscount, Amount: 100}
	dearer := core.Effect{Kind: core.EffectDiscount, Amount: 100, Text: core.Text{EN: "a voucher"}}
	deny := core.Effect{Kind: core.EffectDeny, Name: "not_invited", Text: core.Text{EN: "with a voucher only"}}
	shows := core.Effect{Kind: core.EffectNotify, Name: "hi"}
	for name, test := range map[string]struct {
		with, without []core.Effect
		refused       bool
	}{
		"a price":                      {with: []core.Effect{off}},
		"that the order may be placed": {without: []core.Effect{deny}},
		"a deposit":                    {with: []core.Effect{{Kind: core.EffectDeposit, Amount: 20_000, Credit: 20_000}}},
		"a group":                      {with: []core.Effect{{Kind: core.EffectGroup, Units: 2, Seconds: 600, Amount: 199_900}}},
		"the size of a group": {
			with:    []core.Effect{{Kind: core.EffectGroup, Units: 2, Seconds: 600, Amount: 199_900}},
			without: []core.Effect{{Kind: core.EffectGroup, Units: 3, Seconds: 600, Amount: 199_900}},
		},
		"a gift":                          {with: []core.Effect{{Kind: core.EffectAdd, Name: "case", Units: 1}}},
		"that it may be placed once more": {without: []core.Effect{{Kind: core.EffectOnce, Name: "one"}}},
		"a condition":                     {with: []core.Effect{{Kind: core.EffectOblige, Name: "trade_in", Data: "{}"}}},
		"nothing: the same price":         {with: []core.Effect{off}, without: []core.Effect{off}, refused: true},
		"nothing: the name of the price":  {with: []core.Effect{dearer}, without: []core.Effect{off}, refused: true},
		"nothing: what is said":           {with: []core.Effect{shows}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := newPromotion(t, sqliteStore(t), aimed(test.with, test.without), func(c *core.Campaign) {
				c.Groups, c.Phases.Closed = core.GroupTerms{Offer: core.Duration(groupOffers)}, opening.Add(24*time.Hour)
				c.Templates = map[string]core.Text{"hi": {EN: "hi", ZH: "hi"}}
				c.Items = append(c.Items, core.Item{SKU: "case", Title: core.Text{EN: "Case"}, Price: 100, Stock: 10, Hold: c.Items[0].Hold})
			})
			_, _, _ = d.Place(t.Context(), buy("ann", "before")) // which some of them refuse
			_, _, err := d.Place(t.Context(), redeem("ann", "k", d.grant("ann", 1)[0]))
			want := map[bool]core.Code{true: core.CodeVoucherInvalid}[test.refused]
			wantCode(t, err, want)
		})
	}
}

// refusals counts the plans that a store refuses.
type refusals struct {
	core.Store

	refused atomic.Int64
}

func (r *refusals) Apply(ctx context.Context, plan *core.Plan) (*core.Applied, error) {
	applied, err := r.Store.Apply(ctx, plan)
	if err != nil {
		r.refused.Add(1)
	}
	return applied, err
}

func TestAKeyThatIsKnownToBeUsedIsRefusedBeforeItCostsOthersTheirBatch(t *testing.T) {
	once := shows{"once": {core.HookQuote: asking(core.Effect{Kind: core.EffectOnce, Name: "one"})}}
	l := newLife(t, sqliteStore(t), once, func(c *core.Campaign) { c.Items[0].Limit, c.Items[0].Stock = 0, 1000 })
	first := l.place("ann")
	counting := &refusals{Store: l.store}
	node := l.another(counting, nil)
	for i := range 10 {
		_, _, err := node.Place(t.Context(), buy("ann", fmt.Sprint("again", i)))
		wantCode(t, err, core.CodeAlreadyUsed)
	}
	_, err := node.Quote(t.Context(), buy("ann", ""))
	wantCode(t, err, core.CodeAlreadyUsed)
	if refused := counting.refused.Load(); refused > 0 {
		t.Errorf("%d plans went to the store that were known to fail", refused)
	}
	_, err = l.Cancel(t.Context(), core.OrderAction{Order: first.ID, Shopper: "ann", Key: "c"})
	must(t, err)
	_, _, err = node.Place(t.Context(), buy("ann", "after"))
	must(t, err)
}
