package sqlite

import (
	"context"
	"fmt"
	"math"

	"hotdrop/core"
)

// scanned is how many rows of the staff log are read, or sealed, at a time.
const scanned = 1000

// log appends the entry to the staff log. The one writer is all the lock there is.
func (c *conn) log(e *core.StaffEntry) error {
	head, _, err := c.logHead()
	if err != nil {
		return err
	}
	head = head.Next(e)
	_, err = c.exec(insertStaffEntry, e.Brand, e.Campaign, e.At, e.Actor, e.Role, e.Credential, e.Address, e.Action, e.Reason,
		textOrNull(e.Before), textOrNull(e.After), head.Seq, head.Hash)
	if err != nil {
		return err
	}
	_, err = c.exec(moveLogHead, head.Seq, head.Hash)
	return err
}

func textOrNull(text []byte) any {
	if text == nil {
		return nil
	}
	return string(text)
}

func (c *conn) logHead() (head core.LogHead, deployment string, err error) {
	err = c.query(func(r *row) error {
		head, deployment = core.LogHead{Seq: r.integer(), Hash: r.text()}, r.text()
		return nil
	}, loadLogHead)
	return head, deployment, err
}

// AppendStaffEntry appends a row by itself.
func (s *Store) AppendStaffEntry(ctx context.Context, entry *core.StaffEntry) error {
	return s.write(ctx, func(c *conn) error { return c.log(entry) })
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
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			stored := r.staffEntry()
			list = append(list, core.LoggedEntry{StaffEntry: stored.StaffEntry, Seq: stored.Seq, Hash: stored.Hash, Previous: r.text()})
			return nil
		}, sql, f.After, before, f.Since, f.Brand, f.Campaign, f.Actor, f.Action, int64(f.Limit))
	})
	return list, err
}

// staffEntry reads a row of the columns that scan_staff_log.sql lists.
func (r *row) staffEntry() *core.StoredEntry {
	return &core.StoredEntry{
		ID: r.integer(), Seq: r.integer(), Hash: r.text(),
		StaffEntry: core.StaffEntry{
			At: r.integer(), Actor: r.text(), Role: r.text(), Credential: r.text(), Address: r.text(), Brand: r.text(),
			Campaign: r.text(), Action: r.text(), Reason: r.text(), Before: r.textOrNil(), After: r.textOrNil(),
		},
	}
}

// textOrNil is text, nil where the row has none.
func (r *row) textOrNil() []byte {
	if r.values[r.next] == nil {
		r.next++
		return nil
	}
	return []byte(r.text())
}

// StaffLogHead returns where the log ends, and whose it is.
func (s *Store) StaffLogHead(ctx context.Context) (head core.LogHead, deployment string, err error) {
	err = s.read(ctx, func(c *conn) (err error) {
		head, deployment, err = c.logHead()
		return err
	})
	return head, deployment, err
}

// ScanStaffLog hands every row to visit.
func (s *Store) ScanStaffLog(ctx context.Context, visit func(row *core.StoredEntry) error) error {
	last := &core.StoredEntry{ID: math.MinInt64}
	unsealed := func(c *conn) ([]*core.StoredEntry, error) {
		return c.staffEntries(scanUnsealedEntries, last.ID, int64(scanned))
	}
	if err := s.scanLog(ctx, unsealed, &last, visit); err != nil {
		return err
	}
	last = &core.StoredEntry{Seq: math.MinInt64, ID: math.MinInt64}
	sealed := func(c *conn) ([]*core.StoredEntry, error) {
		return c.staffEntries(scanStaffLog, last.Seq, last.ID, int64(scanned))
	}
	return s.scanLog(ctx, sealed, &last, visit)
}

// scanLog reads part after part until one is empty.
func (s *Store) scanLog(
	ctx context.Context, next func(c *conn) ([]*core.StoredEntry, error), last **core.StoredEntry,
	visit func(row *core.StoredEntry) error,
) error {
	for {
		var part []*core.StoredEntry
		err := s.read(ctx, func(c *conn) (err error) {
			part, err = next(c)
			return err
		})
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

func (c *conn) staffEntries(sql string, arguments ...any) ([]*core.StoredEntry, error) {
	list := make([]*core.StoredEntry, 0, scanned)
	err := c.query(func(r *row) error {
		list = append(list, r.staffEntry())
		return nil
	}, sql, arguments...)
	return list, err
}

// sealStaffLog puts the rows from before the log was a chain into it, a part in each transaction. What is interrupted goes on
// when it is called again.
func (c *conn) sealStaffLog() error {
	for more := true; more; {
		err := c.within(beginWrite, func() (err error) {
			more, err = c.sealSome()
			return err
		})
		if err != nil {
			return fmt.Errorf("seal the staff log: %w", err)
		}
	}
	return nil
}

func (c *conn) sealSome() (more bool, err error) {
	head, _, err := c.logHead()
	if err != nil {
		return false, err
	}
	part, err := c.staffEntries(scanUnsealedEntries, int64(math.MinInt64), int64(scanned))
	if err != nil || len(part) == 0 {
		return false, err
	}
	for _, e := range part {
		head = head.Next(&e.StaffEntry)
		if _, err := c.exec(sealStaffEntry, e.ID, head.Seq, head.Hash, e.Brand); err != nil {
			return false, err
		}
	}
	_, err = c.exec(moveLogHead, head.Seq, head.Hash)
	return true, err
}
