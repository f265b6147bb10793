package sqlite

import "strings"

// rowsAtOnce is how many rows one INSERT carries: starting and ending a statement costs as much as a narrow row.
const rowsAtOnce = 16

// valuesOfRow is where a statement's one row of parameters begins.
const valuesOfRow = "VALUES ("

// rows inserts rows by as few statements as it can. What is added last is written by flush.
type rows struct {
	conn   *conn
	one    string // INSERT … VALUES (?, …)
	many   string // the same with rowsAtOnce rows
	values []any
	width  int
}

// rows starts an insertion by the statement, whose file has one row of parameters.
func (c *conn) rows(statement string) *rows {
	return &rows{conn: c, one: statement, many: c.widened(statement)}
}

// widened returns the statement with rowsAtOnce rows of parameters.
func (c *conn) widened(statement string) string {
	many, ok := c.wide[statement]
	if !ok {
		begin := strings.Index(statement, valuesOfRow) + len(valuesOfRow) - 1
		end := begin + strings.IndexByte(statement[begin:], ')') + 1
		many = statement[:end] + strings.Repeat(", "+statement[begin:end], rowsAtOnce-1) + statement[end:]
		c.wide[statement] = many
	}
	return many
}

// add adds a row. The violation of a constraint may only show with a later row, or with flush.
func (r *rows) add(values ...any) error {
	r.width = len(values)
	if r.values == nil {
		r.values = make([]any, 0, rowsAtOnce*r.width)
	}
	r.values = append(r.values, values...)
	if len(r.values) < rowsAtOnce*r.width {
		return nil
	}
	_, err := r.conn.exec(r.many, r.values...)
	r.values = r.values[:0]
	return err
}

// flush writes what is left, row by row.
func (r *rows) flush() error {
	for ; len(r.values) > 0; r.values = r.values[r.width:] {
		if _, err := r.conn.exec(r.one, r.values[:r.width]...); err != nil {
			return err
		}
	}
	return nil
}
