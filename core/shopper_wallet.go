package core

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// shopperWallet is what the wallet's ledger has of a shopper.
type shopperWallet struct {
	balances  map[string]int64 // by currency
	transfers []Transfer
	isOwn     bool // it has moved money of the brand that asks
	isShared  bool // it has moved money of other brands: it is not this brand's to show or to erase
}

// shopperWallet reads the shopper's account, as far as it is the business of the brand, "" for all.
func (e *Engine) shopperWallet(ctx context.Context, brand, shopper string) (*shopperWallet, error) {
	account := ShopperAccount(shopper)
	balances, err := e.wallet.ledger.Wallet(ctx, account)
	if err != nil {
		return nil, storeError(err)
	}
	w := &shopperWallet{balances: balances, isOwn: brand == "" && len(balances) > 0}
	for after := ""; ; {
		page, err := e.shoppers.AccountTransfers(ctx, account, after, namingPage)
		if err != nil {
			return nil, storeError(err)
		}
		w.transfers = append(w.transfers, page...)
		if len(page) < namingPage {
			break
		}
		after = page[namingPage-1].ID
	}
	for i := range w.transfers {
		w.note(&w.transfers[i], brand)
	}
	return w, nil
}

// note takes note of whose money moved.
func (w *shopperWallet) note(t *Transfer, brand string) {
	for _, account := range []string{t.From, t.To} {
		switch {
		case brand == "" || !strings.HasPrefix(account, BrandAccount("")):
		case account == BrandAccount(brand):
			w.isOwn = true
		default:
			w.isShared = true
		}
	}
}

// isAsked reports whether the wallet is a part of what was asked for.
func (w *shopperWallet) isAsked() bool { return !w.isShared && len(w.balances)+len(w.transfers) > 0 }

// obstacles are the balances that are to be paid out first.
func (w *shopperWallet) obstacles() []string {
	var found []string
	if !w.isAsked() {
		return found
	}
	for _, currency := range slices.Sorted(maps.Keys(w.balances)) {
		if balance := w.balances[currency]; balance > 0 {
			found = append(found, fmt.Sprintf("the wallet holds %d %s, in minor units, which is to be "+
				"paid out (hotdrop shopper payout)", balance, currency))
		}
	}
	return found
}

// eraseWallet gives the shopper's account another name.
func (x *erasing) eraseWallet(ctx context.Context, w *shopperWallet) error {
	if !w.isAsked() {
		return nil
	}
	kept := map[string]int64{"accounts": int64(len(w.balances)), "transfers": int64(len(w.transfers))}
	err := x.engine.shoppers.EraseAccount(ctx, &AccountErasure{
		Account: ShopperAccount(x.request.Shopper), Tombstone: ShopperAccount(x.out.Tombstone),
		Entry: x.entry(x.request.Brand, "", kept, nil),
	})
	if errors.Is(err, ErrConflict) {
		return inTheWay([]string{"the wallet has got money meanwhile"})
	}
	maps.Copy(x.out.Kept, kept)
	return storeError(err)
}
