package core

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// queueTicket is what a queue token says: its shopper was let in at a place, and may order until it expires.
type queueTicket struct {
	place   int64
	expires int64 // Unix milliseconds
}

// tokenVersion begins every token.
const tokenVersion = "q1"

// token signs the ticket for the shopper: "q1.<place>.<expiry>.<MAC>". Campaign and shopper are in the MAC alone, whose key
// every node has from the room's document.
func (r *storedRoom) token(campaign, shopper string, t queueTicket) string {
	text := tokenVersion + "." + strconv.FormatInt(t.place, 10) + "." + strconv.FormatInt(t.expires, 10)
	return text + "." + base64.RawURLEncoding.EncodeToString(r.mac(text, campaign, shopper))
}

func (r *storedRoom) mac(text, campaign, shopper string) []byte {
	keyed := hmac.New(sha256.New, r.secret)
	_, _ = keyed.Write([]byte("queue token\n" + campaign + "\n" + text + "\n" + shopper)) // a hash never fails
	return keyed.Sum(nil)
}

// ticketOf returns what the token says, and whether it was made for the shopper.
func (r *storedRoom) ticketOf(token, campaign, shopper string) (t queueTicket, ok bool) {
	text, signature, _ := cutLast(token, ".")
	mac, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil || !hmac.Equal(mac, r.mac(text, campaign, shopper)) {
		return queueTicket{}, false
	}
	parts := strings.Split(text, ".") // this program has signed it
	if len(parts) != 3 || parts[0] != tokenVersion {
		return queueTicket{}, false
	}
	place, placeErr := strconv.ParseInt(parts[1], 10, 64)
	expires, expiresErr := strconv.ParseInt(parts[2], 10, 64)
	return queueTicket{place, expires}, placeErr == nil && expiresErr == nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func tokenRequired() error {
	return Errorf(CodeQueueTokenRequired, "this campaign has a waiting room: join it, and send the Queue-Token that it gives")
}

func tokenInvalid() error {
	return Errorf(CodeQueueTokenInvalid, "this queue token was not given to you for this campaign")
}

func tokenExpired() error {
	return Errorf(CodeQueueTokenInvalid, "this queue token has expired; join the waiting room again")
}

func tokenUsed() error {
	return Errorf(CodeQueueTokenInvalid, "this queue token has let an order in already; join the waiting room again")
}

// checkTicket returns the claim that lets the order in, whose key is empty if it needs none: before the sale, in place of an
// order, and where there is no waiting room. late lets an expired token pass: a retry of what was placed in time.
func (c *campaign) checkTicket(ctx context.Context, def *Campaign, req *OrderRequest, now time.Time, late bool) (Claim, error) {
	if req.Replaces != "" || !def.needsTicket(now) {
		return Claim{}, nil
	}
	if req.QueueToken == "" {
		return Claim{}, tokenRequired()
	}
	room := c.waiting.room.Load()
	if room == nil {
		if err := c.waiting.attend(ctx); err != nil {
			return Claim{}, err
		}
		room = c.waiting.room.Load()
	}
	t, ok := room.ticketOf(req.QueueToken, c.id, req.Shopper.ID)
	if !ok {
		return Claim{}, tokenInvalid()
	}
	if !late && now.UnixMilli() >= t.expires {
		return Claim{}, tokenExpired()
	}
	return Claim{Shopper: req.Shopper.ID, Kind: ClaimQueue, Key: strconv.FormatInt(t.place, 10)}, nil
}

// letIn attaches to a decided order the claim that lets it in.
func (c *campaign) letIn(ctx context.Context, in *intent, q *quoted, req *OrderRequest, known *load) error {
	claim, err := c.checkTicket(ctx, q.snapshot.definition(), req, q.now, false)
	if err != nil || claim.Key == "" {
		return err
	}
	if known.state.claim(ClaimQueue, claim.Key) != nil {
		return tokenUsed()
	}
	in.ticket = claim
	in.ticket.Owner = in.order.ID
	return nil
}
