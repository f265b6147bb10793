package core_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// promotedCampaign is a proper campaign with everything that mechanics hand out and tell, within its bounds.
func promotedCampaign() *core.Campaign {
	c := properCampaign()
	c.VoucherPools["prize"] = core.VoucherPool{Count: core.MaxWinners, Expires: c.Phases.Closed.Add(time.Hour)}
	c.Draws = map[string]core.DrawTerms{
		"repost": {Title: core.Text{EN: "Ten phones"}, Closes: c.Phases.Closed, Winners: core.MaxWinners, Pool: "prize"},
		"badge":  {Title: core.Text{ZH: "徽章"}, Closes: c.Phases.Closed.Add(time.Hour), Winners: 1},
	}
	c.Deposits = core.DepositTerms{BalanceUntil: c.Phases.Closed.Add(720 * time.Hour), BalanceAt: core.BalanceDealer, Unpaid: core.UnpaidForfeit}
	c.Groups = core.GroupTerms{Offer: core.MaxOffer}
	c.Templates = map[string]core.Text{
		"soon":    {EN: strings.Repeat("x", core.MaxTemplate), ZH: "{campaign.sale_opens} 开抢"},
		"shipped": {EN: "{order.id} {quota.trade-in} {input.trade_in.brand} {config.hours} {data.note.0} {smile} { } {a b} {now} {"},
	}
	c.Reminders = []core.Reminder{
		{Template: "soon", At: c.Phases.Sale.Add(-time.Hour), To: core.ToReservers}, {Template: "shipped", At: c.Phases.Sale},
	}
	return c
}

func TestACampaignThatPromotesWithinItsBoundsIsValid(t *testing.T) {
	if err := promotedCampaign().Validate().Err(); err != nil {
		t.Error(err)
	}
}

// edited changes one value of a map of structs.
func edited[T any](all map[string]T, name string, change func(*T)) {
	one := all[name]
	change(&one)
	all[name] = one
}

