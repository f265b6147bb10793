//go:build !race

package vet

// instrumentation is how many times the memory a process needs that nothing watches.
const instrumentation = 1
