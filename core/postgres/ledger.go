package postgres

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"hotdrop/core"
)

// Post writes the transfers and moves the balances, all in one transaction of one round trip.
func (s *Store) Post(ctx context.Context, transfers []core.Transfer) error {
	b := newWrite()
	if err := queueTransfers(b, transfers); err != nil {
		return err
	}
	return s.write(ctx, b)
}

// PayOut posts the transfer, and logs it in the same transaction.
func (s *Store) PayOut(ctx context.Context, t *core.Transfer, entry *core.StaffEntry) error {
	b := newLogged(entry)
	if err := queueTransfers(b, []core.Transfer{*t}); err != nil {
		return err
	}
	return s.writeLogged(ctx, b, entry)
}

func queueTransfers(b *pgx.Batch, transfers []core.Transfer) error {
	var rows transferColumns
	net := map[core.Account]int64{}
	for _, t := range sorted(transfers, func(a, b core.Transfer) int { return strings.Compare(a.ID, b.ID) }) {
		rows.add(&t)
		if err := addTo(net, core.Account{Name: t.From, Currency: t.Currency}, -t.Amount); err != nil {
			return err
		}
		if err := addTo(net, core.Account{Name: t.To, Currency: t.Currency}, t.Amount); err != nil {
			return err
		}
	}
	b.Queue(insertTransfers, rows.ids, rows.kinds, rows.from, rows.to, rows.currencies, rows.amounts, rows.campaigns,
		rows.orders, rows.at, rows.settled, rows.requests)
	queueBalances(b, net)
	return nil
}

// addTo adds to what an account moves by. Amounts that no balance can hold are a conflict.
func addTo(net map[core.Account]int64, account core.Account, amount int64) error {
	sum := net[account] + amount
	if (sum > net[account]) != (amount > 0) {
		return conflict("the balance of %s does not fit in 64 bits", account.Name)
	}
	net[account] = sum
	return nil
}

// queueBalances moves each account once, by the sum of its transfers: only what it ends with must not be below 0.
func queueBalances(b *pgx.Batch, net map[core.Account]int64) {
	accounts := slices.SortedFunc(maps.Keys(net), compareAccounts)
	names, currencies := accountColumns(accounts)
	amounts := make([]int64, 0, len(accounts))
	for _, account := range accounts {
		amounts = append(amounts, net[account])
	}
	b.Queue(ensureAccounts, names, currencies)
	b.Queue(lockAccounts, names, currencies)
	b.Queue(addToAccounts, names, currencies, amounts)
}

func compareAccounts(a, b core.Account) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Currency, b.Currency))
}

func accountColumns(accounts []core.Account) (names, currencies []string) {
	for _, account := range accounts {
		names, currencies = append(names, account.Name), append(currencies, account.Currency)
	}
	return names, currencies
}

// Transfers returns the transfers that exist among the ids.
func (s *Store) Transfers(ctx context.Context, ids []string) (map[string]core.Transfer, error) {
	found := map[string]core.Transfer{}
	err := s.read(ctx, single(loadTransfers, func(row pgx.CollectableRow) error {
		t, err := scanTransfer(row)
		found[t.ID] = t
		return err
	}, ids))
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Balances returns the balances of the accounts; one that does not exist is absent.
func (s *Store) Balances(ctx context.Context, accounts []core.Account) (map[core.Account]int64, error) {
	balances := map[core.Account]int64{}
	names, currencies := accountColumns(accounts)
	err := s.read(ctx, single(loadBalances, func(row pgx.CollectableRow) error {
		account, balance, err := scanBalance(row)
		balances[account] = balance
		return err
	}, names, currencies))
	if err != nil {
		return nil, err
	}
	return balances, nil
}

func scanBalance(row pgx.CollectableRow) (account core.Account, balance int64, err error) {
	err = row.Scan(&account.Name, &account.Currency, &balance)
	return account, balance, err
}

// Wallet returns every balance of one account by currency.
func (s *Store) Wallet(ctx context.Context, account string) (map[string]int64, error) {
	wallet := map[string]int64{}
	err := s.read(ctx, single(loadWallet, func(row pgx.CollectableRow) error {
		var currency string
		var balance int64
		err := row.Scan(&currency, &balance)
		wallet[currency] = balance
		return err
	}, account))
	if err != nil {
		return nil, err
	}
	return wallet, nil
}

// Settle marks payments as settled.
func (s *Store) Settle(ctx context.Context, ids []string) error {
	b := newWrite()
	b.Queue(lockTransfers, ids)
	b.Queue(settleTransfers, ids)
	return s.write(ctx, b)
}

// Unsettled returns payments from before that are not settled, the oldest first.
func (s *Store) Unsettled(ctx context.Context, before int64, limit int) ([]core.Transfer, error) {
	var unsettled []core.Transfer
	err := s.read(ctx, single(unsettledTransfers, func(row pgx.CollectableRow) error {
		t, err := scanTransfer(row)
		unsettled = append(unsettled, t)
		return err
	}, before, limit))
	if err != nil {
		return nil, err
	}
	return unsettled, nil
}
