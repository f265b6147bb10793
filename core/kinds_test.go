package core_test

import (
	"testing"
	"time"

	"hotdrop/core"
)

// TestOnlyMechanicsThatAreAskedAboutARequestHaveTheirFactsLoaded: a lottery among those who repost must not slow the rush.
func TestOnlyMechanicsThatAreAskedAboutARequestHaveTheirFactsLoaded(t *testing.T) {
	for hook, loads := range map[core.Hook]bool{core.HookShare: false, core.HookQuote: true} {
		t.Run(string(hook), func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				silent := func(core.Hook, *core.Facts) []core.Effect { return nil }
				compiler := promoting([]core.Hook{hook}, []string{"shares.reposts", "shopper.tags"}, silent)
				d, _ := newPromotion(t, s, compiler, nil)
				store := &counting{Store: d.store}
				e := d.engine(compiler, func(o *core.Options) { o.Store = store })
				d.clock.advance(-time.Minute)
				_, _, err := e.Reserve(t.Context(), "phone", core.Principal{ID: "ann", Role: core.RoleShopper}, "")
				must(t, err)
				d.clock.advance(time.Minute + 10*time.Millisecond)
				before := store.shoppers.Load()
				_, _, err = e.Place(t.Context(), buy("ann", "k"))
				must(t, err)
				if asked := store.shoppers.Load() > before; asked != loads {
					t.Errorf("the store was asked about a shopper it knows: %v, want %v", asked, loads)
				}
			})
		})
	}
}
