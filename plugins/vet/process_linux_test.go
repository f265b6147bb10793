package vet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"hotdrop/plugins/abi"
)

func TestAChildThatUsesUpItsProcessorTimeIsAReasonToRefuse(t *testing.T) {
	o := endless()
	o.Confinement.CPUSeconds = 1
	usesUpItsTime(t, vetted(t, o, quoting(), slow().bytes(), someVectors), CodeVettingLimit)
}

// usesUpItsTime fails unless the report is of a module whose child the system has ended, with a reason of the code.
func usesUpItsTime(t *testing.T, r *Report, code string) {
	t.Helper()
	if r.Verdict != Refused || len(r.Reasons) != 1 || r.Reasons[0].Code != code || !strings.Contains(r.Reasons[0].Message, `signal "killed" after`) {
		t.Errorf("%s", r.Text())
	}
	if r.Examination == nil || r.Examination.Cost.Milliseconds == 0 || r.Examination.Confinement == "" {
		t.Errorf("the report does not say what it cost and under which limits: %+v", r)
	}
}

func TestAChildThatTakesTooLongIsAReasonToRefuse(t *testing.T) {
	o := endless()
	o.Confinement.Wall = time.Hour
	o.watch = func(_ int, s stage, expire func()) {
		if s == stageVectors {
			expire() // as the clock does after an hour
		}
	}
	r := vetted(t, o, quoting(), slow().bytes(), someVectors)
	if r.Verdict != Refused || len(r.Reasons) != 1 || r.Reasons[0].Code != CodeVettingLimit || !strings.Contains(r.Reasons[0].Message, "did not finish within 1h") {
		t.Errorf("%s", r.Text())
	}
}

func TestTheClockRunsForEveryChild(t *testing.T) {
	o := endless()
	o.Confinement.Wall = time.Nanosecond
	r, err := Run(t.Context(), o, quoting(), []byte(someVectors), slow().bytes())
	late := err != nil && (errors.Is(err, errTooLong) || strings.Contains(err.Error(), "did not finish within 1ns"))
	if !late && (r == nil || r.Verdict != Refused) {
		t.Errorf("%v, %v", r, err)
	}
}

func TestAChildThatIsKilledIsAReasonToRefuse(t *testing.T) {
	for at, want := range map[stage]string{stageCompile: CodeCompileFailed, stageVectors: CodeVettingLimit} {
		t.Run(string(at), func(t *testing.T) {
			o, guest := endless(), slow()
			if at == stageCompile {
				o, guest = bulkyOptions(), bulky(20)
			}
			o.watch = func(pid int, s stage, _ func()) {
				if s == at {
					if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
						t.Error(err)
					}
				}
			}
			r := vetted(t, o, quoting(), guest.bytes(), someVectors)
			if r.Verdict != Refused || len(r.Reasons) != 1 || r.Reasons[0].Code != want || !strings.Contains(r.Reasons[0].Message, `signal "killed"`) {
				t.Errorf("%s", r.Text())
			}
		})
	}
}

func TestVettingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the node stops")
	o := endless()
	kid := 0
	o.watch = func(pid int, s stage, _ func()) {
		if s == stageVectors {
			kid = pid
			cancel(gone)
		}
	}
	if r, err := Run(ctx, o, quoting(), []byte(someVectors), slow().bytes()); !errors.Is(err, gone) || r != nil {
		t.Errorf("%v, %v", r, err)
	}
	if !errors.Is(syscall.Kill(kid, 0), syscall.ESRCH) {
		t.Errorf("child %d is still there", kid)
	}
}

func TestAChildThatIsNoneIsAnErrorAndNoVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		child []string
		want  string
	}{
		"no command":         {nil, "no command line"},
		"no such program":    {[]string{"/nowhere/hotdrop", "vet-child"}, "start the vetting child"},
		"another program":    {[]string{"/bin/echo", "hello"}, "never got ready"},
		"one that fails":     {[]string{"/bin/sh", "-c", "echo no such command >&2; exit 2"}, `status 2 and the words "no such command"`},
		"one that says much": {[]string{"/bin/sh", "-c", "head -c 100000 /dev/zero | tee /dev/stderr"}, "never got ready"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Run(t.Context(), Options{Child: c.child}, quoting(), []byte(someVectors), fiveOff().bytes())
			if err == nil || r != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %v; want %q", r, err, c.want)
			}
		})
	}
}

// adoptOrphans makes what descendants leave behind ours, so that its end can be waited for.
func adoptOrphans(t *testing.T) {
	t.Helper()
	const setChildSubreaper = 36
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		t.Fatal(errno)
	}
}

// TestTheParentWaitsForNothingThatAChildLeavesBehind has children that were taken over: they start a process, which holds
// their output, and break the protocol or say that they are ready and then nothing.
func TestTheParentWaitsForNothingThatAChildLeavesBehind(t *testing.T) {
	adoptOrphans(t)
	const ready = `printf "s\\000\\000\\000\\005ready"`
	for name, c := range map[string]struct {
		start, says string
		dies        bool // with the child
	}{
		"a process that broke the protocol":            {"", "printf xxxxx", true},
		"a process when the time is up":                {"", ready, true},
		"a process that left for a session of its own": {"setsid ", "printf xxxxx", false},
		"a process in another session when time is up": {"setsid ", ready, false},
	} {
		t.Run(name, func(t *testing.T) {
			kid := &child{request: &request{Manifest: quoting()}, options: &Options{
				Child:       []string{"/bin/sh", "-c", c.start + `sh -c 'echo $$ >&2; ` + c.says + `; exec sleep 20 2>/dev/null' & wait`},
				Confinement: Confinement{}.complete(),
				watch:       func(_ int, _ stage, expire func()) { expire() },
			}}
			_, _ = kid.run(t.Context()) // what it says of such a child is tested elsewhere
			orphan, err := strconv.Atoi(kid.last.line())
			if err != nil {
				t.Fatal(err)
			}
			if !c.dies {
				_ = syscall.Kill(orphan, syscall.SIGTERM)
			}
			var status syscall.WaitStatus
			_, err = syscall.Wait4(orphan, &status, 0, nil)
			if want := map[bool]syscall.Signal{true: syscall.SIGKILL, false: syscall.SIGTERM}[c.dies]; err != nil || status.Signal() != want {
				t.Errorf("it ended with %v, %v, want %v", status.Signal(), err, want)
			}
		})
	}
}

func TestTheChildOfAParentThatDiesDies(t *testing.T) {
	adoptOrphans(t)
	command := as(asParent)
	parent := exec.Command(command[0], command[1:]...)
	stdout, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	parent.Stderr = os.Stderr
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var orphan int
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	} else if _, err := fmt.Sscan(line, &orphan); err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(orphan, &status, 0, nil); err != nil || status.Signal() != syscall.SIGKILL {
		t.Errorf("the orphan ended with %v, %v", status.Signal(), err)
	}
}

func TestARefusalNamesTheFuelThatRanOut(t *testing.T) {
	r := vetted(t, quick(), quoting(), newGuest().function("quote", forever).bytes(), someVectors)
	if r.Verdict != Refused || r.Reasons[0].Code != abi.CodeOutOfFuel || r.Reasons[0].Place != "an ordinary decision at quote" || r.Reasons[0].Hint == "" {
		t.Errorf("%s", r.Text())
	}
}
