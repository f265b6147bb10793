package main

import (
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// heapGrowth lets garbage grow to four times what is live. What is live is a few megabytes, and collecting it as
	// often as Go does by default took a tenth of a rush's time. Eight times took 60 % more memory and gained nothing that
	// two runs do not differ by.
	heapGrowth = 400 // percent
	// heapShare of the machine's memory, or of the container's, is where the collector works as hard as it must; leastHeap is
	// where it does not yet, if that leaves half of a small container to all that the collector does not see. Each connection
	// takes about 20 KB, and those of a rush beyond a fixed bound would have the collector take a quarter of all time.
	heapShare = 4
	leastHeap = 256 << 20 // bytes
	// leastProcessors is how many goroutines may run at once at least. A commit waits for the disk in a system call, in which it
	// keeps a processor of the runtime's; where that is the only one, nobody is answered or refused meanwhile.
	leastProcessors = 2
)

// tuneRuntime sets how much memory the collector may use and how many goroutines run at once, where the environment (GOGC,
// GOMEMLIMIT, GOMAXPROCS) does not say.
func tuneRuntime(log *slog.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	memory := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)
	if _, err := memlimit.Set(memlimit.WithRatio(1), memlimit.WithProvider(heapIn(memory))); err != nil {
		log.Warn("how much memory the collector may use is not set", "error", err)
	}
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < leastProcessors {
		runtime.GOMAXPROCS(leastProcessors)
	}
}

// heapIn is how many bytes the collector may use of so much memory; leastHeap if nobody knows how much there is.
func heapIn(memory memlimit.Provider) memlimit.Provider {
	return func() (uint64, error) {
		all, err := memory()
		if err != nil {
			return leastHeap, nil //nolint:nilerr // there is nothing better to go by
		}
		return max(all/heapShare, min(leastHeap, all/2)), nil
	}
}
