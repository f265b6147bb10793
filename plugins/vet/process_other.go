//go:build !linux

package vet

import "syscall"

// attributes of a child are the system's defaults: it goes on when its parent dies, until it has answered into a pipe
// that nobody reads.
func attributes() *syscall.SysProcAttr { return nil }
