package event

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"hotdrop/core"
)

// The names of the sales.
const (
	Phone   = "phone"
	TradeIn = "trade-in"
	Car     = "car"
	Group   = "group"
)

// usualConnections is how many connections a replay has.
const usualConnections = 256

// figures are a sale's: as the platform published them, or, of the group-buy, assumed.
type figures struct {
	name         string
	shoppers     int
	reservations int // shoppers who sign up; 0 where that is no figure of its own
	reposts      int
	units        int
	play         func(context.Context, *runner) error
}

// sales lists the sales that can be replayed.
func sales() []figures {
	return []figures{
		{name: Phone, shoppers: 240_000, reservations: 1_300_000, reposts: 300_000, units: 50_000, play: playPhone},
		{name: TradeIn, shoppers: 20_000, units: 2_099, play: playTradeIn},
		{name: Car, shoppers: 5_000, units: 666, play: playCar},
		{name: Group, shoppers: 20_000, units: 20_000, play: playGroup},
	}
}

// names lists the sales' names.
func names() []string {
	var all []string
	for _, sale := range sales() {
		all = append(all, sale.name)
	}
	return all
}

// figuresOf returns the figures of the sale; none if there is no such sale.
func figuresOf(name string) figures {
	for _, sale := range sales() {
		if sale.name == name {
			return sale
		}
	}
	return figures{}
}

// maxPeople and maxConnections bound what a run may ask for: shoppers' ids have 8 digits, processes have descriptors.
const (
	maxPeople      = 50_000_000
	maxConnections = 20_000
	maxNodes       = 16
	maxUploads     = 10_000
	maxSwaps       = 10_000
	maxOverload    = 100
)

// probeShopper is the number of the first shopper beyond those that may take part; some of them probe the server.
const probeShopper = maxPeople

// Config says which sale is replayed, and against what. Zero values mean the sale's own figures.
type Config struct {
	Tools

	Name         string // of the sale; "" means the phone's
	Shoppers     int    // who take part
	Reservations int    // of the phone: shoppers who sign up; those of the rush are the first of them
	Reposts      int    // of the phone: reposts of shoppers' links; 0 means as many to a reservation as there were
	Units        int    // for sale; of the group-buy, of the item that groups of three buy
	Connections  int    // keep-alive connections of the generator
	Store        string // --database-url of the servers; "" means SQLite in a fresh folder
	Nodes        int    // servers on one database; more than one needs Store
	URL          string // of a demo server that runs already; nothing is started then but the floor
	KeysFile     string // its demo keys, with URL
	Uploads      int    // plugins that a brand uploads during the rush
	Swaps        int    // of rulesets during the rush
	SwapPlugin   bool   // the rulesets that are swapped bind a large plugin
	// Overload is how many times the highest rate of orders are offered after the sale; 0 for none.
	Overload float64
	// OrderLatency is what servers keep the p99 of accepted orders under in a run with an overload; 0 means 500 ms.
	OrderLatency time.Duration
	// OverloadLasts is how long the overload is measured, after a quarter as long to get used to it; 0 means 8 seconds.
	OverloadLasts time.Duration
	Keep          string // an empty or new folder for the servers' data, kept afterwards; "" means a temporary one
	Binary        string // the hotdrop to start; "" means this process's own
	Out, Err      io.Writer
	Progress      bool   // draw progress bars on Err
	Seed          uint64 // of the order in which shoppers come; the same seed is the same plan
	// Patience is how long a request is tried again after transport errors and 5xx; 0 means 30 seconds.
	Patience time.Duration
}

// Tools is what a replay needs of the rest of the binary. Each may be nil: what needs it cannot be asked for then, or is
// left out.
type Tools struct {
	// Modules returns n modules to upload.
	Modules func(n int) [][]byte
	// Plugin returns a plugin of at least so many bytes that decides what the campaign's own plugin decides, ready to be
	// uploaded.
	Plugin func(bytes int) ([]byte, error)
	// Gauge connects to the database at the URL to count the connections to it.
	Gauge func(ctx context.Context, url string) (Gauge, error)
}

// UsageError is a configuration that asks for something impossible.
type UsageError struct{ Message string }

// Error implements error.
func (e *UsageError) Error() string { return e.Message }

func usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// filled returns the configuration with the sale's figures in place of zeros.
func (c Config) filled() (Config, error) {
	c.Name = cmp.Or(c.Name, Phone)
	own := figuresOf(c.Name)
	c.Shoppers = cmp.Or(c.Shoppers, own.shoppers)
	c.Units = cmp.Or(c.Units, own.units)
	if own.reservations > 0 {
		c.Reservations = cmp.Or(c.Reservations, own.reservations)
		c.Reposts = cmp.Or(c.Reposts, max(1, c.Reservations*own.reposts/own.reservations))
	}
	c.Connections = cmp.Or(c.Connections, usualConnections)
	c.Nodes = cmp.Or(c.Nodes, 1)
	c.OrderLatency = cmp.Or(c.OrderLatency, usualBound)
	c.OverloadLasts = cmp.Or(c.OverloadLasts, usualOverload)
	if c.Out == nil {
		c.Out = io.Discard
	}
	if c.Err == nil {
		c.Err = io.Discard
	}
	if c.Binary == "" {
		binary, err := os.Executable()
		if err != nil {
			return c, fmt.Errorf("find this binary: %w", err)
		}
		c.Binary = binary
	}
	return c, c.check()
}

// check refuses what cannot be run.
func (c Config) check() error {
	own := figuresOf(c.Name)
	if own.name == "" {
		return usagef("there is no sale %q; there are: %s", c.Name, strings.Join(names(), ", "))
	}
	if own.reservations == 0 && (c.Reservations != 0 || c.Reposts != 0 || c.Uploads != 0 || c.Swaps != 0) {
		return usagef("--reservations, --reposts, --uploads and --swaps are for %s", Phone)
	}
	for _, bound := range []struct {
		flag      string
		value, of int
	}{
		{"shoppers", c.Shoppers, maxPeople},
		{"reservations", max(c.Reservations, 1-own.reservations), maxPeople},
		{"reposts", max(c.Reposts, 1-own.reposts), maxPeople},
		{"units", c.Units, maxPeople},
		{"connections", c.Connections, maxConnections},
		{"nodes", c.Nodes, maxNodes},
	} {
		if bound.value < 1 || bound.value > bound.of {
			return usagef("--%s must be 1 to %d", bound.flag, bound.of)
		}
	}
	return errors.Join(c.checkDisturbances(), c.checkOverload(), c.checkServers())
}

// checkDisturbances refuses what cannot happen during a rush.
func (c Config) checkDisturbances() error {
	switch {
	case c.Uploads < 0 || c.Uploads > maxUploads || (c.Uploads > 0 && c.Modules == nil):
		return usagef("--uploads must be 0 to %d", maxUploads)
	case c.Swaps < 0 || c.Swaps > maxSwaps:
		return usagef("--swaps must be 0 to %d", maxSwaps)
	case c.SwapPlugin && (c.Swaps == 0 || c.Plugin == nil):
		return usagef("--swap-plugin is for --swaps")
	default:
		return nil
	}
}

// checkOverload refuses an overload that is none, and one of a sale without a rush.
func (c Config) checkOverload() error {
	switch {
	case c.Overload != 0 && (c.Overload < 1 || c.Overload > maxOverload || c.Name != Phone):
		return usagef("--overload must be 1 to %d, and is for %s", maxOverload, Phone)
	case c.OrderLatency < 0:
		return usagef("--order-latency must not be negative")
	default:
		return nil
	}
}

// checkServers refuses flags that contradict each other.
func (c Config) checkServers() error {
	switch {
	case c.URL != "":
		return c.checkRunning()
	case c.KeysFile != "":
		return usagef("--keys is for --url")
	case c.Nodes > 1 && c.Store == "":
		return usagef("--nodes %d needs --database-url: only one process may use an SQLite folder", c.Nodes)
	default:
		return nil
	}
}

// checkRunning refuses what a server that runs already cannot be asked for.
func (c Config) checkRunning() error {
	switch {
	case !thisMachine(c.URL):
		return usagef("--url is a demo server on this machine, such as http://127.0.0.1:8080: its keys go nowhere else")
	case c.KeysFile == "":
		return usagef("--url needs --keys, the demo keys of that server")
	case c.Store != "" || c.Nodes > 1 || c.Keep != "":
		return usagef("--url is a server that runs already: --database-url, --nodes and --keep are not for it")
	default:
		return nil
	}
}

// thisMachine reports whether the URL is of a server on this machine, whatever name servers say.
func thisMachine(base string) bool {
	parsed, err := url.Parse(base)
	return err == nil && (parsed.Hostname() == "localhost" || net.ParseIP(parsed.Hostname()).IsLoopback())
}

// operator is who applies the campaign and opens its phases.
func operator() core.Principal { return core.Principal{ID: "event-run", Role: core.RoleOperator} }
