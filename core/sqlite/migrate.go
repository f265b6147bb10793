package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// SchemaError says that the database's schema is not the one this program works with.
type SchemaError struct {
	Found, Wanted int64
}

// Error implements error; it says what to run.
func (e *SchemaError) Error() string {
	if e.Found > e.Wanted {
		return fmt.Sprintf("the database has schema %d, made by a newer hotdrop than this one, which knows schema %d",
			e.Found, e.Wanted)
	}
	return fmt.Sprintf("the database has schema %d, this hotdrop needs %d: run `hotdrop migrate`", e.Found, e.Wanted)
}

// Migrate brings the schema up to date. Nothing else is written meanwhile; a schema that is up to date is left alone.
func (s *Store) Migrate(ctx context.Context) error {
	return s.writer.with(ctx, func(c *conn) (err error) {
		connector, err := sqlite.NewConnector(dsn(filepath.Join(s.dir, fileName), readerCacheKiB, options{}))
		if err != nil {
			return err
		}
		db := sql.OpenDB(connector)
		defer func() { err = errors.Join(err, db.Close()) }()
		provider, err := newProvider(db)
		if err != nil {
			return err
		}
		if _, err := provider.Up(ctx); err != nil {
			return fmt.Errorf("migrate the database in %s: %w", s.dir, err)
		}
		return c.sealStaffLog()
	})
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	sources, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, sources, goose.WithDisableGlobalRegistry(true))
}

// CheckSchema fails with a *[SchemaError] unless the schema is the one this program works with. It changes nothing.
func (s *Store) CheckSchema(ctx context.Context) error {
	wanted, err := latestMigration()
	if err != nil {
		return err
	}
	var found int64
	err = s.read(ctx, func(c *conn) error {
		known := false
		if err := c.query(func(*row) error { known = true; return nil }, schemaKnown); err != nil || !known {
			return err
		}
		return c.query(func(r *row) error { found = r.integer(); return nil }, schemaVersion)
	})
	if err == nil && found != wanted {
		err = &SchemaError{Found: found, Wanted: wanted}
	}
	return err
}

func latestMigration() (int64, error) {
	files, err := fs.ReadDir(migrations, "migrations")
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(files[len(files)-1].Name())
}
