//go:build race

package corpus

// slowdown is by how much more processor time the child needs under the race detector.
const slowdown = 4
