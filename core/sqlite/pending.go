package sqlite

import (
	"context"
	"errors"

	"hotdrop/core"
)

var errPending = errors.New("pending")

func (s *Store) AddRuleset(context.Context, *core.AddedRuleset) error { return errPending }

func (s *Store) Rollouts(context.Context, string, int64, int) ([]core.RolloutEntry, error) {
	return nil, errPending
}

func (s *Store) Rollout(context.Context, string, int64) (*core.RolloutEntry, error) {
	return nil, errPending
}
