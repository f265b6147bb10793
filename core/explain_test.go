package core_test

import (
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

var operator = core.Principal{ID: "op", Role: core.RoleOperator}

// rich are mechanics that use what an explanation has to show.
func rich() mechanics {
	return mechanics{
		"gift": func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			return append(effects, core.Effect{Kind: core.EffectAdd, Name: "case", Units: 1, Amount: 0, Text: core.Text{EN: "A case for you"}}), nil
		},
		"small": func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			return append(effects, core.Effect{Kind: core.EffectDiscount, Amount: 100}), nil
		},
		"large": func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			return append(effects,
				core.Effect{Kind: core.EffectDiscount, Amount: 30_000, Text: core.Text{EN: "Doomsday"}},
				core.Effect{Kind: core.EffectOnce, Name: "doomsday"}, core.Effect{Kind: core.EffectTake, Name: "few", Units: 1}), nil
		},
		"picky": func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			if f.Shopper.ID != "mallory" {
				return effects, nil
			}
			return append(effects, core.Effect{Kind: core.EffectDeny, Name: "not_you", Text: core.Text{EN: "Not you", ZH: "不行"}}), nil
		},
	}
}

func newRich(t *testing.T, s store) *drop {
	return newDrop(t, s, rich(), func(def *core.Campaign) {
		def.Items[0].Limit = 0
		def.Items = append(def.Items, core.Item{
			SKU: "case", Title: core.Text{EN: "Case"}, Price: 5_000, Stock: 100, Hold: core.Duration(15 * time.Minute),
		})
		def.Quotas = map[string]int64{"few": 2}
		def.Stacking = map[string]core.Stacking{"best": core.StackBest}
		def.Ruleset = []core.Binding{
			{Mechanic: "picky"}, {Mechanic: "small", Group: "best"}, {Mechanic: "large", Group: "best"}, {Mechanic: "gift"},
		}
	})
}

func TestAnOrderIsExplainedFromItsPin(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRich(t, s)
		o := d.place("ann")
		x, err := d.Explain(t.Context(), o.ID, operator)
		must(t, err)
		if !x.Reproduced || x.Total != o.Total || x.Total != 169_900 || x.List != 204_900 || len(x.Lines) != 2 || x.Refusal != nil {
			t.Fatalf("%+v", x)
		}
		for i, want := range []string{"no_match", "stacked", "applied", "applied"} {
			if x.Bindings[i].Outcome != want {
				t.Errorf("binding %d: %s, want %s", i, x.Bindings[i].Outcome, want)
			}
		}
		if lost := x.Bindings[1].LostTo; lost == nil || *lost != 2 || x.Bindings[1].Group != "best" {
			t.Errorf("small lost to %v", lost)
		}
		if len(x.Shopper.Labels) != 2 || x.Shopper.Labels[0].EN != "Doomsday" || x.Shopper.Code != "" {
			t.Errorf("the shopper is told %+v", x.Shopper)
		}
	})
}

func TestAnOrderIsExplainedByTheRulesetThatDecidedIt(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRich(t, s)
		o := d.place("ann")
		_, err := d.apply(d.with(func(def *core.Campaign) {
			def.Ruleset, def.Stacking = []core.Binding{{Mechanic: "small"}}, nil
			def.Items[1].Price, def.Quotas, def.Guardrails.MaxDiscount = 9_000, nil, 1
		}))
		must(t, err)
		for name, e := range map[string]*core.Engine{"the node that decided": d.Engine, "another node": d.node(rich(), nil)} {
			x, err := e.Explain(t.Context(), o.ID, operator)
			must(t, err)
			if !x.Reproduced || x.Ruleset != 1 || x.Total != o.Total || x.List != 204_900 {
				t.Errorf("%s: %+v", name, x)
			}
		}
	})
}

func TestAnOrderWhoseMechanicIsAnotherNowIsExplainedWithTheDifference(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRich(t, s)
		o := d.place("ann")
		altered := rich()
		altered["large"] = priceOf(7)
		x, err := d.node(altered, nil).Explain(t.Context(), o.ID, operator)
		must(t, err)
		if x.Reproduced || !strings.Contains(strings.Join(x.Differences, "\n"), "total: pinned 169900, now 7") {
			t.Errorf("%+v", x.Differences)
		}
	})
}

