//go:build !linux

package vet

import (
	"os"
	"syscall"
)

// attributes of a child are the system's defaults: it goes on when its parent dies, until it has answered into a pipe
// that nobody reads.
func attributes() *syscall.SysProcAttr { return nil }

// endGroup kills the child alone: it has no group of its own here.
func endGroup(leader *os.Process) error { return leader.Kill() }
