package core_test

import (
	"cmp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// shanghai is a campaign whose file has its times in UTC+8.
func shanghai() *core.Campaign {
	c := properCampaign()
	c.Phases.Sale = c.Phases.Sale.In(time.FixedZone("", 8*60*60))
	return c
}

// told are the facts that the tests of this file fill in.
func told() *core.Facts {
	noon := time.Date(2014, 4, 3, 12, 0, 0, 0, time.UTC)
	return &core.Facts{
		Now: noon.UnixMilli(), Quantity: 2,
		Campaign: core.CampaignFacts{ID: "trade-in", SaleOpens: noon.UnixMilli()},
		Shopper:  core.ShopperFacts{ID: "ann", Tags: []string{"vip", "city=Wuhan"}},
		Voucher:  core.VoucherFacts{Code: "trade-in.x", Value: 5_000},
		Order:    core.OrderFacts{ID: "trade-in.1", Total: 179_905, PaidAt: noon.UnixMilli(), Tracking: "SF1"},
		Input:    core.Object{"trade_in": core.Object{"brand": "Nokia", "works": true}},
	}
}

func TestPlaceholdersBecomeWhatPeopleRead(t *testing.T) {
	data := core.Object{"carrier": "SF", "total": int64(100), "n": int64(7), "ok": false, "list": []any{int64(1), "b"}, "in": core.Object{"at": int64(1)}}
	for _, tc := range []struct{ name, text, en, zh string }{
		{"an amount is money", "{order.total} {voucher.value}", "1799.05 CNY 50.00 CNY", "1799.05 元 50.00 元"},
		{"a moment is a date in the campaign's own time", "{order.paid_at} {now}", "2014-04-03 20:00 +08:00 2014-04-03 20:00 +08:00", "2014-04-03 20:00 2014-04-03 20:00"},
		{"a moment without _at in its name", "{campaign.sale_opens}", "2014-04-03 20:00 +08:00", "2014-04-03 20:00"},
		{"a number is a number", "{quantity} × {data.n}", "2 × 7", ""},
		{"a string is itself", "{order.id}/{order.tracking}", "trade-in.1/SF1", ""},
		{"what a shopper submitted", "{input.trade_in.brand} {input.trade_in.works}", "Nokia true", ""},
		{"a list", "{shopper.tags}; {data.list}", "vip, city=Wuhan; 1, b", ""},
		{"data", "{data.carrier} {data.total} {data.ok} {data.in.at}", "SF 1.00 CNY false 1970-01-01 08:00 +08:00", "SF 1.00 元 false 1970-01-01 08:00"},
		{"what is not there is nothing", "[{order.carrier}] [{data.x}] [{group.id}]", "[] [] []", ""},
		{"what is no fact stays", "{smile} { order.id } {order.x} {} {order.id", "{smile} { order.id } {order.x} {} {order.id", ""},
		{"braces in braces", "{{order.id}} {a {order.id}}", "{trade-in.1} {a trade-in.1}", ""},
		{"the config of a binding is not core's to know", "{config.hours}", "{config.hours}", ""},
		{"nothing to fill in", "plain 文字", "plain 文字", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := core.Render(shanghai(), core.Text{EN: tc.text, ZH: "运单 " + tc.text}, told(), nil, data)
			if want := (core.Text{EN: tc.en, ZH: "运单 " + cmp.Or(tc.zh, tc.en)}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestAReplyShowsOnlyFactsThatItsMechanicReads(t *testing.T) {
	m := &core.Manifest{Facts: []string{"order.id", "input.trade_in.brand"}}
	text := core.Text{EN: "{order.id} {order.total} {input.trade_in.brand} {shopper.id} {data.x}"}
	got := core.Render(shanghai(), text, told(), m, nil)
	if want := "trade-in.1 {order.total} Nokia {shopper.id} {data.x}"; got.EN != want || got.ZH != "" {
		t.Errorf("got %+v, want %s", got, want)
	}
}

func TestAValueIsNotATextOfItsOwn(t *testing.T) {
	facts := told()
	facts.Order.Tracking = "{order.id}"
	got := core.Render(shanghai(), core.Text{EN: "{order.tracking}{data.x}"}, facts, nil, core.Object{"x": "{order.total}"})
	if got.EN != "{order.id}{order.total}" {
		t.Errorf("filled in twice: %s", got.EN)
	}
}

func TestARenderedTextHasAnEnd(t *testing.T) {
	facts := told()
	facts.Order.Tracking = strings.Repeat("单", 1024)
	got := core.Render(shanghai(), core.Text{EN: strings.Repeat("{order.tracking}", 50)}, facts, nil, nil)
	if n := utf8.RuneCountInString(got.EN); n != 4_000 || !utf8.ValidString(got.EN) {
		t.Errorf("%d characters", n)
	}
}

func TestATextWithoutPlaceholdersStaysAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("{}ab. -_价\n")), 0, 200, -1).Draw(t, "text")
		got := core.Render(shanghai(), core.Text{EN: text}, told(), &core.Manifest{}, nil)
		if got.EN != text {
			t.Errorf("%q became %q", text, got.EN)
		}
	})
}

func FuzzRender(f *testing.F) {
	for _, seed := range []string{"{order.id}", "{{data.x}}", "{shopper.tags.0}", "{", "}{", "{quota.trade-in}", "{data.}"} {
		f.Add(seed)
	}
	def, facts := shanghai(), told()
	f.Fuzz(func(t *testing.T, text string) {
		got := core.Render(def, core.Text{EN: text}, facts, nil, core.Object{"x": "y"})
		if utf8.ValidString(text) && !utf8.ValidString(got.EN) {
			t.Errorf("%q became %q", text, got.EN)
		}
	})
}

func TestTheFactsOfAnOrderAreThoseOfItsLastPaymentAndShipment(t *testing.T) {
	o := &core.Order{
		ID: "phone.1", Total: 300, State: core.OrderShipped, Lines: []core.Line{{SKU: "mi2"}, {SKU: "case"}},
		Dues:     []core.Due{{Kind: core.DueDeposit, PaidAt: 10}, {Kind: core.DueBalance, PaidAt: 20}, {Kind: core.DueDifference}},
		Shipment: &core.Shipment{Carrier: "SF", Tracking: "SF1"},
	}
	want := core.OrderFacts{ID: "phone.1", SKU: "mi2", Total: 300, PaidAt: 20, State: "shipped", Carrier: "SF", Tracking: "SF1"}
	if got := core.FactsOfOrder(o); got != want {
		t.Errorf("got %+v", got)
	}
	if got := core.FactsOfOrder(&core.Order{ID: "phone.2", State: core.OrderPlaced}); got != (core.OrderFacts{ID: "phone.2", State: "placed"}) {
		t.Errorf("a bare order: %+v", got)
	}
}
