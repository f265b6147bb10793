package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"hotdrop/core"
)

// What SQLSTATE means for a plan. The first list is what constraints, guards and locks answer: nothing was written and
// deciding again makes sense. Division by zero is how a guard of ours fails; 55P03 and 40P01 are locks that were waited
// for too long or in a circle.
//
// The second is a server that is going, coming, too busy, out of patience with a statement, or a standby that cannot
// write: trying again makes sense.
func isConflict(state string) bool {
	return slices.Contains([]string{"23505", "23514", "22012", "22003", "40001", "40P01", "55P03"}, state)
}

func isUnavailable(state string) bool {
	class := state[:min(2, len(state))]
	return slices.Contains([]string{"08", "53", "57", "58"}, class) || slices.Contains([]string{"25006", "25P03"}, state)
}

const diskFull = "53100"

// translate wraps what core tells apart around an error of the driver. broken says that the connection is lost, which
// leaves open what the server did last. Anything else is a defect and stays as it is.
func translate(ctx context.Context, err error, broken bool) error {
	if err == nil {
		return nil
	}
	refusal, refused := errors.AsType[*pgconn.PgError](err)
	switch {
	case refused && isConflict(refusal.Code):
		return fmt.Errorf("%w: %w", core.ErrConflict, err)
	case refused && refusal.Code == diskFull:
		return fmt.Errorf("%w: %w", core.ErrFull, err)
	case refused && isUnavailable(refusal.Code):
		return fmt.Errorf("%w: %w", core.ErrUnavailable, err)
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return err
	case broken:
		return fmt.Errorf("%w: %w", core.ErrUnavailable, err)
	default:
		return err
	}
}

// conflict says what of a plan no longer holds.
func conflict(format string, arguments ...any) error {
	return fmt.Errorf("%w: %s", core.ErrConflict, fmt.Sprintf(format, arguments...))
}
