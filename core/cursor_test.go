package core_test

import (
	"strings"
	"testing"

	"hotdrop/core"
)

// TestACursorThatNoPageEndedWithIsRefused asks for pages behind ids that are no ids, of no campaign, and of nothing that
// is in the list.
func TestACursorThatNoPageEndedWithIsRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, nil, nil)
		for name, ask := range map[string]func(cursor string) error{
			"vouchers": func(cursor string) error { _, err := l.Vouchers(t.Context(), "ann", cursor, 10); return err },
			"orders":   func(cursor string) error { _, err := l.Orders(t.Context(), "ann", cursor, 10); return err },
			"inbox":    func(cursor string) error { _, err := l.Inbox(t.Context(), "ann", cursor, 10); return err },
		} {
			must(t, ask(""))
			for _, none := range []string{"x", "phone", "phone.", "gone." + strings.Repeat("0", 26), "phone." + strings.Repeat("U", 26)} {
				if err := ask(none); core.CodeOf(err) != core.CodeInvalid {
					t.Errorf("%s behind %q: %v", name, none, err)
				}
			}
		}
		_, err := l.Vouchers(t.Context(), "ann", "phone."+strings.Repeat("0", 26), 10)
		wantCode(t, err, core.CodeInvalid)
	})
}

// TestWhatStrangersSendInPlaceOfANameIsNoFailure sends what no store may be asked for: Postgres has no NUL in its texts, and
// none that is no UTF-8.
func TestWhatStrangersSendInPlaceOfANameIsNoFailure(t *testing.T) {
	staff := core.Principal{ID: "s", Role: core.RolePlatform}
	asks := map[string]func(l *life, odd string) error{
		"a cursor of vouchers": func(l *life, odd string) error {
			_, err := l.Vouchers(t.Context(), "ann", odd, 10)
			return err
		},
		"a cursor of orders": func(l *life, odd string) error {
			_, err := l.Orders(t.Context(), "ann", odd, 10)
			return err
		},
		"a cursor of the campaign's orders": func(l *life, odd string) error {
			_, err := l.StaffOrders(t.Context(), "phone", "", odd, 10, staff)
			return err
		},
		"a cursor of shoppers": func(l *life, odd string) error {
			_, err := l.Shoppers(t.Context(), "phone", "", odd, 10, staff)
			return err
		},
		"a cursor of the inbox": func(l *life, odd string) error {
			_, err := l.Inbox(t.Context(), "ann", odd, 10)
			return err
		},
		"a draw": func(l *life, odd string) error {
			_, err := l.Draw(t.Context(), "phone", odd)
			return err
		},
		"one's entry into a draw": func(l *life, odd string) error {
			_, err := l.DrawEntry(t.Context(), "phone", odd, aShopper("ann"))
			return err
		},
		"a draw's export": func(l *life, odd string) error {
			_, err := l.DrawExport(t.Context(), "phone", odd)
			return err
		},
		"a link that is opened": func(l *life, odd string) error {
			_, err := l.Visit(t.Context(), odd, aShopper("ann"))
			return err
		},
		"a link to reserve through": func(l *life, odd string) error {
			_, _, err := l.Reserve(t.Context(), "phone", aShopper("new"), odd)
			return err
		},
		"a link that is reposted": func(l *life, odd string) error {
			_, err := l.Social(t.Context(), "weibo", []core.SocialEvent{repost("e", "a", odd)})
			return err
		},
		"a group": func(l *life, odd string) error {
			_, err := l.Group(t.Context(), odd, core.Principal{})
			return err
		},
		"an order": func(l *life, odd string) error {
			_, err := l.Order(t.Context(), odd, "ann")
			return err
		},
		"an order for staff": func(l *life, odd string) error {
			_, err := l.StaffOrder(t.Context(), odd, staff)
			return err
		},
		"a voucher and a group to order with": func(l *life, odd string) error {
			req := redeem("ann", "k"+odd[:1], odd)
			req.Group = odd
			_, err := l.Quote(t.Context(), req)
			return err
		},
	}
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, nil, nil)
		for name, ask := range asks {
			t.Run(name, func(t *testing.T) {
				for _, odd := range []string{
					"phone.\x00\xff0000000000000000000000aa", "phone.\xff\xfe0000000000000000000000aa", "\x00", "\xff", "a\x00b", "phone/../%00",
				} {
					switch code := core.CodeOf(ask(l, odd)); code {
					case "", core.CodeInvalid, core.CodeNotFound, core.CodeVoucherInvalid, core.CodeGroupClosed, core.CodeNotInPhase,
						core.CodeLockedOut, core.CodeReservationRequired:
					default:
						t.Errorf("%q is %s", odd, code)
					}
				}
			})
		}
	})
}
