package oci

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"

	"oras.land/oras-go/v2/registry/remote/auth"
)

// Client returns the client by which the place's registry is asked.
func Client(p *Place) (*auth.Client, error) {
	repository, err := p.remote()
	if err != nil {
		return nil, err
	}
	client, _ := repository.Client.(*auth.Client) // what remote makes
	return client, nil
}

// Trust makes the client trust a test's certificate.
func Trust(c *auth.Client, certificate *x509.Certificate) {
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	guarded, _ := c.Client.Transport.(*guard) // what newGuard makes
	guarded.base = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
}
