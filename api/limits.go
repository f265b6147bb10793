package api

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"hotdrop/core"
)

// How many buckets a node keeps. Whoever's bucket is whole needs no place: only those who asked within the last seconds do.
const (
	shopperPlaces  = 1 << 18
	addressPlaces  = 1 << 16
	staffPlaces    = 1 << 12
	campaignPlaces = 1 << 10
)

// limiter keeps to the limits. An address is asked for before anything else is looked at, so that it costs next to nothing to
// refuse; who asks is, as soon as it is known; a campaign is after that, so that nobody without credentials, and nobody who
// asks too often, uses up what all shoppers of a campaign share. A shopper of another brand cannot order there, and does not
// either; campaigns that do not exist take no places.
type limiter struct {
	address, shopper, staff, campaign *policy // nil for what is not limited
	sells                             func(campaign string, shopper *core.Principal) bool
	proxies                           *Proxies
	log                               *slog.Logger
	warned                            sync.Once
}

// policy is a limit as clients read about it.
type policy struct {
	*buckets

	name      string
	announced []string // the value of RateLimit-Policy
	always    bool     // every answer says what is left, and not only those of whoever is running short
	detail    string
	refused   atomic.Int64
}

func newLimiter(limits Limits, proxies *Proxies, log *slog.Logger, now func() int64) *limiter {
	made := func(name string, limit Limit, places int, detail string) *policy {
		if limit.Requests == 0 {
			return nil
		}
		b := newBuckets(limit, places, now)
		window := time.Duration(b.whole)
		announced := fmt.Sprintf("%q;q=%d;w=%d", name, limit.Burst, wholeSeconds(window))
		return &policy{buckets: b, name: name, announced: []string{announced}, detail: detail}
	}
	l := &limiter{
		address:  made("address", limits.Address, addressPlaces, "too many requests come from this address"),
		shopper:  made("shopper", limits.Shopper, shopperPlaces, "you send requests too quickly"),
		staff:    made("staff", limits.Staff, staffPlaces, "you send requests too quickly, with all of your keys together"),
		campaign: made("campaign", limits.Campaign, campaignPlaces, "more orders are asked for in this campaign than it takes at once"),
		proxies:  proxies, log: log,
	}
	if l.staff != nil {
		l.staff.always = true
	}
	return l
}

// since returns a clock that counts the nanoseconds from now on and never goes back.
func since(start time.Time) func() int64 {
	return func() int64 { return int64(time.Since(start)) }
}

// wholeSeconds rounds up; there is no time shorter than a second in headers.
func wholeSeconds(d time.Duration) int64 { return max(1, int64((d+time.Second-1)/time.Second)) }

// addresses lets requests through to next as often as the address that they come from may send them.
func (l *limiter) addresses(next http.Handler) http.Handler {
	if l.address == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.address.admit(w, r, l.addressKey(r)) {
			next.ServeHTTP(w, r)
			return
		}
		if l.relayed(r) {
			l.warned.Do(func() {
				l.log.WarnContext(r.Context(), "an address sends too many requests that say where they really come from; "+
					"if it is your proxy, name it in --trusted-proxies", "address", r.RemoteAddr)
			})
		}
	})
}

// relayed reports whether a request that was counted for its peer says that it comes from somewhere else.
func (l *limiter) relayed(r *http.Request) bool {
	said := r.Header["X-Forwarded-For"] != nil || r.Header["Forwarded"] != nil
	return said && !l.proxies.trust(peerAddress(r.RemoteAddr))
}

// addressKey is the key of a request's address. Who has one address of IPv6 has 2^64 of them.
func (l *limiter) addressKey(r *http.Request) uint64 {
	bytes := l.proxies.clientAddress(r).As16()
	const network = 8 // the bytes of a /64; of an IPv4 address they are always the same
	if bytes[0] == 0 && binary.BigEndian.Uint64(bytes[:network]) == 0 {
		return maphash.Bytes(l.address.seed, bytes[:])
	}
	return maphash.Bytes(l.address.seed, bytes[:network])
}

// principals lets requests through to next as often as whoever asks may ask, and orders as often as their campaign takes
// them. It stands behind authentication.
func (l *limiter) principals(next http.Handler) http.Handler {
	if l.shopper == nil && l.staff == nil && l.campaign == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := r.Context().Value(principalKey{}).(*core.Principal)
		if p == nil || l.allows(w, r, p) {
			next.ServeHTTP(w, r)
		}
	})
}

func (l *limiter) allows(w http.ResponseWriter, r *http.Request, p *core.Principal) bool {
	policy := l.policyOf(p.Role)
	if policy != nil && !policy.admit(w, r, policy.personKey(p)) {
		return false
	}
	if l.campaign == nil || p.Role != core.RoleShopper {
		return true
	}
	asks, campaign := askOf(r)
	if asks != asksOrder || !l.sells(campaign, p) { // which the engine answers with not_found
		return true
	}
	return l.campaign.admit(w, r, maphash.String(l.campaign.seed, campaign))
}

// policyOf is the policy of those who have the role. Sources of social events are limited by their addresses only: what they
// report is counted, not how often.
func (l *limiter) policyOf(role core.Role) *policy {
	switch role {
	case core.RoleShopper:
		return l.shopper
	case roleSource:
		return nil
	default:
		return l.staff
	}
}

// personKey is the key of a principal. Two brands may have given the same id to different people.
func (p *policy) personKey(who *core.Principal) uint64 {
	return maphash.String(p.seed, who.ID) + 31*maphash.String(p.seed, who.Brand)
}

// admit takes a token for the request, or answers it with rate_limited.
func (p *policy) admit(w http.ResponseWriter, r *http.Request, key uint64) bool {
	t := p.take(key)
	if t.allowed {
		if p.always || 2*t.left < p.burst {
			p.announce(w.Header(), t)
		}
		return true
	}
	p.refused.Add(1)
	problem := newProblem(CodeRateLimited, p.detail)
	problem.retryAfter = t.wait
	secure(w.Header(), true, r.TLS != nil)
	p.announce(w.Header(), t)
	problem.write(w)
	return false
}

// announce says what is left, as draft-ietf-httpapi-ratelimit-headers has it: r requests now, and t seconds until there are
// as many as the policy has or, if there is none now, until there is one.
func (p *policy) announce(header http.Header, t taking) {
	reset := t.whole
	if !t.allowed {
		reset = t.wait
	}
	b := make([]byte, 0, 40)
	b = append(append(append(b, '"'), p.name...), `";r=`...)
	b = append(strconv.AppendInt(b, t.left, 10), ";t="...)
	header["Ratelimit-Policy"] = p.announced
	header["Ratelimit"] = []string{string(strconv.AppendInt(b, wholeSeconds(reset), 10))}
}
