package event

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// counts says how many requests of each kind a plan has.
func counts(plan []entry) map[attempt]int {
	n := map[attempt]int{}
	for _, e := range plan {
		n[e.attempt]++
	}
	return n
}

func TestTheMissionsRushHasItsExactShares(t *testing.T) {
	t.Parallel()
	n := counts(planRush(240_000, 1))
	if n[first]+n[again] != 240_000 || n[again] != 6_000 || n[twin] != 6_000 || n[second] != 1_200 {
		t.Errorf("the plan has %v", n)
	}
}

func TestEveryShopperComesOnceAndSharesAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		shoppers := rapid.IntRange(1, 3000).Draw(t, "shoppers")
		plan := planRush(shoppers, rapid.Uint64().Draw(t, "seed"))
		seen := make([]bool, shoppers)
		for _, e := range plan {
			if e.attempt != first && e.attempt != again {
				continue
			}
			if seen[e.shopper] {
				t.Fatalf("shopper %d comes twice", e.shopper)
			}
			seen[e.shopper] = true
		}
		if slices.Contains(seen, false) {
			t.Fatal("a shopper does not come")
		}
		n := counts(plan)
		if got := n[again] + n[twin]; got != share(shoppers, 50) {
			t.Fatalf("%d retries among %d shoppers", got, shoppers)
		}
		if n[second] != share(shoppers, 5) {
			t.Fatalf("%d second attempts among %d shoppers", n[second], shoppers)
		}
	})
}

func TestATwinFollowsItsOriginalAtOnceAndASecondAttemptLater(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		plan := planRush(rapid.IntRange(20, 2000).Draw(t, "shoppers"), rapid.Uint64().Draw(t, "seed"))
		came := map[uint32]int{} // position of each shopper's first
		extra := map[entry]bool{}
		for at, e := range plan {
			if e.attempt == first || e.attempt == again {
				came[e.shopper] = at
				continue
			}
			original, ok := came[e.shopper]
			if !ok {
				t.Fatalf("attempt %d of shopper %d comes before the first", e.attempt, e.shopper)
			}
			if e.attempt == twin && at != original+1 {
				t.Fatalf("a twin comes at %d, its original at %d", at, original)
			}
			if e.attempt == twin && plan[original].attempt == again {
				t.Fatalf("shopper %d retries twice", e.shopper)
			}
			if extra[e] {
				t.Fatalf("shopper %d has two attempts %d", e.shopper, e.attempt)
			}
			extra[e] = true
		}
	})
}

func TestThePlanDependsOnTheSeedAlone(t *testing.T) {
	t.Parallel()
	one, same, other := planRush(1000, 7), planRush(1000, 7), planRush(1000, 8)
	if !slices.Equal(one, same) {
		t.Error("the same seed made two plans")
	}
	if slices.Equal(one, other) {
		t.Error("two seeds made the same plan")
	}
	if slices.IsSortedFunc(one, func(a, b entry) int { return int(a.shopper) - int(b.shopper) }) {
		t.Error("shoppers come in order")
	}
}
