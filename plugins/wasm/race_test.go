//go:build race

package wasm

// share is the part of the large comparisons, one in so many, that a run compares: nothing here runs concurrently, and
// the race detector makes the interpreter ten times slower.
const share = 10
