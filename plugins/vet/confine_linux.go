package vet

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// limited says that the system keeps the child's memory and processor time within limits.
const limited = true

// leastPriority is the niceness that gives way to everything else that runs.
const leastPriority = 19

// files is how many descriptors the child may have open: its three, the runtime's, and those of the guests' images.
const files = 64

// confine limits this process, for good, and says to what. It limits what the process will use beyond what the Go runtime
// has mapped by now: a bare Go program reserves more than 1 GiB of addresses that it never touches.
func (c Confinement) confine() (string, error) {
	mapped, writable, err := mappedBytes()
	if err != nil {
		return "", err
	}
	memory := uint64(c.MemoryBytes) * instrumentation //nolint:gosec // complete made it positive
	for _, limit := range []resource{
		// Go reserves addresses in blocks of 64 MiB and more, ahead of what it writes; memory is what the next one limits.
		{syscall.RLIMIT_AS, mapped + 4*memory},
		{syscall.RLIMIT_DATA, writable + memory},
		{syscall.RLIMIT_CPU, uint64(c.CPUSeconds)}, //nolint:gosec // the same
		{syscall.RLIMIT_CORE, 0},
		{syscall.RLIMIT_NOFILE, files},
		{syscall.RLIMIT_FSIZE, memory}, // the images of guests are files in memory
	} {
		if err := limit.set(); err != nil {
			return "", err
		}
	}
	giveWay()
	runtime.GOMAXPROCS(1)
	debug.SetMemoryLimit(c.MemoryBytes / 2) // collect early: the other half is for what the collector does not see
	return c.words(limited), nil
}

// resource is one that the system limits, and how much of it this process may use.
type resource struct {
	number int
	most   uint64
}

// set limits the resource, or leaves it at less if this process was started with less. Hard and soft limit are the same: a
// process past its time is killed, not asked.
func (r resource) set() error {
	var inherited syscall.Rlimit
	if err := syscall.Getrlimit(r.number, &inherited); err != nil {
		return fmt.Errorf("read the limit of resource %d: %w", r.number, err)
	}
	most := min(r.most, inherited.Max)
	if err := syscall.Setrlimit(r.number, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
		return fmt.Errorf("limit resource %d to %d: %w", r.number, most, err)
	}
	return nil
}

// writeNoFiles ends this process's right to write files, those in memory included. Pipes stay.
func writeNoFiles() error { return resource{syscall.RLIMIT_FSIZE, 0}.set() }

// giveWay makes the system prefer every other process: for the processor, and as the one that is kept when memory runs
// out. What it cannot have it does without.
func giveWay() {
	if syscall.Getpgrp() == os.Getpid() { // else the group is somebody's job
		_ = syscall.Setpriority(syscall.PRIO_PGRP, 0, leastPriority)
	}
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0o600)
}

// mappedBytes returns the address space that this process has mapped, and the part of it that counts as data: private
// and writable.
func mappedBytes() (mapped, writable uint64, err error) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0, fmt.Errorf("read what this process has mapped: %w", err)
	}
	fields := strings.Fields(string(statm)) // size resident shared text lib data dirty, in pages
	if len(fields) < 6 {
		return 0, 0, fmt.Errorf("read what this process has mapped: %q", statm)
	}
	page := uint64(os.Getpagesize()) //nolint:gosec // a few KiB
	pages := func(field int) uint64 {
		n, wrong := strconv.ParseUint(fields[field], 10, 64)
		if wrong != nil {
			err = fmt.Errorf("read what this process has mapped: %w", wrong)
		}
		return n * page
	}
	return pages(0), pages(5), err
}

// peakBytes returns the most memory that this process has had resident. The system's own account of an ended child would
// not do: it begins with what the parent had when it started the child.
func peakBytes() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "kB\n")
	kibibytes, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return 0
	}
	return kibibytes << 10
}
