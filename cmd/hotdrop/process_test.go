package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// runAsHotdrop makes the test binary be the command itself, so that processes can be started, signalled and killed
// without a build of their own.
const runAsHotdrop = "HOTDROP_TEST_RUN"

// testSettings is where a test puts the settings, NAME=VALUE, that its commands find in their environment.
const testSettings = "HOTDROP_TEST_SETTINGS"

// patience bounds every wait of these tests; none of them waits for time to pass.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	vetting := len(os.Args) > 1 && os.Args[1] == vetChildName // a child that is started without an environment
	if os.Getenv(runAsHotdrop) != "" || vetting {
		os.Exit(doMain(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// hotdrop is a command of this binary in a folder of its own, without the settings of whoever runs the tests.
func hotdrop(ctx context.Context, folder string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Dir = folder
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "HOTDROP_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, runAsHotdrop+"=1")
	cmd.Env = append(cmd.Env, strings.Fields(os.Getenv(testSettings))...)
	return cmd
}

// result is what a command that ended left behind.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a command to its end.
func run(t *testing.T, folder string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	cmd := hotdrop(ctx, folder, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the exit code says what it has to say
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// requireRun runs a command that has to work and returns its stdout.
func requireRun(t *testing.T, folder string, args ...string) string {
	t.Helper()
	r := run(t, folder, args...)
	if r.code != exitOK {
		t.Fatalf("hotdrop %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// server is a running `hotdrop serve`.
type server struct {
	url    string
	banner []string // stdout up to the last line of the banner
	cmd    *exec.Cmd
	ended  chan error
	mu     sync.Mutex
	stderr bytes.Buffer
	said   chan struct{} // gets a value with every write to stderr, if it is empty
}

// bannerEnds begins the last line that serve prints before it serves in silence.
const bannerEnds = "Ctrl-C"

// serve starts `hotdrop serve` with a free port and waits until it has printed its banner, which it does once it
// answers.
func serve(t *testing.T, folder string, args ...string) *server {
	t.Helper()
	s, err := tryServe(t, folder, append([]string{"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}, args...)...)
	if err != nil {
		t.Fatalf("serve: %v\n%s", err, s.log())
	}
	return s
}

func tryServe(t *testing.T, folder string, args ...string) (*server, error) {
	t.Helper()
	s := &server{ended: make(chan error, 1), said: make(chan struct{}, 1)}
	s.cmd = hotdrop(context.WithoutCancel(t.Context()), folder, append([]string{"serve"}, args...)...)
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = s
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	banner := make(chan struct{})
	go s.read(stdout, banner)
	t.Cleanup(func() { s.kill(t) })
	select {
	case <-banner:
		s.url = s.banner[0]
		return s, nil
	case err := <-s.ended:
		s.ended <- err
		return s, fmt.Errorf("ended before it served: %w", err)
	case <-time.After(patience):
		return s, fmt.Errorf("not serving after %s", patience)
	}
}

func (s *server) read(stdout io.Reader, banner chan<- struct{}) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		s.banner = append(s.banner, lines.Text())
		if strings.HasPrefix(lines.Text(), bannerEnds) {
			close(banner)
			break
		}
	}
	_, _ = io.Copy(io.Discard, stdout)
	s.ended <- s.cmd.Wait()
}

// Write collects stderr.
func (s *server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.said <- struct{}{}:
	default:
	}
	return s.stderr.Write(p)
}

// waitForLog waits until the server has logged the text.
func (s *server) waitForLog(t *testing.T, text string) {
	t.Helper()
	timeout := time.After(patience)
	for !strings.Contains(s.log(), text) {
		select {
		case <-s.said:
		case <-timeout:
			t.Fatalf("%q was not logged within %s\n%s", text, patience, s.log())
		}
	}
}

func (s *server) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stderr.String()
}

// line returns what the banner says behind the label.
func (s *server) line(t *testing.T, label string) string {
	t.Helper()
	for _, line := range s.banner {
		if rest, ok := strings.CutPrefix(line, label); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("no %q in the banner:\n%s", label, strings.Join(s.banner, "\n"))
	return ""
}

// signal sends a signal and waits for the end; it returns the exit code, -1 for a process that was killed.
func (s *server) signal(t *testing.T, signal syscall.Signal) int {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	return s.end(t)
}

// end waits for the process to end by itself and returns its exit code.
func (s *server) end(t *testing.T) int {
	t.Helper()
	select {
	case err := <-s.ended:
		s.ended <- err
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatalf("still running after %s\n%s", patience, s.log())
		return 0
	}
}

// kill ends the process as a power cut would, if it is still there.
func (s *server) kill(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Kill() // it may have ended
	select {
	case err := <-s.ended:
		s.ended <- err
	case <-time.After(patience):
		t.Error("a killed process has not ended")
	}
}

// answer is a reply of the API: status, headers, and the body as it came and decoded.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// code is the problem's code, "" for a success.
func (a answer) code() string {
	code, _ := a.body["code"].(string)
	return code
}

// tryLater reports whether the answer sends the client away for a while.
func (a answer) tryLater() bool {
	return a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != ""
}

// str returns a field of the body as a string, "" when it is not there.
func (a answer) str(field string) string {
	s, _ := a.body[field].(string)
	return s
}

// call sends one request and reads the JSON answer. token and key may be empty.
func call(ctx context.Context, method, url, token, key, body string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, header: response.Header, text: string(text)}
	if strings.Contains(response.Header.Get("Content-Type"), "json") {
		err = json.Unmarshal(text, &a.body)
	}
	return a, err
}

// request is a call that has to be answered with the status.
func request(t *testing.T, want int, method, url, token, key, body string) answer {
	t.Helper()
	a, err := call(t.Context(), method, url, token, key, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	if a.status != want {
		t.Fatalf("%s %s: %d, want %d\n%s", method, url, a.status, want, a.text)
	}
	return a
}

// tokenOf returns a demo token of a shopper.
func tokenOf(t *testing.T, url, shopper string) string {
	t.Helper()
	return request(t, http.StatusOK, http.MethodPost, url+"/v1/demo/tokens", "", "",
		`{"role":"shopper","id":"`+shopper+`"}`).str("token")
}

// expect reads lines up to one that begins with the text.
func expect(t *testing.T, lines *bufio.Reader, text string) {
	t.Helper()
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("%q did not come: %v", text, err)
		}
		if strings.HasPrefix(line, text) {
			return
		}
	}
}

// writeFile writes a file of the test's folder and returns its path.
func writeFile(t *testing.T, folder, name, content string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
