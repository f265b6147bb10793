package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"hotdrop/api"
	"hotdrop/core"
)

// join has an end that was given as a time from now be the end that others have said, where it is nearly that one and the
// campaigns are theirs: two people who type the same line one after the other agree. Where the end is another one it says what
// is proposed, and how one agrees to that.
func (r *reviewing) join(body *approvalBody, p *api.Plugin, talk io.Writer) {
	said := saidTerms(p)
	now := time.Now()
	if body.ExpiresAt == nil || said == nil || !said.ExpiresAt.After(now) || said.ExpiresAt.Equal(*body.ExpiresAt) {
		return
	}
	if r.fromNow() && body.names(said.Campaigns) && nearEnd(*body.ExpiresAt, said.ExpiresAt, now) {
		_, _ = fmt.Fprintf(talk, "others have said until %s: that end is taken\n", utc(said.ExpiresAt))
		at := said.ExpiresAt
		body.ExpiresAt = &at
		return
	}
	if p.State == core.PluginVetted || p.Proposed != nil {
		_, _ = fmt.Fprintf(talk, "proposed is %s: leave out --campaign, --all-campaigns and --expires to agree to that\n", termsText(p, said))
	}
}

// saidTerms are the terms that an approval joins: those that are proposed, else those that people have approved; nil for none.
func saidTerms(p *api.Plugin) *api.PluginTerms {
	if p.Proposed != nil {
		return &p.Proposed.Terms
	}
	return p.Terms
}

// fromNow reports whether the end was given as a time from now, and not as an instant.
func (r *reviewing) fromNow() bool {
	_, err := time.Parse(time.RFC3339, r.expires)
	return err != nil
}

// names reports whether the approval is for just these campaigns; none are all of the brand.
func (b *approvalBody) names(campaigns []string) bool {
	if b.Campaigns == nil {
		return true // they are whatever others have said
	}
	return slices.Equal(slices.Compact(slices.Sorted(slices.Values(*b.Campaigns))), campaigns)
}

// nearEnd reports whether the end that was asked for is so near to the one that others have said that both mean the same: within
// an hour or a hundredth of the time, but never more than a tenth of it.
func nearEnd(asked, said, now time.Time) bool {
	long := asked.Sub(now)
	return asked.Sub(said).Abs() <= min(max(time.Hour, long/100), long/10)
}
