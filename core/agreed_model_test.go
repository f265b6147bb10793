package core_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// lone is one operator who tries everything to move a price, with what the guards have to hold it to. Amounts are minor units.
type lone struct {
	*core.Engine

	t      *rapid.T
	id     string // of the campaign
	shares []int64
	list   int64 // the list price in force
	agreed int64 // what an order cost when two people agreed last
	beside int64 // and by the canary that there was
	listed int64 // and what the list price was
	since  int64 // the number of the rollout then: undos of the model go no further
}

// shares are what rulesets sell at, hundredths of the list price: ruleset i+1 at the one of index i.
func shares() []int64 { return []int64{100, 85, 95, 110, 119, 130, 60} }

func shareMechanics() mechanics {
	m := mechanics{}
	for _, share := range shares() {
		m[fmt.Sprint("s", share)] = func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			return append(effects, core.Effect{Kind: core.EffectPrice, Amount: f.Item.Price * share / 100}), nil
		}
	}
	return m
}

// newLone begins a campaign at the list price, in which one person may move prices by 20 %.
func newLone(t *rapid.T, d *drop, id string) *lone {
	x := &lone{Engine: d.Engine, t: t, id: id, shares: shares(), list: 10_000, agreed: 10_000, listed: 10_000, since: 1}
	def := d.with(func(c *core.Campaign) {
		c.ID, c.Ruleset, c.Items[0].Price, c.Guards.MaxPriceChange = id, []core.Binding{{Mechanic: "s100"}}, x.list, 2000
	})
	x.must(d.apply(def))
	for _, share := range x.shares[1:] {
		x.must(x.AddRuleset(context.Background(), core.RulesetRequest{
			Campaign: id, Bindings: []core.Binding{{Mechanic: fmt.Sprint("s", share)}}, Reason: "test", Actor: operatorCalled("op"),
		}))
	}
	return x
}

func (x *lone) must(_ any, err error) {
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *lone) record() *core.CampaignRecord {
	record, err := x.Record(context.Background(), x.id)
	x.must(record, err)
	return record
}

// changes asks for a change of the rollout, which may be refused or wait.
func (x *lone) changes(c core.Change) {
	_, _ = x.ChangeRollout(context.Background(), core.RolloutRequest{
		Campaign: x.id, Change: c, Expect: x.record().Rollout.Number, Reason: "test", Actor: operatorCalled("op"),
	})
}

// ruleset is any of the campaign's.
func (x *lone) ruleset(t *rapid.T) int64 {
	return rapid.Int64Range(1, int64(len(x.shares))).Draw(t, "ruleset")
}

// steps are what the operator may try, and a second one's approval now and then.
func (x *lone) steps() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"live":   func(t *rapid.T) { x.changes(core.Change{Mode: core.ModeLive, Ruleset: x.ruleset(t)}) },
		"canary": func(t *rapid.T) { x.changes(core.Change{Mode: core.ModeCanary, Ruleset: x.ruleset(t), Percent: 30}) },
		"abort":  func(*rapid.T) { x.changes(core.Change{Mode: core.ModeAbort}) },
		"list": func(t *rapid.T) {
			x.file(func(c *core.Campaign) { c.Items[0].Price = rapid.Int64Range(6_000, 15_000).Draw(t, "list price") })
		},
		"step": func(t *rapid.T) {
			x.file(func(c *core.Campaign) { c.Items[0].Price += rapid.Int64Range(-1_500, 1_500).Draw(t, "step") })
		},
		"tighten": func(*rapid.T) { x.file(func(c *core.Campaign) { c.Guards.MaxPriceChange-- }) },
		"promote": func(*rapid.T) {
			if canary := x.record().Rollout.Canary; canary != nil {
				x.changes(core.Change{Mode: core.ModeLive, Ruleset: canary.Ruleset})
			}
		},
		"undo": func(*rapid.T) {
			if x.undoesOnly() {
				_, _ = x.Undo(context.Background(), core.UndoRequest{Campaign: x.id, Reason: "test", Actor: operatorCalled("op")})
			}
		},
		"second": x.second,
		"":       x.holds,
	}
}

// undoesOnly reports whether an undo goes back to something that came after two people agreed last: it passes over what looks
// like what is in force.
func (x *lone) undoesOnly() bool {
	history, err := x.RolloutHistory(context.Background(), x.id, 0, 1000, operatorCalled("op"))
	x.must(history, err)
	rollouts := map[int64]*core.Rollout{}
	for i := range history {
		rollouts[history[i].Rollout.Number] = &history[i].Rollout
	}
	now := x.record().Rollout
	for before := rollouts[now.Undo]; before != nil && before.Number >= x.since; before = rollouts[before.Undo] {
		if now.Pending != nil || before.Live != now.Live || !alike(before.Canary, now.Canary) {
			return true
		}
	}
	return false
}

func alike(a, b *core.Canary) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Ruleset == b.Ruleset
}

// second lets somebody else approve what waits, if anything does.
func (x *lone) second(t *rapid.T) {
	r := x.record().Rollout
	if r.Pending == nil || rapid.IntRange(0, 3).Draw(t, "busy") > 0 {
		return
	}
	_, err := x.ApproveRollout(context.Background(), core.ApprovalRequest{
		Campaign: x.id, Expect: r.Number, Reason: "agreed", Actor: operatorCalled("second"),
	})
	if err == nil {
		r = x.record().Rollout
		x.agreed, x.listed, x.since = x.costs(r.Live), x.list, r.Number
		if r.Canary != nil {
			x.beside = x.costs(r.Canary.Ruleset)
		}
	}
}

// file applies the file in force with a change, if one person may.
func (x *lone) file(change func(c *core.Campaign)) {
	next := *x.record().Definition
	next.Items = slices.Clone(next.Items)
	change(&next)
	_, err := x.ApplyCampaign(context.Background(), core.ApplyRequest{Definition: &next, Reason: "try", Actor: operatorCalled("op")})
	if err == nil {
		x.list = next.Items[0].Price
	}
}

// costs is what an order costs by the ruleset.
func (x *lone) costs(ruleset int64) int64 { return x.list * x.shares[ruleset-1] / 100 }

// holds requires that no price is further than 20 % from what two people agreed on.
func (x *lone) holds(t *rapid.T) {
	r := x.record().Rollout
	arms := map[string][2]int64{"the live ruleset": {x.agreed, x.costs(r.Live)}, "the list": {x.listed, x.list}}
	if r.Canary != nil {
		arms["the canary"] = [2]int64{x.agreed, x.costs(r.Canary.Ruleset)}
		if r.Canary.Agreed {
			arms["the canary"] = [2]int64{x.beside, x.costs(r.Canary.Ruleset)}
		}
	}
	for arm, price := range arms {
		if core.MovesBeyond(price[0], price[1], 2000) {
			t.Fatalf("by %s it costs %d, and %d when two people agreed; the rollout is %+v", arm, price[1], price[0], r)
		}
	}
}

func TestOnePersonCannotMoveAPriceFurtherThanTheLimit(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, shareMechanics(), nil)
		tries := 0
		rapid.Check(t, func(r *rapid.T) {
			tries++
			r.Repeat(newLone(r, d, fmt.Sprint("lone-", tries)).steps())
		})
	})
}
