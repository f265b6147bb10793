package api

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Limit is a token bucket: Requests in the time Per on average, and Burst at once, which are there again once nothing was
// asked for Burst/Requests of that time. The zero value limits nothing. Its text is "10/s,burst 20", "600/m" (whose burst
// is 600) or "off".
type Limit struct {
	Requests int64
	Per      time.Duration // a second, a minute or an hour
	Burst    int64
}

// Limits are the token buckets of one node. Each node counts what it sees itself: behind a balancer that spreads evenly
// over n nodes, n times as much gets through.
type Limits struct {
	Shopper  Limit // requests of one shopper
	Staff    Limit // requests of one person of the staff, whichever of the person's keys they come with
	Address  Limit // requests from one IPv4 address, or one /64 of IPv6
	Campaign Limit // orders asked for in one campaign
}

// DefaultLimits are those of a node that nobody told otherwise. A shopper who looks, orders and pays sends some ten
// requests within seconds and then a few a minute; a script that asks again and again sends more than ten a second for
// long. An address may be that of a carrier behind which thousands order in the same second.
func DefaultLimits() Limits {
	return Limits{
		Shopper: Limit{Requests: 10, Per: time.Second, Burst: 40},
		Staff:   Limit{Requests: 50, Per: time.Second, Burst: 500},
		Address: Limit{Requests: 2_000, Per: time.Second, Burst: 20_000},
	}
}

// DemoLimits are those of demo mode, where everybody comes from one address and scripts are welcome.
func DemoLimits() Limits {
	return Limits{
		Shopper: Limit{Requests: 200, Per: time.Second, Burst: 2_000},
		Staff:   Limit{Requests: 1_000, Per: time.Second, Burst: 10_000},
	}
}

// The bounds of a limit: as often as a nanosecond clock can count, and no longer than a day until it is whole again.
const (
	leastInterval = time.Microsecond
	mostWhole     = 24 * time.Hour
)

var limitPattern = regexp.MustCompile(`^([1-9][0-9]{0,9})/(s|m|h)(?:, ?burst ([1-9][0-9]{0,9}))?$`)

// UnmarshalText reads the limit.
func (l *Limit) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*l = Limit{}
		return nil
	}
	parts := limitPattern.FindStringSubmatch(string(text))
	if parts == nil {
		return fmt.Errorf("%q is no limit: write it as 10/s, 600/m or 1000/h, with the most at once as in 10/s,burst 20; or off", text)
	}
	var read Limit
	read.Requests, _ = strconv.ParseInt(parts[1], 10, 64) // digits, few enough
	read.Per = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[parts[2]]
	if read.Burst = read.Requests; parts[3] != "" {
		read.Burst, _ = strconv.ParseInt(parts[3], 10, 64)
	}
	if read.interval() < leastInterval || read.Burst > int64(mostWhole/read.interval()) {
		return fmt.Errorf("%q is no limit: it allows at most %d/s, and takes at most a day to allow its burst again",
			text, time.Second/leastInterval)
	}
	*l = read
	return nil
}

// MarshalText writes the limit as UnmarshalText reads it.
func (l Limit) MarshalText() ([]byte, error) {
	if l.Requests == 0 {
		return []byte("off"), nil
	}
	unit := map[time.Duration]string{time.Second: "s", time.Minute: "m", time.Hour: "h"}[l.Per]
	return fmt.Appendf(nil, "%d/%s,burst %d", l.Requests, unit, l.Burst), nil
}

// interval is the time between two requests on average.
func (l Limit) interval() time.Duration { return l.Per / time.Duration(l.Requests) }
