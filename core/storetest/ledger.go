package storetest

import (
	"sync/atomic"
	"testing"

	"hotdrop/core"
)

// ledger is a wallet and a brand of their own in the store's ledger.
type ledger struct {
	Store
	t             testing.TB
	wallet, brand core.Account
}

func openLedger(t testing.TB, store Store) *ledger {
	t.Helper()
	return &ledger{
		Store: store, t: t,
		wallet: core.Account{Name: core.ShopperAccount(unique("ann")), Currency: currency},
		brand:  core.Account{Name: core.BrandAccount(unique(brand)), Currency: currency},
	}
}

// id makes a transfer's id this test's own.
func (l *ledger) id(name string) string { return l.wallet.Name + "/" + name }

func (l *ledger) topUp(name string, amount int64) core.Transfer {
	return core.Transfer{
		ID: l.id(name), Kind: core.TransferTopUp, From: core.AccountOutside, To: l.wallet.Name, Currency: currency,
		Amount: amount, At: opening, Settled: true,
	}
}

func (l *ledger) payment(name string, amount, at int64) core.Transfer {
	return core.Transfer{
		ID: l.id(name), Kind: core.TransferPayment, From: l.wallet.Name, To: l.brand.Name, Currency: currency,
		Amount: amount, Campaign: "phone", Order: "phone." + name, At: at, Request: "key of " + name,
	}
}

func (l *ledger) post(transfers ...core.Transfer) {
	l.t.Helper()
	must(l.t, l.Post(l.t.Context(), transfers))
}

func (l *ledger) refused(transfers ...core.Transfer) {
	l.t.Helper()
	wantConflict(l.t, l.Post(l.t.Context(), transfers))
}

func (l *ledger) balances() (wallet, brand int64) {
	l.t.Helper()
	found, err := l.Balances(l.t.Context(), []core.Account{l.wallet, l.brand})
	must(l.t, err)
	return found[l.wallet], found[l.brand]
}

func (l *ledger) holds(wallet, brand int64) {
	l.t.Helper()
	gotWallet, gotBrand := l.balances()
	same(l.t, "wallet", gotWallet, wallet)
	same(l.t, "brand", gotBrand, brand)
}

func (l *ledger) book() *ledgerBook {
	l.t.Helper()
	b := &ledgerBook{accounts: map[core.Account]int64{}}
	must(l.t, l.LedgerBook(l.t.Context(), b))
	return b
}

