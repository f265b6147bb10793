//go:build unix

package plugins

import (
	"io/fs"
	"os"
	"syscall"
)

// unfollowed opens what is there, not what it links to, and does not wait for a pipe's writer.
const unfollowed = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// The modes that let others than a folder's owner write to it.
const (
	writableByAnybody = 0o002
	writableByOthers  = 0o022
)

// ours reports whether a folder belongs to the user that this process runs as, and nobody else may write to it.
func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && info.Mode().Perm()&writableByOthers == 0
}

// unmovable reports whether what lies in a folder cannot be renamed by anybody who likes to. Whom its owner lets in by its
// group is the owner's business.
func unmovable(info fs.FileInfo) bool {
	return info.Mode().Perm()&writableByAnybody == 0 || info.Mode()&fs.ModeSticky != 0
}
