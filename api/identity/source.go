package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	// maxKeySet is how long a key set may be, in bytes.
	maxKeySet = 256 << 10
	// fetchTimeout is how long a provider may take to send its keys, from the connection to the last byte.
	fetchTimeout = 5 * time.Second
)

// source is where a provider's keys are.
type source interface {
	read(ctx context.Context) ([]byte, error)
}

// file is a key set on disk.
type file string

func (f file) read(context.Context) ([]byte, error) {
	opened, err := os.Open(string(f))
	if err != nil {
		return nil, err
	}
	defer func() { _ = opened.Close() }() // only read
	return readBounded(opened)
}

// remote is a key set at an address.
type remote struct {
	client *http.Client
	url    string
}

func (r remote) read(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // only read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", r.url, response.Status)
	}
	return readBounded(response.Body)
}

func readBounded(reader io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(reader, maxKeySet+1))
	if err == nil && len(text) > maxKeySet {
		err = fmt.Errorf("it is longer than %d bytes", maxKeySet)
	}
	return text, err
}

// NewClient returns a client for what an identity provider serves: every exchange ends within the time, answers are cut off
// at maxAnswer bytes, and a redirect is an answer like any other, which nobody follows.
func NewClient(timeout time.Duration) *http.Client {
	dialer := &net.Dialer{Timeout: timeout}
	return &http.Client{
		Timeout: timeout,
		Transport: bounded{&http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: timeout,
			ResponseHeaderTimeout: timeout, MaxResponseHeaderBytes: maxAnswerHeader, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// The longest answer that a client of [NewClient] reads, in bytes: of its body and of its headers.
const (
	maxAnswer       = 1 << 20
	maxAnswerHeader = 32 << 10
)

// errAnswerTooLong is how reading an answer ends that is longer than maxAnswer.
var errAnswerTooLong = errors.New("the answer is too long")

// bounded cuts answers off, for libraries that read them to their end.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: maxAnswer}
	return response, nil
}

type boundedBody struct {
	io.ReadCloser

	left int
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errAnswerTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	if b.left -= n; b.left < 0 {
		return 0, errAnswerTooLong
	}
	return n, err
}
