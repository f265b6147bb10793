//go:build race

package vet

// instrumentation is how many times the memory a process needs that the race detector watches.
const instrumentation = 24
