package storetest

import (
	"cmp"
	"context"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
)

// book is a campaign as an audit reads it.
type book struct {
	Counters     map[string]counterRow
	Orders       []*core.Order
	Claims       []core.Claim
	Reservations []core.Reservation
	Arrivals     []core.Arrival
	Documents    []*core.Document
	Rollouts     []core.RolloutEntry
	tables       []string // in the order in which their first rows came
}

type counterRow struct {
	core.Counter
	Epoch, Seen int64
}

func (b *book) table(name string) {
	if len(b.tables) == 0 || b.tables[len(b.tables)-1] != name {
		b.tables = append(b.tables, name)
	}
}

func (b *book) VisitCounter(key string, c core.Counter, epoch, seen int64) {
	b.table("counters")
	b.Counters[key] = counterRow{c, epoch, seen}
}

func (b *book) VisitOrder(order *core.Order) {
	b.table("orders")
	b.Orders = append(b.Orders, order)
}

func (b *book) VisitClaim(claim core.Claim) {
	b.table("claims")
	b.Claims = append(b.Claims, claim)
}

func (b *book) VisitArrival(a core.Arrival) {
	b.table("arrivals")
	b.Arrivals = append(b.Arrivals, a)
}

func (b *book) VisitReservation(r core.Reservation) {
	b.table("reservations")
	b.Reservations = append(b.Reservations, r)
}

func (b *book) VisitDocument(d *core.Document) {
	b.table("documents")
	b.Documents = append(b.Documents, d)
}

func (b *book) VisitRollout(row core.RolloutEntry) {
	b.table("rollouts")
	b.Rollouts = append(b.Rollouts, row)
}

// taken is what the stored orders and reservations hold of each counter.
func (b *book) taken() map[string]int64 {
	taken := map[string]int64{}
	for _, order := range b.Orders {
		if order.TakesState == core.TakesReturned {
			continue
		}
		for _, take := range order.Takes {
			taken[take.Counter] += take.Units
		}
	}
	taken[core.CounterReservations], taken[core.CounterOrders] = int64(len(b.Reservations)), int64(len(b.Orders))
	return taken
}

// check verifies the equation of every counter, and that every claim has an owner which still holds it.
func (b *book) check(t reporter) {
	t.Helper()
	taken := b.taken()
	for key, c := range b.Counters {
		same(t, "taken of "+key, c.Limit-c.Remaining, taken[key])
		same(t, "seen of "+key, c.Seen, c.Epoch)
	}
	var held []core.Claim
	for _, order := range b.Orders {
		if order.TakesState != core.TakesReturned {
			held = append(held, order.Claims...)
		}
	}
	same(t, "claims", sortedClaims(b.Claims), sortedClaims(held))
	for i, position := range b.positions() {
		same(t, "position", position, int64(i)+1)
	}
}

func (b *book) positions() []int64 {
	var positions []int64
	for _, r := range b.Reservations {
		positions = append(positions, r.Position)
	}
	slices.Sort(positions)
	return positions
}

func compareClaims(a, b core.Claim) int {
	return cmp.Or(strings.Compare(a.Shopper, b.Shopper), strings.Compare(string(a.Kind), string(b.Kind)),
		strings.Compare(a.Key, b.Key))
}

// book reads the whole sale.
func (s *sale) book() *book {
	s.t.Helper()
	b := &book{Counters: map[string]counterRow{}}
	must(s.t, s.Book(s.t.Context(), s.key(), b))
	return b
}

