package sqlite

import (
	"context"

	"hotdrop/core"
)

// OrdersNaming returns orders whose pinned decision has the text.
func (s *Store) OrdersNaming(ctx context.Context, of core.CampaignKey, text, after string, limit int) ([]*core.Order, error) {
	return s.orders(ctx, ordersNaming, of.ID, of.Brand, text, after, int64(limit))
}

// RefusalsNaming returns refusals that have the text.
func (s *Store) RefusalsNaming(
	ctx context.Context, of core.CampaignKey, text, after string, limit int,
) (list []*core.RefusalRecord, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, r.refusal())
			return nil
		}, refusalsNaming, of.ID, of.Brand, text, after, int64(limit))
	})
	return list, err
}

// ReportsNaming returns the reports that have the text.
func (s *Store) ReportsNaming(ctx context.Context, of core.CampaignKey, text string) (list []core.Report, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, r.report())
			return nil
		}, reportsNaming, of.ID, of.Brand, text)
	})
	return list, err
}

// AccountTransfers returns transfers from or to the account.
func (s *Store) AccountTransfers(ctx context.Context, account, after string, limit int) (list []core.Transfer, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, r.transfer())
			return nil
		}, accountTransfers, account, after, int64(limit))
	})
	return list, err
}

// Erase commits the erasure in one transaction.
func (s *Store) Erase(ctx context.Context, e *core.Erasure) error {
	return s.write(ctx, func(c *conn) error {
		for _, step := range []func(*core.Erasure) error{
			c.eraseOrders, c.eraseClaims, c.eraseDocuments, c.eraseRows, c.nothingLeft,
		} {
			if err := step(e); err != nil {
				return err
			}
		}
		return c.log(e.Entry)
	})
}

func (c *conn) eraseOrders(e *core.Erasure) error {
	for _, o := range e.Orders {
		columns := o.Columns()
		changed, err := c.exec(eraseOrder, e.Campaign, e.Brand, o.ID, o.Revision, o.Shopper, columns.Lines, columns.Claims,
			string(o.Quote), columns.Conditions, columns.Shipment)
		if err != nil {
			return err
		}
		if changed != 1 {
			return conflict("order %s is no longer at revision %d", o.ID, o.Revision)
		}
	}
	return nil
}

func (c *conn) eraseClaims(e *core.Erasure) error {
	for i := range e.Claims {
		from, to := &e.Claims[i].From, &e.Claims[i].To
		changed, err := c.exec(eraseClaim, e.Campaign, e.Brand, from.Shopper, string(from.Kind), from.Key, from.Owner,
			to.Shopper, to.Key, to.Owner)
		if err != nil {
			return err
		}
		if changed != 1 {
			return conflict("the claim %s %s is gone", from.Kind, from.Key)
		}
	}
	return nil
}

func (c *conn) eraseDocuments(e *core.Erasure) error {
	return c.writeDocuments(&core.Plan{Campaign: e.Campaign, Brand: e.Brand, Documents: e.Documents})
}

// eraseRows changes what nothing else refers to.
func (c *conn) eraseRows(e *core.Erasure) error {
	if _, err := c.exec(eraseReservation, e.Campaign, e.Brand, e.Shopper, e.Tombstone); err != nil {
		return err
	}
	if _, err := c.exec(eraseArrivals, e.Campaign, e.Brand, e.Shopper, e.Arrival); err != nil {
		return err
	}
	for _, id := range e.Refusals {
		if _, err := c.exec(eraseRefusal, e.Campaign, e.Brand, id); err != nil {
			return err
		}
	}
	for i := range e.Reports {
		r := &e.Reports[i]
		if _, err := c.exec(eraseReport, e.Campaign, e.Brand, r.Subject, r.Node, string(r.Content)); err != nil {
			return err
		}
	}
	return nil
}

// nothingLeft fails if something of the shopper's has come since it was read.
func (c *conn) nothingLeft(e *core.Erasure) error {
	left, err := c.count(leftOfShopper, e.Campaign, e.Brand, e.Shopper)
	if err == nil && left > 0 {
		err = conflict("%d more rows are about the shopper", left)
	}
	return err
}

func (c *conn) count(query string, arguments ...any) (n int64, err error) {
	err = c.query(func(r *row) error {
		n = r.integer()
		return nil
	}, query, arguments...)
	return n, err
}

// EraseAccount gives an account without money another name.
func (s *Store) EraseAccount(ctx context.Context, e *core.AccountErasure) error {
	return s.write(ctx, func(c *conn) error {
		for _, statement := range []string{eraseAccount, eraseFrom, eraseTo} {
			if _, err := c.exec(statement, e.Account, e.Tombstone); err != nil {
				return err
			}
		}
		left, err := c.count(leftOfAccount, e.Account)
		if err == nil && left > 0 {
			err = conflict("the account has money")
		}
		if err != nil {
			return err
		}
		return c.log(e.Entry)
	})
}
