package core_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
)

// voucherOff takes off what the voucher is worth.
func voucherOff() promotions {
	return promoting([]core.Hook{core.HookQuote}, []string{"voucher.value", "voucher.state"},
		func(_ core.Hook, f *core.Facts) []core.Effect {
			if f.Voucher.State != core.VoucherGranted {
				return nil
			}
			return []core.Effect{{Kind: core.EffectDiscount, Amount: f.Voucher.Value}}
		})
}

func (d *drop) grant(shopper string, count int64) []string {
	d.t.Helper()
	codes, err := d.Grant(d.t.Context(), "phone", "fifty", count, shopper)
	must(d.t, err)
	return codes
}

// redeem orders with a voucher.
func redeem(shopper, key, code string) core.OrderRequest {
	req := buy(shopper, key)
	req.Voucher = code
	return req
}

func (d *drop) counter(key string) core.Counter {
	d.t.Helper()
	state, err := d.store.Load(d.t.Context(), core.Query{Campaign: "phone", Brand: "xiaomi", Counters: true})
	must(d.t, err)
	return state.Counters[key]
}

func (d *drop) vouchers(shopper string) []*core.VoucherView {
	d.t.Helper()
	page, err := d.Vouchers(d.t.Context(), shopper, "", 1000)
	must(d.t, err)
	return page.Data
}

func TestAVoucherIsRedeemedOnceByWhoeverHasTheCode(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, voucherOff(), nil)
		code := d.grant("ann", 1)[0]
		want := core.VoucherView{
			Code: code, Campaign: "phone", Pool: "fifty", Value: 5_000, Currency: "CNY", State: core.VoucherGranted,
			GrantedAt: opening.UnixMilli(), ExpiresAt: opening.Add(30 * time.Minute).UnixMilli(), Source: "test",
		}
		if got := d.vouchers("ann"); len(got) != 1 || *got[0] != want {
			t.Fatalf("ann has %+v", got)
		}
		if got := d.vouchers("bob"); len(got) != 0 {
			t.Errorf("bob is told %+v", got)
		}
		q, err := d.Quote(t.Context(), redeem("bob", "", code))
		must(t, err)
		if q.Total != 194_900 {
			t.Errorf("quoted %d", q.Total)
		}
		o, _, err := other.Place(t.Context(), redeem("bob", "k", code))
		must(t, err)
		if o.Total != 194_900 {
			t.Errorf("ordered at %d", o.Total)
		}
		again, replayed, err := d.Place(t.Context(), redeem("bob", "k", code))
		must(t, err)
		if !replayed || again.ID != o.ID {
			t.Errorf("the same request again: %v %+v", replayed, again)
		}
		if got := d.vouchers("ann")[0]; got.State != core.VoucherHeld || got.Order != "" {
			t.Errorf("ann sees %+v", got)
		}
		_, _, err = d.Place(t.Context(), redeem("ann", "k", code))
		wantCode(t, err, core.CodeVoucherUsed)
		_, err = other.Quote(t.Context(), redeem("ann", "", code))
		wantCode(t, err, core.CodeVoucherUsed)
		_, err = d.Cancel(t.Context(), core.OrderAction{Order: o.ID, Shopper: "bob", Key: "c"})
		must(t, err)
		if got := d.vouchers("ann")[0]; got.State != core.VoucherGranted {
			t.Errorf("after the cancellation ann sees %+v", got)
		}
		o, _, err = d.Place(t.Context(), redeem("ann", "k", code))
		must(t, err)
		_, err = d.TopUp(t.Context(), core.TopUp{Shopper: "ann", Currency: "CNY", Amount: 1_000_000, Key: "t"})
		must(t, err)
		_, err = d.Pay(t.Context(), core.OrderAction{Order: o.ID, Shopper: "ann", Key: "p"})
		must(t, err)
		if got := d.vouchers("ann")[0]; got.State != core.VoucherRedeemed || got.Order != o.ID {
			t.Errorf("after the payment ann sees %+v", got)
		}
		d.audit()
	})
}

