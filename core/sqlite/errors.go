package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"hotdrop/core"
)

var errClosed = errors.New("the store is closed")

// primaryCode is the mask that leaves the primary part of an extended result code.
const primaryCode = 0xff

// translate wraps what core tells apart around an error of SQLite; anything else is a defect and stays as it is.
func translate(err error) error {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch failure.Code() & primaryCode {
	case sqlite3.SQLITE_CONSTRAINT:
		return fmt.Errorf("%w: %w", core.ErrConflict, err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", core.ErrFull, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM:
		return fmt.Errorf("%w: %w", core.ErrUnavailable, err)
	default:
		return err
	}
}

// conflict says what of a plan no longer holds.
func conflict(format string, arguments ...any) error {
	return fmt.Errorf("%w: %s", core.ErrConflict, fmt.Sprintf(format, arguments...))
}
