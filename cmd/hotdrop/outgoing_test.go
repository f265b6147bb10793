package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestOutgoingCallsReachTheInternetAndNothingElse(t *testing.T) {
	for address, reached := range map[string]bool{
		"93.184.216.34:443": true, "[2606:2800:220:1::1]:443": true, "1.1.1.1:80": true, "[2a00:1450:4001::200e]:443": true,
		"127.0.0.1:80": false, "127.8.9.1:80": false, "0.0.0.0:80": false, "10.1.2.3:80": false, "172.16.0.1:80": false,
		"172.31.255.255:80": false, "192.168.1.1:80": false, "169.254.169.254:80": false, "100.64.0.1:80": false, "100.127.255.255:80": false,
		"192.0.0.8:80": false, "198.18.0.1:80": false, "224.0.0.1:80": false, "255.255.255.255:80": false, "240.0.0.1:80": false,
		"[::1]:80": false, "[::]:80": false, "[::ffff:127.0.0.1]:80": false, "[::ffff:10.0.0.1]:80": false, "[::7f00:1]:80": false,
		"[fe80::1%eth0]:80": false, "[fc00::1]:80": false, "[fd12:3456::1]:80": false, "[ff02::1]:80": false,
		"[64:ff9b::7f00:1]:80": false, "[2002:7f00:1::]:80": false, "[2001:0:1::1]:80": false, "[::ffff:93.184.216.34]:443": true,
		"172.32.0.1:80": true, "100.128.0.1:80": true, "localhost:80": false, "nonsense": false,
	} {
		if err := (outgoing{}).control("tcp", address, nil); (err == nil) != reached {
			t.Errorf("%s: %v", address, err)
		}
	}
	allowing := outgoing{[]netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	if err := allowing.control("tcp", "10.1.2.3:80", nil); err != nil {
		t.Errorf("an address of an allowed network: %v", err)
	}
	if err := allowing.control("tcp", "10.2.2.3:80", nil); !errors.Is(err, errPrivate) {
		t.Errorf("an address beside it: %v", err)
	}
}

func TestANameThatLeadsInsideIsRefusedWhateverItsURLLooksLike(t *testing.T) {
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was reached") }))
	defer inside.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(inside.URL, "http://"), ":")
	for _, host := range []string{"127.0.0.1", "localhost", "LOCALHOST", "[::ffff:127.0.0.1]", "0.0.0.0", "user:password@127.0.0.1"} {
		response, err := (outgoing{}).client().Get("http://" + host + ":" + port + "/")
		if err == nil {
			_ = response.Body.Close()
		}
		if !errors.Is(err, errPrivate) {
			t.Errorf("%s: %v", host, err)
		}
		if err != nil && strings.Contains(err.Error(), "password@") {
			t.Errorf("the error tells a secret: %v", err)
		}
	}
}

func TestOutgoingCallsFollowNoRedirectAndUseNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	var reached []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached = append(reached, r.URL.Path)
		http.Redirect(w, r, "/inside", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	client := outgoing{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}.client()
	response, err := client.Post(server.URL+"/first", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	client.CloseIdleConnections()
	if response.StatusCode != http.StatusTemporaryRedirect || len(reached) != 1 || reached[0] != "/first" {
		t.Errorf("answered %s, reached %q", response.Status, reached)
	}
}
