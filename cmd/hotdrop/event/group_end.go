package event

import (
	"context"
	"time"

	"hotdrop/core"
)

// ended waits until every one of the groups has ended, and counts how.
func (g *groupBuy) ended(ctx context.Context, name string, parties []*party) error {
	return g.everybody(ctx, name, len(parties), func(ctx context.Context, on *caller, i int) error {
		p := g.as(on, parties[i].leader)
		return until(ctx, "the end of a group", func() (bool, error) {
			var group struct {
				State string `json:"state"`
			}
			err := p.must(ctx, get(p.token, "/v1/groups/"+parties[i].id), &group)
			if err != nil || group.State == core.GroupOpen {
				return false, err
			}
			g.seen.add("group "+group.State, 1)
			return true, nil
		})
	})
}

// celebrate waits until every group with enough members is complete; each member is told.
func (g *groupBuy) celebrate(ctx context.Context) error {
	if err := g.ended(ctx, "groups that complete", g.complete); err != nil {
		return err
	}
	g.tale.tell("groups_opened", int64(len(g.complete)+len(g.failing)))
	g.tale.expect("groups_complete", g.seen.of("group "+core.GroupComplete), int64(len(g.complete)))
	members := membersOf(g.complete)
	err := g.each(ctx, "confirmations", members, func(ctx context.Context, p *shopper) error {
		o, err := p.look(ctx, g.bought[p.n].ID)
		if state, _ := o.has(core.ConditionGroup); o.State == "paid" && state == core.ConditionMet {
			g.seen.add("confirmed", 1)
		}
		told, _ := p.received(ctx, "group_complete", o.ID)
		g.seen.add("told", told)
		return err
	})
	g.tale.expect("confirmed_at_group_price", g.seen.of("confirmed"), int64(len(members)))
	g.tale.expect("told_of_completion", g.seen.of("told"), int64(len(members)))
	return err
}

// fail waits until the time of the other groups is over.
func (g *groupBuy) fail(ctx context.Context) error {
	err := g.ended(ctx, "groups that fail", g.failing)
	g.tale.expect("groups_failed", g.seen.of("group "+core.GroupFailed), int64(len(g.failing)))
	return err
}

// answer has the members of the failed groups answer the offer of the full price, each in one of three ways, and waits
// until every one of their orders is confirmed, refunded or, if it never was paid, expired.
func (g *groupBuy) answer(ctx context.Context) error {
	members := membersOf(g.failing)
	if err := g.each(ctx, "answers", members, g.answerOne); err != nil {
		return err
	}
	err := g.each(ctx, "ends of orders", members, func(ctx context.Context, p *shopper) error {
		return until(ctx, "the end of a member's order", func() (bool, error) {
			o, err := p.look(ctx, g.bought[p.n].ID)
			g.bought[p.n] = o
			state, _ := o.has(core.ConditionGroup)
			over := o.State != "placed" && (o.State != "paid" || state == core.ConditionWaived || o.open(core.DueDifference) == nil)
			return over, err
		})
	})
	if err != nil {
		return err
	}
	states := map[string]int64{}
	for _, n := range members {
		states[g.bought[n].State]++
	}
	g.tale.tell("accepted", g.seen.of("accepted"))
	g.tale.tell("declined", g.seen.of("declined"))
	g.tale.tell("silent", g.seen.of("silent"))
	g.tale.expect("confirmed_at_full_price", states[string(core.OrderPaid)], g.seen.of("accepted"))
	g.tale.expect("refunded", states[string(core.OrderRefunded)], g.seen.of("declined")+g.seen.of("silent"))
	g.tale.expect("expired_unpaid", states[string(core.OrderExpired)], g.seen.of("unpaid"))
	return nil
}

// answerOne waits for the offer and answers it. A member who has not paid gets none.
func (g *groupBuy) answerOne(ctx context.Context, p *shopper) error {
	if g.bought[p.n].State != "paid" {
		return nil
	}
	err := until(ctx, "an offer", func() (bool, error) {
		o, err := p.look(ctx, g.bought[p.n].ID)
		g.bought[p.n] = o
		return o.State != "paid" || o.open(core.DueDifference) != nil, err
	})
	o := g.bought[p.n]
	offered := o.open(core.DueDifference)
	if err != nil || offered == nil { // the offer is over already
		g.seen.add("silent", 1)
		return err
	}
	switch answerToOffer(p.n % 3) {
	case accepts:
		return g.accept(ctx, p, o.ID, offered.Amount)
	case declines:
		_, code, err := p.cancel(ctx, "decline", o.ID)
		g.seen.add("declined", 1)
		if code == string(core.CodeWrongState) { // refunded a moment before
			return err
		}
		return unless(code, err)
	default:
		g.seen.add("silent", 1)
		return nil
	}
}

// accept pays the difference. Whoever is too late is as good as silent.
func (g *groupBuy) accept(ctx context.Context, p *shopper, order string, difference int64) error {
	if err := p.fund(ctx, "difference", difference); err != nil {
		return err
	}
	o, code, err := p.pay(ctx, "paydifference", order)
	if err == nil && code == "" && o.State == "paid" {
		g.seen.add("accepted", 1)
		return nil
	}
	g.seen.add("silent", 1)
	return err
}

// joinLate has some who found no seat try the groups that are over.
func (g *groupBuy) joinLate(ctx context.Context) error {
	var late []*party
	for _, one := range g.complete {
		if len(one.without) > 0 && g.bought[one.without[0]].ID == "" && len(late) < 100 {
			late = append(late, one)
		}
	}
	late = late[:min(len(late), len(g.failing))]
	before := g.seen.of(string(core.CodeGroupClosed))
	sku := g.sale.Items[groupHeadset].SKU
	err := g.everybody(ctx, "too late", len(late), func(ctx context.Context, on *caller, i int) error {
		_, err := g.join(ctx, g.as(on, late[i].without[0]), sku, g.failing[i].id)
		return err
	})
	g.tale.expect("refused_group_closed", g.seen.of(string(core.CodeGroupClosed))-before, int64(len(late)))
	return err
}

// close reads the books: every order has ended, and every fen is where it belongs.
func (g *groupBuy) close(ctx context.Context) error {
	b, err := g.settled(ctx)
	if err != nil {
		return err
	}
	placed := g.seen.of("placed")
	confirmed := b.states[string(core.OrderPaid)]
	ended := b.states[string(core.OrderRefunded)] + b.states[string(core.OrderExpired)] + b.states[string(core.OrderCancelled)]
	g.tale.tell("orders", placed)
	g.tale.expect("ended_or_confirmed", confirmed+ended, placed)
	g.tale.expect("confirmed", confirmed, g.seen.of("confirmed")+g.seen.of("accepted"))
	g.money(b)
	g.tale.took("seconds", time.Since(g.began).Seconds())
	return nil
}
