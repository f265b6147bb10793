package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// lookEvery is how often the files of a certificate are looked at for a new one, at most.
const lookEvery = time.Second

// certificateFiles are the flags of serve about TLS.
type certificateFiles struct {
	certificate, key string // PEM
}

func (f *certificateFiles) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.certificate, "tls-cert", "",
		"serve the API by TLS (1.2 or newer) and HTTP/2 with this chain of certificates (PEM); a file that is replaced is read again")
	cmd.Flags().StringVar(&f.key, "tls-key", "", "the private key of --tls-cert (PEM)")
}

// given reports whether the API is served by TLS.
func (f *certificateFiles) given() bool { return f.certificate != "" }

// check refuses one file without the other.
func (f *certificateFiles) check() error {
	if (f.certificate == "") != (f.key == "") {
		return usageError{errors.New("--tls-cert and --tls-key go together")}
	}
	return nil
}

// secured is the listener, by TLS if there is a certificate. A certificate that cannot be used is an error here, not at the
// first handshake.
func (f *certificateFiles) secured(listener net.Listener, log *slog.Logger) (net.Listener, error) {
	if !f.given() {
		return listener, nil
	}
	c := &certificate{files: *f, now: time.Now, log: log}
	if err := c.load(); err != nil {
		return nil, err
	}
	return tls.NewListener(listener, &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: c.get,
	}), nil
}

// certificate is what the files hold now. A new one that cannot be read does not end the service: the old one goes on, and
// the log says why.
type certificate struct {
	files certificateFiles
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex
	looked  time.Time
	stamps  [2]stamp
	current *tls.Certificate
}

// stamp tells one content of a file from the next.
type stamp struct {
	modified time.Time
	size     int64
}

// get implements tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= lookEvery {
		c.looked = now
		c.renew()
	}
	return c.current, nil
}

// renew reads the files again if they have changed. While only one of the two is new they do not fit together: the next
// look finds both.
func (c *certificate) renew() {
	stamps, err := c.stamp()
	if err == nil && stamps == c.stamps {
		return
	}
	if err == nil {
		err = c.load()
	}
	if err != nil {
		c.log.Error("the new certificate cannot be used; the one before goes on", "error", err)
		return
	}
	c.log.Info("a new certificate is in use", "until", c.current.Leaf.NotAfter)
}

func (c *certificate) stamp() ([2]stamp, error) {
	var stamps [2]stamp
	for i, path := range []string{c.files.certificate, c.files.key} {
		info, err := os.Stat(path)
		if err != nil {
			return stamps, err
		}
		stamps[i] = stamp{info.ModTime(), info.Size()}
	}
	return stamps, nil
}

func (c *certificate) load() error {
	stamps, err := c.stamp()
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.files.certificate, c.files.key)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	c.current, c.stamps = &pair, stamps
	return nil
}