// TestStarbucksAVoucherSpentAtTheSameInstantBuysOnce is the incident of a coffee chain whose card, sent from two browsers at once,
// moved its balance twice: 200 requests with one code, at two nodes.
func TestStarbucksAVoucherSpentAtTheSameInstantBuysOnce(t *testing.T) {
	const requests = 200
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, voucherOff(), nil)
		nodes := []*core.Engine{d.Engine, other}
		code := d.grant("ann", 1)[0]
		var sold, used atomic.Int64
		var rush sync.WaitGroup
		start := make(chan struct{})
		for i := range requests {
			rush.Go(func() {
				<-start
				shopper := "ann"
				if i%2 == 1 { // half of them are others, to whom the code was given
					shopper = fmt.Sprint("friend-", i)
				}
				_, _, err := nodes[i/2%2].Place(context.Background(), redeem(shopper, fmt.Sprint("k", i), code))
				switch core.CodeOf(err) {
				case "":
					sold.Add(1)
				case core.CodeVoucherUsed:
					used.Add(1)
				default:
					t.Errorf("request %d: %v", i, err)
				}
			})
		}
		close(start)
		rush.Wait()
		if sold.Load() != 1 || used.Load() != requests-1 {
			t.Errorf("%d sold, %d told that the voucher is used", sold.Load(), used.Load())
		}
		if stock := d.counter(core.StockCounter("mi2")); stock.Limit-stock.Remaining != 1 {
			t.Errorf("%d units taken", stock.Limit-stock.Remaining)
		}
		d.audit()
	})
}

func TestARefusedVoucherTakesNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, _ := newPromotion(t, s, voucherOff(), func(c *core.Campaign) {
			c.VoucherPools["other"] = core.VoucherPool{Count: 1}
		})
		code := d.grant("ann", 1)[0]
		for i, wrong := range []string{
			"x", code + "0", strings.ToUpper(code), "other" + code[len("phone"):], " " + code, code[:len(code)-1] + "\x00",
			strings.Repeat("9", 10_000),
		} {
			shopper := fmt.Sprint("s", i)
			_, err := d.Quote(t.Context(), redeem(shopper, "", wrong))
			wantCode(t, err, core.CodeVoucherInvalid)
			_, _, err = d.Place(t.Context(), redeem(shopper, "k", wrong))
			wantCode(t, err, core.CodeVoucherInvalid)
		}
		d.clock.advance(30*time.Minute - 1)
		_, err := d.Quote(t.Context(), redeem("ann", "", code))
		must(t, err)
		d.clock.advance(1)
		_, _, err = d.Place(t.Context(), redeem("ann", "k", code))
		wantCode(t, err, core.CodeVoucherExpired)
		if got := d.vouchers("ann")[0]; got.State != core.VoucherExpired {
			t.Errorf("ann sees %+v", got)
		}
		if stock := d.counter(core.StockCounter("mi2")); stock.Limit != stock.Remaining {
			t.Errorf("%d units taken", stock.Limit-stock.Remaining)
		}
		d.audit()
	})
}

func TestAVoucherThatThePromotionMakesNothingOfIsNotSpent(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		blind := promoting([]core.Hook{core.HookQuote}, nil, func(core.Hook, *core.Facts) []core.Effect {
			return []core.Effect{{Kind: core.EffectPrice, Amount: 1}}
		})
		d, _ := newPromotion(t, s, blind, nil)
		code := d.grant("ann", 1)[0]
		_, _, err := d.Place(t.Context(), redeem("ann", "k", code))
		wantCode(t, err, core.CodeVoucherInvalid)
		if got := d.vouchers("ann")[0]; got.State != core.VoucherGranted {
			t.Errorf("ann sees %+v", got)
		}
		for range 10 { // the code exists: to try it is no guess
			_, err := d.Quote(t.Context(), redeem("ann", "", code))
			wantCode(t, err, core.CodeVoucherInvalid)
		}
	})
}

