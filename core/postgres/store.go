// Package postgres is the store for any number of nodes on one database.
//
// A plan is one pipelined round trip in one transaction that the pipeline implies: many statements, one Sync. What a plan
// expects is guarded by constraints and by divisions that fail, so nothing has to be read back before the commit. Locks
// are taken in the order that core.Plan gives. Statements are described but never named, so that a pooler in transaction
// mode works. The plans are core's, the statements are here, each in a file of its own.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotdrop/core"
)

// How long a database may be silent. They add up to a few seconds until a dead one is noticed.
const (
	connectTimeout = 2 * time.Second
	readTimeout    = 5 * time.Second // a read, and the wait for a connection
	silence        = 5 * time.Second // until a peer that acknowledges nothing counts as gone
	statementBound = "5s"            // a statement of a write, waits for locks included
	// lockBound is how long a plan that holds the campaign's counters waits for another lock. Whoever holds that one waits
	// for the counters, so the wait is in vain: see transact.
	lockBound = "20ms"
)

// defaultConnections bounds the pool unless the URL has pool_max_conns. Batches and loads are few and large; more
// connections make a database slower, not faster. A node has one more, on which it listens ([Store.Listen]): three nodes have 51
// together, and up to [migrationConnections] while one migrates.
const defaultConnections = 16

// Store is a database. It is safe for concurrent use.
type Store struct {
	pool *pgxpool.Pool
}

// Open connects to the database at the URL (or keyword/value string), as pgxpool.ParseConfig reads it. The schema is
// neither made nor checked: see [Store.Migrate] and [Store.CheckSchema].
func Open(ctx context.Context, url string) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the URL of the database: %w", err)
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = defaultConnections
	}
	config.PingTimeout, config.AfterConnect = connectTimeout, useTextArray
	connection := config.ConnConfig
	connection.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	if !strings.Contains(url, "connect_timeout") {
		connection.ConnectTimeout = connectTimeout
	}
	connection.DialFunc = (&net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: silence / 2, Interval: time.Second, Count: 3},
		Control:         boundSilence,
	}).DialContext
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	s := &Store{pool: pool}
	if err := s.with(ctx, func(context.Context, *pgxpool.Conn) error { return nil }); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", err), s.Close())
	}
	return s, nil
}

// Close waits for running calls and closes every connection. Later calls fail with [core.ErrUnavailable].
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// Ping checks that the database answers and has a schema.
func (s *Store) Ping(ctx context.Context) error {
	return s.read(ctx, single(ping, func(pgx.CollectableRow) error { return nil }))
}

// with lends f a connection; the context it gets ends when a read has taken too long.
func (s *Store) with(ctx context.Context, f func(ctx context.Context, c *pgxpool.Conn) error) error {
	bounded, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	c, err := s.pool.Acquire(bounded)
	if err != nil {
		return translate(ctx, err, true)
	}
	defer c.Release()
	err = f(bounded, c)
	broken := c.Conn().IsClosed()
	if broken {
		s.pool.Reset() // the other connections are as dead: let nobody else find out one by one
	}
	return translate(ctx, err, broken)
}

// query is one statement of a read and what becomes of its rows.
type query struct {
	sql       string
	arguments []any
	visit     func(row pgx.CollectableRow) error
}

func single(sql string, visit func(row pgx.CollectableRow) error, arguments ...any) query {
	return query{sql, arguments, visit}
}

// queue adds the query to a batch.
func (q query) queue(b *pgx.Batch) {
	b.Queue(q.sql, q.arguments...).Query(func(rows pgx.Rows) error { return each(rows, q.visit) })
}

func each(rows pgx.Rows, visit func(row pgx.CollectableRow) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := visit(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// read runs the queries in one round trip. One statement is one snapshot by itself; several are put into a transaction
// that keeps its first, which costs two short statements more but no round trip.
func (s *Store) read(ctx context.Context, queries ...query) error {
	b := &pgx.Batch{}
	if len(queries) > 1 {
		b.Queue(beginRead)
	}
	for _, q := range queries {
		q.queue(b)
	}
	if len(queries) > 1 {
		b.Queue(commit)
	}
	return s.with(ctx, func(ctx context.Context, c *pgxpool.Conn) error {
		return c.SendBatch(ctx, b).Close()
	})
}

// write runs the batch as one transaction in one round trip: without a BEGIN, a pipeline is a transaction up to its Sync.
// It is not cancelled once it is sent: a commit that waits for a replica would count as done on this side only.
func (s *Store) write(ctx context.Context, b *pgx.Batch) error {
	return s.with(ctx, func(ctx context.Context, c *pgxpool.Conn) error {
		return c.SendBatch(context.WithoutCancel(ctx), b).Close()
	})
}

// newWrite is a batch whose statements do not wait for ever.
func newWrite() *pgx.Batch {
	b := &pgx.Batch{}
	b.Queue(boundStatements, statementBound)
	return b
}

// transact runs read, then what write makes of its answers, in one transaction of two round trips. read takes the locks
// on the counters, before the claims and orders that write may wait for: the other way round than every other plan. Who
// holds those is waiting for the counters, so write gives up soon, as a conflict, instead of deadlocking. Unless write
// says commit, nothing is written. The entry that it returns is the staff log's row, nil for none.
func (s *Store) transact(
	ctx context.Context, read func(b *pgx.Batch), write func(b *pgx.Batch) (commits bool, entry *core.StaffEntry, err error),
) error {
	return s.with(ctx, func(ctx context.Context, c *pgxpool.Conn) error {
		first := &pgx.Batch{}
		first.Queue(beginWrite)
		first.Queue(boundIdling, statementBound)
		read(first)
		err := c.SendBatch(ctx, first).Close()
		if err != nil {
			return abandon(ctx, c, err)
		}
		second := &pgx.Batch{}
		second.Queue(boundLockWaits, lockBound)
		commits, entry, err := write(second)
		if err != nil || !commits {
			return abandon(ctx, c, err)
		}
		return conclude(ctx, c, second, entry)
	})
}

// abandon rolls back after err. Should that fail, the pool drops the connection and the server rolls back.
func abandon(ctx context.Context, c *pgxpool.Conn, err error) error {
	if !c.Conn().IsClosed() {
		_, _ = c.Exec(ctx, rollback)
	}
	return err
}
