package core

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
)

// AccountPaidOut is where money goes that has left the wallet for somewhere else.
const AccountPaidOut = "paid_out"

// payoutPrefix begins the id of a payout's transfer.
const payoutPrefix = "payout/"

// PayoutRequest asks for money of a shopper's wallet to be booked as paid out.
type PayoutRequest struct {
	Brand     string // whose shopper; "" for any, which staff of no brand alone may ask for
	Shopper   string
	Currency  string // "" where the wallet has one
	Amount    int64  // minor units; 0 for all that there is
	Reference string // where the money went, such as the bank's number of the transfer
	Key       string // the Idempotency-Key
	Reason    string
	Actor     Principal
}

// Payout is money of a shopper's that has left the wallet.
type Payout struct {
	ID        string `json:"id" doc:"the transfer of the wallet's ledger" example:"payout/3f2a90c1d4b5e6f708192a3b4c5d6e7f"`
	Currency  string `json:"currency" doc:"ISO 4217" example:"CNY"`
	Amount    int64  `json:"amount" doc:"minor units" example:"200000"`
	Balance   int64  `json:"balance" doc:"what the wallet holds now, minor units" example:"0"`
	Reference string `json:"reference" doc:"where the money went" example:"bank transfer 2012-311"`
	At        int64  `json:"at" doc:"when it was booked, Unix milliseconds" example:"1356062400000"`
}

// PayOut books money of a shopper's wallet as paid out: from the wallet to [AccountPaidOut], with a row of the staff log in the
// same transaction, once per Idempotency-Key. The money itself somebody has moved, as the reference says. A brand pays out
// wallets that have moved no other brand's money, of shoppers of whom its campaigns keep something; others are not_found.
// insufficient_funds if the wallet holds less, or nothing.
func (e *Engine) PayOut(ctx context.Context, req PayoutRequest) (*Payout, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	if err := e.mayPayOut(ctx, &req); err != nil {
		return nil, err
	}
	id := payoutPrefix + fingerprint(appendString(appendString(nil, req.Shopper), req.Key))
	for range optimisticTries {
		made, err := e.wallet.ledger.Transfers(ctx, []string{id})
		if err != nil {
			return nil, storeError(err)
		}
		balances, err := e.wallet.ledger.Wallet(ctx, ShopperAccount(req.Shopper))
		if err != nil {
			return nil, storeError(err)
		}
		if prior, again := made[id]; again {
			return req.again(&prior, balances)
		}
		t, err := req.transfer(id, balances, e.now().UnixMilli())
		if err != nil {
			return nil, err
		}
		err = e.shoppers.PayOut(ctx, t, req.entry(t))
		if err == nil {
			return payout(t, balances[t.Currency]-t.Amount), nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, storeError(err)
		}
	}
	return nil, storeError(ErrConflict)
}

// check refuses what cannot be asked for.
func (r *PayoutRequest) check() error {
	switch {
	case r.Actor.Role == RoleShopper || !r.Actor.serves(r.Brand), r.Shopper == "", !isStorable(r.Shopper):
		return noWallet()
	case r.Key == "":
		return Errorf(CodeIdempotencyMissing, "this request needs an Idempotency-Key header")
	case r.Reference == "":
		return Errorf(CodeInvalid, "say in reference where the money went, such as the bank's number of the transfer")
	case r.Amount < 0:
		return Errorf(CodeInvalid, "amount must be at least 1, or absent for all that the wallet holds")
	case strings.Contains(r.Reason, r.Shopper) || strings.Contains(r.Reference, r.Shopper):
		return Errorf(CodeInvalid, "reason and reference are kept for ever: write them without the shopper's id")
	}
	return cmp.Or(checkReason(r.Reason), checkPlain("reference", r.Reference))
}

// noWallet says the same of a wallet that is not there and of one that is not the brand's to pay out.
func noWallet() error {
	return Errorf(CodeNotFound, "there is no wallet of such a shopper, or it has moved money of other brands too")
}

// mayPayOut refuses wallets that are not the brand's.
func (e *Engine) mayPayOut(ctx context.Context, req *PayoutRequest) error {
	campaigns, err := e.campaignsOf(ctx, req.Brand)
	if err != nil {
		return err
	}
	money, err := e.shopperWallet(ctx, req.Brand, req.Shopper)
	switch {
	case err != nil:
		return err
	case !money.isAsked():
		return noWallet()
	case money.isOwn:
		return nil
	}
	for _, c := range campaigns { // it was only topped up so far
		rows, err := c.shopperRows(ctx, req.Shopper)
		if err != nil {
			return err
		}
		if !rows.isEmpty() {
			return nil
		}
	}
	// An erasure that was interrupted may have come as far as the wallet; what came in since is in its way.
	x := &erasing{engine: e, request: &EraseRequest{Brand: req.Brand, Shopper: req.Shopper}, campaigns: campaigns, out: &Erased{}}
	if begun, err := x.interrupted(ctx); begun != nil || err != nil {
		return err
	}
	return noWallet()
}

// again is the answer to a request that was answered before; the same key with another request is refused.
func (r *PayoutRequest) again(prior *Transfer, balances map[string]int64) (*Payout, error) {
	if r.Amount != 0 && r.Amount != prior.Amount || r.Currency != "" && r.Currency != prior.Currency || r.Reference != prior.Request {
		return nil, Errorf(CodeIdempotencyMismatch, "this Idempotency-Key was used with another body")
	}
	return payout(prior, balances[prior.Currency]), nil
}

// transfer is what is to be booked.
func (r *PayoutRequest) transfer(id string, balances map[string]int64, now int64) (*Transfer, error) {
	t := &Transfer{
		ID: id, Kind: TransferPayout, From: ShopperAccount(r.Shopper), To: AccountPaidOut, Currency: r.Currency, Amount: r.Amount,
		At: now, Settled: true, Request: r.Reference,
	}
	filled := slices.DeleteFunc(slices.Sorted(maps.Keys(balances)), func(currency string) bool { return balances[currency] == 0 })
	switch {
	case t.Currency == "" && len(filled) > 1:
		return nil, Errorf(CodeInvalid, "say which currency: the wallet holds %s", strings.Join(filled, ", "))
	case len(filled) == 0:
		return nil, Errorf(CodeInsufficientFunds, "the wallet holds nothing")
	case t.Currency == "":
		t.Currency = filled[0]
	}
	if t.Amount == 0 {
		t.Amount = balances[t.Currency]
	}
	if t.Amount == 0 || t.Amount > balances[t.Currency] {
		return nil, Errorf(CodeInsufficientFunds, "the wallet holds %d %s, in minor units", balances[t.Currency], t.Currency)
	}
	return t, nil
}

// entry is the staff log's row of the payout: with the hash of whose it was.
func (r *PayoutRequest) entry(t *Transfer) *StaffEntry {
	entry := r.Actor.entry(t.At, "shopper.payout", r.Brand, "", r.Reason)
	entry.After, _ = json.Marshal(struct { // plain data always encodes
		ShopperSHA256 string `json:"shopper_sha256"`
		Payout        string `json:"payout"`
		Currency      string `json:"currency"`
		Amount        int64  `json:"amount"`
		Reference     string `json:"reference"`
	}{ShopperHash(r.Brand, r.Shopper), t.ID, t.Currency, t.Amount, t.Request})
	return &entry
}

func payout(t *Transfer, balance int64) *Payout {
	return &Payout{ID: t.ID, Currency: t.Currency, Amount: t.Amount, Balance: balance, Reference: t.Request, At: t.At}
}