func testLedger(t *testing.T, store Store) {
	t.Run("a transfer moves money once", func(t *testing.T) {
		l := openLedger(t, store)
		l.post(l.topUp("t", 500))
		l.post(l.payment("p", 300, opening))
		l.holds(200, 300)
		l.refused(l.payment("p", 100, opening))
		l.refused(l.topUp("t", 500))
		l.holds(200, 300)
	})

	t.Run("the same id twice in a call moves nothing", func(t *testing.T) {
		l := openLedger(t, store)
		l.refused(l.topUp("t", 500), l.topUp("t", 500))
		l.holds(0, 0)
	})

	t.Run("an account that is not has no balance", func(t *testing.T) {
		l := openLedger(t, store)
		found, err := l.Balances(t.Context(), []core.Account{l.wallet})
		must(t, err)
		same(t, "balances", found, map[core.Account]int64{})
	})

	t.Run("an account without money cannot pay, and nothing of the call is written", func(t *testing.T) {
		l := openLedger(t, store)
		l.post(l.topUp("t", 299))
		l.refused(l.topUp("u", 1), l.payment("p", 301, opening))
		l.holds(299, 0)
		found, err := l.Transfers(t.Context(), []string{l.id("u"), l.id("p")})
		must(t, err)
		same(t, "transfers", len(found), 0)
	})

	t.Run("what counts is what an account holds after the call", func(t *testing.T) {
		l := openLedger(t, store)
		l.post(l.payment("p", 300, opening), l.topUp("t", 300))
		l.holds(0, 300)
	})

	t.Run("only the outside may owe", func(t *testing.T) {
		l := openLedger(t, store)
		before, err := l.Wallet(t.Context(), core.AccountOutside)
		must(t, err)
		l.post(l.topUp("t", 500))
		after, err := l.Wallet(t.Context(), core.AccountOutside)
		must(t, err)
		same(t, "outside", after[currency]-before[currency], int64(-500))
	})

	t.Run("a balance does not wrap around", func(t *testing.T) {
		l := openLedger(t, store)
		foreign := unique("X") // what outside owes in it is this test's alone
		transfer := func(name string, amount int64) core.Transfer {
			made := l.topUp(name, amount)
			made.Currency = foreign
			return made
		}
		l.refused(transfer("a", core.Unbounded), transfer("b", core.Unbounded))
		full := transfer("full", core.Unbounded)
		l.post(full)
		l.refused(transfer("more", 1))
		back := full
		back.ID, back.From, back.To = l.id("back"), full.To, full.From
		l.post(back)
	})

	t.Run("an amount of nothing, or less, is refused", func(t *testing.T) {
		l := openLedger(t, store)
		l.refused(l.topUp("t", 0))
		l.refused(l.topUp("t", -5))
	})

	t.Run("a wallet has a balance for each currency", func(t *testing.T) {
		l := openLedger(t, store)
		euros := l.topUp("e", 70)
		euros.Currency = "EUR"
		l.post(l.topUp("t", 500), euros)
		wallet, err := l.Wallet(t.Context(), l.wallet.Name)
		must(t, err)
		same(t, "wallet", wallet, map[string]int64{currency: 500, "EUR": 70})
	})

	t.Run("transfers come back as they were posted, those that exist", func(t *testing.T) {
		l := openLedger(t, store)
		first, second := l.topUp("t", 500), l.payment("p", 300, opening+7)
		l.post(first, second)
		found, err := l.Transfers(t.Context(), []string{first.ID, second.ID, l.id("none")})
		must(t, err)
		same(t, "transfers", found, map[string]core.Transfer{first.ID: first, second.ID: second})
	})

	t.Run("a payment that is posted by many at once moves money once", func(t *testing.T) {
		l := openLedger(t, store)
		l.post(l.topUp("t", 1000))
		var posted atomic.Int64
		inParallel(6, func(int) {
			if l.Post(t.Context(), []core.Transfer{l.payment("p", 300, opening)}) == nil {
				posted.Add(1)
			}
		})
		same(t, "posted", posted.Load(), int64(1))
		l.holds(700, 300)
	})

	t.Run("payments between the same accounts in both directions keep the sum", func(t *testing.T) {
		l := openLedger(t, store)
		l.post(l.topUp("t", 10_000), l.payment("p", 5_000, opening))
		inParallel(4, func(worker int) {
			for range 25 {
				transfer := l.payment(unique("p"), 3, opening)
				if worker%2 == 0 {
					transfer.Kind = core.TransferRefund
					transfer.From, transfer.To = transfer.To, transfer.From
				}
				l.post(transfer)
			}
		})
		l.holds(5_000, 5_000)
		l.book().check(t)
	})
}

func testUnsettled(t *testing.T, store Store) {
	l := openLedger(t, store)
	l.post(l.topUp("t", 1000))
	settled := l.payment("settled", 1, opening)
	settled.Settled = true
	refund := l.payment("refund", 1, opening)
	refund.Kind = core.TransferRefund
	// Times before every other test's, so that these payments are the oldest of the ledger.
	early, late, later := l.payment("z-early", 1, 1), l.payment("m-late", 1, 2), l.payment("a-later", 1, 3)
	l.post(later, settled, refund, late, early)

	unsettled := func(before int64, limit int) []core.Transfer {
		t.Helper()
		list, err := l.Unsettled(t.Context(), before, limit)
		must(t, err)
		return list
	}
	t.Run("payments before then come, the oldest first", func(t *testing.T) {
		same(t, "unsettled", unsettled(3, 10), []core.Transfer{early, late})
		same(t, "unsettled", unsettled(4, 10), []core.Transfer{early, late, later})
	})
	t.Run("no more come than were asked for", func(t *testing.T) {
		same(t, "unsettled", unsettled(4, 1), []core.Transfer{early})
	})
	t.Run("a payment that is settled comes no more, settled once or twice", func(t *testing.T) {
		for range 2 {
			must(t, l.Settle(t.Context(), []string{late.ID, early.ID, l.id("none")}))
			same(t, "unsettled", unsettled(4, 10), []core.Transfer{later})
		}
		found, err := l.Transfers(t.Context(), []string{late.ID})
		must(t, err)
		late.Settled = true
		same(t, "transfer", found[late.ID], late)
	})
	t.Run("settling at once from both ends works", func(t *testing.T) {
		var ids []string
		for range 30 {
			payment := l.payment(unique("p"), 1, 5)
			l.post(payment)
			ids = append(ids, payment.ID)
		}
		inParallel(4, func(worker int) {
			list := append([]string(nil), ids...)
			if worker%2 == 0 {
				for i := range len(list) / 2 {
					list[i], list[len(list)-1-i] = list[len(list)-1-i], list[i]
				}
			}
			if err := l.Settle(t.Context(), list); err != nil {
				t.Error(err)
			}
		})
		same(t, "unsettled", unsettled(6, 100), []core.Transfer{later})
	})
}
