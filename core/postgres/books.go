package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotdrop/core"
)

// Book streams one campaign from one snapshot. Writers go on.
func (s *Store) Book(ctx context.Context, of core.CampaignKey, v core.BookVisitor) error {
	return s.stream(ctx,
		single(loadCounters, func(row pgx.CollectableRow) error {
			var key string
			var counter core.Counter
			var epoch, seen int64
			err := row.Scan(&key, &counter.Limit, &counter.Remaining, &epoch, &seen)
			if err == nil {
				v.VisitCounter(key, counter, epoch, seen)
			}
			return err
		}, of.ID, of.Brand),
		single(bookOrders, func(row pgx.CollectableRow) error {
			order, err := scanOrder(row)
			if err == nil {
				v.VisitOrder(order)
			}
			return err
		}, of.ID, of.Brand),
		single(bookClaims, func(row pgx.CollectableRow) error {
			var claim core.Claim
			err := row.Scan(&claim.Shopper, (*string)(&claim.Kind), &claim.Key, &claim.Owner, &claim.Fingerprint)
			if err == nil {
				v.VisitClaim(claim)
			}
			return err
		}, of.ID, of.Brand),
		single(bookReservations, func(row pgx.CollectableRow) error {
			var r core.Reservation
			err := row.Scan(&r.Shopper, &r.At, &r.Position)
			if err == nil {
				v.VisitReservation(r)
			}
			return err
		}, of.ID, of.Brand),
		single(bookArrivals, func(row pgx.CollectableRow) error {
			arrival, err := scanArrival(row)
			if err == nil {
				v.VisitArrival(*arrival)
			}
			return err
		}, of.ID, of.Brand),
		single(bookDocuments, func(row pgx.CollectableRow) error {
			d, err := scanDocument(row)
			if err == nil {
				v.VisitDocument(d)
			}
			return err
		}, of.ID, of.Brand),
		single(bookRollouts, func(row pgx.CollectableRow) error {
			entry, err := scanRollout(row)
			if err == nil {
				v.VisitRollout(entry)
			}
			return err
		}, of.ID, of.Brand),
	)
}

// LedgerBook streams the wallet's ledger from one snapshot.
func (s *Store) LedgerBook(ctx context.Context, v core.LedgerVisitor) error {
	return s.stream(ctx,
		single(bookAccounts, func(row pgx.CollectableRow) error {
			account, balance, err := scanBalance(row)
			if err == nil {
				v.VisitAccount(account, balance)
			}
			return err
		}),
		single(bookTransfers, func(row pgx.CollectableRow) error {
			t, err := scanTransfer(row)
			if err == nil {
				v.VisitTransfer(t)
			}
			return err
		}),
	)
}

// stream reads the queries one after the other in one snapshot, for as long as the caller's context allows.
func (s *Store) stream(ctx context.Context, queries ...query) error {
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return s.with(ctx, func(_ context.Context, c *pgxpool.Conn) error {
		return pgx.BeginTxFunc(ctx, c, snapshot, func(tx pgx.Tx) error {
			for _, q := range queries {
				rows, err := tx.Query(ctx, q.sql, q.arguments...)
				if err != nil {
					return err
				}
				if err := each(rows, q.visit); err != nil {
					return err
				}
			}
			return nil
		})
	})
}
