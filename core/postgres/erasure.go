package postgres

import (
	"cmp"
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"hotdrop/core"
)

// OrdersNaming returns orders whose pinned decision has the text.
func (s *Store) OrdersNaming(ctx context.Context, of core.CampaignKey, text, after string, limit int) ([]*core.Order, error) {
	return s.orders(ctx, ordersNaming, of.ID, of.Brand, text, after, limit)
}

// RefusalsNaming returns refusals that have the text.
func (s *Store) RefusalsNaming(
	ctx context.Context, of core.CampaignKey, text, after string, limit int,
) (list []*core.RefusalRecord, err error) {
	err = s.read(ctx, single(refusalsNaming, func(row pgx.CollectableRow) error {
		r, err := scanRefusal(row)
		list = append(list, r)
		return err
	}, of.ID, of.Brand, text, after, limit))
	return list, err
}

// ReportsNaming returns the reports that have the text.
func (s *Store) ReportsNaming(ctx context.Context, of core.CampaignKey, text string) (list []core.Report, err error) {
	err = s.read(ctx, single(reportsNaming, func(row pgx.CollectableRow) error {
		r, err := scanReport(row)
		list = append(list, r)
		return err
	}, of.ID, of.Brand, text))
	return list, err
}

// AccountTransfers returns transfers from or to the account.
func (s *Store) AccountTransfers(ctx context.Context, account, after string, limit int) (list []core.Transfer, err error) {
	err = s.read(ctx, single(accountTransfers, func(row pgx.CollectableRow) error {
		t, err := scanTransfer(row)
		list = append(list, t)
		return err
	}, account, after, limit))
	return list, err
}

// Erase commits the erasure in one transaction.
func (s *Store) Erase(ctx context.Context, e *core.Erasure) error {
	b := newLogged(e.Entry)
	queueErasedOrders(b, e)
	queueErasedClaims(b, e)
	queueDocuments(b, &core.Plan{Campaign: e.Campaign, Brand: e.Brand, Documents: e.Documents})
	b.Queue(eraseReservation, e.Campaign, e.Brand, e.Shopper, e.Tombstone)
	b.Queue(eraseArrivals, e.Campaign, e.Brand, e.Shopper, e.Arrival)
	if len(e.Refusals) > 0 {
		b.Queue(eraseRefusals, e.Campaign, e.Brand, e.Refusals)
	}
	for i := range e.Reports {
		r := &e.Reports[i]
		b.Queue(eraseReport, e.Campaign, e.Brand, r.Subject, r.Node, string(r.Content))
	}
	b.Queue(leftOfShopper, e.Campaign, e.Brand, e.Shopper)
	return s.writeLogged(ctx, b, e.Entry)
}

func queueErasedOrders(b *pgx.Batch, e *core.Erasure) {
	if len(e.Orders) == 0 {
		return
	}
	var ids, shoppers, lines, claims, quotes, conditions, shipments []string
	var revisions []int64
	for _, o := range sorted(e.Orders, compareOrders) {
		columns := o.Columns()
		ids, revisions, shoppers = append(ids, o.ID), append(revisions, o.Revision), append(shoppers, o.Shopper)
		lines, claims, quotes = append(lines, columns.Lines), append(claims, columns.Claims), append(quotes, string(o.Quote))
		conditions, shipments = append(conditions, columns.Conditions), append(shipments, columns.Shipment)
	}
	b.Queue(lockOrders, e.Campaign, e.Brand, ids)
	b.Queue(eraseOrders, e.Campaign, e.Brand, ids, revisions, shoppers, lines, claims, quotes, conditions, shipments, int64(len(ids)))
}

func queueErasedClaims(b *pgx.Batch, e *core.Erasure) {
	if len(e.Claims) == 0 {
		return
	}
	var shoppers, kinds, keys, owners, toShoppers, toKeys, toOwners []string
	byKey := func(x, y core.ErasedClaim) int {
		return cmp.Or(compareClaims(x.From, y.From), strings.Compare(x.From.Owner, y.From.Owner))
	}
	for _, one := range sorted(e.Claims, byKey) {
		shoppers, kinds = append(shoppers, one.From.Shopper), append(kinds, string(one.From.Kind))
		keys, owners = append(keys, one.From.Key), append(owners, one.From.Owner)
		toShoppers, toKeys, toOwners = append(toShoppers, one.To.Shopper), append(toKeys, one.To.Key), append(toOwners, one.To.Owner)
	}
	b.Queue(eraseClaims, e.Campaign, e.Brand, shoppers, kinds, keys, owners, toShoppers, toKeys, toOwners, int64(len(keys)))
}

// EraseAccount gives an account without money another name.
func (s *Store) EraseAccount(ctx context.Context, e *core.AccountErasure) error {
	b := newLogged(e.Entry)
	for _, statement := range []string{eraseAccount, eraseFrom, eraseTo} {
		b.Queue(statement, e.Account, e.Tombstone)
	}
	b.Queue(leftOfAccount, e.Account)
	return s.writeLogged(ctx, b, e.Entry)
}
