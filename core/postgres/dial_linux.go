package postgres

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// boundSilence makes the kernel give a connection up when what was sent is not acknowledged for so long. Keep-alive
// probes alone do not do that: they are only sent while nothing is in flight.
func boundSilence(network, _ string, raw syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var failure error
	err := raw.Control(func(descriptor uintptr) {
		socket := int(descriptor)
		failure = unix.SetsockoptInt(socket, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silence.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failure
}
