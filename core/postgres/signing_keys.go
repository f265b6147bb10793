package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"hotdrop/core"
)

// CreateSigningKey adds a key.
func (s *Store) CreateSigningKey(ctx context.Context, k *core.SigningKey, entry core.StaffEntry) error {
	b := newLogged(&entry)
	b.Queue(insertSigningKey, k.Brand, k.ID, k.Name, []byte(k.Public), k.CreatedAt, k.CreatedBy, k.RevokedAt, k.RevokedBy, k.Reason)
	return s.writeLogged(ctx, b, &entry)
}

// SigningKeys lists keys, the latest first.
func (s *Store) SigningKeys(ctx context.Context, brand, id string) (list []*core.SigningKey, err error) {
	err = s.read(ctx, single(listSigningKeys, func(row pgx.CollectableRow) error {
		k := &core.SigningKey{}
		list = append(list, k)
		return row.Scan(&k.Brand, &k.ID, &k.Name, (*[]byte)(&k.Public), &k.CreatedAt, &k.CreatedBy, &k.RevokedAt, &k.RevokedBy, &k.Reason)
	}, brand, id))
	return list, err
}

// RevokeSigningKey writes down that a key counts no more.
func (s *Store) RevokeSigningKey(ctx context.Context, k *core.SigningKey, entry core.StaffEntry) error {
	return s.checked(ctx, &entry, func(b *pgx.Batch) {
		b.Queue(revokeSigningKey, k.Brand, k.ID, k.RevokedAt, k.RevokedBy, k.Reason).
			Exec(one("the signing key %s is not there, or is revoked", k.ID))
	}, func(b *pgx.Batch) { b.Queue(touchSignedPlugins, k.Brand, k.ID) })
}
