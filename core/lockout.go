package core

import (
	"context"
	"slices"
	"time"
)

const (
	// maxWrong is how many wrong voucher codes a shopper may try before the lockout.
	maxWrong = 5
	// lockoutWindow is how long a wrong code counts, and how long the lockout lasts.
	lockoutWindow = 15 * time.Minute
)

// LockoutKept is the only state of a lockout.
const LockoutKept = "kept"

// Lockout is the content of what a campaign remembers of a shopper's wrong voucher codes. It is written at wrong codes
// only, and it is the shopper's own: nobody can be locked out by what others try.
type Lockout struct {
	Wrong []WrongCode `json:"wrong"`           // of the last 15 minutes, the oldest first; each code once
	Until int64       `json:"until,omitempty"` // Unix milliseconds; no code is looked at before
}

// WrongCode is one code that does not exist. The same one again, as from a client that asks at every keystroke or tries
// again, is no other guess.
type WrongCode struct {
	At   int64  `json:"at"`   // Unix milliseconds
	Hash string `json:"hash"` // the first 16 bytes of its SHA-256, hex
}

// lockedOut returns the refusal of a shopper who tried too many codes; nil for others.
func lockedOut(d *Document, now time.Time) error {
	if d == nil {
		return nil
	}
	l, err := read[Lockout](d)
	if err != nil {
		return storeError(err)
	}
	return l.refusal(now)
}

func (l *Lockout) refusal(now time.Time) error {
	left := time.UnixMilli(l.Until).Sub(now)
	if left <= 0 {
		return nil
	}
	minutes := int64((left + time.Minute - 1) / time.Minute)
	refusal := Errorf(CodeLockedOut, "too many wrong voucher codes; try again in %d min, or order without a voucher", minutes)
	refusal.RetryAfter = left
	return refusal
}

// wrongCode counts a code that does not exist against the shopper and returns the refusal: the one given, or that of
// the lockout, if others of the shopper's requests have brought it about meanwhile.
func (c *campaign) wrongCode(ctx context.Context, known *load, code, shopper string, refusal error) error {
	wrong := wrongCodeEdit(shopper, fingerprint([]byte(code)), c.engine.now())
	if err := c.amend(ctx, wrong, known.documents[wrong.key]); err != nil {
		return err
	}
	return refusal
}

// wrongCodeEdit adds a wrong code, of which only the hash is kept. It refuses while the shopper is locked out, so that
// what is tried then neither counts nor makes it longer.
func wrongCodeEdit(shopper, hash string, now time.Time) edit {
	key := DocumentKey{DocumentLockout, shopper}
	return edit{key: key, apply: func(current *Document) (*Document, error) {
		l, d := &Lockout{}, &Document{Kind: key.Kind, ID: key.ID, Shopper: shopper}
		if current != nil {
			var err error
			if l, err = read[Lockout](current); err != nil {
				return nil, err
			}
			d = current
		}
		if err := l.refusal(now); err != nil {
			return nil, err
		}
		return d.write(LockoutKept, 0, l.with(hash, now.UnixMilli())), nil
	}}
}

// with returns the lockout after one more wrong code: as many as are too many lock, and are then forgotten.
func (l *Lockout) with(hash string, now int64) *Lockout {
	next := &Lockout{}
	for _, w := range l.Wrong {
		if w.Hash != hash && now-w.At < lockoutWindow.Milliseconds() {
			next.Wrong = append(next.Wrong, w)
		}
	}
	next.Wrong = append(slices.Clip(next.Wrong), WrongCode{At: now, Hash: hash})
	if len(next.Wrong) >= maxWrong {
		next.Wrong, next.Until = nil, now+lockoutWindow.Milliseconds()
	}
	return next
}
