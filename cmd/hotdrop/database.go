package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"hotdrop/core"
	"hotdrop/core/postgres"
	"hotdrop/core/sqlite"
)

// databaseSettings say where the books are: a folder for the embedded store, or a Postgres.
type databaseSettings struct {
	data     string // folder of the embedded store
	url      string // Postgres; empty means the embedded store
	maxPages int64  // bound of the embedded store, pages of 4 KiB; 0 means the disk
}

func (s *databaseSettings) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.data, "data", "./data", "folder of the embedded store")
	cmd.Flags().StringVar(&s.url, "database-url", "", "use this Postgres instead, such as postgres://user@host/name")
}

// kind names the store for people.
func (s *databaseSettings) kind() string {
	if s.url != "" {
		return "postgres"
	}
	return "sqlite"
}

// database is an open store: one value of core/sqlite or core/postgres behind the interfaces of its users.
type database struct {
	lifecycle
	orders    core.Store
	campaigns core.CampaignStore
	ledger    core.Ledger
	books     core.Books
	plugins   core.PluginStore
	nodes     core.NodeStore
	journal   core.Journal
	staffLog  core.StaffLogStore
	staffKeys core.StaffKeyStore
	shoppers  core.ShopperStore
}

// peopleStore is what a store keeps about people.
type peopleStore interface {
	core.StaffLogStore
	core.StaffKeyStore
	core.ShopperStore
}

// measuringStore is what nodes write down of themselves.
type measuringStore interface {
	core.NodeStore
	core.Journal
}

// newDatabase puts the one value behind all the interfaces.
func newDatabase(store interface {
	lifecycle
	core.Store
	core.CampaignStore
	core.Ledger
	core.Books
	core.PluginStore
	measuringStore
	peopleStore
},
) *database {
	return &database{
		lifecycle: store, orders: store, campaigns: store, ledger: store, books: store, plugins: store, nodes: store, journal: store,
		staffLog:  store,
		staffKeys: store,
		shoppers:  store,
	}
}

// lifecycle is what a store can do beside its books.
type lifecycle interface {
	// Migrate brings the schema up to date; it is safe on several nodes at once.
	Migrate(ctx context.Context) error
	// CheckSchema fails unless the schema is the one this program works with.
	CheckSchema(ctx context.Context) error
	Close() error
}

// warnExposed says which files of an embedded store others than their owner may read: they have shoppers' data.
func (d *database) warnExposed(log *slog.Logger) {
	store, embedded := d.lifecycle.(*sqlite.Store)
	if !embedded {
		return
	}
	for _, path := range store.Exposed() {
		log.Warn("others than its owner may read the database: run chmod 600", "file", path)
	}
}

// open opens the store for reading and writing.
func (s *databaseSettings) open(ctx context.Context) (*database, error) {
	if s.url != "" {
		store, err := postgres.Open(ctx, s.url)
		if err != nil {
			return nil, fmt.Errorf("postgres: %w", err)
		}
		return newDatabase(store), nil
	}
	var options []sqlite.Option
	if s.maxPages > 0 {
		options = append(options, sqlite.MaxPages(s.maxPages))
	}
	store, err := sqlite.Open(ctx, s.data, options...)
	if err != nil {
		return nil, err
	}
	return newDatabase(store), nil
}

// openToRead opens the store beside a server that may be using it. A schema that this program does not know is an
// error: it would be misread.
func (s *databaseSettings) openToRead(ctx context.Context) (*database, error) {
	db, err := s.openBeside(ctx)
	if err != nil {
		return nil, err
	}
	if err := db.CheckSchema(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (s *databaseSettings) openBeside(ctx context.Context) (*database, error) {
	if s.url != "" {
		return s.open(ctx)
	}
	store, err := sqlite.OpenReadOnly(ctx, s.data)
	if err != nil {
		return nil, err
	}
	return newDatabase(store), nil
}

// openMigrated opens the store and brings its schema up to date.
func (s *databaseSettings) openMigrated(ctx context.Context) (*database, error) {
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func migrateCommand() *cobra.Command {
	settings := &databaseSettings{}
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date (serve does so too, when it starts)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			db, err := settings.openMigrated(cmd.Context())
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "the %s schema is up to date\n", settings.kind())
			return db.Close()
		},
	}
	settings.register(cmd)
	return cmd
}