func testBooks(t *testing.T, store Store) {
	t.Run("a book has every row, table by table, orders by id", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		s.next()
		first, second := s.order("bob"), s.order("ann")
		s.apply(s.plan(second, first))
		s.apply(s.reserve("cid"))
		b := s.book()
		same(t, "tables", b.tables, []string{"counters", "orders", "claims", "reservations", "rollouts"})
		same(t, "history", []int64{b.Rollouts[0].Revision, b.Rollouts[1].Revision}, []int64{1, 2})
		same(t, "last change", b.Rollouts[1], s.entry(0))
		same(t, "orders", b.Orders, []*core.Order{first, second})
		same(t, "claims", sortedClaims(b.Claims), sortedClaims(slices.Concat(first.Claims, second.Claims)))
		same(t, "reservations", b.Reservations, []core.Reservation{{Shopper: "cid", At: opening, Position: 1}})
		same(t, "counters", b.Counters, map[string]counterRow{
			stock:                    {core.Counter{Limit: 10, Remaining: 8}, 2, 2},
			core.CounterReservations: {core.Counter{Limit: core.Unbounded, Remaining: core.Unbounded - 1}, 2, 2},
		})
	})

	t.Run("a campaign that is not has an empty book", func(t *testing.T) {
		b := &book{Counters: map[string]counterRow{}}
		must(t, store.Book(t.Context(), core.CampaignKey{Brand: brand, ID: unique("none")}, b))
		same(t, "tables", b.tables, []string(nil))
	})

	t.Run("a book is one snapshot while orders are placed, given back and counted", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 1000, "quota/a": 1000})
		whileWriting(t, func() {
			for n := range 60 {
				order := s.order(shopperName(n), "quota/a", stock)
				s.apply(s.plan(order))
				s.apply(s.reserve(shopperName(n)))
				if n%2 == 0 {
					s.apply(s.giveBack(order))
				}
			}
		}, func() { s.book().check(t) })
	})

	t.Run("a context that ended ends the book", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 10})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := s.Book(ctx, s.key(), &book{Counters: map[string]counterRow{}})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got the error %v", err)
		}
	})

	t.Run("the ledger's book has accounts first, then transfers by id", func(t *testing.T) {
		l := openLedger(t, store)
		l.post(l.topUp("2", 500), l.topUp("1", 700))
		b := l.book()
		same(t, "balance", b.accounts[l.wallet], int64(1200))
		if !slices.IsSortedFunc(b.transfers, func(a, b core.Transfer) int { return strings.Compare(a.ID, b.ID) }) {
			t.Error("the transfers are not sorted by id")
		}
		same(t, "accounts after the first transfer", b.mixed, false)
	})

	t.Run("the ledger's book is one snapshot while money moves", func(t *testing.T) {
		l := openLedger(t, store)
		whileWriting(t, func() {
			for range 60 {
				l.post(l.topUp(unique("t"), 500))
			}
		}, func() { l.book().check(t) })
	})
}

// ledgerBook is the wallet's ledger as an audit reads it.
type ledgerBook struct {
	accounts  map[core.Account]int64
	transfers []core.Transfer
	mixed     bool // an account came after a transfer
}

func (b *ledgerBook) VisitAccount(account core.Account, balance int64) {
	b.accounts[account] = balance
	b.mixed = b.mixed || len(b.transfers) > 0
}

func (b *ledgerBook) VisitTransfer(t core.Transfer) { b.transfers = append(b.transfers, t) }

// check verifies that every balance is the sum of its transfers, in integers that do not wrap.
func (b *ledgerBook) check(t reporter) {
	t.Helper()
	sums := map[core.Account]*big.Int{}
	add := func(name, currency string, amount int64) {
		account := core.Account{Name: name, Currency: currency}
		if sums[account] == nil {
			sums[account] = new(big.Int)
		}
		sums[account].Add(sums[account], big.NewInt(amount))
	}
	for _, transfer := range b.transfers {
		add(transfer.From, transfer.Currency, -transfer.Amount)
		add(transfer.To, transfer.Currency, transfer.Amount)
	}
	same(t, "number of accounts", len(b.accounts), len(sums))
	for account, balance := range b.accounts {
		same(t, "balance of "+account.Name, balance, sums[account].Int64())
	}
}
