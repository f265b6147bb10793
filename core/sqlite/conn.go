package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// conn is one connection with its prepared statements. It drives the driver's own interface: database/sql would add a
// lock, a copy of the arguments and a conversion to every row written. It is used by one goroutine at a time.
type conn struct {
	raw        driver.Conn
	statements map[string]statement
	wide       map[string]string // insertions with many rows, by the statement with one
	arguments  []driver.NamedValue
}

// statement is what the driver's prepared statements can do.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

func connect(ctx context.Context, connector driver.Connector) (*conn, error) {
	raw, err := connector.Connect(ctx)
	if err != nil {
		return nil, translate(err)
	}
	return &conn{raw: raw, statements: map[string]statement{}, wide: map[string]string{}}, nil
}

func (c *conn) close() error {
	var errs []error
	for _, s := range slices.Collect(maps.Values(c.statements)) {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.raw.Close())...)
}

func (c *conn) prepare(query string) (statement, error) {
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	raw, err := c.raw.Prepare(query)
	if err != nil {
		return nil, err
	}
	s, ok := raw.(statement)
	if !ok {
		return nil, fmt.Errorf("statements of type %T take no context", raw)
	}
	c.statements[query] = s
	return s, nil
}

// exec runs a statement and returns how many rows it changed. No context reaches SQLite: a statement takes
// microseconds, and watching a context costs a goroutine each.
func (c *conn) exec(query string, arguments ...any) (int64, error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(context.Background(), c.bind(arguments))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query runs a statement and hands every row to visit. The row is only valid during the call.
func (c *conn) query(visit func(r *row) error, query string, arguments ...any) (err error) {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), c.bind(arguments))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	r := &row{values: make([]driver.Value, len(rows.Columns()))}
	for {
		if err := rows.Next(r.values); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		r.next = 0
		if err := visit(r); err != nil {
			return err
		}
	}
}

func (c *conn) bind(arguments []any) []driver.NamedValue {
	c.arguments = c.arguments[:0]
	for i, v := range arguments {
		c.arguments = append(c.arguments, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return c.arguments
}

// within runs f between begin and commit, and rolls back when it fails.
func (c *conn) within(begin string, f func() error) error {
	if _, err := c.exec(begin); err != nil {
		return err
	}
	err := f()
	if err == nil {
		_, err = c.exec(commit)
	}
	if err != nil {
		// A full disk rolls back by itself; then this fails, and there is nothing left to undo.
		_, _ = c.exec(rollback)
	}
	return err
}

// row is one row of a result, read from the left. The tables are STRICT and NOT NULL, so a column has its type.
type row struct {
	values []driver.Value
	next   int
}

func (r *row) text() string {
	s, _ := r.values[r.next].(string)
	r.next++
	return s
}

func (r *row) integer() int64 {
	n, _ := r.values[r.next].(int64)
	r.next++
	return n
}
