package event

import (
	"context"
	"fmt"
	"time"

	"hotdrop/core"
)

// The items of the group-buy: groups of the first complete, groups of the second do not.
const (
	groupPhone   = 0
	groupHeadset = 1
)

// rivals is how many come for the two seats that a group of three has left.
const rivals = 3

// In so many of a thousand groups that complete, a member leaves before it has paid, and the one who found no seat has it.
const leaving = 50

// How long groups that fail are open, and their members may answer the offer of the full price: long enough for as many
// shoppers to order and pay, and short enough to be waited for.
func groupWindow(shoppers int) time.Duration {
	return (8*time.Second + time.Duration(shoppers)*2*time.Millisecond).Truncate(time.Second)
}

func offerWindow(shoppers int) time.Duration {
	return 5*time.Second + time.Duration(shoppers)*time.Millisecond
}

// answerToOffer is what a member of a failed group does about the offer.
type answerToOffer int

const (
	accepts answerToOffer = iota
	declines
	isSilent
)

// party is one group: who opens it, who comes for its seats, and who has one.
type party struct {
	leader  int
	comers  []int
	id      string
	members []int
	without []int // who came and found no seat
}

// groupBuy is the group-buy under way.
type groupBuy struct {
	*show

	complete, failing []*party
	bought            []order // by shopper; without id for none
	seen              *counter
}

