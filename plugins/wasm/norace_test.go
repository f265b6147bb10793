//go:build !race

package wasm

// share is the part of the large comparisons, one in so many, that a run compares: all of them.
const share = 1
