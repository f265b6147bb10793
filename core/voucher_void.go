package core

import (
	"context"
	"errors"
)

// voidGranted undoes what mechanics granted for an order that was refunded since: what has not been asked yet is not asked
// any more, and vouchers that nobody has redeemed become void. What they took of their pools stays taken.
func (c *campaign) voidGranted(ctx context.Context, d *Document, t *Task) error {
	loaded, err := c.fetchAll(ctx, &load{order: t.Subject, wanted: []DocumentKey{paidTask(t.Subject)}})
	if err != nil {
		return err
	}
	if loaded.found == nil {
		return Errorf(CodeInternal, "there is no order %q", t.Subject)
	}
	if open := loaded.documents[paidTask(t.Subject)]; open != nil {
		if err := c.amend(ctx, remove(open.Key()), open); err != nil {
			return err
		}
	}
	vouchers, err := c.vouchersIn(ctx, loaded.found.Shopper) // none comes after the task is gone
	if err != nil {
		return err
	}
	for _, v := range vouchers {
		if v.Source != t.Subject || v.document.State != VoucherGranted {
			continue
		}
		if err := c.void(ctx, v); err != nil {
			return err
		}
	}
	return storeError(c.drop(d))
}

// errNotGranted refuses to void a voucher that is worth nothing already.
var errNotGranted = errors.New("the voucher is worth nothing already")

// void makes the voucher worth nothing, unless an order claims it: whoever claims it first has it, and the order that it was
// granted for claims it here.
func (c *campaign) void(ctx context.Context, v *granted) error {
	code := v.document.ID
	claim := Claim{Shopper: voucherScope(code), Kind: ClaimVoucher, Key: code, Owner: v.Source}
	err := c.amendAll(ctx, intent{claims: []Claim{claim}, documents: []*Document{v.document}, edits: []edit{{
		key: v.document.Key(), apply: func(current *Document) (*Document, error) {
			if current == nil || current.State != VoucherGranted {
				return nil, errNotGranted
			}
			return current.write(VoucherVoid, 0, v.Voucher), nil
		},
	}}})
	if errors.Is(err, errNotGranted) {
		return nil
	}
	return err
}
