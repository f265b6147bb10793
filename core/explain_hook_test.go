package core_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// talkative are mechanics that have something to say at every hook, for whoever is gold or was tagged so.
func talkative() shows {
	tag := func(key string) core.Effect { return core.Effect{Kind: core.EffectTag, Name: key} }
	return shows{"a": {
		core.HookReserve: func(f *core.Facts) ([]core.Effect, error) {
			switch f.Shopper.Tier {
			case "blocked":
				return []core.Effect{{Kind: core.EffectDeny, Name: "blocked", Text: core.Text{EN: "Not you"}}}, nil
			case "gold":
				return []core.Effect{
					tag("early"), {Kind: core.EffectTake, Name: "seats", Units: 1}, {Kind: core.EffectOnce, Name: "seat"},
					{Kind: core.EffectNotify, Name: "hello"}, {Kind: core.EffectEnter, Name: "lots", Units: 2},
				}, nil
			}
			return nil, nil
		},
		core.HookShare: func(f *core.Facts) ([]core.Effect, error) {
			if f.Shares.Counted != "repost" || f.Shares.Reposts < 3 || f.Shopper.Tier != "" {
				return nil, nil
			}
			return []core.Effect{{Kind: core.EffectEnter, Name: "lots", Units: f.Shares.Reposts}}, nil
		},
		core.HookMessage: func(f *core.Facts) ([]core.Effect, error) {
			if f.Message.Text == "crash" {
				return nil, errors.New("crashed")
			}
			return []core.Effect{{Kind: core.EffectReply, Text: core.Text{EN: f.Message.Text + "/" + f.Order.ID}}}, nil
		},
		core.HookPaid: func(f *core.Facts) ([]core.Effect, error) {
			return []core.Effect{{Kind: core.EffectGrant, Name: "thanks", Units: 1}, tag(f.Order.State + "/" + f.Order.Carrier)}, nil
		},
	}}
}

// newTalkative starts a campaign in its reservation phase, whose sale begins an hour later.
func newTalkative(t *testing.T, s store) *life {
	return newLife(t, s, talkative(), func(c *core.Campaign) {
		c.Phases.Sale, c.Phases.Closed = opening.Add(time.Hour), opening.Add(2*time.Hour)
		c.Quotas = map[string]int64{"seats": 1}
		c.VoucherPools = map[string]core.VoucherPool{"thanks": {Count: 5, Value: 1}}
		c.Templates = map[string]core.Text{"hello": {EN: "Hello"}}
		c.Draws = map[string]core.DrawTerms{"lots": {Closes: opening.Add(3 * time.Hour), Winners: 1, Title: core.Text{EN: "Lots"}}}
	})
}

func golden(id string) core.Principal {
	return core.Principal{ID: id, Role: core.RoleShopper, Tier: "gold"}
}

// kindsOf lists what the explanation's only mechanic asks for.
func kindsOf(bindings []core.ExplainedBinding) string {
	var kinds []string
	for _, e := range bindings[0].Effects {
		kinds = append(kinds, string(e.Kind))
	}
	return strings.Join(kinds, " ")
}

func TestAReservationIsExplainedFromWhatItKeeps(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newTalkative(t, s)
		_, _, err := l.Reserve(t.Context(), "phone", golden("ann"), "")
		must(t, err)
		_, _, err = l.Reserve(t.Context(), "phone", core.Principal{ID: "bob", Role: core.RoleShopper}, "")
		must(t, err)
		decided := l.clock.now().UnixMilli()
		l.clock.advance(10 * time.Minute)
		_, err = l.apply(l.with(func(c *core.Campaign) { c.Ruleset, c.Templates, c.Quotas = nil, nil, nil }))
		must(t, err)
		x, err := l.ExplainReservation(t.Context(), "phone", "ann", operator)
		must(t, err)
		if !x.Reproduced || x.Hook != core.HookReserve || x.Ruleset != 2 || x.At != decided || x.Refusal != nil || x.Total != 0 {
			t.Fatalf("%+v", x)
		}
		if x.Bindings[0].Outcome != "applied" || kindsOf(x.Bindings) != "tag take once notify enter" || !strings.Contains(string(x.Facts), `"tier":"gold"`) {
			t.Errorf("%+v by %s", x.Bindings, x.Facts)
		}
		x, err = l.ExplainReservation(t.Context(), "phone", "bob", operator)
		must(t, err)
		if !x.Reproduced || len(x.Bindings) != 0 || string(x.Facts) != "null" || x.At != decided {
			t.Errorf("of a sign-up that kept nothing: %+v", x)
		}
		for shopper, who := range map[string]core.Principal{
			"nobody": operator, "ann": {ID: "b", Role: core.RoleBrand, Brand: "meizu"}, "bob": {ID: "bob", Role: core.RoleShopper},
		} {
			_, err = l.ExplainReservation(t.Context(), "phone", shopper, who)
			wantCode(t, err, core.CodeNotFound)
		}
	})
}

