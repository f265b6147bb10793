package core

import (
	"context"
)

// ShareActive is the only state of a link.
const ShareActive = "active"

// Share is the content of a shopper's link: what came of it.
type Share struct {
	Reposts      int64 `json:"reposts"`      // accounts that reposted it
	Visitors     int64 `json:"visitors"`     // other shoppers who came through it
	Reservations int64 `json:"reservations"` // other shoppers who reserved through it
	MadeAt       int64 `json:"made_at"`      // Unix milliseconds
	// Heard is how many notifications these brought the link's owner; beyond a bound there are no more, and it stays.
	Heard int64 `json:"heard,omitempty"`
}

// What a link counts: the values of the fact shares.counted.
const (
	countRepost      = "repost"
	countVisitor     = "visitor"
	countReservation = "reservation"
)

// count returns the share after one more of what is counted.
func (s *Share) count(what string) Share {
	next := *s
	switch what {
	case countRepost:
		next.Reposts++
	case countVisitor:
		next.Visitors++
	case countReservation:
		next.Reservations++
	}
	return next
}

// ShareView is a shopper's link as its owner sees it.
type ShareView struct {
	Share

	Campaign string
	Code     string // what others come through: "<campaign>.<26 characters>"
}

// Share returns the shopper's link in the campaign, and makes it if there is none (created). A shopper has one link per
// campaign, so it needs no Idempotency-Key. It is durable when Share returns.
func (e *Engine) Share(ctx context.Context, campaignID string, shopper Principal) (view ShareView, created bool, err error) {
	c, err := e.shopperCampaign(ctx, campaignID, &shopper)
	if err != nil {
		return ShareView{}, false, err
	}
	for range maxDecisions {
		known, err := c.shareOf(ctx, shopper.ID)
		if err != nil {
			return ShareView{}, false, err
		}
		if known != nil {
			return *known, false, nil
		}
		made := ShareView{Campaign: c.id, Code: newCode(c.id), Share: Share{MadeAt: c.engine.now().UnixMilli()}}
		in := c.openShare(&made, shopper.ID)
		if err := c.submit(ctx, in); err != nil {
			return ShareView{}, false, err
		}
		if in.verdict == verdictWrite {
			return made, true, nil
		}
		c.view.outdate() // of another epoch, or the link of another request is there by now
	}
	return ShareView{}, false, storeError(ErrConflict)
}

// shareOf returns the shopper's link, nil if there is none.
func (c *campaign) shareOf(ctx context.Context, shopper string) (*ShareView, error) {
	loaded, err := c.fetch(ctx, shopper, "")
	if err != nil {
		return nil, err
	}
	claim := loaded.state.claim(ClaimShare, "")
	if claim == nil {
		return nil, nil //nolint:nilnil // no link is an answer
	}
	d, err := c.share(ctx, claim.Owner)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, &Error{Code: CodeInternal, Message: "the link of this shopper is missing"}
	}
	content, err := read[Share](d)
	if err != nil {
		return nil, storeError(err)
	}
	return &ShareView{Campaign: c.id, Code: d.ID, Share: *content}, nil
}

// share loads a link's document, nil if there is none.
func (c *campaign) share(ctx context.Context, code string) (*Document, error) {
	key := DocumentKey{DocumentShare, code}
	loaded, err := c.fetchAll(ctx, &load{wanted: []DocumentKey{key}})
	if err != nil {
		return nil, err
	}
	return loaded.documents[key], nil
}

// openShare returns the intent that makes the link.
func (c *campaign) openShare(made *ShareView, shopper string) *intent {
	d := Document{Kind: DocumentShare, ID: made.Code, Shopper: shopper}
	return &intent{
		epoch:  c.snapshot.Load().record.Epoch,
		claims: []Claim{{Shopper: shopper, Kind: ClaimShare, Owner: made.Code}},
		edits:  []edit{insert(d.write(ShareActive, 0, made.Share))},
	}
}

// Visit counts that the visitor came through the link, once, and reports whether that made it count. One's own link is
// refused with own_link. Beyond maxVisits links per visitor and campaign nothing counts any more.
func (e *Engine) Visit(ctx context.Context, code string, visitor Principal) (counted bool, err error) {
	c, err := e.shopperCampaign(ctx, CampaignOf(code), &visitor)
	if CodeOf(err) == CodeNotFound {
		return false, noLink(code)
	}
	if err != nil {
		return false, err
	}
	n := &count{code: code, what: countVisitor, visitor: visitor.ID, claims: []Claim{
		{Shopper: visitor.ID, Kind: ClaimVisit, Key: code, Owner: code},
	}}
	if err := c.countAll(ctx, n); err != nil {
		return false, err
	}
	switch n.result {
	case countUnknown:
		return false, noLink(code)
	case countOwn:
		return false, Errorf(CodeOwnLink, "this is your own link: only others count")
	default:
		return n.result == countDone, n.err
	}
}

func noLink(code string) error { return Errorf(CodeNotFound, "there is no link %q", code) }

// reservationThrough returns what makes the visitor's reservation count for the owner of the link: a task, written with
// the reservation. So nobody who reserves has to wait for the others of a link that thousands come through. One's own
// link counts nothing, and a link that does not exist is not_found.
func (c *campaign) reservationThrough(ctx context.Context, code, visitor string) ([]edit, error) {
	if CampaignOf(code) != c.id {
		return nil, noLink(code)
	}
	d, err := c.share(ctx, code)
	switch {
	case err != nil:
		return nil, err
	case d == nil:
		return nil, noLink(code)
	case d.Shopper == visitor:
		return nil, nil
	}
	return []edit{insert(newTask(Task{What: taskShare, Subject: code}, visitor, c.engine.now()))}, nil
}

// workShare counts the reservation that a task asks for; the task goes in the transaction that counts. Its error is what
// the task is tried again for.
func (c *campaign) workShare(ctx context.Context, d *Document, t *Task) error {
	n := &count{code: t.Subject, what: countReservation, edits: []edit{finish(d.Key())}, documents: []*Document{d}}
	if err := c.countAll(ctx, n); err != nil {
		return err
	}
	if n.result == countUnknown {
		return Errorf(CodeInternal, "the link %s is missing", t.Subject)
	}
	return n.err
}

// shareFacts are the facts of a shopper's link, from the shopper's documents.
func shareFacts(documents []*Document) SharesFacts {
	for _, d := range documents {
		if d.Kind != DocumentShare {
			continue
		}
		if content, err := read[Share](d); err == nil {
			return content.facts("")
		}
	}
	return SharesFacts{}
}

func (s *Share) facts(counted string) SharesFacts {
	return SharesFacts{Reposts: s.Reposts, Visitors: s.Visitors, Reservations: s.Reservations, Counted: counted}
}
