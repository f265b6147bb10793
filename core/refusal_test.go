package core

import (
	"errors"
	"testing"
	"time"
)

func TestRefusalsNameTheirCause(t *testing.T) {
	now := time.UnixMilli(1356062400000)
	group := func(state string, closes int64, sku string) *Document {
		return (&Document{Kind: DocumentGroup, ID: "c.g"}).write(state, closes, Group{SKU: sku, Size: 2, ClosesAt: closes})
	}
	join := func(d *Document) error {
		_, err := mayJoin(d, "", "mi2", now.UnixMilli())
		return err
	}
	later, own := now.Add(time.Hour).UnixMilli(), "; open one of your own, or join another"
	locked := &Lockout{Until: now.Add(2*time.Minute + time.Second).UnixMilli()}
	for name, c := range map[string]struct {
		err  error
		code Code
		want string
	}{
		"a once-only key": {
			usedBefore(ClaimOnce, "seckill"), CodeAlreadyUsed,
			"this is possible once per shopper (seckill); an order of yours may hold it",
		},
		"a second seat": {
			usedBefore(ClaimGroup, "c.g"), CodeAlreadyUsed, "a shopper has one seat in a group, and an order of yours has it",
		},
		"a quota":                   {hasRunOut(QuotaCounter("trade-in")), CodeQuotaExhausted, "the quota trade-in has run out"},
		"a group that is not there": {join(nil), CodeGroupClosed, "there is no such group" + own},
		"a group that has failed":   {join(group(GroupFailed, later, "mi2")), CodeGroupClosed, "the group has ended" + own},
		"a group whose time is over": {
			join(group(GroupOpen, now.UnixMilli(), "mi2")), CodeGroupClosed, "the group has ended" + own,
		},
		"a group of another item": {join(group(GroupOpen, later, "mi3")), CodeGroupClosed, "the group is not for this order" + own},
		"a lockout, in minutes that are enough": {
			locked.refusal(now), CodeLockedOut, "too many wrong voucher codes; try again in 3 min, or order without a voucher",
		},
	} {
		e, ok := errors.AsType[*Error](c.err)
		if !ok || e.Code != c.code || e.Message != c.want {
			t.Errorf("%s is refused with %v, want %s: %s", name, c.err, c.code, c.want)
		}
	}
	if err := locked.refusal(now.Add(time.Hour)); err != nil {
		t.Errorf("a lockout that is over refuses: %v", err)
	}
}
