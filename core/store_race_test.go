//go:build race

package core_test

// embeddedToo is whether tests of every store run on the embedded one, too. Under the race detector it is some thirty times
// slower, and core's own goroutines are the same on the other.
const embeddedToo = false
