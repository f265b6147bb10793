package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"

	"hotdrop/core"
)

// pool lends connections that were opened together, each to one goroutine at a time.
type pool struct {
	idle   chan *conn
	opened int
	closed chan struct{}
}

func newPool(size int) *pool {
	return &pool{idle: make(chan *conn, size), closed: make(chan struct{})}
}

// open fills the pool.
func (p *pool) open(ctx context.Context, dsn string) error {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return err
	}
	for p.opened < cap(p.idle) {
		c, err := connect(ctx, connector)
		if err != nil {
			return err
		}
		p.idle <- c
		p.opened++
	}
	return nil
}

// close waits for every connection to come back and closes it. It is called once.
func (p *pool) close() error {
	close(p.closed)
	var errs []error
	for ; p.opened > 0; p.opened-- {
		errs = append(errs, (<-p.idle).close())
	}
	return errors.Join(errs...)
}

// lend lends f a connection if one is idle, and says whether it was.
func (p *pool) lend(f func(c *conn) error) (lent bool, err error) {
	select {
	case c := <-p.idle:
		defer func() { p.idle <- c }()
		return true, translate(f(c))
	default:
		return false, nil
	}
}

// with lends f a connection; the context bounds the wait for it.
func (p *pool) with(ctx context.Context, f func(c *conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-p.closed:
		return fmt.Errorf("%w: %w", core.ErrUnavailable, errClosed)
	case <-ctx.Done():
		return ctx.Err()
	case c := <-p.idle:
		defer func() { p.idle <- c }()
		return translate(f(c))
	}
}
