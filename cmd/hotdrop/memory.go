package main

import (
	"os"
	"runtime/debug"
)

const (
	// heapGrowth lets garbage grow to eight times what is live. What is live is a few megabytes, and collecting it as
	// often as Go does by default took a tenth of a rush's time.
	heapGrowth = 800 // percent
	// heapBound is where the collector works as hard as it must: the whole server stays below 600 MB.
	heapBound = 256 << 20 // bytes
)

// tuneMemory sets how much memory the collector may use, where the environment (GOGC, GOMEMLIMIT) does not say.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapBound)
	}
}
