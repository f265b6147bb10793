package vet

import (
	"fmt"
	"time"
)

// Confinement is what the child that compiles and runs a module may use. The zero value of a field is its default.
type Confinement struct {
	// MemoryBytes is how much more memory than at its start the child may map: the compiler's, the guests' and Go's own.
	MemoryBytes int64 `json:"memory_bytes"`
	// CPUSeconds is how much processor time it may use.
	CPUSeconds int64 `json:"cpu_seconds"`
	// Wall is how long it may take, in nanoseconds. The parent enforces it.
	Wall time.Duration `json:"wall"`
}

// The defaults, measured with the largest guest that ships, in Go: 192 MiB and 2.2 s do, 128 MiB do not.
const (
	defaultMemory = 256 << 20
	defaultCPU    = 30
	defaultWall   = 2 * time.Minute
)

func (c Confinement) complete() Confinement {
	if c.MemoryBytes <= 0 {
		c.MemoryBytes = defaultMemory
	}
	if c.CPUSeconds <= 0 {
		c.CPUSeconds = defaultCPU
	}
	if c.Wall <= 0 {
		c.Wall = defaultWall
	}
	return c
}

// words describe what a child was confined to, the same on every machine; limited says whether the system keeps memory
// and processor time.
func (c Confinement) words(limited bool) string {
	if !limited {
		return fmt.Sprintf("in a child limited to %s; this system's build limits neither its memory nor its processor time", c.Wall)
	}
	return fmt.Sprintf("in a child limited to %s of memory, %d s of processor time and %s", bytesText(c.MemoryBytes), c.CPUSeconds, c.Wall)
}
