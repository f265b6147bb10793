package core

import (
	"context"
	"slices"
)

// The states of a group.
const (
	GroupOpen     = "open"
	GroupComplete = "complete" // as many as it needs have paid
	GroupFailed   = "failed"   // its time ran out before
)

// Group is the content of a group of orders that are to be placed together. A seat is taken when an order is placed, and
// freed when it expires or is cancelled. The group is complete when every seat's order is paid. If that has not happened
// when its time is over it has failed: each member that paid is offered the difference to the full price.
type Group struct {
	SKU      string   `json:"sku"`
	Size     int64    `json:"size"`
	Price    int64    `json:"price"` // per unit for its members, minor units
	Leader   string   `json:"leader"`
	OpenedAt int64    `json:"opened_at"` // Unix milliseconds
	ClosesAt int64    `json:"closes_at"` // Unix milliseconds
	Members  []string `json:"members"`   // the orders that have a seat
	Settled  bool     `json:"settled"`   // every member's order has taken note of how the group ended
}

// groupTerms are what a mechanic's group effect asks for.
type groupTerms struct {
	size, seconds, price int64
}

func noGroup(id string) error { return Errorf(CodeNotFound, "there is no group %q", id) }

// Why an order has no seat in a group.
const (
	groupUnknown = "there is no such group"
	groupEnded   = "the group has ended"
	groupOther   = "the group is not for this order"
)

func groupClosed(why string) error {
	return Errorf(CodeGroupClosed, "%s; open one of your own, or join another", why)
}

// openGroup is the edit by which the order opens a group of those terms; now is Unix milliseconds.
func openGroup(id string, o *Order, t groupTerms, now int64) edit {
	key := DocumentKey{DocumentGroup, id}
	return edit{key: key, apply: func(current *Document) (*Document, error) {
		if current != nil {
			return nil, groupClosed(groupOther)
		}
		g := Group{
			SKU: o.Lines[0].SKU, Size: t.size, Price: t.price, Leader: o.Shopper, OpenedAt: now, ClosesAt: now + t.seconds*1000,
			Members: []string{o.ID},
		}
		d := Document{Kind: DocumentGroup, ID: id}
		return d.write(GroupOpen, g.ClosesAt, g), nil
	}}
}

// joinGroup is the edit by which the order takes a seat in the group: group_closed if there is no such group for it, or
// its time is over, or its terms are others than the order's, group_full if no seat is left. That a shopper has one seat
// is the order's claim to see to.
func joinGroup(id string, o *Order, t groupTerms, now int64) edit {
	key := DocumentKey{DocumentGroup, id}
	return edit{key: key, apply: func(current *Document) (*Document, error) {
		g, err := mayJoin(current, o.ID, o.Lines[0].SKU, now)
		switch {
		case err != nil:
			return nil, err
		case slices.Contains(g.Members, o.ID):
			return current, nil
		case !g.has(t):
			return nil, groupClosed(groupOther)
		}
		g.Members = append(g.Members, o.ID)
		return current.write(GroupOpen, current.Due, g), nil
	}}
}

// mayJoin returns the group if an order of the item may take a seat in it, or has one: what can be told before it is
// decided what the order costs.
func mayJoin(group *Document, order, sku string, now int64) (*Group, error) {
	switch {
	case group == nil:
		return nil, groupClosed(groupUnknown)
	case group.State != GroupOpen:
		return nil, groupClosed(groupEnded)
	}
	g, err := read[Group](group)
	switch {
	case err != nil:
		return nil, storeError(err)
	case g.SKU != sku:
		return nil, groupClosed(groupOther)
	case now >= g.ClosesAt:
		return nil, groupClosed(groupEnded)
	case int64(len(g.Members)) >= g.Size && !slices.Contains(g.Members, order):
		return nil, Errorf(CodeGroupFull, "the group has no seat left")
	default:
		return g, nil
	}
}

// has reports whether those are the group's terms: nobody gets the price of a larger group in a smaller one. How long the
// others have waited is theirs.
func (g *Group) has(t groupTerms) bool { return g.Size == t.size && g.Price == t.price }

// groupFacts are what mechanics may know of the group.
func groupFacts(d *Document) GroupFacts {
	g, err := read[Group](d)
	if err != nil {
		return GroupFacts{}
	}
	return GroupFacts{
		ID: d.ID, Size: g.Size, Joined: int64(len(g.Members)), ClosesAt: g.ClosesAt, Leader: g.Leader,
	}
}

// GroupView is what whoever has a group's id may know of it.
type GroupView struct {
	Campaign string
	ID       string
	State    string // GroupOpen, GroupComplete or GroupFailed
	SKU      string
	Currency string // ISO 4217
	Price    int64  // per unit for its members, minor units
	Size     int64  // how many orders it needs
	Joined   int64  // how many seats are taken
	OpenedAt int64  // Unix milliseconds
	ClosesAt int64  // Unix milliseconds
}

// Group returns the group; not_found if there is none of that id, or if it is of a campaign that is not there for the shopper.
func (e *Engine) Group(ctx context.Context, id string, shopper Principal) (*GroupView, error) {
	c, err := e.shopperCampaign(ctx, CampaignOf(id), &shopper)
	if CodeOf(err) == CodeNotFound {
		return nil, noGroup(id)
	}
	if err != nil {
		return nil, err
	}
	key := DocumentKey{DocumentGroup, id}
	loaded, err := c.fetchAll(ctx, &load{wanted: []DocumentKey{key}})
	if err != nil {
		return nil, err
	}
	d := loaded.documents[key]
	if d == nil {
		return nil, noGroup(id)
	}
	g, err := read[Group](d)
	if err != nil {
		return nil, storeError(err)
	}
	return &GroupView{
		Campaign: c.id, ID: id, State: d.State, SKU: g.SKU, Currency: c.snapshot.Load().definition().Currency, Price: g.Price,
		Size: g.Size, Joined: int64(len(g.Members)), OpenedAt: g.OpenedAt, ClosesAt: g.ClosesAt,
	}, nil
}
