//go:build !linux

package vet

import (
	"runtime"
	"runtime/debug"
)

// limited says that nothing but the parent's clock limits the child.
const limited = false

// confine cannot limit this process here and says so. What Go itself can do, it does.
func (c Confinement) confine() (string, error) {
	runtime.GOMAXPROCS(1)
	debug.SetMemoryLimit(c.MemoryBytes / 2)
	return c.words(limited), nil
}

// writeNoFiles cannot be had here.
func writeNoFiles() error { return nil }

// peakBytes does not know how much memory this process has had.
func peakBytes() int64 { return 0 }
