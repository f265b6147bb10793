package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCertificate writes a certificate of its own making for 127.0.0.1, with the serial number, and its key.
func writeCertificate(t *testing.T, files certificateFiles, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "hotdrop"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, files.certificate, "CERTIFICATE", der)
	writePEM(t, files.key, "PRIVATE KEY", private)
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// certificateIn names files that nobody has written yet.
func certificateIn(t *testing.T) certificateFiles {
	t.Helper()
	folder := t.TempDir()
	return certificateFiles{filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")}
}

// trusting is a client that trusts the certificate and nothing else.
func trusting(certificate *x509.Certificate, newest uint16) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true, DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MaxVersion: newest},
	}}
}

func TestWithACertificateTheAPIIsServedByTLSAndHTTP2(t *testing.T) {
	files := certificateIn(t)
	first := writeCertificate(t, files, 1)
	s := serve(t, t.TempDir(), "--demo", "--tls-cert", files.certificate, "--tls-key", files.key)
	if !strings.HasPrefix(s.url, "https://127.0.0.1:") || !strings.HasPrefix(s.line(t, "admin"), "http://") {
		t.Fatalf("the banner says %q", s.banner)
	}
	response, err := trusting(first, 0).Get(s.url + "/v1/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.ProtoMajor != 2 || response.StatusCode != http.StatusOK {
		t.Errorf("answered %s by %s", response.Status, response.Proto)
	}
	if response, err := trusting(first, tls.VersionTLS11).Get(s.url + "/v1/openapi.json"); err == nil {
		_ = response.Body.Close()
		t.Error("TLS 1.1 is spoken")
	}
	plain, err := http.Get("http://" + strings.TrimPrefix(s.url, "https://") + "/v1/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(plain.Body)
	_ = plain.Body.Close()
	if plain.StatusCode != http.StatusBadRequest || strings.Contains(string(text), "openapi") {
		t.Errorf("without TLS it answers %s: %s", plain.Status, text)
	}
}

func TestServeRefusesACertificateThatItCannotUse(t *testing.T) {
	whole, other, garbage := certificateIn(t), certificateIn(t), certificateIn(t)
	writeCertificate(t, whole, 1)
	writeCertificate(t, other, 2)
	writePEM(t, garbage.certificate, "CERTIFICATE", []byte("garbage"))
	for name, tt := range map[string]struct {
		certificate, key string
		code             int
		says             string
	}{
		"without its key":          {whole.certificate, "", exitUsage, "--tls-cert and --tls-key go together"},
		"a key alone":              {"", whole.key, exitUsage, "--tls-cert and --tls-key go together"},
		"with another one's key":   {whole.certificate, other.key, exitFailed, "private key does not match"},
		"that is no certificate":   {garbage.certificate, whole.key, exitFailed, "certificate"},
		"that is not there at all": {whole.certificate + "x", whole.key, exitFailed, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"serve", "--demo", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}
			r := run(t, t.TempDir(), append(args, "--tls-cert", tt.certificate, "--tls-key", tt.key)...)
			if r.code != tt.code || !strings.Contains(r.stderr, tt.says) {
				t.Errorf("exit %d, want %d and %q\n%s", r.code, tt.code, tt.says, r.stderr)
			}
		})
	}
}

// replaceable is a certificate in use whose files a test replaces; at moves its clock past the next look.
func replaceable(t *testing.T) (files certificateFiles, serial func() int64) {
	t.Helper()
	files = certificateIn(t)
	writeCertificate(t, files, 1)
	now := time.Now()
	c := &certificate{files: files, now: func() time.Time { return now }, log: slog.New(slog.DiscardHandler)}
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	return files, func() int64 {
		now = now.Add(lookEvery)
		current, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return current.Leaf.SerialNumber.Int64()
	}
}

func TestACertificateThatIsReplacedIsReadAgain(t *testing.T) {
	files, serial := replaceable(t)
	if got := serial(); got != 1 {
		t.Fatalf("the certificate is number %d", got)
	}
	writeCertificate(t, files, 2)
	later := time.Now().Add(time.Minute) // in case the file system's clock is coarse
	if err := os.Chtimes(files.certificate, later, later); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 {
		t.Errorf("the certificate is number %d", got)
	}
}

func TestACertificateThatIsReplacedBadlyLeavesTheOneBeforeInUse(t *testing.T) {
	files, serial := replaceable(t)
	whole, err := os.ReadFile(files.certificate)
	if err != nil {
		t.Fatal(err)
	}
	other := certificateIn(t)
	writeCertificate(t, other, 3)
	newKey, err := os.ReadFile(other.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func() error{
		"half a file":              func() error { return os.WriteFile(files.certificate, whole[:len(whole)/2], 0o600) },
		"a key of another one":     func() error { return os.WriteFile(files.key, newKey, 0o600) },
		"nothing":                  func() error { return os.Remove(files.certificate) },
		"nothing, with no key too": func() error { return os.Remove(files.key) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if got := serial(); got != 1 {
			t.Errorf("%s: the certificate is number %d", name, got)
		}
	}
	writeCertificate(t, files, 4)
	if got := serial(); got != 4 {
		t.Errorf("when it is whole again, the certificate is number %d", got)
	}
}
