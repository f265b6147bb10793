package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"hotdrop/core"
)

// What the scripted engine answers about shares, draws, vouchers, messages, groups and to staff.

func (e *scripted) Share(context.Context, string, core.Principal) (core.ShareView, bool, error) {
	return core.ShareView{Code: sampleCode, Share: core.Share{Reposts: 3, Visitors: 2, Reservations: 1}}, !e.replayed, e.call()
}

func (e *scripted) Visit(_ context.Context, code string, visitor core.Principal) (bool, error) {
	e.asked.text, e.asked.who = code, visitor
	return !e.replayed, e.call()
}

func (e *scripted) Social(_ context.Context, source string, events []core.SocialEvent) ([]core.SocialResult, error) {
	e.asked.text, e.asked.events = source, events
	results := make([]core.SocialResult, len(events))
	for i, event := range events {
		results[i] = core.SocialResult{ID: event.ID, Result: "counted", Entries: 1}
	}
	return results, e.call()
}

// drawnExport is a draw that is over, with one winner.
func drawnExport() *core.DrawExport {
	var export core.DrawExport
	err := json.Unmarshal([]byte(`{"campaign":"phone","draw":"d","seed_hash":"ab","seed":"cd","places":1,"digest":"ef",
		"winners":["0123456789abcdef0123456789abcdef"],"entries":[{"id":"0123456789abcdef0123456789abcdef","weight":2}]}`), &export)
	if err != nil {
		panic(err)
	}
	return &export
}

func (e *scripted) Draw(_ context.Context, campaign, draw string) (*core.DrawView, error) {
	e.asked.text = campaign + "/" + draw
	return &core.DrawView{
		Campaign: campaign, Draw: draw, Title: core.Text{EN: "Reposters"}, State: core.DrawDrawn, SeedHash: "ab", Seed: "cd",
		ClosesAt: 1356062400000, Places: 3, Entries: 10, Weight: 12, DrawnAt: 1356062400001, Winners: drawnExport().Winners,
	}, e.call()
}

func (e *scripted) DrawExport(context.Context, string, string) (*core.DrawExport, error) {
	return drawnExport(), e.call()
}

func (e *scripted) DrawEntry(_ context.Context, campaign, draw string, shopper core.Principal) (*core.EntryView, error) {
	e.asked.text, e.asked.who = campaign+"/"+draw, shopper
	return &core.EntryView{Weight: 2, At: 1356062400000, Place: 1, ID: "0123456789abcdef0123456789abcdef"}, e.call()
}

func (e *scripted) Vouchers(_ context.Context, shopper, cursor string, limit int) (core.Page[*core.VoucherView], error) {
	e.asked.list = fmt.Sprintf("%s %s %d", shopper, cursor, limit)
	return core.Page[*core.VoucherView]{Next: "more", Data: []*core.VoucherView{
		{Code: sampleCode, Campaign: "phone", Pool: "p", Currency: "CNY", Value: 5000, State: "granted", GrantedAt: 1356062400000, Source: "d"},
		{
			Code: sampleCode, Campaign: "phone", Pool: "p", Currency: "CNY", Value: 5000, State: "redeemed", Order: sampleOrderID,
			GrantedAt: 1356062400000, ExpiresAt: 1356062500000,
		},
	}}, e.call()
}

func sampleMessage(state string) *core.MessageView {
	return &core.MessageView{
		ID: sampleOrderID, Campaign: "phone", State: state, At: 1356062400000, Text: core.Text{EN: "Hello", ZH: "你好"}, Reply: sampleOrderID,
	}
}

func (e *scripted) Inbox(_ context.Context, shopper, cursor string, limit int) (core.Page[*core.MessageView], error) {
	e.asked.list = fmt.Sprintf("%s %s %d", shopper, cursor, limit)
	return core.Page[*core.MessageView]{Data: []*core.MessageView{sampleMessage(core.MessageReceived)}}, e.call()
}

func (e *scripted) Write(_ context.Context, campaign string, who core.Principal, text string) (
	*core.MessageView, []*core.MessageView, error,
) {
	e.asked.text, e.asked.who = campaign+": "+text, who
	return sampleMessage(core.MessageSent), []*core.MessageView{sampleMessage(core.MessageReceived)}, e.call()
}

func (e *scripted) Group(_ context.Context, id string, _ core.Principal) (*core.GroupView, error) {
	e.asked.text = id
	return &core.GroupView{
		ID: id, Campaign: "phone", SKU: "mi2", State: core.GroupOpen, Size: 3, Joined: 2, Price: 149900, ClosesAt: 1356062400000,
	}, e.call()
}

func (e *scripted) StaffOrder(_ context.Context, _ string, staff core.Principal) (*core.Order, error) {
	e.asked.who = staff
	return cmp.Or(e.order, sampleOrder()), e.call()
}

func (e *scripted) StaffOrders(_ context.Context, campaign, state, cursor string, limit int, staff core.Principal) (
	core.Page[*core.Order], error,
) {
	e.asked.who, e.asked.list = staff, fmt.Sprintf("%s %s %s %d", campaign, state, cursor, limit)
	return core.Page[*core.Order]{Data: []*core.Order{sampleOrder()}}, e.call()
}

