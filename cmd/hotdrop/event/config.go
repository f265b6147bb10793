package event

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"time"

	"hotdrop/core"
)

// Phone is the name of the phone doomsday sale.
const Phone = "phone"

// The phone doomsday sale's figures, as the platform published them, and the connections of its replay.
const (
	phoneShoppers     = 240_000
	phoneReservations = 1_300_000
	phoneUnits        = 50_000
	usualConnections  = 256
)

// maxPeople and maxConnections bound what a run may ask for: shoppers' ids have 8 digits, processes have descriptors.
const (
	maxPeople      = 50_000_000
	maxConnections = 20_000
	maxNodes       = 16
	maxUploads     = 10_000
)

// probeShopper is the number of the first shopper beyond those that may take part; some of them probe the server.
const probeShopper = maxPeople

// Config says which sale is replayed, and against what. Zero values mean the sale's own figures.
type Config struct {
	Name         string // of the sale; only "phone" so far
	Shoppers     int    // who take part in the rush
	Reservations int    // shoppers who sign up; those of the rush are the first of them
	Units        int    // for sale
	Connections  int    // keep-alive connections of the generator
	Store        string // --database-url of the servers; "" means SQLite in a fresh folder
	Nodes        int    // servers on one database; more than one needs Store
	URL          string // of a demo server that runs already; nothing is started then but the floor
	KeysFile     string // its demo keys, with URL
	Uploads      int    // plugins that a brand uploads during the rush
	// Modules returns n modules to upload; nil means that there are none.
	Modules  func(n int) [][]byte
	Keep     string // an empty or new folder for the servers' data, kept afterwards; "" means a temporary one
	Binary   string // the hotdrop to start; "" means this process's own
	Out, Err io.Writer
	Progress bool   // draw progress bars on Err
	Seed     uint64 // of the order in which shoppers come; the same seed is the same plan
	// Patience is how long a request is tried again after transport errors and 5xx; 0 means 30 seconds.
	Patience time.Duration
}

// UsageError is a configuration that asks for something impossible.
type UsageError struct{ Message string }

// Error implements error.
func (e *UsageError) Error() string { return e.Message }

func usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// filled returns the configuration with the sale's figures in place of zeros.
func (c Config) filled() (Config, error) {
	c.Name = cmp.Or(c.Name, Phone)
	c.Shoppers = cmp.Or(c.Shoppers, phoneShoppers)
	c.Reservations = cmp.Or(c.Reservations, phoneReservations)
	c.Units = cmp.Or(c.Units, phoneUnits)
	c.Connections = cmp.Or(c.Connections, usualConnections)
	c.Nodes = cmp.Or(c.Nodes, 1)
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
	if c.Name != Phone {
		return usagef("there is no sale %q; there is: %s", c.Name, Phone)
	}
	for _, bound := range []struct {
		flag      string
		value, of int
	}{
		{"shoppers", c.Shoppers, maxPeople},
		{"reservations", c.Reservations, maxPeople},
		{"units", c.Units, maxPeople},
		{"connections", c.Connections, maxConnections},
		{"nodes", c.Nodes, maxNodes},
	} {
		if bound.value < 1 || bound.value > bound.of {
			return usagef("--%s must be 1 to %d", bound.flag, bound.of)
		}
	}
	if c.Uploads < 0 || c.Uploads > maxUploads || (c.Uploads > 0 && c.Modules == nil) {
		return usagef("--uploads must be 0 to %d", maxUploads)
	}
	return c.checkServers()
}

// checkServers refuses flags that contradict each other.
func (c Config) checkServers() error {
	switch {
	case c.Nodes > 1 && c.Store == "" && c.URL == "":
		return usagef("--nodes %d needs --database-url: only one process may use an SQLite folder", c.Nodes)
	case c.URL != "" && c.KeysFile == "":
		return usagef("--url needs --keys, the demo keys of that server")
	case c.URL != "" && (c.Store != "" || c.Nodes > 1 || c.Keep != ""):
		return usagef("--url is a server that runs already: --database-url, --nodes and --keep are not for it")
	case c.URL == "" && c.KeysFile != "":
		return usagef("--keys is for --url")
	default:
		return nil
	}
}

// operator is who applies the campaign and opens its phases.
func operator() core.Principal { return core.Principal{ID: "event-run", Role: core.RoleOperator} }
