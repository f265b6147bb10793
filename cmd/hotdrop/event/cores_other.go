//go:build !linux

package event

// ownCores lists none: what cannot be chosen cannot be split.
func ownCores() []int { return nil }

// onCores does nothing.
func onCores([]int, func()) error { return errUnpinned }

// keepTo does nothing.
func keepTo([]int) (free func() error, err error) { return func() error { return nil }, nil }
