package core_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"hotdrop/core"
)

func TestWhatFailsOfANewRulesetIsSaidToWhoAddsItAndIsNotStored(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		bad := func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
			if f.Item.Price == list {
				return nil, errors.New("division\x00by zero")
			}
			return effects, nil
		}
		d := newDrop(t, s, mechanics{"list": priceOf(list), "bad": bad}, func(c *core.Campaign) {
			c.Ruleset = []core.Binding{{Mechanic: "list"}}
			other, cheap := c.Items[0], c.Items[0]
			other.SKU, cheap.SKU, cheap.Price = "other", "cheap", list-1
			c.Items = append(c.Items, cheap, other)
		})
		add := func(bindings ...core.Binding) *core.Ruleset {
			added, err := d.AddRuleset(context.Background(), core.RulesetRequest{
				Campaign: "phone", Bindings: bindings, Reason: "test", Actor: operator,
			})
			must(t, err)
			return added
		}
		added := add(core.Binding{Mechanic: "list"}, core.Binding{Mechanic: "bad"})
		if want := []string{"bad fails on mi2, other: division by zero"}; !slices.Equal(added.Warnings, want) {
			t.Errorf("got %q, want %q", added.Warnings, want)
		}
		stored, err := d.Ruleset(context.Background(), core.CampaignKey{Brand: "xiaomi", ID: "phone"}, added.Number)
		must(t, err)
		if stored == nil || len(stored.Warnings) != 0 || len(stored.Bindings) != 2 {
			t.Errorf("stored is %+v", stored)
		}
		if added = add(core.Binding{Mechanic: "list"}); len(added.Warnings) != 0 {
			t.Errorf("a good one is warned of: %q", added.Warnings)
		}
	})
}
