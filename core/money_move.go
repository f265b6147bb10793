package core

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
)

// maxShadowHistory is how many changes of a campaign are looked through for the shadow of a ruleset.
const maxShadowHistory = 200

// moneyMoves is how much a candidate moves of the money that decisions are about. Amounts are minor units.
type moneyMoves struct {
	Decisions int64 `json:"decisions"` // that were compared
	Turned    int64 `json:"turned"`    // orders of which it makes refusals, and the other way round
	Money     int64 `json:"money"`     // what the orders cost that both make
	Moved     int64 `json:"moved"`     // by how much their totals differ, whichever way, together
}

// beyond says why somebody else has to approve what was compared with, "" if nobody has to: of its money, or of its
// decisions, more than the limit moves, basis points. A limit of 0 allows everything.
func (m moneyMoves) beyond(compared string, limit int64) string {
	switch {
	case limit == 0:
		return ""
	case shareBeyond(m.Moved, m.Money, limit):
		return fmt.Sprintf("of %d that %s cost, %d move, which is more than %s", m.Money, compared, m.Moved, percent(limit))
	case shareBeyond(m.Turned, m.Decisions, limit):
		return fmt.Sprintf("of the %d decisions of %s, %d turn from an order into a refusal or back, which is more than %s",
			m.Decisions, compared, m.Turned, percent(limit))
	default:
		return ""
	}
}

// percent renders basis points for people.
func percent(basisPoints int64) string {
	return fmt.Sprintf("%d.%02d %%", basisPoints/100, basisPoints%100)
}

// moves compares the prices of orders that were decided with what they would be next.
func (p pricing) moves(next pricing, decisions []Facts) moneyMoves {
	var m moneyMoves
	for _, facts := range decisions {
		from, was := p.total(facts)
		to, is := next.total(facts)
		m.Decisions++
		switch {
		case was && is:
			m.Money += from
			m.Moved += max(from, to) - min(from, to)
		case was != is:
			m.Turned++
		}
	}
	return m
}

func (t *tally) moves() moneyMoves {
	return moneyMoves{Decisions: t.Decisions, Turned: t.NewlyDenied + t.NewlyAllowed, Money: t.Live.Money, Moved: t.Won + t.Lost}
}

// measured says why somebody else has to approve the ruleset, by its latest shadow and the backtests of it, "" if none
// has to.
func (c *campaign) measured(ctx context.Context, rollout *Rollout, ruleset, limit int64) (string, error) {
	if limit == 0 {
		return "", nil
	}
	shadow, err := c.latestShadow(ctx, rollout, ruleset)
	if err != nil {
		return "", err
	}
	if shadow != nil {
		all, _, err := c.shadowTally(ctx, shadow)
		if err != nil {
			return "", err
		}
		if why := all.moves().beyond("its shadow's orders", limit); why != "" {
			return why, nil
		}
	}
	return c.backtested(ctx, ruleset, limit)
}

// latestShadow returns the latest shadow that the ruleset was, also one that is over; nil if there is none in the latest
// changes.
func (c *campaign) latestShadow(ctx context.Context, rollout *Rollout, ruleset int64) (*Shadow, error) {
	if s := rollout.Shadow; s != nil && s.Ruleset == ruleset {
		return s, nil
	}
	history, err := c.engine.campaigns.Rollouts(ctx, c.key(), 0, maxShadowHistory)
	if err != nil {
		return nil, storeError(err)
	}
	for i := range history {
		if s := history[i].Rollout.Shadow; s != nil && s.Ruleset == ruleset {
			return s, nil
		}
	}
	return nil, nil //nolint:nilnil // it never was a shadow
}

func backtestSubject(ruleset int64) string { return "backtest/" + strconv.FormatInt(ruleset, 10) }

// keepBacktest writes down how much money a backtest has moved, for whoever makes its ruleset live. Of this node's it is
// those that move the most: a later one over fewer orders does not hide what an earlier one has found. The caller holds
// comparing.testing.
func (c *campaign) keepBacktest(ctx context.Context, ruleset int64, all *tally) {
	if ruleset == 0 {
		return
	}
	own, _, err := c.reports(ctx, backtestSubject(ruleset))
	if err != nil {
		c.engine.log.Warn("earlier backtests could not be read", "campaign", c.id, "error", err)
	}
	kept := all.moves()
	if own != nil {
		var earlier moneyMoves
		if json.Unmarshal(own.Content, &earlier) == nil {
			kept = kept.worst(earlier)
		}
	}
	content, _ := json.Marshal(kept) // plain data always encodes
	c.save(backtestSubject(ruleset), content)
}

// worst has the larger share of both in each respect.
func (m moneyMoves) worst(other moneyMoves) moneyMoves {
	if moreOf(other.Moved, other.Money, m.Moved, m.Money) {
		m.Moved, m.Money = other.Moved, other.Money
	}
	if moreOf(other.Turned, other.Decisions, m.Turned, m.Decisions) {
		m.Turned, m.Decisions = other.Turned, other.Decisions
	}
	return m
}

// backtested says why somebody else has to approve the ruleset, by the backtests of it, "" if nobody has to.
func (c *campaign) backtested(ctx context.Context, ruleset, limit int64) (string, error) {
	own, others, err := c.reports(ctx, backtestSubject(ruleset))
	if err != nil {
		return "", err
	}
	if own != nil {
		others = append(others, *own)
	}
	for i := range others {
		var moves moneyMoves
		if err := json.Unmarshal(others[i].Content, &moves); err != nil {
			return "", storeError(fmt.Errorf("a backtest of %s: %w", c.id, err))
		}
		if why := moves.beyond("its backtest's orders", limit); why != "" {
			return why, nil
		}
	}
	return "", nil
}
