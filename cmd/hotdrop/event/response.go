package event

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"
)

// maxResponse bounds one response, head and body, in bytes; a longer one is an error rather than memory.
const maxResponse = 16 << 20

// maxChunkLine bounds the line that states a chunk's size.
const maxChunkLine = 4 << 10

// What can be wrong with the bytes of a response.
var (
	// errIncomplete means that the bytes so far are the beginning of a response.
	errIncomplete = errors.New("response is incomplete")
	// errMalformed means that no continuation can make the bytes a response.
	errMalformed = errors.New("response is malformed")
)

// Response is one HTTP response.
type Response struct {
	Status     int
	Body       []byte        // valid until the client's next request
	RetryAfter time.Duration // what the Retry-After header asks for, 0 without one
	closing    bool          // the server will close the connection
	decoded    bool          // Body came in chunks, so that it lies in the scratch space
}

// head is what the head of a response says about the bytes that follow.
type head struct {
	status     int
	size       int // bytes of the head, with the empty line
	length     int // Content-Length, -1 without one
	chunked    bool
	old        bool // HTTP/1.0, which knows no chunks
	closing    bool
	retryAfter int // seconds
}

// parseResponse reads one response to a request that was not HEAD from the start of raw, skipping informational ones.
// It returns the number of bytes the response takes. Chunked bodies are decoded into scratch, others alias raw. ended says
// that the connection has ended, which is what ends a body of unknown length. It fails with errIncomplete while more
// bytes are needed and with errMalformed for what is no response.
func parseResponse(raw, scratch []byte, ended bool) (Response, int, error) {
	h, skipped, err := parseFinalHead(raw)
	if err != nil {
		return Response{}, 0, err
	}
	body, used, err := parseBody(h, raw[skipped+h.size:], scratch[:0], ended)
	if err != nil {
		return Response{}, 0, err
	}
	return Response{
		Status:     h.status,
		Body:       body,
		RetryAfter: time.Duration(h.retryAfter) * time.Second,
		closing:    h.closing,
		decoded:    h.chunked,
	}, skipped + h.size + used, nil
}

// parseFinalHead reads heads until one that is not informational; skipped is the bytes of those before it.
func parseFinalHead(raw []byte) (h head, skipped int, err error) {
	for {
		if h, err = parseHead(raw[skipped:]); err != nil {
			return head{}, 0, err
		}
		if h.status >= 200 {
			return h, skipped, nil
		}
		if h.status == 101 {
			return head{}, 0, fmt.Errorf("%w: it switches protocols", errMalformed)
		}
		skipped += h.size
	}
}

// parseBody reads the body that h announces; used is the bytes it takes on the wire.
func parseBody(h head, rest, scratch []byte, ended bool) (body []byte, used int, err error) {
	switch {
	case h.bodiless():
		return nil, 0, nil
	case h.chunked:
		return parseChunks(rest, scratch)
	case h.length >= 0:
		if len(rest) < h.length {
			return nil, 0, errIncomplete
		}
		return rest[:h.length], h.length, nil
	case !ended:
		return nil, 0, errIncomplete
	default:
		return rest, len(rest), nil
	}
}

// parseHead reads status line and headers.
func parseHead(raw []byte) (head, error) {
	end := bytes.Index(raw, []byte("\r\n\r\n"))
	if end < 0 {
		return head{}, errIncomplete
	}
	if bareLineEnd(raw[:end]) {
		return head{}, fmt.Errorf("%w: a line ends without carriage return", errMalformed)
	}
	line, rest, _ := bytes.Cut(raw[:end], []byte("\r\n"))
	h, err := parseStatusLine(line)
	if err != nil {
		return head{}, err
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		if err := h.header(line); err != nil {
			return head{}, err
		}
	}
	h.size = end + len("\r\n\r\n")
	if h.chunked && (h.length >= 0 || h.old) {
		return head{}, fmt.Errorf("%w: chunks beside Content-Length, or in HTTP/1.0", errMalformed)
	}
	h.closing = h.closing || h.unbounded()
	return h, nil
}

// bodiless reports whether the status says that there is no body, whatever the headers state.
func (h *head) bodiless() bool { return h.status < 200 || h.status == 204 || h.status == 304 }

// unbounded reports whether the body ends with the connection only.
func (h *head) unbounded() bool { return !h.bodiless() && !h.chunked && h.length < 0 }

// parseStatusLine reads "HTTP/1.1 200 OK". A server of HTTP/1.0 closes the connection afterwards.
func parseStatusLine(line []byte) (head, error) {
	const start = len("HTTP/1.x ")
	if len(line) < start+3 || string(line[:7]) != "HTTP/1." || (line[7] != '0' && line[7] != '1') || line[8] != ' ' {
		return head{}, fmt.Errorf("%w: status line %.40q", errMalformed, line)
	}
	status, ok := parseDigits(line[start:start+3], 10)
	if !ok || status < 100 || (len(line) > start+3 && line[start+3] != ' ') {
		return head{}, fmt.Errorf("%w: status line %.40q", errMalformed, line)
	}
	old := line[7] == '0'
	return head{status: status, length: -1, old: old, closing: old}, nil
}

