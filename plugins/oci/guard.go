package oci

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// The bounds on what a registry can make a client do.
const (
	maxRedirects  = 5
	headerTimeout = 30 * time.Second
)

// guard sends requests only over an encrypted connection, wherever a registry sends on to and wherever it says that tokens
// are to be had, unless plain HTTP was asked for.
type guard struct {
	base  http.RoundTripper
	plain bool
}

func newGuard(plain bool) *guard {
	return &guard{&http.Transport{
		Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: headerTimeout, TLSHandshakeTimeout: headerTimeout,
		DisableCompression: true, ForceAttemptHTTP2: true, DisableKeepAlives: true, MaxResponseHeaderBytes: maxManifest,
	}, plain}
}

// errPlain is a request that would go out unencrypted.
type errPlain struct{ host string }

// Error implements error.
func (e *errPlain) Error() string {
	return fmt.Sprintf("it sends on to http://%s, which is not encrypted; --plain-http allows that", e.host)
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !g.plain {
		return nil, &errPlain{r.URL.Host}
	}
	return g.base.RoundTrip(r)
}

// boundRedirects ends a chain of redirects. The client drops credentials where one leads to another host.
func boundRedirects(_ *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errors.New("it sends on again and again")
	}
	return nil
}
