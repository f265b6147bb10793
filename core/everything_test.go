package core_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"hotdrop/core"
)

const (
	erased  = "alice-8391"
	zebra   = "Zebra 3310"
	imei    = "490154203237518"
	another = "bob"
)

// officer is who erases.
func officer() core.Principal { return core.Principal{ID: "olga", Role: core.RoleAdmin} }

// nosy are mechanics that make something of everything that they learn.
func nosy() shows {
	enter := core.Effect{Kind: core.EffectEnter, Name: "prizes", Units: 3}
	return shows{"nosy": {
		core.HookReserve: func(f *core.Facts) ([]core.Effect, error) {
			return []core.Effect{
				enter, {Kind: core.EffectOnce, Name: "signed/" + f.Shopper.ID}, {Kind: core.EffectTag, Name: "who", Value: f.Shopper.ID},
			}, nil
		},
		core.HookQuote: func(f *core.Facts) ([]core.Effect, error) {
			if f.Shopper.Tier == "grouped" {
				return []core.Effect{{Kind: core.EffectGroup, Units: 2, Seconds: 600, Amount: 150_000}}, nil
			}
			model, _ := f.Input["model"].(string)
			if f.Voucher.Code != "" {
				return []core.Effect{{Kind: core.EffectDiscount, Amount: f.Voucher.Value}}, nil
			}
			if model == "" {
				return nil, nil
			}
			if model == "broken" {
				return []core.Effect{{Kind: core.EffectDeny, Name: "broken", Text: core.Text{EN: "No " + f.Shopper.ID}}}, nil
			}
			data, err := json.Marshal(map[string]string{"model": model})
			return []core.Effect{
				{Kind: core.EffectDiscount, Amount: 5_000, Text: core.Text{EN: "Bonus for your " + model}},
				{Kind: core.EffectOblige, Name: "hand_in", Data: string(data)},
				{Kind: core.EffectOnce, Name: fmt.Sprint("phone/", f.Input["imei"])},
				{Kind: core.EffectTag, Name: "model", Value: model},
			}, err
		},
		core.HookPaid: asking(core.Effect{Kind: core.EffectGrant, Name: "pool", Units: 1}),
		core.HookMessage: func(f *core.Facts) ([]core.Effect, error) {
			return []core.Effect{{Kind: core.EffectReply, Text: core.Text{EN: "You said " + f.Message.Text}}}, nil
		},
	}}
}

// everything is a campaign in which a shopper has done everything.
type everything struct {
	*life

	s      *dumped
	orders []*core.Order
}

func withEverything(c *core.Campaign) {
	withPrizes(c)
	c.VoucherPools["pool"] = core.VoucherPool{Count: 100, Value: 500}
	c.Items[0].Stock, c.Items[0].Limit = 100, 20
	c.Phases = core.Phases{Reservation: opening.Add(-time.Hour), Sale: opening.Add(time.Minute), Closed: opening.Add(24 * time.Hour)}
	c.Inputs = map[string]core.Input{"model": {Field: core.Field{Type: "string"}}, "imei": {Field: core.Field{Type: "string"}}}
}

// newEverything lives through it all, until nothing is under way.
func newEverything(t *testing.T, s *dumped) *everything {
	t.Helper()
	x := &everything{life: newLife(t, s, nosy(), withEverything), s: s}
	x.Stop()
	x.Engine = x.serving("node-1")
	for _, id := range []string{erased, another} {
		_, _, err := x.Reserve(t.Context(), "phone", person(id), "")
		must(t, err)
	}
	_, err := x.Visit(t.Context(), x.link(erased), person(another))
	must(t, err)
	_, err = x.Visit(t.Context(), x.link(another), person(erased))
	must(t, err)
	x.clock.advance(2 * time.Minute)
	x.topUp(erased, 1_000_000)
	x.topUp(another, 1_000_000)
	x.write(erased, "it is "+erased+" with the "+zebra)
	x.trades()
	x.gathers()
	x.guesses()
	x.clock.advance(time.Hour) // the draw closes
	x.idle()
	x.keepsCases()
	return x
}

// serving starts a node that can erase.
func (x *everything) serving(id string) *core.Engine {
	x.t.Helper()
	e := core.NewEngine(core.Options{
		Store: x.s, Campaigns: x.s, Ledger: x.s, Journal: x.s, Shoppers: x.s, Compiler: x.shows, NodeID: id, Now: x.clock.now,
		Log: slog.New(slog.DiscardHandler),
	})
	must(x.t, e.Start(x.t.Context()))
	x.t.Cleanup(e.Stop)
	return e
}

// buys places an order of the shopper.
func (x *everything) buys(id, key string, change func(*core.OrderRequest)) *core.Order {
	x.t.Helper()
	request := buy(id, key)
	change(&request)
	o, _, err := x.Place(x.t.Context(), request)
	must(x.t, err)
	if id == erased {
		x.orders = append(x.orders, o)
	}
	return o
}