// playGroup is the group-buy: groups that complete, with more comers than seats, and groups that fail, whose members
// accept the full price, decline it, or do not answer.
func playGroup(ctx context.Context, r *runner) error {
	n := r.config.Shoppers
	s, err := r.stage(ctx, func(sale *core.Campaign) {
		window := groupWindow(n)
		sale.Items[groupHeadset].Hold = core.Duration(window / 2) // or until the group closes
		if stock := sale.Items[groupHeadset].Stock; int64(n) > stock {
			sale.Items[groupHeadset].Stock = int64(n)
			sale.Guardrails.DiscountBudget += sale.Guardrails.DiscountBudget / stock * (int64(n) - stock)
		}
		sale.Ruleset[groupHeadset].Config["seconds"] = int64(window / time.Second)
		sale.Groups.Offer = core.Duration(offerWindow(n))
	})
	if err != nil {
		return err
	}
	g := &groupBuy{show: s, bought: make([]order, n), seen: newCounter()}
	g.form()
	for _, act := range []func(context.Context) error{
		g.gatherTooFew, g.gatherEnough, g.celebrate, g.fail, g.answer, g.joinLate, g.close,
	} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// form forms the groups: half of the shoppers are in groups that complete, the others in groups of two, three or four,
// which would have to be five.
func (g *groupBuy) form() {
	people := g.some(1000)
	enough := min(len(people)/2/(1+rivals), g.config.Units/rivals)
	for range enough {
		g.complete = append(g.complete, &party{leader: people[0], comers: people[1 : 1+rivals]})
		people = people[1+rivals:]
	}
	for size := 2; len(people) >= size; size = 2 + (size-1)%3 {
		g.failing = append(g.failing, &party{leader: people[0], comers: people[1:size]})
		people = people[size:]
	}
}

// gatherTooFew opens the groups that fail, and has their members pay: but for one here and there, who does not.
func (g *groupBuy) gatherTooFew(ctx context.Context) error {
	if err := g.gather(ctx, groupHeadset, g.failing); err != nil {
		return err
	}
	return g.pay(ctx, "payments of groups that fail", membersOf(g.failing), func(n int) bool { return n%20 != 3 })
}

// gatherEnough opens the groups that complete. The comers of a group come at once, one more than there are seats. In some
// groups a member leaves.
func (g *groupBuy) gatherEnough(ctx context.Context) error {
	if err := g.gather(ctx, groupPhone, g.complete); err != nil {
		return err
	}
	g.tale.expect("refused_group_full", g.seen.of(string(core.CodeGroupFull)), int64(len(g.complete)))
	if err := g.leave(ctx); err != nil {
		return err
	}
	return g.pay(ctx, "payments of groups that complete", membersOf(g.complete), func(int) bool { return true })
}

// gather has the leaders order, and then the comers, by the group that the leader's order has.
func (g *groupBuy) gather(ctx context.Context, item int, parties []*party) error {
	sku := g.sale.Items[item].SKU
	err := g.everybody(ctx, "groups of "+sku, len(parties), func(ctx context.Context, on *caller, i int) error {
		one := parties[i]
		o, code, err := g.as(on, one.leader).place(ctx, "order", wish{SKU: sku, Quantity: 1})
		if err == nil && o.Group == "" {
			err = fmt.Errorf("%w: an order that opens no group: %s", errUnexpected, code)
		}
		one.id, one.members = o.Group, []int{one.leader}
		g.own(one.leader, o)
		return err
	})
	if err != nil {
		return err
	}
	type coming struct {
		party *party
		n     int
	}
	var comers []coming
	for _, one := range parties {
		for _, n := range one.comers {
			comers = append(comers, coming{one, n})
		}
	}
	seated := make([]bool, len(comers))
	err = g.everybody(ctx, "members of "+sku, len(comers), func(ctx context.Context, on *caller, i int) (err error) {
		seated[i], err = g.join(ctx, g.as(on, comers[i].n), sku, comers[i].party.id)
		return err
	})
	for i, c := range comers {
		if seated[i] {
			c.party.members = append(c.party.members, c.n)
		} else {
			c.party.without = append(c.party.without, c.n)
		}
	}
	return err
}

// own notes the shopper's order.
func (g *groupBuy) own(n int, o order) {
	g.bought[n] = o
	g.note(n, o)
	g.seen.add("placed", 1)
}

// join has a shopper order with the group, and reports whether there was a seat.
func (g *groupBuy) join(ctx context.Context, p *shopper, sku, group string) (bool, error) {
	o, code, err := p.place(ctx, "order", wish{SKU: sku, Quantity: 1, Group: group})
	if err != nil || code != "" {
		g.seen.add(code, 1)
		return false, err
	}
	g.own(p.n, o)
	return true, nil
}

// leave has a member of some groups cancel, and who found no seat there have it.
func (g *groupBuy) leave(ctx context.Context) error {
	some := g.complete[:share(len(g.complete), leaving)]
	sku := g.sale.Items[groupPhone].SKU
	err := g.everybody(ctx, "seats given up", len(some), func(ctx context.Context, on *caller, i int) error {
		one := some[i]
		last := len(one.members) - 1
		o, code, err := g.as(on, one.members[last]).cancel(ctx, "cancel", g.bought[one.members[last]].ID)
		if err := unless(code, err); err != nil {
			return err
		}
		g.bought[one.members[last]] = o
		seated, err := g.join(ctx, g.as(on, one.without[0]), sku, one.id)
		if seated {
			g.seen.add("taken over", 1)
			one.members[last] = one.without[0]
		}
		return err
	})
	g.tale.expect("seats_taken_over", g.seen.of("taken over"), int64(len(some)))
	return err
}

// membersOf lists those who have a seat.
func membersOf(parties []*party) []int {
	var all []int
	for _, one := range parties {
		all = append(all, one.members...)
	}
	return all
}

// pay has the members pay for whom that is meant.
func (g *groupBuy) pay(ctx context.Context, name string, members []int, meant func(n int) bool) error {
	return g.each(ctx, name, shuffledAgain(members, g.random), func(ctx context.Context, p *shopper) error {
		if !meant(p.n) {
			g.seen.add("unpaid", 1)
			return nil
		}
		o := g.bought[p.n]
		if err := p.fund(ctx, "topup", o.Total); err != nil {
			return err
		}
		paid, code, err := p.pay(ctx, "pay", o.ID)
		if code == string(core.CodeGroupClosed) || code == string(core.CodeWrongState) {
			// Too late: its group, or the time to pay it, is over.
			g.seen.add("unpaid", 1)
			return err
		}
		g.bought[p.n] = paid
		g.seen.add("paid", 1)
		return unless(code, err)
	})
}