func (e *scripted) Shoppers(_ context.Context, campaign, tag, cursor string, limit int, staff core.Principal) (
	core.Page[*core.ShopperView], error,
) {
	e.asked.who, e.asked.list = staff, fmt.Sprintf("%s %s %s %d", campaign, tag, cursor, limit)
	return core.Page[*core.ShopperView]{Next: "bob", Data: []*core.ShopperView{
		{ID: "ann", Tags: core.Tags{"gift": "", "city": "Wuhan"}, ReservedAt: 1356062400000, Orders: 2}, {ID: "bob", Tags: core.Tags{"gift": ""}},
	}}, e.call()
}

// move answers what staff do with an order; what names it.
func (e *scripted) move(what string, action core.StaffAction) (*core.Order, error) {
	e.asked.text, e.asked.staff = what, action
	return cmp.Or(e.order, sampleOrder()), e.call()
}

func (e *scripted) MoveCondition(_ context.Context, a core.StaffAction) (*core.Order, error) {
	return e.move("condition", a)
}

func (e *scripted) ConfirmDue(_ context.Context, a core.StaffAction) (*core.Order, error) {
	return e.move("due", a)
}

func (e *scripted) Ship(_ context.Context, a core.StaffAction) (*core.Order, error) {
	return e.move("ship", a)
}

func (e *scripted) Deliver(_ context.Context, a core.StaffAction) (*core.Order, error) {
	return e.move("deliver", a)
}

func (e *scripted) RefundOrder(_ context.Context, a core.StaffAction) (*core.Order, error) {
	return e.move("refund", a)
}

// sampleExplanation has everything that an explanation can have.
func sampleExplanation() *core.Explanation {
	first, limit := 0, int64(100)
	discount := core.Effect{Kind: core.EffectDiscount, Amount: 50000, Text: core.Text{EN: "Trade-in"}}
	return &core.Explanation{
		Campaign: "phone", Currency: "CNY", Order: sampleOrderID, Hook: core.HookQuote, Ruleset: 2, Engine: "2", At: 1356062400000,
		Facts: json.RawMessage(`{"quantity":1}`), List: 200000, Total: 150000, Lines: sampleOrder().Lines,
		Bindings: []core.ExplainedBinding{
			{
				Mechanic: "trade-in", Kind: "rule", Digest: "sha256:ab", Outcome: "applied", Effects: []core.Effect{discount}, Micros: 3,
				Clauses: []core.Clause{{Text: "a && b", Held: true, Values: []core.FactValue{
					{Path: "input.brand", Value: `"Xiaomi"`}, {Path: "shopper.tags", Value: `["a"]`}, {Path: "voucher.code", Value: "null"},
				}}},
			},
			{Mechanic: "other", Digest: "sha256:cd", Outcome: "stacked", LostTo: &first},
		},
		Price: []core.PriceStep{
			{What: "list", After: 200000}, {What: "discount", Binding: &first, Effect: &discount, Before: 200000, After: 150000},
			{What: "min_price", Limit: &limit, Before: 150000, After: 150000},
		},
		Refusal: &core.ExplainedRefusal{Check: "mechanic", Code: core.CodeDenied, Binding: &first, Cause: "because"},
		Shopper: core.Told{Code: core.CodeDenied, Reason: "no", Text: core.Text{EN: "No", ZH: "不"}, Labels: []core.Text{{EN: "Trade-in"}}},
		Paid: &core.ExplainedPaid{
			State: core.PaidOpen, At: 1356062460000, Facts: json.RawMessage(`{"now":1}`), Tries: 2, Failure: "mechanic_failed: x",
			Bindings: []core.ExplainedBinding{{Mechanic: "thanks", Digest: "sha256:ef", Outcome: "failed", Failure: "x"}},
			Refusal:  &core.ExplainedRefusal{Check: "mechanic", Code: core.CodeMechanicFailed, Binding: &first, Cause: "x"},
		},
	}
}

func (e *scripted) Explain(_ context.Context, _ string, staff core.Principal) (*core.Explanation, error) {
	e.asked.who = staff
	return sampleExplanation(), e.call()
}

func (e *scripted) ExplainRequest(_ context.Context, r core.OrderRequest, staff core.Principal) (*core.Explanation, error) {
	e.asked.request, e.asked.who = r, staff
	return &core.Explanation{}, e.call()
}

func (e *scripted) ExplainHook(_ context.Context, r core.HookRequest, staff core.Principal) (*core.Explanation, error) {
	e.asked.hook, e.asked.who = r, staff
	return &core.Explanation{Hook: r.Hook}, e.call()
}

func (e *scripted) ExplainReservation(_ context.Context, campaign, shopper string, staff core.Principal) (*core.Explanation, error) {
	e.asked.text, e.asked.who = campaign+" "+shopper, staff
	return sampleExplanation(), e.call()
}

func (e *scripted) ShopperData(context.Context, core.ShopperDataRequest) (*core.ShopperData, error) {
	return &core.ShopperData{}, nil
}

func (e *scripted) EraseShopper(context.Context, core.EraseRequest) (*core.Erased, error) {
	return &core.Erased{}, nil
}

func (e *scripted) PayOut(context.Context, core.PayoutRequest) (*core.Payout, error) {
	return &core.Payout{}, nil
}
