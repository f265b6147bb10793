package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotdrop/core"
)

// scanned is how many rows of the staff log are read, or sealed, at a time.
const scanned = 1000

// newLogged is [newWrite] for a batch that [Store.writeLogged] writes.
func newLogged(entry *core.StaffEntry) *pgx.Batch {
	if entry == nil {
		return newWrite()
	}
	b := &pgx.Batch{}
	b.Queue(beginWrite)
	b.Queue(boundIdling, statementBound)
	return b
}

// writeLogged runs the batch as one transaction that ends with the staff log's row. Without one it is [Store.write].
func (s *Store) writeLogged(ctx context.Context, b *pgx.Batch, entry *core.StaffEntry) error {
	if entry == nil {
		return s.write(ctx, b)
	}
	return s.with(ctx, func(ctx context.Context, c *pgxpool.Conn) error { return conclude(ctx, c, b, entry) })
}

// conclude runs the batch and commits the transaction that has begun, or rolls it back.
func conclude(ctx context.Context, c *pgxpool.Conn, b *pgx.Batch, entry *core.StaffEntry) error {
	if entry != nil {
		head, err := lockLog(ctx, c, b)
		if err != nil {
			return abandon(ctx, c, err)
		}
		b = &pgx.Batch{}
		queueEntry(b, head.Next(entry), entry)
	}
	b.Queue(commit)
	if err := c.SendBatch(context.WithoutCancel(ctx), b).Close(); err != nil {
		return abandon(ctx, c, err)
	}
	return nil
}

// lockLog runs the batch and locks the head of the staff log as the transaction's last lock. Whoever has it waits for no
// other, so it is waited for as long as a statement may take.
func lockLog(ctx context.Context, c *pgxpool.Conn, b *pgx.Batch) (head core.LogHead, err error) {
	b.Queue(boundLockWaits, "0")
	b.Queue(lockLogHead).QueryRow(func(row pgx.Row) error { return row.Scan(&head.Seq, &head.Hash) })
	err = c.SendBatch(ctx, b).Close()
	return head, err
}

// queueEntry appends the entry as the row that the log ends with then.
func queueEntry(b *pgx.Batch, head core.LogHead, e *core.StaffEntry) {
	b.Queue(insertStaffEntry, e.Brand, e.Campaign, e.At, e.Actor, e.Role, e.Credential, e.Address, e.Action, e.Reason,
		textOrNull(e.Before), textOrNull(e.After), head.Seq, head.Hash)
	b.Queue(moveLogHead, head.Seq, head.Hash)
}

func textOrNull(text []byte) *string {
	if text == nil {
		return nil
	}
	s := string(text)
	return &s
}

// AppendStaffEntry appends a row by itself.
func (s *Store) AppendStaffEntry(ctx context.Context, entry *core.StaffEntry) error {
	return s.writeLogged(ctx, newLogged(entry), entry)
}

// StaffLogRows returns the rows that the filter picks.
func (s *Store) StaffLogRows(ctx context.Context, f core.LogFilter) (list []core.LoggedEntry, err error) {
	sql, before := listStaffLog, f.Before
	if f.Latest {
		sql = listStaffLogLatest
	}
	if before == 0 {
		before = math.MaxInt64
	}
	err = s.read(ctx, single(sql, func(row pgx.CollectableRow) error {
		var previous string
		stored, err := scanStored(row, &previous)
		list = append(list, core.LoggedEntry{StaffEntry: stored.StaffEntry, Seq: stored.Seq, Hash: stored.Hash, Previous: previous})
		return err
	}, f.After, before, f.Since, f.Brand, f.Campaign, f.Actor, f.Action, f.Limit))
	return list, err
}

