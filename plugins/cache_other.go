//go:build !unix

package plugins

import "io/fs"

// unfollowed has no flags here: what is sealed is what counts.
const unfollowed = 0

// ours cannot be asked here; the folder's access list is the administrator's.
func ours(fs.FileInfo) bool { return true }

// unmovable cannot be asked here either.
func unmovable(fs.FileInfo) bool { return true }