func TestAPaidOrderIsExplainedByWhatTheMechanicsDecidedThen(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newTalkative(t, s)
		l.clock.advance(time.Hour)
		o := l.place("ann")
		explain := func() *core.ExplainedPaid {
			x, err := l.Explain(t.Context(), o.ID, operator)
			must(t, err)
			if !x.Reproduced {
				t.Errorf("%+v", x.Differences)
			}
			return x.Paid
		}
		if paid := explain(); paid != nil {
			t.Errorf("an order that is not paid: %+v", paid)
		}
		l.topUp("ann", 1_000_000)
		paidAt := l.clock.now().UnixMilli()
		l.pay(o, "p")
		l.idle()
		_, err := l.Ship(t.Context(), core.StaffAction{Order: o.ID, Actor: operator, Carrier: "SF", Tracking: "1"})
		must(t, err)
		_, err = l.apply(l.with(func(c *core.Campaign) { c.Ruleset, c.VoucherPools = nil, nil }))
		must(t, err)
		paid := explain()
		if paid == nil || paid.State != core.PaidDone || paid.At != paidAt || paid.Refusal != nil || paid.Failure != "" {
			t.Fatalf("%+v", paid)
		}
		if paid.Bindings[0].Outcome != "applied" || kindsOf(paid.Bindings) != "grant tag" || paid.Bindings[0].Effects[1].Name != "paid/" {
			t.Errorf("%+v", paid.Bindings)
		}
		if !strings.Contains(string(paid.Facts), o.ID) || strings.Contains(string(paid.Facts), "SF") {
			t.Errorf("by the facts %s", paid.Facts)
		}
	})
}

func TestAnOrderThatNobodyWasAskedAboutWhenItWasPaidHasNoSuchDecision(t *testing.T) {
	l := newLife(t, sqliteStore(t), shows{"quiet": {core.HookQuote: asking()}}, nil)
	o := l.place("ann")
	l.topUp("ann", 1_000_000)
	l.pay(o, "p")
	x, err := l.Explain(t.Context(), o.ID, operator)
	must(t, err)
	if x.Paid != nil {
		t.Errorf("%+v", x.Paid)
	}
}

func TestWhatAMechanicWouldSayAtAHookIsExplainedAndNothingIsDone(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newTalkative(t, s)
		ask := func(r core.HookRequest) *core.Explanation {
			t.Helper()
			r.Campaign = "phone"
			x, err := l.ExplainHook(t.Context(), r, operator)
			must(t, err)
			if x.Hook != r.Hook || !x.Reproduced || len(x.Bindings) != 1 || len(x.Price) != 0 || x.Paid != nil {
				t.Errorf("%+v", x)
			}
			return x
		}
		refused := func(x *core.Explanation, check string, code core.Code) {
			t.Helper()
			if x.Refusal == nil || x.Refusal.Check != check || x.Refusal.Code != code || x.Shopper.Code != code {
				t.Errorf("refusal %+v, told %+v; want %s", x.Refusal, x.Shopper, code)
			}
		}
		x := ask(core.HookRequest{Hook: core.HookReserve, Shopper: golden("eve")})
		if x.Refusal != nil || kindsOf(x.Bindings) != "tag take once notify enter" {
			t.Errorf("%+v", x)
		}
		blocked := golden("eve")
		blocked.Tier = "blocked"
		refused(ask(core.HookRequest{Hook: core.HookReserve, Shopper: blocked}), "mechanic", core.CodeDenied)
		_, _, err := l.Reserve(t.Context(), "phone", golden("zoe"), "") // the last seat
		must(t, err)
		refused(ask(core.HookRequest{Hook: core.HookReserve, Shopper: golden("eve")}), "quota", core.CodeQuotaExhausted)

		share := core.HookRequest{Hook: core.HookShare, Shopper: golden("eve"), Shares: core.SharesFacts{Reposts: 3, Counted: "repost"}}
		if x = ask(share); x.Bindings[0].Outcome != "applied" || x.Bindings[0].Effects[0].Units != 3 {
			t.Errorf("%+v", x.Bindings)
		}
		share.Shares.Reposts = 2
		if x = ask(share); x.Bindings[0].Outcome != "no_match" || !strings.Contains(string(x.Facts), `"shares":{"counted":"repost"`) {
			t.Errorf("%+v", x)
		}

		l.clock.advance(time.Hour)
		refused(ask(core.HookRequest{Hook: core.HookReserve, Shopper: golden("bob")}), "phase", core.CodeNotInPhase)
		o := l.place("ann")
		message := core.HookRequest{Hook: core.HookMessage, Shopper: golden("ann"), Message: " where? "}
		for order, want := range map[string]string{"": o.ID, o.ID: o.ID} {
			message.Order = order
			if got := ask(message).Bindings[0].Effects[0].Text.EN; got != "where?/"+want {
				t.Errorf("replied %q", got)
			}
		}
		message.Message = "crash"
		if x = ask(message); x.Refusal != nil || x.Bindings[0].Outcome != "skipped" || x.Bindings[0].Failure == "" {
			t.Errorf("a message arrives whatever fails: %+v", x)
		}

		l.idle()
		for kind, want := range map[core.DocumentKind]int{
			core.DocumentSignup: 1, core.DocumentTags: 1, core.DocumentMessage: 1, core.DocumentEntry: 1, core.DocumentInbox: 0,
		} {
			if got := len(l.documents(kind)); got != want {
				t.Errorf("%d documents of the kind %s, want %d: only what zoe's sign-up wrote", got, kind, want)
			}
		}
		l.audit()
	})
}

