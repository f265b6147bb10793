// Package sqlite is the embedded store: one SQLite file in a folder that one process uses at a time.
//
// One connection writes, a few read. In WAL mode readers never wait for the writer; synchronous=FULL makes a commit
// durable before it is acknowledged. The plans are core's, the statements are here, each in a file of its own.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
)

// How the file is used. A writer's cache holds the pages that a rush touches again and again; a reader's only the upper
// levels of the trees, the rest is in the kernel's cache. Their sum bounds what SQLite takes of the process's memory.
const (
	fileName        = "hotdrop.db"
	readerCount     = 4
	writerCacheKiB  = 65536
	readerCacheKiB  = 8192
	checkpointPages = 100_000           // 400 MB of log: the writer copies it itself if nobody else did by then
	walLimit        = 128 * 1024 * 1024 // bytes; a log that readers made longer is cut back to this
	busyTimeout     = 2000              // milliseconds that a foreign process may hold the file
)

// Store is a folder with a database. It is safe for concurrent use.
type Store struct {
	dir     string
	lock    *os.File // nil when the store is only read
	writer  *pool    // the one connection that writes
	readers *pool
	log     *checkpointer // nil when the store is only read
	news    news
	closing sync.Once
}

// Option changes how a folder is opened.
type Option func(*options)

type options struct {
	maxPages  int64
	queryOnly bool
}

// MaxPages bounds the file to n pages of 4 KiB; a plan that needs more fails with [core.ErrFull].
func MaxPages(n int64) Option {
	return func(o *options) { o.maxPages = n }
}

// Open opens the database in the folder and creates both if need be, readable by their owner only. It fails
// with a *[LockedError] while another process uses the folder. The schema is neither made nor checked: see
// [Store.Migrate] and [Store.CheckSchema].
func Open(ctx context.Context, dir string, opts ...Option) (*Store, error) {
	var o options
	for _, set := range opts {
		set(&o)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the folder: %w", err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, lock: lock, writer: newPool(1), readers: newPool(readerCount)}
	if err := errors.Join(createFile(filepath.Join(dir, fileName)), s.connect(ctx, o)); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database in %s: %w", dir, err), s.Close())
	}
	return s, nil
}

// createFile makes the file of a new database: SQLite would let everybody read it, and gives its log the modes that it has.
func createFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// Exposed are the files of the database that others than their owner may read, as releases made them that left it to the folder.
func (s *Store) Exposed() []string {
	var found []string
	for _, end := range []string{"", "-wal", "-shm"} {
		path := filepath.Join(s.dir, fileName+end)
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
			found = append(found, path)
		}
	}
	return found
}

func (s *Store) connect(ctx context.Context, o options) error {
	path := filepath.Join(s.dir, fileName)
	if err := s.writer.open(ctx, dsn(path, writerCacheKiB, o)); err != nil {
		return err
	}
	if err := s.readers.open(ctx, dsn(path, readerCacheKiB, o)); err != nil || o.queryOnly {
		return err
	}
	var err error
	s.log, err = newCheckpointer(ctx, dsn(path, readerCacheKiB, o))
	return err
}

// dsn names the file and the pragmas of every connection to it.
func dsn(path string, cacheKiB int, o options) string {
	pragmas := url.Values{"_pragma": {
		"busy_timeout(" + strconv.Itoa(busyTimeout) + ")", // first: the next ones may have to wait
		"page_size(4096)", "journal_mode(wal)",
		"synchronous(full)",
		"wal_autocheckpoint(" + strconv.Itoa(checkpointPages) + ")",
		"journal_size_limit(" + strconv.Itoa(walLimit) + ")",
		"cache_size(-" + strconv.Itoa(cacheKiB) + ")",
	}}
	if o.queryOnly {
		pragmas.Add("_pragma", "query_only(1)")
	}
	if o.maxPages > 0 {
		pragmas.Add("_pragma", "max_page_count("+strconv.FormatInt(o.maxPages, 10)+")")
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: pragmas.Encode()}).String()
}

// Close waits for running calls, closes the database and gives the folder free. Later calls fail with
// [core.ErrUnavailable]. Closing again does nothing.
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() {
		if s.log != nil {
			err = s.log.close()
		}
		err = errors.Join(err, s.readers.close(), s.writer.close(), s.unlock())
	})
	return err
}

// Ping checks that the database can be read and has a schema.
func (s *Store) Ping(ctx context.Context) error {
	return s.read(ctx, func(c *conn) error {
		return c.query(func(*row) error { return nil }, ping)
	})
}

// write runs f in the one writing transaction. The context bounds the wait for it, never the commit.
func (s *Store) write(ctx context.Context, f func(c *conn) error) error {
	return s.writer.with(ctx, func(c *conn) error {
		err := c.within(beginWrite, func() error { return f(c) })
		if err == nil {
			s.log.committed(c)
		}
		return err
	})
}

// readHot is read on the writer's connection when nobody writes at the moment. Every commit empties the page caches of the
// other connections, so in a rush a read there fetches each page anew. It never waits for the writer.
func (s *Store) readHot(ctx context.Context, f func(c *conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if lent, err := s.writer.lend(func(c *conn) error {
		return c.within(beginRead, func() error { return f(c) })
	}); lent {
		return err
	}
	return s.read(ctx, f)
}

// read runs f in a reading transaction: everything that it queries is from one snapshot.
func (s *Store) read(ctx context.Context, f func(c *conn) error) error {
	return s.readers.with(ctx, func(c *conn) error {
		return c.within(beginRead, func() error { return f(c) })
	})
}
