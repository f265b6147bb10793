package storetest

import (
	"strconv"
	"syscall"
	"testing"
)

// SmallDisk returns a folder that holds no more than so many bytes, for tests of full disks. It takes a privilege: where
// mounting is not allowed the test is skipped, or fails when HOTDROP_REQUIRE asks for tmpfs.
func SmallDisk(t testing.TB, bytes int) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "mode=0755,size="+strconv.Itoa(bytes)); err != nil {
		Missing(t, "tmpfs", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return folder
}
