package vet

import "syscall"

// attributes make the child the leader of a group of its own, which can be given a priority of its own, and end it when
// the thread that started it ends.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
