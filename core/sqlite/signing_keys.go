package sqlite

import (
	"context"

	"hotdrop/core"
)

// CreateSigningKey adds a key.
func (s *Store) CreateSigningKey(ctx context.Context, k *core.SigningKey, entry core.StaffEntry) error {
	return s.write(ctx, func(c *conn) error {
		_, err := c.exec(insertSigningKey, k.Brand, k.ID, k.Name, []byte(k.Public), k.CreatedAt, k.CreatedBy, k.RevokedAt, k.RevokedBy, k.Reason)
		if err != nil {
			return err
		}
		return c.log(&entry)
	})
}

// SigningKeys lists keys, the latest first.
func (s *Store) SigningKeys(ctx context.Context, brand, id string) (list []*core.SigningKey, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, &core.SigningKey{
				Brand: r.text(), ID: r.text(), Name: r.text(), Public: r.blob(), CreatedAt: r.integer(), CreatedBy: r.text(),
				RevokedAt: r.integer(), RevokedBy: r.text(), Reason: r.text(),
			})
			return nil
		}, listSigningKeys, brand, id)
	})
	return list, err
}

// RevokeSigningKey writes down that a key counts no more.
func (s *Store) RevokeSigningKey(ctx context.Context, k *core.SigningKey, entry core.StaffEntry) error {
	return s.write(ctx, func(c *conn) error {
		changed, err := c.exec(revokeSigningKey, k.Brand, k.ID, k.RevokedAt, k.RevokedBy, k.Reason)
		if err == nil && changed != 1 {
			err = conflict("the signing key %s is not there, or is revoked", k.ID)
		}
		if err == nil {
			_, err = c.exec(touchSignedPlugins, k.Brand, k.ID)
		}
		if err != nil {
			return err
		}
		return c.log(&entry)
	})
}
