package event

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How long a child may take to print its address, and to end once it was interrupted.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 60 * time.Second
)

// logTail is how much of a child's log an error quotes, in bytes.
const logTail = 4 << 10

// child is a process of this binary that serves on the address it prints first.
type child struct {
	url    string
	cmd    *exec.Cmd
	log    string // file its stderr goes to, "" for none
	ended  chan struct{}
	status error // how it ended; read after ended is closed
	peak   int64 // resident bytes at its end, when asked for by stop
}

// startChild starts the binary and waits for the first line of its stdout, which is its URL. Its stderr goes to the log
// file.
func startChild(ctx context.Context, binary, log string, args ...string) (*child, error) {
	cmd := exec.Command(binary, args...) //nolint:gosec,noctx // our own binary; it is interrupted, not killed
	cmd.Env = environment()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	if log != "" {
		file, err := os.OpenFile(filepath.Clean(log), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", args[0], err)
		}
		defer func() { _ = file.Close() }() // the child has a descriptor of its own
		cmd.Stderr = file
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	c := &child{cmd: cmd, log: log, ended: make(chan struct{})}
	lines := make(chan string, 1)
	go c.read(stdout, lines)
	if err := c.awaitURL(ctx, lines); err != nil {
		return nil, err
	}
	return c, nil
}

// environment returns the variables that children are started with: settings of hotdrop are not for them.
func environment() []string {
	var variables []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "HOTDROP_") || strings.HasPrefix(variable, "HOTDROP_TEST_") {
			variables = append(variables, variable)
		}
	}
	return variables
}

// read hands over the first line, reads on so that the child never blocks, and waits for its end.
func (c *child) read(stdout io.Reader, lines chan<- string) {
	reader := bufio.NewReader(stdout)
	line, _ := reader.ReadString('\n') // a child without a line ends, and says so by that
	lines <- strings.TrimSpace(line)
	_, _ = io.Copy(io.Discard, reader)
	c.status = c.cmd.Wait()
	close(c.ended)
}

// awaitURL waits for the child's address; without one the child is stopped.
func (c *child) awaitURL(ctx context.Context, lines <-chan string) error {
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	var failed error
	select {
	case c.url = <-lines:
		if strings.HasPrefix(c.url, "http://") {
			return nil
		}
		failed = fmt.Errorf("%s printed %q instead of its address", c.cmd.Args[1], c.url)
	case <-timeout.C:
		failed = fmt.Errorf("%s printed no address within %s", c.cmd.Args[1], startTimeout)
	case <-ctx.Done():
		failed = context.Cause(ctx)
	}
	return errors.Join(failed, c.stop())
}

// stop interrupts the child, waits for its end, and requires that it is a clean one.
func (c *child) stop() error {
	c.peak = max(c.peak, peakOf(c.cmd.Process.Pid))
	interrupted := c.cmd.Process.Signal(os.Interrupt)
	if errors.Is(interrupted, os.ErrProcessDone) {
		interrupted = nil // how it ended says more
	}
	timeout := time.NewTimer(stopTimeout)
	defer timeout.Stop()
	select {
	case <-c.ended:
	case <-timeout.C:
		killed := c.cmd.Process.Kill()
		<-c.ended
		return errors.Join(fmt.Errorf("%s did not end within %s of an interrupt", c.cmd.Args[1], stopTimeout), killed)
	}
	if c.peak == 0 {
		c.peak = peakOfEnded(c.cmd.ProcessState)
	}
	if err := errors.Join(interrupted, c.status); err != nil {
		return fmt.Errorf("%s did not end cleanly: %w%s", c.cmd.Args[1], err, c.tail())
	}
	return nil
}

// tail returns the end of the child's log, for an error.
func (c *child) tail() string {
	if c.log == "" {
		return ""
	}
	log, err := os.ReadFile(c.log) //nolint:gosec // it is the file this process made for the child
	if err != nil || len(log) == 0 {
		return ""
	}
	return "; its log ends with:\n" + string(log[max(0, len(log)-logTail):])
}

// peakOf returns the most memory a running process has had resident, in bytes; 0 where the system does not tell.
func peakOf(pid int) int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status") //nolint:gosec // a number is no path
	if err != nil {
		return 0
	}
	return peakIn(string(status))
}

// peakIn reads the line "VmHWM: 1234 kB" of a process's status.
func peakIn(status string) int64 {
	_, rest, _ := strings.Cut(status, "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line), "kB")), 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}

// peakOfEnded is peakOf for a process that has ended. Systems without /proc count in bytes.
func peakOfEnded(state *os.ProcessState) int64 {
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss
	}
	return 0
}
