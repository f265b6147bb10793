package api

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func proxies(tb testing.TB, list string) *Proxies {
	tb.Helper()
	p := &Proxies{}
	if err := p.UnmarshalText([]byte(list)); err != nil {
		tb.Fatal(err)
	}
	return p
}

func requestFrom(peer string, header ...string) *http.Request {
	r := &http.Request{RemoteAddr: peer, Header: http.Header{}}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func TestWhereARequestCameFrom(t *testing.T) {
	const list, rfc = "10.0.0.0/8, 2001:db8::7", "Forwarded: 10.0.0.0/8, 2001:db8::7"
	cases := []struct {
		name, trusted, peer string
		header              []string
		want                string
	}{
		{"nobody is trusted", "", "10.0.0.1:80", []string{"X-Forwarded-For", "1.2.3.4"}, "10.0.0.1"},
		{"a stranger says where it came from", list, "8.8.8.8:80", []string{"X-Forwarded-For", "1.2.3.4"}, "8.8.8.8"},
		{"a stranger says so in Forwarded", rfc, "8.8.8.8:80", []string{"Forwarded", "for=1.2.3.4"}, "8.8.8.8"},
		{"a proxy says", list, "10.0.0.1:80", []string{"X-Forwarded-For", "1.2.3.4"}, "1.2.3.4"},
		{"a proxy of IPv6 says", list, "[2001:db8::7%eth0]:80", []string{"X-Forwarded-For", "2001:db8::9"}, "2001:db8::9"},
		{"a proxy that an IPv6 socket sees", list, "[::ffff:10.0.0.1]:80", []string{"X-Forwarded-For", "::ffff:1.2.3.4"}, "1.2.3.4"},
		{"a proxy says nothing", list, "10.0.0.1:80", nil, "10.0.0.1"},
		{"the last hop that is no proxy counts", list, "10.0.0.1:80", []string{"X-Forwarded-For", "6.6.6.6, 1.2.3.4, 10.0.0.2"}, "1.2.3.4"},
		{"over several lines", list, "10.0.0.1:80", []string{"X-Forwarded-For", "6.6.6.6", "X-Forwarded-For", "1.2.3.4,10.9.9.9", "X-Forwarded-For", " 10.0.0.2 "}, "1.2.3.4"},
		{"all are proxies", list, "10.0.0.1:80", []string{"X-Forwarded-For", "10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"a hop with a port", list, "10.0.0.1:80", []string{"X-Forwarded-For", "1.2.3.4:5678"}, "1.2.3.4"},
		{"a hop in brackets", list, "10.0.0.1:80", []string{"X-Forwarded-For", "[2001:db8::9]"}, "2001:db8::9"},
		{"a hop in brackets with a port", list, "10.0.0.1:80", []string{"X-Forwarded-For", "[2001:db8::9]:1"}, "2001:db8::9"},
		{"a bracket that does not close", list, "10.0.0.1:80", []string{"X-Forwarded-For", "[2001:db8::9"}, "10.0.0.1"},
		{"a hop that nobody can read", list, "10.0.0.1:80", []string{"X-Forwarded-For", "1.2.3.4, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"an empty hop", list, "10.0.0.1:80", []string{"X-Forwarded-For", ""}, "10.0.0.1"},
		{"a client writes Forwarded to a proxy that does not", list, "10.0.0.1:80", []string{"Forwarded", "for=6.6.6.6", "X-Forwarded-For", "1.2.3.4"}, "1.2.3.4"},
		{"a client writes X-Forwarded-For to a proxy that does not", rfc, "10.0.0.1:80", []string{"Forwarded", "for=1.2.3.4", "X-Forwarded-For", "6.6.6.6"}, "1.2.3.4"},
		{"Forwarded with more than the address", rfc, "10.0.0.1:80", []string{"Forwarded", `by=_a;proto=https; For="[2001:db8::9]:4711";host=a`}, "2001:db8::9"},
		{"Forwarded over two hops", rfc, "10.0.0.1:80", []string{"Forwarded", "for=6.6.6.6, for=1.2.3.4;proto=http, for=10.0.0.2"}, "1.2.3.4"},
		{"a hidden hop", rfc, "10.0.0.1:80", []string{"Forwarded", "for=1.2.3.4, for=_hidden"}, "10.0.0.1"},
		{"a hop that names two addresses", rfc, "10.0.0.1:80", []string{"Forwarded", "for=1.2.3.4;for=5.6.7.8"}, "10.0.0.1"},
		{"a hop that names none", rfc, "10.0.0.1:80", []string{"Forwarded", "proto=https"}, "10.0.0.1"},
		{"a quote that the client opened hides nothing", rfc, "10.0.0.1:80", []string{"Forwarded", `for="6.6.6.6, for=1.2.3.4`}, "1.2.3.4"},
		{"a connection without an address", list, "@", nil, "invalid IP"},
	}
	for _, one := range cases {
		got := proxies(t, one.trusted).clientAddress(requestFrom(one.peer, one.header...))
		if got.String() != one.want {
			t.Errorf("%s: %s, want %s", one.name, got, one.want)
		}
	}
}

func TestProxiesAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]string{
		"": "", " 10.1.2.3/8 ,,::1": "10.0.0.0/8,::1/128", "forwarded: 192.0.2.1": "Forwarded: 192.0.2.1/32",
		"::ffff:192.0.2.1": "192.0.2.1/32",
	} {
		got, err := proxies(t, text).MarshalText()
		if err != nil || string(got) != want {
			t.Errorf("%q: %q (%v), want %q", text, got, err, want)
		}
	}
	for _, wrong := range []string{"10.0.0.0/33", "proxy", "10.0.0.0/8 10.1.0.0/8", "fe80::1%eth0", "::ffff:10.0.0.0/104", "x-forwarded-for: ::1"} {
		p := proxies(t, "192.0.2.1")
		if err := p.UnmarshalText([]byte(wrong)); err == nil || !strings.Contains(err.Error(), "no address and no range") {
			t.Errorf("%q is accepted: %v", wrong, err)
		}
		if !p.trust(netip.MustParseAddr("192.0.2.1")) {
			t.Errorf("%q changed what is trusted", wrong)
		}
	}
}

// Whatever a client writes in front, what the proxy appends decides.
func TestWhatAClientWritesNeverMovesIt(t *testing.T) {
	const client = "203.0.113.9"
	rapid.Check(t, func(t *rapid.T) {
		spoofed := rapid.OneOf(rapid.String(), rapid.StringMatching(`(for=)?["\[0-9a-f:.,; ]*`)).Draw(t, "spoofed")
		name, appended, list := "X-Forwarded-For", client, "10.0.0.0/8"
		if rapid.Bool().Draw(t, "RFC 7239") {
			name, appended, list = "Forwarded", "for="+client, "Forwarded: 10.0.0.0/8"
		}
		p := &Proxies{}
		if err := p.UnmarshalText([]byte(list)); err != nil {
			t.Fatal(err)
		}
		for _, r := range []*http.Request{
			requestFrom("10.0.0.1:80", name, spoofed+", "+appended), requestFrom("10.0.0.1:80", name, spoofed, name, appended),
			requestFrom(client+":80", name, spoofed),
		} {
			if got := p.clientAddress(r); got.String() != client {
				t.Fatalf("%q: %s", r.Header, got)
			}
		}
	})
}

func FuzzHeadersOfProxiesAreReadWithoutHarm(f *testing.F) {
	f.Add("1.2.3.4, 10.0.0.2", `for="[2001:db8::9]:1";by=_x`)
	f.Add("[::1%lo]:1,,", "for=,for=\"")
	xff, rfc := proxies(f, "10.0.0.0/8"), proxies(f, "Forwarded: 10.0.0.0/8")
	f.Fuzz(func(t *testing.T, a, b string) {
		r := requestFrom("10.0.0.1:80", "X-Forwarded-For", a, "Forwarded", b)
		for _, p := range []*Proxies{xff, rfc} {
			got := p.clientAddress(r)
			if !got.IsValid() || got.Zone() != "" || got.Is4In6() {
				t.Errorf("%q, %q: %v", a, b, got)
			}
		}
		if got := xff.clientAddress(requestFrom("8.8.8.8:80", "X-Forwarded-For", a, "Forwarded", b)); got.String() != "8.8.8.8" {
			t.Errorf("a stranger is believed: %q, %q: %v", a, b, got)
		}
	})
}

func TestReadingWhereARequestCameFromAllocatesNothing(t *testing.T) {
	p, r := proxies(t, "10.0.0.0/8"), requestFrom("10.0.0.1:80", "X-Forwarded-For", "6.6.6.6, 203.0.113.9")
	if n := testing.AllocsPerRun(100, func() { p.clientAddress(r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
