package core

import (
	"cmp"
	"time"
)

// depositDues are the dues of an order that is paid in two parts: the deposit by the end of the hold, and the balance
// until the moment that the campaign file names, by default the campaign's close, but never before the deposit. What
// becomes of the deposit if the balance is not paid is pinned to it. A deposit that covers the total leaves one payment.
// Amounts are minor units, holdUntil is Unix milliseconds.
func depositDues(def *Campaign, _ *Item, total int64, t depositTerms, _ time.Time, holdUntil int64) []Due {
	if t.amount >= total {
		return []Due{{Kind: DueFull, Amount: total, DueAt: holdUntil, State: DueOpen}}
	}
	until := def.Phases.Closed
	if !def.Deposits.BalanceUntil.IsZero() {
		until = def.Deposits.BalanceUntil
	}
	return []Due{
		{
			Kind: DueDeposit, Amount: t.amount, DueAt: holdUntil, State: DueOpen,
			Unpaid: cmp.Or(def.Deposits.Unpaid, UnpaidRefund),
		},
		{Kind: DueBalance, Amount: total - t.amount, DueAt: max(until.UnixMilli(), holdUntil), State: DueOpen},
	}
}

// overdue refuses an order with a deposit whose balance could not be paid any more: its deposit would be lost, or go to and
// fro. Files of earlier versions may set a date before the sale ends.
func (q *quoted) overdue() error {
	until := q.snapshot.definition().Deposits.BalanceUntil
	if q.decision.deposit == nil || until.IsZero() || q.now.Before(until) {
		return nil
	}
	return Errorf(CodeNotInPhase, "orders with a deposit were possible until %s", until.Format(time.RFC3339))
}

// endDeposit keeps the deposit of an order that ends before its balance is paid, or has it refunded, as was agreed. The
// shopper is told. A deposit of an order that waits for its group comes back: until the group is complete its balance buys
// nothing. (Only orders of earlier versions have both.)
func (m *moves) endDeposit(o *Order) {
	if o.paidSum() == 0 {
		return
	}
	for i := range o.Dues {
		if d := &o.Dues[i]; d.Kind == DueDeposit && d.State == DuePaid && d.Unpaid == UnpaidForfeit && !o.waits() {
			d.State = DueForfeited
			en, zh := amountIn(d.Amount, o.Currency)
			m.tell(o, tidings{
				template: "deposit_forfeited",
				en:       "The balance of order " + o.ID + " was not paid. As agreed, the deposit of " + en + " does not come back.",
				zh:       "订单 " + o.ID + " 的尾款未支付，按约定定金 " + zh + " 不予退还。",
			})
		}
	}
	if m.refundDues(o) > 0 {
		m.tellRefund(o)
	}
}
