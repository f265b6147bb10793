package vet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// child is one run of the vetting child, seen from its parent.
type child struct {
	options *Options
	request *request
	last    tail // of its stderr
}

// stopWait is how long a killed child's pipes are waited for.
const stopWait = 10 * time.Second

// errTooLong ends a child that has used up its time.
var errTooLong = errors.New("the child took too long")

// run starts the child and returns what it found, or what its end says about the module. The error is that of a child
// that could not be started, never got ready, or was not allowed to finish by ctx.
func (c *child) run(ctx context.Context) (*Examination, error) {
	if len(c.options.Child) == 0 {
		return nil, errors.New("no command line of a vetting child is set")
	}
	type result struct {
		examination *Examination
		err         error
	}
	ended := make(chan result, 1)
	go func() {
		// The system ends the child when the thread that started it ends: it has to stay until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var r result
		r.examination, r.err = c.runHere(ctx)
		ended <- r
	}()
	r := <-ended
	return r.examination, r.err
}

func (c *child) runHere(parent context.Context) (*Examination, error) {
	ctx, end := context.WithCancelCause(parent)
	expire := func() { end(errTooLong) }
	clock := time.AfterFunc(c.options.Confinement.Wall, expire)
	defer clock.Stop()
	defer end(nil)
	input, err := c.input()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, c.options.Child[0], c.options.Child[1:]...) //nolint:gosec // the operator's own binary
	cmd.Env, cmd.Dir, cmd.SysProcAttr, cmd.WaitDelay = []string{}, string(os.PathSeparator), attributes(), stopWait
	cmd.Stdin, cmd.Stderr = input, &c.last
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the vetting child: %w", err)
	}
	cmd.Cancel = stdout.Close // ends the reading, even if the other end is held by what has left the child's group
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the vetting child: %w", errors.Join(context.Cause(ctx), err))
	}
	said, broken := readAnswer(stdout, func(s stage) {
		if c.options.watch != nil {
			c.options.watch(cmd.Process.Pid, s, expire)
		}
	})
	_ = endGroup(cmd.Process) // nothing that it could still say counts, nor what it may have started
	_ = cmd.Wait()            // how it ended is in its state
	if parent.Err() != nil {
		return nil, context.Cause(parent)
	}
	found := said.result
	switch {
	case found != nil && broken == nil:
	case said.stage == "":
		return nil, fmt.Errorf("the vetting child never got ready: %s", c.end(ctx, cmd.ProcessState, broken))
	default:
		found = c.died(said.stage, c.end(ctx, cmd.ProcessState, broken))
	}
	found.Cost.Milliseconds = used(cmd.ProcessState).Milliseconds()
	return found, nil
}

// input is everything that the child reads.
func (c *child) input() (io.Reader, error) {
	confinement, err := json.Marshal(c.options.Confinement)
	if err != nil {
		return nil, fmt.Errorf("encode the confinement: %w", err)
	}
	input := &bytes.Buffer{}
	return input, errors.Join(writeFrame(input, frameConfinement, confinement), writeRequest(input, c.request))
}

// died is the examination of a module whose child did not come back.
func (c *child) died(at stage, how string) *Examination {
	code := CodeVettingLimit
	if at == stageReady || at == stageCompile {
		code = CodeCompileFailed
	}
	return &Examination{
		Reasons:     []Reason{reasonf(code, "", "%s: %s", at.words(), how)},
		Stage:       string(at),
		Lost:        true,
		Confinement: c.options.Confinement.words(limited),
	}
}

// end says how the child ended.
func (c *child) end(ctx context.Context, state *os.ProcessState, broken error) string {
	status, _ := state.Sys().(syscall.WaitStatus)
	switch {
	case errors.Is(context.Cause(ctx), errTooLong):
		return fmt.Sprintf("the child did not finish within %s", c.options.Confinement.Wall)
	case broken != nil:
		return "the child did not keep to its protocol: " + broken.Error()
	case status.Signaled(): // when processor time or the machine's memory is used up; the system does not say which
		return fmt.Sprintf("the child was ended by the signal %q after %d ms of the %d s of processor time that it may use",
			status.Signal(), used(state).Milliseconds(), c.options.Confinement.CPUSeconds)
	default:
		return fmt.Sprintf("the child ended with status %d and the words %q", state.ExitCode(), c.last.line())
	}
}

// used is the processor time that an ended child took.
func used(state *os.ProcessState) time.Duration { return state.UserTime() + state.SystemTime() }

// tail keeps the beginning of what is written to it: a Go program that dies says why in its first line.
type tail struct{ text []byte }

const tailSize = 4 << 10

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p[:min(len(p), tailSize-len(t.text))]...)
	return len(p), nil
}

func (t *tail) line() string {
	line, _, _ := strings.Cut(string(t.text), "\n")
	return line
}
