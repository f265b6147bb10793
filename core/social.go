package core

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSocialEvents is how many events a social source may send at once.
const maxSocialEvents = 1000

// SocialRepost is the kind of a social event: an account has reposted a link.
const SocialRepost = "repost"

// SocialEvent is what a social source says happened at it. It was signed by the source.
type SocialEvent struct {
	ID    string // the source's; an event counts once, however often it is sent
	Kind  string // SocialRepost
	Share string // the code of the link
	By    string // the account at the source; an account's repost of a link counts once
	At    int64  // Unix milliseconds, the source's; nothing depends on it
}

// SocialResult says what became of one event.
type SocialResult struct {
	ID      string
	Result  string // counted, repeated, unknown (there is no such link) or refused
	Code    Code   // why it was refused; draw_closed if it counted and would have entered a draw that is closed
	Entries int64  // the weight that it entered into draws
}

// socialRefused is the result of an event that did not count for the reason that its code says.
const socialRefused = "refused"

// Social counts the events of a source, at most maxSocialEvents, and answers each in its order. Every event counts once,
// and so does every account for a link: the same events may be sent again at any time. Events are durable when Social
// returns; if it fails, some of them may have been counted.
func (e *Engine) Social(ctx context.Context, source string, events []SocialEvent) ([]SocialResult, error) {
	if len(events) > maxSocialEvents || !isName(source) {
		return nil, Errorf(CodeInvalid, "a source with a name sends at most %d events at once", maxSocialEvents)
	}
	results, counts := make([]SocialResult, len(events)), make([]*count, len(events))
	wanted := map[string][]*count{}
	for i := range events {
		results[i].ID = events[i].ID
		if !events[i].valid() {
			results[i].Result, results[i].Code = socialRefused, CodeInvalid
			continue
		}
		if !ValidOrderID(events[i].Share) {
			results[i].Result = string(countUnknown)
			continue
		}
		counts[i] = events[i].count(source)
		id := CampaignOf(events[i].Share)
		wanted[id] = append(wanted[id], counts[i])
	}
	if err := e.countSocial(ctx, wanted); err != nil {
		return nil, err
	}
	for i, n := range counts {
		if n == nil {
			continue
		}
		if err := results[i].take(n); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// countSocial counts the events of each campaign.
func (e *Engine) countSocial(ctx context.Context, wanted map[string][]*count) error {
	for id, counts := range wanted {
		c, err := e.campaign(ctx, id)
		switch {
		case CodeOf(err) == CodeNotFound:
			for _, n := range counts {
				n.result = countUnknown
			}
			continue
		case err == nil:
			err = c.countAll(ctx, counts...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take takes in what became of the event. An error means that nobody can tell yet.
func (r *SocialResult) take(n *count) error {
	r.Result, r.Entries = string(n.result), n.entered
	if n.closed {
		r.Code = CodeDrawClosed
	}
	if n.err == nil {
		return nil
	}
	switch CodeOf(n.err) {
	case CodeUnavailable, CodeOverloaded, CodeStorageFull, CodeInternal:
		return storeError(n.err)
	}
	r.Result, r.Code, r.Entries = socialRefused, CodeOf(n.err), 0
	return nil
}

// valid reports whether the event has the shape of one, but for the link's code: one that can be none is unknown.
func (s *SocialEvent) valid() bool {
	return s.Kind == SocialRepost && isForeignID(s.ID) && isForeignID(s.By)
}

// isForeignID reports whether s may be another system's id: 1 to 128 bytes of text without control characters.
func isForeignID(s string) bool {
	return s != "" && len(s) <= maxName && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// count returns the event as one that may count. Its keys are in ranges of their own, which no shopper's id can name as
// they begin with a space, and each in another, so that what an event costs does not grow with the events before it.
func (s *SocialEvent) count(source string) *count {
	scope := " social/" + source + "/"
	return &count{code: s.Share, what: countRepost, claims: []Claim{
		{Shopper: scope + s.ID, Kind: ClaimSocial, Key: "event", Owner: s.Share},
		{Shopper: scope + s.By + "/" + s.Share, Kind: ClaimSocial, Key: "repost", Owner: s.Share},
	}}
}
