package sqlite

import (
	"context"
	"crypto/sha256"

	"hotdrop/core"
)

// StaffKeyRevision returns the latest revision of the keys.
func (s *Store) StaffKeyRevision(ctx context.Context) (revision int64, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			revision = r.integer()
			return nil
		}, staffKeyRevision)
	})
	return revision, err
}

// StaffKeysSince lists the keys that changed after the revision.
func (s *Store) StaffKeysSince(ctx context.Context, revision, endsAfter int64, limit int) ([]*core.StaffKey, error) {
	return s.staffKeys(ctx, staffKeysSince, revision, endsAfter, int64(limit))
}

// FindStaffKeys lists keys, the latest first.
func (s *Store) FindStaffKeys(ctx context.Context, f core.StaffKeyFilter) ([]*core.StaffKey, error) {
	return s.staffKeys(ctx, findStaffKeys, f.EveryBrand, f.Brand, f.Person, f.ID, f.Replaces, f.Before, int64(f.Limit))
}

func (s *Store) staffKeys(ctx context.Context, query string, arguments ...any) (found []*core.StaffKey, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			found = append(found, r.staffKey())
			return nil
		}, query, arguments...)
	})
	return found, err
}

// staffKey reads a row of the columns that find_staff_keys.sql lists.
func (r *row) staffKey() *core.StaffKey {
	k := &core.StaffKey{
		ID: r.text(), Kind: core.StaffKeyKind(r.text()), Person: r.text(), Role: core.Role(r.text()), Brand: r.text(), Prefix: r.text(),
	}
	copy(k.SHA256[:], r.blob()[:sha256.Size])
	k.CreatedAt, k.CreatedBy, k.ExpiresAt = r.integer(), r.text(), r.integer()
	k.RevokedAt, k.RevokedBy, k.Replaces, k.Revision = r.integer(), r.text(), r.text(), r.integer()
	return k
}

// ChangeStaffKeys commits the change.
func (s *Store) ChangeStaffKeys(ctx context.Context, change *core.StaffKeyChange) (revision int64, err error) {
	err = s.write(ctx, func(c *conn) error {
		if err := c.query(func(r *row) error {
			revision = r.integer()
			return nil
		}, raiseStaffKeyRevision); err != nil {
			return err
		}
		if err := c.refuseNamesake(change); err != nil {
			return err
		}
		if err := c.endStaffKey(change.Ended); err != nil {
			return err
		}
		if err := c.insertStaffKey(change); err != nil {
			return err
		}
		if _, err := c.exec(forgetSessions, change.Forget); err != nil {
			return err
		}
		return c.log(&change.Entry)
	})
	if err != nil {
		return 0, err
	}
	return revision, nil
}

// refuseNamesake fails if the created key's person may not share a name and does.
func (c *conn) refuseNamesake(change *core.StaffKeyChange) error {
	k := change.Created
	if k == nil || !change.Unshared {
		return nil
	}
	return c.query(func(r *row) error {
		if r.integer() != 0 {
			return core.StaffNameTaken(k.Brand)
		}
		return nil
	}, countNamesakes, k.Person, k.Brand)
}

func (c *conn) endStaffKey(k *core.StaffKey) error {
	if k == nil {
		return nil
	}
	changed, err := c.exec(endStaffKey, k.ID, k.Brand, k.ExpiresAt, k.RevokedAt, k.RevokedBy, k.EndsAt(), k.Revision)
	if err == nil && changed != 1 {
		err = conflict("the key %s is no longer at revision %d", k.ID, k.Revision)
	}
	return err
}

func (c *conn) insertStaffKey(change *core.StaffKeyChange) error {
	k, most := change.Created, change.Bounds
	if k == nil {
		return nil
	}
	inserted, err := c.exec(insertStaffKey, k.ID, string(k.Kind), k.Person, string(k.Role), k.Brand, k.Prefix, k.SHA256[:], k.CreatedAt,
		k.CreatedBy, k.ExpiresAt, k.Replaces, change.At, most.All, most.Brand, most.Person)
	if err == nil && inserted != 1 {
		err = core.TooManyStaffKeys()
	}
	return err
}
