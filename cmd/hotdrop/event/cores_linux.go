package event

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// mostCores is how many processors a [unix.CPUSet] can name.
const mostCores = len(unix.CPUSet{}) * strconv.IntSize

// ownCores lists the processors that this process may run on.
func ownCores() []int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	var cores []int
	for core := range mostCores {
		if set.IsSet(core) {
			cores = append(cores, core)
		}
	}
	return cores
}

// setOf is the processors as the kernel takes them.
func setOf(cores []int) *unix.CPUSet {
	var set unix.CPUSet
	for _, core := range cores {
		set.Set(core)
	}
	return &set
}

// onCores does what starts a process with a thread that may run on the processors only: the process inherits that, and its
// runtime counts no others. It fails with errUnpinned, having done nothing, when there are none.
func onCores(cores []int, do func()) error {
	if len(cores) == 0 {
		return errUnpinned
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return errUnpinned
	}
	if err := unix.SchedSetaffinity(0, setOf(cores)); err != nil {
		return errUnpinned
	}
	do()
	if err := unix.SchedSetaffinity(0, &before); err != nil {
		return fmt.Errorf("give the thread its processors back: %w", err)
	}
	return nil
}

// keepTo keeps this process to the processors until free is called. Without any it does nothing.
func keepTo(cores []int) (free func() error, err error) {
	if len(cores) == 0 {
		return func() error { return nil }, nil
	}
	before := setOf(ownCores())
	free = func() error { return moveThreads(before) }
	if err := moveThreads(setOf(cores)); err != nil {
		return nil, errors.Join(err, free())
	}
	return free, nil
}

// moveThreads lets every thread of this process run on the processors only, and the runtime count them. New threads inherit
// that from those that start them; the second time finds those that a thread started just before it was moved itself.
func moveThreads(set *unix.CPUSet) error {
	for range 2 {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("list this process's threads: %w", err)
		}
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err == nil {
				err = unix.SchedSetaffinity(id, set)
			}
			if err != nil && !errors.Is(err, unix.ESRCH) { // a thread that ended meanwhile needs no processor
				return fmt.Errorf("choose the processors of thread %s: %w", thread.Name(), err)
			}
		}
	}
	runtime.SetDefaultGOMAXPROCS()
	return nil
}
