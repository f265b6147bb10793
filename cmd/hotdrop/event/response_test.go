package event

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The beginnings of responses that tests have in common.
const (
	okLine  = "HTTP/1.1 200 OK\r\n"
	chunked = okLine + "Transfer-Encoding: chunked\r\n\r\n"
)

func TestAResponseIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, raw string
		ended     bool
		status    int
		body      string
		used      int // 0 means all of raw
		retry     time.Duration
		closing   bool
	}{
		{
			name: "a body of a stated length",
			raw:  "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello", status: 201, body: "hello",
		},
		{name: "no body", raw: okLine + "Content-Length: 0\r\n\r\n", status: 200},
		{name: "a status line without a reason", raw: "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", status: 404},
		{name: "header names in any case", raw: okLine + "cOnTeNt-LeNgTh:2\r\n\r\nok", status: 200, body: "ok"},
		{
			name: "only the first of two responses",
			raw:  okLine + "Content-Length: 2\r\n\r\nokHTTP/1.1", status: 200, body: "ok", used: 40,
		},
		{
			name: "the same length twice",
			raw:  okLine + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok",
		},
		{
			name: "a wait before the next try",
			raw:  "HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", status: 503, retry: 7 * time.Second,
		},
		{
			name: "a date to wait for is no number of seconds",
			raw:  "HTTP/1.1 503 No\r\nRetry-After: Fri, 21 Dec 2012 12:00:00 GMT\r\nContent-Length: 0\r\n\r\n", status: 503,
		},
		{
			name: "a connection that closes",
			raw:  okLine + "Connection: close\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok", closing: true,
		},
		{
			name: "HTTP/1.0 closes",
			raw:  "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok", closing: true,
		},
		{name: "chunks", raw: chunked + "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n", status: 200, body: "hello!"},
		{
			name: "chunks with hexadecimal sizes and a coding in capitals",
			raw:  okLine + "Transfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n00\r\n\r\n", status: 200, body: "0123456789",
		},
		{name: "chunks with trailers", raw: chunked + "1\r\nx\r\n0\r\nDigest: none\r\n\r\n", status: 200, body: "x"},
		{name: "no content has no body", raw: "HTTP/1.1 204 No Content\r\n\r\n", status: 204},
		{
			name: "not modified has no body whatever it states",
			raw:  "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", status: 304,
		},
		{
			name: "an informational response comes first",
			raw:  "HTTP/1.1 100 Continue\r\n\r\n" + okLine + "Content-Length: 2\r\n\r\nok", status: 200, body: "ok",
		},
		{
			name: "a body of unknown length ends with the connection",
			raw:  okLine + "\r\nall of it", ended: true, status: 200, body: "all of it", closing: true,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, used, err := parseResponse([]byte(test.raw), nil, test.ended)
			if err != nil {
				t.Fatal(err)
			}
			if r.Status != test.status || string(r.Body) != test.body {
				t.Errorf("status %d, body %q; want %d, %q", r.Status, r.Body, test.status, test.body)
			}
			if want := cmp.Or(test.used, len(test.raw)); used != want {
				t.Errorf("it takes %d bytes, want %d", used, want)
			}
			if r.RetryAfter != test.retry || r.closing != test.closing {
				t.Errorf("retry after %s, closing %t; want %s, %t", r.RetryAfter, r.closing, test.retry, test.closing)
			}
		})
	}
}

func TestEveryPrefixOfAResponseIsIncomplete(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	} {
		for end := range len(raw) {
			if _, _, err := parseResponse([]byte(raw[:end]), nil, false); !errors.Is(err, errIncomplete) {
				t.Errorf("%q: %v, want incomplete", raw[:end], err)
			}
		}
	}
}

