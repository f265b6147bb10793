package sqlite

import (
	"context"

	"hotdrop/core"
)

// Book streams one campaign from one snapshot. Writers go on; the log of changes grows until it is done.
func (s *Store) Book(ctx context.Context, of core.CampaignKey, v core.BookVisitor) error {
	return s.stream(ctx, []part{
		{loadCounters, []any{of.ID, of.Brand}, func(r *row) error {
			v.VisitCounter(r.text(), core.Counter{Limit: r.integer(), Remaining: r.integer()}, r.integer(), r.integer())
			return nil
		}},
		{bookOrders, []any{of.ID, of.Brand}, func(r *row) error {
			order, err := r.order()
			if err == nil {
				v.VisitOrder(order)
			}
			return err
		}},
		{bookClaims, []any{of.ID, of.Brand}, func(r *row) error {
			v.VisitClaim(core.Claim{
				Shopper: r.text(), Kind: core.ClaimKind(r.text()), Key: r.text(), Owner: r.text(), Fingerprint: r.text(),
			})
			return nil
		}},
		{bookReservations, []any{of.ID, of.Brand}, func(r *row) error {
			v.VisitReservation(core.Reservation{Shopper: r.text(), At: r.integer(), Position: r.integer()})
			return nil
		}},
		{bookArrivals, []any{of.ID, of.Brand}, func(r *row) error {
			v.VisitArrival(*r.arrival())
			return nil
		}},
		{bookDocuments, []any{of.ID, of.Brand}, func(r *row) error {
			v.VisitDocument(r.document())
			return nil
		}},
		{bookRollouts, []any{of.ID, of.Brand}, func(r *row) error {
			entry, err := r.rollout()
			if err == nil {
				v.VisitRollout(entry)
			}
			return err
		}},
	})
}

// LedgerBook streams the wallet's ledger from one snapshot.
func (s *Store) LedgerBook(ctx context.Context, v core.LedgerVisitor) error {
	return s.stream(ctx, []part{
		{bookAccounts, nil, func(r *row) error {
			v.VisitAccount(core.Account{Name: r.text(), Currency: r.text()}, r.integer())
			return nil
		}},
		{bookTransfers, nil, func(r *row) error {
			v.VisitTransfer(r.transfer())
			return nil
		}},
	})
}

// part is one table of a book.
type part struct {
	query     string
	arguments []any
	visit     func(r *row) error
}

// stream reads the parts in one transaction; the context ends it between two rows.
func (s *Store) stream(ctx context.Context, parts []part) error {
	return s.read(ctx, func(c *conn) error {
		for _, p := range parts {
			if err := c.query(func(r *row) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				return p.visit(r)
			}, p.query, p.arguments...); err != nil {
				return err
			}
		}
		return nil
	})
}
