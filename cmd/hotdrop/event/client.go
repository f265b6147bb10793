package event

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// How a client waits. A pause doubles from the first to the longest; patience is how long a request is tried again
// after transport errors and 5xx answers before it is given up.
const (
	answerTimeout   = 30 * time.Second
	dialTimeout     = 5 * time.Second
	firstPause      = 20 * time.Millisecond
	longestPause    = time.Second
	defaultPatience = 30 * time.Second
)

// keyHeader begins the header that carries the Idempotency-Key.
const keyHeader = "\r\nIdempotency-Key: "

// errEnded is the transport error of a connection that ended before its response did.
var errEnded = errors.New("connection ended inside a response")

// Request is one HTTP request.
type Request struct {
	Method string
	Path   string
	Token  string // bearer token; "" for none
	Key    string // Idempotency-Key; "" for none
	Type   string // media type of Body; "" means application/json
	Body   []byte
	// Header is further headers, such as those of a signature.
	Header http.Header
}

// Client sends requests over one keep-alive connection, which it opens again when it was lost. It is not safe for
// concurrent use: a client is one shopper's device.
type Client struct {
	// Patience is how long [Client.Do] tries a request again; 0 means 30 seconds.
	Patience time.Duration
	address  string
	out      []byte // the request
	in       []byte // what has been read
	scratch  []byte // decoded chunks
	deadline time.Time
	mu       sync.Mutex // guards conn against interrupt
	conn     net.Conn
}

// NewClient returns a client of the server at baseURL, such as http://127.0.0.1:8080. It connects with the first
// request.
func NewClient(baseURL string) (*Client, error) {
	parsed, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("server's address: %w", err)
	}
	if parsed.Scheme != "http" || parsed.Hostname() == "" {
		return nil, fmt.Errorf("server's address %q is not http://HOST:PORT", baseURL)
	}
	address := parsed.Host
	if parsed.Port() == "" {
		address = net.JoinHostPort(parsed.Hostname(), "80")
	}
	return &Client{address: address, in: make([]byte, 0, 8<<10)}, nil
}

// Do sends the request until it is answered with anything but a 5xx: transport errors and 5xx are tried again with the
// same Idempotency-Key, with growing pauses, for as long as Patience lasts. retries is how often it was. A 5xx is
// returned as the response once patience is over. It fails with the transport's last error or the context's.
func (c *Client) Do(ctx context.Context, r Request) (response Response, retries int, err error) {
	defer c.watch(ctx)()
	c.out = c.appendRequest(c.out[:0], r)
	return c.persist(ctx)
}

// Close closes the connection. A request after that opens another.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}

// appendRequest appends the bytes of the request.
func (c *Client) appendRequest(b []byte, r Request) []byte {
	b = c.appendStart(b, r.Method, r.Token, r.Path)
	if r.Key != "" {
		b = append(append(b, keyHeader...), r.Key...)
	}
	for name, values := range r.Header {
		for _, value := range values {
			b = append(append(append(append(b, "\r\n"...), name...), ": "...), value...)
		}
	}
	return appendEnd(b, r.Type, r.Body)
}

// appendStart appends request line, host and authorization of a request; the path comes in pieces. Keys may follow.
func (c *Client) appendStart(b []byte, method, token string, path ...string) []byte {
	b = append(append(b, method...), ' ')
	for _, piece := range path {
		b = append(b, piece...)
	}
	b = append(append(b, " HTTP/1.1\r\nHost: "...), c.address...)
	if token != "" {
		b = append(append(b, "\r\nAuthorization: Bearer "...), token...)
	}
	return b
}

// appendEnd appends the headers of the body, and the body.
func appendEnd(b []byte, media string, body []byte) []byte {
	if len(body) > 0 {
		b = append(append(b, "\r\nContent-Type: "...), mediaType(media)...)
	}
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	return append(append(b, "\r\n\r\n"...), body...)
}

func mediaType(t string) string {
	if t == "" {
		return "application/json"
	}
	return t
}

