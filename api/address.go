package api

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks whose word on where a request came from is taken, and the header by which they give it. The
// zero value trusts nobody. Its text is a list of CIDR ranges or addresses between commas, as in
// "10.0.0.0/8, 2001:db8::7", behind "Forwarded:" if that is the header that the proxies write; otherwise it is
// X-Forwarded-For. Only one of the two is read: a proxy that writes one passes the other on as the client sent it.
type Proxies struct {
	networks  []netip.Prefix
	forwarded bool // they write Forwarded (RFC 7239)
}

// forwardedPrefix begins the text of proxies that write Forwarded.
const forwardedPrefix = "forwarded:"

// UnmarshalText reads the list.
func (p *Proxies) UnmarshalText(text []byte) error {
	list := strings.TrimSpace(string(text))
	var read Proxies
	if len(list) >= len(forwardedPrefix) && strings.EqualFold(list[:len(forwardedPrefix)], forwardedPrefix) {
		read.forwarded, list = true, strings.TrimSpace(list[len(forwardedPrefix):])
	}
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		network, err := parseNetwork(one)
		if err != nil {
			return err
		}
		read.networks = append(read.networks, network)
	}
	*p = read
	return nil
}

// MarshalText writes the list as UnmarshalText reads it.
func (p Proxies) MarshalText() ([]byte, error) {
	networks := make([]string, len(p.networks))
	for i, network := range p.networks {
		networks[i] = network.String()
	}
	list := strings.Join(networks, ",")
	if p.forwarded {
		list = "Forwarded: " + list
	}
	return []byte(list), nil
}

// parseNetwork reads a CIDR range, or an address as the range of it alone.
func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil || network.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%q is no address and no range such as 10.0.0.0/8 or 2001:db8::/32", text)
	}
	return network.Masked(), nil
}

// trust reports whether the address is a proxy's.
func (p *Proxies) trust(address netip.Addr) bool {
	for i := range p.networks {
		if p.networks[i].Contains(address) {
			return true
		}
	}
	return false
}

// clientAddress returns where the request came from: the peer of the connection or, as far as the peer and each hop before
// it are proxies that are trusted, the address that they say they were asked by. A hop that says nothing that can be read is
// the last that is believed. It is invalid only where the connection has no address, and never has a zone.
func (p *Proxies) clientAddress(r *http.Request) netip.Addr {
	client := peerAddress(r.RemoteAddr)
	if !p.trust(client) {
		return client
	}
	name, read := "X-Forwarded-For", parseHop
	if p.forwarded {
		name, read = "Forwarded", forwardedHop
	}
	lines := r.Header[name]
	for _, line := range slices.Backward(lines) {
		for rest, more := line, true; more; {
			var element string
			rest, element, more = lastElement(rest)
			hop, ok := read(element)
			if !ok {
				return client
			}
			if client = hop; !p.trust(client) {
				return client
			}
		}
	}
	return client
}

// lastElement cuts the last element off a list. A comma separates also inside of quotes: otherwise a client could open a
// quote and so hide what a proxy appends.
func lastElement(list string) (rest, element string, more bool) {
	comma := strings.LastIndexByte(list, ',')
	if comma < 0 {
		return "", list, false
	}
	return list[:comma], list[comma+1:], true
}

// peerAddress is the address of a connection's other end.
func peerAddress(remote string) netip.Addr {
	address, _ := parseHop(remote)
	return address
}

// parseHop reads an address with or without a port, which may be hidden; one of IPv6 that has a port stands in brackets.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.Trim(text, " \t")
	if inside, found := strings.CutPrefix(text, "["); found {
		host, port, closed := strings.Cut(inside, "]")
		if !closed || port != "" && port[0] != ':' {
			return netip.Addr{}, false
		}
		text = host
	} else if strings.Count(text, ":") == 1 {
		text, _, _ = strings.Cut(text, ":")
	}
	address, err := netip.ParseAddr(text)
	return plainAddress(address), err == nil
}

// plainAddress writes one address in one way: without a zone, and IPv4 as such.
func plainAddress(address netip.Addr) netip.Addr { return address.WithZone("").Unmap() }

// forwardedHop reads the parameter for of an element of Forwarded (RFC 7239): for=192.0.2.60;proto=https, or
// For="[2001:db8::7]:4711".
func forwardedHop(element string) (netip.Addr, bool) {
	var node string
	for pair := range strings.SplitSeq(element, ";") {
		name, value, found := strings.Cut(strings.Trim(pair, " \t"), "=")
		if !found || strings.EqualFold(name, "for") && node != "" {
			return netip.Addr{}, false
		}
		if strings.EqualFold(name, "for") {
			node = value
		}
	}
	if len(node) >= 2 && node[0] == '"' && node[len(node)-1] == '"' {
		node = node[1 : len(node)-1]
	}
	return parseHop(node)
}