func TestWhatNoShopperCouldCauseIsNotExplained(t *testing.T) {
	l := newTalkative(t, sqliteStore(t))
	l.clock.advance(time.Hour)
	o := l.place("ann")
	shares := func(s core.SharesFacts) core.HookRequest { return core.HookRequest{Hook: core.HookShare, Shares: s} }
	for name, tt := range map[string]struct {
		request core.HookRequest
		want    core.Code
	}{
		"a price":                       {core.HookRequest{Hook: core.HookQuote}, core.CodeInvalid},
		"a payment":                     {core.HookRequest{Hook: core.HookPaid}, core.CodeInvalid},
		"no hook":                       {core.HookRequest{}, core.CodeInvalid},
		"a count of nothing":            {shares(core.SharesFacts{Reposts: 1}), core.CodeInvalid},
		"a count of something else":     {shares(core.SharesFacts{Reposts: 1, Counted: "like"}), core.CodeInvalid},
		"a count that has not risen":    {shares(core.SharesFacts{Reposts: 1, Counted: "visitor"}), core.CodeInvalid},
		"a negative count":              {shares(core.SharesFacts{Reposts: 1, Visitors: -1, Counted: "repost"}), core.CodeInvalid},
		"an empty message":              {core.HookRequest{Hook: core.HookMessage}, core.CodeInvalid},
		"a message about another order": {core.HookRequest{Hook: core.HookMessage, Message: "hi", Order: o.ID, Shopper: golden("bob")}, core.CodeNotFound},
		"another campaign's order":      {core.HookRequest{Hook: core.HookMessage, Message: "hi", Order: "else." + o.ID[6:]}, core.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			tt.request.Campaign = "phone"
			if tt.request.Shopper.ID == "" {
				tt.request.Shopper = golden("ann")
			}
			_, err := l.ExplainHook(t.Context(), tt.request, operator)
			wantCode(t, err, tt.want)
		})
	}
	for _, who := range []core.Principal{golden("ann"), {ID: "b", Role: core.RoleBrand, Brand: "meizu"}} {
		_, err := l.ExplainHook(t.Context(), core.HookRequest{Campaign: "phone", Hook: core.HookReserve}, who)
		wantCode(t, err, core.CodeNotFound)
	}
}

// TestWhatWasLastGoodIsReproducedUnderALaterRuleset has an order priced by the ruleset before its own, explained once both
// are history.
func TestWhatWasLastGoodIsReproducedUnderALaterRuleset(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		m := mechanics{"good": priceOf(99_900), "bad": func(*core.Facts, []core.Effect) ([]core.Effect, error) {
			return nil, errors.New("divided by zero")
		}, "list": priceOf(150_000)}
		d := newDrop(t, s, m, func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "good"}} })
		for _, name := range []string{"bad", "list"} {
			if name == "list" {
				d.place("ann")
			}
			_, err := d.apply(d.with(func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: name, OnFailure: core.FailLastGood}} }))
			must(t, err)
		}
		orders, err := d.Orders(t.Context(), "ann", "", 1)
		must(t, err)
		for name, e := range map[string]*core.Engine{"the node that decided": d.Engine, "another node": d.node(m, nil)} {
			x, err := e.Explain(t.Context(), orders.Data[0].ID, operator)
			must(t, err)
			if b := x.Bindings[0]; !x.Reproduced || x.Ruleset != 2 || x.Total != 99_900 || !b.LastGood || b.Failure != "divided by zero" || b.Mechanic != "good" {
				t.Errorf("%s: %v, %+v", name, x.Differences, b)
			}
		}
	})
}
