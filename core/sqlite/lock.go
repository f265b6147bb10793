package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// LockedError says that another process uses the folder.
type LockedError struct {
	Dir string
}

// Error implements error; it names the folder and the way out.
func (e *LockedError) Error() string {
	return fmt.Sprintf("another hotdrop process uses the folder %s: stop it, or choose another folder with --data", e.Dir)
}

// lockFolder takes the folder for this process. The lock belongs to the open file, so the kernel drops it however the
// process ends; the file itself stays.
func lockFolder(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the folder %s: %w", dir, err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return file, nil
	}
	err = fmt.Errorf("lock the folder %s: %w", dir, err)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = &LockedError{Dir: dir}
	}
	return nil, errors.Join(err, file.Close())
}
