//go:build !race

package corpus

// slowdown is by how much more processor time the child needs than it does as it is served.
const slowdown = 1