// persist sends what c.out holds until it is answered, as Do documents.
func (c *Client) persist(ctx context.Context) (response Response, retries int, err error) {
	response, err = c.exchange(ctx)
	if err == nil && response.Status < 500 {
		return response, 0, nil
	}
	until := time.Now().Add(c.patience())
	pause := firstPause
	for time.Now().Before(until) && ctx.Err() == nil {
		wait(ctx, max(pause, min(response.RetryAfter, longestPause)))
		pause = min(2*pause, longestPause)
		retries++
		response, err = c.exchange(ctx)
		if err == nil && response.Status < 500 {
			break
		}
	}
	if ctx.Err() != nil {
		return Response{}, retries, context.Cause(ctx)
	}
	return response, retries, err
}

func (c *Client) patience() time.Duration {
	if c.Patience == 0 {
		return defaultPatience
	}
	return c.Patience
}

// wait pauses for d, or until the context ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// exchange sends c.out once and reads the response. After an error the connection is closed.
func (c *Client) exchange(ctx context.Context) (Response, error) {
	if err := c.connect(ctx); err != nil {
		return Response{}, err
	}
	response, err := c.roundTrip(ctx)
	if err != nil || response.closing {
		err = errors.Join(err, c.Close())
	}
	if err != nil {
		return Response{}, err
	}
	return response, nil
}

// roundTrip writes c.out and reads until the response is complete.
func (c *Client) roundTrip(ctx context.Context) (Response, error) {
	if err := c.extendDeadline(time.Now()); err != nil {
		return Response{}, err
	}
	if ctx.Err() != nil { // after the deadline moved: interrupt then comes later and stays
		return Response{}, context.Cause(ctx)
	}
	if _, err := c.conn.Write(c.out); err != nil {
		return Response{}, fmt.Errorf("send request: %w", err)
	}
	return c.receive()
}

// receive reads until the response is complete.
func (c *Client) receive() (Response, error) {
	c.in = c.in[:0]
	for {
		ended, err := c.read()
		if err != nil {
			return Response{}, err
		}
		response, used, err := parseResponse(c.in, c.scratch, ended)
		if err == nil {
			return c.finish(response, used)
		}
		if !errors.Is(err, errIncomplete) {
			return Response{}, err
		}
		if ended {
			return Response{}, errEnded
		}
	}
}

// finish keeps the scratch space a chunked body has grown and refuses bytes that nobody asked for.
func (c *Client) finish(response Response, used int) (Response, error) {
	if used != len(c.in) {
		return Response{}, fmt.Errorf("%w: %d bytes follow it", errMalformed, len(c.in)-used)
	}
	if response.decoded {
		c.scratch = response.Body[:0]
	}
	return response, nil
}

// read appends what has arrived to c.in; ended says that the server sends no more.
func (c *Client) read() (ended bool, err error) {
	if len(c.in) == cap(c.in) {
		if len(c.in) >= maxResponse {
			return false, fmt.Errorf("%w: more than %d bytes", errMalformed, maxResponse)
		}
		c.in = append(make([]byte, 0, 2*cap(c.in)), c.in...)
	}
	n, err := c.conn.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	if err != nil && n == 0 {
		return false, fmt.Errorf("read response: %w", err)
	}
	return false, nil
}

// extendDeadline gives an answer at least answerTimeout.
// Moving the deadline with every request would cost a timer each.
func (c *Client) extendDeadline(now time.Time) error {
	if c.deadline.Sub(now) >= answerTimeout {
		return nil
	}
	c.deadline = now.Add(2 * answerTimeout)
	if err := c.conn.SetDeadline(c.deadline); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	return nil
}

// connect opens the connection if there is none.
func (c *Client) connect(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn, c.deadline = conn, time.Time{}
	return nil
}

// watch ends a request that is under way when the context ends; the function it returns stops watching.
func (c *Client) watch(ctx context.Context) (stop func()) {
	cancel := context.AfterFunc(ctx, c.interrupt)
	return func() { cancel() }
}

// interrupt makes the read or write under way fail.
func (c *Client) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		_ = c.conn.SetDeadline(time.Unix(1, 0)) // the connection may be gone already
	}
}
