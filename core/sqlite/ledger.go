package sqlite

import (
	"context"

	"hotdrop/core"
)

// Post writes the transfers and moves the balances, all in one transaction.
func (s *Store) Post(ctx context.Context, transfers []core.Transfer) error {
	return s.write(ctx, func(c *conn) error { return c.post(transfers) })
}

// PayOut posts the transfer, and logs it in the same transaction.
func (s *Store) PayOut(ctx context.Context, t *core.Transfer, entry *core.StaffEntry) error {
	return s.write(ctx, func(c *conn) error {
		if err := c.post([]core.Transfer{*t}); err != nil {
			return err
		}
		return c.log(entry)
	})
}

func (c *conn) post(transfers []core.Transfer) error {
	net := map[core.Account]int64{}
	for i := range transfers {
		t := &transfers[i]
		if err := c.insertTransfer(t); err != nil {
			return err
		}
		if err := addTo(net, core.Account{Name: t.From, Currency: t.Currency}, -t.Amount); err != nil {
			return err
		}
		if err := addTo(net, core.Account{Name: t.To, Currency: t.Currency}, t.Amount); err != nil {
			return err
		}
	}
	return c.moveBalances(net)
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

func (c *conn) insertTransfer(t *core.Transfer) error {
	_, err := c.exec(insertTransfer, t.ID, string(t.Kind), t.From, t.To, t.Currency, t.Amount, t.Campaign, t.Order, t.At,
		t.Settled, t.Request)
	return err
}

// moveBalances moves each account once, by the sum of its transfers: only what it ends with must not be below 0.
func (c *conn) moveBalances(net map[core.Account]int64) error {
	for account, amount := range net {
		if _, err := c.exec(ensureAccount, account.Name, account.Currency); err != nil {
			return err
		}
		if _, err := c.exec(addToAccount, account.Name, account.Currency, amount); err != nil {
			return err
		}
	}
	return nil
}

// Transfers returns the transfers that exist among the ids.
func (s *Store) Transfers(ctx context.Context, ids []string) (map[string]core.Transfer, error) {
	list, err := encode(ids)
	if err != nil {
		return nil, err
	}
	found := map[string]core.Transfer{}
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			t := r.transfer()
			found[t.ID] = t
			return nil
		}, loadTransfers, list)
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Balances returns the balances of the accounts; one that does not exist is absent.
func (s *Store) Balances(ctx context.Context, accounts []core.Account) (map[core.Account]int64, error) {
	balances := map[core.Account]int64{}
	err := s.read(ctx, func(c *conn) error {
		for _, account := range accounts {
			if err := c.query(func(r *row) error {
				balances[account] = r.integer()
				return nil
			}, loadBalance, account.Name, account.Currency); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return balances, nil
}

// Wallet returns every balance of one account by currency.
func (s *Store) Wallet(ctx context.Context, account string) (map[string]int64, error) {
	wallet := map[string]int64{}
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			wallet[r.text()] = r.integer()
			return nil
		}, loadWallet, account)
	})
	if err != nil {
		return nil, err
	}
	return wallet, nil
}

// Settle marks payments as settled.
func (s *Store) Settle(ctx context.Context, ids []string) error {
	return s.write(ctx, func(c *conn) error {
		for _, id := range ids {
			if _, err := c.exec(settleTransfer, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Unsettled returns payments from before that are not settled, the oldest first.
func (s *Store) Unsettled(ctx context.Context, before int64, limit int) ([]core.Transfer, error) {
	var unsettled []core.Transfer
	err := s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			unsettled = append(unsettled, r.transfer())
			return nil
		}, unsettledTransfers, before, int64(limit))
	})
	if err != nil {
		return nil, err
	}
	return unsettled, nil
}
