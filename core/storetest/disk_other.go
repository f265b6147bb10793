//go:build !linux

package storetest

import (
	"errors"
	"testing"
)

// SmallDisk returns a folder that holds no more than so many bytes, for tests of full disks. Only Linux has one: here the
// test is skipped, or fails when HOTDROP_REQUIRE asks for tmpfs.
func SmallDisk(t testing.TB, _ int) string {
	t.Helper()
	Missing(t, "tmpfs", errors.ErrUnsupported)
	return ""
}
