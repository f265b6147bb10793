package vet

import (
	"os"
	"syscall"
)

// attributes make the child the leader of a group of its own, which can be given a priority and be ended as a whole, and
// end it when the thread that started it ends.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// endGroup kills a child that has not been waited for, so that its number is still its own, and all that it has started
// and that did not leave its group.
func endGroup(leader *os.Process) error { return syscall.Kill(-leader.Pid, syscall.SIGKILL) }
