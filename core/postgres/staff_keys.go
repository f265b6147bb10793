package postgres

import (
	"context"
	"crypto/sha256"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"hotdrop/core"
)

// StaffKeyRevision returns the latest revision of the keys.
func (s *Store) StaffKeyRevision(ctx context.Context) (revision int64, err error) {
	err = s.read(ctx, single(staffKeyRevision, func(row pgx.CollectableRow) error { return row.Scan(&revision) }))
	return revision, err
}

// StaffKeysSince lists the keys that changed after the revision.
func (s *Store) StaffKeysSince(ctx context.Context, revision, endsAfter int64, limit int) ([]*core.StaffKey, error) {
	return s.staffKeys(ctx, staffKeysSince, revision, endsAfter, limit)
}

// FindStaffKeys lists keys, the latest first.
func (s *Store) FindStaffKeys(ctx context.Context, f core.StaffKeyFilter) ([]*core.StaffKey, error) {
	return s.staffKeys(ctx, findStaffKeys, f.EveryBrand, f.Brand, f.Person, f.ID, f.Replaces, f.Before, f.Limit)
}

func (s *Store) staffKeys(ctx context.Context, query string, arguments ...any) (found []*core.StaffKey, err error) {
	err = s.read(ctx, single(query, func(row pgx.CollectableRow) error {
		k, err := scanStaffKey(row)
		found = append(found, k)
		return err
	}, arguments...))
	return found, err
}

// scanStaffKey reads a row of the columns that find_staff_keys.sql lists.
func scanStaffKey(row pgx.CollectableRow) (*core.StaffKey, error) {
	k := &core.StaffKey{}
	var digest []byte
	err := row.Scan(&k.ID, (*string)(&k.Kind), &k.Person, (*string)(&k.Role), &k.Brand, &k.Prefix, &digest, &k.CreatedAt, &k.CreatedBy,
		&k.ExpiresAt, &k.RevokedAt, &k.RevokedBy, &k.Replaces, &k.Revision)
	if err == nil {
		copy(k.SHA256[:], digest[:sha256.Size])
	}
	return k, err
}

// ChangeStaffKeys commits the change. What raises the revision comes first: it holds up other changes until the commit.
func (s *Store) ChangeStaffKeys(ctx context.Context, change *core.StaffKeyChange) (revision int64, err error) {
	err = s.checked(ctx, &change.Entry, func(b *pgx.Batch) {
		single(raiseStaffKeyRevision, func(row pgx.CollectableRow) error { return row.Scan(&revision) }).queue(b)
		if k := change.Created; k != nil && change.Unshared {
			single(countNamesakes, noNamesake(k.Brand), k.Person, k.Brand).queue(b)
		}
		if k := change.Ended; k != nil {
			b.Queue(endStaffKey, k.ID, k.Brand, k.ExpiresAt, k.RevokedAt, k.RevokedBy, k.EndsAt(), k.Revision).
				Exec(one("the key %s is no longer at revision %d", k.ID, k.Revision))
		}
		if k, most := change.Created, change.Bounds; k != nil {
			b.Queue(insertStaffKey, k.ID, string(k.Kind), k.Person, string(k.Role), k.Brand, k.Prefix, k.SHA256[:], k.CreatedAt,
				k.CreatedBy, k.ExpiresAt, k.Replaces, change.At, most.All, most.Brand, most.Person).Exec(inserted)
		}
	}, func(b *pgx.Batch) { b.Queue(forgetSessions, change.Forget) })
	if err != nil {
		return 0, err
	}
	return revision, nil
}

// noNamesake requires that nobody outside the brand has the name.
func noNamesake(brand string) func(row pgx.CollectableRow) error {
	return func(row pgx.CollectableRow) error {
		var found int64
		if err := row.Scan(&found); err != nil {
			return err
		}
		if found != 0 {
			return core.StaffNameTaken(brand)
		}
		return nil
	}
}

// inserted requires that the bounds had room for the key.
func inserted(tag pgconn.CommandTag) error {
	if tag.RowsAffected() != 1 {
		return core.TooManyStaffKeys()
	}
	return nil
}
