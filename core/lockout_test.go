package core_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
)

// guess orders with a code that does not exist.
func guess(e *core.Engine, shopper string, n int) error {
	code := fmt.Sprintf("phone.%026d", n)
	_, err := e.Quote(context.Background(), redeem(shopper, "", code))
	return err
}

func wantLockout(t *testing.T, err error, left time.Duration) {
	t.Helper()
	wantCode(t, err, core.CodeLockedOut)
	if e, ok := errors.AsType[*core.Error](err); ok && e.RetryAfter != left {
		t.Errorf("try again after %v, want %v", e.RetryAfter, left)
	}
}

func TestFiveWrongCodesLockTheShopperOutOnEveryNode(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, voucherOff(), func(c *core.Campaign) {
			c.VoucherPools["fifty"] = core.VoucherPool{Count: 3, Value: 5_000}
		})
		code := d.grant("eve", 1)[0]
		for i := range 5 {
			wantCode(t, guess([]*core.Engine{d.Engine, other}[i%2], "eve", i), core.CodeVoucherInvalid)
		}
		for _, e := range []*core.Engine{d.Engine, other} {
			wantLockout(t, guess(e, "eve", 9), 15*time.Minute)
			_, _, err := e.Place(t.Context(), redeem("eve", "k", code)) // a right one, too
			wantLockout(t, err, 15*time.Minute)
			wantCode(t, guess(e, "bob", 9), core.CodeVoucherInvalid) // nobody else
		}
		_, _, err := d.Place(t.Context(), buy("eve", "without"))
		must(t, err)
		d.clock.advance(15*time.Minute - time.Second)
		wantLockout(t, guess(d.Engine, "eve", 10), time.Second) // which made it no longer
		d.clock.advance(time.Second)
		o, _, err := d.Place(t.Context(), redeem("eve", "k", code))
		must(t, err)
		if o.Total != 194_900 {
			t.Errorf("the voucher gave %d", o.Total)
		}
		for i := range 5 {
			wantCode(t, guess(d.Engine, "eve", 20+i), core.CodeVoucherInvalid) // it begins anew
		}
		wantLockout(t, guess(other, "eve", 30), 15*time.Minute)
		d.audit()
	})
}

func TestWrongCodesCountFor15Minutes(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, voucherOff(), func(c *core.Campaign) { c.Phases.Closed = opening.Add(10 * time.Hour) })
		for i := range 20 { // one every four minutes: never five in fifteen
			wantCode(t, guess(d.Engine, "ann", i), core.CodeVoucherInvalid)
			d.clock.advance(4 * time.Minute)
		}
		for i := range 2 {
			wantCode(t, guess(other, "ann", 20+i), core.CodeVoucherInvalid)
		}
		wantLockout(t, guess(d.Engine, "ann", 30), 15*time.Minute)
	})
}

func TestTheSameWrongCodeIsOneGuess(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, voucherOff(), nil)
		for range 10 {
			wantCode(t, guess(d.Engine, "ann", 1), core.CodeVoucherInvalid)
			wantCode(t, guess(other, "ann", 2), core.CodeVoucherInvalid)
		}
	})
}

// TestParallelGuessesAreCounted lets one shopper try 60 codes at once at two nodes: whatever was under way when the fifth
// was counted may still be told that it was wrong, but nothing after it.
func TestParallelGuessesAreCounted(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, voucherOff(), nil)
		var wrong atomic.Int64
		var rush sync.WaitGroup
		for i := range 60 {
			rush.Go(func() {
				switch err := guess([]*core.Engine{d.Engine, other}[i%2], "eve", i); core.CodeOf(err) {
				case core.CodeVoucherInvalid:
					wrong.Add(1)
				case core.CodeLockedOut:
				default:
					t.Errorf("guess %d: %v", i, err)
				}
			})
		}
		rush.Wait()
		if wrong.Load() != 5 {
			t.Errorf("%d guesses were answered", wrong.Load())
		}
		wantLockout(t, guess(other, "eve", 100), 15*time.Minute)
		d.audit()
	})
}

func TestOfAWrongCodeOnlyAHashIsKept(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, _ := newPromotion(t, s, voucherOff(), nil)
		wantCode(t, guess(d.Engine, "ann", 1), core.CodeVoucherInvalid)
		key := core.DocumentKey{Kind: core.DocumentLockout, ID: "ann"}
		state, err := s.Load(t.Context(), core.Query{Campaign: "phone", Brand: "xiaomi", Documents: []core.DocumentKey{key}})
		must(t, err)
		sum := sha256.Sum256(fmt.Appendf(nil, "phone.%026d", 1))
		want := fmt.Sprintf(`{"wrong":[{"at":1356091200000,"hash":"%x"}]}`, sum[:16])
		if got := string(state.Documents[key].Content); got != want {
			t.Errorf("kept is %s, want %s", got, want)
		}
	})
}
