//go:build !linux

package postgres

import "syscall"

// boundSilence does nothing where the kernel has no such bound; keep-alive probes have to do.
func boundSilence(string, string, syscall.RawConn) error { return nil }