// header takes note of one header line. Most lines are told apart by their length, without looking at them.
func (h *head) header(line []byte) error {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t") {
		return fmt.Errorf("%w: header line %.40q", errMalformed, line)
	}
	switch len(name) {
	case len("content-length"):
		if bytes.EqualFold(name, []byte("content-length")) {
			return h.contentLength(bytes.TrimSpace(value))
		}
	case len("transfer-encoding"):
		if bytes.EqualFold(name, []byte("transfer-encoding")) {
			return h.transferEncoding(bytes.TrimSpace(value))
		}
	case len("connection"):
		if bytes.EqualFold(name, []byte("connection")) {
			h.closing = h.closing || bytes.EqualFold(bytes.TrimSpace(value), []byte("close"))
		}
	case len("retry-after"):
		if bytes.EqualFold(name, []byte("retry-after")) {
			h.retryAfter, _ = parseDigits(bytes.TrimSpace(value), 10)
		}
	}
	return nil
}

// contentLength takes a Content-Length; a second one that differs is how responses are smuggled.
func (h *head) contentLength(value []byte) error {
	length, ok := parseDigits(value, 10)
	if !ok || length > maxResponse || (h.length >= 0 && h.length != length) {
		return fmt.Errorf("%w: Content-Length %.40q", errMalformed, value)
	}
	h.length = length
	return nil
}

// transferEncoding takes a Transfer-Encoding; no client asked for any but chunked.
func (h *head) transferEncoding(value []byte) error {
	if h.chunked || !bytes.EqualFold(value, []byte("chunked")) {
		return fmt.Errorf("%w: Transfer-Encoding %.40q", errMalformed, value)
	}
	h.chunked = true
	return nil
}

// parseChunks decodes a chunked body, trailers included, into body.
func parseChunks(rest, body []byte) (decoded []byte, used int, err error) {
	for {
		size, line, err := parseChunkSize(rest[used:])
		if err != nil {
			return nil, 0, err
		}
		used += line
		if size == 0 {
			trailer, err := trailerSize(rest[used:])
			return body, used + trailer, err
		}
		if len(body)+size > maxResponse {
			return nil, 0, fmt.Errorf("%w: more than %d bytes", errMalformed, maxResponse)
		}
		if len(rest) < used+size+2 {
			return nil, 0, errIncomplete
		}
		if string(rest[used+size:used+size+2]) != "\r\n" {
			return nil, 0, fmt.Errorf("%w: a chunk is longer than it said", errMalformed)
		}
		body = append(body, rest[used:used+size]...)
		used += size + 2
	}
}

// parseChunkSize reads "1a;extension\r\n"; line is the bytes of that line.
func parseChunkSize(rest []byte) (size, line int, err error) {
	end := bytes.Index(rest, []byte("\r\n"))
	if end > maxChunkLine || (end < 0 && len(rest) > maxChunkLine) {
		return 0, 0, fmt.Errorf("%w: chunk size of %d bytes", errMalformed, len(rest))
	}
	if end < 0 {
		return 0, 0, errIncomplete
	}
	if bareLineEnd(rest[:end]) {
		return 0, 0, fmt.Errorf("%w: a chunk's size ends without carriage return", errMalformed)
	}
	digits, _, _ := bytes.Cut(rest[:end], []byte(";"))
	size, ok := parseDigits(bytes.TrimRight(digits, " \t"), 16)
	if !ok || size > maxResponse {
		return 0, 0, fmt.Errorf("%w: chunk size %.40q", errMalformed, digits)
	}
	return size, end + 2, nil
}

// bareLineEnd reports whether a line feed stands without its carriage return, or the other way round: some parsers end a
// line there, others do not, and a response must not depend on who reads it.
func bareLineEnd(text []byte) bool {
	whole := bytes.Count(text, []byte("\r\n"))
	return bytes.Count(text, []byte("\n")) != whole || bytes.Count(text, []byte("\r")) != whole
}

// trailerSize returns the bytes of the trailers and the empty line that ends them.
func trailerSize(rest []byte) (int, error) {
	if bytes.HasPrefix(rest, []byte("\r\n")) {
		return 2, nil
	}
	if end := bytes.Index(rest, []byte("\r\n\r\n")); end >= 0 {
		return end + 4, nil
	}
	return 0, errIncomplete
}

// parseDigits reads a number without sign or space that fits 31 bits.
func parseDigits(text []byte, base int) (int, bool) {
	n := 0
	for _, c := range text {
		digit := digitOf(c)
		if digit >= base || n > (math.MaxInt32-digit)/base {
			return 0, false
		}
		n = n*base + digit
	}
	return n, len(text) > 0
}

// digitOf returns the value of a hexadecimal digit, and a value no base allows for anything else.
func digitOf(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	default:
		return math.MaxInt8
	}
}
