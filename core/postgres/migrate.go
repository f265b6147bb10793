package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// How often, and how many times, a node asks for the lock on migrations while another one holds it: a minute in all.
const (
	migrationRetry   = 100 * time.Millisecond
	migrationRetries = 600
)

// migrationConnections is what migrating takes beside the pool, however small that is: one works while others hold and
// renew the lock.
const migrationConnections = 4

// undefinedTable is the SQLSTATE of a table that does not exist.
const undefinedTable = "42P01"

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

// Migrate brings the schema up to date, one node at a time: a row in a table is the lock, which unlike an advisory lock
// works behind a pooler. A schema that is up to date is left alone.
func (s *Store) Migrate(ctx context.Context) (err error) {
	config := s.pool.Config()
	config.MaxConns = migrationConnections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return s.sealStaffLog(ctx)
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	sources, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresTableLocker(lock.WithTableLockTimeout(migrationRetry, migrationRetries))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, sources, goose.WithDisableGlobalRegistry(true), goose.WithLocker(locker))
}

// CheckSchema fails with a *[SchemaError] unless the schema is the one this program works with. It changes nothing.
func (s *Store) CheckSchema(ctx context.Context) error {
	wanted, err := latestMigration()
	if err != nil {
		return err
	}
	var found int64
	err = s.read(ctx, single(schemaVersion, func(row pgx.CollectableRow) error { return row.Scan(&found) }))
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok && refusal.Code == undefinedTable {
		err = nil
	}
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
