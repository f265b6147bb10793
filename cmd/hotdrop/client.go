package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
)

// maxReplyBytes bounds what the client reads of one reply.
const maxReplyBytes = 4 << 20

// client speaks to a server as staff.
type client struct {
	server string    // base URL
	key    string    // API key
	plain  bool      // the key may go to another machine without encryption
	demo   core.Role // whose key of a demo in this folder is taken where none is given; "": the operator's
}

func (c *client) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.server, "server", "http://127.0.0.1:8080", "the server's URL")
	cmd.Flags().BoolVar(&c.plain, "server-plain-http", false, "send the key to a server on another machine without encryption")
	cmd.Flags().StringVar(&c.key, "key", "",
		fmt.Sprintf("API key; better in the environment as HOTDROP_KEY, which stays out of the shell's history and the list of processes; "+
			"without it, for a server on this machine, the %s's of ./data/%s", cmp.Or(c.demo, core.RoleOperator), demoKeysFile))
}

// reply is what a server answered with success.
type reply struct {
	header http.Header
	body   []byte
}

// clientPatience is how long a client waits for the answer to a request that is not an upload.
const clientPatience = time.Minute

// do sends one request; an answer that is not a success is an *api.Problem.
func (c *client) do(ctx context.Context, method, path string, header http.Header, body []byte) (*reply, error) {
	return c.doWithin(ctx, clientPatience, method, path, header, body)
}

// doWithin is do with a bound on the time that sending and answering take.
func (c *client) doWithin(
	ctx context.Context, patience time.Duration, method, path string, header http.Header, body []byte,
) (*reply, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	response, err := c.send(ctx, method, path, header, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	content, err := io.ReadAll(io.LimitReader(response.Body, maxReplyBytes))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if response.StatusCode/100 != 2 {
		return nil, problemOf(response.StatusCode, content)
	}
	return &reply{response.Header, content}, nil
}

// send sends one request and returns the answer, whatever it is; its body is still to be read.
func (c *client) send(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Response, error) {
	if err := c.checkServer(); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.server, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, usageError{fmt.Errorf("--server: %w", err)}
	}
	if header != nil {
		request.Header = header
	}
	key, err := c.apiKey()
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := (&http.Client{Transport: http.DefaultClient.Transport, CheckRedirect: stay}).Do(request)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if response.StatusCode == http.StatusBadRequest && request.URL.Scheme == "http" && c.refusedPlain(response) {
		return nil, fmt.Errorf("%s speaks TLS: set --server to https://%s", c.server, request.URL.Host)
	}
	return response, nil
}

// checkServer refuses what is no base URL, and one to which whoever listens on the way could read the key.
func (c *client) checkServer() error {
	base, err := url.Parse(c.server)
	if err == nil && (base.Scheme == "http" || base.Scheme == "https") && base.Hostname() != "" {
		return c.checkEncrypted(base)
	}
	if !strings.Contains(c.server, "://") {
		return usageError{fmt.Errorf("--server %q has no scheme: write http://%s or https://%s", c.server, c.server, c.server)}
	}
	return usageError{fmt.Errorf("--server %q is no URL such as http://127.0.0.1:8080", c.server)}
}

// checkEncrypted refuses to send a key to another machine in the clear, unless it was asked for.
func (c *client) checkEncrypted(base *url.URL) error {
	if base.Scheme == "https" || c.plain || thisMachine(base.Hostname()) {
		return nil
	}
	encrypted := url.URL{Scheme: "https", Host: base.Host, Path: base.Path}
	return &nextError{
		usageError{fmt.Errorf("anybody on the way to %s could read the key: http:// is not encrypted", printable(base.Host))},
		"--server " + quoted(encrypted.String()) + ", or --server-plain-http if nobody can listen there",
	}
}

// thisMachine reports whether the host of a URL is this machine, whatever name servers say.
func thisMachine(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// unreachable says why no answer came, and what to try.
func (c *client) unreachable(err error) error {
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, notTLS := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case badCertificate:
		return fmt.Errorf("the certificate of %s is not trusted: set SSL_CERT_FILE to a file with the certificate of who issued it, "+
			"or call the server by a name that stands in it: %w", c.server, err)
	case notTLS || errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%s does not speak TLS: set --server to http:// instead of https://: %w", c.server, err)
	default:
		return fmt.Errorf("no server answers at %s (start one with `hotdrop serve --demo`, or set --server): %w", c.server, err)
	}
}

// plainRefusal is how Go's servers answer what is no TLS.
const plainRefusal = "Client sent an HTTP request to an HTTPS server."

// refusedPlain reports whether the answer is that of a server that wants TLS; if it is not, it can still be read.
func (c *client) refusedPlain(response *http.Response) bool {
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/") {
		return false
	}
	start, _ := io.ReadAll(io.LimitReader(response.Body, int64(len(plainRefusal))))
	rest := response.Body
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), rest), rest}
	return string(start) == plainRefusal
}

// stay follows no redirect: the key is for the server that was named. net/http would send it on to any port of the same host, to
// hosts below it, and in the clear.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// problemOf reads an error reply; one that is not a problem document keeps its status and first words.
func problemOf(status int, content []byte) *api.Problem {
	p := &api.Problem{}
	if err := json.Unmarshal(content, p); err != nil || p.Code == "" {
		text := []rune(strings.TrimSpace(string(content)))
		p = &api.Problem{Code: core.CodeInternal, Detail: string(text[:min(len(text), 200)])}
	}
	for _, v := range p.Errors {
		p.Detail += "; " + strings.TrimSpace(v.Location+" "+v.Message)
	}
	for _, one := range p.Problems {
		p.Detail += "\n" + oneLine(one.String())
	}
	p.Status = status
	return p
}

// apiKey is the key of the flag, else one of a demo in this folder, which goes to servers on this machine only: demos run nowhere
// else.
func (c *client) apiKey() (string, error) {
	if c.key != "" {
		return c.key, nil
	}
	if base, err := url.Parse(c.server); err != nil || !thisMachine(base.Hostname()) {
		return "", usageError{errors.New("no API key: set HOTDROP_KEY (the key of a demo goes to a server on this machine only)")}
	}
	keys, err := api.LoadKeys(filepath.Join("data", demoKeysFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", usageError{fmt.Errorf("no API key: set HOTDROP_KEY (data/%s of a demo is not here)", demoKeysFile)}
	}
	if err != nil {
		return "", err
	}
	return keyOf(keys, cmp.Or(c.demo, core.RoleOperator)), nil
}
