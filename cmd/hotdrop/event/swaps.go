package event

import (
	"fmt"
	"time"
)

// connectionsOfANode is how many connections to the database a node may have.
const connectionsOfANode = 20

// Swaps is what became of the swaps during the sale.
type Swaps struct {
	Swaps        int64 // changes of the rollout that change a decision: live, canary, undo; without those of the calm phase
	WhileSelling int64 // of them, those that began before the last unit was sold
	Undos        int64 // of them
	Canaries     int64 // of them
	Shadows      int64 // changes beside them that change no decision
	StaleAnswers int64 // orders answered at the price of a ruleset that did not decide while they were asked for
	Mixed        int64 // orders answered at a price that no ruleset gives
	Logged       int64 // orders that are in the log of decisions
	Unlogged     int64 // orders that are not
	Mislogged    int64 // of those in it, at another total than acknowledged, or than their ruleset gives
	NotFollowed  int64 // swaps that waited for the nodes, and some node did not follow in time
	Slowest      time.Duration
	// SlowestFollow is the longest from a commit until the last node decided by it.
	SlowestFollow time.Duration
	Calm          Calm
	// DatabaseConnections is the most that were open at a time, 0 if they were not counted.
	DatabaseConnections int64

	commit, follow histogram
}

// fields lists the figures of the swaps; there are none in a run without.
func (s *Swaps) fields() []field {
	if s == nil {
		return nil
	}
	list := []field{
		{"swaps", s.Swaps},
		{"swaps_while_selling", s.WhileSelling},
		{"swaps_undone", s.Undos},
		{"swaps_canary", s.Canaries},
		{"shadows", s.Shadows},
		{"stale_answers", s.StaleAnswers},
		{"mixed_prices", s.Mixed},
		{"decisions_logged", s.Logged},
		{"decisions_missing", s.Unlogged},
		{"decisions_wrong", s.Mislogged},
		{"swaps_not_followed", s.NotFollowed},
		{"swap_p50_ms", milliseconds(s.commit.quantile(0.5))},
		{"swap_p99_ms", milliseconds(s.commit.quantile(0.99))},
		{"swap_max_ms", milliseconds(s.Slowest)},
		{"follow_p50_ms", milliseconds(s.follow.quantile(0.5))},
		{"follow_max_ms", milliseconds(s.SlowestFollow)},
	}
	list = append(list, s.Calm.fields()...)
	if s.DatabaseConnections > 0 {
		list = append(list, field{"database_connections", s.DatabaseConnections})
	}
	return list
}

// problems lists what is wrong with the swaps.
func (s *Swaps) problems(nodes int) []string {
	if s == nil {
		return nil
	}
	var problems []string
	for _, wrong := range []struct {
		n    int64
		what string
	}{
		{s.StaleAnswers, "orders at the price of a ruleset that did not decide when they were asked for"},
		{s.Mixed, "orders at the price of no ruleset"},
		{s.Unlogged, "orders that are not in the log of decisions"},
		{s.Mislogged, "orders whose total in the log of decisions is not that of their ruleset, or of their acknowledgement"},
		{s.NotFollowed, "swaps that a node did not follow in time"},
		{s.Calm.Lost, "acknowledged orders of the calm phase lost"},
		{s.Calm.Repriced, "orders of the calm phase at another price than they were acknowledged at"},
	} {
		if wrong.n != 0 {
			problems = append(problems, fmt.Sprintf("%d %s", wrong.n, wrong.what))
		}
	}
	if most := int64(nodes * connectionsOfANode); s.DatabaseConnections > most {
		problems = append(problems, fmt.Sprintf("%d connections to the database, should be at most %d", s.DatabaseConnections, most))
	}
	return problems
}
