package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

const (
	// outgoingPatience is how long a call to somebody else's server may take, its answer included.
	outgoingPatience = 10 * time.Second
	// outgoingHeader is how long its headers may be, bytes.
	outgoingHeader = 16 << 10
)

// errPrivate refuses a call to an address that is not on the internet.
var errPrivate = errors.New("the address is private")

// outgoing makes clients for calls to URLs that somebody configured. They reach servers on the internet only, and those of
// the networks that are allowed by name: what a name resolves to is looked at when the connection is made, so that no
// answer of a name server can lead inside afterwards. They follow no redirects and use no proxy.
type outgoing struct{ allowed []netip.Prefix }

func (o outgoing) client() *http.Client {
	dialer := &net.Dialer{Timeout: outgoingPatience / 2, Control: o.control}
	return &http.Client{
		Timeout:       outgoingPatience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, MaxIdleConns: 2, IdleConnTimeout: time.Minute,
			TLSHandshakeTimeout: outgoingPatience / 2, ResponseHeaderTimeout: outgoingPatience,
			MaxResponseHeaderBytes: outgoingHeader,
		},
	}
}

// control implements net.Dialer.Control: address is an IP address with a port, whatever the URL said.
func (o outgoing) control(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%q: %w", address, err)
	}
	if ip := target.Addr().Unmap().WithZone(""); !o.reaches(ip) {
		return fmt.Errorf("%w: %s; name its network with --outgoing-allow if it is meant", errPrivate, ip)
	}
	return nil
}

func (o outgoing) reaches(ip netip.Addr) bool {
	for _, network := range o.allowed {
		if network.Contains(ip) {
			return true
		}
	}
	for _, network := range unreachable() {
		if network.Contains(ip) {
			return false
		}
	}
	return ip.IsGlobalUnicast()
}

// unreachable are the networks of the IANA registries of special-purpose addresses that are not globally reachable, with
// those that embed an IPv4 address: a translator on the way would reach what that names.
func unreachable() []netip.Prefix {
	networks := []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16",
		"3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
	}
	prefixes := make([]netip.Prefix, len(networks))
	for i, network := range networks {
		prefixes[i] = netip.MustParsePrefix(network)
	}
	return prefixes
}
