package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// address is where a server listens, and whether somebody asked for exactly that.
type address struct {
	hostPort string
	explicit bool
	flag     string // that chooses it
}

// listen opens the address. With elsewhere, a default that is taken gives way to a free port on the same host.
func (a address) listen(ctx context.Context, elsewhere bool) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", a.hostPort)
	if elsewhere && !a.explicit && errors.Is(err, syscall.EADDRINUSE) {
		host, _, _ := net.SplitHostPort(a.hostPort) // it was listened to: it parses
		listener, err = config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("another process listens on %s: choose another address with --%s: %w", a.hostPort, a.flag, err)
	case err != nil:
		return nil, fmt.Errorf("listening: %w", err)
	}
	return listener, nil
}

// requireLoopback refuses an address that others can reach: demo mode mints tokens for whoever asks.
func (a address) requireLoopback(ctx context.Context) error {
	host, _, err := net.SplitHostPort(a.hostPort)
	if err != nil {
		return usageError{fmt.Errorf("%q is not an address such as 127.0.0.1:8080: %w", a.hostPort, err)}
	}
	addresses, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil || host == "" {
		return usageError{fmt.Errorf("--demo mints tokens for everyone, so it listens on loopback only, not on %q: "+
			"use 127.0.0.1", a.hostPort)}
	}
	for _, one := range addresses {
		if !one.IP.IsLoopback() {
			return usageError{fmt.Errorf("--demo mints tokens for everyone, so it listens on loopback only, not on %q: "+
				"use 127.0.0.1, or serve without --demo", a.hostPort)}
		}
	}
	return nil
}

// urlOf is the address as a URL that a person on this machine can open.
func urlOf(scheme string, listener net.Listener) string {
	host, port, _ := net.SplitHostPort(listener.Addr().String()) // a listener's address parses
	if ip := net.ParseIP(host); ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
