package core

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of what a campaign file says of vouchers, draws, groups and messages.
const (
	MaxPools     = 64
	MaxDraws     = 64
	MaxWinners   = 10_000 // of one draw
	MaxTemplates = 64
	MaxTemplate  = 1_000 // characters of a template in each language
	MaxReminders = 16
	MinOffer     = Duration(time.Second)
	MaxOffer     = Duration(30 * 24 * time.Hour)
)

// ToReservers is who reminders are for: everyone who reserved before the reminder's time. It is the default.
const ToReservers = "reservers"

// promotions checks what mechanics hand out and what shoppers are told.
func (v *validation) promotions() {
	v.pools()
	v.draws()
	v.deposits()
	v.offer()
	v.templates()
	v.reminders()
}

// atMost holds the number of a file's named things against its bound; false when there are too many to look at.
func (v *validation) atMost(path string, n, most int) bool {
	if n > most {
		v.problems.Add(path, "must be at most %d %s, not %d", most, strings.ReplaceAll(path, "_", " "), n)
	}
	return n <= most
}

func (v *validation) pools() {
	if !v.atMost("voucher_pools", len(v.campaign.VoucherPools), MaxPools) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(v.campaign.VoucherPools)) {
		path, pool := "voucher_pools."+name, v.campaign.VoucherPools[name]
		v.name(path, name)
		v.upTo(path+".count", pool.Count, MaxUnits)
		v.upTo(path+".value", pool.Value, MaxAmount)
		v.notBeforeStart(path+".expires", pool.Expires, "a voucher would never be worth anything")
	}
}

// notBeforeStart checks that a moment that is set comes after the campaign's first phase starts.
func (v *validation) notBeforeStart(path string, at time.Time, why string) {
	starts := v.campaign.Phases.starts()
	if len(starts) > 0 && !at.IsZero() && !at.After(starts[0].at) {
		v.problems.Add(path, "must be after the campaign's %s starts: %s", starts[0].phase, why)
	}
}

func (v *validation) draws() {
	if !v.atMost("draws", len(v.campaign.Draws), MaxDraws) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(v.campaign.Draws)) {
		v.name("draws."+name, name)
		v.draw("draws."+name, v.campaign.Draws[name])
	}
}

func (v *validation) draw(path string, d DrawTerms) {
	v.title(path+".title", d.Title)
	if d.Closes.IsZero() {
		v.problems.Add(path+".closes", "is required")
	}
	v.notBeforeStart(path+".closes", d.Closes, "nobody could enter")
	if d.Winners < 1 || d.Winners > MaxWinners {
		v.problems.Add(path+".winners", "must be between 1 and %d, not %d", MaxWinners, d.Winners)
	}
	if d.Pool != "" {
		v.prizes(path, d)
	}
}

// prizes checks the pool that a draw's winners are granted their vouchers from.
func (v *validation) prizes(path string, d DrawTerms) {
	pool, known := v.campaign.VoucherPools[d.Pool]
	switch {
	case !known:
		hint := didYouMean(d.Pool, slices.Sorted(maps.Keys(v.campaign.VoucherPools)))
		v.problems.addHint(path+".pool", hint, "there is no voucher pool %q", d.Pool)
	case pool.Count < d.Winners:
		v.problems.Add(path+".pool", "the pool %s has %d vouchers for %d winners", d.Pool, pool.Count, d.Winners)
	case !pool.Expires.IsZero() && !pool.Expires.After(d.Closes):
		v.problems.Add(path+".pool", "the vouchers of %s expire before the draw closes", d.Pool)
	}
}

func (v *validation) deposits() {
	d := v.campaign.Deposits
	if closes := v.lastClose(); !d.BalanceUntil.IsZero() && d.BalanceUntil.Before(closes) {
		v.problems.addHint("deposits.balance_until", "an item can close earlier, by phases of its own",
			"must not be before the last item closes, at %s: its buyers could not pay the balance", closes.Format(time.RFC3339))
	}
	places := []BalanceAt{BalanceOnline, BalanceDealer}
	if d.BalanceAt != "" && !slices.Contains(places, d.BalanceAt) {
		v.problems.addHint("deposits.balance_at", didYouMean(d.BalanceAt, places), "must be online or dealer")
	}
	policies := []Unpaid{UnpaidForfeit, UnpaidRefund}
	if d.Unpaid != "" && !slices.Contains(policies, d.Unpaid) {
		v.problems.addHint("deposits.unpaid", didYouMean(d.Unpaid, policies), "must be forfeit or refund")
	}
}

// lastClose is when the last item closes.
func (v *validation) lastClose() time.Time {
	var last time.Time
	for i := range v.campaign.Items {
		if closes := v.campaign.Window(&v.campaign.Items[i]).Closed; closes.After(last) {
			last = closes
		}
	}
	return last
}

func (v *validation) offer() {
	offer := v.campaign.Groups.Offer
	if offer != 0 && (offer < MinOffer || offer > MaxOffer) {
		v.problems.Add("groups.offer", "must be between 1s and 720h (30 days)")
	}
}

func (v *validation) templates() {
	if !v.atMost("templates", len(v.campaign.Templates), MaxTemplates) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(v.campaign.Templates)) {
		path, text := "templates."+name, v.campaign.Templates[name]
		v.name(path, name)
		if text.IsZero() {
			v.problems.Add(path, "must not be empty")
		}
		for _, language := range []string{text.EN, text.ZH} {
			v.template(path, language)
		}
	}
}

// template checks one language of a template.
func (v *validation) template(path, text string) {
	if utf8.RuneCountInString(text) > MaxTemplate {
		v.problems.Add(path, "must be at most %d characters", MaxTemplate)
	}
	for name := range placeholders(text) {
		if !knownPlaceholder(name) && !v.problems.full() {
			v.problems.addHint(path, hintFor(v.problems, name, FactPaths()), "{%s} is neither a fact nor {data.<key>}", name)
		}
	}
}

func (v *validation) reminders() {
	if !v.atMost("reminders", len(v.campaign.Reminders), MaxReminders) {
		return
	}
	if len(v.campaign.Reminders) > 0 && v.campaign.Phases.Reservation.IsZero() {
		v.problems.Add("reminders", "nobody can reserve: the campaign has no reservation phase")
	}
	for i, r := range v.campaign.Reminders {
		path := fmt.Sprintf("reminders[%d]", i)
		v.reminder(path, r)
		same := func(other Reminder) bool { return other.Template == r.Template && other.At.Equal(r.At) }
		if slices.IndexFunc(v.campaign.Reminders, same) != i {
			v.problems.Add(path, "is there twice")
		}
	}
}

func (v *validation) reminder(path string, r Reminder) {
	if _, known := v.campaign.Templates[r.Template]; !known {
		hint := didYouMean(r.Template, slices.Sorted(maps.Keys(v.campaign.Templates)))
		v.problems.addHint(path+".template", hint, "there is no template %q", r.Template)
	}
	switch opens := v.campaign.Phases.Reservation; {
	case r.At.IsZero():
		v.problems.Add(path+".at", "is required")
	case !r.At.After(opens):
		v.problems.Add(path+".at", "must be after the reservation phase starts: nobody would be reminded")
	}
	if r.To != "" && r.To != ToReservers {
		v.problems.addHint(path+".to", didYouMean(r.To, []string{ToReservers}), "must be %s", ToReservers)
	}
}