// scanStored reads a row of the columns that scan_staff_log.sql lists, and those that follow.
func scanStored(row pgx.CollectableRow, more ...any) (*core.StoredEntry, error) {
	e := &core.StoredEntry{}
	err := row.Scan(append([]any{
		&e.ID, &e.Seq, &e.Hash, &e.At, &e.Actor, &e.Role, &e.Credential, &e.Address, &e.Brand, &e.Campaign, &e.Action, &e.Reason,
		&e.Before, &e.After,
	}, more...)...)
	return e, err
}

// StaffLogHead returns where the log ends, and whose it is.
func (s *Store) StaffLogHead(ctx context.Context) (head core.LogHead, deployment string, err error) {
	err = s.read(ctx, single(loadLogHead, func(row pgx.CollectableRow) error {
		return row.Scan(&head.Seq, &head.Hash, &deployment)
	}))
	return head, deployment, err
}

// ScanStaffLog hands every row to visit.
func (s *Store) ScanStaffLog(ctx context.Context, visit func(row *core.StoredEntry) error) error {
	last := &core.StoredEntry{ID: math.MinInt64}
	unsealed := func() ([]any, string) { return []any{last.ID, scanned}, scanUnsealedEntries }
	if err := s.scanLog(ctx, unsealed, &last, visit); err != nil {
		return err
	}
	last = &core.StoredEntry{Seq: math.MinInt64, ID: math.MinInt64}
	sealed := func() ([]any, string) { return []any{last.Seq, last.ID, scanned}, scanStaffLog }
	return s.scanLog(ctx, sealed, &last, visit)
}

// scanLog reads part after part until one is empty. next names what comes after the last row.
func (s *Store) scanLog(
	ctx context.Context, next func() ([]any, string), last **core.StoredEntry, visit func(row *core.StoredEntry) error,
) error {
	for {
		arguments, sql := next()
		part := make([]*core.StoredEntry, 0, scanned)
		err := s.read(ctx, single(sql, func(row pgx.CollectableRow) error {
			e, err := scanStored(row)
			part = append(part, e)
			return err
		}, arguments...))
		if err != nil || len(part) == 0 {
			return err
		}
		for _, e := range part {
			if err := visit(e); err != nil {
				return err
			}
		}
		*last = part[len(part)-1]
	}
}

// sealStaffLog puts the rows from before the log was a chain into it, a part in each transaction. What is interrupted goes on
// when it is called again.
func (s *Store) sealStaffLog(ctx context.Context) error {
	for {
		more, err := s.sealSome(ctx)
		if err != nil {
			return fmt.Errorf("seal the staff log: %w", err)
		}
		if !more {
			return nil
		}
	}
}

func (s *Store) sealSome(ctx context.Context) (more bool, err error) {
	err = s.with(ctx, func(ctx context.Context, c *pgxpool.Conn) error {
		var part []*core.StoredEntry
		var head core.LogHead
		b := newLogged(&core.StaffEntry{})
		b.Queue(lockLogHead).QueryRow(func(row pgx.Row) error { return row.Scan(&head.Seq, &head.Hash) })
		single(scanUnsealedEntries, func(row pgx.CollectableRow) error {
			e, err := scanStored(row)
			part = append(part, e)
			return err
		}, int64(math.MinInt64), scanned).queue(b) // what nobody else seals, now that the head is locked
		if err := c.SendBatch(ctx, b).Close(); err != nil {
			return abandon(ctx, c, err)
		}
		if more = len(part) > 0; !more {
			return abandon(ctx, c, nil)
		}
		return conclude(ctx, c, sealed(head, part), nil)
	})
	return more, err
}

// sealed gives the rows their numbers and hashes after the head.
func sealed(head core.LogHead, rows []*core.StoredEntry) *pgx.Batch {
	b := &pgx.Batch{}
	for _, e := range rows {
		head = head.Next(&e.StaffEntry)
		b.Queue(sealStaffEntry, e.ID, head.Seq, head.Hash, e.Brand)
	}
	b.Queue(moveLogHead, head.Seq, head.Hash)
	return b
}
