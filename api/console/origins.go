package console

import (
	"errors"
	"net/http"
	"net/url"
)

// Origins tells whether a request that shows a cookie was meant by who sent it: browsers send cookies along with requests that
// other sites make them send.
type Origins struct{ protection *http.CrossOriginProtection }

// OriginsOf returns the origins of a service with these settings: its own, also behind a proxy that calls it by another name.
func OriginsOf(s *Settings) Origins {
	protection := http.NewCrossOriginProtection()
	if s != nil {
		if own, err := url.Parse(s.RedirectURL); err == nil {
			_ = protection.AddTrustedOrigin(own.Scheme + "://" + own.Host) // it was checked: it is one
		}
	}
	return Origins{protection}
}

// errNoOrigin is that a browser says nothing of where a request came from.
var errNoOrigin = errors.New("the request says neither Sec-Fetch-Site nor Origin")

// Check refuses a request that changes something and comes from another site. A browser that does not say from where it comes,
// as those from before 2020 may do, is refused too: programs have API keys, which no site can make anybody send.
func (o Origins) Check(r *http.Request) error {
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	if !safe && r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		return errNoOrigin
	}
	return o.protection.Check(r)
}

// asked reports whether somebody opened the address themselves, by a page of this service or by typing it. A link on another site
// looks the same but for this header.
func asked(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "same-origin" || site == "none"
}
