package core

import (
	"context"
	"crypto/rand"
	"time"
)

// The states of a voucher. That it is redeemed is not a state of its own: an order then owns its claim.
const (
	VoucherGranted = "granted"
	VoucherExpired = "expired"
	VoucherVoid    = "void" // the order that it was granted for was refunded
)

// What a shopper sees of a voucher beside the two above: the order that claims it is not paid yet, or it is.
const (
	VoucherHeld     = "held"
	VoucherRedeemed = "redeemed"
)

// maxGranted is how many vouchers one effect may grant. Each is a row of its own.
const maxGranted = 100

// Voucher is the content of a voucher. Whoever has the code may redeem it, once. What it is worth, and until when, is
// what the campaign file said when it was granted.
type Voucher struct {
	Pool      string `json:"pool"`
	Value     int64  `json:"value"`                // minor units
	ExpiresAt int64  `json:"expires_at,omitempty"` // Unix milliseconds; 0 for never
	GrantedAt int64  `json:"granted_at"`           // Unix milliseconds
	Source    string `json:"source"`               // the order or draw it was granted for
}

// expired reports whether the voucher is worth nothing any more.
func (v *Voucher) expired(now time.Time) bool {
	return v.ExpiresAt > 0 && now.UnixMilli() >= v.ExpiresAt
}

// newCode returns a code that nobody can guess: "<campaign>." and 128 random bits as 26 characters. It says what
// campaign it is of, as an order's id does, and nothing of when it was made.
func newCode(campaign string) string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the process instead
	code := make([]byte, 0, len(campaign)+1+idLength)
	code = append(append(code, campaign...), '.')
	return string(appendBase32(code, raw))
}

// ValidCode reports whether s can be the code of a voucher or of a link.
func ValidCode(s string) bool { return ValidOrderID(s) }

// grantEdits grants the shopper so many vouchers of a pool: the documents they become, and what is taken from the pool,
// so that it never grants more than the campaign file says. source is the order or draw they are for. It fails with
// not_found for a pool that the campaign does not have, and with pool_exhausted for one whose vouchers have expired.
func grantEdits(def *Campaign, pool string, count int64, shopper, source string, now time.Time) ([]edit, Take, error) {
	terms, ok := def.VoucherPools[pool]
	switch {
	case !ok:
		return nil, Take{}, Errorf(CodeNotFound, "the campaign has no voucher pool %q", pool)
	case count < 1 || count > maxGranted:
		return nil, Take{}, Errorf(CodeInvalid, "1 to %d vouchers can be granted at once, not %d", maxGranted, count)
	}
	content := Voucher{Pool: pool, Value: terms.Value, GrantedAt: now.UnixMilli(), Source: source}
	if !terms.Expires.IsZero() {
		content.ExpiresAt = terms.Expires.UnixMilli()
	}
	if content.expired(now) {
		return nil, Take{}, Errorf(CodePoolExhausted, "the vouchers of the pool %s have expired", pool)
	}
	edits := make([]edit, count)
	for i := range edits {
		d := Document{Kind: DocumentVoucher, ID: newCode(def.ID), Shopper: shopper}
		edits[i] = insert(d.write(VoucherGranted, content.ExpiresAt, content))
	}
	return edits, Take{Counter: PoolCounter(pool), Units: count}, nil
}

// voucherKeys returns the documents that redeeming the code has to load: the voucher, and what locks the shopper out.
func voucherKeys(code, shopper string) []DocumentKey {
	keys := []DocumentKey{{DocumentLockout, shopper}}
	if ValidCode(code) {
		keys = append(keys, DocumentKey{DocumentVoucher, code})
	}
	return keys
}

// voucherFor returns the facts of the voucher that a request of the shopper names. It fails with locked_out while the
// shopper is, whatever the code; with voucher_invalid for a code that does not exist, which is counted, or that is void;
// with voucher_expired; and with voucher_used while an order claims it. known holds the documents of [voucherKeys].
func (c *campaign) voucherFor(
	ctx context.Context, known *load, code, shopper string, now time.Time,
) (VoucherFacts, error) {
	if err := lockedOut(known.documents[DocumentKey{DocumentLockout, shopper}], now); err != nil {
		return VoucherFacts{}, err
	}
	facts, err := voucherFacts(known, code, now)
	if CodeOf(err) == CodeVoucherInvalid && known.documents[DocumentKey{DocumentVoucher, code}] == nil {
		return facts, c.wrongCode(ctx, known, code, shopper, err)
	}
	return facts, err
}

// voucherFacts is [campaign.voucherFor] for those who may ask without being counted.
func voucherFacts(known *load, code string, now time.Time) (VoucherFacts, error) {
	d := known.documents[DocumentKey{DocumentVoucher, code}]
	if d == nil {
		return VoucherFacts{}, Errorf(CodeVoucherInvalid, "there is no such voucher in this campaign")
	}
	v, err := read[Voucher](d)
	switch {
	case err != nil:
		return VoucherFacts{}, storeError(err)
	case d.State == VoucherVoid:
		return VoucherFacts{}, Errorf(CodeVoucherInvalid, "this voucher is void: the order that it was granted for was refunded")
	case known.claimed != nil:
		return VoucherFacts{}, Errorf(CodeVoucherUsed, "this voucher is in another order")
	case d.State == VoucherExpired || v.expired(now):
		return VoucherFacts{}, Errorf(CodeVoucherExpired, "this voucher's time is over")
	}
	return VoucherFacts{Code: code, Pool: v.Pool, Value: v.Value, State: VoucherGranted}, nil
}

// voucherDue moves a voucher whose time is over to its last state, once: what another node has done stays as it is.
func (c *campaign) voucherDue(ctx context.Context, d *Document) error {
	v, err := read[Voucher](d)
	if err != nil {
		return storeError(err)
	}
	if d.State != VoucherGranted || !v.expired(c.engine.now()) {
		return nil
	}
	return c.amend(ctx, edit{key: d.Key(), apply: func(current *Document) (*Document, error) {
		switch {
		case current == nil:
			return &Document{}, nil
		case current.State != VoucherGranted:
			return current, nil
		}
		return current.write(VoucherExpired, 0, v), nil
	}}, d)
}

// amend makes an edit that no ruleset decides, in the campaign's current batch and under whatever epoch is in force.
// known is the document as it was read, nil if there was none.
func (c *campaign) amend(ctx context.Context, e edit, known *Document) error {
	in := intent{edits: []edit{e}}
	if known != nil {
		in.documents = []*Document{known}
	}
	return c.amendAll(ctx, in)
}

// amendAll is amend for an intent with more than one edit, or with claims.
func (c *campaign) amendAll(ctx context.Context, decided intent) error {
	for range maxDecisions {
		in := &decided
		in.epoch = c.snapshot.Load().record.Epoch
		if err := c.submit(ctx, in); err != nil || in.verdict != verdictAgain {
			return err
		}
		c.view.outdate()
		if _, err := c.fetch(ctx, "", ""); err != nil { // follows the change that overtook it
			return err
		}
	}
	return storeError(ErrConflict)
}