func TestAMalformedResponseIsRefused(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"another protocol":               "SPDY/3.1 200 OK\r\n\r\n",
		"another version":                "HTTP/2.0 200 OK\r\n\r\n",
		"a short status":                 "HTTP/1.1 20\r\n\r\n",
		"a status that is no number":     "HTTP/1.1 2x0 OK\r\n\r\n",
		"a status of four digits":        "HTTP/1.1 2000 OK\r\n\r\n",
		"a status below 100":             "HTTP/1.1 099 OK\r\n\r\n",
		"switching protocols":            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"a header without a colon":       okLine + "Server\r\n\r\n",
		"a header without a name":        okLine + ": x\r\n\r\n",
		"a space before the colon":       okLine + "Content-Length : 2\r\n\r\nok",
		"a negative length":              okLine + "Content-Length: -1\r\n\r\n",
		"a signed length":                okLine + "Content-Length: +2\r\n\r\nok",
		"no length":                      okLine + "Content-Length:\r\n\r\n",
		"a length beyond 64 bits":        okLine + "Content-Length: 18446744073709551617\r\n\r\n",
		"a length beyond the bound":      okLine + "Content-Length: 99999999\r\n\r\n",
		"two lengths":                    okLine + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
		"a length beside chunks":         okLine + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunks in HTTP/1.0":             "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a coding nobody asked for":      okLine + "Transfer-Encoding: gzip, chunked\r\n\r\n",
		"chunks in chunks":               okLine + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a chunk size that is no number": chunked + "xyz\r\n",
		"a chunk without a size":         chunked + "\r\n",
		"a chunk beyond the bound":       chunked + "fffffff\r\n",
		"a chunk longer than it said":    chunked + "1\r\nxyz\r\n0\r\n\r\n",
		"a head with bare line feeds":    "HTTP/1.1 200 OK\nServer: x\r\n\r\n",
		"a header with a bare return":    okLine + "Server: x\ry: z\r\n\r\n",
		"a chunk size with a line feed":  chunked + "1;\nx\r\na\r\n0\r\n\r\n",
		"a chunk size without an end":    chunked + strings.Repeat("0", 2*maxChunkLine),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := parseResponse([]byte(raw), nil, false); !errors.Is(err, errMalformed) {
				t.Errorf("%v, want malformed", err)
			}
		})
	}
}

func TestAChunkedBodyDoesNotTouchTheBytesThatWereRead(t *testing.T) {
	t.Parallel()
	raw := []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n")
	before := bytes.Clone(raw)
	r, _, err := parseResponse(raw, make([]byte, 0, 8), false)
	if err != nil || string(r.Body) != "ab" || !r.decoded {
		t.Fatalf("body %q, decoded %t, %v", r.Body, r.decoded, err)
	}
	if !bytes.Equal(raw, before) {
		t.Errorf("the response became %q", raw)
	}
}

// FuzzParseResponse holds the parser against net/http's: what both accept, they read alike. It also must neither panic
// nor claim more bytes than there are, and must refuse for good what it calls malformed.
func FuzzParseResponse(f *testing.F) {
	for _, raw := range []string{
		"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nrest",
		"HTTP/1.1 204 No Content\r\nRetry-After: 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
	} {
		f.Add([]byte(raw), false)
		f.Add([]byte(raw), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, ended bool) {
		r, used, err := parseResponse(raw, nil, ended)
		if errors.Is(err, errMalformed) {
			if _, _, err := parseResponse(append(bytes.Clone(raw), "\r\n\r\n0\r\n\r\n"...), nil, ended); err == nil {
				t.Fatalf("%q was malformed, and is not with more behind it", raw)
			}
		}
		if err != nil {
			return
		}
		if used > len(raw) || used < len("HTTP/1.1 200\r\n\r\n") {
			t.Fatalf("%q: takes %d bytes of %d", raw, used, len(raw))
		}
		status, body, ok := readWithStandardLibrary(raw[:used])
		if ok && (status != r.Status || !bytes.Equal(body, r.Body)) {
			t.Fatalf("%q: status %d, body %q; net/http reads %d, %q", raw, r.Status, r.Body, status, body)
		}
	})
}

// readWithStandardLibrary reads the first response that is not informational; ok is false when net/http does not accept
// it.
func readWithStandardLibrary(raw []byte) (status int, body []byte, ok bool) {
	reader := bufio.NewReader(bytes.NewReader(raw))
	for {
		r, err := http.ReadResponse(reader, nil)
		if err != nil {
			return 0, nil, false
		}
		body, err := io.ReadAll(r.Body)
		if closed := r.Body.Close(); err != nil || closed != nil {
			return 0, nil, false
		}
		if r.StatusCode >= 200 {
			return r.StatusCode, body, true
		}
	}
}
