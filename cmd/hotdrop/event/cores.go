package event

import "errors"

// errUnpinned means that this system does not let a process choose its processors.
var errUnpinned = errors.New("processes cannot choose their processors here")

// coreSplit is which processors the servers of a run have, and which the generator. Without it a rush takes the processors
// from the servers that it is to overload, or the servers take them from the rush, which then is none. Without processors it
// splits nothing.
type coreSplit struct{ servers, generator []int }

// split gives servers the first half of the processors and the generator the others; nothing to either if there is one only.
func split(cores []int) coreSplit {
	if len(cores) < 2 {
		return coreSplit{}
	}
	half := len(cores) / 2
	return coreSplit{servers: cores[:half], generator: cores[half:]}
}

// coreSplit returns how the processors are split: only where more is offered than servers can do, and they are started here.
func (c Config) coreSplit() coreSplit {
	if c.Overload == 0 || c.URL != "" {
		return coreSplit{}
	}
	return split(ownCores())
}

// start starts a child that has the processors of the servers. Where that is impossible it has all of them.
func (s coreSplit) start(start func() (*child, error)) (c *child, err error) {
	pinned := onCores(s.servers, func() { c, err = start() })
	if errors.Is(pinned, errUnpinned) {
		return start()
	}
	return c, errors.Join(err, pinned)
}