func TestAVoucherExpiresOnceAndKeepsWhatItWasGrantedWith(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, voucherOff(), nil)
		code := d.grant("ann", 1)[0]
		key := core.DocumentKey{Kind: core.DocumentVoucher, ID: code}
		load := func() *core.Document {
			state, err := s.Load(t.Context(), core.Query{Campaign: "phone", Brand: "xiaomi", Documents: []core.DocumentKey{key}})
			must(t, err)
			return state.Documents[key]
		}
		early := load()
		must(t, d.VoucherDue(t.Context(), early))
		if now := load(); now.Revision != early.Revision || now.Due != opening.Add(30*time.Minute).UnixMilli() {
			t.Errorf("looked at too early it became %+v", now)
		}
		_, err := d.apply(d.with(func(c *core.Campaign) {
			c.VoucherPools = map[string]core.VoucherPool{"fifty": {Count: 3, Value: 1, Expires: opening.Add(40 * time.Minute)}}
		}))
		must(t, err)
		if got := d.vouchers("ann")[0]; got.Value != 5_000 || got.ExpiresAt != early.Due {
			t.Errorf("another file made it %+v", got)
		}
		d.clock.advance(30 * time.Minute)
		due, err := s.DueDocuments(t.Context(), core.CampaignKey{Brand: "xiaomi", ID: "phone"}, d.clock.now().UnixMilli(), 10)
		must(t, err)
		if len(due) != 1 || due[0].ID != code {
			t.Fatalf("due are %+v", due)
		}
		_, err = d.Work(t.Context(), "phone")
		must(t, err)
		must(t, other.VoucherDue(t.Context(), due[0])) // another node saw it at the same moment
		if now := load(); now.State != core.VoucherExpired || now.Due != 0 || now.Revision != early.Revision+1 {
			t.Errorf("expired to %+v", now)
		}
		done, err := d.Work(t.Context(), "phone") // and nothing is left to do
		must(t, err)
		if now := load(); done != 0 || now.Revision != early.Revision+1 {
			t.Errorf("%d things done, the voucher is %+v", done, now)
		}
		_, err = d.Quote(t.Context(), redeem("ann", "", code))
		wantCode(t, err, core.CodeVoucherExpired)
		d.audit()
	})
}

func TestAnOrderKeepsItsVoucherWhenTheVoucherExpires(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, _ := newPromotion(t, s, voucherOff(), nil)
		code := d.grant("ann", 1)[0]
		d.clock.advance(29 * time.Minute)
		o, _, err := d.Place(t.Context(), redeem("ann", "k", code))
		must(t, err)
		d.clock.advance(5 * time.Minute)
		if got := d.vouchers("ann")[0]; got.State != core.VoucherHeld || got.Order != o.ID {
			t.Errorf("ann sees %+v", got)
		}
		_, err = d.TopUp(t.Context(), core.TopUp{Shopper: "ann", Currency: "CNY", Amount: 194_900, Key: "t"})
		must(t, err)
		paid, err := d.Pay(t.Context(), core.OrderAction{Order: o.ID, Shopper: "ann", Key: "p"})
		must(t, err)
		if paid.State != core.OrderPaid {
			t.Errorf("the order is %s", paid.State)
		}
		d.audit()
	})
}

// TestAPoolNeverGrantsMoreThanItHas grants from a pool of 40 at two nodes at once, in ones, twos and threes.
func TestAPoolNeverGrantsMoreThanItHas(t *testing.T) {
	const pool = 40
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, voucherOff(), func(c *core.Campaign) {
			c.VoucherPools["fifty"] = core.VoucherPool{Count: pool, Value: 5_000}
		})
		nodes := []*core.Engine{d.Engine, other}
		var mu sync.Mutex
		var codes []string
		var rush sync.WaitGroup
		for i := range 100 {
			rush.Go(func() {
				got, err := nodes[i%2].Grant(context.Background(), "phone", "fifty", int64(1+i%3), fmt.Sprint("s", i%10))
				if err != nil && core.CodeOf(err) != core.CodePoolExhausted {
					t.Errorf("grant %d: %v", i, err)
				}
				mu.Lock()
				defer mu.Unlock()
				codes = append(codes, got...)
			})
		}
		rush.Wait()
		slices.Sort(codes)
		if len(slices.Compact(slices.Clone(codes))) != len(codes) {
			t.Error("a code was granted twice")
		}
		left := d.counter(core.PoolCounter("fifty"))
		if int64(len(codes)) != pool-left.Remaining || left.Remaining > 2 {
			t.Errorf("%d granted, %d of %d left", len(codes), left.Remaining, left.Limit)
		}
		listed := 0
		for i := range 10 {
			listed += len(d.vouchers(fmt.Sprint("s", i)))
		}
		if listed != len(codes) {
			t.Errorf("%d granted, %d listed", len(codes), listed)
		}
		_, err := d.apply(d.with(func(c *core.Campaign) {
			c.VoucherPools = map[string]core.VoucherPool{"fifty": {Count: int64(len(codes)) - 1, Value: 5_000}}
		}))
		wantCode(t, err, core.CodeBelowTaken)
		d.audit()
	})
}

func TestAGrantThatCannotBeIsRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, _ := newPromotion(t, s, voucherOff(), nil)
		for _, tc := range []struct {
			name  string
			pool  string
			count int64
			want  core.Code
		}{
			{"another campaign's pool", "sixty", 1, core.CodeNotFound},
			{"none", "fifty", 0, core.CodeInvalid},
			{"fewer than none", "fifty", -1, core.CodeInvalid},
			{"more than one effect may", "fifty", 101, core.CodeInvalid},
			{"more than there are", "fifty", 4, core.CodePoolExhausted},
		} {
			_, err := d.Grant(t.Context(), "phone", tc.pool, tc.count, "ann")
			if core.CodeOf(err) != tc.want {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
		d.clock.advance(30 * time.Minute)
		_, err := d.Grant(t.Context(), "phone", "fifty", 1, "ann")
		wantCode(t, err, core.CodePoolExhausted)
		if pool := d.counter(core.PoolCounter("fifty")); pool.Remaining != 3 {
			t.Errorf("%d left", pool.Remaining)
		}
	})
}

func TestAShoppersVouchersComeInPagesTheNewestFirst(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, _ := newPromotion(t, s, voucherOff(), func(c *core.Campaign) {
			c.VoucherPools["fifty"] = core.VoucherPool{Count: 100}
		})
		second := d.with(func(c *core.Campaign) { c.ID = "another" })
		_, err := d.apply(second)
		must(t, err)
		want := d.grant("ann", 2) // of one moment: sorted by code
		for range 3 {
			d.clock.advance(time.Second)
			want = append(d.grant("ann", 1), want...)
		}
		elsewhere, err := d.Grant(t.Context(), "another", "fifty", 2, "ann")
		must(t, err)
		want = append(elsewhere, want...)
		d.grant("bob", 3)
		for _, size := range []int{1, 2, 3, 7, 8} {
			var got []string
			for cursor, more := "", true; more; more = cursor != "" {
				page, err := d.Vouchers(t.Context(), "ann", cursor, size)
				must(t, err)
				for _, v := range page.Data {
					got = append(got, v.Code)
				}
				cursor = page.Next
			}
			if !slices.Equal(got, want) {
				t.Errorf("in pages of %d: %v, want %v", size, got, want)
			}
		}
	})
}

// TestOfManyVouchersTheNewestIsFound has more of them than are read at a time, and one that comes between two pages.
func TestOfManyVouchersTheNewestIsFound(t *testing.T) {
	d, _ := newPromotion(t, sqliteStore(t), voucherOff(), func(c *core.Campaign) {
		c.VoucherPools["fifty"] = core.VoucherPool{Count: 1000}
	})
	for range 7 {
		d.grant("ann", 100)
	}
	d.clock.advance(time.Second)
	newest := d.grant("ann", 1)[0]
	first, err := d.Vouchers(t.Context(), "ann", "", 2)
	must(t, err)
	if first.Data[0].Code != newest {
		t.Errorf("first comes %s, granted at %d", first.Data[0].Code, first.Data[0].GrantedAt)
	}
	d.clock.advance(time.Second)
	d.grant("ann", 1)
	rest, err := d.Vouchers(t.Context(), "ann", first.Next, 1000)
	if must(t, err); len(rest.Data) != 699 || rest.Next != "" {
		t.Errorf("%d follow, next %q", len(rest.Data), rest.Next)
	}
}

func TestACodeSaysNothingOfTheNext(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, _ := newPromotion(t, s, voucherOff(), func(c *core.Campaign) {
			c.VoucherPools["fifty"] = core.VoucherPool{Count: 1000}
		})
		seen := map[byte]int{}
		for range 3 {
			for _, code := range d.grant("ann", 100) {
				if !core.ValidCode(code) || core.CampaignOf(code) != "phone" || len(code) != len("phone.")+26 {
					t.Fatalf("code %q", code)
				}
				seen[code[len("phone.")+1]]++ // an id has its time here
			}
		}
		if len(seen) < 24 { // of 32; 300 draws miss more than eight once in 10^20
			t.Errorf("only %d characters at one place of 300 codes", len(seen))
		}
	})
}
