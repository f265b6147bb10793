package core_test

import (
	"testing"

	"hotdrop/core"
)

// hundredth sells at a hundredth of the list price.
func hundredth(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
	return append(effects, core.Effect{Kind: core.EffectPrice, Amount: f.Item.Price / 100}), nil
}

// newHundredth is a guarded campaign that sells at 100, whatever the list price of 10,000 says.
func newHundredth(t *testing.T, s store) *drop {
	t.Helper()
	return newDrop(t, s, mechanics{"p100": priceOf(100), "hundredth": hundredth}, func(c *core.Campaign) {
		guarded(c)
		c.Items[0].Price = 10_000
	})
}

// TestAFileIsMeasuredByTheCanaryToo has one operator move list prices from under a canary whose price follows them.
func TestAFileIsMeasuredByTheCanaryToo(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newHundredth(t, s)
		number := d.add(core.Binding{Mechanic: "hundredth"})
		if r := d.mustChange(core.Change{Mode: core.ModeCanary, Ruleset: number, Percent: 99}).Rollout; r.Canary == nil {
			t.Fatalf("the canary moves no price, and waits: %+v", r.Pending)
		}
		_, err := d.apply(d.with(func(c *core.Campaign) { c.Items[0].Price = 100 }))
		wantCode(t, err, core.CodeApprovalRequired)
	})
}

// TestAFileIsMeasuredByWhatAnUndoBringsBack has one operator change the list price behind a ruleset that follows it and that an undo
// brings back.
func TestAFileIsMeasuredByWhatAnUndoBringsBack(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newHundredth(t, s)
		d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: "hundredth"})})
		d.mustChange(core.Change{Mode: core.ModeLive, Ruleset: 1})
		_, err := d.apply(d.with(func(c *core.Campaign) { c.Items[0].Price = 100 }))
		wantCode(t, err, core.CodeApprovalRequired)
	})
}

// TestAnItemThatIsAddedNeedsASecondOperator has one operator take an item out of the file and put it in again at another price.
func TestAnItemThatIsAddedNeedsASecondOperator(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, mechanics{}, func(c *core.Campaign) {
			c.Guards.MaxPriceChange = 2000
			c.Items = append(c.Items, c.Items[0])
			c.Items[1].SKU = "case"
		})
		_, err := d.apply(d.with(func(c *core.Campaign) { c.Items = c.Items[1:] }))
		must(t, err)
		_, err = d.apply(d.with(func(c *core.Campaign) { c.Items[0].Price = 1 }))
		wantCode(t, err, core.CodeApprovalRequired)
	})
}

// TestAFileIsMeasuredByAnApprovedChangeThatWaits moves what two have agreed to.
func TestAFileIsMeasuredByAnApprovedChangeThatWaits(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, mechanics{"p100": priceOf(100), "hundredth": hundredth}, func(c *core.Campaign) {
			guarded(c)
			c.Items[0].Price = 20_000
		})
		d.inAMinute(core.Change{Mode: core.ModeLive, Ruleset: d.add(core.Binding{Mechanic: "hundredth"})})
		_, err := d.approve("second")
		must(t, err)
		_, err = d.apply(d.with(func(c *core.Campaign) { c.Items[0].Price = 100 }))
		wantCode(t, err, core.CodeApprovalRequired)
	})
}

// TestAFileThatNothingFollowsIsAppliedByOne changes list prices that no ruleset asks for.
func TestAFileThatNothingFollowsIsAppliedByOne(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newHundredth(t, s)
		d.def.Items[0].Price = 9_000
		_, err := d.apply(d.def)
		must(t, err)
	})
}