func TestOnlyTheBrandsStaffReadExplanations(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRich(t, s)
		o := d.place("ann")
		for name, tt := range map[string]struct {
			who  core.Principal
			want core.Code
		}{
			"an operator":       {operator, ""},
			"the brand":         {core.Principal{ID: "b", Role: core.RoleBrand, Brand: "xiaomi"}, ""},
			"another brand":     {core.Principal{ID: "b", Role: core.RoleBrand, Brand: "meizu"}, core.CodeNotFound},
			"the shopper":       {core.Principal{ID: "ann", Role: core.RoleShopper}, core.CodeNotFound},
			"the other's staff": {core.Principal{ID: "b", Role: core.RoleOperator, Brand: "meizu"}, core.CodeNotFound},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := d.Explain(t.Context(), o.ID, tt.who)
				wantCode(t, err, tt.want)
				_, err = d.ExplainRequest(t.Context(), buy("ann", ""), tt.who)
				wantCode(t, err, tt.want)
			})
		}
		_, err := d.Explain(t.Context(), "phone.01arz3ndektsv4rrffq69g5fav", operator)
		wantCode(t, err, core.CodeNotFound)
		_, err = d.ExplainRequest(t.Context(), core.OrderRequest{Campaign: "nowhere"}, operator)
		wantCode(t, err, core.CodeNotFound)
	})
}

func TestARequestIsExplainedAsItWouldBeDecidedAndTakesNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRich(t, s)
		left := d.left()
		for range 3 {
			x, err := d.ExplainRequest(t.Context(), buy("ann", ""), operator)
			must(t, err)
			if x.Refusal != nil || x.Total != 169_900 || x.Order != "" || len(x.Bindings) != 4 || !x.Reproduced {
				t.Fatalf("%+v", x)
			}
		}
		if d.left() != left {
			t.Errorf("%d of %d are left", d.left(), left)
		}
		d.audit()
	})
}

func TestARefusalIsExplainedByTheCheckThatRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRich(t, s)
		d.place("ann") // has used what is once per shopper
		total := int64(1)
		for name, tt := range map[string]struct {
			change func(r *core.OrderRequest)
			check  string
			code   core.Code
			told   string
		}{
			"an unknown item":    {func(r *core.OrderRequest) { r.SKU = "tv" }, "request", core.CodeInvalid, ""},
			"more than there is": {func(r *core.OrderRequest) { r.Quantity = 50 }, "stock", core.CodeSoldOut, ""},
			"a wrong voucher":    {func(r *core.OrderRequest) { r.Voucher = "phone.aaaaaaaaaaaaaaaaaaaaaaaaaa" }, "voucher", core.CodeVoucherInvalid, ""},
			"a strange group":    {func(r *core.OrderRequest) { r.Group = "phone.01arz3ndektsv4rrffq69g5fav" }, "group", core.CodeGroupClosed, ""},
			"another total":      {func(r *core.OrderRequest) { r.ExpectTotal = &total }, "expect_total", core.CodePriceChanged, ""},
			"a mechanic":         {func(r *core.OrderRequest) { r.Shopper.ID = "mallory" }, "mechanic", core.CodeDenied, "不行"},
			"what was used":      {func(r *core.OrderRequest) { r.Shopper.ID = "ann" }, "once", core.CodeAlreadyUsed, ""},
		} {
			t.Run(name, func(t *testing.T) {
				req := buy("bob", "")
				tt.change(&req)
				x, err := d.ExplainRequest(t.Context(), req, operator)
				must(t, err)
				if x.Refusal == nil || x.Refusal.Check != tt.check || x.Refusal.Code != tt.code || x.Shopper.Code != tt.code || x.Shopper.Text.ZH != tt.told {
					t.Errorf("%+v, told %+v", x.Refusal, x.Shopper)
				}
				if decided := len(x.Bindings) > 0; decided != (string(x.Facts) != "null") {
					t.Errorf("%d bindings decided by the facts %s", len(x.Bindings), x.Facts)
				}
			})
		}
		d.place("carl") // takes the last of the quota
		x, err := d.ExplainRequest(t.Context(), buy("bob", ""), operator)
		must(t, err)
		if x.Refusal == nil || x.Refusal.Check != "quota" {
			t.Errorf("without a quota: %+v", x.Refusal)
		}
		d.clock.advance(2 * time.Hour)
		x, err = d.ExplainRequest(t.Context(), buy("bob", ""), operator)
		must(t, err)
		if x.Refusal == nil || x.Refusal.Check != "phase" {
			t.Errorf("after the sale: %+v", x.Refusal)
		}
	})
}

// TestAnExplanationNeverLocksAShopperOut asks with wrong voucher codes in a shopper's name, again and again.
func TestAnExplanationNeverLocksAShopperOut(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newRich(t, s)
		req := buy("ann", "")
		for range 20 {
			req.Voucher = "phone.aaaaaaaaaaaaaaaaaaaaaaaaaa"
			x, err := d.ExplainRequest(t.Context(), req, operator)
			must(t, err)
			if x.Refusal == nil || x.Refusal.Code != core.CodeVoucherInvalid {
				t.Fatalf("%+v", x.Refusal)
			}
		}
		req.Key = "k"
		_, _, err := d.Place(t.Context(), req)
		wantCode(t, err, core.CodeVoucherInvalid)
	})
}
