package event

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clientOf returns a client of the server that gives up late enough for any machine.
func clientOf(t *testing.T, url string) *Client {
	t.Helper()
	client, err := NewClient(url)
	if err != nil {
		t.Fatal(err)
	}
	client.Patience = time.Minute
	t.Cleanup(func() { _ = client.Close() }) // a server may have closed it first
	return client
}

func TestARequestArrivesAsItWasMeant(t *testing.T) {
	t.Parallel()
	type arrived struct{ method, path, token, key, media, body string }
	var got arrived
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = arrived{
			r.Method, r.URL.Path, r.Header.Get("Authorization"),
			r.Header.Get("Idempotency-Key"), r.Header.Get("Content-Type"), string(body),
		}
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(server.Close)
	client := clientOf(t, server.URL)
	for _, test := range []struct {
		name    string
		request Request
		want    arrived
	}{
		{
			"an order", Request{Method: "POST", Path: "/orders", Token: "t", Key: "k", Body: []byte(`{"sku":"mi2"}`)},
			arrived{"POST", "/orders", "Bearer t", "k", "application/json", `{"sku":"mi2"}`},
		},
		{
			"a campaign file",
			Request{Method: "PUT", Path: "/campaigns/x", Token: "t", Type: "application/yaml", Body: []byte("campaign: x")},
			arrived{"PUT", "/campaigns/x", "Bearer t", "", "application/yaml", "campaign: x"},
		},
		{"a look without a token", Request{Method: "GET", Path: "/"}, arrived{"GET", "/", "", "", "", ""}},
	} {
		r, retries, err := client.Do(t.Context(), test.request)
		if err != nil || r.Status != http.StatusCreated || retries != 0 {
			t.Errorf("%s: status %d, %d retries, %v", test.name, r.Status, retries, err)
		}
		if got != test.want {
			t.Errorf("%s: arrived as %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestAClientKeepsItsConnection(t *testing.T) {
	t.Parallel()
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/chunks" {
			_, _ = io.WriteString(w, strings.Repeat("x", 1000))
			_ = http.NewResponseController(w).Flush() // no length is known now, so that the body goes out in chunks
		}
		_, _ = io.WriteString(w, strings.Repeat("y", 100_000))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := clientOf(t, server.URL)
	for _, path := range []string{"/", "/chunks", "/", "/chunks"} {
		r, _, err := client.Do(t.Context(), Request{Method: "GET", Path: path})
		want := strings.Repeat("y", 100_000)
		if path == "/chunks" {
			want = strings.Repeat("x", 1000) + want
		}
		if err != nil || string(r.Body) != want {
			t.Errorf("%s: %d bytes, %v", path, len(r.Body), err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestAConnectionThatTheServerClosesIsOpenedAgain(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
	}))
	t.Cleanup(server.Close)
	client := clientOf(t, server.URL)
	for range 3 {
		r, retries, err := client.Do(t.Context(), Request{Method: "GET", Path: "/"})
		if err != nil || r.Status != 200 || retries != 0 {
			t.Fatalf("status %d, %d retries, %v", r.Status, retries, err)
		}
	}
}

func TestAFailedRequestIsTriedAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var keys []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		try := len(keys)
		mu.Unlock()
		switch try {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			panic(http.ErrAbortHandler) // the connection is cut before an answer
		case 3:
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
			panic(http.ErrAbortHandler) // the connection is cut inside an answer
		default:
			w.WriteHeader(http.StatusCreated)
		}
	}))
	t.Cleanup(server.Close)
	r, retries, err := clientOf(t, server.URL).Do(t.Context(), Request{Method: "POST", Path: "/", Key: "k"})
	if err != nil || r.Status != http.StatusCreated || retries != 3 {
		t.Fatalf("status %d after %d retries, %v", r.Status, retries, err)
	}
	if !slices.Equal(keys, []string{"k", "k", "k", "k"}) {
		t.Errorf("the keys were %q", keys)
	}
}

func TestAServerThatComesBackIsFoundAgain(t *testing.T) {
	t.Parallel()
	old := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	address := old.Listener.Addr().String()
	client := clientOf(t, old.URL)
	if _, _, err := client.Do(t.Context(), Request{Method: "GET", Path: "/"}); err != nil {
		t.Fatal(err)
	}
	old.Close()
	client.Patience = time.Nanosecond
	if _, _, err := client.Do(t.Context(), Request{Method: "GET", Path: "/"}); err == nil {
		t.Fatal("a server that is gone answered")
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	again := &httptest.Server{Listener: listener, Config: &http.Server{
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ReadHeaderTimeout: time.Minute,
	}}
	again.Start()
	t.Cleanup(again.Close)
	client.Patience = time.Minute
	if r, _, err := client.Do(t.Context(), Request{Method: "GET", Path: "/"}); err != nil || r.Status != 200 {
		t.Errorf("status %d, %v", r.Status, err)
	}
}

func TestARefusalIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
	}))
	t.Cleanup(server.Close)
	r, retries, err := clientOf(t, server.URL).Do(t.Context(), Request{Method: "POST", Path: "/"})
	if err != nil || r.Status != http.StatusConflict || retries != 0 {
		t.Errorf("status %d after %d retries, %v", r.Status, retries, err)
	}
}

func TestPatienceEndsWithTheLastAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	client := clientOf(t, server.URL)
	client.Patience = time.Nanosecond
	r, retries, err := client.Do(t.Context(), Request{Method: "POST", Path: "/"})
	if err != nil || r.Status != http.StatusServiceUnavailable || retries > 1 {
		t.Errorf("status %d after %d retries, %v", r.Status, retries, err)
	}
}

func TestARequestUnderWayEndsWithItsContext(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the shopper left")
	go func() {
		<-arrived
		cancel(why)
	}()
	if _, _, err := clientOf(t, server.URL).Do(ctx, Request{Method: "GET", Path: "/"}); !errors.Is(err, why) {
		t.Errorf("%v, want %v", err, why)
	}
}

func TestBytesBehindAResponseAreAnError(t *testing.T) {
	t.Parallel()
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- answerTwice(listener) }()
	client := clientOf(t, "http://"+listener.Addr().String())
	client.Patience = time.Nanosecond
	if _, _, err := client.Do(t.Context(), Request{Method: "GET", Path: "/"}); err == nil {
		t.Error("an answer to no request was taken")
	}
	closed := listener.Close() // ends answerTwice
	if err := <-served; closed != nil || !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v, %v", closed, err)
	}
}

// answerTwice answers one request with two responses, once per connection.
func answerTwice(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		request, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return errors.Join(err, conn.Close())
		}
		answer := "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
		_, err = fmt.Fprint(conn, answer, answer)
		if err := errors.Join(err, request.Body.Close(), conn.Close()); err != nil {
			return err
		}
	}
}

func TestAnAddressThatIsNoServerIsRefused(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "127.0.0.1:8080", "https://127.0.0.1", "http://", "http://[::1", "ftp://host"} {
		if _, err := NewClient(url); err == nil {
			t.Errorf("%q is an address", url)
		}
	}
	client, err := NewClient("http://localhost")
	if err != nil || client.address != "localhost:80" {
		t.Errorf("the address is %q, %v", client.address, err)
	}
}
