package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// OpenReadOnly opens the database of a folder beside the process that uses it, or without one: it takes no lock and
// stops nobody, and every write fails. The folder must have a database.
func OpenReadOnly(ctx context.Context, dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, fileName)); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	s := &Store{dir: dir, writer: newPool(1), readers: newPool(readerCount)}
	if err := s.connect(ctx, options{queryOnly: true}); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database in %s: %w", dir, err), s.Close())
	}
	return s, nil
}

// unlock gives the folder free, if this store had it.
func (s *Store) unlock() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}
