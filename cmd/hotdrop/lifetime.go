package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/core"
)

// lifetime is a flag: a duration that may also be given in days, such as 90d.
type lifetime time.Duration

// day is what a lifetime counts in where it can.
const day = 24 * time.Hour

// String returns the current value, in days if they are whole ones; "" for none.
func (l *lifetime) String() string {
	switch d := time.Duration(*l); {
	case d == 0:
		return ""
	case d%day == 0:
		return strconv.Itoa(int(d/day)) + "d"
	default:
		return d.String()
	}
}

// Type names the value in the help.
func (*lifetime) Type() string { return "duration" }

var errLifetime = errors.New("must be a time such as 90d, 12h or 30m")

// Set reads a duration, or a whole number of days.
func (l *lifetime) Set(text string) error {
	if days, found := strings.CutSuffix(text, "d"); found {
		n, err := strconv.ParseUint(days, 10, 16) // more days than a duration holds are refused here
		if err != nil {
			return errLifetime
		}
		*l = lifetime(time.Duration(n) * day)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d%time.Second != 0 {
		return errLifetime
	}
	*l = lifetime(d)
	return nil
}

func (l *lifetime) seconds() int64 { return int64(time.Duration(*l) / time.Second) }

// registerKeys registers the flag of commands that make API keys, in the same words for all of them.
func (l *lifetime) registerKeys(cmd *cobra.Command) {
	cmd.Flags().Var(l, "ttl", "how long the API key works, such as 90d, 12h or 30m; a minute at least, 400d at most")
}

// checkKeys refuses a lifetime that no API key may have.
func (l *lifetime) checkKeys() error {
	if d := time.Duration(*l); d < time.Minute || d > core.MaxStaffKeyTTL {
		return usageError{errors.New("--ttl: an API key works for a minute at least, and for 400 days at most")}
	}
	return nil
}
