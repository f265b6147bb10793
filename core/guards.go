package core

import (
	"cmp"
	"time"
)

// The bounds of what a campaign file says of guards.
const (
	WholeShare   = 10_000         // all of it, in basis points
	MaxShare     = WholeShare - 1 // that a guard may allow: nothing is above all of it
	MaxFuel      = 1_000_000_000  // of one decision
	MaxGuarded   = 1_000_000      // decisions that a guard or a breaker may wait for
	MaxPriceMove = 1_000_000      // basis points: a hundred times the price
	MinPause     = Duration(time.Second)
	MaxPause     = Duration(10 * time.Minute) // also of a breaker that opens again and again
)

// Guards say when a ruleset is taken back without anybody being asked. Amounts are minor units of the campaign's currency,
// shares basis points (1/10000). Zero means that there is no such guard. How each is measured is documented at
// [GuardName].
type Guards struct {
	SpendPerMinute int64        `json:"spend_per_minute,omitempty" doc:"the most that mechanics may give away within a minute, minor units"`
	BudgetShare    int64        `json:"budget_share,omitempty" doc:"the most of guardrails.discount_budget that may be taken, basis points"`
	ErrorRate      int64        `json:"error_rate,omitempty" doc:"the largest share of decisions in which a mechanic fails, basis points"`
	DenialRate     int64        `json:"denial_rate,omitempty" doc:"the largest share of decisions in which a mechanic denies the order, basis points"`
	FuelP99        int64        `json:"fuel_p99,omitempty" doc:"the most fuel that 99 of 100 decisions may burn, all their mechanics together"`
	OrderValueDrop int64        `json:"order_value_drop,omitempty" doc:"how far the money per order may fall below that of the live ruleset it replaces, basis points"`
	MinOrders      int64        `json:"min_orders,omitempty" doc:"how many decisions or orders a share, a percentile or an average needs before it says anything; default 50"`
	MaxPriceChange int64        `json:"max_price_change,omitempty" doc:"how far one person may move any price, in small steps too, before somebody else has to approve it, basis points"`
	MaxMoneyChange int64        `json:"max_money_change,omitempty" doc:"how much of the money that its shadow, its backtest or the newest orders compare one person may move, in small steps too, before somebody else has to approve it, basis points"`
	Breaker        BreakerTerms `json:"breaker,omitzero" doc:"when a mechanic that fails is not asked for a while"`
}

// BreakerTerms say when a binding's mechanic is not asked for a while. Every campaign has them: what its file does not say
// is as by default.
type BreakerTerms struct {
	Failures int64    `json:"failures,omitempty" doc:"the share of a binding's decisions within 10 s that has to fail, basis points; default 5000"`
	Min      int64    `json:"min,omitempty" doc:"how many decisions of the binding within 10 s it takes; default 20"`
	Pause    Duration `json:"pause,omitempty" doc:"how long the mechanic is not asked, 1s to 10m; twice as long each time it fails again; default 30s"`
}

// The terms of guards that a campaign file does not set.
const (
	defaultMinOrders       = 50
	defaultBreakerFailures = 5_000
	defaultBreakerMin      = 20
	defaultBreakerPause    = Duration(30 * time.Second)
)

// fourEyes reports whether changes that risk money need a second person.
func (g *Guards) fourEyes() bool { return g.MaxPriceChange > 0 || g.MaxMoneyChange > 0 }

// minOrders is how many decisions say something.
func (g *Guards) minOrders() int64 { return cmp.Or(g.MinOrders, defaultMinOrders) }

// terms are the breaker's, with defaults.
func (b BreakerTerms) terms() BreakerTerms {
	return BreakerTerms{
		Failures: cmp.Or(b.Failures, defaultBreakerFailures), Min: cmp.Or(b.Min, defaultBreakerMin),
		Pause: cmp.Or(b.Pause, defaultBreakerPause),
	}
}
