package core_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"hotdrop/core"
)

// paying is a request to pay everything out that alice has.
func paying(change func(r *core.PayoutRequest)) core.PayoutRequest {
	r := core.PayoutRequest{
		Brand: "xiaomi", Shopper: erased, Reference: "bank 7", Key: "p", Reason: "asked for by letter 7", Actor: officer(),
	}
	if change != nil {
		change(&r)
	}
	return r
}

// newPayer is a node on which alice has 900 fen, and has signed up.
func newPayer(t *testing.T, s *dumped) (*drop, *core.Engine) {
	t.Helper()
	d := newDrop(t, s, mechanics{}, nil)
	e := (&everything{life: &life{drop: d}, s: s}).serving("payer")
	_, _, err := e.Place(t.Context(), buy(erased, "k"))
	must(t, err)
	_, err = e.TopUp(t.Context(), core.TopUp{Shopper: erased, Currency: "CNY", Amount: 900, Key: "t"})
	must(t, err)
	return d, e
}

func TestAWalletIsPaidOutOnceAndTheBooksSayWhereItWent(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		d, e := newPayer(t, s)
		part, err := e.PayOut(t.Context(), paying(func(r *core.PayoutRequest) { r.Amount, r.Key = 400, "part" }))
		must(t, err)
		if part.Amount != 400 || part.Balance != 500 || part.Currency != "CNY" || part.Reference != "bank 7" {
			t.Errorf("a part is %+v", part)
		}
		all, err := e.PayOut(t.Context(), paying(nil))
		must(t, err)
		again, err := e.PayOut(t.Context(), paying(nil))
		must(t, err)
		if all.Amount != 500 || all.Balance != 0 || *again != *all {
			t.Errorf("the rest is %+v, and again %+v", all, again)
		}
		for _, change := range []func(r *core.PayoutRequest){
			func(r *core.PayoutRequest) { r.Amount = 1 },
			func(r *core.PayoutRequest) { r.Currency = "USD" },
			func(r *core.PayoutRequest) { r.Reference = "bank 8" },
		} {
			_, err := e.PayOut(t.Context(), paying(change))
			wantCode(t, err, core.CodeIdempotencyMismatch)
		}
		_, err = e.PayOut(t.Context(), paying(func(r *core.PayoutRequest) { r.Key = "more" }))
		wantCode(t, err, core.CodeInsufficientFunds)
		paid, err := s.Wallet(t.Context(), core.AccountPaidOut)
		must(t, err)
		if paid["CNY"] != 900 {
			t.Errorf("paid out are %v", paid)
		}
		d.audit()
		rows, err := s.StaffLogRows(t.Context(), core.LogFilter{Action: "shopper.payout", Limit: 9})
		must(t, err)
		if len(rows) != 2 || strings.Contains(string(rows[0].After), erased) || !strings.Contains(string(rows[0].After), "bank 7") ||
			!strings.Contains(string(rows[0].After), core.ShopperHash("xiaomi", erased)) {
			t.Errorf("the staff log has %+v", rows)
		}
	})
}

func TestAPayoutThatIsNotTheAskersIsRefused(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		d, e := newPayer(t, s)
		_, err := d.apply(d.with(func(c *core.Campaign) { c.ID, c.Brand = "watch", "meizu" }))
		must(t, err)
		brand := func(name string) core.Principal { return core.Principal{ID: "bea", Role: core.RoleBrand, Brand: name} }
		for name, tt := range map[string]struct {
			change func(r *core.PayoutRequest)
			want   core.Code
		}{
			"a shopper's own":                  {func(r *core.PayoutRequest) { r.Actor = person(erased) }, core.CodeNotFound},
			"another brand's, as its own":      {func(r *core.PayoutRequest) { r.Brand, r.Actor = "meizu", brand("meizu") }, core.CodeNotFound},
			"another brand's":                  {func(r *core.PayoutRequest) { r.Actor = brand("meizu") }, core.CodeNotFound},
			"of every brand, by a brand":       {func(r *core.PayoutRequest) { r.Brand, r.Actor = "", brand("xiaomi") }, core.CodeNotFound},
			"of nobody":                        {func(r *core.PayoutRequest) { r.Shopper = "nobody" }, core.CodeNotFound},
			"of no name":                       {func(r *core.PayoutRequest) { r.Shopper = "" }, core.CodeNotFound},
			"without a key":                    {func(r *core.PayoutRequest) { r.Key = "" }, core.CodeIdempotencyMissing},
			"without a reference":              {func(r *core.PayoutRequest) { r.Reference = "" }, core.CodeInvalid},
			"without a reason":                 {func(r *core.PayoutRequest) { r.Reason = "" }, core.CodeInvalid},
			"that names whom in the reason":    {func(r *core.PayoutRequest) { r.Reason += erased }, core.CodeInvalid},
			"that names whom in the reference": {func(r *core.PayoutRequest) { r.Reference += erased }, core.CodeInvalid},
			"of less than nothing":             {func(r *core.PayoutRequest) { r.Amount = -1 }, core.CodeInvalid},
			"of more than there is":            {func(r *core.PayoutRequest) { r.Amount = 901 }, core.CodeInsufficientFunds},
			"of money that there is not":       {func(r *core.PayoutRequest) { r.Currency = "USD" }, core.CodeInsufficientFunds},
		} {
			before := s.dump()
			_, err := e.PayOut(t.Context(), paying(tt.change))
			if core.CodeOf(err) != tt.want || s.dump() != before {
				t.Errorf("a payout %s: %v, want %s", name, err, tt.want)
			}
		}
		_, err = e.TopUp(t.Context(), core.TopUp{Shopper: erased, Currency: "USD", Amount: 1, Key: "d"})
		must(t, err)
		_, err = e.PayOut(t.Context(), paying(nil))
		wantCode(t, err, core.CodeInvalid)
		if !strings.Contains(err.Error(), "CNY, USD") {
			t.Errorf("two currencies: %v", err)
		}
	})
}

// TestPayoutsAtOnceNeverPayMoreThanThereIs has many people pay the same wallet out, under keys of their own and under one.
func TestPayoutsAtOnceNeverPayMoreThanThereIs(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		d, e := newPayer(t, s)
		var paid atomic.Int64
		var all sync.WaitGroup
		for _, key := range []string{"a", "b", "c", "same", "same", "same", "d"} {
			all.Go(func() {
				if p, err := e.PayOut(t.Context(), paying(func(r *core.PayoutRequest) { r.Amount, r.Key = 300, key })); err == nil && key != "same" {
					paid.Add(p.Amount)
				}
			})
		}
		all.Wait()
		out, err := s.Wallet(t.Context(), core.AccountPaidOut)
		must(t, err)
		if out["CNY"] > 900 || out["CNY"]-paid.Load() > 300 {
			t.Errorf("paid out are %v, %d under keys of their own", out, paid.Load())
		}
		d.audit()
	})
}
