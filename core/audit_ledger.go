package core

import "strings"

// ledgerAudit is the visitor of the wallet's ledger, after all campaigns. What moved after the audit began is not held
// against campaigns that were read before.
type ledgerAudit struct {
	*audit

	balances map[Account]int64
	moved    map[Account]int64
	kept     map[string]Transfer // old payments without an order and, so far, without a refund
}

// VisitAccount implements [LedgerVisitor].
func (l *ledgerAudit) VisitAccount(account Account, balance int64) { l.balances[account] = balance }

// VisitTransfer implements [LedgerVisitor]. Refunds come after payments: "pay/" sorts before "refund/".
func (l *ledgerAudit) VisitTransfer(t Transfer) {
	l.summary.Transfers++
	l.moved[Account{t.From, t.Currency}] -= t.Amount
	l.moved[Account{t.To, t.Currency}] += t.Amount
	l.campaign = t.Campaign
	switch t.Kind {
	case TransferRefund:
		l.visitRefund(t)
	case TransferPayment:
		l.visitPayment(t)
	}
}

// visitPayment holds a payment against the due that names it. A refund that was noted and has not happened stays open, as
// long as the payment is not settled or a task is to make it.
func (l *ledgerAudit) visitPayment(t Transfer) {
	p := l.payments[t.ID]
	_, audited := l.audited[t.Campaign]
	switch {
	case p == nil && audited && t.Settled && t.At < l.began-settleAfter: // younger ones may be under way
		l.kept[t.ID] = t
	case p == nil:
	case isDealers(t.ID):
		l.find("payment", t.ID, "it was made at the dealer, and the ledger has it")
	case p.amount != t.Amount:
		l.find("payment", t.ID, "the due says %d, the ledger %d", p.amount, t.Amount)
	}
	if p != nil && (p.state != DueRefunded || p.returning || !t.Settled) {
		p.amount = 0 // nothing is missing
	}
}

// visitRefund holds a refund against the due whose payment it gives back.
func (l *ledgerAudit) visitRefund(t Transfer) {
	payment := strings.TrimPrefix(t.ID, refundPrefix)
	delete(l.kept, payment)
	p := l.payments[payment]
	if p == nil {
		return
	}
	if p.state != DueRefunded && t.At < l.began {
		l.find("payment", payment, "it was refunded, and order %s calls it %s all the same", p.order, p.state)
	}
	p.amount = 0
}

// finish checks what only the whole ledger shows.
func (l *ledgerAudit) finish() {
	l.campaign = ""
	for account, balance := range l.balances {
		if l.moved[account] != balance {
			l.find("account", account.Name+" "+account.Currency, "the balance is %d, the transfers sum up to %d", balance, l.moved[account])
		}
		delete(l.moved, account)
	}
	for account, sum := range l.moved {
		l.find("account", account.Name+" "+account.Currency, "transfers sum up to %d for an account that does not exist", sum)
	}
	for id, t := range l.kept {
		l.campaign = t.Campaign
		l.find("payment", id, "%d were taken for order %s, which is neither paid by it nor was it refunded", t.Amount, t.Order)
	}
	for id, p := range l.payments {
		if p.amount == 0 || isDealers(id) {
			continue
		}
		l.campaign = p.campaign
		l.find("payment", id, "order %s calls %d %s by it, which the ledger does not have, or has not given back", p.order, p.amount, p.state)
	}
}