func TestEveryRuleOfAPromotionNamesThePathThatBreaksIt(t *testing.T) {
	const name = "the name must be 1 to 63 letters, digits, _ and -, not only digits"
	type terms = core.DrawTerms
	for _, tc := range []struct {
		name   string
		change func(c *core.Campaign)
		want   string
	}{
		{"vouchers that expire before anything starts", func(c *core.Campaign) {
			edited(c.VoucherPools, "flyme-50", func(p *core.VoucherPool) { p.Expires = c.Phases.Teaser })
		}, "voucher_pools.flyme-50.expires: must be after the campaign's teaser starts: a voucher would never be worth anything"},
		{"a draw that is called 7", func(c *core.Campaign) { c.Draws["7"] = c.Draws["badge"] }, "draws.7: " + name},
		{"a draw without a title", func(c *core.Campaign) { edited(c.Draws, "badge", func(d *terms) { d.Title = core.Text{} }) }, "draws.badge.title: must not be empty"},
		{"a draw that never closes", func(c *core.Campaign) { edited(c.Draws, "badge", func(d *terms) { d.Closes = time.Time{} }) }, "draws.badge.closes: is required"},
		{"a draw that closes as the campaign starts", func(c *core.Campaign) {
			edited(c.Draws, "badge", func(d *terms) { d.Closes = c.Phases.Teaser })
		}, "draws.badge.closes: must be after the campaign's teaser starts: nobody could enter"},
		{"a draw without winners", func(c *core.Campaign) { edited(c.Draws, "badge", func(d *terms) { d.Winners = 0 }) }, "draws.badge.winners: must be between 1 and 10000, not 0"},
		{"a draw of too many winners", func(c *core.Campaign) { edited(c.Draws, "badge", func(d *terms) { d.Winners = 10_001 }) }, "draws.badge.winners: must be between 1 and 10000, not 10001"},
		{"a draw of another campaign's pool", func(c *core.Campaign) { edited(c.Draws, "badge", func(d *terms) { d.Pool = "prise" }) }, `draws.badge.pool: there is no voucher pool "prise" (did you mean prize?)`},
		{"a draw with fewer vouchers than winners", func(c *core.Campaign) {
			edited(c.VoucherPools, "prize", func(p *core.VoucherPool) { p.Count-- })
		}, "draws.repost.pool: the pool prize has 9999 vouchers for 10000 winners"},
		{"a draw of vouchers that are expired by then", func(c *core.Campaign) {
			edited(c.VoucherPools, "prize", func(p *core.VoucherPool) { p.Expires = c.Phases.Closed })
		}, "draws.repost.pool: the vouchers of prize expire before the draw closes"},
		{
			"a balance that is due before the last item closes", func(c *core.Campaign) { c.Deposits.BalanceUntil = c.Phases.Closed.Add(-1) },
			"deposits.balance_until: must not be before the last item closes, at 2014-04-03T13:00:00Z: its buyers could not pay the balance (an item can close earlier, by phases of its own)",
		},
		{"a balance paid nowhere", func(c *core.Campaign) { c.Deposits.BalanceAt = "deeler" }, "deposits.balance_at: must be online or dealer (did you mean dealer?)"},
		{"a deposit that becomes nothing", func(c *core.Campaign) { c.Deposits.Unpaid = "forfeited" }, "deposits.unpaid: must be forfeit or refund (did you mean forfeit?)"},
		{"an offer of less than a second", func(c *core.Campaign) { c.Groups.Offer = core.MinOffer - 1 }, "groups.offer: must be between 1s and 720h (30 days)"},
		{"a negative offer", func(c *core.Campaign) { c.Groups.Offer = -1 }, "groups.offer: must be between 1s and 720h (30 days)"},
		{"an offer beyond 30 days", func(c *core.Campaign) { c.Groups.Offer++ }, "groups.offer: must be between 1s and 720h (30 days)"},
		{"a template that is not a name", func(c *core.Campaign) { c.Templates["a b"] = core.Text{EN: "x"} }, "templates.a b: " + name},
		{"an empty template", func(c *core.Campaign) { c.Templates["x"] = core.Text{} }, "templates.x: must not be empty"},
		{"a template that is too long", func(c *core.Campaign) { edited(c.Templates, "soon", func(text *core.Text) { text.EN += "x" }) }, "templates.soon: must be at most 1000 characters"},
		{"a placeholder that is misspelled", func(c *core.Campaign) { c.Templates["x"] = core.Text{ZH: "单号 {order.trakcing}"} }, "templates.x: {order.trakcing} is neither a fact nor {data.<key>} (did you mean order.tracking?)"},
		{"a placeholder of no data", func(c *core.Campaign) { c.Templates["x"] = core.Text{EN: "{data.}"} }, "templates.x: {data.} is neither a fact nor {data.<key>}"},
		{"reminders of nobody", func(c *core.Campaign) { c.Phases.Reservation, c.Items[0].NeedsReservation = time.Time{}, false }, "reminders: nobody can reserve: the campaign has no reservation phase"},
		{"a reminder of a misspelled template", func(c *core.Campaign) { c.Reminders[0].Template = "son" }, `reminders[0].template: there is no template "son" (did you mean soon?)`},
		{"a reminder at no time", func(c *core.Campaign) { c.Reminders[1].At = time.Time{} }, "reminders[1].at: is required"},
		{"a reminder before anybody can reserve", func(c *core.Campaign) { c.Reminders[1].At = c.Phases.Reservation }, "reminders[1].at: must be after the reservation phase starts: nobody would be reminded"},
		{"a reminder twice", func(c *core.Campaign) { c.Reminders[1] = c.Reminders[0] }, "reminders[1]: is there twice"},
		{"a reminder to all", func(c *core.Campaign) { c.Reminders[1].To = "all" }, "reminders[1].to: must be reservers"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := promotedCampaign()
			tc.change(c)
			if got := c.Validate().Error(); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestACampaignPromotesOnlySoMuch(t *testing.T) {
	for _, tc := range []struct {
		name string
		most int
		fill func(c *core.Campaign, name string)
		size func(c *core.Campaign) int
		want string
	}{
		{"voucher pools", core.MaxPools, func(c *core.Campaign, name string) { c.VoucherPools[name] = core.VoucherPool{} },
			func(c *core.Campaign) int { return len(c.VoucherPools) }, "voucher_pools: must be at most 64 voucher pools, not 65"},
		{"draws", core.MaxDraws, func(c *core.Campaign, name string) { c.Draws[name] = c.Draws["badge"] },
			func(c *core.Campaign) int { return len(c.Draws) }, "draws: must be at most 64 draws, not 65"},
		{"templates", core.MaxTemplates, func(c *core.Campaign, name string) { c.Templates[name] = core.Text{EN: "x"} },
			func(c *core.Campaign) int { return len(c.Templates) }, "templates: must be at most 64 templates, not 65"},
		{"reminders", core.MaxReminders, func(c *core.Campaign, _ string) {
			last := c.Reminders[len(c.Reminders)-1]
			c.Reminders = append(c.Reminders, core.Reminder{Template: last.Template, At: last.At.Add(time.Second)})
		},
			func(c *core.Campaign) int { return len(c.Reminders) }, "reminders: must be at most 16 reminders, not 17"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := promotedCampaign()
			for i := 0; tc.size(c) < tc.most; i++ {
				tc.fill(c, fmt.Sprint("n", i))
			}
			if err := c.Validate().Err(); err != nil {
				t.Errorf("with %d: %v", tc.most, err)
			}
			tc.fill(c, "more")
			if got := c.Validate().Error(); got != tc.want {
				t.Errorf("with one more: %s, want %s", got, tc.want)
			}
		})
	}
}
