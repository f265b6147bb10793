package main

import (
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// heapGrowth lets garbage grow to eight times what is live. What is live is a few megabytes, and collecting it as
	// often as Go does by default took a tenth of a rush's time.
	heapGrowth = 800 // percent
	// heapShare of the machine's memory, or of the container's, is where the collector works as hard as it must; leastHeap is
	// where it does not yet. Each connection takes about 20 KB, and those of a rush beyond a fixed bound would have the
	// collector take a quarter of all time.
	heapShare = 0.25
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
	_, err := memlimit.Set(memlimit.WithRatio(heapShare), memlimit.WithMin(leastHeap),
		memlimit.WithProvider(memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)))
	if err != nil {
		log.Warn("how much memory there is is not known", "error", err)
		debug.SetMemoryLimit(leastHeap)
	}
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < leastProcessors {
		runtime.GOMAXPROCS(leastProcessors)
	}
}
