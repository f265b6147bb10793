package storetest

import (
	"os"
	"strconv"
	"syscall"
	"testing"
)

// SmallDisk returns a folder that holds no more than so many bytes, for tests of full disks. It takes a privilege: where
// mounting is not allowed the test is skipped, or fails when HOTDROP_REQUIRE asks for tmpfs.
func SmallDisk(t testing.TB, bytes int) string {
	t.Helper()
	// Not t.TempDir, which only this user may enter: a server may run as another.
	folder, err := os.MkdirTemp("", "hotdrop-disk-") //nolint:usetesting // see above
	must(t, err)
	t.Cleanup(func() { must(t, os.Remove(folder)) })
	must(t, os.Chmod(folder, 0o755))
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