// trades buys with what was submitted: one that is refunded, and one that is cancelled.
func (x *everything) trades() {
	x.t.Helper()
	o := x.buys(erased, "key of "+erased, func(r *core.OrderRequest) {
		r.Input = core.Object{"model": zebra, "imei": imei}
		r.Shopper.Tags, r.Shopper.Region = []string{"vip of " + erased}, "Hangzhou"
	})
	x.pay(o, "pay of "+erased)
	x.idle()
	_, err := x.moves(o, core.ConditionReceived)
	must(x.t, err)
	_, err = x.moves(o, core.ConditionWaived)
	must(x.t, err)
	_, err = x.ships(o)
	must(x.t, err)
	_, err = x.Deliver(x.t.Context(), clerk(o))
	must(x.t, err)
	codes := x.vouchers(erased)
	if len(codes) == 0 {
		x.t.Fatal("no voucher was granted")
	}
	x.buys(another, "with a voucher", func(r *core.OrderRequest) { r.Voucher = codes[0].Code })
	o = x.buys(erased, "second key of "+erased, func(*core.OrderRequest) {})
	_, err = x.Cancel(x.t.Context(), core.OrderAction{Order: o.ID, Shopper: erased, Key: "cancel of " + erased})
	must(x.t, err)
	o = x.buys(erased, "third key", func(*core.OrderRequest) {})
	x.pay(o, "pay three")
	x.idle()
	x.refund(o)
	x.idle()
}

// gathers leads a group that is completed and delivered.
func (x *everything) gathers() {
	x.t.Helper()
	grouped := func(group string) func(*core.OrderRequest) {
		return func(r *core.OrderRequest) { r.Shopper.Tier, r.Group = "grouped", group }
	}
	leading := x.buys(erased, "group key", grouped(""))
	joined := x.buys(another, "join", grouped(groupID(x.t, leading)))
	for _, o := range []*core.Order{leading, joined} {
		x.pay(o, "pay "+o.ID)
	}
	x.idle()
	_, err := x.ships(leading)
	must(x.t, err)
	_, err = x.Deliver(x.t.Context(), clerk(leading))
	must(x.t, err)
}

// guesses is refused with what was submitted, and tries a wrong code.
func (x *everything) guesses() {
	x.t.Helper()
	request := buy(erased, "guess")
	request.Voucher = "phone.00000000000000000000000000"
	_, _, err := x.Place(x.t.Context(), request)
	wantCode(x.t, err, core.CodeVoucherInvalid)
	request.Voucher, request.Input = "", core.Object{"model": "broken", "imei": imei}
	_, _, err = x.Place(x.t.Context(), request)
	wantCode(x.t, err, core.CodeDenied)
}

// keepsCases writes a report with a case of each shopper, as a shadow of before left it.
func (x *everything) keepsCases() {
	x.t.Helper()
	facts := func(id string) string {
		return `{"shopper":{"id":"` + id + `"},"input":{"model":"` + zebra + ` of ` + id + `"}}`
	}
	must(x.t, x.s.SaveReports(x.t.Context(), []core.Report{{
		Campaign: "phone", Brand: "xiaomi", Subject: "shadow/1", Node: "node-0",
		Content: []byte(`{"decisions":2,"cases":{"price":[{"key":"a ` + erased + `","facts":` + facts(erased) +
			`},{"key":"b","facts":` + strings.ReplaceAll(facts(another), zebra, "Lion") + `}]}}`),
	}}))
}

// empties pays out what is in the shopper's wallet.
func (x *everything) empties() {
	x.t.Helper()
	_, err := x.PayOut(x.t.Context(), core.PayoutRequest{
		Brand: "xiaomi", Shopper: erased, Reference: "bank 7", Key: "p", Reason: "asked for by letter 7", Actor: officer(),
	})
	must(x.t, err)
}

// books are what an erasure leaves as it is: counters, and the sums of all money.
func (x *everything) books() map[string]int64 {
	x.t.Helper()
	state, err := x.s.Load(x.t.Context(), core.Query{Campaign: "phone", Brand: "xiaomi", Counters: true})
	must(x.t, err)
	sums := map[string]int64{"epoch": state.Epoch}
	for key, c := range state.Counters {
		sums["limit of "+key], sums["left of "+key] = c.Limit, c.Remaining
	}
	v := &summing{sums: sums}
	must(x.t, x.s.Book(x.t.Context(), x.def.Key(), v))
	must(x.t, x.s.LedgerBook(x.t.Context(), v))
	return sums
}

type summing struct {
	core.BookVisitor

	sums map[string]int64
}

func (v *summing) VisitCounter(string, core.Counter, int64, int64) {}
func (v *summing) VisitClaim(c core.Claim)                         { v.sums["claims "+string(c.Kind)]++ }
func (v *summing) VisitReservation(r core.Reservation)             { v.sums["positions"] += r.Position }
func (v *summing) VisitArrival(core.Arrival)                       {}
func (v *summing) VisitDocument(*core.Document)                    {}
func (v *summing) VisitRollout(core.RolloutEntry)                  { v.sums["rollouts"]++ }

func (v *summing) VisitOrder(o *core.Order) {
	v.sums["orders "+string(o.State)]++
	v.sums["total"] += o.Total
	for _, due := range o.Dues {
		v.sums["due "+due.State] += due.Amount
	}
	for _, line := range o.Lines {
		v.sums["line "+line.SKU] += line.Amount
	}
}

func (v *summing) VisitAccount(account core.Account, balance int64) {
	kind, _, _ := strings.Cut(account.Name, "/")
	v.sums["balances "+kind] += balance
}

func (v *summing) VisitTransfer(t core.Transfer) {
	v.sums["transfers "+string(t.Kind)] += t.Amount
	v.sums["transfers"]++
}

// asked is a request for what is kept of alice.
func asked(brand string, by core.Principal) core.ShopperDataRequest {
	return core.ShopperDataRequest{Brand: brand, Shopper: erased, Actor: by, Reason: "asked for by letter 6"}
}

func (x *everything) erase() (*core.Erased, error) {
	return x.EraseShopper(x.t.Context(), core.EraseRequest{
		Brand: "xiaomi", Shopper: erased, Actor: officer(), Reason: "asked for by letter 7",
	})
}
